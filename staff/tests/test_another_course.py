"""The border of the grader and the gradebook: another assignment, of two functions in NumPy, goes the whole way."""

import csv
import graphlib
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from autograder import pack
from autograder.assignment import ROOT
from autograder.files import make_zip
from staff.tests import contract
from staff.tests.conftest import ARITHMETIC_SOLUTION, IN_ARITHMETIC
from staff.tests.test_rooms import find_imports
from tests.conftest import probe  # noqa: F401 -- where it would be looked for

ROOMS = ("autograder", "gradebook")
OURS = {path.stem for path in ROOT.iterdir() if path.is_dir() or path.suffix == ".py"} - {*ROOMS}
TWO_MISTAKES = {
    "moments/center.py": "class Center:\n    def subtract_mean(self, X):\n        return X - X.mean()\n",
    "scale.py": "import os\n\n\ndef unit(x):\n    os._exit(3)\n",
}
A_LOOP = "import numpy as np\n\n\nclass Center:\n    def subtract_mean(self, X):\n        mean = X.mean(axis=0)\n" \
    "        return np.stack([row - mean for row in X])\n"  # fmt: skip


@pytest.mark.parametrize("room", ROOMS)
def test_neither_room_imports_torch_or_anything_of_ours(room):
    """The table and the adapter tell them all that they know of an assignment."""
    others = OURS | {"torch", "torchvision", "captum"} | ({"gradebook"} if room == "autograder" else set())
    for path in (ROOT / room).rglob("*.py"):
        found = [name for name, _ in find_imports(path.read_text()) if name.partition(".")[0] in others]
        assert not found, f"{path.relative_to(ROOT)}: {found}"


@pytest.mark.parametrize("room", ROOMS)
def test_neither_room_has_a_circle_of_imports(room):
    """Also where an import stands within a function."""
    files = {f"{room}.{path.stem}": path for path in (ROOT / room).glob("*.py")}
    graph = {}
    for name, path in files.items():
        imported = {".".join(found.split(".")[:2]) for found, _ in find_imports(path.read_text())}
        graph[name] = imported & files.keys()
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError


def hand_in(place, files):
    """A zip of the solution with other files."""
    contents = ARITHMETIC_SOLUTION | {name: text.encode() for name, text in files.items()}
    place.write_bytes(make_zip({f"work/{name}": data for name, data in contents.items()}))
    return place


@pytest.fixture(scope="module")
def gradescope(tmp_path_factory):
    """A folder as Gradescope has it, with the packed grader and this environment; grades what is handed in."""
    folder = tmp_path_factory.mktemp("autograder")
    pack.pack(folder / "autograder.zip", IN_ARITHMETIC)
    with zipfile.ZipFile(folder / "autograder.zip") as archive:
        assert not {"moments/center.py", "scale.py"} & set(archive.namelist())
        archive.extractall(folder / "source")
    (folder / "source/.venv").symlink_to(Path(sys.prefix), target_is_directory=True)

    def grade(files):
        shutil.rmtree(folder / "submission", ignore_errors=True)
        with zipfile.ZipFile(hand_in(folder / "work.zip", files)) as archive:
            archive.extractall(folder / "submission")
        done = subprocess.run(
            ["bash", "run_autograder"], cwd=folder / "source", env=os.environ | {"AUTOGRADER": str(folder)},
            capture_output=True, text=True, timeout=150,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads((folder / "results/results.json").read_text()), done.stdout

    return grade


def test_a_solution_earns_all_points_on_gradescope(gradescope):
    results, said = gradescope({})
    contract.check(results)
    assert results["score"] == 10 and "1 Centre: 4 of 4" in said and not results["extra_data"]["grader_problems"]


def test_a_mistake_is_named_and_an_exit_is_one_functions_matter(gradescope):
    """In isolation: the process of the one call ends, and the grading goes on."""
    results, _ = gradescope(TWO_MISTAKES)
    said = {test["name"]: test["output"] for test in results["tests"]}
    assert results["extra_data"]["parts"]["center"] == [0, 4] and results["extra_data"]["parts"]["scale"] == [0, 2]
    assert "It looks like this mistake: the mean of all is taken." in said["Centre: Columns are centred"]
    assert "exit code 3" in said["Scale: A vector gets length one"]
    assert results["extra_data"]["layers"]["limits"]


def test_a_class_of_three_is_graded_on_dask(tmp_path):
    console, gradebook = pytest.importorskip("rich.console"), pytest.importorskip("gradebook.__main__")
    (tmp_path / "class").mkdir()
    for name, files in {"ada": {}, "ben": TWO_MISTAKES, "cleo": {"moments/center.py": A_LOOP}}.items():
        hand_in(tmp_path / "class" / f"{name}.zip", files)
    args = gradebook.parse_args([str(tmp_path / "class"), "--out", str(tmp_path / "out"), "--workers", "1"])
    assert gradebook.grade_class(args, console.Console(file=io.StringIO()), IN_ARITHMETIC) == 0
    with (tmp_path / "out/grades.csv").open(newline="") as file:
        points = [row["Arithmetic"] for row in csv.DictReader(file)]
    assert points == ["10", "0", "9"]
    assert "Centre" in (tmp_path / "out/class.html").read_text()
