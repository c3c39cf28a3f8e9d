"""Straight lines: what a linear network does along directions, and what is called straight."""

import numpy as np
import pytest
import torch

from labs import lab, querying
from labs.robustness import linearity
from tests.labs import small


@pytest.fixture
def c():
    return small.compare(small.linear(), small.grey(2))


@pytest.fixture
def g(c):
    return lab.gradient(lambda x: querying.margin(c.scores(x), c.y), c.pixels)


def test_a_linear_network_is_straight_and_its_slope_is_the_gradient_s(c, g):
    curves = linearity.along(c, -g.sign(), [0.0, 1.0, 2.0, 3.0])
    assert linearity.straight(curves) == pytest.approx([1, 1], abs=1e-5)
    fall = g.abs().flatten(1).sum(1) / 255
    torch.testing.assert_close(curves[0] - curves[1], fall, rtol=1e-3, atol=1e-5)


def test_how_straight_a_curve_is_is_its_squared_correlation_with_a_line():
    curve = np.array([0.0, 0.0, 1.0, 5.0])
    expected = np.corrcoef(curve, np.arange(4))[0, 1] ** 2
    assert linearity.straight(torch.from_numpy(curve)[:, None]) == pytest.approx([expected])


def test_directions_are_as_long_as_signs():
    directions = linearity.as_long(torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(0)))
    torch.testing.assert_close(directions.flatten(1).norm(dim=1), torch.full((2,), 108**0.5))


def test_fewer_values_are_some_of_more(bench):
    """A smaller share differs from a larger one by what is missing alone."""
    few, more = (linearity.some(torch.zeros(1, 3, 32, 32), share, bench) for share in (0.1, 0.5))
    assert (few <= more).all() and 0 < few.mean() < more.mean() < 1


def test_the_needed_radius_of_an_image_is_the_first_that_is_enough(c, g):
    exact = 255 * querying.margin(c.scores(c.pixels), c.y) / g.abs().flatten(1).sum(1)
    expected = [next(radius for radius in linearity.NEEDED if radius > float(one)) for one in exact]
    assert linearity.find_needed(c, -g.sign()) == expected
    assert linearity.find_needed(c, torch.zeros_like(g)) == [2 * linearity.NEEDED[-1]] * 2


def test_the_power_of_radii_that_are_as_the_line_says_is_minus_one_and_censored_shares_do_not_count():
    never = 2 * linearity.NEEDED[-1]
    radii = [[0.5, 1.0, 2.0], [2.0, 4.0, 8.0], [8.0, never, never]]
    numbers = {"networks": ["a"], "shares": [1, 1 / 4, 1 / 16], "needed": {"a": radii}}
    assert linearity.power_of(numbers) == pytest.approx([-1, -1, -1])
    assert linearity.power_of(numbers | {"needed": {"a": [radii[0], radii[2], radii[2]]}}) is None
