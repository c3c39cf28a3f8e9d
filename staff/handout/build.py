"""Writes the handout: a folder, and a zip that is the same for the same files."""

import os
from collections.abc import Collection
from pathlib import Path

from autograder import assignment
from autograder.files import PUBLIC, make_zip, write_whole
from collect_submission import digest_file
from staff.handout import contents, template

ZIP_NAME = "assignment_3_handout.zip"
FOLDER_IN_ZIP = "assignment_3"
EXECUTABLE = (".sh",)
GIVEN = """
# Of each file that is given, and that yours may import: the grader takes its own, whatever you make of this one.
[given]
"""


def write_folder(folder: Path, solved: Collection[str] = ()) -> None:
    """Fill `folder`, which must not exist yet. solved: parts whose solutions are put back."""
    parts = contents.part_numbers()
    for name in contents.choose(contents.project_files()):
        data = contents.content(name, (contents.ROOT / name).read_bytes(), parts, solved)
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o755 if path.suffix in EXECUTABLE else 0o644)
    with (folder / assignment.NAME).open("a", encoding="utf-8") as table:
        table.write(GIVEN + "".join(f'"{name}" = "{digest}"\n' for name, digest in list_given(folder).items()))
    template.check(folder / template.NAME)


def list_given(folder: Path) -> dict[str, str]:
    """Digests of what is handed out, may be imported by the files that students hand in, and is not handed in."""
    read = assignment.read()
    places = [place for name in read.rules["imports"]["allowed"] for place in (f"{name}.py", f"{name}/*.py")]
    names = sorted(path.relative_to(folder).as_posix() for place in places for path in folder.glob(place))
    return {name: digest_file(folder / name) for name in names if name not in read.files}


def write_zip(folder: Path, path: Path) -> None:
    """Write all of `folder`, below one folder."""
    found = {f"{FOLDER_IN_ZIP}/{file.relative_to(folder).as_posix()}": file
             for file in sorted(file for file in folder.rglob("*") if file.is_file())}  # fmt: skip
    executable = {name for name, file in found.items() if os.access(file, os.X_OK)}
    write_whole(path, make_zip({name: file.read_bytes() for name, file in found.items()}, executable), PUBLIC)

