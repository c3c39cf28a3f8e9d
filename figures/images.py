"""The images that a script looks at, with their classes, and the network that they are shown to."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torchvision.transforms import v2

import pretrained
from figures import figure, script
from figures.canvas import pixels_of
from figures.figure import Bar, Row, short
from image_utils import preprocess

Maps = dict[str, list[np.ndarray]]  # by the name of the method: a map for each image
SIDE = 224  # pixels, the shorter side of a photograph


@dataclass(frozen=True)
class Images:
    """Images, the class that each is explained for, and how their figures are drawn.

    pixels: uint8 (H, W, 3) each, of any shapes. X: the same as the network wants them, (1, 3, H, W) each,
    ImageNet-normalised, on its device. y: the classes. titles: above the images.
    """

    pixels: list[np.ndarray]
    X: list[Tensor]
    y: list[int]
    titles: list[str]
    source: pretrained.Pretrained
    out: Path

    @property
    def model(self) -> nn.Module:
        return self.source.model

    def each(self, method: Callable[..., Any], *more: Any) -> Any:
        """What method(X, y, model, *more) gives, as a list with an array for each image.

        X is (N, 3, H, W) with all images where they are of one shape, else they come one by one.
        Where the method gives several things, as a tuple, that is a tuple of such lists.
        """
        y = torch.tensor(self.y, device=self.source.device)
        batches = list(zip(self.X, y[:, None]))
        if len({x.shape for x in self.X}) == 1:
            batches = [(torch.cat(self.X), y)]
        given = [method(X, labels, self.model, *more) for X, labels in batches]
        if isinstance(given[0], tuple):
            return tuple(_image_by_image(maps) for maps in zip(*given))
        return _image_by_image(given)

    def draw(self, rows: Sequence[Row], name: str, heading: str) -> Path:
        """Draw the images, and rows of their maps below, into the file of this name; returns its path."""
        rows = [Row(self.pixels, "image", self.titles), *(replace(row, panels=self._alike(row)) for row in rows)]
        return figure.grid(rows, self.out / name, self.source.name, heading)

    def draw_beside(
        self, columns: Mapping[str, Sequence[np.ndarray]], name: str, heading: str, text: str, bar: Bar | None = None
    ) -> Path:
        """Draw each image with its maps beside it, in columns with these titles, into the file of this name."""
        columns = {"image": self.pixels} | dict(columns)
        rows = [
            Row(panels, title, list(columns) if i == 0 else (), bar)
            for i, (title, *panels) in enumerate(zip(self.titles, *columns.values()))
        ]
        return figure.grid(rows, self.out / name, self.source.name, heading, text, columns=len(columns))

    def _alike(self, row: Row) -> list[np.ndarray]:
        """Maps as small as a layer at the size of their images: rounded, a layer has another aspect."""
        return [pixels_of(panel, image.shape[1], image.shape[0]) for panel, image in zip(row.panels, self.pixels)]


def add_image_option(arguments: argparse._ActionsContainer, default: str) -> None:
    arguments.add_argument(
        "--image",
        type=_number_or_file,
        nargs="+",
        action="extend",
        metavar="WHICH",
        help="a sample image by its number, counted from 1, or a picture of your own, of any size and format, by its "
        "file; several may be given. The whole of it is seen: it is made smaller until its shorter side has "
        f"{SIDE} pixels, and nothing is cut off. Its class is what the network says (default: {default})",
    )


def parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with the options of the scripts that explain images; description: the script's docstring."""
    arguments = script.parser(description)
    which = arguments.add_mutually_exclusive_group()
    which.add_argument("--num", type=script.count, default=5, help="how many of the sample images (default: 5)")
    add_image_option(which, "as many as --num says")
    arguments.add_argument(
        "--target", help="the class to explain, name or index, for all images (default: each image's own)"
    )
    return arguments


def chosen_images(
    args: argparse.Namespace, source: pretrained.Pretrained | None, target: str | None = None
) -> Images:
    """The images that `--image` names, or else the first `--num` of the samples.

    source: where it is loaded already. target: the class to explain, name or index, instead of each image's own; an
    image's own class is a sample's label, and of a photograph what the network says.
    """
    source = source or pretrained.from_arguments(args)
    if args.image is None and args.num > (there := len(source.images)):
        raise script.UserError(f"expected --num between 1 and {there}, got {args.num}: there are no more images")
    wanted = args.image or range(1, args.num + 1)
    found = [_sample(which, source) if isinstance(which, int) else (_photograph(which), None) for which in wanted]
    pixels = [image for image, _ in found]
    X = [preprocess(Image.fromarray(image), image.shape[:2]).to(source.device) for image in pixels]

    asked = None if target is None else script.class_index(target, source.class_names)
    y, titles = [], []
    for x, (_, label) in zip(X, found):
        own, title = _said(x, label if asked is None else asked, source)
        y.append(own)
        titles.append(short(source.class_names[own]) if args.image is None and asked is None else title)
    return Images(pixels, X, y, titles, source, Path(args.out))


def listed(words: Sequence[str]) -> str:
    """Each once: "cat, dog and bird"."""
    *others, last = dict.fromkeys(words)
    return f"{', '.join(others)} and {last}" if others else last


def percent(probability: float) -> str:
    """How sure the network is."""
    return "<1%" if 0 < probability < 0.005 else f"{probability:.0%}"


def as_array(maps: Tensor | np.ndarray) -> np.ndarray:
    return maps.detach().cpu().numpy() if isinstance(maps, Tensor) else maps


def _image_by_image(given: Sequence[Tensor | np.ndarray]) -> list[np.ndarray]:
    return [maps for batch in given for maps in as_array(batch)]


def _number_or_file(text: str) -> int | str:
    return script.count(text) if text.isdigit() else text


def _sample(number: int, source: pretrained.Pretrained) -> tuple[np.ndarray, int]:
    if number > (there := len(source.images)):
        raise script.UserError(f"expected --image between 1 and {there}, got {number}: choose one of these")
    return source.images[number - 1], int(source.labels[number - 1])


def _photograph(path: str) -> np.ndarray:
    """A picture of one's own as uint8 (H, W, 3), its shorter side SIDE pixels."""
    return np.array(v2.functional.resize(script.open_picture(path), [SIDE]))


def _said(x: Tensor, asked: int | None, source: pretrained.Pretrained) -> tuple[int, str]:
    """The class that is asked for, or else what the network says; and the title: the class and how sure it is."""
    with torch.no_grad():
        probabilities = source.model(x).softmax(dim=1)[0].tolist()
    says = max(range(len(probabilities)), key=probabilities.__getitem__)
    own = says if asked is None else asked
    title = f"{short(source.class_names[own])}\n{percent(probabilities[own])}"
    if says != own:
        title += f"\n(says {short(source.class_names[says])}, {percent(probabilities[says])})"
    return own, title
