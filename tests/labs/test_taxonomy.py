"""Goals of attackers: when each is reached."""

import pytest
import torch

from labs.robustness import taxonomy
from tests.labs import small


@pytest.fixture
def c():
    return small.compare(small.linear(classes=4), small.grey(3))


def test_less_confidence_is_reached_just_below_half_of_what_there_was():
    p = torch.tensor([[0.5, 0.3, 0.2]])
    scores = p.log() + 3.0  # whatever is added to all of them
    for aim, negative in ((0.51, True), (0.49, False)):
        assert bool(taxonomy.less_confident(scores, torch.tensor([[0.0, aim]])) < 0) is negative


def test_every_goal_is_still_open_at_the_start(c, bench):
    """Nothing is counted as a success that was there before the attack."""
    for name, task in taxonomy.tasks_of(c, bench).items():
        assert task.success(c, task.pixels) == 0, name


def test_a_goal_is_reached_where_the_network_says_so(c, bench):
    """The class that is named is reached as a target; and then the picture is misclassified, if it was another's."""
    task = taxonomy.tasks_of(c, bench)["targeted"]
    said = taxonomy.Task(task.pixels, c.classify(task.pixels), c.classify(task.pixels), True, task.goal)
    assert said.success(c, task.pixels) == 1
    assert taxonomy.open_again(c, said, task.pixels)["PNG"] >= 0
