"""Total variation loss: the float64 oracle, the usual mistakes, and what is stored of both."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from staff.references.shared import Mistakes, Stage, list_loss_mistakes, tensor
from staff.references.stored import File, in_float32
from tests import inputs, sentences


def tv_loss(image: np.ndarray, weight: float) -> tuple[float, np.ndarray]:
    """Return the loss and its gradient with respect to the image."""
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


def tv_loss_mistakes(image: np.ndarray, weight: float, gradient: bool = False) -> Mistakes:
    """Return those of the loss, or of its gradient."""
    argument = tensor(image).requires_grad_()
    return list_loss_mistakes(_loss(argument, weight), STAGES, ALONE, argument if gradient else None)


Pair = tuple[Tensor, Tensor]  # of vertical neighbours, and of horizontal ones


def _cut(down: slice, right: slice) -> Callable[[Tensor], Pair]:
    """Take vertical differences of some columns, horizontal ones of some rows."""
    return lambda x: (x.diff(dim=2)[..., down], x.diff(dim=3)[:, :, right])


def _cut_off(x: Tensor, axis: int, which: int) -> Tensor:
    """Return the differences along an axis, of which the first or the second pixel has no gradient."""
    pair = [x.narrow(axis, start, x.shape[axis] - 1) for start in (0, 1)]
    pair[which] = pair[which].detach()
    return pair[1] - pair[0]


def _squares(x: Tensor) -> Tensor:
    """Return each pixel's squares, to the one below and the one on the right; at the edge, of those that are there."""
    return pad(x.diff(dim=2), (0, 0, 0, 1)) ** 2 + pad(x.diff(dim=3), (0, 1)) ** 2


def _root(squares: Tensor) -> Tensor:
    """Return what, squared, is their root. Of 0 it has a gradient, too."""
    return (squares + 1e-14) ** 0.25


ALL, BUT_LAST, BUT_FIRST = slice(None), slice(None, -1), slice(1, None)
# By which neighbours are compared, how, how that is added up, the two sums with the weight, and what one direction has
# instead of its sum.
STAGES: tuple[Stage, ...] = (
    {
        "": _cut(ALL, ALL),
        "only vertical neighbours are compared.": lambda x: (x.diff(dim=2), x[..., :0]),
        "only horizontal neighbours are compared.": lambda x: (x[..., :0], x.diff(dim=3)),
        sentences.LAST_DROPPED: _cut(BUT_LAST, BUT_LAST),
        "vertical neighbours are compared twice, horizontal ones not at all.": lambda x: (x.diff(dim=2),) * 2,
        "horizontal neighbours are compared twice, vertical ones not at all.": lambda x: (x.diff(dim=3),) * 2,
        sentences.ROOT_OF_PIXELS: lambda x: (_root(_squares(x)), x[..., :0]),
    },
    {"": lambda d: d**2, sentences.ABSOLUTE_DIFFERENCES: Tensor.abs, "the differences are not squared.": lambda d: d},
    {"": lambda d, x: d.sum(), sentences.MEAN: lambda d, x: d.sum() / max(d.numel(), 1)},
    {
        "": lambda down, right, w: w * (down + right),
        sentences.WEIGHT_MISSING: lambda down, right, w: down + right,
        "the sum is halved: each pair of neighbours counts once, and whole.": lambda down, right, w: (
            w * (down + right) / 2
        ),
        sentences.TWICE: lambda down, right, w: 2 * w * (down + right),
        sentences.ROOT: lambda down, right, w: w * (down + right) ** 0.5,
    },
    {"": None},
)
# By a sentence on one direction: what it adds up, from its pixels but the first, those but the last, and its axis.
OF_ONE_DIRECTION: Mapping[str, Callable[[Tensor, Tensor, int], Tensor]] = {
    "the {} differences are not squared.": lambda b, a, axis: b - a,
    "absolute {} differences are taken: square them.": lambda b, a, axis: (b - a).abs(),
    "the mean of the {} differences is taken: add them up.": lambda b, a, axis: (b - a) ** 2 / a.numel(),
    "{} neighbours are added: take their difference.": lambda b, a, axis: (b + a) ** 2,
    "{} neighbours are multiplied: take their difference.": lambda b, a, axis: (b * a) ** 2,
    "of {} neighbours the first alone is squared: take their difference.": lambda b, a, axis: a**2,
    "of {} neighbours the second alone is squared: take their difference.": lambda b, a, axis: b**2,
    "all {} neighbours are compared with the first: they are one apart.": lambda b, a, axis: (
        (b - a.narrow(axis, 0, 1)) ** 2
    ),
}
ALONE: tuple[Stage, ...] = (
    {
        "the first row and column are dropped: vertical neighbours are in all columns, horizontal ones in all rows.": (
            _cut(BUT_FIRST, BUT_FIRST)
        ),
        "the last column is left out of the vertical differences.": _cut(BUT_LAST, ALL),
        "the last row is left out of the horizontal differences.": _cut(ALL, BUT_LAST),
        "the last pair of each direction is left out: compare up to the last pixel.": lambda x: (
            x[:, :, :-1].diff(dim=2),
            x[..., :-1].diff(dim=3),
        ),
        "all neighbours are compared with the first: is a slice :1 that should be :-1?": lambda x: (
            x[:, :, 1:] - x[:, :, :1],
            x[..., 1:] - x[..., :1],
        ),
        "pixels that are two apart are compared: neighbours are one apart.": lambda x: (
            x[:, :, 2:] - x[:, :, :-2],
            x[..., 2:] - x[..., :-2],
        ),
        "differences of the differences are taken (n=2): subtract neighbours once.": lambda x: (
            x.diff(n=2, dim=2),
            x.diff(n=2, dim=3),
        ),
        "diagonal neighbours are compared: compare vertical ones, and horizontal ones.": lambda x: (
            x[:, :, 1:, 1:] - x[:, :, :-1, :-1],
            x[..., :0],
        ),
        "the two directions are added before they are squared: square each difference by itself.": lambda x: (
            x.diff(dim=2)[..., :-1] + x.diff(dim=3)[:, :, :-1],
            x[..., :0],
        ),
        sentences.ROOT_OF_ALL_CHANNELS: lambda x: (_root(_squares(x).sum(1, keepdim=True)), x[..., :0]),
        "the root of each pixel's squares is taken (isotropic total variation), and the last row and column are "
        "dropped: add the squares up, of all pairs.": lambda x: (_root(_squares(x)[:, :, :-1, :-1]), x[..., :0]),
        "the root of each pixel's squares in all channels is taken (isotropic total variation), and the last row and "
        "column are dropped: add the squares up, of all pairs.": lambda x: (
            _root(_squares(x)[:, :, :-1, :-1].sum(1, keepdim=True)),
            x[..., :0],
        ),
        "rows or columns at the edge are left out.": lambda x: _cut(ALL, ALL)(x[:, :, :-1]),
        sentences.ONE_CHANNEL: lambda x: _cut(ALL, ALL)(x[:, :1]),
        "the last pixel is compared with the first: only true neighbours count.": lambda x: (
            x - x.roll(1, 2),
            x - x.roll(1, 3),
        ),
        **{
            f"the {where} padded with zeros, so that it counts as an edge: only true neighbours count.": (
                lambda x, sides=sides: (pad(x, (0, 0, *sides)).diff(dim=2), pad(x, sides).diff(dim=3))
            )
            for where, sides in (
                ("lower and the right border are", (0, 1)),
                ("upper and the left border are", (1, 0)),
                ("whole border is", (1, 1)),
            )
        },
        "diagonal neighbours are added: vertical and horizontal ones alone count.": lambda x: (
            torch.cat([x.diff(dim=2).flatten(), (x[:, :, 1:, 1:] - x[:, :, :-1, :-1]).flatten()]),
            x.diff(dim=3),
        ),
        "the differences are added up over the columns before they are squared: square each.": lambda x: (
            x.diff(dim=2).sum(3),
            x.diff(dim=3).sum(3),
        ),
        "the differences are added up over the rows before they are squared: square each.": lambda x: (
            x.diff(dim=2).sum(2),
            x.diff(dim=3).sum(2),
        ),
        "the second argument of torch.diff is how often it is taken: name the axis, dim=2 and dim=3.": lambda x: (
            x.diff(n=2),
            x.diff(n=3),
        ),
        "the colours are averaged first: take the differences of each channel.": lambda x: (
            x.mean(1, keepdim=True).diff(dim=2),
            x.mean(1, keepdim=True).diff(dim=3),
        ),
        "the colours are added up first: take the differences of each channel.": lambda x: (
            x.sum(1, keepdim=True).diff(dim=2),
            x.sum(1, keepdim=True).diff(dim=3),
        ),
        "channels are compared in place of rows: the height is axis 2.": lambda x: (x.diff(dim=1), x.diff(dim=3)),
        "pixels that are two apart are compared in columns: neighbours are one apart.": lambda x: (
            x[:, :, 2:] - x[:, :, :-2],
            x.diff(dim=3),
        ),
        "pixels that are two apart are compared in rows: neighbours are one apart.": lambda x: (
            x.diff(dim=2),
            x[..., 2:] - x[..., :-2],
        ),
        "axes other than height and width are compared: the width is axis 3.": lambda x: (x.diff(dim=2), x.diff(dim=1)),
        "neighbouring channels are compared, too: rows and columns alone have neighbours.": lambda x: (
            torch.cat([x.diff(dim=2).flatten(), x.diff(dim=1).flatten()]),
            x.diff(dim=3),
        ),
        **{
            f"the {('first', 'second')[cut]} of two neighbours is cut off by .detach(){where}: both have a gradient.": (
                lambda x, cut=cut, axes=axes: tuple(
                    _cut_off(x, axis, cut) if axis in axes else x.diff(dim=axis) for axis in (2, 3)
                )
            )
            for cut in (0, 1)
            for where, axes in (("", (2, 3)), (" in columns", (2,)), (" in rows", (3,)))
        },
    },
    {sentences.SUMMED_FIRST: lambda d: d.sum() ** 2},
    {
        "the mean over all pixels is taken: add the squares up.": lambda d, x: d.sum() / x.numel(),
        sentences.DIVIDED_BY_SIZE: lambda d, x: d.sum() / x[0, 0].numel(),
    },
    {
        "the weight multiplies the vertical sum alone: it belongs to both.": lambda down, right, w: w * down + right,
        "the weight multiplies the horizontal sum alone: it belongs to both.": lambda down, right, w: down + w * right,
        sentences.WEIGHT_SQUARED: lambda down, right, w: w**2 * (down + right),
        "the root of each direction's sum is taken: it stays squared.": lambda down, right, w: (
            w * (down**0.5 + right**0.5)
        ),
        sentences.WEIGHT_ALONE: lambda down, right, w: w + 0 * (down + right),
        sentences.DIVIDED_BY_SUM: lambda down, right, w: w / (down + right),
        "the two directions are subtracted: add them up.": lambda down, right, w: w * (down - right),
        "the two directions are multiplied: add them up.": lambda down, right, w: w * (down * right),
        sentences.SIGN_TURNED: lambda down, right, w: -w * (down + right),
    },
    {
        sentence.format(("vertical", "horizontal")[i]): (i, terms)
        for sentence, terms in OF_ONE_DIRECTION.items()
        for i in range(2)
    },
)


def _loss(image: Tensor, weight: float) -> Callable[..., Tensor]:
    def loss(neighbours, square, add_up, total, of_one):
        sums = [add_up(square(differences), image) for differences in neighbours(image)]
        if of_one:
            i, terms = of_one
            count = image.shape[2 + i] - 1
            sums[i] = terms(image.narrow(2 + i, 1, count), image.narrow(2 + i, 0, count), 2 + i).sum()
        return total(*sums, weight)

    return loss


def store() -> None:
    """Store the loss and its gradient on the town."""
    file = File("tv_loss")
    image, weight = inputs.normalise(inputs.picture("town", 48, 64)), 2e-2
    value, gradient = tv_loss(image, weight)
    file.put("tv", value, in_float32("tv_loss", "value", image=image, weight=weight), tv_loss_mistakes(image, weight))
    found = in_float32("tv_loss", "gradient", image=image, weight=weight)
    file.put("tv gradient", gradient, found, tv_loss_mistakes(image, weight, True), sampled=True)
    file.write()
