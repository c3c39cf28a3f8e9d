"""The nursery: a process that has torch warm, and from which a fork server is forked for each submission.

    python -I nursery.py TEMPLATE CONTROL-FD

No student code enters it, and neither does a test or an expected value: what is forked from it, student code can read.
It answers over a socket of packets: "ready" once; then to each launch the new process's id and, when that process and
all that came from it have ended, "over"; and to "idle" the same word.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from typing import IO

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from staff.grader import descendants, intake, kernel, server, workspace
from staff.grader.client import ENVIRONMENT, START_SECONDS, ServerLost

ROOT = Path(__file__).resolve().parents[2]
PACKET = 64 * 1024
PATIENCE = 30  # seconds for ending a fork server and what came from it


class Nursery:
    """A nursery for submissions that are graded by the tests of `suite`.

    A fork of this process launches and grades, not this process itself: who has graded ends all that came from it.
    """

    def __init__(self, suite: Path) -> None:
        """Starts it; `ready` waits for it."""
        self.template = Path(tempfile.mkdtemp(prefix="template-"))
        workspace.build(self.template / "project", intake.Submission(), suite)
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-I", str(Path(__file__).resolve()), str(self.template / "project")]
        self.process = subprocess.Popen(
            [*command, str(theirs.fileno())], pass_fds=[theirs.fileno()], env=ENVIRONMENT, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        theirs.close()

    def ready(self) -> None:
        """Raises ServerLost."""
        try:
            self._hear(b"ready", START_SECONDS)
        finally:
            shutil.rmtree(self.template, ignore_errors=True)

    def launch(self, project: Path, link: socket.socket, said: IO[bytes], options: dict) -> "Launched":
        """What `Client` asks for. Raises ServerLost."""
        request = json.dumps({"project": str(project), "options": options}).encode()
        try:
            socket.send_fds(self.control, [request], [link.fileno(), said.fileno()])
        except OSError as problem:
            raise ServerLost(f"the nursery is gone: {problem.strerror}") from None
        return Launched(self, int(self._hear(None, START_SECONDS)))

    def rest(self) -> None:
        """Wait until nothing that was launched is alive. Raises ServerLost."""
        try:
            self.control.send(b"idle")
        except OSError:
            raise ServerLost("the nursery is gone") from None
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
                raise ServerLost("the nursery is gone")
            if word in (None, heard):
                return heard


class Launched:
    """The process of a fork server, whose parent is the nursery."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self.nursery, self.pid = nursery, pid

    def wait(self) -> None:
        self.nursery._hear(b"over", PATIENCE)


def main() -> None:
    template, control = Path(sys.argv[1]), socket.socket(fileno=int(sys.argv[2]))
    kernel.end_with_parent()
    kernel.hide_memory()
    kernel.collect_orphans()
    sys.path.remove(str(ROOT))  # once from here, once from server.py: one is left for the project's folder
    server.warm_up(template)
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
            _serve(json.loads(request), *handles)
        for handle in handles:
            os.close(handle)
        control.send(str(pid).encode())
        os.waitpid(pid, 0)
        descendants.end_all(os.getpid())
        control.send(b"over")


def _serve(request: dict, link: int, said: int) -> None:
    """Never returns."""
    try:
        os.setsid()
        os.dup2(said, 2)
        os.close(said)
        server.serve(Path(request["project"]), socket.socket(fileno=link), request["options"])
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


def _forget(folder: Path) -> None:
    """Modules that lie in `folder`: each submission's project has its own."""
    names = {path.stem for path in folder.iterdir()}
    for name in [name for name in sys.modules if name.partition(".")[0] in names]:
        del sys.modules[name]


if __name__ == "__main__":
    main()
