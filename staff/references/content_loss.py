"""Content loss (Gatys et al. 2016): the float64 oracle, the usual mistakes, and what is stored of both."""

import numpy as np
from torch import Tensor

from staff.references.shared import Mistakes, gradients, values
from staff.references.stored import File, in_float32, town_and_painting


def content_loss(weight: float, F: np.ndarray, P: np.ndarray) -> tuple[float, np.ndarray]:
    """The loss and its gradient with respect to F."""
    F, P = np.asarray(F, np.float64), np.asarray(P, np.float64)
    total = 0.0
    for f, p in zip(F.ravel(), P.ravel()):
        total += (f - p) ** 2
    return weight * total, 2 * weight * (F - P)


def value_mistakes(weight: float, F: np.ndarray, P: np.ndarray) -> Mistakes:
    """Of the value."""
    return values(_content_losses, weight, F, P)


def gradient_mistakes(weight: float, F: np.ndarray, P: np.ndarray) -> Mistakes:
    """Of the gradient with respect to F."""
    return gradients(_content_losses, 1, weight, F, P)


def _content_losses(weight: float, F: Tensor, P: Tensor) -> dict[str, Tensor]:
    d = F - P
    return {
        "the mean is taken: add the squares up.": weight * (d**2).mean(),
        "it is divided by the number of channels: add the squares up.": weight * (d**2).sum() / F.shape[1],
        "the weight is missing.": (d**2).sum(),
        "the difference is not squared.": weight * d.sum(),
        "the absolute difference is taken: square it.": weight * d.abs().sum(),
        "the paper's factor of one half is not used here.": weight * (d**2).sum() / 2,
        "the root of the sum is taken: it stays squared.": weight * (d**2).sum().sqrt(),
        "the weight is squared too: it multiplies the sum.": weight**2 * (d**2).sum(),
        "the squared features are subtracted: square the difference.": weight * (F**2 - P**2).sum(),
        "the sum itself is squared: square each difference, then add up.": weight * d.sum() ** 2,
        "the features are added: take their difference.": weight * ((F + P) ** 2).sum(),
    }


def store() -> None:
    """The loss and its gradient on features of the town and of a painting."""
    file = File("content_loss")
    feats, painted = town_and_painting()
    F, P, weight = feats[3], painted[3], 6e-2
    value, gradient = content_loss(weight, F, P)
    found = in_float32("content_loss", "value", weight=weight, current=F, original=P)
    file.put("content", value, found, value_mistakes(weight, F, P))
    found = in_float32("content_loss", "gradient", weight=weight, current=F, original=P)
    file.put("content gradient", gradient, found, gradient_mistakes(weight, F, P), sampled=True)
    file.write()
