"""The points of tests: points follow what is tested, not how often, and every part sums to its own."""

import re
from copy import copy

import pytest

from autograder import plugin, points, results
from autograder.assignment import read


def test_the_table_is_shown_and_every_part_sums_to_its_points(capsys):
    assert points.main() == 0, capsys.readouterr().err
    said = capsys.readouterr().out
    assert "All together: 100 points" in said
    gram = sum(map(float, re.findall(r"([\d.]+)  \S+::test_gram_matrix", said)))
    assert gram == 4, "of the 10 points of part 2.2 a wrong style loss keeps at most these"


@pytest.mark.parametrize("count", [1, 3, 6, 7])
def test_the_cases_of_a_test_share_its_points(count):
    shares = plugin.share_points({f"a[{i}]": ("a", 2.0) for i in range(count)} | {"b": ("b", 0.5)})
    assert shares.pop("b") == 0.5
    assert round(sum(shares.values()), 6) == 2.0
    assert max(shares.values()) - min(shares.values()) < 0.04


def test_a_part_that_does_not_sum_to_its_points_is_told_with_its_files(capsys):
    tests = {
        "tests/test_one.py::test_a": results.Test("a", "first", "1", 3.0, "visible"),
        "staff/hidden/test_one.py::test_b[0]": results.Test("b", "first", "1", 2.0, "hidden"),
    }
    table = copy(read())
    table.parts, table.rules = {"first": {"number": "1", "title": "First", "points": 6}}, {}
    assert points.show(tests, table) == [
        "first: expected tests that are worth 6 points together, as in assignment.toml, got 5: "
        "change the points in staff/hidden/test_one.py, tests/test_one.py"
    ]
    assert "6 points, 2 of them hidden" in capsys.readouterr().out
