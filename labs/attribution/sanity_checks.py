"""Question: does an explanation change when the network forgets what it has learnt?

Claim: it must. Where the layers' weights are replaced by random ones, from the top down or one alone, the maps of
    gradient, SmoothGrad and Grad-CAM change, while guided backprop and Guided Grad-CAM hardly do: they follow the
    picture's edges. And a network that has learnt permuted labels by heart must be explained otherwise than one that
    has learnt the true ones.
Look at: the likeness of each method's maps to those of the trained network, layer by layer.
Paper: Adebayo et al. 2018 (https://arxiv.org/abs/1810.03292).

    python -m labs.attribution.sanity_checks
"""

from collections.abc import Sequence

import numpy as np
import torch
from scipy.stats import spearmanr
from skimage.feature import hog
from skimage.metrics import structural_similarity
from torch import Tensor, nn
from torch.nn import functional as F

import methods
from figures import palette
from labs import lab, plots
from labs.attribution import data_test
from labs.composed import compose
from labs.lab import Bench, Numbers, Table

METHODS = tuple(name for name in methods.comparisons() if name != methods.DECONVNET)
MEASURES = {
    "absolute": "Rank correlation",
    "signed": "Rank correlation, with signs",
    "ssim": "Structural similarity",
    "hog": "Correlation of HOGs",
}
INSENSITIVE, SENSITIVE = ("guided backprop", "Guided Grad-CAM"), ("gradient", "Grad-CAM")  # in the paper


def measure(bench: Bench) -> Numbers:
    images, X, y, _ = bench.batch(1 if bench.quick else 4)
    names = layers(bench.model)[: 2 if bench.quick else None]
    count = {"samples": 1, "steps": 2} if bench.quick else {"samples": 6, "steps": 12}

    def explain(model: nn.Module, stage: str) -> dict[str, Tensor]:
        found = methods.attributions(METHODS, X, y, model, bench.source.gradcam_layer, seed=bench.seed, **count)
        bench.pictures.setdefault(stage, {name: size(attribution)[0] for name, attribution in found.items()})
        return found

    trained = explain(bench.model, "trained")
    bench.pictures["image"] = images[0]
    found: dict[str, list] = {"cascading": [], "independent": []}
    for done, name in enumerate(lab.progress(names, "sanity checks"), 1):
        for kind, random in (("cascading", names[:done]), ("independent", [name])):
            if kind == "independent" and done == 1:  # the top layer alone is both
                found[kind].append(found["cascading"][0])
                continue
            latest = explain(lab.randomise(bench.model, random, bench.generator()), name)
            found[kind].append({method: compare(trained[method], latest[method]) for method in METHODS})
    return {
        "images": len(X),
        "layers": names,
        **{kind: summarize(stages) for kind, stages in found.items()},
        "data": data(bench, 2 if bench.quick else 20, count),
    }


def summarize(stages: Sequence[dict[str, dict[str, list[float]]]]) -> Numbers:
    """Mean and deviation over images of each measure, method by method and stage by stage."""
    return {
        measure: {
            name: {
                "mean": [float(np.mean(stage[name][measure])) for stage in stages],
                "deviation": [float(np.std(stage[name][measure])) for stage in stages],
            }
            for name in METHODS
        }
        for measure in MEASURES
    }


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


def compare(one: Tensor, other: Tensor) -> dict[str, list[float]]:
    """Each of MEASURES for every image. one, other: attributions (N, C, H, W). What is constant is like nothing: 0."""
    signed = [F.avg_pool2d(attribution.sum(dim=1), 2).cpu().numpy() for attribution in (one, other)]
    found: dict[str, list[float]] = {name: [] for name in MEASURES}
    for a, b, signed_a, signed_b in zip(size(one), size(other), *signed):
        if min(np.ptp(a), np.ptp(b)) == 0:
            for values in found.values():
                values.append(0.0)
            continue
        a, b = ((m - m.min()) / np.ptp(m) for m in (a, b))
        found["absolute"].append(float(spearmanr(a, b, axis=None).statistic))
        found["signed"].append(float(spearmanr(signed_a, signed_b, axis=None).statistic))
        found["ssim"].append(float(structural_similarity(a, b, data_range=1)))
        edges = [hog(m, pixels_per_cell=(8, 8), cells_per_block=(1, 1)) for m in (a, b)]
        found["hog"].append(float(np.corrcoef(edges)[0, 1]))
    return found


def data(bench: Bench, count: int, passes: dict[str, int]) -> Numbers:
    """The maps of two small networks compared, one trained on true, one on permuted labels, on pictures new to both.

    Each is explained for what it says itself.
    """
    scenes = bench.scenes()
    composed = compose(scenes, max(count, 100), data_test.SIZE, seed=data_test.SEED + 1)
    X, y = lab.as_batch(composed.images, scenes).cpu(), torch.from_numpy(composed.labels)
    models, maps = data_test.load(), {}
    for which, model in models.items():
        said = model(X[:count]).argmax(dim=1)
        maps[which] = methods.attributions(METHODS, X[:count], said, model, data_test.LAYER, seed=bench.seed, **passes)
    found = {name: compare(maps["true"][name], maps["permuted"][name]) for name in METHODS}
    return {"right": {which: data_test.accuracy(model, X, y) for which, model in models.items()}} | {
        measure: {
            name: {"mean": float(np.mean(found[name][measure])), "deviation": float(np.std(found[name][measure]))}
            for name in METHODS
        }
        for measure in MEASURES
    }


def tabulate(numbers: Numbers) -> Table:
    def likeness(name: str, stage: int) -> str:
        return lab.join((numbers["cascading"][measure][name]["mean"][stage] for measure in MEASURES), ".2f")

    def lowest(name: str) -> str:
        alone = numbers["independent"]["absolute"][name]["mean"]
        return f"{min(alone):.2f} ({short(numbers['layers'][int(np.argmin(alone))])})"

    data, four = numbers["data"]["absolute"], "ranks, with signs, SSIM, HOG"
    return Table.of("method", METHODS, {
        f"top layer random: {four}": lambda name: likeness(name, 0),
        f"all random: {four}": lambda name: likeness(name, -1),
        "deviation of ranks over images": lambda name:
            f"{numbers['cascading']['absolute'][name]['deviation'][-1]:.2f}",
        "lowest ranks, one layer random": lowest,
        "ranks, permuted labels": lambda name: f"{data[name]['mean']:.2f} ± {data[name]['deviation']:.2f}",
    })  # fmt: skip


def conclude(numbers: Numbers) -> list[str]:
    def mean(names: Sequence[str], stage: int, measure: str = "absolute") -> float:
        return float(np.mean([numbers["cascading"][measure][name]["mean"][stage] for name in names]))

    top, end = mean(INSENSITIVE, 0), mean(INSENSITIVE, -1)
    others, others_end = mean(SENSITIVE, 0), mean(SENSITIVE, -1)
    data = {name: numbers["data"]["absolute"][name]["mean"] for name in METHODS}
    most, least = max(data, key=data.__getitem__), min(data, key=data.__getitem__)
    guided = numbers["cascading"]["absolute"]["guided backprop"]["mean"]
    half = next((short(layer) for layer, value in zip(numbers["layers"], guided) if value < 0.5), None)
    fall = f"guided backprop falls below one half when {half} is random, too" if half else (
        "guided backprop never falls below one half")  # fmt: skip
    return [
        f"With the top layer random, the ranks of guided backprop and Guided Grad-CAM agree by {top:.2f} with the "
        f"trained network's, those of gradient and Grad-CAM by {others:.2f}; with all layers random by {end:.2f} and "
        f"{others_end:.2f}.",
        f"So the paper's finding {'shows' if top > others + 0.2 else 'does not show'} while the lower layers are as "
        f"trained, and {'to the end' if end > others_end + 0.2 else 'not to the end'}: {fall}.",
        f"For a network that learnt permuted labels by heart, ranks agree by {data[most]:.2f} ({most}) to "
        f"{data[least]:.2f} ({least}): what stays alike there is the picture, not what was learnt.",
    ]


def short(layer: str) -> str:
    return layer.replace("features.", "").replace("classifier.1", "classifier").replace("network.", "")


def draw(numbers: Numbers, bench: Bench) -> "plots.Figure":
    fig = plots.sheet(1720, 1000)
    above, below = plots.parts(fig, 2, 1, height_ratios=[1, 1.3])
    stages = ["trained", *map(short, numbers["layers"])]
    for axes, (measure, title) in zip(above.subplots(1, 4, sharey=True), MEASURES.items()):
        plots.plain(axes, title, "random from the top down to")
        curves = {name: [1.0, *found["mean"]] for name, found in numbers["cascading"][measure].items()}
        for name, found in numbers["cascading"][measure].items():
            middle, spread = np.array(curves[name]), np.array([0.0, *found["deviation"]])
            axes.fill_between(range(len(stages)), middle - spread, middle + spread, color=plots.COLOURS[name],
                              alpha=0.12, linewidth=0)  # fmt: skip
        draw_stages(axes, curves, stages)
    first, second, third = plots.parts(below, 1, 3, width_ratios=[1, 0.75, 2.1])
    axes = plots.plain(first.subplots(), "Rank correlation, one layer random")
    alone = numbers["independent"]["absolute"]
    draw_stages(axes, {name: found["mean"] for name, found in alone.items()}, stages[1:])
    values = {name: numbers["data"]["absolute"][name]["mean"] for name in METHODS}
    plots.bars(second.subplots(), values, title="Permuted labels").set_xlim(-0.1, 1)
    shown = [numbers["layers"][i] for i in sorted({0, len(stages) // 4, len(stages) // 2, len(stages) - 2})
             if i < len(numbers["layers"])]  # fmt: skip
    panels = third.subplots(1 + len(shown), len(METHODS), squeeze=False)
    for i, stage in enumerate(["trained", *shown]):
        panels[i, 0].set_ylabel(short(stage), size=plots.NOTE)
        for axes, name in zip(panels[i], METHODS):
            title = name.replace(" ", "\n", 1) if i == 0 else ""
            plots.show(axes, palette.heat([bench.pictures[stage][name]])[0], title, plots.COLOURS[name], 8)
    return plots.head(fig, "Whose maps notice that the network has forgotten", bench.source.name)


def draw_stages(axes: "plots.Axes", lines: dict[str, list[float]], stages: Sequence[str]) -> None:
    plots.curves(axes, range(len(stages)), lines, marker="")
    axes.axhline(0, color=plots.FRAME, linewidth=1)
    axes.set_xticks(range(len(stages)), stages, rotation=90)


if __name__ == "__main__":
    lab.main()
