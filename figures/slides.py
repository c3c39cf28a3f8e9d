"""Slides and their shapes, found again whatever a program has made of them: Google Slides renames, people group."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pptx.oxml.ns import qn
from pptx.parts.image import Image
from pptx.shapes.group import GroupShape
from pptx.shapes.picture import Picture

Box = tuple[float, float, float, float]  # left, top, width, height on the slide
RENAMED = "Google Shape;"  # then the name that the shape had, or a number, and the slide's
COMPATIBILITY = "http://schemas.openxmlformats.org/markup-compatibility/2006"
SHAPES = {qn(f"p:{kind}") for kind in ("sp", "grpSp", "graphicFrame", "cxnSp", "pic", "contentPart")}
OVERLAP = 0.5  # of two places that count as one: what they share, of what they cover together


@dataclass(frozen=True)
class Found:
    """A shape; its place on the slide; and the outermost group that it lies in, or itself."""

    shape: Any
    box: Box
    outermost: Any

    @property
    def names(self) -> set[str]:
        """Its name, its alt text and the title of that, as they were before Google Slides renamed it."""
        said = self.shape._element._nvXxPr.cNvPr
        words = {said.get(key, "") for key in ("name", "descr", "title")}
        return words | {word.split(";")[1] for word in words if word.startswith(RENAMED)}

    @property
    def text(self) -> str:
        if getattr(self.shape, "has_table", False):
            return " ".join(word for cell in self.shape.table.iter_cells() for word in cell.text.split())
        return " ".join(self.shape.text_frame.text.split()) if self.shape.has_text_frame else ""

    @property
    def image(self) -> Image | None:
        """The picture that it shows, where that is in the file: it may be a link to another one."""
        try:
            return self.shape.image if isinstance(self.shape, Picture) else None
        except (KeyError, ValueError):
            return None


def walk(shapes: Any, outermost: Any = None, stretch: Box = (0, 0, 1, 1)) -> Iterator[Found]:
    """Yield the shapes of a slide, those in groups as well. stretch: how the group moves and enlarges what it holds."""
    left, top, across, down = stretch
    for shape in map(shapes._shape_factory, _elements(shapes)):
        if isinstance(shape, GroupShape):
            inside: Any = shape._element.xfrm
            extent = None if inside is None else inside.chExt
            if extent is not None and extent.cx and extent.cy:
                a, b = across * shape.width / extent.cx, down * shape.height / extent.cy
                moved = (left + across * shape.left - a * inside.chOff.x, top + down * shape.top - b * inside.chOff.y)
                yield from walk(shape.shapes, outermost or shape, (*moved, a, b))
            else:
                yield from walk(shape.shapes, outermost or shape, stretch)
        elif None not in (shape.left, shape.top, shape.width, shape.height):
            box = (left + across * shape.left, top + down * shape.top, across * shape.width, down * shape.height)
            yield Found(shape, box, outermost or shape)


def _elements(shapes: Any) -> Iterator[Any]:
    """Yield the elements of a slide's shapes; of an equation's two that for new programs."""
    for element in shapes._element:
        choice = element.find(f"{{{COMPATIBILITY}}}Choice")
        yield from (one for one in (choice if choice is not None else [element]) if one.tag in SHAPES)


def title(slide: Any) -> str:
    """Title of a slide, "" where it has none."""
    return " ".join(slide.shapes.title.text_frame.text.split()) if slide.shapes.title is not None else ""


def index(slides: Any) -> list[tuple[Any, set[str]]]:
    """List the slides, each with all names and texts that it holds, for `copies`."""
    shapes = [(slide, list(walk(slide.shapes))) for slide in slides]
    return [(slide, {word for found in inside for word in (*found.names, found.text)}) for slide, inside in shapes]


def copies(wanted: Any, indexed: Sequence[tuple[Any, set[str]]], names: set[str]) -> list[Any]:
    """List the slides that hold a shape with one of these names, or else have the slide's title, or its words.

    A slide that has another's title, and a shape of such a name of its own, is that one: something was pasted there.
    """
    words, kinds = {title(wanted)}, {name.partition(": ")[0] for name in names}
    others = [{one for one in there - names if one.partition(": ")[0] in kinds} for _, there in indexed]
    named = [slide for (slide, there), more in zip(indexed, others)
             if there & names and (title(slide) in words or not more)]  # fmt: skip
    titled = [slide for slide, there in indexed if there & words]
    return named or [slide for slide in titled if title(slide) in words] or titled


def find(slide: Any, name: str, box: Box) -> Found | None:
    """Find the box for text that has this name, or else the one that lies where it lay; None if neither is there."""
    boxes = [found for found in walk(slide.shapes) if found.shape.has_text_frame]
    if named := next((found for found in boxes if name in found.names), None):
        return named
    nearest = max(boxes, key=lambda found: share(found.box, box), default=None)
    return nearest if nearest and share(nearest.box, box) >= OVERLAP else None


def find_pictures(slide: Any, name: str, box: Box) -> list[Found]:
    """Find the pictures that have this name, and those that fill the box from edge to edge, in its middle."""
    near = 0.02 * max(box[2:])

    def fills(other: Box) -> bool:
        centred = all(abs(other[i] + other[i + 2] / 2 - box[i] - box[i + 2] / 2) <= near for i in (0, 1))
        return centred and any(abs(other[i] - box[i]) <= near for i in (2, 3))

    pictures = [found for found in walk(slide.shapes) if isinstance(found.shape, Picture)]
    return [found for found in pictures if name in found.names or fills(found.box)]


def share(one: Box, other: Box) -> float:
    """Area that two boxes share, as a part of what they cover together."""
    width, height = (
        max(0, min(one[i] + one[i + 2], other[i] + other[i + 2]) - max(one[i], other[i])) for i in (0, 1)
    )
    return width * height / max(1, one[2] * one[3] + other[2] * other[3] - width * height)
