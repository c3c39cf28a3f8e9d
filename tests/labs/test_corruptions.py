"""Corruptions: the fifteen run and repeat, and the mean corruption error is the paper's."""

import sys

import numpy as np
import pytest

from figures import script
from labs import plots
from labs.networks import PLAIN, ROBUST
from labs.robustness import corruptions


@pytest.fixture(autouse=True)
def uncompiled(monkeypatch):
    """Glass blur's loop as Python, which takes less time for a small picture than compiling it."""
    from imagecorruptions import corruptions as theirs

    monkeypatch.setattr(
        theirs, "_shuffle_pixels_njit_glass_blur", theirs._shuffle_pixels_njit_glass_blur.py_func
    )


PICTURE = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", corruptions.NAMES)
def test_a_corruption_changes_a_picture_and_repeats(name):
    once, again = (corruptions.corrupt(PICTURE, name, 3, seed=1) for _ in range(2))
    assert once.shape == PICTURE.shape and once.dtype == np.uint8
    assert (once != PICTURE).any() and (once == again).all()


def test_a_missing_package_is_told_in_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "imagecorruptions", None)
    with pytest.raises(script.UserError, match=r"^expected the package imagecorruptions-imaug, got .*make_venv.sh"):
        corruptions.corrupt(PICTURE, "fog", 1, 0)


def test_random_numbers_of_others_stay_as_they_were():
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    corruptions.corrupt(PICTURE, "gaussian_noise", 1, seed=3)
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002


def test_images_of_a_batch_get_noise_of_their_own():
    made = corruptions.corrupt(PICTURE.repeat(2, axis=0), "impulse_noise", 2, seed=0)
    assert (made[0] != made[1]).any()


def test_more_severe_noise_is_further_away():
    grey = PICTURE // 2 + 64
    made = [corruptions.corrupt(grey, "gaussian_noise", severity, 0) for severity in corruptions.SEVERITIES]
    far = [np.abs(noisy.astype(int) - grey).mean() for noisy in made]
    assert far == sorted(far)


def test_mce_is_the_mean_ratio_of_summed_errors():
    """Noise has (0.1 + 0.3) / (0.2 + 0.6), fog 0.4 / 0.2: a mean of 1.25. Snow has no reference."""
    errors = np.array([[0.1, 0.3], [0.2, 0.2], [0.1, 0.1]])
    reference = np.array([[0.2, 0.6], [0.1, 0.1], [0.0, 0.0]])
    assert corruptions.mce(errors, reference) == pytest.approx(125)
    assert corruptions.mce(reference, reference) == pytest.approx(100)
    assert corruptions.mce(errors, 0 * reference) == 100


def test_the_interval_of_an_mce_holds_it_and_has_no_width_where_images_are_alike():
    rng = np.random.default_rng(0)
    ours, reference = rng.random((3, 40)), 0.5 + rng.random((3, 40))
    value, low, high = corruptions.bootstrap_mce(ours, reference, 0)
    assert low < value < high and value == corruptions.mce(ours, reference)
    assert np.ptp(corruptions.bootstrap_mce(np.full((2, 5), 0.5), np.ones((2, 5)), 0)) == 0


def test_the_gain_is_what_the_plain_twin_is_wrong_more_often():
    wrong = {corruptions.PLAIN: {"fog": [1.0, 0.6]}, corruptions.ROBUST: {"fog": [0.8, 0.4]}}
    assert corruptions.gain({"wrong": wrong}, "fog")[0] == pytest.approx(0.2)


def test_names_stand_beyond_every_whisker(bench):
    """One beside its point would be struck through by its own, and cover another's."""
    scene, other = np.array([0.0, 1.0, 1.0]), np.array([0.0, 0.0, 1.0])
    names = [ROBUST, PLAIN]
    wrong = {ROBUST: {"fog": scene}, PLAIN: {"fog": other}}
    clean = {ROBUST: scene, PLAIN: other}
    numbers = {
        "networks": names, "wrong": wrong, "clean": clean, "images": dict.fromkeys(names, 3),
        "reference": dict.fromkeys(names, PLAIN), "mCE": {ROBUST: [90, 80, 99], PLAIN: [100, 100, 100]},
        "relative": {ROBUST: [70, 60, 80], PLAIN: [100, 100, 100]},
    }  # fmt: skip
    bench.pictures.update(sheet={"fog": (np.zeros((4, 4, 3), np.uint8), "hay")}, label="hay")
    charts = [axes for axes in corruptions.draw(numbers, bench).axes if axes.get_xlabel() == "clean error, %"]
    named = [[text for text in axes.texts if text.get_gid() == plots.END] for axes in charts]
    assert [[text.get_text() for text in texts] for texts in named] == 2 * [names]
    assert all(text.xy[0] == axes.get_xlim()[1] for axes, texts in zip(charts, named) for text in texts)


def test_every_number_of_the_table_has_an_interval_but_for_a_networks_own_reference(bench):
    numbers = corruptions.measure(bench)
    table = corruptions.tabulate(numbers)
    own, twin = (dict(zip(table.columns, row)) for row in table.rows[: len(numbers["networks"])][-2:])
    assert twin["mCE"] == twin["relative mCE"] == "100 (its own reference)" and " to " in own["mCE"]
    peaks = own["Grad-CAM's peak on the object"].split("%), ")
    assert len(peaks) == 1 + len(corruptions.LOOKED) and all(" to " in one for one in peaks)
    _, second, third = corruptions.conclude(numbers)
    assert second.count(" to ") >= 1 and third.count(" to ") == len(peaks)
