"""Total variation loss: the float64 oracle, the usual mistakes, and what is stored of both."""

import numpy as np
from torch import Tensor

from staff.references.shared import Mistakes, gradients, values
from staff.references.stored import File, in_float32
from tests import inputs


def tv_loss(image: np.ndarray, weight: float) -> tuple[float, np.ndarray]:
    """The loss and its gradient with respect to the image."""
    image = np.asarray(image, np.float64)
    H, W = image.shape[2:]
    total, gradient = 0.0, np.zeros_like(image)
    for h in range(H):
        for w in range(W):
            for i, j in ((h + 1, w), (h, w + 1)):
                if i < H and j < W:
                    difference = image[:, :, i, j] - image[:, :, h, w]
                    total += (difference**2).sum()
                    gradient[:, :, i, j] += 2 * weight * difference
                    gradient[:, :, h, w] -= 2 * weight * difference
    return weight * total, gradient


def value_mistakes(image: np.ndarray, weight: float) -> Mistakes:
    """Of the value."""
    return values(_tv_losses, image, weight)


def gradient_mistakes(image: np.ndarray, weight: float) -> Mistakes:
    """Of the gradient with respect to the image."""
    return gradients(_tv_losses, 0, image, weight)


def _tv_losses(image: Tensor, weight: float) -> dict[str, Tensor]:
    down, right = image.diff(dim=2), image.diff(dim=3)
    both = (down**2).sum() + (right**2).sum()
    return {
        "absolute differences are taken: square them.": weight * (down.abs().sum() + right.abs().sum()),
        "only vertical neighbours are compared.": weight * (down**2).sum(),
        "only horizontal neighbours are compared.": weight * (right**2).sum(),
        "the weight is missing.": both,
        "the weight is missing for vertical neighbours.": (down**2).sum() + weight * (right**2).sum(),
        "the weight is missing for horizontal neighbours.": weight * (down**2).sum() + (right**2).sum(),
        "the weight is squared too: it multiplies the sum.": weight**2 * both,
        "the mean is taken: add the squares up.": weight * ((down**2).mean() + (right**2).mean()),
        "the mean over all pixels is taken: add the squares up.": weight * both / image.numel(),
        "the sum is halved: each pair of neighbours counts once, and whole.": weight * both / 2,
        "the last row and column are dropped: vertical neighbours are in every column, horizontal ones in every row.": (
            weight * ((down[..., :-1] ** 2).sum() + (right[:, :, :-1] ** 2).sum())
        ),
        "the root of the sum is taken: it stays squared.": weight * both.sqrt(),
        "the roots of the two sums are taken: they stay squared.": weight
        * ((down**2).sum().sqrt() + (right**2).sum().sqrt()),
        "the differences are not squared.": weight * (down.sum() + right.sum()),
        "the differences are added up before they are squared.": weight * (down.sum() ** 2 + right.sum() ** 2),
        "only one of the channels counts: add up all three.": weight
        * ((down[:, :1] ** 2).sum() + (right[:, :1] ** 2).sum()),
        "the last pixel is compared with the first: only true neighbours count.": weight
        * sum(((image.roll(1, axis) - image) ** 2).sum() for axis in (2, 3)),
        "pixels two apart are compared: neighbours are one apart.": weight
        * (((image[:, :, 2:] - image[:, :, :-2]) ** 2).sum() + ((image[..., 2:] - image[..., :-2]) ** 2).sum()),
        "axes other than height and width are compared: those are the last two.": weight
        * ((image.diff(dim=1) ** 2).sum() + (down**2).sum()),
    }


def store() -> None:
    """The loss and its gradient on the town."""
    file = File("tv_loss")
    image, weight = inputs.normalised(inputs.picture("town", 48, 64)), 2e-2
    value, gradient = tv_loss(image, weight)
    file.put("tv", value, in_float32("tv_loss", "value", image=image, weight=weight), value_mistakes(image, weight))
    found = in_float32("tv_loss", "gradient", image=image, weight=weight)
    file.put("tv gradient", gradient, found, gradient_mistakes(image, weight), sampled=True)
    file.write()
