"""The warm process: results are those of a grading by itself, and nothing of a submission is left for the next."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from autograder import descendants, intake, pack
from autograder.assignment import ROOT
from autograder.forking import Grader, GradingLost
from staff.proofs import chaos
from staff.references import remembering
from staff.tests.conftest import GRADE, IN_ARITHMETIC

pytestmark = pytest.mark.timeout(360)  # on a busy machine

UNIT = """
import os, sys, time
import numpy as np
def unit(x):
    {line}
    return x / np.linalg.norm(x)
"""
# What a fork of the process that has the tests would show: their modules, and the numbers that they expect.
SEES_TESTS = """
    ours = [name for name in sys.modules if name.startswith(("staff", "tests", "test_", "autograder"))]
    seen = [name for name in ours if any(word in name for word in ("test_", "hidden", "plugin"))]
    assert ours and not seen, seen
"""


@pytest.fixture
def graded(warm, handed_in):
    """Grade the solution with another function, and return its results."""

    def run(line="pass"):
        (handed_in / "scale.py").write_text(UNIT.format(line=line.strip()))
        results, page = warm.grade(handed_in, 7)
        assert page.startswith("<!doctype html>")
        return json.loads(results)

    return run


def points(results):
    return {part: had for part, (had, most) in results["extra_data"]["parts"].items()}


@pytest.mark.proof
def test_results_are_those_of_a_grading_by_itself(submission, tmp_path):
    """But for the times, and the layers of isolation are among them; for the first submission and for a later one."""
    with Grader() as warm:
        first, second = (chaos.without_times(warm.grade(submission, 7, part="content_loss")[0]) for _ in range(2))
    command = [sys.executable, "-c", GRADE, ROOT, ".", "content_loss", submission, tmp_path / "results.json"]
    subprocess.run(command, check=True)
    assert first == second == chaos.without_times((tmp_path / "results.json").read_text())


def test_student_code_sees_no_test(graded):
    results = graded(SEES_TESTS)
    assert points(results)["scale"] == 2, [test["output"] for test in results["tests"]]


def test_a_submission_changes_nothing_for_the_next(graded):
    """It patches NumPy, leaves a file and a process, and ends its process: the next has its points."""
    for line in (
        "np.ndarray.mean, np.mean = None, None; open('/tmp/left', 'w').write('x'); os.fork() or time.sleep(60)",
        "os._exit(0)",
        "os.kill(os.getppid(), 9)",
    ):
        assert points(graded(line))["center"] == 4
    assert points(graded("assert not os.path.exists('/tmp/left')")) == {"center": 4, "scale": 2, "rules": 4}


def test_a_grading_that_is_killed_is_told_and_the_next_is_graded(graded, warm, monkeypatch):
    """Something ends the fork that grades: out of memory, for one."""
    send = warm.link.send

    def send_and_kill(request):
        send(request)
        while not (forks := _gradings(warm)):
            time.sleep(0.01)
        os.kill(forks[0], signal.SIGKILL)

    monkeypatch.setattr(warm.link, "send", send_and_kill)
    with pytest.raises(GradingLost, match="the grading was ended by signal 9"):
        graded()
    monkeypatch.undo()
    assert points(graded())["scale"] == 2


def test_nothing_is_left_when_a_worker_dies(open_folder, monkeypatch):
    """The process that grades sees that the other side of its link is gone, while it grades."""
    sleeps = intake.Submission(files=dict.fromkeys(IN_ARITHMETIC.files, b"import time; time.sleep(99)"))
    monkeypatch.setenv("TMPDIR", str(open_folder))
    warm = Grader(IN_ARITHMETIC)
    warm.link.send((sleeps, 7, 200, "", ()))
    while not _gradings(warm):
        time.sleep(0.01)
    left = descendants.of(warm.process.pid)
    assert left and list(open_folder.glob("grader-*"))
    warm.close()
    assert not [pid for pid in left if _alive(pid)]
    assert not list(open_folder.iterdir())


REMEMBERED = """
import pickle
import numpy as np
from staff.references import remembering
remembering.remember()
from staff.hidden import drawing, test_class_visualization, test_fooling_image, test_style_transfer
from staff.references import chain_rule, saliency_map
from tests import inputs, networks
model, X, y = networks.build("tiny", "float64"), inputs.noise(2, 3, 20, 26, dtype=np.float64), np.array([4, 0])
saliency_map.saliency_mistakes(model, X, y), chain_rule.ask_wrongly(y)
rng = np.random.default_rng(1)
drawing.draw_maps(rng, "saliency", "tiny", 1, saliency_map.saliency, saliency_map.saliency_mistakes)
test_fooling_image.ask(rng, "tiny"), test_class_visualization.ask(rng, "tiny"), test_style_transfer.draw(rng)
assert remembering.KNOWN and pickle.dumps(remembering.KNOWN)
"""


@pytest.mark.proof
def test_what_is_remembered_can_be_handed_on():
    """In a process that has imported none of the references before: a grading with mistakes was lost to it."""
    done = subprocess.run([sys.executable, "-c", REMEMBERED], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_was_drawn_comes_again_and_the_generator_goes_on(monkeypatch):
    monkeypatch.setattr(remembering, "keeping", True)
    monkeypatch.setattr(remembering, "KNOWN", {})
    counts = []

    @remembering.keep_drawn
    def draw(rng, count):
        counts.append(count)
        return rng.standard_normal(count)

    generators = [np.random.default_rng(seed) for seed in (1, 1, 2)]
    first, again, other = (draw(rng, 3) for rng in generators)
    assert counts == [3, 3] and np.array_equal(first, again) and not np.array_equal(first, other)
    after, after_again, _ = (rng.random() for rng in generators)
    assert after == after_again


def test_the_version_is_that_of_the_suite_that_was_loaded(warm):
    files = pack.digests(IN_ARITHMETIC)
    assert warm.version == pack.version(files)
    assert {"tests/test_parts.py", "staff/hidden/test_hidden_parts.py", "autograder/plugin.py", "numpy"} <= set(files)
    assert pack.changes(files, files) == []
    other = files | {"numpy": "9.9", "tests/new.py": "1"}
    other.pop("tests/test_parts.py")
    assert pack.changes(files, other) == [
        f"numpy {files['numpy']} to 9.9", "tests/new.py is new", "tests/test_parts.py is gone"
    ]  # fmt: skip


def _gradings(warm):
    """Forks of the warm process, not of one that forks servers."""
    command = Path(f"/proc/{warm.process.pid}/cmdline").read_bytes()
    return [pid for pid in descendants.of(warm.process.pid) if _command(pid) == command]


def _command(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _alive(pid):
    state = descendants._stat(pid)
    return state is not None and state[0] != "Z"
