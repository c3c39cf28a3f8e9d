"""Processes that have packages loaded and fork: to import them takes longer than most calls of student code.

    a server             forks a child for each call of one submission; begun by Client, or forked from
    `Servers`            a process without tests, which forks a server for each submission; and
    `Grader`             a process with tests, which forks a grading for each submission, and has `Servers` of its own.

Student code enters forks of a server alone. Of a process that it comes from, student code can read the memory: so no
test and no expected value ever enters a server or `Servers`.
"""

import gc
import json
import os
import pickle
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import IO, Any

from autograder import call, child, descendants, frames, intake, isolation, kernel, sweeping, workspace
from autograder.assignment import ROOT, Assignment, read
from autograder.client import ENVIRONMENT, START_SECONDS, ServerLost, command

PACKET = 64 * 1024
PATIENCE = 30  # seconds for ending a fork server and what came from it
MARGIN = 40  # seconds after its deadline, when a grading that has not ended by itself is ended
ROOM = 96 << 20  # bytes of expected values that a grader keeps for the submissions to come


def main() -> None:
    """Run one of the three, in the process that `command` starts."""
    kind, handle, *arguments = sys.argv[1:]
    if kind == "server":
        serve(Connection(int(handle)), Path(arguments[0]), json.loads(arguments[1]))
    elif kind == "servers":
        _fork_servers(socket.socket(fileno=int(handle)), Path(arguments[0]), Path(arguments[1]))
    elif kind == "grader":
        _fork_gradings(Connection(int(handle)), read(Path(arguments[0])))


# --- a server ---


def serve(link: Connection, project: Path, options: dict) -> None:
    """Answer calls until the other side of `link` is gone."""
    child.adapter = read(Path(options["root"])).adapter
    here = isolation.enter(project, options["uid"], list(map(Path, options["hide"])), options["without"])
    here.layers |= child.layers(here)
    here.layers["process numbers repeat"] = isolation.repeat_process_numbers(here)
    search = None if here.leaves_nothing else sweeping.Search()
    _load(project, child.adapter)
    places = search.places() if search else None
    unsafe = places.unsafe if places and not here.layers[child.FILES] else []
    if search is not None:
        here.layers["leftovers swept"] = here.uid is not None and places is not None and not unsafe
    told = {"layers": here.layers, "places": list(places.times) if places else [], "open_to_all": unsafe}
    link.send_bytes(frames.encode(told))
    shared = descendants.anonymous(os.getpid())
    while True:
        try:
            request = frames.decode(link.recv_bytes())
        except EOFError:
            return
        report, answer = call.run(request, request.pop("limits"), here, shared, link)
        if places is not None and here.uid is not None:
            places.sweep(here.uid)
        link.send_bytes(frames.encode(report))
        link.send_bytes(answer)


def _load(project: Path, adapter: child.Adapter) -> None:
    """Import what student code will, but none of it, so that a fork finds it there."""
    sys.path[0] = str(project)
    os.chdir(project)
    sys.dont_write_bytecode = True
    adapter.load()
    gc.freeze()  # or each child's first garbage collection would copy all pages of what is loaded


# --- many servers ---


class Servers:
    """A process that forks a server for each submission, graded by the tests of this assignment.

    A fork of this process launches and grades, not this process itself: who has graded ends all that came from it.
    It answers over a socket of packets: "ready" once; then to each launch the new process's id and, when that process
    and all that came from it have ended, "over"; and to "idle" the same word.
    """

    def __init__(self, assignment: Assignment) -> None:
        """Start it; `ready` waits for it."""
        self.template = Path(tempfile.mkdtemp(prefix="template-"))
        workspace.build(self.template / "project", intake.Submission(), assignment)
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        arguments = "servers", theirs.fileno(), self.template / "project", assignment.root
        self.process = subprocess.Popen(
            command(*arguments), pass_fds=[theirs.fileno()], env=ENVIRONMENT, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        theirs.close()

    def ready(self) -> None:
        """Raises ServerLost."""
        try:
            self._hear(b"ready", START_SECONDS)
        finally:
            shutil.rmtree(self.template, ignore_errors=True)

    def launch(self, project: Path, link: Connection, said: IO[bytes], options: dict) -> "Launched":
        """Fork a server, as `Client` asks for. Raises ServerLost."""
        request = json.dumps({"project": str(project), "options": options}).encode()
        try:
            socket.send_fds(self.control, [request], [link.fileno(), said.fileno()])
        except OSError as problem:
            raise ServerLost(f"the process that forks servers is gone: {problem.strerror}") from None
        return Launched(self, int(self._hear(None, START_SECONDS)))

    def rest(self) -> None:
        """Wait until nothing that was launched is alive. Raises ServerLost."""
        try:
            self.control.send(b"idle")
        except OSError:
            raise ServerLost("the process that forks servers is gone") from None
        self._hear(b"idle", PATIENCE)

    def close(self) -> None:
        self.control.close()
        self.process.kill()  # fork servers end with it
        self.process.wait()

    def _hear(self, word: bytes | None, seconds: float) -> bytes:
        """The next packet, or the next that is `word`."""
        self.control.settimeout(seconds)
        while True:
            try:
                heard = self.control.recv(PACKET)
            except OSError:
                heard = b""
            if not heard:
                raise ServerLost("the process that forks servers is gone")
            if word in (None, heard):
                return heard


class Launched:
    """A server's process, whose parent is that of `Servers`."""

    def __init__(self, servers: Servers, pid: int) -> None:
        self.servers, self.pid = servers, pid

    def wait(self) -> None:
        self.servers._hear(b"over", PATIENCE)


def _fork_servers(control: socket.socket, template: Path, root: Path) -> None:
    kernel.end_with_parent()
    kernel.hide_memory()
    kernel.collect_orphans()
    _load(template, read(root).adapter)
    _forget(template)
    kernel.huge_pages()
    control.send(b"ready")
    while True:
        request, handles, _, _ = socket.recv_fds(control, PACKET, 2)
        if not request:
            break
        if request == b"idle":
            control.send(request)
            continue
        pid = os.fork()
        if pid == 0:
            control.close()
            _serve_forked(json.loads(request), *handles)
        for handle in handles:
            os.close(handle)
        control.send(str(pid).encode())
        os.waitpid(pid, 0)
        descendants.end_all(os.getpid())
        control.send(b"over")


def _serve_forked(request: dict, link: int, said: int) -> None:
    """Never returns."""
    try:
        os.setsid()
        os.dup2(said, 2)
        os.close(said)
        serve(Connection(link), Path(request["project"]), request["options"])
        os._exit(0)
    except BaseException:
        _end_with_traceback()


def _forget(folder: Path) -> None:
    """Modules that lie in `folder`: each submission's project has its own."""
    names = {path.stem for path in folder.iterdir()}
    for name in [name for name in sys.modules if name.partition(".")[0] in names]:
        del sys.modules[name]


def _end_with_traceback() -> None:
    traceback.print_exc()
    sys.stderr.flush()
    os._exit(1)


# --- many gradings ---


class GradingLost(Exception):
    """A grading ended without results; the message says why."""


class Grader:
    """A process that grades submissions, one at a time, as autograder.grade.grade does. A context, or `close` it.

    version: of the tests that it has loaded. unprotected: grade where student code has this user's rights, too, by a
    copy. Raises GradingLost.
    """

    def __init__(self, assignment: Assignment | None = None, unprotected: bool = False) -> None:
        from autograder.unprotected import Copy  # and with it pytest, which a server must not have

        self.assignment, self.unprotected = assignment or read(), unprotected
        self.copy = Copy(self.assignment) if unprotected and not isolation.separates() else None
        root = self.copy.root if self.copy else ROOT
        folder = root if self.copy else self.assignment.root.resolve()
        self.link, theirs = Pipe()
        self.process = subprocess.Popen(
            command("grader", theirs.fileno(), folder, alone=False, root=root), pass_fds=[theirs.fileno()], cwd=root,
            stdin=subprocess.DEVNULL, start_new_session=True, env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        theirs.close()
        try:
            self.version = self._receive(2 * START_SECONDS)
        except GradingLost:
            self.close()
            raise

    def __enter__(self) -> "Grader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def grade(
        self,
        submission: Path | intake.Submission,
        seed: int | None = None,
        deadline: float | None = None,
        part: str = "",
    ) -> tuple[str, str]:
        """results.json and report.html, the latter "" for a grading that was ended at its deadline.

        Raises GradingLost; where the process itself is lost, this is closed by then.
        """
        deadline = deadline or self.assignment.limits["deadline"]
        try:
            self.link.send((submission, seed, deadline, part, self.copy.origins if self.copy else ()))
            problem, results, page = self._receive(deadline + 2 * MARGIN)
        except GradingLost:
            self.close()
            raise
        except OSError:
            self.close()
            raise GradingLost("the process that grades was gone") from None
        if self.copy and (refused := self.copy.refusal()):
            self.close()
            return json.dumps(refused.as_gradescope()), ""
        if problem:
            raise GradingLost(problem)
        return results, page

    def alive(self) -> bool:
        return not self.link.closed and self.process.poll() is None

    def close(self) -> None:
        """Afterwards nothing of it is alive."""
        self.link.close()
        try:
            self.process.wait(MARGIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.copy:
            self.copy.delete()

    def _receive(self, seconds: float) -> Any:
        try:
            if not self.link.poll(seconds):
                raise GradingLost(f"the process that grades gave no answer within {seconds:.0f} seconds")
            return self.link.recv()
        except (EOFError, OSError):
            raise GradingLost("the process that grades ended") from None


def _fork_gradings(link: Connection, assignment: Assignment) -> None:
    """End when the other side of the link is gone, and end and delete what is going on."""
    from autograder import pack  # pytest and the tests, which no other process here may have

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started this decides when it ends
    kernel.collect_orphans()
    kernel.hide_memory()
    tempfile.tempdir = tempfile.mkdtemp(prefix="grader-")
    try:
        os.chmod(tempfile.tempdir, 0o711)
        _place("").mkdir(mode=0o700)
        version = pack.version(pack.digests(assignment))
        servers = Servers(assignment)
        kept = _load_tests(assignment)
        room = ROOM
        servers.ready()
        link.send(version)
        while True:
            request = link.recv()
            problem = _grade_in_fork(request, assignment, link, servers, kept)
            learnt = _place("learnt")
            if not problem and learnt.exists():  # with the same seed, the next is asked the same
                room -= learnt.stat().st_size
                if room > 0:
                    kept.update(pickle.loads(learnt.read_bytes()))
            answer = problem, _text("results.json"), _text("report.html")
            for entry in os.scandir(tempfile.gettempdir()):
                shutil.rmtree(entry.path, ignore_errors=True)
            _place("").mkdir(mode=0o700)
            try:
                servers.rest()
            except ServerLost:
                servers.close()
                servers = Servers(assignment)
                servers.ready()
            link.send(answer)
    except (EOFError, BrokenPipeError):
        pass  # the worker is gone
    finally:
        descendants.end_all(os.getpid())
        shutil.rmtree(tempfile.gettempdir(), ignore_errors=True)


def _load_tests(assignment: Assignment) -> dict:
    """Load tests as pytest will find them in each fork; none is run. Return where they keep what they work out."""
    from autograder import grade

    kept = assignment.adapter.remember()
    grade.collect(assignment)
    return kept


def _grade_in_fork(request: tuple, assignment: Assignment, link: Connection, servers: Servers, kept: dict) -> str:
    """Return what went wrong, "" if nothing did. Raises EOFError when the worker is gone."""
    deadline = request[2]
    pid = os.fork()
    if pid == 0:
        link.close()
        _grade(request, assignment, servers, kept)
    ended = os.pidfd_open(pid)
    try:
        ready = select.select([ended, link.fileno()], [], [], deadline + MARGIN)[0]
    finally:
        os.close(ended)
    if ended not in ready:
        for each in [*descendants.of(pid), pid]:
            os.kill(each, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if link.fileno() in ready:
        raise EOFError
    if not ready:
        return f"the grading was ended {MARGIN} seconds after its deadline"
    if code < 0:
        return f"the grading was ended by signal {-code}"
    return "the grading ended by an error, which its log shows" if code else ""


def _grade(request: tuple, assignment: Assignment, servers: Servers, kept: dict) -> None:
    """In the fork; never returns."""
    from autograder import grade

    try:
        kernel.end_with_parent()
        submission, seed, deadline, part, origins = request
        before = set(kept)
        grade.grade(submission, _place("results.json"), _place("report.html"), seed, deadline, part, assignment,
                    servers.launch, origins)  # fmt: skip
        if new := {key: value for key, value in kept.items() if key not in before}:
            _place("learnt").write_bytes(pickle.dumps(new))
        os._exit(0)
    except BaseException:
        _end_with_traceback()


def _place(name: str) -> Path:
    """Path at which a grading leaves what this process takes from it; student code sees nothing of this folder."""
    return Path(tempfile.gettempdir(), "out", name)


def _text(name: str) -> str:
    return _place(name).read_text(encoding="utf-8") if _place(name).exists() else ""
