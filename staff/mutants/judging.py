"""One variant judged as the grader judges a submission, by a fork server that a process keeps for many of them."""

import hashlib
import importlib
import inspect
import io
import multiprocessing.util
import pickle
import pkgutil
import shutil
import tempfile
import time
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from types import ModuleType

import numpy as np
from torch import Tensor

from staff import grade, references
from staff.grader import intake, points, rules, workspace
from staff.grader.client import Client
from staff.grader.plugin import GradingPlugin
from staff.grader.results import Results
from staff.mutants import variants
from tests import compare

SECONDS = 120  # for one variant
HALF = 0.005  # a hundredth of a point, to which points are rounded, by two


@dataclass
class Verdict:
    variant: variants.Variant
    had: float
    most: float
    named: bool
    misnamed: bool  # what must not be said was said
    said: str  # of the first test that failed
    problems: list[str]  # the grader's own

    @property
    def good(self) -> bool:
        if self.problems or self.misnamed:
            return False
        if not self.variant.says:
            return self.had == self.most
        within = self.variant.least * self.most - HALF <= self.had <= self.variant.most * self.most + HALF
        return within and self.had < self.most


def start(seed: int) -> None:
    """Once in each process: a fork server, and the folder that it runs student code from."""
    global client, project, seed_of_hidden
    seed_of_hidden = seed
    work = Path(tempfile.mkdtemp(prefix="mutants-"))
    work.chmod(0o711)
    project = work / "project"
    workspace.build(project, intake.Submission(files=variants.solution()))
    client = Client(project, [grade.REPOSITORY, Path.home()])
    client.start()
    remember_references()
    multiprocessing.util.Finalize(None, _end, args=(work,), exitpriority=1)


def remember_references() -> dict[bytes, object]:
    """Let their functions keep their results: with one seed, hidden tests ask the same for every variant.

    Returns where they are kept.
    """
    known: dict[bytes, object] = {}
    for entry in pkgutil.iter_modules(references.__path__):
        if entry.name not in ("__main__", "shared", "stored"):
            _remember(importlib.import_module(f"{references.__name__}.{entry.name}"), known)
    return known


def _remember(module: ModuleType, known: dict[bytes, object]) -> None:
    def remembering(function):
        @wraps(function)
        def remembered(*arguments, **keywords):
            try:
                key = _digest((module.__name__, function.__name__, arguments, sorted(keywords.items())))
            except (pickle.PicklingError, AttributeError, TypeError):  # functions among the arguments
                return function(*arguments, **keywords)
            if key not in known:
                known[key] = function(*arguments, **keywords)
            return known[key]

        return remembered

    for name, function in inspect.getmembers(module, inspect.isfunction):
        if function.__module__ == module.__name__ and name[0] != "_" and name not in ("one_hot", "through"):
            setattr(module, name, remembering(function))


class _Pickler(pickle.Pickler):
    """Tensors by their values: as torch pickles them, where they lie in memory goes in too."""

    def reducer_override(self, value):
        return (np.array, (value.detach().numpy(),)) if isinstance(value, Tensor) else NotImplemented


def _digest(value: object) -> bytes:
    text = io.BytesIO()
    _Pickler(text).dump(value)
    return hashlib.sha256(text.getbuffer()).digest()


def _end(work: Path) -> None:
    client.__exit__()
    shutil.rmtree(work, ignore_errors=True)


def judge(variant: variants.Variant) -> Verdict:
    if variant.problem:
        return Verdict(variant, 0, 0, False, False, "", [variant.problem])
    taken = intake.Submission(files=variants.solution() | variant.files)
    for name, data in taken.files.items():
        (project / name).write_bytes(data)
    table, results = points.read(), Results()
    plugin = GradingPlugin(lambda: client, results, table, seed_of_hidden, time.monotonic() + SECONDS)
    plugin.client = client
    assert_close = compare.assert_close  # which the plugin wraps
    try:
        grade.run_tests(plugin, grade.REPOSITORY, variant.part)
    finally:
        compare.assert_close = assert_close
    tests = [test for test in results.tests.values() if test.part == variant.part]
    if not variant.says:
        rules.check(taken, plugin, table["rules"])
        tests = [test for test in results.tests.values() if test.part in (variant.part, "rules")]
    failed = [test for test in tests if test.score < test.max_score]
    said = [_message(test.output) for test in failed]
    return Verdict(
        variant,
        sum(test.score for test in tests),
        sum(test.max_score for test in tests),
        all(any(sentence in text for text in said) for sentence in variant.says),
        bool(variant.never) and any(variant.never in text for text in said),
        f"{failed[0].name}\n{failed[0].output}" if failed else "",
        plugin.problems,
    )


def _message(output: str) -> str:
    """Without the test's own line at the top, and without the advice of what to read, which any failure gets."""
    return "\n".join(line for line in output.partition("\n\n")[2].splitlines() if "To read:" not in line)
