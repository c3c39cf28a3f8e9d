"""The packed autograder, unpacked into folders laid out as Gradescope's and run as Gradescope runs it."""

import zipfile
from pathlib import Path

from autograder.assignment import read
from autograder.pack import pack

ROOT = Path(__file__).resolve().parents[2]


def test_the_zip_is_the_same_from_run_to_run_and_holds_no_solution(tmp_path):
    pack(tmp_path / "one.zip", read())
    pack(tmp_path / "two.zip", read())
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    names = set(zipfile.ZipFile(tmp_path / "one.zip").namelist())
    assert {"setup.sh", "run_autograder", "autograder/grade.py", "pretrained/embedded.safetensors"} <= names
    assert not names & {*read().files}
