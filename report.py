"""Fills your report with your figures: report-a3.pptx, and a PDF of it where LibreOffice is there.

    python report.py
    python report.py --check        only look: what is answered, and which figures are there

Expect report-a3.pptx, made from report-template-a3.pptx, with every figure of visualization/ in its place; a slide
whose figure is missing says which command makes it. Run it as often as you like: what you wrote into report-a3.pptx
stays, only the figures are renewed, also where another program has saved it.
"""

import pretrained  # noqa: F401 -- first: it says in words which package is missing

# isort: split
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops
from pptx import Presentation
from pptx.dml.color import RGBColor
from pptx.enum.dml import MSO_LINE
from pptx.exc import PackageNotFoundError
from pptx.opc.constants import RELATIONSHIP_TYPE as RT

from collect_submission import FIGURES, digest_file
from figures.figure import read_made
from figures.pairs import own_pairs
from figures.script import Parser, run
from figures.slides import Box, Found, copies, find_pictures, index, title, walk
from figures.slides import find as find_shape
from pretrained.files import whole

TEMPLATE = "report-template-a3.pptx"
REPORT = "report-a3.pptx"
BEFORE = "report-a3-before.pptx"
FRAME, PICTURE, ANSWER = "figure: ", "picture: ", "answer: "  # how the template names its shapes
TAGS = "Gradescope: ", "Do not tag this slide"  # how the line at the top of a slide begins
HERE = "python report.py puts the figure here"
RUN = ": run python "  # in what stands where a figure is missing
WRITE = "Write here."  # where an answer is to stand
OWN = "style_transfer_*_sources"  # of this, the newest that is not of a given pair: figures/pairs.py finds it
LAB = "lab_*"  # of these, the newest that is no --quick one: the figure of a lab
SCRIPTS = ("saliency_map", "gradcam", "fooling_image", "class_visualization", "style_transfer")
MAX_WORDS = 350
LETTER = r"[\u3041-\u30ff\u3400-\u9fff\uf900-\ufaff]"  # of Chinese and Japanese
COMPOUND = b"\xd0\xcf\x11\xe0"  # how a file with a password begins


class ReportError(Exception):
    """Something that the person at the keyboard can mend, in one sentence."""


def main(argv: Sequence[str] | None = None, root: Path | None = None) -> int:
    """Works in `root`, the folder of this file; returns the exit status."""
    parser = Parser(description="Fill the report with the figures in visualization/.")
    parser.add_argument(
        "--figures", type=os.path.expanduser, default=FIGURES, help="their folder (default: %(default)s)"
    )
    parser.add_argument("--check", action="store_true", help="only look: write nothing, say what each slide has")
    args = parser.parse_args(argv)
    root = root or Path(__file__).resolve().parent
    try:
        figures = root / FIGURES if args.figures == FIGURES else Path(args.figures)  # from where one stands
        if args.figures != FIGURES and not figures.is_dir():
            raise ReportError(f"expected a folder in --figures, got {args.figures!r}: correct it")
        if args.figures != FIGURES and not any(figures.glob("*.png")):
            hint = "name their folder, or leave --figures out"
            raise ReportError(f"expected figures in {args.figures!r}, found none: {hint}")
        name = choose(root)
        template, presentation = open_slides(root, TEMPLATE), open_slides(root, name)
        others = sorted({path.name for path in root.glob(REPORT.replace(".", "*."))} - {REPORT, BEFORE})
        if name == TEMPLATE and others:
            print(f"{REPORT} is not there: rename {others[0]}, if it is your report")
        if args.check:
            print(f"{name} has:")
            print("\n".join(check(presentation, template, figures, root)))
            return 0
        start = "your own" if name == REPORT else TEMPLATE
        done = fill(presentation, template, figures)
        if done.unknown:
            with whole(root / BEFORE) as beside:
                shutil.copyfile(root / name, beside)
        write(presentation, root / REPORT)
    except ReportError as problem:
        print(problem, file=sys.stderr)
        return 1
    print(f"{REPORT} is not complete, its other figures are renewed:" if done.lost else f"wrote {REPORT}, from {start}")
    for line in dict.fromkeys([*done.lost, *done.changed, *(command(name, figures) for name in done.missing)]):
        print(f"- {line}")
    if done.unknown:
        print(f"- {BEFORE} is the report as it was: {' and '.join(done.unknown)} did not say how they were made")
    for question, count in too_long(presentation, template):
        print(f"- the answer to {question!r} has {count} words, and at most {MAX_WORDS} are read: make it shorter")
    if done.lost:
        return 1
    print(export_pdf(root / REPORT))
    return 0


def choose(root: Path) -> str:
    """Name of the report where it is there, or else of the template."""
    return REPORT if (root / REPORT).exists() else TEMPLATE


def open_slides(root: Path, name: str) -> Any:
    if not (root / name).exists():
        raise ReportError(f"expected {name} in {root}, found none: take it from the handout again")
    try:
        opened = Presentation(str(root / name))
        listed = {slide.rId for slide in opened.slides._sldIdLst}
        for key in [one.rId for one in opened.part.rels.values() if one.reltype == RT.SLIDE and one.rId not in listed]:
            opened.part.drop_rel(key)  # a slide that was taken out of the list alone: its name will be another's
        for slide in opened.slides:
            list(walk(slide.shapes))  # what is damaged within is met here
        return opened
    except Exception as problem:  # a damaged file can raise nearly anything
        got = "another or a damaged file" + ("" if isinstance(problem, PackageNotFoundError) else f" ({problem})")
        with suppress(OSError), open(root / name, "rb") as file:
            if file.read(len(COMPOUND)) == COMPOUND:
                got = "one with a password, or of PowerPoint 2003"
        again = "save it as PowerPoint Presentation (.pptx) again, or move it away"
        raise ReportError(f"expected a presentation in {name}, got {got}: {again}") from None


def marks(slide: Any, *starts: str) -> dict[str, Box]:
    """The places of a template's slide that have a name which begins so."""
    return {found.shape.name: found.box for found in walk(slide.shapes) if found.shape.name.startswith(starts)}


@dataclass(frozen=True)
class Done:
    """Names of figures that are missing, sentences on frames that are not found, and on pairs that gave way to others,
    and names of pictures that were replaced and may have been a student's own.
    """

    missing: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def fill(presentation: Any, template: Any, figures: Path) -> Done:
    """Put each figure into its frame, in place of the one that was there.

    Frames and answers get the names again that another program has taken from them.
    """
    done, indexed = Done(), index(presentation.slides)
    for wanted in template.slides:
        places = marks(wanted, FRAME, ANSWER)
        slides = copies(wanted, indexed, {*places})
        for mark, box in places.items():
            there = [(slide, found) for slide in slides if (found := find_shape(slide, mark, box))]
            if not there:
                told = f"{mark!r} is not found: copy the slide from {TEMPLATE} again"
                done.lost.append(f"slide {title(wanted)!r}: {told}")
            for slide, found in there:
                if mark.startswith(ANSWER):
                    found.shape.name = mark
                    continue
                name = mark.removeprefix(FRAME)
                olds = find_pictures(slide, PICTURE + name, found.box)
                if own := find_own(found, olds, name, figures):
                    done.lost.append(f"slide {title(wanted)!r}: {own}")
                else:
                    found.shape.name = mark
                    renew(slide, found, olds, name, figures, done)
    return done


def renew(slide: Any, frame: Found, olds: Sequence[Found], name: str, figures: Path, done: Done) -> None:
    """Put a figure into its frame, in place of the old ones, and note what that changes."""
    path = find(name, figures)
    blobs = [old.image.blob for old in olds if old.image]
    made = [read_made(io.BytesIO(blob)) for blob in blobs]
    if path and any(not facts and not _same(blob, path) for facts, blob in zip(made, blobs)):
        done.unknown.append(name.split(" | ")[0])
    if not put(slide, frame, olds, name, figures):
        done.missing.append(name)
    elif path and (was := [facts["figure"] for facts in made if facts.get("figure", path.stem) != path.stem]):
        done.changed.append(f"{title(slide)} shows {path.stem} now, the newest; it was {was[0]}")
        for picture in find_pictures(slide, PICTURE + name, frame.box):
            picture.shape._element._nvXxPr.cNvPr.set("descr", path.stem.replace("_", " "))


def find_own(frame: Found, pictures: Sequence[Found], name: str, figures: Path) -> str:
    """Sentence on what the student has put where a figure belongs; "" where only what this file puts is there."""
    own = [] if frame.text in ("", HERE) or RUN in frame.text else ["text"]
    path = find(name, figures)
    for there in pictures:
        blob = there.image.blob if there.image else b""
        if PICTURE + name not in there.names and not read_made(io.BytesIO(blob)) and not (path and _same(blob, path)):
            own.append("picture")
    shown = name.split(" | ")[0].replace(OWN, "your own pair").replace(LAB, "your lab")
    return f"your own {own[0]} lies in the frame of {shown}: move it out, then python report.py" if own else ""


def put(slide: Any, frame: Found, olds: Sequence[Found], name: str, figures: Path) -> bool:
    """Put a figure into its frame, or there the command that makes it; returns True if the figure is there."""
    path, words = find(name, figures), ""
    if path is None and any(old.image for old in olds):  # which may be the only one that there is
        return False
    placed = path is not None and len(olds) == 1 and _exchange(slide, olds[0].shape, path, PICTURE + name)
    for old in [] if placed else olds:
        words = old.shape._element._nvXxPr.cNvPr.get("descr", "")
        old.shape._element.getparent().remove(old.shape._element)
    if placed or (path is not None and _place(slide, frame, path, PICTURE + name, words)):
        _say(frame.shape, "")
        frame.shape.line.fill.background()
        return True
    _say(frame.shape, command(name, figures))
    frame.shape.line.color.rgb, frame.shape.line.dash_style = RGBColor(0x5F, 0x63, 0x68), MSO_LINE.DASH
    return False


def check(presentation: Any, template: Any, figures: Path, root: Path) -> Iterator[str]:
    """Say of each slide with an answer or a figure what it has, and what is to do."""
    indexed = index(presentation.slides)
    numbers = {slide.slide_id: number for number, slide in enumerate(presentation.slides, 1)}
    for wanted in template.slides:
        places = marks(wanted, FRAME, ANSWER)
        tag = next((found.text for found in walk(wanted.shapes) if found.text.startswith(TAGS)), "")
        slides = copies(wanted, indexed, {*places}) if places else []
        if places and not slides:
            yield f"- slide {title(wanted)!r} is not there: copy it from {TEMPLATE} again"
        for slide in slides:
            told = []
            for mark, box in places.items():
                found = find_shape(slide, mark, box)
                kind, _, name = mark.partition(": ")
                if found is None:
                    if any(find_shape(other, mark, box) for other in slides):  # the slide was split in two
                        continue
                    told.append(f"the box for the {kind} is not found: copy the slide from {TEMPLATE} again")
                elif mark.startswith(ANSWER):
                    told.append(judge_answer(read_answer(slide, wanted, found)))
                else:
                    pictures = find_pictures(slide, PICTURE + name, found.box)
                    own = find_own(found, pictures, name, figures)
                    told.append(own or judge_figure(pictures, name, figures, root))
            if tag not in {found.text for found in walk(slide.shapes)}:
                told.append(f"its first line is gone: write {tag!r} there again")
            yield f"- slide {numbers[slide.slide_id]}, {title(wanted)}: {'; '.join(told)}"


def read_answer(slide: Any, wanted: Any, found: Found) -> str:
    """Text in the box for the answer and, where a slide has one answer, in boxes of the student's own."""
    text = "" if found.text == WRITE else found.text
    if len(marks(wanted, ANSWER)) > 1:
        return text
    given = {word for one in walk(wanted.shapes) for word in (one.shape.name, one.text)} - {""}
    skipped = [one._element for one in (found.shape, slide.shapes.title) if one is not None]
    own = [one.text for one in walk(slide.shapes) if one.shape._element not in skipped and not one.text.isdigit()
           and not given & {*one.names, one.text}]  # fmt: skip
    return "\n".join(filter(None, [text, *own]))


def count_words(text: str) -> int:
    """Count words, and of scripts without spaces letters, as programs for writing do."""
    words = [word for word in text.split() if re.search(r"\w", word)]
    return sum(len(re.findall(LETTER, word)) + bool(re.search(r"\w", re.sub(LETTER, "", word))) for word in words)


def judge_answer(text: str) -> str:
    count = count_words(text)
    if not text:
        return "not answered yet"
    return f"answered, {count} of {MAX_WORDS} words" + (": make it shorter" if count > MAX_WORDS else "")


def judge_figure(pictures: Sequence[Found], name: str, figures: Path, root: Path) -> str:
    """Say whether a figure is there, and was made by the code that is in `root`."""
    path = find(name, figures)
    image = next((picture.image for picture in pictures if picture.image), None)
    if image is None:
        return command(name, figures) if path is None else f"{path.name} is not in it yet: run python report.py"
    shown, again = name.split(" | ")[0], command(name, figures).rpartition(": ")[2]
    made = read_made(io.BytesIO(image.blob))
    if not made and path is not None and _same(image.blob, path):  # another program has saved it without its words
        made = read_made(path)
    if not made and name != LAB:
        return f"{shown} does not say how it was made: run python report.py"
    if "*" not in name and (made.get("figure") not in name.split(" | ") or made.get("options")):
        return f"{shown} is of a run of your own: {again}, then python report.py"
    if "*" in name and (network := made.get("options", {}).get("network")):
        return f"your own pair is of {network}: run python style_transfer.py without --weights and --model"
    changed = [file for file, digest in made.get("code", {}).items() if digest_file(root / file) != digest]
    if changed:
        return f"{shown} was made by another {changed[0]}: {again}, then python report.py"
    return "the figure is there" + (", made by the code that is here" if made.get("code") else "")


def find(name: str, figures: Path) -> Path | None:
    """Return the picture for a frame. name: names without ending, of which the first that is there counts."""
    if name == LAB:
        labs = filter(is_graded, figures.glob(f"{LAB}.png"))
        return max(labs, key=lambda lab: lab.stat().st_mtime, default=None)
    if "*" in name:
        newest = next(iter(own_pairs(figures)), None)
        return newest and newest[0 if name == OWN else 1]
    return next((path for stem in name.split(" | ") if is_graded(path := figures / f"{stem}.png")), None)


def is_graded(path: Path) -> bool:
    """Return True for a figure of the assignment's own run, by what it holds: not of another --image, say."""
    made = read_made(path)
    return made.get("figure") == path.stem and not made.get("options", True)


def command(name: str, figures: Path) -> str:
    """Say what to do about a figure that is missing, or is there and not the assignment's own."""
    files = [f"{stem}.png" for stem in name.split(" | ")]
    out = "" if figures.name == FIGURES else f" --out {figures}"
    if name == LAB:
        return f"A lab's figure is missing{RUN}-m labs.gradients.one_backward{out}, or the lab that you have chosen"
    if "*" in name:
        return f"Your own pair is missing{RUN}style_transfer.py{out} --content PICTURE --style PAINTING"
    script = next(script for script in SCRIPTS if name.startswith(script))
    other = next((file for file in files if (figures / file).exists()), "")
    told = f"{other} is not as its script wrote it" if other else f"{' or '.join(files)} is missing"
    return f"{told}{RUN}{script}.py{out}"


def too_long(presentation: Any, template: Any) -> Iterator[tuple[str, int]]:
    indexed = index(presentation.slides)
    for wanted in template.slides:
        for mark, box in marks(wanted, ANSWER).items():
            for slide in copies(wanted, indexed, {mark}):
                found = find_shape(slide, mark, box)
                if found and (count := count_words(read_answer(slide, wanted, found))) > MAX_WORDS:
                    yield mark.removeprefix(ANSWER), count


def write(presentation, path: Path) -> None:
    try:
        with whole(path.resolve()) as beside:  # a link, to a folder that is shared, say, stays one
            presentation.save(str(beside))
    except OSError as problem:
        raise ReportError(
            f"{path.name} could not be written ({problem.strerror}): "
            "close the program that shows it, make room, or make its folder writable"
        ) from None


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
            with whole(path.with_suffix(".pdf")) as beside:
                shutil.copyfile(made, beside)
        except (OSError, subprocess.TimeoutExpired):
            return f"No PDF, as LibreOffice failed: {by_hand}."
    return f"wrote {path.with_suffix('.pdf').name}"


def _usual_places() -> tuple[str, ...]:
    return (
        "/Applications/LibreOffice.app/Contents/MacOS/soffice",
        r"C:\Program Files\LibreOffice\program\soffice.exe",
    )


def _place(slide: Any, frame: Found, path: Path, name: str, alt: str) -> bool:
    """The picture in the middle of its frame, as large as fits, its aspect kept; False if it is no picture.

    alt: what the one before it had for those who do not see it.
    """
    try:
        with Image.open(path) as picture:
            width, height = picture.size
        left, top, wide, high = frame.box
        scale = min(wide / width, high / height)
        size = round(width * scale), round(height * scale)
        corner = round(left + (wide - size[0]) / 2), round(top + (high - size[1]) / 2)
        shape = slide.shapes.add_picture(str(path), *corner, *size)
    except Exception:  # a damaged file can raise nearly anything, and slides take few formats
        return False
    shape.name = name
    words = shape._element.nvPicPr.cNvPr
    words.set("descr", alt or path.stem.replace("_", " "))
    words.set("title", name)  # which Google Slides keeps, unlike the name
    frame.outermost._element.addnext(shape._element)  # right above its frame
    return True


def _exchange(slide: Any, old: Any, path: Path, name: str) -> bool:
    """Show the file in an old picture's place, as it is cropped; False where it has not as many pixels."""
    try:
        with Image.open(path) as picture:
            if old.image.size != picture.size:
                return False
        number = slide.part.get_or_add_image_part(str(path))[1]
    except Exception:  # a damaged file can raise nearly anything, and a picture may be a link
        return False
    element: Any = old._element
    before, element.blipFill.blip.rEmbed = element.blipFill.blip.rEmbed, number
    if before != number:
        slide.part.drop_rel(before)  # the old one, if nothing else shows it
    old.name = name
    element.nvPicPr.cNvPr.set("title", name)
    return True


def _same(blob: bytes, path: Path) -> bool:
    """Return True if two pictures show the same pixels."""
    try:
        with Image.open(io.BytesIO(blob)) as one, Image.open(path) as other:
            difference = ImageChops.difference(one.convert("RGB"), other.convert("RGB"))
            return one.size == other.size and not difference.getbbox()
    except Exception:  # a damaged file can raise nearly anything
        return False


def _say(frame, words: str) -> None:
    """In the letters that the template chose."""
    runs = frame.text_frame.paragraphs[0].runs
    if runs:
        runs[0].text = words
    else:
        frame.text_frame.text = words


if __name__ == "__main__":
    run(main)
