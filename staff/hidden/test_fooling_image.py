from functools import partial

import numpy as np
import pytest

from staff.hidden import drawing
from staff.hidden.fooling_image import FoolingQuestion
from staff.references import chain_rule, fooling_image
from staff.references.remembering import keep_drawn
from tests import compare, sentences
from tests.test_fooling_image import UNCHANGED, endless

pytestmark = pytest.mark.fooling
READ = "FoolingImage.make_fooling_image: stop if the network says the target, else X += learning_rate * g / ||g||"


@keep_drawn
def ask(rng, name):
    return FoolingQuestion(rng, name)


@pytest.fixture(params=["embedded", "squeezenet"], ids=drawing.in_words)
def asked(request, rng):
    return ask(rng, request.param)


@pytest.mark.points(4)
def test_a_drawn_image_is_fooled_in_as_many_steps_as_it_takes(probe, asked):
    """Not one step more or less, and each along the gradient at the image as it is by then, of length 10."""
    out = probe("fooling", X=asked.X, target=asked.target, **asked.network)
    image, name = out["image"], "the fooling image"
    compare.check_shape(name, image, asked.X.shape)
    assert not np.array_equal(image, asked.X), UNCHANGED
    if compare.relative_error(image, asked.image) > asked.tolerance:  # only then the way there is looked at
        first = fooling_image.first_step(asked.model, asked.X, asked.target)
        wrong = partial(fooling_image.step_mistakes, asked.model, asked.X, asked.target)
        drawing.judge("the first step", out["first"], first, drawing.OF_GRADIENTS, wrong, READ)
        wrong = partial(fooling_image.image_mistakes, asked.model, asked.X, asked.target)
        drawing.judge(name, image, asked.image, asked.tolerance, wrong, READ, endless(out["calls"]))


@pytest.mark.points(0.5)
def test_a_drawn_image_that_is_the_target_comes_back(probe, rng):
    """Nothing is to be done when the network says the target at once; counts beside an image that is to be changed."""
    network, X = drawing.draw_network(rng, "tiny"), drawing.draw_images(rng, "tiny", 1)
    ranked = chain_rule.scores(drawing.build(network), X)[0].argsort()
    changed = sentences.CHANGED_IN_VAIN
    image = probe("fooling", X=X, target=int(ranked[-1]), **network)["image"]
    drawing.judge("the image", image, X, 0, read=READ, otherwise=changed)
    moved = probe("fooling", X=X, target=int(ranked[-2]), **network)["image"]
    assert not np.array_equal(moved, X), UNCHANGED
