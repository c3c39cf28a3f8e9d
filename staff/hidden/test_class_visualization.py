from functools import partial

import numpy as np
import pytest

from staff.hidden import drawing
from staff.references import chain_rule, class_visualization
from staff.references.remembering import keep_drawn
from tests import compare, inputs
from tests.test_class_visualization import UNCHANGED, along, check_length

pytestmark = pytest.mark.class_visualization
READ = (
    "create_class_visualization: the gradient of s_y - l2_reg * sum(img ** 2), divided by its norm, times learning_rate"
)
TOLERANCE = 2e-2  # of a direction: 150,000 pixels go through many ReLUs and max-poolings, and some decide differently


class Asked:
    """A network and a class, and the question that goes to the probe."""

    def __init__(self, rng, name):
        self.network = drawing.draw_network(rng, name)
        self.model, noise = drawing.build(self.network), rng.standard_normal((1, 3, 224, 224))
        self.target = int(chain_rule.scores(self.model, noise)[0].argsort()[-2])
        gradient = chain_rule.through(self.model, noise, chain_rule.one_hot([self.target])).gradient
        # A weight of the regulariser at which it counts beside the score.
        self.weight = float(np.float32(rng.uniform(0.3, 0.6) * np.sqrt((gradient**2).sum() / (noise**2).sum())))
        self.learning_rate = float(rng.integers(10, 40))
        self.classes = len(chain_rule.scores(self.model, noise)[0])

    def images(self, probe, steps, l2_reg, learning_rate):
        """Return what each of the first steps started from, (1, 3, 224, 224), without jitter and blur; then the end."""
        asked = {**self.network, "target": self.target, "classes": self.classes, "still": True}
        settings = {"l2_reg": l2_reg, "learning_rate": learning_rate, "num_iterations": steps + 1}
        images = probe("class_visualization", **asked, **settings)["inputs"]
        compare.check_shape("the images of the steps", images, (len(images), 3, 224, 224))
        assert len(images) > steps and np.ptp(images[:2], axis=0).any(), UNCHANGED
        return images[: steps + 1, None]


def judge(name, before, after, expected, wrong):
    """Judge the direction, over the pixels that were not clamped."""
    free = inputs.find_unclamped(after)
    assert free.mean() > 0.05, "expected few clamped pixels after a step, got nearly all: the step is too long"

    def mistakes():
        return {sentence: along(step, free) for sentence, step in wrong().items()}

    drawing.judge(name, along(after - before, free), along(expected, free), TOLERANCE, mistakes, READ)


def is_near(before, after, expected):
    free = inputs.find_unclamped(after)
    return compare.relative_error(along(after - before, free), along(expected, free)) <= TOLERANCE


@keep_drawn
def ask(rng, name):
    return Asked(rng, name)


@pytest.fixture(params=["squeezenet", "embedded"], ids=drawing.in_words)
def asked(request, rng):
    return ask(rng, request.param)


@pytest.mark.points(2)
def test_the_direction_of_a_step_for_a_drawn_class(probe, asked):
    """Other networks, classes, weights of the regulariser and learning rates than the public tests'."""
    model, target = asked.model, asked.target
    for l2_reg, learning_rate in ((asked.weight, asked.learning_rate), (5e-4, 5.0)):
        before, after = asked.images(probe, 1, l2_reg, learning_rate)
        expected = class_visualization.direction(model, before, target, l2_reg)
        wrong = partial(class_visualization.direction_mistakes, model, before, target, l2_reg, learning_rate)
        # The regulariser's gradient may also be subtracted from the score's after that was normalised. At the first
        # weight it hardly counts then, nor what is not multiplied by the learning rate: hence a second.
        apart = class_visualization.apart_direction(model, before, target, l2_reg)
        if is_near(before, after, expected):
            return
        if not is_near(before, after, apart):
            judge("the direction of a step", before, after, expected, wrong)


@pytest.mark.points(2)
def test_the_length_of_a_step_for_a_drawn_class(probe, asked):
    """Without regulariser a step is as long as the learning rate."""
    before, after = asked.images(probe, 1, 0.0, asked.learning_rate)
    right = class_visualization.direction(asked.model, before, asked.target, 0.0)
    free = inputs.find_unclamped(after)
    assert free.any(), "expected few clamped pixels after a step, got all: the step is too long"
    length = np.linalg.norm((after - before)[free]) / np.linalg.norm(right[free])
    check_length(length, asked.learning_rate, class_visualization.norms(asked.model, before, asked.target))


@pytest.mark.points(1.5)
def test_the_second_step_for_a_drawn_class_forgets_the_first(probe, rng):
    """Its gradient is that of the image as it is by then, alone."""
    asked = ask(rng, "squeezenet")
    *seen, after = asked.images(probe, 2, 0.0, 25.0)
    expected = class_visualization.direction(asked.model, seen[1], asked.target, 0.0)
    wrong = partial(class_visualization.never_cleared, asked.model, seen, asked.target)
    judge("the direction of the second step", seen[1], after, expected, wrong)
