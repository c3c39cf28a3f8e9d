"""Words said of code that takes too long, and of what it left no time for."""

import time

import numpy as np
import pytest

from autograder import intake, probing, rules, workspace
from autograder.assignment import read
from autograder.client import Client
from autograder.probing import StudentError
from staff.tests.conftest import IN_MINIATURE

HANGS = """import torch
from torch import nn


class ContentLoss(nn.Module):
    def forward(self, content_weight, content_current, content_original):
        while content_weight:
            {line}
"""


@pytest.fixture(scope="module")
def client(open_folder, servers):
    workspace.build(open_folder / "project", intake.Submission(), IN_MINIATURE)
    with Client(open_folder / "project", [], launch=servers.launch) as started:
        yield started


def grade_and_listen(way):
    ones = np.ones((1, 2, 3, 4), np.float32)
    with pytest.raises(StudentError) as caught:
        way("content", weight=2.0, F=ones, P=0 * ones)
    return str(caught.value)


def way_to(client, seconds, limit=1):
    """A way to the client with so many seconds left, which gives a call `limit` seconds."""
    way = probing.Prober(lambda: client, {"seconds": limit, "megabytes": 400}, time.monotonic() + seconds)
    way.client = client
    return way


@pytest.mark.parametrize("line", ["pass", "sum(range(10 ** 9))", "torch.ones(3).sum()"], ids=["Python", "C", "torch"])
def test_a_call_that_hangs_is_told_its_line_and_what_it_costs(client, line):
    (client.project / "style_modules/content_loss.py").write_text(HANGS.format(line=line))
    run = way_to(client, 99)
    first = grade_and_listen(run)
    told = "your code was ended after 1 seconds: an endless loop? It was at style_modules/content_loss.py, line "
    assert told in first
    assert "line 7: while content_weight:." in first or f"line 8: {line}." in first
    assert first.endswith("Later calls of this function get 0.1 seconds each, so that time is left for the others")
    assert grade_and_listen(run).endswith("an earlier call hung, and since then each gets 0.1 seconds")


def test_what_is_cut_by_the_deadline_is_no_endless_loop(client):
    (client.project / "style_modules/content_loss.py").write_text(HANGS.format(line="pass"))
    told = grade_and_listen(way_to(client, 1.4, limit=2))
    assert told.endswith("was ended after 1 seconds: the grading's time was used up")


def test_where_no_time_is_left_the_rule_says_so(client):
    late, soon = (way_to(client, seconds) for seconds in (0.5, 99))
    assert rules._find_loops(late, read()) == ["No time was left, so nothing could be counted."]
    for name in read().files:
        (client.project / name).write_text("raise ImportError('missing')")
    assert rules._find_loops(soon, read()) == ["None of the functions runs, so nothing could be counted."]
