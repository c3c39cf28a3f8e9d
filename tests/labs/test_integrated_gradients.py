"""The axioms of integrated gradients, where the answers are known by hand."""

import re

import numpy as np
import pytest
import torch

import methods
from labs.attribution import integrated_gradients
from labs.attribution.integrated_gradients import QUADRATURES, change, completeness, quadrature
from methods import ReluAs
from tests import networks


@pytest.mark.parametrize(("name", "error"), list(zip(QUADRATURES, (1 / 8, 0, 0, 0))))
def test_the_integrals_of_a_constant_and_a_line_are_exact_but_for_the_right_sum(name, error):
    """The integrals of 1 and of 2 t from 0 to 1 are 1; the right sum of 2 t over m steps is 1 + 1 / m."""
    points, weights = quadrature(name, 8)
    assert len(points) == len(weights) and sum(weights) == pytest.approx(1)
    assert sum(weight * 2 * float(point) for point, weight in zip(points, weights)) == pytest.approx(1 + error)


def test_a_linear_network_is_complete_at_once():
    """Its slope is the same everywhere, so any number of steps gives the difference of the scores."""
    model = networks.build("linear", "float64", height=4, width=4)
    x = torch.rand(1, 3, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found, difference = completeness(model, x, torch.tensor([1]), [1, 5])
    assert max(max(errors) for errors in found.values()) < 1e-12 * abs(difference)


def test_more_steps_are_nearer_to_completeness(X, y):
    found, difference = completeness(networks.build("deep", "float64"), X[:1].double(), y[:1], [2, 300])
    assert all(last < first and last < 0.02 * abs(difference) for first, last in found.values())


def test_completeness_is_that_of_the_attributions(X, y):
    """Slopes along the way give the sum of the attributions themselves."""
    model, x = networks.build("deep", "float64"), X[:1].double()
    total = float(methods.integrated_gradients(x, y[:1], model, 6).sum())
    ends = model(torch.cat([x, 0 * x]))[:, y[0]]
    expected = float(ends[0] - ends[1])
    errors, difference = completeness(model, x, y[:1], [6])
    assert difference == pytest.approx(expected) and errors["midpoints"] == pytest.approx([abs(total - expected)])


def test_one_step_of_the_right_sum_is_gradient_times_input(X, y):
    """The table has at one step the method that integrated gradients must beat."""
    model, x = networks.build("deep", "float64"), X[:1].double()
    total = float((methods.gradient(x, y[:1], model) * x).sum())
    errors, difference = completeness(model, x, y[:1], [1])
    assert errors["right sum (the paper's)"] == pytest.approx([abs(total - difference)])


def test_the_papers_example_of_sensitivity():
    """1 - ReLU(1 - x) from 0 to 2: no gradient at the end, integrated gradients of 1."""
    assert integrated_gradients.sensitivity() == pytest.approx({"gradient": 0, "integrated gradients": 1})


def test_a_network_written_otherwise_is_the_same_function(X):
    model = networks.build("deep", "float64")
    twin = ReluAs(model, integrated_gradients.write_relu_otherwise)
    torch.testing.assert_close(twin(X.double()), model(X.double()))


def test_only_what_is_a_gradient_is_invariant_and_linear(X, y):
    """Guided backprop and the deconvnet see how ReLUs are written, and do not add up."""
    found = integrated_gradients.promises(X[:1].double(), y[:1], networks.build("deep", "float64"), 4)
    for promise in ("invariance", "linearity"):
        assert max(found[promise]["integrated gradients"], found[promise]["gradient"]) < 1e-12
        assert min(found[promise]["guided backprop"], found[promise]["deconvnet"]) > 0.05
    assert min(found["another class"].values()) > 0.01  # and it does matter which score is explained


def test_change_is_nothing_for_equal_maps_and_one_for_opposite_ones():
    a = torch.tensor([1.0, -2.0])
    assert change(a, a) == 0 and change(a, -a) == pytest.approx(1) and change(a, 0 * a) == pytest.approx(1)


def test_black_pixels_get_nothing_from_a_black_baseline(bench):
    """x - x' is a factor of every attribution."""
    _, X, y, _ = bench.batch(1)
    X[:, :, :42] = integrated_gradients.lab.from_pixels(torch.zeros(1, 3, 1, 1))
    found, pictures = integrated_gradients.baselines(X, y, bench.model, 2, bench.generator())
    assert found["black"]["dark"] < 0.01 < found["white"]["dark"]
    assert found["grey"]["like grey"] == pytest.approx(1)
    assert np.all(pictures["black"][1][:41] == 0)


def test_all_numbers_of_the_baselines_have_intervals(bench):
    last = integrated_gradients.conclude(integrated_gradients.measure(bench))[-1]
    assert len(re.findall(r"\(\S+ to \S+\)", last)) == 6 and re.findall(r"\d%(?!\)| \()", last) == []
