"""Why is one backward pass enough for the saliency maps of N images?

Claim: the gradient of the sum of N scores holds, in its row i, the gradient of score i: no image enters another's
    score. So one backward pass equals N of them. With BatchNorm in training mode images do influence each other.
Look at: the difference of the maps (rounding alone), the time they take, and which images a score depends on.
Paper: Simonyan et al. 2014, section 3 (https://arxiv.org/abs/1312.6034); Ioffe and Szegedy 2015, section 3
    (https://arxiv.org/abs/1502.03167). Implementation question 1 of the report.

    python -m labs.gradients.one_backward
"""

import sys
import time
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

import pretrained
from figures import script
from labs import lab, plots
from labs.lab import Bench, Numbers, Result, Table
from visualizers import SaliencyMap
from visualizers.network import class_scores

GRAIN = 0.1  # of the noise that makes many images of a few


def measure(bench: Bench) -> Numbers:
    counts = [1, 2, 4, 8] if bench.quick else [1, 2, 4, 8, 16, 32, 64]
    batch = 4 if bench.quick else 8
    X, y = many(bench, counts[-1], 96 if bench.quick else 224)
    numbers: Numbers = {"images": counts} | compared(bench.model, X, y, counts)
    numbers["influence"] = influence(bench.model, X[:batch], y[:batch])
    if (second := bench.second()) is not None:
        frozen, training = second.model, TrainingBatchNorm(second.model)
        few = lab.as_batch(bench.source.images[:batch], second)
        labels = frozen(few).argmax(dim=1)
        numbers["second"] = second.name
        numbers["second_influence"] = influence(frozen, few, labels)
        numbers["training_influence"] = influence(training, few, labels)
        numbers["training_difference"] = compared(training, few, labels, [len(few)])["difference"][0]
    return numbers


def draw(numbers: Numbers, bench: Bench, path: Path) -> Path:
    fig = plots.sheet(1500, 480)
    matrices = {"influence": "evaluation mode"}
    if "second" in numbers:
        matrices |= {"second_influence": "BatchNorm, evaluation mode", "training_influence": "BatchNorm, training mode"}
    left, *rest = fig.subplots(1, 1 + len(matrices), width_ratios=[1.6] + [1] * len(matrices))
    plots.plain(left, "Seconds for N saliency maps", "N images")
    left.set_xscale("log", base=2)
    left.set_yscale("log")
    left.set_xticks(numbers["images"], numbers["images"])
    plots.curves(
        left,
        numbers["images"],
        {"one backward, of the sum": numbers["one"], "N backwards, one by one": numbers["alone"]},
        {"one backward, of the sum": plots.OTHERS[0], "N backwards, one by one": plots.OTHERS[1]},
    )
    for axes, (name, title) in zip(rest, matrices.items()):
        plots.plain(axes, title, "image", "score")
        axes.imshow(np.array(numbers[name]), cmap="Blues", vmin=0, vmax=1)
        axes.set_xticks([])
        axes.set_yticks([])
    return plots.save(fig, path, "One backward pass gives every image its own gradient", bench.source.name)


def table(numbers: Numbers) -> Table:
    most = numbers["images"][-1]
    rows = [
        ("largest difference of a map, of its maximum", f"{max(numbers['difference']):.1e}"),
        (f"{most} maps, one backward", f"{numbers['one'][-1]:.2f} s"),
        (f"{most} maps, {most} backwards", f"{numbers['alone'][-1]:.2f} s"),
        ("another image's share in a score's gradient", f"{others(numbers['influence']):.1e}"),
    ]
    if "second" in numbers:
        rows += [
            ("the same, BatchNorm in evaluation mode", f"{others(numbers['second_influence']):.1e}"),
            ("the same, BatchNorm in training mode", f"{others(numbers['training_influence']):.2f}"),
            ("difference of a map then", f"{numbers['training_difference']:.2f}"),
        ]
    return Table(("measured", ""), rows)


def seen(numbers: Numbers) -> list[str]:
    most, ratio = numbers["images"][-1], numbers["one"][-1] / numbers["alone"][-1]
    said = [
        f"One backward pass from the sum gave the same maps as one for each image, to {max(numbers['difference']):.0e} "
        f"of their maximum; for {most} images it took {ratio:.2f} of the time.",
        "The network with BatchNorm cannot be had here, so what training mode does was not measured.",
        "So sum the scores, and save the time; but put the network into evaluation mode first.",
    ]
    if "second" in numbers:
        said[1] = (
            f"With BatchNorm in training mode ({numbers['second']}) another image's gradient is "
            f"{others(numbers['training_influence']):.0%} of an image's own, and maps from the sum are off by "
            f"{numbers['training_difference']:.0%}; in evaluation mode it is {others(numbers['second_influence']):.0%}."
        )
    return said


def main(argv: Sequence[str] | None = None, source: pretrained.Pretrained | None = None) -> Result:
    return lab.run(sys.modules[__name__], argv, source)


class TrainingBatchNorm(nn.Module):
    """A copy of a network whose BatchNorm takes mean and variance from the batch, whatever mode it is put into."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = deepcopy(model)

    def forward(self, X: Tensor) -> Tensor:
        for module in self.model.modules():
            module.training = isinstance(module, nn.modules.batchnorm._BatchNorm)
        return self.model(X)


def many(bench: Bench, count: int, size: int) -> tuple[Tensor, Tensor]:
    """So many images, (count, 3, size, size): the sample images in turn, each with a little noise of its own."""
    _, X, y, _ = bench.batch(count)
    rows = torch.arange(count) % len(X)
    X = nn.functional.interpolate(X, size=(size, size), mode="area")[rows]
    return X + GRAIN * torch.randn(X.shape, generator=bench.generator()).to(X), y[rows]


def compared(model: nn.Module, X: Tensor, y: Tensor, counts: Sequence[int]) -> Numbers:
    """For each count of images: seconds for all at once and one by one, and the maps' largest relative difference."""
    maps = SaliencyMap().compute_saliency_maps
    found: Numbers = {"one": [], "alone": [], "difference": []}
    maps(X[:1], y[:1], model)  # the first pass of all is slow
    for count in tqdm(counts, desc="one backward", leave=False, disable=None):
        started = time.perf_counter()
        together = maps(X[:count], y[:count], model)
        between = time.perf_counter()
        alone = torch.cat([maps(X[i : i + 1], y[i : i + 1], model) for i in range(count)])
        found["one"].append(between - started)
        found["alone"].append(time.perf_counter() - between)
        found["difference"].append(float(((together - alone).abs() / alone.amax(dim=(1, 2), keepdim=True)).max()))
    return found


def influence(model: nn.Module, X: Tensor, y: Tensor) -> list[list[float]]:
    """Row j: the norm of the gradient of score j with respect to each image, over that to its own."""
    rows = []
    for j in range(len(X)):
        sizes = lab.gradient(lambda X: class_scores(model(X), y)[j], X).flatten(1).norm(dim=1)  # noqa: B023 -- called here
        rows.append((sizes / sizes[j]).tolist())
    return rows


def others(matrix: list[list[float]]) -> float:
    """The mean of what stands beside the diagonal."""
    values = np.array(matrix)
    return float(values[~np.eye(len(values), dtype=bool)].mean())


if __name__ == "__main__":
    script.run(main)
