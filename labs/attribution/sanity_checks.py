"""Question: does an explanation change when the network forgets what it has learnt?

Claim: it must. Where the layers' weights are replaced by random ones, from the top down or one alone, the maps of
    gradient, SmoothGrad and Grad-CAM change, while guided backprop and Guided Grad-CAM hardly do: they follow the
    picture's edges. And a network that has learnt permuted labels by heart must be explained otherwise than one that
    has learnt the true ones.
Look at: the likeness of each method's maps to those of the trained network, layer by layer, beside what maps of two
    photographs have in common, and those of two networks that have learnt the same labels.
Paper: Adebayo et al. 2018 (https://arxiv.org/abs/1810.03292).

    python -m labs.attribution.sanity_checks
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.stats import rankdata
from skimage.feature import hog
from skimage.metrics import structural_similarity
from torch import Tensor, nn
from torch.nn import functional as F

import methods
from figures import palette
from labs import lab, measures, plots
from labs.attribution import data_test
from labs.composed import compose
from labs.lab import Bench, Numbers, Table
from labs.networks import spread

METHODS = tuple(name for name in methods.comparisons() if name != methods.DECONVNET)
MEASURES = {
    "absolute": "Rank correlation",
    "signed": "Rank correlation, with signs",
    "ssim": "Structural similarity",
    "hog": "Correlation of HOGs",
}
INSENSITIVE, SENSITIVE = ("guided backprop", "Guided Grad-CAM"), ("gradient", "Grad-CAM")  # in the paper
TIMES_INPUT = ("gradient × input", "integrated gradients")  # the image itself is a factor of these


IMAGES, NEW = 8, 48  # photographs, evenly spread over all; pictures of the data test


def measure(bench: Bench) -> Numbers:
    images, X, y, _ = bench.batch(2 if bench.quick else None)
    rows = spread(range(len(y)), IMAGES)
    names = layers(bench.model)[: 2 if bench.quick else None]
    count = {"samples": 1, "steps": 2} if bench.quick else {"samples": 4, "steps": 6}
    bench.pictures["image"] = images[rows[0]]
    trained: list[dict[str, list[Comparable]]] = []
    found: dict[str, list] = {"cascading": [], "independent": []}
    for seed, i in enumerate(lab.progress(rows, "sanity checks"), bench.seed):  # each has random weights of its own

        def explain(model: nn.Module, stage: str, i: int = i) -> dict[str, list[Comparable]]:
            x, label, layer = X[i : i + 1], y[i : i + 1], bench.source.gradcam_layer
            found = methods.attributions(METHODS, x, label, model, layer, seed=bench.seed, **count)
            bench.pictures.setdefault(stage, {name: size(attribution)[0] for name, attribution in found.items()})
            return {name: look(attribution) for name, attribution in found.items()}

        def forget(layers: Sequence[str], stage: str, seed: int = seed) -> dict[str, dict[str, list[float]]]:
            random = lab.randomise(bench.model, layers, torch.Generator().manual_seed(seed))
            latest = explain(random, stage)
            return {method: compare(trained[-1][method], latest[method]) for method in METHODS}

        trained.append(explain(bench.model, "trained"))
        found["cascading"].append([forget(names[: done + 1], name) for done, name in enumerate(names)])
        # the top layer alone is both
        found["independent"].append([found["cascading"][-1][0], *[forget([name], name) for name in names[1:]]])
    others = [[{method: compare(one[method], other[method]) for method in METHODS}]
              for one, other in zip(trained, trained[1:] + trained[:1])]  # fmt: skip
    return {
        "images": len(rows),
        "layers": names,
        **{kind: collect(some) for kind, some in (found | {"another photograph": others}).items()},
        "data": data(bench, 2 if bench.quick else NEW, count),
    }


def collect(images: Sequence[Sequence[dict[str, dict[str, list[float]]]]]) -> Numbers:
    """Each measure's values, method by method, stage by stage, image by image; from lists of stages of each image."""
    return {
        measure: {name: [[value for stage in stages for value in stage[name][measure]] for stages in zip(*images)]
                  for name in METHODS}
        for measure in MEASURES
    }  # fmt: skip


def layers(model: nn.Module) -> list[str]:
    """The names of the modules with weights, from the scores down to the image; what is nested deeper counts as one."""
    deepest = 3 if next(iter(model.state_dict())).startswith("network.") else 2
    names = dict.fromkeys(
        ".".join(name.split(".")[: min(deepest, name.count("."))]) for name, _ in model.named_parameters()
    )
    return list(names)[::-1]


def size(attribution: Tensor) -> np.ndarray:
    """(N, C, H, W) of either sign as (N, H, W) >= 0, at half the size: what is drawn and compared without signs."""
    return F.avg_pool2d(attribution.abs().sum(dim=1), 2).cpu().numpy()


@dataclass(frozen=True)
class Comparable:
    """A map as the measures compare it: made once, as the trained network's is compared with many."""

    map: np.ndarray  # (h, w), from 0 to 1
    absolute: np.ndarray  # ranks of its pixels, (h * w,)
    signed: np.ndarray  # the same of the map with signs
    hog: np.ndarray


def look(attribution: Tensor) -> list[Comparable]:
    """Make each of the attributions (N, C, H, W) ready to be compared."""
    signed = F.avg_pool2d(attribution.sum(dim=1), 2).cpu().numpy()
    found = []
    for a, with_signs in zip(size(attribution), signed):
        a = (a - a.min()) / max(np.ptp(a), 1e-30)
        edges = hog(a, pixels_per_cell=(8, 8), cells_per_block=(1, 1))
        found.append(Comparable(a, rankdata(a).ravel(), rankdata(with_signs).ravel(), edges))
    return found


def compare(one: Sequence[Comparable], other: Sequence[Comparable]) -> dict[str, list[float]]:
    """Each of MEASURES for every image; ranks are Spearman's. What is constant is like nothing: 0."""
    found: dict[str, list[float]] = {name: [] for name in MEASURES}
    for a, b in zip(one, other):
        if not (a.map.any() and b.map.any()):
            for values in found.values():
                values.append(0.0)
            continue
        for name in ("absolute", "signed", "hog"):
            found[name].append(float(np.corrcoef(getattr(a, name), getattr(b, name))[0, 1]))
        found["ssim"].append(float(structural_similarity(a.map, b.map, data_range=1)))
    return found


def data(bench: Bench, count: int, passes: dict[str, int]) -> Numbers:
    """The maps of a small network trained on true labels compared with those of one trained on permuted labels, and of
    one trained on true ones from another start: ranks for each of `count` pictures new to all.

    Each is explained for what it says itself.
    """
    scenes = bench.scenes()
    composed = compose(scenes, max(count, 100), data_test.SIZE, seed=data_test.SEED + 1)
    X, y = lab.as_batch(composed.images, scenes).cpu(), torch.from_numpy(composed.labels)
    models, maps = data_test.load(), {}
    for which, model in models.items():
        said = model(X[:count]).argmax(dim=1)
        found = methods.attributions(METHODS, X[:count], said, model, data_test.LAYER, seed=bench.seed, **passes)
        maps[which] = {name: look(attribution) for name, attribution in found.items()}
    return {"right": {which: data_test.accuracy(model, X, y) for which, model in models.items()}} | {
        which: {name: compare(maps["true"][name], maps[which][name])["absolute"] for name in METHODS}
        for which in ("permuted", data_test.AGAIN)
    }


def tabulate(numbers: Numbers) -> Table:
    def likeness(kind: str, stage: int) -> Callable[[str], str]:
        return lambda name: ", ".join(lab.write_mean(numbers[kind][measure][name][stage], ".2f")
                                      for measure in MEASURES)  # fmt: skip

    def alone(name: str) -> str:
        ranks = np.mean(numbers["independent"]["absolute"][name], axis=0)
        return lab.write_mean(ranks, ".2f")

    def learnt(which: str) -> Callable[[str], str]:
        return lambda name: lab.write_mean(numbers["data"][which][name], ".2f")

    four = f"ranks, with signs, SSIM, HOG ({numbers['images']} images)"
    return Table.of("method (90 % interval)", METHODS, {
        f"top layer random: {four}": likeness("cascading", 0),
        f"all random: {four}": likeness("cascading", -1),
        f"another photograph's map: {four}": likeness("another photograph", 0),
        "ranks, one layer random (mean over layers)": alone,
        f"ranks, permuted labels ({len(numbers['data']['permuted'][METHODS[0]])} pictures)": learnt("permuted"),
        "ranks, true labels, another start": learnt(data_test.AGAIN),
    })  # fmt: skip


def conclude(numbers: Numbers) -> list[str]:
    def ranks(names: Sequence[str], stage: int, kind: str = "cascading") -> np.ndarray:
        return np.mean([numbers[kind]["absolute"][name][stage] for name in names], axis=0)

    def words(values: np.ndarray) -> str:
        return lab.write_mean(values, ".2f")

    def tell_apart(names: Sequence[str], stage: int) -> str:
        above = measures.pair(ranks(names, stage), ranks(SENSITIVE, stage))
        return f"{lab.write_interval(above, '+.2f')} ({lab.tell(above)})"

    def list_shown(found: dict[str, list[float]]) -> str:
        shown = [f"{name} {lab.write_interval(one, '+.2f')}" for name, one in found.items() if one[1] > 0]
        rest = [name for name, one in found.items() if one[1] <= 0]
        return ("; ".join(shown) or "no method") + (f"; not shown: {', '.join(rest)}" if rest else "")

    learnt = numbers["data"]
    left = {name: measures.pair(ranks([name], -1), ranks([name], 0, "another photograph")) for name in METHODS}
    noticed = {name: measures.pair(learnt[data_test.AGAIN][name], learnt["permuted"][name]) for name in METHODS}
    return [
        f"On {numbers['images']} images, each with random weights of its own, the ranks of a map agree with the "
        "trained network's, with a random top layer and with all layers random, by "
        + "; ".join(f"{name} {words(ranks([name], 0))} and {words(ranks([name], -1))}" for name in METHODS) + ".",
        "Guided backprop and Guided Grad-CAM agree more than gradient and Grad-CAM, as the paper says, by "
        f"{tell_apart(INSENSITIVE, 0)} with a random top layer, by {tell_apart(INSENSITIVE, -1)} with all; "
        f"{' and '.join(TIMES_INPUT)}, whose factor is the image, by {tell_apart(TIMES_INPUT, 0)} and "
        f"{tell_apart(TIMES_INPUT, -1)}. With all layers random maps still agree more than those of two photographs by "
        f"{list_shown(left)}.",
        "Where one network learnt permuted labels by heart, its maps are less like a true network's than those of a "
        f"second true network are, by {list_shown(noticed)}.",
    ]  # fmt: skip


def short(layer: str) -> str:
    return layer.replace("features.", "").replace("classifier.1", "classifier").replace("network.", "")


def draw(numbers: Numbers, bench: Bench) -> "plots.Figure":
    fig = plots.sheet(1800, 1180)
    left, right = plots.parts(fig, 1, 2, width_ratios=[1.35, 1])
    above, below = plots.parts(left, 2, 1, height_ratios=[2, 1])
    stages = ["trained", *map(short, numbers["layers"])]
    for axes, (measure, title) in zip(above.subplots(2, 2).flat, MEASURES.items()):
        plots.plain(axes, title, "random from the top down to")
        draw_stages(axes, numbers["cascading"][measure], stages)
        axes.set_ylim(-0.15, 1.05)
        for name, (values,) in numbers["another photograph"][measure].items():  # left of all: what two have in common
            axes.plot(-1, np.mean(values), "_", color=plots.COLOURS[name], markersize=12, markeredgewidth=2)
        axes.set_xticks(range(-1, len(stages)), ["two photos", *stages], rotation=90)
    alone, data = below.subplots(1, 2)
    plots.plain(alone, f"{MEASURES['absolute']}, one layer random", "the random layer")
    draw_stages(alone, numbers["independent"]["absolute"], stages[1:])
    draw_data(data, numbers["data"])
    draw_maps(right, numbers["layers"], bench.pictures)
    note = f"{bench.source.name}; {numbers['images']} images, bands and whiskers: 90 % intervals"
    return plots.head(fig, "Whose maps notice that the network has forgotten", note)


def draw_maps(part: "plots.SubFigure", layers: Sequence[str], pictures: dict[str, Any]) -> None:
    """A row of maps for each method: of the trained network, and of those that are random down to some layers."""
    drawn = [layers[i] for i in sorted({0, len(layers) // 4, len(layers) // 2, len(layers) - 1})]
    panels = part.subplots(1 + len(METHODS), 1 + len(drawn), squeeze=False)
    plots.show(panels[0, 0], pictures["image"])
    for axes in panels[0, 1:]:
        axes.axis("off")
    panels[0, 1].text(0, 0.5, "its maps, by the trained network\nand by those that are random\nfrom the top down to",
                      va="center", size=plots.TITLE, color=plots.INK, in_layout=False)  # fmt: skip
    for row, name in zip(panels[1:], METHODS):
        for axes, stage in zip(row, ("trained", *drawn)):
            title = short(stage) if name == METHODS[0] else ""
            plots.show(axes, palette.heat([pictures[stage][name]])[0], title, size=plots.TITLE)
        row[0].set_ylabel(name.replace(" ", "\n", 1), size=plots.NOTE, color=plots.COLOURS[name], rotation=0,
                          ha="right", va="center")  # fmt: skip


def draw_stages(axes: "plots.Axes", values: dict[str, list[list[float]]], stages: Sequence[str]) -> None:
    """Curves with intervals over stages; before the first all are 1 where `stages` begins with the trained network."""
    start = [[1.0, 1.0, 1.0]] * (stages[0] == "trained")
    found = {name: start + [measures.interval(one) for one in some] for name, some in values.items()}
    plots.interval_curves(axes, range(len(stages)), found, marker="")
    axes.axhline(0, color=plots.FRAME, linewidth=1)
    axes.set_xticks(range(len(stages)), stages, rotation=90)


def draw_data(axes: "plots.Axes", numbers: Numbers) -> None:
    """A bar for the permuted labels and a pale one for the true ones of another start, method by method."""
    plots.plain(axes, "Rank correlation, data test")
    for i, name in enumerate(METHODS):
        for which, up, alpha in (("permuted", -0.18, 1.0), (data_test.AGAIN, 0.18, 0.35)):
            found = measures.interval(numbers[which][name])
            axes.barh(i + up, found[0], 0.34, color=plots.COLOURS[name], alpha=alpha)
            plots.whisker(axes, i + up, found)
    axes.set_yticks(range(len(METHODS)), METHODS)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(METHODS) - 0.4, -0.6)
    axes.set_xlim(0, 1)
    words = f"full: permuted labels\npale: true, another start ({len(numbers['permuted'][METHODS[0]])} pictures)"
    axes.set_xlabel(words, size=plots.NOTE, color=plots.FAINT)


if __name__ == "__main__":
    lab.main()
