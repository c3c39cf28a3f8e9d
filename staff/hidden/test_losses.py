from functools import partial

import numpy as np
import pytest

from staff.hidden import drawing
from staff.references import mistakes, oracle

TOLERANCE = 1e-4
READ_CONTENT = "ContentLoss.forward: content_weight * the sum of (content_current - content_original) ** 2"
READ_GRAM = "StyleLoss.gram_matrix: F as (N, C, H*W), times its transpose, over C * H * W if normalize"
READ_STYLE = "StyleLoss.forward: for each style layer, weight * the sum of (Gram matrix - target) ** 2; add them up"
READ_TV = "TotalVariationLoss.forward: all rows but the first less all but the last, squared, summed; so for columns"


def shape(rng, count=1):
    """(count, C, H, W), three different numbers after the first."""
    return count, *(rng.permutation(7)[:3] + 3).tolist()


def noise(rng, shape):
    return (rng.uniform(0.5, 2) * rng.standard_normal(shape) + rng.uniform(-1, 1)).astype(np.float32)


def weight(rng):
    return round(float(10 ** rng.uniform(-2, 2)), 3)


# --- content loss ---


@pytest.fixture
def content(probe, rng):
    F, P, w = *(noise(rng, drawn) for drawn in [shape(rng)] for _ in range(2)), weight(rng)
    return F, P, w, probe("content_loss", weight=w, current=F, original=P)


@pytest.mark.content_loss
@pytest.mark.points(3)
def test_content_loss_of_drawn_features(content):
    """The weighted sum of squared differences, on other features, sizes and weights than the public tests'."""
    F, P, w, out = content
    value, _ = oracle.content_loss(w, F, P)
    drawing.judge("content loss", out["value"], value, TOLERANCE, lambda: mistakes.content_loss(w, F, P), READ_CONTENT)


@pytest.mark.content_loss
@pytest.mark.points(1)
def test_gradient_of_the_content_loss_of_drawn_features(content):
    """2 * weight * (F - P): what style transfer descends."""
    F, P, w, out = content
    _, gradient = oracle.content_loss(w, F, P)
    wrong = partial(mistakes.content_gradient, w, F, P)
    drawing.judge("gradient of the content loss", out["gradient"], gradient, TOLERANCE, wrong, READ_CONTENT)


# --- Gram matrix and style loss ---


@pytest.mark.style_loss
@pytest.mark.points(1)
@pytest.mark.parametrize("normalize", [None, False], ids=["normalised", "not normalised"])
@pytest.mark.parametrize("count", [1, 2, 7])
def test_gram_matrix_of_drawn_features(probe, rng, count, normalize):
    """A matrix for each image of the batch, divided by C * H * W unless normalize is False."""
    F = noise(rng, shape(rng, count))
    gram = probe("gram_matrix", features=F, normalize=normalize)["gram"]
    right = oracle.gram_matrix(F, normalize is None)
    drawing.judge("Gram matrix", gram, right, TOLERANCE, lambda: mistakes.gram_matrix(F, normalize is None), READ_GRAM)


@pytest.fixture
def style(probe, rng):
    # All with as many channels, so that layers that are counted through give a value, by which that is recognised.
    feats = [noise(rng, (1, 6, *shape(rng)[2:])) for _ in range(5)]
    layers = rng.permutation([1, 2, 3, 4])[:3].tolist()
    targets = [np.float32(oracle.gram_matrix(noise(rng, feats[layer].shape))) for layer in layers]
    apart = [((oracle.gram_matrix(feats[layer]) - A) ** 2).sum() for layer, A in zip(layers, targets)]
    weights = [float(f"{rng.uniform(1, 3) / distance:.3g}") for distance in apart]  # so that each layer counts
    arrays = {f"feats_{i}": value for i, value in enumerate(feats)} | {f"target_{i}": A for i, A in enumerate(targets)}
    return (feats, layers, targets, weights), probe("style_loss", layers=layers, weights=weights, **arrays)


@pytest.mark.style_loss
@pytest.mark.points(2)
def test_style_loss_of_drawn_features(style):
    """Over three layers, in any order, the weighted sums of squared differences of Gram matrices."""
    asked, out = style
    value, _ = oracle.style_loss(*asked)
    drawing.judge("style loss", out["value"], value, TOLERANCE, lambda: mistakes.style_loss(*asked), READ_STYLE)


@pytest.mark.style_loss
@pytest.mark.points(1)
def test_gradient_of_the_style_loss_of_drawn_features(style):
    """Each style layer's features have theirs, the other layers' have none."""
    asked, out = style
    _, gradients = oracle.style_loss(*asked)
    for i, F in enumerate(asked[0]):
        right = gradients.get(i, np.zeros(F.shape))
        name, wrong = f"gradient of the style loss at layer {i}", partial(mistakes.style_gradient, *asked, i)
        drawing.judge(name, out[f"gradient_{i}"], right, TOLERANCE, wrong, READ_STYLE)


# --- total variation ---


@pytest.fixture
def variation(probe, rng):
    image, w = noise(rng, (1, 3, *shape(rng)[2:])), weight(rng)
    return image, w, probe("tv_loss", image=image, weight=w)


@pytest.mark.tv_loss
@pytest.mark.points(4)
def test_tv_loss_of_a_drawn_image(variation):
    """The weighted sum of squared differences of all vertical and all horizontal neighbours."""
    image, w, out = variation
    value, _ = oracle.tv_loss(image, w)
    drawing.judge("total variation", out["value"], value, TOLERANCE, lambda: mistakes.tv_loss(image, w), READ_TV)


@pytest.mark.tv_loss
@pytest.mark.points(2)
def test_gradient_of_the_tv_loss_of_a_drawn_image(variation):
    """What style transfer descends: a loss that is right in value but cut off from the image has none."""
    image, w, out = variation
    _, gradient = oracle.tv_loss(image, w)
    wrong = partial(mistakes.tv_gradient, image, w)
    drawing.judge("gradient of the total variation", out["gradient"], gradient, TOLERANCE, wrong, READ_TV)
