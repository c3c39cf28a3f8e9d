"""The grader as a whole, by an assignment of two functions in NumPy: folder in, results.json out."""

import copy
import json
import time

import pytest
from jsonschema import ValidationError

from autograder import __main__ as command
from autograder.files import fill
from autograder.results import Results
from staff.tests import contract
from staff.tests.conftest import ARITHMETIC_SOLUTION

pytestmark = pytest.mark.timeout(360)  # on a busy machine
LOOP = """import numpy as np


class Center:
    def subtract_mean(self, X):
        print("computing")
        return np.stack([row - X.mean(axis=0) for row in X])
"""


@pytest.fixture(scope="module")
def solved(warm, tmp_path_factory):
    """Results and report of the solution, which lies one level down, with Gradescope's metadata beside it."""
    place = tmp_path_factory.mktemp("solved")
    fill(place / "handed in/project", ARITHMETIC_SOLUTION)
    (place / "submission_metadata.json").write_text('{"id": 42, "users": [{"name": "Ada <i>"}, {"name": "Bob"}]}')
    results, page = warm.grade(place / "handed in", 7)
    return json.loads(results), page


def points(results):
    return {part: had for part, (had, most) in results["extra_data"]["parts"].items()}


def test_the_solution_earns_everything(solved):
    results, _ = solved
    contract.check(results)
    assert points(results) == {"center": 4, "scale": 2, "rules": 4}
    assert results["extra_data"]["grader_problems"] == []
    assert results["extra_data"]["seed"] == 7
    assert all(test["status"] == "passed" for test in results["tests"])


def test_an_empty_submission_earns_nothing(tmp_path, grade):
    (tmp_path / "empty").mkdir()
    results = grade(tmp_path / "empty")
    contract.check(results)
    assert results["score"] == 0
    assert len(results["tests"]) == 7


def test_a_loop_a_print_and_a_missing_file_cost_their_own_points_alone(handed_in, grade):
    """Lines that are run are counted where an assignment counts nothing else."""
    (handed_in / "scale.py").unlink()
    (handed_in / "moments/center.py").write_text(LOOP)
    results = grade(handed_in)
    failed = {test["name"]: test["output"] for test in results["tests"] if test["status"] == "failed"}
    assert points(results)["center"] == 4
    assert "scale.py" in results["output"]
    lost = {"Scale: A vector gets length one", "Signatures stay", "Nothing is printed", "No loops"}
    assert failed.keys() == lost and "moments/center.py, line 7" in failed["No loops"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "expected the folder or zip of a submission, got none: make grade SUBMISSION=folder-or.zip"),
        ([""], "expected the folder or zip of a submission, got none: make grade SUBMISSION=folder-or.zip"),
        (["nowhere.zip"], "expected a folder or a zip at nowhere.zip, found nothing: check the path"),
        ([".", "--part", "salience"], "expected one of the parts saliency, guided_backprop, "),
        ([".", "--deadline", "-1"], "expected a deadline of more than 0 seconds, got -1: "),
    ],
)
def test_what_cannot_be_graded_is_refused_in_one_sentence(tmp_path, monkeypatch, capsys, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    assert command.main(arguments) == 2
    said = capsys.readouterr()
    assert said.err.startswith(sentence) and said.err.count("\n") == 1 and said.out == ""
    assert not (tmp_path / "results.json").exists(), "nothing is written about what was not graded"


def test_what_a_terminal_obeys_is_not_printed(tmp_path, monkeypatch, capsys):
    """In notes, which name a student's files, and in what came of their code."""
    orders, facts = "\x1b[31m\x07", {"seed": 7, "grader_problems": []}
    for results in (
        Results(facts=facts | {"notes": [f"Missing: {orders}"]}),
        Results(f"Not graded: {orders}", ungraded="x", facts=facts),
    ):
        monkeypatch.setattr(command.grade, "grade", lambda *_, results=results, **__: results)
        command.main([str(tmp_path)])
        said = "".join(capsys.readouterr())
        assert ": ?[31m?\n" in said and "\x1b" not in said and "\x07" not in said


def test_a_student_sees_at_once_what_public_tests_found_and_nothing_of_hidden_ones(handed_in, grade):
    """The output does not change when grades are published, so it must not tell hidden points before."""
    path = handed_in / "moments/center.py"
    path.write_text(path.read_text().replace("return X", "return 0 * X"))
    results = grade(handed_in)
    told = results["output"].splitlines()
    assert "2 Scale: 2 of 2" in told
    assert "1 Centre: 0 of 2" in told, "2 of the 4 points are of the hidden test"
    assert not any(word in results["output"] for word in ("Total", "Seed", "of 4\n"))
    assert results["extra_data"]["parts"]["center"] == [0, 4]


def test_the_report_says_whose_work_it_is(solved):
    results, page = solved
    assert results["extra_data"]["submission"] == "submission 42, Ada <i>, Bob"
    assert "submission 42, Ada &lt;i&gt;, Bob: 10 of 10 points" in page


def test_what_hangs_ends_at_the_deadline(handed_in, grade):
    """A valid result is there within the deadline and ten seconds."""
    hangs = "import signal, time\ndef unit(x):\n    signal.signal(15, signal.SIG_IGN), time.sleep(999)\n"
    (handed_in / "scale.py").write_text(hangs)
    started = time.monotonic()
    results = grade(handed_in, deadline=2)
    assert time.monotonic() - started < 2 + 10
    contract.check(results)
    assert points(results)["scale"] == 0
    said = "".join(test["output"] for test in results["tests"] if test["tags"] == ["scale"])
    assert any(words in said for words in ("ended after", "time was used up", "was not reached before"))


def test_a_submission_that_hangs_everywhere_has_results_before_the_deadline(handed_in, grade):
    for name in ARITHMETIC_SOLUTION:
        (handed_in / name).write_text("while True: pass\n")
    started = time.monotonic()
    results = grade(handed_in, deadline=2)
    assert time.monotonic() - started < 2 + 10
    contract.check(results)
    assert results["score"] == 0
    assert len(results["tests"]) == 7


def test_the_contract_is_checked(solved):
    """Each of these is told: a field too many, one too few, another kind, no number, a wrong sum."""
    right, _ = solved
    for spoil in (
        lambda results: results.update(scores=1),
        lambda results: results["tests"][0].pop("name"),
        lambda results: results["tests"][0].update(score="1"),
        lambda results: results.update(score=float("nan")),
        lambda results: results.update(score=results["score"] + 1),
        lambda results: results["tests"][0].update(status="ok"),
        lambda results: results["tests"][0].update(output=""),
        lambda results: results["tests"][0].update(visibility="public"),
    ):
        wrong = copy.deepcopy(right)
        spoil(wrong)
        with pytest.raises((AssertionError, ValidationError)):
            contract.check(wrong)
