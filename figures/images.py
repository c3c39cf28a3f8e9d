"""The images that a script looks at, with their classes, and the network that they are shown to."""

import argparse
import io
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
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
from figures.canvas import Panel, pixels_of
from figures.figure import Bar, Row, short
from image_utils import preprocess

Maps = dict[str, list[np.ndarray]]  # by the name of the method: a map for each image
SIDE = 224  # pixels, the shorter side of a photograph


@dataclass(frozen=True)
class Images:
    """Images, the class that each is explained for, and how their figures are drawn.

    pixels: uint8 (H, W, 3) each, of any shapes. X: the same as the network wants them, (1, 3, H, W) each,
    ImageNet-normalised, on its device. y: the classes. titles: above the images. others: a second class of each.
    """

    pixels: list[np.ndarray]
    X: list[Tensor]
    y: list[int]
    titles: list[str]
    others: list[int]
    source: pretrained.Pretrained
    out: Path
    end: str = ""  # of the figures' names: script.name_run

    @property
    def model(self) -> nn.Module:
        return self.source.model

    def sizes(self, *more: int) -> list[tuple[int, ...]]:
        """(H, W, *more) of each image."""
        return [(*image.shape[:2], *more) for image in self.pixels]

    def each(self, method: Callable[..., Any], *more: Any, given: Sequence[Any] | None = None, things: int = 1) -> Any:
        """List what method(X, y, model, *more) gives, an array for each image.

        X is (N, 3, H, W) with all images where they are of one shape, else they come one by one.
        given: what the method wants of each image instead of its class. things: how many the method gives; several are
        a tuple of such lists. Raises UserError where they are not so many, no arrays, or not one for each image.
        """
        y = torch.tensor(self.y, device=self.source.device) if given is None else given
        batches = [(x, y[i : i + 1]) for i, x in enumerate(self.X)]
        if len({x.shape for x in self.X}) == 1:
            batches = [(torch.cat(self.X), y)]
        results = [ask(method, X, labels, self.model, *more) for X, labels in batches]
        for result in results:
            several = isinstance(result, tuple) or (things > 1 and isinstance(result, list))
            if (count := len(result) if several else 1) != things:
                expected = f"{things} things" if things > 1 else "one thing"
                got = f"{count} things" if count > 1 else script.name_value(result)
                raise script.UserError(f"expected {method.__name__} to give {expected}, got {got}: see its docstring")
        if things > 1:
            return tuple(self._image_by_image(kind, method) for kind in zip(*results))
        return self._image_by_image(results, method)

    def of_others(self) -> "Images":
        """The same images, each with its second class."""
        titles = [_title(_probabilities(x, self.source), k, self.source) for x, k in zip(self.X, self.others)]
        return replace(self, y=self.others, others=self.y, titles=titles)

    def path(self, name: str) -> Path:
        """Path of a figure: its name, with what tells it from the assignment's own before the ending."""
        return self.out / f"{name.removesuffix('.png')}{self.end}.png"

    def figures_of(self, file: str, args: argparse.Namespace, parse_args: script.ParseArgs) -> AbstractContextManager:
        """Inside the block each figure holds how this run of the script came to it: `figure.made_by`."""
        classes = [short(self.source.class_names[label]) for label in self.y]
        return figure.made_by(args.show, classes=classes, **script.describe_run(file, args, parse_args, self.source))

    def side_by_side(self, names: Sequence[str]) -> "Images | None":
        """One picture of two samples beside each other, twice: for the class of the left one and of the right one.

        names: of the two classes. None where there are no samples of them, or the network takes squares alone.
        """
        source, labels = self.source, self.source.labels.tolist()
        if not set(names) <= {source.class_names[label] for label in labels}:
            return None
        y = [source.class_names.index(name) for name in names]
        pixels = np.concatenate([source.images[labels.index(label)] for label in y], axis=1)
        x = preprocess(Image.fromarray(pixels), pixels.shape[:2]).to(source.device)
        try:
            probabilities = _probabilities(x, source)
        except Exception:  # each architecture has assertions of its own
            return None
        titles = [_title(probabilities, label, source) for label in y]
        return Images([pixels] * 2, [x] * 2, y, titles, y[::-1], source, self.out, self.end)

    def draw(self, rows: Sequence[Row], name: str, heading: str) -> Path:
        """Draw the images, and rows of their maps below, into the file of this name; returns its path."""
        rows = [Row(self.pixels, "image", self.titles), *(replace(row, panels=self._alike(row)) for row in rows)]
        return figure.grid(rows, self.path(name), self.source.name, heading)

    def draw_beside(
        self, columns: Mapping[str, Sequence[Panel]], name: str, heading: str, text: str, bar: Bar | None = None
    ) -> Path:
        """Draw each image with its maps beside it, in columns with these titles, into the file of this name."""
        columns = {"image": list[Panel](self.pixels), **columns}
        rows = [
            Row(panels, title, list(columns) if i == 0 else (), bar)
            for i, (title, *panels) in enumerate(zip(self.titles, *columns.values()))
        ]
        return figure.grid(rows, self.path(name), self.source.name, heading, text, columns=len(columns))

    def _image_by_image(self, results: Sequence[Any], method: Callable[..., Any]) -> list[np.ndarray]:
        arrays = [as_array(result) for result in results]
        wrong = [f"a {type(array).__name__}" for array in arrays if not isinstance(array, np.ndarray)]
        count = len(self.X)
        if not wrong and (got := sum(len(array) if array.ndim else 1 for array in arrays)) != count:
            wrong = [f"{got} of shape {arrays[0].shape[1:]}" if arrays[0].ndim else "a single number"]
        if wrong:
            raise script.UserError(
                f"expected {method.__name__} to give an array or a tensor with a map for each of {count} images, "
                f"got {wrong[0]}: see its docstring"
            )
        if not all(np.isfinite(array).all() for array in arrays if array.dtype.kind in "fc"):
            raise script.UserError(
                f"expected finite numbers from {method.__name__}, got NaN or infinity: is there a division by zero?"
            )
        return [maps for array in arrays for maps in array]

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
    which.add_argument(
        "--num",
        type=script.count,
        help="how many of the sample images: the first, or with --seed drawn of all (default: 5, if there are)",
    )
    add_image_option(which, "as many as --num says")
    arguments.add_argument(
        "--target", help="the class to explain, name or index, for all images (default: each image's own)"
    )
    return arguments


def choose_images(
    args: argparse.Namespace, source: pretrained.Pretrained | None, target: str | None = None
) -> Images:
    """Return the images that `--image` names, or else `--num` of the samples: the first, or with a --seed drawn of all.

    source: where it is loaded already. target: the class to explain, name or index, instead of each image's own; an
    image's own class is a sample's label, and of a photograph what the network says. The second class is the own one
    where a target is asked for, else the one that fooling_image.py makes of images.
    """
    source = source or pretrained.from_arguments(args)
    there = len(source.images)
    number = vars(args).get("num", 1)  # fooling_image.py has no --num
    number = min(5, there) if number is None else number
    if args.image is None and number > there:
        raise script.UserError(f"expected --num between 1 and {there}, got {number}: there are no more images")
    wanted = args.image or range(1, number + 1)
    if args.seed and args.image is None:
        wanted = sorted(1 + np.random.default_rng(args.seed).permutation(there)[:number])
    found = [_sample(which, source) if not isinstance(which, str) else (_photograph(which), None) for which in wanted]
    pixels = [image for image, _ in found]
    X = [preprocess(Image.fromarray(image), image.shape[:2]).to(source.device) for image in pixels]

    asked = None if target is None else script.class_index(target, source.class_names)
    plain = args.image is None and asked is None
    y, titles, others = [], [], []
    for x, (_, label) in zip(X, found):
        if plain and label is not None and label != source.fooling_target:  # nothing has to be asked of the network
            y.append(label)
            others.append(source.fooling_target)
            titles.append(short(source.class_names[label]))
            continue
        probabilities = _probabilities(x, source)
        ranked = sorted(range(len(probabilities)), key=lambda k: -probabilities[k])
        own = ranked[0] if label is None else label
        y.append(own if asked is None else asked)
        second = [source.fooling_target if asked is None else own, *ranked]
        others.append(next(k for k in second if k != y[-1]))
        title = _title(probabilities, y[-1], source)
        if y[-1] != ranked[0]:
            title += f"\n(says {_title(probabilities, ranked[0], source, ', ')})"
        titles.append(short(source.class_names[own]) if plain else title)
    return Images(pixels, X, y, titles, others, source, Path(args.out), script.name_run(args, source))


def ask(method: Callable[..., Any], X: Tensor, *more: Any) -> Any:
    """Return what method(X, *more) gives. Raises UserError where it changes the images, which other figures show."""
    given = X.clone()
    result = method(given, *more)
    if not torch.equal(given, X):
        raise script.UserError(
            f"expected {method.__name__} to leave its images as they are, got others: let it work on X.clone()"
        )
    return result


def list_words(words: Sequence[str]) -> str:
    """List words, each once: "cat, dog and bird"."""
    *others, last = dict.fromkeys(words)
    return f"{', '.join(others)} and {last}" if others else last


def percent(probability: float) -> str:
    """A probability in per cent."""
    return "<1%" if 0 < probability < 0.005 else f"{probability:.0%}"


def as_array(maps: Any) -> Any:
    """A tensor as numpy; anything else as it is."""
    return maps.detach().cpu().numpy() if isinstance(maps, Tensor) else maps


def check_maps(
    name: str, maps: list[np.ndarray], shapes: Sequence[tuple[int, ...]], method: Callable
) -> list[np.ndarray]:
    """The maps that a method gave under this name, one for each image, if each has its shape. Raises UserError."""
    for array, shape in zip(maps, shapes):
        if array.shape != shape:
            raise script.UserError(
                f"expected {name} of shape {shape} for each image, got {array.shape}: "
                f"see the docstring of {method.__name__}"
            )
    return maps


def output_size(layer: nn.Module, x: Tensor, model: nn.Module) -> tuple[int, ...]:
    """(C, h, w) of what the layer makes of one image; () where it is not called once, or gives no tensor."""
    sizes: list[tuple[int, ...]] = []

    def keep(module: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> None:
        sizes.append(tuple(output.shape[1:]) if isinstance(output, Tensor) else ())

    handle = layer.register_forward_hook(keep)
    try:
        with torch.no_grad():
            model(x)
    finally:
        handle.remove()
    return sizes[0] if len(sizes) == 1 else ()


def _number_or_file(text: str) -> int | str:
    return script.count(text) if text.isdigit() else text


def _sample(number: int, source: pretrained.Pretrained) -> tuple[np.ndarray, int]:
    if number > (there := len(source.images)):
        raise script.UserError(f"expected --image between 1 and {there}, got {number}: choose one of these")
    return source.images[number - 1], int(source.labels[number - 1])


def _photograph(path: str) -> np.ndarray:
    """A picture of one's own as uint8 (H, W, 3), its shorter side SIDE pixels."""
    return np.array(v2.functional.resize(script.open_picture(path), [SIDE]))


def _title(probabilities: Sequence[float], k: int, source: pretrained.Pretrained, between: str = "\n") -> str:
    """The class and how sure the network is of it."""
    return f"{short(source.class_names[k])}{between}{percent(probabilities[k])}"


def _probabilities(x: Tensor, source: pretrained.Pretrained) -> list[float]:
    with torch.no_grad():
        return source.model(x).softmax(dim=1)[0].tolist()


def save_and_read(pixels: np.ndarray, kind: str, quality: int = 75) -> np.ndarray:
    """A picture, uint8 (H, W, 3), as it is after being saved as "PNG", or as "JPEG" of this quality, and read again."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **({"quality": int(quality)} if kind == "JPEG" else {}))
    return np.asarray(Image.open(file).convert("RGB"))
