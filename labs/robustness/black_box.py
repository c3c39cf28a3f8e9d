"""Question: how far does an attacker come who cannot look into the network?

Claim: gradients are not needed. Scores are enough, by random squares that are kept where a wrong answer comes nearer,
    or by a gradient that is estimated from scores (NES); so are labels alone, at the price of many more questions; and
    what fools one network often fools another, above all of its family, and where it was made with momentum, diverse
    inputs and smoothed gradients.
Look at: success over questions asked, beside noise of the same size; the distance of the nearest wrong picture by
    labels alone; and which of four networks is fooled by pictures that were made on which, beside noise again.
Paper: Papernot et al. 2017 (https://arxiv.org/abs/1602.02697); Ilyas et al. 2018, NES (https://arxiv.org/abs/1804.08598);
    Andriushchenko et al. 2020, squares (https://arxiv.org/abs/1912.00049); Brendel et al. 2018, the walk along the
    boundary (https://arxiv.org/abs/1712.04248); Dong et al. 2018, momentum (https://arxiv.org/abs/1710.06081).

    python -m labs.robustness.black_box
"""

import re
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from labs import attacking, lab, measures, plots, querying
from labs.lab import Bench, Numbers, Table
from labs.networks import COLOURS, LITES, ComparedNetwork, count_survivors, load_networks, write_radius, write_survivors

RADIUS, FAR = 8, 16  # of 255, in L-infinity: for who asks; for what is carried to another network, as in its papers
ASKING = {"squares": querying.squares, "NES": querying.nes}
WORDS = "squares: random, kept where a wrong answer comes nearer; NES: steps along a gradient estimated from scores"
DRAWS = 4  # of noise, for each image
PLAIN_PGD, CARRYING, FOOLING = "PGD", "with momentum, diversity, smoothing", "fooling image"
CARRIED = (PLAIN_PGD, CARRYING, FOOLING)  # what is made on one network and shown to another
FAMILIES = {"another of its family": True, "one of another family": False}  # SqueezeNet, or EfficientNet


def measure(bench: Bench) -> Numbers:
    asked, steps = (21, 1) if bench.quick else (140, 10)
    networks = load_networks(bench, 2) if bench.quick else load_networks(bench, 10, others=LITES)
    c = networks[0]
    networks = [one for one in networks if one.source.kind == c.source.kind]
    numbers: Numbers = {"asked": asked, "networks": [one.name for one in networks], "images": len(c.y)}
    numbers["transfer"] = transfer(networks, steps, bench)
    numbers["noise"] = {one.name: ask_noise(one, FAR, bench) for one in networks}
    noise = ask_noise(c, RADIUS, bench)
    numbers |= {"near noise": measures.interval(noise), "end": {}, "more": {}, "success": {}, "took": {}}
    ends = {}
    for way, attack in ASKING.items():
        ends[way], took = attack(c.scores, c.pixels, c.y, RADIUS / 255, asked, bench.generator())
        wrong = np.isfinite(took)
        numbers["end"][way], numbers["more"][way] = measures.interval(wrong), measures.pair(wrong, noise)
        numbers["success"][way] = [measures.interval(took <= n) for n in range(asked + 1)]
        numbers["took"][way] = np.where(wrong, took, 2 * asked).tolist()
    ends["labels"], distance = querying.boundary(c.classify, c.pixels, c.y, others(c), asked, bench.generator())
    white = attacking.lengths(attacking.deepfool(c.scores, c.pixels) - c.pixels).cpu().numpy()
    numbers |= {"distance": [measures.median(some) for some in distance], "white": measures.median(white)}
    numbers["farther"] = measures.interval(np.log(distance[-1] / white))
    numbers["saved"] = {way: count_survivors(end, lambda x: c.classify(x) != c.y) for way, end in ends.items()}
    bench.pictures["row"] = [(lab.to_picture(lab.from_pixels(pixels[0])), c.name_first(pixels))
                             for pixels in (c.pixels, *ends.values())]  # fmt: skip
    return numbers


def ask_noise(c: ComparedNetwork, radius: int, bench: Bench) -> list[float]:
    """The share of draws of noise, as large as the attacks, after which the network is wrong, for each image."""
    generator = bench.generator()
    draws = [c.classify(attacking.add_noise(c.pixels, radius / 255, generator)) != c.y for _ in range(DRAWS)]
    return torch.stack(draws).double().mean(dim=0).tolist()


def transfer(
    networks: Sequence[ComparedNetwork], steps: int, bench: Bench
) -> dict[str, dict[str, dict[str, list[float]]]]:
    """Tell which of each network's adversarial pictures each network gets wrong (1 or 0), for each way.

    All networks are tried on the same images, which all of them name rightly as they are.
    """
    found: dict[str, dict[str, dict[str, list[float]]]] = {way: {} for way in CARRIED}
    for maker in lab.progress(networks, "transfer"):
        wanted = (maker.scores, maker.pixels, maker.y, FAR / 255, steps)
        made = {PLAIN_PGD: attacking.pgd(*wanted), CARRYING: attacking.transferable(*wanted, bench.generator())}
        made[FOOLING] = maker.fooling_images(maker.pixels, maker.aims()).clamp(0, 1)
        for way, pixels in made.items():
            found[way][maker.name] = {c.name: (c.classify(pixels) != c.y).double().tolist() for c in networks}
    return found


def others(c: ComparedNetwork) -> Tensor:
    """Another image for each, which the network calls something else: there the walk along the boundary begins."""
    rows = [next(j for j in range(len(c.y)) if c.y[j] != label) for label in c.y]
    return c.pixels[rows]


def tabulate(numbers: Numbers) -> Table:
    first = numbers["networks"][0]
    rows = [(f"{first}, {way}: wrong in the end, questions for half",
             f"{lab.write_interval(numbers['end'][way])}, {write_radius(numbers['took'][way], numbers['asked'])}")
            for way in ASKING]  # fmt: skip
    rows += [
        (f"{first}, noise of {RADIUS} of 255, mean of {DRAWS} draws: wrong", lab.write_interval(numbers["near noise"])),
        (f"{first}, labels alone: distance (median)", " → ".join(write_ends(numbers))),
        (f"{first}, DeepFool: distance (median)", lab.write_interval(numbers["white"], ".2f")),
    ]
    rows += [(f"{way}: wrong as PNG, as JPEG 90", write_survivors(one)) for way, one in numbers["saved"].items()]
    for way, matrix in numbers["transfer"].items():
        size = "" if way == FOOLING else f", {FAR} of 255"
        rows += [(f"{way}, made on {maker}{size}: wrong", list_wrong(row)) for maker, row in matrix.items()]
    rows.append((f"noise of {FAR} of 255, mean of {DRAWS} draws: wrong", list_wrong(numbers["noise"])))
    rows += [(f"{way}, shown to {words}: wrong; above noise", f"{lab.write_mean(wrong)}; {lab.write_interval(more)}")
             for words, found in carry(numbers).items() for way, (wrong, more) in found.items()]  # fmt: skip
    return Table((f"{numbers['images']} images", "(90 % interval)"), rows)


def write_ends(numbers: Numbers) -> list[str]:
    """Words for the first and the last median distance of the walk that asks for labels."""
    return [lab.write_interval(numbers["distance"][i], ".1f") for i in (0, -1)]


def list_wrong(row: dict[str, list[float]]) -> str:
    """Words for each network and the share of pictures that it gets wrong."""
    return "; ".join(f"{name} {lab.write_mean(wrong)}" for name, wrong in row.items())


def conclude(numbers: Numbers) -> list[str]:
    first, (far, near) = numbers["networks"][0], write_ends(numbers)
    farther = lab.write_interval(np.exp(numbers["farther"]), ".0f")
    groups = []
    for words, found in carry(numbers).items():
        better = measures.pair(found[CARRYING][0], found[PLAIN_PGD][0])
        each = (f"{way} {lab.write_mean(found[way][0])}, {lab.write_interval(found[way][1], '+.0%')} above noise "
                f"({lab.judge(found[way][1])})" for way in (PLAIN_PGD, CARRYING))  # fmt: skip
        groups.append(f"{words} gets wrong: {'; '.join(each)}; the second {lab.write_interval(better, '+.0%')} above "
                      f"plain PGD ({lab.judge(better)}).")  # fmt: skip
    return [
        f"With {numbers['asked']} questions about scores, within {RADIUS} of 255, {first} is wrong on "
        + ", ".join(f"{lab.write_interval(numbers['end'][way])} of {numbers['images']} images by {way} (above noise of "
                    f"that size {lab.write_interval(numbers['more'][way], '+.0%')}: {lab.judge(numbers['more'][way])})"
                    for way in ASKING) + f" ({WORDS}).",
        f"Labels alone bring the nearest wrong picture from {far} to {near} in L2 (medians), "
        f"still {farther} times as far as DeepFool's, which has gradients.",
        f"Of pictures made on one of {len(numbers['networks'])} networks at {FAR} of 255 " + " Of them ".join(groups),
    ]  # fmt: skip


def carry(numbers: Numbers) -> dict[str, dict[str, tuple[np.ndarray, list[float]]]]:
    """Wrong answers by each way, image by image, and their interval above noise's, for each of FAMILIES with pairs.

    Noise is shown to the same networks, each as often.
    """
    noise: Numbers = dict.fromkeys(numbers["networks"], numbers["noise"])
    found: dict[str, dict[str, tuple[np.ndarray, list[float]]]] = {}
    for words, own in FAMILIES.items():
        for way, matrix in numbers["transfer"].items():
            wrong, control = (elsewhere(some, own) for some in (matrix, noise))
            if len(wrong):
                found.setdefault(words, {})[way] = wrong, measures.pair(wrong, control)
    return found


def elsewhere(matrix: dict[str, dict[str, list[float]]], own: bool) -> np.ndarray:
    """The share of the other networks, of the maker's own family or of others, that get each image wrong, over all
    makers, (N,); empty where there are none.
    """
    pairs = [wrong for maker, row in matrix.items() for name, wrong in row.items()
             if name != maker and (name_family(name) == name_family(maker)) is own]  # fmt: skip
    return np.mean(pairs, axis=0) if pairs else np.empty(0)


def name_family(name: str) -> str:
    """The first word of a network's name."""
    return re.split(r"\W", name)[0]


def draw(numbers: Numbers, bench: Bench) -> "plots.Figure":
    first, questions = numbers["networks"][0], range(numbers["asked"] + 1)
    fig = plots.sheet(1640, 900)
    above, below = plots.parts(fig, 2, 1, height_ratios=[1.6, 1])
    left, middle, right = plots.parts(above, 1, 3, width_ratios=[1, 0.9, 1.3])
    colours = dict(zip(ASKING, plots.OTHERS))
    axes = plots.plain(left.subplots(), f"{first}: wrong within {RADIUS} of 255, by scores",
                       "questions for each image (dashed: noise of that size)")  # fmt: skip
    axes.axhline(100 * numbers["near noise"][0], color=plots.FAINT, linewidth=1, linestyle="--")
    lines = {way: (100 * np.array(shares)).tolist() for way, shares in numbers["success"].items()}
    plots.interval_curves(axes, questions, lines, colours, marker="")
    plots.percent(axes)
    axes = plots.plain(middle.subplots(), "Nearest wrong picture, by labels alone",
                       "questions for each image (dotted: DeepFool)", "distance in L2 (median)", logy=10)  # fmt: skip
    axes.axhline(numbers["white"][0], color=plots.FAINT, linewidth=1, linestyle=":")
    plots.interval_curves(axes, questions, {"labels": numbers["distance"]}, {"labels": plots.OTHERS[2]}, marker="")
    draw_matrix(numbers, plots.plain(right.subplots(), f"Wrong on pictures made on each network, {FAR} of 255"))
    pictures, words = zip(*bench.pictures["row"])
    titles = [f"{way}: {word}" for way, word in zip((*ASKING, "labels alone"), words[1:])]
    plots.show_row(below, pictures, [words[0], *titles])
    note = (f"{numbers['images']} images that all {len(numbers['networks'])} networks name rightly; bands: 90 % "
            f"intervals. On the left, {WORDS}.\nOn the right: pictures made {CARRYING}, in brackets by plain PGD; "
            f"noise: mean of {DRAWS} draws for each image")  # fmt: skip
    return plots.head(fig, "What an attacker does who sees answers only", note)


def draw_matrix(numbers: Numbers, axes: "plots.Axes") -> None:
    """Each maker's pictures, and noise, on each network: above what is made to be carried, in brackets plain PGD."""
    names, moved = numbers["networks"], numbers["transfer"]
    best, plain = ([[np.mean(moved[way][maker][name]) for name in names] for maker in names]
                   for way in (CARRYING, PLAIN_PGD))  # fmt: skip
    noise = [np.mean(numbers["noise"][name]) for name in names]
    words = [[f"{value:.0%}\n({other:.0%})" for value, other in zip(*line)] for line in zip(best, plain)]
    shares = [f"{value:.0%}" for value in noise]
    plots.cells(axes, np.array([*best, noise]), [*words, shares], 0.55, "Purples", aspect="auto")
    plots.name_ticks(axes, "x", names, COLOURS, broken=True, size=plots.NOTE)
    plots.name_ticks(axes, "y", [*names, "noise"], COLOURS | {"noise": plots.FAINT}, broken=True, size=plots.NOTE)
    axes.set_xlabel("shown to", size=plots.NOTE, color=plots.FAINT)
    axes.set_ylabel("made on", size=plots.NOTE, color=plots.FAINT)


if __name__ == "__main__":
    lab.main()
