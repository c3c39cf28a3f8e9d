"""One Dask task, on a worker: grade one submission in a fork of a process that the worker keeps."""

import atexit
import json
import threading
import zlib
from dataclasses import dataclass
from pathlib import Path

import distributed

from autograder import intake, pack
from autograder.assignment import Assignment, read
from autograder.forking import Grader, GradingLost
from gradebook.store import Graded

_one_at_a_time = threading.Lock()
_graders: dict[Assignment, Grader] = {}


class Failed(Exception):
    """A grading without results; the message says why. It is worth a second try on another worker."""


class Refused(Exception):
    """This worker would not grade as the others do, whatever the submission; the message says why."""


class Unfit(Failed):
    """This worker cannot run student code as it should: so would be every submission's grading by it."""


@dataclass(frozen=True)
class Job:
    """Everything that a grading needs, and so may run anywhere, and twice."""

    submission: intake.Submission
    seed: int
    files: dict[str, str]  # that grade, see pack.digests
    folder: Path | None = None  # of the assignment, None for the worker's own checkout
    unprotected: bool = False  # grade also where student code has the worker's own rights
    dask: str = distributed.__version__  # of the one who asks


def work(job: Job) -> Graded:
    """Grade one submission. Raises Failed, Refused, and Unfit where all others would fail, too."""
    try:
        with _one_at_a_time:
            results, page = _grader_for(job).grade(job.submission, job.seed)
    except GradingLost as problem:
        raise Failed(str(problem)) from None
    except OSError as problem:  # the worker's own disk is full, for one
        raise Failed(f"the grading met {type(problem).__name__}: {problem}") from None
    table = json.loads(results)
    worker = distributed.get_worker().address
    if "score" not in table:
        facts = table["extra_data"]
        if facts.get("unfit"):
            raise Unfit(f"{facts['ungraded']}. That was worker {worker}")
        raise Failed(facts["ungraded"])
    return Graded(table["score"], results, zlib.compress(page.encode()), table["execution_time"], worker)


def _grader_for(job: Job) -> Grader:
    assignment, version = read(job.folder) if job.folder else read(), pack.version(job.files)
    grader = _graders.get(assignment)
    stands = grader is not None and grader.alive() and grader.unprotected == job.unprotected
    if grader is None or not stands or grader.version != version:  # files may have changed since it loaded them
        _close(assignment)
        _refuse_another(assignment, job)
        grader = _graders[assignment] = Grader(assignment, job.unprotected)
    if grader.version != version:
        _refuse_another(assignment, job)
        raise Failed("the worker's files changed while they were loaded")
    return grader


def _refuse_another(assignment: Assignment, job: Job) -> None:
    mine = pack.digests(assignment) | {"distributed": distributed.__version__}
    told = pack.changes(mine, job.files | {"distributed": job.dask})
    if told:
        raise Refused(
            f"its copy of the repository, or its packages, are not those of this run ({', '.join(told[:5])}"
            f"{', and more' if told[5:] else ''}): bring both to the same state"
        )


def _close(assignment: Assignment) -> None:
    grader = _graders.pop(assignment, None)
    if grader is not None:
        grader.close()


@atexit.register
def _close_all() -> None:
    for assignment in list(_graders):
        _close(assignment)
