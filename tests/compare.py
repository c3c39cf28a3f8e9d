"""The one way in which tests compare arrays: shape, finiteness, relative error, and the usual mistakes by name."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from tests import likeness, sentences

REFERENCES = Path(__file__).resolve().parent / "references"
MANY = 1 << 22  # numbers, of which a sample is described
SAMPLE = 1000  # numbers that are kept of a large array,
FEW = 250  # and of those so many of what a mistake makes of it
FACTORS = {-1.0: "the sign is turned", 0.5: "half", 2.0: "twice", 0.25: "a quarter", 4.0: "four times"}


class Sample:
    """A large array's shape, at most SAMPLE of its numbers, evenly spread, and the range of all of them.

    spread: its least and largest number and its mean; needed of what is expected.
    """

    def __init__(self, shape: tuple[int, ...], values: np.ndarray, spread: Sequence[float] = ()) -> None:
        self.shape, self.values, self.spread = shape, values, spread


def assert_close(
    name: str,
    got: object,
    expected: object,
    tolerance: float,
    mistakes: Mapping[str, object] | Callable[[], Mapping[str, object]] | None = None,
    read: str = "",
    secret: bool = False,
    otherwise: str = "",
) -> None:
    """Fail unless `relative_error` is at most `tolerance`, with the usual mistake named if it is one.

    got: a scalar may come as shape (1,) where a scalar is expected.
    expected: an array or number, or a `Sample` of a large array.
    mistakes: for each usual mistake, a sentence on it and what it would have given: the array, or its `Sample`; or a
        function that computes them when they are needed.
    read: what to look at, if not the docstring of what was called.
    secret: the message tells nothing of the expected values but their shape.
    otherwise: the mistake that it looks like if it is none of these.
    """
    __tracebackhide__ = True
    got, expected = np.asarray(got), expected if isinstance(expected, Sample) else np.asarray(expected)
    if got.size == 1 and not isinstance(expected, Sample) and expected.size == 1:
        got = got.reshape(expected.shape)
    problem = _problem(got, expected, tolerance, 0 if secret else 1)
    mistake = ""
    if problem:
        near = max(tolerance, 1e-4)
        # Of a loss's gradient nothing but zeros tells one thing, whatever else would give zeros here, too.
        cut = name.startswith("gradient of") and got.shape == expected.shape and not got.any()
        known = mistakes() if callable(mistakes) else mistakes or {}
        mistake = sentences.CUT_OFF if cut else _recognise(got, near, known)
        mistake = mistake or _recognise_without_mistakes(got, expected, near, secret) or otherwise
    _note_factor(name, got, expected, bool(mistake))
    if not problem:
        return
    wanted = f"the shape {expected.shape}" if secret else _describe(expected)
    lines = [f"{name}: {problem}", f"    expected: {wanted}", f"    got:      {_describe(got)}"]
    if lines[1].split()[1:] == lines[2].split()[1:] and not secret:
        lines.append(_describe_largest_difference(got, expected))
    lines += [f"    It looks like this mistake: {mistake}"] if mistake else []
    lines += [f"    To read: {read}"] if read else []
    raise AssertionError("\n".join(lines))


def assert_again(
    name: str,
    first: np.ndarray,
    got: np.ndarray,
    expected: np.ndarray,
    tolerance: float,
    mistakes: Mapping[str, object] | None = None,
    read: str = "",
) -> None:
    """`assert_close` of what a second call gave: where the first was right, what lies between them is named."""
    __tracebackhide__ = True
    right = first.shape == expected.shape and relative_error(first, expected) <= tolerance
    between = {sentences.GRADIENT_KEPT: 2 * first} if right else {}
    otherwise = sentences.SECOND_CALL if right else ""
    assert_close(name, got, expected, tolerance, between | dict(mistakes or {}), read, otherwise=otherwise)


def assert_stored(name: str, got: object, file: str, key: str, read: str = "", otherwise: str = "") -> None:
    """`assert_close` with what tests/references/<file>.npz holds under this key."""
    __tracebackhide__ = True
    stored = references(file)
    expected: object = stored[key]
    if f"{key}: shape" in stored:  # of a large array, a sample alone is stored
        expected = Sample(tuple(stored[f"{key}: shape"].tolist()), stored[key], stored.get(f"{key}: range", ()))
    tolerance = float(stored[f"{key}: tolerance"])
    assert_close(name, got, expected, tolerance, mistakes_of(file, key), read, otherwise=otherwise)


def mistakes_of(file: str, key: str) -> dict[str, "Sample"]:
    """The mistakes that are stored with a key, and a few numbers of what they give."""
    stored, start = references(file), f"{key}: mistake: "
    return {
        name.removeprefix(start): Sample(tuple(stored[f"{key}: shape: {name.removeprefix(start)}"].tolist()), values)
        for name, values in stored.items()
        if name.startswith(start)
    }


@cache
def references(file: str) -> dict[str, np.ndarray]:
    """Read what tests/references holds under this name: expected values, tolerances and mistakes."""
    with np.load(REFERENCES / f"{file}.npz", allow_pickle=False) as stored:
        return dict(stored)


def sample(array: np.ndarray, most: int = SAMPLE) -> np.ndarray:
    """At most so many numbers of an array, evenly spread; all of a small one."""
    flat = np.asarray(array).ravel()
    return flat[:: max(1, -(-flat.size // most) | 1)]  # an odd stride meets all columns


def few(array: np.ndarray) -> np.ndarray:
    """Numbers of a mistake's output that are stored."""
    return sample(sample(array), FEW)


def relative_error(got: np.ndarray, expected: np.ndarray | Sample) -> float:
    """||got - expected|| / ||expected||, L2 norms over all numbers; where all are expected to be 0, max |got|.

    Not the largest difference: a gradient jumps where the input of a ReLU is 0 but for its last bit, so that single
    pixels may differ from machine to machine. Against a sample: over the same numbers of `got`.
    """
    if isinstance(expected, Sample):
        expected = expected.values.ravel()
        got = sample(got) if sample(got).size == expected.size else few(got)
    got, expected = np.asarray(got, np.float64), np.asarray(expected, np.float64)
    norm = np.linalg.norm(expected)
    return float(np.linalg.norm(got - expected) / norm if norm else np.abs(got).max(initial=0))


def name_factors(factors: Iterable[tuple[str, float]]) -> dict[str, str]:
    """Name the factor by which all single numbers of one name are wrong: {name: sentence}.

    factors: what `take_factors` gave, in all tests of a run.
    """
    by_name: dict[str, list[float]] = {}
    for name, factor in factors:
        by_name.setdefault(name, []).append(factor)
    sentences = {}
    for name, found in by_name.items():
        if len(found) > 1 and found[0] in FACTORS and len(set(found)) == 1:
            told = FACTORS[found[0]] if found[0] < 0 else f"it is {FACTORS[found[0]]} what is expected"
            sentences[name] = f"{told}, in all {len(found)} tests of the {name}."
    return sentences


_factors: list[tuple[str, float]] = []


def take_factors() -> list[tuple[str, float]]:
    """Return (name, factor by which it is wrong) of each single number compared since the last call.

    The factor is one of FACTORS, 1 where the number is right, and 0 where it is anything else.
    """
    noted = _factors.copy()
    _factors.clear()
    return noted


def _note_factor(name: str, got: np.ndarray, expected: np.ndarray | Sample, recognised: bool) -> None:
    if isinstance(expected, Sample) or expected.size != 1 or not expected.any():
        return
    factor = 0.0
    if got.size == 1 and got.dtype.kind in "biuf" and not recognised:
        ratio = float(got.ravel()[0]) / float(expected.ravel()[0])
        factor = next((plain for plain in (1.0, *FACTORS) if abs(ratio / plain - 1) < 1e-3), 0.0)
    _factors.append((name, factor))


def check_shape(name: str, got: object, shape: tuple[int, ...]) -> None:
    """Fail unless numbers of this shape came, all of them finite."""
    __tracebackhide__ = True
    problem = _problem(np.asarray(got), np.broadcast_to(0.0, shape), np.inf)
    if problem:
        raise AssertionError(f"{name}: {problem}")


def check_cam(maps: np.ndarray, compare: Callable[[np.ndarray], None]) -> None:
    """`compare` the maps of Grad-CAM, which must be stretched to [0, 1]: each by itself, or all together."""
    __tracebackhide__ = True
    if maps.ndim != 3 or not maps.size or not (maps.min() >= -1e-6 and maps.max() <= 1 + 1e-6):
        compare(maps)
    compare(stretch(maps) if maps.ndim == 3 else maps)
    if abs(maps.max() - 1) > 1e-6:
        raise AssertionError(
            f"Grad-CAM: expected a largest value of 1, got {maps.max():.4g}\n"
            "    It looks like this mistake: the map is not stretched to [0, 1]."
        )


def stretch(maps: np.ndarray) -> np.ndarray:
    """Stretch each of the maps (N, H, W) to [0, 1] by itself, whatever it was stretched with before."""
    low, high = (getattr(maps, name)(axis=(1, 2), keepdims=True) for name in ("min", "max"))
    return np.where(high > low, (maps - low) / np.where(high > low, high - low, 1), maps)


def _problem(got: np.ndarray, expected: np.ndarray | Sample, tolerance: float, digits: int = 1) -> str:
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


def _describe(array: np.ndarray | Sample) -> str:
    if isinstance(array, Sample):
        if not len(array.spread):
            return f"shape {array.shape}"
        return "shape {}, from {:.4g} to {:.4g}, mean {:.4g}".format(array.shape, *array.spread)
    if array.dtype.kind not in "biuf" or not array.size:
        return f"shape {array.shape}, {array.dtype}"
    if array.size == 1:
        return f"{float(array.ravel()[0]):.6g}" + (f" in the shape {array.shape}" if array.ndim else "")
    values = (array if array.size < MANY else sample(array)).astype(np.float64)
    values = values[np.isfinite(values)]
    if not values.size:
        return f"shape {array.shape}, none finite"
    return f"shape {array.shape}, from {values.min():.4g} to {values.max():.4g}, mean {values.mean():.4g}"


def _describe_largest_difference(got: np.ndarray, expected: np.ndarray | Sample) -> str:
    """Say where two arrays of one description differ most; of a sample, among the numbers that are kept."""
    values = expected.values.ravel() if isinstance(expected, Sample) else expected.ravel()
    own = sample(got) if isinstance(expected, Sample) else got.ravel()
    most = int(np.abs(own.astype(np.float64) - values).argmax())
    index = most if own.size == got.size else sample(np.arange(got.size))[most]
    place = tuple(int(i) for i in np.unravel_index(index, got.shape))
    return f"    most apart at {place}: expected {values[most]:.4g}, got {own[most]:.4g}"


def _recognise(got: np.ndarray, tolerance: float, mistakes: Mapping[str, object]) -> str:
    """The sentence of the mistake whose output is nearest to what came, if it is near at all."""
    if not _comparable(got):
        return ""
    apart = {sentence: _distance(got, wrong) for sentence, wrong in mistakes.items()}
    nearest = min(apart, key=apart.__getitem__, default="")
    return nearest if apart.get(nearest, np.inf) <= tolerance else ""


def _distance(got: np.ndarray, wrong: object) -> float:
    """The relative error of `got` to a mistake's output; infinite where the shapes differ, one number apart."""
    wrong = wrong if isinstance(wrong, Sample) else np.asarray(wrong)
    if got.size == 1 and wrong.shape in ((), (1,)):
        got = got.reshape(wrong.shape)
    if got.shape != wrong.shape:
        return np.inf
    if not np.any(wrong.values if isinstance(wrong, Sample) else wrong):
        return np.inf if got.any() else 0  # next to nothing is not nothing
    return relative_error(got, wrong)


def _recognise_without_mistakes(got: np.ndarray, expected: np.ndarray | Sample, tolerance: float, secret: bool) -> str:
    """Name what any expected array can tell: its negative, a multiple, its axes in another order, one too many."""
    if not _comparable(got):
        return likeness.NOT_FINITE if got.dtype.kind == "f" and got.size else ""
    if got.shape == expected.shape:
        image = np.arange(got.size) // max(got[:1].size, 1) if got.ndim else np.zeros(1)  # of each number
        values = (got, expected, image)
        if isinstance(expected, Sample):
            values = (sample(got), expected.values, sample(image))
        own, right, image = (value.astype(np.float64).ravel() for value in values)
        in_range = got.ndim > 2 and got.min() >= 0 and abs(got.max() - 1) < 1e-6 and abs(right.max() - 1) > 1e-3
        if in_range and likeness.is_stretched(own, right, image, tolerance):
            return likeness.STRETCHED
        of_numbers = likeness.of_numbers(own, right, tolerance, secret)
        return of_numbers or (likeness.of_images(own, right, image, tolerance) if got.ndim > 2 else "")
    if sorted(got.shape) == sorted(expected.shape):
        return "the axes are in another order."
    for axis in (axis for axis in reversed(range(got.ndim)) if got.shape[axis] == 1 and got.size > 1):
        less = got.squeeze(axis)
        if less.shape == expected.shape and relative_error(less, expected) <= tolerance:
            out = f"leave keepdim=True out, squeeze({axis}), or join parts, also of a list, by cat instead of stack."
            return f"axis {axis}, of length 1, is still there: {out}"
    if got.ndim and got.shape[1:] == expected.shape[1:] and len(got) < expected.shape[0]:
        kept = expected.values.ravel() if isinstance(expected, Sample) else sample(expected)
        places = sample(np.arange(np.prod(expected.shape)))  # of these numbers
        places = places[places < got.size]
        if relative_error(got.ravel()[places], kept[: len(places)]) <= tolerance:
            return likeness.FIRST_ALONE if len(got) == 1 else likeness.LAST_MISSING
    if isinstance(expected, Sample):
        return ""
    return likeness.of_shapes(got.astype(np.float64), expected.astype(np.float64), tolerance)


def _comparable(got: np.ndarray) -> bool:
    return bool(got.dtype.kind in "biuf" and got.size and np.isfinite(got).all())
