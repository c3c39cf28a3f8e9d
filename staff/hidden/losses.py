"""What the hidden tests of the three losses draw, features, images and weights, and how they judge."""

from functools import partial
from types import ModuleType

import numpy as np

from staff.hidden import drawing

TOLERANCE = 1e-4


def judge(
    name: str, out: dict, value: float, gradient: np.ndarray, reference: ModuleType, asked: tuple, read: str
) -> None:
    """The value, and then the gradient: a loss that is cut off from its input is of no use."""
    drawing.judge(name, out["value"], value, TOLERANCE, partial(reference.value_mistakes, *asked), read)
    wrong = partial(reference.gradient_mistakes, *asked)
    drawing.judge(f"gradient of the {name}", out["gradient"], gradient, TOLERANCE, wrong, read)


def shape(rng, count=1):
    """(count, C, H, W), three different numbers after the first."""
    return count, *(rng.permutation(7)[:3] + 3).tolist()


def noise(rng, shape):
    return (rng.uniform(0.5, 2) * rng.standard_normal(shape) + rng.uniform(-1, 1)).astype(np.float32)


def weight(rng):
    return round(float(10 ** rng.uniform(-2, 2)), 3)
