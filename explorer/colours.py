"""Maps as pictures, uint8 (H, W, 3): colours, and how strongly they lie over the photograph."""

import numpy as np
from PIL import Image
from scipy.ndimage import binary_dilation, binary_erosion

from figures import palette
from methods import HEAT, OVERLAY, SIGNED

# The first is taken unless another is chosen. Colour-blind people can read all of them but jet.
MAPS = {
    "inferno (dark to bright)": palette.HEAT,
    "viridis": "viridis",
    "cividis": "cividis",
    "jet (the classic rainbow)": "jet",
}


def draw(drawn: str, values: np.ndarray, pixels: np.ndarray, cmap: str, strength: float) -> np.ndarray:
    """A method's map, as the table of methods says that it is drawn; cmap: of maps >= 0."""
    if drawn == OVERLAY:
        return overlay(pixels, values, cmap, strength)
    if drawn == HEAT:
        return heat(values, cmap)
    return _bytes(palette.diverging([values])[0]) if drawn == SIGNED else about_grey(values)


def heat(values: np.ndarray, cmap: str, scale: float | None = None) -> np.ndarray:
    """A map (H, W), >= 0; `scale` is what is drawn brightest, if not its own 99.5th percentile."""
    return _bytes(palette.heat([values], scale, cmap)[0])


def about_grey(values: np.ndarray) -> np.ndarray:
    """Attributions (H, W, 3) of either sign, mid-grey where they are zero."""
    return _bytes(palette.about_grey([values])[0])


def overlay(pixels: np.ndarray, cam: np.ndarray, cmap: str, strength: float) -> np.ndarray:
    """A map (H, W) in [0, 1] over the picture, uint8 (H, W, 3); strength: from 0, the picture alone, to 1."""
    colour = palette.colours(cam, cmap)
    return _bytes((1 - strength) * pixels / 255 + strength * colour)


def outline(pixels: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    """The picture with a white and black line around the object."""
    if mask is None:
        return pixels
    drawn = pixels.copy()
    drawn[mask & ~binary_erosion(mask, border_value=1)] = 255
    drawn[~mask & binary_dilation(mask)] = 0
    return drawn


def enlarge(pixels: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The picture at (H, W), without smoothing: one sees how coarse it is."""
    return np.asarray(Image.fromarray(pixels).resize(shape[::-1], Image.Resampling.NEAREST))


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.round(255 * values.clip(0, 1)).astype(np.uint8)
