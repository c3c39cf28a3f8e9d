"""Gram matrix and style loss (Gatys et al. 2016): the float64 oracle, the usual mistakes, and what is stored."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from staff.references.shared import Mistakes, pulled, tensor
from staff.references.stored import File, in_float32, town_and_painting

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
        "the sum over the batch is taken: each image has a Gram matrix of its own.": np.broadcast_to(
            own.sum(0, keepdims=True), own.shape
        ),
        "the sum over the batch is taken: each image has a Gram matrix of its own, (N, C, C).": own.sum(0),
        "the sum over the batch is taken, (1, C, C): each image has a Gram matrix of its own.": own.sum(0)[None],
        "the first image alone has a Gram matrix in this batch: each has its own.": own[:1],
        "pixels are multiplied with pixels: multiply channels with channels.": pixels / (size if normalize else 1),
        "rows and columns of the features are mixed up: reshape (N, C, H, W) to (N, C, H*W), in this order.": (
            _gram_of_scrambled(F) / (size if normalize else 1)
        ),
    }
    if normalize:
        wrong["it is not normalised: divide by C * H * W."] = gram
    else:
        wrong["it is normalised although normalize is False."] = gram / size
        del wrong["it is divided by C alone."], wrong["each matrix is divided by H * W alone: divide by C * H * W."]
    if N == 1:
        for sentence in [sentence for sentence in wrong if "batch" in sentence or "N * C" in sentence]:
            del wrong[sentence]
        wrong["the axis of the images is missing: (1, C, C)."] = own[0]
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
    wrong = _style_losses([tensor(F) for F in feats], layers, [tensor(A) for A in targets], weights)
    return {sentence: value.numpy() for sentence, value in wrong.items()}


def gradient_mistakes(
    feats: Sequence[np.ndarray],
    layers: Sequence[int],
    targets: Sequence[np.ndarray],
    weights: Sequence[float],
    layer: int,
) -> Mistakes:
    """Of the gradient with respect to the features of this layer."""
    inputs = [tensor(F).requires_grad_() for F in feats]
    return pulled(_style_losses(inputs, layers, [tensor(A) for A in targets], weights), inputs[layer])


def _style_losses(
    feats: Sequence[Tensor], layers: Sequence[int], targets: Sequence[Tensor], weights: Sequence[float]
) -> dict[str, Tensor]:
    def gram(F: Tensor, size: int = 0) -> Tensor:
        flat = F.flatten(2)
        return flat @ flat.transpose(1, 2) / (size or F[0].numel())

    def total(of: Callable[[Tensor], Tensor], of_gram: Callable[[Tensor], Tensor] = gram) -> Tensor:
        return sum(w * of(of_gram(feats[layer]) - A) for layer, A, w in zip(layers, targets, weights))

    def squared(d: Tensor) -> Tensor:
        return (d**2).sum()

    right = [squared(gram(feats[layer]) - A) for layer, A in zip(layers, targets)]
    wrong = {
        "the mean is taken: add the squares up.": total(lambda d: (d**2).mean()),
        "the weights are missing.": sum(right),
        "the difference of the Gram matrices is not squared.": total(torch.sum),
        "the absolute difference is taken: square it.": total(lambda d: d.abs().sum()),
        "the root of each sum is taken: it stays squared.": total(lambda d: squared(d).sqrt()),
        "the Gram matrices are not normalised.": total(squared, lambda F: gram(F, 1)),
        "the Gram matrices are divided by H * W alone: divide by C * H * W.": total(
            squared, lambda F: gram(F, F[0, 0].numel())
        ),
        "the sum is divided by the number of layers.": sum(w * d for w, d in zip(weights, right)) / len(layers),
        "only the last layer counts: add the layers up.": weights[-1] * right[-1],
        "only the first layer counts: add the layers up.": weights[0] * right[0],
        "one weight is used for all layers: each has its own.": weights[0] * sum(right),
        "the weights are squared: each multiplies its layer's sum.": sum(w**2 * d for w, d in zip(weights, right)),
        "the paper's factor of a quarter is not used here.": sum(w * d for w, d in zip(weights, right)) / 4,
    }
    if all(i < len(feats) and feats[i].shape[1] == A.shape[1] for i, A in enumerate(targets)):
        wrong["the layers are counted through instead of taken from style_layers."] = sum(
            w * squared(gram(feats[i]) - A) for i, (A, w) in enumerate(zip(targets, weights))
        )
    return wrong


# --- what is stored ---


def store() -> None:
    """Gram matrices, and the loss and its gradients, on features of the town and of a painting."""
    file = File("style_loss")
    feats, painted = town_and_painting()
    both = np.concatenate([feats[4], painted[4]])[:, :24]
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
