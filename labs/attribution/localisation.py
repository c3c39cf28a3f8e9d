"""Question: how well do explanations find the object, and would a map without a network find it as well?

Claim: a map that explains the class lies on its object. But objects are mostly in the middle, so a Gaussian in the
    middle, which has seen no image, finds them, too; and a network of random weights follows edges. Only what a method
    has beyond these two is explanation.
Look at: peak, sum and order of each method's map against the exact mask, with trained and with random weights.
Paper: Zhang et al. 2016 (https://arxiv.org/abs/1608.00507) for the pointing game and its baseline in the middle;
    Adebayo et al. 2018 (https://arxiv.org/abs/1810.03292) for the random network.

    python -m labs.attribution.localisation
"""


import numpy as np
import torch
from sklearn.metrics import roc_auc_score

import methods
from figures import palette
from labs import lab, measures, plots
from labs.lab import Bench, Numbers, Table

METHODS = methods.comparisons()
GAUSSIAN, NOISE = "centred Gaussian", "random"
SHOWN = 2  # the scene whose maps are drawn
MEASURES = {"peak": "Peaks on the object", "sum": "Share of the sum on the object", "auc": "Object before background"}


def measure(bench: Bench) -> Numbers:
    scenes = bench.scenes()
    images, X, y, _ = bench.on_scenes().batch(3 if bench.quick else None)
    masks = np.asarray(scenes.masks)[: len(X)]
    random = lab.randomise(scenes.model, lab.name_convolutions(scenes.model), bench.generator())
    networks = {"trained": scenes.model, "untrained": random}
    maps = {kind: every_map(X, y, network, scenes.gradcam_layer, bench) for kind, network in networks.items()}
    noise = torch.rand(masks.shape, generator=bench.generator()).numpy()
    maps["trained"] |= {GAUSSIAN: np.broadcast_to(gaussian(masks.shape[1]), masks.shape), NOISE: noise}
    bench.pictures.update({"image": images[SHOWN], "mask": masks[SHOWN]})
    for kind, some in maps.items():
        bench.pictures.update({f"{name}, {kind}": every[SHOWN] for name, every in some.items()})
    found = {kind: {name: judge(every, masks) for name, every in some.items()} for kind, some in maps.items()}
    return {"scenes": len(masks), "network": scenes.name, "area": float(masks.mean())} | found


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


def judge(maps: np.ndarray, masks: np.ndarray) -> dict[str, float]:
    """Means over images: the share of peaks on the object, the share of the sum there, and the probability that a
    pixel of the object is higher than one beside it (AUC, of every second row and column).
    """
    auc = [roc_auc_score(mask[::2, ::2].ravel(), m[::2, ::2].ravel()) for m, mask in zip(maps, masks)]
    return {
        "peak": float(measures.peaks_on(maps, masks).mean()),
        "sum": float(measures.energy(maps, masks).mean()),
        "auc": float(np.mean(auc)),
    }


def gaussian(size: int) -> np.ndarray:
    """In the middle of (size, size), a quarter of it wide."""
    along = np.exp(-0.5 * ((np.arange(size) - (size - 1) / 2) / (size / 4)) ** 2)
    return along[:, None] * along


def tabulate(numbers: Numbers) -> Table:
    def cell(name: str, key: str) -> str:
        random = numbers["untrained"].get(name)
        return f"{numbers['trained'][name][key]:.0%}" + (f" ({random[key]:.0%})" if random else "")

    return Table.of("method (in brackets: random weights)", (*METHODS, GAUSSIAN, NOISE), {
        "peak on the object": lambda name: cell(name, "peak"),
        "sum on the object": lambda name: cell(name, "sum"),
        "AUC": lambda name: cell(name, "auc"),
    })  # fmt: skip


def conclude(numbers: Numbers) -> list[str]:
    trained, untrained = numbers["trained"], numbers["untrained"]
    middle = trained[GAUSSIAN]
    best = {key: max(METHODS, key=lambda name: trained[name][key]) for key in MEASURES}
    below = [name for name in METHODS if trained[name]["peak"] <= middle["peak"]]
    little = [name for name in METHODS if trained[name]["auc"] - untrained[name]["auc"] < 0.05]
    return [
        f"On {numbers['scenes']} scenes, whose objects fill {numbers['area']:.0%}, {best['peak']} has its peak on the "
        f"object most often ({trained[best['peak']]['peak']:.0%}), {best['sum']} most of its sum there "
        f"({trained[best['sum']]['sum']:.0%}), and {best['auc']} orders pixels best (AUC "
        f"{trained[best['auc']]['auc']:.2f}).",
        f"A Gaussian in the middle, which has seen nothing, reaches {middle['peak']:.0%}, {middle['sum']:.0%} and "
        f"{middle['auc']:.2f}; its peak is beaten by {'all methods' if not below else 'all but ' + ', '.join(below)}.",
        "With random weights the AUC falls by less than 0.05 for "
        f"{', '.join(little) if little else 'no method'}: compare with a random network and with the middle before you "
        "call a map an explanation.",
    ]


def draw(numbers: Numbers, bench: Bench) -> "plots.Figure":
    fig = plots.sheet(1640, 860)
    above, below = plots.parts(fig, 2, 1, height_ratios=[1.35, 1])
    names = (*METHODS, GAUSSIAN)[::-1]
    colours = [plots.COLOURS[name] for name in names]
    place = np.arange(len(names))
    for axes, (key, title) in zip(above.subplots(1, 3, sharey=True), MEASURES.items()):
        plots.plain(axes, title)
        axes.barh(place + 0.17, [numbers["trained"][name][key] for name in names], 0.5, color=colours)
        random = [numbers["untrained"].get(name, {key: 0})[key] for name in names]
        axes.barh(place - 0.25, random, 0.25, color=colours, alpha=0.35)
        axes.axvline(numbers["trained"][GAUSSIAN][key], color=plots.COLOURS[GAUSSIAN], linewidth=1, linestyle=":")
        axes.set_xlim(0, 1)
        axes.set_yticks(place, names)
        axes.tick_params(axis="y", length=0)
    axes.text(0.02, place[-1] - 0.25, "random weights", va="center", size=8, color=plots.INK)
    axes.text(0.02, place[-1] + 0.17, "trained", va="center", size=8, color="white")
    columns = (*METHODS, GAUSSIAN)
    panels = below.subplots(2, 1 + len(columns))
    image, mask = bench.pictures["image"], bench.pictures["mask"]
    plots.show(panels[0, 0], image, "image, mask")
    plots.show(panels[1, 0], image * np.where(mask, 1, 0.35)[..., None] / 255)
    for row, kind, words in zip(panels, ("trained", "untrained"), ("trained", "random weights")):
        row[0].set_ylabel(words, size=plots.NOTE)
        for axes, name in zip(row[1:], columns):
            if (picture := bench.pictures.get(f"{name}, {kind}")) is None:
                axes.axis("off")
                continue
            title = name.replace(" ", "\n", 1) if kind == "trained" else ""
            plots.show(axes, palette.heat([picture])[0], title, plots.COLOURS[name], 8)
    return plots.head(fig, "Who finds the object, and who finds the middle", numbers["network"])


if __name__ == "__main__":
    lab.main()
