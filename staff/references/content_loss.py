"""Content loss (Gatys et al. 2016): the float64 oracle, the usual mistakes, and what is stored of both."""

from collections.abc import Callable

import numpy as np
from torch import Tensor

from staff.references.shared import Mistakes, Stage, list_loss_mistakes, tensor
from staff.references.stored import File, in_float32, town_and_painting
from tests import sentences


def content_loss(weight: float, F: np.ndarray, P: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the loss and its gradient with respect to F."""
    F, P = np.asarray(F, np.float64), np.asarray(P, np.float64)
    total = 0.0
    for f, p in zip(F.ravel(), P.ravel()):
        total += (f - p) ** 2
    return weight * total, 2 * weight * (F - P)


def content_loss_mistakes(weight: float, F: np.ndarray, P: np.ndarray, gradient: bool = False) -> Mistakes:
    """Return those of the loss, or of its gradient with respect to F."""
    argument = tensor(F).requires_grad_()
    return list_loss_mistakes(_loss(weight, argument, tensor(P)), STAGES, ALONE, argument if gradient else None)


# By what is subtracted, how it is added up, and what it is multiplied by.
STAGES: tuple[Stage, ...] = (
    {
        "": lambda F, P: (F - P) ** 2,
        sentences.NOT_SQUARED: lambda F, P: F - P,
        sentences.ABSOLUTE: lambda F, P: (F - P).abs(),
        "the features are added: take their difference.": lambda F, P: (F + P) ** 2,
    },
    {"": Tensor.sum, sentences.MEAN: Tensor.mean, sentences.ROOT: lambda d: d.sum().sqrt()},
    {"": lambda w: w, sentences.WEIGHT_MISSING: lambda w: 1.0},
    {"": 1.0, "the paper's factor of one half is not used here.": 0.5},
)
ALONE: tuple[Stage, ...] = (
    {
        sentences.SUMMED_FIRST: lambda F, P: (F - P).sum() ** 2,
        "the differences are added up over the positions before they are squared: square each, then add them up.": (
            lambda F, P: (F - P).sum((2, 3)) ** 2
        ),
        "the differences are added up over the channels before they are squared: square each, then add them up.": (
            lambda F, P: (F - P).sum(1) ** 2
        ),
        "the squared features are subtracted: square the difference.": lambda F, P: F**2 - P**2,
        "the factor 2 of the product is missing, (F - P)^2 = F^2 - 2 F P + P^2: square the difference.": lambda F, P: (
            F**2 - F * P + P**2
        ),
        "the features' axes are permuted, the target's are not: subtract them as they are.": lambda F, P: (
            (F.permute(0, 2, 3, 1).reshape(F.shape) - P) ** 2
        ),
        "the target's axes are permuted, the features' are not: subtract them as they are.": lambda F, P: (
            (F - P.permute(0, 2, 3, 1).reshape(F.shape)) ** 2
        ),
        "the first channel is left out: add up all of them.": lambda F, P: ((F - P) ** 2)[:, 1:],
        "the last channel is left out: add up all of them.": lambda F, P: ((F - P) ** 2)[:, :-1],
        "2 is raised to the power of the difference: square the difference.": lambda F, P: 2 ** (F - P),
        "the difference is squared twice.": lambda F, P: (F - P) ** 4,
        "Gram matrices are compared, as in the style loss: compare the features themselves.": lambda F, P: (
            (F.flatten(2) @ F.flatten(2).mT - P.flatten(2) @ P.flatten(2).mT) ** 2
        ),
        "the features are multiplied: take their difference.": lambda F, P: (F * P) ** 2,
        "the content picture's features are left out: take the difference.": lambda F, P: F**2,
        "the image's own features are left out: take the difference.": lambda F, P: P**2 + 0 * F,
    },
    {
        "it is divided by the number of channels: add the squares up.": lambda d: d.sum() / d.shape[1],
        sentences.DIVIDED_BY_SIZE: lambda d: d.sum() / d[0, 0].numel(),
        "the numbers are counted: add the squares up.": lambda d: d.numel() + 0 * d.sum(),
        sentences.WEIGHT_ALONE: lambda d: 1 + 0 * d.sum(),
        sentences.DIVIDED_BY_SUM: lambda d: 1 / d.sum(),
    },
    {sentences.WEIGHT_SQUARED: lambda w: w**2, "it is divided by the weight: multiply by it.": lambda w: 1 / w},
    {sentences.SIGN_TURNED: -1.0},
)


def _loss(weight: float, F: Tensor, P: Tensor) -> Callable[..., Tensor]:
    return lambda difference, reduced, weighed, factor: factor * weighed(weight) * reduced(difference(F, P))


def store() -> None:
    """Store the loss and its gradient on features of the town and of a painting."""
    file = File("content_loss")
    feats, painted = town_and_painting()
    F, P, weight = feats[3], painted[3], 6e-2
    value, gradient = content_loss(weight, F, P)
    found = in_float32("content_loss", "value", weight=weight, current=F, original=P)
    file.put("content", value, found, content_loss_mistakes(weight, F, P))
    found = in_float32("content_loss", "gradient", weight=weight, current=F, original=P)
    file.put("content gradient", gradient, found, content_loss_mistakes(weight, F, P, True), sampled=True)
    file.write()
