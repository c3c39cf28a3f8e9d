"""Runs all five scripts and writes one page that shows every picture: visualization/index.html.

    python -m figures
    python -m figures --weights embedded

A part that is not written yet does not keep the others from being shown; the page says which are missing.
"""

import base64
import html
import importlib
import io
import os
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

import pretrained
from figures import script
from figures.figure import Picture
from figures.pairs import START, own_pairs

MOST = 8_000_000  # bytes of the whole page: it is to be sent to somebody
WORDS = 50_000  # of them for what is no picture
QUALITIES = (95, 92, 89, 86, 83, 80, 75, 70)  # of JPEG, the first with which the page is no larger


@dataclass
class Chapter:
    """What one script has to show, and why not where it has not."""

    script: str  # its name, without .py
    title: str
    question: str
    pictures: Sequence[Picture] = field(default_factory=list)
    problem: str = ""


def chapters() -> list[Chapter]:
    return [
        Chapter(
            "saliency_map",
            "Saliency maps",
            "Which pixels is the score of a class most sensitive to? One gradient, with respect to the image instead "
            "of the weights, answers it.",
        ),
        Chapter(
            "gradcam",
            "Grad-CAM",
            "Where in the image is the evidence for a class? The last layers know what, and still roughly where.",
        ),
        Chapter(
            "fooling_image",
            "Fooling images",
            "How little must change until the network says something else? Compare the two pictures.",
        ),
        Chapter(
            "class_visualization",
            "Class visualization",
            "What is the network's idea of a class? Climb from noise to the image that its score likes best.",
        ),
        Chapter(
            "style_transfer",
            "Style transfer",
            "What are content and style to a network? Content is its features; style is which of them go together.",
        ),
    ]


def main(argv: Sequence[str] | None = None, source: pretrained.Pretrained | None = None) -> int:
    """Returns the exit status: 0 if every script made its pictures, else 1."""
    parser = script.parser(__doc__)
    args = parser.parse_args(argv)
    source = source or pretrained.from_arguments(args, paints=True)
    options = ["--weights", args.weights, "--out", args.out, "--seed", str(args.seed)]
    options += ["--show"] if args.show else []
    made = chapters()
    for chapter in made:
        start = time.perf_counter()
        print(f"\n{chapter.title}: python {chapter.script}.py")
        run(chapter, options, source)
        print(chapter.problem or f"{time.perf_counter() - start:.0f} s")
    made[-1].pictures = [*made[-1].pictures, *of_ones_own(Path(args.out), made[-1].pictures)]
    path = write(page(made, source), Path(args.out) / "index.html")
    missing = [chapter for chapter in made if chapter.problem]
    for chapter in missing:
        print(f"\n{chapter.title} is missing. {chapter.problem}")
    print(f"\nOpen {path} in a browser to see all pictures.")
    return 1 if missing else 0


def run(chapter: Chapter, options: list[str], source: pretrained.Pretrained) -> None:
    """Run the chapter's script; whatever goes wrong in it must not keep the others from running."""
    try:
        chapter.pictures = importlib.import_module(chapter.script).main(options, source)
    except script.MISTAKES as mistake:
        chapter.problem = script.sentence(mistake)
    except Exception as mistake:  # a mistake in code that is being written
        traceback.print_exc()
        chapter.problem = f"error: {type(mistake).__name__}: {mistake}"


def of_ones_own(folder: Path, already: Sequence[Picture]) -> list[Picture]:
    """The pairs that style_transfer.py made earlier of one's own pictures, the newest first."""
    pictures = []
    for sources, result in own_pairs(folder):
        if all(picture.path != result for picture in already):
            name = result.stem.removeprefix(START).replace("_", " ")
            pictures += [Picture.of(sources, OWN["sources"], name=name), Picture.of(result, OWN["result"], name=name)]
    return pictures


def page(made: Sequence[Chapter], source: pretrained.Pretrained) -> str:
    """The page, with its style and its pictures in it: one file of at most MOST bytes, to be sent to somebody."""
    images = packed([picture.path for chapter in made for picture in chapter.pictures])
    return document(
        "What does a convolutional network see?",
        "Every picture of the assignment, made by the code in this folder.\n"
        f"The network that is looked into: <strong>{html.escape(source.name)}</strong>.",
        {chapter.script: chapter.title for chapter in made},
        "".join(_section(chapter, images) for chapter in made),
    )


def document(title: str, introduction: str, links: Mapping[str, str], sections: str) -> str:
    """A whole page. links: the id of each section and what it is called; introduction, sections: HTML."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<h1>{title}</h1>
<p>{introduction}</p>
<nav>
{chr(10).join(f'<a href="#{name}">{words}</a>' for name, words in links.items())}
</nav>
</header>
<main>
{sections}</main>
</body>
</html>
"""


def write(text: str, path: Path) -> Path:
    """Write the file beside `path`, then rename it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return path


def packed(paths: Sequence[Path], most: int = MOST - WORDS) -> dict[Path, str]:
    """Each picture as the src of an image: JPEG of the best quality with which all together have `most` letters.

    Colours are kept at full size (4:4:4), since the maps are of coloured dots; from quality 86 up no difference to the
    PNG is to be seen. Lossless they would be twice as large as a page may be.
    """
    sources: dict[Path, str] = {}
    for quality in QUALITIES:
        sources = {path: _jpeg(path, quality) for path in paths}
        if sum(map(len, sources.values())) <= most:
            break
    return sources


def _jpeg(path: Path, quality: int) -> str:
    data = io.BytesIO()
    with Image.open(path) as picture:
        picture.convert("RGB").save(data, "JPEG", quality=quality, subsampling="4:4:4")
    return f"data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode()}"


def _section(chapter: Chapter, images: Mapping[Path, str]) -> str:
    problem = f'<p class="problem">{html.escape(chapter.problem)}</p>\n' if chapter.problem else ""
    figures = "".join(shown(picture, images[picture.path]) for picture in chapter.pictures)
    return f"""<section id="{chapter.script}">
<h2>{chapter.title}</h2>
<p class="question">{html.escape(chapter.question)} <code>python {chapter.script}.py</code></p>
{problem}{figures}</section>
"""


def shown(picture: Picture, image: str) -> str:
    """A picture with its title and caption, in HTML. image: its src, as `packed` gives it."""
    with Image.open(picture.path) as opened:
        width, height = opened.size  # known ahead, nothing jumps while the page loads
    title = html.escape(picture.title)
    return f"""<figure>
<figcaption><h3>{title}</h3>
<p>{html.escape(picture.caption)}</p></figcaption>
<img src="{image}" width="{width}" height="{height}" alt="{title}">
</figure>
"""


OWN = {  # of each picture of a pair of one's own: its title, and what to look at
    "sources": ("Your own pair, {name}: the sources", "Two pictures that you chose for style_transfer.py."),
    "result": ("Your own pair, {name}: the result", "The one in the style of the other, as it was made last."),
}
STYLE = """
:root { --ink: #1d1d1f; --faint: #5f6368; --paper: #f6f5f2; --card: #ffffff; --line: #dedbd4; --accent: #8a4b08; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ececec; --faint: #a8abb0; --paper: #16171a; --card: #212327; --line: #34373d; --accent: #f0b26b; }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 4rem; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 17px/1.55 system-ui, sans-serif; }
header, main { max-width: 1400px; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2.5rem; }
h1, h2, h3, p { margin: 0; text-wrap: pretty; }
h1 { font-size: clamp(1.8rem, 4vw, 2.6rem); line-height: 1.15; margin-bottom: .6rem; letter-spacing: -.02em; }
h2 { font-size: 1.7rem; letter-spacing: -.01em; }
h3 { font-size: 1.1rem; }
nav { display: flex; flex-wrap: wrap; gap: .5rem; padding: 1.25rem 0 0; }
nav a { color: var(--accent); text-decoration: none; border: 1px solid var(--line); border-radius: 99px;
  padding: .25rem .9rem; background: var(--card); }
nav a:hover, nav a:focus-visible { border-color: var(--accent); }
section { padding: 3rem 0 0; }
section:last-child { padding-bottom: 4rem; }
.question { color: var(--faint); max-width: 46rem; margin: .3rem 0 1.25rem; }
code { font: .88em ui-monospace, monospace; color: var(--accent); white-space: nowrap; }
.problem { border-left: 4px solid var(--accent); padding: .75rem 1rem; background: var(--card); }
figure { margin: 0 0 1.75rem; padding: 1.25rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 12px; }
figcaption { max-width: 52rem; margin-bottom: 1rem; }
figcaption p { color: var(--faint); }
table { border-collapse: collapse; margin: 0 0 1.75rem; font-size: .95rem; }
th, td { text-align: left; padding: .3rem 1.25rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--faint); font-weight: 600; }
img { display: block; max-width: 100%; height: auto; border-radius: 6px; background: white; }
"""
