"""Style loss (Gatys et al. 2016): weighted squared distances of Gram matrices, F F^T / (C * H * W), summed."""

import numpy as np
import pytest

from tests import compare, inputs, networks, sentences

pytestmark = pytest.mark.style_loss
READ_GRAM = "StyleLoss.gram_matrix: F as (N, C, H*W), times its transpose, over C * H * W if normalize"
READ = "StyleLoss.forward: for each style layer, weight * the sum of (Gram matrix - target) ** 2; add them up"


def features(name):
    """24 channels of each layer: layers that are mixed up give a number, not an error, and it tells which they were."""
    cnn = networks.build("embedded").features
    return [value[:, :24].numpy() for value in inputs.features(cnn, inputs.picture(name, 48, 64))]


# --- Gram matrix ---


@pytest.mark.points(1)
@pytest.mark.parametrize(
    "normalize, key", [(None, "gram"), (False, "gram, not normalised")], ids=["normalised", "not normalised"]
)
def test_gram_matrix_of_the_town_and_a_painting(probe, normalize, key):
    """On features of the embedded network the matrices of both images are those that were stored."""
    both = np.concatenate([features("town")[4], features("flow")[4]])
    compare.assert_stored(
        "Gram matrix", probe("gram_matrix", features=both, normalize=normalize)["gram"], "style_loss", key, READ_GRAM
    )


@pytest.mark.points(0.5)
@pytest.mark.parametrize("shape", [(1, 4, 3, 5), (7, 2, 3, 2)], ids=lambda shape: f"shape {shape}")
def test_gram_matrix_of_threes(probe, shape):
    """Each entry sums H * W times 3 * 3: 9 * H * W, or 9 / C when normalised."""
    N, C, H, W = shape
    for normalize, entry in ((True, 9 / C), (False, 9 * H * W)):
        gram = probe("gram_matrix", features=np.full(shape, 3, np.float32), normalize=normalize)["gram"]
        known = {
            sentences.NOT_DIVIDED: 9 * H * W,
            sentences.DIVIDED_BY_PIXELS: 9,
            sentences.UNIT_CHANNELS_FIRST: 1 / (C * H * W) if normalize else 1,
            sentences.DIVIDED_IN_VAIN: 9 / C,
        }
        known |= {sentences.UNIT_CHANNELS: 1} if normalize else {}
        mistakes = {sentence: np.full((N, C, C), wrong) for sentence, wrong in known.items() if wrong != entry}
        together = np.full((N * C, N * C), entry)
        if N > 1:
            mistakes[sentences.ALL_IN_ONE] = together
            mistakes[f"{sentences.ALL_IN_ONE} Besides: it is divided by N * C * H * W."] = together / N
        compare.assert_close("Gram matrix", gram, np.full((N, C, C), entry), 1e-6, mistakes, READ_GRAM)


@pytest.mark.points(0.5)
def test_gram_matrix_by_hand(probe):
    """Two channels of three pixels, (1, 2, 0) and (3, 5, 0): 5 and 34 on the diagonal, 13 beside it."""
    F = np.float64([[[[1, 2, 0]], [[3, 5, 0]]]])
    expected = np.float64([[[5, 13], [13, 34]]])
    gram = probe("gram_matrix", features=F, normalize=False)["gram"]
    compare.assert_close("Gram matrix", gram, expected, 1e-12, {}, READ_GRAM)


def test_gram_matrix_takes_channels_last(probe):
    """The embedded network hands over features whose axes lie in another order in memory."""
    import torch

    from style_modules import StyleLoss

    F = torch.from_numpy(inputs.noise(2, 5, 4, 3))
    gram = StyleLoss().gram_matrix(F.to(memory_format=torch.channels_last))
    assert torch.allclose(gram, StyleLoss().gram_matrix(F))


@pytest.mark.parametrize("features", [np.ones((2, 3, 4)), np.ones((1, 2, 3, 4), np.uint8)])
def test_gram_matrix_of_other_features_is_refused(probe, features):
    """Without a batch axis, or of bytes, whose products are cut off."""
    with pytest.raises(ValueError, match=r"^expected floating features of shape \(N, C, H, W\), got .*: see extract"):
        probe("gram_matrix", features=features)


# --- style loss ---


def call(probe, feats, layers, targets, weights):
    arrays = {f"feats_{i}": value for i, value in enumerate(feats)} | {f"target_{i}": A for i, A in enumerate(targets)}
    return probe("style_loss", layers=layers, weights=weights, **arrays)


@pytest.mark.points(1.5)
def test_style_loss_of_the_town_and_a_painting(probe):
    """On three layers of the embedded network the loss and its gradients are those that were stored."""
    layers, painted = [1, 4, 7], features("flow")
    flat = {layer: painted[layer].reshape(painted[layer].shape[1], -1).astype(np.float64) for layer in layers}
    targets = [np.float32(F @ F.T / F.size)[None] for F in flat.values()]
    weights = compare.references("style_loss")["style: weights"].tolist()
    out = call(probe, features("town"), layers, targets, weights)
    compare.assert_stored("style loss", out["value"], "style_loss", "style", READ)
    if not any(out[f"gradient_{layer}"].any() for layer in layers):
        gradient = probe("gram_matrix", features=features("town")[4], gradient=True)["gradient"]
        if not gradient.any():
            pytest.fail(
                "style loss: expected a gradient for its features, got nothing but zeros\n"
                f"    It looks like this mistake: {sentences.GRAM_CUT_OFF}\n    To read: {READ_GRAM}"
            )
    for layer in layers:
        name = f"gradient of the style loss at layer {layer}"
        compare.assert_stored(name, out[f"gradient_{layer}"], "style_loss", f"style gradient {layer}", READ)
    # Last, since only who has all of this right is told by an error: SqueezeNet's layers have unequally many channels.
    ones, targets = [np.ones((1, C, 2, 2), np.float32) for C in (4, 16)], [np.zeros((1, C, C)) for C in (4, 16)]
    out = call(probe, ones, [0, 1], [A.astype(np.float32) for A in targets], [3.0, 5.0])
    compare.assert_close("style loss of unequally many channels", out["value"], 3.0 + 5.0, 1e-5, read=READ)


@pytest.mark.points(1)
def test_style_loss_of_equal_channels(probe):
    """If all features are a, Gram matrices hold a^2 / C; against zeros layer l adds w_l * C^2 * (a^2 / C)^2."""
    feats = [np.full((1, 5, 4, 6 - i), a, np.float32) for i, a in enumerate((1, 2, 3))]
    targets = [np.zeros((1, 5, 5), np.float32)] * 2
    mistakes = {
        sentences.WEIGHTS_MISSING: 81.0 + 1,
        sentences.GRAM_NOT_SQUARED: 7 * 5 * 9.0 + 20 * 5,
        sentences.MEAN: (7 * 81 + 20) / 25,
        sentences.FIRST_WEIGHT: 7 * 81.0 + 7,
        sentences.LAST_WEIGHT: 20 * 81.0 + 20,
        sentences.SUM_OF_WEIGHTS: 27 * 81.0 + 27,
        sentences.SORTED: 20 * 81.0 + 7,
        sentences.MEAN_OF_LAYERS: (7 * 81 + 20) / 2,
        sentences.LAYERS_COUNTED: 7.0 + 20 * 16,
        sentences.LAST_LAYER_ALONE: 20.0,
        sentences.FIRST_LAYER_ALONE: 7 * 81.0,
    }
    out = call(probe, feats, [2, 0], targets, [7, 20])
    compare.assert_close("style loss", out["value"], 7 * 81.0 + 20, 1e-5, mistakes, READ)


@pytest.mark.points(0.5)
def test_style_loss_of_the_right_style_is_zero(probe):
    """If the Gram matrices are the targets, nothing is lost, whatever the weights; counts beside another style."""
    feats = [np.ones((1, 4, 3, 3), np.float32)]
    out = call(probe, feats, [0], [np.full((1, 4, 4), 0.25, np.float32)], [1e6])
    compare.assert_close("style loss", out["value"], 0.0, 0, read=READ)
    other = call(probe, feats, [0], [np.full((1, 4, 4), 0.5, np.float32)], [1e6])
    assert np.all(other["value"]), "expected more than 0 for another style, got nothing but zeros"


def test_the_features_are_not_written_to(probe):
    feats = [inputs.noise(1, 2, 3, 4)]
    written = call(probe, feats, [0], [np.zeros((1, 2, 2), np.float32)], [1.0])["written"]
    assert not written, sentences.WRITTEN_TO.format(written)


def test_lists_of_different_lengths_are_refused(probe):
    message = (
        "^expected a target and a weight for each style layer, got 1 layers, 1 targets and 2 weights: "
        "make the lists equally long$"
    )
    with pytest.raises(ValueError, match=message):
        call(probe, [np.ones((1, 2, 3, 4))], [0], [np.zeros((1, 2, 2))], [1.0, 2.0])
