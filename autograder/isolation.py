"""Set up once, before any student code, what is around all calls: namespaces, and a disk that cannot be written to."""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from autograder import kernel, landlock

WRITABLE = [Path("/tmp"), Path("/var/tmp"), Path("/dev/shm")]  # each call has them for itself alone, and empty
# What programs need of the folders at the top. In the others are people's files, and the sockets of other programs.
SYSTEM = {"bin", "boot", "dev", "etc", "gnu", "lib", "lib32", "lib64", "libx32", "nix", "opt", "proc", "sbin", "snap",
          "sys", "usr", "var"}  # fmt: skip
DEVICES = [Path("/dev", name) for name in ("null", "zero", "full", "random", "urandom")]  # none keeps what is written
NAMESPACES = {
    "network namespace": kernel.NEW_NETWORK,
    "mount namespace": kernel.NEW_MOUNTS,
    "ipc namespace": kernel.NEW_IPC,
    "process namespace": kernel.NEW_PID,
}
MEGABYTES = 128  # that one call may write to one folder
NEEDED = (
    "expected to run student code as another user or in a user namespace, got neither here: grade as root, or in a "
    "container, or let users have namespaces (docs/autograder.md says how). --unprotected grades all the same: then a "
    "submission that attacks can do whatever you can"
)
LAST_NUMBER = "/proc/sys/kernel/ns_last_pid"


@dataclass
class Isolation:
    """Surroundings of each call. `layers`: of each layer, whether it is on."""

    uid: int | None  # the child's own user; None: the grader's
    shown: list[Path]  # folders that are seen wherever they lie: Python, and the student's files
    readable: list[Path] = field(default_factory=list)  # folders that a call may read, where Landlock closes the others
    without: list[str] = field(default_factory=list)  # layers that are left off: for tests
    layers: dict[str, bool] = field(default_factory=dict)

    @property
    def leaves_nothing(self) -> bool:
        """Tell whether all that a call can write to goes when it ends, so that nothing has to be swept up."""
        return all(self.layers.get(name) for name in ("disk read-only", "folders of each call's own"))


def enter(project: Path, uid: int | None, hide: list[Path], without: list[str]) -> Isolation:
    """Move this process into namespaces of its own, where the kernel lets it. without: layers to leave off."""
    kernel.end_with_parent()
    os.umask(0o022)  # of whoever grades, it would close the folders that are made here to the child's user
    roots = [Path(sys.prefix), Path(sys.base_prefix), project]
    here = Isolation(uid, sorted({*roots, *(path.resolve() for path in roots)}), without=without)
    _enter_namespaces(here.layers, without)
    here.layers["orphans collected"] = kernel.collect_orphans()
    here.layers["memory hidden"] = kernel.hide_memory()
    if here.layers["mount namespace"]:
        here.layers["mount namespace"] = kernel.private_mounts()
        if here.layers["process namespace"]:
            here.layers["own /proc"] = kernel.mount_proc()
        here.layers["folders hidden"] = _hide_folders(hide, here.shown)
        here.layers["few devices"] = _hide_devices()
        here.layers["disk read-only"] = kernel.read_only_but(("/proc",))
        _own_folders(here.shown)  # the server's own, which libraries write to while they are imported
    closed = {*hide, *WRITABLE}
    here.readable = landlock.list_open((Path("/", name) for name in sorted(SYSTEM)), closed)
    for folder in here.shown:
        here.readable += landlock.list_open([folder], {path for path in closed if not folder.is_relative_to(path)})
    return here


def separates() -> bool:
    """Tell whether student code can be kept from what this user may do: by another user, or by a user namespace."""
    if os.getuid() == 0:
        return True
    pid = os.fork()
    if pid == 0:
        os._exit(not kernel.own_user_namespace())
    return os.waitpid(pid, 0)[1] == 0


def enter_call(here: Isolation) -> bool:
    """In the child of one call: folders of its own to write to, and no queue or shared memory but its own.

    They go with the last process of the call, and with them all that it wrote.
    """
    flags = kernel.NEW_MOUNTS | (kernel.NEW_IPC if here.layers["ipc namespace"] else 0)
    return here.layers["mount namespace"] and kernel.unshare(flags) and _own_folders(here.shown)


def repeat_process_numbers(here: Isolation) -> bool:
    """Let the next fork have the same number as the one before: how many processes a call began is not to be seen."""
    try:
        Path(LAST_NUMBER).write_text("100")
    except OSError:
        return False
    return here.layers["process namespace"]


def _enter_namespaces(layers: dict[str, bool], without: list[str]) -> None:
    root = os.getuid() == 0
    if not root:
        layers["user namespace"] = root = "user namespace" not in without and kernel.own_user_namespace()
    for name, flag in NAMESPACES.items():
        layers[name] = root and name not in without and kernel.unshare(flag)
    if layers["process namespace"]:
        first = os.fork()
        if first:
            os.waitpid(first, 0)
            os._exit(0)
        kernel.end_with_parent()


def _hide_folders(hide: list[Path], shown: list[Path]) -> bool:
    """An empty folder over each of `hide`, and over all at the top of the disk but the system's."""
    others = {folder for folder in Path("/").iterdir() if folder.name not in SYSTEM}
    covered = {*hide, *others} - set(WRITABLE)
    return _cover(sorted(covered, key=lambda folder: len(folder.parts)), shown, 0o755)


def _hide_devices() -> bool:
    """A /dev with a few devices that remember nothing: no terminals, no graphics card, no message queues."""
    if not _cover([Path("/dev")], [path for path in DEVICES if path.exists()], 0o755):
        return False
    Path("/dev/shm").mkdir()
    for i, name in enumerate(("stdin", "stdout", "stderr")):
        os.symlink(f"/proc/self/fd/{i}", f"/dev/{name}")
    os.symlink("/proc/self/fd", "/dev/fd")
    return True


def _own_folders(shown: list[Path]) -> bool:
    return _cover(WRITABLE, shown, 0o1777)


def _cover(folders: list[Path], shown: list[Path], mode: int) -> bool:
    """shown is opened before anything is covered, which may hide what a link in it leads through."""
    inside = [path for path in shown if any(path.is_relative_to(folder) for folder in folders)]
    handles, done = {path: os.open(path, os.O_PATH) for path in inside}, True
    for folder in folders:
        if folder.is_dir() and not folder.is_symlink():
            done &= kernel.cover(folder, handles, MEGABYTES, mode)
    for handle in handles.values():
        os.close(handle)
    return done
