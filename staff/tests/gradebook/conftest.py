"""Fixtures that the tests of a class share: submissions in a folder, and results to put into a gradebook."""

import importlib.util
import json
import zlib

import pytest

# `make grade-class` and .ci/run install what these need: gradebook/requirements.txt
collect_ignore_glob = [] if importlib.util.find_spec("distributed") else ["test_*.py"]


@pytest.fixture
def folder(tmp_path):
    """A class of two: ada@example.edu and ben@example.edu, each with one file."""
    for name in ("ada@example.edu", "ben@example.edu"):
        (tmp_path / "class" / name).mkdir(parents=True)
        (tmp_path / "class" / name / "style_utils.py").write_text(f"# {name}\n")
    return tmp_path / "class"


@pytest.fixture
def result():
    """Makes what a worker sends back: result(saliency=[(1, 2, "output"), ...]) says points, most points, output."""
    from gradebook.store import Graded

    def make(worker="tcp://worker", problems=(), page="<h1>page</h1>", **parts):
        parts = parts or {"saliency": [(1, 2, "")]}
        tests = [
            {"name": f"{part}: test {i}", "tags": [part], "score": had, "max_score": most, "output": output,
             "status": "", "visibility": "visible", "number": "1"}
            for part, rows in parts.items() for i, (had, most, output) in enumerate(rows)
        ]  # fmt: skip
        score = sum(test["score"] for test in tests)
        table = {"score": score, "tests": tests, "execution_time": 3.0, "output": "",
                 "extra_data": {"grader_problems": list(problems), "layers_missing": []}}  # fmt: skip
        return Graded(score, json.dumps(table), zlib.compress(page.encode()), 3.0, worker)

    return make
