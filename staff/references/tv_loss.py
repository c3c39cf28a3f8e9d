"""Total variation loss: the float64 oracle, the usual mistakes, and what is stored of both."""

from collections.abc import Callable

import numpy as np
from torch import Tensor

from staff.references.shared import Mistakes, Stage, combined, cut_off, gradient_of, tensor, value_of
from staff.references.stored import File, in_float32
from tests import inputs, sentences


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
    return combined(value_of(_loss(tensor(image), weight)), STAGES, ALONE)


def gradient_mistakes(image: np.ndarray, weight: float) -> Mistakes:
    """Of the gradient with respect to the image."""
    argument = tensor(image).requires_grad_()
    return combined(gradient_of(_loss(argument, weight), argument), STAGES, ALONE) | cut_off(image)


Pair = tuple[Tensor, Tensor]  # of vertical neighbours, and of horizontal ones


def _cut(down: slice, right: slice) -> Callable[[Tensor], Pair]:
    """Vertical differences of some columns, horizontal ones of some rows."""
    return lambda x: (x.diff(dim=2)[..., down], x.diff(dim=3)[:, :, right])


def _of(part: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Pair]:
    """All differences of a part of the image."""
    return lambda x: _cut(ALL, ALL)(part(x))


def _mean(d: Tensor) -> Tensor:
    return d.sum() / max(d.numel(), 1)


def _over_all_pixels(down: Tensor, right: Tensor) -> Pair:
    pixels = down.numel() + down[:, :, 0].numel()  # of H rows there are H - 1 differences
    return down.sum() / pixels, right.sum() / pixels


ALL, BUT_LAST, BUT_FIRST = slice(None), slice(None, -1), slice(1, None)
# By which neighbours are compared, how, how that is added up, and the two sums with the weight.
STAGES: tuple[Stage, ...] = (
    {
        "": _cut(ALL, ALL),
        "only vertical neighbours are compared.": lambda x: (x.diff(dim=2), x[..., :0]),
        "only horizontal neighbours are compared.": lambda x: (x[..., :0], x.diff(dim=3)),
        sentences.LAST_DROPPED: (_cut(BUT_LAST, BUT_LAST)),
    },
    {
        "": lambda down, right: (down**2, right**2),
        sentences.ABSOLUTE_DIFFERENCES: lambda down, right: (down.abs(), right.abs()),
        "the differences are not squared.": lambda down, right: (down, right),
    },
    {
        "": lambda down, right: (down.sum(), right.sum()),
        sentences.MEAN: lambda down, right: (_mean(down), _mean(right)),
        "the roots of the two sums are taken: they stay squared.": lambda down, right: (
            down.sum() ** 0.5,
            right.sum() ** 0.5,
        ),
    },
    {
        "": lambda down, right, w: w * (down + right),
        sentences.WEIGHT_MISSING: lambda down, right, w: down + right,
        "the sum is halved: each pair of neighbours counts once, and whole.": lambda down, right, w: (
            w * (down + right) / 2
        ),
        sentences.ROOT: lambda down, right, w: w * (down + right) ** 0.5,
    },
)
ALONE: tuple[Stage, ...] = (
    {
        "the first row and column are dropped: vertical neighbours are in all columns, horizontal ones in all rows.": (
            _cut(BUT_FIRST, BUT_FIRST)
        ),
        "the last column is left out of the vertical differences.": _cut(BUT_LAST, ALL),
        "the last row is left out of the horizontal differences.": _cut(ALL, BUT_LAST),
        "the first column is left out of the vertical differences.": _cut(BUT_FIRST, ALL),
        "the first row is left out of the horizontal differences.": _cut(ALL, BUT_FIRST),
        "the last row of vertical differences is left out.": lambda x: (x.diff(dim=2)[:, :, :-1], x.diff(dim=3)),
        "the first row of vertical differences is left out.": lambda x: (x.diff(dim=2)[:, :, 1:], x.diff(dim=3)),
        "the last column of horizontal differences is left out.": lambda x: (x.diff(dim=2), x.diff(dim=3)[..., :-1]),
        "the first column of horizontal differences is left out.": lambda x: (x.diff(dim=2), x.diff(dim=3)[..., 1:]),
        "rows or columns at the edge are left out: the last row.": _of(lambda x: x[:, :, :-1]),
        "rows or columns at the edge are left out: the last column.": _of(lambda x: x[..., :-1]),
        "rows or columns at the edge are left out: the first row.": _of(lambda x: x[:, :, 1:]),
        "rows or columns at the edge are left out: the first column.": _of(lambda x: x[..., 1:]),
        sentences.ONE_CHANNEL: _of(lambda x: x[:, :1]),
        "one of the channels is left out, the last: add up all three.": _of(lambda x: x[:, :-1]),
        "one of the channels is left out, the first: add up all three.": _of(lambda x: x[:, 1:]),
        "the last pixel is compared with the first: only true neighbours count.": lambda x: (
            x - x.roll(1, 2),
            x - x.roll(1, 3),
        ),
        "pixels two apart are compared: neighbours are one apart.": lambda x: (
            x[:, :, 2:] - x[:, :, :-2],
            x[..., 2:] - x[..., :-2],
        ),
        "axes other than height and width are compared: the width is axis 3.": lambda x: (x.diff(dim=2), x.diff(dim=1)),
        "axes other than height and width are compared: the height is axis 2.": lambda x: (
            x.diff(dim=1),
            x.diff(dim=3),
        ),
        "horizontal neighbours are compared twice, vertical ones never.": lambda x: (x.diff(dim=3), x.diff(dim=3)),
        "vertical neighbours are compared twice, horizontal ones never.": lambda x: (x.diff(dim=2), x.diff(dim=2)),
        "of vertical neighbours the lower one alone is squared: take their difference.": lambda x: (
            x[:, :, 1:],
            x.diff(dim=3),
        ),
        "of vertical neighbours the upper one alone is squared: take their difference.": lambda x: (
            x[:, :, :-1],
            x.diff(dim=3),
        ),
        "of horizontal neighbours the right one alone is squared: take their difference.": lambda x: (
            x.diff(dim=2),
            x[..., 1:],
        ),
        "of horizontal neighbours the left one alone is squared: take their difference.": lambda x: (
            x.diff(dim=2),
            x[..., :-1],
        ),
        "all rows are compared with the first: neighbours are one apart.": lambda x: (
            x[:, :, 1:] - x[:, :, :1],
            x.diff(dim=3),
        ),
        "all columns are compared with the first: neighbours are one apart.": lambda x: (
            x.diff(dim=2),
            x[..., 1:] - x[..., :1],
        ),
        "vertical neighbours are added: take their difference.": lambda x: (x[:, :, 1:] + x[:, :, :-1], x.diff(dim=3)),
        "horizontal neighbours are added: take their difference.": lambda x: (x.diff(dim=2), x[..., 1:] + x[..., :-1]),
        "vertical neighbours are multiplied: take their difference.": lambda x: (
            x[:, :, 1:] * x[:, :, :-1],
            x.diff(dim=3),
        ),
        "horizontal neighbours are multiplied: take their difference.": lambda x: (
            x.diff(dim=2),
            x[..., 1:] * x[..., :-1],
        ),
    },
    {
        "the vertical differences are not squared.": lambda down, right: (down, right**2),
        "the horizontal differences are not squared.": lambda down, right: (down**2, right),
        "the vertical differences are doubled: square them.": lambda down, right: (2 * down, right**2),
        "the horizontal differences are doubled: square them.": lambda down, right: (down**2, 2 * right),
        "absolute vertical differences are taken: square them.": lambda down, right: (down.abs(), right**2),
        "absolute horizontal differences are taken: square them.": lambda down, right: (down**2, right.abs()),
        "the vertical differences are raised to the power of three.": lambda down, right: (down**3, right**2),
        "the horizontal differences are raised to the power of three.": lambda down, right: (down**2, right**3),
        "the vertical differences are raised to the power of four.": lambda down, right: (down**4, right**2),
        "the horizontal differences are raised to the power of four.": lambda down, right: (down**2, right**4),
        "the differences are raised to the power of three.": lambda down, right: (down**3, right**3),
        "the differences are added up before they are squared.": lambda down, right: (
            down.sum() ** 2,
            right.sum() ** 2,
        ),
    },
    {
        "the mean of the vertical differences is taken: add them up.": lambda down, right: (_mean(down), right.sum()),
        "the mean of the horizontal differences is taken: add them up.": lambda down, right: (down.sum(), _mean(right)),
        "the mean over all pixels is taken: add the squares up.": _over_all_pixels,
    },
    {
        "the weight is missing for vertical neighbours.": lambda down, right, w: down + w * right,
        "the weight is missing for horizontal neighbours.": lambda down, right, w: w * down + right,
        sentences.WEIGHT_SQUARED: lambda down, right, w: w**2 * (down + right),
        sentences.DIVIDED_BY_WEIGHT: lambda down, right, w: (down + right) / w,
        "the weight is added: multiply by it.": lambda down, right, w: w + down + right,
        "the weight is subtracted: multiply by it.": lambda down, right, w: w - down - right,
        sentences.SUM_SQUARED: lambda down, right, w: w * (down + right) ** 2,
        sentences.WEIGHT_ALONE: lambda down, right, w: w + 0 * (down + right),
        sentences.DIVIDED_BY_SUM: lambda down, right, w: w / (down + right),
        "the two directions are subtracted: add them up.": lambda down, right, w: w * (down - right),
        "the two directions are multiplied: add them up.": lambda down, right, w: w * (down * right),
        "the two directions are divided: add them up.": lambda down, right, w: w * (down / right),
        "the sum is doubled: each pair of neighbours counts once.": lambda down, right, w: 2 * w * (down + right),
        sentences.SIGN_TURNED: lambda down, right, w: -w * (down + right),
    },
)


def _loss(image: Tensor, weight: float) -> Callable[..., Tensor]:
    def loss(neighbours, squares, sums, total):
        return total(*sums(*squares(*neighbours(image))), weight)

    return loss


def store() -> None:
    """The loss and its gradient on the town."""
    file = File("tv_loss")
    image, weight = inputs.normalise(inputs.picture("town", 48, 64)), 2e-2
    value, gradient = tv_loss(image, weight)
    file.put("tv", value, in_float32("tv_loss", "value", image=image, weight=weight), value_mistakes(image, weight))
    found = in_float32("tv_loss", "gradient", image=image, weight=weight)
    file.put("tv gradient", gradient, found, gradient_mistakes(image, weight), sampled=True)
    file.write()
