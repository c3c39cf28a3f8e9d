"""The grader where it is not root: the child has the grader's own user, in namespaces of its own."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from autograder import isolation, report
from autograder.forking import Grader
from staff.proofs import environments
from staff.tests.conftest import GRADE, IN_ARITHMETIC, ROOT

CHANNELS = """
import json, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from staff.tests import conftest, test_channels
Path(sys.argv[2]).write_text(json.dumps(test_channels.leave_and_find(conftest.build_project(Path(sys.argv[1])))))
"""
pytestmark = [
    pytest.mark.timeout(360),
    pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user"),
]


@pytest.fixture
def folder(open_folder, tmp_path):
    """A run with folders keep/ and results/ of that other user."""
    folder = open_folder / tmp_path.name
    for name in ("keep", "results"):
        (folder / name).mkdir(parents=True)
        os.chown(folder / name, environments.NOBODY, -1)
    return folder


def run_as(kind, folder, *command, status=0):
    """Run Python with the rights of this kind of user, which writes JSON to the file that its last argument names.

    Return that JSON, or where another exit status than 0 is expected, what was said.
    """
    out = folder / "results/results.json"
    done = subprocess.run(
        [*environments.prefix(kind), sys.executable, "-B", *command, str(out)],
        env={"PATH": os.environ["PATH"], "HOME": str(folder / "results")}, cwd=ROOT,
        capture_output=True, text=True, timeout=330,
    )  # fmt: skip
    if environments.REFUSED in done.stderr:
        pytest.skip(done.stderr)
    assert done.returncode == status, done.stderr
    return json.loads(out.read_text()) if status == 0 else done.stderr


@pytest.mark.proof
@pytest.mark.parametrize("kind", ["user", "container"])
def test_the_solution_is_graded_with_fewer_rights_than_roots(folder, submission, kind):
    """By a user with user namespaces, where no layer is missing, and by root in a container, who has no namespaces."""
    shutil.copytree(submission, folder / "submission")
    results = run_as(kind, folder, "-c", GRADE, str(ROOT), ".", "content_loss", str(folder / "submission"))
    assert results["extra_data"]["grader_problems"] == []
    assert results["extra_data"]["parts"]["content_loss"] == [6, 6]
    layers = results["extra_data"]["layers"]
    assert layers["unprivileged user"] and layers.get("user namespace", False) == (kind == "user")
    assert (results["extra_data"]["layers_missing"] == []) == (kind == "user")


@pytest.mark.proof
def test_nothing_that_a_submission_leaves_reaches_the_next(folder):
    found = run_as("user", folder, "-c", CHANNELS.format(root=str(ROOT)), str(folder / "results/project"))
    assert found and set(found.values()) == {"nothing"}


WARM = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from autograder.assignment import read
from autograder.forking import Grader
with Grader(read(Path(sys.argv[1]))) as grader:
    Path(sys.argv[2]).write_text(grader.grade(Path(sys.argv[1]), 7)[0])
"""


def test_a_warm_process_of_a_user_has_all_layers(folder):
    """It hides its memory, and may make a user namespace all the same."""
    results = run_as("user", folder, "-c", WARM.format(root=str(ROOT)), str(IN_ARITHMETIC.root))
    assert results["score"] == sum(most for _, most in results["extra_data"]["parts"].values())
    assert results["extra_data"]["layers_missing"] == []


def test_without_another_user_or_a_user_namespace_nothing_is_graded(folder, submission):
    shutil.copytree(submission, folder / "submission")
    said = run_as("bare", folder, "-m", "autograder", str(folder / "submission"), "--out", status=3)
    assert said == isolation.NEEDED + "\n"
    assert not (folder / "results/results.json").exists()


@pytest.mark.proof
def test_unprotected_the_solution_is_graded_by_a_copy(folder, submission):
    shutil.copytree(submission, folder / "submission")
    command = ["-m", "autograder", str(folder / "submission"), "--part", "content_loss", "--unprotected"]
    results = run_as("bare", folder, *command, "--report", str(folder / "results/page.html"), "--out")
    assert results["extra_data"]["unprotected"]
    assert results["extra_data"]["parts"]["content_loss"] == [6, 6]
    assert report.UNPROTECTED in (folder / "results/page.html").read_text()


@pytest.fixture
def unprotected(monkeypatch):
    """A warm process for another course's two functions, of a grader that thinks it has no rights."""
    monkeypatch.setattr(isolation, "separates", lambda: False)
    with Grader(IN_ARITHMETIC, unprotected=True) as grader:
        yield grader


def test_a_submission_that_changes_the_copy_has_no_points_and_ends_it(unprotected):
    changed = unprotected.copy.root / "tests/test_parts.py"
    changed.write_text(changed.read_text() + "# of a submission\n")
    results, page = unprotected.grade(IN_ARITHMETIC.root, 7)
    assert "tests/test_parts.py is changed" in json.loads(results)["output"] and "score" not in json.loads(results)
    assert page == "" and not unprotected.alive() and not unprotected.copy.root.exists()


def test_unprotected_the_copy_grades_as_the_checkout_does(warm, unprotected):
    wanted = json.loads(warm.grade(IN_ARITHMETIC.root, 7)[0])
    found = json.loads(unprotected.grade(IN_ARITHMETIC.root, 7)[0])
    assert found["extra_data"].pop("unprotected") and not wanted["extra_data"].pop("unprotected")
    assert [test["score"] for test in found["tests"]] == [test["score"] for test in wanted["tests"]]
    assert found["score"] == wanted["score"] > 0
