"""Choose what students receive: everything but what is staff's, without solutions and without staff's sections.

Staff's are the places of STAFF, and each file whose first line is `# STAFF`. What stands between `# BEGIN STAFF` and
`# END STAFF` is cut out. What slips through nevertheless, proofs.py refuses.
"""

import subprocess
from collections.abc import Collection
from pathlib import Path

from autograder import assignment
from autograder.assignment import ROOT
from staff.handout import markers

STAFF = (
    ".ci/", "autograder/", "benchmarks/", "gradebook/", "staff/", "workshop/",
    "tests/explorer/", "tests/labs/", "tests/pretrained/",  # tests of what is given, which no student mends
    "CHANGELOG.md", "CONTRIBUTING.md", "docs/autograder.md", "docs/performance.md", "docs/rubric.md", "docs/staff.md",
)  # fmt: skip
# Labs that are not handed out this time, such as "labs/attribution/sanity_checks.py": `make labs` passes over them.
HELD_BACK: tuple[str, ...] = ()
STAFFS_FILE = b"# STAFF\n"
NEEDED = (
    assignment.NAME, "Makefile", "README.md", "collect_submission.py", "images/scenes/scenes.json",
    "pretrained/embedded.safetensors", "tests/probes/__init__.py", "tests/references/style_transfer_checks.npz",
)  # fmt: skip


class ContentsError(ValueError):
    """The handout cannot be made of these files."""


def part_numbers() -> dict[str, str]:
    """The number of each part: {"saliency": "1.1", ...}."""
    return {name: part["number"] for name, part in assignment.read().parts.items()}


def list_written() -> tuple[str, ...]:
    """The files with solutions."""
    return tuple(dict.fromkeys(file for part in assignment.read().parts.values() for file in part["functions"]))


def student_files(solved: Collection[str] = ()) -> dict[str, bytes]:
    """Return the files of a submission as students get them, with the solutions of some parts put back."""
    parts = part_numbers()
    return {name: content(name, (ROOT / name).read_bytes(), parts, solved) for name in assignment.read().files}


def project_files() -> list[str]:
    """The files that git tracks, as they are now: what lies about beside them is never handed out."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    return sorted(name for name in listed if name and (ROOT / name).is_file())


def choose(names: Collection[str], root: Path = ROOT) -> list[str]:
    """Return the project's files that students receive. Raises ContentsError."""
    missing = [name for name in (*NEEDED, *list_written()) if name not in names]
    if missing:
        raise ContentsError(f"expected {', '.join(missing)}, found none: the handout needs all of them")
    return [name for name in names if not is_staffs(name, root)]


def is_staffs(name: str, root: Path = ROOT) -> bool:
    if any(name.startswith(place) if place.endswith("/") else name == place for place in (*STAFF, *HELD_BACK)):
        return True
    with (root / name).open("rb") as file:
        return file.read(len(STAFFS_FILE)) == STAFFS_FILE


def content(name: str, data: bytes, parts: dict[str, str], solved: Collection[str] = ()) -> bytes:
    """Return what students get as this file. Raises MarkerError where a marker is not as it must be."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return data  # a picture, or numbers
    if name in list_written():
        wanted = assignment.read().solutions(name)
        blocks = [piece for piece in markers.read(name, text, parts) if isinstance(piece, markers.Block)]
        found = list(dict.fromkeys((block.part, block.function) for block in blocks))
        if found != wanted:
            raise markers.MarkerError(
                name, blocks[0].begin if blocks else 1, f"expected solutions of {_list(wanted)}, as in "
                f"{assignment.NAME}, got {_list(found)}"
            )  # fmt: skip
        return markers.hand_out(name, text, parts, solved).encode()
    text = markers.without_staff(name, text)
    markers.refuse_markers(name, text)
    return text.encode()


def _list(solutions: list[tuple[str, str]]) -> str:
    return ", ".join(f"{part} in {function}" for part, function in solutions) or "none"
