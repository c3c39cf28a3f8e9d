"""Times contestants side by side: each in a process of its own, in turn, so that all meet the same busy minutes.

The processes are forked from one that has imported everything and computed nothing, and live as long as their case:
each has its own memory allocator, threads and network, as if it ran alone, and its own peak of memory.

The allocator is told to keep what it has, as `make figures` does: otherwise glibc gives memory back to the system after
some calls and not after others, whichever block happens to lie last, and a call in two is a quarter slower.
"""

import ctypes
import gc
import multiprocessing
import statistics
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

import torch
from torch.utils.benchmark import Timer

LEAST, MOST = 5, 25  # rounds
TURN = 0.1  # seconds: what is quicker is called again and again, since a processor that slept is slow at first
LONG, VERY_LONG = 5.0, 30.0  # seconds for a round of all: then three rounds, or one, are enough
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # as in malloc.h

busy = False  # whether `clock` counts what the processor spends on us, with one thread

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
    axis: str = ""  # of the plot of growth that the case belongs to: "images", "pixels" or "classes"
    at: int = 0  # its place on that axis

    @property
    def name(self) -> str:
        return f"{self.work}, {self.size}"


def clock() -> float:
    """Seconds: on a busy machine those of the processor, else those of the wall."""
    return time.process_time() if busy else time.perf_counter()


def run(case: Case, threads: int, seconds: float) -> dict[str, dict]:
    """For each contestant the median and the quartiles in seconds, and the peak of memory in MiB."""
    fork = multiprocessing.get_context("fork")
    workers: dict[str, tuple[Connection, multiprocessing.Process]] = {}
    try:
        for name, contestant in case.contestants.items():
            here, there = fork.Pipe()
            process = fork.Process(target=_serve, args=(contestant, there, threads), daemon=True)
            process.start()
            there.close()
            workers[name] = here, process
        connections = {name: connection for name, (connection, _) in workers.items()}
        # The first call warms up, and shows how much memory and time is taken.
        start = time.perf_counter()
        memory = _ask_all(connections, "memory", case)
        once = time.perf_counter() - start
        least = 1 if once > VERY_LONG else 3 if once > LONG else LEAST
        times: list[dict[str, float]] = []
        until = time.perf_counter() + seconds
        while len(times) < least or (len(times) < MOST and time.perf_counter() < until):
            times.append(_ask_all(connections, "time", case))
        return {name: _summary([time[name] for time in times]) | {"MiB": memory[name]} for name in connections}
    finally:
        for _, process in workers.values():
            process.kill()  # it would wait for ever: its siblings hold the other end of its pipe, too
            process.join()


def ratio(results: Mapping[str, Mapping], contestant: str) -> float:
    """How many times as long as ours; for the limit, how many times as long ours is."""
    other, ours = results[contestant]["median"], results["ours"]["median"]
    return ours / other if contestant == "limit" else other / ours


def _ask_all(connections: dict[str, Connection], what: str, case: Case) -> dict[str, float]:
    """Each one's answer in turn. One that dies is left out from then on: some want more memory than there is."""
    answers = {}
    for name, connection in list(connections.items()):
        try:
            answers[name] = _ask(connection, what)
        except (EOFError, OSError):
            print(f"note: {case.name}: {name} died, for want of memory probably, and is left out")
            del connections[name]
    return answers


def _ask(connection: Connection, what: str) -> float:
    connection.send(what)
    answer = connection.recv()
    if isinstance(answer, str):
        raise RuntimeError(answer)
    return answer


def _serve(contestant: Contestant, connection: Connection, threads: int) -> None:
    warnings.simplefilter("ignore")
    _keep_memory()
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    try:
        function = contestant()
        timer = Timer(
            "results.append(function())",
            timer=clock,
            globals={"function": function, "results": []},
            num_threads=threads,
        )
        while True:
            what = connection.recv()
            connection.send(_peak(function) if what == "memory" else _turn(timer))
    except Exception as problem:
        connection.send(f"{type(problem).__name__}: {problem}")


def _turn(timer: Timer) -> float:
    """The median of as many calls as a turn is long."""
    results, seconds = timer._globals["results"], []
    until = time.perf_counter() + TURN
    while not seconds or time.perf_counter() < until:
        results.clear()
        measured = timer.timeit(1).median
        seconds.append(results[-1] if isinstance(results[-1], float) else measured)
    return statistics.median(seconds)


def _keep_memory() -> None:
    """What the Makefile's MALLOC_TRIM_THRESHOLD_ and MALLOC_MMAP_THRESHOLD_ do, where there is glibc."""
    if hasattr(library := ctypes.CDLL(None), "mallopt"):
        library.mallopt(M_TRIM_THRESHOLD, 2**30)
        library.mallopt(M_MMAP_THRESHOLD, 2**25)


def _peak(function: Callable[[], object]) -> float:
    """By how many MiB the process grows at most during a call; -1 where the system does not say."""
    try:
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)  # what is kept free would hide what is taken
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        before = _status("VmRSS")
        function()
        return _status("VmHWM") - before
    except (OSError, AttributeError):
        return -1.0


def _status(key: str) -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(key))
    return int(line.split()[1]) / 1024


def _summary(times: list[float]) -> dict:
    low, median, high = statistics.quantiles(times, n=4) if len(times) > 1 else times * 3
    return {"median": median, "quartiles": [low, high], "rounds": len(times)}
