"""The processes that come from one process: finding them, weighing them, ending them. Nobody else's are touched."""

import os
import re
import signal
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

PATIENCE = 5  # seconds for ending all

Process = tuple[int, str, int]  # id, state, parent


def of(root: int) -> list[int]:
    """The ids of all living descendants of process `root`, by following parents in /proc."""
    return _among(_processes(), root)


def children(root: int) -> set[int]:
    """The ids of the children of process `root`, also of those that ended and were not waited for."""
    return {pid for pid, _, parent in _processes() if parent == root}


def memory(pids: list[int], shared: int) -> int:
    """Bytes of anonymous memory that these processes hold beyond the `shared` that each was forked with."""
    return sum(max(0, anonymous(pid) - shared) for pid in pids)


def anonymous(pid: int) -> int:
    """Bytes that a process holds of no file: its own, and those that it shares by mmap or memfd."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(errors="replace")
    except OSError:
        return 0
    return 1024 * sum(map(int, re.findall(r"^Rss(?:Anon|Shmem):\s+(\d+) kB$", status, re.MULTILINE)))


def age(pid: int) -> float:
    """Seconds since this process began; 0 where that cannot be known."""
    fields = _stat(pid)
    if fields is None:
        return 0.0
    return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK"))


def end_all(root: int, spare: Collection[int] = ()) -> bool:
    """End every descendant of `root` (which must be this process, and collect orphans), and reap them.

    Not those in `spare`, nor what comes from them. The others are stopped before they are killed, so that none can
    fork away in between. Returns whether none is left.
    """
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        processes = list(_processes())
        pids = _among(processes, root, spare)
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
        for pid, _, parent in processes:
            if parent == root and pid not in spare:
                with suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
        if not pids:
            return True
        time.sleep(0.002)
    return False


def _among(processes: Iterable[Process], root: int, spare: Collection[int] = ()) -> list[int]:
    children = defaultdict(list)
    for pid, state, parent in processes:
        if state != "Z" and pid not in spare:
            children[parent].append(pid)
    found, waiting = [], [root]
    while waiting:
        more = children.get(waiting.pop(), [])
        found += more
        waiting += more
    return found


def _processes() -> Iterator[Process]:
    """The id, state and parent of every process here."""
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            fields = _stat(int(entry.name))
            if fields:
                yield int(entry.name), fields[0], int(fields[1])


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/pid/stat after the name, which may itself hold spaces and brackets: state, parent, ..."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
