"""Downloads: pinned, whole, or nothing."""

import socket
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

import pretrained
from pretrained import SourceError, course_file, downloads
from pretrained.addresses import FILES, IMAGES, WEIGHTS
from tests.pretrained.world import CLASSIC_PICTURES, assert_one_sentence, files_below


def test_the_largest_answer_is_well_above_the_largest_file():
    """The limit that stops an endless answer does not stop any of ours (at most 5 MB)."""
    assert min(file.most_bytes for file in FILES.values()) > 2 * 5e6


MISBEHAVIOUR = {
    "missing": (404, "status 404 from 127.0.0.1"),
    "broken server": (500, "status 500 from 127.0.0.1"),
    "hanging": ("hang", "no answer from 127.0.0.1:[0-9]+ within 0.4 seconds"),
    "dripping": ("drip", "no answer from 127.0.0.1:[0-9]+ within 0.4 seconds"),
    "truncated": ("truncated", "a broken answer from 127.0.0.1"),
    "endless": ("endless", "an endless answer from 127.0.0.1"),
    "empty": (b"", "a file with another SHA-256 from 127.0.0.1"),
    "log-in page": (b"<html>Please log in</html>", "a file with another SHA-256 from 127.0.0.1"),
}


@pytest.mark.parametrize("name", ["tubingen.jpg", WEIGHTS])
@pytest.mark.parametrize("how", [*MISBEHAVIOUR, "tampered"])
def test_a_bad_server_leaves_nothing_behind(classic, goods, monkeypatch, tmp_path, name, how):
    """Missing, slow, truncated, endless or tampered: one sentence, and no file that a later run trusts."""
    monkeypatch.setitem(FILES, name, replace(FILES[name], most_bytes=2**23))
    if how in ("hanging", "dripping"):  # elsewhere a busy machine may take its time
        monkeypatch.setattr(downloads, "PATIENCE", 0.4)
    tampered = goods[name][:-1] + bytes([goods[name][-1] ^ 1])
    page, words = MISBEHAVIOUR.get(how) or (tampered, "a file with another SHA-256")
    classic.pages[f"/{name}"] = page
    started = time.monotonic()
    with pytest.raises(SourceError, match=words) as error:
        course_file(name)
    assert time.monotonic() - started < 5, "waited much longer than PATIENCE"
    assert_one_sentence(error.value)
    assert not files_below(tmp_path)

    monkeypatch.setattr(downloads, "PATIENCE", 5)
    downloads._unreachable.clear()
    classic.pages[f"/{name}"] = goods[name]
    assert course_file(name).read_bytes() == goods[name], "the next try, with a good server, must work"


def test_a_refused_connection(offline, tmp_path):
    """No server at the address."""
    with pytest.raises(SourceError, match=r"got no connection to 127.0.0.1.+connect and run") as error:
        course_file(IMAGES)
    assert_one_sentence(error.value)
    assert not files_below(tmp_path)


def test_a_name_that_cannot_be_looked_up(monkeypatch):
    """On a machine without a network the look-up fails at once: so do we."""
    with pytest.raises(SourceError, match=r"no connection to cs231n.stanford.edu: connect"):
        course_file(IMAGES)


def test_a_look_up_that_hangs(monkeypatch):
    """Where even the look-up of a name hangs, auto has the original weights after PATIENCE, not minutes."""
    done = threading.Event()
    monkeypatch.setattr(downloads, "PATIENCE", 0.4)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: done.wait(20) or [])
    started = time.monotonic()
    source = pretrained.load("auto")
    waited = time.monotonic() - started
    done.set()
    assert source.weights == "original" and "no answer from download.pytorch.org within 0.4" in source.notes[0]
    assert waited < 8


@pytest.mark.parametrize("how", ["hanging", "refusing"])
def test_a_dead_host_is_asked_once(classic, monkeypatch, capsys, how):
    """Many files from a host that does not answer cost one wait, not one each; later it is asked again."""
    monkeypatch.setattr(downloads, "PATIENCE", 0.2)
    for name in CLASSIC_PICTURES:
        classic.pages[f"/{name}"] = "hang"
    if how == "refusing":
        classic.socket.close()

    def fetches():
        for name in CLASSIC_PICTURES:
            with pytest.raises(SourceError, match=r"no answer from|no connection to"):
                course_file(name)
        return capsys.readouterr().err.count("fetching")

    assert fetches() == 1
    monkeypatch.setattr(downloads, "MEMORY", 0.0)
    assert fetches() == len(CLASSIC_PICTURES)


def test_a_missing_file_does_not_make_a_host_dead(classic, goods):
    """A host that says 404 for one file is asked for the next."""
    classic.pages["/tubingen.jpg"] = 404
    with pytest.raises(SourceError, match="404"):
        course_file("tubingen.jpg")
    assert course_file("the_scream.jpg").read_bytes() == goods["the_scream.jpg"]


def test_an_interrupted_download_leaves_nothing_behind(classic, monkeypatch, tmp_path):
    """Ctrl-C in the middle goes through, and removes the half file."""
    classic.pages[f"/{IMAGES}"] = "drip"

    def interrupt(thread, timeout=None):
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "join", interrupt)
    with pytest.raises(KeyboardInterrupt):
        course_file(IMAGES)
    monkeypatch.undo()
    assert not files_below(tmp_path)


@pytest.mark.parametrize("name", [IMAGES, WEIGHTS])
@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b[:-1] + b"?"])
def test_a_damaged_file_in_the_cache_is_never_trusted(classic, goods, monkeypatch, name, damage):
    """It is fetched again, also the weights, which torch.hub itself would load; offline that is an error."""
    cached = downloads.cache_folder(name) / name
    cached.parent.mkdir(parents=True)
    cached.write_bytes(damage(goods[name]))
    classic.pages[f"/{name}"] = 404
    with pytest.raises(SourceError, match=r"got a damaged file in .+; status 404") as error:
        course_file(name)
    assert_one_sentence(error.value)
    source = pretrained.load("auto")
    assert (source.weights, len(source.images)) == (("original", 2) if name == WEIGHTS else ("torchvision", 7))

    classic.pages[f"/{name}"] = goods[name]
    source = pretrained.load("auto")
    assert (source.weights, len(source.images)) == ("torchvision", 2)
    assert cached.read_bytes() == goods[name]


@pytest.mark.parametrize(("name", "setting"), [(IMAGES, "COURSE_DATA_CACHE"), (WEIGHTS, "TORCH_HOME")])
def test_a_cache_folder_that_cannot_be_written(classic, monkeypatch, tmp_path, name, setting):
    """A file where the folder should be: the sentence names the setting that moves the cache."""
    (tmp_path / "file").touch()
    monkeypatch.setenv(setting, str(tmp_path / "file"))
    with pytest.raises(SourceError, match=f"got (Not a directory|File exists): set {setting}") as error:
        course_file(name)
    assert_one_sentence(error.value)
    assert pretrained.load("auto").kind == "imagenet"


def test_a_read_only_cache_folder(classic, goods, monkeypatch, tmp_path):
    """What is in it is used; what is not cannot be fetched, and the sentence says why."""
    folder = tmp_path / "cache"
    folder.mkdir()
    (folder / "tubingen.jpg").write_bytes(goods["tubingen.jpg"])
    opened = Path.open

    def read_only(path, mode="r", *args, **kwargs):  # chmod does not stop root, who may run these tests
        if path.parent == folder and mode != "rb":
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, mode, *args, **kwargs)

    monkeypatch.setattr(Path, "open", read_only)
    assert course_file("tubingen.jpg").parent == folder
    with pytest.raises(SourceError, match="got Permission denied: set COURSE_DATA_CACHE to a folder"):
        course_file("the_scream.jpg")
    assert classic.asked == []


def test_a_full_disk(classic, monkeypatch, tmp_path):
    """The write fails in the middle: the sentence says so, nothing stays, and the host is not blamed."""

    def full(self, chunk):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(downloads._Inbox, "write", full)
    with pytest.raises(SourceError, match="got No space left on device: set COURSE_DATA_CACHE"):
        course_file(IMAGES)
    assert not files_below(tmp_path) and not downloads._unreachable


def test_mirrors_are_asked_first(classic, goods, monkeypatch):
    """COURSE_DATA_MIRRORS lists folders; a bad one is passed over, and a good one saves the usual address."""
    classic.pages |= {"/bad/tubingen.jpg": b"tampered", "/good/tubingen.jpg": goods["tubingen.jpg"]}
    mirrors = [f"{classic.url}/none", f"{classic.url}/bad/", f"{classic.url}/good", "no address"]
    monkeypatch.setenv("COURSE_DATA_MIRRORS", " ".join(mirrors))
    assert course_file("tubingen.jpg").read_bytes() == goods["tubingen.jpg"]
    assert classic.asked == [f"/{folder}/tubingen.jpg" for folder in ("none", "bad", "good")]


def test_the_usual_address_is_asked_when_no_mirror_helps(classic, goods, monkeypatch):
    """Nonsense among the mirrors is passed over as well."""
    monkeypatch.setenv("COURSE_DATA_MIRRORS", f"nonsense ftp://x http://[ http://.x {classic.url}/none")
    assert course_file("tubingen.jpg").read_bytes() == goods["tubingen.jpg"]
    assert classic.asked == ["/none/tubingen.jpg", "/tubingen.jpg"]


def test_all_addresses_are_named_when_all_fail(classic, monkeypatch):
    """The sentence lists what came from each."""
    classic.pages["/tubingen.jpg"] = 410
    monkeypatch.setenv("COURSE_DATA_MIRRORS", f"{classic.url}/none")
    with pytest.raises(SourceError, match=r"got status 404 from .+; status 410 from .+: connect") as error:
        course_file("tubingen.jpg")
    assert_one_sentence(error.value)


def test_a_progress_bar_in_a_terminal_only(classic, monkeypatch, capsys):
    """A terminal shows the bar; a log file does not."""
    course_file("the_scream.jpg")
    assert capsys.readouterr().err == f"fetching the_scream.jpg from {classic.url[7:]}\n"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    course_file("tubingen.jpg")
    assert "100%" in capsys.readouterr().err
