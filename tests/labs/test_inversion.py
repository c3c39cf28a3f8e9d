"""Images rebuilt from features, and textures: what can be known beforehand."""

import pytest

from labs import lab
from labs.features.inversion import distances, invert, psnr, texture, unlike
from tests import networks


@pytest.fixture
def cnn():
    return networks.build("deep").features


def test_an_image_comes_nearer_with_more_steps(cnn, X, bench):
    """From the first layer, whose features say nearly all."""
    x = X[:1, :, :24, :24]
    few, many = (invert(cnn, x, [1], steps, bench) for steps in (5, 150))
    assert psnr(x, many) > psnr(x, few) + 3
    assert unlike(cnn, x, many, [1]) < 0.5 * unlike(cnn, x, few, [1])


def test_the_same_image_has_the_same_features_and_gram_matrices(cnn, X):
    assert unlike(cnn, X[:1], X[:1], [1, 5]) == 0
    assert distances(cnn, X[:1], X[:1], [1, 5]) == [0, 0]
    assert psnr(X[:1], X[:1] + 0.5) < 30


def test_a_texture_has_the_gram_matrices_and_not_the_place(cnn, X, bench):
    style = X[:1, :, :24, :24]
    made = texture(cnn, style, [1], 150, bench)
    start = texture(cnn, style, [1], 1, bench)
    assert distances(cnn, made, style, [1])[0] < 0.5 * distances(cnn, start, style, [1])[0]
    assert psnr(style, made) < 20


def test_pixels_stay_between_black_and_white(cnn, X, bench):
    pixels = lab.to_pixels(texture(cnn, X[:1, :, :16, :16], [1], 20, bench))
    assert pixels.min() >= -1e-5 and pixels.max() <= 1 + 1e-5
