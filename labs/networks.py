"""The networks that labs on robustness compare, each with images of its own that it gets right.

Two know ImageNet: SqueezeNet 1.1 and EfficientNet-Lite0. Two know the rendered scenes: the embedded network, whose
training ended with free adversarial training (L2, up to 3 in pixels of [0, 1]), and a twin of the same architecture
that was trained plainly, on other scenes of the same renderer. Only the second pair tells what robust training does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

import pretrained
from figures.figure import short
from labs import attacking, lab, measures
from labs.attribution import data_test
from labs.composed import compose
from labs.lab import Bench, Numbers
from pretrained.settings import FOOLING_LEARNING_RATE
from pretrained.weights import build_network
from visualizers import FoolingImage

TWIN = Path(__file__).parent / "robustness" / "twin.safetensors"
SCALE = ".scale"  # what a scale is called, after the weight that it belongs to
SQUEEZENET, LITE, ROBUST, PLAIN = "SqueezeNet 1.1", "EfficientNet-Lite0", "embedded, robust", "embedded, plain"
SMALL = "small, 64 × 64"


class Colours(dict[str, str]):
    """One colour for each network; another one that was asked for with --model has SqueezeNet's."""

    def __missing__(self, name: str) -> str:
        return self[SQUEEZENET]


LITE1, LITE2 = "EfficientNet-Lite1", "EfficientNet-Lite2"
LITES = ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2")  # as --model calls them
COLOURS = Colours({
    SQUEEZENET: "#222222", LITE: "#8c6d31", LITE1: "#0072b2", LITE2: "#b8287f", ROBUST: "#009e73", PLAIN: "#d55e00",
    SMALL: "#6a3d9a",
})  # fmt: skip


@dataclass(frozen=True, eq=False)
class ComparedNetwork:
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

    @property
    def masks(self) -> np.ndarray | None:
        """The objects of these images, bool (N, H, W), where they are known."""
        return None if self.source.masks is None else np.asarray(self.source.masks)[list(self.rows)]

    def scores(self, pixels: Tensor) -> Tensor:
        """Scores (N, K) of pixels in [0, 1]: what attacks look at."""
        return self.model(lab.from_pixels(pixels))

    def classify(self, pixels: Tensor) -> Tensor:
        """The class that is named for each of (N, 3, H, W)."""
        return lab.predict(self.scores, pixels).argmax(dim=1)

    def word(self, label: int) -> str:
        return short(self.source.class_names[label])

    def name_first(self, pixels: Tensor) -> str:
        """Class name of the first picture, as the network has it."""
        return self.word(int(self.classify(pixels[:1])[0]))

    def aims(self, y: Tensor | None = None) -> Tensor:
        """The class to aim at for each image of class y: the assignment's, or the next one where y is that already."""
        return attacking.targets(self.y if y is None else y, self.source.fooling_target, len(self.source.class_names))

    def fooling_images(self, pixels: Tensor, aims: Tensor) -> Tensor:
        """The assignment's fooling images of these classes, as pixels, which may leave [0, 1]."""
        fooler, X = FoolingImage(FOOLING_LEARNING_RATE[self.source.kind]), lab.from_pixels(pixels)
        with lab.ignoring("the network is not fooled"):
            made = [fooler.make_fooling_image(X[i : i + 1], aim, self.model) for i, aim in enumerate(aims.tolist())]
        return lab.to_pixels(torch.cat(made))


def load_networks(
    bench: Bench, most: int, only_right: bool = True, others: Sequence[str] = LITES[:1]
) -> list[ComparedNetwork]:
    """The network that was asked for, the others of ImageNet that can be had, and the two of scenes.

    Each has at most so many of its images, evenly spread over all; with --weights embedded there are those two alone.

    only_right: images that all networks of these classes name rightly, so that whatever they say later is an attack's
        doing, and that all are tried on the same images.
    """
    scenes = bench.scenes()
    found: list[tuple[str, nn.Module, pretrained.Pretrained]] = []
    if bench.source.kind == "imagenet":
        found.append((short(bench.source.name), bench.model, bench.source))
        more = [bench.load_imagenet(name) for name in others if name != bench.source.architecture]
        found += [(short(one.name), one.model, one) for one in more if one]
    found += [(ROBUST, scenes.model, scenes), (PLAIN, load_twin(scenes.device), scenes)]
    made = []
    for kind in dict.fromkeys(source.kind for _, _, source in found):
        alike = [one for one in found if one[2].kind == kind]
        source = alike[0][2]
        _, X, y, _ = Bench(source).batch(4 * most if bench.quick else None)
        right = torch.arange(len(X), device=source.device)
        for _, model, _ in alike if only_right else []:  # what one gets wrong the next need not be shown
            right = right[lab.predict(model, X[right], 8).argmax(dim=1) == y[right]] if len(right) else right
        rows = spread(right.tolist(), most)
        pixels = lab.to_pixels(X[rows]).clamp(0, 1)
        made += [ComparedNetwork(name, model, source, rows, pixels, y[rows]) for name, model, _ in alike]
    return made


def load_small(bench: Bench, most: int) -> ComparedNetwork:
    """The small network of `attribution.sanity_checks`, for pictures 64 wide: with new ones that it names rightly."""
    scenes, model = bench.scenes(), data_test.load()["true"]
    model.to(scenes.device)
    new = compose(scenes, 20 * most, data_test.SIZE, bench.seed + 1)
    source = replace(scenes, images=new.images, labels=new.labels, masks=new.masks)
    _, X, y, _ = Bench(source).batch()
    rows = (lab.predict(model, X, len(X)).argmax(dim=1) == y).nonzero()[:most, 0].tolist()
    return ComparedNetwork(SMALL, model, source, rows, lab.to_pixels(X[rows]).clamp(0, 1), y[rows])


def find_survivors(ends: Tensor, fools: Callable[[Tensor], Tensor]) -> dict[str, Tensor]:
    """Tell which pictures fool the network as they are, and which of those still do from a PNG, from a JPEG.

    fools: of pixels (N, 3, H, W), whether each does, (N,) of bool.
    """
    fooled = fools(ends)
    return {"fooled": fooled} | {way: fooled & fools(attacking.save_and_open(ends, way)) for way in attacking.SAVED}


def count_survivors(ends: Tensor, fools: Callable[[Tensor], Tensor]) -> dict[str, int]:
    """The numbers of these pictures."""
    return {way: int(left.sum()) for way, left in find_survivors(ends, fools).items()}


def count_images(numbers: Numbers) -> str:
    """Words for how many images each network was tried on."""
    return "; ".join(f"{name}: {count} images" for name, count in zip(numbers["networks"], numbers["images"]))


def write_survivors(counts: dict[str, int]) -> str:
    """Words for the shares of wrong answers that are left in each kind of file, their intervals, and of how many."""
    fooled = counts["fooled"]
    left = [np.arange(fooled) < counts[way] for way in attacking.SAVED]
    return f"{', '.join(lab.write_mean(some) for some in left)} of {fooled}" if fooled else "-"


def write_radius(radii: Sequence[float], largest: float) -> str:
    """Words for the median of the radii that images need, and its interval; beyond the largest that was tried, > it."""

    def word(radius: float) -> str:
        return f"{radius:.3g}" if radius <= largest else f"> {largest:g}"

    middle, low, high = map(word, measures.median(radii))
    return f"{middle} ({low} to {high})"


def spread(rows: Sequence[int], most: int) -> list[int]:
    """At most so many of the rows, evenly spread over all of them."""
    if len(rows) <= most:
        return list(rows)
    return [rows[int(i)] for i in np.linspace(0, len(rows) - 1, most).round()]


def load_twin(device: torch.device) -> nn.Module:
    """The plainly trained twin of the embedded network."""
    return build_network(unpack(load_file(TWIN)), TWIN, device)


def pack(weights: dict[str, Tensor]) -> dict[str, Tensor]:
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


def unpack(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights that were packed, in float32, to half of a scale."""
    return {
        name: value.float() * _to_rows(weights[name + SCALE], value) if name + SCALE in weights else value.float()
        for name, value in weights.items()
        if not name.endswith(SCALE)
    }


def _to_rows(scale: Tensor, value: Tensor) -> Tensor:
    return scale.view(-1, *[1] * (value.ndim - 1))
