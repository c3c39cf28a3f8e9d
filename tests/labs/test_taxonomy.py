"""Goals of attackers: when each is reached."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from labs.robustness import taxonomy
from tests.labs import small


@pytest.fixture
def c():
    return small.compare(small.linear(classes=4), small.grey(3))


def test_less_confidence_is_reached_just_below_half_of_what_there_was():
    scores = torch.tensor([[0.5, 0.3, 0.2]]).log() + 3.0  # whatever is added to all of them
    for aim, negative in ((0.51, True), (0.49, False)):
        assert bool(taxonomy.less_confident(scores, torch.tensor([[0.0, aim]])) < 0) is negative


def test_a_goal_is_open_at_the_start_and_reached_where_the_network_says_so(c, bench):
    """Nothing is a success that was there before the attack; the class that is named is reached as a target."""
    tasks = taxonomy.tasks_of(c, bench)
    assert not any(sum(task.success(c, task.pixels)) for task in tasks.values())
    said = c.classify(tasks["targeted"].pixels)
    done = replace(tasks["targeted"], aims=said, classes=said)
    assert done.success(c, done.pixels) == [1, 1, 1]
    assert taxonomy.open_again(c, done, done.pixels)["PNG"] == [1, 1, 1]


def test_a_tie_is_no_order():
    values = np.array([[1.0, 1, 1, 1], [0, 0, 1, 0], [0, 0, 1, 0]])
    assert taxonomy.order(values, ("a", "b", "c")) == "a more than b, b not shown to differ from c"
    assert taxonomy.order(values[::-1], ("c", "b", "a")) == "c not shown to differ from b, b less than a"


def test_two_goals_for_which_pgd_goes_the_same_way_ask_for_it_once(c, bench):
    """Pictures for "less confidence" are those for "misclassification": the same start, class and sign."""
    tasks = taxonomy.tasks_of(c, bench)
    first = taxonomy.attack(c, c, tasks["less confidence"], 2, 1, bench, {})
    anew, led = (taxonomy.attack(c, c, tasks["misclassification"], 2, 1, bench, made) for made in ({}, first))
    assert all((anew[way] == led[way]).all() for way in anew)
    assert led["white box"] is first["white box"] and anew["white box"] is not first["white box"]


def test_the_picture_of_two_goals_stands_once_beside_what_was_added(bench):
    """Three rows of a picture and its change: the first of both goals that PGD leads the same way."""
    numbers = taxonomy.measure(bench)
    assert list(bench.pictures["goals"]) == ["misclassification", "targeted", "source and target"]
    for picture, change, _ in bench.pictures["goals"].values():
        assert change.shape == picture.shape and np.abs(change).max() <= taxonomy.RADIUS / 255 + 1e-6
    fig = taxonomy.draw(numbers, bench)
    titles = [axes.get_title() for axes in fig.axes]
    assert titles.count("its change") == 3
    pictures = [axes for axes in fig.axes if axes.images and "→" in axes.get_title()]
    heights = [axes.get_subplotspec().rowspan for axes in pictures]
    assert [(rows.start, rows.stop) for rows in heights] == [(0, 2), (2, 3), (3, 4)]


def test_every_share_of_the_grid_has_an_interval(bench):
    table = taxonomy.tabulate(taxonomy.measure(bench))
    assert all(cell.count("%") == 2 * cell.count(" to ") for row in table.rows for cell in row[2:])
    sentences = taxonomy.conclude(taxonomy.measure(bench))
    assert all(re.findall(r"\d%(?!\)| \()", sentence) == [] for sentence in sentences)
