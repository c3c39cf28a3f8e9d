"""The pytest plugin that grades: graded tests alone, their probes sent to children, what they earn noted."""

import zlib
from collections.abc import Callable
from functools import wraps
from pathlib import Path

import numpy as np
import pytest

from staff.grader import points, report, rules
from staff.grader.reach import Reach
from staff.grader.results import Results, Test

SEED = pytest.StashKey[int]()
HIDDEN = "staff/hidden"


class GradingPlugin:
    """One run of graded tests, whose probes go through `reach`.

    table: assignment.toml. seed: of hidden inputs. canary: says before the first test why none can be run, or "".
    """

    def __init__(
        self, reach: Reach, results: Results, table: dict, seed: int, canary: Callable[[], str] = str
    ) -> None:
        self.reach, self.results, self.table, self.seed = reach, results, table, seed
        self.canary, self.unfit = canary, ""
        self.pictures: dict[str, report.Pictures] = {}  # by test, for the report
        self._running = ""
        self._right = False  # whether the running test has not failed yet
        self._factors: dict[str, list[tuple[str, float]]] = {}  # by test: what single numbers were wrong by

    def pytest_configure(self, config: pytest.Config) -> None:
        from tests import compare
        from tests.probes import REACH

        config.stash[REACH] = self._asked
        config.stash[SEED] = self.seed
        for mark in ("points(n): what the test is worth, with all its cases", *self.table["parts"]):
            config.addinivalue_line("markers", mark)
        compare.assert_close = self._watched(compare.assert_close)  # before any test module takes it

    def pytest_ignore_collect(self, collection_path: Path, config: pytest.Config) -> bool | None:
        """Modules and folders without graded tests are not even imported: they may import student modules."""
        inside = config.rootpath / "tests" in collection_path.parents
        return (inside and points.is_ungraded(collection_path)) or None

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Each graded test stands in the results at 0 before any is run, in the order of assignment.toml."""
        items[:] = [item for item in items if item.get_closest_marker("points")]
        order = list(self.table["parts"])
        shares = points.of_cases({item.nodeid: (_function(item), _points(item)) for item in items})
        for item in sorted(items, key=lambda item: order.index(self._part(item))):
            self.results.tests[item.nodeid] = self._registered(item, shares[item.nodeid])
        rules.register(self.results, self.table["rules"])

    def pytest_runtestloop(self) -> bool | None:
        """True, which ends the run, where no test can be run."""
        self.unfit = self.canary()
        return bool(self.unfit) or None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item):
        self._running = item.nodeid
        self._right = True
        return (yield)

    def pytest_runtest_setup(self) -> None:
        self.reach.time_left()  # before hidden tests work out what they expect

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo):
        from tests import compare

        report = yield
        self._factors.setdefault(item.nodeid, []).extend(compare.noted_factors())
        test = self.results.tests[item.nodeid]
        if call.excinfo is not None:
            self._right = False
            test.fail(self._message(item, call.excinfo.value))
        elif call.when == "teardown" and self._right:
            test.earn()
        return report

    def pytest_sessionfinish(self) -> None:
        """What single numbers tell only all together is added to the messages of all tests that saw them."""
        from tests import compare

        sentences = compare.agreed(entry for entries in self._factors.values() for entry in entries)
        for test, entries in self._factors.items():
            for name in {name for name, factor in entries if factor != 1} & sentences.keys():
                secret = f"it is a multiple of what is expected, the same in all tests of the {name}."
                mistake = secret if HIDDEN in test else sentences[name]
                self.results.tests[test].output += f"\n    It looks like this mistake: {mistake}"

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.reach.problems.append(str(report.longrepr)[-1500:])

    def _watched(self, assert_close: Callable) -> Callable:
        """Keeps what public tests compare, for the report's pictures."""

        @wraps(assert_close)
        def watched(name, got, expected, *arguments, **keywords):
            __tracebackhide__ = True
            if HIDDEN not in self._running:
                self.pictures.setdefault(self._running, []).extend(_pictures(name, got, expected))
            return assert_close(name, got, expected, *arguments, **keywords)

        return watched

    def _asked(self, probe: str, **arguments: object) -> dict:
        """What the probe returned; the image that was made in a public test is kept for the report."""
        answer = self.reach(probe, **arguments)
        if HIDDEN not in self._running:
            made = [("the image that was made", answer.get("image")), *_last_seen(answer.get("inputs"))]
            for name, image in made:
                self.pictures.setdefault(self._running, []).extend(_pictures(name, image))
        return answer

    def _part(self, item: pytest.Item) -> str:
        parts = self.table["parts"]
        part = next((name for name in parts if item.get_closest_marker(name)), None)
        if part is None:
            raise pytest.UsageError(f"expected a part's mark on {item.nodeid}: add one of {', '.join(parts)}")
        return part

    def _registered(self, item: pytest.Item, max_score: float) -> Test:
        name, hidden = self._part(item), HIDDEN in item.path.as_posix()
        part = self.table["parts"][name]
        return Test(
            name=f"{part['title']}: {'hidden: ' if hidden else ''}{_title(item)}",
            part=name,
            number=part["number"],
            max_score=max_score,
            visibility=self.table["visibility"]["hidden" if hidden else "public"],
        )

    def _message(self, item: pytest.Item, error: BaseException) -> str:
        from tests import hints
        from tests.probes import StudentError

        if isinstance(error, StudentError | AssertionError | pytest.fail.Exception):
            hint = hints.of(f"{error.kind}: {error.message}") if isinstance(error, StudentError) else ""
            return "\n".join(line for line in (item.function.__doc__, "", str(error), hint) if line is not None).strip()
        self.reach.problems.append(f"{item.nodeid}: {type(error).__name__}: {error}")
        return (
            f"{item.function.__doc__ or ''}\n\nWhat your code returned could not be compared "
            f"({type(error).__name__}: {str(error)[:300]}). If it looks right to you, tell the staff."
        ).strip()


def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """Random numbers of one hidden test: the same for the same submission, others for another."""
    return np.random.default_rng([request.config.stash.get(SEED, 0), zlib.crc32(request.node.nodeid.encode())])


def _last_seen(images: object) -> list[tuple[str, np.ndarray]]:
    """Of the images that a network was asked about, the last, where there are so many that it is no longer noise."""
    if isinstance(images, np.ndarray) and images.ndim == 4 and len(images) > 10:
        return [(f"the last of {len(images)} images that the network saw", images[-1:])]
    return []


def _pictures(name: str, got: object, expected: object = None) -> report.Pictures:
    """Of the first image; nothing for what is no picture."""
    pair = [np.asarray(array) for array in ((got,) if expected is None else (got, expected))]
    if pair[0].shape != pair[-1].shape or pair[0].dtype.kind not in "biuf" or not pair[0].size:
        return []
    if pair[0].ndim == 4 and pair[0].shape[1] == 3 and pair[0].shape[3] != 3:
        pair = [array.transpose(0, 2, 3, 1) for array in pair]
    shape = pair[0].shape
    if not (len(shape) == 3 or (len(shape) == 4 and shape[3] == 3)) or min(shape[1:3]) < 8:
        return []
    return [(name, report.compared(*(array[0] for array in pair)))]


def _function(item: pytest.Item) -> str:
    """The same for all cases of a test."""
    return f"{item.path}::{item.originalname}"


def _points(item: pytest.Item) -> float:
    return float(item.get_closest_marker("points").args[0])


def _title(item: pytest.Item) -> str:
    words = item.originalname.removeprefix("test_").replace("_", " ")
    which = f" ({', '.join(item.callspec.id.split('-'))})" if hasattr(item, "callspec") else ""
    return words[:1].upper() + words[1:] + which
