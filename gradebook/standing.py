"""Say where each student stands: the submission that counts, its result, and what staff should know of it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache

from gradebook import choosing
from gradebook.handed_in import HandedIn
from gradebook.roster import Student
from gradebook.settings import Settings
from gradebook.store import Gradebook, Key
from gradebook.weights import Weights, weigh


@dataclass(frozen=True)
class Weighed:
    """Stored result of one submission, by the weights of today."""

    results: dict
    reweighed: bool


@dataclass
class Attempt:
    """One submission of the student's, as the page lists them."""

    each: HandedIn
    late: timedelta
    kept: float  # share of the points
    points: float | None  # before lateness; None where it was not graded


@dataclass
class Standing:
    student: Student
    attempts: list[Attempt]
    counted: Attempt | None = None
    key: Key | None = None  # of the result
    results: dict | None = None  # results.json, by the weights of today
    reweighed: bool = False  # whether its report has other points
    failures: list[tuple[str, str]] = field(default_factory=list)  # worker and reason

    @property
    def points(self) -> float | None:
        """Points that go into the gradebook; None where something was handed in and is not graded."""
        if self.counted is None:
            return 0.0
        return None if self.counted.points is None else round(self.counted.points * self.counted.kept, 2)

    @property
    def unreadable(self) -> str:
        """The reason why what counts could not be read, or ""."""
        return self.counted.each.taken.unreadable if self.counted else ""

    @property
    def most(self) -> float:
        return round(sum(test["max_score"] for test in self.tests), 2)

    @property
    def seconds(self) -> float:
        return self.results["execution_time"] if self.results else 0.0

    @property
    def unprotected(self) -> bool:
        """Tell whether student code had the rights of whoever graded it."""
        return bool(self.results and self.results["extra_data"].get("unprotected"))

    @property
    def tests(self) -> list[dict]:
        return self.results["tests"] if self.results else []

    @property
    def problems(self) -> list[str]:
        """Say why a person should look at this, one sentence each."""
        found = [f"{note}" for note in self.counted.each.notes] if self.counted else []
        if self.unreadable:
            found.insert(0, f"Not gradable: {self.unreadable}.")
        elif self.counted and self.results is None:
            found.append("Not graded: two tries failed." if len(self.failures) > 1 else "Not graded yet.")
        found += [f"A try failed: {why}" for _, why in self.failures]
        if self.results:
            facts = self.results["extra_data"]
            found += [f"The grader's own problem: {problem.strip()}" for problem in facts.get("grader_problems", [])]
            if missing := facts.get("layers_missing"):
                found.append(f"Graded without these layers of isolation: {', '.join(missing)}.")
        return found


def standings(
    places: list[choosing.Place], settings: Settings, book: Gradebook, suite: str, weights: Weights | None = None
) -> list[Standing]:
    """weights: of the tests; None for those of the gradings."""

    @cache
    def read(digest: str) -> Weighed | None:
        row = book.result(Key(digest, suite, settings.seed))
        if row is None:
            return None
        graded = json.loads(row["results"])
        weighed = weigh(graded, weights or Weights())
        return Weighed(weighed, weighed is not graded)

    return [_standing(place, settings, book, suite, read) for place in places]


def _standing(
    place: choosing.Place, settings: Settings, book: Gradebook, suite: str, read: Callable[[str], Weighed | None]
) -> Standing:
    def points(each: HandedIn) -> float | None:
        result = read(each.digest)
        return result.results["score"] if result else None

    attempts = []
    for each in place.handed_in:
        late = choosing.late_by(each, place.student, settings)
        attempts.append(Attempt(each, late, choosing.keep_share(late, settings), points(each)))
    found = Standing(place.student, attempts)
    chosen = choosing.counts(place, settings, points)
    if chosen is None:
        return found
    found.counted = next(attempt for attempt in attempts if attempt.each is chosen)
    found.key = Key(chosen.digest, suite, settings.seed)
    if result := read(chosen.digest):
        found.results, found.reweighed = result.results, result.reweighed
    found.failures = list(book.failures(found.key))
    return found
