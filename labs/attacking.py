"""Attacks on networks, in pixels of [0, 1], for many images at once; and what is left of them in a saved file.

`scores` is a function from pixels (N, 3, H, W) to scores (N, K) whose parameters are frozen: gradients go to the pixels
alone. An attack returns pixels in [0, 1] no farther than `radius` from x, in the norm that it is named after. It leads
away from class y, or, targeted, to class y. In L-infinity these are Captum's FGSM and PGD; in L2 Captum steps along
signs, so `pgd_l2` is ours.

FGSM: Goodfellow et al. 2015 (https://arxiv.org/abs/1412.6572). Iterated: Kurakin et al. 2017
(https://arxiv.org/abs/1607.02533). PGD: Madry et al. 2018 (https://arxiv.org/abs/1706.06083). DeepFool:
Moosavi-Dezfooli et al. 2016 (https://arxiv.org/abs/1511.04599).
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from captum.robust import FGSM, PGD
from torch import Tensor, nn
from torch.nn import functional as F

from figures import images
from image_utils import blur_image
from labs import lab

Scores = Callable[[Tensor], Tensor]
REACH = 2.5  # what all steps together could go, in radii
JPEG_QUALITY = 90
SAVED = ("PNG", "JPEG")
SMALLEST, SMOOTH = 0.9, 3.0  # of `transferable`: the smallest part of a picture's sides; pixels of the Gaussian


def _quietly(perturb: Callable[..., Tensor], *asked: object, **more: object) -> Tensor:
    """Call Captum, which warns whoever hands it pixels without a gradient of their own, for which it then asks."""
    with lab.ignoring("Input Tensor 0 did not already require gradients"):
        return perturb(*asked, **more).detach()


def add_noise(x: Tensor, radius: float, generator: torch.Generator) -> Tensor:
    """x, each value moved by `radius` up or down at random: what an attack of that size must beat."""
    signs = torch.randint(2, x.shape, generator=generator) * 2.0 - 1
    return (x + radius * signs.to(x)).clamp(0, 1)


def fgsm(scores: Scores, x: Tensor, y: Tensor, radius: float, targeted: bool = False) -> Tensor:
    """One step of `radius` along the sign of the gradient of the cross-entropy."""
    attack = FGSM(scores, nn.CrossEntropyLoss(reduction="none"), lower_bound=0.0, upper_bound=1.0)
    return _quietly(attack.perturb, x.detach().clone(), radius, y, targeted=targeted)


def iterate(
    scores: Scores, x: Tensor, y: Tensor, radius: float, steps: int, targeted: bool = False, random_start: bool = False
) -> Tensor:
    """Steps of FGSM, each followed by a projection into the ball; from a random point of it, that is PGD."""
    attack = PGD(scores, nn.CrossEntropyLoss(reduction="none"), lower_bound=0.0, upper_bound=1.0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        step = REACH * radius / steps
        return _quietly(
            attack.perturb, x.detach().clone(), radius, step, steps, y, targeted=targeted, random_start=random_start
        )


def pgd(scores: Scores, x: Tensor, y: Tensor, radius: float, steps: int, targeted: bool = False) -> Tensor:
    """PGD in L-infinity."""
    return iterate(scores, x, y, radius, steps, targeted, random_start=True)


def transferable(
    scores: Scores, x: Tensor, y: Tensor, radius: float, steps: int, generator: torch.Generator
) -> Tensor:
    """Iterated steps whose pictures are to fool other networks as well, in L-infinity.

    The gradient is that of a picture that was made smaller at random and put on black (input diversity, Xie et al.
    2019, https://arxiv.org/abs/1803.06978), smoothed by a Gaussian (Dong et al. 2019,
    https://arxiv.org/abs/1904.02884), and added up, each divided by its mean size (momentum, Dong et al. 2018,
    https://arxiv.org/abs/1710.06081).
    """
    moved, total = x.detach(), torch.zeros_like(x)
    for _ in range(steps):
        size, corner = draw_place(x.shape[2:], generator)
        g = lab.gradient(partial(put_loss, scores, y, size, corner), moved)
        g = blur_image(g, SMOOTH)
        total = total + g / g.abs().mean(dim=(1, 2, 3), keepdim=True).clamp(min=1e-30)
        moved = (x + (moved + radius / steps * total.sign() - x).clamp(-radius, radius)).clamp(0, 1)
    return moved


def put_loss(scores: Scores, y: Tensor, size: Sequence[int], corner: Sequence[int], x: Tensor) -> Tensor:
    """The cross-entropy, summed, of pictures that were put on black."""
    return F.cross_entropy(scores(put(x, size, corner)), y, reduction="sum")


def draw_place(size: Sequence[int], generator: torch.Generator) -> tuple[list[int], list[int]]:
    """A size, at least SMALLEST of this one, and its upper left corner, both at random."""
    smaller = [int(torch.randint(int(SMALLEST * side), side + 1, (1,), generator=generator)) for side in size]
    corner = [int(torch.randint(side - new + 1, (1,), generator=generator)) for side, new in zip(size, smaller)]
    return smaller, corner


def put(x: Tensor, size: Sequence[int], corner: Sequence[int]) -> Tensor:
    """x (N, 3, H, W), made as small as `size`, with its upper left corner there, on black, (N, 3, H, W)."""
    (height, width), (top, left) = x.shape[2:], corner
    small = F.interpolate(x, size=list(size), mode="bilinear", align_corners=False)
    return F.pad(small, (left, width - left - size[1], top, height - top - size[0]))


def pgd_l2(scores: Scores, x: Tensor, y: Tensor, radius: float, steps: int, targeted: bool = False) -> Tensor:
    """PGD in L2: steps along the gradient itself, of one length, from x."""
    sign = -1.0 if targeted else 1.0
    moved = x.detach()
    for _ in range(steps):
        g = lab.gradient(lambda X: F.cross_entropy(scores(X), y, reduction="sum"), moved)
        moved = moved + sign * REACH * radius / steps * F.normalize(g.flatten(1), dim=1).view_as(g)
        moved = (x + project_l2(moved - x, radius)).clamp(0, 1)
    return moved


def project_l2(change: Tensor, radius: float) -> Tensor:
    """Each of (N, ...) made as short as `radius` where it is longer."""
    norm = lengths(change).clamp(min=1e-30)
    return change * (radius / norm).clamp(max=1).view(-1, *[1] * (change.ndim - 1))


def lengths(change: Tensor) -> Tensor:
    """The L2 norm of each of (N, ...)."""
    return change.flatten(1).norm(dim=1)


def deepfool(scores: Scores, x: Tensor, classes: int = 5, most: int = 30, overshoot: float = 0.02) -> Tensor:
    """x, moved over the nearest boundary of the network linearised, again and again until the class changes.

    With f_k = s_k - s_0 for class k against the first class 0, and w_k its gradient, the step goes to the k with the
    smallest |f_k| / |w_k|, by that length along w_k / |w_k|. Only the `classes` with the highest scores are looked at,
    as the paper does. Pixels may leave [0, 1], by little, as in the paper.
    """
    with torch.no_grad():
        order = scores(x).argsort(dim=1, descending=True)[:, : classes + 1]
    total = torch.zeros_like(x)
    rows = torch.arange(len(x), device=x.device)
    for _ in range(most):
        X = (x + (1 + overshoot) * total)[rows].detach().requires_grad_()
        with torch.enable_grad():
            s = scores(X)
            own = s.argmax(dim=1) == order[rows, 0]
            if not own.any():
                break
            picked = s.gather(1, order[rows])  # (n, classes + 1)
            ways = [
                torch.autograd.grad(picked[:, k].sum(), X, retain_graph=True)[0].flatten(1)
                for k in range(picked.shape[1])
            ]
        w = torch.stack(ways[1:], dim=1) - ways[0][:, None]  # (n, classes, C*H*W)
        f = (picked[:, 1:] - picked[:, :1]).detach()
        distance = f.abs() / w.norm(dim=2).clamp(min=1e-12)
        nearest, k = distance.min(dim=1)
        way = F.normalize(w[torch.arange(len(w)), k], dim=1)
        # A hair more than the distance, else rounding can leave a point on the boundary for ever.
        step = ((nearest + 1e-6)[:, None] * way).view_as(X)
        total[rows[own]] += step[own]
        rows = rows[own]
    return (x + (1 + overshoot) * total).detach()


def save_and_open(pixels: Tensor, way: str) -> Tensor:
    """Pixels (N, 3, H, W) as they come back from a file: "PNG" keeps eight bits, "JPEG" less, with quality 90."""
    eight = (pixels.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    back = np.stack([images.save_and_read(picture, way, JPEG_QUALITY) for picture in eight])
    return torch.from_numpy(back).permute(0, 3, 1, 2).to(pixels) / 255


def targets(y: Tensor, wanted: int, classes: int) -> Tensor:
    """The class to aim at for each image: `wanted`, or the next one for an image that is of that class already."""
    return torch.where(y == wanted, (y + 1) % classes, torch.full_like(y, wanted))
