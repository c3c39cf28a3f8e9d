"""Add up a class's points from the stored outcomes of tests, write sheets and pages, and tell whose have changed."""

import argparse
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from autograder import pack
from autograder.assignment import Assignment
from autograder.results import printable
from gradebook import choosing, handed_in, pages, roster, settings, sheets, similarity_page, weights
from gradebook.progress import say
from gradebook.standing import Standing, standings
from gradebook.store import NAME, Gradebook, GradebookError


def add_up(args: argparse.Namespace, console: Console, assignment: Assignment) -> int:
    """Add up by assignment.toml and class.toml of now: nothing is run, and no result is changed. Return the status."""
    decided, places = read_class(args.submissions, assignment)
    if not (args.out / NAME).is_file():
        raise GradebookError(f"expected a gradebook in {args.out}, found none: make grade-class begins with one")
    with Gradebook(args.out) as book:
        if (latest := book.latest()) is None:
            raise GradebookError(f"expected results in {args.out}, found none: make grade-class goes on with them")
        version, seed = latest
        if told := pack.changes(book.files(version), pack.digests(assignment)):
            say(console, f"The suite is another since ({join(told)}): make grade-class grades by it, this does not.")
        write(args, places, replace(decided, seed=seed), book, version, assignment, console)
    return 0


def read_class(folder: Path, assignment: Assignment) -> tuple[settings.Settings, list[choosing.Place]]:
    """Return what staff decided, and what came from whom."""
    decided = settings.read(folder)
    decided = replace(decided, title=decided.title or assignment.title)
    people = roster.read(decided.roster) if decided.roster else roster.Roster()
    return decided, choosing.places(handed_in.find(folder, decided, people, assignment), people)


def write(args, places, decided, book, version, assignment, console) -> None:
    """Say whose points other weights have changed, then write sheets and pages. Raises SettingsError."""
    before = weights.Weights.read(book.weights()) if book.weights() else weights.Weights()
    now = weights.find(assignment, decided.dropped, book.test_names(version, decided.seed))
    found = standings(places, decided, book, version, now)
    if now != before:
        earlier = standings(places, decided, book, version, before)
        for line in _compare(earlier, found, weights.describe(before, now)):
            say(console, line)
    for path in _write_all(args.out, found, decided, book, version, args.anonymous, assignment):
        say(console, f"Wrote {path}")
    if now != before and not args.anonymous:  # which writes no sheet
        book.keep_weights(now.write())


def join(told: list[str], most: int = 8) -> str:
    """Name the first of these for the middle of a sentence."""
    return ", ".join(told[:most]) + (f" and {len(told) - most} more" if len(told) > most else "")


def _compare(earlier: list[Standing], found: list[Standing], what: str) -> list[str]:
    """Lines on those whose points are other ones."""
    lines = []
    for old, new in zip(earlier, found):
        if old.points is not None and new.points is not None and old.points != new.points:
            name = printable(new.student.name or new.student.key, "")
            lines.append(f"{name}: {old.points:g} points before, {new.points:g} now.")
    graded = sum(each.results is not None for each in found)
    return [*lines, f"{len(lines)} of {graded} have other points than before: {what}."] if lines else []


def _write_all(folder, found, decided, book, version, anonymous, assignment) -> list[Path]:
    """The sheets and pages; without names they go into a folder of their own, and no sheet does."""
    names = pages.Names(found, book.salt(), anonymous)
    folder = folder / "anonymous" if anonymous else folder
    sheet = [] if anonymous else sheets.write(folder, decided.title, found)
    similar = similarity_page.write(folder, found, decided, names, assignment)
    return [*sheet, folder / similar, pages.write(folder, found, decided, book, version, names, similar, assignment)]
