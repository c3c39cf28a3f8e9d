"""Fixtures that tests share: the way to students' code; tests/failures.py says what a failure of theirs says."""

import re
import sys
import tomllib
from pathlib import Path

import figures  # noqa: F401 -- first: it chooses matplotlib's backend

# isort: split
import pytest
import torch

import pretrained
from tests import inputs, probes
from tests.failures import (  # noqa: F401 -- pytest finds them here
    pytest_report_teststatus,
    pytest_runtest_call,
    pytest_runtest_makereport,
    pytest_sessionfinish,
    pytest_terminal_summary,
)
from tests.forks import Forks

torch.set_num_threads(1)  # the networks are small: more threads mostly wait for each other, above all on a busy machine


@pytest.fixture(scope="session")
def source():
    """The embedded network, its scenes and its pictures."""
    return pretrained.load("embedded", "cpu")


@pytest.fixture
def X():
    """Three small images."""
    return torch.from_numpy(inputs.scenes(height=64, width=64))


@pytest.fixture
def y():
    """A class to explain for each of them."""
    return torch.tensor([4, 0, 1])


@pytest.fixture
def probe(request):
    """Ask one thing of a student's code: `probe("saliency", network="embedded", X=X, y=y)["maps"]`."""
    return request.config.stash.get(probes.REACH, probes.call)


@pytest.fixture(scope="session")
def forks():
    """Run Python in a folder: forks(folder, "saliency_map.py", ...)."""
    forks = Forks()
    yield forks
    forks.close()


def pytest_ignore_collect(collection_path, config):
    """Leave out files that never name a mark of `-m`: they need not be imported."""
    words = re.findall(r"\w+", config.option.markexpr)
    if not words or "not" in words or not (collection_path.is_dir() or collection_path.name.startswith("test_")):
        return None
    files = collection_path.rglob("test_*.py") if collection_path.is_dir() else [collection_path]
    return None if any(f"mark.{word}" in file.read_text(encoding="utf-8") for file in files for word in words) else True


def pytest_configure(config):
    if not __debug__:  # the helpers' asserts would say nothing
        raise pytest.UsageError("expected Python with its asserts, got -O: leave it out, and unset PYTHONOPTIMIZE")
    table = tomllib.loads((Path(__file__).parents[1] / "assignment.toml").read_text(encoding="utf-8"))
    own = {file.removesuffix(".py").partition("/")[0] for part in table["parts"].values() for file in part["functions"]}
    if "ipykernel" in sys.modules:  # which has read the files before they were edited
        for name in [name for name in sys.modules if name.partition(".")[0] in own]:
            del sys.modules[name]
    for name, part in table["parts"].items():
        config.addinivalue_line("markers", f"{name}: part {part['number']}, {part['title']}")
    config.addinivalue_line("markers", "points(n): the test is graded, and worth n points with all its cases")
