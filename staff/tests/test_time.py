"""Words said of code that takes too long, and of what it left no time for."""

import time

import numpy as np
import pytest

from autograder import probing, rules
from autograder.probing import StudentError
from staff.tests.conftest import IN_ARITHMETIC

HANGS = """import numpy as np


def unit(x):
    while x.any():
        {line}
"""


def grade_and_listen(way):
    with pytest.raises(StudentError) as caught:
        way("unit", x=np.ones(3))
    return str(caught.value)


def way_to(client, seconds, limit=1):
    """A way to the client with so many seconds left, which gives a call `limit` seconds."""
    way = probing.Prober(lambda: client, {"seconds": limit, "megabytes": 400}, time.monotonic() + seconds)
    way.client = client
    return way


@pytest.mark.parametrize("line", ["pass", "sum(range(10 ** 9))", "np.ones(3).sum()"], ids=["Python", "C", "NumPy"])
def test_a_call_that_hangs_is_told_its_line_and_what_it_costs(client, line):
    (client.project / "scale.py").write_text(HANGS.format(line=line))
    run = way_to(client, 99)
    first = grade_and_listen(run)
    told = "your code was ended after 1 seconds: an endless loop? It was at scale.py, line "
    assert told in first
    assert "line 5: while x.any():." in first or f"line 6: {line}." in first
    assert first.endswith("Later calls of this function get 0.1 seconds each, so that time is left for the others")
    assert grade_and_listen(run).endswith("an earlier call hung, and since then each gets 0.1 seconds")


def test_what_is_cut_by_the_deadline_is_no_endless_loop(client):
    (client.project / "scale.py").write_text(HANGS.format(line="pass"))
    told = grade_and_listen(way_to(client, 1.4, limit=2))
    assert told.endswith("was ended after 1 seconds: the grading's time was used up")


def test_where_no_time_is_left_the_rule_says_so(client):
    late, soon = (way_to(client, seconds) for seconds in (0.5, 99))
    assert rules._find_loops(late, IN_ARITHMETIC) == ["No time was left, so nothing could be counted."]
    for name in IN_ARITHMETIC.files:
        (client.project / name).write_text("raise ImportError('missing')")
    assert rules._find_loops(soon, IN_ARITHMETIC) == ["None of the functions runs, so nothing could be counted."]
