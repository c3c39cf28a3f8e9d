"""Failures on a few lines: what was asked, what came, and which mistake it looks or sounds like.

A part that is not written yet is one line for all its tests. `--tb=long` shows whole tracebacks instead.
"""

import re
import traceback
from collections import Counter
from pathlib import Path

import pytest

from pretrained.ending import tell
from tests import compare, deadline, hints, probes

ROOT = Path(__file__).resolve().parents[1]
LINES, WIDTH = 8, 160  # of a message that are shown
UNWRITTEN = "not written yet"
GAP = re.compile(r"(?:.*\bnot written yet: )?(Part \d\.\d: [\w ,'-]+)", re.DOTALL | re.IGNORECASE)
READ = "    To read:"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """End what never ends, where it is students' code in this process; the grader has deadlines of its own."""
    parts = _parts_of(item) | ({"scripts"} & {mark.name for mark in item.iter_markers()})
    if not parts or probes.REACH in item.config.stash:
        return (yield)
    with deadline.ending(item, parts, lambda error: " ".join(_places(_own_frames(error)[-1:]))):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure of a part's test becomes a few lines, or one for all tests of a part that is not written yet."""
    report = yield
    report.factors = compare.take_factors()
    if report.failed and item.config.option.tbstyle == "auto":
        if part := _unwritten(call.excinfo.value):
            report.unwritten = part
            report.longrepr = f"not written yet: {part}"
        elif _parts_of(item):
            asked, said, places = _summarise(item, call.excinfo.value)
            report.longrepr = "\n".join([asked, *said, *places])
            if not _is_a_tests(call.excinfo.value):
                report.place = "".join(places[-1:])
                if hint := hints.of("\n".join(said), report.place):
                    report.longrepr += f"\n    Perhaps: {hint}"
    return report


def pytest_report_teststatus(report):
    if hasattr(report, "unwritten"):
        return UNWRITTEN, "-", UNWRITTEN.upper()
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session):
    """Before the failures are printed: what single numbers tell only all together, and what to read only once."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    reports = [report for kind in ("passed", "failed") for report in (reporter.stats.get(kind, []) if reporter else [])]
    factors = (tuple(entry) for report in reports for entry in getattr(report, "factors", []))
    sentences = compare.name_factors(factors)
    for report in reports:
        for name in {name for name, factor in getattr(report, "factors", []) if factor != 1} & sentences.keys():
            report.longrepr = f"{report.longrepr}\n    It looks like this mistake: {sentences[name]}"
    known = set()
    for report in reports:
        if place := getattr(report, "place", ""):
            if place in known:  # a line that no test gets past is told once
                report.longrepr = f"{report.longrepr.splitlines()[1]} (at the same line)"
            known.add(place)
        if isinstance(report.longrepr, str):
            lines = report.longrepr.splitlines()
            report.longrepr = "\n".join(line for line in lines if not (line.startswith(READ) and line in known))
            known.update(lines)


def pytest_terminal_summary(terminalreporter):
    parts = Counter(report.unwritten for report in terminalreporter.stats.get(UNWRITTEN, []))
    if parts:
        terminalreporter.section(UNWRITTEN)
    for part, count in sorted(parts.items()):
        terminalreporter.line(f"{part}: {count} test{'s wait' if count > 1 else ' waits'} for it")


def _unwritten(error):
    """The part whose gap was met, in this process or in a script that was run; "" if it was another error."""
    while error is not None:
        if gap := GAP.match(tell(error)):
            return gap[1]
        error = error.__context__
    return ""


def _parts_of(item):
    """Names of the parts whose code, a student's, a test is about."""
    names = (line.partition(":")[0] for line in item.config.getini("markers") if ": part " in line)
    return {name for name in names if item.get_closest_marker(name)}


def _summarise(item, error):
    """Return what was asked, lines of what came, and lines of where: none of the tests' own, but for a bare assert."""
    asked = item.function.__doc__ or f"{item.originalname.removeprefix('test_').replace('_', ' ').capitalize()}."
    asked = " ".join(asked.split())
    points = item.get_closest_marker("points")
    if points:
        cases = ", with all its cases" if hasattr(item, "callspec") else ""
        asked += f" (Graded: {points.args[0]:g} point{'s' if points.args[0] != 1 else ''}{cases}.)"
    said, own = f"{type(error).__name__}: {tell(error)}", _own_frames(error)[-3:]
    if _is_a_tests(error):
        said, own = re.split(r"\nassert |\n *\+  where ", str(error))[0], []  # the sentence, without pytest's own lines
        if said.startswith("assert "):  # without a sentence of its own: pytest says what was compared, on many lines
            first, *more = said.splitlines()
            both = [line for line in more if line.lstrip().startswith(("- ", "+ "))]  # two texts, where they differ
            said = "\n".join(line[:WIDTH] for line in [first, *both[:4]])
            frames = traceback.extract_tb(error.__traceback__)
            own = [frame for frame in frames if _short(frame.filename).startswith("tests/")][-1:]
    return asked, said.splitlines()[:LINES], [f"    {place}" for place in _places(own)]


def _is_a_tests(error):
    """Tell a test's own assertion from those of packages, such as Captum's, which a student's line led to."""
    if isinstance(error, AssertionError) and _own_frames(error):
        last = Path(traceback.extract_tb(error.__traceback__)[-1].filename)
        return last.is_relative_to(ROOT) and ".venv" not in last.parts
    return isinstance(error, AssertionError | pytest.fail.Exception)


def _own_frames(error):
    """Frames of an error in a student's files."""
    return [frame for frame in traceback.extract_tb(error.__traceback__) if _is_students(frame.filename)]


def _places(frames):
    return [f"{_short(frame.filename)}, line {frame.lineno}: {frame.line}" for frame in frames]


def _is_students(path):
    inside = Path(path).is_relative_to(ROOT) and ".venv" not in Path(path).parts
    return inside and not _short(path).startswith(("tests/", "pretrained/"))


def _short(path):
    return Path(path).relative_to(ROOT).as_posix() if Path(path).is_relative_to(ROOT) else path
