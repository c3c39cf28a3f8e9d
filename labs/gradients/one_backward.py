"""Question: why is one backward pass enough for the saliency maps of N images?

Claim: the gradient of the sum of N scores holds, in its row i, the gradient of score i: no image enters another's
    score. So one backward pass equals N of them. With BatchNorm in training mode images do influence each other.
Look at: the difference of the maps (rounding alone), the time they take, which images a score depends on, and whether
    an image's map changes when the batch is put into another order, or the image into another batch.
Paper: Simonyan et al. 2014, section 3 (https://arxiv.org/abs/1312.6034); Ioffe and Szegedy 2015, section 3
    (https://arxiv.org/abs/1502.03167). Implementation question 1 of the report.

    python -m labs.gradients.one_backward
"""

import time
from collections.abc import Sequence
from copy import deepcopy
from itertools import product

import numpy as np
import torch
from torch import Tensor, nn

from figures.figure import short
from labs import lab, measures, plots
from labs.lab import Bench, Numbers, Table
from labs.networks import spread
from pretrained.networks import with_batch_norm
from visualizers.network import class_scores

GRAIN = 0.1  # of the noise that makes many images of a few
SIZE, MOST = 64, 16  # pixels of the timed images; how many at most for the last way, whose time grows with their square
ASKED, COMPANY = 32, 8  # photographs that are asked for their influence; how many of them are in a batch
WAYS = ("one backward from the sum", "N backwards, image by image", "N backwards through the batch")
TRAINING, STORED = "BatchNorm, training mode", "BatchNorm, evaluation mode"
MEASURED = {
    "others": "another image's gradient, of a score's own",
    "error": "error of maps from the sum",
    "order": "change of maps by another order of the batch",
    "company": "change of maps by another batch",
}


def measure(bench: Bench) -> Numbers:
    counts, rounds = ([1, 2, 4, 8], 2) if bench.quick else ([1, 2, 4, 8, 16, 32, 64], 5)
    X, y = many(bench, counts[-1])
    numbers: Numbers = {"images": counts, "seconds": measure_times(bench.model, X, y, counts, rounds)}
    exact = deepcopy(bench.model).double()
    numbers["difference"] = {"32 bits": difference(bench.model, X, y), "64 bits": difference(exact, X.double(), y)}
    _, X, y, _ = bench.batch(4 if bench.quick else None)
    rows = spread(range(len(X)), ASKED)
    X, y = X[rows], y[rows]
    size = 2 if bench.quick else COMPANY
    first, second = draw_batches(len(X), size, bench.generator())
    numbers |= {"company": size, "influence": {"evaluation mode": compare(bench.model, X, y, first, second)}}
    if (other := bench.second()) is not None:
        numbers["second"] = other.name
        model = with_batch_norm(other.device)
        y = lab.predict(model, X).argmax(dim=1)
        numbers["influence"][STORED] = compare(model, X, y, first, second)
        numbers["influence"][TRAINING] = compare(TrainingBatchNorm(model), X, y, first, second)
    return numbers


def measure_times(
    model: nn.Module, X: Tensor, y: Tensor, counts: Sequence[int], rounds: int
) -> dict[str, list[list[float]]]:
    """The seconds that each of WAYS takes for so many images, round by round; the last one for at most MOST."""

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
    seconds: dict[str, list[list[float]]] = {name: [] for name in WAYS}
    for count in lab.progress(counts, "one backward"):
        tried = WAYS if count <= MOST else WAYS[:2]
        for name in tried:
            seconds[name].append([])
        for _, (name, way) in product(range(rounds), zip(tried, ways)):
            start = time.perf_counter()
            way(X[:count], y[:count])
            seconds[name][-1].append(time.perf_counter() - start)
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


def draw_batches(count: int, size: int, generator: torch.Generator) -> tuple[list[Tensor], list[Tensor]]:
    """Rows of images, in batches of one size, at random; and the same images in other batches."""
    rows = torch.randperm(count, generator=generator)[: count // size * size]
    return list(rows.split(size)), list(rows[torch.randperm(len(rows), generator=generator)].split(size))


def compare(model: nn.Module, X: Tensor, y: Tensor, first: Sequence[Tensor], second: Sequence[Tensor]) -> Numbers:
    """Measure what MEASURED names, batch by batch of `first`, and the "shares" of the first one; see `influence`."""
    found = [influence(model, X[rows], y[rows]) for rows in lab.progress(first, "influence")]

    def maps(batches: Sequence[Tensor]) -> Tensor:
        made = torch.zeros_like(X[:, 0])
        for rows in batches:
            made[rows] = lab.saliency(X[rows], y[rows], model)
        return made

    here = maps(first)

    def change(batches: Sequence[Tensor]) -> list[float]:
        there = maps(batches)
        return [float((there - here)[rows].norm() / here[rows].norm()) for rows in first]

    return {
        "shares": found[0]["shares"],
        "others": [others(one["shares"]) for one in found],
        "error": [one["error"] for one in found],
        "order": change([rows.flip(0) for rows in first]),
        "company": change(second),
    }


def influence(model: nn.Module, X: Tensor, y: Tensor) -> Numbers:
    """Row j of "shares": how long the gradient of score j is with respect to each image, over that to its own.

    "error": how far maps from the sum are from those of each score in the same batch, over the latter's norm.
    """
    shares, own = [], []
    for j in range(len(X)):
        gradient = lab.gradient(lambda X: class_scores(model(X), y)[j], X)  # noqa: B023 -- called here
        sizes = gradient.flatten(1).norm(dim=1)
        shares.append((sizes / sizes[j]).tolist())
        own.append(gradient[j].abs().amax(dim=0))
    maps, right = lab.saliency(X, y, model), torch.stack(own)
    return {"shares": shares, "error": float((maps - right).norm() / right.norm())}


def tabulate(numbers: Numbers) -> Table:
    rows = [(f"{numbers['images'][len(seconds) - 1]} maps, {name}, {len(seconds[-1])} rounds",
             f"{lab.write_mean(seconds[-1], '.2f')} s")
            for name, seconds in numbers["seconds"].items()]  # fmt: skip
    rows += [(f"{name}: times as long as the first", lab.write_interval(slower(numbers, name), ".1f"))
             for name in WAYS[1:]]  # fmt: skip
    rows += [(f"difference of a map, of its maximum, {bits}", f"{value:.1g} (largest of {numbers['images'][-1]} maps)")
             for bits, value in numbers["difference"].items()]  # fmt: skip
    rows += [(f"{words}, {name}", write(found[key])) for name, found in numbers["influence"].items()
             for key, words in MEASURED.items()]  # fmt: skip
    return Table((f"measured; influence in batches of {numbers['company']} photographs", "(90 % interval)"), rows)


def slower(numbers: Numbers, name: str) -> list[float]:
    """Interval, over rounds, of the mean time of a way over that of the first, for as many images as it was tried with.
    """
    last = len(numbers["seconds"][name]) - 1
    own, first = (np.array(numbers["seconds"][way][last]) for way in (name, WAYS[0]))
    return measures.bootstrap(measures.of_sums, own, first)


def write(values: Sequence[float]) -> str:
    return lab.write_values(values, of="batches")


def conclude(numbers: Numbers) -> list[str]:
    counts, exact = numbers["images"], numbers["difference"]
    batch = counts[len(numbers["seconds"][WAYS[2]]) - 1]
    alone, graph = (lab.write_interval(slower(numbers, name), ".1f") for name in WAYS[1:])
    said = [
        f"One backward pass from the sum gives the maps that each image has alone, to {exact['64 bits']:.1g} of their "
        f"maximum in 64 bits ({exact['32 bits']:.1g} in 32; the largest of {counts[-1]}); image by image {counts[-1]} "
        f"images take {alone} times as long, and {batch} {graph} times where each score goes back through the whole "
        "batch.",
        "The network with BatchNorm cannot be had here, so what training mode does was not measured.",
        "So sum the scores, but put the network into evaluation mode first.",
    ]
    if "second" in numbers:
        found, stored = numbers["influence"][TRAINING], numbers["influence"][STORED]
        said[1] = (
            f"With BatchNorm in training mode ({numbers['second']}, batches of {numbers['company']}) another image's "
            f"gradient is {write(found['others'])} as long as an image's own, maps from the sum are wrong by "
            f"{write(found['error'])}, and an image's map changes by {write(found['company'])} in another batch, by "
            f"another order by {write(found['order'])}; in evaluation mode all that is "
            f"{write([max(values) for values in zip(*(stored[key] for key in MEASURED))])}."
        )
    return said


def others(matrix: list[list[float]]) -> float:
    """The mean of what stands beside the diagonal."""
    values = np.array(matrix)
    return float(values[~np.eye(len(values), dtype=bool)].mean())


def draw(numbers: Numbers, bench: Bench) -> "plots.Figure":
    fig = plots.sheet(1560, 500)
    left, right = plots.parts(fig, 1, 2, width_ratios=[1.05, 0.45 * len(numbers["influence"])])
    rounds = len(numbers["seconds"][WAYS[0]][0])
    axes = plots.plain(left.subplots(), f"Seconds for N saliency maps, {rounds} rounds", "N images", logx=2, logy=10)
    axes.set_xticks(numbers["images"], numbers["images"])
    lines = {name: np.mean(seconds, axis=1).tolist() for name, seconds in numbers["seconds"].items()}
    for colour, seconds in zip(plots.OTHERS, numbers["seconds"].values()):
        axes.fill_between(numbers["images"][: len(seconds)], *np.quantile(seconds, (0.05, 0.95), axis=1), color=colour,
                          alpha=0.15, linewidth=0)  # fmt: skip
    plots.curves(axes, numbers["images"], lines, dict(zip(WAYS, plots.OTHERS)))
    # This curve ends before the others: its name is to the left, where nothing is.
    axes.texts[-1].set(ha="right", gid=None, x=-8, text=WAYS[2].replace(" through", "\nthrough"))
    panels = right.subplots(1, len(numbers["influence"]), squeeze=False)[0]
    for axes, (name, found) in zip(panels, numbers["influence"].items()):
        network = short(bench.source.name if name == "evaluation mode" else numbers["second"])
        written = write(found["others"]).replace(" (", "\n(")
        title = f"{network},\n{name}:\ngradients of others {written}"
        plots.show(axes, np.array(found["shares"]), title, cmap="Blues", vmin=0, vmax=1)
        plots.plain(axes, x="gradient of image", y="score of image")
        axes.set_xticks([])
    note = (f"{bench.source.name}; bands: 90 % of the rounds. Squares: the first of {len(found['others'])} batches of "
            f"{numbers['company']}; gradients of others: mean length, of an image's own")  # fmt: skip
    return plots.head(fig, "One backward pass gives every image its own gradient", note)


if __name__ == "__main__":
    lab.main()
