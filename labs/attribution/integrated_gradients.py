"""Question: which promises do integrated gradients keep that other methods break?

Claim: they sum to the difference of the scores (completeness), see what a saturated function hides from its gradient
    (sensitivity), are the same for networks that are equal as functions (implementation invariance), and are linear
    in the network. The plain gradient breaks sensitivity; guided backprop and the deconvnet break invariance.
Look at: the error of completeness over steps, what each method makes of the same function written otherwise, and how
    much of the map the baseline decides.
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
from labs import lab, plots
from labs.lab import Bench, Numbers, Table, Through
from methods import ReluAs
from visualizers.network import class_scores

STEPS = [5, 10, 20, 50, 100, 300]
QUADRATURES = ("right sum (the paper's)", "trapezoids", "midpoints", "Gauss-Legendre")
COMPARED = ("integrated gradients", "gradient", "guided backprop", "deconvnet")
Point = Fraction | float
BASELINES = ("grey", "black", "white", "blurred", "noise")


def measure(bench: Bench) -> Numbers:
    images, X, y, names = bench.batch(1 if bench.quick else 2)
    steps, few = (STEPS[:2], 8) if bench.quick else (STEPS, 32)
    errors = [completeness(bench.model, x[None], label[None], steps) for x, label in zip(X, y)]
    bench.pictures["image"] = images[0]
    return {
        "steps": steps,
        "completeness": {name: np.median([error[name] for error in errors], axis=0).tolist() for name in QUADRATURES},
        "sensitivity": sensitivity(),
        "invariance": compare(X, y, bench.model, few, ReluAs(bench.model, write_relu_otherwise)),
        "linearity": linearity(X[:1], y[:1], bench.model, few),
        "image": names[0],
        "baselines": baselines(bench, X[:1], y[:1], few),
    }


def completeness(model: nn.Module, x: Tensor, y: Tensor, counts: Sequence[int]) -> dict[str, list[float]]:
    """The error of the sum of attributions beside s(x) - s(x'), of that difference, for one image and grey as x'.

    A sum over pixels of integrated gradients is the integral of the slope along the way, so slopes are all it takes.
    """
    ends = class_scores(lab.predict(model, torch.cat([torch.zeros_like(x), x])), y.expand(2)).double()
    difference = float(ends[1] - ends[0])
    rules = {name: [quadrature(name, count) for count in counts] for name in QUADRATURES}
    slope = slopes(model, x, y, {point for rule in rules.values() for points, _ in rule for point in points})

    def error(points: Sequence[Point], weights: Sequence[float]) -> float:
        return abs(sum(weight * slope[point] for point, weight in zip(points, weights)) - difference) / abs(difference)

    return {name: [error(*rule) for rule in some] for name, some in rules.items()}


def write_relu_otherwise(x: Tensor) -> Tensor:
    """ReLU(x), as x + ReLU(-x): the same values, and the same gradient."""
    return x + (-x).relu()


def compare(X: Tensor, y: Tensor, model: nn.Module, steps: int, other: nn.Module) -> dict[str, float]:
    """The change of each method's attributions between two networks."""
    ours, theirs = (methods.attributions(COMPARED, X, y, one, "", steps=steps) for one in (model, other))
    return {name: change(ours[name], theirs[name]) for name in COMPARED}


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


def linearity(x: Tensor, y: Tensor, model: nn.Module, steps: int) -> dict[str, float]:
    """The change from the attributions of 2 s - 3 t to 2 times those of s less 3 times those of t.

    s: the score of the class y of the one image x (1, 3, H, W); t: the highest score of another class.
    """
    t = lab.predict(model, x).scatter(1, y[:, None], -torch.inf).argmax(dim=1)
    mixed = Through(model, lambda scores: 2 * scores[:, y] - 3 * scores[:, t])
    whole = methods.attributions(COMPARED, x, torch.zeros_like(y), mixed, "", steps=steps)
    one, other = (methods.attributions(COMPARED, x, labels, model, "", steps=steps) for labels in (y, t))
    return {name: change(2 * one[name] - 3 * other[name], whole[name]) for name in COMPARED}


def change(a: Tensor, b: Tensor) -> float:
    """|a - b| / (|a| + |b|): 0 where they are equal, 1 where they are opposite or one is nothing beside the other."""
    return float((a - b).norm() / (a.norm() + b.norm()).clamp(min=1e-30))


def baselines(bench: Bench, x: Tensor, y: Tensor, steps: int) -> dict[str, dict[str, float]]:
    """The score of one image at each baseline, its map's likeness to grey's, and the map's share on dark pixels."""
    black, white = lab.from_pixels(torch.zeros_like(x)), lab.from_pixels(torch.ones_like(x))
    noise = torch.rand(x.shape, generator=bench.generator()).to(x)
    starts = (torch.zeros_like(x), black, white, blur_image(x, sigma=12), lab.from_pixels(noise))
    light = lab.to_pixels(x).mean(dim=(0, 1))
    dark = (light <= light.quantile(0.2)).cpu().numpy()
    found: dict[str, dict[str, float]] = {}
    for name, start in zip(BASELINES, starts):
        map_ = methods.integrated_gradients(x, y, bench.model, steps, start).sum(dim=1)[0].cpu().numpy()
        bench.pictures[name] = (lab.to_picture(start), map_)
        grey, size = np.abs(bench.pictures["grey"][1]), np.abs(map_)
        found[name] = {
            "score": float(class_scores(lab.predict(bench.model, start), y)),
            "like grey": float(spearmanr(size, grey, axis=None).statistic),
            "dark": float(size[dark].sum() / size.sum()),
        }
    return found


def tabulate(numbers: Numbers) -> Table:
    rows = [
        *[(f"completeness, {name}, {steps} steps", f"{numbers['completeness'][name][i]:.1%}")
          for name in QUADRATURES for i, steps in ((0, numbers["steps"][0]), (-1, numbers["steps"][-1]))],
        *[(f"1 - ReLU(1 - x) at 2, {name}", f"{value:.3g}") for name, value in numbers["sensitivity"].items()],
        *[(f"change when ReLU(x) is written x + ReLU(-x), {name}", f"{numbers['invariance'][name]:.2g}")
          for name in COMPARED],
        *[(f"map of 2 s - 3 t against 2 maps less 3 maps, {name}", f"{numbers['linearity'][name]:.2g}")
          for name in COMPARED],
        *[(f"baseline {name}: score there, rank correlation with grey's map, share on the darkest fifth of the pixels",
           f"{found['score']:.1f}, {found['like grey']:.2f}, {found['dark']:.0%}")
          for name, found in numbers["baselines"].items()],
    ]  # fmt: skip
    return Table(("measured", ""), rows)


def conclude(numbers: Numbers) -> list[str]:
    last, most = {name: values[-1] for name, values in numbers["completeness"].items()}, numbers["steps"][-1]
    best = min(last, key=last.__getitem__)
    same, dark = numbers["invariance"], {name: found["dark"] for name, found in numbers["baselines"].items()}
    kept = same["integrated gradients"] < 0.01
    return [
        f"With {most} steps the attributions sum to the scores' difference to {last[best]:.1%} ({best}) and "
        f"{last[QUADRATURES[0]]:.1%} ({QUADRATURES[0]}); on 1 - ReLU(1 - x) they give "
        f"{numbers['sensitivity']['integrated gradients']:.3g} where the gradient gives "
        f"{numbers['sensitivity']['gradient']:.3g}.",
        f"Written otherwise, the same network {'keeps' if kept else 'does not keep'} its integrated gradients, which "
        f"change by {same['integrated gradients']:.1g}; guided backprop changes by {same['guided backprop']:.0%} and "
        f"the deconvnet by {same['deconvnet']:.0%}.",
        f"But the baseline decides much: from black {dark['black']:.0%} of the map is on the darkest fifth of the "
        f"pixels, from white {dark['white']:.0%}, and the ranks of noise's and grey's map agree by "
        f"{numbers['baselines']['noise']['like grey']:.2f}; so name it beside every such map.",
    ]


def draw(numbers: Numbers, bench: Bench) -> "plots.Figure":
    fig = plots.sheet(1560, 960)
    above, below = plots.parts(fig, 2, 1, height_ratios=[0.85, 1])
    left, middle, right = above.subplots(1, 3, width_ratios=[1.5, 0.8, 1.3])
    plots.plain(left, "Completeness: error of the sum", "steps", "of the scores' difference", logx=10, logy=10)
    left.set_xticks(numbers["steps"], numbers["steps"], minor=False)
    left.set_xticks([], minor=True)
    plots.curves(left, numbers["steps"], numbers["completeness"], dict(zip(QUADRATURES, plots.OTHERS)))

    plots.plain(middle, "Sensitivity: 1 - ReLU(1 - x)", "x")
    x = np.linspace(0, 2, 101)
    middle.plot(x, 1 - np.maximum(1 - x, 0), color=plots.INK, linewidth=2)
    for i, (name, value) in enumerate(numbers["sensitivity"].items()):
        middle.text(0.75, 0.35 - 0.14 * i, f"{name}: {value:.3g}", color=plots.COLOURS[name], size=plots.NOTE)
    middle.plot([2], [1], "o", color=plots.INK)

    plots.plain(right, "Change of the map, 0 to 1")
    place = np.arange(len(COMPARED))
    for shift, kind, alpha in ((-0.2, "invariance", 1.0), (0.2, "linearity", 0.45)):
        heights = [max(numbers[kind][name], 1e-8) for name in COMPARED]
        bars = right.bar(place + shift, heights, 0.38, color=[plots.COLOURS[name] for name in COMPARED], alpha=alpha)
        words = [f"{height:.1g}" if height > 1e-8 else "0" for height in heights]  # where the scale ends
        right.bar_label(bars, words, size=8, color=plots.INK)
    right.set_yscale("log")
    right.set_ylim(1e-8, 1e3)
    right.set_xticks(place, [name.replace(" ", "\n") for name in COMPARED])
    right.text(0.02, 0.97, "full: the same function, written otherwise\npale: a sum of two scores, of their maps",
               transform=right.transAxes, va="top", size=plots.NOTE, color=plots.FAINT)  # fmt: skip

    panels = below.subplots(2, len(BASELINES) + 1)
    plots.show(panels[0, 0], bench.pictures["image"], numbers["image"])
    panels[1, 0].axis("off")
    for j, name in enumerate(BASELINES, 1):
        start, map_ = bench.pictures[name]
        plots.show(panels[0, j], start, f"from {name}")
        plots.show(panels[1, j], palette.heat([np.abs(map_)])[0])
    panels[1, 1].set_ylabel("size of the attributions", size=plots.NOTE)
    return plots.head(fig, "What integrated gradients promise, and keep", bench.source.name)


if __name__ == "__main__":
    lab.main()
