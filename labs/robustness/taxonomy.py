"""Question: what can an attacker want, what can he know, and how far does each get on the same images?

Claim: attacks are ordered by their goal, from less confidence over any wrong class to one class for a given picture,
    and by what is known: the network itself (white box), its answers (adaptive black box), or nothing but a network of
    the same kind (non-adaptive). The more is wanted and the less is known, the fewer succeed.
Look at: the grid of goals and knowledge, each cell with what this repository does there and its measured success,
    beside noise of the same size, which knows nothing. The last two goals differ in their start: noise, or the image.
    What noise does hangs on the few images: `black_box` has others, and another share at the same radius.
Paper: Papernot et al. 2016 (https://arxiv.org/abs/1511.07528), section II, for the goals; Papernot et al. 2017
    (https://arxiv.org/abs/1602.02697) for the knowledge.

    python -m labs.robustness.taxonomy
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from figures import palette
from labs import attacking, lab, measures, plots, querying
from labs.lab import Bench, Numbers, Table
from labs.networks import COLOURS, PLAIN, ROBUST, ComparedNetwork, load_networks

RADIUS = 8  # of 255, in L-infinity; the fooling image alone has no radius
GOALS = {  # goal: in words
    "less confidence": "its class is half as likely",
    "misclassification": "any wrong class",
    "targeted": "from noise to a class",
    "source and target": "from this picture to a class",
}
SHOWN = ("misclassification", "targeted", "source and target")  # the first is also the picture of "less confidence"
KNOWLEDGE = ("white box", "adaptive black box", "non-adaptive black box")
FOOLING, CONTROL = "fooling image", "noise of the same size"
Goal = Callable[[Tensor, Tensor], Tensor]
write = lab.write_mean


@dataclass(frozen=True)
class Task:
    """A goal's pixels to start from, and `goal(scores, aims)`, negative where it is reached."""

    pixels: Tensor
    aims: Tensor  # one row for each image: a class, or a class and the confidence to get below
    classes: Tensor  # the class that gradients lead to or away from
    towards: bool
    goal: Goal

    def success(self, c: ComparedNetwork, pixels: Tensor) -> list[float]:
        """1 for each of the pictures that reaches the goal, 0 for the others."""
        with torch.no_grad():
            return (self.goal(c.scores(pixels), self.aims) < 0).double().tolist()


def measure(bench: Bench) -> Numbers:
    asked, steps = (5, 1) if bench.quick else (100, 8)
    networks = load_networks(bench, 1 if bench.quick else 8)
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
        fooling = victim.fooling_images(victim.pixels, tasks["source and target"].classes).clamp(0, 1)
        found["source and target"][FOOLING] = fooling
        for goal, task in tasks.items():
            away = found["less confidence"] if goal == "misclassification" else {}  # gradients lead both the same way
            found[goal] |= attack(victim, surrogate, task, steps, asked, bench, away)
        numbers["success"][name] = {goal: {way: tasks[goal].success(victim, made) for way, made in ways.items()}
                                    for goal, ways in found.items()}  # fmt: skip
        numbers["saved"][name] = {goal: {way: open_again(victim, tasks[goal], made) for way, made in ways.items()}
                                  for goal, ways in found.items()}  # fmt: skip
        change = fooling - victim.pixels
        numbers["length"][name] = measures.median((255 * change.abs().flatten(1).amax(dim=1)).tolist())
        if "goals" not in bench.pictures:
            bench.pictures["goals"] = {goal: picture(victim, tasks[goal], found[goal]["white box"]) for goal in SHOWN}
    return numbers


def tasks_of(c: ComparedNetwork, bench: Bench) -> dict[str, Task]:
    """The four goals on a network's images; "targeted" starts from as many pictures of noise."""
    p = lab.confidence(c.scores, c.pixels, c.y)
    noise = (0.5 + 0.1 * torch.randn(c.pixels.shape, generator=bench.generator())).clamp(0, 1).to(c.pixels)
    aims, others = c.aims(), c.aims(c.classify(noise))
    halved = torch.stack([c.y.to(p), p / 2], dim=1)
    return {
        "less confidence": Task(c.pixels, halved, c.y, False, less_confident),
        "misclassification": Task(c.pixels, c.y, c.y, False, querying.margin),
        "targeted": Task(noise, others, others, True, querying.aim),
        "source and target": Task(c.pixels, aims, aims, True, querying.aim),
    }


def attack(
    victim: ComparedNetwork,
    surrogate: ComparedNetwork,
    task: Task,
    steps: int,
    asked: int,
    bench: Bench,
    led: dict[str, Tensor],
) -> dict[str, Tensor]:
    """The pixels that each kind of attacker makes. What is made on the surrogate never meets the victim before.

    led: the pixels of a goal for which PGD goes the same way, or none.
    """
    white, other = (
        led[know] if led else attacking.pgd(c.scores, task.pixels, task.classes, RADIUS / 255, steps, task.towards)
        for know, c in ((KNOWLEDGE[0], victim), (KNOWLEDGE[2], surrogate))
    )
    black, _ = querying.squares(
        victim.scores, task.pixels, task.aims, RADIUS / 255, asked, bench.generator(), task.goal
    )
    noise = attacking.add_noise(task.pixels, RADIUS / 255, bench.generator())
    return dict(zip((*KNOWLEDGE, CONTROL), (white, black, other, noise)))


def open_again(c: ComparedNetwork, task: Task, pixels: Tensor) -> dict[str, list[float]]:
    """The success of each picture that comes back from each kind of file."""
    return {way: task.success(c, attacking.save_and_open(pixels, way)) for way in attacking.SAVED}


def less_confident(scores: Tensor, aims: Tensor) -> Tensor:
    """log p of the class less log of the confidence that it is to get below; aims: class and confidence, (N, 2)."""
    p = scores.log_softmax(dim=1).gather(1, aims[:, :1].long())[:, 0]
    return p - aims[:, 1].log()


def picture(c: ComparedNetwork, task: Task, pixels: Tensor) -> tuple[np.ndarray, np.ndarray, str]:
    """The first picture (H, W, 3), what was added to it, and what the network says of it before and after."""
    with torch.no_grad():
        before, after = c.scores(torch.cat([task.pixels[:1], pixels[:1]])).softmax(dim=1)
    words = " → ".join(f"{c.word(int(p.argmax()))}, {float(p.max()):.0%}" for p in (before, after))
    change = (pixels[0] - task.pixels[0]).permute(1, 2, 0).cpu().numpy()
    return lab.to_picture(lab.from_pixels(pixels[0])), change, words


def tabulate(numbers: Numbers) -> Table:
    def cell(name: str, goal: str, way: str) -> str:
        saved = numbers["saved"][name][goal][way]
        return f"{write(numbers['success'][name][goal][way])}; {write(saved['PNG'])}, {write(saved['JPEG'])}"

    rows = []
    for name in numbers["networks"]:
        for goal, words in GOALS.items():
            cells = [cell(name, goal, way) for way in (*KNOWLEDGE, CONTROL)]
            if FOOLING in numbers["success"][name][goal]:
                cells[0] += f"; {FOOLING} {cell(name, goal, FOOLING)}"
            rows.append((f"{name}, {numbers['images'][name]} images", f"{goal}: {words}", *cells))
    ways = ("PGD", f"squares, {numbers['asked']} questions", "PGD on another network")
    columns = [f"{know}: {way} (90 % interval); as PNG, as JPEG 90" for know, way in zip(KNOWLEDGE, ways)]
    return Table((f"network, within {RADIUS} of 255", "goal", *columns, CONTROL), rows)


def conclude(numbers: Numbers) -> list[str]:
    name, last = numbers["networks"][0], numbers["networks"][-1]
    first, others = successes(numbers, name), successes(numbers, last)
    noise = np.mean([numbers["success"][name][goal][CONTROL] for goal in GOALS], axis=0)
    known = first.mean(axis=0)
    know, last_know = ([write(values) for values in some.mean(axis=0)] for some in (first, others))
    want = [f"{write(values.mean(axis=0))} ({goal}: {words})" for values, (goal, words) in zip(first, GOALS.items())]
    asking, starts = measures.pair(known[1], noise), [measures.interval(found) for found in others[2:, 0]]
    return [
        f"Within {RADIUS} of 255 attackers of {name} ({numbers['images'][name]} images) reach {know[0]} of the four "
        f"goals in the white box, {know[1]} by questions and {know[2]} by another network, noise of {RADIUS} of 255 "
        f"{write(noise)}: {order([*known, noise], ('the white box', 'questions', 'another network', 'noise'))}; "
        f"questions above noise {lab.write_interval(asking, '+.0%')}: {lab.judge(asking)}.",
        f"By goal the three kinds of attackers reach, in the mean, {', '.join(want)}: "
        f"{order(first.mean(axis=1), tuple(GOALS))}.",
        f"Of {last}, this repository's small network trained against attacks, the white box reaches {last_know[0]}, "
        f"questions {last_know[1]} and the other network {last_know[2]}. A class from noise and one from an image "
        "differ in their start alone: the white box reaches it in "
        f"{' and '.join(map(lab.write_interval, starts))}, which is "
        f"{'shown' if measures.differ(*starts) else 'not shown'} to differ. {name}'s fooling images, which have no "
        f"radius (half of them move a value by {lab.write_interval(numbers['length'][name], '.0f')} of 255 or more), "
        f"reach their class in {write(numbers['success'][name]['source and target'][FOOLING])}: say goal, start, "
        "knowledge and radius.",
    ]


def order(values: Sequence[np.ndarray] | np.ndarray, names: Sequence[str]) -> str:
    """Words for which neighbours of values (names, images) differ, image by image: a tie is no order."""
    words = []
    for (a, b), (one, other) in zip(pairwise(values), pairwise(names)):
        sign = lab.judge(measures.pair(a, b), "more than", "less than", "not shown to differ from")
        words.append(f"{one} {sign} {other}")
    return ", ".join(words)


def successes(numbers: Numbers, name: str) -> np.ndarray:
    """The success against a network, (goals, knowledge, images)."""
    return np.array([[numbers["success"][name][goal][way] for way in KNOWLEDGE] for goal in GOALS])


def draw(numbers: Numbers, bench: Bench) -> "plots.Figure":
    names = numbers["networks"]
    fig = plots.sheet(1900, 1000)
    columns = plots.parts(fig, 1, 1 + len(names), width_ratios=[0.95, 1.9, *[1.45] * (len(names) - 1)])
    draw_pictures(columns[0], bench.pictures["goals"])
    ways = (*KNOWLEDGE, CONTROL)
    for column, name in zip(columns[1:], names):
        axes = plots.plain(column.subplots())
        axes.set_title(f"{name}, {numbers['images'][name]} images", size=plots.TITLE, color=COLOURS[name], loc="left")
        found = numbers["success"][name]
        values = np.array([[np.mean(found[goal][way]) for way in ways] for goal in GOALS])
        axes.imshow(values, cmap="Purples", vmin=0, vmax=1, aspect="auto")
        for (i, j), value in np.ndenumerate(values):
            ink = "white" if value > 0.55 else plots.INK
            axes.text(j, i - 0.08, f"{value:.0%}", ha="center", va="center", size=1.6 * plots.HEADING, color=ink)
            words = describe(numbers, name, list(GOALS)[i], ways[j])
            axes.text(j, i + 0.15, words, ha="center", va="top", size=plots.NOTE, color=ink, linespacing=1.4)
        surrogate = numbers["surrogates"][name].replace("embedded, ", "")
        heads = ("white box:\nPGD", f"asking: squares,\n{numbers['asked']} questions", f"PGD on\n{surrogate}",
                 f"noise,\n{RADIUS} of 255")  # fmt: skip
        axes.set_xticks(range(len(ways)), heads, size=plots.NOTE)
        goals = [f"{goal}:\n{words}".replace(" to ", "\nto ") for goal, words in GOALS.items()]
        axes.set_yticks(range(len(GOALS)), goals if name == names[0] else [])
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.tick_params(axis="y", labelsize=plots.TITLE, labelcolor=plots.INK)
        for side in axes.spines.values():
            side.set_visible(False)
    note = ("Small: 90 % interval; after JPEG 90; fooling: the assignment's fooling image of the same picture, which "
            f"alone may leave {RADIUS} of 255, and is not drawn.\nPictures: {names[0]} after PGD in the white box, and "
            "the change alone, its largest as full colours: dark where the photograph is white and can only fall.\n"
            "Images that two networks of photographs name rightly; `black_box` has others"
            )  # fmt: skip
    return plots.head(fig, "What attackers want, what they know, and how many succeed", note)


def draw_pictures(part: "plots.SubFigure", pictures: dict[str, tuple[np.ndarray, np.ndarray, str]]) -> None:
    """A row for each goal, beside its row of numbers: the picture, and its change about grey.

    PGD leads the first two goals the same way, to the same picture: it stands once, between both.
    """
    panels = part.subplot_mosaic([[f"{goal}, {what}" for what in ("picture", "change")] for goal in (SHOWN[0], *SHOWN)])
    for goal, (shown, change, words) in pictures.items():
        plots.show(panels[f"{goal}, picture"], shown, words.replace(" → ", "\n→ "))
        plots.show(panels[f"{goal}, change"], palette.about_grey([change])[0], "its change")


def describe(numbers: Numbers, name: str, goal: str, way: str) -> str:
    """The small words of one cell: the interval, and the success of its pictures saved as JPEG."""
    found = numbers["success"][name][goal]
    _, low, high = measures.interval(found[way])
    lines = [f"{100 * low:.0f} to {high:.0%}", f"JPEG: {np.mean(numbers['saved'][name][goal][way]['JPEG']):.0%}"]
    if goal == "source and target" and way == "white box":
        lines.append(f"fooling: {np.mean(found[FOOLING]):.0%}")
    return "\n".join(lines)


if __name__ == "__main__":
    lab.main()
