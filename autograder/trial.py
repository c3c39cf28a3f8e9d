"""The canary: a small program of ours that goes through a student's door before anything is judged.

`problem` is the parent's side. `sing` runs in a child, as a probe of student code does.
"""

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from staff.grader.intake import STUDENT_FILES

NAME = "canary"  # in place of a probe's name
LIMITS = {"seconds": 30.0, "memory": 1 << 30}
# Imported for real: from files and from shared libraries, and among them what a fork does not find loaded.
STANDARD = ("abc", "array", "cmath", "colorsys", "csv", "decimal", "fractions", "graphlib", "json", "statistics",
            "string", "wave")  # fmt: skip
KNOWN = [2.0, -4.0, 6.0, 1458.0]  # what `_compute` returns, exactly in any precision
STUDENTS_MODULES = {name.removesuffix(".py").replace("/", ".") for name in STUDENT_FILES}


def problem(call: Callable[..., dict], project: Path) -> str:
    """Sentence on why student code cannot run here, "" if it can. Raises CallFailed, ServerLost.

    call: that of a Client. project: the folder that it runs student code in.
    """
    files = sorted(path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file())
    answer = call(NAME, LIMITS, files=files)
    if "error" in answer:
        got = f"{answer['error']['type']}: {answer['error']['message']}"
    elif np.array_equal(answer.get("known"), KNOWN):
        return ""
    else:
        got = f"{str(answer.get('known'))[:100]} instead of {KNOWN}"
    return (
        f"expected a program of the grader's own to run in a student's place, got {got}: let every user read Python, "
        "its packages and the folders above them (chmod o+rX), and grade again"
    )


def sing(files: list[str]) -> dict:
    """Read each of the project's files, import the given ones, all that rule 2 allows, and compute what is known."""
    project = sys.path[0]
    for name in files:
        with open(os.path.join(project, name), "rb") as file:
            file.read(1)
    sys.modules.update(dict.fromkeys(STUDENTS_MODULES))  # importing one of them is an error: no student code runs here
    for name in files:
        if name.endswith(".py") and name not in STUDENT_FILES and not name.endswith("__main__.py"):
            importlib.import_module(name.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
    for name in sys.stdlib_module_names:
        found = importlib.util.find_spec(name)
        if found is not None and found.has_location and found.origin:
            with open(found.origin, "rb"):
                pass
    for name in STANDARD:
        importlib.import_module(name)
    return {"known": _compute()}


def _compute() -> np.ndarray:
    """A gradient and a convolution."""
    import torch

    x = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)
    (x**2).sum().backward()
    total = torch.nn.functional.conv2d(torch.full((1, 3, 8, 8), 1.5), torch.ones(1, 3, 3, 3)).sum()
    return np.append(x.grad.numpy(), total.item())
