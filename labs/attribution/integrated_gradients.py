"""Question: which promises do integrated gradients keep that other methods break?

Claim: they sum to the difference of the scores (completeness), see what a saturated function hides from its gradient
    (sensitivity), are the same for networks that are equal as functions (implementation invariance), and are linear
    in the network. The plain gradient breaks sensitivity; guided backprop and the deconvnet break invariance.
Look at: the error of completeness over steps, what each method makes of the same function written otherwise, beside
    what another class makes of it, and how much of the map the baseline decides.
Paper: Sundararajan, Taly and Yan 2017 (https://arxiv.org/abs/1703.01365).

    python -m labs.attribution.integrated_gradients
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor, nn

import methods
from figures import palette
from image_utils import blur_image
from labs import lab, measures, plots
from labs.lab import Bench, Numbers, Table, Through
from labs.networks import spread
from methods import ReluAs
from visualizers.network import class_scores

STEPS = [1, 5, 20, 100]  # one step of the right sum is gradient times input
SHARING, OTHERS = ("right sum (the paper's)", "trapezoids"), ("midpoints", "Gauss-Legendre")
QUADRATURES = SHARING + OTHERS
COMPARED = ("integrated gradients", "gradient", "guided backprop", "deconvnet")
PROMISES = {
    "invariance": "ReLU(x) written x + ReLU(-x)",
    "linearity": "map of 2 s - 3 t against 2 maps less 3 maps",
    "another class": "map of t against that of s",  # what the two above are compared with
}
Point = Fraction | float
BASELINES = ("grey", "black", "white", "blurred", "noise")
FIFTH = 0.2
COUNTS = {"completeness": 11, "promises": 20, "baselines": 8}  # images of each part, evenly spread over all
write = lab.write_mean


def measure(bench: Bench) -> Numbers:
    images, X, y, names = bench.batch(2 if bench.quick else None)
    rows = {part: spread(range(len(y)), 2 if bench.quick else count) for part, count in COUNTS.items()}
    steps, few = (STEPS[:2], 2) if bench.quick else (STEPS, 16)
    found = []
    for i in rows["completeness"]:  # two rules share their points; those of the others would cost as much again, each
        asked = (bench.model, X[i : i + 1], y[i : i + 1])
        errors, difference = completeness(*asked, steps, SHARING)
        found.append((errors | completeness(*asked, steps[:-1], OTHERS)[0], difference))
    whole = [abs(difference) for _, difference in found]
    kept = [promises(X[i : i + 1], y[i : i + 1], bench.model, 2) for i in lab.progress(rows["promises"], "promises")]
    generator = bench.generator()
    seen = [baselines(X[i : i + 1], y[i : i + 1], bench.model, few, generator)
            for i in lab.progress(rows["baselines"], "baselines")]  # fmt: skip
    bench.pictures.update({"image": images[rows["baselines"][0]]} | seen[0][1])
    sizes = [np.abs(pictures["grey"][1]) for _, pictures in seen]
    return {
        "steps": steps,
        "images": {part: len(some) for part, some in rows.items()},
        "completeness": {name: [measures.ratio([errors[name][i] for errors, _ in found], whole)
                                for i in range(len(found[0][0][name]))] for name in QUADRATURES},
        "sensitivity": sensitivity(),
        "promises": {promise: {name: [one[promise][name] for one in kept] for name in COMPARED}
                     for promise in PROMISES},
        "image": names[rows["baselines"][0]],
        "baselines": {name: {key: [numbers[name][key] for numbers, _ in seen] for key in seen[0][0][name]}
                      for name in BASELINES},
        "another photograph": [likeness(a, b) for a, b in zip(sizes, sizes[1:] + sizes[:1])],
    }  # fmt: skip


def completeness(
    model: nn.Module, x: Tensor, y: Tensor, counts: Sequence[int], names: Sequence[str] = QUADRATURES
) -> tuple[dict[str, list[float]], float]:
    """The distance of the sum of attributions from s(x) - s(x'), for each rule and count, and that difference.

    Of one image, with grey as x'. A sum over pixels of integrated gradients is the integral of the slope along the way,
    so slopes are all it takes.
    """
    ends = class_scores(lab.predict(model, torch.cat([torch.zeros_like(x), x])), y.expand(2)).double()
    difference = float(ends[1] - ends[0])
    rules = {name: [quadrature(name, count) for count in counts] for name in names}
    slope = slopes(model, x, y, {point for rule in rules.values() for points, _ in rule for point in points})

    def error(points: Sequence[Point], weights: Sequence[float]) -> float:
        return abs(sum(weight * slope[point] for point, weight in zip(points, weights)) - difference)

    return {name: [error(*rule) for rule in some] for name, some in rules.items()}, difference


def write_relu_otherwise(x: Tensor) -> Tensor:
    """ReLU(x), as x + ReLU(-x): the same values, and the same gradient."""
    return x + (-x).relu()


def quadrature(name: str, count: int) -> tuple[list[Point], list[float]]:
    """The points in [0, 1] and their weights; fractions, so that points which rules share are known to be equal."""
    if name == "Gauss-Legendre":
        points, weights = np.polynomial.legendre.leggauss(count)
        return list((points + 1) / 2), list(weights / 2)
    if name == "midpoints":
        return [Fraction(2 * k + 1, 2 * count) for k in range(count)], [1 / count] * count
    if name == "trapezoids":
        return [Fraction(k, count) for k in range(count + 1)], [0.5 / count, *[1 / count] * (count - 1), 0.5 / count]
    return [Fraction(k + 1, count) for k in range(count)], [1 / count] * count


def slopes(model: nn.Module, x: Tensor, y: Tensor, points: Iterable[Point]) -> dict[Point, float]:
    """The derivative of the score along the straight way from grey to x (1, 3, H, W), at each point in [0, 1]."""
    ordered = sorted(points)
    found: dict[Point, float] = {}
    for start in lab.progress(range(0, len(ordered), methods.CHUNK), "completeness"):
        some = ordered[start : start + methods.CHUNK]
        at = torch.tensor([float(point) for point in some]).to(x)[:, None, None, None] * x
        gradient = methods.gradient(at, y.expand(len(some)), model)
        found |= zip(some, (gradient * x).double().sum(dim=(1, 2, 3)).tolist())
    return found


def sensitivity() -> dict[str, float]:
    """The paper's example: f(x) = 1 - ReLU(1 - x) from 0 to 2, where it has been flat since 1."""
    function = Through(nn.Identity(), lambda x: (1 - (1 - x).relu()).flatten(1))
    x, y = torch.full((1, 1, 1, 1), 2.0, dtype=torch.float64), torch.tensor([0])
    return {
        "gradient": abs(float(methods.gradient(x, y, function))),
        "integrated gradients": float(methods.integrated_gradients(x, y, function, 100)),
    }


def promises(x: Tensor, y: Tensor, model: nn.Module, steps: int) -> dict[str, dict[str, float]]:
    """The change of each method's attributions of one image x (1, 3, H, W), for each of PROMISES.

    s: the score of the class y; t: the highest score of another class. Two promises hold with any number of steps.
    """
    t = lab.predict(model, x).scatter(1, y[:, None], -torch.inf).argmax(dim=1)

    def explain(label: Tensor, network: nn.Module) -> dict[str, Tensor]:
        return methods.attributions(COMPARED, x, label, network, "", steps=steps)

    s_maps, t_maps, again = explain(y, model), explain(t, model), explain(y, ReluAs(model, write_relu_otherwise))
    whole = explain(torch.zeros_like(y), Through(model, lambda scores: 2 * scores[:, y] - 3 * scores[:, t]))
    return {
        "invariance": {name: change(s_maps[name], again[name]) for name in COMPARED},
        "linearity": {name: change(2 * s_maps[name] - 3 * t_maps[name], whole[name]) for name in COMPARED},
        "another class": {name: change(s_maps[name], t_maps[name]) for name in COMPARED},
    }


def change(a: Tensor, b: Tensor) -> float:
    """|a - b| / (|a| + |b|): 0 where they are equal, 1 where they are opposite or one is nothing beside the other."""
    return float((a - b).norm() / (a.norm() + b.norm()).clamp(min=1e-30))


def baselines(
    x: Tensor, y: Tensor, model: nn.Module, steps: int, generator: torch.Generator
) -> tuple[dict[str, dict[str, float]], dict[str, tuple[np.ndarray, np.ndarray]]]:
    """The score of one image at each baseline, its map's likeness to grey's, and the map's share on dark pixels; and
    each baseline as a picture, with the map (H, W).
    """
    black, white = lab.from_pixels(torch.zeros_like(x)), lab.from_pixels(torch.ones_like(x))
    noise = torch.rand(x.shape, generator=generator).to(x)
    starts = (torch.zeros_like(x), black, white, blur_image(x, sigma=12), lab.from_pixels(noise))
    light = lab.to_pixels(x).mean(dim=(0, 1)).cpu().numpy().ravel()
    dark = light.argsort(kind="stable")[: round(FIFTH * light.size)]
    found: dict[str, dict[str, float]] = {}
    pictures: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for name, start in zip(BASELINES, starts):
        map_ = methods.integrated_gradients(x, y, model, steps, start).sum(dim=1)[0].cpu().numpy()
        pictures[name] = (lab.to_picture(start), map_)
        size = np.abs(map_)
        found[name] = {
            "score": float(class_scores(lab.predict(model, start), y)),
            "like grey": likeness(size, np.abs(pictures["grey"][1])),
            "dark": float(size.ravel()[dark].sum() / size.sum()),
        }
    return found, pictures


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    """The rank correlation of two maps."""
    return float(spearmanr(a, b, axis=None).statistic)


def write_changes(changes: Sequence[float]) -> str:
    """Words for a method's changes."""
    return lab.write_sizes(measures.interval_of_sizes(changes), ".2f")


def tabulate(numbers: Numbers) -> Table:
    n, steps = numbers["images"], numbers["steps"]
    rows = [
        *[(f"completeness, {name}, {lab.join(steps[:len(some)], '')} steps: error, of the scores' difference "
           f"({n['completeness']})", "; ".join(lab.write_interval(found, ".1%") for found in some))
          for name, some in numbers["completeness"].items()],
        *[(f"1 - ReLU(1 - x) at 2, {name} (exact)", f"{value:.3g}") for name, value in numbers["sensitivity"].items()],
        *[(f"change, {words}: {name} ({n['promises']})", write_changes(numbers["promises"][promise][name]))
          for promise, words in PROMISES.items() for name in COMPARED],
        *[(f"baseline {name}: score there, rank correlation with grey's map, share on the darkest fifth "
           f"({n['baselines']})",
           ", ".join("1 (itself)" if (name, key) == ("grey", "like grey") else
                     write(found[key], form)
                     for key, form in (("score", ".1f"), ("like grey", ".2f"), ("dark", ".0%"))))
          for name, found in numbers["baselines"].items()],
        (f"rank correlation of grey's map with another photograph's ({n['baselines']})",
         write(numbers["another photograph"], ".2f")),
    ]  # fmt: skip
    return Table(("measured (images)", "90 % interval"), rows)


def conclude(numbers: Numbers) -> list[str]:
    last, steps = {name: values[-1] for name, values in numbers["completeness"].items()}, numbers["steps"]
    right, best = QUADRATURES[0], QUADRATURES[-1]
    same, dark = numbers["promises"]["invariance"], {k: one["dark"] for k, one in numbers["baselines"].items()}
    darker = measures.pair(dark["black"], dark["white"])
    like, other = numbers["baselines"]["noise"]["like grey"], numbers["another photograph"]
    alike = measures.pair(like, other)
    other_class = numbers["promises"]["another class"]["guided backprop"]
    keeps = "keeps" if max(same[COMPARED[0]]) < measures.EXACT else "changes"
    return [
        f"Over {numbers['images']['completeness']} images {steps[-1]} steps by the {right} leave "
        f"{lab.write_interval(last[right], '.1%')} of the scores' difference, {steps[-2]} steps by {best} "
        f"{lab.write_interval(last[best], '.1%')}, and one step, "
        f"gradient × input, {lab.write_interval(numbers['completeness'][right][0], '.0%')}; on 1 - ReLU(1 - x) they "
        f"give {numbers['sensitivity']['integrated gradients']:.3g} where the gradient gives "
        f"{numbers['sensitivity']['gradient']:.3g}.",
        f"With ReLU(x) written x + ReLU(-x) the same network {keeps} its integrated gradients "
        f"({numbers['images']['promises']} images: {write_changes(same[COMPARED[0]])}); its gradient changes by "
        f"{write_changes(same['gradient'])}, guided backprop by {write_changes(same['guided backprop'])}, deconvnet by "
        f"{write_changes(same['deconvnet'])}, where another class changes guided backprop by "
        f"{write_changes(other_class)}.",
        f"But the baseline decides which parts count: from black {write(dark['black'], '.0%')} of the map is on the "
        f"darkest fifth of the pixels, from white {write(dark['white'], '.0%')} ({numbers['images']['baselines']} "
        f"images, from black {lab.judge(darker)}: {lab.write_interval(darker, '+.0%')}). The ranks of noise's and "
        f"grey's map agree "
        f"by {write(like, '.2f')} of 1, those of two photographs by {write(other, '.2f')} "
        f"({lab.write_interval(alike, '+.2f')}, {lab.judge(alike)}); so name the baseline beside every such map.",
    ]


def draw(numbers: Numbers, bench: Bench) -> "plots.Figure":
    fig = plots.sheet(1560, 960)
    above, below = plots.parts(fig, 2, 1, height_ratios=[0.85, 1])
    left, middle, right = above.subplots(1, 3, width_ratios=[1.5, 0.8, 1.3])
    n = numbers["images"]
    plots.plain(left, f"Completeness: error of the sum, {n['completeness']} images", "steps",
                "part of the scores' difference", logx=10, logy=10)  # fmt: skip
    left.set_xticks(numbers["steps"], numbers["steps"], minor=False)
    left.set_xticks([], minor=True)
    plots.interval_curves(left, numbers["steps"], numbers["completeness"], dict(zip(QUADRATURES, plots.OTHERS)))

    for text in left.texts:
        if text.get_text() in OTHERS:  # beside their ends these names would lie on the longer curves
            text.set(gid="", position=(-12, -15))
    plots.plain(middle, "Sensitivity: 1 - ReLU(1 - x)", "x")
    x = np.linspace(0, 2, 101)
    middle.plot(x, 1 - np.maximum(1 - x, 0), color=plots.INK, linewidth=2)
    for i, (name, value) in enumerate(numbers["sensitivity"].items()):
        middle.text(2, 0.35 - 0.14 * i, f"{name}: {value:.3g}", ha="right", color=plots.COLOURS[name], size=plots.NOTE)
    middle.plot([2], [1], "o", color=plots.INK)

    plots.plain(right, f"Change of the map, 0 to 1, {n['promises']} images")
    place = np.arange(len(COMPARED))
    for shift, promise, alpha in ((-0.27, "invariance", 1.0), (0, "linearity", 0.55), (0.27, "another class", 0.2)):
        found = numbers["promises"][promise]
        heights, low, high = np.array([measures.interval_of_sizes(found[name]) for name in COMPARED]).T
        right.vlines(place + shift, low, high, color=plots.INK, linewidth=1)
        right.bar(place + shift, heights, 0.25, color=[plots.COLOURS[name] for name in COMPARED], alpha=alpha)
        for x_, height, top in zip(place + shift, heights, high):
            word = f"{height:.1g}" if height > 1e-4 else "0"
            right.text(x_, max(height, top) + 0.02, word, ha="center", size=8, color=plots.INK)
    right.set_ylim(0, 1.6)
    right.set_yticks([0, 0.5, 1])
    right.set_xticks(place, [name.replace(" ", "\n") for name in COMPARED])
    words = "full: its ReLUs written otherwise\npaler: 2 scores less 3, against maps\npalest: another class"
    right.text(0.02, 0.97, words, transform=right.transAxes, va="top", size=plots.NOTE, color=plots.FAINT)

    panels = below.subplots(2, len(BASELINES) + 1)
    plots.show(panels[0, 0], bench.pictures["image"], numbers["image"])
    panels[1, 0].axis("off")
    for j, name in enumerate(BASELINES, 1):
        start, map_ = bench.pictures[name]
        plots.show(panels[0, j], start, f"from {name}")
        plots.show(panels[1, j], palette.heat([np.abs(map_)])[0])
    panels[1, 1].set_ylabel("size of the attributions", size=plots.NOTE)
    return plots.head(fig, "What integrated gradients promise, and keep",
                      f"{bench.source.name}; bands and lines: 90 % intervals over images")  # fmt: skip


if __name__ == "__main__":
    lab.main()
