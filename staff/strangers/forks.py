"""Many versions of students' files judged quickly: one warm process, and a fork for each in which the tests call it.

The graded tests, public and hidden, run as they do in the grader, but without its isolation: only what this repository
wrote itself is judged here.
"""

import importlib.abc
import importlib.util
import linecache
import os
import pickle
import selectors
import signal
import sys
import time
import traceback
from collections.abc import Iterable
from types import ModuleType

import pytest

from staff import grade
from staff.grader import child, points
from staff.grader.intake import STUDENT_FILES
from staff.grader.plugin import GradingPlugin
from staff.grader.reach import Reach
from staff.grader.results import Results, Test
from staff.references import remembering

SECONDS = 300  # for one fork
PACKAGES = "visualizers", "style_modules"
MODULES = {name.removesuffix(".py").replace("/", "."): name for name in STUDENT_FILES}

Files = dict[str, bytes]


class Direct(Reach):
    """What tests ask of students' code is asked in this process."""

    def __init__(self) -> None:
        super().__init__(_no_client, {}, time.monotonic() + 86_400)

    def call(self, name: str, count: bool = False, **arguments: object) -> dict:
        from tests import probes

        try:
            return probes.call(name, **arguments)
        except BaseException as error:
            return {"error": child.described(error)}


class Forking(GradingPlugin):
    """`questions` yields a part and the files that differ from the solution; `answers` holds their tests, by number."""

    def __init__(self, questions: Iterable[tuple[str, Files]], seed: int, processes: int) -> None:
        super().__init__(Direct(), Results(), points.read(), seed)
        self.questions, self.processes = enumerate(questions), processes
        self.answers: dict[int, list[Test]] = {}

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        remembering.remember_references()
        running = selectors.DefaultSelector()
        while True:
            while len(running.get_map()) < self.processes and (asked := next(self.questions, None)):
                number, (part, files) = asked
                running.register(self._fork(session, part, files), selectors.EVENT_READ, number)
            if not running.get_map():
                return True
            for key, _ in running.select():
                running.unregister(key.fileobj)
                with key.fileobj as pipe:
                    data = pipe.read()
                os.wait()
                self.answers[key.data], known = pickle.loads(data) if data else ([], {})
                remembering.KNOWN.update(known)

    def _fork(self, session: pytest.Session, part: str, files: Files):
        """Where its answer can be read: the tests, and what the references worked out for them."""
        reading, writing = os.pipe()
        if os.fork():
            os.close(writing)
            return os.fdopen(reading, "rb")
        try:
            signal.alarm(SECONDS)
            known = set(remembering.KNOWN)
            install(files)
            items = [item for item in session.items if self.results.tests[item.nodeid].part == part]
            for item, following in zip(items, [*items[1:], None]):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            self.pytest_sessionfinish()
            tests = [self.results.tests[item.nodeid] for item in items]
            new = {key: value for key, value in remembering.KNOWN.items() if key not in known}
            with os.fdopen(writing, "wb") as pipe:
                pipe.write(pickle.dumps((tests, new)))
        except BaseException:
            traceback.print_exc(file=sys.__stderr__)
        finally:
            os._exit(0)


def judge(questions: Iterable[tuple[str, Files]], seed: int, processes: int = 2) -> list[list[Test]]:
    """The tests of each question's part; an empty list where the fork itself failed, or took longer than SECONDS."""
    plugin = Forking(questions, seed, processes)
    grade.run_tests(plugin, grade.REPOSITORY)
    if plugin.reach.problems:
        raise RuntimeError("\n".join(plugin.reach.problems))
    return [plugin.answers[number] for number in sorted(plugin.answers)]


def _no_client() -> None:
    raise AssertionError("expected no child of the grader here")


# --- other files in the place of the repository's ---


def install(files: Files) -> None:
    """From now on this process imports these files, and the repository's own for the rest."""
    for name in [*MODULES, *PACKAGES]:
        sys.modules.pop(name, None)
    sys.meta_path.insert(0, _Finder(files))


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, files: Files) -> None:
        self.files = files

    def find_spec(self, name: str, path: object = None, target: ModuleType | None = None):
        file = MODULES.get(name)
        if file not in self.files:
            return None
        place = str(grade.REPOSITORY / file)
        return importlib.util.spec_from_loader(name, _Loader(place, self.files[file]), origin=place)


class _Loader(importlib.abc.InspectLoader):
    def __init__(self, path: str, data: bytes) -> None:
        self.path, self.data = path, data

    def get_source(self, name: str) -> str:
        return self.data.decode()

    def exec_module(self, module: ModuleType) -> None:
        source = self.data.decode()
        linecache.cache[self.path] = (len(source), None, source.splitlines(keepends=True), self.path)
        module.__file__ = self.path
        exec(compile(source, self.path, "exec"), module.__dict__)
