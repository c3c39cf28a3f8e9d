"""Draws what hidden tests ask, so that rounding decides nothing, and judges without telling what is expected."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from staff.references import chain_rule
from staff.references.remembering import drawn
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


def network(rng: np.random.Generator, name: str) -> Network:
    """With drawn weights and number of classes, unless it is the embedded one."""
    if name == "embedded":
        return {"network": name}
    return {"network": name, "seed": int(rng.integers(1000)), "classes": int(rng.integers(4, 14))}


def model(network: Network) -> nn.Module:
    """In float64."""
    settings = dict(network)
    return networks.build(settings.pop("network"), "float64", **settings)


def size(rng: np.random.Generator) -> tuple[int, int]:
    """Height and width, which are never equal."""
    short, long = int(rng.integers(36, 48)), int(rng.integers(50, 66))
    return (short, long) if rng.random() < 0.5 else (long, short)


def images(rng: np.random.Generator, name: str, count: int) -> np.ndarray:
    """float32 (count, 3, H, W): scenes for the embedded network, noise for others."""
    height, width = size(rng)
    if name != "embedded":
        return rng.standard_normal((count, 3, height, width)).astype(np.float32)
    scenes = inputs.scenes(tuple(rng.permutation(25)[:count].tolist()), height, width)
    return (scenes + inputs.GRAIN * rng.standard_normal(scenes.shape)).astype(np.float32)


def ripple(rng: np.random.Generator, X: np.ndarray) -> np.ndarray:
    """Changed a little, so that some ReLUs and max-poolings decide differently."""
    return X * (1 + RIPPLE * rng.standard_normal(X.shape))


@dataclass
class Question:
    """Images and classes to make maps of."""

    network: Network
    X: np.ndarray
    y: np.ndarray
    expected: np.ndarray
    tolerance: float

    def judge(self, name: str, got: object, wrong: Maps, read: str) -> None:
        def computed() -> Mistakes:
            return wrong(model(self.network), self.X, self.y)

        judge(name, got, self.expected, self.tolerance, computed, read)


@drawn
def question(rng: np.random.Generator, name: str, count: int, maps: Maps, tolerance: float = OF_GRADIENTS) -> Question:
    """Of the classes none is the one that the network would have said, and none is dead."""
    drawn = network(rng, name)
    built, X = model(drawn), images(rng, name, SPARE * count)
    scores = chain_rule.scores(built, X)
    y = (scores.argmax(1) + rng.integers(1, scores.shape[1], len(X))) % scores.shape[1]
    right = maps(built, X, y)
    rippled = [maps(built, ripple(rng, X), y) for _ in range(RIPPLES)]
    errors = [
        max(compare.relative_error(maps[i], right[i]) for maps in rippled) if right[i].any() else np.inf
        for i in range(len(X))
    ]
    taken = np.argsort(errors)[:count]
    if max(errors[i] for i in taken) > tolerance / SAFE:  # or infinite: too many dead classes
        return question(rng, name, count, maps, tolerance)
    return Question(drawn, X[taken], y[taken], right[taken], tolerance)
