"""Question: why is the score explained, before softmax, and not the probability or the loss?

Claim: where the network is sure, the gradients of probability and loss vanish: they are p (1 - p) and 1 - p times a
    difference of gradients, in which all other classes take part. The score's has neither factor nor other classes.
Look at: the size of the maps over confidence, the share of other classes, and whether a map's peak is on the object.
Paper: Simonyan et al. 2014, section 3 (https://arxiv.org/abs/1312.6034): "the unnormalised class scores".

    python -m labs.gradients.score_or_loss
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from figures import palette
from labs import lab, measures, plots
from labs.lab import QUANTITIES, Bench, Numbers, Table, Through
from visualizers.network import class_scores

LEVELS = [0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999]
SHOWN = [0.1, 0.5, 0.9, 0.999]  # confidences, of one image, whose maps are drawn


def measure(bench: Bench) -> Numbers:
    _, X, y, names = bench.batch(2 if bench.quick else 8)
    fades = torch.linspace(0.1, 1, 8 if bench.quick else 30)
    faded = [fade(bench.model, x, label, fades) for x, label in zip(X, y)]
    numbers = over_confidence(faded)
    sure = max(range(len(faded)), key=lambda i: faded[i]["confidence"].max())
    numbers["shown"] = names[sure]
    keep(bench, faded[sure])
    scenes = bench.on_scenes()
    _, X, y, _ = scenes.batch(4 if bench.quick else None)
    numbers["scenes"] = scenes.source.name
    numbers["pointing"] = pointing(scenes.model, X, y, np.asarray(scenes.source.masks)[: len(X)])
    return numbers


def fade(model: nn.Module, x: Tensor, label: Tensor, fades: Tensor) -> dict[str, Tensor]:
    """One image (3, H, W) on its way from grey: confidence and maps (F, H, W) at each of the F fades.

    "others": the share of other classes in the gradient of the loss, sum over k of (p_k - 1[k = y]) ds_k/dx.
    """
    found: dict[str, list[Tensor]] = {name: [] for name in ("confidence", "others", "images", *QUANTITIES)}
    for some in lab.progress(fades.split(8), "score or loss"):
        X = x * some.to(x)[:, None, None, None]
        y = label.expand(len(X))
        confidence = lab.confidence(model, X, y)
        own = lab.gradient(lambda X: class_scores(model(X), y), X).flatten(1)  # noqa: B023 -- called here
        loss = lab.gradient(lambda X: class_scores(QUANTITIES["loss"](model(X)), y), X).flatten(1)  # noqa: B023
        own = (confidence[:, None] - 1) * own
        others = (loss - own).norm(dim=1)
        found["others"].append(others / (others + own.norm(dim=1)).clamp(min=1e-30))
        found["confidence"].append(confidence)
        found["images"].append(X)
        for name, maps in explain(model, X, y).items():
            found[name].append(maps)
    return {name: torch.cat(parts).cpu() for name, parts in found.items()}


def explain(model: nn.Module, X: Tensor, y: Tensor) -> dict[str, Tensor]:
    """The saliency maps of each quantity: the same method, of a network with another output."""
    return {name: lab.saliency(X, y, Through(model, function)) for name, function in QUANTITIES.items()}


def over_confidence(faded: Sequence[dict[str, Tensor]]) -> Numbers:
    """Medians, over all images and fades, at each of LEVELS; sizes relative to the mean size of the score's maps."""
    confidence = torch.cat([one["confidence"] for one in faded]).double().clamp(1e-9, 1 - 1e-9).numpy()
    odds, levels = np.log(confidence / (1 - confidence)), np.log(np.array(LEVELS) / (1 - np.array(LEVELS)))
    nearest = np.abs(odds[:, None] - levels).argmin(axis=1)
    within = np.abs(odds - levels[nearest]) < 0.75

    reached = [i for i in range(len(LEVELS)) if (within & (nearest == i)).any()]
    between = levels[reached[0] : reached[-1] + 1]

    def medians(values: np.ndarray) -> list[float]:
        """Medians at each level; what lies between its neighbours where no picture has this confidence."""
        known = [np.median(values[within & (nearest == i)]) for i in reached]
        return np.interp(between, levels[reached], known).tolist()

    def sizes(name: str) -> np.ndarray:
        return np.concatenate([one[name].flatten(1).norm(dim=1) / one["score"].flatten(1).norm(dim=1).mean()
                               for one in faded])  # fmt: skip

    others = torch.cat([one["others"] for one in faded]).numpy()
    return {
        "pictures": int(within.sum()),
        "levels": LEVELS[reached[0] : reached[-1] + 1],
        "size": {name: medians(sizes(name)) for name in QUANTITIES},
        "leak": {"score": [0.0] * len(between), "probability": medians(others), "loss": medians(others)},
    }


def keep(bench: Bench, one: dict[str, Tensor]) -> None:
    """Keep the maps that are drawn: where the confidence is nearest to SHOWN."""
    confidence = one["confidence"]
    rows = sorted({int((confidence.logit(1e-7) - torch.tensor(level).logit()).abs().argmin()) for level in SHOWN})
    bench.pictures["confidence"] = confidence[rows].tolist()
    bench.pictures["images"] = [lab.to_picture(one["images"][i]) for i in rows]
    bench.pictures.update({name: one[name][rows].numpy() for name in QUANTITIES})


def pointing(model: nn.Module, X: Tensor, y: Tensor, masks: np.ndarray) -> dict[str, Numbers | int]:
    """The number of maps with their peak on the object, the share of their sum there, and how many are all zeros."""
    found: dict[str, Numbers | int] = {"images": len(X)}
    parts = [explain(model, *part) for part in zip(X.split(8), y.split(8))]
    for name in QUANTITIES:
        maps = torch.cat([part[name] for part in parts]).cpu().numpy()
        there = maps.any(axis=(1, 2))
        found[name] = {
            "hits": int((there & measures.peaks_on(maps, masks)).sum()),
            "energy": float(np.mean(measures.energy(maps, masks)[there])),
            "empty": int((~there).sum()),
        }
    return found


def tabulate(numbers: Numbers) -> Table:
    half, sure = find_level(numbers, 0.5), find_level(numbers, 0.99)
    one, other = f"{numbers['levels'][half]:.0%}", f"{numbers['levels'][sure]:.0%}"
    size, point = numbers["size"], numbers["pointing"]
    return Table.of("explained", QUANTITIES, {
        f"size at {one}": lambda name: f"{size[name][half]:.2g}",
        f"size at {other}": lambda name: f"{size[name][sure]:.2g}",
        f"other classes at {other}": lambda name: f"{numbers['leak'][name][sure]:.0%}",
        "scenes with the peak on the object": lambda name: f"{point[name]['hits']} of {point['images']}",
        "sum on it": lambda name: f"{point[name]['energy']:.0%}",
        "maps of zeros": lambda name: f"{point[name]['empty']}",
    })  # fmt: skip


def conclude(numbers: Numbers) -> list[str]:
    sure, size, point = find_level(numbers, 0.99), numbers["size"], numbers["pointing"]
    more = point["score"]["hits"] - point["loss"]["hits"]
    better = "points better" if more > 2 else "points worse" if more < -2 else "hardly points better or worse"
    return [
        f"At a confidence of {numbers['levels'][sure]:.0%} the map of the score is {size['score'][sure]:.2g} times its "
        f"mean size, that of the probability {size['probability'][sure]:.2g} and that of the loss "
        f"{size['loss'][sure]:.2g}; {point['loss']['empty']} of {point['images']} scenes have a loss whose map is all "
        "zeros in 32 bits.",
        f"Other classes make up {numbers['leak']['loss'][sure]:.0%} of the loss's gradient there, and the peak is on "
        f"the object in {point['score']['hits']} (score) and {point['loss']['hits']} (loss) of these scenes: the score "
        f"{better}.",
        "Probability and loss have the same map but for its size, as the one's gradient is -p times the other's: "
        "explain the score to ask what speaks for a class, and the loss only to ask what would change the answer.",
    ]


def find_level(numbers: Numbers, level: float) -> int:
    """The index of the confidence that is nearest to `level`, among those that the pictures have reached."""
    return int(np.abs(np.array(numbers["levels"]) - level).argmin())


def draw(numbers: Numbers, bench: Bench) -> "plots.Figure":
    shown = bench.pictures["confidence"]
    fig = plots.sheet(1560, 700)
    left, right = plots.parts(fig, 1, 2, width_ratios=[1.15, 1])
    above, below = left.subplots(2, 1, sharex=True)
    levels = np.array(numbers["levels"])
    odds = np.log(levels / (1 - levels))
    plots.plain(above, "Size of the map, of the score's mean", logy=10)
    plots.curves(above, odds, {name: numbers["size"][name] for name in QUANTITIES})
    plots.plain(below, "What other classes have in the gradient", "the network's confidence in the class")
    plots.curves(below, odds, {name: numbers["leak"][name] for name in ("score", "loss")})
    below.set_ylim(-0.05, 1.05)
    below.set_xticks(odds[::2], [f"{100 * level:g} %" for level in levels[::2]])
    grid = right.subplots(4, len(shown))
    for j, confidence in enumerate(shown):
        plots.show(grid[0, j], bench.pictures["images"][j], f"{confidence:.1%}")
        for i, name in enumerate(QUANTITIES, 1):
            maps = bench.pictures[name]
            plots.show(grid[i, j], palette.heat(maps, np.quantile(maps, 0.995))[j])
            grid[i, 0].set_ylabel(name, size=plots.TITLE, color=plots.COLOURS[name])
    return plots.head(fig, "A sure network has no gradient left, but for its score", bench.source.name)


if __name__ == "__main__":
    lab.main()
