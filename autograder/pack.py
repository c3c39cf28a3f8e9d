"""Pack what Gradescope needs into dist/autograder.zip, the same bytes from run to run; and say which suite it is.

    python -m autograder.pack        (or: make autograder)
"""

import argparse
import ast
import hashlib
import sys
import tomllib
from functools import cache
from importlib import metadata
from pathlib import Path

from autograder.assignment import ADAPTER, HIDDEN, NAME, ROOT, TESTS, Assignment, read
from autograder.files import PUBLIC, make_zip, write_whole
from autograder.plugin import is_ungraded

HERE = Path(__file__).parent
REQUIREMENTS = "staff/requirements.txt"  # of the assignment, for setup.sh
WITHOUT_EFFECT = {REQUIREMENTS, *(f"autograder/{name}" for name in (
    "__main__.py", "pack.py", "points.py", "report.py", "report.html"))}  # fmt: skip -- on the outcome of a test
ENDINGS = {".py", ".toml", ".txt", ".tsv", ".npz", ".json", ".safetensors", ".png", ".jpg", ".html"}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Pack the autograder for Gradescope.")
    parser.add_argument("--out", type=Path, default=ROOT / "dist" / "autograder.zip")
    out = parser.parse_args(argv).out
    pack(out, read())
    print(f"Wrote {out}: {out.stat().st_size / 1e6:.1f} MB. In Gradescope: Configure Autograder, upload this zip.")
    return 0


def pack(out: Path, assignment: Assignment) -> None:
    scripts = {name: (HERE / "gradescope" / name).read_bytes() for name in ("setup.sh", "run_autograder")}
    contents = scripts | {name: path.read_bytes() for name, path in sorted(files(assignment).items())}
    write_whole(out, make_zip(contents, scripts), PUBLIC)


def files(assignment: Assignment) -> dict[str, Path]:
    """Path of each file that grading needs, by its name in the zip.

    Neither the solution nor tests that earn nothing are among these: what is not there cannot leak.
    """
    adapter, found = assignment.adapter, {}
    of_assignment = NAME, TESTS, HIDDEN, REQUIREMENTS, ADAPTER, *adapter.needed, *adapter.packed
    wanted = {"autograder": ROOT, **dict.fromkeys(of_assignment, assignment.root)}
    for name, root in wanted.items():
        paths = [root / name, *(root / name).rglob("*")]
        ungraded = {path for path in paths if is_ungraded(path)}  # such tests are of what is not here
        for path in paths:
            if path.is_file() and path.suffix in ENDINGS and not ungraded & {path, *path.parents}:
                found[path.relative_to(root).as_posix()] = path
    return found


def digests(assignment: Assignment) -> dict[str, str]:
    """Return digests of files and versions of packages: of all that the outcomes of tests depend on, and of no more.

    Neither comments count, nor docstrings, nor what an assert says, nor points, which are only sums. Behind the digest
    of a module of tests stand the parts that its tests are of.
    """
    found = {"Python": f"{sys.version_info[0]}.{sys.version_info[1]}"}
    for package in assignment.adapter.packages:
        found[package] = metadata.version(package).partition("+")[0]  # builds for GPUs and without grade alike
    for name, path in files(assignment).items():
        if name not in WITHOUT_EFFECT:
            found[name] = _digest(name, path.read_bytes(), assignment)
    return found


def find_parts(before: dict[str, str], now: dict[str, str]) -> set[str] | None:
    """Return the parts of the tests that differ between two suites; None where more than modules of tests does."""
    entries = [suite.get(name, "") for name in before.keys() | now.keys() if before.get(name) != now.get(name)
               for suite in (before, now) if name in suite]  # fmt: skip
    parts = [entry.split()[1:] for entry in entries]
    return {part for own in parts for part in own} if all(parts) else None


def version(digests: dict[str, str]) -> str:
    return hashlib.sha256(repr(sorted(digests.items())).encode()).hexdigest()[:16]


def changes(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """List what differs, one short phrase each."""
    told = []
    for name in sorted(before.keys() | now.keys()):
        if before.get(name) == now.get(name):
            continue
        if name.isidentifier():  # a package, or Python; files have a dot or a slash
            told.append(f"{name} {before.get(name, 'absent')} to {now.get(name, 'absent')}")
        else:
            told.append(f"{name} is {'new' if name not in before else 'gone' if name not in now else 'changed'}")
    return told


def _digest(name: str, data: bytes, assignment: Assignment) -> str:
    if name == NAME:
        table = tomllib.loads(data.decode())
        for entry in (*table["parts"].values(), *table["rules"].values()):
            entry.pop("points", None)
        data = repr(table).encode()
    elif name.endswith(".toml"):
        data = repr(tomllib.loads(data.decode())).encode()
    elif name.endswith(".py"):
        digest, marks = _digest_code(data)
        return " ".join([digest, *sorted(marks & assignment.parts.keys() if Path(name).match("test_*.py") else ())])
    return hashlib.sha256(data).hexdigest()


@cache  # most stay as they are from one question to the next
def _digest_code(data: bytes) -> tuple[str, set[str]]:
    """Digest what has an effect; return with it the marks of tests, none where one is not written out."""
    tree, attributes = ast.parse(data), []
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = node.body[ast.get_docstring(node, clean=False) is not None :]
        elif isinstance(node, ast.Assert):
            node.msg = None
        elif isinstance(node, ast.Attribute):
            attributes.append(node)
    marks = [node.attr for node in attributes if isinstance(node.value, ast.Attribute) and node.value.attr == "mark"]
    whole = len(marks) == sum(node.attr == "mark" for node in attributes)
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), set(marks) if whole else set()


if __name__ == "__main__":
    sys.exit(main())
