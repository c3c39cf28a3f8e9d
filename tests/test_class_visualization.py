"""Class visualization (Simonyan et al. 2014): from noise, up s_y(I) - l2_reg * ||I||^2, by steps of equal length."""

import numpy as np
import pytest
import torch
from PIL import Image

from tests import compare, inputs, networks, sentences

pytestmark = pytest.mark.class_visualization
READ = (
    "create_class_visualization: the gradient of s_y - l2_reg * sum(img ** 2), divided by its norm, times learning_rate"
)


UNCHANGED = (
    "expected the image to change from step to step, got it as it was\n"
    "    It looks like this mistake: the image was not changed: add the step to img."
)
FILE = "class_visualization"
RISE = 0.1  # of the score in 12 iterations: right code reaches more than twice that, steps that are not normalised 0.01


def read_stored():
    return compare.references(FILE)


def steps(probe, count, **settings):
    """By how much each of the first steps moved the image, and the images, without jitter and blur."""
    target, classes = (int(number) for number in read_stored()["target, classes"])
    question = {"network": "embedded", "target": target, "classes": classes, "still": True}
    images = probe("class_visualization", num_iterations=count + 1, **question, **settings)["inputs"]
    assert len(images), "expected a gradient of the score with respect to img, got none: take it in each step"
    compare.check_shape("the images of the steps", images, (len(images), 3, 224, 224))
    assert len(images) > count and np.ptp(images[:2], axis=0).any(), UNCHANGED
    if compare.relative_error(compare.sample(images[0]), read_stored()["start"]) > 1e-4:
        pytest.fail("expected the first image to be the normal noise of the seed: leave the given lines as they are")
    return np.diff(images[: count + 1], axis=0), images


def along(step, free):
    """The direction of a step, over the pixels that were not clamped after it."""
    step = step[free].astype(np.float64)
    return step / max(np.linalg.norm(step), 1e-30)


def first_step(probe, key):
    """The directions that came and that are stored under this key, over the same pixels; and of the mistakes."""
    l2_reg, learning_rate = read_stored()[f"{key}: l2_reg, learning rate"].tolist()
    (step,), images = steps(probe, 1, l2_reg=l2_reg, learning_rate=learning_rate)
    free = compare.few(inputs.find_unclamped(images[1:2]))
    assert free.mean() > 0.05, "expected few clamped pixels after the first step, got nearly all: the step is too long"
    arrays = step, read_stored()[key], read_stored()[f"{key}: apart"]
    mistakes = {sentence: along(wrong.values, free) for sentence, wrong in compare.mistakes_of(FILE, key).items()}
    return *(along(compare.few(array), free) for array in arrays), mistakes


@pytest.mark.points(2)
def test_the_first_step_goes_up_the_regularised_score(probe):
    """Along the gradient of the score minus l2_reg times the squared norm; how far does not matter here."""
    got, expected, apart, mistakes = first_step(probe, "first step")
    tolerance = float(read_stored()["first step: tolerance"])
    if compare.relative_error(got, expected) > tolerance:
        # The regulariser's gradient may also be subtracted from the score's after that was normalised. But at this
        # weight it hardly counts then, nor what is not multiplied by the learning rate: hence another weight.
        strong, its_own, its_apart, its_mistakes = first_step(probe, "strong")
        if compare.relative_error(got, apart) <= tolerance:
            if compare.relative_error(strong, its_apart) <= tolerance:
                return
            compare.assert_close("the direction of a step", strong, its_own, tolerance, its_mistakes, READ)
    compare.assert_close("the direction of the first step", got, expected, tolerance, mistakes, READ)


@pytest.mark.points(1.5)
def test_the_second_step_forgets_the_first(probe):
    """Without regulariser it goes along the gradient at the image as it is by then, alone."""
    (_, step), images = steps(probe, 2, l2_reg=0.0)
    model, target = networks.build("embedded", "float64"), int(read_stored()["target, classes"][0])
    seen = [torch.from_numpy(image[None]).double().requires_grad_() for image in images[:2]]
    first, second = (torch.autograd.grad(model(x)[0, target], x)[0][0].numpy() for x in seen)
    free = inputs.find_unclamped(images[2:3])[0]
    mistakes = {
        sentences.NEVER_CLEARED: along(first + second, free),
        sentences.FIRST_GRADIENT: along(first, free),
        sentences.OBJECTIVE_DESCENDED: -along(second, free),
    }
    compare.assert_close(
        "the direction of the second step", along(step, free), along(second, free), 2e-2, mistakes, READ
    )


@pytest.mark.points(2)
def test_without_regulariser_a_step_has_the_length_of_the_learning_rate(probe):
    """If l2_reg is 0 the step is learning_rate long: 0.5 here, so that hardly a pixel is clamped."""
    (step,), images = steps(probe, 1, l2_reg=0.0, learning_rate=0.5)
    free = inputs.find_unclamped(images[1:2])[0] & inputs.find_unclamped(images[:1])[0]
    length = float(np.linalg.norm(step[free]) / np.sqrt(free.mean()))  # of all pixels, if they move as far
    check_length(length, 0.5, read_stored()["gradient: norm, largest value"])


def check_length(length, learning_rate, norms):
    """norms: of the gradient, its own and its largest value."""
    if 0.8 < length / learning_rate < 1.25:
        return
    norm, largest = norms
    mistakes = {
        sentences.NOT_NORMALISED: learning_rate * norm,
        sentences.DIVIDED_BY_SQUARE: learning_rate / norm,
        sentences.DIVIDED_BY_LARGEST: learning_rate * norm / largest,
        sentences.MULTIPLIED_BY_NORM: learning_rate * norm**2,
        sentences.LEARNING_RATE_MISSING: 1.0,
        "the learning rate is missing, and the gradient is not divided by its norm.": norm,
        "the learning rate is written as a number: take learning_rate.": 25.0,
        "the learning rate is squared.": learning_rate**2,
        sentences.DIVIDED_BY_LEARNING_RATE: 1 / learning_rate,
    }
    near = min(mistakes, key=lambda sentence: abs(np.log(mistakes[sentence] / max(length, 1e-30))))
    seems = f"\n    It looks like this mistake: {near}" if 0.9 < mistakes[near] / max(length, 1e-30) < 1.1 else ""
    kind = "short" if length < learning_rate else "long"
    pytest.fail(
        f"expected a step of length {learning_rate:g}, got {length:.3g}: the step is too {kind}{seems}\n"
        f"    To read: {READ}"
    )


@pytest.mark.points(1)
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


def test_pictures_are_shown_at_the_first_then_regularly_then_at_the_last_iteration():
    shown = []
    visualize(num_iterations=7, show_every=3, on_step=lambda iteration, image: shown.append((iteration, image.size)))
    assert [iteration for iteration, _ in shown] == [1, 3, 6, 7] and {size for _, size in shown} == {(224, 224)}


def test_the_plot_is_named_after_the_class(tmp_path):
    """The iterations, side by side, in a file with the first of the class's names."""
    from visualizers import ClassVisualization

    names = ["Gorilla, Gorilla gorilla", *"bcde"]
    ClassVisualization().create_class_visualization(0, names, networks.build("tiny"), num_iterations=1, out=tmp_path)
    with Image.open(tmp_path / "class_visualization_gorilla.png") as picture:
        assert min(picture.size) >= 224


# BEGIN STAFF
def test_a_dead_class_is_said():
    """Without regulariser its gradient is zero: nothing is divided by 0, and a warning says so."""
    with pytest.warns(UserWarning, match=r"^the score of class 1 \(b\) has a zero gradient \(a dead class\)$"):
        assert np.isfinite(np.asarray(visualize("positive", target=1, l2_reg=0))).all()


@pytest.mark.parametrize("target", [-1, 5])
def test_a_target_outside_the_classes_is_refused(target):
    with pytest.raises(ValueError, match=f"^expected a target class between 0 and 4, got {target}: choose one of the"):
        visualize(target=target)


# END STAFF
