"""Fixtures of the grader's own tests: a copy of the solution's student files, and a grading of it in miniature."""

import json
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from autograder.assignment import read
from autograder.files import fill
from autograder.forking import Grader, Servers
from staff.handout import build, proofs
from staff.mutants import variants
from tests.conftest import pytest_configure, pytest_ignore_collect  # noqa: F401 -- pytest finds them here
from tests.forks import Forks

ROOT = Path(__file__).resolve().parents[2]
MINIATURE = Path(__file__).with_name("miniature")
IN_MINIATURE = read(ROOT, MINIATURE)  # this assignment, with two tests
IN_ARITHMETIC = read(Path(__file__).with_name("arithmetic"))  # another one, in NumPy: its processes start at once
ARITHMETIC_SOLUTION = {name: (IN_ARITHMETIC.root / name).read_bytes() for name in IN_ARITHMETIC.files}
collect_ignore = ["miniature", "arithmetic"]

# Grades a submission by the miniature suite, in a process of its own: the arguments are where it lies, and for results.
GRADE = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(ROOT)!r})
from autograder import grade
from autograder.assignment import ROOT, read
out, assignment = Path(sys.argv[2]), read(ROOT, Path({str(MINIATURE)!r}))
grade.grade(Path(sys.argv[1]), out, out.with_name("report.html"), seed=7, deadline=300, assignment=assignment)
"""


@pytest.fixture(scope="module")
def open_folder():
    """A folder that other users reach, too: a child of the grader's is one. Each pytest closes its own folders anew."""
    with tempfile.TemporaryDirectory(prefix="open-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def submission(tmp_path):
    """A folder with the solution's student files, to be spoiled by the test."""
    fill(tmp_path / "handed in" / "project", variants.solution())
    return tmp_path / "handed in" / "project"


@pytest.fixture(scope="module")
def handout(tmp_path_factory):
    """A folder as students get it, with this repository's environment."""
    folder = tmp_path_factory.mktemp("handout") / "assignment_3"
    build.write_folder(folder)
    proofs.borrow_environment(folder)
    return folder


@pytest.fixture(scope="module")
def python(handout):
    """Runs Python in the handout: python(handout, "saliency_map.py", ...)."""
    forks = Forks(handout / ".venv" / "bin" / "python")
    yield forks
    forks.close()


@pytest.fixture(scope="session")
def servers():
    """Warm processes, from which fork servers come without importing torch: Client(..., launch=servers.launch)."""
    with closing(Servers(IN_MINIATURE)) as servers:
        servers.ready()
        yield servers


@pytest.fixture(scope="session")
def warm():
    """A warm process for the miniature suite."""
    with Grader(IN_MINIATURE) as started:
        yield started


@pytest.fixture
def grade(warm):
    """Grade a submission by the miniature suite; returns what results.json holds. `page` has the report."""

    def run(submission, deadline=300):
        results, run.page = warm.grade(submission, 7, deadline)
        return json.loads(results)

    return run
