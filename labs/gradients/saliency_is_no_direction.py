"""Question: why is a saliency map no direction to climb?

Claim: a saliency map says how much a pixel matters, not which way. Its absolute value throws the sign away, and its
    maximum over channels the colour, so a step along it is wrong at about every second pixel and hardly climbs.
Look at: the score of another class over steps of equal length, and the pictures that come of them.
Paper: Simonyan et al. 2014, section 3 (https://arxiv.org/abs/1312.6034); Szegedy et al. 2014
    (https://arxiv.org/abs/1312.6199) for the steps.

    python -m labs.gradients.saliency_is_no_direction
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from figures.figure import short
from labs import lab, plots
from labs.lab import Bench, Numbers, Table
from visualizers.network import class_scores

LENGTH = 1.0  # of a step, in normalised pixels: the same for each direction
DIRECTIONS = ("gradient", "its absolute value", "saliency map", "random")


Direction = Callable[[nn.Module, Tensor, Tensor, Tensor], Tensor]  # of network, images, classes and their gradient


def measure(bench: Bench) -> Numbers:
    _, X, y, _ = bench.batch(2 if bench.quick else 3)
    target = bench.source.fooling_target
    X = X[y != target]
    steps = 10 if bench.quick else 100
    numbers: Numbers = {"steps": steps, "target": short(bench.source.class_names[target]), "scores": {}, "said": {}}
    numbers["wrong"], numbers["gain"], bench.pictures["ends"] = {}, {}, [lab.to_picture(X[0])]
    for name, direction in directions(bench).items():
        scores, numbers["wrong"][name], end = climb(bench.model, X, target, direction, steps, name)
        numbers["scores"][name], numbers["gain"][name] = scores, scores[-1] - scores[0]
        said = lab.predict(bench.model, end).argmax(dim=1)
        numbers["said"][name] = float((said == target).float().mean())
        bench.pictures["ends"].append(lab.to_picture(end[0]))
    return numbers


def directions(bench: Bench) -> dict[str, Direction]:
    generator = bench.generator()
    ways: tuple[Direction, ...] = (
        lambda model, X, y, g: g,
        lambda model, X, y, g: g.abs(),
        lambda model, X, y, g: lab.saliency(X, y, model)[:, None].expand_as(X),
        lambda model, X, y, g: torch.randn(X.shape, generator=generator).to(X),
    )
    return dict(zip(DIRECTIONS, ways))


def climb(
    model: nn.Module, X: Tensor, target: int, direction: Direction, steps: int, name: str = ""
) -> tuple[list[float], float, Tensor]:
    """Steps of LENGTH along a direction: the mean score at each, the share of pixel values pushed against the gradient
    (of those that have one), and the images (N, 3, H, W) at the end.
    """
    y = torch.full((len(X),), target, device=X.device)
    scores, wrong = [], []
    for _ in lab.progress(range(steps), name):
        values, gradient = lab.values_and_gradient(lambda X: class_scores(model(X), y), X)
        scores.append(float(values.mean()))
        way = direction(model, X, y, gradient)
        wrong.append(float((way * gradient < 0).sum() / (gradient != 0).sum().clamp(min=1)))
        X = X + LENGTH * way / way.flatten(1).norm(dim=1).clamp(min=1e-30)[:, None, None, None]
    scores.append(float(class_scores(lab.predict(model, X), y).mean()))
    return scores, float(np.mean(wrong)), X


def tabulate(numbers: Numbers) -> Table:
    gain = numbers["gain"]
    return Table.of("direction", DIRECTIONS, {
        "pixel values pushed the wrong way": lambda name: f"{numbers['wrong'][name]:.0%}",
        f"score gained in {numbers['steps']} steps": lambda name: f"{gain[name]:+.2f}",
        "of the gradient's": lambda name: f"{gain[name] / gain['gradient']:.1%}",
        f"images then called {numbers['target']}": lambda name: f"{numbers['said'][name]:.0%}",
    })  # fmt: skip


def conclude(numbers: Numbers) -> list[str]:
    gain, wrong = numbers["gain"], numbers["wrong"]
    best = gain["gradient"]
    return [
        f"In {numbers['steps']} steps of equal length the gradient gains {best:.1f} of the score, its absolute value "
        f"{gain['its absolute value']:+.1f} and the saliency map {gain['saliency map']:+.1f}; a random direction gains "
        f"{gain['random']:+.1f}.",
        f"The absolute value pushes {wrong['its absolute value']:.0%} of the pixel values the wrong way and the map, "
        f"copied to three channels, {wrong['saliency map']:.0%}: no better than chance.",
        "So read a saliency map as where, and climb along the gradient itself, whose signs say which way.",
    ]


def draw(numbers: Numbers, bench: Bench) -> "plots.Figure":
    fig = plots.sheet(1560, 640)
    above, below = plots.parts(fig, 2, 1, height_ratios=[1.5, 1])
    left, right = above.subplots(1, 2, width_ratios=[2.2, 1])
    plots.plain(left, f"Score of \u201c{numbers['target']}\u201d", "steps of equal length")
    plots.curves(left, range(numbers["steps"] + 1), numbers["scores"], marker="")
    wrong = {name: 100 * numbers["wrong"][name] for name in DIRECTIONS}
    plots.percent(plots.bars(right, wrong, title="Pixel values pushed the wrong way"), "x", 0, 100)
    plots.show_row(below, bench.pictures["ends"], ["at the start", *DIRECTIONS], plots.TITLE)
    return plots.head(fig, "What matters is not yet which way", bench.source.name)


if __name__ == "__main__":
    lab.main()
