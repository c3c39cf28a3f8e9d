from functools import partial

import numpy as np
import pytest

from staff.hidden import drawing
from staff.hidden.fooling_image import FoolingQuestion, draw_two_classes
from staff.references import fooling_image
from staff.references.remembering import keep_drawn
from tests import compare, sentences
from tests.test_fooling_image import UNCHANGED, count, name_early, name_loop, walk

pytestmark = pytest.mark.fooling
READ = "FoolingImage.make_fooling_image: stop if the network says the target, else X += learning_rate * g / ||g||"
MANY = 25, 80  # steps


@keep_drawn
def ask(rng, name):
    return FoolingQuestion(rng, name)


@pytest.fixture(params=["embedded", "squeezenet"], ids=drawing.in_words)
def asked(request, rng):
    return ask(rng, request.param)


@pytest.mark.points(3)
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
        drawing.judge(name, image, asked.image, asked.tolerance, wrong, READ, name_loop(out, asked.X))


@pytest.mark.points(0.5)
def test_the_first_step_for_a_drawn_image(probe, asked):
    """Make it 10 long, along the gradient of the target's score; what comes after it does not matter here."""
    out = probe("fooling", X=asked.X, target=asked.target, **asked.network)
    compare.check_shape("the fooling image", out["image"], asked.X.shape)
    assert not np.array_equal(out["image"], asked.X), UNCHANGED
    first = fooling_image.first_step(asked.model, asked.X, asked.target)
    wrong = partial(fooling_image.step_mistakes, asked.model, asked.X, asked.target)
    drawing.judge("the first step", out["first"], first, drawing.OF_GRADIENTS, wrong, READ)


@pytest.mark.points(0.5)
def test_a_drawn_image_that_takes_many_steps(probe, rng):
    """More than 20, past a third class, in a linear network; with a smaller max_steps, so many.

    One too many is charged elsewhere.
    """
    steps, said = 0, set()
    while not MANY[0] <= steps <= MANY[1] or len(said) < 3:
        network = {"network": "linear", "height": 5, "width": 8, "seed": int(rng.integers(1000))}
        X = rng.uniform(200, 600) * rng.standard_normal((1, 3, 5, 8))
        target = int(rng.integers(5))
        _, steps = fooling_image.fooling(drawing.build(network), X, target)
        scores = walk(drawing.build(network), X, target) if steps <= MANY[1] else []
        said = {int(s.argmax()) for s in scores}
    for made, expected in (({}, steps), ({"max_steps": int(rng.integers(2, 20))}, 0)):
        out = probe("fooling", X=X, target=target, **network, **({"made": made} if made else {}))
        compare.check_shape("the fooling image", out["image"], X.shape)
        assert not np.array_equal(out["image"], X), UNCHANGED
        right = expected or made["max_steps"]
        taken = count(out, X)
        seems = "" if taken > right else name_early(scores, target, taken)
        told = f"expected another number of steps, got {taken}{seems or ': is max_steps kept?'}"
        assert taken in (right, right + 1), told


@pytest.mark.points(0.5)
def test_a_drawn_image_that_is_the_target_comes_back(probe, rng):
    """Nothing is to be done when the network says the target at once; counts beside an image that is to be changed."""
    network, X, said, other = draw_two_classes(rng)
    changed = sentences.CHANGED_IN_VAIN
    image = probe("fooling", X=X, target=said, **network)["image"]
    drawing.judge("the image", image, X, 0, read=READ, otherwise=changed)
    moved = probe("fooling", X=X, target=other, **network)["image"]
    assert not np.array_equal(moved, X), UNCHANGED
