"""The pictures that one looks at: the samples, and one's own, whatever file they come in."""

import hashlib
import os
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from explorer.worker import Problem, noting
from figures.figure import short
from figures.script import UserError, open_picture
from image_utils import open_image
from pretrained import Pretrained

SIZE = 224  # the shorter side, as the networks saw it in training
LARGE = 512  # the shorter side of what is painted from, at most
MOST_BYTES = 20_000_000


@dataclass(frozen=True, eq=False)
class Subject:
    """A picture that one looks at, as the network sees it."""

    pixels: np.ndarray  # uint8 (H, W, 3)
    key: str  # what tells it from every other
    name: str  # what is in it, as far as is known
    number: int | None = None  # of a sample, from 0; one's own has none
    label: int | None = None  # the class of a sample
    mask: np.ndarray | None = None  # bool (H, W), True on the object
    note: str = ""  # what was done to it
    own: np.ndarray | None = None  # one's own picture, as large as it is painted from

    @property
    def large(self) -> np.ndarray:
        return self.pixels if self.own is None else self.own


def sample(source: Pretrained, number: int) -> Subject:
    """The sample picture of this number, from 0."""
    label = int(source.labels[number])
    return Subject(
        pixels=source.images[number],
        key=f"{source.kind} {number}",
        name=short(source.class_names[label]),
        number=number,
        label=label,
        mask=None if source.masks is None else source.masks[number],
    )


def own(path: Path) -> Subject:
    """A picture of one's own: upright, in RGB, its shorter side SIZE pixels. Raises Problem, in one sentence."""
    try:
        if path.stat().st_size > MOST_BYTES:
            megabytes = f"{path.stat().st_size / 1e6:.0f} MB"
            raise Problem(f"expected a file of at most {MOST_BYTES / 1e6:.0f} MB, got {megabytes}: make it smaller")
        frames = _frames(path)
        picture, notes = noting(lambda: open_picture(str(path)))
    except (UserError, OSError) as problem:  # the server's name for the file says nothing to who dropped it
        raise Problem(str(problem).replace(str(path), "the file")) from None
    pixels = _resize(picture, SIZE)
    notes = [note.replace(str(path), "the file") for note in notes]
    notes += [f"it is animated, in {frames} frames: this is the first"] if frames > 1 else []
    key = f"own {hashlib.sha256(pixels.tobytes()).hexdigest()}"
    return Subject(pixels, key, "your picture", note="; ".join(notes), own=_most(picture))


def take_upload(dropped: dict[str, Any]) -> Subject:
    """A picture that the browser sent, by the file that it lies in, which is deleted. Raises Problem."""
    try:
        path = Path(dropped["path"]).resolve()
        there = path.is_relative_to(Path(os.environ["GRADIO_TEMP_DIR"]).resolve()) and path.is_file()
    except (TypeError, LookupError, ValueError):  # what no browser sends
        there = False
    if not there:
        raise Problem("expected a file that was dropped here, got another one: drop it again")
    try:
        return own(path)
    finally:
        path.unlink(missing_ok=True)  # it was needed once: nobody finds it on the disk


@cache
def large(path: Path) -> np.ndarray:
    """A picture of this repository, as large as it is painted from."""
    return _most(open_image(path))


def small(pixels: np.ndarray) -> np.ndarray:
    """The picture for a look at it: the shorter side SIZE pixels."""
    return _resize(Image.fromarray(pixels), SIZE)


def _most(picture: Image.Image) -> np.ndarray:
    return _resize(picture, min(LARGE, *picture.size))


def _resize(picture: Image.Image, shorter: int) -> np.ndarray:
    return np.asarray(ImageOps.cover(picture, (shorter, shorter), Image.Resampling.BICUBIC))


def _frames(path: Path) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # open_image notes them
        try:
            with Image.open(path) as image:
                return getattr(image, "n_frames", 1)
        except Exception:  # open_image says in words what is the matter
            return 1
