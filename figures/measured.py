"""Measurements of maps, which captions state. Each takes lists with a map for each image."""

import math
from collections.abc import Sequence

import numpy as np
from torch import nn

Arrays = Sequence[np.ndarray]


def largest_difference(name: str, own: Arrays, others: Arrays) -> tuple[str, float]:
    """Print and return the largest difference of our maps and Captum's, in words, and Captum's largest value."""
    largest = max(float(np.abs(a - b).max()) for a, b in zip(own, others))
    size = max(float(np.abs(b).max()) for b in others)
    print(f"{name}, ours and Captum's: largest difference {largest:.2g}, where the largest value is {size:.2g}")
    return f"{largest:.2g}", size


def of_largest(attributions: Arrays) -> list[np.ndarray]:
    """Each image's attributions as a part of its largest one."""
    return [a / max(float(np.abs(a).max()), np.finfo(float).tiny) for a in attributions]


def correlation(one: Arrays, other: Arrays) -> list[float]:
    """Correlation of each image's two maps, pixel by pixel: 1 where they are alike; 0 where one of them is constant."""
    found = []
    for a, b in zip(one, other):
        a, b = (m.ravel() - m.mean(dtype=np.float64) for m in (a, b))
        norm = np.linalg.norm(a) * np.linalg.norm(b)
        found.append(float(a @ b / norm) if norm else 0.0)
    return found


def share_below_zero(maps: Arrays) -> float:
    """Part of all that the maps hold, without its sign, that is negative: from 0 to 1."""
    total = sum(float(np.abs(m).sum()) for m in maps)
    return sum(float(m.clip(max=0).sum()) for m in maps) / -total if total else 0.0


def share_of_half(image_map: np.ndarray, right: bool) -> float:
    """Part of a map (H, W) >= 0 that lies on its left or right half; 0 for a map of zeros."""
    middle = image_map.shape[1] // 2
    half = image_map[:, middle:] if right else image_map[:, :middle]
    return float(half.sum() / (image_map.sum() or 1))


def grid_of_strides(maps: Arrays, model: nn.Module) -> tuple[int, float]:
    """The period p of the grid that a network's first two strides above 1 leave, and how much of it is in the maps.

    p is their product. The grid is the largest mean of the p * p sets of pixels that lie p apart, divided by the least:
    1 is none. Returns (1, 1.0) where the network has no strides.
    """
    layers = (module for module in model.modules() if isinstance(module, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d))
    strides = (layer.stride if isinstance(layer.stride, int) else layer.stride[0] for layer in layers)
    p = math.prod([stride for stride in strides if stride > 1][:2])
    means = [np.mean([m[i::p, j::p].mean() for m in maps]) for i in range(p) for j in range(p)]
    return p, float(max(means) / min(means)) if min(means) > 0 else 1.0
