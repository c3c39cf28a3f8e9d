"""One Dask task, on a worker: grade one submission in a fork of the worker's warm process."""

import atexit
import json
import threading
import zlib
from dataclasses import dataclass
from pathlib import Path

import distributed

from staff import grade
from staff.gradebook import suite as suites
from staff.gradebook.store import Graded
from staff.gradebook.warm import GradingLost, Warm
from staff.grader import intake

_one_at_a_time = threading.Lock()
_warm: dict[Path, Warm] = {}  # by suite


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
    files: dict[str, str]  # of the suite, see suite.files
    suite: Path | None = None  # the folder of tests/ and staff/hidden/, None for the worker's own checkout
    dask: str = distributed.__version__  # of the one who asks


def work(job: Job) -> Graded:
    """Grade one submission. Raises Failed, Refused, and Unfit where all others would fail, too."""
    try:
        with _one_at_a_time:
            results, page = _warm_for(job).grade(job.submission, job.seed)
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


def _warm_for(job: Job) -> Warm:
    suite, version = job.suite or grade.REPOSITORY, suites.version(job.files)
    warm = _warm.get(suite)
    if warm is None or not warm.alive() or warm.version != version:  # files may have changed since it loaded them
        _close(suite)
        _refuse_another(suite, job)
        warm = _warm[suite] = Warm(suite)
    if warm.version != version:
        _refuse_another(suite, job)
        raise Failed("the worker's files changed while they were loaded")
    return warm


def _refuse_another(suite: Path, job: Job) -> None:
    mine = suites.files(suite) | {"distributed": distributed.__version__}
    told = suites.changes(mine, job.files | {"distributed": job.dask})
    if told:
        raise Refused(
            f"its copy of the repository, or its packages, are not those of this run ({', '.join(told[:5])}"
            f"{', and more' if told[5:] else ''}): bring both to the same state"
        )


def _close(suite: Path) -> None:
    warm = _warm.pop(suite, None)
    if warm is not None:
        warm.close()


@atexit.register
def _close_all() -> None:
    for suite in list(_warm):
        _close(suite)
