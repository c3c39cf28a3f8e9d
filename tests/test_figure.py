# STAFF
"""Drawing: equal panels, legible words, honest colours, and no half-written picture."""

import matplotlib
import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from figures import figure, palette
from figures.figure import Bar, Picture, Row
from tests.panels import panels, places


def noise(height=224, width=224, seed=0):
    return np.random.default_rng(seed).integers(0, 250, (height, width, 3), dtype=np.uint8)


def pixels_of(path):
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


# --- the grid ---


def test_all_panels_have_the_same_size(tmp_path):
    """Two rows of three panels give six patches of 224 x 224 pixels, whatever titles and bars stand beside them."""
    rows = [
        Row([noise()] * 3, "image", ["a", "two\nlines", "a title that is much too long for its panel"]),
        Row([noise()] * 3, "a long name of a row", bar=Bar(palette.HEAT, "no effect", "strong")),
    ]
    path = figure.grid(rows, tmp_path / "grid.png", "note", "heading", "text")
    assert panels(path) == [(224, 224)] * 6


def test_a_panel_shows_its_image_pixel_for_pixel(tmp_path):
    """An image of the panel's height is drawn one to one: its pixels are found in the figure unchanged."""
    image = noise()
    path = figure.grid([Row([image])], tmp_path / "grid.png")
    pixels = pixels_of(path)
    top, left = np.argwhere((pixels != 255).any(axis=2)).min(axis=0)
    assert np.array_equal(pixels[top : top + 224, left : left + 224], image)


def test_more_panels_than_columns_go_on_below(tmp_path):
    """Seven images with their maps, at most five beside each other: two blocks, fourteen panels, no wider than five."""
    rows = [Row([noise()] * 7, "image", list("abcdefg")), Row([noise()] * 7, "map")]
    path = figure.grid(rows, tmp_path / "grid.png")
    assert len(panels(path)) == 14
    with Image.open(path) as picture:
        assert picture.width < 6 * 224


@pytest.mark.parametrize("shape", [(224, 224), (120, 200), (300, 150), (13, 13)])
def test_panels_keep_the_shape_of_their_pictures(tmp_path, shape):
    """A picture of any size is drawn 224 pixels high, and as wide as its proportions ask."""
    path = figure.grid([Row([noise(*shape)])], tmp_path / "grid.png")
    ((height, width),) = panels(path)
    assert height == 224
    assert abs(width - 224 * shape[1] / shape[0]) <= 1


def test_a_panorama_and_a_strip_are_drawn_whole_and_not_stretched(tmp_path):
    """Twice as wide as high, it fills the height; four times, it is smaller; a narrow one leaves room beside it."""
    images = [noise(100, 200), noise(100, 400), noise(400, 100)]
    path = figure.grid([Row(images, titles=["wide", "wider", "a narrow one"])], tmp_path / "grid.png")
    assert sorted(panels(path, least=50)) == [(140, 560), (224, 56), (224, 448)]


def test_images_of_several_shapes_stand_in_the_middle_of_their_columns(tmp_path):
    """A column is as wide as its widest panel, in further blocks, too; what is narrower stands in its middle."""
    images = [noise(224, 224), noise(224, 168), noise(224, 300)]
    path = figure.grid([Row(images, "image", list("abc")), Row(images, "map")], tmp_path / "grid.png", columns=2)
    found = places(path)
    assert sorted(place[2:] for place in found) == sorted(2 * [(224, 300), (224, 168), (224, 224)])
    wide, square, narrow = (next(place for place in found if place[3] == width) for width in (300, 224, 168))
    assert square[1] == wide[1] + (300 - 224) / 2
    assert narrow[1] > wide[1] + 300, "the second column begins right of the first"


def test_nothing_touches_the_edge(tmp_path):
    """Long words are wrapped or cut, so that the outermost pixels of the figure stay white."""
    long = "Donaudampfschifffahrtsgesellschaftskapitaenswitwenrente" * 3
    row = Row([noise()] * 2, long, [long, "a few words that are far too many for a panel of this size"])
    path = figure.grid([row], tmp_path / "grid.png", long, f"heading {long}", "many words " * 30)
    pixels = pixels_of(path)
    for edge in (pixels[:6], pixels[-6:], pixels[:, :6], pixels[:, -6:]):
        assert (edge == 255).all()


def test_rows_of_unequal_length_are_refused(tmp_path):
    """A row with two panels below one with three is a mistake in the script, and told in one sentence."""
    with pytest.raises(ValueError, match=r"expected equally long rows, got \[3, 2\] panels"):
        figure.grid([Row([noise()] * 3), Row([noise()] * 2)], tmp_path / "grid.png")


def test_dollar_signs_are_no_formula(tmp_path):
    """A title with two dollar signs, from the name of a file, is drawn as it is."""
    figure.grid([Row([noise()], "$x$", ["costs $5 to $6 $\\bad{$"])], tmp_path / "grid.png", "$", "$$", "$a$")


# --- writing ---


def test_the_same_figure_is_the_same_file(tmp_path):
    """Two runs give the same bytes: no time and no version is written into the picture."""
    first, second = (figure.grid([Row([noise()])], tmp_path / f"{i}.png", "note") for i in range(2))
    assert first.read_bytes() == second.read_bytes()


def test_a_notebooks_settings_of_matplotlib_change_nothing(tmp_path):
    """Nor do those of a file: a bar upside down would tell the opposite."""
    rows, bar = [noise()], Bar("jet", "no effect", "strong")
    usual = figure.grid([Row(rows, "map", ["title"], bar)], tmp_path / "usual.png")
    with matplotlib.rc_context({"image.origin": "lower", "text.usetex": True, "savefig.dpi": 30, "font.size": 30}):
        other = figure.grid([Row(rows, "map", ["title"], bar)], tmp_path / "other.png")
        assert matplotlib.rcParams["image.origin"] == "lower"
    assert usual.read_bytes() == other.read_bytes()


def test_a_picture_is_shown_wherever_a_notebook_has_gone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picture = Picture(figure.grid([Row([noise()])], "grid.png"), "title", "caption")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert picture._repr_png_().startswith(b"\x89PNG")


def test_folders_are_made_and_the_path_is_printed(tmp_path, capsys):
    """`grid` makes the folder, says where the picture went, and leaves nothing else there."""
    path = figure.grid([Row([noise()])], tmp_path / "new" / "folder" / "grid.png")
    assert capsys.readouterr().out == f"wrote {path}\n"
    assert [p.name for p in path.parent.iterdir()] == ["grid.png"]


def test_an_interrupted_picture_leaves_the_old_one(tmp_path, monkeypatch):
    """Writing fails half-way: the picture of the last run is still whole, and no part of the new one is left."""
    path = figure.grid([Row([noise()])], tmp_path / "grid.png")
    before = path.read_bytes()

    def fails(self, beside, **_):
        beside.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("matplotlib.backends.backend_agg.FigureCanvasAgg.print_png", fails)
    with pytest.raises(OSError, match="No space left"):
        figure.grid([Row([noise(seed=1)])], path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("text", ['{"options": []}', '{"code": 1}', "[" * 100_000, "1"])
def test_facts_of_another_kind_are_none(tmp_path, text):
    """Written by hand into a whole picture; report.py goes by what is read here."""
    words = PngInfo()
    words.add_text(figure.MADE, text)
    Image.fromarray(noise()).save(tmp_path / "odd.png", pnginfo=words)
    assert figure.read_made(tmp_path / "odd.png") == {}


def test_show_without_a_screen_says_so(tmp_path, capsys, monkeypatch):
    """--show on a machine without a screen prints a line instead of failing."""
    import matplotlib.pyplot as plt

    monkeypatch.setattr(plt, "get_backend", lambda: "agg")
    figure.show([Picture(tmp_path / "grid.png", "title", "caption")])
    assert "no window can be opened here" in capsys.readouterr().out


def test_the_first_of_the_names_is_enough():
    """ "brown bear, bruin, Ursus arctos" stands in titles as "brown bear"."""
    assert figure.short("brown bear, bruin, Ursus arctos") == "brown bear"


def test_the_result_of_style_transfer_is_titled_by_content_and_style():
    """Also on the figure, which is seen without the page."""
    assert figure.style_title("photos/my_street.jpg", "images/styles/waves.png") == "My street in the style of waves"
