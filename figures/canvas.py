"""Places on a figure, in pixels from its upper left corner, and the room that words take.

A panel is the network's 224 pixels, so an image is drawn one to one.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image

DPI = 112
GAP = 8
MARGIN = 16
HEADING, TITLE, NOTE = 14, 12, 10  # font sizes in points
INK, FAINT = "#1a1a1a", "#666666"
ELLIPSIS = "…"

Panel = np.ndarray | Image.Image  # (H, W, 3), uint8 or floating in [0, 1]


@dataclass(frozen=True)
class Bar:
    """A colour bar: a matplotlib colour map, and the words at its two ends."""

    cmap: str
    low: str
    high: str

    @property
    def width(self) -> float:
        return GAP + 20 + max(width_of(self.low, TITLE), width_of(self.high, TITLE))


@contextmanager
def by_default() -> Iterator[None]:
    """Inside the block, or a function decorated by it, matplotlib has its own settings: no notebook's, no file's."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        yield


class Sheet:
    """An empty figure of so many pixels, and what can be put down on it."""

    def __init__(self, width: float, height: int) -> None:
        from matplotlib.figure import Figure  # imported where it draws, as in figure.py

        self.width, self.height = width, height
        self.fig = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor="white")

    def words(self, x: float, y: float, text: str, size: int, **style) -> None:
        style = {"ha": "left", "va": "top", "color": INK, "linespacing": 1.2, "parse_math": False} | style
        style["multialignment"] = style.pop("ma", "left")
        if text:  # parse_math: a dollar sign in a file's name is no formula
            self.fig.text(x / self.width, 1 - y / self.height, text, None, size=size, **style)

    def panel(self, x: float, y: float, width: float, height: int, picture: Panel) -> None:
        """In the middle of a place of this size, which it fills one way or the other."""
        own_width, own_height = size_of(picture, height)
        # Put down as it is, pixel by pixel: axes around it would take ten times as long.
        left, top = round(x + (width - own_width) / 2), round(y + (height - own_height) / 2)
        pixels = pixels_of(picture, own_width, own_height)
        self.fig.figimage(pixels, left, self.height - top - own_height, origin="upper")

    def bar(self, x: float, y: float, height: float, bar: Bar) -> None:
        bottom = self.height - y - height
        place = (x / self.width, bottom / self.height, 14 / self.width, height / self.height)
        axes = self.fig.add_axes(place, label=f"{x} {y}")
        axes.imshow(np.linspace(1, 0, 256)[:, None], cmap=bar.cmap, aspect="auto", vmin=0, vmax=1)
        axes.set_xticks([])
        axes.set_yticks([])
        self.words(x + 20, y, bar.high, TITLE)
        self.words(x + 20, y + height, bar.low, TITLE, va="bottom")


def size_of(picture: Panel, height: int) -> tuple[int, int]:
    """The (width, height) that a picture is drawn at: of this height, but at most two and a half times as wide."""
    rows, columns = np.asarray(picture).shape[:2]
    if columns > 2.5 * rows:
        return round(2.5 * height), max(round(2.5 * height * rows / columns), 1)
    return max(round(height * columns / rows), 1), height


def widest(pictures: Sequence[Panel], height: int) -> int:
    """The width of a column of pictures, with room for a title above a narrow one."""
    return max(round(0.4 * height), *(size_of(picture, height)[0] for picture in pictures))


@cache
def width_of(text: str, size: int) -> float:
    """In pixels, of one line."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=size, weight="bold" if size == HEADING else "normal")
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return 1.04 * width * DPI / 72  # on the screen letters keep to whole pixels, and take more


def height_of(text: str, size: int) -> int:
    """In pixels, of all lines and a little air below."""
    return round((text.count("\n") + 1) * size * 1.2 * DPI / 72) + 4 if text else 0


def wrap(text: str, width: float, size: int) -> str:
    """The text in lines that fit into `width` pixels; a word that is wider is cut and ends in an ellipsis.

    Where not even the ellipsis fits, it stands there all the same.
    """
    # Without a language the system gives the letters of a file's name as bytes.
    text = text.encode(errors="surrogateescape").decode(errors="replace")
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split():
            while word != ELLIPSIS and (drawn := width_of(word, size)) > width:
                word = word[: max(0, min(len(word) - 2, int(len(word) * width / drawn)))] + ELLIPSIS
            longer = f"{line} {word}".strip()
            if not line or width_of(longer, size) <= width:
                line = longer
            else:
                lines.append(line)
                line = word
        lines.append(line)
    return "\n".join(lines)


def pixels_of(picture: Panel, width: int, height: int) -> np.ndarray:
    """The picture at this size, (height, width, 3), uint8 or floating in [0, 1]."""
    if (pixels := np.asarray(picture)).shape[:2] == (height, width):
        return pixels
    if not isinstance(picture, Image.Image):
        picture = Image.fromarray(picture if picture.dtype == np.uint8 else (255 * picture).round().astype(np.uint8))
    return np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC))
