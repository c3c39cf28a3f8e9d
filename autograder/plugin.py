"""The pytest plugin that grades: graded tests alone, their probes sent to children, what they earn noted."""

import importlib
import zlib
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from autograder import rules
from autograder.adapter import PROBES, Pictures
from autograder.assignment import HIDDEN, TESTS, Assignment
from autograder.probing import Prober, StudentError
from autograder.results import Results, Test

SEED = pytest.StashKey[int]()


class GradingPlugin:
    """One run of graded tests, whose probes go through `prober`.

    seed: of hidden inputs. trial: says before the first test why none can be run, or "".
    """

    def __init__(
        self, prober: Prober, results: Results, assignment: Assignment, seed: int, trial: Callable[[], str] = str
    ) -> None:
        self.prober, self.results, self.assignment, self.seed = prober, results, assignment, seed
        self.adapter, self.trial, self.unfit = assignment.adapter, trial, ""
        self.pictures: dict[str, Pictures] = {}  # by test, for the report
        self._running = ""
        self._right = False  # whether the running test has not failed yet
        self._noted: dict[str, list] = {}  # by test: what its comparisons noted
        self._unwatch: Callable[[], None] = lambda: None

    def pytest_configure(self, config: pytest.Config) -> None:
        config.stash[SEED] = self.seed
        for mark in ("points(n): what the test is worth, with all its cases", *self.assignment.parts):
            config.addinivalue_line("markers", mark)
        config.stash[importlib.import_module(PROBES).REACH] = self._ask
        self._unwatch = self.adapter.watch(self._keep_picture)

    def pytest_unconfigure(self) -> None:
        self._unwatch()

    def pytest_ignore_collect(self, collection_path: Path, config: pytest.Config) -> bool | None:
        """Modules and folders without graded tests are not even imported: they may import student modules."""
        inside = config.rootpath / TESTS in collection_path.parents
        return (inside and is_ungraded(collection_path)) or None

    def pytest_collection_modifyitems(self, items: list[pytest.Function]) -> None:
        """Each graded test stands in the results at 0 before any is run, in the order of assignment.toml."""
        items[:] = [item for item in items if item.get_closest_marker("points")]
        order = list(self.assignment.parts)
        shares = share_points({item.nodeid: (_function(item), _points(item)) for item in items})
        for item in sorted(items, key=lambda item: order.index(self._part(item))):
            self.results.tests[item.nodeid] = self._register(item, shares[item.nodeid])
        rules.register(self.results, self.assignment)

    def pytest_runtestloop(self) -> bool | None:
        """True, which ends the run, where no test can be run."""
        self.unfit = self.trial()
        return bool(self.unfit) or None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Function):
        self._running = item.nodeid
        self.prober.hidden = HIDDEN in item.nodeid
        self._right = True
        return (yield)

    def pytest_runtest_setup(self) -> None:
        self.prober.time_left()  # before hidden tests work out what they expect

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_makereport(self, item: pytest.Function, call: pytest.CallInfo):
        report = yield
        self._noted.setdefault(item.nodeid, []).extend(self.adapter.take_notes())
        test = self.results.tests[item.nodeid]
        if call.excinfo is not None:
            self._right = False
            test.fail(self._message(item, call.excinfo.value))
        elif call.when == "teardown" and self._right:
            test.earn()
        return report

    def pytest_sessionfinish(self) -> None:
        """Add what only all tests together tell to the messages of those that it is about."""
        for test, found in self.adapter.conclude(self._noted, lambda test: HIDDEN in test).items():
            for mistake in found:
                self.results.tests[test].output += f"\n    It looks like this mistake: {mistake}"

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.prober.problems.append(str(report.longrepr)[-1500:])

    def _keep_picture(self, name: str, got: object, expected: object) -> None:
        """Draw what public tests compare."""
        if HIDDEN not in self._running:
            self.pictures.setdefault(self._running, []).extend(self.adapter.draw(name, got, expected))

    def _ask(self, probe: str, **arguments: object) -> dict:
        """Ask student code; what was made in a public test is kept for the report."""
        answer = self.prober(probe, **arguments)
        if HIDDEN not in self._running:
            self.pictures.setdefault(self._running, []).extend(self.adapter.draw_answer(answer))
        return answer

    def _part(self, item: pytest.Function) -> str:
        parts = self.assignment.parts
        part = next((name for name in parts if item.get_closest_marker(name)), None)
        if part is None:
            raise pytest.UsageError(f"expected a part's mark on {item.nodeid}: add one of {', '.join(parts)}")
        return part

    def _register(self, item: pytest.Function, max_score: float) -> Test:
        name, hidden = self._part(item), HIDDEN in item.path.as_posix()
        part = self.assignment.parts[name]
        return Test(
            name=f"{part['title']}: {'hidden: ' if hidden else ''}{_title(item)}",
            part=name,
            number=part["number"],
            max_score=max_score,
            visibility=self.assignment.visibility["hidden" if hidden else "public"],
        )

    def _message(self, item: pytest.Function, error: BaseException) -> str:
        if isinstance(error, StudentError | AssertionError | pytest.fail.Exception):
            hint = ""
            if isinstance(error, StudentError):
                hint = self.adapter.hint(f"{error.kind}: {error.message}", error.trace)
            return "\n".join(line for line in (item.function.__doc__, "", str(error), hint) if line is not None).strip()
        self.prober.problems.append(f"{item.nodeid}: {type(error).__name__}: {error}")
        return (
            f"{item.function.__doc__ or ''}\n\nWhat your code returned could not be compared "
            f"({type(error).__name__}: {' '.join(str(error).split())[:300]}). If it looks right to you, tell the staff."
        ).strip()


def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """Random numbers of one hidden test: the same for the same submission, others for another."""
    return np.random.default_rng([request.config.stash.get(SEED, 0), zlib.crc32(request.node.nodeid.encode())])


def is_ungraded(path: Path) -> bool:
    """Tell whether this is a module of tests of which none earns points, or a folder of such modules."""
    modules = list(path.rglob("test_*.py")) if path.is_dir() else [path] * path.match("test_*.py")
    return bool(modules) and not any("mark.points" in module.read_text() for module in modules)


def share_points(tests: dict[str, tuple[str, float]]) -> dict[str, float]:
    """The points of each case. tests: of each case, the test that it belongs to, and what all its cases are worth.

    In quarters, or smaller halves of these where there are more cases: floats add such numbers up exactly, in whatever
    order, as they do not hundredths. The first cases have a grain more where they do not come out even.
    """
    cases, worth = defaultdict(list), {}
    for case, (test, points) in tests.items():
        cases[test].append(case)
        worth[test] = points
    shares: dict[str, float] = {}
    for test, names in cases.items():
        grain = 0.25
        while worth[test] / grain < len(names):
            grain /= 2
        each, more = divmod(int(worth[test] / grain), len(names))
        shares |= {name: grain * (each + (i < more)) for i, name in enumerate(names)}
        shares[names[0]] += worth[test] % grain
    return shares


def _function(item: pytest.Function) -> str:
    """The same for all cases of a test."""
    return f"{item.path}::{item.originalname}"


def _points(item: pytest.Function) -> float:
    return next(float(mark.args[0]) for mark in item.iter_markers("points"))


def _title(item: pytest.Function) -> str:
    words = item.originalname.removeprefix("test_").replace("_", " ")
    which = f" ({', '.join(item.callspec.id.split('-'))})" if hasattr(item, "callspec") else ""
    return words[:1].upper() + words[1:] + which
