"""Take in what a student handed in, a folder or a zip: the bytes of the files that are theirs. Nothing is executed."""

import hashlib
import io
import os
import re
import stat
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from autograder.assignment import Assignment, read
from autograder.reading import is_text
from autograder.results import printable

MANIFEST = "MANIFEST.sha256"  # what collect_submission.py writes: a sum and a name on each line
SINGLE = re.compile(r"^(?:.+?_(?:LATE_)?\d+_\d+_)?(.+?)(?:-\d+)?(?=\.py$)")  # Canvas's marks around a file's name
POINTER = b"version https://git-lfs.github.com/spec/"  # what Git LFS leaves in a file's place
NAMES = 3  # of files that are told
MAX_ENTRIES = 20_000  # files and folders that are looked at
MAX_DIRECTORY = 5 * 1024 * 1024  # bytes of a zip's list of names
MAX_ZIP = 200 * 1024 * 1024
MAX_INNER = 50 * 1024 * 1024  # bytes of a zip in what was handed in
MAX_DEPTH = 3  # folders above a file that is looked at: the project may lie two levels down


class IntakeError(ValueError):
    """The submission cannot be taken in; the message says why, in one sentence."""


class NothingInIt(IntakeError):
    """It holds no file at all: it was read, and there is nothing to grade."""


@dataclass
class Submission:
    files: dict[str, bytes] = field(default_factory=dict)  # by their name in the project
    missing: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # what a person should know, one sentence each
    earlier: dict[str, str] = field(default_factory=dict)  # by part, what is an earlier semester's: see adapter.py
    unreadable: str = ""  # why it could not be read, which is no reason for 0 points; "" if it could


def accept(path: Path, singles: Sequence[Path] = (), assignment: Assignment | None = None) -> Submission:
    """Submission at `path`, by `take_in`; what cannot be taken in has no files, a note, and is `unreadable`."""
    try:
        return take_in(path, singles, assignment)
    except IntakeError as problem:
        said, empty = str(problem), isinstance(problem, NothingInIt)
        note = f"{said[:1].upper()}{said[1:]}."
        return Submission(missing=list((assignment or read()).files), notes=[note], unreadable="" if empty else said)


def take_in(path: Path, singles: Sequence[Path] = (), assignment: Assignment | None = None) -> Submission:
    """The student's files in a folder or zip, or single ones, of which `path` is the first. Raises IntakeError."""
    assignment = assignment or read()
    if singles:
        return _choose(_Singles(singles, assignment), assignment)
    if path.is_dir():
        return _choose(_Folder(path), assignment)
    if not path.is_file():
        raise IntakeError(f"expected a folder or a zip at {path.name}, found none: check the path")
    if path.stat().st_size > MAX_ZIP:
        raise IntakeError(f"expected a zip of at most {MAX_ZIP >> 20} MB, got {path.stat().st_size >> 20} MB")
    with path.open("rb") as file:
        return _unzip(file, assignment)


def _unzip(file: IO[bytes], assignment: Assignment, within: bool = False) -> Submission:
    """Take in what a zip holds. within: this zip lies in what was handed in."""
    try:
        _refuse_endless_directory(file)
        with zipfile.ZipFile(file) as archive:
            return _choose(_Zip(archive), assignment, within)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, ValueError, RuntimeError) as problem:
        if isinstance(problem, IntakeError):
            raise
        raise IntakeError(
            f"expected a folder or a zip, got a file that cannot be opened as one ({type(problem).__name__}): "
            "hand in the zip that collect_submission.py writes"
        ) from None


def _refuse_endless_directory(file: IO[bytes]) -> None:
    """Raise IntakeError where a zip's directory, which is read as a whole when it is opened, is too large.

    Its size stands at the end of the file, in one of two formats: zipfile is asked how it will read it.
    """
    end = zipfile._EndRecData(file)  # type: ignore[attr-defined]
    if end is not None and end[zipfile._ECD_SIZE] > MAX_DIRECTORY:  # type: ignore[attr-defined]
        raise _too_many()


class _Folder:
    """Links are neither followed nor read."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def names(self) -> list[str]:
        found, seen = [], 0
        for folder, inner, files in os.walk(self.root, onerror=self._refuse):
            seen += len(inner) + len(files)
            if seen > MAX_ENTRIES:
                raise _too_many()
            paths = [Path(folder, name) for name in files]
            plain = (path for path in paths if os.path.isfile(path) and not os.path.islink(path))
            found += [path.relative_to(self.root).as_posix() for path in plain]
            deeper = [name for name in inner if not name.startswith(".") and name != "__pycache__"]
            inner[:] = deeper if len(Path(folder).relative_to(self.root).parts) < MAX_DEPTH else []
        return found

    def _refuse(self, problem: OSError) -> None:
        """Folders below that cannot be read are passed over."""
        if problem.filename == str(self.root):
            raise IntakeError(f"expected to read the folder, got {problem.strerror}: hand it in again") from None

    def read(self, name: str, most: int) -> bytes:
        """At most one byte more than `most`."""
        try:
            handle = os.open(self.root / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as problem:
            raise IntakeError(f"expected to read {name}, got {problem.strerror}: hand it in again") from None
        with open(handle, "rb") as file:
            return file.read(most + 1)


class _Singles:
    """Files without folders: of two that may have one name, the one with that class is the module."""

    def __init__(self, paths: Sequence[Path], assignment: Assignment) -> None:
        self.files: dict[str, bytes] = {}
        for path in paths:
            with path.open("rb") as file:
                data = file.read(assignment.most_bytes + 1)
            own = SINGLE.sub(r"\1", _plain(path.name))
            fit = [name for name in assignment.files if PurePosixPath(name).name == own] or [own]
            of_class = rf"^class {own.removesuffix('.py').replace('_', '')}\b".encode()
            module = re.search(of_class, data, re.MULTILINE | re.IGNORECASE)
            name = fit[0] if module else fit[-1]
            if name in self.files:
                raise IntakeError(f"expected each file once, got two that may be {_plain(name)}: put them into a zip")
            self.files[name] = data

    def names(self) -> list[str]:
        return list(self.files)

    def read(self, name: str, most: int) -> bytes:
        """At most one byte more than `most`."""
        return self.files[name]


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

    def read(self, name: str, most: int) -> bytes:
        """At most one byte more than `most`."""
        with self.archive.open(self.entries[name]) as file:
            return file.read(most + 1)


def _choose(source: _Folder | _Zip | _Singles, assignment: Assignment, within: bool = False) -> Submission:
    """The project is where most of the student's files are; of two equally good places, the upper one.

    Where there are none of them but one zip, it is looked for in that, unless this is one already (within).
    """
    names, files, most = source.names(), assignment.files, assignment.most_bytes
    if not names:
        raise NothingInIt(f"expected the assignment's files, such as {files[0]}, found none of them")
    present = set(names)
    roots = {""} | {str(parent) for name in names for parent in PurePosixPath(name).parents if str(parent) != "."}
    here = {root: [name for name in files if _join(root, name) in present] for root in roots}
    root = min(roots, key=lambda root: (-len(here[root]), root.count("/"), len(root), root))
    zips = [name for name in names if name.lower().endswith(".zip")]
    if not here[root] and len(zips) == 1 and not within:
        data = source.read(zips[0], MAX_INNER)
        if len(data) > MAX_INNER:
            raise IntakeError(f"expected a zip of at most {MAX_INNER >> 20} MB in it, got {_plain(zips[0])} with more")
        submission = _unzip(io.BytesIO(data), assignment, within=True)
        submission.notes.append(f"The project was found in the zip {_plain(zips[0])}.")
        return submission
    if not here[root]:
        raise IntakeError(
            f"expected the assignment's files, such as {files[0]}, found none of them within "
            f"{MAX_DEPTH - 1} levels of folders{_others(names)}: "
            "hand in the zip that collect_submission.py writes"
        )
    submission = Submission(missing=[name for name in files if name not in here[root]])
    if root:
        submission.notes.append(f"The project was found in the folder {_plain(root)}.")
    for name in here[root]:
        data = source.read(_join(root, name), most)
        if len(data) > most:
            submission.missing.append(name)
            submission.notes.append(f"{name} has more than {most >> 10} kB and was not taken.")
        else:
            submission.files[name] = data
    submission.earlier = assignment.adapter.find_earlier(submission.files)
    submission.notes = [*_earlier(submission.earlier), *_no_code(submission.files, names), *submission.notes]
    if (manifest := _join(root, MANIFEST)) in present:
        submission.notes += _find_changed(source.read(manifest, most), submission.files)
    if submission.missing:
        submission.notes.append("Missing, and graded as not done: " + ", ".join(submission.missing) + ".")
    return submission


def _earlier(found: Mapping[str, str]) -> list[str]:
    """One note on what an earlier semester's lines lack."""
    if not found:
        return []
    return [
        f"Given lines of an earlier semester: {'; '.join(found.values())}. They are not the student's mistake, but "
        "today's tests need today's lines: copy your own into this semester's files."
    ]


def _no_code(files: Mapping[str, bytes], names: Iterable[str]) -> list[str]:
    """Sentences on what cannot be graded as it is. files: those that were taken; names: of all that was handed in."""
    lines = []
    if pointers := [name for name, data in files.items() if data.startswith(POINTER)]:
        lines.append(
            f"Pointers of Git LFS instead of the files themselves: {_some(pointers)}. Run `git lfs pull`, look into "
            "them, and collect again."
        )
    if others := [name for name, data in files.items() if not is_text(data)]:
        lines.append(f"Not saved as UTF-8, which Python may not be able to read: {_some(others)}. Save it as UTF-8.")
    if notebooks := sorted(PurePosixPath(name).name for name in names if name.endswith(".ipynb")):
        lines.append(f"Notebooks are not graded ({_some(notebooks)}): the code belongs in the modules.")
    return lines


def _others(names: Iterable[str]) -> str:
    """Name what was handed in instead of this assignment, for the middle of a sentence, or ""."""
    found = sorted(name for name in names if name.endswith((".py", ".ipynb")))
    return f", but {_some(found)} (another assignment's?)" if found else ""


def _some(names: list[str]) -> str:
    shown = ", ".join(re.sub(r"[^\w./ -]", "?", name)[:60] for name in names[:NAMES])
    return f"{shown} and {len(names) - NAMES} more" if len(names) > NAMES else shown


def _find_changed(manifest: bytes, files: dict[str, bytes]) -> list[str]:
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
    return printable(text, "")[:100]
