import pytest

from staff.hidden import drawing, losses

pytestmark = pytest.mark.style_loss
READ_GRAM = "StyleLoss.gram_matrix: F as (N, C, H*W), times its transpose, over C * H * W if normalize"
READ = "StyleLoss.forward: for each style layer, weight * the sum of (Gram matrix - target) ** 2; add them up"


@pytest.mark.points(2)
@pytest.mark.parametrize("normalize", [None, False], ids=["normalised", "not normalised"])
@pytest.mark.parametrize("count", [1, 2, 7], ids=drawing.in_words)
def test_gram_matrix_of_drawn_features(probe, rng, count, normalize):
    """A matrix for each image of the batch, divided by C * H * W unless normalize is False."""
    losses.draw_gram(rng, count, normalize).ask(probe, "Gram matrix", READ_GRAM)


@pytest.mark.points(3)
def test_style_loss_of_drawn_features(probe, rng):
    """Over three layers, in any order: the weighted sum of squared differences of Gram matrices, and its gradient.

    Each style layer's features have one, the other layers' have none.
    """
    # First all have as many channels: layers that are counted through give a value, by which that is recognised. Only
    # who has that right is asked about others, where losses of layers that are no single numbers do not fit together.
    for channels in ((6,) * 5, (5, 3, 6, 4, 7)):
        losses.draw_style(rng, channels).ask(probe, "style loss", READ)
