"""Question: how far does an attacker come who cannot look into the network?

Claim: gradients are not needed. Scores are enough, by random squares or by a gradient that is estimated from them;
    so are labels alone, at the price of many more questions; and what fools one network often fools another.
Look at: success over questions asked, the distance of the nearest wrong picture by labels alone, and which network is
    fooled by pictures that were made on which.
Paper: Papernot et al. 2017 (https://arxiv.org/abs/1602.02697); Ilyas et al. 2018, NES (https://arxiv.org/abs/1804.08598);
    Andriushchenko et al. 2020, squares (https://arxiv.org/abs/1912.00049); Brendel et al. 2018, the walk along the
    boundary (https://arxiv.org/abs/1712.04248).

    python -m labs.robustness.black_box
"""

import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

import pretrained
from figures import script
from labs import attacking, lab, plots, querying
from labs.networks import COLOURS, LITE, ComparedNetwork, load_networks
from labs.lab import Bench, Numbers, Result, Table
from pretrained.settings import FOOLING_LEARNING_RATE
from visualizers import FoolingImage

RADIUS = 8  # of 255, in L-infinity
WAYS = ("squares", "NES")
CARRIED = ("PGD", "fooling image")  # what is made on one network and shown to another


def measure(bench: Bench) -> Numbers:
    asked = 21 if bench.quick else 140
    networks = load_networks(bench, 2 if bench.quick else 5)
    tried = [c for c in networks if c.name != LITE]  # which takes three times as long
    tried = tried[:1] if bench.quick else tried
    numbers: Numbers = {"asked": asked, "networks": [c.name for c in networks], "images": [len(c.y) for c in networks]}
    numbers |= transfer(networks, 1 if bench.quick else 10)
    numbers |= {"tried": [c.name for c in tried], "success": {}, "saved": {}, "distance": {}, "white": {}}
    for c in lab.progress(tried, "black box"):
        ends = {}
        for way in WAYS:
            attack = querying.squares if way == "squares" else querying.nes
            ends[way], took = attack(c.scores, c.pixels, c.y, RADIUS / 255, asked, bench.generator())
            numbers["success"].setdefault(way, {})[c.name] = [float((took <= n).mean()) for n in range(asked + 1)]
        start = others(c)
        ends["labels"], distance = querying.boundary(c.classify, c.pixels, c.y, start, asked, bench.generator())
        numbers["distance"][c.name] = np.median(distance, axis=1).tolist()
        white = attacking.deepfool(c.scores, c.pixels)
        numbers["white"][c.name] = float(np.median(attacking.lengths(white - c.pixels).cpu()))
        numbers["saved"][c.name] = {way: survivors(c, end) for way, end in ends.items()}
        if c is tried[0]:
            bench.pictures["row"] = [picture(c, pixels) for pixels in (c.pixels, *ends.values())]
    return numbers


def draw(numbers: Numbers, bench: Bench, path: Path) -> Path:
    fig = plots.sheet(1640, 900)
    above, below = plots.parts(fig, 2, 1, height_ratios=[1.6, 1])
    left, middle, right = plots.parts(above, 1, 3, width_ratios=[1, 1, 1.05])
    axes = plots.plain(left.subplots(), f"Wrong within {RADIUS} of 255, by scores",
                       "questions for each image (lines: squares; dotted: NES)")  # fmt: skip
    for name in numbers["tried"]:
        axes.plot([100 * share for share in numbers["success"]["NES"][name]], ":", color=COLOURS[name], linewidth=2)
    lines = {name: [100 * share for share in numbers["success"]["squares"][name]] for name in numbers["tried"]}
    plots.curves(axes, range(numbers["asked"] + 1), lines, COLOURS, marker="")
    axes.set_ylim(-4, 104)
    axes.set_yticks([0, 50, 100], ["0", "50 %", "100 %"])
    axes = plots.plain(middle.subplots(), "Nearest wrong picture, by labels alone",
                       "questions for each image (dotted: DeepFool)", "distance in L2 (median)")  # fmt: skip
    axes.set_yscale("log")
    for name in numbers["tried"]:
        axes.axhline(numbers["white"][name], color=COLOURS[name], linewidth=1, linestyle=":")
    plots.curves(axes, range(numbers["asked"] + 1), {name: numbers["distance"][name] for name in numbers["tried"]},
                 COLOURS, marker="")  # fmt: skip
    draw_matrix(numbers, plots.plain(right.subplots(), "Wrong on pictures made on another"))
    grid = below.subplots(1, len(bench.pictures["row"]))
    for axes, (shown, words), title in zip(grid, bench.pictures["row"], ("", *WAYS, "labels alone")):
        plots.show(axes, shown, f"{title}: {words}" if title else words)
    return plots.save(fig, path, "What an attacker does who sees answers only", note(numbers))


def draw_matrix(numbers: Numbers, axes) -> None:
    names = numbers["networks"]
    values = np.full((len(names), len(names)), np.nan)
    for i, source in enumerate(names):
        for j, target in enumerate(names):
            if target in numbers["transfer"]["PGD"][source]:
                values[i, j] = numbers["transfer"]["PGD"][source][target]
                other = numbers["transfer"]["fooling image"][source][target]
                axes.text(j, i, f"{values[i, j]:.0%}\n({other:.0%})", ha="center", va="center", size=plots.NOTE,
                          color="white" if values[i, j] > 0.55 else plots.INK)  # fmt: skip
    axes.imshow(values, cmap="Purples", vmin=0, vmax=1)
    short = [name.replace(", ", ",\n").replace("-", "-\n").replace("SqueezeNet ", "SqueezeNet\n") for name in names]
    axes.set_xticks(range(len(names)), short, size=plots.NOTE)
    axes.set_yticks(range(len(names)), short, size=plots.NOTE)
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        for label, name in zip(labels, names):
            label.set_color(COLOURS[name])
    axes.tick_params(length=0)
    axes.set_xlabel("shown to", size=plots.NOTE, color=plots.FAINT)
    axes.set_ylabel(f"made on: PGD, {RADIUS} of 255 (fooling images)", size=plots.NOTE, color=plots.FAINT)


def note(numbers: Numbers) -> str:
    pictures = f"Pictures: {numbers['tried'][0]}"
    networks = "; ".join(f"{name}: {count} images" for name, count in zip(numbers["networks"], numbers["images"]))
    return f"{networks}. {pictures}"


def tabulate(numbers: Numbers) -> Table:
    rows = []
    for name in numbers["networks"]:
        moved = {way: numbers["transfer"][way][name] for way in CARRIED}
        cells = [", ".join(f"{target}: {share:.0%}" for target, share in moved[way].items()) for way in CARRIED]
        if name not in numbers["tried"]:
            rows.append((name, "-", "-", "-", "-", "-", *cells))
            continue
        saved = numbers["saved"][name]
        rows.append((
            name,
            *[f"{numbers['success'][way][name][-1]:.0%}, {half(numbers['success'][way][name])}" for way in WAYS],
            f"{numbers['distance'][name][0]:.1f} → {numbers['distance'][name][-1]:.1f}",
            f"{numbers['white'][name]:.2f}",
            "; ".join("{PNG}, {JPEG} of {fooled}".format(**saved[way]) for way in saved),
            *cells,
        ))  # fmt: skip
    return Table(
        ("network", *[f"{way}: wrong in the end, questions for half" for way in WAYS], "labels alone: distance",
         "DeepFool's", "wrong as PNG, as JPEG 90: squares; NES; labels", *[f"{way}: what is wrong" for way in CARRIED]),
        rows,
    )  # fmt: skip


def conclude(numbers: Numbers) -> list[str]:
    first = numbers["tried"][0]
    end = {way: numbers["success"][way][first][-1] for way in WAYS}
    diagonal, off = diagonal_and_rest(numbers["transfer"]["PGD"])
    _, fooling = diagonal_and_rest(numbers["transfer"]["fooling image"])
    distance = numbers["distance"][first]
    return [
        f"With {numbers['asked']} questions about scores, random squares make {end['squares']:.0%} of {first}'s images "
        f"wrong within {RADIUS} of 255 and NES {end['NES']:.0%}"
        + "".join(
            f"; {name}: {numbers['success']['squares'][name][-1]:.0%} and {numbers['success']['NES'][name][-1]:.0%}"
            for name in numbers["tried"][1:]
        ) + ".",
        f"Labels alone bring the nearest wrong picture from {distance[0]:.0f} to {distance[-1]:.1f} in L2, still "
        f"{distance[-1] / max(numbers['white'][first], 1e-9):.0f} times as far as DeepFool's, which has gradients.",
        f"PGD makes {diagonal:.0%} wrong on the network that it was made on and {off:.0%} on the other of the same "
        f"classes, fooling images {fooling:.0%} there: "
        + ("much of it transfers, so hiding a network hides little." if off > 0.5 else
           "at this radius little transfers, so what was found on one network is mostly its own."),
    ]  # fmt: skip


def transfer(networks: Sequence[ComparedNetwork], steps: int) -> Numbers:
    """For each way and each network, the share of its adversarial pictures that each network of its classes gets wrong.

    All networks of the same classes are tried on the same images, which all of them name rightly as they are.
    """
    found: dict[str, dict[str, dict[str, float]]] = {way: {} for way in CARRIED}
    for maker in networks:
        made = {"fooling image": fooled(maker)}
        made["PGD"] = attacking.pgd(maker.scores, maker.pixels, maker.y, RADIUS / 255, steps)
        for way, pixels in made.items():
            found[way][maker.name] = {
                c.name: float((c.classify(pixels) != c.y).float().mean()) for c in networks if c.source is maker.source
            }
    return {"transfer": found}


def fooled(c: ComparedNetwork) -> Tensor:
    """The assignment's fooling images of all images."""
    fooler = FoolingImage(FOOLING_LEARNING_RATE[c.source.kind])
    aims = attacking.targets(c.y, c.source.fooling_target, len(c.source.class_names)).tolist()
    with lab.ignoring("the network is not fooled"):
        X = lab.from_pixels(c.pixels)
        made = [fooler.make_fooling_image(X[i : i + 1], aim, c.model) for i, aim in enumerate(aims)]
    return lab.to_pixels(torch.cat(made)).clamp(0, 1)


def others(c: ComparedNetwork) -> Tensor:
    """For each image another one that the network calls something else: where the walk along the boundary begins."""
    rows = [next(j for j in range(len(c.y)) if c.y[j] != label) for label in c.y]
    return c.pixels[rows]


def survivors(c: ComparedNetwork, ends: Tensor) -> dict[str, int]:
    """How many pictures are wrong as they are, and how many of these from a PNG, and from a JPEG."""
    wrong = c.classify(ends) != c.y
    counts = {way: int((wrong & (c.classify(attacking.save_and_open(ends, way)) != c.y)).sum()) for way in attacking.SAVED}
    return {"fooled": int(wrong.sum())} | counts


def picture(c: ComparedNetwork, pixels: Tensor) -> tuple[np.ndarray, str]:
    """The first image as it is now, and what the network says."""
    return lab.to_picture(lab.from_pixels(pixels[0])), c.word(int(c.classify(pixels[:1])[0]))


def half(shares: Sequence[float]) -> str:
    """After how many questions half the images are wrong."""
    reached = [n for n, share in enumerate(shares) if share >= 0.5]
    return str(reached[0]) if reached else "-"


def diagonal_and_rest(matrix: dict[str, dict[str, float]]) -> tuple[float, float]:
    """The mean over networks tried on their own pictures, and over those tried on another's."""
    own = [shares[name] for name, shares in matrix.items()]
    rest = [share for name, shares in matrix.items() for target, share in shares.items() if target != name]
    return float(np.mean(own)), float(np.mean(rest)) if rest else 0.0


if __name__ == "__main__":
    lab.main()
