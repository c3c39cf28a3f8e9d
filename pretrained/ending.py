"""Sentences for a program that cannot go on while it loads: an old Python, a missing package, or Ctrl+C."""

from __future__ import annotations

import platform
import sys

# By what is imported, where the package goes by another name.
PACKAGES = {name: name for name in ("captum", "gradio", "matplotlib", "numpy", "pooch", "safetensors", "scipy", "torch",
                                    "torchvision", "tqdm")}  # fmt: skip
PACKAGES.update({"PIL": "pillow", "pptx": "python-pptx", "skimage": "scikit-image", "sklearn": "scikit-learn"})
PYTHON = (3, 11)  # or later
INTERRUPTED = 130  # the status by which shells know Ctrl+C


def name_missing(problem: BaseException | None) -> str:
    """Sentence on the package that an import did not find, and the command that adds it; "" for anything else."""
    name = problem.name if isinstance(problem, ModuleNotFoundError) else None
    package = PACKAGES.get((name or "").partition(".")[0])
    return f"error: expected the package {package}, found none: run python environment/complete.py" if package else ""


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
