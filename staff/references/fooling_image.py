"""Fooling images (Szegedy et al. 2014): the float64 oracle, the usual mistakes, and what is stored of both."""

import itertools

import numpy as np
from torch import nn

from staff.references.chain_rule import of_all, one_hot, predicted, scores, softmax, through
from staff.references.shared import Mistakes, unit
from staff.references.stored import File, in_float32, rippled
from tests import inputs, networks
from tests.compare import relative_error


def fooling(
    model: nn.Module, X: np.ndarray, target: int, learning_rate: float = 10, most: int = 100
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


def image_mistakes(model: nn.Module, X: np.ndarray, target: int, learning_rate: float = 10) -> Mistakes:
    """Of the fooling image. Mistakes that never get there are followed for a few steps more than it takes.

    Descending the score is none of these: the way is long, so that rounding leads elsewhere, and ends where the class
    is dead. Its first step tells.
    """
    X = np.asarray(X, np.float64)
    _, steps = fooling(model, X, target, learning_rate)

    own = one_hot([target])

    def ascend(move, upstream=own, most=steps + 3, repeats=1):
        x, total = X, 0.0
        for _ in range(most):
            there = through(model, x, upstream)
            if there.scores[0].argmax() == target:
                break
            for _ in range(repeats):
                total = total + there.gradient
                x = x + learning_rate * move(there.gradient, total)
        return x

    fooled = ascend(lambda g, total: unit(g))
    wrong = {
        "a step is taken after the network is fooled: look at the scores first.": fooled
        + learning_rate * unit(through(model, fooled, one_hot([target])).gradient),
        "each pass of the loop takes two steps.": ascend(lambda g, total: unit(g), repeats=2),
        "the gradient is not divided by its norm.": ascend(lambda g, total: g, most=100),
        "the gradient is divided by the square of its norm.": ascend(lambda g, total: g / (g**2).sum()),
        "the gradient is divided by its largest value: take the L2 norm.": ascend(lambda g, total: g / np.abs(g).max()),
        "the sign of the gradient is taken: divide it by its L2 norm.": ascend(lambda g, total: np.sign(g)),
        "the gradient is that of a cross-entropy loss or of a probability: take that of the score.": ascend(
            lambda g, total: unit(g), lambda s: one_hot([target])(s) - softmax(s)
        ),
        "the gradient of all scores together: pick the target's.": ascend(lambda g, total: unit(g), np.ones_like),
        "the image was not changed.": X,
    }
    if steps > 1:
        wrong["the gradient is never cleared: it adds up from step to step."] = ascend(lambda g, total: unit(total))
        wrong["only one step is taken: go on until the network says the target."] = ascend(
            lambda g, total: unit(g), most=1
        )
    return wrong


def step_mistakes(model: nn.Module, X: np.ndarray, target: int, learning_rate: float = 10) -> Mistakes:
    """Of the image after the first step."""
    X, g = np.asarray(X, np.float64), through(model, X, one_hot([target])).gradient
    entropy = through(model, X, lambda s: one_hot([target])(s) - softmax(s)).gradient
    steps = {
        "each pass of the loop takes two steps.": 2 * unit(g),
        "the gradient is not divided by its norm.": g,
        "the gradient is divided by the square of its norm.": g / (g**2).sum(),
        "the gradient is divided by its largest value: take the L2 norm.": g / np.abs(g).max(),
        "the gradient is divided by its L1 norm: take the L2 norm.": g / np.abs(g).sum(),
        "the sign of the gradient is taken: divide it by its L2 norm.": np.sign(g),
        "the score is descended: add the gradient.": -unit(g),
        "the learning rate is missing.": unit(g) / learning_rate,
        "the gradient is that of a cross-entropy loss or of a probability: take that of the score.": unit(entropy),
        "a cross-entropy loss is ascended: take the gradient of the score.": -unit(entropy),
        "the gradient of all scores together: pick the target's.": unit(of_all(model, X)),
        "the score of the class that the network says is ascended: pick the target's.": unit(
            through(model, X, predicted).gradient
        ),
    }
    return {sentence: X + learning_rate * step for sentence, step in steps.items()}


def store() -> None:
    """A fooling image that takes one step, and one that takes a few."""
    model, file = networks.build("embedded", "float64"), File("fooling_image")
    for key, wanted in (("one step", {1}), ("more steps", {2, 3, 4})):
        for index, place in itertools.product(range(25), (-2, -3, -4, -5)):
            X = inputs.scenes((index,), 112, 112)
            target = int(scores(model, X)[0].argsort()[place])
            image, steps = fooling(model, X, target, most=5)
            if steps not in wanted:
                continue
            others = rippled(lambda X: fooling(model, X, target)[0], X)  # noqa: B023 -- called at once
            if max(relative_error(other, image) for other in others) < 1e-4:  # else it is a matter of the last bit
                break
        else:
            raise ValueError(f"expected a scene that is fooled in {wanted} steps, got none: try other sizes")
        others += in_float32("fooling", "image", network="embedded", X=X, target=target)
        file.put(key, image, others, image_mistakes(model, X, target), sampled=True)
        file.arrays[f"{key}: scene, target, steps"] = np.array([index, target, steps])
    file.write()
