"""Shape of a lab: its options, the bench with network and images, and the result that it tells.

A lab is a module with a docstring (its first line is the question) and four functions, in this order:

    measure(bench) -> dict        numbers and lists of numbers, as JSON holds them; the same for the same seed
    tabulate(numbers) -> Table    what was measured
    conclude(numbers) -> list     three sentences: what was found, how that stands to the claim, what follows
    draw(numbers, bench)          one figure of these numbers and of the pictures that `measure` put into bench.pictures

`run` does all of these and keeps the result; `main` does so for the lab that was started from a shell.
"""

import argparse
import json
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from tqdm import tqdm

import pretrained
from figures import script
from figures.canvas import by_default
from figures.figure import Picture, made_by, short
from image_utils import SQUEEZENET_MEAN, SQUEEZENET_STD, deprocess
from labs import measures, plots
from pretrained.files import write_whole
from visualizers import SaliencyMap
from visualizers.network import class_scores

Numbers = dict[str, Any]
QUICK = 128  # pixels, the side of images with --quick
ROUNDING = 1e-4  # of what is compared: values below are no difference
Item = TypeVar("Item")


@dataclass(frozen=True, eq=False)
class Bench:
    """A network with its images, and how thoroughly to look."""

    source: pretrained.Pretrained
    seed: int = 0
    quick: bool = False  # a few seconds, to see that it runs: fewer and smaller images, fewer steps, rough numbers
    pictures: dict[str, Any] = field(default_factory=dict)

    @property
    def model(self) -> nn.Module:
        return self.source.model

    def generator(self) -> torch.Generator:
        """Random numbers that repeat: on the CPU, from the seed, from the beginning."""
        return torch.Generator().manual_seed(self.seed)

    def batch(self, most: int | None = None) -> tuple[np.ndarray, Tensor, Tensor, list[str]]:
        """Sample images (at most so many), uint8 and as the network wants them, their labels and class names."""
        images, labels = self.source.images[:most], self.source.labels[:most]
        names = [short(self.source.class_names[label]) for label in labels.tolist()]
        return images, as_batch(images, self.source), torch.from_numpy(labels).to(self.source.device), names

    def scenes(self) -> pretrained.Pretrained:
        """The embedded network with its rendered scenes: the only images whose objects' pixels are known exactly."""
        return self.source if self.source.masks is not None else self._load("embedded")

    def on_scenes(self) -> "Bench":
        """The same bench with the embedded network and its scenes."""
        return Bench(self.scenes(), self.seed, self.quick)

    def second(self) -> pretrained.Pretrained | None:
        """EfficientNet-Lite0, another kind of network, with ImageNet's classes; None where it cannot be had."""
        return self.load_imagenet("efficientnet_lite0")

    def judge(self) -> pretrained.Pretrained | None:
        """A second network for the classes of this one, or None; SqueezeNet where this one is EfficientNet-Lite0."""
        if self.source.kind != "imagenet":
            return None
        own = self.source.architecture
        return self.load_imagenet("squeezenet1_1") if own == "efficientnet_lite0" else self.second()

    def load_imagenet(self, architecture: str) -> pretrained.Pretrained | None:
        """Another network with ImageNet's classes; None where it cannot be had."""
        try:
            return self._load("imagenet", architecture)
        except pretrained.SourceError:
            return None

    def _load(self, weights: str, *architecture: str) -> pretrained.Pretrained:
        source = pretrained.load(weights, str(self.source.device), *architecture)
        return shrink(source) if self.quick else source


@dataclass(frozen=True)
class Table:
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    @classmethod
    def of(cls, head: str, names: Iterable[str], columns: Mapping[str, Callable[[str], str]]) -> "Table":
        """One row for each name, which stands in the first column, headed `head`; the others are functions of it."""
        return cls((head, *columns), [(name, *[cell(name) for cell in columns.values()]) for name in names])


@dataclass(frozen=True)
class Result:
    """A lab's numbers, and how it tells them."""

    name: str  # gradients.one_backward
    question: str
    numbers: Numbers
    table: Table
    sentences: Sequence[str]
    picture: Picture
    seconds: float


def main() -> None:
    """Run the lab that was started with `python -m labs.ROOM.NAME`, with the options of the command line."""
    script.run(lambda: run(sys.modules["__main__"]))


def run(lab: ModuleType, argv: Sequence[str] | None = None, source: pretrained.Pretrained | None = None) -> Result:
    """Measure, draw, print the table and the sentences; write lab_NAME.png and lab_NAME.json into --out."""
    args = parser(lab.__doc__).parse_args(argv)
    source = source or pretrained.from_arguments(args)
    name = ".".join(Path(str(lab.__file__)).resolve().with_suffix("").parts[-2:])
    facts = script.describe_options(f"python -m labs.{name}", args, parser(lab.__doc__).parse_args([]), source)
    figure = Path(args.out) / f"lab_{name.rpartition('.')[2]}{script.name_run(args, source)}.png"
    start = time.perf_counter()
    bench = Bench(shrink(source) if args.quick else source, args.seed, args.quick)
    numbers = lab.measure(bench)
    seconds = time.perf_counter() - start
    question = question_of(lab)
    table, sentences = lab.tabulate(numbers), lab.conclude(numbers)
    with by_default(), made_by(args.show, **facts):
        path = plots.save(lab.draw(numbers, bench), figure)
        picture = Picture(path, question, "\n".join(sentences))
        result = Result(name, question, numbers, table, sentences, picture, seconds)
        kept = {"lab": name, "network": source.name, "seed": args.seed, "quick": args.quick, "numbers": numbers}
        write_whole(path.with_suffix(".json"), json.dumps(kept, indent=1, allow_nan=False) + "\n")
        print(as_text(result))
    return result


def parser(description: str | None) -> argparse.ArgumentParser:
    """The options of every lab."""
    arguments = script.parser(description)
    arguments.add_argument("--quick", action="store_true", help="a few seconds instead of a minute: rough numbers")
    return arguments


def question_of(lab: ModuleType) -> str:
    """The first line of the lab's docstring, which says "Question: why ...?", as a sentence of its own."""
    question = (lab.__doc__ or "").strip().partition("\n")[0].removeprefix("Question: ")
    return question[:1].upper() + question[1:]


def as_text(result: Result) -> str:
    """Question, table and sentences, for the terminal."""
    lines = [list(map(str, line)) for line in (result.table.columns, *result.table.rows)]
    widths = [max(map(len, column)) for column in zip(*lines)]
    lines.insert(1, ["-" * width for width in widths])
    table = "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines)
    return "\n".join(["", result.question, "", table, "", *result.sentences, f"({result.seconds:.0f} s)"])


def join(values: Iterable[float], form: str) -> str:
    """Numbers as words: join([0.5, 1], ".0%") is "50%, 100%"."""
    return ", ".join(format(value, form) for value in values)


def progress(items: Iterable[Item], name: str = "") -> Iterator[Item]:
    """The items, with a bar on a terminal that goes when it is done."""
    return iter(tqdm(items, desc=name, leave=False, disable=None))


def write_interval(found: Sequence[float], form: str = ".0%") -> str:
    """Words for [mean, low, high] of `measures.interval`: "62% (55 to 69%)"."""
    mean, low, high = (format(value, form) for value in found)
    return f"{mean} ({low.rstrip('%')} to {high})"


def write_mean(values: Sequence[float] | np.ndarray, form: str = ".0%") -> str:
    """Words for the mean of values and its interval."""
    return write_interval(measures.interval(values), form)


def write_values(values: Sequence[float], form: str = ".0%", of: str = "images") -> str:
    """Words for the mean of values and its interval, or, where mathematics says 0, for the largest: rounding."""
    if max(values) < ROUNDING:
        return f"{max(values):.1g} (exact, largest of {len(values)} {of})"
    return write_mean(values, form)


def write_sizes(found: Sequence[float], form: str, exact: str = ".1g") -> str:
    """Words for what `measures.interval_of_sizes` gives: for an interval, or for the one value of all."""
    return write_interval(found, form) if found[1] < found[2] else f"{found[0]:{exact}} (exact)"


def judge(
    found: Sequence[float], more: str = "more", less: str = "less", neither: str = "not shown to differ"
) -> str:
    """Words for what an interval [mean, low, high] of a difference says."""
    return more if found[1] > 1e-9 else less if found[2] < -1e-9 else neither


def tell(found: Sequence[float]) -> str:
    """Words for whether an interval is above zero."""
    return "shown" if found[1] > 0 else "not shown"


@contextmanager
def ignoring(message: str) -> Iterator[None]:
    """Inside the block a warning that begins so is not shown."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message)
        yield


# Networks.


class Through(nn.Module):
    """A network whose scores are a function of another's, so that every method of the assignment explains that."""

    def __init__(self, model: nn.Module, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.model, self.function = model, function

    def forward(self, X: Tensor) -> Tensor:
        return self.function(self.model(X))


# Of raw scores (N, K): what column y then holds is the raw score of class y, its probability, its cross-entropy.
QUANTITIES: dict[str, Callable[[Tensor], Tensor]] = {
    "score": lambda scores: scores,
    "probability": lambda scores: scores.softmax(dim=1),
    "loss": lambda scores: -scores.log_softmax(dim=1),
}


def randomise(model: nn.Module, layers: Sequence[str], generator: torch.Generator) -> nn.Module:
    """A copy in which the weights and biases of these layers are drawn anew, from a normal distribution with their own
    mean and deviation: what they have learnt is gone, the size of what they give is not.
    """
    copy = deepcopy(model)
    for name in layers:
        for parameter in copy.get_submodule(name).parameters():
            noise = torch.randn(parameter.shape, generator=generator).to(parameter)
            parameter.data = noise * parameter.std(correction=0) + parameter.mean()
    return copy


def name_convolutions(model: nn.Module) -> list[str]:
    return [name for name, module in model.named_modules() if isinstance(module, nn.Conv2d)]


def predict(model: Callable[[Tensor], Tensor], X: Tensor, at_once: int = 16) -> Tensor:
    """The scores (N, K) of images, without a graph, some at a time."""
    with torch.no_grad():
        return torch.cat([model(some) for some in X.split(at_once)])


def confidence(model: Callable[[Tensor], Tensor], X: Tensor, y: Tensor, at_once: int = 16) -> Tensor:
    """The probability of class y, (N,)."""
    return class_scores(predict(model, X, at_once).softmax(dim=1), y)


def saliency(X: Tensor, y: Tensor, model: nn.Module) -> Tensor:
    """The student's saliency maps (N, H, W), without a warning where a score depends on no pixel: its map is zero."""
    with ignoring("the map of image"):
        return SaliencyMap().compute_saliency_maps(X, y, model)


def gradient(function: Callable[[Tensor], Tensor], X: Tensor) -> Tensor:
    """The gradient of `function`'s values, summed, with respect to X; like X, of either sign."""
    return values_and_gradient(function, X)[1]


def values_and_gradient(function: Callable[[Tensor], Tensor], X: Tensor) -> tuple[Tensor, Tensor]:
    """`function`'s values at X, and the gradient of their sum."""
    X = X.detach().requires_grad_()
    with torch.enable_grad():
        values = function(X)
        return values.detach(), torch.autograd.grad(values.sum(), X)[0]


# Images.


def shrink(source: pretrained.Pretrained) -> pretrained.Pretrained:
    """The same network with its images, and masks, at most QUICK pixels wide: each pass takes a third of the time."""
    if source.images.shape[1] <= QUICK:
        return source
    images = [np.asarray(Image.fromarray(one).resize((QUICK, QUICK), Image.Resampling.BOX)) for one in source.images]
    if source.masks is None:
        return replace(source, images=np.stack(images))
    masks = [np.asarray(Image.fromarray(one).resize((QUICK, QUICK))) for one in np.asarray(source.masks)]
    return replace(source, images=np.stack(images), masks=np.stack(masks))


def as_batch(images: np.ndarray, source: pretrained.Pretrained) -> Tensor:
    """Images uint8 (N, H, W, 3) as the network wants them: (N, 3, H, W), ImageNet-normalised, on its device."""
    pixels = torch.tensor(images, device=source.device).permute(0, 3, 1, 2).contiguous()
    return from_pixels(pixels.float() / 255)


def to_picture(x: Tensor) -> np.ndarray:
    """An image (3, H, W) or (1, 3, H, W), ImageNet-normalised, as uint8 (H, W, 3); what no pixel can be is clipped."""
    return np.asarray(deprocess(x.reshape(1, *x.shape[-3:]), should_rescale=False))


def to_pixels(X: Tensor) -> Tensor:
    """Images (N, 3, H, W), ImageNet-normalised, on the scale where 0 is black and 1 white."""
    mean, std = _mean_and_std(X)
    return X * std + mean


def from_pixels(X: Tensor) -> Tensor:
    """The inverse of `to_pixels`."""
    mean, std = _mean_and_std(X)
    return (X - mean) / std


def _mean_and_std(X: Tensor) -> list[Tensor]:
    return [torch.from_numpy(values).to(X).view(3, 1, 1) for values in (SQUEEZENET_MEAN, SQUEEZENET_STD)]
