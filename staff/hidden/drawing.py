"""Draws what hidden tests ask, so that rounding decides nothing, and judges without telling what is expected."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from torch import nn

from staff.references import chain_rule
from staff.references.remembering import keep_drawn
from staff.references.shared import Mistakes
from tests import compare, inputs, networks

TOLERANCE = 1e-3  # of images in float32; staff/proofs/noise.py measures how far the solution stays below
OF_GRADIENTS = 1e-2  # of maps that are gradients of the pixels: one ReLU that decides differently can change 2e-3
RIPPLE = 1e-5  # relative changes of the input, a hundred times float32's rounding
RIPPLES = 4
SAFE = 5  # by so much the tolerance is larger than what such changes make
SPARE = 3  # of so many images one is taken: that on which such changes matter least

IN_WORDS = {"embedded": "the embedded network", "squeezenet": "a SqueezeNet with drawn weights",
            "deep": "a deep network with drawn weights", "tiny": "a small network with drawn weights"}  # fmt: skip

Network = dict[str, Any]  # the arguments `network`, `seed`, `classes` of a probe
Maps = Callable[[nn.Module, np.ndarray, np.ndarray], np.ndarray]


def in_words(value: int | str) -> str:
    """A number of images, or a network, as the name of a test says it."""
    return IN_WORDS[value] if isinstance(value, str) else "1 image" if value == 1 else f"{value} images"


def judge(
    name: str,
    got: object,
    expected: object,
    tolerance: float,
    wrong: Callable[[], Mistakes] | None = None,
    read: str = "",
    otherwise: str = "",
) -> None:
    """`compare.assert_close`, that keeps the expected values to itself and computes the mistakes when one was made."""
    compare.assert_close(name, got, expected, tolerance, wrong, read, secret=True, otherwise=otherwise)


@dataclass
class Question:
    """A call of a probe, what must come of it by its keys, and what the usual mistakes would give there."""

    probe: str
    arguments: dict[str, Any]
    answers: dict[str, Any]
    mistakes: dict[str, Callable[[], Mistakes]]
    tolerance: float

    @property
    def network(self) -> Network:
        return {name: self.arguments[name] for name in ("network", "seed", "classes") if name in self.arguments}

    def ask(self, probe: Callable[..., dict], name: str, read: str) -> None:
        """Ask and judge. name: of what comes; of a loss, the value is judged first and then its gradients."""
        answer = probe(self.probe, **self.arguments)
        for key in self.answers:
            start, _, layer = key.partition("_")
            subject = (f"gradient of the {name}" if start == "gradient" else name) + (layer and f" at layer {layer}")
            self.judge(key, subject, answer[key], read)

    def judge(self, key: str, name: str, got: object, read: str) -> None:
        judge(name, got, self.answers[key], self.tolerance, self.mistakes[key], read)


def draw_network(rng: np.random.Generator, name: str) -> Network:
    """Draw weights and number of classes, unless it is the embedded network."""
    if name == "embedded":
        return {"network": name}
    return {"network": name, "seed": int(rng.integers(1000)), "classes": int(rng.integers(4, 14))}


def build(network: Network) -> nn.Module:
    """Return the network in float64."""
    settings = dict(network)
    return networks.build(settings.pop("network"), "float64", **settings)


def draw_size(rng: np.random.Generator) -> tuple[int, int]:
    """Height and width, which are never equal."""
    short, long = int(rng.integers(36, 48)), int(rng.integers(50, 66))
    return (short, long) if rng.random() < 0.5 else (long, short)


def draw_images(rng: np.random.Generator, name: str, count: int) -> np.ndarray:
    """float32 (count, 3, H, W): scenes for the embedded network, noise for others."""
    height, width = draw_size(rng)
    if name != "embedded":
        return rng.standard_normal((count, 3, height, width)).astype(np.float32)
    scenes = inputs.scenes(tuple(rng.permutation(25)[:count].tolist()), height, width)
    return (scenes + inputs.GRAIN * rng.standard_normal(scenes.shape)).astype(np.float32)


def draw_other_classes(rng: np.random.Generator, model: nn.Module, X: np.ndarray) -> np.ndarray:
    """Draw for each image a class that the network would not have said."""
    scores = chain_rule.scores(model, X)
    return (scores.argmax(1) + rng.integers(1, scores.shape[1], len(X))) % scores.shape[1]


def ripple(rng: np.random.Generator, X: np.ndarray) -> np.ndarray:
    """Change X a little, so that some ReLUs and max-poolings decide differently."""
    return X * (1 + RIPPLE * rng.standard_normal(X.shape))


@keep_drawn
def draw_maps(
    rng: np.random.Generator,
    probe: str,
    name: str,
    count: int,
    maps: Maps,
    mistakes: Callable[..., Mistakes],
    tolerance: float = OF_GRADIENTS,
) -> Question:
    """Draw images and classes to make maps of. No class is the one that the network would have said, or dead."""
    network = draw_network(rng, name)
    model, X = build(network), draw_images(rng, name, SPARE * count)
    y = draw_other_classes(rng, model, X)
    right = maps(model, X, y)
    rippled = [maps(model, ripple(rng, X), y) for _ in range(RIPPLES)]
    errors = [
        max(compare.relative_error(maps[i], right[i]) for maps in rippled) if right[i].any() else np.inf
        for i in range(len(X))
    ]
    taken = np.argsort(errors)[:count]
    if max(errors[i] for i in taken) > tolerance / SAFE:  # or infinite: too many dead classes
        return draw_maps(rng, probe, name, count, maps, mistakes, tolerance)
    X, y = X[taken], y[taken]
    wrong = partial(_list_mistakes, mistakes, network, X, y)
    return Question(probe, {"X": X, "y": y, **network}, {"maps": right[taken]}, {"maps": wrong}, tolerance)


def _list_mistakes(mistakes: Callable[..., Mistakes], network: Network, *asked: np.ndarray) -> Mistakes:
    return mistakes(build(network), *asked)
