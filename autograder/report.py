"""report.html: parts, points, mistakes, messages and pictures on one page that needs nothing else."""

import base64
import html
import io
import re
import textwrap
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from staff.grader import points
from staff.grader.results import Results, Test, write_whole

STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.3rem .6rem;
border-bottom:1px solid #ccc}td:nth-child(2){white-space:nowrap}meter{width:6rem}td ul{margin:0;padding-left:1rem}
pre{white-space:pre-wrap;background:#f5f5f5;padding:.6rem;overflow-wrap:anywhere}summary{cursor:pointer;margin:.3rem 0}
.row{display:flex;flex-wrap:wrap;gap:.8rem;margin:0 0 1.2rem}figure{margin:0}figcaption{font-size:.85rem;width:200px}
img{width:200px;image-rendering:pixelated;border:1px solid #ccc}.had{color:#176117}.not{color:#9c1c1c}
@media(prefers-color-scheme:dark){body{background:#181818;color:#ddd}pre{background:#262626}.had{color:#8fd18f}
.not{color:#f0a0a0}a{color:#9cf}}"""
SIZE = 224  # pixels of a picture's longer side, at most
BRIGHT = 99.5  # percent of the values lie below what is drawn white
MISTAKE = re.compile(r"It looks like this mistake: (.+)")
SHORT = 200  # characters of a message in the table
NAMED = 4  # mistakes of one part that the table names

Pictures = list[tuple[str, list[tuple[str, np.ndarray]]]]  # of one test: what was compared, then captions and maps


def write(path: Path, results: Results, pictures: dict[str, Pictures], table: dict) -> None:
    """pictures: of each public test; maps are (H, W) or (H, W, 3)."""
    rows, sections = [], []
    whose = f"{results.facts['submission']}: " if results.facts.get("submission") else ""
    points_had = "not graded" if results.ungraded else f"{results.score:g} of {results.max_score:g} points"
    heading = _text(f"{whose}{points_had}")
    for part, (had, most) in results.parts().items():
        tests = {name: test for name, test in results.tests.items() if test.part == part}
        title = _text(points.title(part, table))
        found = "".join(f"<li>{_text(line)}</li>" for line in mistakes(tests.values()))
        rows.append(
            f'<tr><td><a href="#{part}">{title}</a></td><td>{had:g} of {most:g}<br>'
            f'<meter max="{most:g}" value="{had:g}"></meter></td><td>{f"<ul>{found}</ul>" if found else ""}</td></tr>'
        )
        sections.append(f'<h2 id="{part}">{title}: {had:g} of {most:g}</h2>')
        sections += [_test(test, pictures.get(name, [])) for name, test in tests.items()]
    write_whole(
        path,
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Assignment 3: {heading}</title>'
        '<meta name="viewport" content="width=device-width"><meta http-equiv="Content-Security-Policy" '
        f"content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\"><style>{STYLE}</style>"
        f"<h1>{heading}</h1>{_note(results.facts.get('notes', []))}<table><tr><th>Part</th><th>Points</th>"
        f"<th>What to look at</th></tr>{''.join(rows)}</table><pre>{_text(chr(10).join(notes(results)))}</pre>"
        f"{''.join(sections)}</html>",
    )


def notes(results: Results) -> list[str]:
    """What staff should know beside the points, one sentence each."""
    facts = results.facts
    lines = [f"Seed of the hidden inputs: {facts['seed']}. Graded in {results.execution_time:.0f} s."]
    if facts.get("layers_missing"):
        lines.append(f"Layers of isolation that are missing here: {', '.join(facts['layers_missing'])}.")
    if facts.get("open_to_all"):
        lines.append(
            f"A call could leave something for the next in {', '.join(facts['open_to_all'][:10])}: close them."
        )
    lines += [
        f"The grader itself met a problem: {problem.strip()[:300]}" for problem in facts.get("grader_problems", [])
    ]
    return lines


def mistakes(tests: Iterable[Test]) -> list[str]:
    """The mistakes that these tests recognised; where they did none, the first failing one's message in short."""
    failed = [test for test in tests if test.score < test.max_score]
    found = list(dict.fromkeys(mistake for test in failed for mistake in MISTAKE.findall(test.output)))[:NAMED]
    return found or [textwrap.shorten(useful(test.output), SHORT, placeholder=" ...") for test in failed[:1]]


def useful(output: str) -> str:
    """The first line of a message, after what was asked and before what to read."""
    lines = output.partition("\n\n")[2].splitlines() or output.splitlines()
    return next((line.strip() for line in lines if line.strip()), output.strip())


def _note(lines: list[str]) -> str:
    return "".join(f"<p>{_text(line)}</p>" for line in lines)


def _test(test: Test, pictures: Pictures) -> str:
    right = test.score == test.max_score
    shown = "".join(
        f'<div class="row">{"".join(_figure(f"{name}: {caption}", array) for caption, array in row)}</div>'
        for name, row in pictures
    )
    return (
        f'<details{"" if right else " open"}><summary><span class="{"had" if right else "not"}">'
        f"{test.score:g} of {test.max_score:g}</span> {_text(test.name)}</summary><pre>{_text(test.output)}</pre>"
        f"{shown}</details>"
    )


def _figure(caption: str, grey: np.ndarray) -> str:
    step = max(1, -(-max(grey.shape[:2]) // SIZE))
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(grey[::step, ::step])).save(buffer, "PNG")
    data = base64.b64encode(buffer.getvalue()).decode()
    text = _text(caption)
    return f'<figure><img alt="{text}" src="data:image/png;base64,{data}"><figcaption>{text}</figcaption></figure>'


def compared(got: np.ndarray, expected: np.ndarray | None = None) -> list[tuple[str, np.ndarray]]:
    """The student's map, and the expected one on the same scale, and their difference on its own; (H, W) or (H, W, 3).

    Where nothing is expected, the student's alone.
    """
    known = [got] if expected is None else [got, expected]
    both = np.stack([np.nan_to_num(np.asarray(a, np.float64), nan=0, posinf=0, neginf=0) for a in known])
    low, high = (0.0 if both.min() >= 0 else np.percentile(both, 100 - BRIGHT)), np.percentile(both, BRIGHT)
    shown = [(caption, _grey(array, low, high)) for caption, array in zip(("yours", "expected"), both)]
    if expected is not None:
        difference = np.abs(both[0] - both[1])
        shown.append((f"difference, at most {difference.max():.2g}", _grey(difference, 0, difference.max())))
    return shown


def _grey(array: np.ndarray, low: float, high: float) -> np.ndarray:
    scale = 255 / (high - low) if high > low else 0
    return (np.clip(array, low, high) * scale - low * scale).astype(np.uint8)


def _text(text: str) -> str:
    return html.escape(text)
