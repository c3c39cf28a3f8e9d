"""The warm process of a worker: pytest, torch, captum and the tests are loaded once, each submission graded in a fork.

    python -m staff.gradebook.warm_process LINK-FD SUITE

Started by warm.py. Student code never enters it: that runs in forks of a nursery beside it, in which there is no test.
It ends when the other side of the link is gone, and ends and deletes what it had going.
"""

import os
import pickle
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
from multiprocessing.connection import Connection
from pathlib import Path

from staff import grade
from staff.gradebook import suite as suites
from staff.gradebook.warm import MARGIN
from staff.grader import descendants, kernel, points
from staff.grader.client import START_SECONDS, Client, ServerLost
from staff.grader.nursery import Nursery
from staff.grader.plugin import GradingPlugin
from staff.grader.reach import Reach
from staff.grader.results import Results
from staff.references import remembering

room = 96 << 20  # bytes that are left for expected values, which are kept for the submissions to come


def main() -> None:
    link, suite = Connection(int(sys.argv[1])), Path(sys.argv[2])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started this decides when it ends
    kernel.collect_orphans()
    kernel.hide_memory()
    tempfile.tempdir = tempfile.mkdtemp(prefix="warm-")
    try:
        os.chmod(tempfile.tempdir, 0o711)
        _place("").mkdir(mode=0o700)
        version = suites.version(suites.files(suite))
        nursery = Nursery(suite)
        _load_tests(suite)
        nursery.ready()
        link.send(version)
        while True:
            request = link.recv()
            problem = _graded(request, suite, link, nursery)
            answer = problem, _text("results.json"), _text("report.html")
            _tidy()
            try:
                nursery.rest()
            except ServerLost:
                nursery.close()
                nursery = Nursery(suite)
                nursery.ready()
            link.send(answer)
    except (EOFError, BrokenPipeError):
        pass  # the worker is gone
    finally:
        descendants.end_all(os.getpid())
        shutil.rmtree(tempfile.tempdir, ignore_errors=True)


def _load_tests(suite: Path) -> None:
    """As pytest will find them in each fork, with all that they import; none of them is run."""
    remembering.remember()
    table = points.read()
    reach = Reach(_no_client, table["limits"], time.monotonic() + START_SECONDS)
    grade.run_tests(GradingPlugin(reach, Results(), table, 0), suite, "", "--collect-only")
    from tests import compare

    compare.assert_close = compare.assert_close.__wrapped__  # the plugin's watch is each grading's own


def _no_client() -> Client:
    raise ServerLost("tests are loaded here, not run")


def _graded(request: tuple, suite: Path, link: Connection, nursery: Nursery) -> str:
    """What went wrong, "" if nothing did. Raises EOFError when the worker is gone."""
    deadline = request[2]
    pid = os.fork()
    if pid == 0:
        link.close()
        _grade(request, suite, nursery)
    ended = os.pidfd_open(pid)
    try:
        ready, _, _ = select.select([ended, link], [], [], deadline + MARGIN)
    finally:
        os.close(ended)
    if ended not in ready:
        for each in [*descendants.of(pid), pid]:
            os.kill(each, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if link in ready:
        raise EOFError
    if not ready:
        return f"the grading was ended {MARGIN} seconds after its deadline"
    if code:
        return (
            f"the grading was ended by signal {-code}"
            if code < 0
            else "the grading ended by an error, which its log shows"
        )
    _remember()
    return ""


def _grade(request: tuple, suite: Path, nursery: Nursery) -> None:
    """In the fork; never returns."""
    try:
        kernel.end_with_parent()
        submission, seed, deadline, part = request
        out, report = _place("results.json"), _place("report.html")
        before = set(remembering.KNOWN)
        grade.grade(submission, out, report, seed, deadline, part, suite, nursery.launch)
        new = {key: value for key, value in remembering.KNOWN.items() if key not in before}
        if new:
            _place("remembered").write_bytes(pickle.dumps(new))
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


def _remember() -> None:
    """Expected values that the grading worked out: with the same seed, the next is asked the same."""
    global room
    path = _place("remembered")
    room -= path.stat().st_size if path.exists() else 0
    if path.exists() and room > 0:
        remembering.KNOWN.update(pickle.loads(path.read_bytes()))


def _place(name: str) -> Path:
    """Where a grading leaves what the warm process takes from it; student code sees nothing of this folder."""
    return Path(tempfile.gettempdir(), "out", name)


def _text(name: str) -> str:
    return _place(name).read_text(encoding="utf-8") if _place(name).exists() else ""


def _tidy() -> None:
    """Delete what the grading has left."""
    for entry in os.scandir(tempfile.gettempdir()):
        shutil.rmtree(entry.path, ignore_errors=True)
    _place("").mkdir(mode=0o700)


if __name__ == "__main__":
    main()
