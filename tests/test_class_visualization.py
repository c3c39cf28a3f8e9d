"""Class visualization (Simonyan et al. 2014): from noise, up s_y(I) - l2_reg * ||I||^2, by steps of equal length."""

import numpy as np
import pytest
import torch
from PIL import Image

from tests import compare, inputs, networks, sentences
from tests.sentences import LOOKS

pytestmark = pytest.mark.class_visualization
READ = (
    "create_class_visualization: the gradient of s_y - l2_reg * sum(img ** 2), divided by its norm, times learning_rate"
)


UNCHANGED = (
    "expected the image to change from step to step, got it as it was"
    f"{LOOKS} the image was not changed: add the step to img."
)
TOO_LONG = (
    "expected few clamped pixels after a step, got nearly all"
    f"{LOOKS} the step is far too long: divide the gradient by its norm, and multiply by "
    "learning_rate."
)
TOO_SHORT = "the step is far too short to be seen: divide the gradient by its norm, and multiply by learning_rate."
UNSEEN = 1e-2  # length of a step that is hardly more than rounding
FILE = "class_visualization"
PULL = 0.15  # right code reaches 0.99, after normalising 0.36, outside the learning rate 0.08
NOTHING = 0.03  # of the pull, in either direction
LONG, SHORT = 50, 1e-3  # a step that clamps many pixels, and a learning rate at which such steps clamp few
RISE = 0.05  # of the score in 12 iterations: right code reaches 0.2, a gradient never cleared 0.09, not normalised 0.01


def read_stored():
    return compare.references(FILE)


def steps(probe, count, **settings):
    """By how much each of the first steps moved the image, and the images, without jitter and blur."""
    target, classes = (int(number) for number in read_stored()["target, classes"])
    question = {"network": "embedded", "target": target, "classes": classes, "still": True}
    images = probe("class_visualization", num_iterations=count + 1, **question, **settings)["inputs"]
    assert len(images), "expected a gradient of the score with respect to img, got none: take it in each step"
    compare.check_shape("the images of the steps", images, (len(images), 3, 224, 224))
    free = inputs.find_unclamped(images[1:2])  # what is only clamped is not changed
    assert len(images) > count and (np.diff(images[:2], axis=0)[free].any() or not free.any()), UNCHANGED
    if compare.relative_error(compare.sample(images[0]), read_stored()["start"]) > 1e-4:
        pytest.fail("expected the first image to be the normal noise of the seed: leave the given lines as they are")
    return np.diff(images[: count + 1], axis=0), images


def find_clamp(after):
    """Name it where a step clamps pixels, of which those of the first noise go to the ends of the valid range."""
    clamped = "img is clamped in the step: the given lines below clamp it to valid pixels, which are normalised."
    return clamped if np.abs(after).max() < 1.5 else ""


def find_free(after):
    """Mask of the pixels that a step left inside the range of valid ones."""
    free = inputs.find_unclamped(after)
    assert free.mean() > 0.05, TOO_LONG
    return free


def along(step, free):
    """The direction of a step, over the pixels that were not clamped after it."""
    step = step[free].astype(np.float64)
    return step / max(np.linalg.norm(step), 1e-30)


def first_steps(probe):
    """The first step at each of the stored settings, where it was not clamped; the free pixels; and the start.

    At a second weight, as at one of them two mistakes may look alike: where the regulariser hardly counts, or where
    what is not multiplied by the learning rate does not.
    """
    found, free = [], []
    for l2_reg, learning_rate in read_stored()["directions: l2_reg, learning rate"].tolist():
        (step,), images = steps(probe, 1, l2_reg=l2_reg, learning_rate=learning_rate)
        found.append(step)
        free.append(find_free(images[1:2])[0])
    return np.stack(found), np.stack(free), images[0]


def check_directions(probe, accepted=()):
    """accepted: sentences of mistakes that are passed here."""
    found, free, start = first_steps(probe)
    unseen = np.linalg.norm(found[free]) < UNSEEN
    stored, tolerance = read_stored(), float(read_stored()["directions: tolerance"])
    setting = compare.few(np.broadcast_to(np.arange(2).reshape(2, 1, 1, 1), found.shape))
    free = compare.few(free)

    def by_setting(values):
        return np.concatenate([along(values[setting == i], free[setting == i]) for i in range(2)])

    got, expected = by_setting(compare.few(found)), by_setting(compare.few(stored["directions"]))
    known = compare.mistakes_of(FILE, "directions")
    mistakes = {sentence: by_setting(wrong.values) for sentence, wrong in known.items()}
    if not any(compare.relative_error(got, mistakes[sentence]) <= tolerance for sentence in accepted):
        if compare.relative_error(got, mistakes[sentences.NO_REGULARISER]) <= tolerance and is_averaged(probe):
            mistakes = {sentences.REGULARISER_AVERAGED: got}
        seems = TOO_SHORT if unseen else find_clamp(start + found)
        compare.assert_close(
            "the direction of the first step", got, expected, tolerance, mistakes, READ, otherwise=seems
        )


def has_right_direction(probe):
    """Tell whether the first step's direction is right; where it is not, that is charged by the tests of it."""
    try:
        check_directions(probe)
    except AssertionError:
        return False
    return True


def is_averaged(probe):
    """Tell whether a regulariser without effect has one where its weight is multiplied by the number of pixels."""
    weight, rate = read_stored()["directions: l2_reg, learning rate"].tolist()[0]
    (step,), images = steps(probe, 1, l2_reg=weight * 3 * 224 * 224, learning_rate=rate)
    free = find_free(images[1:2])[0]
    return -float(along(step, free) @ along(images[0], free)) > PULL


@pytest.mark.points(1)
def test_the_first_step_goes_up_the_regularised_score(probe):
    """Along the gradient of the score minus l2_reg times the squared norm; how far does not matter here."""
    check_directions(probe, [sentences.AFTER_NORMALISING])  # which the next test is about


@pytest.mark.points(1)
def test_the_regulariser_is_a_part_of_what_is_normalised(probe):
    """The gradient of both together is divided by its norm: the balance of the two is l2_reg's alone."""
    check_directions(probe)


@pytest.mark.points(1)
def test_the_regulariser_pulls_the_pixels_towards_zero(probe):
    """A large weight makes a step shrink what is above zero, and raise what is below it."""
    found, free, start = first_steps(probe)
    sides = free[1] & (start > 0), free[1] & (start < 0)
    pull, more = sorted(-float(along(found[1], side) @ along(start, side)) for side in sides)
    turned = "its sign is turned." if more < -PULL else "its gradient must have img's own sign."
    silent = "it has no effect." if abs(pull) < NOTHING else "it hardly counts."
    seems = turned if pull < -PULL else silent
    if -PULL < pull <= PULL:
        check_directions(probe)  # says what is wrong with it
    assert pull > PULL, (
        f"expected a step that goes towards zero by more than {PULL} of its length, got {pull:.2f}\n"
        f"    It looks like this mistake: the regulariser does not pull the pixels towards zero: {seems}"
    )


@pytest.mark.points(1.5)
def test_the_second_step_forgets_the_first(probe):
    """Without regulariser it goes along the gradient at the image as it is by then, alone."""
    (_, step), images = steps(probe, 2, l2_reg=0.0)
    model, target = networks.build("embedded", "float64"), int(read_stored()["target, classes"][0])
    seen = [torch.from_numpy(image[None]).double().requires_grad_() for image in images[:2]]
    first, second = (torch.autograd.grad(model(x)[0, target], x)[0][0].numpy() for x in seen)
    free = inputs.find_unclamped(images[2:3])[0]
    scores = model(seen[1])
    others = {
        sentences.NOT_THE_SCORE: scores.log_softmax(dim=1)[0, target],
        sentences.PREDICTED_NOT_TARGET: scores.max(),
        sentences.ALL_SCORES: scores.sum(),
    }
    mistakes = {
        **{
            sentence: along(torch.autograd.grad(score, seen[1], retain_graph=True)[0][0].numpy(), free)
            for sentence, score in others.items()
        },
        sentences.NEVER_CLEARED: along(first + second, free),
        sentences.FIRST_GRADIENT: along(first, free),
        sentences.OBJECTIVE_DESCENDED: -along(second, free),
    }
    compare.assert_close(
        "the direction of the second step",
        along(step, free),
        along(second, free),
        2e-2,
        mistakes,
        READ,
        otherwise=find_clamp(images[1]),
    )


@pytest.mark.points(1)
def test_a_step_has_the_length_of_the_learning_rate(probe):
    """Without regulariser and with it the step is learning_rate long: 0.5 here, so that hardly a pixel is clamped."""
    length, images = measure(probe, 0.5)
    norms, otherwise = read_stored()["gradient: norm, largest, mean"], find_clamp(images[1])
    if length > LONG and not otherwise:  # many pixels are clamped, so that its length is not what was meant
        check_length(measure(probe, SHORT)[0], SHORT, norms)
    check_length(length, 0.5, norms, otherwise)
    check_even(probe)
    if not has_right_direction(probe):
        return
    length, images = measure(probe, 0.5, float(read_stored()["directions: l2_reg, learning rate"][1, 0]))
    both = "the norm is that of the score's gradient alone: divide by that of both terms together."
    check_length(length, 0.5, norms, find_clamp(images[1]) or both)


def measure(probe, learning_rate, l2_reg=0.0):
    """Return the length of the first step, and the images."""
    (step,), images = steps(probe, 1, l2_reg=l2_reg, learning_rate=learning_rate)
    return find_length(step, images[:2]), images


def find_length(step, images):
    """The length of a step, of all pixels if they move as far. images: before it and after it."""
    free = inputs.find_unclamped(images).all(axis=0)
    return float(np.linalg.norm(step[free]) / np.sqrt(free.mean()))


def check_even(probe):
    """A later step is as long as the first, whatever its number."""
    found, images = steps(probe, 4, l2_reg=0.0, learning_rate=0.5)
    first, *_, fourth = (find_length(step, images[i : i + 2]) for i, step in enumerate(found))
    assert 0.8 < fourth / first < 1.25, (
        f"expected steps of one length, got a fourth that is {fourth / first:.3g} times as long as the first{LOOKS} "
        "the length depends on the number of the step: learning_rate stays as it is."
    )


def check_length(length, learning_rate, norms, otherwise=""):
    """norms: of the gradient: its own, its largest value, its mean absolute one. otherwise: what is known already."""
    if 0.8 < length / learning_rate < 1.25:
        return
    norm, largest, mean = norms
    pixels = 3 * 224 * 224
    mistakes = {
        sentences.NOT_NORMALISED: learning_rate * norm,
        sentences.DIVIDED_BY_SQUARE: learning_rate / norm,
        sentences.DIVIDED_BY_LARGEST: learning_rate * norm / largest,
        sentences.DIVIDED_BY_RMS: learning_rate * pixels**0.5,
        sentences.DIVIDED_BY_MEAN: learning_rate * norm / mean,
        sentences.DIVIDED_BY_L1: learning_rate * norm / mean / pixels,
        sentences.DIVIDED_BY_COUNT: learning_rate * norm / pixels,
        sentences.MULTIPLIED_BY_NORM: learning_rate * norm**2,
        sentences.NORM_OF_CHANNEL: learning_rate * 3**0.5,
        sentences.NORM_OF_IMAGE: learning_rate * norm / pixels**0.5,
        sentences.LEARNING_RATE_MISSING: 1.0,
        "the learning rate is missing, and the gradient is not divided by its norm.": norm,
        "the learning rate is written as a number: take learning_rate.": 25.0,
        "the learning rate is squared.": learning_rate**2,
        sentences.DIVIDED_BY_LEARNING_RATE: 1 / learning_rate,
    }
    near = min(mistakes, key=lambda sentence: abs(np.log(mistakes[sentence] / max(length, 1e-30))))
    found = otherwise or (near if 0.9 < mistakes[near] / max(length, 1e-30) < 1.1 else "")
    seems = found and f"{LOOKS} {found}"
    kind = "short" if length < learning_rate else "long"
    pytest.fail(
        f"expected a step of length {learning_rate:g}, got {length:.3g}: the step is too {kind}{seems}\n"
        f"    To read: {READ}"
    )


@pytest.mark.points(0.5)
def test_the_score_rises(probe):
    """After 12 iterations, with jitter and blur, the network gives the class a higher score than the noise's."""
    target, classes = (int(number) for number in read_stored()["target, classes"])
    out = probe("class_visualization", network="embedded", target=target, classes=classes, num_iterations=12)
    images = out["inputs"]
    assert len(images) == 12, f"expected a step in each of 12 iterations, got {len(images)} different images"
    compare.check_shape("the images of the steps", images, (12, 3, 224, 224))
    with torch.no_grad():
        first, last = networks.build("embedded")(torch.from_numpy(images[[0, -1]]))[:, target].tolist()
    assert out["image"].shape == (224, 224, 3), f"expected a picture of 224 x 224, got {out['image'].shape}"
    assert last > first + RISE, (
        f"expected the score to rise by more than {RISE} in 12 iterations, got {last - first:+.3f} "
        f"(from {first:.2f} to {last:.2f})"
    )
    check_stays(probe, target, classes)


def check_stays(probe, target, classes):
    """The picture of steps too short to be seen is the same with jitter and without: each is undone once."""
    asked = {"network": "embedded", "target": target, "classes": classes, "num_iterations": 3, "l2_reg": 0.0}
    still, moved = (
        probe("class_visualization", learning_rate=1e-6, max_jitter=most, **asked)["image"].astype(int)
        for most in (1, 16)
    )
    twice = f"{LOOKS} the jitter is undone in the step, too: the line that is given below it does that."
    assert np.abs(still - moved).max() <= 1, f"expected the picture in its place, got it moved by the jitter{twice}"


@pytest.mark.points(0.5)
def test_the_gradient_of_a_dead_class_is_not_divided_by_its_norm(probe):
    """Its norm is 0: the image stays as it is, with a warning, which a class whose image is changed has not."""
    dead = {"network": "positive", "target": 1, "classes": 5, "still": True, "l2_reg": 0.0}
    out = probe("class_visualization", **dead)
    finite = np.isfinite(out["inputs"]).all() and np.ptp(out["image"])
    guard = "there is no guard against a norm of 0."
    assert finite, f"expected an image that stays as it was, got NaN: never divide by a norm of 0{LOOKS} {guard}"
    silent, images = "expected the warning of the dead class, got none: set `moved` after a step", out["inputs"]
    free = inputs.find_unclamped(images[1:2])
    moves = len(images) > 1 and np.diff(images[:2], axis=0)[free].any()
    another = "the image moves, so the gradient is not that of the target's score (is it of a loss, or of all scores?)."
    seems = another if moves else "`moved` is set without a step."
    ended = f"{LOOKS} `return` ends the loop: where the norm is 0 make no step, and let the loop go on."
    assert out["image"].shape == (224, 224, 3), f"expected a picture, got the shape {out['image'].shape}{ended}"
    assert "dead class" in out["warnings"], f"{silent}{LOOKS} {seems}"
    target, classes = (int(number) for number in read_stored()["target, classes"])
    still = probe("class_visualization", **(dead | {"l2_reg": 1.0}))["inputs"]
    alone = "the score's gradient alone is looked at: that of both terms together is not 0, so that a step is due."
    stands = len(still) < 2 or not np.diff(still[:2], axis=0)[inputs.find_unclamped(still[1:2])].any()
    assert not stands or not has_right_direction(probe), (
        f"expected a regulariser that moves the image of a dead class, got it as it was{LOOKS} {alone}"
    )
    alive = probe("class_visualization", network="embedded", target=target, classes=classes, num_iterations=1)
    told = "expected no warning of a dead class where the image moves, got one: set `moved = True` after a step"
    assert "dead class" not in alive["warnings"], f"{told}{LOOKS} `moved` is never set."
    steps(probe, 1)


# --- what is given ---


def test_jitter_moves_right_and_down_and_around(probe):
    X = inputs.noise(2, 3, 5, 7)
    assert np.array_equal(probe("jitter", X=X, ox=2, oy=-1)["image"], np.roll(X, (-1, 2), axis=(2, 3)))


def test_jitter_back_undoes_it(probe):
    X = inputs.noise(1, 3, 5, 7)
    there = probe("jitter", X=X, ox=3, oy=4)["image"]
    assert np.array_equal(probe("jitter", X=there, ox=-3, oy=-4)["image"], X)


def test_blur_keeps_the_mean_and_the_input(probe):
    """A bright pixel spreads evenly to its neighbours; the tensor that was given stays as it was."""
    X = np.zeros((1, 1, 9, 9), np.float32)
    X[0, 0, 4, 4] = 1
    out = probe("blur_image", X=X, sigma=1.0)
    blurred = out["image"][0, 0]
    assert out["written"] == "" and blurred.sum() == pytest.approx(1, abs=1e-5)
    assert blurred[4, 4] == pytest.approx(1 / (2 * np.pi), rel=0.02) and blurred[3, 4] == pytest.approx(blurred[4, 5])


# --- the solution's own promises ---


def visualize(network="tiny", target=0, dtype=None, **settings):
    from visualizers import ClassVisualization

    settings = {"num_iterations": 3, "generate_plots": False} | settings
    model = networks.build(network)
    return ClassVisualization().create_class_visualization(target, list("abcde"), model, dtype, **settings)


def test_the_same_seed_gives_the_same_picture():
    """Whatever the global random state is; and it is not touched (see test_network.py)."""
    pictures = [np.asarray(visualize(seed=seed)) for seed in (0, 0, 1)]
    assert np.array_equal(pictures[0], pictures[1]) and not np.array_equal(pictures[0], pictures[2])


@pytest.mark.parametrize("dtype", [None, torch.float32, torch.FloatTensor, "torch.FloatTensor"])
def test_dtype_may_be_a_dtype_a_tensor_type_or_left_out(dtype):
    assert visualize(dtype=dtype).size == (224, 224)


@pytest.mark.parametrize("clamp", [1, 2])
def test_pixels_go_as_far_as_clamp_says(clamp):
    """In widths of the valid range about its middle: 1 keeps them valid, 2 does not."""
    from visualizers import ClassVisualization

    model, seen = networks.build("tiny"), []
    model.register_forward_pre_hook(lambda module, images: seen.append(images[0].detach().numpy()))
    ClassVisualization().create_class_visualization(
        0, list("abcde"), model, num_iterations=2, clamp=clamp, generate_plots=False
    )
    low, high = ((edge - inputs.MEAN) / inputs.STD for edge in (0, 1))
    from_middle = np.abs(seen[1] - ((low + high) / 2)[:, None, None]) / ((high - low) / 2)[:, None, None]
    assert clamp - 0.9 < from_middle.max() <= clamp + 1e-5 and (from_middle.max() > 1.1) == (clamp == 2)


def test_pictures_are_shown_at_the_first_then_regularly_then_at_the_last_iteration():
    shown = []
    visualize(num_iterations=7, show_every=3, on_step=lambda iteration, image: shown.append((iteration, image.size)))
    assert [iteration for iteration, _ in shown] == [1, 3, 6, 7] and {size for _, size in shown} == {(224, 224)}


def test_the_image_is_blurred_every_so_many_iterations(monkeypatch):
    """Expect it from the first on: of seven, with blur_every=3, the first, fourth and seventh."""
    from visualizers import ClassVisualization

    done = []
    monkeypatch.setattr(ClassVisualization, "blur_image", lambda self, img, sigma: done.append(sigma) or img)
    for blur_every, times in ((3, 3), (10, 1)):
        done.clear()
        visualize(num_iterations=7, blur_every=blur_every)
        assert len(done) == times


def test_jitter_and_blur_are_left_out_by_zero():
    """The report asks what each of them does; without both, and without noise in the steps, the path is another."""
    pictures = [np.asarray(visualize(num_iterations=3, **left_out, show_every=0))
                for left_out in ({}, {"max_jitter": 0}, {"blur_every": 0}, {"l2_reg": 0})]  # fmt: skip
    assert not any(np.array_equal(pictures[0], other) for other in pictures[1:])
    assert np.array_equal(pictures[1], np.asarray(visualize(num_iterations=3, max_jitter=1)))


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"num_iterations": 0}, "num_iterations as a whole number from 1 on, got 0: give"),
     ({"num_iterations": 3.0}, "num_iterations as a whole number from 1 on, got 3.0: give"),
     ({"max_jitter": 16.5}, "max_jitter as a whole number from 0 on, got 16.5: give"),
     ({"dtype": torch.float64}, "a dtype like the network's, torch.float32 on cpu, got torch.float64 on cpu: leave")],
)  # fmt: skip
def test_settings_that_do_not_go_are_told(settings, words):
    with pytest.raises((ValueError, TypeError), match=f"^expected {words}"):
        visualize(**settings)


def test_the_plot_is_named_after_the_class(tmp_path):
    """The iterations, side by side, in a file with the first of the class's names."""
    from visualizers import ClassVisualization

    names = ["Gorilla, Gorilla gorilla", *"bcde"]
    ClassVisualization().create_class_visualization(0, names, networks.build("tiny"), num_iterations=1, out=tmp_path)
    with Image.open(tmp_path / "class_visualization_gorilla.png") as picture:
        assert min(picture.size) >= 224


# BEGIN STAFF
@pytest.mark.parametrize("target", [-1, 5])
def test_a_target_outside_the_classes_is_refused(target):
    with pytest.raises(ValueError, match=f"^expected a target class between 0 and 4, got {target}: choose one of the"):
        visualize(target=target)


# END STAFF
