"""Pictures that excite a unit: the ascent climbs, and its parts are what they say."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from labs import lab
from labs.features import neuron_maximization
from labs.features.neuron_maximization import RECIPES, ascend, own_colours, picture, rate, strongest, transform


@pytest.fixture
def mixing(X):
    return own_colours(X)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_excites_the_unit_more_than_its_start(name, mixing, bench):
    """The unit is the red of the middle: it must become red, whatever the recipe."""

    def red(X):
        return lab.to_pixels(X)[:, 0, 8:24, 8:24].mean(dim=(1, 2))

    few, many = (ascend(red, 1, 32, steps, RECIPES[name], mixing, bench) for steps in (3, 60))
    assert red(many) > red(few) + 0.2


def test_each_picture_of_a_batch_excites_its_own_channel(bench, mixing):
    looking = nn.Conv2d(3, 3, 1, bias=False).requires_grad_(False)
    looking.weight.copy_(torch.eye(3).reshape(3, 3, 1, 1))  # each channel looks at one colour
    trunk = nn.Sequential(looking, nn.ReLU())
    pool = torch.zeros(2, 3, 16, 16)
    pool[0, 2], pool[1, 0] = 2, 1  # the strongest are blue, then red
    excitation, best = strongest(partial(neuron_maximization.means, trunk), pool, 2)
    assert best.tolist() == [0, 1] and excitation(pool).tolist() == [1, 1]  # each as much as its best image
    made = ascend(excitation, 2, 16, 40, RECIPES["nothing"], mixing, bench)
    values = trunk(made).mean(dim=(2, 3))
    assert values[0, 2] > values[1, 2] and values[1, 0] > values[0, 0]


def test_colours_are_mixed_as_those_of_the_images(X, mixing):
    """The mixing's square is the covariance of the images' colours, but for a factor."""
    square = mixing @ mixing
    pixels = lab.to_pixels(X).permute(1, 0, 2, 3).flatten(1)
    covariance = torch.cov(pixels)
    torch.testing.assert_close(square / square.trace(), covariance / covariance.trace(), atol=1e-4, rtol=1e-4)


def test_a_picture_is_between_black_and_white(mixing):
    z = 10 * torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    for recipe in RECIPES.values():
        pixels = lab.to_pixels(picture(z, mixing, recipe))
        assert pixels.min() > -1e-5 and pixels.max() < 1 + 1e-5


def test_an_excitation_of_what_rows_share_survives_and_is_not_fine():
    X = torch.linspace(0, 1, 16).repeat(2, 3, 16, 1)  # rows that are alike
    X[1, :, ::2] -= 1
    found = rate(lambda X: (X[:, 0, 0] - X[:, 0, 1] + 1).mean(dim=1), X)
    assert found["kept"][0] == pytest.approx(1) and found["reached"] == pytest.approx([1, 0])
    coarse, fine = np.array(found["fine"]) / found["power"]
    assert coarse < 0.1 and fine > 0.9


def test_a_picture_of_one_colour_says_nothing_of_its_frequencies():
    """A tenth of the power of the one is fine, and of the other there is none to speak of."""
    found = {"fine": [10.0, 1e-9], "power": [100.0, 1e-9]}
    assert neuron_maximization.bound(found, "fine")[0] == pytest.approx(0.1)


def test_transformations_keep_what_is_everywhere():
    image = torch.full((1, 3, 40, 40), 0.5)
    made = transform(image, torch.Generator().manual_seed(1))
    torch.testing.assert_close(made, torch.full_like(made, 0.5))


@pytest.mark.parametrize("size", [neuron_maximization.QUICK, neuron_maximization.SIZE])
def test_no_picture_on_the_way_is_too_small_for_a_network(size):
    """EfficientNet-Lite0 halves its input five times: 32 pixels are the least."""
    assert round(size * min(neuron_maximization.OCTAVES)) * min(neuron_maximization.SCALES) >= 32


def test_a_nearly_flat_picture_is_drawn_with_more_contrast_and_another_as_it_is():
    """Stripes of 4 about a colour become stripes of 40 about the same; of black and white, and of one colour, none."""
    stripes = np.tile(np.array([-1, 1])[:, None], (8, 16))[..., None] * np.ones(3)
    flat = (np.array([120, 130, 140]) + 4 * stripes).astype(np.uint8)
    drawn = neuron_maximization.draw_out(flat)
    assert (drawn == np.array([120, 130, 140]) + 40 * stripes).all()
    clear, plain = np.where(stripes > 0, 255, 0).astype(np.uint8), np.full((16, 16, 3), 254, np.uint8)
    assert all((neuron_maximization.draw_out(one) == one).all() for one in (clear, plain))


def test_a_picture_of_one_colour_is_called_so_and_one_with_a_pattern_is_not():
    white = np.full((20, 20, 3), 255, np.uint8)
    white[3, 4] = 254
    pattern = np.full((20, 20, 3), 120, np.uint8)
    pattern[::2] = 124  # drawn out it is seen
    assert neuron_maximization.name_flat(white) == "one colour" and neuron_maximization.name_flat(pattern) == ""
