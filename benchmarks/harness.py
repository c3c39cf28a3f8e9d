"""Times contestants side by side: all in one process, in turn, so that all meet the same busy minutes.

How much memory each takes at most is looked at before, in a process of its own for each. All these processes are forked
from one that has imported everything and computed nothing.

The allocator is told to keep what it has, as each script does: otherwise glibc gives memory back to the system after
some calls and not after others, whichever block happens to lie last, and a call in two is a quarter slower.
"""

import gc
import multiprocessing
import statistics
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from figures.script import keep_memory

LEAST, MOST = 5, 41  # rounds
TURN = 0.1  # seconds: what is quicker is called again and again, until the caches are its own
LONG, VERY_LONG = 5.0, 30.0  # seconds for a round of all: then three rounds, or one, are enough

clock = time.perf_counter

Contestant = Callable[[], Callable[[], object]]  # builds what it needs, and returns what is timed


@dataclass(frozen=True)
class Case:
    """One line of the table. The contestant "ours" is compared with the others.

    what is timed may return a number: then these are the seconds that count (of one step of many).
    targets: at least (peers) or at most ("limit") so many times as long as ours.
    """

    work: str
    size: str
    contestants: Mapping[str, Contestant]
    targets: Mapping[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.work}, {self.size}"


def run(case: Case, threads: int, seconds: float) -> dict[str, dict]:
    """Return for each contestant the median and the quartiles in seconds, and the peak of memory in MiB.

    One that dies is left out: some want more memory than there is.
    """
    peaks = {}
    for name, contestant in case.contestants.items():
        peak = _apart(threads, _peak, contestant)
        if peak is None:
            print(f"note: {case.name}: {name} died, for want of memory probably, and is left out")
        else:
            peaks[name] = peak
    once = {name: seconds for name, (_, seconds) in peaks.items()}
    times = _apart(threads, _rounds, {name: case.contestants[name] for name in peaks}, once, seconds)
    if times is None:
        raise RuntimeError(f"{case.name}: the process died, for want of memory probably: run it alone with --only")
    return {name: _summary(times[name]) | {"MiB": peak} for name, (peak, _) in peaks.items()}


def ratio(results: Mapping[str, Mapping], contestant: str) -> float:
    """Number of times as long as ours; for the limit, how many times as long ours is."""
    other, ours = results[contestant]["median"], results["ours"]["median"]
    return ours / other if contestant == "limit" else other / ours


def _apart(threads: int, function: Callable, *arguments: object) -> Any:
    """Run the function in a process of its own: None if that died. Raises RuntimeError where it raises."""
    fork = multiprocessing.get_context("fork")
    here, there = fork.Pipe(duplex=False)
    process = fork.Process(target=_work, args=(there, threads, function, arguments), daemon=True)
    process.start()
    there.close()
    try:
        answer, problem = here.recv()
    except EOFError:
        return None
    finally:
        process.kill()
        process.join()
    if problem:
        raise RuntimeError(problem)
    return answer


def _work(connection: Connection, threads: int, function: Callable, arguments: tuple) -> None:
    warnings.simplefilter("ignore")
    keep_memory()
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    try:
        connection.send((function(*arguments), ""))
    except Exception as problem:
        connection.send((None, f"{type(problem).__name__}: {problem}"))


def _rounds(contestants: Mapping[str, Contestant], once: Mapping[str, float], seconds: float) -> dict[str, list[float]]:
    """Each one's seconds in every round; once: about how long a call of each takes."""
    functions = {name: contestant() for name, contestant in contestants.items()}
    for name, function in functions.items():
        if once[name] < LONG:
            _turn(function)  # to warm up
    least = 1 if sum(once.values()) > VERY_LONG else 3 if sum(once.values()) > LONG else LEAST
    times: dict[str, list[float]] = {name: [] for name in functions}
    until, rounds = time.perf_counter() + seconds, 0
    while rounds < least or (rounds < MOST and time.perf_counter() < until):
        for name, function in functions.items():
            times[name].append(_turn(function))
        rounds += 1
    return times


def _turn(function: Callable[[], object]) -> float:
    """The median of as many calls as a turn is long; no garbage is collected meanwhile."""
    seconds: list[float] = []
    until = time.perf_counter() + TURN
    gc.disable()
    while not seconds or time.perf_counter() < until:
        start = clock()
        result = function()
        measured = clock() - start
        seconds.append(result if isinstance(result, float) else measured)
    gc.enable()
    return statistics.median(seconds)


def _peak(contestant: Contestant) -> tuple[float, float]:
    """By how many MiB the process grows at most during a call, -1 where the system does not say; seconds it takes."""
    function = contestant()
    gc.collect()
    try:
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        before = _status("VmRSS")
    except OSError:
        before = None
    start = time.perf_counter()
    function()
    seconds = time.perf_counter() - start
    return _status("VmHWM") - before if before is not None else -1.0, seconds


def _status(key: str) -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(key))
    return int(line.split()[1]) / 1024


def _summary(times: list[float]) -> dict:
    low, median, high = statistics.quantiles(times, n=4) if len(times) > 1 else times * 3
    return {"median": median, "quartiles": [low, high], "rounds": len(times)}
