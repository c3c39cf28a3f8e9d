"""The points of tests: points follow what is tested, not how often, and every part sums to its own."""

import re
from copy import copy

import pytest

from autograder import __main__ as command
from autograder import plugin, points, report, results
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
    assert sum(shares.values()) == sum(reversed(shares.values())) == 2.0
    assert 0 < max(shares.values()) - min(shares.values()) + 0.25 <= 0.5


def test_points_sum_exactly_wherever_they_are_added_up(tmp_path):
    """On Gradescope's page, which adds up the tests, too: 100, not 99.99999999999999; and what 0.1 makes is rounded."""
    for worth in ([1.0, 4.0, 2.0] * 14 + [2.0], [0.1] * 1000):
        tests = {f"{i}[{k}]": (str(i), points) for i, points in enumerate(worth) for k in range(3 if points > 1 else 1)}
        shares = plugin.share_points(tests)
        every = {case: results.Test(case, "saliency", "1", share, "visible") for case, share in shares.items()}
        for test in every.values():
            test.earn()
        done = results.Results(tests=every, facts={"notes": [], "seed": 1})
        assert (done.score, done.max_score, done.parts()) == (100.0, 100.0, {"saliency": (100.0, 100.0)})
        assert worth[0] < 1 or sum(test["score"] for test in done.as_gradescope()["tests"]) == 100.0
        report.write(tmp_path / "report.html", done, {}, read())
        assert "100 of 100 points" in (tmp_path / "report.html").read_text()
        assert "Total: 100 of 100\n" in f"{command._for_staff(done, read())}\n"


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
