"""Question: how far does an attacker come who cannot look into the network?

Claim: gradients are not needed. Scores are enough, by random squares or by a gradient that is estimated from them;
    so are labels alone, at the price of many more questions; and what fools one network often fools another.
Look at: success over questions asked, beside noise of the same size; the distance of the nearest wrong picture by
    labels alone; and which network is fooled by pictures that were made on which.
Paper: Papernot et al. 2017 (https://arxiv.org/abs/1602.02697); Ilyas et al. 2018, NES (https://arxiv.org/abs/1804.08598);
    Andriushchenko et al. 2020, squares (https://arxiv.org/abs/1912.00049); Brendel et al. 2018, the walk along the
    boundary (https://arxiv.org/abs/1712.04248).

    python -m labs.robustness.black_box
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from labs import attacking, lab, measures, plots, querying
from labs.lab import Bench, Numbers, Table
from labs.networks import COLOURS, LITE, ComparedNetwork, count_images, count_survivors, load_networks

RADIUS = 8  # of 255, in L-infinity
WAYS = {"squares": querying.squares, "NES": querying.nes}
DRAWS = 8  # of noise
CARRIED = ("PGD", "fooling image")  # what is made on one network and shown to another


def measure(bench: Bench) -> Numbers:
    asked = 21 if bench.quick else 140
    networks = load_networks(bench, 2 if bench.quick else 8)
    tried = [c for c in networks if c.name != LITE]  # which takes three times as long
    tried = tried[:1] if bench.quick else tried
    numbers: Numbers = {"asked": asked, "networks": [c.name for c in networks], "images": [len(c.y) for c in networks]}
    numbers["transfer"] = transfer(networks, 1 if bench.quick else 10)
    numbers["noise"] = {c.name: measures.interval(ask_noise(c, bench)) for c in networks}
    numbers |= {"tried": [c.name for c in tried], "success": {}, "saved": {}, "distance": {}, "white": {}}
    for c in lab.progress(tried, "black box"):
        ends = {}
        for way, attack in WAYS.items():
            ends[way], took = attack(c.scores, c.pixels, c.y, RADIUS / 255, asked, bench.generator())
            numbers.setdefault("end", {}).setdefault(way, {})[c.name] = measures.interval(np.isfinite(took))
            numbers["success"].setdefault(way, {})[c.name] = [float((took <= n).mean()) for n in range(asked + 1)]
        start = others(c)
        ends["labels"], distance = querying.boundary(c.classify, c.pixels, c.y, start, asked, bench.generator())
        numbers["distance"][c.name] = np.median(distance, axis=1).tolist()
        white = attacking.deepfool(c.scores, c.pixels)
        numbers["white"][c.name] = float(np.median(attacking.lengths(white - c.pixels).cpu()))
        wrong = lambda pixels, c=c: c.classify(pixels) != c.y  # noqa: E731
        numbers["saved"][c.name] = {way: count_survivors(end, wrong) for way, end in ends.items()}
        if c is tried[0]:
            bench.pictures["row"] = [(lab.to_picture(lab.from_pixels(pixels[0])), c.name_first(pixels))
                                     for pixels in (c.pixels, *ends.values())]  # fmt: skip
    return numbers


def ask_noise(c: ComparedNetwork, bench: Bench) -> list[float]:
    """The share of draws of noise, as large as the attacks, after which the network is wrong, for each image."""
    generator = bench.generator()
    draws = [c.classify(attacking.add_noise(c.pixels, RADIUS / 255, generator)) != c.y for _ in range(DRAWS)]
    return torch.stack(draws).double().mean(dim=0).tolist()


def transfer(networks: Sequence[ComparedNetwork], steps: int) -> dict[str, dict[str, dict[str, list[float]]]]:
    """Tell which of each network's adversarial pictures each network of its classes gets wrong (1 or 0), for each way.

    All networks of the same classes are tried on the same images, which all of them name rightly as they are.
    """
    found: dict[str, dict[str, dict[str, list[float]]]] = {way: {} for way in CARRIED}
    for maker in networks:
        made = {"fooling image": maker.fooling_images(maker.pixels, maker.aims()).clamp(0, 1)}
        made["PGD"] = attacking.pgd(maker.scores, maker.pixels, maker.y, RADIUS / 255, steps)
        for way, pixels in made.items():
            found[way][maker.name] = {
                c.name: (c.classify(pixels) != c.y).double().tolist() for c in networks if c.source is maker.source
            }
    return found


def others(c: ComparedNetwork) -> Tensor:
    """Another image for each, which the network calls something else: there the walk along the boundary begins."""
    rows = [next(j for j in range(len(c.y)) if c.y[j] != label) for label in c.y]
    return c.pixels[rows]


def tabulate(numbers: Numbers) -> Table:
    def end(way: str) -> Callable[[str], str]:
        shares = numbers["success"][way]
        return if_tried(lambda name: f"{lab.write_interval(numbers['end'][way][name])}, {half(shares[name])}")

    def if_tried(cell: Callable[[str], str]) -> Callable[[str], str]:
        return lambda name: cell(name) if name in numbers["tried"] else "-"

    def list_transfer(way: str) -> Callable[[str], str]:
        rows = numbers["transfer"][way]
        return lambda name: ", ".join(f"{target}: {np.mean(wrong):.0%}" for target, wrong in rows[name].items())

    return Table.of("network", numbers["networks"], {
        **{f"{way}: wrong in the end, questions for half": end(way) for way in WAYS},
        f"noise of {RADIUS}: wrong": lambda name: lab.write_interval(numbers["noise"][name]),
        "labels alone: distance": if_tried(
            lambda name: f"{numbers['distance'][name][0]:.1f} → {numbers['distance'][name][-1]:.1f}"
        ),
        "DeepFool's": if_tried(lambda name: f"{numbers['white'][name]:.2f}"),
        "wrong as PNG, as JPEG 90: squares; NES; labels": if_tried(
            lambda name: "; ".join("{PNG}, {JPEG} of {fooled}".format(**one) for one in numbers["saved"][name].values())
        ),
        **{f"{way}: what is wrong": list_transfer(way) for way in CARRIED},
    })  # fmt: skip


def conclude(numbers: Numbers) -> list[str]:
    first = numbers["tried"][0]
    own, off = diagonal_and_rest(numbers["transfer"]["PGD"])
    _, fooling = diagonal_and_rest(numbers["transfer"]["fooling image"])
    distance, noise = numbers["distance"][first], numbers["noise"]
    words = {name: {way: lab.write_interval(found[name]) for way, found in (numbers["end"] | {"noise": noise}).items()}
             for name in numbers["tried"]}  # fmt: skip
    mean = float(np.mean([found[0] for found in noise.values()]))
    return [
        f"With {numbers['asked']} questions about scores, within {RADIUS} of 255: "
        + "; ".join(f"{name}: wrong by squares {one['squares']}, by NES {one['NES']}, by noise of that size "
                    f"{one['noise']}" for name, one in words.items())
        + f" ({count_images(numbers)}).",
        f"Labels alone bring the nearest wrong picture from {distance[0]:.0f} to {distance[-1]:.1f} in L2, still "
        f"{distance[-1] / max(numbers['white'][first], 1e-9):.0f} times as far as DeepFool's, which has gradients.",
        f"PGD makes {lab.write_interval(own)} wrong on the network that it was made on, {lab.write_interval(off)} on "
        f"the other of the same classes, fooling images {lab.write_interval(fooling)} there, noise {mean:.0%}: "
        + ("much of it transfers, so hiding a network hides little." if off[1] > 0.5 else
           "more transfers than noise explains, but not most." if off[1] > mean else
           "that anything transfers at this radius is not shown."),
    ]  # fmt: skip


def half(shares: Sequence[float]) -> str:
    """The number of questions after which half the images are wrong."""
    reached = [n for n, share in enumerate(shares) if share >= 0.5]
    return str(reached[0]) if reached else "-"


def diagonal_and_rest(matrix: dict[str, dict[str, list[float]]]) -> tuple[list[float], list[float]]:
    """Intervals over pictures tried on the network that they were made on, and over those tried on another."""
    own = [wrong for name, found in matrix.items() for wrong in found[name]]
    rest = [one for name, found in matrix.items() for target, wrong in found.items() if target != name for one in wrong]
    return measures.interval(own), measures.interval(rest or [0.0])


def draw(numbers: Numbers, bench: Bench) -> "plots.Figure":
    tried, questions = numbers["tried"], range(numbers["asked"] + 1)
    fig = plots.sheet(1640, 900)
    above, below = plots.parts(fig, 2, 1, height_ratios=[1.6, 1])
    left, middle, right = plots.parts(above, 1, 3, width_ratios=[1, 1, 1.05])
    axes = plots.plain(left.subplots(), f"Wrong within {RADIUS} of 255, by scores",
                       "questions for each image (lines: squares; dotted: NES; dashed: noise)")  # fmt: skip
    for name in tried:
        axes.plot([100 * share for share in numbers["success"]["NES"][name]], ":", color=COLOURS[name], linewidth=2)
        axes.axhline(100 * numbers["noise"][name][0], color=COLOURS[name], linewidth=1, linestyle="--", alpha=0.6)
    lines = {name: [100 * share for share in numbers["success"]["squares"][name]] for name in tried}
    plots.curves(axes, questions, lines, COLOURS, marker="")
    plots.percent(axes)
    axes = plots.plain(middle.subplots(), "Nearest wrong picture, by labels alone",
                       "questions for each image (dotted: DeepFool)", "distance in L2 (median)", logy=10)  # fmt: skip
    for name in tried:
        axes.axhline(numbers["white"][name], color=COLOURS[name], linewidth=1, linestyle=":")
    plots.curves(axes, questions, {name: numbers["distance"][name] for name in tried}, COLOURS, marker="")
    draw_matrix(numbers, plots.plain(right.subplots(), "Wrong on pictures made on another"))
    shown, words = zip(*bench.pictures["row"])
    titles = [f"{way}: {word}" for way, word in zip((*WAYS, "labels alone"), words[1:])]
    plots.show_row(below, shown, [words[0], *titles])
    note = f"{count_images(numbers)}. Pictures: {tried[0]}"
    return plots.head(fig, "What an attacker does who sees answers only", note)


def draw_matrix(numbers: Numbers, axes: "plots.Axes") -> None:
    names, moved = numbers["networks"], numbers["transfer"]
    values = np.array([[np.mean(moved["PGD"][maker].get(shown, np.nan)) for shown in names] for maker in names])
    words = [["" if np.isnan(value) else f"{value:.0%}\n({np.mean(moved['fooling image'][maker][shown]):.0%})"
              for value, shown in zip(line, names)] for line, maker in zip(values, names)]  # fmt: skip
    plots.cells(axes, values, words, 0.55, "Purples")
    for side in ("x", "y"):
        plots.name_ticks(axes, side, names, COLOURS, broken=True, size=plots.NOTE)
    axes.set_xlabel("shown to", size=plots.NOTE, color=plots.FAINT)
    axes.set_ylabel(f"made on: PGD, {RADIUS} of 255 (fooling images)", size=plots.NOTE, color=plots.FAINT)


if __name__ == "__main__":
    lab.main()
