"""The one way in which tests compare arrays: shape, finiteness, relative error, and the usual mistakes by name."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import numpy as np

REFERENCES = Path(__file__).resolve().parent / "references"
MANY = 1 << 22  # numbers, of which a sample is described
SAMPLE = 1000  # numbers that are kept of a mistake's output


def assert_close(
    name: str,
    got: object,
    expected: object,
    tolerance: float,
    mistakes: Mapping[str, object] | Callable[[], Mapping[str, object]] | None = None,
    read: str = "",
    secret: bool = False,
) -> None:
    """Fail unless `relative_error` is at most `tolerance`, with the usual mistake named if it is one.

    got: a scalar may come as shape (1,) where a scalar is expected.
    mistakes: for each usual mistake, a sentence on it and what it would have given: the array, or its `Sample`; or a
        function that computes them when they are needed.
    read: what to look at, if not the docstring of what was called.
    secret: the message tells nothing of the expected values but their shape.
    """
    got, expected = np.asarray(got), np.asarray(expected)
    if expected.size == 1 and got.size == 1:
        got = got.reshape(expected.shape)
    problem = _problem(got, expected, tolerance, 0 if secret else 1)
    if not problem:
        return
    wanted = f"the shape {expected.shape}" if secret else _described(expected)
    lines = [f"{name}: {problem}", f"    expected: {wanted}", f"    got:      {_described(got)}"]
    mistake = _recognised(got, expected, max(tolerance, 1e-4), mistakes() if callable(mistakes) else mistakes or {})
    mistake = mistake or _recognised_by_itself(got, expected, max(tolerance, 1e-4), secret)
    lines += [f"    It looks like this mistake: {mistake}"] if mistake else []
    lines += [f"    To read: {read}"] if read else []
    raise AssertionError("\n".join(lines))


def assert_stored(name: str, got: object, file: str, key: str, read: str = "") -> None:
    """`assert_close` with what tests/references/<file>.npz holds under this key."""
    stored, mistakes = references(file), mistakes_of(file, key)
    expected = stored[key]
    if f"{key}: shape" in stored:  # of a large array, a sample alone is stored
        shape = tuple(stored[f"{key}: shape"])
        if np.shape(got) == shape:
            name, got = f"{name} (evenly spread pixels of it)", sample(np.asarray(got))
            mistakes = {sentence: wrong.values for sentence, wrong in mistakes.items() if wrong.shape == shape}
        else:
            expected = np.zeros(shape, np.float32)  # its shape alone is compared
    assert_close(name, got, expected, float(stored[f"{key}: tolerance"]), mistakes, read)


def mistakes_of(file: str, key: str) -> dict[str, "Sample"]:
    """The mistakes that are stored with a key, and samples of what they give."""
    stored, start = references(file), f"{key}: mistake: "
    return {
        name.removeprefix(start): Sample(tuple(stored[f"{key}: shape: {name.removeprefix(start)}"]), values)
        for name, values in stored.items()
        if name.startswith(start)
    }


@cache
def references(file: str) -> dict[str, np.ndarray]:
    """What staff/references stored: expected values, tolerances and mistakes. `make references` writes them again."""
    with np.load(REFERENCES / f"{file}.npz", allow_pickle=False) as stored:
        return dict(stored)


class Sample:
    """Of a large array: its shape, and at most SAMPLE of its numbers, evenly spread."""

    def __init__(self, shape: tuple[int, ...], values: np.ndarray) -> None:
        self.shape, self.values = shape, values


def sample(array: np.ndarray) -> np.ndarray:
    """At most SAMPLE numbers of an array, evenly spread; all of a small one."""
    flat = np.asarray(array).ravel()
    return flat[:: max(1, -(-flat.size // SAMPLE) | 1)]  # an odd stride meets all columns


def relative_error(got: np.ndarray, expected: np.ndarray) -> float:
    """||got - expected|| / ||expected||, L2 norms over all numbers; where all are expected to be 0, max |got|.

    Not the largest difference: a gradient jumps where the input of a ReLU is 0 but for its last bit, so that single
    pixels may differ from machine to machine.
    """
    got, expected = np.asarray(got, np.float64), np.asarray(expected, np.float64)
    norm = np.linalg.norm(expected)
    return float(np.linalg.norm(got - expected) / norm if norm else np.abs(got).max(initial=0))


def check_shape(name: str, got: object, shape: tuple[int, ...]) -> None:
    """Fail unless numbers of this shape came, all of them finite."""
    problem = _problem(np.asarray(got), np.broadcast_to(0.0, shape), np.inf)
    if problem:
        raise AssertionError(f"{name}: {problem}")


def check_cam(maps: np.ndarray, compare: Callable[[np.ndarray], None]) -> None:
    """`compare` the maps of Grad-CAM, which must be stretched to [0, 1]: each by itself, or all together."""
    if maps.ndim != 3 or not maps.size or not (maps.min() >= -1e-6 and maps.max() <= 1 + 1e-6):
        compare(maps)
    compare(stretched(maps) if maps.ndim == 3 else maps)
    if abs(maps.max() - 1) > 1e-6:
        raise AssertionError(
            f"Grad-CAM: expected a largest value of 1, got {maps.max():.4g}\n"
            "    It looks like this mistake: the map is not stretched to [0, 1]."
        )


def stretched(maps: np.ndarray) -> np.ndarray:
    """Each of the maps (N, H, W) stretched to [0, 1] by itself, whatever it was stretched with before."""
    low, high = (getattr(maps, name)(axis=(1, 2), keepdims=True) for name in ("min", "max"))
    return np.where(high > low, (maps - low) / np.where(high > low, high - low, 1), maps)


def _problem(got: np.ndarray, expected: np.ndarray, tolerance: float, digits: int = 1) -> str:
    if got.dtype.kind not in "biuf":
        return f"expected numbers, got {got.dtype}"
    if got.shape != expected.shape:
        return f"expected the shape {expected.shape}, got {got.shape}"
    if not np.isfinite(got).all():
        return f"expected finite numbers, got {np.count_nonzero(~np.isfinite(got))} that are NaN or infinite"
    error = relative_error(got, expected)
    if error <= tolerance:
        return ""
    return f"expected a relative error of at most {tolerance:.1e}, got {error:.{digits}e}"


def _described(array: np.ndarray) -> str:
    if array.dtype.kind not in "biuf" or not array.size:
        return f"shape {array.shape}, {array.dtype}"
    if array.size == 1:
        return f"{float(array.ravel()[0]):.6g}" + (f" in the shape {array.shape}" if array.ndim else "")
    values = (array if array.size < MANY else sample(array)).astype(np.float64)
    values = values[np.isfinite(values)]
    if not values.size:
        return f"shape {array.shape}, none finite"
    return f"shape {array.shape}, from {values.min():.4g} to {values.max():.4g}, mean {values.mean():.4g}"


def _recognised(got: np.ndarray, expected: np.ndarray, tolerance: float, mistakes: Mapping[str, object]) -> str:
    """The sentence of the mistake whose output is nearest to what came, if it is near at all."""
    if got.dtype.kind not in "biuf" or not got.size or not np.isfinite(got).all():
        return ""
    nearest, sentence = tolerance, ""
    for mistake, wrong in mistakes.items():
        wrong = wrong if isinstance(wrong, Sample) else np.asarray(wrong)
        shape = () if wrong.shape in ((), (1,)) and got.size == 1 else tuple(wrong.shape)
        if shape != (() if got.size == 1 and not shape else got.shape):
            continue
        if isinstance(wrong, Sample):
            error = relative_error(sample(got), wrong.values.ravel())
        else:
            error = relative_error(got.reshape(shape), wrong.reshape(shape))
        if error <= nearest:
            nearest, sentence = error, mistake
    return sentence


def _recognised_by_itself(got: np.ndarray, expected: np.ndarray, tolerance: float, secret: bool) -> str:
    """What can be told from any expected array: its negative, a multiple, its axes in another order, one too many."""
    if got.dtype.kind not in "biuf" or not got.size or not np.isfinite(got).all():
        return ""
    expected = expected.astype(np.float64)
    if got.shape == expected.shape:
        squares = (expected**2).sum()
        factor = float((got * expected).sum() / squares) if squares else 0.0
        if abs(factor) > 1e-12 and abs(factor - 1) > 0.01 and relative_error(got / factor, expected) <= tolerance:
            if abs(factor + 1) < 1e-4:
                return "the sign is turned."
            return "it is a multiple of what is expected." if secret else f"it is {factor:.4g} times what is expected."
        return ""
    if got.ndim == expected.ndim and sorted(got.shape) == sorted(expected.shape):
        return "the axes are in another order."
    for axis in range(got.ndim) if got.ndim == expected.ndim + 1 else ():
        summed = got.sum(axis)
        if summed.shape == expected.shape and relative_error(summed, expected) <= tolerance:
            return f"axis {axis} is still there: add up along it."
    return ""
