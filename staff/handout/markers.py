"""Solutions between markers: what a student file says instead of them, and with some of them put back.

    # BEGIN SOLUTION saliency
    saliency = gradient.abs().amax(dim=1)
    # INSTEAD
    # TODO: the largest of the three channels ...
    #> raise NotImplementedError("Part 1.1: saliency maps")
    # END SOLUTION

The name is the part's, as in assignment.toml. Below INSTEAD stands what students get: comments as they are, and
after `#>` a line of code. Whatever is not exactly this stops the build with file and line: a solution that is handed
out by a slip of the pen cannot be taken back.
"""

import ast
import difflib
import io
import re
import tokenize
from collections.abc import Collection
from dataclasses import dataclass, field

BEGIN = re.compile(r"( *)# BEGIN SOLUTION ([a-z_]+)")
INSTEAD = re.compile(r"( *)# INSTEAD")
END = re.compile(r"( *)# END SOLUTION")
STUB_CODE = re.compile(r"( *)#>(?: (.*))?")
STAFF = re.compile(r"(?:#|<!--) (BEGIN|END) STAFF(?: -->)?")


class MarkerError(ValueError):
    """A marker that is not as it must be: file and line, what was expected, what came."""

    def __init__(self, name: str, line: int, problem: str) -> None:
        super().__init__(f"{name}, line {line}: {problem}")


@dataclass
class Line:
    number: int  # in the file with the solution, counted from 1
    text: str


@dataclass
class Block:
    part: str
    indent: str
    begin: int
    function: str  # that it stands in: "GradCam.grad_cam"
    solution: list[Line] = field(default_factory=list)
    stub: list[Line] = field(default_factory=list)


def read(name: str, source: str, parts: dict[str, str]) -> list[Line | Block]:
    """The file as lines and blocks. parts: the number of each part that a block may name. Raises MarkerError."""
    _look_for_misspelt(name, source)
    found: list[Line | Block] = []
    block: Block | None = None
    functions = _functions(source)
    instead = 0
    for number, text in enumerate(source.splitlines(), 1):
        begin, middle, end = BEGIN.fullmatch(text), INSTEAD.fullmatch(text), END.fullmatch(text)
        if begin:
            if block:
                raise MarkerError(name, number, f"expected the END of line {block.begin}, got BEGIN: they do not nest")
            if begin[2] not in parts:
                raise MarkerError(name, number, f"expected a part of assignment.toml, got {begin[2]!r}")
            function = next((name for name, lines in functions.items() if number in lines), "")
            block, instead = Block(begin[2], begin[1], number, function), 0
            found.append(block)
        elif middle or end:
            word = "INSTEAD" if middle else "END SOLUTION"
            if block is None:
                raise MarkerError(name, number, f"expected no {word}, since there is no BEGIN SOLUTION before it")
            if (middle or end)[1] != block.indent:
                raise MarkerError(name, number, f"expected {word} indented like the BEGIN in line {block.begin}")
            if middle and instead:
                raise MarkerError(name, number, f"expected one INSTEAD in a block, got a second after line {instead}")
            if end and not instead:
                raise MarkerError(name, number, f"expected an INSTEAD after the BEGIN in line {block.begin}, got none")
            if middle:
                instead = number
            else:
                _check(name, block, instead, parts[block.part])
                block = None
        elif block is None:
            if STUB_CODE.fullmatch(text):
                raise MarkerError(name, number, "expected `#>` between INSTEAD and END SOLUTION alone")
            found.append(Line(number, text))
        elif not instead:
            if text.strip() and not text.startswith(block.indent):
                raise MarkerError(name, number, f"expected no less indentation than line {block.begin} has")
            block.solution.append(Line(number, text))
        else:
            block.stub.append(_stub_line(name, block, number, text))
    if block:
        raise MarkerError(name, block.begin, "expected an END SOLUTION for this BEGIN, found none")
    return found


def hand_out(name: str, source: str, parts: dict[str, str], solved: Collection[str] = ()) -> str:
    """The file as students get it, with the solutions of `solved` put back. Raises MarkerError."""
    lines: list[Line] = []
    for piece in read(name, source, parts):
        if isinstance(piece, Line):
            lines.append(piece)
        else:
            lines += piece.solution if piece.part in solved else piece.stub
    text = "".join(f"{line.text}\n" for line in lines)
    try:
        compile(text, name, "exec", dont_inherit=True)
    except SyntaxError as error:
        number = lines[min(error.lineno or 1, len(lines)) - 1].number
        raise MarkerError(name, number, f"expected Python without the solution, got a {error.msg}") from None
    return text


def solution_lines(name: str, source: str, parts: dict[str, str]) -> list[Line]:
    """The lines that must not be handed out: of the solutions, what says something and is given nowhere else here."""
    pieces = read(name, source, parts)
    given = {piece.text.strip() for piece in pieces if isinstance(piece, Line)}
    given |= {line.text.strip() for piece in pieces if isinstance(piece, Block) for line in piece.stub}
    solution = [line for piece in pieces if isinstance(piece, Block) for line in piece.solution]
    return [line for line in solution if _says_something(line.text) and line.text.strip() not in given]


def without_staff(name: str, text: str) -> str:
    """A text without what stands between `# BEGIN STAFF` and `# END STAFF` (in Markdown: <!-- BEGIN STAFF -->)."""
    kept, begin = [], 0
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        marker = STAFF.fullmatch(line.rstrip("\n"))
        if marker and (marker[1] == "END") != bool(begin):
            raise MarkerError(name, number, f"expected {'END' if begin else 'BEGIN'} STAFF, got {marker[1]} STAFF")
        if not marker and re.search(r"\b(BEGIN|END)\W+STAFF\b", line):
            raise MarkerError(name, number, "expected a staff marker alone in its line, got something beside it")
        if marker:
            begin = number if marker[1] == "BEGIN" else 0
        elif not begin:
            kept.append(line)
    if begin:
        raise MarkerError(name, begin, "expected an END STAFF for this BEGIN, found none")
    return "".join(kept)


def refuse_markers(name: str, text: str) -> None:
    """Raise MarkerError where a file that is handed out as it is has a marker."""
    for number, line in enumerate(text.splitlines(), 1):
        if re.search(r"\b(BEGIN|END)\W+(SOLUTION|STAFF)\b|^ *#>|^ *# INSTEAD$", line):
            raise MarkerError(name, number, "expected no marker here: assignment.toml names the files with solutions")


def _functions(source: str) -> dict[str, range]:
    """The lines of each function and method; nothing where this is no Python, which `hand_out` tells."""
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return {}
    inside = [(f"{node.name}.", child) for node in body if isinstance(node, ast.ClassDef) for child in node.body]
    return {f"{owner}{node.name}": range(node.lineno, (node.end_lineno or node.lineno) + 1)
            for owner, node in [("", node) for node in body] + inside if isinstance(node, ast.FunctionDef)}  # fmt: skip


def _stub_line(name: str, block: Block, number: int, text: str) -> Line:
    if not text.strip():
        return Line(number, "")
    if not text.startswith(f"{block.indent}#"):
        raise MarkerError(name, number, "expected a comment between INSTEAD and END SOLUTION: code stands after `#>`")
    code = STUB_CODE.fullmatch(text)
    return Line(number, f"{block.indent}{code[2] or ''}".rstrip() if code else text)


def _check(name: str, block: Block, instead: int, number: str) -> None:
    """A finished block has a solution and a stub: comments that say what to do, and the part's NotImplementedError."""
    if not any(line.text.strip() and not line.text.strip().startswith("#") for line in block.solution):
        raise MarkerError(name, block.begin, "expected a solution below BEGIN SOLUTION, got no code")
    if not any(line.text.strip() for line in block.stub):
        raise MarkerError(name, instead, "expected a stub below INSTEAD, got none")
    if not any(line.text.strip().startswith("# TODO") for line in block.stub):
        raise MarkerError(name, instead, "expected a comment that begins with TODO below INSTEAD, got none")
    error = f'raise NotImplementedError("Part {number}: '
    if not any(line.text.strip().startswith(error) for line in block.stub):
        raise MarkerError(name, instead, f'expected {error}...") after `#>` below INSTEAD, got none')


def _look_for_misspelt(name: str, source: str) -> None:
    """Student files have no comment that resembles a marker and is none, and no marker within a text."""
    try:
        comments = {token.start[0]: token for token in tokenize.generate_tokens(io.StringIO(source).readline)
                    if token.type == tokenize.COMMENT}  # fmt: skip
    except (tokenize.TokenError, SyntaxError) as error:
        line = error.lineno if isinstance(error, SyntaxError) else error.args[1][0]
        raise MarkerError(name, line or 1, f"expected Python, got {error.args[0]}") from None
    exact = (BEGIN, INSTEAD, END, STUB_CODE)
    for number, text in enumerate(source.splitlines(), 1):
        is_marker = any(marker.fullmatch(text) for marker in exact)
        comment = comments.get(number)
        if is_marker and comment is None:
            raise MarkerError(name, number, "expected a marker as a comment, got one within a text")
        if not is_marker and comment is not None and _resembles_a_marker(comment.string):
            raise MarkerError(
                name, number, f"expected BEGIN SOLUTION part, INSTEAD, END SOLUTION or `#> code`, got {text.strip()!r}"
            )


def _resembles_a_marker(comment: str) -> bool:
    words = re.findall(r"\w+", comment.replace("_", " "))
    if re.match(r"#\s*>", comment) or any(_close(word, "SOLUTION") for word in words):
        return True
    keyword = bool(words) and any(_close(words[0], word) for word in ("BEGIN", "END", "INSTEAD"))
    return keyword and (words[0].isupper() or len(words) <= 2)


def _close(word: str, keyword: str) -> bool:
    word = word.upper()
    return difflib.SequenceMatcher(None, word, keyword).ratio() >= 0.75 and not word.startswith("RESOLUTION")


def _says_something(text: str) -> bool:
    """Not `else:`, `)`, `return loss` or `img,`: what anybody could write anywhere."""
    code = text.strip()
    return not code.startswith("#") and len(re.findall(r"\w+", code)) >= 3 and len(code) >= 16
