"""Shapley values of channels: their axioms, exact values on few channels, and what is compared of maps."""

import re
from itertools import permutations

import numpy as np
import pytest
import torch
from torch import nn

from labs import lab
from labs.attribution import shap_cam
from labs.attribution.shap_cam import activations, differ, mix, run_head, shapley, shapley_positions
from tests import networks


@pytest.fixture
def model():
    """A small SqueezeNet-like head on six channels."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = nn.Module()
        head = [nn.Dropout(), nn.Conv2d(6, 4, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1)]
        model.classifier = nn.Sequential(*head)
    return model.double().eval().requires_grad_(False)


@pytest.fixture
def A():
    return torch.rand(6, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def value(model, A, players):
    kept = torch.zeros_like(A)
    kept[list(players)] = A[list(players)]
    return run_head(model, kept[None])[0, 2]


def test_every_order_shares_out_the_score(model, A):
    """Efficiency: in each order the contributions sum to the score less that of no channel."""
    added = shapley(model, A, 2, 20, torch.Generator().manual_seed(0))
    expected = value(model, A, range(6)) - value(model, A, [])
    torch.testing.assert_close(added.sum(dim=1), expected.expand(20))


def test_many_orders_come_near_the_exact_values(model, A):
    """The mean over all 720 orders, each coalition through the network's own head."""
    exact = torch.zeros(6, dtype=torch.float64)
    for order in permutations(range(6)):
        for i, player in enumerate(order):
            exact[player] += (value(model, A, order[: i + 1]) - value(model, A, order[:i])) / 720
    sampled = shapley(model, A, 2, 3000, torch.Generator().manual_seed(0)).mean(dim=0)
    assert (sampled - exact).norm() < 0.05 * exact.norm()


def test_a_channel_that_is_nothing_gets_nothing(model, A):
    A[3] = 0
    assert torch.all(shapley(model, A, 2, 10, torch.Generator())[:, 3] == 0)


def test_on_a_linear_head_values_are_gradient_times_activation(model, A):
    """A bias so high keeps the ReLU open, so a channel adds the same in every order."""
    model.classifier[1].bias += 100
    added = shapley(model, A, 2, 5, torch.Generator().manual_seed(0))
    expected = (model.classifier[1].weight[2] * A).mean(dim=(1, 2))
    torch.testing.assert_close(added, expected.expand(5, 6))


def test_what_a_layer_gives_is_not_what_an_in_place_relu_makes_of_it(X):
    model = networks.build("deep")
    kept = activations(model, X, "features.12")
    torch.testing.assert_close(kept, model.features(X))


def test_deleting_by_the_order_of_the_map(X, y):
    """At 0 % the image, at 100 % the other one; the curve starts and ends with their confidences."""
    model, maps = networks.build("deep"), torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(0))
    curve = mix(model, X, y, maps, torch.zeros_like(X)).mean(dim=1).tolist()
    ends = [float(lab.confidence(model, images, y).mean()) for images in (X, torch.zeros_like(X))]
    assert [curve[0], curve[-1]] == pytest.approx(ends)


def test_positions_share_out_the_score_and_come_near_the_exact_values(A):
    """Four positions that a convolution mixes: the mean over all 24 orders, each coalition by itself."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        tail = nn.Sequential(nn.Conv2d(6, 5, 2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(45, 3)).double()
    A = A[:, :2, :2]

    def value(players):
        kept = torch.zeros(4, dtype=torch.float64)
        kept[list(players)] = 1
        return float(tail(A[None] * kept.view(2, 2))[0, 1].detach())

    exact = torch.zeros(4, dtype=torch.float64)
    for order in permutations(range(4)):
        for i, player in enumerate(order):
            exact[player] += (value(order[: i + 1]) - value(order[:i])) / 24
    added = shapley_positions(tail, A, 1, 400, torch.Generator().manual_seed(0))
    torch.testing.assert_close(added.sum(dim=1), exact.sum().expand(400))
    assert (added.mean(dim=0) - exact).norm() < 0.1 * exact.norm()


def test_methods_are_compared_on_the_images_that_both_have():
    """The third image, which only Grad-CAM has, says nothing; curves (shares, images) are compared by their means."""
    assert differ({"Grad-CAM": [0.1, 0.2, 9.0], "other": [0.3, 0.4]}, "other") == pytest.approx([0.2] * 3)
    found = {"Grad-CAM": [[0.0, 1.0], [0.2, 0.2]], "other": [[0.5, 1.5], [0.7, 0.7]]}
    assert differ(found, "other") == pytest.approx([0.5] * 3)


@pytest.fixture
def numbers(bench):
    return shap_cam.measure(bench)


def test_every_number_of_the_table_has_an_interval_but_counts_and_seconds(numbers):
    table = shap_cam.tabulate(numbers)
    for row in table.rows:
        assert all(cell in ("-", "0 (itself)") or " to " in cell for cell in row[2:-1])
    first, second, _ = shap_cam.conclude(numbers)
    assert re.findall(r"\d%(?!\)| \()", first) == [] and len(re.findall(r"\(\S+ to \S+\)", second)) == 3


def test_no_picture_of_the_figure_is_blank_and_small_differences_are_told_in_numbers(numbers, bench):
    """Grad-CAM's map of SqueezeNet is nearly Shapley's: drawn, their difference was an empty panel."""
    fig = shap_cam.draw(numbers, bench)
    pictures = [np.asarray(image.get_array()) for axes in fig.axes for image in axes.images]
    assert len(pictures) >= 1 + len(numbers["methods"]) and all(np.ptp(picture) > 0.2 for picture in pictures)
    labels = {axes.get_title(): axes.get_xlabel() for axes in fig.axes if "n = " in axes.get_xlabel()}
    assert labels["Shap-CAM"] == f"{shap_cam.write_apart(numbers, 'Shap-CAM')}\nn = 2"
    assert labels["Grad-CAM"].startswith("0 (itself)")


def test_errors_of_shapley_values_are_of_each_image_and_fall_with_the_orders(source):
    X, y = lab.as_batch(source.images[2:4], source), torch.from_numpy(source.labels[2:4])
    found = shap_cam.convergence(lab.Bench(source), X, y, [1, 16])
    assert all(few > many for few, many in zip(*found["error"])) and len(found["linear"]) == 2
    assert max(found["efficiency"]) < 1e-4
