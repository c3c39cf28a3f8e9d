"""Find what a class has handed in: a folder of zips and folders, Gradescope's export, or Canvas's bulk download."""

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import yaml

from autograder import intake
from autograder.assignment import Assignment, read
from gradebook.roster import Roster, Student
from gradebook.settings import Settings

METADATA = "submission_metadata.yml"
# lovelaceada_LATE_12345_678901_assignment_3_submission-1.zip, or with LATE_ in front
CANVAS = re.compile(
    r"(?P<early>LATE_)?(?P<run>.+?)_(?P<late>LATE_)?(?P<user>\d+)_(?P<submission>\d+)_(?P<file>.+)", re.DOTALL
)
NOT_WORK = {".csv", ".toml", ".yml", ".md"}  # what else staff keep in such a folder


class ExportError(ValueError):
    """The folder cannot be read as a class's submissions."""


@dataclass
class HandedIn:
    """One submission of one student, or of several together."""

    name: str  # of its file or folder, which no other in the class has
    path: Path
    students: list[Student]
    submitted: datetime | None = None  # None where nobody says
    notes: list[str] = field(default_factory=list)  # for staff, one sentence each
    taken: intake.Submission = field(default_factory=intake.Submission)
    digest: str = ""
    singles: list[Path] = field(default_factory=list)  # files that are this submission together; the first is `path`


def find(
    folder: Path, settings: Settings, roster: Roster, assignment: Assignment | None = None
) -> list[HandedIn]:
    """All submissions in a folder, taken in and with their digests. Raises ExportError."""
    if not folder.is_dir():
        raise ExportError(f"expected a folder of submissions, got {folder}: unpack the download first")
    if (folder / METADATA).is_file():
        found = list(_gradescope(folder, roster))
    else:
        found = [_identify(path, roster) for path in sorted(folder.iterdir()) if _is_work(path)]
        found = _without_other_files(found)
    if not found:
        raise ExportError(f"expected zips and folders in {folder}, found none: name the folder that they lie in")
    for each in found:
        each.submitted = settings.handed_in.get(unicodedata.normalize("NFC", each.name), each.submitted)
        if each.submitted is not None:
            each.notes = [note for note in each.notes if not note.startswith("Late by Canvas")]
        each.taken = _take_in(each, assignment or read())
        each.digest = digest(each.taken)
    return found


def digest(taken: intake.Submission) -> str:
    """Digest all that a grading sees of a submission."""
    seen = (sorted(taken.files.items()), taken.missing, taken.notes)
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:24]


def _take_in(each: HandedIn, assignment: Assignment) -> intake.Submission:
    try:
        return intake.accept(each.path, each.singles, assignment)
    except Exception as problem:  # one that cannot be opened costs itself alone
        each.notes.append(f"It could not be taken in ({type(problem).__name__}): look at it.")
        why = "it could not be opened"
        missing = list(assignment.files)
        return intake.Submission(missing=missing, notes=["It could not be opened."], unreadable=why)


def _is_work(path: Path) -> bool:
    return not path.name.startswith((".", "__")) and path.suffix.lower() not in NOT_WORK


def _identify(path: Path, roster: Roster) -> HandedIn:
    """By its name: it is the student's, or else of Canvas's pattern."""
    stem = unicodedata.normalize("NFC", path.stem if path.is_file() else path.name)
    fit = roster.by_any(stem)
    parts = None if len(fit) == 1 else CANVAS.fullmatch(unicodedata.normalize("NFC", path.name))
    if not parts:
        student = fit[0] if len(fit) == 1 else Student(name=stem)
        return HandedIn(path.name, path, [student], notes=_unknown(roster, len(fit) == 1))
    student, known = roster.who(Student(name=parts["run"], canvas_id=parts["user"]), parts["run"])
    each = HandedIn(path.name, path, [student], notes=_unknown(roster, known))
    if parts["late"] or parts["early"]:
        each.notes.append(
            "Late by Canvas's mark, which does not say by how much: nothing is taken off. "
            f'Write the time into class.toml: [handed_in] "{path.name}" = ...'
        )
    return each


def _without_other_files(found: list[HandedIn]) -> list[HandedIn]:
    """Keep a Canvas student's zips alone, or else the code as one submission: the report and such are none."""
    by_student: dict[str, list[HandedIn]] = {}
    for each in found:
        own_name = f"_{each.students[0].key}" if CANVAS.fullmatch(each.name) else each.name
        by_student.setdefault(own_name, []).append(each)
    kept = []
    for own in by_student.values():
        zips, code = ([each for each in own if each.path.suffix.lower() == kind] for kind in (".zip", ".py"))
        if code and not zips:
            code[0].singles = [each.path for each in code]
        kept += zips or code[:1] or own
    return kept


def _unknown(roster: Roster, known: bool) -> list[str]:
    return ["Not on the roster."] if roster.students and not known else []


# --- Gradescope ---


class _Loader(yaml.SafeLoader):
    """Plain data. What Ruby wraps its times in becomes a plain table."""


_Loader.add_multi_constructor(
    "!ruby/", lambda loader, _, node: loader.construct_mapping(node) if isinstance(node, yaml.MappingNode) else None
)


def _gradescope(folder: Path, roster: Roster) -> Iterator[HandedIn]:
    try:
        text = unicodedata.normalize("NFC", (folder / METADATA).read_text(encoding="utf-8"))
        table = yaml.load(text, _Loader)
        entries = [(str(name), {str(key).strip(":"): value for key, value in entry.items()})
                   for name, entry in table.items()]  # fmt: skip
    except (yaml.YAMLError, UnicodeDecodeError, AttributeError) as problem:
        said = str(problem).splitlines()[0]
        raise ExportError(f"{METADATA}: expected Gradescope's list, got {said}: export the submissions again") from None
    listed = set()
    for name, entry in entries:
        listed.add(name)
        each = HandedIn(name, folder / name, [], _moment(entry.get("created_at")))
        for submitter in entry.get("submitters") or [{}]:
            own = {str(key).strip(":"): str(value or "") for key, value in submitter.items()}
            marks = Student(own.get("name", name), own.get("sid", ""), own.get("email", ""))
            student, known = roster.who(marks)
            each.students.append(student)
            each.notes += _unknown(roster, known)
        yield each
    for path in sorted(folder.iterdir()):
        if _is_work(path) and path.name not in listed:
            yield HandedIn(path.name, path, [Student(name=path.name)], notes=[f"Not listed in {METADATA}."])


def _moment(value: object) -> datetime | None:
    if isinstance(value, dict):  # a wrapped time: {"utc": ..., "zone": ..., "time": ...}
        value = value.get("utc") or value.get("time")
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)
