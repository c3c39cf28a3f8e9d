import pytest

from staff.hidden import losses

pytestmark = pytest.mark.content_loss
READ = "ContentLoss.forward: content_weight * the sum of (content_current - content_original) ** 2"


@pytest.mark.points(2.5)
def test_content_loss_of_drawn_features(probe, rng):
    """The weighted sum of squared differences, and its gradient, which style transfer descends."""
    losses.draw_content(rng).ask(probe, "content loss", READ)
