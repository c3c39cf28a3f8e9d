from functools import partial

import pytest

from staff.hidden import drawing, losses
from staff.references import content_loss

pytestmark = pytest.mark.content_loss
READ = "ContentLoss.forward: content_weight * the sum of (content_current - content_original) ** 2"


@pytest.fixture
def content(probe, rng):
    F, P, w = *(losses.noise(rng, drawn) for drawn in [losses.shape(rng)] for _ in range(2)), losses.weight(rng)
    return F, P, w, probe("content_loss", weight=w, current=F, original=P)


@pytest.mark.points(2)
def test_content_loss_of_drawn_features(content):
    """The weighted sum of squared differences, on other features, sizes and weights than the public tests'."""
    F, P, w, out = content
    value, _ = content_loss.content_loss(w, F, P)
    wrong = partial(content_loss.value_mistakes, w, F, P)
    drawing.judge("content loss", out["value"], value, losses.TOLERANCE, wrong, READ)


@pytest.mark.points(1)
def test_gradient_of_the_content_loss_of_drawn_features(content):
    """2 * weight * (F - P): what style transfer descends."""
    F, P, w, out = content
    _, gradient = content_loss.content_loss(w, F, P)
    wrong = partial(content_loss.gradient_mistakes, w, F, P)
    drawing.judge("gradient of the content loss", out["gradient"], gradient, losses.TOLERANCE, wrong, READ)
