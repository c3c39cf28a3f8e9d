"""Question: how far must a picture move before the network is wrong, and what does robust training change?

Claim: a plainly trained network is wrong after steps that nobody sees. Iterated attacks need less than one step of the
    same sign, DeepFool's is near the smallest of all; adversarial training moves the whole curve to larger radii.
Look at: accuracy over radius for four networks and two norms, lengths by DeepFool and by the assignment's fooling
    images, and how many of the wrong answers are left when the picture is saved.
Paper: Goodfellow et al. 2015 (https://arxiv.org/abs/1412.6572); Madry et al. 2018 (https://arxiv.org/abs/1706.06083);
    Moosavi-Dezfooli et al. 2016 (https://arxiv.org/abs/1511.04599).

    python -m labs.robustness.attacks
"""

import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

import pretrained
from figures import script
from labs import attacking, lab, plots
from labs.networks import COLOURS, LITE, PLAIN, ROBUST, ComparedNetwork, load_networks
from labs.lab import Bench, Numbers, Result, Table
from pretrained.settings import FOOLING_LEARNING_RATE
from visualizers import FoolingImage

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
        fooled, lengths, ends = {}, {}, {}
        fooling = fooling_images(c, 1 if bench.quick else 3)
        for name, (_, targeted) in ATTACKS.items():
            radii = radii_of(name, bench.quick)
            fooled[name], ends[name] = within(c, attack_of(name, steps), radii, targeted)
        with torch.no_grad():
            ends[DEEPFOOL] = attacking.deepfool(c.scores, c.pixels)
        ends[ROOMY] = attacking.pgd(c.scores, c.pixels, c.y, 8 / 255, max(steps // 2, 1))
        wrong = c.classify(ends[DEEPFOOL]) != c.y
        lengths[DEEPFOOL] = attacking.lengths(ends[DEEPFOOL] - c.pixels)[wrong].tolist()
        lengths[FOOLING] = attacking.lengths(fooling - c.pixels[: len(fooling)]).tolist()
        numbers["fooled"][c.name] = fooled
        numbers["lengths"][c.name] = lengths
        numbers["saved"][c.name] = {
            name: survivors(c, end, ATTACKS.get(name, ("", False))[1]) for name, end in ends.items()
        }
        bench.pictures[c.name] = example(c, ends["PGD"])
    return numbers


def draw(numbers: Numbers, bench: Bench, path: Path) -> Path:
    fig = plots.sheet(1640, 1060)
    above, below = plots.parts(fig, 2, 1, height_ratios=[1.15, 1])
    left, middle, right = above.subplots(1, 3)
    quick = is_quick(numbers)
    for axes, name, title, x in (
        (left, "PGD", "Still right under PGD in L-infinity", "radius, of 255 (dotted: FGSM)"),
        (middle, "PGD in L2", "Still right under PGD in L2", "radius, in pixels from 0 to 1"),
        (right, "PGD, targeted", "Says the class aimed at", "radius, of 255"),
    ):
        targeted, radii = ATTACKS[name][1], radii_of(name, quick)
        plots.plain(axes, title, x)
        axes.set_xscale("log", base=2)
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
        axes.set_ylim(-4, 118 if targeted else 104)
        axes.set_yticks([0, 50, 100], ["0", "50 %", "100 %"])
    one, two, three = plots.parts(below, 1, 3, width_ratios=[1, 1, 1.25])
    draw_lengths(numbers, plots.plain(one.subplots(), "Length in L2 that was enough"))
    draw_saved(numbers, plots.plain(two.subplots(), "Still wrong when saved"))
    names = list(numbers["networks"])
    panels = three.subplots(2, len(names), squeeze=False)
    for column, network in zip(panels.T, names):
        adversarial, difference, title = bench.pictures[network]
        plots.show(column[0], adversarial, title)
        plots.show(column[1], difference, f"difference × {SHOWN}")
        column[0].set_title(f"{network}\n{title}", size=plots.NOTE, color=COLOURS[network])
    return plots.save(fig, path, "How far a picture must move before the network is wrong", note(numbers))


def draw_lengths(numbers: Numbers, axes) -> None:
    names = list(numbers["networks"])[::-1]
    for i, network in enumerate(names):
        for name, marker, up in ((DEEPFOOL, "o", 0.12), (FOOLING, "^", -0.18)):
            values = numbers["lengths"][network][name]
            axes.plot(values, [i + up] * len(values), marker, color=COLOURS[network], markersize=5, alpha=0.75)
    axes.set_xscale("log")
    axes.set_yticks(range(len(names)), names)
    for label, network in zip(axes.get_yticklabels(), names):
        label.set_color(COLOURS[network])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.set_xlabel("circles: DeepFool; triangles: the assignment's fooling image", size=plots.NOTE, color=plots.FAINT)


def draw_saved(numbers: Numbers, axes) -> None:
    totals = pooled(numbers)
    names = list(totals)[::-1]
    for i, name in enumerate(names):
        for way, up, colour in (("PNG", 0.18, "#56b4e9"), ("JPEG", -0.18, "#6a3d9a")):
            share = 100 * totals[name][way] / max(totals[name]["fooled"], 1)
            axes.barh(i + up, share, height=0.34, color=colour)
            axes.text(max(share, 0) + 1.5, i + up, f"{way} {share:.0f} %", va="center", size=plots.NOTE, color=colour)
    axes.set_yticks(range(len(names)), [f"{name} ({totals[name]['fooled']})" for name in names])
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(0, 128)
    axes.set_xticks([0, 50, 100], ["0", "50 %", "100 %"])


def note(numbers: Numbers) -> str:
    return "; ".join(f"{name}: {count} images" for name, count in zip(numbers["networks"], numbers["images"]))


def tabulate(numbers: Numbers) -> Table:
    rows = []
    quick = is_quick(numbers)
    for network, count in zip(numbers["networks"], numbers["images"]):
        fooled, lengths, saved = (numbers[key][network] for key in ("fooled", "lengths", "saved"))
        everything = {key: sum(one[key] for one in saved.values()) for key in ("fooled", *attacking.SAVED)}
        rows.append((
            network,
            str(count),
            *[half_radius(fooled[name], radii_of(name, quick)) for name in ATTACKS],
            median(lengths[DEEPFOOL]),
            median(lengths[FOOLING]),
            f"{everything['PNG']}, {everything['JPEG']} of {everything['fooled']}",
        ))  # fmt: skip
    return Table(
        ("network", "images", *[f"{name}: radius that fools half" for name in ATTACKS],
         "DeepFool's length (median)", "fooling image's", "wrong as PNG, as JPEG 90"), rows,
    )  # fmt: skip


def conclude(numbers: Numbers) -> list[str]:
    quick = is_quick(numbers)
    fooled, totals = numbers["fooled"], pooled(numbers)
    radii = radii_of("PGD", quick)
    first = numbers["networks"][0]
    reached = {network: half_radius(one["PGD"], radii) for network, one in fooled.items()}
    lengths = {network: float(np.median(one[DEEPFOOL] or [0])) for network, one in numbers["lengths"].items()}
    pairs = [(p, f) for one in fooled.values() for p, f in zip(one["PGD"], one["FGSM"])]
    ahead, behind = sum(p > f for p, f in pairs), sum(p < f for p, f in pairs)
    gain = lengths[ROBUST] / max(lengths[PLAIN], 1e-9)
    everything = {key: sum(one[key] for one in totals.values()) for key in ("fooled", *attacking.SAVED)}
    return [
        f"PGD makes half the images of {first} wrong within {reached[first]} of 255, one step (FGSM) within "
        f"{half_radius(fooled[first]['FGSM'], radii)}; of {len(pairs)} radii and networks PGD fools more at {ahead}, "
        f"FGSM at {behind}.",
        f"Half of the robust network's images take {reached[ROBUST]} of 255, half of its twin's {reached[PLAIN]}; "
        f"DeepFool goes {lengths[ROBUST]:.2f}, not {lengths[PLAIN]:.2f}, in L2, {gain:.1f} times as far: "
        + ("robust training moved the whole curve." if gain > 1.5 else "robust training hardly shows."),
        f"Of {everything['fooled']} wrong answers, each at the smallest radius that gave it, "
        f"{everything['PNG']} are left in the eight bits of a PNG and {everything['JPEG']} after JPEG 90; DeepFool's, "
        f"the shortest, keep {share(totals[DEEPFOOL], 'PNG')} and {share(totals[DEEPFOOL], 'JPEG')}, PGD's at 8 of "
        f"255 {share(totals[ROOMY], 'PNG')} and {share(totals[ROOMY], 'JPEG')}: what is just enough is lost in saving.",
    ]


def radii_of(name: str, quick: bool) -> list[float]:
    """The radii that an attack is tried with."""
    norm, targeted = ATTACKS[name]
    radii = [float(radius) for radius in (LINF if norm == "linf" else L2) if not targeted or radius >= WORTH]
    return radii[3::4] if quick else radii


def is_quick(numbers: Numbers) -> bool:
    return len(next(iter(numbers["fooled"].values()))["PGD"]) < len(LINF)


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
    aims = attacking.targets(c.y, c.source.fooling_target, len(c.source.class_names)) if targeted else c.y
    ends, done, shares = c.pixels.clone(), torch.zeros(len(c.y), dtype=torch.bool, device=c.y.device), []
    for radius in radii:
        rows = (~done).nonzero()[:, 0]
        if len(rows):
            tried = attack(c.scores, c.pixels[rows], aims[rows], radius, targeted)
            said = c.classify(tried)
            good = said == aims[rows] if targeted else said != c.y[rows]
            ends[rows[good]] = tried[good]
            done[rows[good]] = True
        shares.append(float(done.float().mean()))
    return shares, ends


def survivors(c: ComparedNetwork, ends: Tensor, targeted: bool) -> dict[str, int]:
    """How many of the pictures fool the network as they are, and how many of these do from a PNG, and from a JPEG."""
    aims = attacking.targets(c.y, c.source.fooling_target, len(c.source.class_names))

    def fools(pixels: Tensor) -> Tensor:
        return c.classify(pixels) == aims if targeted else c.classify(pixels) != c.y

    fooled = fools(ends)
    counts = {"fooled": int(fooled.sum())}
    return counts | {way: int((fooled & fools(attacking.save_and_open(ends, way))).sum()) for way in attacking.SAVED}


def fooling_images(c: ComparedNetwork, most: int) -> Tensor:
    """The assignment's fooling images, as pixels that a picture can hold."""
    fooler = FoolingImage(FOOLING_LEARNING_RATE[c.source.kind])
    aims = attacking.targets(c.y, c.source.fooling_target, len(c.source.class_names))[:most]
    with lab.ignoring("the network is not fooled"):
        return torch.cat([
            lab.to_pixels(fooler.make_fooling_image(lab.from_pixels(x[None]), int(aim), c.model))
            for x, aim in zip(c.pixels, aims)
        ])  # fmt: skip


def example(c: ComparedNetwork, ends: Tensor) -> tuple[np.ndarray, np.ndarray, str]:
    """The first image as PGD leaves it, the difference about mid-grey, and what the network says of it."""
    difference = (ends - c.pixels)[0]
    shown = (0.5 + SHOWN * difference).clamp(0, 1).permute(1, 2, 0).cpu().numpy()
    said = int(c.classify(ends[:1])[0])
    words = f"{c.word(int(c.y[0]))} →\n{c.word(said)}\nby {255 * float(difference.abs().max()):.2g} of 255"
    return lab.to_picture(lab.from_pixels(ends[:1])), shown, words


def pooled(numbers: Numbers) -> dict[str, dict[str, int]]:
    """Survivors of each attack, over all networks."""
    names = (*ATTACKS, ROOMY, DEEPFOOL)
    keys = ("fooled", *attacking.SAVED)
    return {name: {key: sum(one[name][key] for one in numbers["saved"].values()) for key in keys} for name in names}


def share(counts: dict[str, int], way: str) -> str:
    return f"{counts[way]} of {counts['fooled']}"


def half_radius(shares: Sequence[float], radii: Sequence[float]) -> str:
    """The smallest radius that was tried within which half the images are fooled."""
    reached = [radius for radius, share in zip(radii, shares) if share >= 0.5]
    return f"{reached[0]:g}" if reached else f"> {radii[-1]:g}"


def median(values: Sequence[float]) -> str:
    return f"{np.median(values):.2f}" if values else "-"


if __name__ == "__main__":
    lab.main()
