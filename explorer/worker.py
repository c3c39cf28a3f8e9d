"""A process of its own that runs a student's code: it can be paused and ended, and the page goes on.

`Worker.ask("saliency", ...)` gives the answers one by one. Whoever no longer wants them ends the process, and the next
question begins another: it is forked from one that has PyTorch loaded already, so it is there at once, and it reads
the student's files as they are now.
"""

import multiprocessing
import os
import signal
import sys
import threading
import tokenize
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tqdm import tqdm

from figures.script import UserError
from pretrained.ending import explain, tell

ROOT = Path(__file__).resolve().parent.parent
# What every worker needs, and no student writes.
WARM = ["torch", "torchvision.transforms.v2", "captum.attr", "explorer.answers"]
# What students write: a worker that has read an older version of it is replaced.
STUDENTS = ("visualizers/*.py", "style_modules/*.py", "style_utils.py", "saliency_map.py", "gradcam.py")
LIMIT = 30.0  # seconds from one answer to the next
START = 90.0  # seconds that a new process may take until it begins with its first question

Versions = frozenset[tuple[Path, int, int]]


class Problem(Exception):
    """A mistake in a student's code, or something that cannot be done, in a sentence for the page."""


class OutOfTime(Problem):
    """A function that gave no answer within the time limit."""


class Ended(Problem):
    """A process that ended in the middle of an answer: by itself, or by whom memory or patience ran out."""


class Cancelled(Problem):
    """A question that nobody wants answered any more: its process was ended."""


class Worker:
    """One process, for one open page. One question at a time."""

    def __init__(self, device: str, limit: float = LIMIT, code: Path = ROOT) -> None:
        """limit: seconds from one answer to the next. code: the folder with the student's files."""
        self.device, self.limit, self.code = device, limit, code
        self._goes = threading.Event()  # cleared while paused
        self._process: Any = None
        self._pipe: Any = None
        self._read: Versions = frozenset()  # the student's files that the process has read

    def ask(self, question: str, wanted: Callable[[], bool] = lambda: True, **arguments: Any) -> Iterator[Any]:
        """Yield the answers of the function of this name in `explorer.answers`, which runs in the other process.

        wanted: tells once a process is there whether anybody still asks; `end` may have come before it began.
        Raises Problem, in one sentence, also when nothing comes for `limit` seconds, and Cancelled where the process
        was ended meanwhile. Leaving the loop early ends the process.
        """
        if not self.alive() or self.stale():
            self._begin()
        if not wanted():
            raise Cancelled("something else was asked for meanwhile")
        self._goes.set()
        process, pipe, finished = self._process, self._pipe, False
        try:
            pipe.send((question, arguments))
            limit = max(self.limit, START)
            while True:
                self._goes.wait()
                if not pipe.poll(limit):
                    raise OutOfTime(
                        f"expected an answer within {limit:g} seconds, got none: a loop may never end. "
                        "The function was stopped; the rest of the page goes on"
                    )
                kind, value = pipe.recv()
                limit = self.limit
                if kind == "answer":
                    yield value
                elif kind != "began":
                    finished = True
                    if kind == "problem":
                        raise Problem(value)
                    return
        except (EOFError, OSError):
            raise _why_it_ended(process) from None
        finally:
            if not finished:
                process.kill()
                process.join()

    def one(self, question: str, wanted: Callable[[], bool] = lambda: True, **arguments: Any) -> Any:
        """The only answer to a question."""
        (answer,) = self.ask(question, wanted, **arguments)
        return answer

    def pause(self) -> None:
        """Take no more answers: the function waits with its next one until `go`."""
        self._goes.clear()

    def go(self) -> None:
        self._goes.set()

    def end(self) -> None:
        """End the process, whatever it does: who waits for its answer gets Cancelled. The next question begins one."""
        if (process := self._process) is not None:
            process.cancelled = True
            process.kill()
            self._goes.set()

    def alive(self) -> bool:
        return self._process is not None and self._process.is_alive() and not self._process.cancelled

    def stale(self) -> bool:
        """Tell whether a student's file is another than the one that the process read."""
        return find_versions(self.code) != self._read

    def _begin(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._pipe.close()
        context = _context()
        self._pipe, pipe = context.Pipe()
        self._read = find_versions(self.code)
        process = context.Process(target=_serve, args=(pipe, self.device, self.code), daemon=True)
        process.start()
        process.cancelled = False
        self._process = process
        pipe.close()


def _why_it_ended(process: Any) -> Problem:
    process.join(1)
    if process.cancelled:
        return Cancelled("something else was asked for meanwhile")
    killed = process.exitcode == -9
    why = "there may not have been enough memory" if killed else "look for exit() and for endless recursion"
    ended = f"the process that ran the function ended (status {process.exitcode})"
    return Ended(f"expected an answer, but {ended}: {why}")


def warm_up() -> None:
    """Start the process that the workers are forked from, before the first of them is asked for."""
    # Threads that wait for each other turn in circles by default, and several processes share few cores here.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    if _context().get_start_method() == "forkserver":
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # which it takes over: it ends with the server
        forkserver.ensure_running()
        signal.signal(signal.SIGINT, before)


def find_versions(code: Path) -> Versions:
    """Return each student's file in this folder, when it was written, and its size: unzipping may set times back."""
    found = []
    for path in (path for name in STUDENTS for path in code.glob(name)):
        with suppress(OSError):  # an editor's link that leads nowhere, or a file that it is just writing anew
            found.append((path, path.stat().st_mtime_ns, path.stat().st_size))
    return frozenset(found)


def _context() -> Any:
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")  # Windows: two seconds instead of none
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(WARM)
    return context


# --- in the process ---


def _serve(pipe: Connection, device: str, code: Path) -> None:
    """Answer questions until the server closes the pipe."""
    os.chdir(code)
    sys.path[:0] = [str(code), str(ROOT)]
    from figures import script

    script.keep_memory()
    tqdm.set_lock(threading.RLock())  # its own is one of the system's, which stays where this process is ended
    threading.Thread(target=_follow_the_server, daemon=True).start()

    def show(answer: Any) -> None:
        pipe.send(("answer", answer))

    while True:
        try:
            question, arguments = pipe.recv()
        except (EOFError, OSError):
            return
        last: tuple[str, str] = ("done", "")
        try:
            from explorer import answers

            pipe.send(("began", None))
            answer = getattr(answers, question)(show=show, device=device, **arguments)
            if answer is not None:
                show(answer)
        except BrokenPipeError:
            return
        except BaseException as mistake:
            last = ("problem", describe(mistake, code))
        pipe.send(last)


def _follow_the_server() -> None:
    """End with the server, also where it was killed, and also in the middle of a loop that never ends."""
    server = multiprocessing.parent_process()
    assert server is not None
    server.join()
    os._exit(1)


def describe(mistake: BaseException, code: Path = ROOT) -> str:
    """A mistake as a sentence: which part is not written, or what was raised and in which line of the student's."""
    if isinstance(mistake, Problem | UserError):
        return str(mistake)
    if isinstance(mistake, NotImplementedError):
        return f"not written yet: {tell(mistake) or 'this part'}"
    if words := explain(mistake):
        return words.removeprefix("error: ")
    words = tell(mistake).strip().split("\n")[0]
    said = f"{type(mistake).__name__}: {words}" if words else type(mistake).__name__
    files = {path for name in STUDENTS for path in code.glob(name)}
    if isinstance(mistake, SyntaxError):
        asked = [path for path in sorted(files) if mistake.filename in (None, str(path))]  # None: at a NUL byte
        for path in (path for path in asked if not _is_text(path)):
            return f"expected text in {path.relative_to(code)}, got bytes that are none: save it as UTF-8"
        file = Path(mistake.filename or "")
        name = file.relative_to(code) if file in files else file.name
        return f"{said}: Python cannot read {name}, line {mistake.lineno}"
    own = [frame for frame in traceback.extract_tb(mistake.__traceback__) if Path(frame.filename) in files]
    return f"{said} ({Path(own[-1].filename).relative_to(code)}, line {own[-1].lineno})" if own else said


def _is_text(path: Path) -> bool:
    """Tell whether the file's bytes are text, in UTF-8 or as its first lines say."""
    try:
        with tokenize.open(path) as file:
            return "\0" not in file.read()
    except OSError:  # an editor's link that leads nowhere
        return True
    except (SyntaxError, UnicodeDecodeError):
        return False


def noting(call: Callable[[], Any]) -> tuple[Any, list[str]]:
    """The result of `call`, and the warnings that came with it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = call()
    ours = [str(warning.message) for warning in caught if "site-packages" not in warning.filename]
    return result, list(dict.fromkeys(ours))
