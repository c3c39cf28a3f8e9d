"""Sentences for a program that cannot go on while it loads: an old Python, a missing package, or Ctrl+C."""

from __future__ import annotations

import platform
import sys
import traceback
from pathlib import Path

# By what is imported, where the package goes by another name.
PACKAGES = {name: name for name in ("captum", "gradio", "matplotlib", "numpy", "pooch", "safetensors", "scipy", "torch",
                                    "torchvision", "tqdm")}  # fmt: skip
PACKAGES.update({"PIL": "pillow", "pptx": "python-pptx", "skimage": "scikit-image", "sklearn": "scikit-learn"})
PYTHON = (3, 11)  # or later
INTERRUPTED = 130  # the status by which shells know Ctrl+C


def name_missing(problem: BaseException | None) -> str:
    """Sentence on the package that an import did not find, and the command that adds it; "" for anything else."""
    if not isinstance(problem, ModuleNotFoundError) or not problem.name:
        return ""
    name = problem.name.partition(".")[0]
    if package := PACKAGES.get(name):
        return f"error: expected the package {package}, found none: run python environment/complete.py"
    # One that a package of ours needs: pip adds it, if it is asked for ours once more.
    files = [frame.filename for frame in traceback.extract_tb(problem.__traceback__) if Path(frame.filename).is_file()]
    importers = [_name_package(file) for file in files]
    ours = next((PACKAGES[one] for one in importers if one in PACKAGES), "")
    if not ours or not importers[-1]:
        return ""
    return f"error: expected {name}, which the package {ours} needs, found none: run python -m pip install {ours}"


def _name_package(file: str) -> str:
    """Name by which the installed package is imported that this file belongs to; "" for a file of somebody's own."""
    parts = Path(file).parts
    place = next((i for i, part in enumerate(parts) if part in {"site-packages", "dist-packages"}), len(parts))
    return "".join(parts[place + 1 : place + 2])


def end_in_words() -> None:
    """Let such an end of this program be one line, no traceback; every other end stays as it is."""
    if sys.version_info < PYTHON:
        got = platform.python_version()
        sys.exit(f"error: expected Python 3.11 or later, got {got}: activate the assignment's own")
    before = sys.excepthook

    def end(kind, problem, trace):
        if issubclass(kind, KeyboardInterrupt):
            print("\ninterrupted", file=sys.stderr)
        elif words := name_missing(problem):
            print(words, file=sys.stderr)
        else:
            before(kind, problem, trace)

    sys.excepthook = end


end_in_words()
