"""The decoder that has learnt nothing: its way back is kernels turned and switches, and where a map is cut off."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from labs import decoders
from labs.segmentation import unlearnt_decoder as lab
from visualizers.network import relu_replaced_by


def test_the_way_back_is_the_turned_kernels_and_the_switches():
    """Convolution, ReLU, pooling; written out: unpooling by the places of the maxima, and a transposed convolution."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, 13, 13, generator=generator).requires_grad_()
    kernel = torch.randn(4, 3, 3, 3, generator=generator)
    with relu_replaced_by(lab.let_through):
        pooled, places = F.max_pool2d(F.relu(F.conv2d(x, kernel)), 3, stride=2, return_indices=True)
    (back,) = torch.autograd.grad(pooled, x, grad_outputs=pooled.detach())
    put = decoders.unpool(pooled.detach(), places, (11, 11))
    turned = kernel.flip(2, 3).transpose(0, 1)
    torch.testing.assert_close(back, F.conv2d(put, turned, padding=2))


def test_maps_have_the_pictures_size_and_end_at_one(source):
    trunk = decoders.Trunk(nn.Sequential(*source.cnn))
    maps = lab.find_way_back(trunk, torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)))
    assert maps.shape == (2, 32, 32) and maps.min() >= 0 and maps.max(axis=(1, 2)) == pytest.approx([1, 1])


def test_a_map_is_cut_off_where_it_is_the_mask():
    masks = np.zeros((2, 20, 20), bool)
    masks[:, 5:15, 4:16] = True
    maps = np.where(masks, 0.7, 0.2) + np.random.default_rng(0).uniform(-0.1, 0.1, masks.shape)
    assert ((maps >= lab.cut_off(maps, masks)) == masks).mean() > 0.95
