"""Fills your report with your figures: report-a3.pptx, and a PDF of it where LibreOffice is there.

    python report.py

Expect report-a3.pptx, made from report-template-a3.pptx, with every figure of visualization/ in its place; a slide
whose figure is missing says which command makes it. Run it as often as you like: what you wrote into report-a3.pptx
stays, only the figures are renewed.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image
from pptx import Presentation
from pptx.dml.color import RGBColor
from pptx.enum.dml import MSO_LINE
from pptx.exc import PackageNotFoundError

from figures.figure import read_made
from figures.pairs import own_pairs
from figures.script import Parser

TEMPLATE = "report-template-a3.pptx"
REPORT = "report-a3.pptx"
FRAME, PICTURE, ANSWER = "figure: ", "picture: ", "answer: "  # how the template names its shapes
OWN = "style_transfer_*_sources"  # of this, the newest that is not of a given pair: figures/pairs.py finds it
LAB = "lab_*"  # of these, the newest: the figure of a lab
SCRIPTS = ("saliency_map", "gradcam", "fooling_image", "class_visualization", "style_transfer")
MAX_WORDS = 350


class ReportError(Exception):
    """Something that the person at the keyboard can mend, in one sentence."""


def main(argv: Sequence[str] | None = None, root: Path | None = None) -> int:
    """Works in `root`, the folder of this file; returns the exit status."""
    parser = Parser(description="Fill the report with the figures in visualization/.")
    parser.add_argument("--figures", default="visualization", help="their folder (default: visualization)")
    args = parser.parse_args(argv)
    root = root or Path(__file__).resolve().parent
    try:
        presentation, start = open_report(root)
        missing = fill(presentation, root / args.figures)
        write(presentation, root / REPORT)
    except ReportError as problem:
        print(problem, file=sys.stderr)
        return 1
    print(f"wrote {REPORT}, from {start}")
    for line in dict.fromkeys(map(command, missing)):
        print(f"- {line}")
    for name, count in too_long(presentation):
        print(f"- the answer to {name!r} has {count} words, and at most {MAX_WORDS} are read: make it shorter")
    print(export_pdf(root / REPORT))
    return 0


def open_report(root: Path):
    """The report as it is, or else the template; and which of them it was."""
    name = REPORT if (root / REPORT).exists() else TEMPLATE
    if not (root / name).exists():
        raise ReportError(f"expected {TEMPLATE} in {root}, found none: take it from the handout again")
    try:
        return Presentation(str(root / name)), "your own" if name == REPORT else name
    except (PackageNotFoundError, KeyError, ValueError, OSError) as problem:
        raise ReportError(f"expected a presentation in {name}, got {problem}: move it away and try again") from None


def fill(presentation, figures: Path) -> list[str]:
    """Put each figure into its frame, in place of the one that was there; returns the names of those missing."""
    missing = []
    for slide in presentation.slides:
        frames = [shape for shape in slide.shapes if shape.name.startswith(FRAME)]
        for frame in frames:
            name = frame.name.removeprefix(FRAME)
            for shape in [shape for shape in slide.shapes if shape.name == PICTURE + name]:
                shape._element.getparent().remove(shape._element)
            path = find(name, figures)
            if path is not None and _place(slide, frame, path, PICTURE + name):
                _say(frame, "")
                frame.line.fill.background()
            else:
                missing.append(name)
                _say(frame, command(name))
                frame.line.color.rgb, frame.line.dash_style = RGBColor(0x5F, 0x63, 0x68), MSO_LINE.DASH
    return missing


def find(name: str, figures: Path) -> Path | None:
    """Return the picture for a frame. name: names without ending, of which the first that is there counts."""
    if name == LAB:
        return max(figures.glob(f"{LAB}.png"), key=lambda lab: lab.stat().st_mtime, default=None)
    if "*" in name:
        newest = next(iter(own_pairs(figures)), None)
        return newest and newest[0 if name == OWN else 1]
    return next((path for stem in name.split(" | ") if is_graded(path := figures / f"{stem}.png")), None)


def is_graded(path: Path) -> bool:
    """Return True for a figure of the assignment's own run, by what it holds: not of another --image, say."""
    made = read_made(path)
    return made.get("figure") == path.stem and not made.get("options", True)


def command(name: str) -> str:
    """Say what to do about a missing figure."""
    stem = name.split(" | ")[0]
    if stem == LAB:
        return "A lab's figure is missing: run python -m labs.gradients.one_backward, or the lab that you have chosen"
    if "*" in stem:
        return "Your own pair is missing: run python style_transfer.py --content PICTURE --style PAINTING"
    script = next(script for script in SCRIPTS if stem.startswith(script))
    names = " or ".join(f"{name}.png" for name in name.split(" | "))
    return f"{names} is missing: run python {script}.py"


def too_long(presentation) -> Iterator[tuple[str, int]]:
    for slide in presentation.slides:
        for shape in slide.shapes:
            if shape.name.startswith(ANSWER) and (count := len(shape.text_frame.text.split())) > MAX_WORDS:
                yield shape.name.removeprefix(ANSWER), count


def write(presentation, path: Path) -> None:
    """Beside its place, then renamed."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        presentation.save(str(beside))
        beside.replace(path)
    except OSError as problem:
        raise ReportError(
            f"{path.name} could not be written ({problem.strerror}): close the program that shows it"
        ) from None
    finally:
        beside.unlink(missing_ok=True)


def export_pdf(path: Path) -> str:
    """Let LibreOffice, where it is there, write the PDF beside the report; returns what to tell."""
    office = next(filter(None, map(shutil.which, ("soffice", "libreoffice", *_usual_places()))), None)
    by_hand = f"export {path.name} as PDF from the program that you write it with"
    if office is None:
        return f"No PDF, as LibreOffice is not there: {by_hand}."
    with tempfile.TemporaryDirectory() as folder:  # a profile of its own: it works while LibreOffice is open, too
        profile = Path(folder, "profile").as_uri()
        order = [office, f"-env:UserInstallation={profile}", "--headless", "--convert-to", "pdf", "--outdir", folder]
        made = Path(folder, path.with_suffix(".pdf").name)
        try:
            subprocess.run([*order, str(path)], capture_output=True, timeout=150)
            shutil.copyfile(made, path.with_suffix(".pdf"))
        except (OSError, subprocess.TimeoutExpired):
            return f"No PDF, as LibreOffice failed: {by_hand}."
    return f"wrote {path.with_suffix('.pdf').name}"


def _usual_places() -> tuple[str, ...]:
    return (
        "/Applications/LibreOffice.app/Contents/MacOS/soffice",
        r"C:\Program Files\LibreOffice\program\soffice.exe",
    )


def _place(slide, frame, path: Path, name: str) -> bool:
    """The picture in the middle of its frame, as large as fits, its aspect kept; False if it is no picture."""
    try:
        with Image.open(path) as picture:
            width, height = picture.size
    except (OSError, SyntaxError):
        return False
    scale = min(frame.width / width, frame.height / height)
    size = round(width * scale), round(height * scale)
    left = frame.left + (frame.width - size[0]) // 2
    top = frame.top + (frame.height - size[1]) // 2
    shape = slide.shapes.add_picture(str(path), left, top, *size)
    shape.name = name
    shape._element.nvPicPr.cNvPr.set("descr", path.stem.replace("_", " "))
    frame._element.addnext(shape._element)  # right above its frame
    return True


def _say(frame, words: str) -> None:
    """In the letters that the template chose."""
    runs = frame.text_frame.paragraphs[0].runs
    if runs:
        runs[0].text = words
    else:
        frame.text_frame.text = words


if __name__ == "__main__":
    sys.exit(main())
