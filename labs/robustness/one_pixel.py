"""Question: can a single pixel change what the network says, and is it a pixel that saliency calls important?

Claim: differential evolution, which asks for scores and never for gradients, finds one pixel whose colour alone makes
    many images wrong: 68 % of CIFAR's, which are 32 wide, 16 % of ImageNet's.
Look at: the share of images that are wrong after one pixel, at the paper's 40,000 questions, beside as many random
    pixels; the confidence over questions; the ranks of the found pixels by saliency. A small network is asked live,
    SqueezeNet in a stored run (`labs/stored`), as each of its images takes minutes.
Paper: Su, Vargas and Sakurai 2019 (https://arxiv.org/abs/1710.08864).

    python -m labs.robustness.one_pixel
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import differential_evolution
from torch import Tensor

from labs import lab, measures, plots
from labs.lab import Bench, Numbers, Table
from labs.networks import COLOURS, SMALL, ComparedNetwork, count_survivors, load_small, write_survivors

STORED = Path(__file__).parents[1] / "stored" / "one_pixel.json"  # `python -m labs.stored` makes it
GENES = 5  # of a pixel: row, column, red, green, blue, all in [0, 1]
POPULATION, GENERATIONS = 400, 99  # individuals, and generations after the first: 40,000 questions, as in the paper
NEAR, SHOWN = 7, 5  # pixels shown to each side of the found one; images


@dataclass(frozen=True)
class PixelAttack:
    """One image after the attack: its pixels (3, H, W), and which one was changed."""

    pixels: Tensor
    place: tuple[int, int]
    before: float  # confidence in the image's class
    after: float
    said: int  # the class that is named
    fooled: bool
    asked: int
    trail: list[float]  # the least confidence after the first generation, the second, ...


def measure(bench: Bench) -> Numbers:
    c = load_small(bench, 1 if bench.quick else 4)
    population, generations = (8, 2) if bench.quick else (POPULATION, GENERATIONS)
    found = [search(c, i, population, generations, bench.seed) for i in lab.progress(range(len(c.y)), "one pixel")]
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    numbers: Numbers = {"stored": {key: stored[key] for key in ("network", "made", "command")}}
    numbers["asked"] = {SMALL: population * (generations + 1), stored["network"]: stored["asked"]}
    numbers["images"] = {
        SMALL: [record(c, i, one) for i, one in enumerate(found)], stored["network"]: stored["images"],
    }  # fmt: skip
    chance = try_at_random(c, numbers["asked"][SMALL], bench)
    fooled = {name: [float(one["fooled"]) for one in images] for name, images in numbers["images"].items()}
    numbers["fooled"] = {name: measures.interval(wrong) for name, wrong in fooled.items()}
    numbers |= {"chance": measures.interval(chance), "more": measures.pair(fooled[SMALL], chance)}
    ends = torch.stack([one.pixels for one in found])
    numbers["saved"] = count_survivors(ends, lambda pixels: c.classify(pixels) != c.y)
    masks = np.asarray(c.masks)
    on = [float(masks[i][one.place]) for i, one in enumerate(found)]
    numbers |= {"on": on, "area": masks[: len(on)].mean(axis=(1, 2)).tolist()}
    bench.pictures["images"] = pictures(c, found)
    return numbers


def record(c: ComparedNetwork, i: int, one: PixelAttack) -> Numbers:
    """Numbers of the attack on image i, as JSON holds them: the pixel, what it changes, its rank by saliency."""
    label = c.y[i : i + 1]
    (saliency,) = lab.saliency(lab.from_pixels(c.pixels[i : i + 1]), label, c.model).cpu().numpy()
    return {
        "class": c.word(int(label)), "said": c.word(one.said), "before": one.before, "after": one.after,
        "fooled": one.fooled, "asked": one.asked, "place": list(one.place),
        "colour": (255 * one.pixels[(slice(None), *one.place)]).round().int().tolist(),
        "rank": rank(saliency, one.place), "trail": one.trail,
    }  # fmt: skip


def paint(x: Tensor, genes: np.ndarray) -> Tensor:
    """Copies of x (3, H, W), one for each of genes (P, 5) in [0, 1], with one pixel set to an eight-bit colour."""
    rows, columns = places(genes, *x.shape[1:])
    made = x.repeat(len(genes), 1, 1, 1)
    made[np.arange(len(genes)), :, rows, columns] = torch.from_numpy((genes[:, 2:] * 255).round() / 255).to(x)
    return made


def places(genes: np.ndarray, height: int, width: int) -> np.ndarray:
    """Rows and columns (2, P) of the pixels that `paint` sets."""
    size = np.array([height, width])
    return np.minimum((genes[:, :2] * size).astype(int), size - 1).T


def try_at_random(c: ComparedNetwork, tries: int, bench: Bench) -> list[float]:
    """1 for each image that is wrong after the best of so many random pixels, 0 for the others."""
    rng = np.random.default_rng(bench.seed)
    wrong = []
    for i, (x, label) in enumerate(zip(c.pixels, c.y.tolist())):
        best, least = x, np.inf
        for some in np.array_split(rng.random((tries, GENES)), max(tries // 32, 1)):
            values, _ = ask(c, i, some)
            if values.min() < least:
                least, best = values.min(), paint(x, some[[values.argmin()]])[0]
        wrong.append(float(int(c.classify(best[None])[0]) != label))
    return wrong


def ask(c: ComparedNetwork, i: int, genes: np.ndarray) -> np.ndarray:
    """The confidence in the class of image i, once it is painted, and the class that is named, (2, P)."""
    p = lab.predict(c.scores, paint(c.pixels[i], genes), 8).softmax(dim=1)
    return torch.stack([p[:, c.y[i]].double(), p.argmax(dim=1).double()]).cpu().numpy()


def search(c: ComparedNetwork, i: int, population: int, generations: int, seed: int) -> PixelAttack:
    """Differential evolution of one pixel of image i, a generation at a time, until the network names another class."""
    x, label = c.pixels[i], int(c.y[i])
    trail: list[float] = []
    wrong: list[bool] = []

    def cost(genes: np.ndarray) -> np.ndarray:
        values, said = ask(c, i, genes.T)
        trail.append(min([float(values.min()), *trail[-1:]]))
        wrong.append(bool(said[values.argmin()] != label))
        return values

    # As in the paper: rate 0.5, no crossing over, the first generation drawn at random.
    start = np.random.default_rng(seed).random((population, GENES))
    best = differential_evolution(
        cost, [(0, 1)] * GENES, maxiter=generations, init=start, mutation=0.5, recombination=1.0, tol=0,
        strategy="rand1bin", polish=False, rng=seed, vectorized=True, updating="deferred",
        callback=lambda best, convergence: wrong[-1],
    )  # fmt: skip
    (after,), (said,) = ask(c, i, best.x[None]).tolist()
    before = float(lab.confidence(c.scores, x[None], c.y[i : i + 1]))
    (row,), (column,) = places(best.x[None], *x.shape[1:]).tolist()
    pixels, fooled = paint(x, best.x[None])[0], int(said) != label
    return PixelAttack(pixels, (row, column), before, after, int(said), fooled, population * len(trail), trail)


def rank(saliency: np.ndarray, place: tuple[int, int]) -> float:
    """The share of all pixels whose saliency is below that of this one."""
    return float((saliency < saliency[place]).mean())


def pictures(c: ComparedNetwork, found: Sequence[PixelAttack]) -> list[tuple]:
    """The images that lost most: each itself, its neighbourhood of the pixel before and after, where the pixel is in
    the image and in its neighbourhood, and the words.
    """
    order = sorted(range(len(found)), key=lambda i: (not found[i].fooled, found[i].after - found[i].before))
    shown = []
    for i in order[:SHOWN]:
        one = found[i]
        image, changed = (lab.to_picture(lab.from_pixels(pixels)) for pixels in (c.pixels[i], one.pixels))
        rows, columns = (surround(at, size) for at, size in zip(one.place, image.shape))
        within = (one.place[0] - rows.start, one.place[1] - columns.start)
        words = f"{c.word(int(c.y[i]))}, {one.before:.0%}", c.word(one.said) if one.fooled else f"{one.after:.0%}"
        shown.append((image, image[rows, columns], changed[rows, columns], one.place, within, words))
    return shown


def surround(at: int, size: int) -> slice:
    """The 2 * NEAR + 1 places about one of `size`, moved where the picture would end before them."""
    start = max(min(at - NEAR, size - 2 * NEAR - 1), 0)
    return slice(start, start + 2 * NEAR + 1)


def tabulate(numbers: Numbers) -> Table:
    def each(cell: Callable[[list[Numbers]], str]) -> Callable[[str], str]:
        return lambda name: cell(numbers["images"][name])

    def only_small(words: str) -> Callable[[str], str]:
        return lambda name: words if name == SMALL else "-"

    def write_loss(images: list[Numbers]) -> str:
        return lab.write_mean([one["before"] - one["after"] for one in images])

    table = Table.of("network", numbers["images"], {
        "wrong after one pixel (90 % interval)": lambda name: lab.write_interval(numbers["fooled"][name]),
        "after as many random ones": only_small(lab.write_interval(numbers["chance"])),
        "search above chance": only_small(lab.write_interval(numbers["more"], "+.0%")),
        "questions until wrong": each(lambda images: lab.join((o["asked"] for o in images if o["fooled"]), ",") or "-"),
        "confidence lost": each(write_loss),
        "wrong as PNG, as JPEG 90": only_small(write_survivors(numbers["saved"])),
        "median rank by saliency (100 %: the highest)": each(middle_rank),
        "on the object": only_small(lab.write_mean(numbers["on"])),
        "its area": only_small(lab.write_mean(numbers["area"])),
    })  # fmt: skip
    return Table(table.columns, [(describe(numbers, ",")[name], *cells) for name, *cells in table.rows])


def middle_rank(images: Sequence[Numbers]) -> str:
    return lab.write_interval(measures.median([one["rank"] for one in images]))


def conclude(numbers: Numbers) -> list[str]:
    stored, more, saved = numbers["stored"], numbers["more"], numbers["saved"]
    other = numbers["images"][stored["network"]]
    lost = [one["before"] - one["after"] for one in other if not one["fooled"]]
    ranks = measures.interval([one["rank"] for images in numbers["images"].values() for one in images])
    return [
        f"One pixel makes {lab.write_interval(numbers['fooled'][SMALL])} of {len(numbers['images'][SMALL])} images of "
        f"a small network wrong, 64 wide, within {numbers['asked'][SMALL]:,} questions, the best of as many random "
        f"pixels {lab.write_interval(numbers['chance'])}: the search is "
        f"{'better' if more[1] > 0 else 'not shown better'} ({lab.write_interval(more, '+.0%')}).",
        f"Of {stored['network']}, asked at most {numbers['asked'][stored['network']]:,} times in a stored run "
        f"({stored['made']}), {sum(one['fooled'] for one in other)} of {len(other)} images are wrong ("
        f"{lab.write_interval(numbers['fooled'][stored['network']])}; the paper: "
        f"16 % of ImageNet's with AlexNet); the others lose "
        f"{lab.write_mean(lost) if lost else 'nothing'} of confidence.",
        f"Of all pixels {lab.write_interval(ranks)} have a lower saliency than the best one found, by chance 50%: "
        + ("saliency tells where such pixels are likely, not which they are" if ranks[1] > 0.5 else
           "that saliency tells where such pixels are is not shown")
        + f". Of {saved['fooled']} wrong answers {saved['PNG']} are left in a PNG, as whole colours were asked for, "
        f"and {saved['JPEG']} after JPEG 90, which smears single pixels.",
    ]  # fmt: skip


def describe(numbers: Numbers, gap: str) -> dict[str, str]:
    """Words for each network, its images and its questions."""
    return {
        name: f"{name}{gap} {len(images)} images, at most {numbers['asked'][name]:,} questions each"
        for name, images in numbers["images"].items()
    }


def draw(numbers: Numbers, bench: Bench) -> "plots.Figure":
    shown = bench.pictures["images"]
    fig = plots.sheet(1640, 1000)
    above, below = plots.parts(fig, 2, 1, height_ratios=[1.7, 1])
    panels = above.subplots(3, len(shown), squeeze=False)
    for (top, middle, bottom), (image, before, after, (y, x), (row, column), words) in zip(panels.T, shown):
        plots.show(top, image, words[0])
        top.plot(x, y, "o", markersize=14, markerfacecolor="none", markeredgecolor="#ff00ff", markeredgewidth=2)
        plots.show(middle, before)
        plots.show(bottom, after, f"→ {words[1]}")
        for axes in (middle, bottom):
            axes.plot(column, row, "s", markersize=10, markerfacecolor="none", markeredgecolor="#ff00ff")
    for axes, words in zip(panels[:, 0], ("image", f"{2 * NEAR + 1} pixels\nbefore", "after")):
        axes.set_ylabel(words, size=plots.TITLE)
    left, right = below.subplots(1, 2, width_ratios=[1.5, 1])
    plots.plain(left, "Confidence in its class, one pixel (a dot: wrong from there on)", "questions", logx=10)
    plots.plain(right, "Rank of the found pixels by saliency", "of all pixels below it (dotted: picked at random)",
                "of the found pixels")  # fmt: skip
    right.plot([0, 100], [0, 100], color=plots.COLOURS["random"], linewidth=1.5, linestyle=":")
    for i, (name, images) in enumerate(numbers["images"].items()):
        for one in images:
            population = one["asked"] // len(one["trail"])
            asked = [1, *(population * n for n in range(1, len(one["trail"]) + 1))]
            trail = [100 * value for value in (one["before"], *one["trail"])]
            left.plot(asked, trail, color=COLOURS[name], linewidth=1.5, alpha=0.7)
            left.plot(asked[-1:], trail[-1:], "o" if one["fooled"] else "", color=COLOURS[name], markersize=5)
        ranks = 100 * np.sort([one["rank"] for one in images])
        height = 100 * np.arange(1, len(ranks) + 1) / len(ranks)
        right.step([0, *ranks, 100], [0, *height, 100], color=COLOURS[name], linewidth=2, where="post")
        right.text(3, 95 - 12 * i, f"{name}: {len(ranks)} pixels", size=plots.NOTE, color=COLOURS[name], va="top")
    plots.percent(left)
    plots.percent(right, "x", *right.get_xlim())
    plots.percent(right, "y", *right.get_ylim())
    note = f"{'; '.join(describe(numbers, ':').values())}, stored. Pictures: {SMALL}"
    return plots.head(fig, "One pixel, found without gradients", note)


if __name__ == "__main__":
    lab.main()
