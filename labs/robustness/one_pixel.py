"""Question: can a single pixel change what the network says, and is it a pixel that saliency calls important?

Claim: differential evolution, which asks for scores and never for gradients, finds one, three or five pixels whose
    colours alone make many images wrong: 68 % of CIFAR's, which are 32 wide, 16 % of ImageNet's.
Look at: the share of images that are wrong after k pixels, and the ranks of the found pixels among all by saliency.
Paper: Su, Vargas and Sakurai 2019 (https://arxiv.org/abs/1710.08864).

    python -m labs.robustness.one_pixel
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from scipy.optimize import differential_evolution
from torch import Tensor

from figures import palette
from labs import attacking, lab, plots
from labs.lab import Bench, Numbers, Table
from labs.networks import COLOURS, LITE, SMALL, ComparedNetwork, count_survivors, load_networks, load_small

PIXELS = [1, 3, 5]
GENES = 5  # of a pixel: row, column, red, green, blue, all in [0, 1]
PAPER = 40_000  # pictures that the paper asks for, of each: 400 individuals, 100 generations
BUDGET = {SMALL: (60, 30)}  # individuals and generations, where pictures are cheap
RING = 9  # how far the circle around a pixel is from it, in a picture that is drawn


@dataclass(frozen=True)
class PixelAttack:
    """The pixels (3, H, W) of one image after the attack, where they were changed, and the confidence in its class."""

    pixels: Tensor
    places: list[tuple[int, int]]
    before: float
    after: float
    fooled: bool
    said: int


def measure(bench: Bench) -> Numbers:
    networks = [c for c in load_networks(bench, 1 if bench.quick else 3) if c.name != LITE]
    networks.append(load_small(bench, 1 if bench.quick else 12))
    counts = PIXELS[:1] if bench.quick else PIXELS
    numbers: Numbers = {"pixels": counts, "calls": {}, "networks": [c.name for c in networks]}
    numbers["images"] = [len(c.y) for c in networks]
    numbers |= {key: {} for key in ("fooled", "fall", "chance", "saved", "ranks", "on", "area")}
    for c in lab.progress(networks, "one pixel"):
        population, generations = (8, 2) if bench.quick else BUDGET.get(c.name, (20, 6))
        numbers["calls"][c.name] = calls = population * (generations + 1)
        maps = lab.saliency(lab.from_pixels(c.pixels), c.y, c.model).cpu().numpy()
        found = {k: [search(c, i, k, population, generations, bench.seed) for i in range(len(c.y))] for k in counts}
        every = [one for k in counts for one in found[k]]
        y = c.y.repeat(len(counts))
        spots = [(i % len(c.y), place) for i, one in enumerate(every) for place in one.places]
        numbers["fooled"][c.name] = [float(np.mean([one.fooled for one in found[k]])) for k in counts]
        numbers["fall"][c.name] = [float(np.mean([one.before - one.after for one in found[k]])) for k in counts]
        numbers["chance"][c.name] = try_at_random(c, counts[-1], calls, bench)
        numbers["saved"][c.name] = count_survivors(torch.stack([one.pixels for one in every]), partial(is_wrong, c, y))
        numbers["ranks"][c.name] = [rank(maps[i], place) for i, place in spots]
        if c.masks is not None:
            numbers["on"][c.name] = float(np.mean([c.masks[i][place] for i, place in spots]))
            numbers["area"][c.name] = float(c.masks.mean())
        bench.pictures[c.name] = pictures(c, found[counts[-1]], maps)
    return numbers


def paint(x: Tensor, genes: np.ndarray) -> Tensor:
    """Copies of x (3, H, W), one for each of genes (P, 5 k) in [0, 1], with k pixels set to eight-bit colours."""
    height, width = x.shape[1:]
    parts = torch.from_numpy(genes.reshape(len(genes), -1, GENES)).to(x)  # (P, k, 5)
    rows = (parts[..., 0] * height).long().clamp(max=height - 1)
    columns = (parts[..., 1] * width).long().clamp(max=width - 1)
    made = x.repeat(len(genes), 1, 1, 1)
    which = torch.arange(len(genes), device=x.device)
    for k in range(parts.shape[1]):
        made[which, :, rows[:, k], columns[:, k]] = (parts[:, k, 2:] * 255).round() / 255
    return made


def places(genes: np.ndarray, height: int, width: int) -> list[tuple[int, int]]:
    """Rows and columns of the pixels that `paint` sets, of one individual's genes (5 k,)."""
    spots = genes.reshape(-1, GENES)[:, :2].tolist()
    return [(min(int(row * height), height - 1), min(int(column * width), width - 1)) for row, column in spots]


def try_at_random(c: ComparedNetwork, k: int, tries: int, bench: Bench) -> float:
    """The share of images that are wrong after the best of as many random draws of k pixels."""
    rng = np.random.default_rng(bench.seed)
    wrong = []
    for x, label in zip(c.pixels, c.y.tolist()):
        best, least = None, np.inf
        for some in np.array_split(rng.random((tries, GENES * k)), max(tries // 32, 1)):
            made = paint(x, some)
            values = confidence(c, made, label)
            if float(values.min()) < least:
                least, best = float(values.min()), made[int(values.argmin())]
        wrong.append(best is not None and int(c.classify(best[None])[0]) != label)
    return float(np.mean(wrong))


def search(c: ComparedNetwork, i: int, k: int, population: int, generations: int, seed: int) -> PixelAttack:
    """Differential evolution of k pixels of image i; a whole population goes through the network at once."""
    x, label = c.pixels[i], int(c.y[i])

    def cost(genes: np.ndarray) -> np.ndarray:
        return confidence(c, paint(x, genes.T), label).double().cpu().numpy()

    # As in the paper: rate 0.5, no crossing over, the first generation drawn at random.
    start = np.random.default_rng(seed).random((population, GENES * k))
    best = differential_evolution(
        cost, [(0, 1)] * (GENES * k), maxiter=generations, init=start, mutation=0.5, recombination=1.0, tol=0,
        strategy="rand1bin", polish=False, rng=seed, vectorized=True, updating="deferred",
    )  # fmt: skip
    made = paint(x, best.x[None])
    before, after = confidence(c, torch.stack([x, made[0]]), label).tolist()
    said = int(c.classify(made)[0])
    return PixelAttack(made[0], places(best.x, *x.shape[1:]), before, after, said != label, said)


def is_wrong(c: ComparedNetwork, y: Tensor, pixels: Tensor) -> Tensor:
    return c.classify(pixels) != y


def rank(saliency: np.ndarray, place: tuple[int, int]) -> float:
    """The share of all pixels whose saliency is below that of this one."""
    return float((saliency < saliency[place]).mean())


def confidence(c: ComparedNetwork, pixels: Tensor, label: int) -> Tensor:
    """The probability of the class, (N,)."""
    return lab.predict(c.scores, pixels, 32).softmax(dim=1)[:, label]


def pictures(c: ComparedNetwork, found: Sequence[PixelAttack], maps: np.ndarray) -> tuple:
    """The image that lost most: itself, changed, its saliency, where the pixels are, and the words above."""
    i = max(range(len(found)), key=lambda i: (found[i].fooled, found[i].before - found[i].after))
    one = found[i]
    heat = palette.heat(maps, np.quantile(maps[i], 0.995))[i]
    words = (
        f"{c.word(int(c.y[i]))}, {one.before:.0%}",
        f"{len(one.places)} pixels: {c.word(one.said) if one.fooled else format(one.after, '.0%')}",
    )
    image, changed = (lab.to_picture(lab.from_pixels(pixels)) for pixels in (c.pixels[i], one.pixels))
    return image, changed, heat, one.places, words


def tabulate(numbers: Numbers) -> Table:
    pixels, on = lab.join(numbers["pixels"], ""), numbers["on"]
    table = Table.of("network", numbers["networks"], {
        f"wrong after {pixels} pixels": lambda name: lab.join(numbers["fooled"][name], ".0%"),
        f"after {numbers['pixels'][-1]} random ones, as many tries": lambda name: f"{numbers['chance'][name]:.0%}",
        "confidence lost": lambda name: lab.join(numbers["fall"][name], ".0%"),
        "wrong as PNG, as JPEG 90": lambda name: "{PNG}, {JPEG} of {fooled}".format(**numbers["saved"][name]),
        "median rank by saliency (100 %: the highest)": lambda name: f"{np.median(numbers['ranks'][name]):.0%}",
        "on the object (its area)":
            lambda name: f"{on[name]:.0%} ({numbers['area'][name]:.0%})" if name in on else "-",
    })  # fmt: skip
    return Table(table.columns, [(describe(numbers, ",")[name], *cells) for name, *cells in table.rows])


def conclude(numbers: Numbers) -> list[str]:
    first = numbers["networks"][0]
    ranks = {name: float(np.median(values)) for name, values in numbers["ranks"].items()}
    total = {key: sum(one[key] for one in numbers["saved"].values()) for key in ("fooled", *attacking.SAVED)}
    high = min(ranks.values())
    last = numbers["pixels"][-1]
    return [
        f"One pixel makes {numbers['fooled'][first][0]:.0%} of {first}'s images wrong and {last} pixels "
        f"{numbers['fooled'][first][-1]:.0%}, after {numbers['calls'][first]} questions for each (the paper: 16 % of "
        f"ImageNet's by one pixel with AlexNet, after {PAPER:,}); of a small network's, 64 "
        f"wide, {numbers['fooled'][SMALL][0]:.0%} and {numbers['fooled'][SMALL][-1]:.0%} after "
        f"{numbers['calls'][SMALL]:,}, by as many random tries of {last} pixels {numbers['chance'][SMALL]:.0%}.",
        f"Half of the found pixels are among the {1 - high:.0%} that saliency puts highest, or higher, for every "
        "network"
        + (f", and {', '.join(f'{value:.0%} ({name})' for name, value in numbers['on'].items())} lie on the object."
           if numbers["on"] else ".")
        + (" By chance it were 50%: saliency tells where such pixels are likely, not which they are." if high > 0.6 else
           " By chance it were 50%: saliency tells little of where such pixels are."),
        f"Of {total['fooled']} wrong answers {total['PNG']} are left in a PNG, as whole colours were asked for, and "
        f"{total['JPEG']} after JPEG 90, which smears single pixels.",
    ]


def describe(numbers: Numbers, gap: str) -> dict[str, str]:
    """Words for each network, its images and its questions."""
    return {
        name: f"{name}{gap} {count} images, {numbers['calls'][name]} questions each"
        for name, count in zip(numbers["networks"], numbers["images"])
    }


def draw(numbers: Numbers, bench: Bench) -> "plots.Figure":
    names = numbers["networks"]
    fig = plots.sheet(1640, 300 * len(names) + 60)
    left, right = plots.parts(fig, 1, 2, width_ratios=[1, 1.75])
    above, below = left.subplots(2, 1)
    plots.plain(above, "Images that are wrong", "pixels that may be changed")
    lines = {name: [100 * share for share in numbers["fooled"][name]] for name in names}
    plots.curves(above, numbers["pixels"], lines, COLOURS)
    above.set_xticks(numbers["pixels"])
    plots.percent(above)
    plots.plain(below, "Rank of the found pixels by saliency", "of all pixels below it (dotted: picked at random)",
                "of the found pixels")  # fmt: skip
    for name in names:
        ranks = 100 * np.sort(numbers["ranks"][name])
        height = 100 * np.arange(1, len(ranks) + 1) / len(ranks)
        below.step([0, *ranks, 100], [0, *height, 100], color=COLOURS[name], linewidth=2, where="post")
    below.plot([0, 100], [0, 100], color=plots.COLOURS["random"], linewidth=1.5, linestyle=":")
    plots.percent(below, "x", *below.get_xlim())
    plots.percent(below, "y", *below.get_ylim())
    grid = right.subplots(len(names), 3, squeeze=False)
    for line, name in zip(grid, names):
        *shown, places, words = bench.pictures[name]
        for axes, picture, title in zip(line, shown, (*words, "saliency: circles as beside")):
            plots.show(axes, picture, title)
        for axes in line[1:]:
            for y, x in places:
                axes.plot(x, y, "o", markersize=RING, markerfacecolor="none", markeredgecolor="#ff00ff")
        line[0].set_ylabel(name, size=plots.TITLE, color=COLOURS[name])
    note = "; ".join(describe(numbers, ":").values())
    return plots.head(fig, "A few pixels, found without gradients", note)


if __name__ == "__main__":
    lab.main()
