"""The five root scripts, run as a student runs them: pictures that can be opened, and mistakes told in one sentence."""

import argparse
import ast
import ctypes
import errno
import importlib.util
import inspect
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from unittest import mock
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from PIL import Image

import class_visualization
import collect_submission
import fooling_image
import gradcam
import report
import saliency_map
import style_transfer
import style_utils
from explorer import view, worker
from figures import figure, gallery, script
from figures.figure import Picture
from figures.pairs import own_pairs
from pretrained import SourceError, command_line, ending, machine
from pretrained.files import whole
from pretrained.settings import STYLE_PAIRS
from tests.panels import panels
from visualizers import ClassVisualization, SaliencyMap

pytestmark = pytest.mark.scripts

GRADCAM = {"gradcam", "gradcam_classes", "gradcam_captum", "gradcam_comparison", "gradcam_layers"}
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def run(forks, tmp_path):
    """`python name.py --weights embedded options`, started in tmp_path."""
    common = ("--weights", "embedded", "--out", "visualization")
    return lambda name, *options: forks(tmp_path, str(ROOT / f"{name}.py"), *common, *options)


@pytest.fixture
def main(source, tmp_path):
    """Call a script's main, in this process, with the embedded network and pictures in tmp_path."""
    return lambda module, *options: module.main(["--out", str(tmp_path), *options], source)


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    """Let methods that go along a path take few steps in this process."""
    monkeypatch.setattr(saliency_map, "IG_STEPS", 4)
    monkeypatch.setattr(gradcam, "CONDUCTANCE_STEPS", 2)
    monkeypatch.setattr(script, "PLAIN", set())  # constants may differ from those of the files


@pytest.fixture
def own_pictures(tmp_path):
    """A photograph lying on its side by EXIF, and a drawing with transparent parts: paths."""
    rng = np.random.default_rng(0)
    photograph, drawing = tmp_path / "my street.jpg", tmp_path / "my_drawing.png"
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter to the right
    Image.fromarray(rng.integers(0, 255, (30, 40, 3), dtype=np.uint8)).resize((400, 300)).save(photograph, exif=exif)
    Image.fromarray(rng.integers(0, 255, (60, 60, 4), dtype=np.uint8)).resize((90, 150)).save(drawing)
    return str(photograph), str(drawing)


def check(pictures, counts, size=224):
    """Each picture's file has so many panels, and something is drawn in each panel."""
    assert [picture.path.name for picture in pictures] == list(counts)
    for picture, count in zip(pictures, counts.values()):
        sizes = panels(picture.path)
        assert len(sizes) == count, f"expected {count} panels in {picture.path.name}, got {sizes}"
        if size:
            assert set(sizes) == {(size, size)}
        assert picture.title and len(picture.caption) > 60
        assert not list(picture.path.parent.glob(".*")), "a part of a picture was left"


# --- as a student runs them ---


@pytest.mark.parametrize(
    "name, options, files",
    [
        ("saliency_map", ["--num", "1"], {f"saliency_map{which}_num_1" for which in ("", "_captum", "_comparison")}),
        ("gradcam", ["--num", "1"], {f"{name}_num_1" for name in GRADCAM}),
        ("fooling_image", [], {"fooling_image"}),
        ("class_visualization", ["--target", "hay", "--iterations", "4"], {"class_visualization_hay_4_iterations"}),
    ],
)
def test_a_script_writes_its_pictures_and_says_where(run, name, options, files, tmp_path):
    """`python <script>.py` in any folder ends with 0, names its network, and prints the path of each picture."""
    done = run(name, *options)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.startswith("Network: SqueezeNet 1.1, ")
    paths = {Path("visualization", f"{file}_embedded.png") for file in files}
    assert {*(tmp_path / "visualization").iterdir()} == {tmp_path / path for path in paths}
    for path in paths:
        assert f"wrote {path}\n" in done.stdout
        assert panels(tmp_path / path)


def test_style_transfer_takes_pictures_of_ones_own(run, own_pictures, tmp_path):
    """--content and --style take a rotated photograph and a drawing with transparent parts; the result is upright."""
    content, style = own_pictures
    done = run("style_transfer", "--content", content, "--style", style, "--iterations", "2")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    start = "style_transfer_my_street_my_drawing_2_iterations_embedded"
    sources, result = (tmp_path / "visualization" / f"{start}{end}.png" for end in ("_sources", ""))
    assert len(panels(sources)) == 2
    ((height, width),) = panels(result)
    assert height > width


def test_a_mistake_is_told_in_one_sentence(run):
    """A class that the network does not know: one line that says what to try, status 1, no traceback."""
    done = run("class_visualization", "--target", "gorila")
    assert done.returncode == 1
    assert done.stderr == (
        "error: expected one of the network's classes, got 'gorila': try gorilla, guitar, or an index\n"
    ), done.stderr


@pytest.mark.parametrize(
    "module, package, script",
    [("captum", "captum", "saliency_map"), ("torch", "torch", "class_visualization"), ("pptx", "python-pptx", "report"),
     ("pooch", "pooch", "fooling_image"), ("safetensors", "safetensors", "style_transfer")],
)  # fmt: skip
def test_a_package_that_is_missing_is_named_with_the_command_that_adds_it(forks, tmp_path, module, package, script):
    """A script imports it at its beginning, or where it is needed."""
    weights = "torchvision" if module == "pooch" else "embedded"
    options = [] if script == "report" else ["--weights", weights]
    code = f"""
import os, runpy, sys
os.environ |= {{"COURSE_DATA_CACHE": "", "TORCH_HOME": {str(tmp_path)!r}}}
sys.modules |= {{name: None for name in [{module!r}, *sys.modules] if name.partition(".")[0] == {module!r}}}
sys.path.insert(0, {str(ROOT)!r})
sys.argv = ["x.py", *{options}]
runpy.run_path({str(ROOT / f"{script}.py")!r}, run_name="__main__")
"""
    done = forks(tmp_path, "-c", code)
    assert done.returncode == 1
    assert done.stderr == f"error: expected the package {package}, found none: run python environment/complete.py\n"


def test_where_the_assignment_s_environment_is_not_in_use_its_activation_is_named(tmp_path, monkeypatch):
    """In a new terminal: the packages are there, and would be installed a second time."""
    (tmp_path / ".venv").mkdir()
    monkeypatch.setattr(ending, "ROOT", str(tmp_path))
    missing = ModuleNotFoundError("No module named 'torch'", name="torch")
    assert ending.explain(missing).endswith(f": run {ending.COMPLETE}")  # half of one is none
    (tmp_path / ".venv/pyvenv.cfg").write_text("")
    way = Path(".venv/Scripts/activate" if os.name == "nt" else ".venv/bin/activate")
    assert ending.explain(missing).endswith(f"{tmp_path / way}, then this again")
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))
    assert ending.explain(missing).endswith(f": run {ending.COMPLETE}")


@pytest.mark.parametrize(
    "gone, asks",
    [("visualizers/__init__.py", "saliency_map.py"), ("visualizers/saliency_map.py", "visualizers/__init__.py"),
     ("image_utils.py", "figures/script.py")],
)  # fmt: skip
def test_a_file_of_the_assignment_that_is_not_there_is_named(copy, forks, gone, asks):
    """Uploaded one by one, one is forgotten; Python takes a folder for a package without its __init__.py, too.

    Who asks is named: it may be a student's own line that has another name.
    """
    (copy / gone).unlink()
    done = forks(copy, "saliency_map.py", "--weights", "embedded")
    expected = f"error: expected {Path(gone)} in {copy}, found none: copy it there from the handout"
    assert done.returncode == 1 and done.stderr.startswith(f"{expected}, or correct {Path(asks)}, line ")
    assert done.stderr.count("\n") == 1


def test_a_return_within_the_loop_of_a_style_transfer_is_told(source, tmp_path, monkeypatch):
    monkeypatch.setattr(style_transfer, "style_transfer", lambda **_: torch.zeros(1, 3, 8, 8))
    with pytest.raises(script.UserError, match=r"got the shape \(1, 3, 8, 8\): remove a return before that"):
        style_transfer.main(["--out", str(tmp_path)], source)


@pytest.mark.parametrize("name", ["saliency_map", "gradcam", "fooling_image", "class_visualization"])
def test_a_file_that_is_no_script_says_what_to_run(forks, name):
    """An editor's button runs so what is being written, or its tests."""
    for file, words in (
        (f"visualizers/{name}.py", f"which scripts import: run python {name}.py in {ROOT}"),
        (f"tests/test_{name}.py", f"which pytest runs: python -m pytest tests/test_{name}.py in {ROOT}"),
    ):
        done = forks(ROOT, "-c", "import runpy, sys\n"
                     f"sys.path[0], sys.argv = {str((ROOT / file).parent)!r}, [{file!r}]\n"
                     f"runpy.run_path({file!r}, run_name='__main__')")  # fmt: skip
        assert (done.returncode, done.stderr) == (1, f"expected a script, got {file}, {words}\n")


def test_a_notebook_that_stands_in_visualizers_is_told(forks):
    here = str(ROOT / "visualizers")
    code = f"import sys; sys.path[0], sys.argv = {here!r}, ['/x/kernel.py']; import saliency_map"
    expected = f"expected to stand in the assignment's folder, got its visualizers: change to {ROOT}\n"
    assert forks(ROOT / "visualizers", "-c", code).stderr == expected


@pytest.mark.parametrize("module", ["fooling_image", "report", "pretrained"])
def test_ctrl_c_while_packages_are_loaded_ends_without_a_traceback(tmp_path, module):
    (tmp_path / "torch.py").write_text("raise KeyboardInterrupt")
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-m", module], env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True
    )
    assert done.returncode in (130, -signal.SIGINT) and done.stderr == "\ninterrupted\n"


def test_an_old_python_is_told_in_one_sentence(monkeypatch):
    """macOS has 3.9: what is loaded before the sentence must be read by it, too."""
    ast.parse(Path(ending.__file__).read_text(encoding="utf-8"), feature_version=(3, 8))
    monkeypatch.setattr(sys, "version_info", (3, 9, 6))
    with pytest.raises(SystemExit, match=r"^error: expected Python 3.11 or later, got .*: activate the"):
        ending.end_in_words()


def test_little_memory_is_told_with_the_line_that_asked_for_it():
    """Torch on the CPU and on a card, numpy and Python say it each in its way; scripts, page and explorer in one."""
    asked = "visualizers/saliency_map.py, line 2, got too little: close other programs, or take"
    code = compile("def call(ask):\n    return ask()", ROOT / "visualizers" / "saliency_map.py", "exec")
    exec(code, space := {})
    on_a_card = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has")
    expected = {
        partial(torch.empty, 10**15): f"for 4,000,000,000 MB in {asked} fewer or smaller pictures",
        partial(np.empty, 10**15): f"for 7.11 PiB in {asked} fewer or smaller pictures",
        partial(bytearray, 2**62): f"in {asked} fewer or smaller pictures",
        mock.Mock(side_effect=on_a_card): f"for 2.00 GiB in {asked} --device cpu",
    }
    for ask, words in expected.items():
        with pytest.raises(SystemExit, match=rf"^error: expected memory {words}$"):
            script.run(partial(space["call"], ask))
        assert gallery.run(partial(space["call"], ask)) == ((), f"error: expected memory {words}")
        with pytest.raises((RuntimeError, MemoryError)) as raised:
            space["call"](ask)
        assert worker.describe(raised.value) == view.phrase(raised.value) == f"expected memory {words}"


def test_little_memory_while_packages_are_loaded_is_told_in_one_sentence():
    problem = ImportError("libtorch_cpu.so: failed to map segment from shared object")
    assert ending.explain(problem) == (
        "error: expected memory, got too little: close other programs, or take fewer or smaller pictures"
    )
    assert not ending.explain(ImportError(f"{problem}: Operation not permitted")) and not ending.explain(ValueError())


@pytest.mark.parametrize("name", ["types", "copy", "random", "queue", "torch"])
def test_a_file_in_the_place_of_a_module_is_named(copy, name):
    """Python looks beside the script first. collect_submission.py needs no file of the folder, and looks elsewhere."""
    (copy / f"{name}.py").write_text("print('mine')")
    for program in ("saliency_map.py", "report.py", "explore.py"):
        done = subprocess.run([sys.executable, "-B", program, "--help"], cwd=copy, capture_output=True, text=True)
        expected = f"error: expected {name} to be Python's or a package's, got {copy / name}.py: give it another name\n"
        assert (done.returncode, done.stdout, done.stderr) == (1, "", expected)
    done = subprocess.run([sys.executable, "-B", "collect_submission.py", "--check"], cwd=copy, capture_output=True)
    assert not done.stderr and b"mine" not in done.stdout and f"{name}.py is not of this assignment" in str(done.stdout)


def test_a_file_in_the_place_of_a_packages_own_package_is_named(copy):
    """PyTorch needs sympy, which no list of ours has."""
    (copy / "sympy.py").write_text("")
    done = subprocess.run([sys.executable, "-B", "saliency_map.py"], cwd=copy, capture_output=True, text=True)
    expected = f"error: expected sympy to be Python's or a package's, got {copy / 'sympy.py'}: give it another name\n"
    assert (done.returncode, done.stderr) == (1, expected)


def test_a_file_or_folder_is_no_modules_that_python_does_not_import(copy):
    """test.py is what students like to write, and a folder without code is no package."""
    (copy / "test.py").touch()
    (copy / "json").mkdir()
    assert ending.find_shadow(str(copy)) == ""
    (copy / "json" / "__init__.py").touch()
    assert ending.find_shadow(str(copy)).endswith("json: give it another name")
    assert ending.find_shadow(str(copy / "a folder that cannot be listed")) == ""
    (copy / "json" / "__init__.py").unlink()
    (copy / "methods").mkdir()
    (copy / "methods" / "__init__.py").touch()
    words = "error: expected methods.py alone, got the folder methods beside it: give that another name"
    (copy / "methods.py").touch()
    assert ending.find_shadow(str(copy)) == words
    (copy / "methods.py").unlink()
    (copy / "figures.py").touch()  # one's own, which Python passes over
    assert ending.find_shadow(str(copy)) == ""


@pytest.fixture
def copy(tmp_path):
    """A folder with what the scripts load."""
    for name in ("pretrained", "figures", "visualizers", "style_modules"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in (*ROOT.glob("*.py"), ROOT / "assignment.toml"):
        shutil.copy(file, tmp_path)
    return tmp_path


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps a folder that somebody stands in")
def test_a_folder_that_was_deleted_is_told(tmp_path, monkeypatch):
    """The handout was unzipped anew, and the terminal stands in the old one."""
    (tmp_path / "old").mkdir()
    monkeypatch.chdir(tmp_path / "old")
    (tmp_path / "old").rmdir()
    with pytest.raises(SystemExit, match=r"^error: expected to stand in a folder, got one that was deleted: cd to the"):
        ending.end_in_words()


@pytest.mark.skipif(os.name == "nt", reason="Windows ends programs otherwise")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_no_half_picture(forks, tmp_path, number):
    """A closed terminal, a shutdown."""
    code = f"""
import os, signal, sys
sys.path.insert(0, {str(ROOT)!r})
from figures import script
from pretrained.files import whole
def main():
    with whole("map.png") as beside:
        beside.touch()
        os.kill(os.getpid(), {number})
for one in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(one, signal.SIG_DFL)
script.run(main)
"""
    done = forks(tmp_path, "-c", code)
    assert done.returncode == 128 + number and not list(tmp_path.iterdir())


@pytest.mark.parametrize("half", [{}, {"torch": SimpleNamespace(__spec__=SimpleNamespace(_initializing=True))}])
def test_an_import_that_was_interrupted_in_a_notebook_is_told(monkeypatch, half):
    """The kernel has half of PyTorch, and cannot load it again."""
    monkeypatch.setitem(sys.modules, "ipykernel", SimpleNamespace())
    assert ending.find_half() == ""
    monkeypatch.setitem(sys.modules, "torch", half.get("torch"))
    assert ending.find_half().endswith("got an import that was interrupted: restart the notebook's kernel")


def test_ctrl_c_is_one_line_and_status_130(capsys):
    """Shells know it: a loop of commands ends, too."""
    with pytest.raises(SystemExit) as end:
        script.run(mock.Mock(side_effect=KeyboardInterrupt))
    assert end.value.code == 130 and capsys.readouterr().err == "\ninterrupted\n"


def test_a_sentence_hides_what_came_before_it():
    """IPython 7, as on Colab, fails at an end that came of another mistake."""
    with pytest.raises(SystemExit, match=r"^error: expected this$") as end:
        script.run(mock.Mock(side_effect=script.UserError("expected this")))
    assert end.value.__suppress_context__


def test_a_script_of_another_copy_is_refused(tmp_path):
    """A kernel that has run one would take the modules of the first for both."""
    space = {"__file__": str(tmp_path / "fooling_image.py")}
    exec("def main():\n    raise AssertionError", space)
    with pytest.raises(SystemExit, match=r"^error: expected one copy of the assignment, got .*: restart "):
        script.run(space["main"])


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such shell")
def test_an_output_that_is_closed_stops_no_bar():
    code = "import tqdm; from figures import script; script.run(lambda: print(*tqdm.tqdm([3], disable=None)))"
    for closed in ("1>&-", "2>&-"):
        done = subprocess.run(["sh", "-c", f'exec "$0" -c "$1" {closed}', sys.executable, code], cwd=ROOT)
        assert done.returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_an_output_that_takes_no_more_is_told_in_one_line(monkeypatch):
    """A full disk, or a pipe that is closed; and nothing is left that Python would try to write at its end."""
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(SystemExit) as end:
            script.run(lambda: print("a line that waits in a buffer"))
    assert end.value.code == "error: No space left on device"


def test_a_full_disk_is_told_with_the_file_that_found_no_room(tmp_path):
    """Python names none where the file was opened already; and nothing is left of it."""

    def draw():
        with whole(tmp_path / "map.png") as beside:
            beside.touch()
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(SystemExit, match=r"^error: No space left on device: .*map\.png$"):
        script.run(draw)
    assert not list(tmp_path.iterdir())


def test_a_folder_in_a_figures_place_is_told_by_its_own_name(tmp_path):
    """Not by the name of the file beside it, which is gone."""
    (tmp_path / "map.png").mkdir()

    def draw():
        with whole(tmp_path / "map.png") as beside:
            beside.touch()

    with pytest.raises(SystemExit, match=r"^error: [^.]+map\.png$"):
        script.run(draw)
    assert [path.name for path in tmp_path.iterdir()] == ["map.png"]


NOBODY = """
import os, runpy, sys

if os.name != "nt":
    import pwd
    pwd.getpwuid = lambda uid: {}[uid]
for name, option in (("fooling_image", "--image"), ("saliency_map", "--num")):
    sys.argv = ["x.py", "--weights", "embedded", option, "26"]
    try:
        runpy.run_path(f"{name}.py", run_name="__main__")
    except SystemExit as end:
        print(end)

import matplotlib, pretrained, torch
print(pretrained.downloads.cache_folder(), matplotlib.get_cachedir(), torch.hub.get_dir(), sep="\\n")
"""


def test_a_user_without_name_and_home_can_run_scripts_and_has_caches(tmp_path):
    """So runs `docker run --user 12345`; and a notebook's kernel hands on a backend that cannot be loaded."""
    nobody = {"HOME", "USER", "LOGNAME", "LNAME", "USERNAME", "TORCH_HOME", "MPLCONFIGDIR", "COURSE_DATA_CACHE"}
    kept = {name: value for name, value in os.environ.items() if name not in nobody and not name.startswith("XDG")}
    given = {"TMPDIR": str(tmp_path), "MPLBACKEND": "module://of_no_use", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", NOBODY]
    done = subprocess.run(command, cwd=ROOT, env=kept | given, capture_output=True, text=True)
    assert done.stderr == ""
    _, image, _, num, *folders = done.stdout.splitlines()  # a line on the network before each
    assert image.startswith("error: expected --image between 1 and 25, got 26: ")
    assert num == "error: expected --num between 1 and 25, got 26: there are no more images"
    assert len(folders) == 3 and all(folder.startswith(f"{tmp_path}/home-of-user-") for folder in folders)


def test_a_home_that_cannot_be_made_harms_nothing(tmp_path, monkeypatch):
    """Temporary files find no place either: who needs a cache says so."""
    (tmp_path / "file").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file"))
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    monkeypatch.setenv("HOME", "")
    machine.give_name_and_home()
    assert os.environ["HOME"].startswith(str(tmp_path / "file" / "home-of-"))


def test_a_students_own_missing_module_keeps_its_traceback():
    """Only packages of the assignment are named so."""
    assert ending.name_missing(ModuleNotFoundError("No module named 'mine'", name="mine")) == ""
    assert ending.name_missing(ImportError("cannot import name", name="torch")) == ""


@pytest.mark.parametrize(
    "raises", ["raise OSError('libcudart.so.12: no such file')", "os.no_such_thing", "from os import x", "def f(:"]
)
def test_a_package_that_cannot_be_loaded_is_named(tmp_path, monkeypatch, raises):
    """It is there, so that environment/complete.py would find nothing missing."""
    inside = tmp_path / "site-packages"
    (inside / "captum").mkdir(parents=True)
    (inside / "captum" / "__init__.py").write_text(f"import os\n{raises}")
    monkeypatch.syspath_prepend(inside)
    monkeypatch.delitem(sys.modules, "captum")
    with pytest.raises((OSError, AttributeError, ImportError, SyntaxError)) as raised:
        importlib.import_module("captum")
    told = ending.explain(raised.value)
    assert told.startswith("error: expected the package captum whole, got ") and " --no-deps captum" in told


@pytest.mark.parametrize("code", ["import torch.nnn", "from torch import nnn", "open('nowhere')"])
def test_a_mistake_in_ones_own_import_is_no_broken_packages(code):
    """Nor is a package called missing that is there."""
    with pytest.raises((ImportError, OSError)) as raised:
        exec(code)
    told = ending.explain(raised.value)
    assert not told or told.startswith("error: expected torch.nnn, found none: correct the import, or run python")


def test_what_a_package_of_ours_needs_and_is_not_there_is_named_with_it(tmp_path, monkeypatch):
    """And a module of one's own that is missing in what a package calls keeps its traceback."""
    inside = tmp_path / "site-packages"
    (inside / "pptx").mkdir(parents=True)
    (inside / "pptx" / "__init__.py").write_text("import lxml_of_no_use")
    (inside / "captum.py").write_text("def call(function):\n    function()")
    monkeypatch.syspath_prepend(inside)
    calls = {
        "import pptx": "error: expected lxml_of_no_use, which the package python-pptx needs, found none: "
        "run python -m pip install python-pptx",
        "import captum\ncaptum.call(lambda: __import__('mine'))": "",
    }
    (tmp_path / "own.py").touch()
    for code, expected in calls.items():
        with mock.patch.dict(sys.modules), pytest.raises(ModuleNotFoundError) as raised:
            for name in ("pptx", "captum"):
                sys.modules.pop(name, None)
            exec(compile(code, tmp_path / "own.py", "exec"), {})
        assert ending.name_missing(raised.value) == expected


@pytest.mark.parametrize("below, short", [(".", "visualization"), ("docs", "../visualization")])
def test_pictures_go_to_the_assignments_folder_wherever_one_stands(monkeypatch, below, short):
    monkeypatch.chdir(ROOT / below)
    assert Path(fooling_image.parse_args([]).out) == Path(short)


def test_without_a_folder_the_methods_draw_into_the_assignments(monkeypatch, tmp_path):
    """In a notebook of another folder, too."""
    monkeypatch.chdir(tmp_path)
    folder = ROOT / "visualization"
    for draw in (ClassVisualization.create_class_visualization, style_utils.style_transfer):
        assert inspect.signature(draw).parameters["out"].default == folder
    path = inspect.signature(SaliencyMap.show_saliency_maps).parameters["path"].default
    assert path == folder / "saliency_map.png"


def test_in_a_notebook_main_takes_the_defaults_and_figures_are_shown(source, monkeypatch):
    """The kernel's own options are none of the script's, and a picture is handed to the notebook as it is."""
    shown = []
    display = SimpleNamespace(display=lambda *pictures: shown.extend(pictures))
    monkeypatch.setattr(sys, "argv", ["/somewhere/ipykernel_launcher.py", "-f", "kernel.json"])
    for name in ("ipykernel", "IPython", "IPython.display"):
        monkeypatch.setitem(sys.modules, name, display)
    assert fooling_image.parse_args().image is None and report.Parser().parse_args()
    picture = Picture(ROOT / "docs" / "pictures" / "gradcam.png", "title", "caption")
    figure.show([picture])
    assert shown == [picture] and picture._repr_png_().startswith(b"\x89PNG")


def test_what_was_drawn_before_a_part_that_is_not_written_is_shown(main, monkeypatch):
    """In their order: one's own maps, while Captum's are still to be written."""
    shown = []
    monkeypatch.setattr(figure, "show", lambda pictures: shown.extend(picture.title for picture in pictures))
    monkeypatch.setattr(saliency_map, "captum_saliency", Mock(side_effect=NotImplementedError("Part 1.5: saliency")))
    with pytest.raises(NotImplementedError):
        main(saliency_map, "--num", "1", "--show")
    assert shown == ["saliency_map_num_1_embedded"]
    with pytest.raises(script.UserError):
        main(fooling_image, "--show", "--target", "nobody")
    main(fooling_image, "--show")
    assert shown[1:] == ["fooling_image_embedded"]


@pytest.mark.parametrize("kind", [script.UserError, SourceError])
def test_in_a_notebook_a_mistake_of_the_users_is_one_sentence(kind):
    """IPython asks for it, and shows no traceback then."""
    assert kind("expected this, got that")._render_traceback_() == ["error: expected this, got that"]


# --- what is in the pictures ---


def test_saliency_map_draws_each_image_and_its_maps(main, capsys):
    """N images: N maps below them; by Captum twice as many; and a row of three panels to compare each."""
    counts = {"": 2 * 2, "_captum": 2 * 3, "_comparison": 2 * 3}
    counts = {f"saliency_map{which}_num_2_embedded.png": count for which, count in counts.items()}
    check(main(saliency_map, "--num", "2"), counts)
    assert "saliency, ours and Captum's: largest difference " in capsys.readouterr().out


@pytest.mark.parametrize("layer, num", [("features.12", 2), ("features.3.expand3x3", 1)])
def test_gradcam_draws_ours_captums_and_the_layer(main, layer, num, capsys):
    """Images and their maps by each method, from any layer, also one whose output an in-place ReLU overwrites."""
    counts = {"": 4 * num, "_classes": 5 * num, "_captum": 3 * num, "_comparison": 7 * num, "_layers": 5 * num}
    own = f"_num_{num}_embedded" if layer == "features.12" else f"_features_3_expand3x3_num_{num}_embedded"
    counts = {f"gradcam{end}{own}.png": count for end, count in counts.items()}
    check(main(gradcam, "--num", str(num), "--layer", layer), counts)
    lines = [line for line in capsys.readouterr().out.splitlines() if "largest difference" in line]
    differences = {line.split(",")[0]: float(line.split("difference ")[1].split(",")[0]) for line in lines}
    assert differences["guided backprop"] <= 1e-5
    assert differences["Grad-CAM"] <= 1e-5
    assert differences["Guided Grad-CAM"] <= 0.5  # another way of enlarging: the more, the larger the layer


def test_fooling_image_shows_both_images_and_their_difference(main, capsys):
    """Four panels; the number of steps and the scores before and after are printed."""
    check(main(fooling_image, "--image", "3", "--target", "Guitar"), {"fooling_image_image_3_guitar_embedded.png": 4})
    said = capsys.readouterr().out
    assert "dog, pushed towards guitar: " in said and "in the eight bits of a picture" in said


def test_a_fooling_image_that_eight_bits_undo_says_so():
    """The picture that is drawn is rounded and cut off: where the network takes it for another class, one is told."""
    x, scores = torch.zeros(1, 3, 8, 8), torch.tensor([[9.0, 0.0], [0.0, 9.0], [9.0, 0.0]])
    undone, kept = (fooling_image.row(fooling_image.Twins(x, x, 0, 3, some), ["cat", "dog"]).titles[1]
                    for some in (scores, scores[[0, 1, 1]]))  # fmt: skip
    assert (undone, kept) == ("after 3 steps\nsays dog, 100%\n(in eight bits it says cat, 100%)",
                              "after 3 steps\nsays dog, 100%")  # fmt: skip


def test_a_figure_says_how_it_was_made(main, own_pictures, source, tmp_path):
    """The assignment's own is the report's; a run with other options writes names of its own, and says so, too."""
    (own,) = main(fooling_image, "--image", own_pictures[0], "--target", "hay")
    (usual,) = fooling_image.main(["--out", str(tmp_path)], replace(source, weights="original"))
    assert (usual.path.name, own.path.name) == ("fooling_image.png", "fooling_image_my_street_hay_embedded.png")
    made, of_own = collect_submission.read_made(usual.path), collect_submission.read_made(own.path)
    assert made == figure.read_made(usual.path) and report.is_graded(usual.path) and not report.is_graded(own.path)
    options = {"image": ["my street.jpg"], "target": "hay", "network": "SqueezeNet 1.1, embedded weights"}
    assert made["options"] == {} and of_own["options"] == options
    files = ("fooling_image.py", "visualizers/fooling_image.py")
    assert made["code"] == {name: collect_submission.digest_file(ROOT / name) for name in files}
    assert made["classes"] == ["hay"] and made["network"] == "SqueezeNet 1.1, embedded weights"


@pytest.mark.parametrize("place", [{}, {"__file__": str(ROOT / "fooling_image (1).py")}], ids=["cell", "copy"])
def test_a_figure_of_code_that_is_not_handed_in_says_so(source, tmp_path, place):
    """Loaded into a notebook's cell and changed there, or uploaded once more."""
    there = place | {"__name__": "builtins"}
    code = ROOT.joinpath("fooling_image.py").read_text(encoding="utf-8")
    exec(compile(code, "cell", "exec", dont_inherit=True), there)
    (picture,) = there["main"](["--out", str(tmp_path)], source)
    code = figure.read_made(picture.path)["code"]
    assert code["fooling_image.py"] != collect_submission.digest_file(ROOT / "fooling_image.py")
    assert code["visualizers/fooling_image.py"] == collect_submission.digest_file(ROOT / "visualizers/fooling_image.py")


def test_classes_of_one_name_have_files_of_their_own(source, tmp_path):
    """ImageNet's Cardigan is a dog, its cardigan is worn."""
    named = replace(source, class_names=["Cardigan, a dog", "cardigan", *source.class_names[2:]])
    options = ["--out", str(tmp_path), "--iterations", "1", "--target", "0", "--target", "1"]
    names = {picture.path.name for picture in class_visualization.main(options, named)}
    assert names == {f"class_visualization_cardigan_{i}_1_iterations_embedded.png" for i in (0, 1)}


PLAIN = script.PLAIN
STUDENTS = """
RATE, count = 1, 0
STEP = 1

class A:
    LIMIT = 1

    @staticmethod
    def add(x, by=1):
        '''Add.

            As the docstring says.
        '''
        global count
        count += 1
        print(math.pi)
        return x + 1

import math
"""


@pytest.fixture
def students(tmp_path, monkeypatch):
    """A student's file and the module that was read of it."""
    path = tmp_path / "a_students_file.py"
    path.write_text(STUDENTS)
    monkeypatch.setattr(script, "ROOT", tmp_path)
    monkeypatch.setattr(script, "PLAIN", PLAIN)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, path.stem, module)
    spec.loader.exec_module(module)
    script.check_read(path.name, STUDENTS.encode())
    return path, module


@pytest.mark.parametrize("old, new", [("x + 1", "x + 2"), ("STEP = 1", "STEP = 2"), ("LIMIT = 1", "LIMIT = -1.5"),
                                      ("by=1", "by=2"), ("class A", "class B")])  # fmt: skip
def test_code_that_was_changed_after_it_was_read_makes_no_figure(students, old, new):
    """In a notebook, say: the figure would hold the digest of code that has not made it."""
    path, module = students
    changed = STUDENTS.replace(old, new)
    path.write_text(changed)
    with pytest.raises(script.UserError, match=r"^expected a_students_file.py as it is .* got an older one"):
        script.check_read(path.name, changed.encode())
    for name in {*vars(module)} & {"A"}:
        delattr(module, name)
    module.__spec__.loader.exec_module(module)  # as %autoreload does
    script.check_read(path.name, changed.encode())


def test_a_class_that_was_imported_before_its_module_was_read_again_makes_no_figure(students):
    """`importlib.reload(module)` in a notebook leaves the scripts what they have."""
    path, module = students
    imported, changed = {"A": module.A}, STUDENTS.replace("x + 1", "x + 2")
    script.check_read(path.name, STUDENTS.encode(), imported)
    path.write_text(changed)
    module.__spec__.loader.exec_module(module)
    with pytest.raises(script.UserError, match="got an older one"):
        script.check_read(path.name, changed.encode(), imported)
    script.check_read(path.name, changed.encode(), {"A": module.A, "other": Picture})


def test_what_autoreload_has_compiled_is_the_file_as_it_is(students):
    """IPython 9 compiles a function that has changed by itself, without the lines before it; a counter may count."""
    path, module = students
    changed = STUDENTS.replace("x + 1", "x + 2").replace("class A", "# A comment.\nclass A")
    module.A.add(1)
    (method,) = [node for node in ast.walk(ast.parse(changed)) if isinstance(node, ast.FunctionDef)]
    alone = "class __autoreload_class__:\n" + textwrap.indent(ast.unparse(method), "    ")
    exec(compile(alone, module.__file__, "exec"), vars(module), there := {})
    module.A.add.__code__ = there["__autoreload_class__"].add.__code__
    script.check_read(path.name, changed.encode())
    with pytest.raises(script.UserError, match="got an older one"):
        script.check_read(path.name, STUDENTS.encode())


def test_a_function_of_a_cell_in_the_files_place_makes_no_figure(students):
    """The file, which is handed in, has not made it."""
    path, module = students
    exec("def add(x, by=1):\n    return 3", cell := {"__name__": "__main__"})
    module.A.add = staticmethod(cell["add"])
    with pytest.raises(script.UserError, match=r"got add of a notebook's cell in it: write that into the file"):
        script.check_read(path.name, STUDENTS.encode())


def test_the_file_is_named_whose_function_a_cell_has_replaced(monkeypatch):
    """The root script, which has imported the class, has the file's name."""
    exec("def compute_saliency_maps(self, X, y, model):\n    return X", cell := {"__name__": "__main__"})
    monkeypatch.setattr(SaliencyMap, "compute_saliency_maps", cell["compute_saliency_maps"])
    with pytest.raises(script.UserError, match=r"^expected visualizers/saliency_map\.py as it is in the folder"):
        script.digest_code("saliency_map.py", vars(saliency_map))


def test_what_python_writes_into_a_file_s_classes_is_as_good_as_the_file(students):
    """Methods of dataclasses and of named tuples stand in no file, those of enumerations and decorators in another."""
    path, module = students
    more = """
from collections import namedtuple
from dataclasses import dataclass
from enum import Enum
from functools import cache, wraps
from typing import NamedTuple

Pair = namedtuple("Pair", "one two")
Kind = Enum("Kind", "plain guided")

class Point(NamedTuple):
    row: int = 0

@dataclass
class Step:
    size: float = 1.0

def twice(function):
    @wraps(function)
    def inner(*arguments):
        return function(function(*arguments))
    return inner

@twice
def more(x=2):
    return x + 1

@cache
def count(step=Step):
    return [one for one in range(3) if (lambda x: x)(one)]
"""
    exec(compile(more, module.__file__, "exec", dont_inherit=True), vars(module))
    script.check_read(path.name, (STUDENTS + more).encode())


@pytest.mark.parametrize(
    "options, words",
    [
        ([], ""),
        (["--layer", "features.12"], ""),
        (["--layer", "features.7", "--num", "2"], "_features_7_num_2"),
        (["--seed", "3"], "_seed_3"),
        (["--image", "3", "sources.png", "--target", "sea lion"], "_image_3_sources_sea_lion"),
        (["--image", "captum.png"], "_own_captum"),
    ],
)
def test_the_names_of_a_run_tell_its_options(source, options, words):
    """And never are those of another figure of the assignment, which is ImageNet's, of either training."""
    args = gradcam.parse_args(options)
    assert script.name_run(args, replace(source, weights="original")) == words
    assert script.name_run(args, source).endswith("_embedded")
    own = replace(source, weights="own", name="SqueezeNet 1.1, mine.pth")
    assert script.name_run(args, own).endswith("_mine_pth")


def test_another_run_of_the_same_name_leaves_the_first_ones_figures(main, own_pictures, tmp_path):
    """A photograph of the same name in another folder; the same run again takes its own figure's place."""
    options = "--target", "hay", "--image"
    other = tmp_path / "elsewhere" / Path(own_pictures[0]).name
    other.parent.mkdir()
    Image.new("RGB", (300, 300), "red").save(other)
    (first,), (second,) = (main(fooling_image, *options, str(path)) for path in (own_pictures[0], other))
    assert first.path.name == "fooling_image_my_street_hay_embedded.png" != second.path.name
    before = first.path.read_bytes()
    for path, picture in ((own_pictures[0], first), (str(other), second)):
        ((again,), named) = main(fooling_image, *options, path), figure.read_made(picture.path)["figure"]
        assert again.path == picture.path and named == picture.path.stem
    assert first.path.read_bytes() == before and len(list(tmp_path.glob("*.png"))) == 3


def test_both_pictures_of_another_pair_of_the_same_name_have_names_of_their_own(main, own_pictures, tmp_path):
    """And are found as a pair."""
    content, drawing = own_pictures
    options = "--iterations", "1", "--style", drawing, "--content"
    other = tmp_path / "elsewhere" / Path(content).name
    other.parent.mkdir()
    Image.new("RGB", (300, 300), "red").save(other)
    made = [picture.path for picture in main(style_transfer, *options, content)]
    bytes_of_first, _ = made[1].read_bytes(), made[1].unlink()  # as if the first run had been interrupted
    made += [picture.path for picture in main(style_transfer, *options, str(other))]
    made[1].write_bytes(bytes_of_first)
    assert len(set(made)) == 4
    assert {*own_pairs(tmp_path)} == {(made[0], made[1]), (made[2], made[3])}


@pytest.mark.parametrize("letter", ["a", "猫", "ق"])
def test_no_name_is_too_long_for_a_file(source, letter):
    """A disk takes 255 bytes, letters have up to three, and a run may have several pictures."""
    images = [f"{letter * 80}{i}.jpg" for i in range(4)]
    end = script.name_run(gradcam.parse_args(["--image", *images]), source)
    assert 70 < len(end.encode()) <= 80 and 40 < len(script.file_name(images[0]).encode()) <= 50


@pytest.mark.parametrize("options", [["--image", "b" * 99], ["--image", "!!!"], ["--target", "hay"], ["--seed", "1"]])
def test_runs_with_long_names_have_files_of_their_own(source, options):
    """Two runs may differ in what is cut off alone, or in a name without a letter, of which nothing is left."""
    images = ["--image", *(f"{'long' * 12}{i}" for i in range(3)), "b" * 98, "???"]
    ends = {script.name_run(gradcam.parse_args([*images, *more]), source) for more in ([], options)}
    assert len(ends) == 2


@pytest.mark.parametrize("content, style", [("starry", "night"), ("waves", "sources"), ("The", "Scream")])
def test_a_pair_of_ones_own_takes_no_graded_figures_name(content, style):
    """Together the two names may be those of a given pair."""
    args = argparse.Namespace(content=f"{content}.jpg", style=f"{style}.jpg")
    given = [(STYLE_PAIRS["embedded"][0], Path(), Path())]
    with mock.patch.object(script, "picture", Path):
        assert style_transfer.choose_own_pair(args, given)[0].name == f"own_{content}_{style}".lower()


def test_fooling_towards_what_the_network_says_already_takes_no_step(main, source, capsys):
    """An image that already passes for the target is left alone, and the figure says 0 steps."""
    target = source.class_names[source.labels[0]]
    (picture,) = main(fooling_image, "--target", target)
    assert ": 0 steps" in capsys.readouterr().out
    assert picture.path.exists()


@pytest.mark.parametrize("iterations, count", [(1, 1), (3, 3), (8, 5)])
def test_class_visualization_shows_the_way(main, iterations, count):
    """The first iteration, each quarter of the way and the last: five panels, fewer for fewer than five iterations."""
    pictures = main(class_visualization, "--target", "hay", "--iterations", str(iterations))
    check(pictures, {f"class_visualization_hay_{iterations}_iterations_embedded.png": count})


def test_the_same_seed_gives_the_same_picture(main, tmp_path):
    """Twice the same seed: the same bytes. Another seed: another picture."""
    options = ("--target", "hay", "--iterations", "2", "--seed")
    first, second, other = (main(class_visualization, *options, seed)[0].path.read_bytes() for seed in "778")
    assert first == second != other


def test_style_transfer_makes_two_pictures_of_each_pair(source, own_pictures, tmp_path, monkeypatch, capsys):
    """Each of the three pairs has content and style side by side, then the result."""
    content, style = map(Path, own_pictures)
    source = replace(
        source, content_images={"town": content}, style_images=dict.fromkeys(("flow", "waves", "composition"), style)
    )
    monkeypatch.setattr(style_transfer, "check_losses", lambda source, cnn: None)  # stored for the shipped pictures
    pictures = style_transfer.main(["--out", str(tmp_path), "--iterations", "2"], source)
    names = [pair.name for pair in STYLE_PAIRS["embedded"]]
    ends = {"_2_iterations_embedded_sources": 2, "_2_iterations_embedded": 1}
    counts = {f"style_transfer_{name}{end}.png": count for name in names for end, count in ends.items()}
    check(pictures, counts, size=None)


@pytest.mark.parametrize("option, other, taken", [("--content", "--style", "flow"), ("--style", "--content", "town")])
def test_what_is_taken_beside_a_picture_of_ones_own_is_said(source, own_pictures, option, other, taken, capsys):
    """--content alone is painted in the last pair's style, and a line says so."""
    args = style_transfer.parse_args([option, own_pictures[0]])
    ((pair, content, style),) = style_transfer.choose_pairs(args, source, source.cnn)
    assert capsys.readouterr().out == f"Picture: {taken}, as no {other} was given.\n"
    assert {content.stem, style.stem} == {"my street", taken} and pair.name in ("my_street_flow", "town_my_street")


def test_the_losses_agree_with_the_stored_values(source, capsys):
    """The four checks of the handout, on the embedded network: each maximum error is printed as 0.000."""
    style_transfer.check_losses(source, source.model.features)
    names = ("Content Loss", "Gram Matrix", "Style Loss", "Total Variation Loss")
    assert capsys.readouterr().out == "".join(f"{name} Maximum error is 0.000\n" for name in names)


@pytest.mark.parametrize("module, option", [(gradcam, "--image"), (style_transfer, "--content"), (report, "")])
def test_a_picture_without_its_option_is_told_the_option(tmp_path, capsys, module, option):
    (tmp_path / "cat.jpg").write_bytes(b"")
    with pytest.raises(SystemExit):
        module.main([str(tmp_path / "cat.jpg")])
    hint = f" (a picture of your own stands behind {option})" if option else ""
    assert capsys.readouterr().err.endswith(f"unrecognized arguments: {tmp_path / 'cat.jpg'}{hint}\n")


def test_without_stored_values_the_checks_are_left_out(source, monkeypatch, capsys):
    """If the file is missing, one line says so, and the pictures are made all the same."""
    missing = {"embedded": replace(style_transfer.STYLE_CHECKS["embedded"], stored="tests/nothing.npz")}
    monkeypatch.setattr(style_transfer, "STYLE_CHECKS", missing)
    style_transfer.check_losses(source, source.model.features)
    assert capsys.readouterr().out.startswith("The losses cannot be checked: expected stored values in tests/nothing")


def test_weights_of_ones_own_are_not_checked(source, own_pictures, tmp_path, capsys):
    """Stored values belong to the usual weights: with a file of one's own a line says so instead of a wrong alarm."""
    content, style = own_pictures
    source = replace(source, weights="own", name="SqueezeNet 1.1, own.pth")
    options = ["--out", str(tmp_path), "--content", content, "--style", style, "--iterations", "1"]
    style_transfer.main(options, source)
    out = capsys.readouterr().out
    assert "The losses cannot be checked: no values are stored for SqueezeNet 1.1, own.pth" in out
    assert "Maximum error" not in out


def test_where_there_are_fewer_samples_all_of_them_are_taken(source, tmp_path):
    """Five is what one gets, not what one must have: two photographs are enough where packages have no more."""
    few = replace(source, images=source.images[:2], labels=source.labels[:2])
    pictures = saliency_map.main(["--out", str(tmp_path)], few)
    assert len(panels(pictures[0].path)) == 2 * 2


# --- mistakes ---


@pytest.mark.parametrize(
    "module, options, words",
    [
        (saliency_map, ["--num", "26"], "error: expected --num between 1 and 25, got 26: there are no more images"),
        (gradcam, ["--layer", ""], "error: expected a layer that gives one map, got '': try "),
        (gradcam, ["--layer", "features.13"], "error: expected a layer that gives one map, got 'features.13': try "),
        (gradcam, ["--layer", "classifier"], "error: expected a layer that gives one map, got 'classifier': try "),
        (fooling_image, ["--image", "26"], "error: expected --image between 1 and 25, got 26: choose one of these"),
        (fooling_image, ["--target", "99"], "error: expected a class between 0 and 23, got 99: give an index"),
        (fooling_image, ["--target", "-1"], "error: expected a class between 0 and 23, got -1: give an index"),
        (saliency_map, ["--image", "no.jpg"], "error: expected a picture at no.jpg, found no file: check the path"),
        (gradcam, ["--image", "no.jpg"], "error: expected a picture at no.jpg, found no file: check the path"),
        (fooling_image, ["--image", "no.jpg"], "error: expected a picture at no.jpg, found no file: check the path"),
        (fooling_image, ["--image", __file__], "error: expected a whole picture in "),
        (style_transfer, ["--content", "no.jpg"], "error: expected a picture at no.jpg, found no file: check the path"),
        (style_transfer, ["--style", __file__], "error: expected a whole picture in "),
    ],
)
def test_wrong_values_are_told_in_one_sentence(main, module, options, words, tmp_path):
    """A wrong value ends with status 1 and a sentence: expected, got, try."""
    with pytest.raises(SystemExit) as ended:
        script.run(lambda: main(module, *options))
    assert str(ended.value.code).startswith(words)
    assert "\n" not in str(ended.value.code) and not list(tmp_path.glob("*.png"))


def test_a_strip_is_refused(main, tmp_path):
    """A picture a hundred times as long as wide would be resized to millions of pixels: it is refused."""
    Image.new("RGB", (1000, 10)).save(tmp_path / "strip.png")
    for module, option in ((style_transfer, "--style"), (saliency_map, "--image")):
        with pytest.raises(script.UserError, match=r"at most 4 times as long as wide, got one 100\.0 times"):
            main(module, option, str(tmp_path / "strip.png"))


@pytest.mark.parametrize("module", [saliency_map, gradcam, fooling_image, class_visualization, style_transfer])
@pytest.mark.parametrize(
    "options",
    ["--num 0", "--iterations 0", f"--iterations {10**30}", "--image 0", "--image 1 --num 2", "--image", "--unknown"],
)
def test_wrong_options_end_with_status_2(main, module, options, capsys):
    """argparse says what was expected, and nothing is computed."""
    with pytest.raises(SystemExit) as ended:
        main(module, *options.split())
    assert ended.value.code == 2
    assert "error: " in capsys.readouterr().err


@pytest.mark.parametrize(
    "mistake, ends, words",
    [
        (NotImplementedError("Part 1.1: saliency maps"), SystemExit, "not written yet: Part 1.1: saliency maps"),
        (NotImplementedError(), SystemExit, "not written yet: see the traceback of your tests"),
        (ValueError("shapes do not fit"), ValueError, "shapes do not fit"),
    ],
    ids=["not written yet", "without words", "a mistake"],
)
def test_an_unsolved_part_is_named_and_a_mistake_keeps_its_traceback(main, monkeypatch, mistake, ends, words):
    """Before Part 1.1 is written the script says so; an error in code that is being written is its author's to read."""

    def fail(self, X, y, model):
        raise mistake

    monkeypatch.setattr(saliency_map.SaliencyMap, "compute_saliency_maps", fail)
    with pytest.raises(ends) as ended:
        script.run(lambda: main(saliency_map, "--num", "1"))
    assert str(ended.value) == words


@pytest.mark.parametrize("text, index", [("0", 0), ("hay", 0), ("Hay", 0), ("GRASS", 1), ("meadow", 1)])
def test_a_class_goes_by_any_of_its_names(text, index):
    """An index, or any of the names between the commas, in any case."""
    assert script.class_index(text, ["hay", "meadow, grass"]) == index


@pytest.mark.parametrize("text", ["gitar", "guitar", "electrik guitar"])
def test_a_misspelt_class_is_offered_by_any_word_of_its_name(text):
    """"gar" has more letters in common with "gitar" than "electric guitar" has."""
    with pytest.raises(script.UserError, match=rf"got '{text}': try .*electric guitar"):
        script.class_index(text, ["gar", "altar", "electric guitar", "guillotine", "tar"])


KEPT = """
import ctypes
from figures import script

class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena ordblks smblks hblks bytes usm fsm rest top kept".split()]

glibc = ctypes.CDLL(None)
glibc.mallinfo2.restype, glibc.malloc.restype = Info, ctypes.c_void_p

def show():
    before = glibc.mallinfo2().hblks
    glibc.malloc(ctypes.c_size_t(24 << 20))
    print(glibc.mallinfo2().hblks - before)

show()
script.run(show)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None) if sys.platform == "linux" else None, "mallinfo2"), reason="no glibc")
def test_a_script_keeps_the_memory_that_a_pass_frees(forks):
    """24 MB are pages of their own, given back when they are freed; in a script they are part of the heap."""
    assert forks(ROOT, "-c", KEPT).stdout == "1\n0\n"


@pytest.mark.parametrize("text", ["²", "--5", 5000 * "9"])
@pytest.mark.parametrize("read", [script.count, command_line._seed, lambda text: script.class_index(text, ["hay"])])
def test_digits_that_are_no_number_are_refused_in_words(read, text):
    """A superscript is a digit to `str.isdigit`, and none to `int`, which takes 4300 of them at most."""
    with pytest.raises((argparse.ArgumentTypeError, script.UserError), match=rf"^expected .* got '{text}'"):
        read(text)


@pytest.mark.parametrize("kind", [RuntimeError, ValueError, NotImplementedError, MemoryError])
def test_an_exception_that_cannot_tell_its_text_is_no_mistake_of_ours(kind):
    """A student's own class of exception; the other scripts of `make figures` go on."""
    mistake = type("Odd", (kind,), {"__str__": lambda self: 1 / 0})()
    untold = "without a text, as its __str__ raises ZeroDivisionError"
    told = {NotImplementedError: f"not written yet: {untold}", MemoryError: "error: expected memory"}
    assert script.sentence(mistake).startswith(told.get(kind, ""))
    words = gallery.run(Mock(side_effect=mistake))[1]
    assert words.startswith(told.get(kind, f"error: Odd: {untold}"))


def test_a_closed_pipe_is_told_without_a_file():
    assert script.sentence(BrokenPipeError(32, "Broken pipe")) == "error: Broken pipe"
