"""What all labs share: their options, the bench with network and images, and what a lab has to tell.

A lab is a module with a docstring (its first line is the question) and five functions:

    measure(bench) -> dict      numbers and lists of numbers, as JSON holds them; the same for the same seed
    draw(numbers, bench, path)  one figure of these numbers, and of the pictures that `measure` put into bench.pictures
    table(numbers) -> Table     what was measured
    seen(numbers) -> list       three sentences: what was seen, how that stands to the claim, what follows
    main(argv, source)          all of these, by `run`
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

import pretrained
from figures import script
from figures.figure import Picture, short
from image_utils import SQUEEZENET_MEAN, SQUEEZENET_STD, deprocess, preprocess
from pretrained.files import write_whole

Numbers = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Bench:
    """A network with its images, and how thoroughly to look."""

    source: pretrained.Pretrained
    seed: int = 0
    quick: bool = False  # a few seconds, to see that it runs: fewer images and steps, so the numbers are rough
    pictures: dict[str, Any] = field(default_factory=dict)

    @property
    def model(self) -> nn.Module:
        return self.source.model

    def generator(self) -> torch.Generator:
        """Random numbers that repeat: on the CPU, from the seed, from the beginning."""
        return torch.Generator().manual_seed(self.seed)

    def batch(self, most: int) -> tuple[np.ndarray, Tensor, Tensor, list[str]]:
        """At most so many sample images, uint8 and as the network wants them, their labels and class names."""
        images, labels = self.source.images[:most], self.source.labels[:most]
        names = [short(self.source.class_names[label]) for label in labels.tolist()]
        return images, as_batch(images, self.source), torch.from_numpy(labels).to(self.source.device), names

    def scenes(self) -> pretrained.Pretrained:
        """The embedded network with its rendered scenes: the only images whose objects' pixels are known exactly."""
        return self.source if self.source.masks is not None else pretrained.load("embedded", str(self.source.device))

    def second(self) -> pretrained.Pretrained | None:
        """EfficientNet-Lite0, another kind of network, with ImageNet's classes; None where it cannot be had."""
        return self._imagenet("efficientnet_lite0")

    def judge(self) -> pretrained.Pretrained | None:
        """A second network for the classes of this one, or None; SqueezeNet where this one is EfficientNet-Lite0."""
        if self.source.kind != "imagenet":
            return None
        return self._imagenet("squeezenet1_1") if self.source.architecture == "efficientnet_lite0" else self.second()

    def _imagenet(self, architecture: str) -> pretrained.Pretrained | None:
        try:
            return pretrained.load("imagenet", str(self.source.device), architecture)
        except pretrained.SourceError:
            return None


@dataclass(frozen=True)
class Table:
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Result:
    """What a lab found."""

    name: str  # gradients.one_backward
    question: str
    numbers: Numbers
    table: Table
    seen: Sequence[str]
    picture: Picture
    seconds: float


def run(lab: ModuleType, argv: Sequence[str] | None, source: pretrained.Pretrained | None) -> Result:
    """Measure, draw, print the table and the sentences; write lab_NAME.png and lab_NAME.json into --out."""
    args = parser(lab.__doc__).parse_args(argv)
    source = source or pretrained.from_arguments(args)
    name = lab.__spec__.name.removeprefix("labs.") if lab.__spec__ else lab.__name__
    stem = Path(args.out) / f"lab_{name.rpartition('.')[2]}"
    start = time.perf_counter()
    bench = Bench(source, args.seed, args.quick)
    numbers = lab.measure(bench)
    seconds = time.perf_counter() - start
    path = lab.draw(numbers, bench, stem.with_suffix(".png"))
    question = question_of(lab)
    table, seen = lab.table(numbers), lab.seen(numbers)
    result = Result(name, question, numbers, table, seen, Picture(path, question, " ".join(seen)), seconds)
    kept = {"lab": name, "network": source.name, "seed": args.seed, "quick": args.quick, "numbers": numbers}
    write_whole(stem.with_suffix(".json"), json.dumps(kept, indent=1, allow_nan=False) + "\n")
    print(as_text(result))
    return result


def parser(description: str | None) -> argparse.ArgumentParser:
    """The options of every lab."""
    arguments = script.parser(description)
    arguments.add_argument("--quick", action="store_true", help="a few seconds instead of a minute: rough numbers")
    return arguments


def question_of(lab: ModuleType) -> str:
    return (lab.__doc__ or "").strip().partition("\n")[0]


def as_text(result: Result) -> str:
    """Question, table and sentences, for the terminal."""
    lines = [list(map(str, result.table.columns)), *[list(map(str, row)) for row in result.table.rows]]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    lines.insert(1, ["-" * width for width in widths])
    table = "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines)
    return "\n".join(["", result.question, "", table, "", *result.seen, f"({result.seconds:.0f} s)"])


# What labs do with networks.


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


def randomised(model: nn.Module, layers: Sequence[str], generator: torch.Generator) -> nn.Module:
    """A copy in which the weights and biases of these layers are drawn anew, from a normal distribution with their own
    mean and deviation: what they have learnt is gone, the size of what they give is not.
    """
    copy = deepcopy(model)
    for name in layers:
        for parameter in copy.get_submodule(name).parameters():
            noise = torch.randn(parameter.shape, generator=generator).to(parameter)
            parameter.data = noise * parameter.std(correction=0) + parameter.mean()
    return copy


def as_batch(images: np.ndarray, source: pretrained.Pretrained) -> Tensor:
    """Images uint8 (N, H, W, 3) as the network wants them: (N, 3, H, W), ImageNet-normalised, on its device."""
    return torch.cat([preprocess(Image.fromarray(image), image.shape[:2]) for image in images]).to(source.device)


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


def gradient(function: Callable[[Tensor], Tensor], X: Tensor) -> Tensor:
    """The gradient of `function`'s values, summed, with respect to X; like X, of either sign."""
    return values_and_gradient(function, X)[1]


def values_and_gradient(function: Callable[[Tensor], Tensor], X: Tensor) -> tuple[Tensor, Tensor]:
    """`function`'s values at X, and the gradient of their sum."""
    X = X.detach().requires_grad_()
    with torch.enable_grad():
        values = function(X)
        return values.detach(), torch.autograd.grad(values.sum(), X)[0]


# What labs measure of maps (N, H, W) that lie on masks (N, H, W) of the object.


def points(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Of each map, whether its peak lies on the object, (N,) of bool: the pointing game (Zhang et al. 2016)."""
    return np.take_along_axis(masks.reshape(len(masks), -1), _rows(maps).argmax(axis=1)[:, None], axis=1)[:, 0]


def energy(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Of each map >= 0, the share of its sum that lies on the object, (N,); 0 where the map is."""
    flat = _rows(maps)
    return (flat * _rows(masks)).sum(axis=1) / np.maximum(flat.sum(axis=1), 1e-30)


def _rows(maps: np.ndarray) -> np.ndarray:
    return maps.reshape(len(maps), -1)


# What labs measure of pictures.


def spectrum(pictures: np.ndarray) -> list[float]:
    """The mean power of pictures uint8 (N, H, H, 3) in grey at each frequency 1, 2, ..., H / 2 cycles, summing to 1."""
    grey = pictures.mean(axis=3) / 255
    size = grey.shape[1]
    window = np.hanning(size)[:, None] * np.hanning(size)  # else the borders' jump looks like high frequencies
    power = np.abs(np.fft.fft2((grey - grey.mean(axis=(1, 2), keepdims=True)) * window)) ** 2
    along = np.fft.fftfreq(size, 1 / size)
    radius = np.hypot(along[:, None], along).round().astype(int)
    rings = np.array([power[:, radius == r].mean() for r in range(1, size // 2 + 1)])
    return (rings / rings.sum()).tolist()


def fine(power: Sequence[float]) -> float:
    """The share of the power, over the area of each ring, in the upper half of the frequencies."""
    rings = np.array(power) * np.arange(1, len(power) + 1)
    return float(rings[len(rings) // 2 :].sum() / rings.sum())
