"""Drawing for labs: plain axes, curves that carry their own names, and one colour for one method in all of them."""

import re
from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import methods
from figures import figure
from figures.canvas import DPI, FAINT, HEADING, INK, NOTE, TITLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.patheffects import AbstractPathEffect

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


def plain(axes: "Axes", title: str = "", x: str = "", y: str = "", logx: int = 0, logy: int = 0) -> "Axes":
    """Axes with a title and names, without a frame where nothing is read off; logx, logy: bases of logarithmic ones."""
    axes.set_title(title, size=TITLE, color=INK, loc="left")
    axes.set_xlabel(x, size=NOTE, color=FAINT)
    axes.set_ylabel(y, size=NOTE, color=FAINT)
    axes.tick_params(which="both", labelsize=NOTE, colors=FAINT)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(FRAME)
    if logx:
        axes.set_xscale("log", base=logx)
    if logy:
        axes.set_yscale("log", base=logy)
    return axes


def bars(
    axes: "Axes", values: Mapping[str, float], colours: Mapping[str, str] = COLOURS, title: str = "", **style
) -> "Axes":
    """A horizontal bar for each name, the first one on top."""
    plain(axes, title)
    names = list(values)[::-1]
    axes.barh(names, [values[name] for name in names], color=[colours[name] for name in names], **style)
    axes.tick_params(axis="y", length=0)
    return axes


def interval_bars(
    axes: "Axes", found: Mapping[str, Sequence[float]], colours: Mapping[str, str] = COLOURS, title: str = "", **style
) -> "Axes":
    """Bars of means with whiskers, of [mean, low, high] for each name."""
    bars(axes, {name: one[0] for name, one in found.items()}, colours, title, **style)
    for i, one in enumerate(list(found.values())[::-1]):
        whisker(axes, i, one)
    return axes


def whisker(
    axes: "Axes", at: float, found: Iterable[float], color: str = INK, capsize: float = 4, **style
) -> None:
    """A line from low to high at height `at`, of [mean, low, high]."""
    mean, low, high = found
    axes.errorbar(mean, at, xerr=[[mean - low], [high - mean]], color=color, capsize=capsize, **style)


def percent(axes: "Axes", side: str = "y", low: float = -4, high: float = 104) -> None:
    """Ticks at 0, 50 and 100 % on an axis of percent."""
    axes.set(**{f"{side}lim": (low, high), f"{side}ticks": [0, 50, 100], f"{side}ticklabels": ["0", "50 %", "100 %"]})


def name_ticks(
    axes: "Axes", side: str, names: Sequence[str], colours: Mapping[str, str], broken: bool = False, **style
) -> None:
    """A name at 0, 1, ... of an axis, each in its colour; broken: into several lines."""
    axis: Axis = axes.xaxis if side == "x" else axes.yaxis
    words = [re.sub("(, |-|(?<=SqueezeNet) )", lambda gap: gap[0].rstrip() + "\n", name) for name in names]
    axis.set_ticks(range(len(names)), words if broken else list(names), **style)
    for label, name in zip(axis.get_ticklabels(), names):
        label.set_color(colours[name])
    axis.set_tick_params(length=0)


def cells(
    axes: "Axes",
    values: np.ndarray,
    words: Sequence[Sequence[str]],
    light: float,
    cmap: str,
    spacing: float | None = None,
    **style,
) -> None:
    """A table in colours: values (rows, columns) in [0, 1] with words on them, white on what is above `light`."""
    axes.imshow(values, cmap=cmap, vmin=0, vmax=1, **style)
    for (i, j), value in np.ndenumerate(values):
        axes.text(j, i, words[i][j], ha="center", va="center", size=NOTE, linespacing=spacing,
                  color="white" if value > light else INK)  # fmt: skip


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


def interval_curves(
    axes: "Axes",
    x: Sequence[float],
    found: Mapping[str, Sequence[Sequence[float]]],
    colours: Mapping[str, str] = COLOURS,
    marker: str = "o",
) -> None:
    """Curves of means within bands, of [mean, low, high] at each x, for each name."""
    for name, line in found.items():
        _, low, high = zip(*line)
        axes.fill_between(list(x)[: len(line)], low, high, color=colours[name], alpha=0.15, linewidth=0)
    curves(axes, x, {name: [one[0] for one in line] for name, line in found.items()}, colours, marker)


def name_ends(axes: "Axes", ends: Mapping[str, tuple[float, float]], colours: Mapping[str, str]) -> None:
    """Each name to the right of its point (x, y); `save` moves them apart where they would cover each other."""
    for name, end in ends.items():
        axes.annotate(
            name, end, (6, 0), textcoords="offset points", va="center", size=NOTE, color=colours[name],
            annotation_clip=False, gid=END, zorder=5, path_effects=halo(),
        )  # fmt: skip


def show(
    axes: "Axes",
    picture: np.ndarray,
    title: str = "",
    colour: str = INK,
    size: float = NOTE,
    weight: str = "normal",
    **style,
) -> None:
    """A picture on axes, without ticks, in a thin frame that shows where a white one ends."""
    axes.imshow(picture, interpolation="nearest", **style)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(color=FRAME, linewidth=0.6)
    axes.set_title(title, size=size, color=colour, weight=weight)


def show_row(
    part: "Figure | SubFigure", pictures: Sequence[np.ndarray], titles: Sequence[str], size: float = NOTE
) -> None:
    """Pictures beside each other, the names of methods above them in the methods' colours."""
    for axes, picture, title in zip(part.subplots(1, len(pictures), squeeze=False)[0], pictures, titles):
        show(axes, picture, title, COLOURS.get(title, INK), size)


def head(fig: "Figure", heading: str, note: str) -> "Figure":
    """The figure with its heading above and a note, such as the network's name, in the lower left corner."""
    fig.suptitle(heading, size=HEADING, weight="bold", color=INK, x=0.01, ha="left")
    fig.supxlabel(note, size=NOTE, color=FAINT, x=0.01, ha="left")
    return fig


def halo() -> "list[AbstractPathEffect]":
    """White around the letters of a name, so that it can be read where lines pass."""
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=3, foreground="white")]


def save(fig: "Figure", path: str | PathLike[str]) -> Path:
    """Write the figure; names at the ends of curves are moved apart where they would cover each other."""
    _spread_ends(fig)
    fig.set_layout_engine("none")  # it is settled, and takes as long as the drawing
    return figure.save(fig, path)


def _spread_ends(fig: "Figure") -> None:
    """Move the names at the ends of curves up until each has a line of its own, and down again to the axes' top."""
    from matplotlib.text import Annotation

    fig.draw_without_rendering()  # settles the layout, and so the scales
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
