import pytest

from staff.hidden import losses
from staff.references import content_loss

pytestmark = pytest.mark.content_loss
READ = "ContentLoss.forward: content_weight * the sum of (content_current - content_original) ** 2"


@pytest.mark.points(2.5)
def test_content_loss_of_drawn_features(probe, rng):
    """The weighted sum of squared differences, and its gradient, which style transfer descends."""
    F, P, w = *(losses.noise(rng, drawn) for drawn in [losses.shape(rng)] for _ in range(2)), losses.weight(rng)
    out = probe("content_loss", weight=w, current=F, original=P)
    value, gradient = content_loss.content_loss(w, F, P)
    losses.judge("content loss", out, value, gradient, content_loss, (w, F, P), READ)
