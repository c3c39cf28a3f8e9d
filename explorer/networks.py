"""The networks that one can switch between on the page, and what the page needs to know of them."""

import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, wraps
from typing import ParamSpec, TypeVar

import numpy as np
from scipy.special import softmax

import pretrained
from pretrained.layers import features
from pretrained.networks import LITE, SQUEEZENET
from pretrained.settings import StylePair, plain_pair

Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Choice:
    """A network by its short name, which stands in links, and by the name that people read."""

    key: str
    label: str
    weights: str
    model: str


CHOICES = (  # only what packages bring or `make data` fetches: *Fool it* loads them all
    Choice("squeezenet", "SqueezeNet (ImageNet)", "imagenet", SQUEEZENET),
    Choice("lite", "EfficientNet-Lite0 (ImageNet)", "imagenet", LITE),
    Choice("embedded", "SqueezeNet (24 drawings)", "embedded", SQUEEZENET),
)
_asked: list[Choice] = []  # what --weights and --model named, where it is none of these


def choices() -> list[Choice]:
    """Return what can be switched between, the one that was asked for first."""
    return [*_asked, *CHOICES]


def choose(weights: str, model: str) -> Choice:
    """The network that the options --weights and --model ask for."""
    weights = "imagenet" if weights == "auto" else weights
    for choice in CHOICES:
        if (choice.weights, choice.model) == (weights, model):
            return choice
    own = Choice(f"{weights}@{model}", f"{model}, {weights}", weights, model)
    _asked[:] = [own]
    return own


def once(function: Callable[Asked, Answer]) -> Callable[Asked, Answer]:
    """Cache as functools.cache does, but pages that ask the same thing in the same moment wait for one answer."""
    answers = cache(function)
    locks: dict[tuple, threading.Lock] = defaultdict(threading.Lock)

    @wraps(function)
    def answer(*args: Asked.args, **kwargs: Asked.kwargs) -> Answer:
        with locks[args]:
            return answers(*args, **kwargs)  # type: ignore[arg-type]  # what is not hashable raises here

    return answer


@once
def load(key: str, device: str) -> pretrained.Pretrained:
    """The network of this key on the device. Nothing is fetched: what is not here yet, `make data` fetches."""
    weights, _, model = key.partition("@")
    found = next((choice for choice in CHOICES if choice.key == key), Choice(key, key, weights, model or SQUEEZENET))
    with pretrained.offline():
        return pretrained.load(found.weights, device, found.model)


@cache
def class_choices(source: pretrained.Pretrained) -> list[tuple[str, int]]:
    """All names of each class and its index, for a menu that is searched by typing."""
    names = list(source.class_names)
    twice = {name for name in names if names.count(name) > 1}
    return [(f"{name} ({k})" if name in twice else name, k) for k, name in enumerate(names)]


@once
def layers(source: pretrained.Pretrained) -> list[str]:
    """The layers whose maps one can look at, from the pixels up, by their dotted names."""
    return list(features(source.model))


def pairs(source: pretrained.Pretrained) -> tuple[StylePair, ...]:
    """The usual settings of style transfer; where there is no table, layers to begin with, and no weights."""
    if source.style_pairs:
        return source.style_pairs
    (content, *_), last = source.content_images, len(layers(source)) - 1
    style_layers = last // 6, last // 2
    plain = [plain_pair(content, style) for style in source.style_images]
    return tuple(replace(pair, content_layer=last // 3, style_layers=style_layers) for pair in plain)


def probabilities(scores: np.ndarray) -> np.ndarray:
    """The softmax of scores (K,), in double precision."""
    return softmax(scores.astype(np.float64))


def likeliest(scores: np.ndarray, count: int = 1) -> list[int]:
    """The classes with the highest scores, the highest first."""
    return np.argsort(-scores, kind="stable")[:count].tolist()
