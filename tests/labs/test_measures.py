"""Measures of maps, regions and pictures: closed forms for points, squares, halves and waves."""

import numpy as np
import pytest

from labs import measures
from labs.measures import fine, spectrum


def test_the_interval_of_a_mean_is_that_of_a_normal_one_and_repeats():
    """A mean of 100 values of deviation 1 is 1.645 / 10 to either side in 90 of 100 cases."""
    values = np.random.default_rng(0).normal(3, 1, 100)
    mean, low, high = measures.interval(values)
    assert mean == values.mean() and low < mean < high
    assert high - low == pytest.approx(2 * 1.645 * values.std() / 10, rel=0.1)
    assert measures.interval(values) == [mean, low, high] != measures.interval(values, seed=1)


def test_an_interval_of_equal_values_has_no_width_and_of_none_there_is_none():
    assert measures.interval([2.0] * 5) == [2, 2, 2]
    with pytest.raises(ValueError, match=r"^expected one value or more, got none: "):
        measures.interval([])


def test_sizes_that_only_rounding_parts_are_exact():
    """Correlations of 1 in all images are no share of images that happened to be 1."""
    assert measures.interval_of_sizes([1.0, 1 - 1e-7]) == [1, 1, 1]
    assert measures.interval_of_sizes([0.0] * 8) == [0, 0, 0]
    assert measures.interval_of_sizes([1.0, 2.0, 3.0]) == measures.interval([1.0, 2.0, 3.0])


def test_where_all_agree_the_interval_is_that_of_as_many_trials():
    """Eight images, none of them wrong: 31 % wrong ones would show none in 5 of 100 draws."""
    end = 1 - 0.05 ** (1 / 8)
    assert (1 - end) ** 8 == pytest.approx(0.05)
    assert measures.interval([0] * 8) == [0, 0, end] and measures.interval([True] * 8) == [1, 1 - end, 1]
    assert measures.pair([1] * 8, [1] * 8) == [0, -end, end] and measures.pair([1] * 8, [0] * 8) == [1, 1 - end, 1]
    assert measures.pair([0] * 8, [1] * 8) == [-1, -1, end - 1]


def test_where_all_agree_on_a_part_the_unseen_ones_may_still_have_none_or_all():
    """One of three attackers reaches each of eight images: a mean of three shares that are all or nothing."""
    end = 1 - 0.05 ** (1 / 8)
    assert measures.interval([1 / 3] * 8) == pytest.approx([1 / 3, (1 - end) / 3, (1 + 2 * end) / 3])


def test_intervals_differ_that_have_nothing_in_common():
    low, middle, high = [0.1, 0, 0.2], [0.2, 0.2, 0.3], [0.5, 0.4, 0.6]
    assert measures.differ(low, high) and measures.differ(high, low) and not measures.differ(low, middle)


def test_a_ratio_is_of_sums_and_its_interval_over_images():
    """One image of a hundred answers weighs more than one of one; images without any answer count for nothing."""
    found = measures.ratio([50, 1, 0], [100, 1, 0])
    assert found[0] == pytest.approx(51 / 101) and found[1] == 0.5 and found[2] == 1
    assert measures.ratio([2, 3, 0], [2, 3, 0]) == measures.interval([1, 1])


def test_the_median_is_one_of_the_values_and_its_interval_that_of_order_statistics():
    """The 42nd to 59th value hold the median in 90 of 100 cases."""
    found = measures.median(np.random.default_rng(0).permutation(100) + 1)
    assert found[0] == 50 and abs(found[1] - 42) <= 1.5 and abs(found[2] - 59) <= 1.5
    assert measures.median([1, 2])[0] == 1 and measures.median([3.0] * 4) == [3, 3, 3]


def test_a_bootstrap_of_the_mean_is_the_interval_of_the_mean():
    values = np.random.default_rng(0).normal(3, 1, 30)
    assert measures.bootstrap(np.mean, values) == pytest.approx(measures.interval(values))


def test_pairs_see_a_difference_that_is_smaller_than_the_images_spread():
    """Every image gains 1 to 1.2, while the images themselves lie 100 apart."""
    b = np.arange(0.0, 1000, 100)
    found = measures.pair(b + np.linspace(1, 1.2, 10), b)
    assert found[0] == pytest.approx(1.1) and 1 <= found[1] < found[2] <= 1.2
    with pytest.raises(ValueError, match=r"^expected values of the same images, got 10 and 9: "):
        measures.pair(b, b[:9])


@pytest.fixture
def square():
    masks = np.zeros((1, 12, 12), bool)
    masks[0, 4:8, 4:8] = True
    return masks


def test_iou_of_a_square_and_itself_shifted_by_one(square):
    """Twelve of sixteen pixels in common: 12 / (16 + 16 - 12)."""
    assert measures.iou(np.roll(square, 1, axis=2), square) == pytest.approx([12 / 20])


def test_iou_of_equal_masks_is_one_also_of_empty_ones_and_of_disjoint_ones_zero(square):
    empty = np.zeros_like(square)
    assert measures.iou(square, square) == 1 and measures.iou(empty, empty) == 1
    assert measures.iou(square, np.roll(square, 6, axis=1)) == 0


def test_mean_iou_of_finding_nothing_is_half_the_background(square):
    """The object's IoU is 0, the background's 128 of 144."""
    assert measures.mean_iou(np.zeros_like(square), square) == pytest.approx([128 / 144 / 2])


@pytest.fixture
def half():
    masks = np.zeros((1, 10, 10), bool)
    masks[..., 5:] = True
    return masks


def test_the_band_of_a_straight_edge_is_as_wide_as_asked_on_both_sides_and_without_edge_empty(half):
    for width in (1, 2, 3):
        assert np.flatnonzero(measures.band(half, width)[0, 0]).tolist() == list(range(5 - width, 5 + width))
    assert not measures.band(np.ones((2, 6, 6), bool), 2).any()


def test_boundary_accuracy_of_an_edge_that_is_shifted(half):
    """Four columns are within two of the edge: one is wrong where the edge is one off, two where it is two."""
    found = [measures.boundary_accuracy(np.roll(half, shift, axis=2), half, 2).item() for shift in (0, 1, 2)]
    assert found == [1, 3 / 4, 2 / 4]


def test_a_peak_counts_where_the_mask_is_and_the_sum_by_its_share():
    maps = np.zeros((2, 4, 4))
    maps[:, 1, 2], maps[:, 3, 3] = 3, 1
    masks = np.zeros((2, 4, 4), bool)
    masks[0, 1, 2] = masks[1, 3, 3] = True
    assert measures.peaks_on(maps, masks).tolist() == [True, False]
    assert measures.energy(maps, masks).tolist() == [0.75, 0.25]


@pytest.mark.parametrize("cycles", [3, 20, 70])
def test_the_spectrum_of_a_wave_has_its_peak_at_its_cycles(cycles):
    wave = np.sin(2 * np.pi * cycles * np.arange(224) / 224)
    picture = np.broadcast_to(127 + 100 * wave[:, None], (224, 224)).astype(np.uint8)
    power = spectrum(np.stack([picture] * 3, axis=2)[None])
    assert 1 + int(np.argmax(power)) == cycles
    assert sum(power) == pytest.approx(1)


def test_white_noise_has_three_quarters_of_its_power_above_half_the_frequencies():
    """All frequencies alike: the share is that of the area of the rings from 56 to 112, 1 - 1/4."""
    noise = np.random.default_rng(0).integers(0, 256, (4, 224, 224, 3)).astype(np.uint8)
    assert fine(spectrum(noise)) == pytest.approx(0.75, abs=0.02)


def test_a_picture_of_one_colour_has_no_power():
    power = spectrum(np.full((1, 16, 16, 3), 200, np.uint8))
    assert power == [0] * 8 and fine(power) == 0
