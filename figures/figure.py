"""Figures: grids of panels with titles, row labels and colour bars, written as PNG.

Figures are made as objects, without pyplot and its windows; `show` alone opens windows, for the scripts' `--show`.
matplotlib is imported where it draws: it takes a second, and a script's first pass need not wait for it.
"""

import io
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from figures import palette
from figures.canvas import (
    DPI,
    FAINT,
    GAP,
    HEADING,
    MARGIN,
    NOTE,
    TITLE,
    Bar,
    Panel,
    Sheet,
    by_default,
    height_of,
    widest,
    wrap,
)
from pretrained.files import whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PANEL = 224  # pixels, the height of a panel
COLUMNS = 5  # panels beside each other before the next block of rows begins
SOURCES = "_sources"  # how the name of a pair's two pictures ends
MADE = "Made"  # the key under which a PNG tells how it was made

_made: ContextVar[tuple[dict[str, object], list["Picture"]]] = ContextVar("made")


@dataclass(frozen=True)
class Picture:
    """A figure that was written, and what to say about it."""

    path: Path
    title: str
    caption: str  # sentences, on lines of their own where each is a paragraph

    @classmethod
    def of(cls, path: Path, words: tuple[str, str], **values: object) -> "Picture":
        """words: the title and the caption, in which {name} stands for a value."""
        title, caption = (text.format(**values) for text in words)
        return cls(path, title, caption)

    def _repr_png_(self) -> bytes:
        """Return what a notebook shows."""
        return self.path.read_bytes()


@dataclass(frozen=True)
class Row:
    """Panels beside each other: pictures (H, W, 3), uint8 or floating in [0, 1]."""

    panels: Sequence[Panel]
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
    """Draw rows of panels, as `draw` does, and write the figure. Returns the path."""
    return save(draw(rows, note, heading, text, height, columns), path)


@by_default()
def draw(
    rows: Sequence[Row],
    note: str = "",
    heading: str = "",
    text: str = "",
    height: int = PANEL,
    columns: int = COLUMNS,
) -> "Figure":
    """Rows of panels, of one height, each column as wide as its widest panel.

    rows: with equally many panels each; where they are more than `columns`, they go on in further blocks of rows.
    note: the network's name, for the lower left corner. heading, text: above the panels.
    """
    widths, lines = _lay_out(rows, height, columns)
    left = MARGIN + max(height_of(line.label, TITLE) for line in lines)
    right = MARGIN + max((line.bar.width for line in lines if line.bar), default=0)
    width = max(left + sum(widths) + GAP * (len(widths) - 1) + right, 26 * HEADING)

    heading, text, note = (
        wrap(words, width - 2 * MARGIN, size) for words, size in ((heading, HEADING), (text, TITLE), (note, NOTE))
    )
    top = MARGIN + height_of(heading, HEADING) + height_of(text, TITLE) + (GAP if heading or text else 0)
    total = top + sum(_above(line) + height + GAP for line in lines) + height_of(note, NOTE) + MARGIN
    total += 2 * GAP * (len(lines) // len(rows) - 1)

    sheet = Sheet(width, total)
    sheet.words(MARGIN, MARGIN, heading, HEADING, weight="bold")
    sheet.words(MARGIN, MARGIN + height_of(heading, HEADING), text, TITLE)
    y = top
    for i, line in enumerate(lines):
        y += _above(line) + (2 * GAP if i and i % len(rows) == 0 else 0)
        _draw(line, sheet, left, y, widths, height)
        y += height + GAP
    sheet.words(MARGIN, y, note, NOTE, color=FAINT)
    return sheet.fig


def _lay_out(rows: Sequence[Row], height: int, columns: int) -> tuple[list[int], list[Row]]:
    """The width of each column; and the rows one below the other, cut into blocks, their words in lines that fit."""
    count = len(rows[0].panels)
    if any(len(row.panels) != count for row in rows):
        raise ValueError(f"expected equally long rows, got {[len(row.panels) for row in rows]} panels: check the rows")
    columns = min(columns, count)
    widths = [widest([panel for row in rows for panel in row.panels[j::columns]], height) for j in range(columns)]
    lines = []
    for at in range(0, count, columns):
        for row in rows:
            titles = [wrap(title, width, TITLE) for title, width in zip(row.titles[at : at + columns], widths)]
            label = wrap(row.label, height, TITLE)
            lines.append(replace(row, panels=row.panels[at : at + columns], label=label, titles=titles))
    return widths, lines


def _above(line: Row) -> int:
    """The pixels that the titles of a line take."""
    return max((height_of(title, TITLE) for title in line.titles), default=0)


def _draw(line: Row, sheet: Sheet, left: int, y: int, widths: Sequence[int], height: int) -> None:
    """One line of panels, whose upper edge is at y, with its label, titles and bar."""
    sheet.words(left - GAP, y + height / 2, line.label, TITLE, rotation=90, ha="right", va="center", ma="center")
    x = left
    for j, panel in enumerate(line.panels):
        sheet.panel(x, y, widths[j], height, panel)
        if line.titles:
            sheet.words(x + widths[j] / 2, y - 11, line.titles[j], TITLE, ha="center", va="baseline", ma="center")
        x += widths[j] + GAP
    if line.bar:
        sheet.bar(x, y, height, line.bar)


@contextmanager
def made_by(shown: bool = False, **facts: object) -> Iterator[None]:
    """Inside the block each figure that is written holds these facts, as JSON in the PNG's text, and its own name.

    shown: after it they are shown, also those that were written before a part that is not written yet.
    """
    written: list[Picture] = []
    token = _made.set((facts, written))
    unwritten = None
    try:
        yield
    except NotImplementedError as problem:
        unwritten = problem
    finally:
        _made.reset(token)
    if shown and written:
        show(written)
    if unwritten:
        raise unwritten


def read_made(path: Path | io.BytesIO) -> dict[str, Any]:
    """Return how a figure was made: what `made_by` had it hold; {} if it says nothing, or is no whole picture."""
    try:
        with Image.open(path) as picture:
            made = json.loads(picture.info.get(MADE, "{}"))
            picture.verify()
    except Exception:  # a damaged file can raise nearly anything
        return {}
    tables = (made, made.get("options", {}), made.get("code", {})) if isinstance(made, dict) else (made,)
    return made if all(isinstance(table, dict) for table in tables) else {}


def save(fig: "Figure", path: str | PathLike[str]) -> Path:
    """Write the figure, whole; print and return its path, which is another where a figure of another run lies."""
    facts, written = _made.get(({}, []))
    path = _leave_others(Path(path), str(facts.get("run", "")))
    with whole(path) as beside:
        _print(fig, beside, {MADE: json.dumps({"figure": path.stem, **facts})} if facts else {})
    print(f"wrote {path}")
    path = path.absolute()  # a notebook may go elsewhere before it shows the picture
    written.append(Picture(path, path.stem, ""))
    return path


def _leave_others(path: Path, run: str) -> Path:
    """Return the path, or one with this run's digest where another run of one's own wrote it, of another cat.jpg."""
    start = path.stem.removesuffix(SOURCES)
    pair = [path.with_name(f"{start}{end}{path.suffix}") for end in ("", SOURCES)]  # which keep one name
    if not run or not any(one.exists() and read_made(one).get("run") != run for one in pair):
        return path
    return path.with_name(f"{start}_{run}{path.stem.removeprefix(start)}{path.suffix}")


def png(fig: "Figure") -> bytes:
    """The figure as PNG, without a file."""
    file = io.BytesIO()
    _print(fig, file)
    return file.getvalue()


@by_default()
def _print(fig: "Figure", to: Path | io.BytesIO, texts: Mapping[str, str] = MappingProxyType({})) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(fig).print_png(to, metadata={"Software": None, **texts})  # the same figure, the same bytes


def show(pictures: Sequence[Picture]) -> None:
    """Open a window with each picture, until all are closed; a notebook shows them; without a screen, say so."""
    if "ipykernel" in sys.modules:
        from IPython.display import display

        display(*pictures)
        return
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


def short(class_name: str) -> str:
    """The first of a class's names: "brown bear, bruin, Ursus arctos" -> "brown bear"."""
    return class_name.split(",")[0].strip()


# The figures that the student classes draw.


def saliency_maps(
    X: Iterable[np.ndarray],
    maps: Iterable[np.ndarray],
    titles: Sequence[str],
    path: str | PathLike[str],
    note: str = "",
) -> Path:
    """Each image above its map. X: N images, uint8 (H, W, 3); maps: (H, W), >= 0; titles: above the images."""
    rows = [
        Row(list(X), "image", titles),
        Row(palette.heat(maps), "saliency", bar=Bar(palette.HEAT, "no effect", "strong")),
    ]
    return grid(rows, path, note, "Saliency: which pixels move the score of the class")


def iterations(shown: Sequence[tuple[int, Image.Image]], name: str, path: str | PathLike[str], note: str = "") -> Path:
    """The images of class `name` at several iterations; shown: pairs of iteration and image."""
    titles = [f"{short(name)}\niteration {iteration}" for iteration, _ in shown]
    return grid([Row([image for _, image in shown], titles=titles)], path, note)


def style_sources(content: Image.Image, style: Image.Image, path: str | PathLike[str], note: str = "") -> Path:
    """The content picture and the style picture side by side."""
    return grid([Row([content, style], titles=["content", "style"])], path, note, height=384)


def style_title(content: str | PathLike[str], style: str | PathLike[str]) -> str:
    """Title of the picture that style transfer makes of these two files."""
    title = f"{Path(content).stem} in the style of {Path(style).stem}".replace("_", " ")
    return title[:1].upper() + title[1:]


def style_result(result: Image.Image, path: str | PathLike[str], title: str, note: str = "") -> Path:
    """The picture that style transfer made."""
    return grid([Row([result], titles=[title])], path, note, height=576)
