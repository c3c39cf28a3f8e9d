"""Write what tests/references holds of a function: expected values, how close is close, and the usual mistakes.

Expected values come from the oracles alone. The tolerance of each is FACTOR times the largest difference among: this
repository's solution in float32, on one and on two threads, with axes in PyTorch's order and channels last; and the
oracle itself, on inputs changed by RIPPLE, which is what rounding differently does on other machines. A mistake that
makes no difference on these inputs is named and not stored: another test must show it.
"""

import decimal
import io
import itertools
from collections.abc import Callable

import numpy as np
import torch

from autograder.files import PUBLIC, write_whole
from staff.references.shared import Mistakes
from tests import inputs, networks, probes
from tests.compare import REFERENCES, few, relative_error, sample

FACTOR = 10
LEAST = 1e-5  # no tolerance is below this,
LEAST_OF_GRADIENTS = 1e-3  # and none of a gradient's map: one ReLU that decides differently can change it by 5e-4
RIPPLE = 3e-6  # relative, some thirty times float32's: some ReLUs and max-poolings decide differently
RIPPLES = 6
ROUNDING = 1e-6  # relative: numbers that differ by less are as before, on another machine or with more threads
TELLS = 1.5  # tolerances that a mistake must be away to be stored: nearer ones, a test hardly sees
FEW = 4  # numbers that are printed when they changed

Arrays = dict[str, np.ndarray]


class File:
    """The values, tolerances and mistakes of one .npz."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.arrays: Arrays = {}

    def put(
        self,
        key: str,
        expected: np.ndarray | float,
        others: list[np.ndarray],
        wrong: Mistakes,
        sampled: bool = False,
        least: float = LEAST,
    ) -> None:
        """others: the same by float32 or from rippled inputs. sampled: store a sample of `expected` alone."""
        expected = np.asarray(expected)
        self._check_finite(key, expected)
        for other in others:
            self._check_finite(f"{key}, by float32 or from rippled inputs", other)
        largest = max(relative_error(other.reshape(expected.shape), expected) for other in others)
        tolerance = _round_up(max(FACTOR * largest, least))
        self.arrays[key] = np.float32(sample(expected) if sampled else expected)
        if sampled:
            self.arrays[f"{key}: shape"] = np.array(expected.shape)
            self.arrays[f"{key}: range"] = np.float32([expected.min(), expected.max(), expected.mean()])
        self.arrays[f"{key}: tolerance"] = np.array(tolerance)
        nearest = np.inf
        for sentence, output in wrong.items():
            if "/" in sentence:
                raise ValueError(f"expected no slash in a key of an .npz, got {sentence!r}: write it in words")
            self._check_finite(f"{key}: mistake: {sentence}", output)
            distance = relative_error(output, expected) if np.shape(output) == expected.shape else np.inf
            if distance < TELLS * tolerance:
                print(f"{self.name}, {key}: right by chance ({distance:.1e}): {sentence}")
                continue
            nearest = min(nearest, distance)
            self.arrays[f"{key}: mistake: {sentence}"] = np.float32(few(output))
            self.arrays[f"{key}: shape: {sentence}"] = np.array(np.shape(output))
        figures = f"difference {largest:.1e}  tolerance {tolerance:.1e}  nearest mistake {nearest:.1e}"
        print(f"{self.name:20} {key:22} {figures}")

    def write(self) -> None:
        """Beside, then renamed, and not at all if all is as before. Prints what changed, and keeps the rest."""
        for key, array in self.arrays.items():
            self._check_finite(key, array)
        path = REFERENCES / f"{self.name}.npz"
        before = dict(np.load(path, allow_pickle=False)) if path.exists() else {}
        changed = list_changes(before, self.arrays)
        if not changed:
            print(f"{path.name}: as before")
            return
        print(*(f"{path.name}, {key}: {change}" for key, change in changed.items()), sep="\n")
        arrays = {key: array if key in changed else before[key] for key, array in self.arrays.items()}
        data = io.BytesIO()
        np.savez_compressed(data, allow_pickle=False, **arrays)
        write_whole(path, data.getvalue(), PUBLIC)

    def _check_finite(self, key: str, array: np.ndarray) -> None:
        """Nothing that a test compares would ever be like NaN."""
        count = np.count_nonzero(~np.isfinite(array))
        if count:
            raise ValueError(
                f"expected finite numbers for {key!r} of {self.name}.npz, got {count} that are NaN or infinite: "
                "is something divided by 0 there?"
            )


def list_changes(before: Arrays, after: Arrays) -> dict[str, str]:
    """Tell of each key whose array is another one what became of it."""
    found = {key: "gone" for key in before if key not in after}
    for key, new in after.items():
        change = _change(before.get(key), new)
        found |= {key: change} if change else {}
    return found


def _change(old: np.ndarray | None, new: np.ndarray) -> str:
    if old is None:
        return "new"
    if (old.dtype, old.shape) != (new.dtype, new.shape):
        return f"{new.dtype} {new.shape}, was {old.dtype} {old.shape}"
    if np.array_equal(old, new) or (new.dtype.kind == "f" and relative_error(new, old) <= ROUNDING):
        return ""
    if new.size <= FEW:
        return f"{new.tolist()}, was {old.tolist()}"
    return f"{np.count_nonzero(old != new)} of {new.size} numbers changed, by {relative_error(new, old):.1e} in all"


def _round_up(tolerance: float) -> float:
    """To two digits, so that what the last bits decide changes no file."""
    return float(decimal.Context(prec=2, rounding=decimal.ROUND_UP).create_decimal(repr(float(tolerance))))


def in_float32(probe: str, key: str, **arguments) -> list[np.ndarray]:
    """Return what the solution gives, in each of the ways in which float32 can differ."""
    answers, threads = [], torch.get_num_threads()
    ways = itertools.product((1, 2), (False, True) if "network" in arguments else (False,))
    try:
        for count, channels_last in ways:
            torch.set_num_threads(count)
            settings = {"channels_last": True} if channels_last else {}
            answers.append(np.asarray(probes.call(probe, **arguments, **settings)[key]))
    finally:
        torch.set_num_threads(threads)
    return answers


def ripple(function: Callable[[np.ndarray], np.ndarray | float], X: np.ndarray) -> list[np.ndarray]:
    """Return what the oracle gives on inputs that are changed a little."""
    rng = np.random.default_rng(0)
    return [np.asarray(function(X * (1 + RIPPLE * rng.standard_normal(X.shape)))) for _ in range(RIPPLES)]


def town_and_painting() -> list[list[np.ndarray]]:
    """Return the features of both in the embedded network, one array for each of its modules."""
    cnn = networks.build("embedded").features
    return [
        [value.numpy() for value in inputs.features(cnn, inputs.picture(name, 48, 64))] for name in ("town", "flow")
    ]
