"""One call in one fork of the server: begun, watched until it ends or must be ended, and cleared away."""

import os
import select
import signal
import tempfile
import time
from multiprocessing.connection import Connection

from autograder import child, descendants, isolation, sweeping
from autograder.isolation import Isolation

TEXT_KEPT = 16 * 1024  # bytes of what a call printed
POLL = 0.02  # seconds between two looks at memory


def run(request: dict, limits: dict, here: Isolation, shared: int, link: Connection) -> tuple[dict, bytes]:
    """Returns a report and the bytes that came back: b"" unless the child ended well.

    shared: bytes of memory that the fork has in common with the server. link: to the parent, who may give up waiting.
    """
    call = _Call(request, limits, here)
    ended = call.watch(shared, link)
    report = call.clear_away() | {"ended": ended or _says(call.code)}
    return report, b"" if report["ended"] else bytes(call.result.data)


class _Call:
    def __init__(self, request: dict, limits: dict, here: Isolation) -> None:
        self.limits, self.peak = limits, 0
        self.code: int | None = None
        own_folders = here.layers["folders of each call's own"]
        self.scratch = "/tmp/scratch" if own_folders else tempfile.mkdtemp(prefix="scratch-")
        self.made_here = not own_folders
        isolation.repeat_process_numbers(here)
        pipes = os.pipe(), os.pipe(), os.pipe()
        self.started = time.monotonic()
        self.pid = os.fork()
        if self.pid == 0:
            child.main(request, here, self.scratch, tuple(write for _, write in pipes), limits)
        for _, write in pipes:
            os.close(write)
        kept = limits["bytes"], TEXT_KEPT, TEXT_KEPT
        self.pipes = [_Pipe(read, limit) for (read, _), limit in zip(pipes, kept)]
        self.result, self.text, self.stack = self.pipes

    def watch(self, shared: int, link: Connection) -> str:
        """Until the child ends by itself (then `code` holds how), or why it must be ended."""
        looked, limits = 0.0, self.limits
        while True:
            _read(self.pipes, POLL)
            if not all(pipe.open for pipe in self.pipes):
                time.sleep(0.001)  # closed at the end, or by the student's code
            waited, status = os.waitpid(self.pid, os.WNOHANG)
            now = time.monotonic()
            if now - looked > POLL:
                looked = now
                self.peak = max(self.peak, descendants.memory(descendants.of(os.getpid()), shared))
            if waited:
                self.code = os.waitstatus_to_exitcode(status)
            if now - self.started > limits["seconds"]:
                return f"was ended after {limits['seconds']:.0f} seconds"
            if self.peak > limits["memory"]:
                return f"was ended when it held more than {limits['memory'] >> 20} MB of memory"
            if self.result.count > limits["bytes"]:
                return "was ended when it returned too much"
            if link.poll():
                return "was ended with the grading"  # the parent is gone, or asks for the end
            if self.code is not None:
                return ""

    def clear_away(self) -> dict:
        """End all processes that came from the call, take what they still said, and report."""
        left = len(descendants.of(os.getpid())) if self.code is not None else 0
        clean = descendants.end_all(os.getpid())
        for pipe in self.pipes:
            _read([pipe], 0)
            os.close(pipe.handle)
        if self.made_here:
            sweeping.delete(self.scratch)
        return {
            "seconds": time.monotonic() - self.started,
            "memory": self.peak,
            "printed": self.text.count,
            "text": self.text.data[:TEXT_KEPT].decode("utf-8", "replace"),
            "stack": self.stack.data[:TEXT_KEPT].decode("utf-8", "replace"),
            "left_running": left,
            "clean": clean,
        }


class _Pipe:
    """Bytes that came through a pipe: its first `limit` bytes or a little more, and how many came in all."""

    def __init__(self, handle: int, limit: int) -> None:
        self.handle, self.limit, self.data, self.count, self.open = handle, limit, bytearray(), 0, True


def _read(pipes: list[_Pipe], patience: float) -> None:
    """Take what is there, without waiting for the end: a daemon may hold the other side."""
    until = time.monotonic() + POLL
    while (time.monotonic() < until or not patience) and any(pipe.open for pipe in pipes):
        ready = select.select([pipe.handle for pipe in pipes if pipe.open], [], [], patience)[0]
        for pipe in pipes:
            if pipe.handle in ready:
                data = os.read(pipe.handle, 1 << 20)
                pipe.open = bool(data)
                pipe.count += len(data)
                if len(pipe.data) <= pipe.limit:
                    pipe.data += data
        if any(not pipe.open for pipe in pipes) or not ready:
            break


def _says(code: int | None) -> str:
    """Say what an exit status means; "" for one that ended well."""
    if not code:
        return ""
    if code > 0:
        return f"ended the process itself (exit code {code}) instead of returning"
    return f"was ended by signal {signal.Signals(-code).name}" if -code in set(signal.Signals) else "crashed"
