"""Draw what the grader's report shows beside a test: what was compared, and the image that was made, as PNG files."""

import io

import numpy as np
from PIL import Image

from autograder.adapter import Pictures

SIZE = 224  # pixels of a picture's longer side, at most
BRIGHT = 99.5  # percent of the values lie below what is drawn white
LONG = 10  # images that a network saw: the last of more is no longer noise


def draw(name: str, got: object, expected: object = None) -> Pictures:
    """Draw the first image of what was compared, or of what was made; nothing for what is no picture."""
    pair = [np.asarray(array) for array in ((got,) if expected is None else (got, expected))]
    if pair[0].shape != pair[-1].shape or pair[0].dtype.kind not in "biuf" or not pair[0].size:
        return []
    if pair[0].ndim == 4 and pair[0].shape[1] == 3 and pair[0].shape[3] != 3:
        pair = [array.transpose(0, 2, 3, 1) for array in pair]
    shape = pair[0].shape
    if not (len(shape) == 3 or (len(shape) == 4 and shape[3] == 3)) or min(shape[1:3]) < 8:
        return []
    return [(name, [(caption, encode(grey)) for caption, grey in compare(*(array[0] for array in pair))])]


def draw_answer(answer: dict) -> Pictures:
    """Draw the image that a probe returned, and the last of those that a network was asked about."""
    made, seen = draw("the image that was made", answer.get("image")), answer.get("inputs")
    if isinstance(seen, np.ndarray) and seen.ndim == 4 and len(seen) > LONG:
        made += draw(f"the last of {len(seen)} images that the network saw", seen[-1:])
    return made


def compare(got: np.ndarray, expected: np.ndarray | None = None) -> list[tuple[str, np.ndarray]]:
    """Return the student's map, and the expected one on the same scale, and their difference on its own, as uint8.

    All are (H, W) or (H, W, 3). Where nothing is expected, it is the student's alone.
    """
    known = [got] if expected is None else [got, expected]
    both = np.stack([np.nan_to_num(np.asarray(a, np.float64), nan=0, posinf=0, neginf=0) for a in known])
    low, high = (0.0 if both.min() >= 0 else np.percentile(both, 100 - BRIGHT)), np.percentile(both, BRIGHT)
    shown = [(caption, _scale(array, low, high)) for caption, array in zip(("yours", "expected"), both)]
    if expected is not None:
        difference = np.abs(both[0] - both[1])
        shown.append((f"difference, at most {difference.max():.2g}", _scale(difference, 0, difference.max())))
    return shown


def encode(grey: np.ndarray) -> bytes:
    """Return a PNG file of an image, made smaller where it is large."""
    step = max(1, -(-max(grey.shape[:2]) // SIZE))
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(grey[::step, ::step])).save(buffer, "PNG")
    return buffer.getvalue()


def _scale(array: np.ndarray, low: float, high: float) -> np.ndarray:
    scale = 255 / (high - low) if high > low else 0
    return (np.clip(array, low, high) * scale - low * scale).astype(np.uint8)
