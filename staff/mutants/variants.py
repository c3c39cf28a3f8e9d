"""The variants: each module in written/ holds those of one student function, or of one block of it.

A module in written/, or in a package there that has the function's name, says
    FILE, FUNCTION, PART: the student file, the function in it whose solution is rewritten, and the part
        that grades it; with FUNCTION = "" the whole file is;
    WRITTEN: how a student might write it, which is right;
    WRONG: {name: (what the grader must say, change)}, or (several sentences, change, BOUNDS);
    RIGHT: {name: change}.
BOUNDS may hold "least" and "most", the share of the part's points that it must earn, and "never", what must not be
said.
A change is another text instead of WRITTEN, or {old text: new text}, each to be found once in WRITTEN or else in the
file.
"""

import importlib
import pkgutil
import textwrap
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType

from autograder.assignment import read
from staff.handout import contents, markers
from staff.mutants import written

ROOT = Path(__file__).resolve().parents[2]

Change = dict[str, str] | str


@dataclass
class Variant:
    name: str
    part: str
    says: tuple[str, ...]  # what the grader must say; nothing where the variant is right
    files: dict[str, bytes] = field(default_factory=dict)  # that differ from the solution
    problem: str = ""  # why it could not be made
    least: float = 0.0  # the share of the part's points that a wrong one must earn,
    most: float = 1.0  # and may earn: never all
    never: str = ""  # what the grader must not say


def solution() -> dict[str, bytes]:
    return {name: (ROOT / name).read_bytes() for name in read().files}


def modules() -> dict[str, ModuleType]:
    """Return the modules in written/, by their names in there, such as "gradcam.custom_relu"."""
    prefix = f"{written.__name__}."
    names = [entry.name for entry in pkgutil.walk_packages(written.__path__, prefix) if not entry.ispkg]
    return {name.removeprefix(prefix): importlib.import_module(name) for name in names}


def every() -> list[Variant]:
    return [variant for title, module in modules().items() for variant in _of(title, module)]


def _of(title: str, module: ModuleType) -> list[Variant]:
    def variant(name: str, says: str | tuple[str, ...], change: Change, bounds: dict | None = None) -> Variant:
        says = (says,) if isinstance(says, str) else says
        made = Variant(f"{title}: {name}", module.PART, says, **(bounds or {}))
        try:
            made.files[module.FILE] = _change(module, change).encode()
        except ValueError as problem:
            made.problem = str(problem)
        return made

    return [
        *(variant(name, *entry) for name, entry in module.WRONG.items()),
        variant("as written", (), {}),
        *(variant(name, (), change) for name, change in module.RIGHT.items()),
    ]


def _change(module: ModuleType, change: Change) -> str:
    code = textwrap.dedent(change if isinstance(change, str) else module.WRITTEN).strip("\n") + "\n"
    elsewhere = {}
    for old, new in change.items() if isinstance(change, dict) else ():
        if old in code:
            code = _replace(code, old, new)
        else:
            elsewhere[old] = new
    text = rewrite_solution(module.FILE, module.PART, module.FUNCTION, code) if module.FUNCTION else code
    for old, new in elsewhere.items():
        text = _replace(text, old, new)
    return text


def _replace(text: str, old: str, new: str) -> str:
    if text.count(old) != 1:
        raise ValueError(f"expected {old!r} once, found it {text.count(old)} times: write this variant again")
    return text.replace(old, new)


@cache
def read_pieces(file: str) -> list[markers.Line | markers.Block]:
    return markers.read(file, (ROOT / file).read_text(), contents.part_numbers())


def rewrite_solution(file: str, part: str, function: str, code: str) -> str:
    """Return the student file with `code` for the solution of one function, which may be named without its class."""
    lines, found = [], False
    for piece in read_pieces(file):
        if isinstance(piece, markers.Line):
            lines.append(piece.text)
        elif piece.part == part and function in (piece.function, piece.function.rpartition(".")[2]):
            lines += textwrap.indent(code, piece.indent).splitlines()
            found = True
        else:
            lines += [line.text for line in piece.solution]
    if not found:
        raise ValueError(f"expected a solution of {part} in {function} of {file}, found none: look where it went")
    return "\n".join(lines) + "\n"
