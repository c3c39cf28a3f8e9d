"""Writes the handout: a folder, and a zip that is the same for the same files."""

import os
import shutil
import zipfile
from collections.abc import Collection
from pathlib import Path

from staff.handout import contents, template

ZIP_NAME = "assignment_3_handout.zip"
FOLDER_IN_ZIP = "assignment_3"
EXECUTABLE = (".sh",)


def write_folder(folder: Path, solved: Collection[str] = (), root: Path = contents.ROOT) -> None:
    """Fill `folder`, which must not exist yet. solved: parts whose solutions are put back."""
    parts = contents.part_numbers()
    for name in contents.choose(contents.project_files(root), root):
        data = contents.content(name, (root / name).read_bytes(), parts, solved)
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o755 if path.suffix in EXECUTABLE else 0o644)
    template.check(folder / template.NAME)


def write_zip(folder: Path, path: Path) -> None:
    """All of `folder`, below one folder, with neither times nor owners."""
    beside = path.with_name(path.name + ".part")
    try:
        # Stored, not compressed: pictures are compressed already, and compressors differ between machines.
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_STORED) as archive:
            for file in sorted(file for file in folder.rglob("*") if file.is_file()):
                entry = zipfile.ZipInfo(f"{FOLDER_IN_ZIP}/{file.relative_to(folder).as_posix()}", (1980, 1, 1, 0, 0, 0))
                entry.create_system = 3  # Unix
                entry.external_attr = (0o100755 if os.access(file, os.X_OK) else 0o100644) << 16
                archive.writestr(entry, file.read_bytes())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def replace_folder(new: Path, old: Path) -> None:
    """Put the folder `new` in the place of `old`."""
    old.parent.mkdir(parents=True, exist_ok=True)
    if old.exists():
        shutil.rmtree(old)
    shutil.move(new, old)
