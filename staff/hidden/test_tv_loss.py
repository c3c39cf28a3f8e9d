import pytest

from staff.hidden import losses
from staff.references import tv_loss

pytestmark = pytest.mark.tv_loss
READ = "TotalVariationLoss.forward: all rows but the first less all but the last, squared, summed; so for columns"


@pytest.mark.points(2)
def test_tv_loss_of_a_drawn_image(probe, rng):
    """The weighted sum of squared differences of neighbours, and its gradient, which style transfer descends."""
    image, w = losses.noise(rng, (1, 3, *losses.shape(rng)[2:])), losses.weight(rng)
    out = probe("tv_loss", image=image, weight=w)
    value, gradient = tv_loss.tv_loss(image, w)
    losses.judge("total variation", out, value, gradient, tv_loss, (image, w), READ)
