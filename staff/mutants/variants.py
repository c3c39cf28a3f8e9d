"""The variants: modules in written/, each about one block of the solution, and folders of whole files in whole/.

A module in written/ says
    FILE, PART: the student file, and the part of points.toml that grades it;
    BLOCK: which of the file's solution blocks of that part is rewritten (from 0; left out: the first);
    WRITTEN: how a student might write that block, which is right;
    WRONG: {name: (what the grader must say, change)} and RIGHT: {name: change}.
A change is another text for the block, or {old text: new text}, to be found once in WRITTEN, or else in the file.

A folder in whole/ holds student files as somebody wrote them. The docstring of one of them begins with its part and
"right", or "wrong" and what the grader must say, such as: fooling, wrong: each pass of the loop takes two steps.
"""

import importlib
import pkgutil
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

from staff.grader.intake import STUDENT_FILES
from staff.handout import contents, markers
from staff.mutants import written

ROOT = Path(__file__).resolve().parents[2]
WHOLE = Path(__file__).with_name("whole")
HEADER = re.compile(r'\s*"""(\w+), (right|wrong)(?:: (.*?))?[.\n"]')

Change = dict[str, str] | str


@dataclass
class Variant:
    name: str
    part: str
    says: str  # what the grader must say; "" where the variant is right
    files: dict[str, bytes]  # that differ from the solution


def solution() -> dict[str, bytes]:
    return {name: (ROOT / name).read_bytes() for name in STUDENT_FILES}


def every() -> list[Variant]:
    found = []
    for entry in pkgutil.iter_modules(written.__path__):
        module = importlib.import_module(f"{written.__name__}.{entry.name}")
        found += _of_block(entry.name, module)
    return found + [_whole(folder) for folder in sorted(WHOLE.iterdir()) if folder.is_dir()]


def _of_block(title: str, module) -> list[Variant]:
    block = getattr(module, "BLOCK", 0)

    def variant(name: str, says: str, change: Change) -> Variant:
        code = textwrap.dedent(change if isinstance(change, str) else module.WRITTEN).strip("\n") + "\n"
        elsewhere = {}
        for old, new in change.items() if isinstance(change, dict) else ():
            if old in code:
                code = _replaced(code, old, new)
            else:
                elsewhere[old] = new
        text = _rewritten(module.FILE, module.PART, block, code)
        for old, new in elsewhere.items():
            text = _replaced(text, old, new)
        return Variant(f"{title}: {name}", module.PART, says, {module.FILE: text.encode()})

    return [
        *(variant(name, says, change) for name, (says, change) in module.WRONG.items()),
        variant("as written", "", {}),
        *(variant(name, "", change) for name, change in module.RIGHT.items()),
    ]


def _replaced(text: str, old: str, new: str) -> str:
    if text.count(old) != 1:
        raise ValueError(
            f"expected {old!r} once, found it {text.count(old)} times: change the variant that replaces it"
        )
    return text.replace(old, new)


def _rewritten(file: str, part: str, block: int, code: str) -> str:
    """The student file with `code` for one of its blocks."""
    pieces = markers.read(file, (ROOT / file).read_text(), contents.part_numbers())
    chosen = [piece for piece in pieces if isinstance(piece, markers.Block) and piece.part == part][block]
    lines = []
    for piece in pieces:
        if piece is chosen:
            lines += textwrap.indent(code, chosen.indent).splitlines()
        else:
            lines += [piece.text] if isinstance(piece, markers.Line) else [line.text for line in piece.solution]
    return "\n".join(lines) + "\n"


def _whole(folder: Path) -> Variant:
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.py"))}
    headers = [match for data in files.values() if (match := HEADER.match(data.decode()))]
    if len(headers) != 1 or not set(files) <= set(STUDENT_FILES):
        raise ValueError(f"expected student files in {folder}, one of which says its part and right or wrong")
    part, kind, says = headers[0].groups()
    return Variant(f"whole: {folder.name.replace('_', ' ')}", part, (says or "") if kind == "wrong" else "", files)
