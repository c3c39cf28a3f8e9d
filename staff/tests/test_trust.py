"""A grader that cannot grade says so, and never gives 0 points for what is not the student's."""

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from autograder import __main__ as command
from autograder import grade as grade_py
from autograder import intake, isolation, pack, trial, workspace
from autograder.assignment import read
from autograder.client import Client
from autograder.files import write_whole
from autograder.probing import Prober
from autograder.results import Results
from staff.tests import contract
from staff.tests.conftest import GRADE, IN_ARITHMETIC, ROOT

pytestmark = pytest.mark.timeout(360)  # on a busy machine
ARITHMETIC = IN_ARITHMETIC.root.relative_to(ROOT)
RULES = sum(rule["points"] for rule in read().rules.values())
as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root's children are another user")


@pytest.fixture
def run(tmp_path, submission, handed_in):
    """Grade a part of the solution, or arithmetic's; returns the exit status, what was said, and the results."""

    def grade(part, *without, root=ROOT, umask=-1, **environment):
        out = tmp_path / "results" / "results.json"
        what = (".", part, submission) if part else (ARITHMETIC, part, handed_in)
        done = subprocess.run(
            [sys.executable, "-c", GRADE, root, *what, out, *without],
            env=os.environ | environment, capture_output=True, text=True, umask=umask, timeout=330,
        )  # fmt: skip
        return done.returncode, done.stderr, json.loads(out.read_text())

    return grade


def reason_of(results):
    contract.check(results)
    assert "score" not in results and results["tests"] == []
    return results["extra_data"]["ungraded"]


@pytest.mark.parametrize(
    ("part", "score"), [("", 10), pytest.param("content_loss", 6 + RULES, marks=pytest.mark.proof)]
)
@pytest.mark.parametrize("around", [{"umask": 0o027}, {"umask": 0o077, "HOME": "/nowhere/at/all"}])
def test_the_umask_and_the_home_of_whoever_grades_change_nothing(run, tmp_path, part, score, around):
    """Under 022 all other tests grade."""
    code, said, results = run(part, **around)
    assert (code, results["score"]) == (0, score), said
    assert stat.S_IMODE((tmp_path / "results/results.json").stat().st_mode) == 0o600


@as_root
def test_python_in_a_closed_folder_is_the_graders_problem(run):
    """Without a mount that shows it, an honest `import wave` would cost its student a part."""
    if all(path.stat().st_mode & 1 for path in (Path(sys.base_prefix), *Path(sys.base_prefix).parents)):
        pytest.skip("every user may read Python here")
    code, said, results = run("", *isolation.NAMESPACES)
    assert code == 3 and said.count("\n") == 1
    assert "PermissionError" in reason_of(results) and sys.base_prefix in reason_of(results)
    assert results["extra_data"]["grader_problems"] and "chmod o+rX" in results["output"]


@pytest.fixture
def checkout(tmp_path):
    """Copy of what grading takes, in a path that pytest and globs could mistake."""
    root = tmp_path / "a [1] ü"
    for name, path in pack.files(read()).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, root / name)
    shutil.copytree(IN_ARITHMETIC.root, root / ARITHMETIC)
    return root


@pytest.mark.proof
def test_a_checkout_with_brackets_in_its_path_grades_as_any_other(run, checkout):
    code, said, results = run("content_loss", root=checkout)
    assert (code, results["score"]) == (0, 6 + RULES), said


def test_tests_that_cannot_be_collected_give_no_points_and_say_nothing_hidden(run, checkout):
    path = checkout / ARITHMETIC / "staff/hidden/test_hidden_parts.py"
    path.write_text("raise ValueError('what is hidden')\n")
    code, _, results = run("", root=checkout)
    assert code == 3 and "pytest broke off" in reason_of(results)
    assert "what is hidden" not in results["output"]
    assert "what is hidden" in str(results["extra_data"]["grader_problems"])


def test_a_user_without_a_home_can_grade(monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("Could not determine home directory")))
    assert grade_py._home() == []


@as_root
@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (lambda project: None, ""),
        (lambda project: (project / "moments").chmod(0o700), "Permission denied"),
        (lambda project: (project / "given").chmod(0o700), "Permission denied"),
        (lambda project: (project / "given/part.py").write_text("import nothing_of_ours"), "nothing_of_ours"),
        (lambda project: (project / "scale.py").write_text("import os; os._exit(1)"), ""),  # only read
    ],
)  # fmt: skip
def test_the_trial_reads_and_imports_what_students_do(open_folder, servers, tmp_path, spoil, found):
    project = open_folder / tmp_path.name
    workspace.build(project, intake.Submission(), IN_ARITHMETIC)
    (project / "given").mkdir()
    (project / "given/part.py").touch()
    spoil(project)
    with Client(project, [ROOT], launch=servers.launch, assignment=IN_ARITHMETIC) as client:
        said = trial.find_problem(client.call, project, IN_ARITHMETIC.files)
    assert found in said and bool(found) == bool(said)


def test_the_folder_of_student_code_has_a_package_of_tests_of_its_own(tmp_path):
    """A plain folder would lose against a package of that name in site-packages, and every call would fail."""
    workspace.build(tmp_path / "project", intake.Submission(), IN_ARITHMETIC)
    assert (tmp_path / "project" / "tests" / "__init__.py").is_file()


def test_a_wrong_answer_of_the_trial_is_told(tmp_path):
    assert "[1.0] instead of" in trial.find_problem(lambda *_, **__: {"got": [1.0], "known": [2.0]}, tmp_path, ())


@pytest.mark.parametrize(
    ("errors", "reason"),
    [
        ([("PermissionError", "x"), ("ImportError", "gradcam.py is missing from the submission")], "Perm"),
        ([("ModuleNotFoundError", f"No module named '{name}'") for name in ("gradcam", "visualizers.gradcam")], "M"),
        ([("PermissionError", "x"), None], ""),
        ([("PermissionError", "x"), ("NotImplementedError", "x")], ""),
        ([("ModuleNotFoundError", "No module named 'tensorflow'")], ""),
        ([("ModuleNotFoundError", "No module named 'visualizers.helper'")], ""),
        ([("ImportError", "gradcam.py is missing from the submission")], ""),
        ([("FileNotFoundError", "[Errno 2] my_picture.jpg")], ""),
        ([], ""),
    ],
)  # fmt: skip
def test_one_reason_that_is_not_the_students_is_told_from_their_own(errors, reason):
    prober = Prober(lambda: None, {}, 0)
    prober.errors = errors
    found = prober.one_reason(read().modules)
    assert reason in found and bool(reason) == bool(found)


def test_where_all_files_fail_by_the_machine_there_are_no_points(handed_in, grade):
    for name in IN_ARITHMETIC.files:
        (handed_in / name).write_text("raise PermissionError(13, 'Permission denied', '/usr/lib/libm.so')\n")
    results = grade(handed_in)
    assert "PermissionError: [Errno 13]" in reason_of(results)
    assert "unfit" not in results["extra_data"], "the trial went well: the class goes on"
    assert "not graded" in grade.page and "points</h1>" not in grade.page


def test_what_could_not_be_read_has_no_points(tmp_path, grade):
    (tmp_path / "essay.docx").write_bytes(b"PK no zip")
    assert reason_of(grade(tmp_path / "essay.docx")).startswith("expected a folder or a zip")
    assert command.main([str(tmp_path / "essay.docx"), "--out", str(tmp_path / "results.json")]) == 2


def test_results_say_nothing_of_points_where_there_are_none():
    results = Results()
    results.refuse("expected x")
    assert results.as_gradescope()["output"] == "Not graded, which is not 0 points: expected x."


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_what_holds_grades_is_its_owners_alone(tmp_path, umask):
    before = os.umask(umask)
    try:
        write_whole(tmp_path / "new" / "grades.csv", "1")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new/grades.csv").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
