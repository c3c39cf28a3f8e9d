"""report.html: parts, points, messages and pictures on one page that needs nothing else."""

import base64
import html
import io
from pathlib import Path

import numpy as np
from PIL import Image

from staff.grader.results import Results, write_whole

STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #ccc}
pre{white-space:pre-wrap;background:#f5f5f5;padding:.6rem;overflow-wrap:anywhere}summary{cursor:pointer}
figure{display:inline-block;margin:.4rem}img{width:180px;image-rendering:pixelated;border:1px solid #ccc}
.had{color:#176117}.not{color:#9c1c1c}
@media(prefers-color-scheme:dark){body{background:#181818;color:#ddd}pre{background:#262626}.had{color:#8fd18f}
.not{color:#f0a0a0}}"""
SIZE = 224  # pixels of a picture's longer side, at most


def write(path: Path, results: Results, pictures: dict[str, list[tuple[str, np.ndarray]]], table: dict) -> None:
    """pictures: of each public test, captions and maps (H, W) or (H, W, 3)."""
    titles = {name: f"{part['number']} {part['title']}" for name, part in table["parts"].items()} | {"rules": "Rules"}
    rows = "".join(
        f'<tr><td><a href="#{part}">{_text(titles[part])}</a></td><td>{had:g} of {most:g}</td></tr>'
        for part, (had, most) in results.parts().items()
    )
    sections = "".join(
        f'<h2 id="{part}">{_text(titles[part])}</h2>'
        + "".join(_test(test, pictures.get(name, [])) for name, test in results.tests.items() if test.part == part)
        for part in results.parts()
    )
    write_whole(
        path,
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Assignment 3: {results.score:g} points</title>'
        '<meta name="viewport" content="width=device-width"><meta http-equiv="Content-Security-Policy" '
        f"content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\"><style>{STYLE}</style>"
        f"<h1>{results.score:g} of {results.max_score:g} points</h1><table><tr><th>Part</th><th>Points</th></tr>{rows}"
        f"</table><pre>{_text(results.output)}</pre>{sections}</html>",
    )


def _test(test, pictures: list[tuple[str, np.ndarray]]) -> str:
    right = test.score == test.max_score
    shown = "".join(
        f'<figure><img alt="" src="{_picture(array)}"><figcaption>{_text(caption)}</figcaption></figure>'
        for caption, array in pictures
    )
    return (
        f'<details{"" if right else " open"}><summary><span class="{"had" if right else "not"}">'
        f"{test.score:g} of {test.max_score:g}</span> {_text(test.name)}</summary><pre>{_text(test.output)}</pre>"
        f"{shown}</details>"
    )


def _picture(array: np.ndarray) -> str:
    """A PNG, as a data address; the least value is black and the greatest white, and what is not finite is black."""
    array = np.nan_to_num(np.asarray(array, np.float64), nan=0, posinf=0, neginf=0)
    low, high = array.min(), array.max()
    grey = ((array - low) / (high - low) * 255 if high > low else np.zeros_like(array)).astype(np.uint8)
    step = max(1, -(-max(grey.shape[:2]) // SIZE))
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(grey[::step, ::step])).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _text(text: str) -> str:
    return html.escape(text)
