"""Builds report-template-a3.pptx, the slides that students write into.

    make report-template
"""

import datetime
import io
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from pptx import Presentation
from pptx.dml.color import RGBColor
from pptx.enum.dml import MSO_LINE
from pptx.enum.text import MSO_ANCHOR, MSO_AUTO_SIZE, PP_ALIGN
from pptx.oxml.ns import qn
from pptx.util import Inches, Pt

from autograder.files import PUBLIC, make_zip, write_whole
from report import ANSWER, FRAME, HERE, LAB, MAX_WORDS, OWN, WRITE

NAME = "report-template-a3.pptx"
WIDTH, HEIGHT, MARGIN, TOP = 13.333, 7.5, 0.55, 1.15  # inches
FONT = "Arial"
INK, FAINT, ACCENT, PAPER = (RGBColor.from_string(c) for c in ("1D1D1F", "5F6368", "8A4B08", "F6F5F2"))
NOT_TAGGED = "Do not tag this slide on Gradescope"


class TemplateError(ValueError):
    """The template is not what this script builds."""


@dataclass(frozen=True)
class Figure:
    """names: as report.py looks for them. caption: below it. share: of the slide's width."""

    names: str
    caption: str
    share: float = 1


@dataclass(frozen=True)
class Slide:
    title: str
    tag: str = ""  # what it is tagged as; empty: not at all
    question: str = ""
    figures: tuple[Figure, ...] = ()
    answer: str = ""  # the placeholder of the answer


IMPLEMENTATION_1 = (
    "To get the saliency maps of N images, the scores of their classes are summed and one backward pass is run, "
    "instead of N. Why does every image get the very gradient that it would get alone? Name one layer, and the mode "
    "that it must be in, with which this would no longer hold, and say what you would then do."
)
IMPLEMENTATION_2 = (
    "Guided backprop changes what happens at every ReLU on the way back. Which values does the ReLU's own rule let "
    "through, which does guided backprop, and what is gained and lost by the difference? Why do its maps of two "
    "classes for one image look so alike, while Grad-CAM's do not (see visualization/gradcam_classes.png)?"
)
COMPARISON = (
    "What do saliency map and Grad-CAM tell you? How are they different? Is one better than the other? "
    "Use your own figures as evidence."
)
USE_SALIENCY = (
    "You are asked to use saliency maps to show a user, such as a physician or a judge, why a network decided as it "
    "did. Would you? When does a saliency map help, what can it not show, and how would you find out whether to trust "
    "it? Draw on your figures, the fooling image, and your reading."
)
REGULARIZATION = (
    "Class visualization holds the image down by L2 regularization, jitter, clamping and blur. What does each of them "
    "do? Leave one out, or make it stronger (the visualizer takes l2_reg, blur_every and max_jitter), and say what "
    "becomes of the picture and why."
)
INSIGHTS = (
    "How many steps did it take, and how large is the difference? What does it say about the network that so little is "
    "enough? Would the fooling image fool another network, or the same one after printing and photographing it?"
)
LAB_CHOSEN = (
    "Which lab did you choose, and what does it ask? What did you see: which numbers of your run answer the question, "
    "and does that agree with the paper? What would you measure next?"
)


def slides() -> list[Slide]:
    made = [
        *_ask("Implementation question 1", IMPLEMENTATION_1),
        *_ask("Implementation question 2", IMPLEMENTATION_2),
        Slide("Saliency maps, your own", "1.1 Saliency maps", figures=(
            Figure("saliency_map", "The image above, its saliency map below (python saliency_map.py)."),)),
        Slide("Saliency with Captum", "1.5 Saliency with Captum", figures=(
            Figure("saliency_map_captum", "Original, integrated gradients, saliency (python saliency_map.py)."),)),
        Slide("Guided backprop, Grad-CAM and Guided Grad-CAM, your own", "1.2 Grad-CAM", figures=(
            Figure("gradcam", "Image, guided backprop, Grad-CAM, Guided Grad-CAM (python gradcam.py)."),)),
        Slide("Guided backprop and Guided Grad-CAM with Captum", "1.5 Grad-CAM with Captum", figures=(
            Figure("gradcam_captum", "Image, guided backprop, Guided Grad-CAM (python gradcam.py)."),)),
        Slide("Layers and neurons with Captum", "1.5 Layers and neurons", figures=(
            Figure("gradcam_layers", "Image, Layer Grad-CAM, layer conductance, layer activation, one neuron "
                   "(python gradcam.py)."),)),
        Slide("Saliency maps and Grad-CAM compared", "1.2 Comparison", COMPARISON, answer=WRITE),
        Slide("Fooling image", "1.3 Fooling image", figures=(
            Figure("fooling_image", "Original, fooling image, their difference, ten times the difference "
                   "(python fooling_image.py)."),)),
        Slide("Fooling image: insights", "1.3 Insights", INSIGHTS, answer=WRITE),
        Slide("Class visualization: gorilla", "1.4 Class visualization", figures=(
            Figure("class_visualization_gorilla", "From the first iteration to the last "
                   "(python class_visualization.py)."),)),
        Slide("Class visualization: Yorkshire terrier", "1.4 Class visualization", figures=(
            Figure("class_visualization_yorkshire_terrier",
                   "From the first iteration to the last (python class_visualization.py)."),)),
        *_ask("Use saliency?", USE_SALIENCY),
        *_ask("Regularization", REGULARIZATION),
        _pair("Composition VII", "composition_vii | style_transfer_composition", "composition"),
        _pair("The Scream", "the_scream | style_transfer_waves", "waves"),
        _pair("Starry Night", "starry_night | style_transfer_flow", "flow"),
        Slide("Unleash your creativity", "2.5 Your own pair", figures=(
            Figure(OWN, "Two originals of your own: name them, and where they are from.", 0.6),
            Figure(OWN.removesuffix("_sources"), "The one in the style of the other "
                   "(python style_transfer.py --content PICTURE --style PAINTING).", 0.4))),
        Slide("Paper review: summary", "3 Paper review", "Which paper is it (one of the three of the assignment)? What "
              "problem does it solve, what is its main idea, and what did its authors find?", answer=WRITE),
        Slide("Paper review: strengths and weaknesses", "3 Paper review", "What convinces you in the paper, and what "
              "does not? Which experiment would you have liked to see?", answer=WRITE),
        Slide("Paper review: what it means to you", "3 Paper review", "What did you learn from it? How does it change "
              "what you read from your own figures in this report?", answer=WRITE),
        Slide("A lab of your choice: its figure", "A lab of your choice", figures=(
            Figure(LAB, "The figure of one lab; with several, the newest (make labs, or python -m labs.ROOM.LAB)."),)),
        Slide("A lab of your choice: what was seen", "A lab of your choice", LAB_CHOSEN, answer=WRITE),
    ]  # fmt: skip
    return made


def build() -> bytes:
    """The template, always the same bytes."""
    presentation = Presentation()
    presentation.slide_width, presentation.slide_height = Inches(WIDTH), Inches(HEIGHT)
    _title_slide(presentation)
    for number, slide in enumerate(slides(), 2):
        _add(presentation, slide, number)
    properties = presentation.core_properties
    properties.title, properties.author = "Assignment 3: report", ""
    properties.created = properties.modified = datetime.datetime(2026, 1, 1)
    properties.last_modified_by = ""
    file = io.BytesIO()
    presentation.save(file)
    with zipfile.ZipFile(file) as made:  # with the times of now, and compressed as this machine does
        names = sorted(made.namelist(), key=lambda name: (name != "[Content_Types].xml", name))
        return make_zip({name: made.read(name) for name in names})


def check(path: Path) -> None:
    """Raise TemplateError unless the file is what `build` builds today."""
    if not path.is_file() or path.read_bytes() != build():
        raise TemplateError(f"expected {NAME} as template.py builds it, got another: make report-template")


def main() -> int:
    path = Path(__file__).resolve().parents[2] / NAME
    write_whole(path, build(), PUBLIC)
    print(f"wrote {path}")
    return 0


def _ask(title: str, question: str) -> tuple[Slide, Slide]:
    answer = f"{title} Your answer" if title.endswith("?") else f"{title}: your answer"
    return Slide(title, question=question), Slide(answer, title, answer=WRITE)


def _pair(title: str, stem: str, ours: str) -> Slide:
    classic = stem.split(" | ")[0]
    note = f"(without the course's pictures: a pagoda and {ours})"
    return Slide(f"Style transfer: Tübingen and {title}", "2.4 Style transfer", figures=(
        Figure(f"style_transfer_{classic}_sources | style_transfer_{ours}_sources", f"Content and style source {note}.",
               0.6),
        Figure(f"style_transfer_{stem}", "The result (python style_transfer.py).", 0.4)))  # fmt: skip


def _title_slide(presentation) -> None:
    slide = _blank(presentation, "Assignment 3: what does a convolutional network see?", 2.3, 40)
    _words(slide, "name", MARGIN, 3.7, WIDTH - 2 * MARGIN, 1.6, ["Your name", "Your Georgia Tech email"], 22, FAINT)
    _words(slide, "course", MARGIN, 5.7, WIDTH - 2 * MARGIN, 0.5, ["CS 7643, Deep Learning"], 16, FAINT)
    _mark(slide, "")


def _add(presentation, made: Slide, number: int) -> None:
    slide = _blank(presentation, made.title, 0.35, 28)
    _mark(slide, made.tag)
    box = _words(slide, "number", WIDTH - MARGIN - 1, HEIGHT - 0.45, 1, 0.3, [str(number)], 11, FAINT, PP_ALIGN.RIGHT)
    field = box.text_frame.paragraphs[0].runs[0]._r  # which counts the slides that a student adds, too
    field.tag = qn("a:fld")
    field.set("id", "{B6F15528-21DE-4FAA-801E-634DDDAF4B2B}")
    field.set("type", "slidenum")
    top = TOP
    if made.question:
        height = 1.15 if made.answer else 3
        size = 16 if made.answer else 22
        _words(slide, "question", MARGIN, top, WIDTH - 2 * MARGIN, height, [made.question], size, INK)
        top += height
    left = MARGIN
    for figure in made.figures:
        width = (WIDTH - 2 * MARGIN) * figure.share - (0.15 if figure.share < 1 else 0)
        _frame(slide, figure, left, top, width, HEIGHT - top - 0.95)
        left += width + 0.3
    if made.answer:
        _words(slide, "limit", MARGIN, HEIGHT - 0.45, 8, 0.3, [f"At most {MAX_WORDS} words"], 13, ACCENT)
        height = HEIGHT - top - 0.6
        box = _words(slide, ANSWER + made.title, MARGIN, top, WIDTH - 2 * MARGIN, height, [made.answer], 14, INK)
        box.fill.solid()
        box.fill.fore_color.rgb = PAPER


def _blank(presentation, title: str, top: float, size: int):
    """A slide with its title, which programs list and read out."""
    slide = presentation.slides.add_slide(presentation.slide_layouts[5])  # "title only"
    box = slide.shapes.title
    box.left, box.top, box.width, box.height = (Inches(x) for x in (MARGIN, top, WIDTH - 2 * MARGIN, 0.75))
    frame = box.text_frame
    frame.word_wrap, frame.vertical_anchor = True, MSO_ANCHOR.MIDDLE
    frame.margin_left = frame.margin_right = 0
    frame.text = title
    _style(frame.paragraphs[0], size, INK, bold=True)
    return slide


def _mark(slide, tag: str) -> None:
    """Top right: whether, and as what, the slide is tagged."""
    words = f"Gradescope: {tag}" if tag else NOT_TAGGED
    _words(slide, "gradescope", MARGIN, 0.12, WIDTH - 2 * MARGIN, 0.3, [words], 13, FAINT if tag else ACCENT)


def _frame(slide, figure: Figure, left: float, top: float, width: float, height: float) -> None:
    box = _words(slide, FRAME + figure.names, left, top, width, height, [HERE], 14, FAINT, PP_ALIGN.CENTER)
    box.text_frame.vertical_anchor = MSO_ANCHOR.MIDDLE
    box.line.color.rgb, box.line.width, box.line.dash_style = FAINT, Pt(1), MSO_LINE.DASH
    _words(slide, f"caption: {figure.names}", left, top + height + 0.03, width, 0.5, [figure.caption], 13, FAINT)


def _words(slide, name: str, left, top, width, height, lines, size: int, color, align=PP_ALIGN.LEFT):
    box = slide.shapes.add_textbox(*(Inches(x) for x in (left, top, width, height)))
    box.name = name
    if name.startswith((FRAME, ANSWER)):  # the alt text stays where Google Slides renames the box
        box._element._nvXxPr.cNvPr.set("descr", name)
    frame = box.text_frame
    frame.word_wrap, frame.auto_size = True, MSO_AUTO_SIZE.NONE
    frame.margin_left = frame.margin_right = Inches(0.1) if name.startswith(ANSWER) else 0
    for i, line in enumerate(lines):
        paragraph = frame.paragraphs[0] if i == 0 else frame.add_paragraph()
        paragraph.text = line
        _style(paragraph, size, color, align)
    return box


def _style(paragraph, size: int, color, align=PP_ALIGN.LEFT, bold: bool = False) -> None:
    paragraph.alignment = align
    for font in (paragraph.font, *(run.font for run in paragraph.runs)):
        font.size, font.name, font.bold, font.color.rgb = Pt(size), FONT, bold, color


if __name__ == "__main__":
    sys.exit(main())
