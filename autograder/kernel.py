"""The few calls to the Linux kernel that Python does not wrap. Each returns whether it worked; none raises."""

import ctypes
import os
import re
import stat
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

NEW_MOUNTS, NEW_IPC, NEW_USER, NEW_PID, NEW_NETWORK = 0x20000, 0x8000000, 0x10000000, 0x20000000, 0x40000000

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 4, 36, 38
_MS_READONLY, _MS_NOSUID, _MS_NODEV, _MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
_MS_STRICTATIME = 1 << 24
_MOUNT_OPTIONS = {"nosuid": 2, "nodev": 4, "noexec": 8, "noatime": 1024, "nodiratime": 2048, "relatime": 1 << 21}
_IPC_CREATED = {"shm": "shmctl", "msg": "msgctl", "sem": "semctl"}  # System V's, in /proc/sysvipc, and who removes them
_EPERM = 1
_HUGE, _MADV_COLLAPSE = 2 << 20, 25

# By machine: its number in the kernel's audit.h, then those of system calls.
_MACHINES = {
    "x86_64": {
        "audit": 0xC000003E, "capset": 126, "seccomp": 317, "add_key": 248, "request_key": 249, "keyctl": 250,
        "socket": 41, "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "io_uring_setup": 425,
    },
    "aarch64": {
        "audit": 0xC00000B7, "capset": 91, "seccomp": 277, "add_key": 217, "request_key": 218, "keyctl": 219,
        "socket": 198, "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271, "io_uring_setup": 425,
    },
}  # fmt: skip
# A user's keyring outlives all processes; a socket reaches other programs and machines; the others lead round this
# filter or into memory of others. Pairs of sockets, which Python's own modules use, stay.
_REFUSED = ("add_key", "request_key", "keyctl", "socket", "ptrace", "process_vm_readv", "process_vm_writev",
            "io_uring_setup")  # fmt: skip
_machine = _MACHINES.get(os.uname().machine)

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def unshare(flags: int) -> bool:
    return _ok("unshare", flags)


def own_user_namespace() -> bool:
    """Become root of a user namespace, in which only the present user exists. Afterwards memory is not hidden."""
    uid, gid = os.getuid(), os.getgid()
    _ok("prctl", _PR_SET_DUMPABLE, 1, 0, 0, 0)  # who hides their memory may not write these files either
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


def huge_pages() -> bool:
    """Gather this process's memory in pages of 2 MB: the table of them, which each fork copies, is short then.

    Returns whether some of it is gathered: what was never written to cannot be.
    """
    done = False
    for line in Path("/proc/self/maps").read_text().splitlines():
        place, rights, _, _, inode = line.split()[:5]
        begin, end = (int(address, 16) for address in place.split("-"))
        begin, end = -(-begin // _HUGE) * _HUGE, end // _HUGE * _HUGE
        if rights == "rw-p" and inode == "0" and begin < end:
            done |= _ok("madvise", begin, end - begin, _MADV_COLLAPSE)
    return done


def no_new_privileges() -> bool:
    return _ok("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def drop_capabilities() -> bool:
    if _machine is None:
        return False
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3, this process
    return _ok("syscall", _machine["capset"], header, (ctypes.c_uint32 * 6)())


def refuse_system_calls() -> bool:
    """Refuse the system calls of _REFUSED to this process and its children. Needs no_new_privileges."""
    if _machine is None:
        return False
    refused = [_machine[name] for name in _REFUSED]
    load, equal, at_least, give = 0x20, 0x15, 0x35, 0x06  # instructions of the kernel's filters (BPF)
    program = [(load, 0, 0, 4), (equal, 1, 0, _machine["audit"]), (give, 0, 0, 0x50000 | _EPERM), (load, 0, 0, 0)]
    checks = [(at_least, 0x40000000), *((equal, number) for number in refused)]  # from there on: the same once more
    for i, (kind, number) in enumerate(checks):
        program.append((kind, len(checks) - i, 0, number))
    program += [(give, 0, 0, 0x7FFF0000), (give, 0, 0, 0x50000 | _EPERM)]  # allowed, refused
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    whole = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(buffer)))
    # The flag leaves the processor as fast as it is: older kernels slow it down for whoever has a filter.
    return _ok("syscall", _machine["seccomp"], 1, 4, whole)


def list_ipc() -> Iterator[tuple[str, int, int]]:
    """Yield the kind, number and owner of each System V object here."""
    for kind in _IPC_CREATED:
        try:
            head, *lines = Path(f"/proc/sysvipc/{kind}").read_text().splitlines()
        except (OSError, ValueError):
            continue
        column = head.split().index("uid")
        yield from ((kind, int(fields[1]), int(fields[column])) for fields in map(str.split, lines))


def remove_ipc(uid: int) -> None:
    """Delete the System V shared memory, queues and semaphores of a user, as that user: root may lack the right."""
    found = [(kind, number) for kind, number, owner in list_ipc() if owner == uid]
    if not found:
        return
    pid = os.fork()
    if pid == 0:
        os.setresuid(uid, uid, uid)
        for kind, number in found:
            _ok(_IPC_CREATED[kind], number, *([0] if kind == "sem" else []), 0, None)
        os._exit(0)
    os.waitpid(pid, 0)


def private_mounts() -> bool:
    return _mount(None, "/", None, _MS_REC | _MS_PRIVATE)


def mount_proc() -> bool:
    return _mount("proc", "/proc", "proc", _MS_NOSUID | _MS_NODEV)


def cover(folder: Path, keep: dict[Path, int], megabytes: int, mode: int = 0o755) -> bool:
    """An empty folder in memory over `folder`, in which only those of `keep` that lie in it are seen, read-only.

    keep: folders and devices, and an open handle of each: their paths may lead nowhere while folders are covered.
    """
    options = f"size={megabytes}m,nr_inodes=20000,mode={mode:o}"
    if not _mount("tmpfs", str(folder), "tmpfs", _MS_NOSUID | _MS_NODEV, options):
        return False
    for path, handle in keep.items():
        if not path.is_relative_to(folder):
            continue
        is_folder = stat.S_ISDIR(os.fstat(handle).st_mode)
        (path if is_folder else path.parent).mkdir(parents=True, exist_ok=True)
        if not is_folder:
            path.touch()
        if not _mount(f"/proc/self/fd/{handle}", str(path), None, _MS_BIND | _MS_REC):
            return False
        kind = _MS_NODEV if is_folder else 0  # what is no folder is a device
        _mount(None, str(path), None, _MS_BIND | _MS_REMOUNT | _MS_READONLY | _MS_NOSUID | kind)
    return True


def read_only_but(writable: tuple[str, ...]) -> bool:
    """Make all mounts read-only but these; return whether now nothing else can be written to."""
    mounts = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        path, granted = line.split()[4:6]
        mounts[re.sub(r"\\(\d{3})", lambda octal: chr(int(octal[1], 8)), path)] = granted.split(",")
    done = True
    for path, options in mounts.items():
        if path in writable:
            continue
        flags = sum(flag for name, flag in _MOUNT_OPTIONS.items() if name in options)
        flags |= 0 if {"noatime", "relatime"} & set(options) else _MS_STRICTATIME
        _mount(None, path, None, _MS_BIND | _MS_REMOUNT | _MS_READONLY | flags)
        with suppress(OSError):  # it lies under another mount: nobody gets there
            done &= bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    return done


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
