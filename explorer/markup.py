"""Pieces of the page as HTML, made by the templates in pieces.html.

Pictures travel inside the page, so that nothing of a student's is written to disk. What is no markup is escaped.
"""

import base64
import html
import io
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup
from PIL import Image

from figures.figure import short
from pretrained import Pretrained

NARROW = "\u202f"  # a space at which no line is broken


def escape(words: Any) -> Markup:
    """Words as they are, whatever signs they hold; Gradio, too, finds no template in them."""
    if isinstance(words, Markup):
        return words
    return Markup(html.escape(str(words)).replace("{", "&#123;").replace("$", "&#36;"))


def data_url(pixels: np.ndarray, kind: str = "PNG") -> Markup:
    """A picture, uint8 (H, W, 3), as an address that holds all of it."""
    file = io.BytesIO()
    options = {"compress_level": 1} if kind == "PNG" else {"quality": 85}
    Image.fromarray(pixels).save(file, kind, **options)
    return Markup(f"data:image/{kind.lower()};base64,{base64.b64encode(file.getvalue()).decode()}")


def percent(p: float) -> str:
    """A probability as people read it: nothing is certain, and nothing impossible."""
    said = "> 99%" if p > 0.995 else f"{p:.0%}" if p >= 0.01 else "< 1%"
    return said.replace(" ", NARROW).replace("%", f"{NARROW}%")


def _template() -> Any:
    folder = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=folder, autoescape=True, finalize=escape, trim_blocks=True, lstrip_blocks=True)
    environment.globals.update(url=data_url, percent=percent)
    return environment.get_template("pieces.html").module


pieces = _template()
picture, figure, missing, bars = pieces.picture, pieces.figure, pieces.missing, pieces.bars


def waiting(title: str) -> Markup:
    """A figure that is not there yet."""
    return figure([pieces.blank("not computed yet")], title)


def notice(*sentences: str) -> Markup:
    """Sentences on what went wrong, or what to know; nothing where there are none."""
    return pieces.notice([sentence[:1].upper() + sentence[1:] for sentence in sentences if sentence])


def thumbs(source: Pretrained, chosen: int | None) -> Markup:
    """The samples as buttons; the chosen one is marked."""
    return pieces.thumbs(_small(source), chosen)


@cache
def _small(source: Pretrained) -> list[tuple[str, Markup]]:
    """Each sample's name, and its small picture."""
    names = [short(source.class_names[label]) for label in source.labels]
    return [
        (name, data_url(np.asarray(Image.fromarray(pixels).resize((96, 96))), "JPEG"))
        for name, pixels in zip(names, source.images)
    ]


def curves(lines: Mapping[str, Sequence[float]], title: str, x: str) -> Markup:
    """Lines of probabilities over the steps from 0, in the page's colours. Each has a dash of its own."""
    width, height, left, top, bottom = 480, 200, 58, 16, 30
    steps = max(max((len(values) for values in lines.values()), default=1) - 1, 1)

    def across(i: int) -> float:
        return left + (width - left - 10) * i / steps

    def down(value: float) -> float:
        return top + (height - bottom - top) * (1 - value)

    points = {
        name: " ".join(f"{across(i):.1f},{down(value):.1f}" for i, value in enumerate(values))
        for name, values in lines.items()
    }
    ends = ", ".join(f"{name} ends at {percent(values[-1])}" for name, values in lines.items() if len(values))
    heights = [(f"{share:.0%}", down(share)) for share in (0, 0.5, 1)]
    return pieces.curves(title, ends, points, heights, (width, height, left), f"{x} {steps}")
