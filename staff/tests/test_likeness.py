"""All that a wrong answer tells by itself, and where it must not be told anything."""

import numpy as np
import pytest

from tests import likeness

RNG = np.random.default_rng(0)
EXPECTED = np.maximum(RNG.standard_normal(60), 0)
SIGNED = RNG.standard_normal(60)
MAPS = RNG.standard_normal((2, 3, 4))


def of(got, expected, secret=False):
    return likeness.of_numbers(np.asarray(got, np.float64), expected, 1e-4, secret)


@pytest.mark.parametrize(
    "got, expected, told",
    [
        (np.where(EXPECTED > 0.5, EXPECTED, 0), EXPECTED, likeness.TOO_MANY_ZEROS),
        (np.where(EXPECTED > 0, EXPECTED, SIGNED), EXPECTED, likeness.TOO_FEW_ZEROS),
        (SIGNED + 1, SIGNED, "the same number is added everywhere"),
        (np.abs(SIGNED), SIGNED, "signs are lost"),
        (SIGNED**2, SIGNED, "it is the square"),
        (np.full(60, 7.0), SIGNED, "one and the same number"),
        (SIGNED > 0, SIGNED, likeness.MASK),
        (2 * (SIGNED > 0), SIGNED, likeness.MASK),
        (3 * SIGNED, SIGNED, "it is 3 times"),
        (-SIGNED, SIGNED, "the sign is turned"),
        (0 * SIGNED, SIGNED, "nothing but zeros"),
    ],
)
def test_what_lies_between_two_arrays_is_told(got, expected, told):
    assert told in of(got, expected)


@pytest.mark.parametrize("got", [RNG.standard_normal(60), SIGNED + 0.1 * RNG.standard_normal(60), EXPECTED])
def test_any_other_array_is_told_nothing(got):
    assert of(got, SIGNED) == ""


def test_of_a_hidden_test_no_number_is_told():
    assert of(3 * SIGNED, SIGNED, secret=True) == "it is a multiple of what is expected."


@pytest.mark.parametrize(
    "got, told",
    [
        (np.stack([MAPS / 2, MAPS / 2]), "axis 0 is still there: add up along it."),
        (np.stack([MAPS, MAPS - 1], 2), "axis 2 is still there: take the largest along it."),
        (MAPS.sum(1), "axis 1 is gone"),
        (MAPS.mean(0, keepdims=True), ""),
        (MAPS.sum(0, keepdims=True), "axis 0 has shrunk to 1"),
        (np.array(5.0), "a single number came"),
        (RNG.standard_normal((2, 3)), ""),
    ],
)
def test_of_another_shape_the_axis_is_told(got, told):
    assert likeness.of_shapes(got, MAPS, 1e-4).startswith(told) and bool(told) == bool(
        likeness.of_shapes(got, MAPS, 1e-4)
    )
