"""Gram matrix and style loss (Gatys et al. 2016): the float64 oracle, the usual mistakes, and what is stored."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from torch import Tensor

from staff.references.shared import Mistakes, Stage, combined, cut_off, gradient_of, tensor, value_of
from staff.references.stored import File, in_float32, town_and_painting
from tests import sentences

# --- Gram matrix ---


def gram_matrix(F: np.ndarray, normalize: bool = True) -> np.ndarray:
    """(N, C, C)."""
    N, C, H, W = F.shape
    gram = np.zeros((N, C, C))
    for n in range(N):
        for c in range(C):
            for d in range(C):
                gram[n, c, d] = np.dot(F[n, c].ravel().astype(np.float64), F[n, d].ravel().astype(np.float64))
    return gram / (C * H * W) if normalize else gram


def gram_matrix_mistakes(F: np.ndarray, normalize: bool = True) -> Mistakes:
    N, C, H, W = F.shape
    gram, size = gram_matrix(F, False), C * H * W
    own = gram / size if normalize else gram
    flat = np.asarray(F, np.float64).reshape(N, C, H * W)
    pixels = np.einsum("nci,ncj->nij", flat, flat)
    wrong = {
        "each matrix is divided by H * W alone: divide by C * H * W.": gram / (H * W),
        "it is divided by N * C * H * W: each image has a Gram matrix of its own.": gram / (N * size),
        "it is divided by C alone.": gram / C,
        "it is divided by W alone: divide by C * H * W.": gram / W,
        "it is divided by H alone: divide by C * H * W.": gram / H,
        "it is divided by C * W: divide by C * H * W.": gram / (C * W),
        "it is divided by C * H: divide by C * H * W.": gram / (C * H),
        "it is multiplied by C * H * W: divide by it.": gram * size,
        "the sum over the batch is taken: each image has a Gram matrix of its own.": np.broadcast_to(
            own.sum(0, keepdims=True), own.shape
        ),
        "the sum over the batch is taken: each image has a Gram matrix of its own, (N, C, C).": own.sum(0),
        "the sum over the batch is taken, (1, C, C): each image has a Gram matrix of its own.": own.sum(0)[None],
        "the first image alone has a Gram matrix in this batch: each has its own.": own[:1],
        sentences.PIXELS_WITH_PIXELS: pixels / (size if normalize else 1),
        "rows and columns of the features are mixed up: reshape (N, C, H, W) to (N, C, H*W), in this order.": (
            _gram_of_scrambled(F) / (size if normalize else 1)
        ),
    }
    if normalize:
        wrong["it is not normalised: divide by C * H * W."] = gram
    else:
        wrong = {sentence: output for sentence, output in wrong.items() if "divide by" not in sentence}
        wrong["it is normalised although normalize is False."] = gram / size
    if N == 1:
        for sentence in [sentence for sentence in wrong if "batch" in sentence or "N * C" in sentence]:
            del wrong[sentence]
        wrong["the axis of the images is missing, (1, C, C): squeeze() takes away every axis of one."] = own[0]
    return wrong


def _gram_of_scrambled(F: np.ndarray) -> np.ndarray:
    N, C, H, W = F.shape
    flat = np.asarray(F, np.float64).transpose(0, 2, 3, 1).reshape(N, C, H * W)
    return np.einsum("nci,ndi->ncd", flat, flat)


# --- style loss ---


def style_loss(
    feats: Sequence[np.ndarray], layers: Sequence[int], targets: Sequence[np.ndarray], weights: Sequence[float]
) -> tuple[float, dict[int, np.ndarray]]:
    """The loss, and its gradient with respect to the features of each style layer."""
    total, gradients = 0.0, {}
    for layer, target, weight in zip(layers, targets, weights):
        F = np.asarray(feats[layer], np.float64)
        _, C, H, W = F.shape
        difference = gram_matrix(F) - target
        total += weight * (difference**2).sum()
        both = difference + difference.transpose(0, 2, 1)  # G_cd depends on F_c and on F_d
        gradient = 2 * weight / (C * H * W) * np.einsum("ncd,ndhw->nchw", both, F)
        gradients[layer] = gradients.get(layer, 0) + gradient
    return total, gradients


def value_mistakes(
    feats: Sequence[np.ndarray], layers: Sequence[int], targets: Sequence[np.ndarray], weights: Sequence[float]
) -> Mistakes:
    """Of the value."""
    loss = _loss([tensor(F) for F in feats], layers, [tensor(A) for A in targets], weights)
    return combined(value_of(loss), STAGES, ALONE)


def gradient_mistakes(
    feats: Sequence[np.ndarray],
    layers: Sequence[int],
    targets: Sequence[np.ndarray],
    weights: Sequence[float],
    layer: int,
) -> Mistakes:
    """Of the gradient with respect to the features of this layer."""
    arguments = [tensor(F).requires_grad_() for F in feats]
    loss = _loss(arguments, layers, [tensor(A) for A in targets], weights)
    return combined(gradient_of(loss, arguments[layer]), STAGES, ALONE) | cut_off(feats[layer])


def _gram(F: Tensor, size: int) -> Tensor:
    flat = F.flatten(2)
    return flat @ flat.transpose(1, 2) / size


# By how features become a matrix, its difference from the target, the layers' sums, which features belong to which
# target, and the total.
STAGES: tuple[Stage, ...] = (
    {
        "": lambda F: _gram(F, F[0].numel()),
        "the Gram matrices are not normalised.": lambda F: _gram(F, 1),
        "the Gram matrices are divided by H * W alone: divide by C * H * W.": lambda F: _gram(F, F[0, 0].numel()),
    },
    {
        "": lambda G, A: (G - A) ** 2,
        sentences.GRAM_NOT_SQUARED: lambda G, A: G - A,
        sentences.ABSOLUTE: lambda G, A: (G - A).abs(),
    },
    {
        "": lambda d: d.sum(),
        sentences.MEAN: lambda d: d.mean(),
        "the root of each sum is taken: it stays squared.": lambda d: d.sum().sqrt(),
    },
    {
        "": lambda layers: layers,
        sentences.LAYERS_COUNTED: lambda layers: list(range(len(layers))),
    },
    {
        "": lambda sums, weights: sum(w * d for w, d in zip(weights, sums)),
        sentences.WEIGHTS_MISSING: lambda sums, weights: sum(sums),
        sentences.LAST_LAYER_ALONE: lambda sums, weights: weights[-1] * sums[-1],
        sentences.FIRST_LAYER_ALONE: lambda sums, weights: weights[0] * sums[0],
        "the paper's factor of a quarter is not used here.": lambda sums, weights: sum(
            w * d / 4 for w, d in zip(weights, sums)
        ),
    },
)
ALONE: tuple[Stage, ...] = (
    {},
    {
        "the Gram matrices are added: take their difference.": lambda G, A: (G + A) ** 2,
        "the Gram matrices are multiplied: take their difference.": lambda G, A: (G * A) ** 2,
        "the Gram matrices are divided: take their difference.": lambda G, A: (G / A) ** 2,
        "the squared Gram matrices are subtracted: square the difference.": lambda G, A: G**2 - A**2,
        sentences.CUBED: lambda G, A: (G - A) ** 3,
        sentences.FOURTH_POWER: lambda G, A: (G - A) ** 4,
        "the target is left out: take the difference of the Gram matrices.": lambda G, A: G**2,
        "the target alone is squared: take the difference of the Gram matrices.": lambda G, A: A**2 + 0 * G,
        sentences.DIFFERENCE_DOUBLED: lambda G, A: 2 * (G - A),
    },
    {
        sentences.SUM_SQUARED: lambda d: d.sum() ** 2,
        sentences.LARGEST_ALONE: lambda d: d.max(),
        sentences.MULTIPLIED: lambda d: d.prod(),
        sentences.COUNTED: lambda d: d.numel() + 0 * d.sum(),
    },
    {
        "the features of the layer after each style layer are taken: take feats[layer].": lambda layers: [
            layer + 1 for layer in layers
        ],
        "the features of the layer before each style layer are taken: take feats[layer].": lambda layers: [
            layer - 1 for layer in layers
        ],
        "one layer's features are used for all: each target has its own.": lambda layers: layers[:1] * len(layers),
    },
    {
        "the sum is divided by the number of layers.": lambda sums, weights: sum(
            w * d / len(sums) for w, d in zip(weights, sums)
        ),
        "one weight is used for all layers: each has its own.": lambda sums, weights: weights[0] * sum(sums),
        "the last layer's weight is used for all: each has its own.": lambda sums, weights: weights[-1] * sum(sums),
        "the weights are squared: each multiplies its layer's sum.": lambda sums, weights: sum(
            w**2 * d for w, d in zip(weights, sums)
        ),
        "the sums are divided by the weights: multiply them.": lambda sums, weights: sum(
            d / w for w, d in zip(weights, sums)
        ),
        "the weights are added up alone: each multiplies its layer's sum.": lambda sums, weights: sum(
            w + 0 * d for w, d in zip(weights, sums)
        ),
        "the weights are divided by the sums: multiply them.": lambda sums, weights: sum(
            w / d for w, d in zip(weights, sums)
        ),
        "the weights are added: each multiplies its layer's sum.": lambda sums, weights: sum(
            w + d for w, d in zip(weights, sums)
        ),
        "the weights are subtracted: each multiplies its layer's sum.": lambda sums, weights: sum(
            w - d for w, d in zip(weights, sums)
        ),
        "the first layer is left out.": lambda sums, weights: sum(w * d for w, d in zip(weights[1:], sums[1:])),
        "the last layer is left out.": lambda sums, weights: sum(w * d for w, d in zip(weights[:-1], sums[:-1])),
        "the layers are subtracted: add them up.": lambda sums, weights: -sum(w * d for w, d in zip(weights, sums)),
        "the layers are multiplied: add them up.": lambda sums, weights: math.prod(
            w * d for w, d in zip(weights, sums)
        ),
        "the sum is halved.": lambda sums, weights: sum(w * d / 2 for w, d in zip(weights, sums)),
        sentences.SUM_DOUBLED: lambda sums, weights: sum(w * d * 2 for w, d in zip(weights, sums)),
        "1 is added to the sum: start from 0.": lambda sums, weights: 1 + sum(w * d for w, d in zip(weights, sums)),
    },
)


def _loss(
    feats: Sequence[Tensor], layers: Sequence[int], targets: Sequence[Tensor], weights: Sequence[float]
) -> Callable[..., Tensor | None]:
    def loss(gram, difference, reduced, taken, total):
        own = [feats[layer] for layer in taken(layers) if 0 <= layer < len(feats)]
        if len(own) < len(targets) or any(F.shape[1] != A.shape[1] for F, A in zip(own, targets)):
            return None
        return total([reduced(difference(gram(F), A)) for F, A in zip(own, targets)], weights)

    return loss


# --- what is stored ---


def store() -> None:
    """Gram matrices, and the loss and its gradients, on features of the town and of a painting."""
    file = File("style_loss")
    feats, painted = ([value[:, :24] for value in outputs] for outputs in town_and_painting())
    both = np.concatenate([feats[4], painted[4]])
    for key, normalize in (("gram", True), ("gram, not normalised", False)):
        found = in_float32("gram_matrix", "gram", features=both, normalize=normalize)
        file.put(key, gram_matrix(both, normalize), found, gram_matrix_mistakes(both, normalize))

    layers = [1, 4, 6, 7]
    targets = [np.float32(gram_matrix(painted[layer])) for layer in layers]
    apart = [((gram_matrix(feats[layer]) - A) ** 2).sum() for layer, A in zip(layers, targets)]
    weights = [float(f"{(i + 1) / distance:.2g}") for i, distance in enumerate(apart)]  # so that each layer counts
    file.arrays["style: weights"] = np.array(weights)
    arrays = {f"feats_{i}": value for i, value in enumerate(feats)} | {f"target_{i}": A for i, A in enumerate(targets)}
    value, gradients = style_loss(feats, layers, targets, weights)
    found = in_float32("style_loss", "value", layers=layers, weights=weights, **arrays)
    file.put("style", value, found, value_mistakes(feats, layers, targets, weights))
    for layer, gradient in gradients.items():
        found = in_float32("style_loss", f"gradient_{layer}", layers=layers, weights=weights, **arrays)
        wrong = gradient_mistakes(feats, layers, targets, weights, layer)
        file.put(f"style gradient {layer}", gradient, found, wrong, sampled=True)
    file.write()
