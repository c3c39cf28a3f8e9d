# STAFF
"""The methods that labs compare: closed forms, and Captum's as oracles."""

import importlib
from unittest import mock

import numpy as np
import pytest
import torch
from captum.attr import Deconvolution, IntegratedGradients, NoiseTunnel, Saliency
from torch import nn

import methods
from figures.script import UserError
from tests import networks


@pytest.fixture
def model():
    return networks.build("deep", "float64")


@pytest.fixture
def X(X):
    return X.double()


def test_the_gradient_is_captums(model, X, y):
    torch.testing.assert_close(methods.gradient(X, y, model), Saliency(model).attribute(X, target=y, abs=False))


def test_integrated_gradients_are_captums(model, X, y):
    expected = IntegratedGradients(model).attribute(X, target=y, n_steps=16, method="riemann_middle")
    torch.testing.assert_close(methods.integrated_gradients(X, y, model, 16), expected)


def test_integrated_gradients_of_a_linear_network_are_weight_times_way():
    model = networks.build("linear", "float64", height=5, width=4)
    x, baseline = torch.rand(2, 3, 5, 4, dtype=torch.float64), 0.25
    expected = model[1].weight[torch.tensor([3, 0])].view(2, 3, 5, 4) * (x - baseline)
    found = methods.integrated_gradients(x, torch.tensor([3, 0]), model, 3, baseline)
    torch.testing.assert_close(found, expected)


def test_the_deconvnet_is_captums():
    """Captum replaces modules: on a network whose ReLUs are modules both are the same rule."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        layers = [nn.Conv2d(3, 6, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 6, 3), nn.ReLU()]
        model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4)).requires_grad_(False)
    x, y = torch.randn(2, 3, 20, 20, generator=torch.Generator().manual_seed(0)), torch.tensor([3, 1])
    torch.testing.assert_close(methods.deconvnet(x, y, model), Deconvolution(model).attribute(x, target=y))


def test_an_open_relu_has_the_value_of_a_relu_and_lets_back_what_is_positive():
    x = torch.tensor([-2.0, -0.5, 0.5, 3.0], requires_grad=True)
    value = methods.open_relu(x)
    assert torch.equal(value, x.relu())
    (back,) = torch.autograd.grad(value, x, torch.tensor([1.0, -1.0, 2.0, -2.0]))
    assert back.tolist() == [1, 0, 2, 0]


def test_smooth_grad_is_the_mean_gradient_of_noisy_copies(model, X, y):
    """On a linear network it is the gradient; elsewhere Captum's, where the noise has the same size, is near it."""
    linear = networks.build("linear", "float64", height=64, width=64)
    smooth = methods.smooth_grad(X, y, linear, samples=2)
    torch.testing.assert_close(smooth, methods.gradient(X, y, linear))
    spread = float(X[0].max() - X[0].min())
    tunnel = NoiseTunnel(Saliency(model))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        theirs = tunnel.attribute(X[:1], target=y[:1], nt_samples=300, nt_samples_batch_size=50, stdevs=0.15 * spread,
                                  abs=False)  # fmt: skip
    ours = methods.smooth_grad(X[:1], y[:1], model, samples=300)
    assert torch.corrcoef(torch.stack([ours.flatten(), theirs.flatten()]))[0, 1] > 0.9


def test_what_methods_share_is_the_same(model, X, y):
    found = methods.attributions(methods.METHODS, X, y, model, "features.12", samples=2, steps=2)
    assert list(found) == list(methods.METHODS)
    torch.testing.assert_close(found["gradient × input"], found["gradient"] * X)
    torch.testing.assert_close(found["Guided Grad-CAM"], found["guided backprop"] * found["Grad-CAM"])
    assert found["Grad-CAM"].shape == (3, 1, 64, 64)


def test_maps_are_sizes_and_saliency_stands_for_the_gradient(model, X, y):
    found = methods.maps(methods.comparisons(), X, y, model, "features.12", samples=2, steps=2)
    assert methods.SALIENCY not in found
    assert all(map_.shape == (3, 64, 64) and map_.min() >= 0 for map_ in found.values())
    torch.testing.assert_close(found["gradient"], methods.gradient(X, y, model).abs().amax(dim=1))


def test_a_method_is_drawn_by_its_table(model, X, y):
    """Three channels about grey, one over the picture, one as heat, one with red and blue: all as (H, W, 3)."""
    batch = methods.Batch(X, y, model, "features.12", samples=2, steps=2)
    images = [np.zeros((64, 64, 3), np.uint8)] * 3
    for name, method in methods.METHODS.items():
        row = method.row(method.map(batch.get(name)).numpy(), images)
        assert row.label == name and [panel.shape for panel in row.panels] == [(64, 64, 3)] * 3
        assert method.signed == bool((batch.get(name) < 0).any()), name


WRONG = {
    "list": ([1, 2], "expected an array of numbers from f, got list: look at its return"),
    "words": (np.array(["a"]), "expected an array of numbers from f, got ndarray"),
    "shape": (torch.zeros(2, 4), r"expected shape \(2, 3\) from f, got \(2, 4\): see its docstring"),
    "NaN": (np.full((2, 3), np.nan), "expected finite numbers from f, got NaN or infinity"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_a_function_returned_is_refused_in_words(case):
    maps, words = WRONG[case]
    with pytest.raises(UserError, match=words):
        methods.check_maps(maps, (2, 3), "f")


def test_a_name_is_taken_once():
    with pytest.raises(ValueError, match="expected a new name of a method, got 'SmoothGrad'"):
        methods.add(methods.METHODS["SmoothGrad"])


@pytest.fixture
def trial(monkeypatch):
    """A method that is added for a test, and what labs read of the table when they are imported."""
    for table in ("METHODS", "COLOURS"):
        monkeypatch.setattr(methods, table, dict(getattr(methods, table)))
    methods.add(methods.Method("trial", "nothing", lambda batch: batch.get("gradient") ** 2, "#123456"))
    read = [importlib.import_module(f"labs.{name}") for name in ("plots", "attribution.localisation")]
    yield [importlib.reload(module) for module in read]
    monkeypatch.undo()
    for module in read:
        importlib.reload(module)


def test_a_method_that_is_added_is_compared_by_labs_in_its_colour(trial, model, X, y):
    plots, localisation = trial
    assert localisation.METHODS[-1] == "trial"
    assert plots.COLOURS["trial"] == "#123456"
    maps = localisation.every_map(X, y, model, "features.12", mock.Mock(quick=True, seed=0))
    assert maps["trial"].shape == (3, 64, 64)


def test_the_labs_and_the_explorer_have_smooth_grad():
    """It is in the table, so in both."""
    from labs.attribution import localisation, sanity_checks

    assert "SmoothGrad" in localisation.METHODS and "SmoothGrad" in sanity_checks.METHODS
