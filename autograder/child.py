"""Give up every right, call the probe, send a frame: all that happens in a fork."""

import faulthandler
import fcntl
import inspect
import os
import resource
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import numpy as np

from autograder import frames, isolation, kernel, landlock, trial
from autograder.adapter import Adapter
from autograder.isolation import Isolation

FILES, SOCKETS = "files closed", "sockets and keyrings closed"
LAYERS = ("folders of each call's own", "unprivileged user", "no new privileges", "capabilities dropped",
          FILES, SOCKETS, "limits")  # fmt: skip
RESULT, STACK = 3, 4  # handles in the child
PROCESSES = 64  # processes and threads together
OPEN_FILES = 128
FILE_BYTES = 64 * 1024 * 1024
TEXT = 2000  # characters of a message that are handed on

adapter = Adapter()  # the assignment's own, which the fork server puts here


def layers(here: Isolation) -> dict[str, bool]:
    """Try the layers in a child that does nothing else, and return which of them work."""
    pid = os.fork()
    if pid == 0:
        results = {"folders of each call's own": isolation.enter_call(here)} | _give_up_rights(here, 60, [])
        os._exit(sum(1 << i for i, name in enumerate(LAYERS) if results[name]))
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    known = 0 <= code < 1 << len(LAYERS)
    return {name: known and bool(code & 1 << i) for i, name in enumerate(LAYERS)} | {"memory watched": True}


def main(request: dict, here: Isolation, scratch: str, pipes: Sequence[int], limits: dict) -> None:
    """Never returns.

    scratch: the folder to run in; where a call has folders of its own it is made in them.
    pipes: for the result, for what is printed, and for the lines that are running when the time is nearly up.
    """
    try:
        os.setsid()
        if here.layers["folders of each call's own"]:
            if not isolation.enter_call(here):
                os._exit(122)
            os.mkdir(scratch, 0o700)
        if here.uid is not None:
            os.chown(scratch, here.uid, here.uid)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        result, text, stack = (fcntl.fcntl(pipe, fcntl.F_DUPFD, 10) for pipe in pipes)  # none is written over below
        os.dup2(text, 1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # warnings and progress bars are no prints
        os.dup2(result, RESULT)
        os.dup2(stack, STACK)
        os.closerange(STACK + 1, OPEN_FILES * 8)  # above all the server's socket
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        seconds = limits["seconds"]
        own = isolation.WRITABLE if here.layers["folders of each call's own"] else [Path(scratch)]
        _give_up_rights(here, seconds, [*own, *isolation.DEVICES])
        _tell_the_lines_that_run(seconds - min(1, seconds / 10))
        os.chdir(scratch)
        environment = {
            "HOME": scratch,
            "TMPDIR": scratch,
            "MPLCONFIGDIR": scratch,
            "USER": "student",
            "LOGNAME": "student",
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "MPLBACKEND": "Agg",
            "CUDA_VISIBLE_DEVICES": "",
        }
        os.environ.clear()
        os.environ.update(environment)
        tempfile.tempdir = None  # or the server's would be taken
        sys.argv = ["grade"]
        data = _answer(request, limits["count"])
        sys.stdout.flush()
        sys.stderr.flush()
        with open(RESULT, "wb") as pipe:
            pipe.write(data)
        os._exit(0)
    except BaseException:
        os._exit(120)


def _tell_the_lines_that_run(seconds: float) -> None:
    """Write them in so many seconds, from a signal: no C code holds it up, and the frames stand still.

    `dump_traceback_later` reads frames from a thread while they change: about one hanging call in 500 ended by SIGSEGV.
    """
    faulthandler.register(signal.SIGALRM, file=STACK, all_threads=False)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _answer(request: dict, count: bool) -> bytes:
    name = request.pop("probe")
    try:
        if name == trial.NAME:
            answer = trial.run(adapter, **request)
        elif count:
            answer = _count(name, request)
        else:
            answer = adapter.call(name, request)
        return frames.encode(_plain(answer))
    except BaseException as error:  # SystemExit, KeyboardInterrupt and what students invent
        return frames.encode({"error": describe(error)})


def _count(name: str, request: dict) -> dict:
    """Count operations and calls of the network, and find the student's line that asked for most."""
    answer, lines = adapter.count(lambda: adapter.call(name, request), _place)
    busiest = [line for line, _ in lines.most_common() if line][:1]
    return {"operations": lines.total(), "calls": answer.get("calls", 0), "busiest": "".join(busiest)}


def _place(frame: FrameType | None) -> str:
    """The innermost line of student code that runs, as "file, line n", or ""."""
    while frame is not None and not _is_students(frame.f_code.co_filename):
        frame = frame.f_back
    return f"{_short(frame.f_code.co_filename)}, line {frame.f_lineno}" if frame else ""


def _plain(contents: dict) -> dict:
    """Tensors and subclasses of ndarray become what can travel."""
    return {key: np.asarray(value) if isinstance(value, np.ndarray) else value for key, value in contents.items()}


def describe(error: BaseException) -> dict[str, str]:
    try:
        message = str(error)[:TEXT]
    except BaseException:
        message = "(its message could not be made)"
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_students(frame.filename)]
    if isinstance(error, SyntaxError) and error.filename:
        own.append(traceback.FrameSummary(error.filename, error.lineno, "", line=(error.text or "").strip()))
    place = "\n".join(f"{_short(f.filename)}, line {f.lineno}: {f.line}" for f in own[-3:])
    return {"type": type(error).__name__[:100], "message": message, "trace": place[:TEXT]}


def _is_students(path: str) -> bool:
    if not path.startswith(_project() + os.sep) or path.endswith("__init__.py"):
        return False
    return not _short(path).startswith(("tests/", "staff/", *adapter.quiet))


def _short(path: str) -> str:
    return os.path.relpath(path, _project())


def _project() -> str:
    """The folder that student code runs in, which holds tests/probes/__init__.py."""
    return os.path.dirname(os.path.dirname(os.path.dirname(inspect.getfile(sys.modules["tests.probes"]))))


def _give_up_rights(here: Isolation, seconds: float, writable: list[Path]) -> dict[str, bool]:
    """Return which layers are on now. writable: folders and devices that the call may write to."""
    uid, done = here.uid, {"unprivileged user": False, "limits": True}
    limits = {
        resource.RLIMIT_CPU: int(seconds) * 4 + 5,  # four threads may count at once
        resource.RLIMIT_FSIZE: FILE_BYTES,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_MEMLOCK: 1 << 20,
    }
    if uid is not None:
        limits[resource.RLIMIT_NPROC] = PROCESSES
    for kind, value in limits.items():
        try:
            resource.setrlimit(kind, (value, value))
        except (ValueError, OSError):
            done["limits"] = False
    if uid is not None:
        try:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            done["unprivileged user"] = True
        except OSError:
            os._exit(121)  # asked for, and so never done without
    else:
        done["unprivileged user"] = here.layers["user namespace"]
        try:
            resource.setrlimit(resource.RLIMIT_NPROC, (4096, 4096))  # counts all that this user runs anywhere
        except (ValueError, OSError):
            done["limits"] = False
    done["no new privileges"] = kernel.no_new_privileges()
    done["capabilities dropped"] = kernel.drop_capabilities()
    done[FILES] = FILES not in here.without and landlock.confine(here.readable, writable)
    done[SOCKETS] = SOCKETS not in here.without and kernel.refuse_system_calls()
    return done
