"""Pinned files: from a folder of one's own, the cache or the web; whole, or not at all."""

import errno
import hashlib
import os
import sys

import pytest

import pretrained
from pretrained import SourceError, course_file, downloads
from pretrained.addresses import FILES, IMAGES, WEIGHTS, Pinned
from tests.pretrained.world import files_below, refuse

PINS = dict(FILES)  # as they are, before a test sets its own


MISBEHAVIOUR = {
    "missing": (404, "status 404 from 127.0.0.1"),
    "broken server": (500, "status 500 from 127.0.0.1"),
    "hanging": ("hang", "no answer from 127.0.0.1:[0-9]+ within 0.4 seconds"),
    "stopping": ("stop", "no answer from 127.0.0.1:[0-9]+ within 0.4 seconds"),
    "truncated": ("truncated", "a broken answer from 127.0.0.1"),
    "empty": (b"", "a file with another SHA-256 from 127.0.0.1"),
    "log-in page": (b"<html>Please log in</html>", "a file with another SHA-256 from 127.0.0.1"),
}


@pytest.mark.parametrize("name", ["tubingen.jpg", WEIGHTS])
@pytest.mark.parametrize("how", [*MISBEHAVIOUR, "tampered"])
def test_a_bad_server_leaves_nothing_behind(classic, goods, monkeypatch, tmp_path, name, how):
    """Missing, slow, truncated or tampered: one sentence, and no file that a later run trusts."""
    if how in ("hanging", "stopping"):  # elsewhere a busy machine may take its time
        monkeypatch.setattr(downloads, "PATIENCE", 0.4)
    tampered = goods[name][:-1] + bytes([goods[name][-1] ^ 1])
    page, words = MISBEHAVIOUR.get(how) or (tampered, "a file with another SHA-256")
    classic.pages[f"/{name}"] = page
    refuse(words, course_file, name)
    assert files_below(tmp_path) in ([], ["no-connection"])

    monkeypatch.setattr(downloads, "PATIENCE", 5)
    classic.pages[f"/{name}"] = goods[name]
    assert course_file(name).read_bytes() == goods[name], "the next try, with a good server, must work"
    assert files_below(tmp_path) == [name]


def test_a_connection_that_is_refused(offline):
    """No server at the address."""
    refuse(r"got no connection to 127.0.0.1.+connect and run", course_file, IMAGES)


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "http://x:secret@127.0.0.1:99999", "://"])
def test_a_proxy_that_cannot_be_used_is_no_fault_of_the_host(classic, monkeypatch, proxy):
    """Nor is its password told."""
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("http_proxy", proxy)
    words = r"got no usable proxy or address for 127.0.0.1:\d+ \(Invalid\w+\): connect"
    said = refuse(words, course_file, "tubingen.jpg")
    assert "secret" not in said and classic.asked == []


def test_a_name_that_cannot_be_looked_up():
    """On a machine without a network the look-up fails."""
    refuse(r"no connection to cs231n.stanford.edu: connect", course_file, IMAGES)


def test_a_dead_host_is_remembered_for_the_day(offline, classic, monkeypatch, capsys):
    """Scripts that can do without ask the web once a day, also in new processes; whoever insists is asked for."""
    mark = downloads.cache_folder() / "no-connection"

    def count_fetches(ask):
        ask()
        return capsys.readouterr().err.count("fetching")

    def load():
        assert pretrained.load("auto").weights == "original"

    assert [count_fetches(load), count_fetches(load)] == [1, 0]
    assert "no connection to 127.0.0.1" in pretrained.load("auto").notes[0]
    assert count_fetches(lambda: refuse("no connection", course_file, WEIGHTS)) == 1, "who insists is heard"
    monkeypatch.setenv("COURSE_DATA_MIRRORS", f"{classic.url}/none")
    assert count_fetches(load) == 2, "another mirror is a new chance"
    yesterday = mark.stat().st_mtime - 86400
    os.utime(mark, (yesterday, yesterday))
    assert count_fetches(load) == 2
    monkeypatch.setenv("COURSE_DATA_MIRRORS", classic.url)
    course_file(IMAGES)
    assert not mark.exists(), "a download that works ends it"


def test_a_missing_file_does_not_make_a_host_dead(classic, goods):
    """A host that says 404 for one file is asked for the next."""
    classic.pages["/tubingen.jpg"] = 404
    refuse("404", course_file, "tubingen.jpg")
    assert course_file("the_scream.jpg", patient=False).read_bytes() == goods["the_scream.jpg"]


@pytest.mark.parametrize("problem", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")])
def test_a_download_that_breaks_off_leaves_nothing_behind(classic, monkeypatch, tmp_path, problem):
    """Ctrl-C goes through, a full disk is told in a sentence; the half file is removed, and the host is not blamed."""
    import pooch

    def break_off(self, url, path, _):
        path.write_bytes(b"half")
        raise problem

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", break_off)
    words = r"^$|got No space left on device: set COURSE_DATA_CACHE"
    with pytest.raises((KeyboardInterrupt, SourceError), match=words):
        course_file(IMAGES)
    assert not files_below(tmp_path)


@pytest.mark.parametrize("name", [IMAGES, WEIGHTS])
@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b[:-1] + b"?"])
def test_a_damaged_file_in_the_cache_is_never_trusted(classic, goods, name, damage):
    """It is fetched again, also the weights, which torch.hub itself would load; without the web that is an error."""
    cached = downloads.cache_folder(name) / name
    cached.parent.mkdir(parents=True)
    cached.write_bytes(damage(goods[name]))
    classic.pages[f"/{name}"] = 404
    refuse(r"got a damaged file in .+; status 404", course_file, name)
    source = pretrained.load("auto")
    assert (source.weights, len(source.images)) == (("original", 34) if name == WEIGHTS else ("torchvision", 32))

    classic.pages[f"/{name}"] = goods[name]
    source = pretrained.load("auto")
    assert (source.weights, len(source.images)) == ("torchvision", 34)
    assert cached.read_bytes() == goods[name]


@pytest.mark.parametrize(("name", "setting"), [(IMAGES, "COURSE_DATA_CACHE"), (WEIGHTS, "TORCH_HOME")])
def test_a_cache_folder_that_cannot_be_written(classic, monkeypatch, tmp_path, name, setting):
    """A file where the folder should be: the sentence names the setting that moves the cache."""
    (tmp_path / "file").touch()
    monkeypatch.setenv(setting, str(tmp_path / "file"))
    refuse(f"got (Not a directory|File exists): set {setting}", course_file, name)
    assert pretrained.load("auto").kind == "imagenet"


def test_mirrors_are_asked_first(classic, goods, monkeypatch):
    """COURSE_DATA_MIRRORS lists folders; nonsense and a bad one are passed over, a good one saves the usual address."""
    classic.pages |= {"/bad/tubingen.jpg": b"tampered", "/good/tubingen.jpg": goods["tubingen.jpg"]}
    mirrors = [f"{classic.url}/none", f"{classic.url}/bad/", f"{classic.url}/good", "no address"]
    monkeypatch.setenv("COURSE_DATA_MIRRORS", " ".join(mirrors))
    assert course_file("tubingen.jpg").read_bytes() == goods["tubingen.jpg"]
    assert classic.asked == [f"/{folder}/tubingen.jpg" for folder in ("none", "bad", "good")]
    monkeypatch.setenv("COURSE_DATA_MIRRORS", f"nonsense ftp://x http://[ http://.x {classic.url}/none")
    assert course_file("the_scream.jpg").read_bytes() == goods["the_scream.jpg"]
    assert classic.asked[3:] == ["/none/the_scream.jpg", "/the_scream.jpg"]
    classic.pages["/starry_night.jpg"] = 410
    refuse(r"got .+status 404 from .+; status 410 from .+: connect", course_file, "starry_night.jpg")


def test_an_address_that_nobody_can_ask_is_told(classic, monkeypatch):
    """A host's name that is too long, and one that a host sends us to."""
    monkeypatch.setenv("COURSE_DATA_MIRRORS", f"http://{'a' * 64}.org")
    classic.pages["/tubingen.jpg"] = "sends on"
    refuse(r"no usable proxy or address for a+\.org .+; no usable proxy or address for .+ \(ValueError\)", course_file,
           "tubingen.jpg")  # fmt: skip


def test_certificates_that_are_not_there_are_not_called_a_cache(classic, monkeypatch):
    """Such as those of a proxy, which a setting from elsewhere names."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    monkeypatch.setenv("COURSE_DATA_MIRRORS", "https://127.0.0.1:1")
    classic.pages["/tubingen.jpg"] = 404
    refuse(r"got Could not find .+/nowhere/ca.pem; status 404", course_file, "tubingen.jpg")


def test_a_progress_bar_in_a_terminal_only(classic, monkeypatch, capsys):
    """A terminal shows the bar; a log file does not."""
    course_file("the_scream.jpg")
    assert capsys.readouterr().err == f"fetching the_scream.jpg from {classic.url[7:]}\n"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    course_file("tubingen.jpg")
    assert "100%" in capsys.readouterr().err


# --- a folder of one's own, files with two copies, unknown files ---


def test_a_folder_of_ones_own_comes_first(classic, goods, monkeypatch, tmp_path):
    """COURSE_DATA is tried before cache and web; what it lacks is fetched, a wrong file in it is an error."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "tubingen.jpg").write_bytes(goods["tubingen.jpg"])
    (own / IMAGES).write_bytes(b"my holidays")
    monkeypatch.setenv("COURSE_DATA", str(own))
    assert course_file("tubingen.jpg") == own / "tubingen.jpg"
    assert classic.asked == []
    assert course_file("the_scream.jpg") == tmp_path / "cache" / "the_scream.jpg"
    refuse(r"another or a damaged file in COURSE_DATA .+: remove it", course_file, IMAGES)


def test_a_course_folder_that_does_not_exist(classic, monkeypatch, tmp_path):
    """Torchvision's weights, asked for by name, end with the error; auto takes the original ones and says why."""
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "nowhere"))
    refuse(r"expected COURSE_DATA to name a folder, got '.+nowhere'", course_file, WEIGHTS)
    source = pretrained.load("auto")
    assert source.weights == "original" and "COURSE_DATA" in source.notes[0]
    assert classic.asked == []


def test_two_copies_of_starry_night(classic, monkeypatch, tmp_path):
    """The public copy does as a painting; where exactly the course's is asked for it does not."""
    assert PINS["starry_night.jpg"].sha256.startswith("c31741a0") and len(PINS["starry_night.jpg"].sha256) == 64
    assert PINS["starry_night.jpg"].served_sha256.startswith("0592ab0f")
    ours, public = b"the course's crop", b"a wider crop"
    pins = [hashlib.sha256(content).hexdigest() for content in (ours, public)]
    url = f"{classic.url}/starry_night.jpg"
    monkeypatch.setitem(FILES, "starry_night.jpg", Pinned(pins[0], (url,), served_sha256=pins[1]))
    classic.pages["/starry_night.jpg"] = public
    assert course_file("starry_night.jpg").read_bytes() == public
    refuse("got no public address: ask your course", course_file, "starry_night.jpg", exactly=True)
    assert course_file("starry_night.jpg").read_bytes() == public, "and it stays in the cache"
    assert classic.asked == ["/starry_night.jpg"]
    (tmp_path / "starry_night.jpg").write_bytes(ours)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    assert course_file("starry_night.jpg", exactly=True).read_bytes() == ours
    assert course_file("starry_night.jpg").read_bytes() == ours


def test_files_that_nobody_serves_and_unknown_ones():
    """The stored checks come with the course: nobody is sent to `make data` for them; known files are listed."""
    refuse("got no public address: ask your course", course_file, "style-transfer-checks.npz")
    refuse(r"expected one of .+tubingen.jpg.+, got 'cat.jpg'", course_file, "cat.jpg")
