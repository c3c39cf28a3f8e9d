"""Class visualization (Simonyan et al. 2014): the float64 oracle, the usual mistakes, and what is stored of both."""

import numpy as np
import torch
from torch import nn

from staff.references.chain_rule import MEAN, STD, of_all, one_hot, probability_slope, scores, softmax, through
from staff.references.shared import Mistakes, unit
from staff.references.stored import File, in_float32, rippled
from tests import networks
from tests.compare import sample

APART = 5e-4  # of the regulariser, to be seen beside a gradient of length 1
NOISE = 0  # the seed of the first image


def ascent_step(
    model: nn.Module,
    x: np.ndarray,
    target: int,
    l2_reg: float,
    learning_rate: float,
    apart: bool = False,
) -> np.ndarray:
    """One step of class visualization from x (1, 3, H, W), clamped to valid pixels.

    apart: the regulariser's gradient is added after the score's was normalised, as some write it.
    """
    g = through(model, x, one_hot([target])).gradient
    if apart:
        step = g / np.sqrt((g**2).sum()) - 2 * l2_reg * x
    else:
        g = g - 2 * l2_reg * x
        step = g / np.sqrt((g**2).sum())
    return clamped(x + learning_rate * step)


def clamped(x: np.ndarray) -> np.ndarray:
    low, high = (((edge - MEAN) / STD)[None, :, None, None] for edge in (0, 1))
    return np.clip(x, low, high)


def step_mistakes(model: nn.Module, x: np.ndarray, target: int, l2_reg: float, learning_rate: float) -> Mistakes:
    """Of the image after one step of class visualization."""
    g = through(model, x, one_hot([target])).gradient
    decay = 2 * l2_reg * x
    norm = np.sqrt((x**2).sum())

    def stepped(step):
        return clamped(x + learning_rate * step)

    return {
        "the regulariser's sign is turned: it must pull the pixels towards zero.": stepped(unit(g + decay)),
        "the regulariser's norm is not squared.": stepped(unit(g - l2_reg * x / norm)),
        "the regulariser has no effect on the gradient (or its weight is missing).": stepped(unit(g)),
        "the regulariser's gradient lacks its factor 2.": stepped(unit(g - decay / 2)),
        "the regulariser's weight is missing.": stepped(unit(g - 2 * x)),
        "the gradient is not divided by its norm.": stepped(g - decay),
        "the gradient is divided by its largest value: take the L2 norm.": stepped(
            (g - decay) / np.abs(g - decay).max()
        ),
        "the sign of the gradient is taken: divide it by its L2 norm.": stepped(np.sign(g - decay)),
        "the objective is descended: add the gradient.": stepped(-unit(g - decay)),
        "the learning rate is missing.": clamped(x + unit(g - decay)),
        "the learning rate is written as a number: take learning_rate.": clamped(x + 25 * unit(g - decay)),
        "the gradient of all scores together: pick the target's.": stepped(unit(of_all(model, x) - decay)),
        "the gradient is that of the probability (after softmax): take that of the score.": stepped(
            unit(through(model, x, lambda s: probability_slope(s, [target])).gradient - decay)
        ),
        "the gradient is that of a cross-entropy loss: take that of the score itself.": stepped(
            unit(through(model, x, lambda s: one_hot([target])(s) - softmax(s)).gradient - decay)
        ),
        "the image was not changed.": clamped(x),
    }


def second_step_mistakes(
    model: nn.Module, start: np.ndarray, first: np.ndarray, target: int, learning_rate: float
) -> Mistakes:
    """Of the image after a second step, without regulariser."""
    before, now = (through(model, x, one_hot([target])).gradient for x in (start, first))
    steps = {
        "the gradient is never cleared: it adds up from step to step.": now + before,
        "the gradient is never cleared, only normalised: it adds up from step to step.": now + unit(before),
        "the gradient of the first image is used in each step.": before,
    }
    return {sentence: clamped(first + learning_rate * unit(step)) for sentence, step in steps.items()}


def store() -> None:
    """The first step, from the noise of one seed."""
    model, file, target = networks.build("embedded", "float64"), File("class_visualization"), 6
    start = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(NOISE)).double().numpy()
    g = through(model, start, one_hot([target])).gradient
    l2_reg = float(np.float32(0.5 * np.sqrt((g**2).sum() / (start**2).sum())))  # so that it counts beside the score
    settings = {"l2_reg": l2_reg, "learning_rate": 25}
    call = {"network": "embedded", "target": target, "classes": scores(model, start).shape[1], "still": True}
    others = [inputs[1:2] for inputs in in_float32("class_visualization", "inputs", **call, **settings)]
    others += rippled(lambda x: ascent_step(model, x, target, **settings), start)
    wrong = step_mistakes(model, start, target, **settings)
    file.put("start", start, [start.astype(np.float32)], {}, sampled=True)
    file.put("step", ascent_step(model, start, target, **settings), others, wrong, sampled=True)
    # Some subtract the regulariser's gradient from the normalised one. That is accepted, but with a weight at which
    # it counts beside the score's gradient, the same weight hardly counts in this way: hence another.
    for key, weight in (("apart", l2_reg), ("apart, strong", APART)):
        image = ascent_step(model, start, target, weight, settings["learning_rate"], apart=True)
        file.arrays[key] = np.float32(sample(image))
    file.arrays["apart, strong: l2_reg"] = np.array(APART)
    file.arrays["target, classes"] = np.array([target, call["classes"]])
    file.arrays["l2_reg"] = np.array(l2_reg)
    file.write()
