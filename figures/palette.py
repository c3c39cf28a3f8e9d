"""Maps turned into colours, one picture (H, W, 3) in [0, 1] for each map, whether they are alike in shape or not.

Each map is scaled by itself; what lies beyond its 99.5th percentile is cut off there, since a few extreme pixels would
leave the rest invisible.
"""

from collections.abc import Iterable

import numpy as np

HEAT = "inferno"  # maps >= 0: dark is nothing, and lightness rises evenly
SIGNED = "RdBu_r"  # maps of either sign: blue is against, white nothing, red for
JET = "jet"  # the colours that Grad-CAM is known by


def heat(maps: Iterable[np.ndarray], scale: float | None = None, cmap: str = HEAT) -> list[np.ndarray]:
    """Maps (H, W), >= 0, as colours; `scale` is what is drawn brightest, if it is not 0 or each map's own extent."""
    return [colours(np.clip(m / (scale or _extent(m)), 0, 1), cmap) for m in maps]


def diverging(maps: Iterable[np.ndarray]) -> list[np.ndarray]:
    """Maps (H, W) of either sign as colours, white where they are zero."""
    return [colours(0.5 + 0.5 * np.clip(m / _extent(m), -1, 1), SIGNED) for m in maps]


def about_grey(attributions: Iterable[np.ndarray]) -> list[np.ndarray]:
    """Attributions (H, W, 3) of either sign as colours, mid-grey where they are zero."""
    return [0.5 + 0.5 * np.clip(a / _extent(a), -1, 1) for a in attributions]


def overlay(images: Iterable[np.ndarray], cams: Iterable[np.ndarray]) -> list[np.ndarray]:
    """Class activation maps (H, W) in [0, 1], in jet colours, half and half over uint8 images (H, W, 3)."""
    return [0.5 * image / 255 + 0.5 * colours(cam, JET) for image, cam in zip(images, cams)]


def _extent(values: np.ndarray) -> float:
    """The 99.5th percentile of the values' size, or their maximum where that is zero, or 1 where all are."""
    sizes = np.abs(values)
    return float(np.quantile(sizes, 0.995)) or float(sizes.max()) or 1.0


def colours(values: np.ndarray, cmap: str) -> np.ndarray:
    """Values in [0, 1] as the colours of this matplotlib map, in a new last axis."""
    import matplotlib  # imported where it draws, as in figure.py

    return matplotlib.colormaps[cmap](values)[..., :3]
