"""Landlock: without any rights a process closes disk, ports and other processes to itself (Linux 5.13 and later)."""

import ctypes
import os
import stat
import struct
from collections.abc import Iterable
from pathlib import Path

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446  # the same number on every machine
_ONLY_VERSION, _BENEATH = 1, 1
_READ = 0b1101  # execute, read a file, read a folder
_OF_FILES = 0b1100000000000111  # of these rights, those on a file: execute, write, read, truncate, control a device
_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}  # number of rights on files that each version knows first
_PORTS, _SIGNALS = 4, 6  # versions that first close ports of TCP, signals and sockets without a file

_libc = ctypes.CDLL(None, use_errno=True) if os.uname().sysname == "Linux" else None


def version() -> int:
    """Return the kernel's version of Landlock, 0 where it has none."""
    return max(0, _call(_CREATE, None, 0, _ONLY_VERSION))


def confine(readable: Iterable[Path], writable: Iterable[Path]) -> bool:
    """Close all files and folders but these to this process and its children, for good; return whether it worked.

    Where the kernel can, ports of TCP, signals to others and sockets without a file are closed, too. What is not there
    is passed over. Needs no_new_privileges.
    """
    known = version()
    if not known:
        return False
    rights = (1 << max(count for first, count in _RIGHTS.items() if first <= known)) - 1
    closed = struct.pack("=QQQ", rights, 3 if known >= _PORTS else 0, 3 if known >= _SIGNALS else 0)
    rules = _call(_CREATE, closed, 8 if known < _PORTS else 16 if known < _SIGNALS else 24, 0)
    if rules < 0:
        return False
    for paths, granted in ((readable, _READ), (writable, rights)):
        for path in paths:
            try:
                handle = os.open(path, os.O_PATH)
            except OSError:
                continue
            given = granted if stat.S_ISDIR(os.fstat(handle).st_mode) else granted & _OF_FILES
            _call(_ADD_RULE, rules, _BENEATH, struct.pack("=Qi", given, handle), 0)
            os.close(handle)
    done = _call(_RESTRICT, rules, 0) == 0
    os.close(rules)
    return done


def list_open(folders: Iterable[Path], closed: Iterable[Path]) -> list[Path]:
    """List what is to be opened so that all in `folders` can be reached but nothing in `closed`.

    A folder that holds a closed one is not listed itself but by what else is in it; links lead to what counts alone.
    """
    found, closed = [], set(closed)
    for folder in folders:
        if folder.is_symlink() or any(folder.is_relative_to(path) for path in closed):
            continue
        if not any(path.is_relative_to(folder) for path in closed):
            found.append(folder)
            continue
        try:
            inside = sorted(folder.iterdir())
        except OSError:
            continue
        found += list_open(inside, closed)
    return found


def _call(number: int, *arguments: object) -> int:
    if _libc is None:
        return -1
    return _libc.syscall(number, *arguments)
