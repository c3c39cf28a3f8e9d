"""A process of its own that runs a student's code: it can be paused, stopped and ended, and the page goes on.

The server asks `Worker.ask("saliency", ...)` and gets answers one by one. The process is forked from one that has
PyTorch loaded already, so a new one is there at once, and reads the student's files as they are now.
"""

import importlib
import multiprocessing
import os
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# What every worker needs, and no student writes.
WARM = ["torch", "torchvision.transforms.v2", "captum.attr", "numpy", "PIL.Image", "image_utils", "pretrained"]
# What students write: a worker that has read an older version of it is replaced.
STUDENTS = ("visualizers/*.py", "style_modules/*.py", "style_utils.py", "saliency_map.py", "gradcam.py")
LIMIT = 30.0  # seconds from one answer to the next
START = 90.0  # seconds that a new process may take until it begins with its first question
PATIENCE = 3.0  # seconds that a function has to stop when it is told to
GRACE = 1.0  # the same, where somebody waits for it
MEANWHILE = "something else was asked for meanwhile"


class Problem(Exception):
    """What went wrong in a student's code, or what cannot be done, in a sentence for the page."""


class OutOfTime(Problem):
    """A function that gave no answer within the time limit."""


class Cancelled(Problem):
    """What was asked is no longer wanted, and its process was ended."""


class Stopped(BaseException):
    """Raised within a student's function, by the call of `on_step`, to leave it. No `except Exception` holds it up."""


class Worker:
    """One process, for one open page. Questions are answered one after the other."""

    def __init__(self, device: str, limit: float = LIMIT, code: Path = ROOT) -> None:
        """limit: seconds from one answer to the next. code: the folder with the student's files."""
        self.device, self.limit, self.code = device, limit, code
        self._asking = threading.Lock()
        self._process: Any = None
        self._read_at, self._paused, self._number, self._cancelled = 0.0, False, 0, False
        self._began = False
        self.busy_with = ""  # the question that is being answered

    def ask(self, question: str, **arguments: Any) -> Iterator[Any]:
        """Yield the answers. `question`: "module:function" of this room, which yields them in the other process.

        Raises Problem, in one sentence, also when nothing comes for `limit` seconds: then the process is ended.
        Leaving the loop early stops the function.
        """
        with self._asking:
            if not self._is_fresh():
                self._start()
            finished = False
            self._number, self._paused, self._began, self.busy_with = self._number + 1, False, False, question
            try:
                self._send((self._number, question, arguments))
                while True:
                    kind, value = self._receive(question)
                    if kind == "began":
                        self._began = True
                        continue
                    if kind == "answer":
                        yield value
                        continue
                    finished = True
                    if kind == "problem":
                        raise Problem(value)
                    return
            finally:
                self.busy_with = ""
                if not finished:
                    self._leave()

    def one(self, question: str, **arguments: Any) -> Any:
        """The only answer to a question. Raises Cancelled where it was given up."""
        answers = list(self.ask(question, **arguments))
        if not answers:
            raise Cancelled(MEANWHILE)
        return answers[0]

    def tell(self, order: str) -> None:
        """Let the running function "pause", "go" on, or "stop"."""
        if self._process is not None:
            self._paused = order == "pause"
            try:
                self._orders.send((self._number, order))
            except OSError:
                pass  # it ended meanwhile

    def give_up(self) -> None:
        """Nobody wants the running answer any more: its function stops at its next step, or its process is ended."""
        number = self._number
        self.tell("stop")

        def end() -> None:
            if self.busy_with and self._number == number:
                self.end()

        timer = threading.Timer(GRACE, end)
        timer.daemon = True
        timer.start()

    def end(self) -> None:
        """End the process, whatever it does: who waits for its answer gets Cancelled. The next question starts one."""
        if (process := self._process) is not None:
            self._cancelled = True
            process.kill()

    def alive(self) -> bool:
        return self._process is not None and self._process.is_alive()

    def stale(self) -> bool:
        """Whether a student's file has been written since the process read it."""
        return self.alive() and written_at(self.code) > self._read_at

    def _is_fresh(self) -> bool:
        return self.alive() and not self.stale()

    def _start(self) -> None:
        self._clear()
        context = _context()
        self._pipe, pipe = context.Pipe()
        orders, self._orders = context.Pipe(duplex=False)
        self._read_at, self._paused, self._cancelled = written_at(self.code), False, False
        process = context.Process(target=_serve, args=(pipe, orders, self.device, self.code), daemon=True)
        process.start()
        self._process = process
        pipe.close()
        orders.close()

    def _clear(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._pipe.close()
            self._orders.close()
            self._process = None

    def _send(self, message: Any) -> None:
        try:
            self._pipe.send(message)
        except OSError:
            raise self._ended() from None

    def _receive(self, question: str) -> tuple[str, Any]:
        waited, limit = 0.0, self.limit if self._began else max(self.limit, START)
        try:
            while not self._pipe.poll(0.25):
                waited = 0.0 if self._paused else waited + 0.25
                if waited >= limit:
                    self._clear()
                    raise OutOfTime(
                        f"expected an answer within {limit:g} seconds, got none: a loop may never end. "
                        "The function was stopped; the rest of the page goes on"
                    )
            return self._pipe.recv()
        except (EOFError, OSError):
            raise self._ended() from None

    def _leave(self) -> None:
        """Stop the function that is running, or end the process where it will not stop."""
        if not self.alive():
            return
        self.tell("stop")
        until = time.monotonic() + PATIENCE
        try:
            while (left := until - time.monotonic()) > 0 and self._pipe.poll(left):
                if self._pipe.recv()[0] in ("done", "problem"):
                    return
        except (EOFError, OSError):
            pass
        self._clear()

    def _ended(self) -> Problem:
        """Why the process is no longer there."""
        self._process.join(1)
        code, cancelled = self._process.exitcode, self._cancelled
        self._clear()
        if cancelled:
            return Cancelled(MEANWHILE)
        why = "there may not have been enough memory" if code == -9 else "look for exit() and for endless recursion"
        return Problem(f"expected an answer, but the process that ran the function ended (status {code}): {why}")


def warm_up() -> None:
    """Start the process that the workers are forked from, before the first of them is asked for."""
    # Threads that wait for each other turn in circles by default, and several processes share few cores here.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    if _context().get_start_method() == "forkserver":
        forkserver.ensure_running()


def written_at(code: Path) -> float:
    """When a student's file in this folder was last written."""
    files = [path for name in STUDENTS for path in code.glob(name)]
    return max((path.stat().st_mtime for path in files), default=0.0)


def _context() -> Any:
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")  # Windows: two seconds instead of none
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(WARM)
    return context


# --- in the process ---


class Page:
    """The page, as the function that runs for it sees it: `step` is called between steps, `show` gives an answer."""

    def __init__(self, pipe: Connection, connection: Connection) -> None:
        self._pipe = pipe
        self._go, self._stop, self._number = threading.Event(), False, 0
        threading.Thread(target=self._listen, args=(connection,), daemon=True).start()

    def begin(self, number: int) -> None:
        """A new question: orders for earlier ones no longer count."""
        self._number, self._stop = number, False
        self._go.set()

    def step(self) -> None:
        """Wait while paused; raise Stopped when it is to stop."""
        self._go.wait()
        if self._stop:
            raise Stopped

    def show(self, answer: Any) -> None:
        self._pipe.send(("answer", answer))

    def _listen(self, connection: Connection) -> None:
        while True:
            try:
                number, order = connection.recv()
            except (EOFError, OSError):
                os._exit(1)  # the server is gone, and this process with it
            if number != self._number:
                continue
            if order == "pause":
                self._go.clear()
            else:
                self._stop = order == "stop"
                self._go.set()


def _serve(pipe: Connection, connection: Connection, device: str, code: Path) -> None:
    """Answer questions until the server closes the pipe."""
    os.chdir(code)
    sys.path[:0] = [str(code), str(ROOT)]
    from figures import script

    script.keep_memory()
    page = Page(pipe, connection)
    while True:
        try:
            number, question, arguments = pipe.recv()
        except (EOFError, OSError):
            return
        page.begin(number)
        last: tuple[str, str] = ("done", "")
        try:
            function = _function(question)
            pipe.send(("began", None))
            for answer in function(page=page, device=device, **arguments):
                page.show(answer)
        except Stopped:
            pass
        except BaseException as mistake:
            last = ("problem", told(mistake, code))
        pipe.send(last)


def _function(question: str) -> Callable[..., Iterator[Any]]:
    module, _, name = question.partition(":")
    return getattr(importlib.import_module(f"explorer.{module}"), name)


def told(mistake: BaseException, code: Path = ROOT) -> str:
    """A mistake as a sentence: which part is not written, or what was raised and in which line of the student's."""
    if isinstance(mistake, Problem):
        return str(mistake)
    if isinstance(mistake, NotImplementedError):
        return f"not written yet: {mistake or 'this part'}"
    words = str(mistake).strip().split("\n")[0]
    said = f"{type(mistake).__name__}: {words}" if words else type(mistake).__name__
    if isinstance(mistake, SyntaxError):
        return f"{said}: Python cannot read {Path(mistake.filename or '').name}, line {mistake.lineno}"
    files = {path for name in STUDENTS for path in code.glob(name)}
    own = [frame for frame in traceback.extract_tb(mistake.__traceback__) if Path(frame.filename) in files]
    return f"{said} ({Path(own[-1].filename).relative_to(code)}, line {own[-1].lineno})" if own else said


def noting(call: Callable[[], Any]) -> tuple[Any, list[str]]:
    """What `call` returns, and what it warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = call()
    ours = [str(warning.message) for warning in caught if "site-packages" not in warning.filename]
    return result, list(dict.fromkeys(ours))
