"""Mistakes that a wrong answer tells by itself: its sign, a factor, what of it is 0, its axes."""

import numpy as np

from tests import sentences

FEWEST = 3  # numbers that must agree before they tell anything,
SHARE = 0.02  # and such a share of all
FEW = 8  # numbers of an image, of which fewer might lie on a line by chance
CLOSE = 1e-2  # what parts of an answer must agree to, at most

NOT_FINITE = "something is divided by 0, or a root or logarithm is taken of what is not positive."
MASK = "nothing but zeros and one other number came: is this a mask, without the numbers that it lets through?"
EACH_SCALED = (
    "each image is multiplied by a number of its own: is it divided by its norm, its sum or its largest value, or is "
    "backward handed something else than ones? The numbers themselves are asked for."
)
STRETCHED = "it is scaled to [0, 1]: the numbers themselves are asked for."
TOO_MANY_ZEROS = "too much of it is 0, and the rest is right: something is cut off that counts."
FIRST_ALONE = "axis 0 has shrunk to 1. Does `return` or `break` end the loop, or does [0] stand for [:, 0]?"
LAST_MISSING = "axis 0 is too short: what came is right, and the last is left out. Does a loop end too early?"
TOO_FEW_ZEROS = "it is right but where it should be 0: something must be cut off there."


def of_numbers(got: np.ndarray, expected: np.ndarray, tolerance: float, secret: bool) -> str:
    """Name what lies between two flat arrays of one size, float64; "" if nothing simple does.

    secret: the sentence tells no number.
    """
    if not got.any():
        return (
            "nothing but zeros came: is the result computed, does its gradient reach its input, and does nothing make "
            "zeros of it: // for /, or a ReLU for which it has the wrong sign?"
        )
    if not _varies(expected):
        return ""  # where all numbers are one, any number is a multiple of it: that tells nothing
    if factor := _factor(got, expected, tolerance):
        if abs(factor + 1) < 1e-4:
            return sentences.SIGN_TURNED
        return "it is a multiple of what is expected." if secret else f"it is {factor:.4g} times what is expected."
    near = min(tolerance, CLOSE)
    if got.size > FEWEST:
        if not np.ptp(got):
            return "one and the same number came everywhere."
        if not np.ptp(got[got != 0]):
            return MASK
        added = got - expected
        if np.ptp(added) < near * np.abs(added).max():
            return "the same number is added everywhere."
        if _near(np.abs(got), np.abs(expected), near):
            return "signs are lost, or some of them turned: the sizes are right."
        if _near(got, expected**2, near):
            return "it is the square of what is expected."
    for part, sentence in ((got != 0, TOO_MANY_ZEROS), (expected != 0, TOO_FEW_ZEROS)):
        enough = max(FEWEST, SHARE * got.size)
        if enough <= part.sum() <= got.size - FEWEST and _near(got[part], expected[part], near):
            return sentence
    return ""


def of_images(got: np.ndarray, expected: np.ndarray, image: np.ndarray, tolerance: float) -> str:
    """Name what is right but for a factor of each image's own. image: of each value, the number of its image."""
    near, factors = min(tolerance, CLOSE), []
    for own, right in _by_image(got, expected, image):
        if own.any() or right.any():
            factors.append(float(own @ right / max(right @ right, 1e-30)))
            if not factors[-1] > 1e-12 or not _near(own / factors[-1], right, near):
                return ""
    return EACH_SCALED if len(factors) > 1 and np.ptp(factors) > near * max(factors) else ""


def is_stretched(got: np.ndarray, expected: np.ndarray, image: np.ndarray, tolerance: float) -> bool:
    """Tell whether numbers in [0, 1] are what is expected, shifted and scaled: each image by itself, or all as one."""
    return any(
        all(_is_line(own, right, tolerance) for own, right in _by_image(got, expected, number))
        for number in (image, np.zeros_like(image))
    )


def _by_image(got: np.ndarray, expected: np.ndarray, image: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(got[image == i], expected[image == i]) for i in np.unique(image)]


def _is_line(own: np.ndarray, right: np.ndarray, tolerance: float) -> bool:
    """Tell whether one is the other times a positive number, and another one added."""
    if own.size < FEW or not np.ptp(own) or not np.ptp(right):
        return False
    own, right = own - own.mean(), right - right.mean()
    slope = float(own @ right / (right @ right))
    return slope > 0 and _near(own, slope * right, tolerance)


def of_shapes(got: np.ndarray, expected: np.ndarray, tolerance: float) -> str:
    """Name the axis of an array of another shape that is still there, is gone, or has shrunk to 1."""
    if got.ndim == expected.ndim + 1:
        for axis in range(got.ndim):
            for reduced, sentence in (
                (got.sum(axis), "add up along it."),
                (got.max(axis), "take the largest along it."),
                (np.abs(got).max(axis), "take the largest absolute value along it."),
            ):
                if reduced.shape == expected.shape and _near(reduced, expected, tolerance):
                    return f"axis {axis} is still there: {sentence}"
    if got.ndim == expected.ndim - 1:
        for axis in range(expected.ndim):
            for reduced in (expected.sum(axis), expected.mean(axis), expected.max(axis), expected.take(0, axis)):
                if reduced.shape == got.shape and _near(got, reduced, tolerance):
                    return f"axis {axis} is gone: it must stay."
    if got.ndim == expected.ndim:
        for axis in range(expected.ndim):
            reduced = got.sum(axis, keepdims=True)
            if reduced.shape == expected.shape and _near(reduced, expected, tolerance):
                return f"axis {axis} is not added up."
            kept = [expected.sum(axis, keepdims=True), expected.max(axis, keepdims=True), expected.take([0], axis)]
            if any(one.shape == got.shape and _near(got, one, tolerance) for one in kept):
                return f"axis {axis} has shrunk to 1: it must stay."
    if got.size == 1 and expected.size > 1:
        return "a single number came: keep the axes."
    return ""


def _varies(values: np.ndarray) -> bool:
    sizes = np.abs(values[np.abs(values) > 1e-9 * np.abs(values).max(initial=0)])
    return bool(sizes.size and np.ptp(sizes) >= 1e-6 * sizes.max())


def _factor(got: np.ndarray, expected: np.ndarray, tolerance: float) -> float:
    """The number by which one is a multiple of the other; 0 if there is none, or if it is 1."""
    factor = float(got @ expected / (expected @ expected))
    if abs(factor) < 1e-12 or abs(factor - 1) < 0.01 or not _near(got / factor, expected, tolerance):
        return 0.0
    return factor


def _near(got: np.ndarray, expected: np.ndarray, tolerance: float) -> bool:
    size = np.linalg.norm(expected)
    return bool(size and np.linalg.norm(got - expected) <= tolerance * size)
