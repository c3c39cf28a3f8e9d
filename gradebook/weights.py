"""Points of each test in the end: nothing is run again when staff change a part's points, or drop a test for all.

The outcome of each test is stored with the points that it had. A part is worth what assignment.toml says today, shared
by the tests that count in proportion to those points.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field

from autograder.assignment import Assignment
from gradebook.settings import SettingsError


@dataclass(frozen=True)
class Weights:
    """Points by part, and by the title of a rule; and the full names of the tests that do not count.

    A part that is not among the points keeps those of its grading.
    """

    points: dict[str, float] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()

    @classmethod
    def read(cls, text: str) -> "Weights":
        """Weights from what `write` returned."""
        table = json.loads(text)
        return cls(table["points"], tuple(table["dropped"]))

    def write(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)


def find(assignment: Assignment, words: Sequence[str], names: Iterable[str]) -> Weights:
    """Return the weights of today. Raises SettingsError.

    names: of all tests, none where nothing is graded. words: staff's for tests that are dropped, each the name of one
    as in results.json or as in class.html; without its case, it stands for all of them.
    """
    points = {name: part["points"] for name, part in assignment.parts.items()}
    points |= {rule["title"]: rule["points"] for rule in assignment.rules.values()}
    names, dropped = sorted(set(names)), set()
    for word in words if names else ():
        fit = [name for name in names if word in _spell(name)]
        if len({name.partition(" (")[0] for name in fit}) != 1:
            raise SettingsError(
                f"class.toml: expected the name of one test in dropped, got {word!r}, which "
                f"{'several have: write it with its part, as in results.json' if fit else 'none has: see class.html'}"
            )
        dropped |= set(fit)
    return Weights(points, tuple(sorted(dropped)))


def weigh(results: dict, weights: Weights) -> dict:
    """Return results as results.json has them, with these weights. The same, if nothing has changed."""
    tests = [test for test in results["tests"] if test["name"] not in weights.dropped]
    groups: dict[str, list[int]] = {}
    for i, test in enumerate(tests):
        groups.setdefault(test["name"] if test["tags"] == ["rules"] else test["tags"][0], []).append(i)
    for group, places in groups.items():
        own = [tests[i] for i in places]
        for i, test, most in zip(places, own, share([test["max_score"] for test in own], weights.points.get(group))):
            had = test["score"] / test["max_score"] if test["max_score"] else 0
            tests[i] = test | {"max_score": most, "score": round(had * most, 2)}
    if tests == results["tests"]:
        return results
    return results | {"tests": tests, "score": round(sum(test["score"] for test in tests), 2)}


def share(worth: Sequence[float], total: float | None) -> list[float]:
    """Share a total in this proportion, in hundredths; what is left over goes to the last. None: as it is."""
    had = sum(worth)
    if total is None or not had or round(had, 2) == total:
        return list(worth)
    shares = [round(each * total / had, 2) for each in worth]
    return [*shares[:-1], round(total - sum(shares[:-1]), 2)]


def describe(before: Weights, now: Weights) -> str:
    """Say what changed, for the middle of a sentence."""
    told = [f"{name} {before.points[name]:g} to {now.points[name]:g} points" for name in now.points
            if name in before.points and before.points[name] != now.points[name]]  # fmt: skip
    told += [f"without {name!r}" for name in now.dropped if name not in before.dropped]
    told += [f"with {name!r} again" for name in before.dropped if name not in now.dropped]
    return ", ".join(told) or "other points of parts"


def _spell(name: str) -> set[str]:
    """The ways in which staff may write the name of a test."""
    short = name.partition(": ")[2].removeprefix("hidden: ")
    return {name, short, name.partition(" (")[0], short.partition(" (")[0]} - {""}
