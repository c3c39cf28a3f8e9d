"""Judges programs by the graded tests of their function, each in a fork of this process, where all is loaded.

They are our own code: a limit on time and memory is all that they need, and a call of theirs is a plain call.
"""

import contextlib
import importlib
import linecache
import os
import pickle
import re
import resource
import select
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe
from types import FrameType

import numpy as np
import pytest
import torch
from tqdm import tqdm

from autograder import child, descendants, grade
from autograder.assignment import ROOT, read
from autograder.client import LINE, CallFailed
from autograder.plugin import GradingPlugin
from autograder.probing import Prober
from autograder.results import Results, Test
from staff.mutants.judging import message
from staff.proofs.generated import oracle
from staff.proofs.generated.functions import FUNCTIONS
from staff.proofs.generated.making import Program
from staff.references import remembering
from tests import probes

CALL_SECONDS = 10  # of processor time, for one call of a program; a tenth of that when one has hung
SECONDS = 400  # for all tests of one program, on a machine that may be busy
MEMORY = 3 << 30  # bytes that a program may add
REMEMBERED = 300 << 20  # bytes of expected values that programs of one function hand on to later ones
MISTAKE = "It looks like this mistake: "
ERROR = re.compile(r"([A-Z]\w*Error|Ended): ")  # of what was raised, or was ended
PLACE = re.compile(r", line \d+: |expected .+, got .+: ")  # the student's line, or the advice of a probe


def is_named(said: str) -> bool:
    """Tell whether a message recognises a mistake, or tells the error that was raised, with its line or advice."""
    return MISTAKE in said or bool(ERROR.match(said) and PLACE.search(said))


class UntilNamed(GradingPlugin):
    """Ends the tests with the first that names a mistake: a program loses points, and is told why."""

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        self.session = session

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        test = self.results.tests[nodeid]
        if test.score < test.max_score and is_named(message(test.output)):
            self.session.shouldfail = "a mistake is named"


@dataclass
class ProgramVerdict:
    program: Program
    error: float = np.inf  # relative, to the float64 oracle
    raised: str = ""
    had: float = 0.0
    most: float = 0.0
    said: list[tuple[str, str]] = field(default_factory=list)  # of each test that failed: its name and its message
    problem: str = ""  # why there is no verdict

    @property
    def is_right(self) -> bool:
        return self.error <= FUNCTIONS[self.program.function].near

    @property
    def is_wrong(self) -> bool:
        """Neither right nor wrong is what differs so little that a tolerance lets it pass, or nearly."""
        return self.error >= FUNCTIONS[self.program.function].far

    @property
    def judged_wrongly(self) -> bool:
        lost = self.had < self.most
        return bool(self.problem) or (self.is_right and lost) or (self.is_wrong and not lost)

    @property
    def named(self) -> bool:
        return any(is_named(text) for _, text in self.said)


class Here:
    """A Client that calls probes in this process: only as much of it as `Prober` needs."""

    def __init__(self) -> None:
        self.reports: list[dict] = []

    def call(self, probe: str, limits: dict, **arguments: object) -> dict:
        """Raises CallFailed when the time is up."""
        started = time.monotonic()
        signal.signal(signal.SIGPROF, _out_of_time)
        signal.setitimer(signal.ITIMER_PROF, limits["seconds"])
        try:
            return probes.call(probe, **arguments)
        except _OutOfTime as ended:
            failed = CallFailed(f"was ended after {limits['seconds']:.0f} seconds")
            failed.hung, failed.line = True, "".join(child.describe(ended)["trace"].splitlines()[-1:])[:LINE]
            raise failed from None
        except Exception as problem:
            return {"error": child.describe(problem)}
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            self.reports.append({"seconds": time.monotonic() - started, "printed": 0})

    def __exit__(self, *_: object) -> None:
        """Nothing is left of calls in this process."""


class _OutOfTime(BaseException):
    """Not an Exception: a program must not catch it."""


def _out_of_time(number: int, frame: FrameType | None) -> None:
    raise _OutOfTime


class Judge:
    """Judges the programs of one function, `processes` of them at once. seed: of all that is drawn."""

    def __init__(self, function: str, seed: int, processes: int = 2) -> None:
        self.function, self.seed, self.processes = FUNCTIONS[function], seed, processes
        torch.set_num_threads(1)  # threads do not survive a fork: none may have started,
        tqdm.monitor_interval = 0  # and none of a progress bar
        remembering.remember()
        self.checks = oracle.draw_checks(function, seed)
        tests = self._grade()  # the solution's: what they load and work out is there for the forks
        lost = [f"{test.name}\n{test.output}" for test in tests if test.score < test.max_score]
        error, raised = oracle.find_error(self.checks)
        if lost or not tests or error > self.function.near:
            raise ValueError(f"expected the solution to be right, got {error:.1e}, {raised or lost}: mend it first")

    def judge(self, programs: Iterable[Program]) -> Iterator[ProgramVerdict]:
        """Yield verdicts as they come."""
        waiting, running = iter(programs), dict[Connection, tuple[Program, int, float]]()
        room = REMEMBERED
        while True:
            while len(running) < self.processes and (program := next(waiting, None)) is not None:
                link, pid = self._fork(program)
                running[link] = program, pid, time.monotonic()
            if not running:
                return
            ready, _, _ = select.select(list(running), [], [], 1.0)
            late = [link for link, (_, _, started) in running.items() if time.monotonic() - started > 2 * SECONDS]
            for link in {*ready, *late}:
                program, pid, _ = running.pop(link)
                verdict, learnt = _receive(link) if link in ready else (None, b"")
                _end(pid)
                if 0 < len(learnt) < room:
                    room -= len(learnt)
                    remembering.KNOWN.update(pickle.loads(learnt))
                yield verdict or ProgramVerdict(program, problem="it gave no answer, or not in time")

    def _fork(self, program: Program) -> tuple[Connection, int]:
        link, theirs = Pipe(duplex=False)
        sys.stdout.flush()
        pid = os.fork()
        if pid:
            theirs.close()
            return link, pid
        try:
            os.setsid()
            tqdm.set_lock(threading.RLock())  # its own is shared by processes: who is ended with it would stop all
            size = descendants.memory([os.getpid()], 0) + MEMORY
            resource.setrlimit(resource.RLIMIT_DATA, (size, size))
            known = set(remembering.KNOWN)
            verdict = self._verdict(program)
            learnt = {key: value for key, value in remembering.KNOWN.items() if key not in known}
            theirs.send((verdict, pickle.dumps(learnt) if learnt else b""))
            os._exit(0)
        except BaseException:
            theirs.send((ProgramVerdict(program, problem=traceback.format_exc()), b""))
            os._exit(1)

    def _verdict(self, program: Program) -> ProgramVerdict:
        verdict = ProgramVerdict(program)
        with warnings.catch_warnings(), open(os.devnull, "w") as nowhere:
            warnings.simplefilter("ignore")
            sys.stdout = sys.stderr = nowhere  # warnings and progress bars
            take_on(program)
            signal.signal(signal.SIGPROF, _out_of_time)
            signal.setitimer(signal.ITIMER_PROF, 2 * CALL_SECONDS)
            try:
                verdict.error, verdict.raised = oracle.find_error(self.checks)
            except _OutOfTime:
                verdict.raised = "it did not come to its end"
            signal.setitimer(signal.ITIMER_PROF, 0)
            tests = self._grade()
        verdict.had, verdict.most = (sum(getattr(t, kind) for t in tests) for kind in ("score", "max_score"))
        verdict.said = [(t.name, message(t.output)) for t in tests if t.score < t.max_score]
        return verdict

    def _grade(self) -> list[Test]:
        """Run the function's tests on what is loaded."""
        results = Results()
        prober = Prober(Here, {**read().limits, "seconds": CALL_SECONDS}, time.monotonic() + SECONDS)
        plugin = UntilNamed(prober, results, read(), self.seed)
        own = ["-k", self.function.own] if self.function.own else []
        grade.run_tests(plugin, self.function.part, *own)
        if prober.problems:
            raise RuntimeError("\n".join(prober.problems))
        own_tests = [test for test in results.tests.values() if test.part == self.function.part]
        return [test for test in own_tests if test.output != Test.output]  # what -k leaves out stands there, too


def take_on(program: Program) -> None:
    """Make the program's module the student's in this process."""
    function = FUNCTIONS[program.function]
    source, path = function.source(program.block), str(ROOT / function.file)
    module = importlib.import_module(function.module)
    linecache.cache[path] = len(source), None, source.splitlines(keepends=True), path  # for the lines of its errors
    exec(compile(source, path, "exec"), module.__dict__)


def _receive(link: Connection) -> tuple[ProgramVerdict | None, bytes]:
    with contextlib.suppress(EOFError, OSError):
        return link.recv()
    return None, b""


def _end(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)
