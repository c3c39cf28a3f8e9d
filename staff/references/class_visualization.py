"""Class visualization (Simonyan et al. 2014): the float64 oracle, the usual mistakes, and what is stored of both."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn

from staff.references.chain_rule import MEAN, STD, one_hot, predict, probability_slope, scores, softmax, through
from staff.references.shared import Mistakes, combine, unit, unit_pixels
from staff.references.stored import LEAST_OF_GRADIENTS, File, in_float32, ripple
from tests import inputs, networks, sentences

APART = 5e-4  # a weight of the regulariser, to be seen beside a gradient of length 1
SLOW = 5.0  # a learning rate at which it is seen what is multiplied by it
NOISE = 0  # the seed of the first image


def ascent_step(model: nn.Module, x: np.ndarray, target: int, l2_reg: float, learning_rate: float) -> np.ndarray:
    """One step of class visualization from x (1, 3, H, W), clamped to valid pixels."""
    low, high = (((edge - MEAN) / STD)[None, :, None, None] for edge in (0, 1))
    return np.clip(x + learning_rate * direction(model, x, target, l2_reg), low, high)


def direction(model: nn.Module, x: np.ndarray, target: int, l2_reg: float) -> np.ndarray:
    """Return the direction, of length 1: along the gradient of the score less l2_reg * ||x||^2."""
    return unit(_gradient(model, x, target) - 2 * l2_reg * x)


def apart_direction(model: nn.Module, x: np.ndarray, target: int, l2_reg: float) -> np.ndarray:
    """Return the direction as some write it: the regulariser's gradient is added after the score's was normalised."""
    return unit(_gradient(model, x, target)) - 2 * l2_reg * x


def _gradient(model: nn.Module, x: np.ndarray, target: int) -> np.ndarray:
    return through(model, x, one_hot([target])).gradient


def norms(model: nn.Module, x: np.ndarray, target: int) -> tuple[float, float, float]:
    """Return the norm of the score's gradient, its largest value, and the mean of its absolute values."""
    g = _gradient(model, x, target)
    return float(np.sqrt((g**2).sum())), float(np.abs(g).max()), float(np.abs(g).mean())


Settings = tuple[float, float]  # weight of the regulariser, learning rate


def directions(model: nn.Module, x: np.ndarray, target: int, settings: Sequence[Settings], way=direction) -> np.ndarray:
    """Return the direction at each of the settings, one after the other, each of length 1."""
    return np.concatenate([unit(way(model, x, target, l2_reg)) for l2_reg, _ in settings])


def direction_mistakes(model: nn.Module, x: np.ndarray, target: int, settings: Sequence[Settings]) -> Mistakes:
    """Return those of `directions`: several settings, as at one of them two mistakes may look alike."""
    own = one_hot([target])
    ways = {"": own, sentences.ALL_SCORES: np.ones_like, sentences.NOT_THE_SCORE: lambda s: own(s) - softmax(s)}
    norm = np.sqrt((x**2).sum())
    stages = (
        {sentence: through(model, x, upstream).gradient for sentence, upstream in ways.items()},
        {  # what is subtracted, but for its weight
            "": 2 * x,
            "the regulariser's sign is turned: it must pull the pixels towards zero.": -2 * x,
            "the regulariser's norm is not squared.": x / norm,
            sentences.NO_REGULARISER: 0 * x,
            "the regulariser's gradient lacks its factor 2.": x,
        },
        {  # where: g, what is subtracted, and the learning rate
            "": lambda g, d, rate: g - d,
            sentences.AFTER_NORMALISING: lambda g, d, rate: unit(g) - d,
            "the regulariser is outside the learning rate: it belongs to the gradient.": lambda g, d, rate: (
                rate * unit(g) - d
            ),
            "the regulariser is outside the learning rate, and the gradient is not divided by its norm.": (
                lambda g, d, rate: rate * g - d
            ),
        },
        {"": 1, sentences.OBJECTIVE_DESCENDED: -1},
    )
    alone = (
        {
            sentences.PREDICTED_NOT_TARGET: through(model, x, predict).gradient,
            sentences.OF_PROBABILITY: through(model, x, lambda s: probability_slope(s, [target])).gradient,
        },
        {
            "the regulariser's sum is not of squares.": np.ones_like(x),
            "the regulariser itself is subtracted from the gradient: subtract its gradient, 2 * l2_reg * img.": (
                np.full_like(x, (x**2).sum())
            ),
            "the regulariser counts twice: the gradient of l2_reg * ||img||^2 is 2 * l2_reg * img.": 4 * x,
            "the regulariser's sum is of cubes: take squares.": 3 * x**2 * np.sign(x),
            "the regulariser's sum is of absolute values: square them.": np.sign(x),
            "the square of the image is subtracted: the gradient of ||img||^2 is 2 * img.": x**2,
            "the square of the image is subtracted, twice: the gradient of ||img||^2 is 2 * img.": 2 * x**2,
        },
        {
            "the regulariser's weight is missing.": None,
            sentences.NORM_OF_PIXEL: lambda g, d, rate: unit_pixels(g - d),
            sentences.NORM_OF_CHANNEL: lambda g, d, rate: (g - d) / np.sqrt(((g - d) ** 2).sum((2, 3), keepdims=True)),
        },
    )

    def make(g: np.ndarray, decay: np.ndarray, place: Callable | None, sign: int) -> np.ndarray:
        steps = [g - decay if place is None else place(g, l2_reg * decay, rate) for l2_reg, rate in settings]
        return np.concatenate([unit(sign * step) for step in steps])

    return combine(make, stages, alone)


def never_cleared(model: nn.Module, seen: list[np.ndarray], target: int) -> Mistakes:
    """Return those of the last step's direction, without regulariser. seen: the images where the steps started."""
    gradients = [_gradient(model, x, target) for x in seen]
    ways = {
        sentences.NEVER_CLEARED: sum(gradients),
        "the gradient is never cleared, only normalised: it adds up from step to step.": sum(map(unit, gradients)),
        sentences.FIRST_GRADIENT: gradients[0],
        sentences.OBJECTIVE_DESCENDED: -gradients[-1],
    }
    return {sentence: unit(gradient) for sentence, gradient in ways.items()}


def store() -> None:
    """Store the direction of the first step, from the noise of one seed."""
    model, file, target = networks.build("embedded", "float64"), File("class_visualization"), 6
    start = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(NOISE)).double().numpy()
    g = _gradient(model, start, target)
    weight = float(np.float32(0.5 * np.sqrt((g**2).sum() / (start**2).sum())))  # so that it counts beside the score
    call = {"network": "embedded", "target": target, "classes": scores(model, start).shape[1], "still": True}
    file.put("start", start, [start.astype(np.float32)], {}, sampled=True)
    settings, others = [(weight, 25.0), (APART, SLOW)], []
    right = directions(model, start, target, settings)
    asked = [{**call, "l2_reg": weight, "learning_rate": rate} for weight, rate in settings]
    for in_one in zip(*(in_float32("class_visualization", "inputs", **each) for each in asked)):
        steps = []
        for (before, after), along in zip(in_one, right):
            free = inputs.find_unclamped(after[None])[0]  # the rest says nothing of a direction
            step = np.where(free, after - before, 0)
            steps.append(np.where(free, step / np.linalg.norm(step) * np.linalg.norm(along[free]), along))
        others.append(np.stack(steps))
    others += ripple(lambda x: directions(model, x, target, settings), start)
    wrong = direction_mistakes(model, start, target, settings)
    file.put("directions", right, others, wrong, sampled=True, least=LEAST_OF_GRADIENTS)
    file.arrays["directions: l2_reg, learning rate"] = np.array(settings)
    file.arrays["target, classes"] = np.array([target, call["classes"]])
    file.arrays["gradient: norm, largest, mean"] = np.array(norms(model, start, target))
    file.write()
