"""Choose which of a student's submissions are graded, which one counts, and what lateness takes off."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from gradebook.handed_in import HandedIn
from gradebook.roster import Roster, Student, fold
from gradebook.settings import Settings

LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass
class Place:
    """One student, and all that came from them, the earliest first."""

    student: Student
    handed_in: list[HandedIn] = field(default_factory=list)


def places(found: list[HandedIn], roster: Roster) -> list[Place]:
    """In the roster's order, those without a submission too; then those whom it does not know."""
    by_key = {student.key: Place(student) for student in roster.students}
    for each in sorted(found, key=lambda each: (each.submitted or LONG_AGO, each.name)):
        for student in each.students:
            by_key.setdefault(student.key, Place(student)).handed_in.append(each)
    return list(by_key.values())


def late_by(each: HandedIn, student: Student, settings: Settings) -> timedelta:
    """Beyond the student's deadline; nothing where no time or no deadline is known."""
    due = next((when for who, when in settings.extensions.items()
                if fold(who) in student.words),
               settings.due)  # fmt: skip
    if due is None or each.submitted is None:
        return timedelta(0)
    return max(timedelta(0), each.submitted - due)


def keep_share(late: timedelta, settings: Settings) -> float:
    """The share of the points that is left, in [0, 1]."""
    days = math.ceil(max(timedelta(0), late - settings.grace) / timedelta(days=1))
    return max(0.0, 1 - days * settings.percent_per_day / 100)


def to_grade(place: Place, settings: Settings) -> list[HandedIn]:
    """Submissions that can count."""
    if settings.counts == "best" or not place.handed_in:
        return place.handed_in
    return [_last(place, settings)]


def counts(place: Place, settings: Settings, points: Callable[[HandedIn], float | None]) -> HandedIn | None:
    """The submission that counts; None if nothing was handed in.

    points: of a submission, None where it was not graded.
    """
    if not place.handed_in:
        return None
    if settings.counts == "last":
        return _last(place, settings)
    return max(place.handed_in, key=lambda each: (points(each) or 0) * _find_share(each, place, settings))


def _last(place: Place, settings: Settings) -> HandedIn:
    in_time = [each for each in place.handed_in if _find_share(each, place, settings) == 1]
    return (in_time or place.handed_in)[-1]


def _find_share(each: HandedIn, place: Place, settings: Settings) -> float:
    return keep_share(late_by(each, place.student, settings), settings)
