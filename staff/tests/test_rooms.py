"""The house: a room imports what stands below it, never what stands above. CONTRIBUTING.md draws the floors."""

import ast
import re
import sys

import pytest

from autograder.assignment import ROOT
from staff.handout import contents
from staff.tests.test_words import find_files, list_statements

SCRIPTS = "saliency_map gradcam fooling_image class_visualization style_transfer style_utils report collect_submission"
# From the ground up. Rooms of one floor do not know each other.
FLOORS = (
    {"style_modules", "pretrained", "autograder"},
    {"image_utils", "gradebook"},
    {"figures"},
    {"visualizers"},
    {"methods"},
    {"scripts"},
    {"explorer", "labs"},
    {"tests"},
    {"staff"},
    {"workshop"},
    {"benchmarks"},
)
ROOM_OF = dict.fromkeys(SCRIPTS.split(), "scripts") | {"explore": "explorer"}


def room(module):
    """The room of a module or a path's first part; None for what is not ours."""
    first = re.split(r"[./]", module)[0]
    name = ROOM_OF.get(first, first)
    return name if any(name in floor for floor in FLOORS) else None


def floor(name):
    return next(i for i, rooms in enumerate(FLOORS) if name in rooms)


def find_imports(text):
    """Yield what a file imports, at its top or within a function, modules and names of modules, with their lines."""
    for node in list_statements(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def climbs(path, text):
    """A sentence for each import of this file that runs up, or to a neighbour on the same floor."""
    here = room(path)
    for module, line in find_imports(text):
        there = room(module)
        if here is None or there is None or here == there or floor(there) < floor(here):
            continue
        below, above = floor(here), floor(there)
        yield (
            f"{path}, line {line}: {here} stands on floor {below} and imports {module} from floor {above}: "
            f"move what it needs down to floor {max(below - 1, 0)}, or this code up to {there}"
        )


def test_no_import_runs_up():
    """Every import goes down, or stays in its room. Tests that students do not get may look at all they test."""
    files = [name for name in find_files() if not (name.startswith("tests/test_") and contents.is_staffs(name))]
    assert len(files) > 100
    found = [sentence for name in files for sentence in climbs(name, (ROOT / name).read_text(encoding="utf-8"))]
    assert not found, "\n".join(found)


def test_the_losses_import_torch_alone():
    """The ground floor stands on nothing of ours."""
    names = [name for name in find_files() if name.startswith("style_modules/") and not name.endswith("__init__.py")]
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in names]
    modules = {module.partition(".")[0] for text in texts for module, _ in find_imports(text)}
    assert modules - sys.stdlib_module_names == {"torch"}


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("pretrained/source.py", "from figures import figure"),
        ("visualizers/gradcam.py", "import staff.references"),
        ("tests/test_gradcam.py", "def f():\n    from staff.references import mistakes"),
        ("labs/gradients/one.py", "from explorer import page"),
        ("figures/figure.py", "import gradcam"),
    ],
)
def test_an_import_that_runs_up_is_told_in_a_sentence(path, line):
    """The sentence says where the import stands, and where the code belongs."""
    (sentence,) = climbs(path, line)
    assert re.match(rf"{path}, line [12]: \w+ stands on floor \d and imports \S+ from floor \d: move what", sentence)


def test_an_import_that_runs_down_is_fine():
    assert not list(climbs("staff/references/gradcam.py", "from tests import inputs\nimport numpy, visualizers"))


def test_the_drawing_shows_these_floors():
    """CONTRIBUTING.md's drawing and the list here are the same, from the top down."""
    drawing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("```text\n")[2].partition("```")[0]
    drawn, number = {}, -1
    for line in drawing.splitlines():
        number = int(line[:2]) if line[0] != " " else number
        drawn.setdefault(number, set()).update(room(name.removesuffix(".py")) for name in line[3:39].split())
    assert drawn == dict(enumerate(FLOORS))
    assert list(drawn) == sorted(drawn, reverse=True)
