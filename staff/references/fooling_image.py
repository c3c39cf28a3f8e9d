"""Fooling images (Szegedy et al. 2014): the float64 oracle, the usual mistakes, and what is stored of both."""

import itertools

import numpy as np
from torch import nn

from staff.references.chain_rule import one_hot, predict, scores, softmax, through
from staff.references.shared import Mistakes, combine, unit, unit_pixels
from staff.references.stored import LEAST_OF_GRADIENTS, File, in_float32, ripple
from tests import inputs, networks, sentences
from tests.compare import relative_error

LEARNING_RATE = 10  # the length of a step, unless another is asked for


def fooling(
    model: nn.Module, X: np.ndarray, target: int, learning_rate: float = LEARNING_RATE, most: int = 100
) -> tuple[np.ndarray, int]:
    """The fooling image (1, 3, H, W), and how many steps it took: `most` if it is not there."""
    x = np.array(X, np.float64)
    for step in range(most):
        there = through(model, x, one_hot([target]))
        if there.scores[0].argmax() == target:
            return x, step
        if not there.gradient.any():  # the class is dead: there is no way to go
            break
        x = x + learning_rate * there.gradient / np.sqrt((there.gradient**2).sum())
    return x, most


def first_step(model: nn.Module, X: np.ndarray, target: int) -> np.ndarray:
    """By how much the first step moves the image."""
    return LEARNING_RATE * unit(through(model, X, one_hot([target])).gradient)


def image_mistakes(model: nn.Module, X: np.ndarray, target: int) -> Mistakes:
    """Return those of the fooling image of someone whose first step is right."""
    X = np.asarray(X, np.float64)
    fooled, steps = fooling(model, X, target)
    first, one_more = (first_step(model, x, target) for x in (X, fooled))

    def ascend(move, most=steps + 3, repeats=1):
        x, total = X, 0.0
        for _ in range(most):
            there = through(model, x, one_hot([target]))
            if there.scores[0].argmax() == target:
                break
            for _ in range(repeats):
                total = total + there.gradient
                x = x + LEARNING_RATE * move(there.gradient, total)
        return x

    wrong = {
        "a step is taken after the network is fooled: look at the scores first.": fooled + one_more,
        sentences.TWO_STEPS: ascend(lambda g, total: unit(g), repeats=2),
        "only one step is taken, or each starts from X: go on from where the last one ended, until the network says "
        "the target.": X + first,
    }
    if steps > 1:
        wrong[sentences.NEVER_CLEARED] = ascend(lambda g, total: unit(total))
        wrong["the first step's gradient is taken again and again: take it where the image is by then."] = ascend(
            lambda g, total: first / LEARNING_RATE
        )
        wrong["the first step's gradient is taken in all steps, in vain: take it where the image is by then."] = (
            X + 100 * first
        )
        wrong["one step too few is taken: go on until the network says the target."] = ascend(
            lambda g, total: unit(g), most=steps - 1
        )
    return wrong


def step_mistakes(model: nn.Module, X: np.ndarray, target: int) -> Mistakes:
    """Return those of the first step."""
    own = one_hot([target])
    ways = {
        "": own,
        sentences.NOT_THE_SCORE: lambda s: own(s) - softmax(s),
        sentences.ALL_SCORES: np.ones_like,
        sentences.PREDICTED_NOT_TARGET: predict,
        "the lead over the highest score is climbed: take the gradient of the target's score alone.": (
            lambda s: own(s) - predict(s)
        ),
    }
    stages = (
        {sentence: through(model, X, upstream).gradient for sentence, upstream in ways.items()},
        {
            "": unit,
            sentences.NOT_NORMALISED: lambda g: g,
            sentences.DIVIDED_BY_SQUARE: lambda g: g / (g**2).sum(),
            sentences.DIVIDED_BY_LARGEST: lambda g: g / np.abs(g).max(),
            sentences.DIVIDED_BY_RMS: lambda g: g / np.sqrt((g**2).mean()),
            sentences.SIGN_OF_GRADIENT: np.sign,
        },
        {"": 1, sentences.SCORE_DESCENDED: -1},
        {"": LEARNING_RATE, sentences.LEARNING_RATE_MISSING: 1},
    )
    alone = (
        {},
        {
            sentences.NORM_OF_CHANNEL: lambda g: g / np.sqrt((g**2).sum((2, 3), keepdims=True)),
            sentences.NORM_OF_PIXEL: unit_pixels,
            sentences.DIVIDED_BY_MEAN: lambda g: g / np.abs(g).mean(),
            sentences.DIVIDED_BY_L1: lambda g: g / np.abs(g).sum(),
            sentences.DIVIDED_BY_COUNT: lambda g: g / g.size,
            sentences.MULTIPLIED_BY_NORM: lambda g: g * np.sqrt((g**2).sum()),
            sentences.NORM_OF_IMAGE: lambda g: g / np.sqrt((X**2).sum()),
            "the norm is subtracted from the gradient: divide it.": lambda g: g - np.sqrt((g**2).sum()),
            "the gradient's sum is taken for its norm.": lambda g: g / g.sum(),
        },
        {},
        {sentences.TWO_STEPS: 2 * LEARNING_RATE},
    )
    wrong = combine(lambda g, scale, sign, rate: sign * rate * scale(g), stages, alone)
    return wrong | {sentences.CLAMPED: np.clip(X + first_step(model, X, target), 0, 1) - X}


def store() -> None:
    """Store a fooling image that takes one step, and one that takes a few."""
    model, file = networks.build("embedded", "float64"), File("fooling_image")
    for key, wanted in (("one step", {1}), ("more steps", {2, 3, 4})):
        for index, place in itertools.product(range(25), (-2, -3, -4, -5)):
            X = inputs.scenes((index,), 112, 112)
            target = int(scores(model, X)[0].argsort()[place])
            image, steps = fooling(model, X, target, most=5)
            if steps not in wanted:
                continue
            others = ripple(lambda X: fooling(model, X, target)[0], X)  # noqa: B023 -- called at once
            if max(relative_error(other, image) for other in others) < 1e-4:  # else it is a matter of the last bit
                break
        else:
            raise ValueError(f"expected a scene that is fooled in {wanted} steps, got none: try other sizes")
        others += in_float32("fooling", "image", network="embedded", X=X, target=target)
        file.put(key, image, others, image_mistakes(model, X, target), sampled=True)
        others = in_float32("fooling", "first", network="embedded", X=X, target=target)
        others += ripple(lambda X: first_step(model, X, target), X)  # noqa: B023
        first, wrong = first_step(model, X, target), step_mistakes(model, X, target)
        file.put(f"{key}: first step", first, others, wrong, sampled=True, least=LEAST_OF_GRADIENTS)
        file.arrays[f"{key}: scene, target, steps"] = np.array([index, target, steps])
    file.write()
