"""The networks that labs on robustness compare, each with images of its own that it gets right.

Two know ImageNet: SqueezeNet 1.1 and EfficientNet-Lite0. Two know the rendered scenes: the embedded network, whose
training ended with free adversarial training (L2, up to 3 in pixels of [0, 1]), and a twin of the same architecture
that was trained plainly, on other scenes of the same renderer. Only the second pair tells what robust training does.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

import pretrained
from figures.figure import short
from labs import lab
from labs.lab import Bench
from pretrained.weights import build_network

TWIN = Path(__file__).parent / "robustness" / "twin.safetensors"
SCALE = ".scale"  # what a scale is called, after the weight that it belongs to
SQUEEZENET, LITE, ROBUST, PLAIN = "SqueezeNet 1.1", "EfficientNet-Lite0", "embedded, robust", "embedded, plain"
SMALL = "small, 64 × 64"


class Colours(dict[str, str]):
    """One colour for each network; another one that was asked for with --model has SqueezeNet's."""

    def __missing__(self, name: str) -> str:
        return self[SQUEEZENET]


COLOURS = Colours({SQUEEZENET: "#222222", LITE: "#8c6d31", ROBUST: "#009e73", PLAIN: "#d55e00", SMALL: "#6a3d9a"})


@dataclass(frozen=True, eq=False)
class Contestant:
    """A network, the images that it is tried on, and their classes."""

    name: str
    model: nn.Module  # of ImageNet-normalised images
    source: pretrained.Pretrained
    rows: Sequence[int]  # which of the source's images
    pixels: Tensor  # (N, 3, H, W) in [0, 1]
    y: Tensor  # (N,)

    @property
    def images(self) -> np.ndarray:
        return self.source.images[list(self.rows)]

    def scores(self, pixels: Tensor) -> Tensor:
        """Scores (N, K) of pixels in [0, 1]: what attacks look at."""
        return self.model(lab.from_pixels(pixels))

    def said(self, pixels: Tensor) -> Tensor:
        """The class that is named for each of (N, 3, H, W), without a graph, some at a time."""
        with torch.no_grad():
            return torch.cat([self.scores(some).argmax(dim=1) for some in pixels.split(16)])

    def word(self, label: int) -> str:
        return short(self.source.class_names[label])


def contestants(bench: Bench, most: int, only_right: bool = True) -> list[Contestant]:
    """All networks that there are, each with at most so many of its images; with --weights embedded, those two alone.

    only_right: images that both networks of these classes name rightly, so that whatever they say later is an attack's
        doing, and that the two are tried on the same images.
    """
    scenes = bench.scenes()
    plain = twin(scenes.device)
    found: list[tuple[str, nn.Module, pretrained.Pretrained]] = []
    if bench.source.kind == "imagenet":
        found.append((short(bench.source.name), bench.model, bench.source))
        second = bench.second()
        if second and second.architecture != bench.source.architecture:
            found.append((short(second.name), second.model, second))
    found += [(ROBUST, scenes.model, scenes), (PLAIN, plain, scenes)]
    made = []
    for kind in dict.fromkeys(source.kind for _, _, source in found):
        alike = [one for one in found if one[2].kind == kind]
        source = alike[0][2]
        few = slice(4 * most if bench.quick else None)
        X, y = lab.as_batch(source.images[few], source), torch.from_numpy(source.labels[few]).to(source.device)
        right = torch.ones(len(X), dtype=torch.bool, device=source.device)
        with torch.no_grad():
            for _, model, _ in alike if only_right else []:
                right &= torch.cat([model(some).argmax(dim=1) for some in X.split(8)]) == y
        rows = spread(right.nonzero()[:, 0].tolist(), most)
        pixels = lab.to_pixels(X[rows]).clamp(0, 1)
        made += [Contestant(name, model, source, rows, pixels, y[rows]) for name, model, _ in alike]
    return made


def small(bench: Bench, most: int) -> Contestant:
    """The small network of `attribution.sanity_checks`, for pictures 64 wide: with new ones that it names rightly."""
    from labs.attribution import data_test
    from labs.composed import compose

    scenes, model = bench.scenes(), data_test.load()["true"]
    new = compose(scenes, 20 * most, data_test.SIZE, bench.seed + 1)
    source = replace(scenes, images=new.images, labels=new.labels, masks=new.masks)
    X, y = lab.as_batch(new.images, source), torch.from_numpy(new.labels)
    with torch.no_grad():
        rows = (model(X).argmax(dim=1) == y).nonzero()[:most, 0].tolist()
    return Contestant(SMALL, model, source, rows, lab.to_pixels(X[rows]).clamp(0, 1), y[rows])


def spread(rows: Sequence[int], most: int) -> list[int]:
    """At most so many of the rows, evenly spread over all of them."""
    if len(rows) <= most:
        return list(rows)
    return [rows[int(i)] for i in np.linspace(0, len(rows) - 1, most).round()]


def twin(device: torch.device) -> nn.Module:
    """The plainly trained twin of the embedded network."""
    return build_network(unpacked(load_file(TWIN)), TWIN, device)


def packed(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights with a byte for each number, and a scale for each output channel; biases in half precision."""
    made = {}
    for name, value in weights.items():
        if value.ndim < 2:
            made[name] = value.half()
            continue
        scale = (value.float().flatten(1).abs().amax(dim=1) / 127).clamp(min=1e-8)
        made[name + SCALE] = scale
        made[name] = (value.float() / _to_rows(scale, value)).round().to(torch.int8)
    return made


def unpacked(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights that were packed, in float32, to half of a scale."""
    return {
        name: value.float() * _to_rows(weights[name + SCALE], value) if name + SCALE in weights else value.float()
        for name, value in weights.items()
        if not name.endswith(SCALE)
    }


def _to_rows(scale: Tensor, value: Tensor) -> Tensor:
    return scale.view(-1, *[1] * (value.ndim - 1))
