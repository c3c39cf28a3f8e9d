"""Question: how far must a picture move before the network is wrong, and what does robust training change?

Claim: a plainly trained network is wrong after steps that nobody sees. Iterated attacks need less than one step of the
    same sign, DeepFool's is near the smallest of all; adversarial training moves the whole curve to larger radii.
Look at: accuracy over radius for four networks and two norms, beside noise of the same size; lengths by DeepFool and by
    the assignment's fooling images; and how many of the wrong answers are left when the picture is saved.
Paper: Goodfellow et al. 2015 (https://arxiv.org/abs/1412.6572); Madry et al. 2018 (https://arxiv.org/abs/1706.06083);
    Moosavi-Dezfooli et al. 2016 (https://arxiv.org/abs/1511.04599).

    python -m labs.robustness.attacks
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from labs import attacking, lab, measures, plots
from labs.lab import Bench, Numbers, Table
from labs.networks import (
    COLOURS,
    LITE,
    PLAIN,
    ROBUST,
    ComparedNetwork,
    count_images,
    find_survivors,
    load_networks,
    write_radius,
)

LINF = [0.125, 0.25, 0.5, 1, 2, 4, 8, 16]  # of 255
L2 = [0.0625, 0.125, 0.25, 0.5, 1, 2, 4, 8]  # in pixels of [0, 1]
WORTH = 0.5  # of 255: from where a class is aimed at
MOST = 6  # images for each network
NOISE = "noise"
ATTACKS = {  # name: norm, whether a target is aimed at
    "FGSM": ("linf", False),
    "PGD": ("linf", False),
    "PGD in L2": ("l2", False),
    "PGD, targeted": ("linf", True),
    NOISE: ("linf", False),  # which knows nothing: what an attack of that size must beat
}
DEEPFOOL, FOOLING, ROOMY = "DeepFool", "fooling image", "PGD, 8 of 255"
LEAST = (*ATTACKS, DEEPFOOL)  # whose pictures have moved no farther than was needed


def measure(bench: Bench) -> Numbers:
    steps = 2 if bench.quick else 5
    networks = load_networks(bench, 1 if bench.quick else MOST)
    networks = [c for c in networks if not bench.quick or c.name != LITE]  # which takes three times as long
    numbers: Numbers = {"steps": steps, "networks": [c.name for c in networks], "images": [len(c.y) for c in networks]}
    numbers |= {"kinds": [c.source.kind for c in networks], "needed": {}, "lengths": {}, "saved": {}}
    for c in lab.progress(networks, "attacks"):
        needed, ends = numbers["needed"].setdefault(c.name, {}), {}
        for name, (_, targeted) in ATTACKS.items():
            attack = attack_of(name, steps, bench)
            needed[name], ends[name] = within(c, attack, radii_of(name, bench.quick), targeted)
        with torch.no_grad():
            ends[DEEPFOOL] = attacking.deepfool(c.scores, c.pixels)
        ends[ROOMY] = attacking.pgd(c.scores, c.pixels, c.y, 8 / 255, max(steps // 2, 1))
        moved = {DEEPFOOL: ends[DEEPFOOL], FOOLING: c.fooling_images(c.pixels, c.aims())}
        numbers["lengths"][c.name] = {name: attacking.lengths(to - c.pixels).tolist() for name, to in moved.items()}
        numbers["saved"][c.name] = {
            name: {way: left.double().tolist() for way, left in
                   find_survivors(end, partial(fools, c, targeted=is_targeted(name))).items()}
            for name, end in ends.items() if name != NOISE
        }  # fmt: skip
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


def attack_of(name: str, steps: int, bench: Bench) -> Callable[..., Tensor]:
    """A function of scores, pixels, classes and radius, L-infinity's in 255ths."""
    if name == NOISE:
        return lambda scores, x, y, radius, targeted: attacking.add_noise(x, radius / 255, bench.generator())
    if name == "PGD in L2":
        return lambda scores, x, y, radius, targeted: attacking.pgd_l2(scores, x, y, radius, steps, targeted)
    if name == "FGSM":
        return lambda scores, x, y, radius, targeted: attacking.fgsm(scores, x, y, radius / 255, targeted)
    return lambda scores, x, y, radius, targeted: attacking.pgd(scores, x, y, radius / 255, steps, targeted)


def within(
    c: ComparedNetwork, attack: Callable[..., Tensor], radii: Sequence[float], targeted: bool
) -> tuple[list[float], Tensor]:
    """The radius within which each image is fooled, and the pixels that did it, at the smallest radius that did.

    An image that is fooled within one radius is within every larger one, so it is not attacked again; one that never is
    has twice the largest radius, and its own pixels.
    """
    classes = c.aims() if targeted else c.y
    ends, needed = c.pixels.clone(), torch.full((len(c.y),), 2.0 * radii[-1], device=c.y.device)
    for radius in radii:
        rows = (needed > radii[-1]).nonzero()[:, 0]
        if len(rows):
            tried = attack(c.scores, c.pixels[rows], classes[rows], radius, targeted)
            good = fools(c, tried, targeted, rows)
            ends[rows[good]] = tried[good]
            needed[rows[good]] = radius
    return needed.tolist(), ends


def example(c: ComparedNetwork, ends: Tensor) -> tuple[np.ndarray, np.ndarray, str]:
    """The first image as PGD leaves it, the difference about mid-grey, as clear as can be, and what is said of it."""
    difference = (ends - c.pixels)[0]
    moved = 255 * float(difference.abs().max())
    shown = (0.5 + 127.5 / max(moved, 1e-9) * difference).permute(1, 2, 0).cpu().numpy()
    words = f"{c.word(int(c.y[0]))} →\n{c.name_first(ends)}\nby {moved:.2g} of 255"
    return lab.to_picture(lab.from_pixels(ends[:1])), shown, words


def tabulate(numbers: Numbers) -> Table:
    def half(attack: str, name: str) -> str:
        return half_radius(numbers, name, attack)

    def length(kind: str, name: str) -> str:
        return lab.write_interval(measures.median(numbers["lengths"][name][kind]), ".2f")

    def survivors(way: str, name: str) -> str:
        return keep_share(numbers, LEAST, way, [name])

    images = dict(zip(numbers["networks"], numbers["images"]))
    return Table.of("network (median, 90 % interval)", numbers["networks"], {
        "images": lambda name: str(images[name]),
        **{f"{attack}: radius that fools half": partial(half, attack) for attack in ATTACKS},
        "FGSM's radius, times PGD's": lambda name: lab.write_interval(times_pgd(numbers, name, "FGSM"), ".2g"),
        "DeepFool's length": partial(length, DEEPFOOL),
        "fooling image's": partial(length, FOOLING),
        "wrong still as PNG": partial(survivors, "PNG"),
        "as JPEG 90": partial(survivors, "JPEG"),
    })  # fmt: skip


def conclude(numbers: Numbers) -> list[str]:
    first, lengths = numbers["networks"][0], numbers["lengths"]
    robust, plain = (lengths[name][DEEPFOOL] for name in (ROBUST, PLAIN))
    gain = np.exp(measures.interval(np.log(np.divide(robust, plain)))).tolist()
    moved = "moved the whole curve" if gain[1] > 1 else "is not shown to move the curve"
    kept = {
        name: f"{keep_share(numbers, some, 'PNG')} as PNG and {keep_share(numbers, some, 'JPEG')} as JPEG 90"
        for name, some in (("all", LEAST), (DEEPFOOL, [DEEPFOOL]), (ROOMY, [ROOMY]))
    }
    least, roomy = (share_left(*survivors(numbers, [name], "JPEG")) for name in (DEEPFOOL, ROOMY))
    shown = [name for name in numbers["networks"] if times_pgd(numbers, name, "FGSM")[1] > 1.001]
    unshown = [name for name in numbers["networks"] if name not in shown]
    return [
        f"PGD makes half of {numbers['images'][0]} images of {first} wrong within "
        f"{half_radius(numbers, first, 'PGD')} of 255, one step (FGSM) within {half_radius(numbers, first, 'FGSM')}, "
        f"noise within {half_radius(numbers, first, NOISE)}; that one step needs more than PGD, image by image, is "
        f"shown for {'; '.join(shown) or 'none'}" + (f"; not for {'; '.join(unshown)}." if unshown else "."),
        f"Half of the robust network's images take {half_radius(numbers, ROBUST, 'PGD')} of 255, half of its twin's "
        f"{half_radius(numbers, PLAIN, 'PGD')} (noise {half_radius(numbers, ROBUST, NOISE)} and "
        f"{half_radius(numbers, PLAIN, NOISE)}); DeepFool goes {lab.write_interval(gain, '.1f')} times as far in L2, "
        f"image by image: robust training {moved}.",
        f"Of wrong answers on {len(survivors(numbers, LEAST, 'PNG')[0])} images, each at the smallest radius that gave "
        f"it, {kept['all']} are left; of DeepFool's, the shortest, {kept[DEEPFOOL]}, of PGD's at 8 of 255 "
        f"{kept[ROOMY]}: that what is just enough is lost in saving is {'' if least[2] < roomy[1] else 'not '}shown.",
    ]


def radii_tried(numbers: Numbers, name: str) -> list[float]:
    """The same of an attack that is done: few where the run was quick."""
    return radii_of(name, quick=numbers["steps"] == 2)


def half_radius(numbers: Numbers, network: str, attack: str) -> str:
    """Words for the radius within which half the images are fooled."""
    return write_radius(numbers["needed"][network][attack], radii_tried(numbers, attack)[-1])


def times_pgd(numbers: Numbers, network: str, attack: str) -> list[float]:
    """Geometric mean of an attack's radius over PGD's, image by image, and its interval.

    What needs more than the largest radius counts as twice that.
    """
    needed = numbers["needed"][network]
    return np.exp2(measures.pair(np.log2(needed[attack]), np.log2(needed["PGD"]))).tolist()


def survivors(
    numbers: Numbers, attacks: Sequence[str], way: str, networks: Sequence[str] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """The wrong answers that are left in a file, and all of them, image by image, over attacks and networks.

    An image on which several networks are tried counts as one: its answers are no independent draws.
    """
    counts: dict[str, np.ndarray] = {}
    for name, kind in zip(numbers["networks"], numbers["kinds"]):
        if name in (networks or numbers["networks"]):
            saved = numbers["saved"][name]
            some = [[saved[attack][key] for key in (way, "fooled")] for attack in attacks if attack in saved]
            counts[kind] = counts.get(kind, 0) + np.sum(some, axis=0)
    left, fooled = np.concatenate(list(counts.values()), axis=1)
    return left, fooled


def share_left(left: np.ndarray, fooled: np.ndarray) -> list[float]:
    """Interval of the share of wrong answers that are left; where there were none, nothing is known of it."""
    return measures.ratio(left, fooled) if fooled.any() else [0.0, 0.0, 1.0]


def keep_share(numbers: Numbers, attacks: Sequence[str], way: str, networks: Sequence[str] = ()) -> str:
    """Words for the share of wrong answers that are left, and of how many."""
    left, fooled = survivors(numbers, attacks, way, networks)
    return f"{lab.write_interval(share_left(left, fooled))} of {fooled.sum():.0f}"


def draw(numbers: Numbers, bench: Bench) -> "plots.Figure":
    fig = plots.sheet(1640, 1060)
    above, below = plots.parts(fig, 2, 1, height_ratios=[1.15, 1])
    for axes, name, title, x in zip(
        above.subplots(1, 3),
        ("PGD", "PGD in L2", "PGD, targeted"),
        ("Still right under PGD in L-infinity", "Still right under PGD in L2", "Says the class aimed at"),
        ("radius, of 255 (dotted: FGSM; dashed: noise)", "radius, in pixels from 0 to 1", "radius, of 255"),
    ):
        targeted, radii = is_targeted(name), radii_tried(numbers, name)
        plots.plain(axes, title, x, logx=2)
        lines = {}
        for i, (network, needed) in enumerate(numbers["needed"].items()):
            lines[network] = shares_within(needed[name], radii, targeted)
            middle = np.minimum(measures.median(needed[name]), radii[-1])
            plots.whisker(axes, 47 + 2 * i, middle, color=COLOURS[network])
            for other, style in (("FGSM", ":"), (NOISE, "--")) if name == "PGD" else ():
                values = shares_within(needed[other], radii, targeted)
                axes.plot(radii, values, style, color=COLOURS[network], linewidth=1.2)
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
        plots.show(column[1], difference, "difference")
    note = f"{count_images(numbers)}; bars: 90 % intervals, in the upper row of the radius for half the images"
    return plots.head(fig, "How far a picture must move before the network is wrong", note)


def shares_within(needed: Sequence[float], radii: Sequence[float], targeted: bool) -> list[float]:
    """Percent of the images that are still right within each radius, or say the class aimed at."""
    there = np.array(needed)[None] <= np.array(radii)[:, None]
    return (100 * (there if targeted else ~there).mean(axis=1)).tolist()


def draw_lengths(numbers: Numbers, axes: "plots.Axes") -> None:
    names = list(numbers["networks"])[::-1]
    for i, network in enumerate(names):
        for name, marker, up in ((DEEPFOOL, "o", 0.12), (FOOLING, "^", -0.18)):
            values = numbers["lengths"][network][name]
            axes.plot(values, [i + up] * len(values), marker, color=COLOURS[network], markersize=5, alpha=0.75)
    axes.set_xscale("log")
    axes.tick_params(which="minor", labelbottom=False)  # within one power of ten they would cover each other
    plots.name_ticks(axes, "y", names, COLOURS)
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.set_xlabel("circles: DeepFool; triangles: the assignment's fooling image", size=plots.NOTE, color=plots.FAINT)


def draw_saved(numbers: Numbers, axes: "plots.Axes") -> None:
    names = [name for name in (*ATTACKS, ROOMY, DEEPFOOL) if name != NOISE][::-1]
    counts = []
    for i, name in enumerate(names):
        for way, up, colour in (("PNG", 0.18, "#56b4e9"), ("JPEG", -0.18, "#6a3d9a")):
            left, fooled = survivors(numbers, [name], way)
            share = 100 * np.array(share_left(left, fooled))
            axes.barh(i + up, share[0], height=0.34, color=colour)
            plots.whisker(axes, i + up, share, linewidth=1)
            axes.text(share[2] + 2.5, i + up, f"{way} {share[0]:.0f} %", va="center", size=plots.NOTE, color=colour)
        counts.append(f"{name} ({fooled.sum():.0f})")
    axes.set_yticks(range(len(names)), counts)
    axes.tick_params(axis="y", length=0)
    plots.percent(axes, "x", 0, 138)


if __name__ == "__main__":
    lab.main()
