"""Attacks by what is handed in: zips and folders. Each function fills `place` and returns what to grade."""

import os
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

from autograder.files import fill

LOSS = "style_modules/content_loss.py"

Files = dict[str, bytes]  # an honest stub's


def _zip(place: Path, files: Files) -> Path:
    path = place / "submission.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def _folder(place: Path, files: Files) -> Path:
    fill(place / "submission", files)
    return place / "submission"


CLAIM = b"""
import os
for name in ("results.json", "/autograder/results/results.json"):
    try:
        open(name, "w").write('{"score": 100}')
    except OSError:
        pass
os._exit(0)
"""


def names_that_lead_out(place: Path, files: Files) -> Path:
    outside = {f"../{'../' * i}tmp/{place.name}-out": b"out" for i in range(6)}
    return _zip(place, files | outside | {f"/tmp/{place.name}-absolute": b"out", "..\\..\\windows.txt": b"out"})


def a_link_to_everything(place: Path, files: Files) -> Path:
    path = _zip(place, {name: data for name, data in files.items() if "content_loss" not in name})
    with zipfile.ZipFile(path, "a") as archive:
        for name, target in {LOSS: "/etc/passwd", "root": "/", "tests": "../../tests"}.items():
            entry = zipfile.ZipInfo(name)
            entry.create_system, entry.external_attr = 3, 0o120777 << 16
            archive.writestr(entry, target)
    return path


def links_in_a_folder(place: Path, files: Files) -> Path:
    folder = _folder(place, files)
    for name, target in {"loop": ".", "root": "/", "up": "..", "tests": "/etc"}.items():
        (folder / name).symlink_to(target)
    (folder / LOSS).unlink()
    (folder / LOSS).symlink_to("/etc/shadow")
    (folder / "style_modules/style_loss.py").unlink()
    os.mkfifo(folder / "style_modules/style_loss.py")  # a read of it never ends
    return folder


def a_bomb(place: Path, files: Files) -> Path:
    """A gigabyte of zeros in one file of code."""
    path = _zip(place, {name: data for name, data in files.items() if "style_loss" not in name})
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("style_modules/style_loss.py", "w") as f,
    ):
        for _ in range(1024):
            f.write(bytes(1 << 20))
    return path


def a_lie_about_sizes(place: Path, files: Files) -> Path:
    """The directory says 10 bytes, where there are 100 MB."""
    path = _zip(place, files | {"style_utils.py": b"#" * (100 << 20)})
    data = bytearray(path.read_bytes())
    where = data.rfind(b"style_utils.py") - 46  # its entry in the directory
    data[where + 24 : where + 28] = struct.pack("<I", 10)
    path.write_bytes(data)
    return path


def very_many_files(place: Path, files: Files) -> Path:
    return _zip(place, files | {f"many/{i}": b"" for i in range(60_000)})


def a_directory_of_a_million_names(place: Path, files: Files) -> Path:
    """70 MB that zipfile makes 700 MB of."""
    path = _zip(place, files)
    data = path.read_bytes()
    start, end = data.index(b"PK\x01\x02"), data.rindex(b"PK\x05\x06")
    size = struct.unpack("<H", data[start + 28 : start + 30])[0] + 46
    directory = data[start : start + size] * 1_000_000
    tail = bytearray(data[end:])
    tail[12:16] = struct.pack("<I", len(directory))
    path.write_bytes(data[:start] + directory + tail)
    return path


def a_file_twice(place: Path, files: Files) -> Path:
    path = _zip(place, files)
    with zipfile.ZipFile(path, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr(LOSS, CLAIM)
    return path


def names_that_are_no_text(place: Path, files: Files) -> Path:
    path = _zip(place, files | {"caf\u00e9_XXXX.py": b"", "\u202egnp.exe": b"", "a\nb\x1b[2J<b>.py": b""})
    path.write_bytes(path.read_bytes().replace(b"XXXX", b"\xff\xfe\x00\x80"))
    return path


def names_that_are_no_text_in_a_folder(place: Path, files: Files) -> Path:
    folder = _folder(place, files)
    for name in (b"caf\xff\xfe.py", b"a\nb.py", b"<script>.py", b"-rf", b"x" * 255):
        (Path(os.fsdecode(os.fsencode(folder) + b"/" + name))).write_bytes(b"")
    return folder


def a_zip_that_is_cut(place: Path, files: Files) -> Path:
    path = _zip(place, files)
    path.write_bytes(path.read_bytes()[:-30])
    return path


def a_zip_with_a_password(place: Path, files: Files) -> Path:
    path = _zip(place, files)
    data = bytearray(path.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = -1
        while (start := data.find(magic, start + 1)) >= 0:
            data[start + offset] |= 1
    path.write_bytes(data)
    return path


def a_zip_in_a_zip(place: Path, files: Files) -> Path:
    inner = _zip(place, files).read_bytes()
    return _zip(place, {"submission.zip": inner})


def nothing_at_all(place: Path, files: Files) -> Path:
    return _zip(place, {})


def an_empty_file(place: Path, files: Files) -> Path:
    (place / "submission.zip").write_bytes(b"")
    return place / "submission.zip"


def a_pdf(place: Path, files: Files) -> Path:
    (place / "submission.zip").write_bytes(b"%PDF-1.7\n" + os.urandom(100_000))
    return place / "submission.zip"


def a_home_folder(place: Path, files: Files) -> Path:
    """Keys, caches and a thousand folders, and the assignment somewhere below."""
    others = {f"Library/Caches/{i}/{j}.bin": b"x" * 100 for i in range(300) for j in range(10)}
    secret = {".ssh/id_ed25519": b"secret", ".bash_history": b"history", ".aws/credentials": b"secret"}
    return _folder(place, others | secret | {f"courses/a3/{name}": data for name, data in files.items()})


def files_that_shadow_packages(place: Path, files: Files) -> Path:
    names = ("torch.py", "numpy.py", "pytest.py", "json.py", "sitecustomize.py", "usercustomize.py", "conftest.py",
             "tests/conftest.py", "tests/__init__.py", "tests/compare.py", "tests/probes/__init__.py",
             "tests/networks.py", "staff/__init__.py", "autograder/grade.py", "pretrained/__init__.py",
             "visualizers/__init__.py", "visualizers/network.py", "visualizers/hints.py", "style_modules/__init__.py",
             "image_utils.py", "evil.pth")  # fmt: skip
    return _folder(place, files | dict.fromkeys(names, CLAIM))


def settings_of_the_grader(place: Path, files: Files) -> Path:
    table = b"[limits]\ndeadline = 1e9\n[parts]\nsaliency = {number='1', title='x', points=1000}\n[rules]\n"
    pytest_ini = b"[pytest]\naddopts = --collect-only\n"
    settings = {"assignment.toml": table, "pytest.ini": pytest_ini, "tox.ini": pytest_ini}
    settings |= {"results.json": b'{"score": 100}', "submission_metadata.json": b'{"id": {"a": [1e999]}}'}
    return _folder(place, files | settings | {"MANIFEST.sha256": b"\xff\x00" * 5000})


def metadata_beside_it(place: Path, files: Files) -> Path:
    (place / "submission_metadata.json").write_bytes(b'{"id": ' + b"[" * 50_000)
    return _folder(place, files)


def a_megabyte_of_code(place: Path, files: Files) -> Path:
    return _folder(place, files | {"style_utils.py": b"x = 1\n" * 200_000})


ARCHIVES: dict[str, Callable[[Path, Files], Path]] = {
    function.__name__.replace("_", " "): function
    for function in list(globals().values())
    if callable(function) and getattr(function, "__module__", "") == __name__ and not function.__name__.startswith("_")
}
