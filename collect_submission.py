"""Collects your work into assignment_3_submission.zip, the file to hand in.

    python collect_submission.py            look, then write the zip
    python collect_submission.py --check    only look

It needs Python alone: no packages, no network. Problems that would cost you the whole submission (a missing
file, a syntax error, a zip that is too large) stop it; whatever only costs a part (a part not solved yet, a
missing figure) is named, and the zip is written all the same. The same files always give the same zip.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import os
import sys
import zipfile
from pathlib import Path

ZIP_NAME = "assignment_3_submission.zip"
MANIFEST_NAME = "MANIFEST.sha256"
MAX_BYTES = 100_000_000

SCRIPTS = ("saliency_map.py", "gradcam.py", "fooling_image.py", "class_visualization.py", "style_transfer.py")
REQUIRED = (
    "visualizers/__init__.py",
    "visualizers/saliency_map.py",
    "visualizers/gradcam.py",
    "visualizers/fooling_image.py",
    "visualizers/class_visualization.py",
    "style_modules/__init__.py",
    "style_modules/content_loss.py",
    "style_modules/style_loss.py",
    "style_modules/tv_loss.py",
    "style_utils.py",
    "image_utils.py",
    *SCRIPTS,
)
CODE_FOLDERS = ("visualizers", "style_modules")
FIGURES = "visualization"
FIGURE_ENDINGS = (".png", ".jpg", ".jpeg")


def main(argv: list[str] | None = None, root: Path | None = None) -> int:
    """Looks at the work in `root` (the folder of this file), writes the zip, returns the exit status."""
    args = parse_args(argv)
    root = root or Path(__file__).resolve().parent

    files = find_files(root)
    faults = [*missing_files(root), *syntax_errors(root, files), *too_large(root, files)]
    notes = [*unsolved_parts(root, files), *missing_figures(root, files)]
    for line in faults + notes:
        print(f"- {line}")

    if faults:
        print(f"{ZIP_NAME} {'would not be' if args.check else 'was not'} written: "
              f"{_count(len(faults), 'problem')} to mend first.")
        return 1
    found = f"{_count(len(files), 'file')}, {_count(len(notes), 'thing')} to look at above" if notes else \
        f"{_count(len(files), 'file')}, nothing missing"
    if args.check:
        print(f"Ready to collect: {found}.")
        return 0
    try:
        size = write_zip(root, files)
    except OSError as error:
        print(f"{ZIP_NAME} could not be written: {error}.")
        return 1
    print(f"Wrote {root / ZIP_NAME}: {found}, {size / 1e6:.1f} MB.")
    return 0


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=f"Collect your work into {ZIP_NAME}.")
    parser.add_argument("--check", action="store_true", help="only look, write nothing")
    return parser.parse_args(argv)


def find_files(root: Path) -> list[str]:
    """Everything that goes into the zip: paths relative to `root`, with forward slashes, sorted."""
    code = [root / name for name in REQUIRED]
    for folder in CODE_FOLDERS:
        code += (root / folder).glob("*.py")
    figures = [root / FIGURES / "index.html"]
    figures += (path for path in (root / FIGURES).rglob("*") if path.suffix.lower() in FIGURE_ENDINGS)
    return sorted({path.relative_to(root).as_posix() for path in code + figures
                   if path.is_file() and not path.name.startswith(".")})


def missing_files(root: Path) -> list[str]:
    return [f"{name} is missing: names and folders must stay as they were handed out, so rename it back "
            "or take it from the handout again."
            for name in REQUIRED if not (root / name).is_file()]


def syntax_errors(root: Path, files: list[str]) -> list[str]:
    lines = []
    for name in _code(files):
        try:
            ast.parse((root / name).read_bytes())
        except SyntaxError as error:
            lines.append(f"{name}, line {error.lineno or 1}: Python cannot read this file ({error.msg}).")
        except ValueError as error:  # null bytes, in some versions of Python
            lines.append(f"{name}: Python cannot read this file ({error}).")
    return lines


def too_large(root: Path, files: list[str]) -> list[str]:
    sizes = sorted(((root / name).stat().st_size, name) for name in files)
    total = sum(size for size, _ in sizes)
    if total <= MAX_BYTES:
        return []
    largest = ", ".join(f"{name} ({size / 1e6:.0f} MB)" for size, name in sizes[:-4:-1])
    return [f"The files come to {total / 1e6:.0f} MB and at most {MAX_BYTES / 1e6:.0f} MB are accepted: "
            f"make the largest smaller or take them away ({largest})."]


def unsolved_parts(root: Path, files: list[str]) -> list[str]:
    """Names each `raise NotImplementedError("Part ...")` that still stands in the code."""
    lines = []
    for name in _code(files):
        try:
            tree = ast.parse((root / name).read_bytes())
        except (SyntaxError, ValueError):
            continue  # said already
        for node in ast.walk(tree):
            if not isinstance(node, ast.Raise) or node.exc is None:
                continue
            names = [part.id for part in ast.walk(node.exc) if isinstance(part, ast.Name)]
            texts = [part.value for part in ast.walk(node.exc)
                     if isinstance(part, ast.Constant) and isinstance(part.value, str)]
            if "NotImplementedError" in names:
                part_name = texts[0] if texts else "a part is not solved yet"
                lines.append(f"{name}, line {node.lineno}: NotImplementedError is still there ({part_name}).")
    return lines


def missing_figures(root: Path, files: list[str]) -> list[str]:
    """Each root script writes pictures that begin with its own name."""
    pictures = [Path(name).name for name in files if name.startswith(FIGURES + "/")]
    stems = [script.removesuffix(".py") for script in SCRIPTS]
    return [f"{FIGURES}/ has no picture from {stem}.py: run python {stem}.py (make figures runs all)."
            for stem in stems if not any(picture.startswith(stem) for picture in pictures)]


def write_zip(root: Path, files: list[str]) -> int:
    """Writes the zip beside its place and renames it, so that no half one is handed in; returns its size."""
    contents = {name: (root / name).read_bytes() for name in files}
    manifest = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in contents.items())
    contents[MANIFEST_NAME] = manifest.encode()

    part = root / (ZIP_NAME + ".part")
    try:
        # Stored, not compressed: pictures are compressed already, and compressors differ between machines.
        with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
            for name, data in contents.items():
                entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
                entry.create_system = 3  # Unix, also when written on Windows
                entry.external_attr = 0o100644 << 16
                archive.writestr(entry, data)
        size = part.stat().st_size
        os.replace(part, root / ZIP_NAME)
    finally:
        part.unlink(missing_ok=True)
    return size


def _code(files: list[str]) -> list[str]:
    return [name for name in files if name.endswith(".py")]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


if __name__ == "__main__":
    sys.exit(main())
