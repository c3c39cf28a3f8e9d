"""What labs measure of regions: masks (N, H, W) of bool that were found, against the true ones."""

import numpy as np


def iou(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Of each pair of masks, what both cover over what either covers, (N,); 1 where both are empty."""
    both = (found & true).sum(axis=(1, 2))
    either = (found | true).sum(axis=(1, 2))
    return np.where(either == 0, 1.0, both / np.maximum(either, 1))


def mean_iou(found: np.ndarray, true: np.ndarray) -> float:
    """The mean over images, and over object and background."""
    return float(np.mean([iou(found, true), iou(~found, ~true)]))


def boundary_accuracy(found: np.ndarray, true: np.ndarray, width: int) -> float:
    """The share of right pixels among those at most `width` steps from the true boundary, of all images.

    One half is what guessing gives there. (The trimap of Kohli et al. 2009, https://doi.org/10.1007/s11263-008-0202-0.)
    """
    near = band(true, width)
    return float((found == true)[near].mean())


def band(masks: np.ndarray, width: int) -> np.ndarray:
    """The pixels from which at most `width` - 1 steps along rows and columns lead to one with another one beside it."""
    near = np.zeros(masks.shape, bool)
    for axis in (1, 2):
        ahead = _cut(masks, axis, 1, None) != _cut(masks, axis, None, -1)
        _cut(near, axis, 1, None)[...] |= ahead
        _cut(near, axis, None, -1)[...] |= ahead
    for _ in range(width - 1):
        grown = near.copy()
        for axis in (1, 2):
            _cut(grown, axis, 1, None)[...] |= _cut(near, axis, None, -1)
            _cut(grown, axis, None, -1)[...] |= _cut(near, axis, 1, None)
        near = grown
    return near


def _cut(values: np.ndarray, axis: int, start: int | None, stop: int | None) -> np.ndarray:
    """A view of what lies between `start` and `stop` along an axis."""
    where: list[slice] = [slice(None)] * values.ndim
    where[axis] = slice(start, stop)
    return values[tuple(where)]
