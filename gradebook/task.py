"""What one Dask task does, on a worker: grade one submission in a fork of a process that the worker keeps."""

import atexit
import json
import threading
import zlib
from dataclasses import dataclass
from pathlib import Path

from distributed import get_worker

from autograder import intake
from autograder.assignment import ROOT, read
from autograder.forking import Grader, GradingLost
from gradebook.store import Graded

_one_at_a_time = threading.Lock()
_graders: dict[tuple[Path, Path], Grader] = {}  # by the folders of the assignment


class Failed(Exception):
    """A grading without results: the worker's address, and why. It is worth a second try on another worker."""

    @property
    def worker(self) -> str:
        return self.args[0]

    @property
    def why(self) -> str:
        return self.args[1]


class Unfit(Failed):
    """This worker cannot run student code as it should: so would be every submission's grading by it."""


@dataclass(frozen=True)
class Job:
    """Everything that a grading needs, and so may run anywhere, and twice."""

    submission: intake.Submission
    seed: int
    version: str  # of the suite
    root: Path = ROOT  # of the assignment, and
    suite: Path = ROOT  # of its tests


def work(job: Job) -> Graded:
    """Grade one submission. Raises Failed, and Unfit where all others would fail, too."""
    worker = get_worker().address
    try:
        with _one_at_a_time:
            results, page = _grader_for(job).grade(job.submission, job.seed)
    except (GradingLost, OtherSuite) as problem:
        raise Failed(worker, str(problem)) from None
    except OSError as problem:  # the worker's own disk is full, for one
        raise Failed(worker, f"the grading met {type(problem).__name__}: {problem}") from None
    table = json.loads(results)
    if "score" not in table:
        facts = table["extra_data"]
        raise (Unfit if facts.get("unfit") else Failed)(worker, facts["ungraded"])
    return Graded(table["score"], results, zlib.compress(page.encode()), table["execution_time"], worker)


class OtherSuite(Exception):
    """This worker's tests are not those that were asked for."""


def _grader_for(job: Job) -> Grader:
    folders = job.root, job.suite
    grader = _graders.get(folders)
    if grader is None or not grader.alive() or grader.version != job.version:  # files may have changed since
        _close(folders)
        grader = _graders[folders] = Grader(read(*folders))
    if grader.version != job.version:
        raise OtherSuite(
            f"this worker's tests are of version {grader.version}, not {job.version}: "
            "bring its copy of the repository, and its packages, to the same state"
        )
    return grader


def _close(folders: tuple[Path, Path]) -> None:
    grader = _graders.pop(folders, None)
    if grader is not None:
        grader.close()


@atexit.register
def _close_all() -> None:
    for folders in list(_graders):
        _close(folders)
