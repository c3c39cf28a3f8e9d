from functools import partial

import numpy as np
import pytest

from staff.hidden import drawing, losses
from staff.references import style_loss

pytestmark = pytest.mark.style_loss
READ_GRAM = "StyleLoss.gram_matrix: F as (N, C, H*W), times its transpose, over C * H * W if normalize"
READ = "StyleLoss.forward: for each style layer, weight * the sum of (Gram matrix - target) ** 2; add them up"


@pytest.mark.points(2)
@pytest.mark.parametrize("normalize", [None, False], ids=["normalised", "not normalised"])
@pytest.mark.parametrize("count", [1, 2, 7], ids=drawing.in_words)
def test_gram_matrix_of_drawn_features(probe, rng, count, normalize):
    """A matrix for each image of the batch, divided by C * H * W unless normalize is False."""
    F = losses.noise(rng, losses.shape(rng, count))
    gram = probe("gram_matrix", features=F, normalize=normalize)["gram"]
    right = style_loss.gram_matrix(F, normalize is None)
    wrong = partial(style_loss.gram_matrix_mistakes, F, normalize is None)
    drawing.judge("Gram matrix", gram, right, losses.TOLERANCE, wrong, READ_GRAM)


@pytest.mark.points(3)
def test_style_loss_of_drawn_features(probe, rng):
    """Over three layers, in any order: the weighted sum of squared differences of Gram matrices, and its gradient.

    Each style layer's features have one, the other layers' have none.
    """
    # First all have as many channels: layers that are counted through give a value, by which that is recognised. Only
    # who has that right is asked about others, where losses of layers that are no single numbers do not fit together.
    for channels in ((6,) * 5, (5, 3, 6, 4, 7)):
        ask(probe, rng, channels)


def ask(probe, rng, channels):
    feats = [losses.noise(rng, (1, count, *losses.shape(rng)[2:])) for count in channels]
    layers = rng.permutation([1, 2, 3, 4])[:3].tolist()
    targets = [np.float32(style_loss.gram_matrix(losses.noise(rng, feats[layer].shape))) for layer in layers]
    apart = [((style_loss.gram_matrix(feats[layer]) - A) ** 2).sum() for layer, A in zip(layers, targets)]
    weights = [float(f"{rng.uniform(1, 3) / distance:.3g}") for distance in apart]  # so that each layer counts
    arrays = {f"feats_{i}": value for i, value in enumerate(feats)} | {f"target_{i}": A for i, A in enumerate(targets)}
    out = probe("style_loss", layers=layers, weights=weights, **arrays)
    asked = feats, layers, targets, weights
    value, gradients = style_loss.style_loss(*asked)
    drawing.judge("style loss", out["value"], value, losses.TOLERANCE, partial(style_loss.value_mistakes, *asked), READ)
    for i, F in enumerate(feats):
        right = gradients.get(i, np.zeros(F.shape))
        name, wrong = f"gradient of the style loss at layer {i}", partial(style_loss.gradient_mistakes, *asked, i)
        drawing.judge(name, out[f"gradient_{i}"], right, losses.TOLERANCE, wrong, READ)
