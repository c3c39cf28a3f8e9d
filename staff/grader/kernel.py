"""The few calls to the Linux kernel that Python does not wrap. Each returns whether it worked; none raises."""

import ctypes
import os
import sys
from pathlib import Path

NEW_MOUNTS, NEW_IPC, NEW_USER, NEW_PID, NEW_NETWORK = 0x20000, 0x8000000, 0x10000000, 0x20000000, 0x40000000

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 4, 36, 38
_MS_READONLY, _MS_NOSUID, _MS_NODEV, _MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
_CAPSET = {"x86_64": 126, "aarch64": 91}

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def unshare(flags: int) -> bool:
    return _ok("unshare", flags)


def own_user_namespace() -> bool:
    """Become root of a user namespace, in which only the present user exists."""
    uid, gid = os.getuid(), os.getgid()
    if not unshare(NEW_USER):
        return False
    try:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    except OSError:
        return False
    return True


def end_with_parent() -> bool:
    return _ok("prctl", _PR_SET_PDEATHSIG, 9, 0, 0, 0)


def hide_memory() -> bool:
    """Nobody but root may look into this process, or trace it."""
    return _ok("prctl", _PR_SET_DUMPABLE, 0, 0, 0, 0)


def collect_orphans() -> bool:
    return _ok("prctl", _PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def no_new_privileges() -> bool:
    return _ok("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def drop_capabilities() -> bool:
    number = _CAPSET.get(os.uname().machine)
    if number is None:
        return False
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3, this process
    return _ok("syscall", number, header, (ctypes.c_uint32 * 6)())


def private_mounts() -> bool:
    return _mount(None, "/", None, _MS_REC | _MS_PRIVATE)


def mount_proc() -> bool:
    return _mount("proc", "/proc", "proc", _MS_NOSUID | _MS_NODEV)


def cover(folder: Path, keep: list[Path], megabytes: int, mode: int) -> bool:
    """An empty folder in memory over `folder`, in which only those of `keep` that lie in it are seen, read-only."""
    inside = [path for path in keep if path.is_relative_to(folder)]
    handles = [os.open(path, os.O_PATH | os.O_DIRECTORY) for path in inside]
    try:
        options = f"size={megabytes}m,nr_inodes=20000,mode={mode:o}"
        if not _mount("tmpfs", str(folder), "tmpfs", _MS_NOSUID | _MS_NODEV, options):
            return False
        for path, handle in zip(inside, handles):
            path.mkdir(parents=True, exist_ok=True)
            if not _mount(f"/proc/self/fd/{handle}", str(path), None, _MS_BIND | _MS_REC):
                return False
            _mount(None, str(path), None, _MS_BIND | _MS_REMOUNT | _MS_READONLY | _MS_NOSUID | _MS_NODEV)
    finally:
        for handle in handles:
            os.close(handle)
    return True


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> bool:
    texts = [text and text.encode() for text in (source, target, kind, options)]
    return _ok("mount", *texts[:3], flags, texts[3])


def _ok(function: str, *arguments: object) -> bool:
    if _libc is None or not hasattr(_libc, function):
        return False
    wide = [ctypes.c_ulong(value) if isinstance(value, int) else value for value in arguments]
    if function == "unshare":
        wide = list(arguments)
    return getattr(_libc, function)(*wide) == 0
