"""A class of another assignment: from the folder to the pages, graded for real, and graded once."""

import csv
import io
import json
import re
import shutil

import pytest
from rich.console import Console

from autograder.assignment import read
from autograder.files import make_zip
from gradebook import __main__ as gradebook
from gradebook import task
from gradebook.store import NAME
from staff.proofs import chaos, simulated
from staff.tests import contract
from staff.tests.conftest import ARITHMETIC_SOLUTION, IN_ARITHMETIC

pytestmark = [pytest.mark.proof, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A copy of the assignment in arithmetic, to be changed."""
    return shutil.copytree(IN_ARITHMETIC.root, tmp_path_factory.mktemp("another") / "course")


@pytest.fixture
def submissions(tmp_path, handed_in):
    """Ada's is right, Ben's stops its process, Chen's is a zip that cannot be opened, Dina's is Ada's."""
    folder = tmp_path / "class"
    folder.mkdir()
    shutil.copytree(handed_in, folder / "ada")
    shutil.copytree(handed_in, folder / "ben")
    (folder / "ben/scale.py").write_text("import os\nos._exit(0)\n")
    (folder / "chen.zip").write_bytes(b"PK no zip")
    (folder / "dina.zip").write_bytes(make_zip(ARITHMETIC_SOLUTION))
    (folder / "class.toml").write_text("seed = 7\n")
    return folder


def run(submissions, course, *arguments, function=task.work):
    console = Console(file=io.StringIO(), width=200)
    args = gradebook.parse_args([str(submissions), "--workers", "1", *arguments])
    code = gradebook.grade_class(args, console, read(course), function)
    return code, console.file.getvalue(), args.out


def test_a_class_is_graded_once_and_again_when_something_changed(submissions, course):
    code, said, out = run(submissions, course)
    assert code == 1, "Chen's is marked for staff"
    assert "1 could not be read" in said
    assert "4 students, 0 without a submission; 2 different submissions can count." in said
    assert "0 are graded already, 2 are new." in said
    results = chaos.results(out / NAME)
    best = json.loads(max(results.values(), key=lambda row: row["score"])["results"])
    contract.check(best)
    assert best["extra_data"]["seed"] == 7 and best["extra_data"]["grader_problems"] == []
    assert sorted(row["score"] for row in results.values()) == [7, 10]
    with (out / "grades.csv").open(newline="") as file:
        points = {row["Last Name"]: row["Arithmetic"] for row in csv.DictReader(file)}
    assert points == {"ada": "10", "ben": "7", "chen": "", "dina": "10"}
    assert {"class.html", "similarity.html", "grades-canvas.csv"} <= {path.name for path in out.iterdir()}

    code, said, _ = run(submissions, course)
    assert "2 are graded already, 0 are new." in said and "workers" not in said

    test = course / "tests/test_parts.py"
    test.write_text(test.read_text() + "\nMORE = 1\n")
    (submissions / "chen.zip").unlink()
    code, said, _ = run(submissions, course, "--again", "ben")
    assert code == 0
    assert "2 are graded again, since the suite is another: tests/test_parts.py is changed." in said
    assert len(chaos.results(out / NAME)) == 2  # by digest, the latest of them

    code, said, _ = run(submissions, course, "--again", "ben", function=simulated.grade)
    assert "1 are graded again, as was asked for." in said
    assert re.search(r"ben: graded again, 7 points before, [\d.]+ now\.", said)
