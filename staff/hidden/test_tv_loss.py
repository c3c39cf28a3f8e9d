from functools import partial

import pytest

from staff.hidden import drawing, losses
from staff.references import tv_loss

pytestmark = pytest.mark.tv_loss
READ = "TotalVariationLoss.forward: all rows but the first less all but the last, squared, summed; so for columns"


@pytest.fixture
def variation(probe, rng):
    image, w = losses.noise(rng, (1, 3, *losses.shape(rng)[2:])), losses.weight(rng)
    return image, w, probe("tv_loss", image=image, weight=w)


@pytest.mark.points(1.5)
def test_tv_loss_of_a_drawn_image(variation):
    """The weighted sum of squared differences of all vertical and all horizontal neighbours."""
    image, w, out = variation
    value, _ = tv_loss.tv_loss(image, w)
    wrong = partial(tv_loss.value_mistakes, image, w)
    drawing.judge("total variation", out["value"], value, losses.TOLERANCE, wrong, READ)


@pytest.mark.points(1)
def test_gradient_of_the_tv_loss_of_a_drawn_image(variation):
    """What style transfer descends: a loss that is right in value but cut off from the image has none."""
    image, w, out = variation
    _, gradient = tv_loss.tv_loss(image, w)
    wrong = partial(tv_loss.gradient_mistakes, image, w)
    drawing.judge("gradient of the total variation", out["gradient"], gradient, losses.TOLERANCE, wrong, READ)
