from functools import partial

import numpy as np
import pytest

from staff.hidden import drawing
from staff.references import chain_rule, class_visualization
from staff.references.remembering import keep_drawn
from tests import compare, inputs
from tests.test_class_visualization import TOO_LONG, UNCHANGED, along, check_length, find_free

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


def judge(steps, free, expected, wrong, apart=()):
    """Judge the directions of all steps, over the pixels that were not clamped. apart: is accepted, too."""

    def flat(arrays):
        return np.concatenate([along(array, one) for array, one in zip(arrays, free)])

    def mistakes():
        return {sentence: flat(arrays) for sentence, arrays in wrong().items()}

    got = flat(steps)
    if not (len(apart) and compare.relative_error(got, flat(apart)) <= TOLERANCE):
        drawing.judge("the direction of a step", got, flat(expected), TOLERANCE, mistakes, READ)


@keep_drawn
def ask(rng, name):
    return Asked(rng, name)


@pytest.fixture(params=["squeezenet", "embedded"], ids=drawing.in_words)
def asked(request, rng):
    return ask(rng, request.param)


@pytest.mark.points(3)
def test_a_step_for_a_drawn_class(probe, asked):
    """Its direction where the regulariser counts, and its length where there is none."""
    settings = [(asked.weight, asked.learning_rate), (class_visualization.APART, class_visualization.SLOW)]
    seen = [asked.images(probe, 1, *setting) for setting in settings]
    given = asked.model, seen[0][0], asked.target, settings
    expected = class_visualization.directions(*given)
    apart = class_visualization.directions(*given, class_visualization.apart_direction)
    wrong = partial(class_visualization.direction_mistakes, *given)
    free = [find_free(after)[0] for _, after in seen]
    judge([(after - before)[0] for before, after in seen], free, expected, wrong, apart)
    before, after = asked.images(probe, 1, 0.0, asked.learning_rate)
    right = class_visualization.direction(asked.model, before, asked.target, 0.0)
    free = inputs.find_unclamped(after) & inputs.find_unclamped(before)
    assert free.any(), TOO_LONG
    length = np.linalg.norm((after - before)[free]) / np.linalg.norm(right[free])
    check_length(length, asked.learning_rate, class_visualization.norms(asked.model, before, asked.target))


@pytest.mark.points(2.5)
def test_the_second_step_for_a_drawn_class_forgets_the_first(probe, rng):
    """Its gradient is that of the image as it is by then, alone."""
    asked = ask(rng, "squeezenet")
    *seen, after = asked.images(probe, 2, 0.0, 25.0)
    expected = class_visualization.direction(asked.model, seen[1], asked.target, 0.0)
    wrong = partial(class_visualization.never_cleared, asked.model, seen, asked.target)
    judge(after - seen[1], find_free(after), expected, wrong)
