"""Drawing: grids of equal panels with titles, row labels and colour bars, and maps turned into colours.

Everything is laid out in pixels: a panel is the network's 224 pixels, so an image is drawn one to one. Figures are
made as objects, without pyplot and its windows; `show` alone opens windows, for the scripts' `--show`. matplotlib is
imported where it draws: it takes a second, and a script's first pass need not wait for it.
"""

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 112
PANEL = 224  # pixels, the height of a panel
GAP = 8
MARGIN = 16
COLUMNS = 5  # panels beside each other before the next block of rows begins
HEADING, TITLE, NOTE = 14, 12, 10  # font sizes in points
INK, FAINT = "#1a1a1a", "#666666"

HEAT = "inferno"  # maps >= 0: dark is nothing, and lightness rises evenly
SIGNED = "RdBu_r"  # maps of either sign: blue is against, white nothing, red for
JET = "jet"  # the colours that Grad-CAM is known by


@dataclass(frozen=True)
class Picture:
    """A figure that was written, and what to say about it."""

    path: Path
    title: str
    caption: str


@dataclass(frozen=True)
class Bar:
    """A colour bar: a matplotlib colour map, and the words at its two ends."""

    cmap: str
    low: str
    high: str


@dataclass(frozen=True)
class Row:
    """Panels beside each other: pictures (H, W, 3), uint8 or floating in [0, 1]."""

    panels: Sequence[np.ndarray | Image.Image]
    label: str = ""
    titles: Sequence[str] = ()
    bar: Bar | None = None


def grid(
    rows: Sequence[Row],
    path: str | PathLike[str],
    note: str = "",
    heading: str = "",
    text: str = "",
    height: int = PANEL,
    columns: int = COLUMNS,
) -> Path:
    """Draw rows of panels, as `drawn` does, and write the figure. Returns the path."""
    return save(drawn(rows, note, heading, text, height, columns), path)


def drawn(
    rows: Sequence[Row],
    note: str = "",
    heading: str = "",
    text: str = "",
    height: int = PANEL,
    columns: int = COLUMNS,
) -> "Figure":
    """Rows of panels, of one height and equally wide in a column, as a figure.

    rows: with equally many panels each; where they are more than `columns`, they go on in further blocks of rows.
    note: the network's name, for the lower left corner. heading, text: above the panels.
    """
    from matplotlib.figure import Figure

    count = len(rows[0].panels)
    if any(len(row.panels) != count for row in rows):
        raise ValueError(f"expected equally long rows, got {[len(row.panels) for row in rows]} panels: check the rows")
    columns = min(columns, count)
    blocks = [[_cut(row, at, at + columns) for row in rows] for at in range(0, count, columns)]
    lines = [row for block in blocks for row in block]

    widths = [round(height * _aspect(panel)) for panel in rows[0].panels[:columns]]
    labels = [_wrapped(row.label, height, TITLE) for row in lines]
    titles = [[_wrapped(t, widths[i], TITLE) for i, t in enumerate(row.titles)] for row in lines]
    left = MARGIN + max((_height(label, TITLE) for label in labels), default=0)
    right = MARGIN + max((_bar_width(row.bar) for row in lines if row.bar), default=0)
    width = max(left + sum(widths) + GAP * (columns - 1) + right, 26 * HEADING)

    heading, text, note = (
        _wrapped(words, width - 2 * MARGIN, size) for words, size in ((heading, HEADING), (text, TITLE), (note, NOTE))
    )
    top = MARGIN + _height(heading, HEADING) + _height(text, TITLE) + (GAP if heading or text else 0)
    above = [max((_height(t, TITLE) for t in line), default=0) for line in titles]
    total = top + sum(above) + len(lines) * (height + GAP) + (len(blocks) - 1) * 2 * GAP + _height(note, NOTE) + MARGIN

    fig = Figure(figsize=(width / DPI, total / DPI), dpi=DPI, facecolor="white")
    canvas = _Canvas(fig, width, total)
    canvas.words(MARGIN, MARGIN, heading, HEADING, weight="bold")
    canvas.words(MARGIN, MARGIN + _height(heading, HEADING), text, TITLE)
    y = top
    for i, row in enumerate(lines):
        y += above[i] + (2 * GAP if i and i % len(rows) == 0 else 0)
        canvas.words(left - GAP, y + height / 2, labels[i], TITLE, rotation=90, ha="right", va="center", ma="center")
        x = left
        for j, panel in enumerate(row.panels):
            canvas.panel(x, y, widths[j], height, panel)
            if row.titles:
                canvas.words(x + widths[j] / 2, y - 11, titles[i][j], TITLE, ha="center", va="baseline", ma="center")
            x += widths[j] + GAP
        if row.bar:
            canvas.bar(x, y, height, row.bar)
        y += height + GAP
    canvas.words(MARGIN, y, note, NOTE, color=FAINT)
    return fig


def save(fig: "Figure", path: str | PathLike[str]) -> Path:
    """Write the figure beside `path`, then rename it: no half picture is ever there. Prints and returns the path."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        beside.write_bytes(png(fig))
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    print(f"wrote {path}")
    return path


def png(fig: "Figure") -> bytes:
    """The figure as PNG: the same figure, the same bytes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    file = io.BytesIO()
    FigureCanvasAgg(fig).print_png(file, metadata={"Software": None})
    return file.getvalue()


def show(pictures: Sequence[Picture]) -> None:
    """Open a window with each picture, until all are closed; where there is no screen, say so."""
    import matplotlib.pyplot as plt  # imported here: it looks for a screen

    if plt.get_backend().lower() in {"agg", "pdf", "ps", "svg", "template", "cairo"}:
        print("--show: no window can be opened here: open the pictures written above instead")
        return
    for picture in pictures:
        with Image.open(picture.path) as file:
            image = np.asarray(file)
        fig = plt.figure(picture.title, figsize=(image.shape[1] / DPI, image.shape[0] / DPI), dpi=DPI)
        fig.figimage(image)
    plt.show()


# The figures that the student classes draw.


def saliency_maps(
    X: np.ndarray, maps: np.ndarray, titles: Sequence[str], path: str | PathLike[str], note: str = ""
) -> Path:
    """Each image above its map. X: uint8 (N, H, W, 3); maps: (N, H, W), >= 0; titles: the N class names."""
    rows = [
        Row(list(X), "image", [short(title) for title in titles]),
        Row(list(heat(maps)), "saliency", bar=Bar(HEAT, "no effect", "strong")),
    ]
    return grid(rows, path, note, "Saliency: which pixels move the score of the class")


def iterations(shown: Sequence[tuple[int, Image.Image]], name: str, path: str | PathLike[str], note: str = "") -> Path:
    """The images of class `name` at several iterations; shown: pairs of iteration and image."""
    titles = [f"{short(name)}\niteration {iteration}" for iteration, _ in shown]
    return grid([Row([image for _, image in shown], titles=titles)], path, note)


def style_sources(content: Image.Image, style: Image.Image, path: str | PathLike[str], note: str = "") -> Path:
    """The content picture and the style picture side by side."""
    return grid([Row([content, style], titles=["content", "style"])], path, note, height=384)


def style_result(result: Image.Image, path: str | PathLike[str], note: str = "") -> Path:
    """The picture that style transfer made."""
    return grid([Row([result], titles=["the content in the style"])], path, note, height=576)


# Maps as colours. Each image's map is scaled by itself; what lies beyond its 99.5th percentile is cut off there,
# since a few extreme pixels would leave the rest invisible.


def heat(maps: np.ndarray, scale: float | None = None, cmap: str = HEAT) -> np.ndarray:
    """Maps (N, H, W), >= 0, as colours (N, H, W, 3) in [0, 1]; `scale` is what is drawn brightest, if not itself's."""
    return colours(np.clip(maps / (_extent(maps) if scale is None else scale), 0, 1), cmap)


def signed(maps: np.ndarray) -> np.ndarray:
    """Maps (N, H, W) of either sign as colours (N, H, W, 3) in [0, 1], white where they are zero."""
    return colours(0.5 + 0.5 * np.clip(maps / _extent(maps), -1, 1), SIGNED)


def about_grey(attributions: np.ndarray) -> np.ndarray:
    """Attributions (N, H, W, 3) of either sign as colours in [0, 1], mid-grey where they are zero."""
    return 0.5 + 0.5 * np.clip(attributions / _extent(attributions), -1, 1)


def overlay(images: np.ndarray, cams: np.ndarray) -> np.ndarray:
    """Class activation maps (N, H, W) in [0, 1], in jet colours, half and half over uint8 images (N, H, W, 3)."""
    return 0.5 * images / 255 + 0.5 * colours(cams, JET)


def short(class_name: str) -> str:
    """The first of a class's names: "brown bear, bruin, Ursus arctos" -> "brown bear"."""
    return class_name.split(",")[0].strip()


def _extent(maps: np.ndarray) -> np.ndarray:
    """The 99.5th percentile of each map's size, or its maximum where that is zero, or 1 where the map is."""
    sizes = np.abs(maps).reshape(len(maps), -1)
    extent = np.quantile(sizes, 0.995, axis=1)
    extent = np.where(extent > 0, extent, sizes.max(axis=1))
    return np.where(extent > 0, extent, 1).reshape(-1, *[1] * (maps.ndim - 1))


def colours(values: np.ndarray, cmap: str) -> np.ndarray:
    """Values in [0, 1] as the colours of this matplotlib map, in a new last axis."""
    import matplotlib

    return matplotlib.colormaps[cmap](values)[..., :3]


def _cut(row: Row, start: int, stop: int) -> Row:
    return Row(row.panels[start:stop], row.label, row.titles[start:stop], row.bar)


def _aspect(panel: np.ndarray | Image.Image) -> float:
    height, width = np.asarray(panel).shape[:2]
    return min(max(width / height, 0.4), 2.5)


class _Canvas:
    """Places things on a figure by pixels from its upper left corner."""

    def __init__(self, fig: "Figure", width: float, height: int) -> None:
        self.fig, self.width, self.height = fig, width, height

    def words(self, x: float, y: float, text: str, size: int, **style) -> None:
        style = {"ha": "left", "va": "top", "color": INK, "linespacing": 1.2, "parse_math": False} | style
        style["multialignment"] = style.pop("ma", "left")
        if text:  # parse_math: a dollar sign in a file's name is no formula
            self.fig.text(x / self.width, 1 - y / self.height, text, None, size=size, **style)

    def panel(self, x: int, y: int, width: int, height: int, picture: np.ndarray | Image.Image) -> None:
        # Put down as it is, pixel by pixel: axes around it would take ten times as long.
        self.fig.figimage(_pixels(picture, width, height), x, self.height - y - height, origin="upper")

    def bar(self, x: float, y: float, height: float, bar: Bar) -> None:
        bottom = self.height - y - height
        place = (x / self.width, bottom / self.height, 14 / self.width, height / self.height)
        axes = self.fig.add_axes(place, label=f"{x} {y}")
        axes.imshow(np.linspace(1, 0, 256)[:, None], cmap=bar.cmap, aspect="auto", vmin=0, vmax=1)
        axes.set_xticks([])
        axes.set_yticks([])
        self.words(x + 20, y, bar.high, TITLE)
        self.words(x + 20, y + height, bar.low, TITLE, va="bottom")


def _pixels(picture: np.ndarray | Image.Image, width: int, height: int) -> np.ndarray:
    """The picture at this size, (height, width, 3), uint8 or floating in [0, 1]."""
    if (pixels := np.asarray(picture)).shape[:2] == (height, width):
        return pixels
    if not isinstance(picture, Image.Image):
        picture = Image.fromarray(picture if picture.dtype == np.uint8 else (255 * picture).round().astype(np.uint8))
    return np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC))


def _bar_width(bar: Bar) -> float:
    return GAP + 20 + max(_width(bar.low, TITLE), _width(bar.high, TITLE))


@cache
def _width(text: str, size: int, weight: str = "normal") -> float:
    """In pixels, of one line."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=size, weight=weight)
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return 1.04 * width * DPI / 72  # on the screen letters keep to whole pixels, and take more


def _height(text: str, size: int) -> int:
    """In pixels, of all lines and a little air below."""
    return round((text.count("\n") + 1) * size * 1.2 * DPI / 72) + 4 if text else 0


def _wrapped(text: str, width: float, size: int) -> str:
    """The text in lines that fit into `width` pixels; a word that is wider is cut and ends in an ellipsis."""
    weight = "bold" if size == HEADING else "normal"
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split():
            while (drawn := _width(word, size, weight=weight)) > width:
                word = word[: min(len(word) - 2, int(len(word) * width / drawn))] + "…"
            longer = f"{line} {word}".strip()
            if _width(longer, size, weight=weight) <= width:
                line = longer
            else:
                lines.append(line)
                line = word
        lines.append(line)
    return "\n".join(lines)
