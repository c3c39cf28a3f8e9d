"""Fixtures of the grader's own tests: the solution's student files, and a grading of another assignment's."""

import json
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from autograder import intake, workspace
from autograder.assignment import ROOT, read
from autograder.client import Client
from autograder.files import fill
from autograder.forking import Grader, Servers
from staff.handout import build, proofs
from staff.mutants import variants
from tests.conftest import pytest_configure, pytest_ignore_collect  # noqa: F401 -- pytest finds them here
from tests.forks import Forks

IN_ARITHMETIC = read(Path(__file__).with_name("arithmetic"))  # another one, in NumPy: its processes start at once
ARITHMETIC_SOLUTION = {name: (IN_ARITHMETIC.root / name).read_bytes() for name in IN_ARITHMETIC.files}
collect_ignore = ["arithmetic"]

# Grades a submission by the assignment in a folder of a checkout, or a part of it, in namespaces but those named.
GRADE = """
import sys
from functools import partial
from pathlib import Path
root, place, part, submission, out, *without = sys.argv[1:]
sys.path.insert(0, root)
from autograder import __main__ as command, grade
from autograder.assignment import read
grade.Client = partial(grade.Client, without=tuple(without))
graded, assignment = grade.grade, read(Path(root, place))
grade.grade = lambda *arguments, **_: graded(*arguments[:2], seed=7, deadline=300, part=part, assignment=assignment)
sys.exit(command.main([submission, "--out", out]))
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


@pytest.fixture
def handed_in(tmp_path):
    """A folder with the solution of the other assignment, to be spoiled by the test."""
    fill(tmp_path / "handed in", ARITHMETIC_SOLUTION)
    return tmp_path / "handed in"


@pytest.fixture(scope="session")
def servers():
    """Warm processes for the other assignment, from which fork servers come: Client(..., launch=servers.launch)."""
    with closing(Servers(IN_ARITHMETIC)) as servers:
        servers.ready()
        yield servers


def build_project(folder):
    """Build what a client runs, with the solution of the other assignment."""
    workspace.build(folder, intake.Submission(files=ARITHMETIC_SOLUTION), IN_ARITHMETIC)
    return folder


@pytest.fixture(scope="module")
def project(open_folder):
    return build_project(open_folder / "project")


@pytest.fixture(scope="module")
def client(project, servers):
    with Client(project, [ROOT, Path.home()], (), servers.launch, IN_ARITHMETIC) as started:
        yield started


@pytest.fixture(scope="session")
def warm():
    """A warm process for the other assignment. Begun before any Client, which ends what this process begins later."""
    with Grader(IN_ARITHMETIC) as started:
        yield started


@pytest.fixture
def grade(warm):
    """Grade a submission of the other assignment; returns what results.json holds. `page` has the report."""

    def run(submission, deadline=300):
        results, run.page = warm.grade(submission, 7, deadline)
        return json.loads(results)

    return run
