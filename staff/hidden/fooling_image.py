"""Draws what the hidden tests of fooling images ask: an image that a few steps turn into another class."""

import numpy as np

from staff.hidden import drawing
from staff.references import chain_rule, fooling_image
from tests import compare

STEPS = range(2, 7)  # that an image to fool the network with may take
DRAWS = 1000  # of such images at most: one seed in sixty takes more than 80
ENOUGH = 10  # draws, after which the best one is taken that is good enough


class FoolingQuestion:
    """An image and a target that are a few steps apart, and for which rounding matters little."""

    def __init__(self, rng: np.random.Generator, name: str) -> None:
        self.error = np.inf  # that small changes of the image make, of the best question so far
        for count in range(DRAWS):
            drawn = drawing.draw_network(rng, name)
            built, X = drawing.build(drawn), drawing.draw_images(rng, name, 1)
            scores = chain_rule.scores(built, X)[0]
            target = int(scores.argsort()[-1 - rng.integers(1, 4)])
            if scores[target] < 0.1 * scores.max():
                continue  # perhaps a dead class
            image, steps = fooling_image.fooling(built, X, target, most=STEPS[-1] + 1)
            if steps not in STEPS:
                continue
            error = 0.0
            for _ in range(drawing.RIPPLES):
                other, its_steps = fooling_image.fooling(built, drawing.ripple(rng, X), target, most=steps + 1)
                error = max(error, compare.relative_error(other, image) if its_steps == steps else np.inf)
                if error >= self.error:
                    break
            else:
                self.network, self.model, self.X, self.target, self.image = drawn, built, X, target, image
                self.error = error
            if self.error < drawing.TOLERANCE / 10 or (count > ENOUGH and self.error < drawing.TOLERANCE):
                break
        if self.error > drawing.TOLERANCE:
            raise ValueError(f"expected an image that is fooled in {STEPS} steps, got none: draw other sizes")
        self.tolerance = max(drawing.TOLERANCE, 10 * self.error)


def draw_two_classes(rng: np.random.Generator) -> tuple[drawing.Network, np.ndarray, int, int]:
    """Return a network, an image, the class that it says of it, and the next, which is not dead: it can be climbed."""
    while True:
        network, X = drawing.draw_network(rng, "tiny"), drawing.draw_images(rng, "tiny", 1)
        model = drawing.build(network)
        *_, other, said = (int(k) for k in chain_rule.scores(model, X)[0].argsort())
        if chain_rule.through(model, X, chain_rule.one_hot([other])).gradient.any():
            return network, X, said, other
