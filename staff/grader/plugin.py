"""The pytest plugin that grades: graded tests alone, their probes sent to children, what they earn noted."""

import time
import zlib
from collections.abc import Callable
from functools import wraps
from pathlib import Path

import numpy as np
import pytest

from staff.grader import hints, points, report, rules
from staff.grader.client import CallFailed, Client, ServerLost
from staff.grader.results import Results, Test

SEED = pytest.StashKey[int]()
HIDDEN = "staff/hidden"
STARTS = 4  # of the fork server, when it is lost
PATIENCE = 10  # what hung once gets so many times less in later calls, that time is left for the other functions


class GradingPlugin:
    """One run. `start` makes a Client that is started; `until` is the monotonic time at which all must be done."""

    def __init__(self, start: Callable[[], Client], results: Results, table: dict, seed: int, until: float) -> None:
        self.start, self.results, self.table, self.seed, self.until = start, results, table, seed, until
        self.client: Client | None = None
        self.starts = 0
        self.printed: list[str] = []  # "probe: text", for the rules
        self.pictures: dict[str, report.Pictures] = {}  # by test, for the report
        self.problems: list[str] = []  # of the grader itself
        self._running = ""
        self._hung: set[str] = set()  # probes
        self._factors: dict[str, list[tuple[str, float]]] = {}  # by test: what single numbers were wrong by

    def reach(self, name: str, **arguments: object) -> dict:
        """What `probes.call` does, in a child."""
        from tests.probes import StudentError

        answer = self.call(name, **arguments)
        if "error" in answer:
            error = answer["error"]
            error = error if isinstance(error, dict) else {}
            raise StudentError(*(str(error.get(key, "")) for key in ("type", "message", "trace")))
        return answer

    def call(self, name: str, count: bool = False, **arguments: object) -> dict:
        """As `reach`, but an error comes back as {"error": {...}}. count: return the number of operations instead."""
        from tests.probes import StudentError

        limits = self.table["limits"]
        left = self._check_deadline()
        try:
            if self.client is None:
                self.starts += 1
                if self.starts > STARTS:
                    raise ServerLost("the grader's fork server was lost too often")
                self.client = self.start()
            seconds = limits["seconds"] / (PATIENCE if name in self._hung else 1)
            bounds = {"seconds": min(seconds, left), "memory": limits["megabytes"] << 20, "count": count}
            answer = self.client.call(name, bounds, **arguments)
        except CallFailed as failed:
            raise StudentError("Ended", f"your code {failed}{self._why_hung(name, failed, left)}", "") from None
        except ServerLost as lost:
            self.close()
            self.problems.append(f"{name}: {lost}")
            raise StudentError("Ended", "the grader lost the process that runs your code: tell the staff", "") from None
        report = self.client.reports[-1]
        if report["printed"]:
            self.printed.append(f"{name}: {report['text'].strip()[:200]}")
        return answer

    def _why_hung(self, name: str, failed: CallFailed, left: float) -> str:
        """What is said of a call whose time was up; later calls of the same are given less."""
        if not failed.hung:
            return ""
        seconds = self.table["limits"]["seconds"]
        if name in self._hung:
            return f": an earlier call hung, and since then each gets {seconds / PATIENCE:g} seconds"
        if left < seconds:
            return ": the grading's time was used up"
        self._hung.add(name)
        place = f" It was at {failed.line}." if failed.line else ""
        return (
            f": an endless loop?{place} Later calls of this function get {seconds / PATIENCE:g} seconds each, so that "
            "time is left for the others"
        )

    def close(self) -> None:
        if self.client is not None:
            client, self.client = self.client, None
            client.__exit__()

    def pytest_configure(self, config: pytest.Config) -> None:
        from tests import compare
        from tests.probes import REACH

        config.stash[REACH] = self.reach
        config.stash[SEED] = self.seed
        config.addinivalue_line("markers", "points(n): the test's weight in its part")
        compare.assert_close = self._watched(compare.assert_close)  # before any test module takes it

    def _watched(self, assert_close: Callable) -> Callable:
        """Keeps what public tests compare, for the report's pictures."""

        @wraps(assert_close)
        def watched(name, got, expected, *arguments, **keywords):
            if HIDDEN not in self._running:
                self.pictures.setdefault(self._running, []).extend(_pictures(name, got, expected))
            return assert_close(name, got, expected, *arguments, **keywords)

        return watched

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """Modules without graded tests are not even imported: they may import student modules."""
        if collection_path.suffix == ".py" and collection_path.name.startswith("test_"):
            return "mark.points" not in collection_path.read_text() or None
        return None

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if item.get_closest_marker("points")]
        parts = self.table["parts"]
        weights = {}
        for item in items:
            part = next((name for name in parts if item.get_closest_marker(name)), None)
            if part is None:
                raise pytest.UsageError(f"expected a part's mark on {item.nodeid}: add one of {', '.join(parts)}")
            weights[item.nodeid] = (part, float(item.get_closest_marker("points").args[0]))
        shares = points.share_out(weights, parts)
        order = list(parts)
        for item in sorted(items, key=lambda item: order.index(weights[item.nodeid][0])):
            part = weights[item.nodeid][0]
            hidden = HIDDEN in item.path.as_posix()
            self.results.tests[item.nodeid] = Test(
                name=f"{parts[part]['title']}: {'hidden: ' if hidden else ''}{_title(item)}",
                part=part,
                number=parts[part]["number"],
                max_score=shares[item.nodeid],
                visibility=self.table["visibility"]["hidden" if hidden else "public"],
            )

        rules.register(self.results, self.table["rules"])

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item):
        self._running = item.nodeid
        self._right = True
        return (yield)

    def pytest_runtest_setup(self) -> None:
        self._check_deadline()  # before hidden tests work out what they expect

    def _check_deadline(self) -> float:
        """The seconds that are left."""
        from tests.probes import StudentError

        left = self.until - time.monotonic()
        if left < 1:
            raise StudentError(rules.DEADLINE, "the grading's time was used up before this could be run", "")
        return left

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

    def _message(self, item: pytest.Item, error: BaseException) -> str:
        from tests.probes import StudentError

        if isinstance(error, StudentError | AssertionError | pytest.fail.Exception):
            hint = hints.of(f"{error.kind}: {error.message}") if isinstance(error, StudentError) else ""
            return "\n".join(line for line in (item.function.__doc__, "", str(error), hint) if line is not None).strip()
        self.problems.append(f"{item.nodeid}: {type(error).__name__}: {error}")
        return (
            f"{item.function.__doc__ or ''}\n\nWhat your code returned could not be compared "
            f"({type(error).__name__}: {str(error)[:300]}). If it looks right to you, tell the staff."
        ).strip()

    def pytest_sessionfinish(self) -> None:
        """What single numbers tell only all together is added to the messages of all tests that saw them."""
        from tests import compare

        sentences = compare.agreed(entry for entries in self._factors.values() for entry in entries)
        for test, entries in self._factors.items():
            for name in {name for name, factor in entries if factor != 1} & sentences.keys():
                hidden = HIDDEN in test
                self.results.tests[test].output += "\n    It looks like this mistake: " + (
                    f"it is a multiple of what is expected, the same in all tests of the {name}."
                    if hidden
                    else sentences[name]
                )

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.problems.append(str(report.longrepr)[-1500:])


def _pictures(name: str, got: object, expected: object) -> report.Pictures:
    """Of the first image; nothing for what is no picture."""
    got, expected = np.asarray(got), np.asarray(expected)
    if got.shape != expected.shape or got.dtype.kind not in "biuf" or not got.size:
        return []
    if got.ndim == 4 and got.shape[1] == 3 and got.shape[3] != 3:
        got, expected = got.transpose(0, 2, 3, 1), expected.transpose(0, 2, 3, 1)
    if not (got.ndim == 3 or (got.ndim == 4 and got.shape[3] == 3)) or min(got.shape[1:3]) < 8:
        return []
    return [(name, report.compared(got[0], expected[0]))]


def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """Random numbers of one hidden test: the same for the same submission, others for another."""
    return np.random.default_rng([request.config.stash.get(SEED, 0), zlib.crc32(request.node.nodeid.encode())])


def _title(item: pytest.Item) -> str:
    words = item.originalname.removeprefix("test_").replace("_", " ")
    which = f" ({', '.join(item.callspec.id.split('-'))})" if hasattr(item, "callspec") else ""
    return words[:1].upper() + words[1:] + which
