"""The loop of a run: a task for each result that is missing, a second try elsewhere, each result committed at once."""

import json
import pickle
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass, field

import cloudpickle
from distributed import Client, Future, KilledWorker, wait

from gradebook.cluster import ClusterError
from gradebook.store import Gradebook, Graded, Key
from gradebook.task import Failed, Job, Refused, Unfit, work

TRIES = 2  # of a grading; the pages and docs/autograder.md say two
RUNS = 2  # that may die while a submission is graded
LOOK = 2  # seconds between two looks at which workers there are
PATIENCE = 60  # seconds without a worker that can grade, where others refused: one may be starting again
FETCH = 60  # seconds for a result to come from a worker that says it has one
TOOK_DOWN = "two runs died while it was graded: look at its code, then grade it with --again"
DIED = "the worker that graded it died, or could not be reached any more"


@dataclass
class _Wanted:
    key: Key
    job: Job
    failed_on: list[str] = field(default_factory=list)  # workers
    alone: bool = False  # an earlier run died while it was graded


@dataclass
class _Call:
    """Unpickled, it is what function(job) returns: the scheduler passes bytes on, and needs no module of ours."""

    function: Callable[[Job], Graded]
    job: Job

    def __reduce__(self) -> tuple:
        return self.function, (self.job,)


def grade_all(
    client: Client, book: Gradebook, jobs: dict[Key, Job], progress, function: Callable[[Job], Graded] = work
) -> list[Key]:
    """Grade what `jobs` asks for, and return those that failed twice.

    Each task is for one worker that has nothing else to do, so that no scheduler, however it was started, moves it. A
    worker that refuses gets no more. What was being graded when an earlier run died comes first, and alone; what two
    runs died with is set aside. progress: has `note_graded`, `note_failed` and `note_refused`, see progress.py.
    function: what a worker does. Raises ClusterError when the scheduler is lost, all workers refuse or one cannot
    grade, GradebookError when nothing can be written.
    """
    waiting = deque(_Wanted(key, job) for key, job in jobs.items())
    running: dict[Future, tuple[_Wanted, str]] = {}  # with the worker
    refused: dict[str, str] = {}  # why, by worker
    lost, able = _set_aside(waiting, book, progress), time.monotonic()
    while waiting or running:
        workers = _workers(client)
        usable = {worker: threads for worker, threads in workers.items() if worker not in refused}
        if usable or not refused:
            able = time.monotonic()
        elif time.monotonic() - able > PATIENCE:
            why = list(refused.values())[-1]
            raise ClusterError(f"expected workers that can grade, got {len(workers)} that refuse: {why}")
        for wanted, worker in _place(waiting, [*running.values()], usable):
            book.start(wanted.key)
            running[_submit(client, wanted, worker, function)] = wanted, worker
        for future in _collect(client, running, workers):
            wanted, worker = running.pop(future)
            book.settle(wanted.key)
            try:
                why = _settle(book, wanted, future, progress)
            except Refused as problem:
                waiting.appendleft(wanted)
                if worker not in refused:
                    progress.note_refused(worker, str(problem))
                refused[worker] = str(problem)
                continue
            if not why:
                continue
            book.fail(wanted.key, worker, why)
            wanted.failed_on.append(worker)
            last = len(wanted.failed_on) == TRIES
            progress.note_failed(wanted.key, worker, why, last)
            if last:
                lost.append(wanted.key)
            else:
                waiting.appendleft(wanted)
    return lost


def _workers(client: Client) -> dict[str, int]:
    """Number of threads of each."""
    try:
        return client.nthreads()
    except (OSError, TimeoutError, RuntimeError):
        raise _scheduler_lost() from None


def _set_aside(waiting: deque[_Wanted], book: Gradebook, progress) -> list[Key]:
    """Put what a run died with in front, and return the keys of what two died with: it is not graded."""
    died, lost, rest = book.find_interrupted(), [], []
    for wanted in sorted(waiting, key=lambda wanted: wanted.key.digest not in died):
        wanted.alone = wanted.key.digest in died
        if died.get(wanted.key.digest, 0) < RUNS:
            rest.append(wanted)
            continue
        book.fail(wanted.key, "", TOOK_DOWN)
        progress.note_failed(wanted.key, "", TOOK_DOWN, True)
        lost.append(wanted.key)
    waiting.clear()
    waiting.extend(rest)
    return lost


def _place(
    waiting: deque[_Wanted], running: list[tuple[_Wanted, str]], usable: dict[str, int]
) -> Iterator[tuple[_Wanted, str]]:
    """Yield one that waits for each free thread; a second try goes elsewhere where there is an elsewhere."""
    if waiting and (waiting[0].alone or any(wanted.alone for wanted, _ in running)):
        if not running and usable:
            yield waiting.popleft(), min(usable)
        return
    busy = Counter(worker for _, worker in running)
    for worker in (Counter(usable) - busy).elements():
        for wanted in waiting:
            if worker not in wanted.failed_on or usable.keys() <= set(wanted.failed_on):
                waiting.remove(wanted)
                yield wanted, worker
                break


def _submit(client: Client, wanted: _Wanted, worker: str, function: Callable[[Job], Graded]) -> Future:
    name = f"grade-{wanted.key.digest}-{uuid.uuid4()}"  # another class on this cluster may ask for the same digest
    call = cloudpickle.dumps(_Call(function, wanted.job))
    return client.submit(pickle.loads, call, key=name, pure=False, workers=[worker])


def _collect(client: Client, running: dict[Future, tuple[_Wanted, str]], workers: dict[str, int]) -> list[Future]:
    """Return those that came to their end, or whose worker is gone; perhaps none in a while. Raises ClusterError."""
    try:
        if running:
            wait(list(running), timeout=LOOK, return_when="FIRST_COMPLETED")
        else:
            time.sleep(LOOK)  # there is no worker yet
    except TimeoutError:
        pass
    except (CancelledError, OSError):
        raise _scheduler_lost() from None
    if client.status != "running" or any(future.status in ("cancelled", "lost") for future in running):
        raise _scheduler_lost()
    return [future for future, (_, worker) in running.items() if future.done() or worker not in workers]


def _settle(book: Gradebook, wanted: _Wanted, future: Future, progress) -> str:
    """Keep the result, or return why there is none. Raises Refused."""
    if not future.done():
        future.cancel()
        return DIED
    try:
        graded = future.result(timeout=FETCH)
    except Refused:
        raise
    except Unfit as problem:
        raise ClusterError(f"{problem}; what was graded is kept") from None
    except ImportError as problem:
        raise Refused(f"{problem}: start it in the folder of a checkout, with its environment") from None
    except Failed as problem:
        return str(problem)
    except (KilledWorker, TimeoutError):
        return DIED
    except CancelledError:
        raise _scheduler_lost() from None
    except Exception as problem:  # of the grader or its packages: a second try may be luckier
        return f"{type(problem).__name__}: {problem}"
    problems = json.loads(graded.results)["extra_data"].get("grader_problems")
    if problems and len(wanted.failed_on) + 1 < TRIES:
        return f"the grader was not sure: {problems[0]}"
    before = book.result(wanted.key)
    book.keep(wanted.key, graded, len(wanted.failed_on) + 1)
    progress.note_graded(wanted.key, graded, before["score"] if before else None)
    return ""


def _scheduler_lost() -> ClusterError:
    return ClusterError(
        "expected the scheduler to answer, but the connection is lost: start it again if it ended, then run the same "
        "command again; what was graded is kept"
    )
