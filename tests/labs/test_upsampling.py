"""The lecture's worked examples, exactly, and what transposed convolutions are."""

import pytest
import torch
from torch.nn import functional as F

from labs.decoders import unpool
from labs.segmentation import upsampling
from labs.segmentation.upsampling import KERNEL, MAP, TO_UNPOOL, WAYS


def tensor(values):
    return torch.tensor(values, dtype=torch.float32)[None, None]


def test_unpooling_sums_where_two_windows_share_their_maximum_and_max_unpool_overwrites():
    """Both upper windows have their maximum at the 150: 300 + 450 are put there, or 450 alone."""
    pooled, places = F.max_pool2d(tensor(MAP), 2, stride=1, return_indices=True)
    assert pooled[0, 0].tolist() == [[150, 150], [100, 110]] and places[0, 0].tolist() == [[1, 1], [3, 5]]
    values = tensor(TO_UNPOOL)
    assert unpool(values, places, (3, 3))[0, 0].tolist() == [[0, 750, 0], [100, 0, 250], [0, 0, 0]]
    overwritten = torch.nn.MaxUnpool2d(2, stride=1)(values, places, output_size=(3, 3))
    assert overwritten[0, 0].tolist() == [[0, 450, 0], [100, 0, 250], [0, 0, 0]]


def test_unpooling_with_sums_is_the_gradient_of_max_pooling(X):
    pooled, places = F.max_pool2d(X.requires_grad_(), 3, stride=2, return_indices=True)
    values = torch.randn(pooled.shape, generator=torch.Generator().manual_seed(1))
    (gradient,) = torch.autograd.grad((pooled * values).sum(), X)
    torch.testing.assert_close(unpool(values, places, X.shape[2:]), gradient)


def test_where_windows_do_not_overlap_unpooling_is_torchs(X):
    pooled, places = F.max_pool2d(X, 2, return_indices=True)
    assert torch.equal(unpool(pooled, places, X.shape[2:]), F.max_unpool2d(pooled, places, 2))


def test_the_stamps_of_the_example_are_known():
    """120 K, then 150 K one to the right, and so on; all nine by hand."""
    steps = upsampling.stamps(tensor(MAP)[0, 0], tensor(KERNEL)[0, 0])
    assert steps[0].tolist() == [[120, -120, 0, 0], [240, -240, 0, 0], [0] * 4, [0] * 4]
    assert steps[1][:2].tolist() == [[120, 30, -150, 0], [240, 60, -300, 0]]
    assert steps[8].tolist() == [[120, 30, -30, -120], [340, 10, 0, -350], [225, -100, 105, -230], [50, 0, -30, -20]]


def test_four_ways_to_a_transposed_convolution_agree():
    """Stamps, torch's own, the gradient of the convolution, the convolution with the kernel turned by 180 degrees."""
    made = list(upsampling.transpose(tensor(MAP), tensor(KERNEL)).values())
    assert len(made) == 4 and all(torch.equal(way, made[0]) for way in made)
    assert upsampling.agreement(5, torch.Generator().manual_seed(0)) < 1e-14


def test_kernel_three_at_stride_two_covers_like_a_checkerboard_and_four_and_resizing_first_evenly():
    """Along an axis a pixel lies under two stamps of 3 or under one; in the plane under four, two or one."""
    assert upsampling.cover(WAYS[0])[:2] == [[4, 2, 4, 2, 4, 2], [2, 1, 2, 1, 2, 1]]
    assert upsampling.cover(WAYS[1]) == [[4] * 6] * 6
    assert upsampling.cover(WAYS[2]) == [[9] * 6] * 6


def test_only_resizing_first_is_even_for_random_kernels():
    """A kernel of 4 at stride 2 has four parts that need not sum alike; a constant map stays constant when resized."""
    uneven = {name: upsampling.unevenness(name, 10, torch.Generator().manual_seed(0)) for name in WAYS}
    assert min(uneven[WAYS[0]]) > 0.1 and min(uneven[WAYS[1]]) > 0.1
    assert uneven[WAYS[2]] == pytest.approx([0] * 10, abs=1e-12)


def test_a_grid_is_found_by_its_own_period_and_by_no_other():
    maps = torch.arange(1.0, 17).reshape(1, 4, 4).repeat(1, 10, 10)
    assert torch.equal(upsampling.phases(maps, 4), maps[:, :4, :4])
    torch.testing.assert_close(upsampling.phases(maps, 5), torch.full((1, 5, 5), 8.5))


@pytest.mark.saliency
def test_the_saliency_map_of_a_convolution_is_the_size_of_its_transposed_one(bench):
    assert upsampling.network_phases(bench)["saliency"] == 0


def test_a_convolution_and_a_pooling_of_stride_two_leave_a_grid_of_period_four():
    """A pixel has 3, 2, 3 or 1 ways through windows of 3 at stride 2, twice: by hand, along one axis."""
    x, ones = torch.zeros(1, 1, 33, requires_grad=True), torch.ones(1, 1, 3)
    twice = F.conv1d(F.conv1d(x, ones, stride=2), ones, stride=2)
    (ways,) = torch.autograd.grad(twice.sum(), x)
    assert ways[0, 0, 8:24].tolist() == [3, 2, 3, 1] * 4 and upsampling.PERIOD == 4


def test_every_number_of_the_table_has_an_interval_or_is_exact(bench):
    for what, found in upsampling.tabulate(upsampling.measure(bench)).rows:
        assert "(exact)" in what + found or all(" to " in one for one in found.split("), ")), what
