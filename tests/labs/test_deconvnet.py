"""Units of layers: what is projected at the first layer is the filter itself, and which patches are taken."""

import numpy as np
import pytest
import torch
from torch import nn

import methods
from labs import lab
from labs.features import deconvnet
from labs.features.deconvnet import METHODS, Units, best, boxes, correlation, crops, sharpness
from tests import networks


@pytest.fixture
def modules():
    return list(networks.build("deep").features)


def explain(X, channel, modules):
    return methods.attributions(METHODS, X, torch.full((len(X),), channel), Units(modules), "")


def test_at_the_first_layer_all_methods_give_the_filter(modules, X):
    """There is no ReLU to pass but the unit's own: the projection of a unit is its filter, where it looks."""
    found = explain(X[:1], 2, modules[:2])
    rows, columns = found["gradient"][0].abs().sum(0).nonzero().T
    top, left = int(rows.min()), int(columns.min())
    for name in METHODS:
        patch = found[name][0, :, top : top + 3, left : left + 3]
        torch.testing.assert_close(patch, modules[0].weight[2][:, : patch.shape[1], : patch.shape[2]])


def test_deeper_the_methods_part(modules, X):
    found = explain(X, 1, modules[:12])
    assert correlation(found["deconvnet"], found["gradient"]) < 0.99
    assert correlation(found["guided backprop"], found["gradient"]) < 0.99


def test_the_best_pictures_are_those_with_the_highest_score(modules, X):
    """A score is that of the strongest unit; nine of three images are three of each: none has more than needed."""
    network = Units(modules[:4])
    assert torch.equal(network(X), network.trunk(X).amax(dim=(2, 3)))
    pool = crops(X, 9)
    assert pool.shape == (30, 3, 64, 64)
    all_values = lab.predict(network, pool, 8)
    assert deconvnet.strongest(torch.tensor([[1.0, 3.0, 2.0]] * 9), 2) == [1, 2]
    found = best(network, pool, all_values, 0, images=len(X))
    values = network(found.images)[:, 0]
    assert len(values) == 9 and torch.equal(values, values.sort(descending=True).values)
    assert values[0] == network(pool)[:, 0].max()
    rows = [int((pool == x).flatten(1).all(1).nonzero()[0, 0]) for x in found.images]
    assert sorted(row % 3 for row in rows) == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_boxes_lie_around_what_is_seen_and_within_the_image():
    seen = np.zeros((2, 20, 20), bool)
    seen[0, 3:8, 10:13] = seen[1, 18:20, 0:2] = True
    assert boxes(seen) == [(3, 9, 5), (15, 0, 5)]


def test_sharpness_of_a_point_is_all_and_of_a_constant_one_in_twenty():
    point = torch.zeros(1, 1, 20, 20)
    point[0, 0, 3, 3] = 1
    assert sharpness(point) == 1 and sharpness(torch.ones(1, 1, 20, 20)) == pytest.approx(0.05)


def test_two_channels_that_are_one_have_equal_maps(X):
    conv = nn.Conv2d(3, 2, 3)
    conv.weight.data[1], conv.bias.data[1] = conv.weight.data[0], conv.bias.data[0]
    network = Units([conv.requires_grad_(False), nn.ReLU()])
    found = [best(network, X, lab.predict(network, X), channel, len(X)) for channel in (0, 1)]
    alike = deconvnet.other_units(network, found, [0, 1])
    assert list(alike) == list(METHODS) and alike["gradient"] == pytest.approx([1, 1], abs=1e-4)


@pytest.mark.parametrize("nested", [False, True])
def test_a_unit_behind_a_relu6_is_explained_however_strong(X, nested):
    """At 6 it has no gradient, and all maps would be nothing: the filter is expected, as for a ReLU."""
    conv = nn.Conv2d(3, 2, 3).requires_grad_(False)
    conv.bias.data[:] = 100
    maps = explain(X[:1], 0, [nn.Sequential(conv, nn.ReLU6())] if nested else [conv, nn.ReLU6()])
    assert all(map_.abs().sum() == pytest.approx(float(conv.weight[0].abs().sum()), rel=1e-4) for map_ in maps.values())
