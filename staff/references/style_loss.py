"""Gram matrix and style loss (Gatys et al. 2016): the float64 oracle, the usual mistakes, and what is stored."""

import math
from collections.abc import Callable, Sequence
from functools import reduce

import numpy as np
from torch import Tensor

from staff.references.shared import Mistakes, Stage, list_loss_mistakes, tensor, unit_pixels
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
    by = size if normalize else 1
    own = gram / by
    flat = np.asarray(F, np.float64).reshape(N, C, H * W)
    columns, images = flat.reshape(N, H * W, C), flat.reshape(N * C, H * W)
    total, joined = flat.sum(2), flat.reshape(C, N * H * W)
    lengths = np.sqrt((flat**2).sum(2, keepdims=True))
    units = flat / np.maximum(lengths, 1e-12)
    cosines = np.einsum("nci,ndi->ncd", units, units)
    wrong = {
        sentences.PIXELS_WITH_PIXELS: np.einsum("nci,ncj->nij", flat, flat) / by,
        "rows and columns of the features are mixed up: reshape (N, C, H, W) to (N, C, H*W), in this order.": (
            _gram_of_scrambled(F) / by
        ),
        "rows and columns of the features are mixed up: reshape (N, C, H, W) to (N, C, H*W), not to (N, H*W, C).": (
            np.einsum("nic,nid->ncd", columns, columns) / by
        ),
        "reshape is no transpose, it mixes rows and columns up: multiply by .transpose(1, 2).": flat @ columns / by,
        "height and width of one factor are exchanged: multiply the features by the transpose of the same.": (
            flat @ np.swapaxes(F, 2, 3).reshape(N, C, H * W).transpose(0, 2, 1) / by
        ),
        "the positions are added up before the product: multiply first, (N, C, H*W) by its transpose.": (
            total[:, :, None] * total[:, None] / by
        ),
        "the features are squared, (N, C, H*W): multiply them as matrices, with their transpose.": flat**2 / by,
        sentences.UNIT_CHANNELS_FIRST: cosines / by,
        "each pixel's channels are scaled to length 1 first (normalize does so along axis 1): multiply the features as "
        "they are.": gram_matrix(unit_pixels(F), normalize),
        "each channel is multiplied with itself alone, (N, C): multiply each with each, (N, C, C).": (
            np.diagonal(gram_matrix(F, normalize), axis1=1, axis2=2)
        ),
        "each channel's mean is taken away: the Gram matrix keeps it.": (
            gram_matrix(F - F.mean((2, 3), keepdims=True), normalize)
        ),
    }
    if normalize:
        wrong |= {
            sentences.NOT_DIVIDED: gram,
            sentences.DIVIDED_BY_PIXELS: gram / (H * W),
            "each channel's mean is taken away, and each matrix is divided by H * W alone: the Gram matrix keeps the "
            "mean, and is divided by C * H * W.": C * gram_matrix(F - F.mean((2, 3), keepdims=True), True),
            "it is divided by its own sum: divide it by C * H * W.": gram / gram.sum(),
            sentences.UNIT_CHANNELS: cosines,
            "each pixel's channels are scaled to length 1 (normalize does so along axis 1): divide the product by "
            "C * H * W instead.": gram_matrix(unit_pixels(F), False),
            "all features of an image together are scaled to length 1: divide the product by C * H * W instead.": (
                gram / (flat**2).sum((1, 2), keepdims=True)
            ),
            "each matrix is scaled to length 1: divide it by C * H * W instead.": (
                gram / np.sqrt((gram**2).sum((1, 2), keepdims=True))
            ),
            "each row of the matrix is scaled to length 1: divide it by C * H * W instead.": (
                gram / np.maximum(np.sqrt((gram**2).sum(2, keepdims=True)), 1e-12)
            ),
            "each column of the matrix is scaled to length 1: divide it by C * H * W instead.": (
                gram / np.maximum(np.sqrt((gram**2).sum(1, keepdims=True)), 1e-12)
            ),
            "each matrix is divided by its largest entry: divide it by C * H * W instead.": (
                gram / gram.max((1, 2), keepdims=True)
            ),
            "it is divided by C alone.": gram / C,
            "it is divided by C * H * H: divide by C * H * W.": gram / (C * H * H),
            "it is divided by C * W * W: divide by C * H * W.": gram / (C * W * W),
            "it is divided by C * C: divide by C * H * W.": gram / C**2,
            "the brackets are missing, so that H and W multiply it: divide by (C * H * W).": gram / C * H * W,
            "it is divided twice by C * H * W: divide the product, once.": gram / size**2,
            "the paper's 4 * C^2 * (H * W)^2 is not used here: divide by C * H * W.": gram / (4 * size**2),
        }
    else:
        wrong[sentences.DIVIDED_IN_VAIN] = gram / size
    if N == 1:
        return wrong | {"the axis of the images is missing, (1, C, C): squeeze() takes away every axis of one.": own[0]}
    summed = own.sum(0)
    return wrong | {
        "it is divided by N * C * H * W: each image has a Gram matrix of its own.": gram / (N * size),
        "the sum over the batch is taken: each image has a Gram matrix of its own.": np.broadcast_to(summed, own.shape),
        "the sum over the batch is taken: each image has a Gram matrix of its own, (N, C, C).": summed,
        "the sum over the batch is taken, (1, C, C): each image has a Gram matrix of its own.": summed[None],
        sentences.ALL_IN_ONE: images @ images.T / by,
        f"{sentences.ALL_IN_ONE} Besides: it is divided by N * C * H * W.": images @ images.T / (N * by),
        "one matrix is made of all images, (1, C, C): keep the images apart, (N, C, H*W).": (
            (joined @ joined.T / by)[None]
        ),
        "one matrix is made of all images, (1, C, C), divided by their number, too: keep the images apart.": (
            joined @ joined.T / (N * by)
        )[None],
        f"{sentences.ALL_IN_ONE} Besides: an axis is put before it.": (images @ images.T / by)[None],
        f"{sentences.ALL_IN_ONE} Besides: it is divided by N * C * H * W, and an axis is put before it.": (
            images @ images.T / (N * by)
        )[None],
        "the first image alone has a Gram matrix in this batch: each has its own.": own[:1],
        "the first image alone has a Gram matrix, (C, C): keep the images apart, (N, C, H*W).": own[0],
    }


def _gram_of_scrambled(F: np.ndarray) -> np.ndarray:
    N, C, H, W = F.shape
    flat = np.asarray(F, np.float64).transpose(0, 2, 3, 1).reshape(N, C, H * W)
    return np.einsum("nci,ndi->ncd", flat, flat)


# --- style loss ---


def style_loss(
    feats: Sequence[np.ndarray], layers: Sequence[int], targets: Sequence[np.ndarray], weights: Sequence[float]
) -> tuple[float, dict[int, np.ndarray]]:
    """Return the loss, and its gradient with respect to the features of each style layer."""
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


def style_loss_mistakes(
    feats: Sequence[np.ndarray], layers: Sequence[int], targets: Sequence[np.ndarray], weights: Sequence[float],
    gradient: int | None = None,
) -> Mistakes:  # fmt: skip
    """Return those of the loss, or of its gradient with respect to the features of a layer."""
    arguments = [tensor(F).requires_grad_() for F in feats]
    loss = _loss(arguments, layers, [tensor(A) for A in targets], weights)
    found = list_loss_mistakes(loss, STAGES, ALONE, None if gradient is None else arguments[gradient])
    if gradient is not None:
        half = "one factor of the Gram matrix is cut off (.detach()), so that half of the gradient is missing."
        found[half] = style_loss(feats, layers, targets, weights)[1][gradient] / 2
    return found


# By what the Gram matrices' product is divided by, their difference from the target, its sum, which features belong to
# which target, the sum with its weight, and the total.
STAGES: tuple[Stage, ...] = (
    {"": lambda F: F[0].numel(), "the Gram matrices are not normalised.": lambda F: 1},
    {
        "": lambda G, A: (G - A) ** 2,
        sentences.GRAM_NOT_SQUARED: lambda G, A: G - A,
        sentences.ABSOLUTE: lambda G, A: (G - A).abs(),
    },
    {
        "": Tensor.sum,
        sentences.MEAN: Tensor.mean,
        "the root of each sum is taken: it stays squared.": lambda d: d.sum().sqrt(),
    },
    {"": lambda layers: layers, sentences.LAYERS_COUNTED: lambda layers: range(len(layers))},
    {
        "": lambda w, d, ws: w * d,
        sentences.WEIGHTS_MISSING: lambda w, d, ws: d,
        "the paper's factor of a quarter is not used here.": lambda w, d, ws: w * d / 4,
    },
    {
        "": sum,
        sentences.LAST_LAYER_ALONE: lambda losses: losses[-1],
        sentences.FIRST_LAYER_ALONE: lambda losses: losses[0],
    },
)
ALONE: tuple[Stage, ...] = (
    {},
    {
        "the Gram matrices are added: take their difference.": lambda G, A: (G + A) ** 2,
        "the Gram matrices are multiplied: take their difference.": lambda G, A: (G * A) ** 2,
        sentences.SUMMED_FIRST: lambda G, A: (G - A).sum() ** 2,
        "the squared Gram matrices are subtracted: square the difference.": lambda G, A: G**2 - A**2,
        "the target is left out: take the difference of the Gram matrices.": lambda G, A: G**2,
        "half of each matrix is added up (triu or tril): add up all its entries.": lambda G, A: ((G - A) ** 2).triu(),
    },
    {},
    {sentences.SORTED: sorted},
    {
        sentences.FIRST_WEIGHT: lambda w, d, ws: ws[0] * d,
        sentences.LAST_WEIGHT: lambda w, d, ws: ws[-1] * d,
        sentences.SUM_OF_WEIGHTS: lambda w, d, ws: sum(ws) * d,
        "the weights are divided by their sum: take them as they are.": lambda w, d, ws: w / sum(ws) * d,
        "the weights are squared: each multiplies its layer's sum.": lambda w, d, ws: w**2 * d,
        "the weights are divided by the sums: multiply them.": lambda w, d, ws: w / d,
        "the weights are added: each multiplies its layer's sum.": lambda w, d, ws: w + d,
    },
    {
        "the last style layer is left out: the loop ends too early.": lambda losses: sum(losses[:-1]),
        sentences.MEAN_OF_LAYERS: lambda losses: sum(losses) / len(losses),
        "the layers are multiplied: add them up.": math.prod,
        sentences.WEIGHTS_PILED: None,
        "the layers are subtracted: add them up.": lambda losses: -sum(losses),
    },
)


def _loss(
    feats: Sequence[Tensor], layers: Sequence[int], targets: Sequence[Tensor], weights: Sequence[float]
) -> Callable[..., Tensor | None]:
    def loss(size, difference, reduced, taken, weighed, total):
        own = [feats[layer] for layer in taken(layers)]
        if any(F.shape[1] != A.shape[1] for F, A in zip(own, targets)):
            return None
        grams = (F.flatten(2) @ F.flatten(2).mT / size(F) for F in own)
        sums = [reduced(difference(G, A)) for G, A in zip(grams, targets)]
        if total is None:
            return reduce(lambda before, own: weighed(own[0], before + own[1], weights), zip(weights, sums), 0)
        return total([weighed(w, d, weights) for w, d in zip(weights, sums)])

    return loss


# --- what is stored ---


def store() -> None:
    """Store Gram matrices, and the loss and its gradients, on features of the town and of a painting."""
    file = File("style_loss")
    feats, painted = ([value[:, :24] for value in outputs] for outputs in town_and_painting())
    both = np.concatenate([feats[4], painted[4]])
    for key, normalize in (("gram", True), ("gram, not normalised", False)):
        found = in_float32("gram_matrix", "gram", features=both, normalize=normalize)
        file.put(key, gram_matrix(both, normalize), found, gram_matrix_mistakes(both, normalize))

    layers = [1, 4, 7]
    targets = [np.float32(gram_matrix(painted[layer])) for layer in layers]
    apart = [((gram_matrix(feats[layer]) - A) ** 2).sum() for layer, A in zip(layers, targets)]
    weights = [float(f"{(i + 1) / distance:.2g}") for i, distance in enumerate(apart)]  # so that each layer counts
    file.arrays["style: weights"] = np.array(weights)
    arrays = {f"feats_{i}": value for i, value in enumerate(feats)} | {f"target_{i}": A for i, A in enumerate(targets)}
    value, gradients = style_loss(feats, layers, targets, weights)
    found = in_float32("style_loss", "value", layers=layers, weights=weights, **arrays)
    file.put("style", value, found, style_loss_mistakes(feats, layers, targets, weights))
    for layer, gradient in gradients.items():
        found = in_float32("style_loss", f"gradient_{layer}", layers=layers, weights=weights, **arrays)
        wrong = style_loss_mistakes(feats, layers, targets, weights, layer)
        file.put(f"style gradient {layer}", gradient, found, wrong, sampled=True)
    file.write()
