"""Similar code: copies are found however they are disguised; right code in other words is not."""

import ast
import re

import pytest

from autograder.assignment import read
from gradebook import similarity
from staff.mutants import variants

INDEPENDENT = 5


@pytest.fixture(scope="module")
def known():
    return similarity.read_boilerplate(read())


@pytest.fixture(scope="module")
def independent(known):
    """Right solutions that have no variant of any function in common."""
    by_file = {}
    for variant in variants.every():
        for name, data in variant.files.items():
            if not variant.says:
                by_file.setdefault(name, []).append(data)
    students = []
    for i in range(INDEPENDENT):
        files = variants.solution()
        for name, ways in by_file.items():
            files[name] = ways[i * len(ways) // INDEPENDENT]
        students.append(files)
    return students


@pytest.fixture(scope="module")
def written(known, independent):
    return [similarity.describe(f"{i}", files, known) for i, files in enumerate(independent)]


def rename(text):
    """Each local name is another one."""
    names = {
        node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    for i, name in enumerate(sorted(names)):
        text = re.sub(rf"(?<![\w.'\"\\]){name}\b(?!\s*=[^=][^\n]*\))", f"mine_{i}", text)
    return text


def comment(text):
    """Every line is set again by Python itself, without its comments, and gets new ones."""
    return "\n".join(f"{line}  # my own idea" for line in ast.unparse(ast.parse(text)).splitlines())


def reorder(text):
    """The methods of each class, and lines that are assignments of the same depth, in another order."""
    lines = text.splitlines()
    for i in range(0, len(lines) - 1, 3):
        one, two = lines[i : i + 2]
        depth = [len(line) - len(line.lstrip()) for line in (one, two)]
        if depth[0] == depth[1] and all(re.match(r" +\w+ = [^(\[{]*$", line) for line in (one, two)):
            lines[i : i + 2] = two, one
    starts = [i for i, line in enumerate(lines) if re.match(r"    (def|@staticmethod)", line)]
    if len(starts) > 1 and "@staticmethod" not in text and "@torch" not in text:
        blocks = [lines[a:b] for a, b in zip(starts, [*starts[1:], len(lines)])]
        lines = lines[: starts[0]] + [line for block in reversed(blocks) for line in block]
    return "\n".join(lines)


def disguise(files, how):
    changed = {}
    for name, data in files.items():
        text = how(data.decode())
        try:
            ast.parse(text)
        except SyntaxError:
            text = data.decode()
        changed[name] = text.encode()
    assert changed != files
    return changed


@pytest.mark.parametrize("how", [rename, comment, reorder, lambda text: comment(rename(reorder(text)))],
                         ids=["renamed", "commented", "reordered", "all three"])  # fmt: skip
@pytest.mark.parametrize("whose", [1, 3])
def test_a_disguised_copy_is_the_most_alike_and_stands_out(known, independent, written, how, whose):
    copy = similarity.describe("copy", disguise(independent[whose], how), known)
    scores, pairs = similarity.pairs([*written, copy])
    assert {pairs[0].one.name, pairs[0].other.name} == {f"{whose}", "copy"}
    assert pairs[0].score >= similarity.line(scores)
    assert pairs[1].score < similarity.line(scores)


def test_right_code_in_other_words_does_not_stand_out(written):
    scores, pairs = similarity.pairs(written)
    assert len(scores) == INDEPENDENT * (INDEPENDENT - 1) / 2
    assert max(scores) < similarity.line(scores), [(pair.one.name, pair.other.name, pair.score) for pair in pairs[:3]]


def test_the_handout_and_the_solution_count_for_nobody(known):
    assert not similarity.describe("the solution", variants.solution(), known).prints.hashes


def test_earlier_classes_are_compared_with_this_one_and_not_with_each_other(known, independent, written):
    old = [similarity.describe(f"old {i}", files, known, earlier=True) for i, files in enumerate(independent[:2])]
    scores, pairs = similarity.pairs([*old, written[0]])
    assert sorted(scores) == pytest.approx([pairs[1].score, 1])
    assert (pairs[0].one.name, pairs[0].other.name, pairs[0].score) == ("old 0", "0", 1)


def test_what_both_have_is_marked_and_no_letter_is_lost(written):
    _, pairs = similarity.pairs(written[:2])
    for pieces, one in zip(similarity.mark(pairs[0]), (pairs[0].one, pairs[0].other)):
        assert "".join(text for text, _ in pieces) == one.text
        assert {shared for _, shared in pieces} == {True, False}


def test_a_file_that_is_no_python_is_compared_as_a_whole(known, independent, written):
    broken = independent[0] | {"style_utils.py": b"def broken(:\n" + independent[0]["style_utils.py"]}
    scores, _ = similarity.pairs([written[0], similarity.describe("broken", broken, known)])
    assert scores[0] > 0.9
