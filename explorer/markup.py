"""Pieces of the page as HTML: pictures with a text of what is in them, bars, curves, and sentences.

Pictures travel inside the page, so that nothing of a student's is written to disk.
"""

import base64
import html
import io
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from PIL import Image

from figures.figure import short
from pretrained import Pretrained

NARROW = "\u202f"  # a space at which no line is broken


def text(words: str) -> str:
    """Words as they are, whatever signs they hold."""
    return html.escape(words).replace("{", "&#123;").replace("$", "&#36;")


def picture(pixels: np.ndarray, alt: str, classes: str = "") -> str:
    """uint8 (H, W, 3), exactly as it is; alt: what is in it."""
    height, width = pixels.shape[:2]
    return (
        f'<img src="{data_url(pixels)}" width="{width}" height="{height}" alt="{text(alt)}" '
        f'class="{classes}" decoding="sync">'
    )


def data_url(pixels: np.ndarray, kind: str = "PNG") -> str:
    file = io.BytesIO()
    options = {"compress_level": 1} if kind == "PNG" else {"quality": 85}
    Image.fromarray(pixels).save(file, kind, **options)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"


def figure(pictures: Sequence[str], title: str, caption: str = "", under: Sequence[str] = ()) -> str:
    """Pictures beside each other under a title, each with a line under it, and a caption."""
    under = under or [""] * len(pictures)
    columns = "".join(
        f'<div class="x-cell">{image}<p class="x-under">{line}</p></div>' for image, line in zip(pictures, under)
    )
    return (
        f'<figure class="x-figure"><h3>{text(title)}</h3><div class="x-cells x-{len(pictures)}">{columns}</div>'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def thumbs(source: Pretrained, chosen: int | None) -> str:
    """The samples as buttons; the chosen one is marked."""
    buttons = "".join(
        f'<button type="button" data-number="{i}" aria-pressed="{str(i == chosen).lower()}" title="{name}">'
        f"{image}</button>"
        for i, (name, image) in enumerate(_small(source))
    )
    return f'<div class="x-thumbs" role="group" aria-label="sample pictures">{buttons}</div>'


@cache
def _small(source: Pretrained) -> list[tuple[str, str]]:
    """Each sample's name, and its small picture as HTML."""
    names = [text(short(source.class_names[label])) for label in source.labels]
    urls = [data_url(np.asarray(Image.fromarray(pixels).resize((96, 96))), "JPEG") for pixels in source.images]
    return [(name, f'<img src="{url}" width="96" height="96" alt="{name}">') for name, url in zip(names, urls)]


def waiting(title: str, count: int = 1) -> str:
    """A figure that is not there yet."""
    return figure(['<div class="x-blank" role="img" aria-label="not computed yet"></div>'] * count, title)


def missing(title: str, sentence: str) -> str:
    """A figure that cannot be shown, and why."""
    return f'<figure class="x-figure"><h3>{text(title)}</h3>{notice(sentence)}</figure>'


def notice(*sentences: str) -> str:
    """What went wrong, or what to know, in words; nothing where there are none."""
    lines = "".join(f"<p>{text(sentence[:1].upper() + sentence[1:])}</p>" for sentence in sentences if sentence)
    return f'<div class="x-notice" role="status">{lines}</div>' if lines else ""


def bars(names: Sequence[str], probabilities: Sequence[float], label: str) -> str:
    """Names with their probabilities, as bars."""
    rows = "".join(
        f'<li><button type="button" data-row="{i}"><span class="x-name">{text(name)}</span>'
        f'<span class="x-bar"><span style="width:{100 * p:.1f}%"></span></span>'
        f'<span class="x-number">{percent(p)}</span></button></li>'
        for i, (name, p) in enumerate(zip(names, probabilities))
    )
    return f'<ol class="x-bars" aria-label="{text(label)}">{rows}</ol>'


def percent(p: float) -> str:
    """A probability as people read it: nothing is certain, and nothing impossible."""
    said = "> 99%" if p > 0.995 else f"{p:.0%}" if p >= 0.01 else "< 1%"
    return said.replace(" ", NARROW).replace("%", f"{NARROW}%")


def curves(lines: Mapping[str, Sequence[float]], title: str, x: str, highest: float = 1) -> str:
    """Lines over the steps from 0, as a drawing that follows the page's colours. Each has a dash of its own."""
    width, height, left, top, bottom = 480, 200, 58, 16, 30
    steps = max(max((len(values) for values in lines.values()), default=1) - 1, 1)

    def point(i: int, value: float) -> str:
        across = left + (width - left - 10) * i / steps
        return f"{across:.1f},{top + (height - bottom - top) * (1 - value / highest):.1f}"

    marks = "".join(
        f'<line x1="{left}" x2="{width - 10}" y1="{y:.1f}" y2="{y:.1f}" class="x-grid"/>'
        f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{share * highest:.0%}</text>'
        for share in (0, 0.5, 1)
        for y in [top + (height - bottom - top) * (1 - share)]
    )
    drawn = "".join(
        f'<polyline points="{" ".join(point(i, v) for i, v in enumerate(values))}" class="x-line x-line-{k}"/>'
        for k, values in enumerate(lines.values())
    )
    last = ", ".join(f"{name} ends at {percent(values[-1] / highest)}" for name, values in lines.items() if len(values))
    names = "".join(f'<li class="x-key-{k}">{text(name)}</li>' for k, name in enumerate(lines))
    return (
        f'<figure class="x-figure x-curve"><h3>{text(title)}</h3>'
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{text(f"{title}: {last}")}">{marks}{drawn}'
        f'<text x="{left}" y="{height - 8}">0</text><text x="{width - 10}" y="{height - 8}" text-anchor="end">'
        f"{text(x)} {steps}</text></svg><ul class='x-keys'>{names}</ul></figure>"
    )
