"""Read who is in the class: a CSV with the columns of Gradescope, of Canvas, or plain ones."""

import codecs
import csv
import io
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cached_property
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
SEPARATORS = ",;\t"  # Excel writes ; where the comma is for decimals, and tabs in UTF-16
MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}  # of encodings
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
        found = {f"{field.name} {fold(value)}" for field in fields(self)
                 if field.name != "section" and (value := getattr(self, field.name))}  # fmt: skip
        return found | {f"run {run}" for run in _run_together(self.name)}

    @cached_property
    def words(self) -> set[str]:
        """Sid, email, login, number and name, folded."""
        return {mark.partition(" ")[2] for mark in self.marks()}


class Roster:
    """The students that are known, and who a submission's is. Without a file, whoever hands in."""

    def __init__(self, students: Iterable[Student] = ()) -> None:
        self.students = list(students)
        self._by_mark: dict[str, Student | None] = {}
        self._by_word: defaultdict[str, list[Student]] = defaultdict(list)
        for student in self.students:
            for word in student.words:
                self._by_word[word].append(student)
            for mark in student.marks():
                self._by_mark[mark] = None if mark in self._by_mark else student  # shared by two: says nothing

    def who(self, marks: Student, run: str = "") -> tuple[Student, bool]:
        """The student who has one of these marks, and whether the roster knows it.

        run: letters of last and first name, as Canvas writes them in file names.
        """
        wanted = [f"{name} {fold(value)}" for name in ("sid", "canvas_id", "email", "login", "name")
                  if (value := getattr(marks, name))]  # fmt: skip
        for mark in [*wanted, *(f"run {form}" for form in _forms(run))]:
            if found := self._by_mark.get(mark):
                return found, True
        return marks, False

    def by_any(self, word: str) -> list[Student]:
        """Students whose sid, email, login, number or name this is."""
        return self._by_word.get(fold(word), [])


class RosterError(ValueError):
    """The CSV cannot be read as a roster."""


def read(path: Path) -> Roster:
    """Read the students; any of SEPARATORS may stand between the columns. Raises RosterError."""
    data = path.read_bytes()
    encoding = next((name for mark, name in MARKS.items() if data.startswith(mark)), "utf-8")
    try:
        text = unicodedata.normalize("NFC", data.decode(encoding))
        head = text.partition("\n")[0]
        separator = max(SEPARATORS, key=head.count)
        rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=separator))
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


def fold(text: str) -> str:
    """Return what two ways of writing a name have in common: accents in either form, small letters, spaces or "_"."""
    return " ".join(unicodedata.normalize("NFKC", text.casefold()).replace("_", " ").split())


def _run_together(name: str) -> set[str]:
    """Last and first name as Canvas writes them: {"lovelaceada"} of "Ada Lovelace", or of "Lovelace, Ada".

    Of several words without a comma nobody knows where the last name begins: {"lovelaceadaking", "kinglovelaceada"}.
    """
    last, comma, first = name.partition(",")
    words = name.split()
    runs = [last + first] if comma else ["".join(words[i:] + words[:i]) for i in range(1, len(words))] or [name]
    return {form for run in runs for form in _forms(run)}


def _forms(run: str) -> list[str]:
    """Letters and digits of a name: all of them; their accents taken off; and those of ASCII alone."""
    whole = fold(run)
    ascii_alone = (re.sub(r"[^a-z0-9]", "", text) for text in (unicodedata.normalize("NFKD", whole), whole))
    return [form for form in (re.sub(r"[\W_]", "", whole), *ascii_alone) if form]
