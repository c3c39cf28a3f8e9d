"""Four answers: boxes around masks, and what is cut out of a scene."""

import numpy as np

from labs.segmentation import four_answers as lab


def test_the_box_is_the_smallest_one_around_a_mask():
    mask = np.zeros((10, 12), bool)
    mask[2:5, 3] = mask[4, 3:9] = True
    assert lab.find_box(mask) == (3, 2, 9, 5)


def test_a_moved_box_has_its_size_and_stays_in_the_picture():
    rng = np.random.default_rng(0)
    for left, top, right, bottom in (lab.move((3, 2, 9, 5), (10, 12, 3), rng) for _ in range(50)):
        assert (right - left, bottom - top) == (6, 3)
        assert 0 <= left and right <= 12 and 0 <= top and bottom <= 10


def test_what_is_cut_out_is_the_box_alone_and_what_is_hidden_is_grey():
    image = np.full((40, 40, 3), 200, np.uint8)
    image[10:20, 10:30] = 0
    made = lab.cut(image, (10, 10, 30, 20))
    assert made.shape == (lab.SHOWN_TO, lab.SHOWN_TO, 3) and made.max() <= 140  # no 200 from around the box
    assert (made[112, 112] == 0).all() and (made[2, 2] == 127).all()
    mask = np.zeros((40, 40), bool)
    mask[10:20, 10:30] = True
    hidden = lab.hide(image, mask)
    assert (hidden[~mask] == 127).all() and (hidden[mask] == 0).all()


def test_what_is_counted_is_called_exact_where_all_scenes_agree_and_the_rest_has_an_interval(bench):
    numbers = lab.measure(bench)
    table = lab.tabulate(numbers)
    assert [row[2] for row in table.rows] == ["1 (exact)", "4 (exact)", "3 (exact)", "4 (exact)"]
    assert all(cell == "-" or " to " in cell or "(exact)" in cell for row in table.rows for cell in row[3:])
