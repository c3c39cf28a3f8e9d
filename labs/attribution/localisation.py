"""How well do explanations find the object, and would a map without a network find it as well?

Claim: a map that explains the class lies on its object. But objects are mostly in the middle, so a Gaussian in the
    middle, which has seen no image, finds them, too; and a network of random weights follows edges. Only what a method
    has beyond these two is explanation.
Look at: peak, sum and order of each method's map against the exact mask, with trained and with random weights.
Paper: Zhang et al. 2016 (https://arxiv.org/abs/1608.00507) for the pointing game and its baseline in the middle;
    Adebayo et al. 2018 (https://arxiv.org/abs/1810.03292) for the random network.

    python -m labs.attribution.localisation
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from tqdm import tqdm

import methods
import pretrained
from figures import palette, script
from labs import lab, plots
from labs.lab import Bench, Numbers, Result, Table

METHODS = methods.comparisons()
GAUSSIAN, NOISE = "centred Gaussian", "random"
MEASURES = {"peak": "Peaks on the object", "sum": "Share of the sum on the object", "auc": "Object before background"}


def measure(bench: Bench) -> Numbers:
    scenes = bench.scenes()
    few = slice(3) if bench.quick else slice(None)
    masks, y = np.asarray(scenes.masks)[few], torch.from_numpy(scenes.labels[few]).to(scenes.device)
    X = lab.as_batch(scenes.images[few], scenes)
    layers = [name for name, module in scenes.model.named_modules() if isinstance(module, torch.nn.Conv2d)]
    networks = {
        "trained": scenes.model,
        "untrained": lab.randomised(scenes.model, layers, bench.generator()),
    }
    maps = {kind: every_map(X, y, network, scenes.gradcam_layer, bench) for kind, network in networks.items()}
    noise = torch.rand(masks.shape, generator=bench.generator()).numpy()
    maps["trained"] |= {GAUSSIAN: np.broadcast_to(gaussian(masks.shape[1]), masks.shape), NOISE: noise}
    bench.pictures.update({"image": scenes.images[SHOWN], "mask": masks[SHOWN]})
    for kind, some in maps.items():
        bench.pictures.update({f"{name}, {kind}": every[SHOWN] for name, every in some.items()})
    found = {kind: {name: against(every, masks) for name, every in some.items()} for kind, some in maps.items()}
    return {"scenes": len(masks), "network": scenes.name, "area": float(masks.mean())} | found


SHOWN = 2  # the scene whose maps are drawn


def draw(numbers: Numbers, bench: Bench, path: Path) -> Path:
    fig = plots.sheet(1640, 860)
    above, below = plots.parts(fig, 2, 1, height_ratios=[1.35, 1])
    names = (*METHODS, GAUSSIAN)[::-1]
    place = np.arange(len(names))
    for axes, (key, title) in zip(above.subplots(1, 3, sharey=True), MEASURES.items()):
        plots.plain(axes, title)
        axes.barh(place + 0.17, [numbers["trained"][name][key] for name in names], 0.5,
                  color=[plots.COLOURS[name] for name in names])  # fmt: skip
        random = [numbers["untrained"].get(name, {key: 0})[key] for name in names]
        axes.barh(place - 0.25, random, 0.25, color=[plots.COLOURS[name] for name in names], alpha=0.35)
        line = numbers["trained"][GAUSSIAN][key]
        axes.axvline(line, color=plots.COLOURS[GAUSSIAN], linewidth=1, linestyle=":")
        axes.set_xlim(0, 1)
        axes.set_yticks(place, names)
        axes.tick_params(axis="y", length=0)
    axes.text(0.02, place[-1] - 0.25, "random weights", va="center", size=8, color=plots.INK)
    axes.text(0.02, place[-1] + 0.17, "trained", va="center", size=8, color="white")
    columns = ("image", *METHODS, GAUSSIAN)
    panels = below.subplots(2, len(columns))
    frame = bench.pictures["image"] * np.where(bench.pictures["mask"], 1, 0.35)[..., None] / 255
    for row, kind in enumerate(("trained", "untrained")):
        panels[row, 0].set_ylabel("trained" if row == 0 else "random weights", size=plots.NOTE)
        plots.show(panels[row, 0], bench.pictures["image"] if row == 0 else frame, "image, mask" if row == 0 else "")
        for axes, name in zip(panels[row, 1:], columns[1:]):
            if (picture := bench.pictures.get(f"{name}, {kind}")) is None:
                axes.axis("off")
                continue
            plots.show(axes, palette.heat([picture])[0])
            axes.set_title(name.replace(" ", "\n", 1) if row == 0 else "", size=8, color=plots.COLOURS[name])
    return plots.save(fig, path, "Who finds the object, and who finds the middle", numbers["network"])


def table(numbers: Numbers) -> Table:
    rows = []
    for name in (*METHODS, GAUSSIAN, NOISE):
        trained, random = numbers["trained"][name], numbers["untrained"].get(name)
        rows.append([name, *[f"{trained[key]:.0%}" + (f" ({random[key]:.0%})" if random else "") for key in MEASURES]])
    columns = ("method (in brackets: random weights)", "peak on the object", "sum on the object", "AUC")
    return Table(columns, rows)


def seen(numbers: Numbers) -> list[str]:
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


def main(argv: Sequence[str] | None = None, source: pretrained.Pretrained | None = None) -> Result:
    return lab.run(sys.modules[__name__], argv, source)


def every_map(
    X: torch.Tensor, y: torch.Tensor, model: torch.nn.Module, layer: str, bench: Bench
) -> dict[str, np.ndarray]:
    """The maps (N, H, W) of all methods, by name."""
    count = {"samples": 2, "steps": 2} if bench.quick else {"samples": 8, "steps": 16}
    parts = [
        methods.maps(METHODS, some, labels, model, layer, seed=bench.seed, **count)
        for some, labels in tqdm(list(zip(X.split(5), y.split(5))), desc="maps", leave=False, disable=None)
    ]
    return {name: torch.cat([part[name] for part in parts]).cpu().numpy() for name in METHODS}


def gaussian(size: int) -> np.ndarray:
    """In the middle of (size, size), a quarter of it wide."""
    along = np.exp(-0.5 * ((np.arange(size) - (size - 1) / 2) / (size / 4)) ** 2)
    return along[:, None] * along


def against(maps: np.ndarray, masks: np.ndarray) -> dict[str, float]:
    """Means over images: whether the peak is on the object, the share of the sum there, and the probability that a
    pixel of the object is higher than one beside it (AUC, of every second row and column).
    """
    auc = [roc_auc_score(mask[::2, ::2].ravel(), m[::2, ::2].ravel()) for m, mask in zip(maps, masks)]
    return {
        "peak": float(lab.points(maps, masks).mean()),
        "sum": float(lab.energy(maps, masks).mean()),
        "auc": float(np.mean(auc)),
    }


if __name__ == "__main__":
    script.run(main)
