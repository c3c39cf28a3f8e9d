"""Question: can a single pixel change what the network says, and is it a pixel that saliency calls important?

Claim: differential evolution, which asks for scores and never for gradients, finds one, three or five pixels whose
    colours alone make many images wrong: 68 % of CIFAR's, which are 32 wide, 16 % of ImageNet's.
Look at: the share of images that are wrong after k pixels, at the paper's 40,000 questions where a network is small
    enough, beside as many random pixels; the confidence over questions; the ranks of the found pixels by saliency.
Paper: Su, Vargas and Sakurai 2019 (https://arxiv.org/abs/1710.08864).

    python -m labs.robustness.one_pixel
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from scipy.optimize import differential_evolution
from torch import Tensor

from labs import attacking, lab, measures, plots
from labs.lab import Bench, Numbers, Table
from labs.networks import COLOURS, SMALL, ComparedNetwork, count_survivors, load_networks, load_small

PIXELS = {SMALL: [1]}
FEW = [1, 3, 5]  # pixels of other networks
GENES = 5  # of a pixel: row, column, red, green, blue, all in [0, 1]
PAPER = 40_000  # pictures that the paper asks for, of each: 400 individuals, 100 generations
BUDGET = {SMALL: (400, 99)}  # individuals and generations, where pictures are cheap: the paper's
NEAR, SHOWN = 7, 5  # pixels shown to each side of the found one; images


@dataclass(frozen=True)
class PixelAttack:
    """The pixels (3, H, W) of one image after the attack, where they were changed, and the confidence in its class."""

    pixels: Tensor
    places: list[tuple[int, int]]
    before: float
    after: float
    fooled: bool
    said: int
    trail: list[float]  # the least confidence after the first generation, the second, ...


def measure(bench: Bench) -> Numbers:
    networks = [load_networks(bench, 1 if bench.quick else 3)[0], load_small(bench, 1 if bench.quick else 8)]
    numbers: Numbers = {"pixels": {}, "calls": {}, "networks": [c.name for c in networks]}
    numbers["images"] = [len(c.y) for c in networks]
    numbers |= {key: {} for key in ("fooled", "fall", "chance", "more", "saved", "ranks", "on", "area", "trail")}
    for c in lab.progress(networks, "one pixel"):
        population, generations = (8, 2) if bench.quick else BUDGET.get(c.name, (20, 6))
        counts = numbers["pixels"][c.name] = PIXELS.get(c.name, FEW[:1] if bench.quick else FEW)
        numbers["calls"][c.name] = calls = population * (generations + 1)
        maps = lab.saliency(lab.from_pixels(c.pixels), c.y, c.model).cpu().numpy()
        found = {k: [search(c, i, k, population, generations, bench.seed) for i in range(len(c.y))] for k in counts}
        every = [one for k in counts for one in found[k]]
        y = c.y.repeat(len(counts))
        spots = [(i % len(c.y), place) for i, one in enumerate(every) for place in one.places]
        wrong = {k: [float(one.fooled) for one in found[k]] for k in counts}
        chance = try_at_random(c, counts[-1], calls, bench)
        numbers["fooled"][c.name] = [measures.interval(some) for some in wrong.values()]
        numbers["chance"][c.name] = measures.interval(chance)
        numbers["more"][c.name] = measures.pair(wrong[counts[-1]], chance)
        numbers["fall"][c.name] = [float(np.mean([one.before - one.after for one in found[k]])) for k in counts]
        numbers["saved"][c.name] = count_survivors(torch.stack([one.pixels for one in every]), partial(is_wrong, c, y))
        numbers["ranks"][c.name] = [rank(maps[i], place) for i, place in spots]
        numbers["trail"][c.name] = [[one.before, *one.trail] for one in found[counts[0]]]
        if c.masks is not None:
            numbers["on"][c.name] = float(np.mean([c.masks[i][place] for i, place in spots]))
            numbers["area"][c.name] = float(c.masks.mean())
        bench.pictures[c.name] = pictures(c, found[counts[0]])
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


def try_at_random(c: ComparedNetwork, k: int, tries: int, bench: Bench) -> list[float]:
    """1 for each image that is wrong after the best of as many random draws of k pixels, 0 for the others."""
    rng = np.random.default_rng(bench.seed)
    wrong = []
    for x, label in zip(c.pixels, c.y.tolist()):
        best, least = None, np.inf
        for some in np.array_split(rng.random((tries, GENES * k)), max(tries // 32, 1)):
            made = paint(x, some)
            values = confidence(c, made, label)
            if float(values.min()) < least:
                least, best = float(values.min()), made[int(values.argmin())]
        wrong.append(float(best is not None and int(c.classify(best[None])[0]) != label))
    return wrong


def search(c: ComparedNetwork, i: int, k: int, population: int, generations: int, seed: int) -> PixelAttack:
    """Differential evolution of k pixels of image i; a whole population goes through the network at once."""
    x, label = c.pixels[i], int(c.y[i])
    trail: list[float] = []

    def cost(genes: np.ndarray) -> np.ndarray:
        values = confidence(c, paint(x, genes.T), label).double().cpu().numpy()
        trail.append(min([float(values.min()), *trail[-1:]]))
        return values

    # As in the paper: rate 0.5, no crossing over, the first generation drawn at random.
    start = np.random.default_rng(seed).random((population, GENES * k))
    best = differential_evolution(
        cost, [(0, 1)] * (GENES * k), maxiter=generations, init=start, mutation=0.5, recombination=1.0, tol=0,
        strategy="rand1bin", polish=False, rng=seed, vectorized=True, updating="deferred",
    )  # fmt: skip
    made = paint(x, best.x[None])
    before, after = confidence(c, torch.stack([x, made[0]]), label).tolist()
    said = int(c.classify(made)[0])
    spots = places(best.x, *x.shape[1:])
    return PixelAttack(made[0], spots, before, after, said != label, said, trail[: generations + 1])


def is_wrong(c: ComparedNetwork, y: Tensor, pixels: Tensor) -> Tensor:
    return c.classify(pixels) != y


def rank(saliency: np.ndarray, place: tuple[int, int]) -> float:
    """The share of all pixels whose saliency is below that of this one."""
    return float((saliency < saliency[place]).mean())


def confidence(c: ComparedNetwork, pixels: Tensor, label: int) -> Tensor:
    """The probability of the class, (N,)."""
    return lab.predict(c.scores, pixels, 32).softmax(dim=1)[:, label]


def pictures(c: ComparedNetwork, found: Sequence[PixelAttack]) -> list[tuple]:
    """The images that lost most: each itself, its neighbourhood of the pixel before and after, where, and the words."""
    order = sorted(range(len(found)), key=lambda i: (not found[i].fooled, found[i].after - found[i].before))
    shown = []
    for i in order[:SHOWN]:
        one = found[i]
        y, x = one.places[0]
        image, changed = (lab.to_picture(lab.from_pixels(pixels)) for pixels in (c.pixels[i], one.pixels))
        rows, columns = (slice(max(at - NEAR, 0), at + NEAR + 1) for at in (y, x))
        words = f"{c.word(int(c.y[i]))}, {one.before:.0%}", c.word(one.said) if one.fooled else f"{one.after:.0%}"
        shown.append((image, image[rows, columns], changed[rows, columns], (y, x), words))
    return shown


def tabulate(numbers: Numbers) -> Table:
    on = numbers["on"]

    def each(key: str) -> Callable[[str], str]:
        return lambda name: "; ".join(f"{k}: {lab.write_interval(found)}"
                                      for k, found in zip(numbers["pixels"][name], numbers[key][name]))  # fmt: skip

    table = Table.of("network", numbers["networks"], {
        "wrong after so many pixels (90 % interval)": each("fooled"),
        "after as many tries of random ones": lambda name: lab.write_interval(numbers["chance"][name]),
        "search above chance": lambda name: lab.write_interval(numbers["more"][name], "+.0%"),
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
    high, more = min(ranks.values()), numbers["more"][SMALL]
    fooled = {name: lab.write_interval(found[0]) for name, found in numbers["fooled"].items()}
    return [
        f"One pixel makes {fooled[SMALL]} of a small network's images wrong, 64 wide, after "
        f"{numbers['calls'][SMALL]:,} questions (the paper: 16 % of ImageNet's with AlexNet after {PAPER:,}), the best "
        f"of as many random pixels {lab.write_interval(numbers['chance'][SMALL])}: the search is "
        f"{'better' if more[1] > 0 else 'not shown better'} ({lab.write_interval(more, '+.0%')}). {first}, asked only "
        f"{numbers['calls'][first]} times: {fooled[first]}, which says nothing of the paper's.",
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
    names, small = numbers["networks"], bench.pictures[SMALL]
    fig = plots.sheet(1640, 1000)
    above, below = plots.parts(fig, 2, 1, height_ratios=[1.7, 1])
    panels = above.subplots(3, len(small), squeeze=False)
    for (top, middle, bottom), (image, before, after, (y, x), words) in zip(panels.T, small):
        plots.show(top, image, words[0])
        top.plot(x, y, "o", markersize=14, markerfacecolor="none", markeredgecolor="#ff00ff", markeredgewidth=2)
        plots.show(middle, before)
        plots.show(bottom, after, f"→ {words[1]}")
    for axes, words in zip(panels[:, 0], ("image", f"{2 * NEAR + 1} pixels\nbefore", "after")):
        axes.set_ylabel(words, size=plots.TITLE)
    left, right = below.subplots(1, 2, width_ratios=[1.5, 1])
    plots.plain(left, f"Confidence in its class, one pixel, {SMALL}", "questions", logx=10)
    population = numbers["calls"][SMALL] // (len(numbers["trail"][SMALL][0]) - 1)
    for trail in numbers["trail"][SMALL]:
        asked = [1, *(population * n for n in range(1, len(trail)))]
        left.plot(asked, [100 * value for value in trail], color=COLOURS[SMALL], linewidth=1.5, alpha=0.7)
    plots.percent(left)
    plots.plain(right, "Rank of the found pixels by saliency", "of all pixels below it (dotted: picked at random)",
                "of the found pixels")  # fmt: skip
    ends = {}
    for name in names:
        ranks = 100 * np.sort(numbers["ranks"][name])
        height = 100 * np.arange(1, len(ranks) + 1) / len(ranks)
        right.step([0, *ranks, 100], [0, *height, 100], color=COLOURS[name], linewidth=2, where="post")
        ends[name] = len(ranks)
    right.plot([0, 100], [0, 100], color=plots.COLOURS["random"], linewidth=1.5, linestyle=":")
    for i, (name, count) in enumerate(ends.items()):
        right.text(3, 95 - 12 * i, f"{name}: {count} pixels", size=plots.NOTE, color=COLOURS[name], va="top")
    plots.percent(right, "x", *right.get_xlim())
    plots.percent(right, "y", *right.get_ylim())
    return plots.head(fig, "One pixel, found without gradients", "; ".join(describe(numbers, ":").values()))


if __name__ == "__main__":
    lab.main()
