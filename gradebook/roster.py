"""Read who is in the class: a CSV with the columns of Gradescope, of Canvas, or plain ones."""

import csv
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

# What each of our fields is called in which file; headers are compared in small letters.
COLUMNS = {
    "name": ("name", "student", "full name", "student name"),
    "first": ("first name",),
    "last": ("last name",),
    "sid": ("sid", "sis user id", "student id"),
    "email": ("email", "email address"),
    "canvas_id": ("id", "canvas id"),
    "login": ("sis login id", "login id", "login"),
    "section": ("section", "sections"),
}
NOBODY = ("points possible", "student, test", "test student")  # rows of Canvas's that are no students


@dataclass(frozen=True)
class Student:
    name: str = ""
    sid: str = ""
    email: str = ""
    canvas_id: str = ""
    login: str = ""
    section: str = ""

    @property
    def key(self) -> str:
        """Return what this student goes by."""
        return self.sid or self.email or self.canvas_id or self.login or self.name

    def marks(self) -> set[str]:
        """All that can stand for this student in a submission, or in class.toml."""
        found = {field.name + " " + value.lower() for field in fields(self) if (value := getattr(self, field.name))}
        return found - {f"section {self.section.lower()}"} | {f"run {run}" for run in _run_together(self.name)}


class Roster:
    """The students that are known, and who a submission's is. Without a file, whoever hands in."""

    def __init__(self, students: Iterable[Student] = ()) -> None:
        self.students = list(students)
        self._by_mark: dict[str, Student | None] = {}
        for student in self.students:
            for mark in student.marks():
                self._by_mark[mark] = None if mark in self._by_mark else student  # shared by two: says nothing

    def who(self, marks: Student, run: str = "") -> tuple[Student, bool]:
        """The student who has one of these marks, and whether the roster knows it.

        run: letters of last and first name, as Canvas writes them in file names.
        """
        wanted = [f"{name} {value.lower()}" for name in ("sid", "canvas_id", "email", "login", "name")
                  if (value := getattr(marks, name))]  # fmt: skip
        for mark in [*wanted, *([f"run {run}"] if run else [])]:
            if found := self._by_mark.get(mark):
                return found, True
        return marks, False

    def by_any(self, word: str) -> list[Student]:
        """Students whose sid, email, login, number or name this is."""
        return [s for s in self.students if word.lower() in {mark.partition(" ")[2] for mark in s.marks()}]


class RosterError(ValueError):
    """The CSV cannot be read as a roster."""


def read(path: Path) -> Roster:
    """Raises RosterError."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (UnicodeDecodeError, csv.Error) as problem:
        raise RosterError(f"{path.name}: expected CSV in UTF-8, got {problem}: save it as that") from None
    heads = {(head or "").strip().lower(): head for head in (rows[0] if rows else {})}
    columns = {name: next((heads[word] for word in words if word in heads), None) for name, words in COLUMNS.items()}
    if not any(columns[name] for name in ("name", "last", "sid", "email")):
        found = ", ".join(heads) or "none"
        raise RosterError(f"{path.name}: expected columns such as Name, SID, Email, got {found}: add a first line")
    students = []
    for row in rows:
        cell = {name: (row.get(head) or "").strip() if head else "" for name, head in columns.items()}
        name = cell["name"] or f"{cell.pop('first')} {cell.pop('last')}".strip()
        if name.lower() in NOBODY or not any(cell.values()):
            continue
        students.append(Student(name, *(cell[field.name] for field in fields(Student)[1:])))
    return Roster(students)


def _run_together(name: str) -> set[str]:
    """Last and first name as Canvas writes them: {"lovelaceada"} of "Ada Lovelace", or of "Lovelace, Ada"."""
    letters = unicodedata.normalize("NFKD", name.lower())
    last, comma, first = letters.partition(",")
    if not comma:
        words = letters.split()
        first, last = " ".join(words[:-1]), " ".join(words[-1:])
    run = re.sub(r"[^a-z0-9]", "", last + first)
    return {run} if run else set()
