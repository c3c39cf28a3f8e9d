"""Item analysis: numbers that can be worked out by hand."""

import json

import pytest

from gradebook import items
from gradebook.roster import Student
from gradebook.standing import Standing


@pytest.fixture
def stands(result):
    """Students with results: stands([(1, 0, ...), ...]) gives each the points of each test, of 1."""

    def make(rows, outputs=None):
        found = []
        for i, row in enumerate(rows):
            tests = [(had, 1, (outputs or {}).get((i, j), "")) for j, had in enumerate(row)]
            graded = result(saliency=tests)
            found.append(Standing(Student(f"s{i}"), [], results=json.loads(graded.results)))
        return found

    return make


def test_difficulty_is_the_mean_share_and_discrimination_the_correlation_with_the_rest(stands):
    """The second test is passed by the three that have 2 of the other points, failed by the three that have 0."""
    rows = [(1, 1, 1)] * 3 + [(0, 0, 0)] * 3
    first, second, third = items.items(stands(rows))
    assert (second.difficulty, second.passed, len(second.failed)) == (0.5, 3, 3)
    assert second.discrimination == pytest.approx(1)
    assert {first.verdict, third.verdict} == {"separates"}


def test_a_test_that_the_weaker_pass_goes_against_the_rest(stands):
    *_, odd = items.items(stands([(1, 1, 0)] * 3 + [(0, 0, 1)] * 3))
    assert odd.discrimination == pytest.approx(-1) and odd.verdict == "against the rest"


def test_a_test_that_never_fails_and_one_that_nobody_passes_say_nothing(stands):
    always, never, some = items.items(stands([(1, 0, 1)] * 3 + [(1, 0, 0)] * 3))
    assert (always.verdict, always.discrimination) == ("never fails", None)
    assert (never.verdict, never.discrimination) == ("nobody passes", None)
    assert some.discrimination is None  # all others are constant


def test_of_a_handful_of_students_no_correlation_is_taken(stands):
    assert {item.discrimination for item in items.items(stands([(1, 1), (0, 0)]))} == {None}


def test_a_mistake_counts_once_for_a_student_and_without_its_numbers(stands):
    said = "expected 1\n    It looks like this mistake: it is 0.25 times what is expected."
    other = "expected 1\n    It looks like this mistake: it is 0.5 times what is expected."
    found = stands([(0, 0), (0, 1), (1, 1)], {(0, 0): said, (0, 1): said, (1, 0): other})
    (mistake,) = items.mistakes(found)
    assert mistake.text == "it is N times what is expected."
    assert [standing.student.name for standing in mistake.students] == ["s0", "s1"]


def test_errors_and_ends_are_told_apart(stands):
    found = stands([(0, 0, 0)], {
        (0, 0): "A sum.\n\nIndexError: index 7 is out of range\nstyle_utils.py, line 3: x[7]",
        (0, 1): "A sum.\n\nEnded: your code was ended after 60 seconds\n",
        (0, 2): "A sum.\n\nWhat your code returned could not be compared (OverflowError: too large).",
    })  # fmt: skip
    assert [said.text for said in items.errors(found)] == ["IndexError: index N is out of range"]
    assert [said.text for said in items.find_ended(found)] == ["was ended after 60 seconds"]
    assert [said.text for said in items.find_uncompared(found)] == ["saliency: test 2"]
    assert [item.unnamed for item in items.items(found)] == [0, 0, 1]
