# STAFF
"""Measurements that captions state: closed forms for each number."""

import numpy as np
import pytest
import torch
from torch import nn

from figures import measured

MAPS = [np.array([[1.0, -2.0], [0.0, 3.0]]), np.array([[4.0, 0.0, -6.0]])]


def test_the_largest_difference_is_printed_and_returned(capsys):
    assert measured.largest_difference("saliency", MAPS, [MAPS[0] + 0.25, MAPS[1]]) == ("0.25", 6.0)
    assert capsys.readouterr().out == (
        "saliency, ours and Captum's: largest difference 0.25, where the largest value is 6\n"
    )


def test_maps_as_parts_of_their_largest_value():
    """Each by itself; a map of zeros stays so."""
    parts = measured.of_largest([*MAPS, np.zeros((2, 2))])
    assert [float(np.abs(p).max()) for p in parts] == [1, 1, 0]


def test_correlation_is_one_for_alike_and_zero_for_constant_maps():
    """Scale and brightness do not count, the sign does."""
    ramp, checks = np.arange(16.0).reshape(4, 4), np.indices((4, 4)).sum(0) % 2
    found = measured.correlation([ramp] * 5, [ramp, 3 * ramp + 1, -ramp, checks[::, ::-1] * 0, ramp.astype(np.float32)])
    assert found == pytest.approx([1, 1, -1, 0, 1])
    assert measured.correlation([ramp], [checks]) == pytest.approx(np.corrcoef(ramp.ravel(), checks.ravel())[0, 1:])


@pytest.mark.parametrize("maps, share", [(MAPS, 8 / 16), ([np.ones((2, 2))], 0), ([np.zeros((2, 2))], 0)])
def test_the_share_of_what_is_negative(maps, share):
    assert measured.share_below_zero(maps) == share


@pytest.mark.parametrize(
    "layers, period",
    [
        ([nn.Conv2d(3, 4, 3, stride=2)], 2),
        ([nn.Conv2d(3, 4, 3), nn.MaxPool2d(3)], 3),
        ([nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3, stride=(2, 2))], 2),
        ([nn.Conv2d(3, 4, 3, stride=2), nn.MaxPool2d(3)], 6),
        ([nn.Conv2d(3, 4, 3, stride=2), nn.MaxPool2d(3, 2), nn.MaxPool2d(3, 2)], 4),
        ([nn.Conv2d(3, 4, 3)], 1),
    ],
)
def test_the_grid_has_the_period_of_the_first_two_strides(layers, period):
    """A map that is 3 at every pixel of that period and 1 elsewhere has three times as much there; images add up."""
    grid = np.ones((12, 24))
    grid[::period, ::period] = 3
    found = measured.grid_of_strides([grid, grid[:, :12]], nn.Sequential(*layers))
    assert found == (period, pytest.approx(3.0 if period > 1 else 1.0))


def test_the_grid_of_a_network_that_samples_every_other_pixel():
    """A kernel of 3 in strides of 2, all weights 1: a pixel takes part in one, two or four sums, and so is its map."""
    model = nn.Conv2d(1, 1, 3, stride=2, bias=False)
    nn.init.ones_(model.weight)
    x = torch.zeros(1, 1, 31, 31, requires_grad=True)
    model(x).sum().backward()
    period, grid = measured.grid_of_strides([x.grad[0, 0, 2:-2, 2:-2].numpy()], model)
    assert (period, grid) == (2, pytest.approx(4))


def test_maps_of_zeros_have_no_grid():
    assert measured.grid_of_strides([np.zeros((8, 8))], nn.Conv2d(3, 4, 3, stride=2)) == (2, 1.0)


def test_squeezenets_grid_repeats_every_four_pixels(source):
    """Its first convolution and its first pooling move by 2 each: one period, as in the lab on upsampling."""
    assert measured.grid_of_strides([np.ones((8, 8))], source.model) == (4, 1.0)
