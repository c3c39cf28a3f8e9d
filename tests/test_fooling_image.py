"""Fooling images (Szegedy et al. 2014): steps of length 10 along the gradient of a score, until the network says it."""

import numpy as np
import pytest
import torch

from tests import compare, inputs, networks, sentences
from tests.sentences import LOOKS

pytestmark = pytest.mark.fooling
UNCHANGED = (
    "expected an image that the network takes for the target, got X as it was"
    f"{LOOKS} the image was not changed."
)
UNGUARDED = f"{LOOKS} there is no guard against a norm of 0."
READ = "FoolingImage.make_fooling_image: stop if the network says the target, else x <- x + learning_rate * g / ||g||"


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
        compare.assert_stored(name, image, "fooling_image", key, READ, name_loop(out, X))
    assert says("embedded", np.float32(image)) == target, "expected the network to say the target"
    return out, steps


def liken(sentence):
    """Return the sentence as a mistake that it looks like; "" for none."""
    return sentence and f"{LOOKS} {sentence}"


def uneven(out):
    """Say so where the second step is not as long as the first."""
    ratio = out["lengths"][1] / out["lengths"][0] if len(out["lengths"]) > 1 else 1
    told = f"the second step is {ratio:.3g} times as long as the first: each is learning_rate long."
    return told if abs(ratio - 1) > 1e-3 else ""


def name_loop(out, X):
    """Say what a wrong image that no known mistake gives may come of."""
    endless = "the loop never stopped: stop as soon as the network says the target." if out["calls"] >= 100 else ""
    return from_start(out, X) or uneven(out) or endless


def from_start(out, X):
    """Say so where many steps end as far from X as the first."""
    ratio = np.linalg.norm(out["image"] - X) / max(np.linalg.norm(out["first"]), 1e-30)
    many = out["calls"] > 3 and abs(ratio - 1) < 1e-3
    return "each step starts from X: go on from where the last one ended." if many else ""


@pytest.mark.points(1.25)
def test_the_first_step_goes_up_the_score(probe):
    """Along the gradient of the target's score, whatever its length."""
    key, right = "one step: first step", compare.references("fooling_image")
    got, expected = (along(compare.few(step)) for step in (assert_moves(probe)["first"], right[key]))
    tolerance, mistakes = float(right[f"{key}: tolerance"]), {}
    for name, wrong in compare.mistakes_of("fooling_image", key).items():  # those first that are one mistake alone
        way = along(wrong.values)
        if all(compare.relative_error(way, known) > tolerance for known in (expected, *mistakes.values())):
            mistakes[name] = way  # its length does not matter here
    compare.assert_close("the direction of the first step", got, expected, tolerance, mistakes, READ)


def along(step):
    return step / max(np.linalg.norm(step), 1e-30)


@pytest.mark.points(0.75)
def test_a_fooling_image_that_takes_one_step(probe):
    """One step of length 10 along the normalised gradient, and not a second one."""
    check(probe, "one step")


@pytest.mark.points(1)
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
    out = assert_moves(probe)
    assert out["written"] == "", "expected X as it was, got it changed: work on X.clone()"
    again = assert_moves(probe, times=2)["image"]
    compare.assert_again("the second fooling image", out["image"], again, out["image"], 1e-4, read=READ)


def test_making_a_fooling_image_leaves_the_image_as_it_was(probe):
    """X belongs to the caller: neither its numbers nor its requires_grad nor its .grad change."""
    inputs.check_left(assert_moves(probe))


def assert_moves(probe, times=1):
    index, target, _ = read_question("one step")
    X = inputs.scenes((index,), 112, 112)
    out = probe("fooling", network="embedded", X=X, target=target, times=times)
    assert not np.array_equal(out["image"], X), UNCHANGED
    return out


# --- a linear network: every step has the same direction, so the path is a straight line ---

LINEAR = {"height": 6, "width": 9, "seed": 31}
TARGET = 4  # on the way to this class lies a third one
SOME = 30  # as large a noise is 6 steps from it,
FAR = 400  # and this 73
NEAR, SHORT = 10, 0.5  # from noise so small 36 steps so short reach it, and 39 half of the probability


def ask_linear(probe, target=TARGET, size=1, made=None, times=1, unchanged=UNCHANGED):
    """Ask; return X, the way of a step, of length 1, its length without the norm, and the answer."""
    X = size * inputs.noise(1, 3, 6, 9, dtype=np.float64)
    weight = networks.build("linear", "float64", **LINEAR)[1].weight[target].numpy().reshape(X.shape)
    asked = {"made": made} if made else {}
    out = probe("fooling", network="linear", X=X, target=target, times=times, **asked, **LINEAR)
    compare.check_shape("the fooling image", out["image"], X.shape)
    assert not np.array_equal(out["image"], X), unchanged
    return X, weight / np.linalg.norm(weight), np.linalg.norm(weight), out


@pytest.mark.points(1.5)
@pytest.mark.parametrize("target", [2, TARGET], ids="class {}".format)
def test_another_network_is_fooled_in_double_precision(probe, target):
    """A linear network: every step has length 10 and the same direction, so the path is a straight line."""
    X, way, norm, out = ask_linear(probe, target, SOME)
    mistakes = {
        sentences.NOT_NORMALISED: 10 * way * norm,
        sentences.DIVIDED_BY_SQUARE: 10 * way / norm,
        sentences.DIVIDED_BY_LARGEST: 10 * way / np.abs(way).max(),
        sentences.DIVIDED_BY_RMS: 10 * way * way.size**0.5,
        sentences.DIVIDED_BY_MEAN: 10 * way / np.abs(way).mean(),
        sentences.DIVIDED_BY_L1: 10 * way / np.abs(way).sum(),
        sentences.DIVIDED_BY_COUNT: 10 * way * norm / way.size,
        sentences.NORM_OF_CHANNEL: 10 * way / np.sqrt((way**2).sum((2, 3), keepdims=True)),
        sentences.NORM_OF_PIXEL: 10 * way / np.sqrt((way**2).sum(1, keepdims=True)),
        sentences.SIGN_OF_GRADIENT: 10 * np.sign(way),
        sentences.SCORE_DESCENDED: -10 * way,
        sentences.LEARNING_RATE_MISSING: way,
        sentences.TWO_STEPS: 20 * way,
        sentences.NORM_OF_IMAGE: 10 * way * norm / np.linalg.norm(X),
        sentences.CLAMPED: np.clip(X + 10 * way, 0, 1) - X,
    }
    steps = round(float(((out["image"] - X) ** 2).sum() ** 0.5) / 10)
    compare.assert_close("the first step", out["first"], 10 * way, 1e-6, mistakes, READ)
    compare.assert_close(
        "the fooling image", out["image"], X + 10 * steps * way, 1e-6, read=READ, otherwise=uneven(out)
    )
    early = name_early(walk(networks.build("linear", "float64", **LINEAR), X, target), target, steps)
    seems = liken(from_start(out, X)) or early
    assert says("linear", out["image"], **LINEAR) == target, f"expected the network to say the target{seems}"


def count(out, X):
    """Return how many first steps make the whole way."""
    return round(float(np.linalg.norm(out["image"] - X) / np.linalg.norm(out["first"])))


def walk(model, X, target, length=10):
    """Return the scores of a linear network at X, and after each step of this length until it says the target."""
    x, way, scores = torch.from_numpy(X), model[1].weight[target].view(X.shape), []
    while not scores or scores[-1].argmax() != target:
        scores.append(model(x)[0])
        x = x + length * way / way.norm()
    return scores


def look_far(size, length=10):
    """Return the scores on the way of the noise of this size."""
    X = size * inputs.noise(1, 3, 6, 9, dtype=np.float64)
    return walk(networks.build("linear", "float64", **LINEAR), X, TARGET, length)


def name_early(scores, target, taken):
    """Name what ends the loop after so many steps, where the network does not say the target yet; "" if it does.

    scores: from `walk`.
    """
    if taken >= len(scores) - 1:
        return ""
    first = int(scores[0].argmax())
    ends = {
        "it stops as soon as the network says another class than at first": lambda s: s.argmax() != first,
        "it stops as soon as the target's score is above that of the first class": lambda s: s[target] > s[first],
        "it stops as soon as the target is among the two highest": lambda s: target in s.topk(2).indices,
    }
    for sentence, ended in ends.items():
        if taken == next(step for step, s in enumerate(scores) if ended(s)):
            return f"{LOOKS} {sentence}: go on until the highest score is the target's."
    return f"{LOOKS} it gives up early: take up to max_steps steps."


@pytest.mark.points(0.5)
def test_an_image_far_from_the_target_takes_many_steps(probe):
    """More than 20 and less than max_steps; one too many is charged above."""
    X, way, _, out = ask_linear(probe, size=FAR)
    scores, taken = look_far(FAR), count(out, X)
    steps, seems = len(scores) - 1, ""
    if np.allclose(out["image"], X + 10 * taken * way, atol=1e-3):
        late = f"{LOOKS} it goes on when the network says the target: stop when the highest score is the target's."
        seems = late if taken > steps else name_early(scores, TARGET, taken)
    seems = liken(from_start(out, X)) or seems
    assert taken in (steps, steps + 1), f"expected {steps} steps, got {taken}{seems}"
    X, *_, out = ask_linear(probe, size=NEAR, made={"learning_rate": SHORT})
    if abs(np.linalg.norm(out["first"]) - SHORT) > 1e-3:  # charged below
        return
    scores, taken = look_far(NEAR, SHORT), count(out, X)
    steps = len(scores) - 1
    sure = f"{LOOKS} it goes on until the network is sure: the highest score is enough, whatever its probability."
    seems = sure if taken > steps else name_early(scores, TARGET, taken)
    assert taken in (steps, steps + 1), f"expected {steps} steps, got {taken}{seems}"


@pytest.mark.points(0.5)
@pytest.mark.parametrize("most", [1, 7], ids="at most {}".format)
def test_no_more_than_max_steps_are_taken(probe, most):
    """The image is some 70 steps from the target; where max_steps is less, it comes back after so many."""
    X, _, _, out = ask_linear(probe, size=FAR, made={"max_steps": most})
    taken = count(out, X)
    counted = liken(from_start(out, X) or "self.max_steps has no effect, or is counted wrongly.")
    there = taken < most and says("linear", out["image"], **LINEAR) == TARGET  # by too long steps
    seems = "" if there else counted
    assert taken == most, f"expected {most} step{'s' * (most > 1)} with max_steps={most}, got {taken}{seems}"


@pytest.mark.points(0.25)
def test_steps_are_counted_anew_in_each_call(probe):
    """`steps` holds those of the last call, whatever came before."""
    reset = f"expected 7 more steps in a second call, got none{LOOKS} self.steps is not set to 0 in each call."
    for times, unchanged in ((1, UNCHANGED), (2, reset)):
        X, *_, out = ask_linear(probe, size=FAR, made={"max_steps": 7}, times=times, unchanged=unchanged)
        known = {
            0: "they are not counted in self.steps.",
            count(out, X) - 1: "the count starts at 0: a step is counted when it is made, self.steps = i + 1 in a loop "
            "over range(...).",
            8: "looks at the scores are counted: count a step when the image is changed.",
            14: "self.steps is not set to 0 in each call.",
        }
        seems = liken(known.get(max(out["steps"], 0), ""))
        assert out["steps"] == 7, f"expected 7 steps in self.steps after call {times}, got {out['steps']}{seems}"
    X, _, _, out = ask_linear(probe, size=SOME)
    check_steps(out, count(out, X))
    X = inputs.scenes((13,))
    check_steps(probe("fooling", network="embedded", X=X, target=says("embedded", X)), 0)


def check_steps(out, taken):
    """taken: the changes of an image that the network takes for the target."""
    early = f"{LOOKS} a step is counted before it is seen whether one is needed: count it when the image is changed."
    seems = early if out["steps"] == taken + 1 else ""
    expected = f"expected {taken} in self.steps of an image that was changed {taken} times until the network is fooled"
    assert out["steps"] == taken, f"{expected}, got {out['steps']}{seems}"


@pytest.mark.points(0.25)
def test_steps_are_as_long_as_the_objects_learning_rate(probe):
    """FoolingImage(learning_rate=5) takes half as long steps as FoolingImage()."""
    lengths = [np.linalg.norm(ask_linear(probe, made=made)[-1]["first"]) for made in ({}, {"learning_rate": 5})]
    assert abs(lengths[0] / lengths[1] - 2) < 1e-3, (
        f"expected steps half as long with half the learning rate, got {lengths[1] / lengths[0]:.3g} times as long\n"
        "    It looks like this mistake: the learning rate is written as a number: take self.learning_rate."
    )


@pytest.mark.points(0.25)
def test_a_network_that_is_not_fooled_is_warned_of(probe):
    """warnings.warn(...) where max_steps were taken in vain; nothing where the network is fooled."""
    assert not ask_linear(probe)[-1]["warnings"], "expected no warning where the network is fooled"
    X, _, _, out = ask_linear(probe, size=FAR, made={"max_steps": 7})
    silent = "expected a warning after max_steps steps in vain, got none: warnings.warn(...)"
    silent += "\n    It looks like this mistake: the loop gives up in silence."
    if (moved := np.linalg.norm(out["image"] - X)) > 71:
        silent = f"expected at most 7 steps of length 10, got a way of {moved:.0f}: are the steps longer?"
    assert out["warnings"], silent


def test_an_image_that_the_last_step_fools_is_not_warned_of(probe):
    """Asked with as many max_steps as the image needs; it costs nothing, since many look before each step alone."""
    *_, out = ask_linear(probe, size=SOME, made={"max_steps": len(look_far(SOME)) - 1})
    late = f"expected no warning where the last step fools the network{LOOKS} nobody looks at it after the last step."
    assert not out["warnings"] or says("linear", out["image"], **LINEAR) != TARGET, late


@pytest.mark.points(0.25)
def test_a_dead_class_is_warned_of(probe):
    """Its gradient is 0 everywhere: stop with a warning; never divide by it. Counts beside an image that is changed."""
    X = np.abs(inputs.noise(1, 3, 16, 16))
    out = probe("fooling", network="positive", X=X, target=1)
    assert np.isfinite(out["image"]).all(), f"expected X, got NaN: never divide by a norm of 0{UNGUARDED}"
    compare.assert_close("the image", out["image"], X, 0, read=READ)
    silent = "expected a warning of the dead class, got none: warnings.warn(...)"
    assert out["warnings"], f"{silent}{LOOKS} a norm of 0 ends the loop in silence."
    assert out["steps"] <= 1, (  # one more is charged above
        f"expected a stop at once for a dead class, got {out['steps']} steps in self.steps: warn and stop if ||g|| is 0"
        f"{LOOKS} a small number is added to the norm, so that all steps are taken in vain."
    )
    assert_moves(probe)


# BEGIN STAFF
def test_each_step_looks_at_the_network_once(probe):
    """One forward pass a step, and one to see that it is done; the solution counts its steps."""
    out, steps = check(probe, "more steps")
    assert (out["calls"], out["steps"], out["warnings"]) == (steps + 1, steps, "")


def test_a_dead_target_is_said(probe):
    """Its gradient is zero and shows no way: the image comes back, with a warning instead of a division by 0."""
    X = np.abs(inputs.noise(1, 3, 16, 16))
    out = probe("fooling", network="positive", X=X, target=1)
    assert np.array_equal(out["image"], X)
    assert out["warnings"] == (
        "the score of class 1 has a zero gradient (a dead class): stopped after 0 steps without fooling the network"
    )


def test_giving_up_is_said(probe):
    """After max_steps without success the last image comes back, and a warning says how many steps that were."""
    assert ask_linear(probe, size=FAR, made={"max_steps": 3})[-1]["warnings"] == (
        "the network is not fooled after 3 steps"
    )


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
