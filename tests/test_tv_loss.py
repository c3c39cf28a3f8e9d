"""Total variation (Mahendran and Vedaldi 2015): weight * (squared vertical + squared horizontal differences)."""

import numpy as np
import pytest
import torch

from tests import compare, inputs, sentences

pytestmark = pytest.mark.tv_loss
READ = "TotalVariationLoss.forward: all pixels but the first row less all but the last, squared, summed; so for columns"


@pytest.mark.points(1.5)
def test_tv_loss_of_the_town(probe):
    """The loss and its gradient are those that were stored."""
    out = probe("tv_loss", image=inputs.normalise(inputs.picture("town", 48, 64)), weight=2e-2)
    compare.assert_stored("total variation", out["value"], "tv_loss", "tv", READ)
    compare.assert_stored("gradient of the total variation", out["gradient"], "tv_loss", "tv gradient", READ)


@pytest.mark.points(0.5)
@pytest.mark.parametrize(
    "axis, expected", [(3, 0.7 * 3 * 4 * (7 - 1)), (2, 0.7 * 3 * (4 - 1) * 7)], ids=["right", "down"]
)
def test_tv_loss_of_a_ramp_counts_its_neighbours(probe, axis, expected):
    """A ramp of slope 1 to the right has H * (W - 1) differences of 1 in each channel; downwards (H - 1) * W."""
    ramp = np.broadcast_to(np.arange(7.0) if axis == 3 else np.arange(4.0)[:, None], (1, 3, 4, 7)).copy()
    # What one ramp alone can tell: a direction that counts twice looks like all that do, and one without its weight
    # like others.
    mistakes = {
        sentences.WEIGHT_SQUARED: 0.7 * expected,
        sentences.TWICE: 2 * expected,
        "neighbours that differ by 1 in this direction count for nothing.": 0.0,
    }
    value = probe("tv_loss", image=ramp, weight=0.7)["value"]
    compare.assert_close("total variation", value, expected, 1e-6, mistakes, READ)


@pytest.mark.points(0.5)
def test_tv_loss_of_a_checkerboard_is_known(probe):
    """On 4 x 6 squares of 0 and 5 all 3 * 6 + 4 * 5 = 38 neighbours differ by 5, in each of 3 channels."""
    board = 5.0 * (np.indices((4, 6)).sum(0) % 2)
    image = np.broadcast_to(board, (1, 3, 4, 6)).astype(np.float32)
    expected = 0.1 * 3 * 38 * 25
    inside, edge = 3 * 5, 3 + 5  # pixels with two differences, and with one
    mistakes = {
        sentences.TWICE: 2 * expected,
        sentences.ROOT_OF_PIXELS: 0.1 * 3 * (inside * 50**0.5 + edge * 5),
        sentences.ROOT_OF_ALL_CHANNELS: 0.1 * (inside * 150**0.5 + edge * 75**0.5),
        sentences.ABSOLUTE_DIFFERENCES: 0.1 * 3 * 38 * 5,
        sentences.WEIGHT_MISSING: 3 * 38 * 25,
        sentences.ONE_CHANNEL: expected / 3,
        "no neighbours are compared: their rows or their columns are one apart, not both, and not two.": 0.0,
    }
    value = probe("tv_loss", image=image, weight=0.1)["value"]
    compare.assert_close("total variation", value, expected, 1e-5, mistakes, READ)


@pytest.mark.points(1)
def test_tv_loss_of_one_bright_pixel(probe):
    """Its four neighbours each differ by 1; its gradient is 2 * weight * 4, and -2 * weight at each neighbour."""
    image = np.zeros((1, 3, 5, 5))
    image[0, 1, 2, 2] = 1
    gradient = np.zeros_like(image)
    gradient[0, 1, 2, 2] = 8
    gradient[0, 1, [1, 3, 2, 2], [2, 2, 1, 3]] = -2
    out = probe("tv_loss", image=image, weight=1.0)
    compare.assert_close("total variation", out["value"], 4.0, 1e-6, {sentences.TWICE: 8.0}, READ)
    compare.assert_close("gradient of the total variation", out["gradient"], gradient, 1e-6, read=READ)


@pytest.mark.points(0.5)
def test_tv_loss_of_a_constant_image_is_zero(probe):
    """Nothing varies; counts beside an image that does."""
    value = probe("tv_loss", image=np.full((1, 3, 4, 5), 0.7, np.float32), weight=5.0)["value"]
    compare.assert_close("total variation", value, 0.0, 1e-4, read=READ)  # who squares first has float32's rounding
    other = probe("tv_loss", image=inputs.noise(1, 3, 4, 5), weight=5.0)["value"]
    assert np.all(other), "expected more than 0 for an image that varies, got nothing but zeros"


def test_the_image_is_not_written_to(probe):
    written = probe("tv_loss", image=inputs.noise(1, 3, 4, 5), weight=1.0)["written"]
    assert not written, sentences.WRITTEN_TO.format(written)


NOT_PREPROCESSED = r"^expected a floating image of shape \(1, 3, H, W\), got .*: make it with preprocess$"


@pytest.mark.parametrize("shape", [(3, 4, 5), (1, 4, 5, 3)], ids=["no batch axis", "colours last"])
def test_an_image_of_another_shape_is_refused(probe, shape):
    with pytest.raises(ValueError, match=NOT_PREPROCESSED):
        probe("tv_loss", image=np.ones(shape), weight=1.0)


def test_an_image_of_bytes_is_refused():
    """Their differences have no sign."""
    from style_modules import TotalVariationLoss

    with pytest.raises(ValueError, match=NOT_PREPROCESSED):
        TotalVariationLoss()(torch.ones(1, 3, 4, 5, dtype=torch.uint8), 1.0)
