"""Results of a grading, and results.json by Gradescope's contract. Everything stands at 0 until it is earned."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from autograder.files import write_whole

MAX_OUTPUT = 20_000  # characters of one output; Gradescope cuts at 100,000
# Control characters, halves of characters, other ends of lines, and what turns the direction of text.
ORDERS = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\ud800-\\udfff\\u2028-\\u202e\\u2066-\\u2069]")


@dataclass
class Test:
    name: str
    part: str
    number: str
    max_score: float
    visibility: str
    score: float = 0.0
    output: str = "This test was not reached before the grading ended."

    def earn(self) -> None:
        self.score, self.output = self.max_score, "Right."

    def fail(self, why: str) -> None:
        self.score, self.output = 0.0, why


@dataclass
class Results:
    output: str = ""
    execution_time: float = 0.0
    tests: dict[str, Test] = field(default_factory=dict)
    ungraded: str = ""  # why there are no points, which is not the same as 0
    facts: dict = field(default_factory=dict)  # for extra_data: seed, layers, memory

    @property
    def score(self) -> float:
        return round(sum(test.score for test in self.tests.values()), 2)

    @property
    def max_score(self) -> float:
        return round(sum(test.max_score for test in self.tests.values()), 2)

    def parts(self) -> dict[str, tuple[float, float]]:
        """Points had and to be had, by part."""
        sums: dict[str, tuple[float, float]] = {}
        for test in self.tests.values():
            had, most = sums.get(test.part, (0.0, 0.0))
            sums[test.part] = (round(had + test.score, 2), round(most + test.max_score, 2))
        return sums

    def refuse(self, why: str) -> None:
        """Give no points, and no zero either: who looks at this finds the reason in their place."""
        self.ungraded, self.tests = why, {}
        self.output = f"Not graded, which is not 0 points: {why}."

    def as_gradescope(self) -> dict:
        return {
            **({} if self.ungraded else {"score": self.score}),
            "execution_time": round(self.execution_time, 1),
            "output": printable(self.output[:MAX_OUTPUT]),
            "output_format": "text",
            "test_output_format": "text",
            "test_name_format": "text",
            "visibility": "visible",
            "stdout_visibility": "visible" if self.ungraded else "hidden",  # without a score, output may not be
            "extra_data": {**self.facts, "ungraded": self.ungraded, "parts": self.parts()},
            "tests": [
                {
                    "score": test.score,
                    "max_score": test.max_score,
                    "status": "passed" if test.score == test.max_score else "failed",
                    "name": test.name,
                    "number": test.number,
                    "output": printable(test.output[:MAX_OUTPUT]),
                    "tags": [test.part],
                    "visibility": test.visibility,
                }
                for test in self.tests.values()
            ],
        }

    def write(self, path: Path) -> None:
        write_whole(path, json.dumps(self.as_gradescope(), indent=1, allow_nan=False))


def printable(text: str, kept: str = "\n\t") -> str:
    """Return what may stand on a page, in a table or on a terminal: what a terminal obeys becomes "?".

    Names of files, and whatever student code says, may hold such characters.
    """
    return ORDERS.sub(lambda order: order[0] if order[0] in kept else "?", text)
