"""What one Dask task does, on a worker: grade one submission in a fork of the worker's warm process."""

import atexit
import json
import threading
import zlib
from dataclasses import dataclass
from pathlib import Path

from distributed import get_worker

from staff import grade
from staff.gradebook.store import Graded
from staff.gradebook.warm import GradingLost, Warm
from staff.grader import intake

_one_at_a_time = threading.Lock()
_warm: dict[Path, Warm] = {}  # by suite


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
    suite: Path = grade.REPOSITORY


def work(job: Job) -> Graded:
    """Grade one submission. Raises Failed, and Unfit where all others would fail, too."""
    worker = get_worker().address
    try:
        with _one_at_a_time:
            results, page = _warm_for(job).grade(job.submission, job.seed)
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


def _warm_for(job: Job) -> Warm:
    warm = _warm.get(job.suite)
    if warm is None or not warm.alive() or warm.version != job.version:  # files may have changed since it loaded them
        _close(job.suite)
        warm = _warm[job.suite] = Warm(job.suite)
    if warm.version != job.version:
        raise OtherSuite(
            f"this worker's tests are of version {warm.version}, not {job.version}: "
            "bring its copy of the repository, and its packages, to the same state"
        )
    return warm


def _close(suite: Path) -> None:
    warm = _warm.pop(suite, None)
    if warm is not None:
        warm.close()


@atexit.register
def _close_all() -> None:
    for suite in list(_warm):
        _close(suite)
