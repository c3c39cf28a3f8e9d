"""Score, probability and loss: how their gradients hang together, and what becomes of them when the network is sure."""

import numpy as np
import pytest
import torch
from torch import nn

from labs import lab
from labs.gradients import score_or_loss
from tests import networks
from visualizers.network import class_scores


@pytest.fixture
def model():
    return networks.build("deep", "float64")


def test_the_maps_of_probability_and_loss_differ_by_the_probability(model, X, y):
    """dp = -p dL, as L = -log p: one map is the other, times a number for each image."""
    maps = score_or_loss.explain(model, X.double(), y)
    p = class_scores(model(X.double()).softmax(1), y)
    torch.testing.assert_close(maps["probability"], p[:, None, None] * maps["loss"])


def test_the_gradient_of_the_loss_has_the_other_classes_by_their_probability(model, X, y):
    """dL = sum over k of (p_k - 1[k = y]) ds_k; the lab's share of others is what is left beside (p_y - 1) ds_y."""
    X = X.double()
    found = score_or_loss.fade(model, X[0], y[0], torch.tensor([1.0]))
    p = model(X[:1]).softmax(1)[0]
    gradients = [lab.gradient(lambda X, k=k: model(X)[:, k], X[:1]).flatten() for k in range(5)]
    own = (p[y[0]] - 1) * gradients[y[0]]
    others = sum(p[k] * gradients[k] for k in range(5) if k != y[0])
    expected = others.norm() / (others.norm() + own.norm())
    assert found["others"][0] == pytest.approx(float(expected)) and found["confidence"][0] == pytest.approx(
        float(p[y[0]])
    )
    for name, maps in score_or_loss.explain(model, X[:1], y[:1]).items():
        assert found[name][0] == pytest.approx(float(maps.norm()))


@pytest.mark.parametrize("sure", [1, 20, 400])
def test_a_sure_network_has_no_gradient_of_loss_and_probability(sure):
    """Two classes with the scores w x and 0: the loss's gradient is (1 - p) w, the probability's p (1 - p) w."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(3, 2, bias=False))
    model[1].weight.data = torch.tensor([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
    model.requires_grad_(False)
    X = torch.full((1, 3, 1, 1), sure / 3)
    p = torch.tensor(float(sure)).sigmoid()
    maps = score_or_loss.explain(model, X, torch.tensor([0]))
    assert maps["score"].item() == 1
    assert maps["loss"].item() == pytest.approx((1 - p).item(), abs=1e-6)
    assert maps["probability"].item() == pytest.approx((p * (1 - p)).item(), abs=1e-6)


def test_each_level_has_the_images_that_reach_it():
    """Sizes are geometric means over images, of each one's mean score's map; no level without an image."""
    first = {"confidence": [0.1, 0.5], "others": [0.3, 0.2], "score": [1, 3], "probability": [2, 2], "loss": [2, 2]}
    second = {"confidence": [0.5, 0.9], "others": [0.4, 0.1], "score": [1, 1], "probability": [4, 4], "loss": [4, 4]}
    found = score_or_loss.over_confidence([{k: np.array(v, float) for k, v in one.items()} for one in (first, second)])
    assert (found["levels"], found["images"]) == ([0.1, 0.5, 0.9], [1, 2, 1])
    means = [mean for mean, _, _ in found["size"]["loss"]]
    assert np.exp(means) == pytest.approx([1, 2, 4]) and [mean for mean, _, _ in found["leak"]] == pytest.approx(
        [0.3, 0.3, 0.1]
    )


def test_a_map_of_zeros_is_on_no_object():
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 2)).requires_grad_(False)
    model[1].weight.data.zero_()
    found = score_or_loss.point(model, torch.ones(1, 3, 2, 2), torch.tensor([0]), np.ones((1, 2, 2), bool))
    assert found["score"] == {"hits": [0.0], "energy": [0.0], "empty": [1.0]}


def test_maps_of_zeros_are_a_share_of_the_scenes_with_an_interval(bench):
    numbers = score_or_loss.measure(bench)
    count = numbers["pointing"]["images"]
    table = score_or_loss.tabulate(numbers)
    assert table.columns[-1] == "maps of zeros" and all(" to " in row[-1] for row in table.rows)
    assert f"{table.rows[-1][-1]} of {count} scenes have a loss whose map" in score_or_loss.conclude(numbers)[0]
