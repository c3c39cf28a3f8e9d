"""The networks that one can switch between on the page."""

from dataclasses import dataclass
from functools import cache
from typing import cast

from torch import nn

import pretrained
from pretrained.settings import STYLE_PAIRS, Pair


@dataclass(frozen=True)
class Choice:
    """A network by its short name, which stands in links, and by the name that people read."""

    key: str
    label: str
    weights: str


CHOICES = (Choice("embedded", "SqueezeNet 1.1, 24 classes (this repository's)", "embedded"),)


def key(weights: str) -> str:
    """The network that --weights asks for: one of the choices, or weights of one's own."""
    return CHOICES[0].key if weights == "auto" else weights


@cache
def load(key: str, device: str) -> pretrained.Pretrained:
    """The network of this key, or of the weights that --weights named, on the device."""
    known = {choice.key: choice.weights for choice in CHOICES}
    return pretrained.load(known.get(key, key), device)


def labels() -> list[tuple[str, str]]:
    """Names and keys, for a menu."""
    return [(choice.label, choice.key) for choice in CHOICES]


@cache
def class_choices(source: pretrained.Pretrained) -> list[tuple[str, int]]:
    """All names of each class and its index, for a menu that is searched by typing."""
    names = list(source.class_names)
    twice = {name for name in names if names.count(name) > 1}
    return [(f"{name} ({k})" if name in twice else name, k) for k, name in enumerate(names)]


def layers(source: pretrained.Pretrained) -> list[str]:
    """The layers whose maps one can look at, from the pixels up, by their dotted names."""
    return [f"features.{i}" for i in range(13)]


def features(source: pretrained.Pretrained) -> nn.Sequential:
    """The feature layers that style transfer reads."""
    return cast(nn.Sequential, source.model.features)


def pairs(source: pretrained.Pretrained) -> tuple[Pair, ...]:
    """The usual settings of style transfer."""
    return STYLE_PAIRS[source.kind]


def cam_layer(source: pretrained.Pretrained) -> str:
    """The layer that Grad-CAM reads unless another is chosen."""
    return "features.12"
