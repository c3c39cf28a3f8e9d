"""What the usual mistakes of several functions share."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tests.compare import relative_error

# For each mistake a sentence of help and what it gives, in float64: the `mistakes` of tests/compare.py.
Mistakes = dict[str, np.ndarray]
# What can be decided rightly or wrongly: the choices by the mistake's sentence, the right one under "".
Stage = Mapping[str, Any]
TELLS = 1e-2  # two mistakes at once are told if they give something this far from what fewer give


def combined(make: Callable[..., object], stages: Sequence[Stage], alone: Sequence[Stage] = ()) -> Mistakes:
    """What comes of each mistake, and of two of the usual ones at once, where one of them alone does not explain it.

    make: from one choice of each stage to what it gives, or to None where the choices do not go together.
    stages: the right choices and the usual mistakes. alone: for each stage what is rare, and is only tried by itself.
    """
    right = [stage[""] for stage in stages]
    found: Mistakes = {}
    known = [np.asarray(make(*right))]
    for i, stage in enumerate(itertools.chain(stages, alone)):
        for sentence in filter(None, stage):
            output = make(*_changed(right, {i % len(stages): stage[sentence]}))
            if output is not None and not _is_known(output, known[1:], 1e-9):
                _add(found, known, sentence, output)
    for (i, one), (j, other) in itertools.combinations(enumerate(stages), 2):
        for first, second in itertools.product(filter(None, one), filter(None, other)):
            output = make(*_changed(right, {i: one[first], j: other[second]}))
            if output is not None and not _is_known(output, known, TELLS):
                _add(found, known, f"{first} Besides: {second}", output)
    return found


def _changed(right: Sequence[Any], changes: dict[int, Any]) -> list[Any]:
    return [changes.get(i, choice) for i, choice in enumerate(right)]


def _add(found: Mistakes, known: list[np.ndarray], sentence: str, output: object) -> None:
    if np.isfinite(np.asarray(output)).all() and np.any(output):  # nothing but zeros may come of anything
        found[sentence] = np.asarray(output)
        known.append(found[sentence])


def _is_known(output: object, known: list[np.ndarray], apart: float) -> bool:
    output = np.asarray(output)
    return any(output.shape == other.shape and relative_error(output, other) < apart for other in known)


def unit(g: np.ndarray) -> np.ndarray:
    return g / np.sqrt((g**2).sum())


def of_some_images(maps: np.ndarray) -> Mistakes:
    """The maps where a batch size is written as a number, or one image alone was meant."""
    if len(maps) == 1:
        return {
            "the axis of the images is missing: squeeze() takes away every axis of one, that of one image too.": maps[0]
        }
    number = np.arange(len(maps)).reshape(-1, *[1] * (maps.ndim - 1))
    wrong = {
        "the first image alone has a map: all images are asked for.": maps[:1],
        "only the first image's score has been used: add up the scores of all.": maps * (number < 1),
    }
    for count in range(2, len(maps)):
        sentence = f"only the first {count} images have a map: is a batch size written as a number? Take it from X."
        wrong[sentence] = maps * (number < count)
    return wrong


# --- of losses ---


def tensor(array: np.ndarray) -> Tensor:
    return torch.tensor(np.asarray(array, np.float64))


def value_of(loss: Callable[..., Tensor | None]) -> Callable[..., np.ndarray | None]:
    """The `make` of `combined`: a loss's value."""

    def made(*choices: Any) -> np.ndarray | None:
        value = loss(*choices)
        return None if value is None else value.detach().numpy()

    return made


def gradient_of(loss: Callable[..., Tensor | None], argument: Tensor) -> Callable[..., np.ndarray | None]:
    """Its gradient with respect to one of its arguments."""

    def made(*choices: Any) -> np.ndarray | None:
        value = loss(*choices)
        if value is None:
            return None
        (gradient,) = torch.autograd.grad(value, argument, retain_graph=True, allow_unused=True, materialize_grads=True)
        return gradient.numpy()

    return made


def cut_off(argument: np.ndarray) -> Mistakes:
    """The gradient of a loss that does not know of its argument."""
    sentence = "the loss is cut off from its input: keep it a tensor (.item(), .data, .detach() and NumPy cut it off)."
    return {sentence: np.zeros(argument.shape)}
