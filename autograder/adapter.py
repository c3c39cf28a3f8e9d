"""All that the grader asks about an assignment beyond its table. The answers here suit most assignments.

An assignment whose answers differ has a `staff/adapter.py` in which ADAPTER is an object of a class derived from this.
"""

import importlib
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

PROBES = "tests.probes"  # a package with `call(name, **arguments)`, and REACH, the key of what tests call instead

Pictures = list[tuple[str, list[tuple[str, bytes]]]]  # of one test: what was compared, then captions and PNG files
Loop = tuple[str, str, dict[str, Any], dict[str, Any]]


class Adapter:
    needed: tuple[str, ...] = ()  # files and folders that student code may need, beside tests/probes
    packed: tuple[str, ...] = ()  # what else grading needs, beside tests/, staff/hidden/ and what is needed
    packages: tuple[str, ...] = ("numpy", "pytest")  # whose versions a result depends on
    quiet: tuple[str, ...] = ()  # folders of given code whose lines are not shown when it fails

    # --- in the process that student code is forked from; no test and no expected value may enter it ---

    def load(self) -> None:
        """Import what student code will, but none of it."""
        importlib.import_module(PROBES)

    def call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Ask student code."""
        return importlib.import_module(PROBES).call(name, **arguments)

    def count(self, call: Callable[[], dict], place: Callable[[Any], str]) -> tuple[dict, Counter[str]]:
        """Return the answer, and how many operations each place in student code took: here, lines that were run.

        place: of a frame, "file, line n" where that is student code, or "".
        """
        lines: Counter[str] = Counter()

        def trace(frame: Any, event: str, _: object) -> Callable:
            if event == "line" and (where := place(frame)):
                lines[where] += 1
            return trace

        sys.settrace(trace)
        try:
            return call(), lines
        finally:
            sys.settrace(None)

    def try_out(self) -> tuple[np.ndarray, np.ndarray]:
        """Compute something with the packages of the assignment; return it, and what it must be."""
        return np.arange(4.0) @ np.ones(4), np.array(6.0)

    # --- in the process that runs the tests ---

    def watch(self, note: Callable[[str, object, object], None]) -> Callable[[], None]:
        """Call `note(name, got, expected)` at each comparison from now on; return what ends that."""
        return lambda: None

    def draw(self, name: str, got: object, expected: object = None) -> Pictures:
        """Draw what was compared, for the report: nothing for what is no picture."""
        return []

    def draw_answer(self, answer: dict[str, Any]) -> Pictures:
        """Draw what a probe returned."""
        return []

    def take_notes(self) -> list:
        """Return what the comparisons of the test that has just ended noted, for `conclude`."""
        return []

    def conclude(self, noted: Mapping[str, list], is_hidden: Callable[[str], bool]) -> dict[str, list[str]]:
        """Return, by test, mistakes that only all of them together tell."""
        return {}

    def hint(self, error: str, trace: str) -> str:
        """Return what an error, "Type: message", usually comes from, or "". trace: where, with the student's lines."""
        return ""

    def loops(self) -> Iterable[Loop]:
        """Yield what must not take more operations for much than for little: probe, words, little, much."""
        return ()

    def remember(self) -> dict:
        """Keep what the tests work out, in the dict that is returned, for the gradings to come."""
        return {}

    # --- of what was handed in ---

    def find_earlier(self, files: Mapping[str, bytes]) -> dict[str, str]:
        """Return, by part, what is an earlier semester's and not asked for today."""
        return {}

    def comes_of_earlier(self, part: str, output: str) -> bool:
        """Tell whether a test failed for what `find_earlier` found."""
        return False

    def hand_out(self, file: str) -> str:
        """Return a student file as it is before anything is written; "" where that is not known."""
        return ""
