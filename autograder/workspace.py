"""The folder that student code runs in: staff's copy of the assignment, and over it the student's own files."""

import shutil
from pathlib import Path

from autograder.assignment import Assignment
from autograder.files import fill
from autograder.intake import Submission

PROBES = "tests/probes"  # the only tests that are there: no graded one, no expected value, and nothing of staff/

# A package whose modules are imported when they are asked for, so that one broken file breaks its own tests only.
LAZY_PACKAGE = '''"""Imports each class when it is asked for."""

import importlib

_MODULES = {modules!r}
__all__ = list(_MODULES)


def __getattr__(name):
    if name in _MODULES:
        return getattr(importlib.import_module(_MODULES[name]), name)
    raise AttributeError(f"module {{__name__!r}} has no attribute {{name!r}}")
'''


def build(folder: Path, submission: Submission, assignment: Assignment) -> None:
    """Fill `folder`; everything in it can be read, and nothing written, by whoever student code runs as."""
    for name in (PROBES, *assignment.adapter.needed):
        source, target = assignment.root / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copyfile(source, target)
    (folder / "tests" / "__init__.py").touch()  # or a package of that name, brought by another one, would be taken
    for package, modules in assignment.classes.items():
        (folder / package).mkdir(exist_ok=True)
        (folder / package / "__init__.py").write_text(LAZY_PACKAGE.format(modules=modules))
    missing = {name: f"raise ImportError({name + ' is missing from the submission'!r})\n" for name in assignment.files}
    fill(folder, {name: submission.files.get(name, text.encode()) for name, text in missing.items()})
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
