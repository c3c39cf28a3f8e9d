"""The rubric has an entry for every question of the report's template, and its points are those of the assignment."""

import re
from pathlib import Path

from staff.handout import template

DOCS = Path(__file__).resolve().parents[2] / "docs"


def read_rubric():
    """Entries of the rubric: their text by heading, and their points."""
    text = (DOCS / "rubric.md").read_text(encoding="utf-8")
    parts = re.split(r"^## (.+) \((\d+) points\)$", text, flags=re.MULTILINE)[1:]
    entries = dict(zip(parts[::3], parts[2::3]))
    return entries, dict(zip(parts[::3], map(int, parts[1::3])))


def name_entry(slide):
    """Heading under which a slide with an answer is graded: its title, or its tag without the part's number."""
    return slide.title if slide.tag.startswith("3 ") else re.sub(r"^[\d.]+ ", "", slide.tag)


def test_every_question_of_the_template_has_its_entry():
    entries, _ = read_rubric()
    asked = {name_entry(slide) for slide in template.slides() if slide.answer}
    assert len(asked) == 10
    assert asked <= set(entries), asked - set(entries)


def test_every_entry_says_what_is_full_half_and_none():
    entries, _ = read_rubric()
    words = ("**Full**:", "**Half**:", "**None**:")
    lacking = [name for name, text in entries.items() for word in words if word not in text]
    assert not lacking


def test_points_are_those_that_students_are_told():
    """The table in the assignment, entry by entry, and its sum."""
    _, points = read_rubric()
    text = (DOCS / "assignment.md").read_text(encoding="utf-8").partition("The report counts")[2]
    told = {name: int(count) for name, count in re.findall(r"^\| (.+?) \| (\d+) \|$", text, re.MULTILINE)}
    assert told == points
    assert text.startswith(f" {sum(points.values())} points")
