"""The fork server: torch is warm in it, no student code ever is. Each call is one fork, watched, and ended with all
its descendants.

    python -I server.py PROJECT SOCKET-FD OPTIONS

It is started by client.py, sets up what the kernel offers for isolation, and answers calls over a socket.
"""

import importlib
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from staff.grader import child, descendants, frames, kernel

WRITABLE = ("/tmp", "/var/tmp", "/dev/shm")
# What programs need of the folders at the top. People's files, other checkouts among them, lie in the others.
SYSTEM = {"bin", "boot", "dev", "etc", "gnu", "lib", "lib32", "lib64", "libx32", "nix", "opt", "proc", "run", "sbin",
          "snap", "sys", "usr", "var"}  # fmt: skip
WARM = ("torch", "torch.utils._python_dispatch", "torchvision.models", "torchvision.transforms.v2", "captum.attr",
        "scipy.ndimage", "matplotlib.pyplot", "matplotlib.backends.backend_agg", "tests.probes")  # fmt: skip
TEXT_KEPT = 16 * 1024  # bytes of what a call printed
POLL = 0.02  # seconds between two looks at memory


def main() -> None:
    serve(Path(sys.argv[1]), socket.socket(fileno=int(sys.argv[2])), json.loads(sys.argv[3]))


def serve(project: Path, link: socket.socket, options: dict) -> None:
    """Answer calls until the other side of `link` is gone."""
    layers = enter_isolation(project, options)
    warm_up(project)
    layers.update(child.layers(options["uid"]))
    shared = descendants.anonymous(os.getpid())
    send(link, frames.encode({"layers": layers, "warm_bytes": shared}))
    while (data := receive(link)) is not None:
        request = frames.decode(data)
        report, result = run(request, options, shared, link)
        send(link, frames.encode(report))
        send(link, result)


def enter_isolation(project: Path, options: dict) -> dict[str, bool]:
    """Namespaces, then a fork so that this goes on as the first process of its own. Returns which layers are on."""
    kernel.end_with_parent()
    layers = {}
    root = os.getuid() == 0
    if not root:
        layers["user namespace"] = root = kernel.own_user_namespace()
    for name, flag in {
        "network namespace": kernel.NEW_NETWORK,
        "mount namespace": kernel.NEW_MOUNTS,
        "ipc namespace": kernel.NEW_IPC,
        "process namespace": kernel.NEW_PID,
    }.items():
        layers[name] = root and name not in options["without"] and kernel.unshare(flag)
    if layers["process namespace"]:
        first = os.fork()
        if first:
            os.waitpid(first, 0)
            os._exit(0)
        kernel.end_with_parent()
    layers["orphans collected"] = kernel.collect_orphans()
    layers["memory hidden"] = kernel.hide_memory()
    if layers["mount namespace"]:
        layers["mount namespace"] = kernel.private_mounts()
        if layers["process namespace"]:
            layers["own /proc"] = kernel.mount_proc()
        roots = [Path(path) for path in (sys.prefix, sys.base_prefix, project)]
        keep = sorted({*roots, *(path.resolve() for path in roots)})
        others = [folder for folder in Path("/").iterdir() if folder.name not in SYSTEM]
        covered = {*map(Path, (*options["hide"], *WRITABLE)), *others}
        layers["folders hidden"] = True
        for folder in sorted(covered, key=lambda folder: len(folder.parts)):
            if folder.is_dir() and not folder.is_symlink():
                mode = 0o1777 if str(folder) in WRITABLE else 0o755
                layers["folders hidden"] &= kernel.cover(folder, keep, 128, mode)
    return layers


def warm_up(project: Path) -> None:
    """Import what student code will, but none of it, so that a fork finds it there."""
    sys.path[0] = str(project)
    os.chdir(project)
    sys.dont_write_bytecode = True
    for name in WARM:
        importlib.import_module(name)
    import matplotlib
    from matplotlib import font_manager, pyplot

    from tests import networks

    sys.modules["torch"].set_num_threads(1)  # threads do not survive a fork: none may have started
    pyplot.switch_backend("agg")  # and Agg it stays, since a student's backend may need a screen
    matplotlib.use = pyplot.switch_backend = lambda *_, **__: None
    font_manager.fontManager.get_font_names()  # the list of fonts, and
    networks.build("embedded")  # much of torch for the first network built on "meta": seconds that children save


def run(request: dict, options: dict, shared: int, link: socket.socket) -> tuple[dict, bytes]:
    """One call in one fork. Returns a report and the bytes that came back: b"" unless the child ended well."""
    limits = request.pop("limits")
    scratch = tempfile.mkdtemp(prefix="scratch-")
    if options["uid"] is not None:
        os.chown(scratch, options["uid"], options["uid"])
    result_read, result_write = os.pipe()
    text_read, text_write = os.pipe()
    started = time.monotonic()
    pid = os.fork()
    if pid == 0:
        child.main(request, scratch, result_write, text_write, options["uid"], limits)
    os.close(result_write)
    os.close(text_write)

    result, text = _Pipe(result_read, limits["bytes"]), _Pipe(text_read, TEXT_KEPT)
    peak, ended, code = 0, "", None
    looked = 0.0
    while code is None and not ended:
        _read([result, text], POLL)
        if not result.open or not text.open:
            time.sleep(0.001)  # closed at the end, or by the student's code
        waited, status = os.waitpid(pid, os.WNOHANG)
        if waited:
            code = os.waitstatus_to_exitcode(status)
        now = time.monotonic()
        if now - looked > POLL:
            looked = now
            peak = max(peak, descendants.memory(descendants.of(os.getpid()), shared))
        if now - started > limits["seconds"]:
            ended = f"was ended after {limits['seconds']:.0f} seconds"
        elif peak > limits["memory"]:
            ended = f"was ended when it held more than {limits['memory'] >> 20} MB of memory"
        elif result.count > limits["bytes"]:
            ended = "was ended when it returned too much"
        elif select.select([link], [], [], 0)[0]:
            ended = "was ended with the grading"  # the parent is gone, or asks for the end
    left = len(descendants.of(os.getpid())) if code is not None else 0
    clean = descendants.end_all(os.getpid())
    for pipe in (result, text):
        _read([pipe], 0)
    os.close(result_read)
    os.close(text_read)
    _sweep(scratch, options["uid"])
    if not ended and code is not None and code < 0:
        ended = f"was ended by signal {signal.Signals(-code).name}" if -code in set(signal.Signals) else "crashed"
    elif not ended and code != 0:
        ended = f"ended the process itself (exit code {code}) instead of returning"
    report = {
        "ended": ended,
        "seconds": time.monotonic() - started,
        "memory": peak,
        "printed": text.count,
        "text": text.data[:TEXT_KEPT].decode("utf-8", "replace"),
        "left_running": left,
        "clean": clean,
    }
    return report, b"" if ended else bytes(result.data)


class _Pipe:
    """What came through a pipe: its first `limit` bytes or a little more, and how many came in all."""

    def __init__(self, handle: int, limit: int) -> None:
        self.handle, self.limit, self.data, self.count, self.open = handle, limit, bytearray(), 0, True


def _read(pipes: list[_Pipe], patience: float) -> None:
    """Take what is there, without waiting for the end: a daemon may hold the other side."""
    until = time.monotonic() + POLL
    while time.monotonic() < until or not patience:
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


def _sweep(scratch: str, uid: int | None) -> None:
    """Delete the scratch folder, and what the child's own user left in folders that everybody may write to."""
    _delete(scratch)
    if uid is None:
        return
    for folder in WRITABLE:
        for entry in os.scandir(folder) if os.path.isdir(folder) else ():
            try:
                if entry.stat(follow_symlinks=False).st_uid != uid:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    _delete(entry.path)
                else:
                    os.unlink(entry.path)
            except OSError:
                pass


def _delete(folder: str) -> None:
    """Also folders in folders, too deep for Python to follow."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except RecursionError:
        command = ["/bin/rm", "-rf", "--", folder]
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def send(link: socket.socket, data: bytes) -> None:
    link.sendall(struct.pack("<Q", len(data)) + data)


def receive(link: socket.socket) -> bytes | None:
    """One message; None when the other side is gone."""
    head = _exactly(link, 8)
    return None if head is None else _exactly(link, struct.unpack("<Q", head)[0])


def _exactly(link: socket.socket, count: int) -> bytes | None:
    data = bytearray()
    while len(data) < count:
        more = link.recv(min(count - len(data), 1 << 20))
        if not more:
            return None
        data += more
    return bytes(data)


if __name__ == "__main__":
    main()
