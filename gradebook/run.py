"""The loop of a run: a task for each result that is missing, a second try elsewhere, each result committed at once."""

import json
import uuid
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import dataclass, field

from distributed import Client, Future, KilledWorker, wait

from gradebook.cluster import ClusterError
from gradebook.store import Gradebook, Graded, Key
from gradebook.task import Failed, Job, Unfit, work

TRIES = 2
LOOK = 2  # seconds between two looks at how many workers there are


@dataclass
class _Wanted:
    key: Key
    job: Job
    failed_on: list[str] = field(default_factory=list)  # workers


def grade_all(
    client: Client, book: Gradebook, jobs: dict[Key, Job], progress, function: Callable[[Job], Graded] = work
) -> list[Key]:
    """Grade what `jobs` asks for, and return those that failed twice.

    progress: is told `graded(key, graded, before)` and `failed(key, worker, why, last)`; see progress.py. function:
    what a worker does. Raises ClusterError when the scheduler is lost or a worker cannot grade, GradebookError when
    nothing can be written.
    """
    waiting = deque(_Wanted(key, job) for key, job in jobs.items())
    running: dict[Future, _Wanted] = {}
    lost = []
    while waiting or running:
        while waiting and len(running) < _room(client):
            wanted = waiting.popleft()
            running[_submit(client, wanted, function)] = wanted
        for future in _done(client, running):
            wanted = running.pop(future)
            problem = _settle(book, wanted, future, progress)
            if not problem:
                continue
            worker, why = problem
            book.fail(wanted.key, worker, why)
            wanted.failed_on.append(worker)
            last = len(wanted.failed_on) == TRIES
            progress.failed(wanted.key, worker, why, last)
            if last:
                lost.append(wanted.key)
            else:
                waiting.appendleft(wanted)
    return lost


def _room(client: Client) -> int:
    """As many tasks as the workers have threads: one that waits on a worker would be lost with it. At least one."""
    try:
        return max(1, sum(client.nthreads().values()))
    except (OSError, TimeoutError, RuntimeError):
        raise _scheduler_lost() from None


def _submit(client: Client, wanted: _Wanted, function: Callable[[Job], Graded]) -> Future:
    others = [worker for worker in client.nthreads() if worker not in wanted.failed_on]
    where = {"workers": others, "allow_other_workers": True} if wanted.failed_on and others else {}
    name = f"grade-{wanted.key.digest}-{uuid.uuid4()}"  # another class on this cluster may ask for the same digest
    return client.submit(function, wanted.job, key=name, pure=False, **where)


def _done(client: Client, running: dict[Future, _Wanted]) -> list[Future]:
    """Those that came to their end, perhaps none within a while. Raises ClusterError."""
    try:
        wait(list(running), timeout=LOOK, return_when="FIRST_COMPLETED")
    except TimeoutError:
        pass
    except (CancelledError, OSError):
        raise _scheduler_lost() from None
    if client.status != "running" or any(future.status in ("cancelled", "lost") for future in running):
        raise _scheduler_lost()
    return [future for future in running if future.done()]


def _settle(book: Gradebook, wanted: _Wanted, future: Future, progress) -> tuple[str, str] | None:
    """Keep the result, or return the worker's address and why there is none."""
    try:
        graded = future.result()
    except Unfit as problem:
        told = f"{problem.why}. That was worker {problem.worker}; what was graded is kept"
        raise ClusterError(told) from None
    except Failed as problem:
        return problem.worker, problem.why
    except KilledWorker as problem:
        return problem.last_worker.address, "the worker that graded it died, or could not be reached any more"
    except CancelledError:
        raise _scheduler_lost() from None
    except Exception as problem:  # of the grader or its packages: a second try may be luckier
        return "", f"{type(problem).__name__}: {problem}"
    problems = json.loads(graded.results)["extra_data"].get("grader_problems")
    if problems and len(wanted.failed_on) + 1 < TRIES:
        return graded.worker, f"the grader was not sure: {problems[0]}"
    before = book.result(wanted.key)
    book.keep(wanted.key, graded, len(wanted.failed_on) + 1)
    progress.graded(wanted.key, graded, before["score"] if before else None)
    return None


def _scheduler_lost() -> ClusterError:
    return ClusterError(
        "expected the scheduler to answer, but the connection is lost: start it again if it ended, then run the same "
        "command again; what was graded is kept"
    )
