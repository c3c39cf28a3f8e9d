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

from figures import palette
from figures.figure import short
from labs import lab, measures, plots
from labs.lab import Bench, Numbers, Table
from visualizers.network import class_scores

LENGTH = 1.0  # of a step, in normalised pixels: the same for each direction
STEPS = 8  # of each climb
DIRECTIONS = ("gradient", "its absolute value", "saliency map", "random")


Direction = Callable[[nn.Module, Tensor, Tensor, Tensor], Tensor]  # of network, images, classes and their gradient


def measure(bench: Bench) -> Numbers:
    _, X, y, _ = bench.batch(2 if bench.quick else None)
    target, steps = bench.source.fooling_target, 5 if bench.quick else STEPS
    X = X[y != target]
    numbers: Numbers = {"steps": steps, "target": short(bench.source.class_names[target]), "images": len(X)}
    numbers |= {"gain": {}, "wrong": {}, "said": {}}
    named = int(lab.predict(bench.model, X[:1]).argmax())
    bench.pictures.update(start=(lab.to_picture(X[0]), short(bench.source.class_names[named])), changes=[])
    for name, direction in directions(bench).items():
        scores, wrong, end = climb(bench.model, X, target, direction, steps, name)
        numbers["gain"][name] = (scores - scores[0]).tolist()
        numbers["wrong"][name] = wrong.tolist()
        numbers["said"][name] = (lab.predict(bench.model, end).argmax(dim=1) == target).double().tolist()
        bench.pictures["changes"].append((name, (end - X)[0].permute(1, 2, 0).cpu().numpy()))
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
) -> tuple[Tensor, Tensor, Tensor]:
    """Steps of LENGTH along a direction: each image's score before and after each (steps + 1, N), the share of its
    pixel values pushed against the gradient (of those that have one; N,), and the images (N, 3, H, W) at the end.
    """
    y = torch.full((len(X),), target, device=X.device)
    scores, wrong = [], []
    for _ in lab.progress(range(steps), name):
        values, gradient = lab.values_and_gradient(lambda X: class_scores(model(X), y), X)
        scores.append(values)
        way = direction(model, X, y, gradient)
        against = (way * gradient < 0).flatten(1).sum(dim=1)
        wrong.append(against / (gradient != 0).flatten(1).sum(dim=1).clamp(min=1))
        X = X + LENGTH * way / way.flatten(1).norm(dim=1).clamp(min=1e-30)[:, None, None, None]
    scores.append(class_scores(lab.predict(model, X), y))
    return torch.stack(scores), torch.stack(wrong).mean(dim=0), X


def tabulate(numbers: Numbers) -> Table:
    gain, wrong, said = (numbers[key] for key in ("gain", "wrong", "said"))
    return Table.of(f"direction ({numbers['images']} images, 90 % interval)", DIRECTIONS, {
        "pixel values pushed the wrong way": lambda name: lab.write_values(wrong[name], ".1%"),
        f"score gained in {numbers['steps']} steps": lambda name: lab.write_interval(
            measures.interval(gain[name][-1]), "+.2f"),
        "above the random direction's": lambda name: (
            "-" if name == "random" else lab.write_interval(above_random(gain, name), "+.2f")),
        "of the gradient's": lambda name: write_share(gain, name),
        f"images then called {numbers['target']}": lambda name: lab.write_mean(said[name]),
    })  # fmt: skip


def above_random(gain: dict[str, list[list[float]]], name: str) -> list[float]:
    """Interval of what a direction gains in all steps, less what the random one does, image by image."""
    return measures.pair(gain[name][-1], gain["random"][-1])


def write_share(gain: dict[str, list[list[float]]], name: str) -> str:
    """Words for the part of the gradient's gain that a direction gains, over all images."""
    own, best = (np.array(gain[way][-1]) for way in (name, DIRECTIONS[0]))
    return lab.write_interval(measures.bootstrap(measures.of_sums, own, best), ".1%")


def conclude(numbers: Numbers) -> list[str]:
    gain, wrong = numbers["gain"], numbers["wrong"]
    above = {name: above_random(gain, name) for name in DIRECTIONS[1:3]}
    the = {name: f"the {name}" if name == "saliency map" else name for name in above}
    return [
        f"In {numbers['steps']} steps of equal length the gradient raises the score of {numbers['target']} by "
        f"{lab.write_mean(gain['gradient'][-1], '+.2f')}, the mean of {numbers['images']} images; of that gain "
        + ", ".join(f"{the[name]} reaches {write_share(gain, name)}" for name in above)
        + f", a random direction {write_share(gain, 'random')}. Above the random direction, image by image: "
        + ", ".join(f"{the[name]} {lab.write_interval(found, '+.2f')} ({lab.tell(found)})"
                    for name, found in above.items()) + ".",
        "The wrong way is against the gradient's sign: by this definition the gradient pushes no pixel value so, "
        + ", ".join(f"{the[name]} {lab.write_values(wrong[name], '.1%')}" for name in above)
        + f", a random direction {lab.write_values(wrong['random'], '.1%')}.",
        "So read a saliency map as where, and climb along the gradient itself, whose signs say which way.",
    ]  # fmt: skip


def draw(numbers: Numbers, bench: Bench) -> "plots.Figure":
    fig = plots.sheet(1560, 640)
    above, below = plots.parts(fig, 2, 1, height_ratios=[1.5, 1])
    left, right = above.subplots(1, 2, width_ratios=[2.2, 1])
    steps = range(numbers["steps"] + 1)
    plots.plain(left, f"Score of \u201c{numbers['target']}\u201d gained", "steps of equal length")
    found = {name: [measures.interval_of_sizes(values) for values in gain] for name, gain in numbers["gain"].items()}
    left.set_yscale("symlog", linthresh=0.1)  # even below 0.1, logarithmic above: else three curves were one line
    plots.interval_curves(left, steps, found, marker="")
    left.set_yticks([0, 0.1, 1, 10], ["0", "0.1", "1", "10"])
    left.set_xticks(steps)
    wrong = {name: measures.interval(100 * np.array(numbers["wrong"][name])) for name in DIRECTIONS}
    plots.percent(plots.interval_bars(right, wrong, title="Pixel values pushed the wrong way"), "x", 0, 100)
    first, *others = below.subplots(1, len(DIRECTIONS) + 1)
    picture, said = bench.pictures["start"]
    plots.show(first, picture, f"the first image:\n{said}")
    for axes, (name, change) in zip(others, bench.pictures["changes"]):
        words = f"change by {name}:\nscore of {numbers['target']} {numbers['gain'][name][-1][0]:+.2f}"
        plots.show(axes, palette.about_grey([change])[0], words, plots.COLOURS[name])
    note = (f"{bench.source.name}, {numbers['images']} images; bands and whiskers: 90 % intervals. Axis of the score: "
            "linear below 0.1, logarithmic above.\nChanges: about grey, the largest as full colours")  # fmt: skip
    return plots.head(fig, "What matters is not yet which way", note)


if __name__ == "__main__":
    lab.main()
