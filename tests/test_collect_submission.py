"""collect_submission.py: what goes into the zip, what is said about the rest, nothing half done is left."""

import hashlib
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import collect_submission
from collect_submission import MANIFEST_NAME, REQUIRED, SCRIPTS, ZIP_NAME, main

ROOT = Path(__file__).resolve().parent.parent
PICTURES = tuple(f"visualization/{name.removesuffix('.py')}.png" for name in SCRIPTS)


@pytest.fixture
def work(tmp_path):
    """A folder like a student's who has solved everything: small files under the right names."""
    for name in (*REQUIRED, *PICTURES, "visualization/index.html"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"# {name}\n")
    return tmp_path


def names_in(folder):
    with zipfile.ZipFile(folder / ZIP_NAME) as archive:
        assert archive.testzip() is None
        return sorted(archive.namelist())


def test_a_complete_work_is_zipped_with_its_folders(work, capsys):
    """Code, figures and the manifest are in the zip under the paths that they have on disk."""
    assert main([], work) == 0
    assert names_in(work) == sorted([*REQUIRED, *PICTURES, "visualization/index.html", MANIFEST_NAME])
    said = capsys.readouterr().out
    assert "nothing missing" in said and str(work / ZIP_NAME) in said


def test_modules_of_your_own_come_along(work):
    """A further module in visualizers/ or style_modules/ and pictures in any ending are collected too."""
    extra = ["visualizers/my_helper.py", "style_modules/mine.py",
             "visualization/mine.JPG", "visualization/a/b.jpeg"]
    for name in extra:
        (work / name).parent.mkdir(exist_ok=True)
        (work / name).write_text("# mine\n")
    assert main([], work) == 0
    assert set(extra) <= set(names_in(work))


def test_data_caches_and_hidden_files_stay_out(work):
    """Weights, caches, environments, other zips and the files that macOS hides are not collected."""
    for name in ("pretrained/weights.pth", ".venv/bin/python.py", "visualizers/__pycache__/gradcam.pyc",
                 "visualizers/._gradcam.py", "visualization/.hidden.png", "visualization/notes.txt",
                 "tests/test_a.py", "notes.zip"):
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text("# no\n")
    assert main([], work) == 0
    assert names_in(work) == sorted([*REQUIRED, *PICTURES, "visualization/index.html", MANIFEST_NAME])


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


def test_check_only_looks(work, capsys):
    """--check writes nothing, and says that the work is ready."""
    before = sorted(work.rglob("*"))
    assert main(["--check"], work) == 0
    assert sorted(work.rglob("*")) == before
    assert "Ready to collect" in capsys.readouterr().out


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_file_is_named_and_stops_the_zip(work, capsys, name):
    """A missing or renamed file would cost the part: it is named, and no zip is written."""
    (work / name).rename(work / "other.py")
    assert main([], work) == 1
    said = capsys.readouterr().out
    assert f"{name} is missing: names and folders must stay" in said and "1 problem to mend first" in said
    assert not (work / ZIP_NAME).exists()


@pytest.mark.parametrize("text", [b"def f(:\n", b"\tx = 1\n        y = 2\n", b"x = '\xff'\n", b"x = 1\0\n"])
def test_a_file_that_python_cannot_read_stops_the_zip(work, capsys, text):
    """A syntax error, mixed indentation, a wrong encoding and null bytes are said with the file."""
    (work / "style_utils.py").write_bytes(text)
    assert main([], work) == 1
    said = capsys.readouterr().out
    assert "- style_utils.py" in said and "Python cannot read this file" in said and "Traceback" not in said


def test_an_unsolved_part_is_named_and_the_rest_is_collected(work, capsys):
    """What is not solved is named by file, line and part; half a solution is collected all the same."""
    (work / "visualizers/gradcam.py").write_text('def f(x):\n    raise NotImplementedError("Part 1.2: x")\n')
    (work / "style_utils.py").write_text("def f():\n    raise NotImplementedError\n")
    assert main([], work) == 0
    said = capsys.readouterr().out
    assert "visualizers/gradcam.py, line 2: NotImplementedError is still there (Part 1.2: x)." in said
    assert "style_utils.py, line 2: NotImplementedError is still there (a part is not solved yet)." in said
    assert "2 things to look at above" in said and (work / ZIP_NAME).exists()


def test_not_implemented_error_in_other_words_is_no_unsolved_part(work, capsys):
    """Only a `raise` counts: a comment, a text or an `except` that says NotImplementedError is fine."""
    (work / "style_utils.py").write_text(
        "# NotImplementedError\n"
        "try:\n    x = 'NotImplementedError'\nexcept NotImplementedError:\n    raise\n")
    assert main([], work) == 0
    assert "nothing missing" in capsys.readouterr().out


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_missing_figure_is_named_with_the_script_that_makes_it(work, capsys, script):
    """Without a picture of a root script the zip is written, and the command that makes it is said."""
    (work / f"visualization/{script.removesuffix('.py')}.png").unlink()
    assert main([], work) == 0
    assert f"has no picture from {script}: run python {script}" in capsys.readouterr().out


def test_no_figures_at_all(work, capsys):
    """Without the folder visualization/ each of the five scripts is named."""
    shutil.rmtree(work / "visualization")
    assert main([], work) == 0
    assert capsys.readouterr().out.count("has no picture from") == len(SCRIPTS)


def test_too_large_is_refused_with_the_largest_files(work, capsys, monkeypatch):
    """Above the limit nothing is written, and the largest files are named."""
    monkeypatch.setattr(collect_submission, "MAX_BYTES", 3_000_000)
    (work / "visualization/huge.png").write_bytes(bytes(5_000_000))
    assert main([], work) == 1
    said = capsys.readouterr().out
    assert "at most 3 MB are accepted" in said and "visualization/huge.png (5 MB)" in said
    assert not (work / ZIP_NAME).exists()


def test_a_failing_write_leaves_the_old_zip_and_no_half_one(work, capsys, monkeypatch):
    """When the disk is full, the sentence says so, the old zip stays and no part of a new one is left."""
    assert main([], work) == 0
    before = (work / ZIP_NAME).read_bytes()

    def full(*args):
        raise OSError("No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
    (work / "style_utils.py").write_text("x = 1\n")
    assert main([], work) == 1
    assert "could not be written: No space left on device." in capsys.readouterr().out
    assert (work / ZIP_NAME).read_bytes() == before
    assert not list(work.glob("*.part"))


def test_it_runs_with_python_alone_from_any_folder(work, tmp_path_factory):
    """Run without any package and from another folder, it collects the folder that it lies in."""
    script = shutil.copy(ROOT / "collect_submission.py", work)
    run = subprocess.run([sys.executable, "-I", "-S", script], cwd=tmp_path_factory.mktemp("elsewhere"),
                         capture_output=True, text=True, timeout=60)
    assert run.returncode == 0 and run.stderr == "", run.stderr
    assert (work / ZIP_NAME).exists() and "collect_submission.py" not in names_in(work)


def test_this_repository_passes_its_own_check():
    """The folder that this test lies in has all the files to hand in, and Python can read them."""
    assert main(["--check"], ROOT) == 0
