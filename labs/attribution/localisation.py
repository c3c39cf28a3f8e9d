"""Question: how well do explanations find the object, and would a map without a network find it as well?

Claim: a map that explains the class lies on its object. But objects are mostly in the middle, so a Gaussian in the
    middle, which has seen no image, finds them, too; and a network of random weights follows edges. Only what a method
    has beyond these two is explanation.
Look at: peak, sum and order of each method's map against the exact mask, with trained and with random weights. One
    object a scene cannot tell class from edges, so four photographs are put into a grid: is the peak of each one's
    class in its own cell, where chance is a quarter, and is it still when the top layer is random?
Paper: Zhang et al. 2016 (https://arxiv.org/abs/1608.00507) for the pointing game and its baseline in the middle;
    Adebayo et al. 2018 (https://arxiv.org/abs/1810.03292) for the random network; Böhle et al. 2021
    (https://arxiv.org/abs/2104.00032) for the grid.

    python -m labs.attribution.localisation
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

import methods
import pretrained
from figures import palette
from labs import lab, measures, plots
from labs.lab import Bench, Numbers, Table

METHODS = methods.comparisons()
GAUSSIAN, NOISE = "centred Gaussian", "random"
SHOWN = 2  # the scene whose maps are drawn
GRID = ("Grad-CAM", "guided backprop", "gradient")
TOP, CHANCE = "random top layer", 0.25
MEASURES = {"peak": "Peaks on the object", "sum": "Share of the sum there", "auc": "Object before the rest (AUC)"}


def measure(bench: Bench) -> Numbers:
    scenes = bench.scenes()
    images, X, y, _ = bench.on_scenes().batch(3 if bench.quick else None)
    masks = np.asarray(scenes.masks)[: len(X)]
    maps = {
        "trained": every_map(X, y, scenes.model, scenes.gradcam_layer, bench),
        "untrained": every_untrained_map(X, y, scenes, bench),
    }
    noise = torch.rand(masks.shape, generator=bench.generator()).numpy()
    maps["trained"] |= {GAUSSIAN: np.broadcast_to(gaussian(masks.shape[1]), masks.shape), NOISE: noise}
    bench.pictures.update({"image": images[SHOWN], "mask": masks[SHOWN]})
    for kind, some in maps.items():
        bench.pictures.update({f"{name}, {kind}": every[SHOWN] for name, every in some.items()})
    found = {kind: {name: judge(every, masks) for name, every in some.items()} for kind, some in maps.items()}
    areas = masks.mean(axis=(1, 2)).tolist()
    return {"scenes": len(masks), "network": scenes.name, "area": areas} | found | {"grids": point_in_grids(bench)}


def point_in_grids(bench: Bench) -> Numbers:
    """The share of photographs whose class has its peak in their own cell of a grid of four, and its interval."""
    images, _, y, _ = bench.batch(8 if bench.quick else None)
    order = torch.randperm(len(y), generator=bench.generator())
    fours = [rows for rows in order.split(4) if len(set(y[rows].tolist())) == 4]  # of four classes
    top, generator = lab.name_convolutions(bench.model)[-1:], bench.generator()
    hits: dict[str, dict[str, list[bool]]] = {kind: {name: [] for name in GRID} for kind in ("trained", TOP)}
    for rows in lab.progress(fours[:1] if bench.quick else fours, "grids"):
        picture, cells = tile(images[rows.numpy()])
        X = lab.as_batch(picture[None], bench.source).expand(4, -1, -1, -1)
        for kind, model in (("trained", bench.model), (TOP, lab.randomise(bench.model, top, generator))):
            with lab.ignoring("nothing in image"):
                maps = methods.maps(GRID, X, y[rows], model, bench.source.gradcam_layer, seed=bench.seed)
            for name, some in maps.items():
                hits[kind][name] += measures.peaks_on(some.cpu().numpy(), cells).tolist()
    count = len(hits["trained"][GRID[0]])
    return {"network": bench.source.name.split(",")[0], "photographs": count} | {
        kind: {name: measures.interval(some) for name, some in found.items()} for kind, found in hits.items()
    }


def tile(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Four images (4, H, W, 3) as one of two rows, (2 H, 2 W, 3), and the cell of each, bool (4, 2 H, 2 W)."""
    picture = np.concatenate([np.concatenate(list(pair), axis=1) for pair in (images[:2], images[2:])])
    height, width = images.shape[1:3]
    row, column = (np.arange(side * 2) // side for side in (height, width))
    return picture, 2 * row[:, None] + column == np.arange(4)[:, None, None]


def every_map(
    X: torch.Tensor, y: torch.Tensor, model: torch.nn.Module, layer: str, bench: Bench
) -> dict[str, np.ndarray]:
    """The maps (N, H, W) of all methods, by name."""
    count = {"samples": 2, "steps": 2} if bench.quick else {"samples": 8, "steps": 16}
    parts = [
        methods.maps(METHODS, some, labels, model, layer, seed=bench.seed, **count)
        for some, labels in lab.progress(list(zip(X.split(5), y.split(5))), "maps")
    ]
    return {name: torch.cat([part[name] for part in parts]).cpu().numpy() for name in METHODS}


def every_untrained_map(
    X: torch.Tensor, y: torch.Tensor, source: pretrained.Pretrained, bench: Bench
) -> dict[str, np.ndarray]:
    """The same of networks with random weights: each image has weights of its own, so intervals hold for them, too."""
    layers, generator = lab.name_convolutions(source.model), bench.generator()
    parts = [
        every_map(x, label, lab.randomise(source.model, layers, generator), source.gradcam_layer, bench)
        for x, label in zip(X.split(1), y.split(1))
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in METHODS}


def judge(maps: np.ndarray, masks: np.ndarray) -> dict[str, list[float]]:
    """Image by image: whether the peak is on the object, the share of the sum there, and the probability that a pixel
    of the object is higher than one beside it (AUC, of every second row and column).
    """
    auc = [roc_auc_score(mask[::2, ::2].ravel(), m[::2, ::2].ravel()) for m, mask in zip(maps, masks)]
    return {
        "peak": measures.peaks_on(maps, masks).astype(float).tolist(),
        "sum": measures.energy(maps, masks).tolist(),
        "auc": [float(one) for one in auc],
    }


def gaussian(size: int) -> np.ndarray:
    """In the middle of (size, size), a quarter of it wide."""
    along = np.exp(-0.5 * ((np.arange(size) - (size - 1) / 2) / (size / 4)) ** 2)
    return along[:, None] * along


def write(values: Sequence[float], key: str = "") -> str:
    """Words for the mean of values of scenes and its interval, for the AUC with two digits."""
    return lab.write_mean(values, ".2f" if key == "auc" else ".0%")


def tabulate(numbers: Numbers) -> Table:
    def cell(kind: str, key: str) -> Callable[[str], str]:
        return lambda name: write(numbers[kind][name][key], key) if name in numbers[kind] else "-"

    def point(kind: str) -> Callable[[str], str]:
        return lambda name: lab.write_interval(grids[kind][name]) if name in GRID else "-"

    grids = numbers["grids"]
    return Table.of(f"method ({numbers['scenes']} scenes, 90 % interval)", (*METHODS, GAUSSIAN, NOISE), {
        **{title + words: cell(kind, key) for key, title in MEASURES.items()
           for kind, words in (("trained", ""), ("untrained", ", random weights"))},
        f"grids, {grids['photographs']} photographs: peak in its own cell (chance {CHANCE:.0%})": point("trained"),
        "the same, random top layer": point(TOP),
    })  # fmt: skip


def conclude(numbers: Numbers) -> list[str]:
    trained, grids = numbers["trained"], numbers["grids"]

    def above(name: str, other: str, key: str) -> list[float]:
        return measures.pair(trained[name][key], trained[other][key])

    def best(key: str) -> str:
        first, second = sorted(METHODS, key=lambda name: np.mean(trained[name][key]), reverse=True)[:2]
        found, form = above(first, second, key), "+.2f" if key == "auc" else "+.0%"
        return (f"{first} {write(trained[first][key], key)}, {lab.write_interval(found, form)} above {second} "
                f"({lab.tell(found)})")  # fmt: skip

    def beyond(key: str) -> str:
        return name_shown({name: above(name, GAUSSIAN, key) for name in METHODS})

    untrained = {name: one["peak"] for name, one in numbers["untrained"].items()}
    high = max(untrained, key=lambda name: np.mean(untrained[name]))
    learnt = {name: measures.pair(trained[name]["peak"], untrained[name]) for name in METHODS}
    classy = [name for name in GRID if grids["trained"][name][1] > max(grids[TOP][name][2], CHANCE)]
    return [
        f"On {numbers['scenes']} scenes ({numbers['network']}), whose objects fill {write(numbers['area'])}, highest "
        f"are, for peaks on the object, {best('peak')}; for the share of the sum there, {best('sum')}; for the order "
        f"of pixels (AUC), {best('auc')}.",
        f"A Gaussian in the middle, which has seen nothing, reaches {write(trained[GAUSSIAN]['peak'])}, "
        f"{write(trained[GAUSSIAN]['sum'])} and {write(trained[GAUSSIAN]['auc'], 'auc')}; shown above it, scene by "
        f"scene, are for peaks {beyond('peak')}, for the sum {beyond('sum')}, for the order {beyond('auc')}. With "
        f"random weights {high} reaches the most peaks, {write(untrained[high])}; shown above their own with random "
        f"weights are {name_shown(learnt)}.",
        f"In grids of four photographs ({grids['network']}, {grids['photographs']} of them) the peak is in its own "
        "cell for "
        + "; ".join(f"{name} {lab.write_interval(grids['trained'][name])}, with a random top layer "
                    f"{lab.write_interval(grids[TOP][name])}" for name in GRID)
        + f"; chance is {CHANCE:.0%}. Shown to ask for the class, and not only for edges: "
        f"{', '.join(classy) or 'none of them'}.",
    ]  # fmt: skip


def name_shown(found: Mapping[str, Sequence[float]]) -> str:
    """Names of the differences that their intervals keep above zero."""
    rest = [name for name, one in found.items() if one[1] <= 0]
    if len(rest) < len(found) / 2:
        return f"all but {' and '.join(rest)}" if rest else "all"
    return " and ".join(name for name in found if name not in rest) or "none"


def draw(numbers: Numbers, bench: Bench) -> "plots.Figure":
    fig = plots.sheet(1640, 860)
    above, below = plots.parts(fig, 2, 1, height_ratios=[1.35, 1])
    names = (*METHODS, GAUSSIAN)[::-1]
    place = np.arange(len(names))
    above, beside = plots.parts(above, 1, 2, width_ratios=[3, 1.15])
    draw_grids(numbers["grids"], plots.plain(beside.subplots(), "Grids of four: peak in its own cell"))
    for axes, (key, title) in zip(above.subplots(1, 3, sharey=True), MEASURES.items()):
        plots.plain(axes, title)
        for kind, up, width, alpha in (("trained", 0.17, 0.5, 1.0), ("untrained", -0.25, 0.3, 0.35)):
            for i, name in enumerate(names):
                if name not in numbers[kind]:
                    continue
                found = measures.interval(numbers[kind][name][key])
                axes.barh(i + up, found[0], width, color=plots.COLOURS[name], alpha=alpha)
                plots.whisker(axes, i + up, found, capsize=2, linewidth=1)
        axes.axvline(np.mean(numbers["trained"][GAUSSIAN][key]), color=plots.INK, linewidth=1, linestyle=":")
        axes.set_xlabel(f"{numbers['scenes']} scenes (dotted: the Gaussian)", size=plots.NOTE, color=plots.FAINT)
        axes.set_xlim(0, 1.02)
        axes.set_yticks(place, names)
        axes.tick_params(axis="y", length=0)
    columns = (*METHODS, GAUSSIAN)
    panels = below.subplots(2, 1 + len(columns))
    image, mask = bench.pictures["image"], bench.pictures["mask"]
    plots.show(panels[0, 0], image, "image")
    plots.show(panels[1, 0], image * np.where(mask, 1, 0.35)[..., None] / 255, "object (its mask)")
    for row, kind, words in zip(panels, ("trained", "untrained"), ("trained", "random weights")):
        row[1].set_ylabel(words, size=plots.NOTE)
        for axes, name in zip(row[1:], columns):
            if (picture := bench.pictures.get(f"{name}, {kind}")) is None:
                axes.axis("off")
                continue
            title = name.replace(" ", "\n", 1) if kind == "trained" else ""
            plots.show(axes, palette.heat([picture])[0], title, plots.COLOURS[name], 8)
    note = (f"{numbers['network']}; pale: random weights, of each scene's own; whiskers: 90 % intervals; AUC: of the "
            "order of pixels, 0.5 by chance")  # fmt: skip
    return plots.head(fig, "Who finds the object, and who finds the middle", note)


def draw_grids(grids: Numbers, axes: "plots.Axes") -> None:
    """Bars with intervals for each method, trained and with a random top layer, and a line where chance is."""
    for i, name in enumerate(GRID):
        for kind, up, alpha in (("trained", -0.18, 1.0), (TOP, 0.18, 0.35)):
            mean, _, high = grids[kind][name]
            axes.barh(i + up, mean, 0.34, color=plots.COLOURS[name], alpha=alpha)
            plots.whisker(axes, i + up, grids[kind][name])
            if i == 0:
                axes.text(max(high, CHANCE) + 0.02, i + up, kind, va="center", size=8, color=plots.INK)
    axes.axvline(CHANCE, color=plots.INK, linewidth=1, linestyle=":")
    axes.set_xlabel(f"{grids['photographs']} photographs (dotted: chance)", size=plots.NOTE, color=plots.FAINT)
    axes.set_xlim(0, 1.1)
    axes.set_ylim(len(GRID) - 0.5, -0.5)
    axes.set_yticks(range(len(GRID)), [name.replace(" ", "\n") for name in GRID])
    axes.tick_params(axis="y", length=0)


if __name__ == "__main__":
    lab.main()
