"""Whole programs: what a script needs until its first pass, beside the import of PyTorch, and all pictures."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import harness
from benchmarks.harness import Case, Contestant, clock

ROOT = Path(__file__).resolve().parents[1]
FIRST_PASS = """
import {script}
import pretrained
from figures.images import choose_images
args = {script}.parse_args(["--weights", "embedded"])
images = choose_images(args, pretrained.load("embedded", "cpu"))
images.model(images.X[0])
"""


def cases() -> list[Case]:
    return [
        Case(
            f"{name}.py",
            "until its first pass",
            {"ours": program(FIRST_PASS.format(script=name)), "limit": torch()},
            goal,
        )
        for name, goal in {"fooling_image": {"limit": 1.3}, "saliency_map": {"limit": 1.3}}.items()
    ] + [Case("make figures", "all pictures", {"ours": figures})]


def torch() -> Contestant:
    return program("import torch, torchvision")


def program(code: str) -> Contestant:
    """A Python of its own that runs the code."""
    return lambda: lambda: _seconds([sys.executable, "-c", code])


def figures():
    """All pictures, as `make figures` makes them."""

    def work() -> float:
        with tempfile.TemporaryDirectory() as folder:
            return _seconds([sys.executable, "-m", "figures", "--weights", "embedded", "--out", folder])

    return work


def _seconds(command: list[str]) -> float:
    start, before = clock(), _children()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return clock() - start + (_children() - before if harness.busy else 0)


def _children() -> float:
    """Processor seconds of programs that have ended."""
    times = os.times()
    return times.children_user + times.children_system
