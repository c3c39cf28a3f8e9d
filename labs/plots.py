"""How labs draw: plain axes, curves that carry their own names, and one colour for one method in all of them."""

from collections import ChainMap
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import methods
from figures import figure
from figures.canvas import DPI, FAINT, HEADING, INK, NOTE, TITLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

COLOURS = ChainMap(methods.COLOURS, {
    # what is explained
    "score": "#0072b2",
    "probability": "#d55e00",
    "loss": "#009e73",
    # methods of single labs
    "its absolute value": "#d9a200",
    "saliency map": "#0a9d9d",
    "Grad-CAM++": "#e07bb5",
    "Score-CAM": "#8c6d31",
    "Ablation-CAM": "#b5651d",
    "Shap-CAM": "#111111",
    "Shap-CAM, positions": "#5b7fa6",
    # what a method must beat
    "centred Gaussian": "#777777",
    "random": "#b0b0b0",
})  # fmt: skip
OTHERS = ("#0072b2", "#d55e00", "#009e73", "#b8287f", "#8c6d31", "#6a3d9a", "#56b4e9")  # where no method is meant
FRAME = "#c9c9c9"
END = "end"  # marks the name of a curve at its end


def sheet(width: float, height: float) -> "Figure":
    """An empty figure of this size in pixels, on which axes are laid out by themselves."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor="white", layout="constrained")


def parts(fig: "Figure | SubFigure", rows: int, columns: int, **style) -> "list[SubFigure]":
    """The figure cut into parts that are laid out each by itself, row by row."""
    return list(fig.subfigures(rows, columns, squeeze=False, **style).ravel())


def plain(axes: "Axes", title: str = "", x: str = "", y: str = "") -> "Axes":
    """Axes with a title and names, without a frame where nothing is read off."""
    axes.set_title(title, size=TITLE, color=INK, loc="left")
    axes.set_xlabel(x, size=NOTE, color=FAINT)
    axes.set_ylabel(y, size=NOTE, color=FAINT)
    axes.tick_params(which="both", labelsize=NOTE, colors=FAINT)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(FRAME)
    return axes


def curves(
    axes: "Axes",
    x: Sequence[float],
    lines: Mapping[str, Sequence[float]],
    colours: Mapping[str, str] = COLOURS,
    marker: str = "o",
) -> None:
    """A curve for each name, and the name at its right end, in its colour: no legend to look up."""
    for name, line in lines.items():
        axes.plot(list(x)[: len(line)], line, color=colours[name], linewidth=2, marker=marker, markersize=4)
    name_ends(axes, {name: (list(x)[len(line) - 1], line[-1]) for name, line in lines.items()}, colours)


def name_ends(axes: "Axes", ends: Mapping[str, tuple[float, float]], colours: Mapping[str, str]) -> None:
    """Each name to the right of its point (x, y); `save` moves them apart where they would cover each other."""
    for name, end in ends.items():
        axes.annotate(
            name, end, (6, 0), textcoords="offset points", va="center", size=NOTE, color=colours[name],
            annotation_clip=False, gid=END,
        )  # fmt: skip


def show(axes: "Axes", picture: np.ndarray, title: str = "", **style) -> None:
    """A picture on axes, without ticks, in a thin frame that shows where a white one ends."""
    axes.imshow(picture, interpolation="nearest", **style)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(color=FRAME, linewidth=0.6)
    axes.set_title(title, size=NOTE, color=INK)


def save(fig: "Figure", path: str | PathLike[str], heading: str, note: str) -> Path:
    """Write the figure, its heading above and the network's name in the lower left corner."""
    fig.suptitle(heading, size=HEADING, weight="bold", color=INK, x=0.01, ha="left")
    fig.supxlabel(note, size=NOTE, color=FAINT, x=0.01, ha="left")
    _spread_ends(fig)
    return figure.save(fig, path)


def _spread_ends(fig: "Figure") -> None:
    """Move the names at the ends of curves up until each has a line of its own, and down again to the axes' top."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Annotation

    FigureCanvasAgg(fig).draw()  # settles the layout, and so the scales
    apart = 1.2 * NOTE * DPI / 72
    for axes in fig.axes:
        names = [text for text in axes.texts if isinstance(text, Annotation) and text.get_gid() == END]
        heights = {name: axes.transData.transform(name.xy)[1] for name in names}
        places, free = dict[Annotation, float](), -np.inf
        for name in sorted(names, key=heights.__getitem__):
            free = places[name] = max(heights[name], free + apart)
        free = axes.bbox.y1 + apart / 2  # the title begins right above
        for name in reversed(places):
            free = places[name] = min(places[name], free - apart)
            name.xyann = (6, (free - heights[name]) * 72 / DPI)
