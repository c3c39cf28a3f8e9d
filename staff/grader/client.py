"""The parent's side of the fork server: start it, call a probe in a child, stop it."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from staff.grader import descendants, frames, kernel, leftovers
from staff.grader.server import receive, send

SERVER = Path(__file__).with_name("server.py")
START_SECONDS = 120
ANSWER_BYTES = 64 * 1024 * 1024  # the most that one call may return
PLAIN = np.ndarray | int | float | str


class CallFailed(Exception):
    """The child gave no answer; the message continues "your code ..."."""

    hung = False  # whether its time was up


class ServerLost(Exception):
    """The fork server itself is gone, or out of time."""


class Client:
    """A context in which probes can be called: `call(probe, limits, **arguments)`."""

    def __init__(self, project: Path, hide: list[Path], without: tuple[str, ...] = ()) -> None:
        self.project = project
        self.uid = _free_uid() if os.getuid() == 0 else None
        self.options = {"uid": self.uid, "hide": [str(path) for path in hide], "without": list(without)}
        self.layers: dict[str, bool] = {}
        self.places: leftovers.Places | None = None  # where calls could leave something
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
        self.link, theirs = socket.socketpair()
        command = [sys.executable, "-I", str(SERVER), str(self.project), str(theirs.fileno()), json.dumps(self.options)]
        environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "MPLBACKEND": "Agg", "MPLCONFIGDIR": "/tmp",
                       "OMP_NUM_THREADS": "1", "USER": "student", "HOME": "/tmp"}  # fmt: skip
        self.said = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=self.said, start_new_session=True,
        )  # fmt: skip
        theirs.close()

    def wait(self) -> None:
        """Until the fork server is ready. Raises ServerLost."""
        try:
            told = frames.decode(self._receive(START_SECONDS))
        except ServerLost:
            self.said.seek(0)
            said = self.said.read().decode("utf-8", "replace")[-2000:]
            raise ServerLost(f"the fork server did not start: {said}") from None
        self.layers = told["layers"]
        self.places = leftovers.Places(told["places"]) if told["places"] else None

    def sweep(self) -> None:
        """What the server does after each call, once more: it may have been ended in one."""
        if self.places is not None and self.uid is not None:
            self.places.sweep(self.uid)

    def __exit__(self, *_: object) -> None:
        """Afterwards no process that came from the server is alive, and nothing that they wrote is left."""
        self.link.close()
        self.said.close()
        for pid in [*descendants.of(self.process.pid), self.process.pid]:
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass
        self.process.wait()
        if descendants.of(os.getpid()):  # orphans come to this process: none of them is anyone else's
            descendants.end_all(os.getpid())
        self.sweep()

    def call(self, probe: str, limits: dict, **arguments: object) -> dict:
        """What the probe returned, or {"error": {...}}. Raises CallFailed, ServerLost."""
        if not self.layers:
            self.wait()
        limits = {"threads": 1, "count": False, "bytes": ANSWER_BYTES, **limits}
        send(self.link, frames.encode({"probe": probe, "limits": limits, **arguments}))
        report = frames.decode(self._receive(limits["seconds"] + 20))
        answer = self._receive(20)
        self.peak = max(self.peak, report["memory"])
        self.reports.append({"probe": probe} | report)
        if report["ended"]:
            failed = CallFailed(report["ended"])
            failed.hung = report["seconds"] > limits["seconds"]
            raise failed
        try:
            contents = frames.decode(answer)
        except frames.FrameError as problem:
            raise CallFailed(f"ended without a whole answer ({problem})") from None
        if not all(isinstance(value, PLAIN) for name, value in contents.items() if name != "error"):
            raise CallFailed("ended without a whole answer (expected arrays, numbers and text, got something else)")
        return contents

    def _receive(self, seconds: float) -> bytes:
        self.link.settimeout(seconds)
        try:
            data = receive(self.link)
        except OSError:
            data = None
        if data is None:
            raise ServerLost("the process that runs student code is gone")
        return data


def _free_uid() -> int:
    """A user that owns no process and has no entry: this grading's own."""
    used = set()
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                used.add(entry.stat().st_uid)
            except OSError:
                pass
    start = 200_000 + (os.getpid() * 7919 + time.time_ns() // 1000) % 50_000
    return next(uid for uid in range(start, start + 10_000) if uid not in used)
