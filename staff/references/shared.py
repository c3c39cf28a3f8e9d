"""What the usual mistakes of several functions share."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

# For each mistake a sentence of help and what it gives, in float64: the `mistakes` of tests/compare.py.
Mistakes = dict[str, np.ndarray]


def unit(g: np.ndarray) -> np.ndarray:
    return g / np.sqrt((g**2).sum())


def of_some_images(maps: np.ndarray) -> Mistakes:
    """The maps where a batch size is written as a number, or one image alone was meant."""
    if len(maps) == 1:
        return {"the axis of the images is missing: a single image has one, too.": maps[0]}
    number = np.arange(len(maps)).reshape(-1, *[1] * (maps.ndim - 1))
    wrong = {
        "the first image alone has a map: all images are asked for.": maps[:1],
        "only the first image's score has been used: add up the scores of all.": maps * (number < 1),
    }
    for count in range(2, len(maps)):
        sentence = f"only the first {count} images have a map: is a batch size written as a number? Take it from X."
        wrong[sentence] = maps * (number < count)
    return wrong


# --- of losses: functions of tensors that give a loss for each mistake ---


def tensor(array: np.ndarray) -> Tensor:
    return torch.tensor(np.asarray(array, np.float64))


def values(losses: Callable[..., dict[str, Tensor]], *arguments: np.ndarray | float) -> Mistakes:
    tensors = [tensor(value) if isinstance(value, np.ndarray) else value for value in arguments]
    return {sentence: value.numpy() for sentence, value in losses(*tensors).items()}


def gradients(losses: Callable[..., dict[str, Tensor]], index: int, *arguments: np.ndarray | float) -> Mistakes:
    """With respect to the argument of this index."""
    tensors = [tensor(value) if isinstance(value, np.ndarray) else value for value in arguments]
    tensors[index].requires_grad_()
    return pulled(losses(*tensors), tensors[index])


def pulled(losses: dict[str, Tensor], argument: Tensor) -> Mistakes:
    found = {sentence: _gradient(value, argument) for sentence, value in losses.items()}
    cut = "the loss is cut off from its input: keep it a tensor (.item(), .data, .detach() and NumPy cut it off)."
    return found | {cut: np.zeros(argument.shape)}


def _gradient(value: Tensor, argument: Tensor) -> np.ndarray:
    (gradient,) = torch.autograd.grad(value, argument, retain_graph=True, allow_unused=True, materialize_grads=True)
    return gradient.numpy()
