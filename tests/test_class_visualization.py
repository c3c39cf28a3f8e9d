"""Class visualization (Simonyan et al. 2014): from noise, up s_y(I) - l2_reg * ||I||^2, by steps of equal length."""

import numpy as np
import pytest
import torch
from PIL import Image

from tests import compare, inputs, networks

pytestmark = pytest.mark.class_visualization
READ = (
    "create_class_visualization: the gradient of s_y - l2_reg * sum(img ** 2), divided by its norm, times learning_rate"
)


def stored():
    return compare.references("class_visualization")


def two_inputs(probe, **settings):
    """What the network saw first and second, without jitter and blur: a step lies between."""
    target, classes = (int(number) for number in stored()["target, classes"])
    out = probe("class_visualization", network="embedded", target=target, classes=classes, still=True, **settings)
    seen = out["inputs"]
    compare.check_shape("what the network sees", seen, (len(seen), 3, 224, 224))
    new = [0] + [i for i in range(1, len(seen)) if not np.array_equal(seen[i], seen[i - 1])]  # some look twice a step
    assert len(new) > 1, "expected the image to change from step to step: add the step to img"
    start = stored()["start"]
    if compare.relative_error(compare.sample(seen[0]), start) > 1e-4:
        pytest.fail("expected the first image to be the normal noise of the seed: leave the given lines as they are")
    return seen[new[0]][None], seen[new[1]][None]


def is_near(image, key):
    return compare.relative_error(compare.sample(image), stored()[key]) <= float(stored()["step: tolerance"])


@pytest.mark.points(3.5)
def test_the_first_step_goes_up_the_regularised_score(probe):
    """Score minus l2_reg times the squared norm; the gradient divided by its norm; times the learning rate."""
    _, after = two_inputs(probe, l2_reg=float(stored()["l2_reg"]))
    if is_near(after, "apart") and not is_near(after, "step"):
        # The regulariser's gradient may also be subtracted from the score's after that was normalised.
        _, strong = two_inputs(probe, l2_reg=float(stored()["apart, strong: l2_reg"]))
        if is_near(strong, "apart, strong"):
            return
    compare.assert_stored("the image after one step", after, "class_visualization", "step", READ)


@pytest.mark.points(1.5)
def test_without_regulariser_a_step_has_the_length_of_the_learning_rate(probe):
    """With l2_reg = 0 and a small learning rate, so that no pixel is clamped but those that were, lengths are exact."""
    before, after = two_inputs(probe, l2_reg=0.0, learning_rate=0.5)
    inside = np.abs(before) < 1.7  # valid pixels of each channel reach further than that, on both sides
    step = np.where(inside, after - before, 0)
    assert np.isfinite(after).all(), "expected finite pixels, got NaN or infinity"
    length = float(np.sqrt((step**2).sum()))
    share = float(np.sqrt(inside.mean()))
    message = (
        f"expected a step of length about {0.5 * share:.3f} among the pixels that are not clamped, got {length:.3f}"
    )
    assert 0.8 * 0.5 * share < length < 1.2 * 0.5 * share, message


@pytest.mark.points(1.5)
def test_the_score_rises(probe):
    """After 12 iterations, with jitter and blur, the network gives the class a higher score than the noise's."""
    target, classes = (int(number) for number in stored()["target, classes"])
    out = probe("class_visualization", network="embedded", target=target, classes=classes, num_iterations=12)
    assert len(out["inputs"]) >= 12, f"expected the image to go through the network 12 times, got {len(out['inputs'])}"
    compare.check_shape("what the network sees", out["inputs"], (len(out["inputs"]), 3, 224, 224))
    with torch.no_grad():
        first, last = networks.build("embedded")(torch.from_numpy(out["inputs"][[0, -1]]))[:, target].tolist()
    assert out["image"].shape == (224, 224, 3), f"expected a picture of 224 x 224, got {out['image'].shape}"
    assert last > first + 0.1, f"expected the score to rise, got {first:.2f} and then {last:.2f}"


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
