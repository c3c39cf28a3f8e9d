"""Images rebuilt from features, and textures: what can be known beforehand."""

import pytest

from labs import lab
from labs.features import inversion
from labs.features.inversion import distances, invert, psnr, texture
from style_modules import StyleLoss
from tests import networks


@pytest.fixture
def cnn():
    return networks.build("deep").features


def test_an_image_comes_nearer_with_more_steps(cnn, X, bench):
    """The features of the first layer say nearly all."""
    x = X[:1, :, :24, :24]
    few, many = (invert(cnn, x, [1], steps, bench) for steps in (5, 150))
    assert psnr(x, many)[0] > psnr(x, few)[0] + 3
    assert distances(cnn, many, x, [1])[0][0] < 0.5 * distances(cnn, few, x, [1])[0][0]


def test_the_same_image_has_the_same_features_and_gram_matrices(cnn, X):
    assert distances(cnn, X[:1], X[:1], [1, 5]) == [[0], [0]]
    assert distances(cnn, X[:1], X[:1], [1, 5], StyleLoss().gram_matrix) == [[0], [0]]
    assert psnr(X[:1], X[:1] + 0.5)[0] < 30


def test_a_texture_has_the_gram_matrices_and_not_the_place(cnn, X, bench):
    style = X[:1, :, :24, :24]
    start, made = (texture(cnn, style, [1], steps, bench) for steps in (1, 150))
    far, near = (distances(cnn, image, style, [1], StyleLoss().gram_matrix)[0][0] for image in (start, made))
    assert near < 0.5 * far and psnr(style, made)[0] < 20
    pixels = lab.to_pixels(made)
    assert pixels.min() >= -1e-5 and pixels.max() <= 1 + 1e-5  # black and white are the ends


def test_every_number_of_the_table_has_count_and_interval_and_another_picture_beside_it(bench):
    numbers = inversion.measure(bench)
    table = inversion.tabulate(numbers)
    assert all(cell == "-" or " to " in cell or "(exact)" in cell for row in table.rows for cell in row[1:])
    assert table.rows[-1][0] == f"nothing: another painting, {inversion.PAINTINGS} paintings"
    assert table.rows[-2][0].endswith(f", {inversion.PAINTINGS} paintings")
    assert inversion.conclude(numbers)[-1].count(" to ") == 5
