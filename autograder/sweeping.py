"""Look for what a call without folders of its own left, and delete it, wherever everybody may write.

That is less than a disk that cannot be written to: when a file was last read is not set back, and what everybody may
write to or rename without owning it is only named (`unsafe`), for staff to close.
"""

import os
import shutil
import stat
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from autograder import kernel

SECONDS = 60  # for the search, which goes on while libraries are imported
MOST = 1000  # places


class Search:
    """A search of the whole disk for what everybody may write to: `places`, when it is done."""

    def __init__(self) -> None:
        command = "find / ( -path /proc -o -path /sys ) -prune -o -perm -0002 ( -type d -o -type f -o -type c ) -print0"
        self.said = tempfile.TemporaryFile()
        self.process: subprocess.Popen | None
        try:
            self.process = subprocess.Popen(
                command.split(), stdin=subprocess.DEVNULL, stdout=self.said, stderr=subprocess.DEVNULL
            )
        except OSError:
            self.process = None

    def places(self) -> "Places | None":
        """None where the search did not come to its end."""
        if self.process is None:
            return None
        try:
            self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None
        self.said.seek(0)
        found = [os.fsdecode(path) for path in self.said.read().split(b"\0") if path]
        return Places(found) if len(found) <= MOST else None


class Places:
    """Folders and devices that everybody may write to, as they were before the first call."""

    def __init__(self, paths: list[str]) -> None:
        self.times: dict[str, tuple[int, int]] = {}  # of each: of its last reading and writing
        self.unsafe: list[str] = []  # files, and folders in which everybody may rename what is others'
        for path in paths:
            with suppress(OSError):
                status = os.lstat(path)
                self.times[path] = status.st_atime_ns, status.st_mtime_ns
                if stat.S_ISREG(status.st_mode) or (stat.S_ISDIR(status.st_mode) and not status.st_mode & stat.S_ISVTX):
                    self.unsafe.append(path)

    def sweep(self, uid: int) -> None:
        """Delete what this user owns in these folders, and its System V objects; set the times back."""
        kernel.remove_ipc(uid)
        for path, times in self.times.items():
            with suppress(OSError):
                _sweep(path, uid)
            with suppress(OSError):
                os.utime(path, ns=times)


def _sweep(folder: str, uid: int) -> None:
    """Also in folders that somebody else made since, in which everybody may write."""
    if not os.path.isdir(folder):
        return
    for entry in os.scandir(folder):
        with suppress(OSError):
            status = entry.stat(follow_symlinks=False)
            if status.st_uid == uid:
                delete(entry.path)
            elif stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_IWOTH:
                _sweep(entry.path, uid)


def delete(path: str) -> None:
    """A file, or a folder with all in it: also folders in folders, too deep for Python to follow."""
    if not os.path.isdir(path) or os.path.islink(path):
        Path(path).unlink(missing_ok=True)
        return
    try:
        shutil.rmtree(path, ignore_errors=True)
    except RecursionError:
        command = ["/bin/rm", "-rf", "--", path]
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
