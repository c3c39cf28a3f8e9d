"""Words: how docstrings begin, what functions, modules and classes are called. CONTRIBUTING.md has the rules."""

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

from autograder.assignment import ROOT
from staff.handout import contents

# A docstring begins with a verb or with the noun that is returned.
BEGINNINGS = set("What Who Whose Which Whether Of As With Those Where When How Why From For".split())
# A function is a verb; these are participles. Booleans, context managers and properties may be called so.
IRREGULAR = set(
    "asked begun bought broken brought built chosen cut done drawn found given gone had heard held hidden kept known "
    "laid left lent lost made met paid put read run said seen sent set shown sought split spoken spread taken taught "
    "told thought understood won worn written".split()
)
UNTOUCHED = {"_checked"}  # of autograder/frames.py, which stays as it was proven
TERMS = {"guided", "integrated", "embedded"}  # words of the field
VERBS_TOO = TERMS | set("cut put read run set split spread need embed feed seed speed shed".split())
METAPHORS = {"nursery", "reach", "worn", "leftovers", "strangers", "alike"}


def find_files():
    return [name for name in contents.project_files() if name.endswith(".py")]


@cache
def read_tree(name):
    return ast.parse((ROOT / name).read_text(encoding="utf-8"))


def list_statements(tree):
    """The module and all statements in it, not their expressions: thirty times as many."""
    found = [tree]
    for node in found:
        for field in ("body", "orelse", "handlers", "finalbody", "cases"):
            found += getattr(node, field, ())
    return found


def list_beginnings(name, tree):
    """Docstrings that begin with a word that hides the verb or the noun."""
    for node in list_statements(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            words = re.findall(r"[A-Za-z']+", (ast.get_docstring(node) or "")[:40])
            if words and words[0] in BEGINNINGS:
                line = getattr(node, "lineno", 1)
                yield f"{name}, line {line}: the docstring begins with {words[0]}: begin with a verb or a noun"


def is_participle(word):
    return word not in VERBS_TOO and (word in IRREGULAR or bool(re.fullmatch(r"\w{2,}ed", word)))


def list_functions(name, tree):
    """Functions whose first word is a participle and that do not return a bool."""
    for node in list_statements(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        first = node.name.strip("_").partition("_")[0]
        decorators = " ".join(ast.unparse(decorator) for decorator in node.decorator_list)
        is_value = re.search(r"contextmanager|property|fixture", decorators)
        returns_bool = node.returns is not None and ast.unparse(node.returns) == "bool"
        if is_participle(first) and not is_value and not returns_bool and node.name not in UNTOUCHED:
            yield f"{name}, line {node.lineno}: {node.name} is a participle: a function is a verb"


def list_module_names(name):
    parts = set(Path(name).with_suffix("").parts)
    yield from (f"{name}: {word} is a metaphor: name the thing" for word in sorted(parts & METAPHORS))


def list_classes(names):
    """Names that several public classes have."""
    places = defaultdict(list)
    for name in names:
        if "tests" in Path(name).parts:
            continue
        for node in read_tree(name).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(f"{name}, line {node.lineno}")
    several = {word: where for word, where in places.items() if len(where) > 1}
    yield from (f"{word} is the name of several classes: {'; '.join(where)}" for word, where in several.items())


def test_words_that_hide_the_verb_are_found():
    """One of each kind, beside what is meant to pass."""
    text = '"""What this is."""\ndef told(): pass\ndef is_told() -> bool: pass\ndef split(): "Return halves."'
    tree = ast.parse(text)
    assert ["begins with What" in line for line in list_beginnings("a.py", tree)] == [True]
    assert [line.partition(": ")[2][:7] for line in list_functions("a.py", tree)] == ["told is"]
    assert list(list_module_names("staff/nursery.py")) == ["staff/nursery.py: nursery is a metaphor: name the thing"]


def test_docstrings_functions_and_modules_follow_the_rules_of_words():
    broken = []
    for name in find_files():
        tree = read_tree(name)
        broken += [*list_beginnings(name, tree), *list_functions(name, tree), *list_module_names(name)]
    assert not broken, "\n".join(broken)


def test_a_class_name_means_one_thing():
    broken = list(list_classes(find_files()))
    assert not broken, "\n".join(broken)
