# STAFF
"""The gallery: one page with every picture in it, and a clear word where one is missing."""

import base64
import importlib
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import class_visualization
from figures import figure, gallery, script
from figures.figure import Picture, Row
from pretrained.settings import CLASS_VISUALIZATION, STYLE_PAIRS

pytestmark = pytest.mark.scripts

SCRIPTS = list(gallery.SCRIPTS)


@pytest.fixture
def stubs(monkeypatch, tmp_path):
    """The five scripts, replaced by ones that draw one small picture each: {name: main}."""

    def draws(name):
        def main(argv, source):
            path = figure.grid([Row([np.full((224, 224, 3), 99, np.uint8)])], tmp_path / f"{name}.png")
            return [Picture(path, f"title of {name} & more", f"caption <of> {name}\non two lines")]

        return main

    mains = {name: draws(name) for name in SCRIPTS}
    stands_for_importlib = SimpleNamespace(import_module=lambda name: SimpleNamespace(main=mains[name]))
    monkeypatch.setattr(gallery, "importlib", stands_for_importlib)
    return mains


class Page(HTMLParser):
    """The text of a page and its images; fails where tags do not match."""

    def __init__(self, text):
        super().__init__()
        self.text, self.images, self.links, self.ids, self.open = "", [], [], [], []
        self.feed(text)
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids += [attrs["id"]] if "id" in attrs else []
        self.links += [attrs["href"]] if "href" in attrs else []
        if tag == "img":
            self.images.append(attrs)
        elif tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def read(folder):
    return Page((folder / "index_embedded.html").read_text(encoding="utf-8"))


def decode(image):
    data = base64.b64decode(image["src"].removeprefix("data:image/jpeg;base64,"))
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture.convert("RGB"), np.float64)


def test_the_page_holds_every_picture_itself(stubs, source, tmp_path, capsys):
    """Each picture is in the page, and to the eye as it is on disk, so that the page can be sent to somebody alone."""
    assert gallery.main(["--out", str(tmp_path)], source) == 0
    page = read(tmp_path)
    for image, name in zip(page.images, SCRIPTS, strict=True):
        with Image.open(tmp_path / f"{name}.png") as picture:
            assert (int(image["width"]), int(image["height"])) == picture.size
            assert np.abs(decode(image) - np.asarray(picture.convert("RGB"))).mean() < 0.5
        assert image["alt"]
    assert (
        capsys.readouterr().out.rstrip().endswith("index_embedded.html in a browser to see all pictures.")
    )


def test_a_page_of_pictures_that_cannot_be_made_smaller_stays_small(tmp_path):
    """Noise, the worst there is, is packed at the best quality that fits, and no worse."""
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{i}.png" for i in range(2)]
    for path in paths:
        Image.fromarray(rng.integers(0, 255, (300, 400, 3), dtype=np.uint8)).save(path)
    before = [path.read_bytes() for path in paths]
    sizes = {quality: sum(len(gallery.embed(path, quality).url) for path in paths) for quality in gallery.QUALITIES}
    assert sizes[95] > sizes[89] > sizes[70]
    for quality in (95, 89, 70):
        packed = gallery.pack(paths, sizes[quality])
        assert packed == {path: gallery.embed(path, quality) for path in paths}
    assert [path.read_bytes() for path in paths] == before, "the files on disk stay as they are"


def test_coloured_dots_keep_their_colours(tmp_path):
    """Guided backprop is of single coloured pixels: they are as strong on the page as in the file."""
    dots = np.full((64, 64, 3), 127, np.uint8)
    dots[::4, ::4] = (255, 0, 0)
    Image.fromarray(dots).save(tmp_path / "dots.png")
    (image,) = gallery.pack([tmp_path / "dots.png"]).values()
    assert np.abs(decode({"src": image.url})[::4, ::4] - (255, 0, 0)).mean() < 12


def test_the_page_says_what_to_see_and_needs_nothing_else(stubs, source, tmp_path):
    """Titles and captions, line by line, the network's name at the top; no script, font or style from elsewhere."""
    gallery.main(["--out", str(tmp_path)], source)
    text, page = (tmp_path / "index_embedded.html").read_text(encoding="utf-8"), read(tmp_path)
    assert source.name in page.text
    for name in SCRIPTS:
        assert f"title of {name} & more" in page.text and f"caption <of> {name}" in page.text
    assert text.count("<p>on two lines</p>") == len(SCRIPTS)
    assert not re.search(r"https?:|<script .*src|<link|@import|url\(", text)
    assert page.links == [f"#{name}" for name in SCRIPTS] == [f"#{name}" for name in page.ids]
    assert "prefers-color-scheme: dark" in text


def test_pairs_of_ones_own_stand_on_the_page(stubs, source, tmp_path):
    """Pairs that style_transfer.py made earlier of one's own pictures follow its three; nothing is shown twice."""
    with figure.made_by(options={"content": "my street.jpg"}):
        for name in ("style_transfer_my_street_waves", "style_transfer_my_street_waves_sources"):
            figure.grid([Row([np.full((224, 224, 3), 50, np.uint8)])], tmp_path / f"{name}.png")
    for name in ("style_transfer_half", "style_transfer_half_sources"):
        (tmp_path / f"{name}.png").write_bytes((tmp_path / "style_transfer_my_street_waves.png").read_bytes()[:-20])
    gallery.main(["--out", str(tmp_path)], source)
    page = read(tmp_path)
    assert len(page.images) == len(SCRIPTS) + 2
    assert page.text.count("Your own pair, my street waves: the sources") == 1
    assert page.text.index("title of style_transfer") < page.text.index("Your own pair, my street waves: the result")


def test_a_pair_that_was_just_made_is_shown_once(tmp_path):
    """Its pictures are not added where they are among those of the script itself."""
    with figure.made_by(options={"content": "a.jpg"}):
        for name in ("style_transfer_a_b", "style_transfer_a_b_sources"):
            figure.grid([Row([np.zeros((9, 9, 3), np.uint8)])], tmp_path / f"{name}.png")
    assert len(gallery.list_own_pairs(tmp_path, [])) == 2
    assert not gallery.list_own_pairs(tmp_path, [Picture(tmp_path / "style_transfer_a_b.png", "title", "caption")])


@pytest.mark.parametrize(
    "mistake, words, told",
    [
        (NotImplementedError("Part 1.2: guided backprop"), "not written yet: Part 1.2: guided backprop", False),
        (ValueError("shapes do not fit"), "error: ValueError: shapes do not fit", True),
    ],
    ids=["not written yet", "a mistake"],
)
def test_a_part_that_fails_does_not_stop_the_others(stubs, source, tmp_path, capsys, mistake, words, told):
    """Four are shown, page and terminal name the missing one, the status is 1; a mistake has its traceback, too."""

    def fail(argv, source):
        raise mistake

    stubs["gradcam"] = fail
    assert gallery.main(["--out", str(tmp_path)], source) == 1
    page, said = read(tmp_path), capsys.readouterr()
    assert len(page.images) == 4 and words in page.text
    assert f"Grad-CAM is missing. {words}" in said.out
    assert ("Traceback" in said.err) == told and "Traceback" not in said.out


def test_a_letter_that_the_terminal_cannot_say_is_no_traceback(monkeypatch):
    """A picture's name with an umlaut, in a terminal of plain ASCII."""
    printed = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(printed, "ascii", write_through=True))
    with pytest.raises(SystemExit, match="0"):
        script.run(lambda: print("wrote k\u00e4tzchen.png"))
    assert printed.getvalue() == b"wrote k\\xe4tzchen.png\n"


def test_the_status_reaches_the_shell():
    """`python -m figures` ends with the status that main returns, and with 0 for a script's pictures."""
    for answer, status in ((1, 1), (0, 0), ([], 0), (None, 0)):
        with pytest.raises(SystemExit) as ended:
            script.run(lambda answer=answer: answer)
        assert ended.value.code == status


@pytest.mark.proof
def test_all_five_scripts_fill_the_page(source, tmp_path, monkeypatch, capsys):
    """The whole of `make figures`, with two iterations where there are hundreds: every script has its pictures."""
    ascent = {"embedded": replace(CLASS_VISUALIZATION["embedded"], num_iterations=2)}
    pairs = tuple(replace(pair, num_iterations=2, image_size=64) for pair in STYLE_PAIRS["embedded"])
    monkeypatch.setattr(class_visualization, "CLASS_VISUALIZATION", ascent)
    monkeypatch.setitem(STYLE_PAIRS, "embedded", pairs)
    for name in SCRIPTS[:2]:  # two images instead of five
        module = importlib.import_module(name)
        monkeypatch.setattr(module, "main", lambda argv, source, run=module.main: run([*argv, "--num", "2"], source))
    assert gallery.main(["--out", str(tmp_path)], source) == 0, capsys.readouterr().out
    pictures = [path.name for path in tmp_path.glob("*.png")]
    for name in SCRIPTS:
        assert any(picture.startswith(name) for picture in pictures)
    assert len(read(tmp_path).images) == len(pictures)
