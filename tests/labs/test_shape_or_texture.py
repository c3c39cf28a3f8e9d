"""Shape and texture: how answers are counted, and what pictures keep and lose."""

import re

import numpy as np
import pytest

from labs import cues
from labs.robustness import shape_or_texture as lab_

IMAGE = np.random.default_rng(0).integers(0, 256, (80, 80, 3), dtype=np.uint8)
MASK = np.zeros((80, 80), bool)
MASK[10:60, 20:70] = True


def test_shape_bias_is_shape_among_shape_and_texture():
    found = lab_.shape_bias([[1, 2, 1], [1, 2, 2], [1, 2, 2], [3, 2, 2], [3, 4, 5]])
    assert (found["shape"], found["texture"], found["neither"]) == (1, 3, 1) and found["bias"] == 0.25
    assert found["interval"][0] == 0.25 and 0 <= found["interval"][1] <= 0.25 <= found["interval"][2]
    assert lab_.shape_bias([[1, 2, 5]])["bias"] is None
    assert lab_.by_class([[1, 2, 1], [3, 2, 2]])["3"]["texture"] == 1


def test_pairs_are_of_different_classes_and_begin_with_the_one_that_is_asked_for():
    labels = np.array([7, 8, 7, 9])
    found = lab_.pairs(labels, 20, (2, 3))
    assert found[0] == (2, 3) and len(set(found)) == len(found) == 10  # 12 but for 0, 2 and 2, 0
    assert all(labels[i] != labels[j] for i, j in found)


def test_a_filled_mask_leaves_the_background_and_takes_patches_of_the_other_object():
    texture = [np.full((cues.PATCH, cues.PATCH, 3), 9, np.uint8)]
    made = cues.fill(IMAGE, MASK, texture, np.random.default_rng(0))
    assert (made[~MASK] == IMAGE[~MASK]).all() and (made[MASK] == 9).all()


def test_patches_lie_on_the_object():
    marked = np.where(MASK[..., None], 1, 0).astype(np.uint8).repeat(3, axis=2)
    found = cues.patches(marked, MASK)
    assert found and all(patch.shape == (cues.PATCH, cues.PATCH, 3) and patch.mean() >= cues.WHOLE for patch in found)


@pytest.mark.parametrize("across", [4, 8])
def test_shuffling_keeps_all_pixels(across):
    made = cues.shuffle(IMAGE, across, np.random.default_rng(0))
    assert made.shape == IMAGE.shape and (made != IMAGE).any()
    assert (np.sort(made.reshape(-1, 3), axis=0) == np.sort(IMAGE.reshape(-1, 3), axis=0)).all()


def test_an_even_picture_has_no_edges_and_a_step_has_one():
    even = np.full((40, 40, 3), 80, np.uint8)
    assert (cues.edges(even) == 255).all()
    step = even.copy()
    step[:, 20:] = 200
    drawn = cues.edges(step)[..., 0]
    assert drawn[20, 19:21].max() == 0 and drawn[20, :10].min() == 255


def test_a_silhouette_is_the_mask():
    assert ((cues.silhouette(MASK)[..., 0] == 0) == MASK).all()
    assert np.ptp(cues.grey(IMAGE).astype(int), axis=2).max() == 0


def test_every_share_that_is_named_by_one_cue_has_count_and_interval(bench):
    numbers = lab_.measure(bench)
    table = lab_.tabulate(numbers)
    for name, row in zip(numbers["networks"], table.rows):
        assert row[0] == f"{name}, {numbers['images'][name]} images" and row[-1].endswith("% (exact)")
        assert all(cell == "-" or " to " in cell for cell in row[2:-1])
    assert len(re.findall(r"\(\S+ to \S+%\)", lab_.conclude(numbers)[-1])) == 3 * len(numbers["networks"])


def test_patches_tell_more_than_edges_where_the_images_show_it(bench):
    """All twelve by patches and none by edges are more; seven against five are not."""
    numbers = lab_.measure(bench)
    numbers["cues"][lab_.PLAIN] = dict.fromkeys(lab_.CUES, [1.0] * 12)
    cue = numbers["cues"][lab_.ROBUST]
    cue["shuffled 4 × 4"], cue["edges"] = [1.0] * 12, [0.0] * 12
    assert lab_.conclude(numbers)[-1].endswith(f"is shown for {lab_.ROBUST}, not for {lab_.PLAIN}.")
    cue["shuffled 4 × 4"], cue["edges"] = [1.0] * 7 + [0.0] * 5, [0.0] * 7 + [1.0] * 5
    assert lab_.conclude(numbers)[-1].endswith(f"is shown for none, not for {lab_.ROBUST} and {lab_.PLAIN}.")
