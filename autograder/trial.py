"""A trial: a small program of ours goes through a student's door before anything is judged.

`find_problem` is the parent's side. `run` is what runs in a child, as a probe of student code does.
"""

import importlib
import os
import sys
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np

from autograder.adapter import Adapter

NAME = "trial"  # in place of a probe's name
LIMITS = {"seconds": 30.0, "memory": 1 << 30}
# Imported for real: from files and from shared libraries, and among them what a fork does not find loaded.
STANDARD = ("abc", "array", "cmath", "colorsys", "csv", "decimal", "fractions", "graphlib", "json", "statistics",
            "string", "wave")  # fmt: skip


def find_problem(call: Callable[..., dict], project: Path, written: Collection[str]) -> str:
    """Sentence on why student code cannot run here, "" if it can. Raises CallFailed, ServerLost.

    call: that of a Client. project: the folder that it runs student code in. written: the files there that are the
    student's.
    """
    files = sorted(path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file())
    answer = call(NAME, LIMITS, files=files, written=list(written))
    if "error" in answer:
        got = f"{answer['error']['type']}: {answer['error']['message']}"
    elif np.array_equal(answer.get("got", np.nan), answer.get("known", 0)):
        return ""
    else:
        got = f"{str(answer.get('got'))[:100]} instead of {str(answer.get('known'))[:100]}"
    return (
        f"expected a program of the grader's own to run in a student's place, got {got}: let every user read Python, "
        "its packages and the folders above them (chmod o+rX), and grade again"
    )


def run(adapter: Adapter, files: list[str], written: list[str]) -> dict:
    """Read each file of the project and the library, import what is given and some of it, and compute what is known."""
    project = sys.path[0]
    for name in files:
        with open(os.path.join(project, name), "rb") as file:
            file.read(1)
    library = os.path.dirname(os.__file__)  # and lib-dynload in it
    for folder in [path for path in sys.path if path.startswith(library) and "site-packages" not in path]:
        for entry in os.scandir(folder):
            if entry.name.endswith((".py", ".so")):
                with open(entry.path, "rb"):
                    pass
    theirs = [name.removesuffix(".py").replace("/", ".") for name in written]
    for name in theirs:  # importing one of them is an error: no student code runs here
        sys.modules[name] = None  # type: ignore[assignment]
    for name in files:
        if name.endswith(".py") and name not in written and not name.endswith("__main__.py"):
            importlib.import_module(name.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
    for name in STANDARD:
        importlib.import_module(name)
    got, known = adapter.try_out()
    return {"got": got, "known": known}
