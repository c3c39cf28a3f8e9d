"""Measures of maps and regions (N, H, W) against masks (N, H, W) of bool, of pictures, and how sure a mean is."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.ndimage import binary_dilation, binary_erosion, generate_binary_structure

DRAWS = 2000  # of the bootstrap
EXACT = 1e-5  # what rounding may part in 32 bits

# How sure a mean is.


def interval(values: Sequence[float] | np.ndarray, seed: int = 0) -> list[float]:
    """Mean of the values, and the ends of its 90 % interval, as [mean, low, high]: a bootstrap, seeded.

    values: one for each image, not empty. Each draw takes as many of them, with replacement (Efron 1979). That would
    say nothing of images none of which is wrong: where all have the same value from 0 to 1, a part of the unseen ones
    may have another, 0 for the lower end and 1 for the upper. That part is the one whose chance not to be seen is 5 %
    (Clopper and Pearson 1934): 31 % of eight images, 5 % of sixty.
    """
    values = np.asarray(values, np.float64)
    if not values.size:
        raise ValueError("expected one value or more, got none: check which images were counted")
    if (values == values[0]).all() and 0 <= values[0] <= 1:
        far, same = 1 - 0.05 ** (1 / values.size), float(values[0])
        return [same, same * (1 - far), same + (1 - same) * far]
    rows = np.random.default_rng(seed).integers(values.size, size=(DRAWS, values.size))
    return [float(values.mean()), *(float(end) for end in np.quantile(values[rows].mean(axis=1), (0.05, 0.95)))]


def interval_of_sizes(values: Sequence[float] | np.ndarray, seed: int = 0) -> list[float]:
    """The same for values that are no shares: the largest, three times, where no more than rounding parts them."""
    values = np.asarray(values, np.float64)
    return [float(values.max())] * 3 if np.ptp(values) < EXACT else interval(values, seed)


def pair(a: Sequence[float] | np.ndarray, b: Sequence[float] | np.ndarray, seed: int = 0) -> list[float]:
    """Interval of a - b, image by image: what the images have in common does not blur it. a, b: of the same images."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.shape != b.shape:
        raise ValueError(f"expected values of the same images, got {a.size} and {b.size}: pair them")
    if (a < b).all():
        return turn(interval(b - a, seed))  # as where all are above
    mean, low, high = interval(a - b, seed)
    return [mean, low, high] if (a != b).any() else [0.0, -high, high]


def turn(found: Sequence[float]) -> list[float]:
    """Interval [mean, low, high] of b - a, of that of a - b."""
    mean, low, high = found
    return [-mean, -high, -low]


def differ(a: Sequence[float], b: Sequence[float]) -> bool:
    """Tell whether two intervals [mean, low, high] have nothing in common: where values are no pairs."""
    return a[1] > b[2] or b[1] > a[2]


def ratio(part: Sequence[float] | np.ndarray, whole: Sequence[float] | np.ndarray, seed: int = 0) -> list[float]:
    """Interval of the sum of `part` over that of `whole`, as [value, low, high]: one of each for each image.

    Where all images have all of the whole, or none, it is that of `interval`.
    """
    a, b = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    a, b = a[b > 0], b[b > 0]
    return interval(a / b, seed) if not a.any() or (a == b).all() else bootstrap(of_sums, a, b, seed=seed)


def of_sums(part: np.ndarray, whole: np.ndarray) -> float:
    return float(part.sum() / whole.sum())


def median(values: Sequence[float] | np.ndarray, seed: int = 0) -> list[float]:
    """Interval of the lower median, the smallest of the values that half of them do not exceed."""
    return bootstrap(lower_median, np.asarray(values, np.float64), seed=seed)


def lower_median(values: np.ndarray) -> np.ndarray:
    """The lower median along the last axis."""
    return np.sort(values, axis=-1)[..., (values.shape[-1] - 1) // 2]


def bootstrap(statistic: Callable[..., Any], *values: np.ndarray, seed: int = 0) -> list[float]:
    """Interval of a statistic of arrays whose last axis is that of the images, as [value, low, high]."""
    count = values[0].shape[-1]
    rows = np.random.default_rng(seed).integers(count, size=(DRAWS, count))
    drawn = [statistic(*(array[..., some] for array in values)) for some in rows]
    return [float(statistic(*values)), *(float(end) for end in np.quantile(drawn, (0.05, 0.95)))]


# Maps that lie on an object.


def peaks_on(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Tell whether each map's peak lies on the object, (N,) of bool: the pointing game (Zhang et al. 2016)."""
    return np.take_along_axis(_flat(masks), _flat(maps).argmax(axis=1)[:, None], axis=1)[:, 0]


def energy(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """The share of each map's sum that lies on the object, (N,), for maps >= 0; 0 where the map is."""
    maps = _flat(maps)
    return (maps * _flat(masks)).sum(axis=1) / np.maximum(maps.sum(axis=1), 1e-30)


def _flat(maps: np.ndarray) -> np.ndarray:
    return maps.reshape(len(maps), -1)


# Regions that were found, against the true ones.


def iou(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Pixels in both of each pair of masks over those in either, (N,); 1 where both are empty."""
    both = (found & true).sum(axis=(1, 2))
    either = (found | true).sum(axis=(1, 2))
    return np.where(either == 0, 1.0, both / np.maximum(either, 1))


def mean_iou(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """The IoU of each image, the mean of object and background, (N,)."""
    return (iou(found, true) + iou(~found, ~true)) / 2


def boundary_accuracy(found: np.ndarray, true: np.ndarray, width: int) -> np.ndarray:
    """The share of right pixels among those at most `width` steps from the true boundary, of each image, (N,).

    One half is what guessing gives there. (The trimap of Kohli et al. 2009, https://doi.org/10.1007/s11263-008-0202-0.)
    """
    near = band(true, width)
    return ((found == true) & near).sum(axis=(1, 2)) / near.sum(axis=(1, 2))


def band(masks: np.ndarray, width: int) -> np.ndarray:
    """The pixels from which at most `width` - 1 steps along rows and columns lead to one with another one beside it."""
    cross = generate_binary_structure(2, 1)[None]
    edge = binary_dilation(masks, cross) & ~binary_erosion(masks, cross, border_value=1)
    return binary_dilation(edge, cross, width - 1) if width > 1 else edge


# Pictures.


def spectrum(pictures: np.ndarray) -> list[float]:
    """The mean power of pictures uint8 (N, H, H, 3) in grey at each frequency 1, 2, ..., H / 2 cycles, summing to 1.

    Where no picture has any, because each is of one colour, all are 0.
    """
    grey = pictures.mean(axis=3) / 255
    size = grey.shape[1]
    window = np.hanning(size)[:, None] * np.hanning(size)  # else the borders' jump looks like high frequencies
    power = np.abs(np.fft.fft2((grey - grey.mean(axis=(1, 2), keepdims=True)) * window)) ** 2
    along = np.fft.fftfreq(size, 1 / size)
    radius = np.hypot(along[:, None], along).round().astype(int)
    rings = np.array([power[:, radius == r].mean() for r in range(1, size // 2 + 1)])
    total = rings.sum()
    return (rings / total if total > 1e-20 else 0 * rings).tolist()  # what is below is rounding


def fine(power: Sequence[float]) -> float:
    """The share of the power, over the area of each ring, in the upper half of the frequencies."""
    rings = np.array(power) * np.arange(1, len(power) + 1)
    return float(rings[len(rings) // 2 :].sum() / max(rings.sum(), 1e-30))
