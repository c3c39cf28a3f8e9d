"""The images that a script looks at, with their classes, and the network that they are shown to."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

import pretrained
from figures import figure, script
from figures.figure import Bar, Row, short
from image_utils import preprocess

Maps = dict[str, list[np.ndarray]]  # by the name of the method: a map for each image


@dataclass(frozen=True)
class Images:
    """Images, the class that each is explained for, and how their figures are drawn.

    pixels: uint8 (H, W, 3) each. X: the same as the network wants them, (N, 3, H, W), ImageNet-normalised, on its
    device. y: (N,), the classes. titles: above the images.
    """

    pixels: list[np.ndarray]
    X: Tensor
    y: Tensor
    titles: list[str]
    source: pretrained.Pretrained
    out: Path

    @property
    def model(self) -> nn.Module:
        return self.source.model

    def each(self, method: Callable[..., Any], *more: Any) -> Any:
        """What method(X, y, model, *more) gives, as a list with an array for each image.

        Where it gives several things, as a tuple, that is a tuple of such lists.
        """
        given = method(self.X, self.y, self.model, *more)
        if isinstance(given, tuple):
            return tuple(list(as_array(maps)) for maps in given)
        return list(as_array(given))

    def draw(self, rows: Sequence[Row], name: str, heading: str) -> Path:
        """Draw the images, and rows of their maps below, into the file of this name; returns its path."""
        rows = [Row(self.pixels, "image", self.titles), *rows]
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


def parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with the options of the scripts that explain several images; description: the script's docstring."""
    arguments = script.parser(description)
    arguments.add_argument("--num", type=script.count, default=5, help="how many of the sample images (default: 5)")
    return arguments


def first_images(args: argparse.Namespace, source: pretrained.Pretrained | None) -> Images:
    """The first `--num` of the sample images, each with its own class. source: where it is loaded already."""
    source = source or pretrained.from_arguments(args)
    if args.num > (there := len(source.images)):
        raise script.UserError(f"expected --num between 1 and {there}, got {args.num}: there are no more images")
    return _samples(slice(args.num), source, Path(args.out))


def one_image(args: argparse.Namespace, source: pretrained.Pretrained | None) -> Images:
    """The sample image number `--image`, counted from 1."""
    source = source or pretrained.from_arguments(args)
    if args.image > (there := len(source.images)):
        raise script.UserError(f"expected --image between 1 and {there}, got {args.image}: choose one of these")
    return _samples(slice(args.image - 1, args.image), source, Path(args.out))


def as_array(maps: Tensor | np.ndarray) -> np.ndarray:
    return maps.detach().cpu().numpy() if isinstance(maps, Tensor) else maps


def _samples(which: slice, source: pretrained.Pretrained, out: Path) -> Images:
    pixels, labels = list(source.images[which]), source.labels[which]
    return Images(
        pixels=pixels,
        X=torch.cat([preprocess(Image.fromarray(image), image.shape[:2]) for image in pixels]).to(source.device),
        y=torch.from_numpy(labels).to(source.device),
        titles=[short(source.class_names[label]) for label in labels.tolist()],
        source=source,
        out=out,
    )
