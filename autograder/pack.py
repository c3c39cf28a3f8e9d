"""Pack what Gradescope needs into dist/autograder.zip: the same bytes from run to run.

    python -m staff.autograder
"""

import argparse
import os
import sys
import zipfile
from pathlib import Path

from staff.grader import points

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent.relative_to(ROOT)

# Neither the solution nor the grader's own tests are among these: what is not there cannot leak.
CONTENTS = (
    "assignment.toml", "image_utils.py", "figures", "visualizers/network.py", "pretrained", "images", "tests",
    "staff/__init__.py", "staff/grade.py", "staff/grader", "staff/hidden", "staff/references",
    f"{HERE}/requirements.txt", "pyproject.toml",
)  # fmt: skip
ENDINGS = {".py", ".toml", ".txt", ".npz", ".json", ".safetensors", ".png", ".jpg"}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Pack the autograder for Gradescope.")
    parser.add_argument("--out", type=Path, default=ROOT / "dist" / "autograder.zip")
    out = parser.parse_args(argv).out
    out.parent.mkdir(parents=True, exist_ok=True)
    pack(out)
    print(f"Wrote {out}: {out.stat().st_size / 1e6:.1f} MB. In Gradescope: Configure Autograder, upload this zip.")
    return 0


def pack(out: Path) -> None:
    beside = out.with_name(out.name + ".part")
    try:
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_STORED) as archive:  # compressors differ between machines
            for name in ("setup.sh", "run_autograder"):
                _add(archive, ROOT / HERE / name, name, 0o100755)
            for name, path in sorted(files().items()):
                _add(archive, path, name, 0o100644)
        os.replace(beside, out)
    finally:
        beside.unlink(missing_ok=True)


def files(suite: Path = ROOT) -> dict[str, Path]:
    """Where each file lies, by its name in the zip. suite: the folder of tests/ and staff/hidden/."""
    found = {}
    for content in CONTENTS:
        root = suite if content in ("tests", "staff/hidden") else ROOT
        paths = [root / content, *(root / content).rglob("*")]
        ungraded = {path for path in paths if points.is_ungraded(path)}  # such tests are of what is not here
        for path in paths:
            if path.is_file() and path.suffix in ENDINGS and not ungraded & {path, *path.parents}:
                found[path.relative_to(root).as_posix()] = path
    return found


def _add(archive: zipfile.ZipFile, path: Path, name: str, mode: int) -> None:
    entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.create_system = 3  # Unix, wherever it is written
    entry.external_attr = mode << 16
    archive.writestr(entry, path.read_bytes())


if __name__ == "__main__":
    sys.exit(main())
