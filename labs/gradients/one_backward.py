"""Question: why is one backward pass enough for the saliency maps of N images?

Claim: the gradient of the sum of N scores holds, in its row i, the gradient of score i: no image enters another's
    score. So one backward pass equals N of them. With BatchNorm in training mode images do influence each other.
Look at: the difference of the maps (rounding alone), the time they take, and which images a score depends on.
Paper: Simonyan et al. 2014, section 3 (https://arxiv.org/abs/1312.6034); Ioffe and Szegedy 2015, section 3
    (https://arxiv.org/abs/1502.03167). Implementation question 1 of the report.

    python -m labs.gradients.one_backward
"""

import time
from collections.abc import Sequence
from copy import deepcopy

import numpy as np
import torch
from torch import Tensor, nn

from labs import lab, plots
from labs.lab import Bench, Numbers, Table, Through
from pretrained.networks import with_batch_norm
from visualizers.network import class_scores

GRAIN = 0.1  # of the noise that makes many images of a few
SIZE, MOST = 64, 32  # pixels of the timed images; how many at most for the last way, whose time grows with their square
WAYS = ("one backward from the sum", "N backwards, image by image", "N backwards through the batch")
TRAINING = "BatchNorm, training mode"


def measure(bench: Bench) -> Numbers:
    counts = [1, 2, 4, 8] if bench.quick else [1, 2, 4, 8, 16, 32, 64]
    X, y = many(bench, counts[-1])
    numbers: Numbers = {"images": counts, "seconds": measure_times(bench.model, X, y, counts)}
    exact = deepcopy(bench.model).double()
    numbers["difference"] = {"32 bits": difference(bench.model, X, y), "64 bits": difference(exact, X.double(), y)}
    _, X, y, _ = bench.batch(3 if bench.quick else 8)
    numbers["influence"] = {"evaluation mode": influence(bench.model, X, y)}
    if (second := bench.second()) is not None:
        numbers["second"] = second.name
        model = with_batch_norm(second.device)
        y = model(X).argmax(dim=1)
        numbers["influence"]["BatchNorm, evaluation mode"] = influence(model, X, y)
        numbers["influence"][TRAINING] = influence(TrainingBatchNorm(model), X, y)
    return numbers


def measure_times(model: nn.Module, X: Tensor, y: Tensor, counts: Sequence[int]) -> dict[str, list[float]]:
    """The seconds that each of WAYS takes for so many images; the last one for at most MOST."""

    def through_the_batch(X: Tensor, y: Tensor) -> None:
        X = X.detach().requires_grad_()
        for score in class_scores(model(X), y):
            torch.autograd.grad(score, X, retain_graph=True)

    ways = (
        lambda X, y: lab.saliency(X, y, model),
        lambda X, y: one_by_one(model, X, y),
        through_the_batch,
    )
    ways[0](X[:1], y[:1])  # the first pass of all is slow
    seconds: dict[str, list[float]] = {name: [] for name in WAYS}
    for count in lab.progress(counts, "one backward"):
        for name, way in zip(WAYS, ways):
            if way is through_the_batch and count > MOST:
                continue
            start = time.perf_counter()
            way(X[:count], y[:count])
            seconds[name].append(time.perf_counter() - start)
    return seconds


def one_by_one(model: nn.Module, X: Tensor, y: Tensor) -> Tensor:
    return torch.cat([lab.saliency(X[i : i + 1], y[i : i + 1], model) for i in range(len(X))])


class TrainingBatchNorm(nn.Module):
    """A copy of a network whose BatchNorm takes mean and variance from the batch, whatever mode it is put into."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = deepcopy(model)

    def forward(self, X: Tensor) -> Tensor:
        for module in self.model.modules():
            module.training = isinstance(module, nn.modules.batchnorm._BatchNorm)
        return self.model(X)


def many(bench: Bench, count: int) -> tuple[Tensor, Tensor]:
    """So many small images, (count, 3, SIZE, SIZE): the sample images in turn, each with noise of its own."""
    _, X, y, _ = bench.batch(count)
    rows = torch.arange(count) % len(X)
    X = nn.functional.interpolate(X, size=(SIZE, SIZE), mode="area")[rows]
    return X + GRAIN * torch.randn(X.shape, generator=bench.generator()).to(X), y[rows]


def difference(model: nn.Module, X: Tensor, y: Tensor) -> float:
    """The largest difference between maps from the sum and those of each image alone, of each map's maximum."""
    together, alone = lab.saliency(X, y, model), one_by_one(model, X, y)
    return float(((together - alone).abs() / alone.amax(dim=(1, 2), keepdim=True)).max())


def influence(model: nn.Module, X: Tensor, y: Tensor) -> Numbers:
    """Row j of "shares": how long the gradient of score j is with respect to each image, over that to its own.

    "error": how far maps from the sum are from those of each score in the same batch, over the latter's norm.
    """
    shares, own = [], []
    for j in lab.progress(range(len(X)), "influence"):
        gradient = lab.gradient(lambda X: class_scores(model(X), y)[j], X)  # noqa: B023 -- called here
        sizes = gradient.flatten(1).norm(dim=1)
        shares.append((sizes / sizes[j]).tolist())
        alone = Through(model, lambda scores: scores * (torch.arange(len(X)) == j).to(scores)[:, None])  # noqa: B023
        own.append(lab.saliency(X, y, alone)[j])
    maps, right = lab.saliency(X, y, model), torch.stack(own)
    return {"shares": shares, "error": float((maps - right).norm() / right.norm())}


def tabulate(numbers: Numbers) -> Table:
    rows = [(f"{numbers['images'][len(seconds) - 1]} maps, {name}", f"{seconds[-1]:.2f} s")
            for name, seconds in numbers["seconds"].items()]  # fmt: skip
    rows += [(f"largest difference of a map, of its maximum, {bits}", f"{difference:.1g}")
             for bits, difference in numbers["difference"].items()]  # fmt: skip
    for name, found in numbers["influence"].items():
        rows += [
            (f"another image's gradient, of a score's own, {name}", f"{others(found['shares']):.2g}"),
            (f"error of maps from the sum, {name}", f"{found['error']:.1g}"),
        ]
    return Table(("measured", ""), rows)


def conclude(numbers: Numbers) -> list[str]:
    most, seconds, exact = numbers["images"][-1], numbers["seconds"], numbers["difference"]
    one, alone, graph = (seconds[name][-1] for name in WAYS)
    batch = numbers["images"][len(seconds[WAYS[2]]) - 1]
    said = [
        f"One backward pass from the sum gives the maps that each image has alone, to {exact['64 bits']:.1g} of their "
        f"maximum in 64 bits ({exact['32 bits']:.1g} in 32); for {most} images it takes {one:.2f} s, image by image "
        f"{alone:.2f} s, and {graph:.1f} s for {batch} where each score goes back through the whole batch.",
        "The network with BatchNorm cannot be had here, so what training mode does was not measured.",
        "So sum the scores; but put the network into evaluation mode first, or take each image by itself.",
    ]
    if "second" in numbers:
        found = numbers["influence"][TRAINING]
        said[1] = (
            f"With BatchNorm in training mode ({numbers['second']}) another image's gradient is "
            f"{others(found['shares']):.0%} as long as an image's own, and maps from the sum are wrong by "
            f"{found['error']:.0%}; in evaluation mode it is exactly "
            f"{others(numbers['influence']['BatchNorm, evaluation mode']['shares']):g}."
        )
    return said


def others(matrix: list[list[float]]) -> float:
    """The mean of what stands beside the diagonal."""
    values = np.array(matrix)
    return float(values[~np.eye(len(values), dtype=bool)].mean())


def draw(numbers: Numbers, bench: Bench) -> "plots.Figure":
    fig = plots.sheet(1560, 470)
    left, right = plots.parts(fig, 1, 2, width_ratios=[1.05, 0.45 * len(numbers["influence"])])
    axes = plots.plain(left.subplots(), "Seconds for N saliency maps", "N images", logx=2, logy=10)
    axes.set_xticks(numbers["images"], numbers["images"])
    plots.curves(axes, numbers["images"], numbers["seconds"], dict(zip(WAYS, plots.OTHERS)))
    panels = right.subplots(1, len(numbers["influence"]), squeeze=False)[0]
    for axes, (name, found) in zip(panels, numbers["influence"].items()):
        plots.show(axes, np.array(found["shares"]), cmap="Blues", vmin=0, vmax=1)
        plots.plain(axes, name.replace(", ", ",\n"), "gradient of image", "score of image")
        axes.set_xticks([])
    return plots.head(fig, "One backward pass gives every image its own gradient", bench.source.name)


if __name__ == "__main__":
    lab.main()
