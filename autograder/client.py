"""The parent's side of the fork server: start it, call a probe in a child, stop it."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import IO, Protocol

import numpy as np

from autograder import descendants, frames, kernel, sweeping
from autograder.assignment import ROOT, Assignment, read

START = "import sys; sys.path.insert(0, {!r}); from autograder import forking; forking.main()"
START_SECONDS = 120
ANSWER_BYTES = 64 * 1024 * 1024  # the most that one call may return
LINE = 120  # characters of a line of code that are shown
PLAIN = np.ndarray | int | float | str
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "MPLBACKEND": "Agg", "MPLCONFIGDIR": "/tmp",
               "OMP_NUM_THREADS": "1", "USER": "student", "HOME": "/tmp"}  # fmt: skip


class Process(Protocol):
    """Part of subprocess.Popen that is needed of a fork server's process."""

    pid: int

    def wait(self) -> object: ...


Launch = Callable[[Path, Connection, IO[bytes], dict], Process]


class CallFailed(Exception):
    """The child gave no answer; the message continues "your code ..."."""

    hung = False  # whether its time was up
    line = ""  # of the student's code, that ran then: "file, line n: code"


class ServerLost(Exception):
    """The fork server itself is gone, or out of time."""


class Client:
    """A context in which probes can be called: `call(probe, limits, **arguments)`.

    launch: makes the fork server's process of (project, link, said, options); `said` is the file for what it prints.
    assignment: by default that of this checkout.
    """

    def __init__(
        self,
        project: Path,
        hide: list[Path],
        without: tuple[str, ...] = (),
        launch: Launch | None = None,
        assignment: Assignment | None = None,
    ) -> None:
        self.project, self.assignment = project, assignment or read()
        self.launch = launch or in_a_new_process
        self.uid = _free_uid() if os.getuid() == 0 else None
        self.options = {
            "uid": self.uid, "hide": [str(path) for path in hide], "without": list(without),
            "root": str(self.assignment.root),
        }  # fmt: skip
        self.layers: dict[str, bool] = {}
        self.places: sweeping.Places | None = None  # where calls could leave something
        self.open_to_all: list[str] = []  # of them, those that only staff can close
        self.peak = 0
        self.reports: list[dict] = []

    def __enter__(self) -> "Client":
        self.start()
        try:
            self.wait()
        except ServerLost:
            self.__exit__()
            raise
        return self

    def start(self) -> None:
        """Start the fork server; it gets ready while the parent does other things."""
        kernel.hide_memory()
        kernel.collect_orphans()
        self.others = descendants.children(os.getpid())
        self.link, theirs = Pipe()
        self.said = tempfile.TemporaryFile()
        self.process = self.launch(self.project, theirs, self.said, self.options)
        theirs.close()

    def wait(self) -> None:
        """Until the fork server is ready, if it is not yet. Raises ServerLost."""
        if self.layers:
            return
        try:
            told = frames.decode(self._receive(START_SECONDS))
        except ServerLost:
            self.said.seek(0)
            said = self.said.read().decode("utf-8", "replace")[-2000:]
            raise ServerLost(f"the fork server did not start: {said}") from None
        self.layers, self.open_to_all = told["layers"], told["open_to_all"]
        self.places = sweeping.Places(told["places"]) if told["places"] else None

    def sweep(self) -> None:
        """Do what the server does after each call, once more: it may have been ended in one."""
        if self.places is not None and self.uid is not None:
            self.places.sweep(self.uid)

    def __exit__(self, *_: object) -> None:
        """Afterwards no process that came from the server is alive, and nothing that they wrote is left."""
        self.link.close()
        self.said.close()
        for pid in [*descendants.of(self.process.pid), self.process.pid]:
            with suppress(ProcessLookupError):
                os.kill(pid, 9)
        self.process.wait()
        descendants.end_all(os.getpid(), spare=self.others)  # the server's orphans came to this process
        self.sweep()

    def call(self, probe: str, limits: dict, **arguments: object) -> dict:
        """Return what the probe returned, or {"error": {...}}. Raises CallFailed, ServerLost."""
        self.wait()
        limits = {"count": False, "bytes": ANSWER_BYTES, **limits}
        self.link.send_bytes(frames.encode({"probe": probe, "limits": limits, **arguments}))
        report = frames.decode(self._receive(limits["seconds"] + 20))
        answer = self._receive(20)
        self.peak = max(self.peak, report["memory"])
        self.reports.append({"probe": probe} | report)
        if report["ended"]:
            failed = CallFailed(report["ended"])
            failed.hung = report["seconds"] > limits["seconds"]
            failed.line = self._students_line(report["stack"]) if failed.hung else ""
            raise failed
        try:
            contents = frames.decode(answer)
        except frames.FrameError as problem:
            raise CallFailed(f"ended without a whole answer ({problem})") from None
        if not all(isinstance(value, dict if name == "error" else PLAIN) for name, value in contents.items()):
            raise CallFailed("ended without a whole answer (expected arrays, numbers and text, got something else)")
        return contents

    def _students_line(self, stack: str) -> str:
        """stack: what faulthandler wrote, the innermost line first; or whatever the child did."""
        for path, number in re.findall(r'^  File "(.+)", line (\d{1,6}) in ', stack, re.MULTILINE):
            name = path.removeprefix(f"{self.project}/")
            if name in self.assignment.files:
                lines = (self.project / name).read_text(errors="replace").splitlines()
                code = lines[int(number) - 1].strip() if 0 < int(number) <= len(lines) else ""
                return f"{name}, line {number}: {code[:LINE]}"
        return ""

    def _receive(self, seconds: float) -> bytes:
        with suppress(EOFError, OSError):
            if self.link.poll(seconds):
                return self.link.recv_bytes()
        raise ServerLost("the process that runs student code is gone")


def in_a_new_process(project: Path, link: Connection, said: IO[bytes], options: dict) -> subprocess.Popen:
    """A fork server that begins with Python itself: torch is imported once more."""
    return subprocess.Popen(
        command("server", link.fileno(), project, json.dumps(options)), pass_fds=[link.fileno()], env=ENVIRONMENT,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said, start_new_session=True,
    )  # fmt: skip


def command(kind: str, *arguments: object, alone: bool = True, root: Path = ROOT) -> list[str]:
    """Return what starts a process of forking.py, of the checkout `root`. alone: without Python's own settings."""
    return [sys.executable, *(["-I"] if alone else []), "-c", START.format(str(root)), kind, *map(str, arguments)]


def _free_uid() -> int:
    """A user that owns no process and has no entry: this grading's own."""
    used = set()
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with suppress(OSError):
                used.add(entry.stat().st_uid)
    start = 200_000 + (os.getpid() * 7919 + time.time_ns() // 1000) % 50_000
    return next(uid for uid in range(start, start + 10_000) if uid not in used)
