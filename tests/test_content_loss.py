"""Content loss (Gatys et al. 2016): weight * sum of (F - P)^2, without the paper's factor 1/2."""

import numpy as np
import pytest

from tests import compare, inputs, networks, sentences

pytestmark = pytest.mark.content_loss
READ = "ContentLoss.forward: content_weight * the sum of (content_current - content_original) ** 2"


def features(name):
    return inputs.features(networks.build("embedded").features, inputs.picture(name, 48, 64))[3].numpy()


@pytest.mark.points(2)
def test_content_loss_of_the_town_and_a_painting(probe):
    """On features of the embedded network the loss and its gradient are those that were stored."""
    out = probe("content_loss", weight=6e-2, current=features("town"), original=features("flow"))
    compare.assert_stored("content loss", out["value"], "content_loss", "content", READ)
    compare.assert_stored("gradient of the content loss", out["gradient"], "content_loss", "content gradient", READ)


@pytest.mark.points(1)
@pytest.mark.parametrize("shape", [(1, 1, 1, 3), (1, 2, 3, 4), (1, 5, 4, 1), (1, 3, 2, 2)], ids=str)
def test_content_loss_of_features_that_are_all_7_apart(probe, shape):
    """Each of the numbers adds weight * 7^2, whatever the shape."""
    P = inputs.noise(*shape)
    count = P.size
    mistakes = {
        sentences.MEAN: 0.7 * 49,
        sentences.WEIGHT_MISSING: 49 * count,
        sentences.WEIGHT_SQUARED: 0.7**2 * 49 * count,
        sentences.NOT_SQUARED: 0.7 * 7 * count,
        sentences.ROOT: 0.7 * 7 * count**0.5,
        sentences.SUMMED_FIRST: 0.7 * (7 * count) ** 2,
    }
    out = probe("content_loss", weight=0.7, current=P + 7, original=P)
    compare.assert_close("content loss", out["value"], 0.7 * 49 * count, 1e-5, mistakes, READ)


@pytest.mark.points(0.5)
def test_content_loss_of_equal_features_is_zero(probe):
    """Nothing is lost, and there is nothing to gain: the gradient is zero, too. Counts beside features that differ."""
    F = inputs.noise(1, 4, 5, 6, dtype=np.float64)
    out = probe("content_loss", weight=3.0, current=F, original=F)
    compare.assert_close("content loss", out["value"], 0.0, 0, read=READ)
    compare.assert_close("gradient of the content loss", out["gradient"], np.zeros_like(F), 0, read=READ)
    other = probe("content_loss", weight=3.0, current=F + 1, original=F)["value"]
    assert np.all(other), "expected more than 0 for features that differ, got nothing but zeros"


def test_features_are_not_written_to(probe):
    F = inputs.noise(1, 2, 3, 4)
    written = probe("content_loss", weight=1.0, current=F, original=np.ones_like(F))["written"]
    assert not written, sentences.WRITTEN_TO.format(written)


def test_features_of_different_shapes_are_refused(probe):
    """They would be broadcast in silence."""
    message = r"^expected features of equal shape, got \(1, 2, 3, 4\) and \(1, 2, 3, 1\): take both from the same layer"
    with pytest.raises(ValueError, match=message):
        probe("content_loss", weight=1.0, current=np.ones((1, 2, 3, 4)), original=np.ones((1, 2, 3, 1)))
