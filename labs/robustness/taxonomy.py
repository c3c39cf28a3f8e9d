"""Question: what can an attacker want, what can he know, and how far does each get on the same images?

Claim: attacks are ordered by their goal, from less confidence over any wrong class to one class for a given picture,
    and by what is known: the network itself (white box), its answers (adaptive black box), or nothing but a network of
    the same kind (non-adaptive). The more is wanted and the less is known, the fewer succeed.
Look at: the grid of goals and knowledge, each cell with what this repository does there and its measured success.
Paper: Papernot et al. 2016 (https://arxiv.org/abs/1511.07528), section II, for the goals; Papernot et al. 2017
    (https://arxiv.org/abs/1602.02697) for the knowledge.

    python -m labs.robustness.taxonomy
"""

import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

import pretrained
from figures import script
from labs import attacking, lab, plots, querying
from labs.networks import COLOURS, PLAIN, ROBUST, ComparedNetwork, load_networks
from labs.lab import Bench, Numbers, Result, Table
from pretrained.settings import FOOLING_LEARNING_RATE
from visualizers import FoolingImage

RADIUS = 8  # of 255, in L-infinity; the fooling image alone has no radius
GOALS = {  # goal: in words
    "less confidence": "its class is half as likely",
    "misclassification": "any wrong class",
    "targeted": "noise becomes the class",
    "source and target": "this picture becomes the class",
}
KNOWLEDGE = ("white box", "adaptive black box", "non-adaptive black box")
FOOLING = "fooling image"
Goal = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Task:
    """What one goal asks for: pixels to start from, and `goal(scores, aims)`, negative where it is reached."""

    pixels: Tensor
    aims: Tensor  # one row for each image: a class, or a class and the confidence to get below
    classes: Tensor  # the class that gradients lead to or away from
    towards: bool
    goal: Goal


def measure(bench: Bench) -> Numbers:
    asked, steps = (5, 1) if bench.quick else (100, 8)
    networks = load_networks(bench, 1 if bench.quick else 5)
    victims = {networks[0].name: networks[1], ROBUST: next(c for c in networks if c.name == PLAIN)}
    if networks[1].source.kind != networks[0].source.kind:  # nobody knows the same classes
        del victims[networks[0].name]
    numbers: Numbers = {"asked": asked, "networks": list(victims), "surrogates": {}, "images": {}}
    numbers |= {"success": {}, "saved": {}, "length": {}}
    for name, surrogate in lab.progress(victims.items(), "taxonomy"):
        victim = next(c for c in networks if c.name == name)
        numbers["surrogates"][name], numbers["images"][name] = surrogate.name, len(victim.y)
        tasks = tasks_of(victim, bench)
        found: dict[str, dict[str, Tensor]] = {goal: {} for goal in GOALS}
        found["source and target"][FOOLING] = fooled(victim, tasks["source and target"])
        for goal, task in tasks.items():
            found[goal] |= cells(victim, surrogate, task, steps, asked, bench)
        numbers["success"][name] = {goal: {way: reached(victim, tasks[goal], made) for way, made in ways.items()}
                                    for goal, ways in found.items()}  # fmt: skip
        numbers["saved"][name] = {goal: {way: as_file(victim, tasks[goal], made) for way, made in ways.items()}
                                  for goal, ways in found.items()}  # fmt: skip
        change = found["source and target"][FOOLING] - victim.pixels
        numbers["length"][name] = 255 * float(change.abs().flatten(1).amax(dim=1).median())
        if name == next(iter(victims)):
            bench.pictures["goals"] = {goal: picture(victim, tasks[goal], ways["white box"])
                                       for goal, ways in found.items()}  # fmt: skip
    return numbers


def draw(numbers: Numbers, bench: Bench, path: Path) -> Path:
    names = list(numbers["networks"])
    fig = plots.sheet(1640, 900)
    columns = plots.parts(fig, 1, 1 + len(names), width_ratios=[0.9, *[1.5] * len(names)])
    for axes, (goal, (shown, words)) in zip(columns[0].subplots(len(GOALS), 1), bench.pictures["goals"].items()):
        plots.show(axes, shown, words)
        axes.set_ylabel(goal.replace(" and ", "\nand "), size=plots.TITLE)
    for column, name in zip(columns[1:], names):
        axes = plots.plain(column.subplots())
        axes.set_title(f"{name}, {numbers['images'][name]} images", size=plots.TITLE, color=COLOURS[name], loc="left")
        grid = np.array([[numbers["success"][name][goal][way] for way in KNOWLEDGE] for goal in GOALS])
        axes.imshow(grid, cmap="Purples", vmin=0, vmax=1, aspect="auto")
        for i, goal in enumerate(GOALS):
            for j, way in enumerate(KNOWLEDGE):
                axes.text(j, i, cell(numbers, name, goal, way), ha="center", va="center", size=plots.NOTE,
                          color="white" if grid[i, j] > 0.55 else plots.INK, linespacing=1.5)  # fmt: skip
        axes.set_xticks(range(len(KNOWLEDGE)), [way.replace(" black", "\nblack") for way in KNOWLEDGE], size=plots.NOTE)
        axes.set_yticks([])
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        for side in axes.spines.values():
            side.set_visible(False)
    note = f"Pictures, after the white box attack: {names[0]}. Within {RADIUS} of 255, but for the fooling image."
    return plots.save(fig, path, "What attackers want, what they know, and how many succeed", note)


def cell(numbers: Numbers, name: str, goal: str, way: str) -> str:
    attack = {"white box": "PGD", "adaptive black box": f"squares, {numbers['asked']} questions"}
    words = attack.get(way, f"PGD on\n{numbers['surrogates'][name]}")
    jpeg = numbers["saved"][name][goal][way]["JPEG"]
    lines = [words, f"{numbers['success'][name][goal][way]:.0%}", f"(JPEG: {jpeg:.0%})"]
    if goal == "source and target" and way == "white box":
        lines.append(f"fooling image: {numbers['success'][name][goal][FOOLING]:.0%}")
    return "\n".join(lines)


def tabulate(numbers: Numbers) -> Table:
    rows = []
    for name in numbers["networks"]:
        for goal, words in GOALS.items():
            done, saved = numbers["success"][name][goal], numbers["saved"][name][goal]
            cells = [f"{done[way]:.0%} ({saved[way]['PNG']:.0%}, {saved[way]['JPEG']:.0%})" for way in KNOWLEDGE]
            if FOOLING in done:
                left = saved[FOOLING]
                cells[0] += f"; {FOOLING} {done[FOOLING]:.0%} ({left['PNG']:.0%}, {left['JPEG']:.0%})"
            rows.append((name, f"{goal}: {words}", *cells))
    ways = ("PGD", f"squares, {numbers['asked']} questions", "PGD on another network")
    columns = [f"{know}: {way} (as PNG, as JPEG 90)" for know, way in zip(KNOWLEDGE, ways)]
    return Table(("network", "goal", *columns), rows)


def conclude(numbers: Numbers) -> list[str]:
    first, last = numbers["networks"][0], numbers["networks"][-1]
    rows = {name: np.array([[numbers["success"][name][goal][way] for way in KNOWLEDGE] for goal in GOALS])
            for name in numbers["networks"]}  # fmt: skip
    know, want = rows[first].mean(axis=0), rows[first].mean(axis=1)
    falls = "the less is known the fewer" if all(np.diff(know) <= 0) else "but what is known does not order them"
    harder = "as the claim has it" if all(np.diff(want) <= 0) else "not in the order of the claim"
    return [
        f"Within {RADIUS} of 255 attackers of {first} reach {know[0]:.0%} of their goals in the white box, "
        f"{know[1]:.0%} by questions and {know[2]:.0%} by another network: {falls}.",
        "By goal it is " + ", ".join(f"{value:.0%} ({goal})" for goal, value in zip(GOALS, want)) + f", {harder}.",
        f"Of {last} the white box reaches {rows[last][:, 0].mean():.0%}, questions {rows[last][:, 1].mean():.0%} and "
        f"the other network {rows[last][:, 2].mean():.0%}; {first}'s fooling images, which have no radius (half of "
        f"them move a value by {numbers['length'][first]:.0f} of 255 or more), reach their class in "
        f"{numbers['success'][first]['source and target'][FOOLING]:.0%}: say goal, knowledge and radius.",
    ]


def tasks_of(c: ComparedNetwork, bench: Bench) -> dict[str, Task]:
    """The four goals on a network's images; "targeted" starts from as many pictures of noise."""
    with torch.no_grad():
        p = c.scores(c.pixels).softmax(dim=1).gather(1, c.y[:, None])[:, 0]
        noise = (0.5 + 0.1 * torch.randn(c.pixels.shape, generator=bench.generator())).clamp(0, 1).to(c.pixels)
    aims = attacking.targets(c.y, c.source.fooling_target, len(c.source.class_names))
    others = attacking.targets(c.classify(noise), c.source.fooling_target, len(c.source.class_names))
    halved = torch.stack([c.y.to(p), p / 2], dim=1)
    return {
        "less confidence": Task(c.pixels, halved, c.y, False, less_confident),
        "misclassification": Task(c.pixels, c.y, c.y, False, querying.margin),
        "targeted": Task(noise, others, others, True, querying.aim),
        "source and target": Task(c.pixels, aims, aims, True, querying.aim),
    }


def less_confident(scores: Tensor, aims: Tensor) -> Tensor:
    """log p of the class less log of the confidence that it is to get below; aims: class and confidence, (N, 2)."""
    p = scores.log_softmax(dim=1).gather(1, aims[:, :1].long())[:, 0]
    return p - aims[:, 1].log()


def cells(
    victim: ComparedNetwork, surrogate: ComparedNetwork, task: Task, steps: int, asked: int, bench: Bench
) -> dict[str, Tensor]:
    """The pixels that each kind of attacker makes. What is made on the surrogate never meets the victim before."""
    made = {
        way: attacking.pgd(c.scores, task.pixels, task.classes, RADIUS / 255, steps, task.towards)
        for way, c in (("white box", victim), ("non-adaptive black box", surrogate))
    }
    made["adaptive black box"], _ = querying.squares(
        victim.scores, task.pixels, task.aims, RADIUS / 255, asked, bench.generator(), task.goal
    )
    return {way: made[way] for way in KNOWLEDGE}


def fooled(c: ComparedNetwork, task: Task) -> Tensor:
    """The assignment's fooling images, as pixels that a picture can hold."""
    fooler = FoolingImage(FOOLING_LEARNING_RATE[c.source.kind])
    X = lab.from_pixels(task.pixels)
    with lab.ignoring("the network is not fooled"):
        ends = [fooler.make_fooling_image(X[i : i + 1], int(aim), c.model) for i, aim in enumerate(task.classes)]
    return lab.to_pixels(torch.cat(ends)).clamp(0, 1)


def reached(c: ComparedNetwork, task: Task, pixels: Tensor) -> float:
    """The share of the pictures that reach the goal."""
    with torch.no_grad():
        return float((task.goal(c.scores(pixels), task.aims) < 0).float().mean())


def as_file(c: ComparedNetwork, task: Task, pixels: Tensor) -> dict[str, float]:
    return {way: reached(c, task, attacking.save_and_open(pixels, way)) for way in attacking.SAVED}


def picture(c: ComparedNetwork, task: Task, pixels: Tensor) -> tuple[np.ndarray, str]:
    """The first picture, and what the network says of it before and after."""
    with torch.no_grad():
        before, after = c.scores(torch.cat([task.pixels[:1], pixels[:1]])).softmax(dim=1)
    words = " → ".join(f"{c.word(int(p.argmax()))}, {float(p.max()):.0%}" for p in (before, after))
    return lab.to_picture(lab.from_pixels(pixels[0])), words


if __name__ == "__main__":
    lab.main()
