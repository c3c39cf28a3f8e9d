"""Runs all five scripts and writes one page that shows every picture: visualization/index.html.

    python -m figures
    python -m figures --weights embedded

A part that is not written yet does not keep the others from being shown; the page says which are missing.
"""

import base64
import importlib
import io
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

import pretrained
from figures import script
from figures.figure import Picture
from figures.pairs import START, own_pairs
from pretrained.ending import tell
from pretrained.files import write_whole

MOST = 8_000_000  # bytes of the whole page: it is to be sent to somebody
WORDS = 100_000  # of them for what is no picture
QUALITIES = (95, 92, 89, 86, 83, 80, 75, 70, 65, 60)  # of JPEG, the first with which the page is no larger


@dataclass
class Section:
    """A part of a page, for one script or lab: what it has to show, and why not where it has not."""

    name: str
    title: str
    question: str
    command: str
    pictures: Sequence[Picture] = ()
    problem: str = ""
    link: str = ""  # what the link to it says, if that is not its title
    columns: Sequence[str] = ()  # of a table below the pictures
    rows: Sequence[Sequence[str]] = ()


@dataclass(frozen=True)
class Inline:
    """A picture that stands in the page itself, and its size, so that nothing jumps while the page loads."""

    url: str
    width: int
    height: int


SCRIPTS = {  # its title, and the question that it answers
    "saliency_map": (
        "Saliency maps",
        "Which pixels is the score of a class most sensitive to? One gradient, with respect to the image instead of "
        "the weights, answers it.",
    ),
    "gradcam": (
        "Grad-CAM",
        "Where in the image is the evidence for a class? The last layers know what, and still roughly where.",
    ),
    "fooling_image": (
        "Fooling images",
        "How little must change until the network says something else? Compare the two pictures.",
    ),
    "class_visualization": (
        "Class visualization",
        "What is the network's idea of a class? Climb from noise to the image that its score likes best.",
    ),
    "style_transfer": (
        "Style transfer",
        "What are content and style to a network? Content is its features; style is which of them go together.",
    ),
}


def main(argv: Sequence[str] | None = None, source: pretrained.Pretrained | None = None) -> int:
    """Return the exit status: 0 if every script made its pictures, else 1."""
    args = script.parser(__doc__).parse_args(argv)
    source = source or pretrained.from_arguments(args, paints=True)
    options = ["--weights", args.weights, "--out", args.out, "--seed", str(args.seed)]
    options += ["--show"] if args.show else []
    sections = []
    for name, (title, question) in SCRIPTS.items():
        start = time.perf_counter()
        section = Section(name, title, question, f"python {name}.py")
        print(f"\n{title}: {section.command}")
        section.pictures, section.problem = run(partial(_run_script, name, options, source))
        print(section.problem or f"{time.perf_counter() - start:.0f} s")
        sections.append(section)
    sections[-1].pictures = [*sections[-1].pictures, *list_own_pairs(Path(args.out), sections[-1].pictures)]
    introduction = "Every picture of the assignment, made by the code in this folder.\nThe network that is looked into:"
    page = fill_page("What does a convolutional network see?", introduction, source.name, sections)
    path = write_whole(Path(args.out) / f"index{script.name_run(args, source)}.html", page)
    missing = [section for section in sections if section.problem]
    for section in missing:
        print(f"\n{section.title} is missing. {section.problem}")
    print(f"\nOpen {path} in a browser to see all pictures.")
    return 1 if missing else 0


def run(make: Callable[[], Any]) -> tuple[Any, str]:
    """Return what a script or lab makes and "", or () and why not: no mistake in one must keep others from running."""
    try:
        return make(), ""
    except Exception as mistake:
        if not (words := script.sentence(mistake)):  # a mistake in code that is being written
            traceback.print_exc()
            words = f"error: {type(mistake).__name__}: {tell(mistake)}"
        return (), words


def _run_script(name: str, options: Sequence[str], source: pretrained.Pretrained) -> Sequence[Picture]:
    return importlib.import_module(name).main(options, source)


def list_own_pairs(folder: Path, already: Sequence[Picture]) -> list[Picture]:
    """List the pairs that style_transfer.py made earlier of one's own pictures, the newest first."""
    pictures = []
    for sources, result in own_pairs(folder):
        if all(picture.path != result for picture in already):
            name = result.stem.removeprefix(START).replace("_", " ")
            pictures += [Picture.of(sources, OWN["sources"], name=name), Picture.of(result, OWN["result"], name=name)]
    return pictures


def fill_page(title: str, introduction: str, network: str, sections: Sequence[Section]) -> str:
    """Fill page.html: one file with its style and its pictures in it, of at most MOST bytes, to be sent to somebody."""
    import jinja2

    folder = jinja2.FileSystemLoader(Path(__file__).parent)
    pages = jinja2.Environment(loader=folder, autoescape=True, trim_blocks=True)
    images = pack([picture.path for section in sections for picture in section.pictures])
    return pages.get_template("page.html").render(
        title=title, introduction=introduction, network=network, sections=sections, images=images
    )


def pack(paths: Sequence[Path], most: int = MOST - WORDS) -> dict[Path, Inline]:
    """Make of each picture a JPEG, of the best quality with which all together have `most` letters.

    Colours are kept at full size (4:4:4), since the maps are of coloured dots; from quality 86 up no difference to the
    PNG is to be seen. Lossless they would be twice as large as a page may be.
    """
    images: dict[Path, Inline] = {}
    for quality in QUALITIES:
        images = {path: embed(path, quality) for path in paths}
        if sum(len(image.url) for image in images.values()) <= most:
            break
    return images


def embed(path: Path, quality: int) -> Inline:
    """Make a picture a JPEG of this quality within the URL that shows it."""
    data = io.BytesIO()
    with Image.open(path) as picture:
        picture.convert("RGB").save(data, "JPEG", quality=quality, subsampling="4:4:4")
        return Inline(f"data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode()}", *picture.size)


OWN = {  # of each picture of a pair of one's own: its title, and what to look at
    "sources": ("Your own pair, {name}: the sources", "Two pictures that you chose for style_transfer.py."),
    "result": ("Your own pair, {name}: the result", "The one in the style of the other, as it was made last."),
}
