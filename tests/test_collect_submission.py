# STAFF
"""collect_submission.py: what goes into the zip, what is said of the rest (long for its table of everything said)."""

import ast
import hashlib
import io
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path
from unittest.mock import Mock

import pytest
from pptx import Presentation

import collect_submission
import report
from autograder.files import make_zip
from collect_submission import MANIFEST_NAME, REPORT_FIGURES, REQUIRED, SCRIPTS, SIGNATURES, ZIP_NAME, main

ROOT = Path(__file__).resolve().parent.parent
PICTURES = tuple(f"visualization/{names.split(' | ')[0]}.png" for made in REPORT_FIGURES.values() for names in made)


@pytest.fixture
def work(tmp_path):
    """A folder like a student's who has solved everything: small files under the right names."""
    for name in REQUIRED:
        write(tmp_path / name, skeleton(name))
    draw(tmp_path)
    return tmp_path


def draw(work, names=PICTURES, **changes):
    """Files in the places of figures, each with the text that a figure made by the code here has in it."""
    for script, modules in SCRIPTS.items():
        code = {name: collect_submission.digest_file(work / name) for name in (script, *modules)}
        for name in (name for name in names if name.startswith(f"visualization/{script.removesuffix('.py')}")):
            made = {"figure": Path(name).stem, "options": {}, "code": code} | changes
            text = b"tEXtMade\0" + json.dumps(made).encode()
            (work / name).parent.mkdir(exist_ok=True)
            end = b"rest" + collect_submission.END
            (work / name).write_bytes(b"PNG" + (len(text) - 4).to_bytes(4, "big") + text + end)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def skeleton(name):
    """A file with the functions that its signatures ask for."""
    lines = [f"# {name}"]
    for function, arguments in SIGNATURES.get(name, {}).items():
        owner, _, method = function.rpartition(".")
        definition = f"def {method}({', '.join(arguments)}):\n"
        if owner and f"class {owner}:" not in lines:
            lines.append(f"class {owner}:")
        indent = "    " if owner else ""
        lines.append(f"{indent}{definition}{indent}    return 0")
    return "\n".join(lines) + "\n"


def collect(work, capsys, status=0, argv=()):
    """Collect, and return what the student reads; the exit status is checked. Never a traceback."""
    assert main(list(argv), work) == status
    said = capsys.readouterr()
    assert said.err == "" and "Traceback" not in said.out
    assert (work / ZIP_NAME).exists() == (status == 0 and "--check" not in argv)
    return said.out


def names_in(folder):
    with zipfile.ZipFile(folder / ZIP_NAME) as archive:
        assert archive.testzip() is None
        return sorted(archive.namelist())


def test_a_complete_work_is_zipped_with_its_folders(work, capsys):
    """Code, figures and the manifest are in the zip under the paths that they have on disk."""
    assert main([], work) == 0
    assert names_in(work) == sorted([*REQUIRED, *PICTURES, MANIFEST_NAME])
    said = capsys.readouterr().out
    assert "nothing missing" in said and str(work / ZIP_NAME) in said


def test_a_further_argument_with_a_default_may_be(work, capsys):
    path = work / "visualizers/saliency_map.py"
    write(path, path.read_text().replace("self, X, y, model", "self, X, y, model, device=None"))
    draw(work)
    assert "nothing missing" in collect(work, capsys)


def test_a_given_file_that_was_changed_is_told(work, capsys, monkeypatch):
    """The grader takes its own: a helper in it would not be there."""
    digest = collect_submission.digest_file(work / "image_utils.py")
    monkeypatch.setattr(collect_submission, "DIGESTS", {"image_utils.py": digest})
    assert "nothing missing" in collect(work, capsys)
    (work / ZIP_NAME).unlink()
    write(work / "image_utils.py", "def mine():\n    return 0\n")
    said = collect(work, capsys)
    assert "- image_utils.py is not as it was handed out, and the grader takes its own: move what your code ne" in said


def test_a_return_outside_of_its_function_is_told(work, capsys):
    """It can be parsed, and not compiled."""
    write(work / "style_utils.py", "def f():\n    x = 1\nreturn x\n")
    words = "style_utils.py, line 3: Python cannot read this file ('return' outside function)."
    assert words in collect(work, capsys, 1)


def test_a_new_file_in_any_given_folder_is_told(work, capsys, monkeypatch):
    monkeypatch.setattr(collect_submission, "DIGESTS", {"figures/given.py": ""})
    names = "figures/my_tools.py", "visualizers/more/helper.py"
    for name in names:
        write(work / name, "x = 1\n")
    said = collect(work, capsys)
    assert all(f"{name} was not handed out, and the grader does not take it" in said for name in names)


def test_what_is_never_reached_or_guards_is_no_part_that_is_missing(work, capsys):
    """The handout's line may stay behind the return, one's own errors anywhere, prints below __main__."""
    path = work / "visualizers/gradcam.py"
    twice = "class A:\n    def f(self):\n        raise NotImplementedError('Part 1.2')\n\n\nclass A:\n    pass\n"
    path.write_text(twice + path.read_text())  # of which Python takes the last
    more = "def g(x):\n    return x\n    raise NotImplementedError('Part 1.2: Grad-CAM')\n\n\ndef h(x):\n    if x:\n"
    write(path, path.read_text() + more + "        raise NotImplementedError('not for films')\n    return x\n")
    write(path, path.read_text() + "\n\nif __name__ == '__main__':\n    print(h(1))\n")
    write(work / "visualizers/.ipynb_checkpoints/gradcam-checkpoint.py", "def f(:\n")  # what Jupyter keeps
    draw(work)
    assert "nothing missing" in collect(work, capsys)


def test_a_file_that_is_not_handed_in_stops_nothing(work, capsys):
    """A scratch file beside the given ones is told, whatever is in it."""
    write(work / "visualizers/old try (2).py", "def f(:\n")
    said = collect(work, capsys)
    assert "visualizers/old try (2).py was not handed out, and the grader does not take it" in said


@pytest.mark.skipif(os.name == "nt", reason="Windows ends programs otherwise")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_no_half_zip(work, number):
    """A closed terminal, a shutdown."""
    code = (
        "import collect_submission as c, os, sys\n"
        f"c.signal.signal({number}, c.signal.SIG_DFL)\n"  # below nohup it is ignored
        f"c.os.replace = lambda *_: os.kill(os.getpid(), {number})\n"
        f"c.main = lambda: c.write_zip(c.Path({str(work)!r}), ['image_utils.py'])\n"
        "sys.exit(c.run())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True)
    assert done.returncode == 128 + number and not list(work.glob("*.zip*"))


def test_modules_of_your_own_come_along_but_are_not_graded(work, capsys):
    """A further module is collected, so that people can see it, and the student is told that the grader has none."""
    write(work / "visualizers/my_helper.py", "# mine\n")
    write(work / "visualization/gradcam_mine.png", "one of the figures that count")
    said = collect(work, capsys)
    assert ("visualizers/my_helper.py was not handed out, and the grader does not take it: what your code needs of it "
            "belongs into the given files.") in said
    assert {"visualizers/my_helper.py", "visualization/gradcam_mine.png"} <= set(names_in(work))


def test_data_caches_and_hidden_files_stay_out(work):
    """Weights, caches, environments, other zips and the files that macOS hides are not collected."""
    for name in ("pretrained/weights.pth", ".venv/bin/python.py", "visualizers/__pycache__/gradcam.pyc",
                 "visualizers/._gradcam.py", "visualization/.gradcam.png", "visualization/notes.txt",
                 "visualization/index.html", "visualization/holiday.png", "tests/test_a.py", "notes.zip",
                 "env/pyvenv.cfg", "env/lib/module.py"):
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text("# no\n")
    assert main([], work) == 0
    assert names_in(work) == sorted([*REQUIRED, *PICTURES, MANIFEST_NAME])


def test_the_manifest_holds_the_sum_of_every_file(work):
    """Each line of MANIFEST.sha256 is what `sha256sum` prints, sorted by path."""
    assert main([], work) == 0
    with zipfile.ZipFile(work / ZIP_NAME) as archive:
        lines = archive.read(MANIFEST_NAME).decode().splitlines()
        expected = [f"{hashlib.sha256(archive.read(name)).hexdigest()}  {name}"
                    for name in sorted(archive.namelist()) if name != MANIFEST_NAME]
    assert lines == expected


def test_the_same_files_give_the_same_zip(work):
    """Times and permissions on disk leave no trace: two zips of the same contents have the same bytes."""
    assert main([], work) == 0
    first = (work / ZIP_NAME).read_bytes()
    for path in work.rglob("*.py"):
        path.chmod(0o755)
        path.touch()
    assert main([], work) == 0
    assert (work / ZIP_NAME).read_bytes() == first


def test_a_changed_file_has_another_time_in_the_zip(work):
    """Unzipped over the one before: Python compiles a file again when its time or its size is another."""
    times = []
    for number in (1, 2):
        write(work / "style_utils.py", f"number = {number}\n")
        assert main([], work) == 0
        handout = io.BytesIO(make_zip({"style_utils.py": (work / "style_utils.py").read_bytes()}))
        for file in (work / ZIP_NAME, handout):
            with zipfile.ZipFile(file) as archive:
                times.append(archive.getinfo("style_utils.py").date_time)
    assert times[0] != times[2] and times[1] != times[3]


def test_in_a_notebook_the_kernels_own_options_are_none(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/somewhere/ipykernel_launcher.py", "-f", "kernel.json"])
    assert not collect_submission.parse_args(None).check


def test_check_only_looks(work, capsys):
    """--check writes nothing, and says that the work is ready."""
    before = sorted(work.rglob("*"))
    assert main(["--check"], work) == 0
    assert sorted(work.rglob("*")) == before
    assert "Ready to collect" in capsys.readouterr().out


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_file_is_named_and_stops_the_zip(work, capsys, name):
    """A missing file would cost the part: it is named, and no zip is written."""
    (work / name).unlink()
    said = collect(work, capsys, 1)
    assert (f"{name} is missing: names and folders must stay as they were handed out, so rename it back or take it "
            "from the handout again.") in said
    assert "1 problem to mend first" in said


# Each of the faults that students make: what is done to a file, and the sentence that is to be read.
STOPPING = {
    "a copy's name": (
        "visualizers/gradcam.py", ("rename", "visualizers/gradcam (1).py"),
        "visualizers/gradcam.py is missing: names and folders must stay as they were handed out, so rename "
        "gradcam (1).py back.",
    ),
    "another case": (
        "style_utils.py", ("rename", "Style_Utils.py"),
        "style_utils.py is missing: names and folders must stay as they were handed out, so rename "
        "Style_Utils.py back.",
    ),
    "a syntax error": (
        "style_utils.py", b"x = 1\ndef f(:\n",
        "style_utils.py, line 2: Python cannot read this file (invalid syntax).",
    ),
    "tabs that break it": (
        "style_utils.py", b"if 1:\n\tx = 1\n        y = 2\n",
        "style_utils.py, line 3: tabs and spaces are mixed so that Python cannot read this file: let your editor turn "
        "tabs into four spaces.",
    ),
    "another encoding": ("style_utils.py", b"x = '\xff'\n", "): save it as UTF-8."),
    "nothing but null bytes": (
        "style_utils.py", b"\0" * 99, "style_utils.py holds nothing but zero bytes: take it from a copy, or from",
    ),
    "null bytes": ("style_utils.py", b"x = 1\0\n", "): save it as UTF-8."),
    "UTF-16": ("style_utils.py", "x = 1\n".encode("utf-16"), "): save it as UTF-8."),
    "nesting that no Python can read": (
        "style_utils.py", b"x = " + b"-" * 100_000 + b"1\n", "style_utils.py: Python cannot read this file (",
    ),
    "a conflict": (
        "gradcam.py", b"x = 1\n<<<<<<< HEAD\ny = 2\n=======\ny = 3\n>>>>>>> other\n",
        "gradcam.py, line 2: a conflict of two versions is not resolved: choose one, and delete the lines that begin "
        "with <<<<<<<.",
    ),
    "a file that is no code": (
        "style_utils.py", b"x = '" + b"x" * 600_000 + b"'\n",
        "style_utils.py has 600 kB and the grader takes at most 524: remove what is no code.",
    ),
}  # fmt: skip
NAMED = {
    "an unsolved part": (
        "visualizers/gradcam.py", "def f():\n    raise NotImplementedError('Part 1.2: guided backprop')\n",
        "visualizers/gradcam.py, line 13: this part is not written yet (Part 1.2: guided backprop).",
    ),
    "an unsolved part without a name": (
        "style_utils.py", "def f():\n    raise NotImplementedError\n",
        "style_utils.py, line 5: this part is not written yet.",
    ),
    "an unsolved part whose last line is a comment": (
        "style_modules/content_loss.py",
        ("all", "class ContentLoss:\n"
                "    def forward(self, content_weight, content_current, content_original):\n        pass\n"),
        "style_modules/content_loss.py, line 2: forward gives nothing: is this part written?",
    ),
    "a method outside of its class": (
        "visualizers/saliency_map.py",
        ("all", "class SaliencyMap:\n    x = 1\n\ndef compute_saliency_maps(self, X, y, model):\n    return 0\n"),
        "visualizers/saliency_map.py: compute_saliency_maps stands outside of its class SaliencyMap: indent it as it",
    ),
    "a class with another name": (
        "visualizers/fooling_image.py", ("replace", "class FoolingImage", "class Fooler"),
        "visualizers/fooling_image.py: make_fooling_image stands in Fooler: call this class FoolingImage again.",
    ),
    "changed arguments": (
        "visualizers/saliency_map.py", ("replace", "self, X, y, model", "self, X, model, y"),
        "visualizers/saliency_map.py: SaliencyMap.compute_saliency_maps takes (self, X, model, y), but was handed out "
        "with (self, X, y, model): put the signature back.",
    ),
    "a further argument": (
        "visualizers/saliency_map.py", ("replace", "self, X, y, model", "self, X, y, model, device, seed=0"),
        "SaliencyMap.compute_saliency_maps takes (self, X, y, model, device, seed=), but was handed out "
        "with (self, X, y, model): put the signature back.",
    ),
    "a further argument by name": (
        "visualizers/saliency_map.py", ("replace", "self, X, y, model", "self, X, y, model, *, seed=0, device"),
        "SaliencyMap.compute_saliency_maps takes (self, X, y, model, *device), but was handed out "
        "with (self, X, y, model): put the signature back.",
    ),
    "a package that is loaded": (
        "visualizers/saliency_map.py", "import sys\ncv2 = sys.modules['cv2']\n", "cv2 is imported, which rule 2 does",
    ),
    "a package by its name": (
        "visualizers/saliency_map.py", "cv2 = __import__('cv2')\n",
        "visualizers/saliency_map.py, line 5: cv2 is imported, which rule 2 does not allow: use",
    ),
    "a changed name": (
        "visualizers/gradcam.py", ("replace", "def grad_cam", "def gradcam"),
        "visualizers/gradcam.py: GradCam.grad_cam is not there: put its name back as it was handed out.",
    ),
    "a changed name in a script": (
        "gradcam.py", ("replace", "def captum_maps", "def maps"),
        "gradcam.py: captum_maps is not there: put its name back as it was handed out.",
    ),
    "another file's text": (
        "visualizers/fooling_image.py", ("all", skeleton("style_modules/content_loss.py")),
        "visualizers/fooling_image.py has ContentLoss.forward, but not FoolingImage.make_fooling_image: is it another "
        "file's text? Take the file from the handout again.",
    ),
    "a further package": (
        "style_utils.py", "import cv2.dnn\n",
        "cv2.dnn is imported, which rule 2 does not allow: use what the handout's files import, "
        "or what comes with Python.",
    ),
    "Captum in a part that asks for one's own code": (
        "visualizers/saliency_map.py", "from captum.attr import Saliency\n",
        "captum.attr is imported, which rule 2 allows in saliency_map.py and gradcam.py alone: write the function "
        "yourself.",
    ),
    "a part of a package": ("gradcam.py", "from skimage import io\n", "gradcam.py, line 10: skimage is imported"),
    "a print": (
        "style_modules/content_loss.py", "def f():\n    print(1)\n",
        "style_modules/content_loss.py, line 6: remove this print: graded functions must not print.",
    ),
    "a pretty print": (
        "style_modules/content_loss.py", "from pprint import pprint\npprint(1)\n",
        "style_modules/content_loss.py, line 6: remove this print: graded functions must not print.",
    ),
    "a print at import": ("gradcam.py", "print('here')\n", "gradcam.py, line 10: remove this print"),
    "letters in another encoding": (
        "style_modules/content_loss.py", "# für mich\n".encode("cp1252"),
        "style_modules/content_loss.py has letters that are not saved as UTF-8, which some Pythons cannot read: save",
    ),
    "a debugger": (
        "style_modules/content_loss.py", "def f():\n    import pdb; pdb.set_trace()\n",
        "style_modules/content_loss.py, line 6: remove this set_trace(): it waits for somebody at the keyboard.",
    ),
    "tabs beside spaces": (
        "style_modules/content_loss.py", "def f():\n\treturn 1\n",
        "style_modules/content_loss.py: some lines begin with tabs, some with spaces: let your editor turn tabs "
        "into four spaces.",
    ),
    "another assignment's folder": (
        "models/two_layer_net.py", "x = 1\n",
        "models/ is not of this assignment and is left out, with models/two_layer_net.py in it: is it another "
        "assignment's?",
    ),
    "another assignment's zip": (
        "assignment_2_submission.zip", "x",
        "assignment_2_submission.zip is another assignment's: do not hand it in by mistake for "
        "assignment_3_submission.zip.",
    ),
    "a file of one's own": (
        "scratch.py", "x = 1\n",
        "scratch.py is not of this assignment and is left out: move what is needed into the given files.",
    ),
}  # fmt: skip


def spoil(path, change):
    if isinstance(change, bytes):
        path.write_bytes((path.read_bytes() if change.startswith(b"#") else b"") + change)
    elif isinstance(change, str):
        write(path, (path.read_text(encoding="utf-8") if path.exists() else "") + change)
    elif change[0] == "rename":
        path.rename(path.parents[change[1].count("/")] / change[1])
    elif change[0] == "replace":
        text = path.read_text(encoding="utf-8")
        assert change[1] in text
        write(path, text.replace(change[1], change[2]))
    else:
        write(path, change[1])


@pytest.mark.parametrize("name, change, sentence", STOPPING.values(), ids=STOPPING)
def test_what_would_cost_everything_stops_the_zip(work, capsys, name, change, sentence):
    spoil(work / name, change)
    said = collect(work, capsys, 1)
    assert sentence in said and f"- {name}" in said
    assert "1 problem to mend first" in said


@pytest.mark.parametrize("name, change, sentence", NAMED.values(), ids=NAMED)
def test_what_costs_a_part_or_a_point_is_named_and_the_rest_is_collected(work, capsys, name, change, sentence):
    spoil(work / name, change)
    draw(work)
    said = collect(work, capsys)
    assert sentence in said
    assert "1 thing to look at above" in said


@pytest.mark.parametrize("argv", [(), ("--check",)])
def test_the_wrong_folder_is_said_in_one_sentence(work, capsys, argv):
    """Put one level too high, it says where the work seems to be; elsewhere it says what to look for."""
    outer = work / "outer"
    inner = outer / "assignment_3"
    for name in REQUIRED:
        write(inner / name, skeleton(name))
    said = collect(outer, capsys, 1, argv)
    assert said.count("- ") == 1
    assert ("is not the assignment's folder, none of its files is here: it seems to be in assignment_3/, and put "
            "collect_submission.py there.") in said
    shutil.rmtree(inner)
    assert "look for the folder that holds visualizers/" in collect(outer, capsys, 1, argv)


@pytest.mark.parametrize("argv", [(), ("--check",)])
def test_an_old_python_is_said_in_one_sentence(work, capsys, monkeypatch, argv):
    """macOS has Python 3.9, which reads this file, but may not read the student's."""
    monkeypatch.setattr(sys, "version_info", (3, 9, 6))
    monkeypatch.setattr(platform, "python_version", lambda: "3.9.6")
    monkeypatch.setattr(collect_submission, "MODULES", ())  # it has no tomllib to read the table with
    said = collect(work, capsys, 1, argv)
    assert said.count("- ") == 1
    assert ("This is Python 3.9.6, and 3.11 or later is needed: try make submission, or the assignment's own Python, "
            ".venv/bin/python collect_submission.py.") in said
    compile((ROOT / "collect_submission.py").read_text(encoding="utf-8"), "", "exec", ast.PyCF_ONLY_AST,
            _feature_version=8)  # fmt: skip


def test_an_error_without_words_is_named(work, capsys, monkeypatch):
    """Python 3.11 has no word on a file that it has too little memory for."""
    monkeypatch.setattr(collect_submission, "ast", Mock(parse=Mock(side_effect=MemoryError)))
    assert "- gradcam.py: Python cannot read this file (MemoryError).\n" in collect(work, capsys, 1)


def test_what_python_warns_of_is_no_fault(work, capsys):
    """Python 3.12 shows it, with neither the file nor the line in it."""
    spoil(work / "gradcam.py", "x = '\\d'\n")
    draw(work)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert "nothing missing" in collect(work, capsys)
    assert not caught


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
@pytest.mark.parametrize("folder", ["visualizers/%s.py", "visualization/gradcam_%s.png"])
def test_a_name_that_no_zip_can_hold_is_named(work, capsys, folder):
    """A name of another encoding, as an old zip or disk brings it."""
    (work / (folder % "caf\udce9")).touch()
    assert f"- {folder % 'caf?'} has letters in its name that no zip can hold: rename it.\n" in collect(work, capsys, 1)


def test_a_folder_of_others_that_may_not_be_read_is_left_out(work, capsys, monkeypatch):
    """Such as a database's, or another user's."""
    (work / "mine").mkdir()
    exists = Path.stat

    def refuse(path, **given):
        if path.parent == work / "mine":
            raise PermissionError(13, "Permission denied", str(path))
        return exists(path, **given)

    monkeypatch.setattr(Path, "stat", refuse)
    assert "nothing missing" in collect(work, capsys)


def test_a_folder_in_the_place_of_a_file_is_named(work, capsys):
    (work / "style_utils.py").unlink()
    (work / "style_utils.py").mkdir()
    assert "style_utils.py is missing: names and folders must stay" in collect(work, capsys, 1)


def test_a_file_that_may_not_be_read_is_named(work, capsys, monkeypatch):
    """On Windows another program may keep a file to itself."""

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert ".py could not be read (Permission denied): may you open it?" in collect(work, capsys, 1)


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"code": {"visualizers/gradcam.py": "0"}}, "was made by another visualizers/gradcam.py: run python "),
        ({"options": {"iterations": 20, "num": 2}}, ".png with iterations 20, num 2: run python "),
        ({"figure": "mine"}, "visualization/fooling_image.png was made as mine.png: run python fooling_image.py with"),
    ],
    ids=["code", "options", "name"],
)
def test_a_figure_that_is_not_the_assignments_is_named(work, capsys, changes, sentence):
    """By what is stored in it, one sentence for each script, whatever its name and its time are."""
    draw(work, **changes)
    said = collect(work, capsys)
    assert sentence in said and f"{len(SCRIPTS)} things to look at above" in said


@pytest.mark.parametrize("changes", [{"options": ["a"]}, {"options": None}, {"code": 1}, {"code": ["style_utils.py"]}])
def test_a_figure_with_facts_of_another_kind_says_nothing(work, capsys, changes):
    """They were written by hand."""
    draw(work, **changes)
    said = collect(work, capsys)
    assert "gradcam.png does not say how it was made" in said and f"{len(SCRIPTS)} things to look at above" in said


def test_facts_that_are_nested_too_deeply_say_nothing(tmp_path):
    (tmp_path / "deep.png").write_bytes(b"size" + b"tEXtMade\0" + b"[" * 100_000 + collect_submission.END)
    assert collect_submission.read_made(tmp_path / "deep.png") == {}


def test_a_module_of_gigabytes_is_named_and_not_read(work, capsys):
    """A sparse file: nobody has so much memory."""
    os.truncate(work / "style_utils.py", 2**40)
    assert "style_utils.py has 1099511628 kB and the grader takes at most 524" in collect(work, capsys, 1)


def test_check_says_what_the_report_has(work, capsys, monkeypatch):
    """By report.py, where python-pptx is; what cannot be looked into is said, and so is a report that is not there."""
    code = "import sys\nassert sys.argv[1:] == ['--check']\nprint('- slide 3, A: not answered yet')\n"
    write(work / "report.py", code)
    assert "- report-a3.pptx is not there yet: run python report.py.\n" in look(work, capsys)
    write(work / "report-a3.pptx", "slides")
    assert "- report-a3.pptx, slide 3, A: not answered yet\n" in look(work, capsys)
    write(work / "report.py", "raise SystemExit('expected a presentation in report-a3.pptx, got text')")
    assert "- report-a3.pptx, expected a presentation in report-a3.pptx, got text\n" in look(work, capsys)
    monkeypatch.setattr(collect_submission.importlib.util, "find_spec", lambda name: None)
    words = "is not looked into without the package python-pptx: run python environment/complete.py."
    assert words in look(work, capsys)


def look(work, capsys):
    capsys.readouterr()
    assert main(["--check"], work) == 0
    said = capsys.readouterr().out
    assert "nothing missing" in said
    return said


@pytest.mark.parametrize("half", [False, True], ids=["from elsewhere", "half"])
def test_a_figure_that_says_nothing_is_named(work, capsys, half):
    figure = work / "visualization/gradcam.png"
    figure.write_bytes(figure.read_bytes()[:-1] if half else b"a picture from elsewhere")
    said = collect(work, capsys)
    assert "visualization/gradcam.png does not say how it was made: run python gradcam.py again." in said
    assert "1 thing to look at above" in said


def test_prints_of_the_scripts_are_theirs(work, capsys):
    """A script prints what it found, within its functions; that is how it was handed out."""
    spoil(work / "fooling_image.py", "def main():\n    print('3 steps')\n")
    draw(work)
    assert "nothing missing" in collect(work, capsys)


def test_not_implemented_error_in_other_words_is_no_unsolved_part(work, capsys):
    """Only a `raise` counts: a comment, a text or an `except` that says NotImplementedError is fine."""
    spoil(
        work / "style_utils.py",
        "# NotImplementedError\n"
        "try:\n    x = 'NotImplementedError'\nexcept NotImplementedError:\n    raise\n",
    )
    draw(work)
    assert "nothing missing" in collect(work, capsys)


@pytest.mark.parametrize(
    ("name", "script"), [(names.split(" | ")[0], script) for script, made in REPORT_FIGURES.items() for names in made]
)
def test_a_missing_figure_is_named_with_the_script_that_makes_it(work, capsys, name, script):
    """Without a picture that the report shows the zip is written, and the command that makes it is said."""
    (work / f"visualization/{name}.png").unlink()
    assert main([], work) == 0
    assert f"has no {name}.png: run python {script} (make" in capsys.readouterr().out


def test_a_figure_of_a_painting_of_ours_counts_as_well(work, capsys):
    (work / "visualization/style_transfer_starry_night.png").unlink()
    draw(work, names=["visualization/style_transfer_flow.png"])
    assert "nothing missing" in collect(work, capsys)


def test_no_figures_at_all(work, capsys):
    """Without the folder visualization/ each of the five scripts is named."""
    shutil.rmtree(work / "visualization")
    assert main([], work) == 0
    assert capsys.readouterr().out.count("visualization/ has no ") == len(SCRIPTS)


def test_the_figures_are_those_of_the_reports_template():
    """Figures that are missing here are missing there, but for the figures that each student chooses."""
    slides = Presentation(str(Path(collect_submission.__file__).with_name(report.TEMPLATE))).slides
    frames = [shape.name for slide in slides for shape in slide.shapes if shape.name.startswith(report.FRAME)]
    asked = {frozenset(frame.removeprefix(report.FRAME).split(" | ")) for frame in frames if "*" not in frame}
    assert asked == {frozenset(names.split(" | ")) for made in REPORT_FIGURES.values() for names in made}


def test_a_zip_over_the_limit_is_not_written(work, capsys, monkeypatch):
    """The zip is a little larger than the files in it: that counts, too, and no half one is left."""
    total = sum((work / name).stat().st_size for name in (*REQUIRED, *PICTURES))
    monkeypatch.setattr(collect_submission, "MAX_BYTES", total)
    said = collect(work, capsys, 1)
    assert f"{ZIP_NAME} could not be written: it has " in said and f"at most {total} are accepted" in said
    assert not list(work.glob("*.part"))


def test_too_large_is_refused_with_the_largest_files(work, capsys, monkeypatch):
    """Above the limit nothing is written, and the largest files are named."""
    monkeypatch.setattr(collect_submission, "MAX_BYTES", 3_000_000)
    (work / "visualization/gradcam_huge.png").write_bytes(bytes(5_000_000))
    assert main([], work) == 1
    said = capsys.readouterr().out
    assert "at most 3 MB are accepted" in said and "visualization/gradcam_huge.png (5 MB)" in said
    assert not (work / ZIP_NAME).exists()


def test_a_failing_write_leaves_the_old_zip_and_no_half_one(work, capsys, monkeypatch):
    """A full disk: the sentence says so, the old zip stays and no part of a new one is left."""
    assert main([], work) == 0
    before = (work / ZIP_NAME).read_bytes()

    def full(*args):
        raise OSError("No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
    spoil(work / "style_utils.py", "x = 1\n")
    assert main([], work) == 1
    assert "could not be written: No space left on device." in capsys.readouterr().out
    assert (work / ZIP_NAME).read_bytes() == before
    assert not list(work.glob("*.part"))


@pytest.mark.parametrize("table", ["", "[parts", "[parts]\nsaliency = 3\n"])
def test_a_table_that_is_missing_or_broken_is_said_in_one_sentence(work, table):
    """Without assignment.toml nothing is known of what to hand in."""
    script = shutil.copy(ROOT / "collect_submission.py", work)
    if table:
        write(work / "assignment.toml", table)
    run = subprocess.run([sys.executable, "-I", "-S", script], capture_output=True, text=True, timeout=60)
    assert run.returncode == 1 and run.stderr == ""
    assert run.stdout.startswith("- assignment.toml cannot be read: take it from the handout again.\n")


def test_it_runs_with_python_alone_from_any_folder(work, tmp_path_factory):
    """Run without any package and from another folder, it collects the folder that it lies in, by the table there."""
    shutil.copy(ROOT / "assignment.toml", work)
    script = shutil.copy(ROOT / "collect_submission.py", work)
    run = subprocess.run([sys.executable, "-I", "-S", script], cwd=tmp_path_factory.mktemp("elsewhere"),
                         capture_output=True, text=True, timeout=60)
    assert run.returncode == 0 and run.stderr == "", run.stderr
    assert (work / ZIP_NAME).exists() and "collect_submission.py" not in names_in(work)


def test_a_terminal_that_cannot_say_a_letter_gets_its_number(work, tmp_path_factory):
    """A folder's name may have letters that a terminal of Windows, or one without a language, does not know."""
    root = work.rename(tmp_path_factory.mktemp("in") / "Übung 😀")
    for name in ("assignment.toml", "collect_submission.py"):
        shutil.copy(ROOT / name, root)
    run = subprocess.run([sys.executable, "-S", root / "collect_submission.py"], capture_output=True, text=True,
                         env={"PYTHONIOENCODING": "ascii"}, timeout=60)  # fmt: skip
    assert run.returncode == 0 and run.stderr == "" and "xdcbung \\U0001f600" in run.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_an_output_that_takes_no_more_is_told_in_one_line():
    """A full disk, or a pipe that is closed: no word of Python's about it at its end."""
    with open("/dev/full", "w") as full:
        run = subprocess.run([sys.executable, "-S", ROOT / "collect_submission.py", "--check"], stdout=full,
                             stderr=subprocess.PIPE, text=True, timeout=60)  # fmt: skip
    assert run.returncode == 1 and run.stderr == "What is found could not be told (No space left on device).\n"


def test_ctrl_c_is_one_line_and_status_130(monkeypatch, capsys):
    monkeypatch.setattr(collect_submission, "main", Mock(side_effect=KeyboardInterrupt))
    assert collect_submission.run() == 130 and capsys.readouterr().err == "\ninterrupted\n"


def test_this_repository_passes_its_own_check():
    """The folder that this test lies in has all the files to hand in, and Python can read them."""
    assert main(["--check"], ROOT) == 0
