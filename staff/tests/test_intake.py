"""Submissions that are taken in, and what is refused in one sentence."""

import hashlib
import io
import os
import stat
import zipfile

import pytest

from autograder import intake
from autograder.assignment import read
from autograder.intake import IntakeError, accept, take_in


def pack(entries):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return file.getvalue()


def make_zip(tmp_path, entries):
    path = tmp_path / "submission.zip"
    path.write_bytes(pack(entries))
    return path


@pytest.mark.parametrize("above", ["", "one/", "one/two/"])
def test_the_project_is_found_in_a_zip(tmp_path, above):
    path = make_zip(tmp_path, [(above + name, name) for name in read().files] + [("__MACOSX/._style_utils.py", "x")])
    submission = take_in(path)
    assert submission.files == {name: name.encode() for name in read().files}
    assert submission.missing == []


def test_the_project_is_found_in_a_folder_and_links_are_not_followed(tmp_path):
    project = tmp_path / "home" / "a3"
    (project / "style_modules").mkdir(parents=True)
    (project / "style_utils.py").write_text("x")
    (tmp_path / "secret").write_text("secret")
    os.symlink(tmp_path / "secret", project / "gradcam.py")
    os.mkfifo(project / "saliency_map.py")
    submission = take_in(tmp_path / "home")
    assert submission.files == {"style_utils.py": b"x"}
    assert "gradcam.py" in submission.missing


@pytest.mark.parametrize("name", ["../style_utils.py", "/etc/passwd", "a/../../style_utils.py", "..\\style_utils.py"])
def test_names_that_lead_out_are_refused(tmp_path, name):
    with pytest.raises(IntakeError, match="leads out"):
        take_in(make_zip(tmp_path, [("style_utils.py", "x"), (name, "x")]))


def test_a_link_in_a_zip_is_not_taken(tmp_path):
    link = zipfile.ZipInfo("style_utils.py")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    submission = take_in(make_zip(tmp_path, [(link, "/etc/passwd"), ("gradcam.py", "x")]))
    assert "style_utils.py" in submission.missing


def test_a_bomb_is_not_unpacked(tmp_path):
    submission = take_in(make_zip(tmp_path, [("style_utils.py", b"0" * (64 << 20)), ("gradcam.py", "x")]))
    assert submission.files == {"gradcam.py": b"x"}
    assert f"{read().most_bytes >> 10} kB" in "".join(submission.notes)


def test_absurd_counts_are_refused(tmp_path):
    with pytest.raises(IntakeError, match="at most 20000 files"):
        take_in(make_zip(tmp_path, [(f"{i}.txt", "") for i in range(20_001)]))


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7", b"PK\x03\x04" + b"\0" * 50])
def test_what_is_no_zip_is_refused(tmp_path, data):
    path = tmp_path / "submission.zip"
    path.write_bytes(data)
    with pytest.raises(IntakeError, match="expected"):
        take_in(path)


@pytest.mark.parametrize("name", ["essay.docx", "broken.zip", "style_utils.py"])
def test_what_could_not_be_read_says_so(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "essay.docx", "w") as archive:
        archive.writestr("word/document.xml", "<w/>")
    (tmp_path / "broken.zip").write_bytes((tmp_path / "essay.docx").read_bytes()[:-30])
    (tmp_path / "style_utils.py").write_text("x")
    assert accept(tmp_path / name).unreadable.startswith("expected")


def test_what_is_empty_was_read(tmp_path):
    taken = accept(make_zip(tmp_path, []))
    assert taken.unreadable == "" and "found none" in taken.notes[0]


@pytest.mark.parametrize("kind", ["zip", "folder"])
def test_a_zip_in_what_was_handed_in_is_opened_once(tmp_path, kind):
    once, twice = pack([("a3/style_utils.py", "x")]), pack([("a3.zip", pack([("style_utils.py", "x")]))])
    for data, files in ((once, {"style_utils.py": b"x"}), (twice, {})):
        path = make_zip(tmp_path, [("mine/a3.zip", data), ("mine/report.pdf", "x")])
        if kind == "folder":
            path = tmp_path / "folder"
            path.mkdir(exist_ok=True)
            (path / "a3.zip").write_bytes(data)
        taken = accept(path)
        assert taken.files == files and bool(taken.unreadable) == (not files)


def test_a_zip_in_a_zip_keeps_all_limits(tmp_path, monkeypatch):
    monkeypatch.setattr(intake, "MAX_INNER", 1000)
    large, out = pack([("style_utils.py", os.urandom(2000))]), pack([("../style_utils.py", "")])
    assert "of at most 0 MB in it" in accept(make_zip(tmp_path, [("a.zip", large)])).unreadable
    monkeypatch.undo()
    assert "leads out" in accept(make_zip(tmp_path, [("a.zip", out)])).unreadable
    monkeypatch.setattr(intake, "MAX_DIRECTORY", 400)
    many = pack([(f"{i}.txt", "") for i in range(10)])
    assert "at most 20000 files" in accept(make_zip(tmp_path, [("a.zip", many)])).unreadable


@pytest.mark.parametrize("names", [1, 100])
def test_a_small_zip_of_the_large_format_is_opened_and_its_directory_is_bounded(tmp_path, monkeypatch, names):
    """Some programs write ZIP64 whatever the size: where a zip is streamed, for one."""
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 0)
    path = make_zip(tmp_path, [("style_utils.py", "x"), *((f"{i}.txt", "") for i in range(names))])
    assert b"PK\6\7" in path.read_bytes()
    monkeypatch.undo()
    monkeypatch.setattr(intake, "MAX_DIRECTORY", 1000)
    taken = accept(path)
    assert taken.files == ({"style_utils.py": b"x"} if names == 1 else {})
    assert ("at most 20000 files" in taken.unreadable) == (names > 1)


def test_single_files_find_their_folders(tmp_path):
    """Canvas adds marks to their names; a module and a script of one name are told apart by the module's class."""
    texts = {"x_1_2_fooling_image.py": "class Twins: pass", "x_1_3_fooling_image-1.py": "class FoolingImage: pass",
             "x_LATE_1_4_style_utils-2.py": "x", "x_1_5_content_loss.py": "x", "x_1_6_other.py": "x"}  # fmt: skip
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    paths = [tmp_path / name for name in texts]
    files = accept(paths[0], paths).files
    found = {"fooling_image.py", "visualizers/fooling_image.py", "style_utils.py", "style_modules/content_loss.py"}
    assert set(files) == found
    assert files["fooling_image.py"] == b"class Twins: pass"
    assert "got two that may be style_utils.py" in accept(paths[2], [paths[2], paths[2]]).unreadable


def test_files_that_were_changed_after_they_were_collected_are_noted(tmp_path):
    """By the sums that collect_submission.py has put into the zip; they are graded all the same."""
    files = {name: name.encode() for name in read().files}
    manifest = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items())
    whole = take_in(make_zip(tmp_path, [*files.items(), ("MANIFEST.sha256", manifest)]))
    assert whole.notes == []
    files["style_utils.py"] = b"changed"
    changed = take_in(make_zip(tmp_path, [*files.items(), ("MANIFEST.sha256", manifest)]))
    assert changed.notes == ["Changed after they were collected: style_utils.py."]
    assert changed.files["style_utils.py"] == b"changed"


def test_what_is_not_saved_as_utf_8_is_noted(tmp_path):
    """Some editors save UTF-16, which Python cannot read."""
    taken = take_in(make_zip(tmp_path, [("style_utils.py", "x = 1\n".encode("utf-16")), ("gradcam.py", "x = 'ä'\n")]))
    words = "Not saved as UTF-8, which Python may not be able to read: style_utils.py. Save it as UTF-8."
    assert taken.notes[0] == words
