"""Compare the functions of a class: winnowing by copydetect, over what the students wrote alone.

What the handout and our solution hold counts for nobody. A score is the share of the smaller submission's fingerprints
that the other one has, too; it says something only beside the scores of all other pairs.
"""

import ast
import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from copydetect import CodeFingerprint, compare_files
from copydetect.utils import get_token_coverage
from scipy import sparse

from autograder.assignment import Assignment

GRAM = 20  # characters of the simplified code (names are one letter, no spaces): about a line
LEAST = 40  # fingerprints: fewer are too little to compare
SHOWN = 30  # pairs
NEAR = 0.9  # a score that stands out in any class
FEW = 10  # pairs: fewer have no distribution
ROWS = 256  # submissions that are compared with all others at once


@dataclass
class Written:
    """Text that one submission adds to the handout."""

    name: str
    earlier: bool  # of an earlier class
    text: str  # its functions, one after the other
    prints: CodeFingerprint


@dataclass(frozen=True)
class SimilarPair:
    one: Written
    other: Written
    score: float  # in [0, 1]
    shared: int  # fingerprints


@dataclass(frozen=True)
class Boilerplate:
    """Text that counts for nobody."""

    functions: dict[str, set[str]]  # by student file, those that are as they were handed out
    prints: set[int]  # of what is handed out, and of the solution


def read_boilerplate(assignment: Assignment) -> Boilerplate:
    handed_out = {name: assignment.adapter.hand_out(name) for name in assignment.files}
    functions = {name: {ast.dump(function) for function in _definitions(ast.parse(text))}
                 for name, text in handed_out.items()}  # fmt: skip
    places = {name: assignment.root / name for name in assignment.files}
    solution = {name: path.read_bytes() for name, path in places.items() if path.is_file()}
    prints: set[int] = set(_prints(_text(solution, functions)).hashes)
    for text in (*handed_out.values(), *(data.decode() for data in solution.values())):
        prints |= _prints(text).hashes
    return Boilerplate(functions, prints)


def describe(name: str, files: dict[str, bytes], given: Boilerplate, earlier: bool = False) -> Written:
    text = _text(files, given.functions)
    prints = _prints(text)
    prints.hashes -= given.prints
    prints.hash_idx = {key: places for key, places in prints.hash_idx.items() if key in prints.hashes}
    prints.token_coverage = get_token_coverage(prints.hash_idx, GRAM, len(prints.filtered_code))
    return Written(name, earlier, text, prints)


def is_too_little(written: Written) -> bool:
    """Tell whether this holds too few fingerprints to be compared with anything."""
    return len(written.prints.hashes) < LEAST


def pairs(all_written: Sequence[Written]) -> tuple[np.ndarray, list[SimilarPair]]:
    """The scores of all pairs of this class and with earlier ones, and the SHOWN pairs that are most alike.

    Pairs of two earlier submissions are left out, and so is what holds fewer than LEAST fingerprints.
    """
    compared = [each for each in all_written if not is_too_little(each)]
    if len(compared) < 2:
        return np.zeros(0), []
    columns = {key: i for i, key in enumerate(set().union(*(each.prints.hashes for each in compared)))}
    rows = [i for i, each in enumerate(compared) for _ in each.prints.hashes]
    places = [columns[key] for each in compared for key in each.prints.hashes]
    has = sparse.csr_array((np.ones(len(rows), np.int32), (rows, places)), shape=(len(compared), len(columns)))
    sizes = np.array([len(each.prints.hashes) for each in compared])
    earlier = np.array([each.earlier for each in compared])
    scores, found = [], []
    for start in range(0, len(compared), ROWS):
        block = slice(start, start + ROWS)
        shared = (has[block] @ has.T).toarray()
        score = shared / np.minimum(sizes[block, None], sizes)
        wanted = np.triu(np.ones(score.shape, bool), start + 1) & ~(earlier[block, None] & earlier)
        i, j = np.nonzero(wanted)
        scores.append(score[i, j])
        best = np.argsort(-scores[-1], kind="stable")[:SHOWN]
        found += [SimilarPair(compared[start + i[k]], compared[j[k]], float(score[i[k], j[k]]), int(shared[i[k], j[k]]))
                  for k in best]  # fmt: skip
    found.sort(key=lambda pair: -pair.score)
    return np.concatenate(scores), found[:SHOWN]


def line(scores: np.ndarray) -> float:
    """Score from which on a pair stands out: five robust standard deviations above the median of all, at most NEAR."""
    if len(scores) < FEW:
        return NEAR
    median = np.median(scores)
    return float(min(NEAR, median + 5 * 1.4826 * np.median(np.abs(scores - median))))


def mark(pair: SimilarPair) -> tuple[list[tuple[str, bool]], list[tuple[str, bool]]]:
    """Both texts in pieces, with whether each piece is shared."""
    _, _, slices = compare_files(pair.one.prints, pair.other.prints)
    return _pieces(pair.one.text, slices[0]), _pieces(pair.other.text, slices[1])


def _pieces(text: str, slices: np.ndarray) -> list[tuple[str, bool]]:
    pieces, at = [], 0
    for start, end in sorted(map(tuple, np.asarray(slices, int).T)) if np.size(slices) else ():
        start, end = max(start, at), max(end, at)
        pieces += [(text[at:start], False), (text[start:end], True)]
        at = end
    pieces.append((text[at:], False))
    return [piece for piece in pieces if piece[0]]


def _text(files: dict[str, bytes], given: dict[str, set[str]]) -> str:
    return "\n\n".join(part for file in given if file in files for part in _functions(file, files[file], given[file]))


def _functions(file: str, data: bytes, given: set[str]) -> list[str]:
    """The functions in a student's file that are not as they were handed out; all of a file that is no Python."""
    text = data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\0", " ")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd escapes in a student's strings
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return [text]
    lines = text.split("\n")
    return [
        f"# {file}\n" + "\n".join(lines[function.lineno - 1 : function.end_lineno])
        for function in _definitions(tree)
        if ast.dump(function) not in given
    ]


def _definitions(tree: ast.Module) -> list[ast.FunctionDef]:
    """At the top of the file, and of its classes."""
    bodies = [tree.body, *(node.body for node in tree.body if isinstance(node, ast.ClassDef))]
    return [node for body in bodies for node in body if isinstance(node, ast.FunctionDef)]


def _prints(text: str) -> CodeFingerprint:
    return CodeFingerprint("code.py", GRAM, 1, language="python", fp=io.StringIO(text))
