"""Whole programs: what a script needs until its first pass, beside the import of PyTorch, and all pictures."""

import subprocess
import sys
import tempfile
from pathlib import Path

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
    limit = program("import torch, torchvision")
    starts = [
        Case(f"{name}.py", "until its first pass", {"ours": program(FIRST_PASS.format(script=name)), "limit": limit},
             {"limit": 1.3})
        for name in ("fooling_image", "saliency_map")
    ]  # fmt: skip
    return [*starts, Case("make figures", "all pictures", {"ours": figures})]


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
    start = clock()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return clock() - start
