"""The axioms of integrated gradients, where the answers are known by hand."""

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
    found = completeness(model, x, torch.tensor([1]), [1, 5])
    assert max(max(errors) for errors in found.values()) < 1e-12


def test_more_steps_are_nearer_to_completeness(X, y):
    found = completeness(networks.build("deep", "float64"), X[:1].double(), y[:1], [2, 300])
    assert all(last < first and last < 0.02 for first, last in found.values())


def test_completeness_is_that_of_the_attributions(X, y):
    """Slopes along the way give the sum of the attributions themselves."""
    model, x = networks.build("deep", "float64"), X[:1].double()
    total = float(methods.integrated_gradients(x, y[:1], model, 6).sum())
    ends = model(torch.cat([x, 0 * x]))[:, y[0]]
    expected = abs(total - float(ends[0] - ends[1])) / abs(float(ends[0] - ends[1]))
    assert completeness(model, x, y[:1], [6])["midpoints"] == pytest.approx([expected])


def test_the_papers_example_of_sensitivity():
    """1 - ReLU(1 - x) from 0 to 2: no gradient at the end, integrated gradients of 1."""
    assert integrated_gradients.sensitivity() == pytest.approx({"gradient": 0, "integrated gradients": 1})


def test_a_network_written_otherwise_is_the_same_function(X):
    model = networks.build("deep", "float64")
    twin = ReluAs(model, integrated_gradients.write_relu_otherwise)
    torch.testing.assert_close(twin(X.double()), model(X.double()))


def test_only_what_is_a_gradient_is_invariant_and_linear(X, y):
    """Guided backprop and the deconvnet see how ReLUs are written, and do not add up."""
    model, X = networks.build("deep", "float64"), X.double()
    twin = ReluAs(model, integrated_gradients.write_relu_otherwise)
    for found in (
        integrated_gradients.compare(X, y, model, 4, twin),
        integrated_gradients.linearity(X[:1], y[:1], model, 4),
    ):
        assert max(found["integrated gradients"], found["gradient"]) < 1e-12
        assert min(found["guided backprop"], found["deconvnet"]) > 0.05


def test_change_is_nothing_for_equal_maps_and_one_for_opposite_ones():
    a = torch.tensor([1.0, -2.0])
    assert change(a, a) == 0 and change(a, -a) == pytest.approx(1) and change(a, 0 * a) == pytest.approx(1)


def test_black_pixels_get_nothing_from_a_black_baseline(bench):
    """x - x' is a factor of every attribution."""
    _, X, y, _ = bench.batch(1)
    X[:, :, :42] = integrated_gradients.lab.from_pixels(torch.zeros(1, 3, 1, 1))
    found = integrated_gradients.baselines(bench, X, y, 2)
    assert found["black"]["dark"] < 0.01 < found["white"]["dark"]
    assert found["grey"]["like grey"] == pytest.approx(1)
    assert np.all(bench.pictures["black"][1][:41] == 0)
