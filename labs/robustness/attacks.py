"""Question: how far must a picture move before the network is wrong, and what does robust training change?

Claim: a plainly trained network is wrong after steps that nobody sees. Iterated attacks need less than one step of the
    same sign, DeepFool's is near the smallest of all; adversarial training moves the whole curve to larger radii.
Look at: accuracy over radius for four networks and two norms, lengths by DeepFool and by the assignment's fooling
    images, and how many of the wrong answers are left when the picture is saved.
Paper: Goodfellow et al. 2015 (https://arxiv.org/abs/1412.6572); Madry et al. 2018 (https://arxiv.org/abs/1706.06083);
    Moosavi-Dezfooli et al. 2016 (https://arxiv.org/abs/1511.04599).

    python -m labs.robustness.attacks
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from labs import attacking, lab, plots
from labs.lab import Bench, Numbers, Table
from labs.networks import COLOURS, LITE, PLAIN, ROBUST, ComparedNetwork, count_images, count_survivors, load_networks

LINF = [0.125, 0.25, 0.5, 1, 2, 4, 8, 16]  # of 255
L2 = [0.0625, 0.125, 0.25, 0.5, 1, 2, 4, 8]  # in pixels of [0, 1]
WORTH = 0.5  # of 255: from where a class is aimed at
ATTACKS = {  # name: norm, whether a target is aimed at
    "FGSM": ("linf", False),
    "iterated FGSM": ("linf", False),
    "PGD": ("linf", False),
    "PGD in L2": ("l2", False),
    "PGD, targeted": ("linf", True),
}
DEEPFOOL, FOOLING, ROOMY = "DeepFool", "fooling image", "PGD, 8 of 255"
SHOWN = 8  # times, of a difference that is drawn


def measure(bench: Bench) -> Numbers:
    steps = 2 if bench.quick else 6
    networks = load_networks(bench, 1 if bench.quick else 4)
    networks = [c for c in networks if not bench.quick or c.name != LITE]  # which takes three times as long
    numbers: Numbers = {"steps": steps, "networks": [c.name for c in networks], "images": [len(c.y) for c in networks]}
    numbers |= {"fooled": {}, "lengths": {}, "saved": {}}
    for c in lab.progress(networks, "attacks"):
        fooled, ends = {}, {}
        for name, (_, targeted) in ATTACKS.items():
            fooled[name], ends[name] = within(c, attack_of(name, steps), radii_of(name, bench.quick), targeted)
        with torch.no_grad():
            ends[DEEPFOOL] = attacking.deepfool(c.scores, c.pixels)
        ends[ROOMY] = attacking.pgd(c.scores, c.pixels, c.y, 8 / 255, max(steps // 2, 1))
        wrong = c.classify(ends[DEEPFOOL]) != c.y
        few = c.pixels[: 1 if bench.quick else 3]
        fooling = c.fooling_images(few, c.aims()[: len(few)])
        moved = {DEEPFOOL: (ends[DEEPFOOL] - c.pixels)[wrong], FOOLING: fooling - few}
        numbers["fooled"][c.name] = fooled
        numbers["lengths"][c.name] = {name: attacking.lengths(change).tolist() for name, change in moved.items()}
        numbers["saved"][c.name] = {
            name: count_survivors(end, partial(fools, c, targeted=is_targeted(name))) for name, end in ends.items()
        }
        bench.pictures[c.name] = example(c, ends["PGD"])
    return numbers


def radii_of(name: str, quick: bool) -> list[float]:
    """The radii that an attack is tried with."""
    norm, targeted = ATTACKS[name]
    radii = [float(radius) for radius in (LINF if norm == "linf" else L2) if not targeted or radius >= WORTH]
    return radii[3::4] if quick else radii


def is_targeted(name: str) -> bool:
    """Tell whether the attack aims at a class; DeepFool and the roomy PGD do not."""
    return name in ATTACKS and ATTACKS[name][1]


def fools(c: ComparedNetwork, pixels: Tensor, targeted: bool, rows: slice | Tensor = slice(None)) -> Tensor:
    """Tell of each picture, whose images are `rows` of the network's, whether the attack has reached its aim."""
    said = c.classify(pixels)
    return said == c.aims()[rows] if targeted else said != c.y[rows]


def attack_of(name: str, steps: int) -> Callable[..., Tensor]:
    """A function of scores, pixels, classes and radius, L-infinity's in 255ths."""
    if name == "PGD in L2":
        return lambda scores, x, y, radius, targeted: attacking.pgd_l2(scores, x, y, radius, steps, targeted)
    if name == "FGSM":
        return lambda scores, x, y, radius, targeted: attacking.fgsm(scores, x, y, radius / 255, targeted)
    way = attacking.iterate if name == "iterated FGSM" else attacking.pgd
    return lambda scores, x, y, radius, targeted: way(scores, x, y, radius / 255, steps, targeted)


def within(
    c: ComparedNetwork, attack: Callable[..., Tensor], radii: Sequence[float], targeted: bool
) -> tuple[list[float], Tensor]:
    """The share of images fooled within each radius, and the pixels that did it, at the smallest radius that did.

    An image that is fooled within one radius is within every larger one, so it is not attacked again; and the pixels of
    an image that never is fooled are its own.
    """
    classes = c.aims() if targeted else c.y
    ends, done, shares = c.pixels.clone(), torch.zeros(len(c.y), dtype=torch.bool, device=c.y.device), []
    for radius in radii:
        rows = (~done).nonzero()[:, 0]
        if len(rows):
            tried = attack(c.scores, c.pixels[rows], classes[rows], radius, targeted)
            good = fools(c, tried, targeted, rows)
            ends[rows[good]] = tried[good]
            done[rows[good]] = True
        shares.append(float(done.float().mean()))
    return shares, ends


def example(c: ComparedNetwork, ends: Tensor) -> tuple[np.ndarray, np.ndarray, str]:
    """The first image as PGD leaves it, the difference about mid-grey, and what the network says of it."""
    difference = (ends - c.pixels)[0]
    shown = (0.5 + SHOWN * difference).clamp(0, 1).permute(1, 2, 0).cpu().numpy()
    moved = 255 * float(difference.abs().max())
    words = f"{c.word(int(c.y[0]))} →\n{c.name_first(ends)}\nby {moved:.2g} of 255"
    return lab.to_picture(lab.from_pixels(ends[:1])), shown, words


def tabulate(numbers: Numbers) -> Table:
    def half(attack: str, name: str) -> str:
        return halves[name][attack]

    def survivors(name: str) -> str:
        counts = add_up(numbers["saved"][name].values())
        return f"{counts['PNG']}, {counts['JPEG']} of {counts['fooled']}"

    images = dict(zip(numbers["networks"], numbers["images"]))
    lengths, halves = numbers["lengths"], half_radii(numbers)
    return Table.of("network", numbers["networks"], {
        "images": lambda name: str(images[name]),
        **{f"{attack}: radius that fools half": partial(half, attack) for attack in ATTACKS},
        "DeepFool's length (median)": lambda name: median(lengths[name][DEEPFOOL]),
        "fooling image's": lambda name: median(lengths[name][FOOLING]),
        "wrong as PNG, as JPEG 90": survivors,
    })  # fmt: skip


def conclude(numbers: Numbers) -> list[str]:
    fooled, totals, reached = numbers["fooled"], pool(numbers), half_radii(numbers)
    first = numbers["networks"][0]
    lengths = {network: float(np.median(one[DEEPFOOL] or [0])) for network, one in numbers["lengths"].items()}
    pairs = [(p, f) for one in fooled.values() for p, f in zip(one["PGD"], one["FGSM"])]
    ahead, behind = sum(p > f for p, f in pairs), sum(p < f for p, f in pairs)
    gain = lengths[ROBUST] / max(lengths[PLAIN], 1e-9)
    everything = add_up(totals.values())
    return [
        f"PGD makes half the images of {first} wrong within {reached[first]['PGD']} of 255, one step (FGSM) within "
        f"{reached[first]['FGSM']}; of {len(pairs)} radii and networks PGD fools more at {ahead}, FGSM at {behind}.",
        f"Half of the robust network's images take {reached[ROBUST]['PGD']} of 255, half of its twin's "
        f"{reached[PLAIN]['PGD']}; DeepFool goes {lengths[ROBUST]:.2f}, not {lengths[PLAIN]:.2f}, in L2, {gain:.1f} "
        f"times as far: robust training {'moved the whole curve' if gain > 1.5 else 'hardly shows'}.",
        f"Of {everything['fooled']} wrong answers, each at the smallest radius that gave it, "
        f"{everything['PNG']} are left in the eight bits of a PNG and {everything['JPEG']} after JPEG 90; DeepFool's, "
        f"the shortest, keep {share(totals[DEEPFOOL], 'PNG')} and {share(totals[DEEPFOOL], 'JPEG')}, PGD's at 8 of "
        f"255 {share(totals[ROOMY], 'PNG')} and {share(totals[ROOMY], 'JPEG')}: what is just enough is lost in saving.",
    ]


def radii_tried(numbers: Numbers, name: str) -> list[float]:
    """The same of an attack that is done: few where the run was quick."""
    return radii_of(name, quick=len(next(iter(numbers["fooled"].values()))["PGD"]) < len(LINF))


def pool(numbers: Numbers) -> dict[str, dict[str, int]]:
    """Survivors of each attack, over all networks."""
    return {name: add_up(one[name] for one in numbers["saved"].values()) for name in (*ATTACKS, ROOMY, DEEPFOOL)}


def add_up(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    """Survivors of several attacks or networks together."""
    counts = list(counts)
    return {key: sum(one[key] for one in counts) for key in ("fooled", *attacking.SAVED)}


def half_radii(numbers: Numbers) -> dict[str, dict[str, str]]:
    """The radius within which half the images are fooled, network by network and attack by attack."""
    return {
        network: {name: half_radius(shares, radii_tried(numbers, name)) for name, shares in fooled.items()}
        for network, fooled in numbers["fooled"].items()
    }


def share(counts: dict[str, int], way: str) -> str:
    return f"{counts[way]} of {counts['fooled']}"


def half_radius(shares: Sequence[float], radii: Sequence[float]) -> str:
    """The smallest radius that was tried within which half the images are fooled."""
    reached = [radius for radius, share in zip(radii, shares) if share >= 0.5]
    return f"{reached[0]:g}" if reached else f"> {radii[-1]:g}"


def median(values: Sequence[float]) -> str:
    return f"{np.median(values):.2f}" if values else "-"


def draw(numbers: Numbers, bench: Bench) -> "plots.Figure":
    fig = plots.sheet(1640, 1060)
    above, below = plots.parts(fig, 2, 1, height_ratios=[1.15, 1])
    for axes, name, title, x in zip(
        above.subplots(1, 3),
        ("PGD", "PGD in L2", "PGD, targeted"),
        ("Still right under PGD in L-infinity", "Still right under PGD in L2", "Says the class aimed at"),
        ("radius, of 255 (dotted: FGSM)", "radius, in pixels from 0 to 1", "radius, of 255"),
    ):
        targeted, radii = is_targeted(name), radii_tried(numbers, name)
        plots.plain(axes, title, x, logx=2)
        if name == "PGD":
            for network, fooled in numbers["fooled"].items():
                right_share = [100 * (1 - share) for share in fooled["FGSM"]]
                axes.plot(radii, right_share, color=COLOURS[network], linestyle=":", linewidth=1.5)
        lines = {
            network: [100 * (share if targeted else 1 - share) for share in fooled[name]]
            for network, fooled in numbers["fooled"].items()
        }
        plots.curves(axes, radii, lines, COLOURS)
        axes.set_xticks(radii[1::2], [f"{radius:g}" for radius in radii[1::2]])
        plots.percent(axes, high=118 if targeted else 104)
    one, two, three = plots.parts(below, 1, 3, width_ratios=[1, 1, 1.25])
    draw_lengths(numbers, plots.plain(one.subplots(), "Length in L2 that was enough"))
    draw_saved(numbers, plots.plain(two.subplots(), "Still wrong when saved"))
    panels = three.subplots(2, len(numbers["networks"]), squeeze=False)
    for column, network in zip(panels.T, numbers["networks"]):
        adversarial, difference, title = bench.pictures[network]
        plots.show(column[0], adversarial, f"{network}\n{title}", COLOURS[network])
        plots.show(column[1], difference, f"difference × {SHOWN}")
    return plots.head(fig, "How far a picture must move before the network is wrong", count_images(numbers))


def draw_lengths(numbers: Numbers, axes: "plots.Axes") -> None:
    names = list(numbers["networks"])[::-1]
    for i, network in enumerate(names):
        for name, marker, up in ((DEEPFOOL, "o", 0.12), (FOOLING, "^", -0.18)):
            values = numbers["lengths"][network][name]
            axes.plot(values, [i + up] * len(values), marker, color=COLOURS[network], markersize=5, alpha=0.75)
    axes.set_xscale("log")
    plots.name_ticks(axes, "y", names, COLOURS)
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.set_xlabel("circles: DeepFool; triangles: the assignment's fooling image", size=plots.NOTE, color=plots.FAINT)


def draw_saved(numbers: Numbers, axes: "plots.Axes") -> None:
    totals = pool(numbers)
    names = list(totals)[::-1]
    for i, name in enumerate(names):
        for way, up, colour in (("PNG", 0.18, "#56b4e9"), ("JPEG", -0.18, "#6a3d9a")):
            share = 100 * totals[name][way] / max(totals[name]["fooled"], 1)
            axes.barh(i + up, share, height=0.34, color=colour)
            axes.text(max(share, 0) + 1.5, i + up, f"{way} {share:.0f} %", va="center", size=plots.NOTE, color=colour)
    axes.set_yticks(range(len(names)), [f"{name} ({totals[name]['fooled']})" for name in names])
    axes.tick_params(axis="y", length=0)
    plots.percent(axes, "x", 0, 128)


if __name__ == "__main__":
    lab.main()
