"""The packed autograder: the same bytes, no solution; run as Gradescope runs it: full points, within the budget."""

import json
import os
import resource
import shutil
import subprocess
import time
import zipfile
from pathlib import Path

import pytest

from autograder import descendants
from autograder.assignment import ROOT, read
from autograder.pack import pack
from staff.tests import contract

SECONDS, MEGABYTES = 120, 1500  # a quarter of the deadline: beside other work it takes more than twice as long


def test_the_zip_is_the_same_from_run_to_run_and_holds_no_solution(tmp_path):
    pack(tmp_path / "one.zip", read())
    pack(tmp_path / "two.zip", read())
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    names = set(zipfile.ZipFile(tmp_path / "one.zip").namelist())
    assert {"setup.sh", "run_autograder", "autograder/grade.py", "pretrained/embedded.safetensors"} <= names
    assert not names & {*read().files}


def proportional(pid):
    """Megabytes, of which what several processes share counts to each its share; 0 for one that has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0)


def measure(command, **options):
    """Runs it on one core; returns the seconds of CPU time and the megabytes of all its processes at their peak."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    core = {min(os.sched_getaffinity(0))}
    process = subprocess.Popen(command, preexec_fn=lambda: os.sched_setaffinity(0, core), **options)
    peak = 0
    while process.poll() is None:
        peak = max(peak, sum(map(proportional, [process.pid, *descendants.of(process.pid)])))
        time.sleep(0.25)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert process.returncode == 0
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, peak


@pytest.mark.proof
@pytest.mark.timeout(600)
def test_the_packed_autograder_gives_the_solution_full_points_within_the_budget(tmp_path, submission):
    home = tmp_path / "autograder"
    home.mkdir()
    pack(tmp_path / "autograder.zip", read())
    with zipfile.ZipFile(tmp_path / "autograder.zip") as archive:
        archive.extractall(home / "source")
    (home / "source/.venv").symlink_to(ROOT / ".venv")  # that setup.sh would make
    shutil.copytree(submission, home / "submission")
    (home / "results").mkdir()
    (home / "submission_metadata.json").write_text('{"id": 123456}')
    run = home / "source/run_autograder"
    run.chmod(0o755)
    seconds, megabytes = measure([run], env={"PATH": os.environ["PATH"], "AUTOGRADER": str(home)}, cwd=home)

    results = json.loads((home / "results/results.json").read_text())
    contract.check(results)
    assert results["score"] == 100, "or a test was left out"
    assert results["extra_data"]["grader_problems"] == []
    assert results["extra_data"]["submission"] == "submission 123456", "the seed comes from its number"
    assert "img-src data:" in (home / "results/report.html").read_text()
    print(f"graded in {seconds:.0f} s of CPU time with at most {megabytes:.0f} MB")
    assert seconds <= SECONDS and megabytes <= MEGABYTES
