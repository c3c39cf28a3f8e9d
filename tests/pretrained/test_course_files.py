"""A folder of one's own, files with two copies, unknown files."""

import hashlib

import pytest

import pretrained
from pretrained import SourceError, course_file
from pretrained.addresses import FILES, IMAGES, Pinned
from tests.pretrained.world import assert_one_sentence


def test_a_folder_of_ones_own_comes_first(classic, goods, monkeypatch, tmp_path):
    """COURSE_DATA is tried before cache and network; what it lacks is fetched as usual."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "tubingen.jpg").write_bytes(goods["tubingen.jpg"])
    monkeypatch.setenv("COURSE_DATA", str(own))
    assert course_file("tubingen.jpg") == own / "tubingen.jpg"
    assert classic.asked == []
    assert course_file("the_scream.jpg") == tmp_path / "cache" / "the_scream.jpg"


def test_a_wrong_file_in_ones_own_folder_is_an_error(classic, monkeypatch, tmp_path):
    """It is neither used nor silently passed over."""
    (tmp_path / IMAGES).write_bytes(b"my holidays")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    with pytest.raises(SourceError, match=r"another or a damaged file in COURSE_DATA .+: remove it") as error:
        course_file(IMAGES)
    assert_one_sentence(error.value)


def test_a_course_folder_that_does_not_exist(classic, monkeypatch, tmp_path):
    """Torchvision's weights, asked for by name, end with the error; auto takes the original ones and says why."""
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(SourceError, match=r"expected COURSE_DATA to name a folder, got '.+nowhere'") as error:
        pretrained.load("torchvision")
    assert_one_sentence(error.value)
    source = pretrained.load("auto")
    assert source.weights == "original" and "COURSE_DATA" in source.notes[0]
    assert classic.asked == []


def test_two_copies_of_starry_night(classic, monkeypatch, tmp_path):
    """The public copy does as a painting; where exactly the course's is asked for it does not."""
    ours, public = b"the course's crop", b"a wider crop"
    pins = [hashlib.sha256(content).hexdigest() for content in (ours, public)]
    url = f"{classic.url}/starry_night.jpg"
    monkeypatch.setitem(FILES, "starry_night.jpg", Pinned(pins[0], (url,), served_sha256=pins[1]))
    classic.pages["/starry_night.jpg"] = public
    assert course_file("starry_night.jpg").read_bytes() == public
    with pytest.raises(SourceError, match="got no public address: ask your course") as error:
        course_file("starry_night.jpg", exactly=True)
    assert_one_sentence(error.value)
    assert course_file("starry_night.jpg").read_bytes() == public, "and it stays in the cache"
    assert classic.asked == ["/starry_night.jpg"]

    own = tmp_path / "own"
    own.mkdir()
    (own / "starry_night.jpg").write_bytes(ours)
    monkeypatch.setenv("COURSE_DATA", str(own))
    assert course_file("starry_night.jpg", exactly=True).read_bytes() == ours
    assert course_file("starry_night.jpg").read_bytes() == ours


def test_both_copies_of_starry_night_are_pinned():
    """The course's, and the one that jcjohnson/neural-style serves."""
    file = FILES["starry_night.jpg"]
    assert file.sha256.startswith("c31741a0") and file.served_sha256.startswith("0592ab0f")
    assert all(len(pin) == 64 for pin in (file.sha256, file.served_sha256))


def test_a_file_without_a_public_address():
    """The stored checks come with the course: the sentence does not send anyone to `make data`."""
    with pytest.raises(SourceError, match="got no public address: ask your course") as error:
        course_file("style-transfer-checks.npz")
    assert_one_sentence(error.value)


def test_an_unknown_file():
    """The sentence lists the known ones."""
    with pytest.raises(SourceError, match=r"expected one of .+tubingen.jpg.+, got 'cat.jpg'"):
        course_file("cat.jpg")
