# STAFF
"""The tests of on_second_device.py, in a process in which the device is there before anything is computed."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.proof
@pytest.mark.timeout(600)
def test_everything_works_on_a_second_device():
    """Students' methods, losses, scripts, the explorer and labs run on a card of pure Python, as on the CPU."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/on_second_device.py"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=590)
    assert run.returncode == 0, run.stdout[-5000:]
