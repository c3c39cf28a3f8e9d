"""What is measured of regions: closed forms for squares and halves."""

import numpy as np
import pytest

from labs import regions


@pytest.fixture
def square():
    masks = np.zeros((1, 12, 12), bool)
    masks[0, 4:8, 4:8] = True
    return masks


def test_iou_of_a_square_and_itself_shifted_by_one(square):
    """Twelve of sixteen pixels in common: 12 / (16 + 16 - 12)."""
    assert regions.iou(np.roll(square, 1, axis=2), square) == pytest.approx([12 / 20])


def test_iou_of_equal_masks_is_one_also_of_empty_ones_and_of_disjoint_ones_zero(square):
    empty = np.zeros_like(square)
    assert regions.iou(square, square) == 1 and regions.iou(empty, empty) == 1
    assert regions.iou(square, np.roll(square, 6, axis=1)) == 0


def test_mean_iou_of_finding_nothing_is_half_the_background(square):
    """The object's IoU is 0, the background's 128 of 144."""
    assert regions.mean_iou(np.zeros_like(square), square) == pytest.approx(128 / 144 / 2)


def test_the_band_of_a_straight_edge_is_as_wide_as_asked_on_both_sides():
    half = np.zeros((1, 10, 10), bool)
    half[..., 5:] = True
    for width in (1, 2, 3):
        assert np.flatnonzero(regions.band(half, width)[0, 0]).tolist() == list(range(5 - width, 5 + width))


def test_the_band_of_a_mask_without_edge_is_empty():
    assert not regions.band(np.ones((2, 6, 6), bool), 2).any()


def test_boundary_accuracy_of_an_edge_that_is_shifted():
    """Of the four columns within two of the edge, one is wrong where the edge is one off, two where it is two."""
    half = np.zeros((1, 10, 10), bool)
    half[..., 5:] = True
    found = [regions.boundary_accuracy(np.roll(half, shift, axis=2)[..., :], half, 2) for shift in (0, 1, 2)]
    assert found == [1, 3 / 4, 2 / 4]
