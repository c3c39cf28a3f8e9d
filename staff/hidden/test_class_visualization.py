import numpy as np
import pytest

from staff.hidden import drawing
from staff.references import chain_rule, class_visualization
from tests import compare

pytestmark = pytest.mark.class_visualization
READ = (
    "create_class_visualization: the gradient of s_y - l2_reg * sum(img ** 2), divided by its norm, times learning_rate"
)
TOLERANCE = 5e-3  # 150,000 pixels go through many ReLUs and max-poolings: some decide differently in float32


def seen(probe, network, target, steps, **settings):
    """What the network saw before each step, each image once; without jitter and blur."""
    settings |= {"target": target, "still": True, "num_iterations": steps + 1}
    images = probe("class_visualization", **network, **settings)["inputs"]
    compare.check_shape("what the network sees", images, (len(images), 3, 224, 224))
    changed = [i for i in range(1, len(images)) if not np.array_equal(images[i], images[i - 1])]
    assert len(changed) >= steps, "expected the image to change from step to step: add the step to img"
    return images[[0, *changed[:steps]]][:, None]


def weight_that_counts(rng, model, x, target):
    """Of the regulariser, beside the score at x."""
    g = chain_rule.through(model, x, chain_rule.one_hot([target])).gradient
    return float(np.float32(rng.uniform(0.3, 0.6) * np.sqrt((g**2).sum() / (x**2).sum())))


@pytest.mark.points(3.5)
@pytest.mark.parametrize("name", ["squeezenet", "tiny"])
def test_a_step_for_a_drawn_class(probe, rng, name):
    """With other networks, classes, weights of the regulariser and learning rates than the public tests'."""
    network = drawing.network(rng, name)
    model, start = drawing.model(network), rng.standard_normal((1, 3, 224, 224))
    target = int(chain_rule.scores(model, start)[0].argsort()[-2])
    settings = {
        "l2_reg": weight_that_counts(rng, model, start, target),
        "learning_rate": float(rng.integers(10, 40)),
    }
    before, after = seen(probe, network, target, 1, **settings)
    expected = class_visualization.ascent_step(model, before, target, **settings)
    # The regulariser's gradient may also be subtracted from the score's after that was normalised. At this weight it
    # may hardly count then: hence another.
    apart = class_visualization.ascent_step(model, before, target, **settings, apart=True)
    if min(compare.relative_error(after, image) for image in (expected, apart)) <= TOLERANCE:
        if compare.relative_error(after, expected) <= TOLERANCE:
            return
        settings["l2_reg"] = 5e-4
        before, after = seen(probe, network, target, 1, **settings)
        expected = class_visualization.ascent_step(model, before, target, **settings, apart=True)

    def wrong():
        return class_visualization.step_mistakes(model, before, target, **settings)

    drawing.judge("the image after one step", after, expected, TOLERANCE, wrong, READ)


@pytest.mark.points(2)
def test_the_second_step_for_a_drawn_class_forgets_the_first(probe, rng):
    """Its gradient is that of the image as it is by then, alone."""
    network = drawing.network(rng, "tiny")
    model, target = drawing.model(network), int(rng.integers(network["classes"]))
    settings = {"l2_reg": 0.0, "learning_rate": 25.0}
    start, first, second = seen(probe, network, target, 2, **settings)
    expected = class_visualization.ascent_step(model, first, target, **settings)

    def wrong():
        added_up = class_visualization.second_step_mistakes(model, start, first, target, settings["learning_rate"])
        return class_visualization.step_mistakes(model, first, target, **settings) | added_up

    drawing.judge("the image after the second step", second, expected, TOLERANCE, wrong, READ)
