"""Attacks that ask a network and never look into it, on many images at once, in pixels of [0, 1].

By scores (N, K), untargeted, within a radius in L-infinity: `squares` and `nes`. By the class that is named alone:
`boundary`. Each image counts its questions for itself; one that is wrong is asked about no more.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from labs.attacking import Scores, lengths

HALVED = (0.001, 0.005, 0.02, 0.1, 0.2, 0.4, 0.6, 0.8)  # parts of the questions after which squares are half as large
FIRST_SHARE = 0.1  # of the picture, of the first squares
PAIRS, SIGMA = 10, 1e-3  # of NES: noises of either sign for one step, and their size
GRID = 14  # noise of the boundary's walk is smooth: so many values across the picture


def margin(scores: Tensor, y: Tensor) -> Tensor:
    """s_y less the highest other score, (N,): negative where the network is wrong."""
    own = scores.gather(1, y[:, None])[:, 0]
    others = scores.scatter(1, y[:, None], -torch.inf).amax(dim=1)
    return own - others


def aim(scores: Tensor, y: Tensor) -> Tensor:
    """The same for an attacker who wants class y to be named: negative where it is."""
    return -margin(scores, y)


def squares(
    scores: Scores,
    x: Tensor,
    y: Tensor,
    radius: float,
    asked: int,
    generator: torch.Generator,
    goal: Callable[[Tensor, Tensor], Tensor] = margin,
) -> tuple[Tensor, np.ndarray]:
    """Random squares of +-radius, kept where they lower the goal (Andriushchenko et al. 2020), from random stripes.

    goal: a function of scores (N, K) and y, whatever that holds for each image, which is negative where it is reached.

    Returns the pixels, and how many questions it took until each image was wrong, (N,): inf where it never was.
    """
    with torch.no_grad():
        stripes = _signs((len(x), 3, 1, x.shape[3]), generator).to(x)
        best = (x + radius * stripes).clamp(0, 1)
        low = goal(scores(best), y)
        took = np.where((low < 0).cpu().numpy(), 1.0, np.inf)
        for n in range(2, asked + 1):
            rows = (low >= 0).nonzero()[:, 0]
            if not len(rows):
                break
            tried = best[rows].clone(memory_format=torch.channels_last)  # a batch in four fifths of the time
            side = square_side(n / asked, x.shape[2], x.shape[3])
            for i, row in enumerate(rows.tolist()):
                top, left = (
                    int(torch.randint(size - side + 1, (1,), generator=generator)) for size in x.shape[2:]
                )
                window = (slice(None), slice(top, top + side), slice(left, left + side))
                tried[i][window] = (x[row][window] + radius * _signs((3, 1, 1), generator).to(x)).clamp(0, 1)
            values = goal(scores(tried), y[rows])
            good = values < low[rows]
            best[rows[good]], low[rows[good]] = tried[good], values[good]
            took[rows[(values < 0)].cpu().numpy()] = n
    return best, took


def square_side(part: float, height: int, width: int) -> int:
    """The side of a square when so large a part of the questions is used up."""
    share = FIRST_SHARE / 2 ** sum(part > after for after in HALVED)
    return max(min(round(math.sqrt(share * height * width)), height, width), 1)


def nes(
    scores: Scores, x: Tensor, y: Tensor, radius: float, asked: int, generator: torch.Generator
) -> tuple[Tensor, np.ndarray]:
    """PGD on the margin, whose gradient `nes_gradient` estimates (Ilyas et al. 2018). Returns what `squares` does."""
    moved, took = x.clone(), np.full(len(x), np.inf)
    cost = 2 * PAIRS + 1
    for step in range(asked // cost):
        rows = torch.from_numpy(np.flatnonzero(np.isinf(took))).to(x.device)
        if not len(rows):
            break
        g = nes_gradient(scores, moved[rows], y[rows], generator)
        tried = moved[rows] - radius / 4 * g.sign()
        moved[rows] = (x[rows] + (tried - x[rows]).clamp(-radius, radius)).clamp(0, 1)
        with torch.no_grad():
            wrong = margin(scores(moved[rows]), y[rows]) < 0
        took[rows[wrong].cpu().numpy()] = (step + 1) * cost
    return moved, took


def nes_gradient(scores: Scores, x: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
    """Mean over noises u of (m(x + sigma u) - m(x - sigma u)) u / (2 sigma): an estimate of the margin m's gradient."""
    g = torch.zeros_like(x)
    with torch.no_grad():
        for _ in range(PAIRS):
            u = torch.randn(x.shape, generator=generator).to(x)
            up, down = (margin(scores(x + sign * SIGMA * u), y) for sign in (1, -1))
            g += _each((up - down) / (2 * SIGMA * PAIRS)) * u
    return g


def boundary(
    said: Scores, x: Tensor, y: Tensor, start: Tensor, asked: int, generator: torch.Generator
) -> tuple[Tensor, np.ndarray]:
    """A walk along the boundary (Brendel et al. 2018) by the class that `said` names, from pictures of other classes.

    First half the way to x again and again while the network stays wrong; then steps aside, along smooth noise, and a
    little nearer. What is not wrong is not kept, so the distance never grows. Returns the pixels, and the L2 distance
    after each question, (asked + 1, N).
    """
    near, far = torch.zeros(len(x)).to(x), torch.ones(len(x)).to(x)  # parts of the way from x to start
    moved, distances = start.clone(), [lengths(start - x).tolist()]
    aside, nearer = torch.full((len(x),), 0.2).to(x), torch.full((len(x),), 0.02).to(x)
    for n in range(asked):
        if n < 12:
            middle = (near + far) / 2
            tried = x + _each(middle) * (start - x)
            wrong = said(tried) != y
            far, near = torch.where(wrong, middle, far), torch.where(wrong, near, middle)
        else:
            away = moved - x
            d = lengths(away)
            noise = torch.randn((len(x), 3, GRID, GRID), generator=generator).to(x)
            noise = F.interpolate(noise, size=x.shape[2:], mode="bilinear")
            noise = noise - _each((noise * away).flatten(1).sum(dim=1) / d.square().clamp(min=1e-12)) * away
            noise = F.normalize(noise.flatten(1), dim=1).view_as(x)
            turned = F.normalize((away + _each(aside * d) * noise).flatten(1), dim=1).view_as(x)
            tried = (x + _each((1 - nearer) * d) * turned).clamp(0, 1)
            wrong = (said(tried) != y) & (lengths(tried - x) < d)
            aside = torch.where(wrong, aside * 1.1, aside * 0.95).clamp(0.01, 1)
            nearer = torch.where(wrong, nearer * 1.2, nearer * 0.95).clamp(0.002, 0.3)
        moved = torch.where(_each(wrong), tried, moved)
        distances.append(lengths(moved - x).tolist())
    return moved, np.array(distances)


def _each(values: Tensor) -> Tensor:
    return values.view(-1, 1, 1, 1)


def _signs(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.randint(2, shape, generator=generator) * 2.0 - 1
