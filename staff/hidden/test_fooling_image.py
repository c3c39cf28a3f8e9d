import numpy as np
import pytest

from staff.hidden import drawing
from staff.hidden.fooling_image import Question
from staff.references import chain_rule, fooling_image
from tests import compare

pytestmark = pytest.mark.fooling
READ = "FoolingImage.make_fooling_image: stop if the network says the target, else X += learning_rate * g / ||g||"


@pytest.fixture(params=["embedded", "squeezenet"])
def asked(request, rng):
    return Question(rng, request.param)


def answer(probe, asked):
    out = probe("fooling", X=asked.X, target=asked.target, **asked.network)
    compare.check_shape("the fooling image", out["image"], asked.X.shape)
    return out


@pytest.mark.points(1.5)
def test_the_first_step_towards_a_drawn_target(probe, asked):
    """It has the length of the learning rate and goes along the gradient of the target's score."""
    seen = answer(probe, asked)["inputs"]
    moved = next((x[None] for x in seen if not np.array_equal(x, asked.X[0])), asked.X)
    first = fooling_image.fooling(asked.model, asked.X, asked.target, most=1)[0]

    def wrong():
        known = fooling_image.step_mistakes(asked.model, asked.X, asked.target)
        return known | {"the image was not changed.": asked.X}

    drawing.judge("the image after the first step", moved, first, drawing.TOLERANCE, wrong, READ)


@pytest.mark.points(3)
def test_a_drawn_image_is_fooled_in_as_many_steps_as_it_takes(probe, asked):
    """Not one step more or less, and each along the gradient at the image as it is by then."""
    out = answer(probe, asked)
    assert out["calls"] < 100, "the loop goes on to its last step: stop as soon as the network says the target"
    drawing.judge(
        "the fooling image",
        out["image"],
        asked.image,
        asked.tolerance,
        lambda: fooling_image.image_mistakes(asked.model, asked.X, asked.target),
        READ,
    )


@pytest.mark.points(0.5)
def test_a_drawn_image_that_is_the_target_comes_back(probe, rng):
    """Nothing is to be done when the network says the target at once."""
    network, X = drawing.network(rng, "tiny"), drawing.images(rng, "tiny", 1)
    target = int(chain_rule.scores(drawing.model(network), X)[0].argmax())
    g = chain_rule.through(drawing.model(network), X, chain_rule.one_hot([target])).gradient
    wrong = {"a step is taken before the scores are looked at.": X + 10 * g / max(np.sqrt((g**2).sum()), 1e-12)}
    drawing.judge("the image", probe("fooling", X=X, target=target, **network)["image"], X, 0, lambda: wrong, READ)
