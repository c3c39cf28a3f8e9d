"""Pack what Gradescope needs into dist/autograder.zip: the same bytes from run to run. Its digest is its version.

    python -m autograder.pack        (or: make autograder)
"""

import argparse
import hashlib
import sys
from importlib import metadata
from pathlib import Path

from autograder.assignment import ADAPTER, HIDDEN, NAME, ROOT, TESTS, Assignment, read
from autograder.files import PUBLIC, make_zip, write_whole
from autograder.plugin import is_ungraded

HERE = Path(__file__).parent
REQUIREMENTS = "staff/requirements.txt"  # of the assignment, for setup.sh
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
    wanted = {"autograder": ROOT, TESTS: assignment.suite, HIDDEN: assignment.suite}
    wanted |= dict.fromkeys((NAME, REQUIREMENTS, ADAPTER, *adapter.given, *adapter.packed), assignment.root)
    for name, root in wanted.items():
        paths = [root / name, *(root / name).rglob("*")]
        ungraded = {path for path in paths if is_ungraded(path)}  # such tests are of what is not here
        for path in paths:
            if path.is_file() and path.suffix in ENDINGS and not ungraded & {path, *path.parents}:
                found[path.relative_to(root).as_posix()] = path
    return found


def digests(assignment: Assignment) -> dict[str, str]:
    """Digest of each file that is packed, and the version of each package: what a result depends on."""
    found = {"Python": f"{sys.version_info[0]}.{sys.version_info[1]}"}
    for package in assignment.adapter.packages:
        found[package] = metadata.version(package).partition("+")[0]  # builds for GPUs and without grade alike
    for name, path in files(assignment).items():
        found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


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


if __name__ == "__main__":
    sys.exit(main())
