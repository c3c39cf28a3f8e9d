import pytest

from staff.hidden import losses

pytestmark = pytest.mark.tv_loss
READ = "TotalVariationLoss.forward: all rows but the first less all but the last, squared, summed; so for columns"


@pytest.mark.points(2)
def test_tv_loss_of_a_drawn_image(probe, rng):
    """The weighted sum of squared differences of neighbours, and its gradient, which style transfer descends."""
    losses.draw_tv(rng).ask(probe, "total variation", READ)
