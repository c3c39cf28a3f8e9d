"""Item analysis: what each test tells about a class, and what the failed ones said."""

import re
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from autograder.report import MISTAKE
from gradebook.standing import Standing

ERROR = re.compile(r"^(?!Ended|Deadline)([A-Z]\w+): (.+)", re.MULTILINE)  # Python's or PyTorch's, in the student's code
ENDED = re.compile(r"^Ended: your code (was ended [^:\n]+|ended [^:\n]+|crashed)", re.MULTILINE)
VERDICTS = ("against the rest", "nobody passes", "separates", "never fails")
UNCOMPARED = re.compile(r"^What your code returned could not be compared", re.MULTILINE)
FEW = 5  # of the tests that separate best, and of students for whom a correlation says anything


@dataclass
class Item:
    """One test, over all that were graded."""

    name: str
    part: str
    hidden: bool
    most: float
    passed: int
    difficulty: float  # the mean share of its points, in [0, 1]: the higher, the easier
    discrimination: float | None  # correlation with the points of all other tests; None where one of them is constant
    failed: list[Standing]
    unnamed: int  # of the failures, those that were told no known mistake and no error
    verdict: str = ""


@dataclass
class Said:
    """A mistake, an error or an end, and who had it."""

    text: str
    part: str
    students: list[Standing] = field(default_factory=list)


def items(found: list[Standing]) -> list[Item]:
    """In the order of the results. Students without a result are left out."""
    graded = [standing for standing in found if standing.results]
    names = list(dict.fromkeys(test["name"] for standing in graded for test in standing.tests))
    by_name = [{test["name"]: test for test in standing.tests} for standing in graded]
    shares = np.array([[_share(tests.get(name)) for name in names] for tests in by_name])  # (students, tests)
    points = np.array([[tests[name]["score"] if name in tests else 0 for name in names] for tests in by_name])
    told = []
    for i, name in enumerate(names):
        test = next(tests[name] for tests in by_name if name in tests)
        failed = [standing for standing, share in zip(graded, shares[:, i]) if share < 1]
        outputs = [tests[name]["output"] for tests, share in zip(by_name, shares[:, i]) if share < 1 and name in tests]
        told.append(Item(
            name=name.partition(": ")[2].removeprefix("hidden: "),
            part=test["tags"][0],
            hidden=": hidden: " in name,
            most=test["max_score"],
            passed=int((shares[:, i] == 1).sum()),
            difficulty=float(shares[:, i].mean()),
            discrimination=_correlation(shares[:, i], points.sum(1) - points[:, i]),
            failed=failed,
            unnamed=sum(not (MISTAKE.search(text) or ERROR.search(text) or ENDED.search(text)) for text in outputs),
        ))  # fmt: skip
    _judge(told, len(graded))
    return told


def mistakes(found: list[Standing]) -> list[Said]:
    """The known mistakes that were named, those of most students first."""
    return _gather(found, lambda test: [_general(text) for text in MISTAKE.findall(test["output"])])


def errors(found: list[Standing]) -> list[Said]:
    """List what Python or its packages said of the students' code."""
    return _gather(found, lambda test: [f"{kind}: {_general(text)}" for kind, text in ERROR.findall(test["output"])])


def find_ended(found: list[Standing]) -> list[Said]:
    """List what hung, crashed, or took too much."""
    return _gather(found, lambda test: ENDED.findall(test["output"]))


def find_uncompared(found: list[Standing]) -> list[Said]:
    """Answers of which the grader could make nothing."""
    return _gather(found, lambda test: [test["name"]] if UNCOMPARED.search(test["output"]) else [])


def _gather(found: list[Standing], of) -> list[Said]:
    said: dict[tuple[str, str], Said] = {}
    for standing in found:
        own = {(test["tags"][0], text.strip()) for test in standing.tests if test["score"] < test["max_score"]
               for text in of(test)}  # fmt: skip
        for part, text in sorted(own):
            said.setdefault((part, text), Said(text, part)).students.append(standing)
    return sorted(said.values(), key=lambda each: (-len(each.students), each.part, each.text))


def _general(text: str) -> str:
    """Without numbers and quoted names, so that the same mistake of two students is one."""
    return re.sub(r"(?<!Part )(?<![\d.])\d+(\.\d+)?(e[-+]?\d+)?", "N", re.sub(r"'[^']*'", "'...'", text))[:160]


def _share(test: dict | None) -> float:
    return test["score"] / test["max_score"] if test and test["max_score"] else 0.0


def _correlation(item: np.ndarray, rest: np.ndarray) -> float | None:
    if len(item) < FEW or np.ptp(item) == 0 or np.ptp(rest) == 0:
        return None
    return float(np.corrcoef(item, rest)[0, 1])


def _judge(told: list[Item], students: int) -> None:
    """One of VERDICTS on each test that stands out."""
    known = [(item.discrimination, item) for item in told if item.discrimination is not None]
    for discrimination, item in sorted(known, key=lambda pair: -pair[0])[:FEW]:
        item.verdict = "separates" if discrimination > 0.3 else ""
    for item in told:
        if students and item.passed == students:
            item.verdict = "never fails"
        elif students and item.passed == 0 and item.difficulty == 0:
            item.verdict = "nobody passes"
        elif item.discrimination is not None and item.discrimination < 0:
            item.verdict = "against the rest"


def share_of_parts(standing: Standing) -> dict[str, tuple[float, float]]:
    """Points had and to be had, by part."""
    had: dict[str, float] = defaultdict(float)
    most: dict[str, float] = defaultdict(float)
    for test in standing.tests:
        had[test["tags"][0]] += test["score"]
        most[test["tags"][0]] += test["max_score"]
    return {part: (round(had[part], 2), round(most[part], 2)) for part in most}
