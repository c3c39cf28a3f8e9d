"""Helpers of the tables of usual mistakes: one mistake or two at once, those of losses, and of some images alone."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tests import sentences
from tests.compare import relative_error

# For each mistake a sentence of help and what it gives, in float64: the `mistakes` of tests/compare.py.
Mistakes = dict[str, np.ndarray]
# What can be decided rightly or wrongly: the choices by the mistake's sentence, the right one under "".
Stage = Mapping[str, Any]
TELLS = 1e-2  # two mistakes at once are told if they give something this far from what fewer give


def combine(make: Callable[..., object], stages: Sequence[Stage], alone: Sequence[Stage] = ()) -> Mistakes:
    """Return what comes of each mistake, and of two usual ones at once, where one of them alone does not explain it.

    make: from one choice of each stage to what it gives, or to None where the choices do not go together.
    stages: the right choices and the usual mistakes. alone: for each stage what is rare, and is only tried by itself.
    """
    right = [stage[""] for stage in stages]
    found: Mistakes = {}
    known = [np.asarray(make(*right))]

    def try_choices(sentence: str, changes: dict[int, Any], apart: float, others: int = 0) -> None:
        output = make(*(changes.get(i, choice) for i, choice in enumerate(right)))
        if output is None or _is_known(output, known[others:], apart):
            return
        if np.isfinite(np.asarray(output)).all() and np.any(output):  # nothing but zeros may come of anything
            found[sentence] = np.asarray(output)
            known.append(found[sentence])

    for i, stage in enumerate(itertools.chain(stages, alone)):
        for sentence in filter(None, stage):
            try_choices(sentence, {i % len(stages): stage[sentence]}, 1e-9, others=1)
    for (i, one), (j, other) in itertools.combinations(enumerate(stages), 2):
        for first, second in itertools.product(filter(None, one), filter(None, other)):
            try_choices(f"{first} Besides: {second}", {i: one[first], j: other[second]}, TELLS)
    return found


def _is_known(output: object, known: list[np.ndarray], apart: float) -> bool:
    output = np.asarray(output)
    return any(output.shape == other.shape and relative_error(output, other) < apart for other in known)


def unit(g: np.ndarray) -> np.ndarray:
    """Scale to length 1."""
    return g / np.sqrt((g**2).sum())


def unit_images(g: np.ndarray) -> np.ndarray:
    """Scale each image's part to length 1; of nothing but zeros nothing."""
    norms = np.sqrt((g**2).sum(tuple(range(1, g.ndim)), keepdims=True))
    return g / np.where(norms > 0, norms, 1)


def unit_pixels(g: np.ndarray) -> np.ndarray:
    """Scale each pixel to length 1, as functional.normalize does, which takes the norm along axis 1."""
    return g / np.maximum(np.sqrt((g**2).sum(1, keepdims=True)), 1e-12)


def list_partial_batches(maps: np.ndarray) -> Mistakes:
    """Return the maps where a batch size is written as a number, or one image alone was meant."""
    if len(maps) == 1:
        return {
            "the axis of the images is missing: squeeze() takes away every axis of one, that of one image too.": maps[0]
        }
    number = np.arange(len(maps)).reshape(-1, *[1] * (maps.ndim - 1))
    wrong = {
        "the first image alone has a map: all images are asked for.": maps[:1],
        "only the first image's score has been used, or the first row of each gradient: add up the scores of all, and "
        "take each image's own row.": maps * (number < 1),
    }
    for count in range(2, len(maps)):
        sentence = f"only the first {count} images have a map: is a batch size written as a number? Take it from X."
        wrong[sentence] = maps * (number < count)
    return wrong


# --- of losses ---


def tensor(array: np.ndarray) -> Tensor:
    return torch.tensor(np.asarray(array, np.float64))


def list_loss_mistakes(
    loss: Callable[..., Tensor | None], stages: Sequence[Stage], alone: Sequence[Stage], argument: Tensor | None = None
) -> Mistakes:
    """Return what mistakes make of a loss's value, or of its gradient with respect to `argument`.

    loss: the `make` of `combine`. One that does not know of its argument has a gradient of zeros.
    """

    def make(*choices: Any) -> np.ndarray | None:
        value = loss(*choices)
        if value is None or argument is None:
            return None if value is None else value.detach().numpy()
        (gradient,) = torch.autograd.grad(value, argument, retain_graph=True, allow_unused=True, materialize_grads=True)
        return gradient.numpy()

    found = combine(make, stages, alone)
    if argument is not None:
        found[sentences.CUT_OFF] = np.zeros(argument.shape)
    return found
