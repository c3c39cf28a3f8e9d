"""What is taken in, and what is refused in one sentence."""

import hashlib
import os
import stat
import zipfile

import pytest

from staff.grader.intake import MAX_FILE, STUDENT_FILES, IntakeError, take_in


def zipped(tmp_path, entries):
    path = tmp_path / "submission.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize("above", ["", "one/", "one/two/"])
def test_the_project_is_found_in_a_zip(tmp_path, above):
    path = zipped(tmp_path, [(above + name, name) for name in STUDENT_FILES] + [("__MACOSX/._style_utils.py", "x")])
    submission = take_in(path)
    assert submission.files == {name: name.encode() for name in STUDENT_FILES}
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
        take_in(zipped(tmp_path, [("style_utils.py", "x"), (name, "x")]))


def test_a_link_in_a_zip_is_not_taken(tmp_path):
    link = zipfile.ZipInfo("style_utils.py")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    submission = take_in(zipped(tmp_path, [(link, "/etc/passwd"), ("gradcam.py", "x")]))
    assert "style_utils.py" in submission.missing


def test_a_bomb_is_not_unpacked(tmp_path):
    submission = take_in(zipped(tmp_path, [("style_utils.py", b"0" * (64 << 20)), ("gradcam.py", "x")]))
    assert submission.files == {"gradcam.py": b"x"}
    assert f"{MAX_FILE >> 10} kB" in "".join(submission.notes)


def test_absurd_counts_are_refused(tmp_path):
    with pytest.raises(IntakeError, match="at most 20000 files"):
        take_in(zipped(tmp_path, [(f"{i}.txt", "") for i in range(20_001)]))


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7", b"PK\x03\x04" + b"\0" * 50])
def test_what_is_no_zip_is_refused(tmp_path, data):
    path = tmp_path / "submission.zip"
    path.write_bytes(data)
    with pytest.raises(IntakeError, match="expected"):
        take_in(path)


def test_a_folder_without_the_project_is_refused(tmp_path):
    with pytest.raises(IntakeError, match="found none of them"):
        take_in(tmp_path)


def test_files_that_were_changed_after_they_were_collected_are_noted(tmp_path):
    """By the sums that collect_submission.py has put into the zip; they are graded all the same."""
    files = {name: name.encode() for name in STUDENT_FILES}
    manifest = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items())
    whole = take_in(zipped(tmp_path, [*files.items(), ("MANIFEST.sha256", manifest)]))
    assert whole.notes == []
    files["style_utils.py"] = b"changed"
    changed = take_in(zipped(tmp_path, [*files.items(), ("MANIFEST.sha256", manifest)]))
    assert changed.notes == ["Changed after they were collected: style_utils.py."]
    assert changed.files["style_utils.py"] == b"changed"
