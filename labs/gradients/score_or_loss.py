"""Question: why is the score explained, before softmax, and not the probability or the loss?

Claim: where the network is sure, the gradients of probability and loss vanish: they are p (1 - p) and 1 - p times a
    difference of gradients, in which all other classes take part. The score's has neither factor nor other classes.
Look at: the size of the maps over confidence, the share of other classes, and whether a map's peak is on the object,
    beside the object's area, which is chance.
Paper: Simonyan et al. 2014, section 3 (https://arxiv.org/abs/1312.6034): "the unnormalised class scores".

    python -m labs.gradients.score_or_loss
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from figures import palette
from labs import lab, measures, plots
from labs.composed import compose
from labs.lab import QUANTITIES, Bench, Numbers, Table, Through
from visualizers.network import class_scores

LEVELS = [0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999]
SIDE = 112  # pixels of scenes
SHOWN = [0.1, 0.5, 0.9, 0.999]  # confidences, of one image, whose maps are drawn


def measure(bench: Bench) -> Numbers:
    _, X, y, names = bench.batch(2 if bench.quick else None)
    fades = torch.linspace(0.1, 1, 8 if bench.quick else 16)
    faded = [fade(bench.model, x, label, fades) for x, label in lab.progress(list(zip(X, y)), "score or loss")]
    numbers = over_confidence(faded)
    sure = max(range(len(faded)), key=lambda i: faded[i]["confidence"].max())
    numbers |= {"photographs": len(X), "shown": names[sure]}
    keep(bench, X[sure], y[sure])
    scenes = bench.scenes()
    new = compose(scenes, 4 if bench.quick else 96, SIDE, bench.seed + 1)
    labels = torch.from_numpy(new.labels).to(scenes.device)
    numbers["scenes"] = scenes.name
    numbers["pointing"] = point(scenes.model, lab.as_batch(new.images, scenes), labels, new.masks)
    return numbers


def fade(model: nn.Module, x: Tensor, label: Tensor, fades: Tensor) -> dict[str, np.ndarray]:
    """One image (3, H, W) on its way from grey: confidence and sizes of the maps, (F,), at each of the F fades.

    The sizes are norms of the gradients' largest values over colours, as saliency maps have them; the probability's
    gradient is -p times the loss's.
    "others": the share of other classes in the gradient of the loss, sum over k of (p_k - 1[k = y]) ds_k/dx.
    """
    X = (x * fades.to(x)[:, None, None, None]).requires_grad_()
    y = label.expand(len(X))
    with torch.enable_grad():
        scores = model(X)
        own, loss = (
            torch.autograd.grad(class_scores(QUANTITIES[name](scores), y).sum(), X, retain_graph=True)[0]
            for name in ("score", "loss")
        )
    p = class_scores(scores.detach().softmax(dim=1), y)
    score_size, loss_size = (g.abs().amax(dim=1).flatten(1).norm(dim=1) for g in (own, loss))
    own = (p - 1)[:, None] * own.flatten(1)
    rest = (loss.flatten(1) - own).norm(dim=1)
    others = rest / (rest + own.norm(dim=1)).clamp(min=1e-30)
    found = {"confidence": p, "others": others, "score": score_size, "probability": p * loss_size, "loss": loss_size}
    return {name: values.double().cpu().numpy() for name, values in found.items()}


def explain(model: nn.Module, X: Tensor, y: Tensor) -> dict[str, Tensor]:
    """The saliency maps of each quantity: the same method, of a network with another output."""
    return {name: lab.saliency(X, y, Through(model, function)) for name, function in QUANTITIES.items()}


def over_confidence(faded: Sequence[dict[str, np.ndarray]]) -> Numbers:
    """Means and intervals over the images that reach each of LEVELS: the logarithm of "size", relative to the mean
    size of the score's maps of the same image, and "leak", the share of other classes; with the number of "images".
    """
    found: Numbers = {"levels": [], "images": [], "size": {name: [] for name in QUANTITIES}, "leak": []}
    odds = [to_odds(one["confidence"].clip(1e-9, 1 - 1e-9)) for one in faded]
    nearest = [np.abs(some[:, None] - to_odds(np.array(LEVELS))).argmin(axis=1) for some in odds]
    for i, level in enumerate(LEVELS):
        rows = [(near == i) & (np.abs(some - to_odds(level)) < 0.75) for near, some in zip(nearest, odds)]
        there = [(one, row) for one, row in zip(faded, rows) if row.any()]
        if not there:
            continue
        found["levels"].append(level)
        found["images"].append(len(there))
        for name in QUANTITIES:
            sizes = [np.log(one[name][row] / one["score"].mean()).mean() for one, row in there]
            found["size"][name].append(measures.interval(sizes))
        found["leak"].append(measures.interval([one["others"][row].mean() for one, row in there]))
    return found


def to_odds(p: np.ndarray | float) -> np.ndarray:
    """Logarithms of odds."""
    return np.log(p / (1 - np.asarray(p)))


def keep(bench: Bench, x: Tensor, label: Tensor) -> None:
    """Keep the maps that are drawn: of the fades whose confidence is nearest to SHOWN."""
    X = x * torch.linspace(0.1, 1, 30).to(x)[:, None, None, None]
    confidence = lab.confidence(bench.model, X, label.expand(len(X)))
    rows = sorted({int((confidence.logit(1e-7) - torch.tensor(level).logit()).abs().argmin()) for level in SHOWN})
    bench.pictures["confidence"] = confidence[rows].tolist()
    bench.pictures["images"] = [lab.to_picture(X[i]) for i in rows]
    maps = explain(bench.model, X[rows], label.expand(len(rows)))
    bench.pictures.update({name: some.cpu().numpy() for name, some in maps.items()})


def point(model: nn.Module, X: Tensor, y: Tensor, masks: np.ndarray) -> Numbers:
    """Tell of each map whether its peak is on the object (1 or 0), the share of its sum there, and whether it is all
    zeros (1 or 0), which has neither.
    """
    found: Numbers = {"images": len(X), "area": float(masks.mean())}
    parts = [explain(model, *part) for part in zip(X.split(8), y.split(8))]
    for name in QUANTITIES:
        maps = torch.cat([part[name] for part in parts]).cpu().numpy()
        there = maps.any(axis=(1, 2))
        found[name] = {
            "hits": (there & measures.peaks_on(maps, masks)).astype(float).tolist(),
            "energy": measures.energy(maps, masks).tolist(),
            "empty": (~there).astype(float).tolist(),
        }
    return found


def tabulate(numbers: Numbers) -> Table:
    levels = {level: find_level(numbers, level) for level in (0.5, 0.99)}
    words = {i: f"{numbers['levels'][i]:.0%} ({numbers['images'][i]} photographs)" for i in levels.values()}
    half, sure = levels.values()
    point = numbers["pointing"]

    def mean(key: str):
        return lambda name: lab.write_mean(point[name][key])

    return Table.of("explained (90 % interval)", QUANTITIES, {
        f"size at {words[half]}": lambda name: write_size(numbers, name, half),
        f"size at {words[sure]}": lambda name: write_size(numbers, name, sure),
        f"other classes at {words[sure]}": lambda name: (
            "0% (exact)" if name == "score" else lab.write_interval(numbers["leak"][sure])),
        f"{point['images']} scenes: peak on the object (chance {point['area']:.0%})": mean("hits"),
        "sum on it": mean("energy"),
        "maps of zeros": mean("empty"),
    })  # fmt: skip


def write_size(numbers: Numbers, name: str, level: int) -> str:
    return lab.write_interval(np.exp(numbers["size"][name][level]), ".2g")


def conclude(numbers: Numbers) -> list[str]:
    sure, point = find_level(numbers, 0.99), numbers["pointing"]
    sizes = {name: write_size(numbers, name, sure) for name in QUANTITIES}
    empty = lab.write_mean(point["loss"]["empty"])
    hits = {name: lab.write_mean(point[name]["hits"]) for name in ("score", "loss")}
    more, sum_more = (measures.pair(point["score"][key], point["loss"][key]) for key in ("hits", "energy"))
    return [
        f"At a confidence of {numbers['levels'][sure]:.0%}, which {numbers['images'][sure]} of "
        f"{numbers['photographs']} photographs reach on their way from grey, the map of the score is {sizes['score']} "
        f"times its mean size, that of the probability {sizes['probability']} and that of the loss {sizes['loss']}; "
        f"{empty} of {point['images']} scenes have a loss whose map is all zeros in 32 bits.",
        f"Other classes make up {lab.write_interval(numbers['leak'][sure])} of the loss's gradient there; on "
        f"{point['images']} scenes, whose objects fill {point['area']:.0%}, the peak is on the object for the score in "
        f"{hits['score']}, for the loss in {hits['loss']}: scene by scene {lab.write_interval(more, '+.0%')}, "
        f"{lab.judge(more)}; the share of the map's sum there "
        f"{lab.write_interval(sum_more, '+.1%')}, {lab.judge(sum_more)}.",
        "Probability and loss have the same map but for its size, as the one's gradient is -p times the other's: "
        "the score's size does not depend on what the network makes of other classes, and so is easier to compare; "
        f"that it finds the object better is {lab.tell(max(more, sum_more, key=lambda one: one[1]))}.",
    ]


def find_level(numbers: Numbers, level: float) -> int:
    """The index of the confidence that is nearest to `level`, among those that the pictures have reached."""
    return int(np.abs(np.array(numbers["levels"]) - level).argmin())


def draw(numbers: Numbers, bench: Bench) -> "plots.Figure":
    shown = bench.pictures["confidence"]
    fig = plots.sheet(1560, 700)
    left, right = plots.parts(fig, 1, 2, width_ratios=[1.15, 1])
    above, below = left.subplots(2, 1, sharex=True)
    odds, counts = to_odds(np.array(numbers["levels"])), numbers["images"]
    sizes = {name: np.exp(found) for name, found in numbers["size"].items()}
    leaks = {"score": np.zeros((len(odds), 3)), "loss": np.array(numbers["leak"])}
    plots.plain(above, "Size of the map, times the score's mean size", logy=10)
    plots.plain(below, "Other classes' part of the gradient", "the network's confidence in the class")
    for axes, found in ((above, sizes), (below, leaks)):
        plots.interval_curves(axes, odds.tolist(), {name: values.tolist() for name, values in found.items()})
    below.set_ylim(-0.05, 1.05)
    marks = [f"{100 * level:g} %\nn = {count}" for level, count in zip(numbers["levels"], counts)]
    below.set_xticks(odds[::2], marks[::2])
    grid = right.subplots(4, len(shown))
    for j, confidence in enumerate(shown):
        plots.show(grid[0, j], bench.pictures["images"][j], f"{confidence:.1%}")
        for i, name in enumerate(QUANTITIES, 1):
            maps = bench.pictures[name]
            plots.show(grid[i, j], palette.heat(maps, np.quantile(maps, 0.995))[j])
            grid[i, 0].set_ylabel(name, size=plots.TITLE, color=plots.COLOURS[name])
    note = (f"{bench.source.name}, {numbers['photographs']} photographs; bands: 90 % intervals; pictures fade in from "
            "grey; probability has the loss's gradient, but for its size; each row of maps has one scale")  # fmt: skip
    return plots.head(fig, "A sure network leaves its loss hardly a gradient, but its score", note)


if __name__ == "__main__":
    lab.main()
