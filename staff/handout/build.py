"""Writes the handout: a folder, and a zip that is the same for the same files."""

import os
from collections.abc import Collection
from pathlib import Path

from autograder.files import PUBLIC, make_zip, write_whole
from staff.handout import contents, template

ZIP_NAME = "assignment_3_handout.zip"
FOLDER_IN_ZIP = "assignment_3"
EXECUTABLE = (".sh",)


def write_folder(folder: Path, solved: Collection[str] = ()) -> None:
    """Fill `folder`, which must not exist yet. solved: parts whose solutions are put back."""
    parts = contents.part_numbers()
    for name in contents.choose(contents.project_files()):
        data = contents.content(name, (contents.ROOT / name).read_bytes(), parts, solved)
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o755 if path.suffix in EXECUTABLE else 0o644)
    template.check(folder / template.NAME)


def write_zip(folder: Path, path: Path) -> None:
    """Write all of `folder`, below one folder."""
    found = {f"{FOLDER_IN_ZIP}/{file.relative_to(folder).as_posix()}": file
             for file in sorted(file for file in folder.rglob("*") if file.is_file())}  # fmt: skip
    executable = {name for name, file in found.items() if os.access(file, os.X_OK)}
    write_whole(path, make_zip({name: file.read_bytes() for name, file in found.items()}, executable), PUBLIC)

