"""What a result depends on beside the submission: the files that grade, and the packages. Its digest is the version."""

import hashlib
import sys
from importlib import metadata
from pathlib import Path

from staff.autograder import __main__ as autograder
from staff.grade import REPOSITORY

PACKAGES = ("torch", "torchvision", "captum", "numpy", "scipy", "pillow", "matplotlib", "pytest")


def files(suite: Path = REPOSITORY) -> dict[str, str]:
    """The digest of each file that the autograder packs, and the version of each package.

    suite: the folder of tests/ and staff/hidden/; all else is the repository's.
    """
    found = {"Python": f"{sys.version_info[0]}.{sys.version_info[1]}"}
    for package in PACKAGES:
        found[package] = metadata.version(package).partition("+")[0]  # builds for GPUs and without grade alike
    for name, path in autograder.files(suite).items():
        found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def version(digests: dict[str, str]) -> str:
    return hashlib.sha256(repr(sorted(digests.items())).encode()).hexdigest()[:16]


def changes(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """What differs, one short phrase each."""
    told = []
    for name in sorted(before.keys() | now.keys()):
        if before.get(name) == now.get(name):
            continue
        if name in PACKAGES or name == "Python":
            told.append(f"{name} {before.get(name, 'absent')} to {now.get(name, 'absent')}")
        else:
            told.append(f"{name} is {'new' if name not in before else 'gone' if name not in now else 'changed'}")
    return told
