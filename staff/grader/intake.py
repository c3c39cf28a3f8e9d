"""From what a student handed in, a folder or a zip, to the bytes of the files that are theirs. Nothing is executed."""

import hashlib
import os
import stat
import unicodedata
import zipfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from staff.grader import assignment, foreign

STUDENT_FILES = assignment.read().files
MANIFEST = "MANIFEST.sha256"  # what collect_submission.py writes: a sum and a name on each line
MAX_FILE = int(assignment.read().limits["kilobytes"]) << 10  # bytes of one file of code
MAX_ENTRIES = 20_000  # files and folders that are looked at
MAX_DIRECTORY = 5 * 1024 * 1024  # bytes of a zip's list of names
MAX_ZIP = 200 * 1024 * 1024
MAX_DEPTH = 3  # folders above a file that is looked at: the project may lie two levels down


class IntakeError(ValueError):
    """The submission cannot be taken in; the message says why, in one sentence."""


@dataclass
class Submission:
    files: dict[str, bytes] = field(default_factory=dict)  # by their name in the project
    missing: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # what a person should know, one sentence each
    earlier: dict[str, str] = field(default_factory=dict)  # by part, what is an earlier semester's: see foreign.py


def taken_in(path: Path) -> Submission:
    """As `take_in`; what cannot be taken in is a submission without files, and a note that says why."""
    try:
        return take_in(path)
    except IntakeError as problem:
        said = str(problem)
        return Submission(missing=list(STUDENT_FILES), notes=[f"{said[:1].upper()}{said[1:]}."])


def take_in(path: Path) -> Submission:
    """The student's files in a folder or zip. Raises IntakeError."""
    if path.is_dir():
        return _choose(_Folder(path))
    if not path.is_file():
        raise IntakeError(f"expected a folder or a zip at {path.name}, found none: check the path")
    if path.stat().st_size > MAX_ZIP:
        raise IntakeError(f"expected a zip of at most {MAX_ZIP >> 20} MB, got {path.stat().st_size >> 20} MB")
    _refuse_endless_directory(path)
    try:
        with zipfile.ZipFile(path) as archive:
            return _choose(_Zip(archive))
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, ValueError, RuntimeError) as problem:
        if isinstance(problem, IntakeError):
            raise
        raise IntakeError(
            f"expected a folder or a zip, got a file that cannot be opened as one ({type(problem).__name__}): "
            "hand in the zip that collect_submission.py writes"
        ) from None


def _refuse_endless_directory(path: Path) -> None:
    """A zip's directory is read as a whole when it is opened; its size stands at the end of the file."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 70_000))
        end = file.read()
    at = end.rfind(b"PK\5\6")
    if at < 0 or len(end) < at + 22:
        return  # not a zip: opening it says so
    size = int.from_bytes(end[at + 12 : at + 16], "little")
    if size > MAX_DIRECTORY or end[max(0, at - 20) : at].startswith(b"PK\6\7"):  # the latter: of the format for 4 GB
        raise _too_many()


class _Folder:
    """Links are neither followed nor read."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def names(self) -> list[str]:
        found, waiting = [], [(self.root, 0)]
        seen = 0
        while waiting:
            folder, depth = waiting.pop()
            try:
                entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
            except OSError:
                continue
            for entry in entries:
                seen += 1
                if seen > MAX_ENTRIES:
                    raise _too_many()
                if entry.is_dir(follow_symlinks=False):
                    if depth < MAX_DEPTH and not entry.name.startswith(".") and entry.name != "__pycache__":
                        waiting.append((Path(entry.path), depth + 1))
                elif entry.is_file(follow_symlinks=False):
                    found.append(Path(entry.path).relative_to(self.root).as_posix())
        return found

    def read(self, name: str) -> bytes:
        try:
            handle = os.open(self.root / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as problem:
            raise IntakeError(f"expected to read {name}, got {problem.strerror}: hand it in again") from None
        with open(handle, "rb") as file:
            return file.read(MAX_FILE + 1)


class _Zip:
    """Entries are read by name and bounded, never extracted: there is no path to escape from."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive
        if len(archive.infolist()) > MAX_ENTRIES:
            raise _too_many()
        self.entries: dict[str, zipfile.ZipInfo] = {}
        for entry in archive.infolist():
            path = PurePosixPath(entry.filename.replace("\\", "/"))
            if path.is_absolute() or ".." in path.parts or ":" in path.parts[:1]:
                raise IntakeError(
                    "expected names inside the zip, got one that leads out of it: "
                    "hand in the zip that collect_submission.py writes"
                )
            if entry.is_dir() or path.parts[:1] == ("__MACOSX",) or len(path.parts) > MAX_DEPTH + 1:
                continue
            if stat.S_ISLNK(entry.external_attr >> 16):
                continue
            if path.as_posix() in self.entries and entry.filename.endswith(".py"):
                raise IntakeError(f"expected each file once, got {_plain(path.as_posix())} twice: zip it again")
            self.entries[path.as_posix()] = entry

    def names(self) -> list[str]:
        return list(self.entries)

    def read(self, name: str) -> bytes:
        with self.archive.open(self.entries[name]) as file:
            return file.read(MAX_FILE + 1)


def _choose(source: _Folder | _Zip) -> Submission:
    """The project is where most of the student's files are; of two equally good places, the upper one."""
    names = source.names()
    present = set(names)
    roots = {""} | {str(parent) for name in names for parent in PurePosixPath(name).parents if str(parent) != "."}
    within = {root: [name for name in STUDENT_FILES if _join(root, name) in present] for root in roots}
    root = min(roots, key=lambda root: (-len(within[root]), root.count("/"), len(root), root))
    if not within[root]:
        raise IntakeError(
            f"expected the assignment's files, such as {STUDENT_FILES[0]}, found none of them within "
            f"{MAX_DEPTH - 1} levels of folders{foreign.others(names)}: "
            "hand in the zip that collect_submission.py writes"
        )
    submission = Submission(missing=[name for name in STUDENT_FILES if name not in within[root]])
    if root:
        submission.notes.append(f"The project was found in the folder {_plain(root)}.")
    for name in within[root]:
        data = source.read(_join(root, name))
        if len(data) > MAX_FILE:
            submission.missing.append(name)
            submission.notes.append(f"{name} has more than {MAX_FILE >> 10} kB and was not taken.")
        else:
            submission.files[name] = data
    submission.earlier = foreign.earlier(submission.files)
    submission.notes = [*foreign.told(submission.earlier), *foreign.notes(submission.files, names), *submission.notes]
    if (manifest := _join(root, MANIFEST)) in present:
        submission.notes += _changed_since(source.read(manifest), submission.files)
    if submission.missing:
        submission.notes.append("Missing, and graded as not done: " + ", ".join(submission.missing) + ".")
    return submission


def _changed_since(manifest: bytes, files: dict[str, bytes]) -> list[str]:
    """One sentence on the files that are not as collect_submission.py took them. They are graded all the same."""
    collected = {line[66:]: line[:64] for line in manifest.decode(errors="replace").splitlines()}
    changed = [name for name, data in files.items() if collected.get(name) != hashlib.sha256(data).hexdigest()]
    return [f"Changed after they were collected: {', '.join(changed)}."] if changed else []


def _join(root: str, name: str) -> str:
    return f"{root}/{name}" if root else name


def _too_many() -> IntakeError:
    return IntakeError(f"expected at most {MAX_ENTRIES} files, got more: hand in the assignment's folder alone")


def _plain(text: str) -> str:
    """A student's file name, fit for a page or a terminal."""
    shown = "".join(c if unicodedata.category(c)[0] not in "CZ" or c == " " else "?" for c in text)
    return shown.encode("ascii", "replace").decode()[:100]
