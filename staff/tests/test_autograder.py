"""The packed autograder, unpacked into folders laid out as Gradescope's and run as Gradescope runs it."""

import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from staff.autograder.__main__ import pack
from staff.tests import contract

ROOT = Path(__file__).resolve().parents[2]


def test_the_zip_is_the_same_from_run_to_run_and_holds_no_solution(tmp_path):
    pack(tmp_path / "one.zip")
    pack(tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    names = set(zipfile.ZipFile(tmp_path / "one.zip").namelist())
    assert {"setup.sh", "run_autograder", "staff/grade.py", "pretrained/embedded.safetensors"} <= names
    assert not names & {"visualizers/gradcam.py", "style_utils.py", "style_modules/tv_loss.py"}


@pytest.mark.timeout(540)
def test_the_unpacked_autograder_grades_as_on_gradescope(tmp_path, submission):
    pack(tmp_path / "autograder.zip")
    home = tmp_path / "autograder"
    home.mkdir()
    subprocess.run(["unzip", "-q", str(tmp_path / "autograder.zip"), "-d", str(home / "source")], check=True)
    # The environment that setup.sh would make, and the small suite in place of the whole one.
    (home / "source/.venv").symlink_to(ROOT / ".venv")
    for name in ("tests", "staff/hidden"):
        shutil.rmtree(home / "source" / name, ignore_errors=True)
        shutil.copytree(Path(__file__).with_name("miniature") / name, home / "source" / name)
    shutil.copytree(submission, home / "submission")
    (home / "results").mkdir()
    (home / "submission_metadata.json").write_text('{"id": 123456}')
    shutil.copy(home / "source/run_autograder", home / "run_autograder")
    environment = {"PATH": os.environ["PATH"], "AUTOGRADER": str(home)}
    subprocess.run([str(home / "run_autograder")], env=environment, cwd=home, check=True, timeout=500)
    results = json.loads((home / "results/results.json").read_text())
    contract.check(results)
    assert results["extra_data"]["grader_problems"] == []
    assert results["score"] == 22
    assert results["extra_data"]["seed"] != 0
    assert "img-src data:" in (home / "results/report.html").read_text()
