"""Fooling images (Szegedy et al. 2014): steps of length 10 along the gradient of a score, until the network says it."""

import numpy as np
import pytest
import torch

from tests import compare, inputs, networks, sentences

pytestmark = pytest.mark.fooling
UNCHANGED = (
    "expected an image that the network takes for the target, got X as it was\n"
    "    It looks like this mistake: the image was not changed."
)
READ = "FoolingImage.make_fooling_image: stop if the network says the target, else X += learning_rate * g / ||g||"


def says(network, image, **settings):
    """The class that the network gives the image."""
    with torch.no_grad():
        return networks.build(network, image.dtype.name, **settings)(torch.from_numpy(image)).argmax(1).item()


def read_question(key):
    """The scene, the target, and the steps that it takes."""
    return compare.references("fooling_image")[f"{key}: scene, target, steps"].tolist()


def check(probe, key):
    """The image counts. Only where it is wrong, the first step is looked at, and how often the network was asked."""
    index, target, steps = read_question(key)
    X = inputs.scenes((index,), 112, 112)
    out = probe("fooling", network="embedded", X=X, target=target)
    image, name = out["image"], "the fooling image"
    compare.check_shape(name, image, X.shape)
    assert not np.array_equal(image, X), UNCHANGED
    right = compare.references("fooling_image")
    if compare.relative_error(compare.sample(image), right[key]) > right[f"{key}: tolerance"]:
        compare.assert_stored("the first step", out["first"], "fooling_image", f"{key}: first step", READ)
        compare.assert_stored(name, image, "fooling_image", key, READ, endless(out["calls"]))
    assert says("embedded", np.float32(image)) == target, "expected the network to say the target"
    return out, steps


def endless(calls):
    """Say what a wrong image that no known mistake gives may come of."""
    return "the loop never stopped: stop as soon as the network says the target." if calls >= 100 else ""


@pytest.mark.points(2)
def test_a_fooling_image_that_takes_one_step(probe):
    """One step of length 10 along the normalised gradient, and not a second one."""
    check(probe, "one step")


@pytest.mark.points(2.5)
def test_a_fooling_image_that_takes_more_steps(probe):
    """Each step goes along the gradient at the image as it is by then: old gradients are forgotten."""
    check(probe, "more steps")


@pytest.mark.points(0.5)
def test_an_image_that_is_the_target_already_comes_back_as_it_is(probe):
    """Nothing is to be done when the network says the target at once; counts beside an image that is to be changed."""
    X = inputs.scenes((13,))
    target = says("embedded", X)
    image = probe("fooling", network="embedded", X=X, target=target)["image"]
    changed = sentences.CHANGED_IN_VAIN
    compare.assert_close("the image", image, X, 0, read=READ, otherwise=changed)
    assert_moves(probe)


@pytest.mark.points(0.5)
def test_the_image_that_was_given_is_not_changed(probe):
    """The fooling image is a new one: X belongs to the caller."""
    assert assert_moves(probe)["written"] == "", "expected X as it was, got it changed: work on X.clone()"


def assert_moves(probe):
    index, target, _ = read_question("one step")
    X = inputs.scenes((index,), 112, 112)
    out = probe("fooling", network="embedded", X=X, target=target)
    assert not np.array_equal(out["image"], X), UNCHANGED
    return out


@pytest.mark.points(2)
@pytest.mark.parametrize("target", [0, 2], ids="class {}".format)
def test_another_network_is_fooled_in_double_precision(probe, target):
    """A linear network: every step has length 10 and the same direction, so the path is a straight line."""
    X = inputs.noise(1, 3, 6, 9, dtype=np.float64)
    network = {"height": 6, "width": 9, "seed": 2}
    weight = networks.build("linear", "float64", **network)[1].weight[target].numpy().reshape(X.shape)
    out = probe("fooling", network="linear", X=X, target=target, **network)
    compare.check_shape("the fooling image", out["image"], X.shape)
    assert not np.array_equal(out["image"], X), UNCHANGED
    norm = np.sqrt((weight**2).sum())
    mistakes = {
        sentences.NOT_NORMALISED: 10 * weight,
        sentences.DIVIDED_BY_SQUARE: 10 * weight / norm**2,
        sentences.DIVIDED_BY_LARGEST: 10 * weight / np.abs(weight).max(),
        sentences.SIGN_OF_GRADIENT: 10 * np.sign(weight),
        sentences.SCORE_DESCENDED: -10 * weight / norm,
        sentences.LEARNING_RATE_MISSING: weight / norm,
        sentences.TWO_STEPS: 20 * weight / norm,
    }
    compare.assert_close("the first step", out["first"], 10 * weight / norm, 1e-6, mistakes, READ)
    steps = round(float(((out["image"] - X) ** 2).sum() ** 0.5) / 10)
    compare.assert_close("the fooling image", out["image"], X + 10 * steps * weight / norm, 1e-6, read=READ)
    assert says("linear", out["image"], **network) == target, "expected the network to say the target"
    before = out["image"] - 10 * weight / norm
    assert says("linear", before, **network) != target, (
        "expected the network to say the target after the last step, got that before it already\n"
        "    It looks like this mistake: a step is taken after the network is fooled: look at the scores first."
    )


# BEGIN STAFF
def test_each_step_looks_at_the_network_once(probe):
    """One forward pass a step, and one to see that it is done; the solution counts its steps."""
    out, steps = check(probe, "more steps")
    assert out["calls"] == steps + 1 and out["warnings"] == ""
    from visualizers import FoolingImage

    index, target, steps = read_question("more steps")
    method = FoolingImage()
    method.make_fooling_image(torch.from_numpy(inputs.scenes((index,), 112, 112)), target, networks.build("embedded"))
    assert method.steps == steps


def test_a_dead_target_is_said(probe):
    """Its gradient is zero and shows no way: the image comes back, with a warning instead of a division by 0."""
    X = np.abs(inputs.noise(1, 3, 16, 16))
    out = probe("fooling", network="positive", X=X, target=1)
    assert np.array_equal(out["image"], X)
    assert out["warnings"] == (
        "the score of class 1 has a zero gradient (a dead class): stopped after 0 steps without fooling the network"
    )


def test_giving_up_is_said():
    """After max_steps without success the last image comes back, and a warning says how many steps that were."""
    from visualizers import FoolingImage

    model, X = networks.build("linear", height=4, width=4), torch.from_numpy(inputs.noise(1, 3, 4, 4))
    target = int(model(X).argmin())
    method = FoolingImage(learning_rate=1e-6, max_steps=3)
    with pytest.warns(UserWarning, match="^the network is not fooled after 3 steps$"):
        image = method.make_fooling_image(X, target, model)
    assert method.steps == 3 and not torch.equal(image, X) and not image.requires_grad


# END STAFF


def test_two_images_are_refused():
    from visualizers import FoolingImage

    message = r"^expected one image of shape \(1, 3, H, W\), got \(2, 3, 8, 8\): pick one with X\[i : i \+ 1\]$"
    with pytest.raises(ValueError, match=message):
        FoolingImage().make_fooling_image(torch.zeros(2, 3, 8, 8), 0, networks.build("tiny"))


# BEGIN STAFF
@pytest.mark.parametrize("target", [-1, 5])
def test_a_target_outside_the_classes_is_refused(target):
    from visualizers import FoolingImage

    message = f"^expected a target class between 0 and 4, got {target}: choose one of the classes$"
    with pytest.raises(ValueError, match=message):
        FoolingImage().make_fooling_image(torch.zeros(1, 3, 8, 8), target, networks.build("tiny"))


# END STAFF
