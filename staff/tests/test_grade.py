"""The grader as a whole, by a suite in miniature: folder in, results.json out."""

import copy
import json
import time

import pytest
from jsonschema import ValidationError

from autograder import __main__ as command
from autograder.files import fill
from staff.mutants import variants
from staff.tests import contract

pytestmark = pytest.mark.timeout(360)  # on a busy machine


def points(results):
    return {part: had for part, (had, most) in results["extra_data"]["parts"].items()}


@pytest.fixture(scope="module")
def solved(warm, tmp_path_factory):
    """Results and report of the solution, which lies one level down, with Gradescope's metadata beside it."""
    place = tmp_path_factory.mktemp("solved")
    fill(place / "handed in/project", variants.solution())
    (place / "submission_metadata.json").write_text('{"id": 42, "users": [{"name": "Ada <i>"}, {"name": "Bob"}]}')
    results, page = warm.grade(place / "handed in", 7)
    return json.loads(results), page


def test_the_solution_earns_everything(solved):
    results, _ = solved
    contract.check(results)
    assert points(results) == {"saliency": 12, "content_loss": 6, "rules": 4}
    assert results["extra_data"]["grader_problems"] == []
    assert results["extra_data"]["seed"] == 7
    assert all(test["status"] == "passed" for test in results["tests"])


def test_an_empty_submission_earns_nothing(tmp_path, grade):
    (tmp_path / "empty").mkdir()
    results = grade(tmp_path / "empty")
    contract.check(results)
    assert results["score"] == 0
    assert len(results["tests"]) == 7


def test_a_loop_a_print_and_a_missing_file_cost_their_own_points_alone(submission, grade):
    (submission / "style_modules/content_loss.py").unlink()
    path = submission / "visualizers/saliency_map.py"
    text = path.read_text()
    before, after = text.split("    def compute_saliency_maps", 1)
    loop = """    def compute_saliency_maps(self, X, y, model):
        print("computing")
        return torch.cat([self._one(X[i:i+1], y[i:i+1], model) for i in range(len(X))])

    def _one"""
    path.write_text(before + loop + after)
    results = grade(submission)
    failed = {test["name"] for test in results["tests"] if test["status"] == "failed"}
    assert points(results)["saliency"] == 12
    assert "style_modules/content_loss.py" in results["output"]
    assert failed == {
        "Content loss: Content loss of ones",
        "Content loss: hidden: Hidden content loss",
        "Names and signatures are unchanged",
        "Nothing is printed by import or by the graded functions",
        "Images and pixels are computed together, not one by one",
    }


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


def test_a_student_sees_at_once_what_public_tests_found_and_nothing_of_hidden_ones(submission, grade):
    """The output does not change when grades are published, so it must not tell hidden points before."""
    path = submission / "style_modules/content_loss.py"
    path.write_text(CONTENT_LOSS.format(modules="os", line="return 0 * content_current.sum()"))
    results = grade(submission)
    told = results["output"].splitlines()
    assert "1.1 Saliency maps: 12 of 12" in told
    assert "2.1 Content loss: 0 of 3" in told, "3 of the 6 points are of the hidden test"
    assert not any(word in results["output"] for word in ("Total", "Seed", "of 6"))
    assert results["extra_data"]["parts"]["content_loss"] == [0, 6]


def test_the_report_says_whose_work_it_is(solved):
    results, page = solved
    assert results["extra_data"]["submission"] == "submission 42, Ada <i>, Bob"
    assert "submission 42, Ada &lt;i&gt;, Bob: 22 of 22 points" in page


CONTENT_LOSS = """
import {modules}
from torch import nn


class ContentLoss(nn.Module):
    def forward(self, content_weight, content_current, content_original):
        {line}
"""


@pytest.mark.slow
def test_what_hangs_ends_at_the_deadline(submission, grade):
    """A valid result is there within the deadline and ten seconds."""
    modules, line = "signal, time", "(signal.signal(15, signal.SIG_IGN), time.sleep(999))"
    (submission / "style_modules/content_loss.py").write_text(CONTENT_LOSS.format(modules=modules, line=line))
    started = time.monotonic()
    results = grade(submission, deadline=2)
    assert time.monotonic() - started < 2 + 10
    contract.check(results)
    assert points(results)["content_loss"] == 0
    said = "".join(test["output"] for test in results["tests"] if test["tags"] == ["content_loss"])
    assert any(words in said for words in ("ended after", "time was used up", "was not reached before"))


@pytest.mark.slow
def test_a_submission_that_hangs_everywhere_has_results_before_the_deadline(submission, grade):
    for name in ("visualizers/saliency_map.py", "style_modules/content_loss.py"):
        (submission / name).write_text("while True: pass\n")
    started = time.monotonic()
    results = grade(submission, deadline=2)
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
