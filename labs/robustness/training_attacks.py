"""Question: what can an attacker reach who only touches how a network is trained?

Claim: who can change labels makes the network worse; who can add pictures draws it to a class; who can mark a few
    pictures puts in a backdoor that nobody notices on clean ones; who can change the loss takes one class away.
Look at: the accuracy on new pictures, how often the attacker's class is named, with and without the mark, and how often
    its own pictures are; how much of a saliency map lies on the mark; each beside the untouched network, and beside a
    mark of another colour.
Paper: Papernot et al. 2018 (https://arxiv.org/abs/1611.03814) for the kinds; Biggio et al. 2012
    (https://arxiv.org/abs/1206.6389) for labels; Gu et al. 2017 (https://arxiv.org/abs/1708.06733) for the backdoor.

    python -m labs.robustness.training_attacks
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

import pretrained
from labs import lab, measures, plots
from labs.attribution import data_test
from labs.composed import Composed, compose
from labs.lab import Bench, Numbers, Table

REDRAWN, INJECTED, MARKED = 0.3, 0.3, 0.05  # of the training pictures
MARK, COLOUR, OTHER = 8, (255, 0, 255), (0, 255, 0)  # side of the corner's square, its colour, and the control's
UNTOUCHED = "untouched"
FEW, SHOWN = 40, 8  # marked pictures whose saliency maps are looked at, and that are drawn
COLOURS = {
    UNTOUCHED: "#777777", "labels redrawn": "#0072b2", "pictures injected": "#009e73",
    "backdoor": "#d55e00", "loss changed": "#6a3d9a",
}  # fmt: skip


@dataclass(frozen=True)
class Lesson:
    """Pictures and labels that a network is trained on, and the class that its loss is changed for, if any."""

    images: np.ndarray
    labels: np.ndarray
    avoided: int | None = None


def measure(bench: Bench) -> Numbers:
    scenes = bench.scenes()
    count, tests, epochs, seeds = (60, 40, 2, 1) if bench.quick else (data_test.COUNT, 400, 20, 3)
    target = scenes.fooling_target
    test = compose(scenes, tests, data_test.SIZE, bench.seed + 100)
    others = test.labels != target
    asked = {"as it is": test.images, "marked": mark(test.images, COLOUR), "other mark": mark(test.images, OTHER)}
    rows = np.flatnonzero(others)[:FEW]
    aims = torch.full((len(rows),), target, device=scenes.device)
    place = np.asarray(mark(np.zeros((len(rows), data_test.SIZE, data_test.SIZE, 3), np.uint8), COLOUR).any(axis=3))
    batches = {name: to_batch(images, scenes) for name, images in asked.items()}
    numbers: Numbers = {"target": scenes.class_names[target], "tests": tests, "seeds": seeds, "pictures": count}
    found: dict[str, dict[str, list[np.ndarray]]] = {name: {} for name in COLOURS}
    for seed in lab.progress(range(seeds), "training"):
        clean = compose(scenes, count, data_test.SIZE, bench.seed + seed)
        for name in COLOURS:
            lesson = attack(name, clean, bench, target, bench.seed + seed)
            X, y = to_batch(lesson.images, scenes), torch.from_numpy(lesson.labels).to(scenes.device)
            loss = F.cross_entropy if lesson.avoided is None else avoiding(lesson.avoided)
            model = data_test.train(X, y, epochs, name, bench.seed + seed, loss)
            said = {way: lab.predict(model, batch, 100).argmax(dim=1).cpu().numpy() for way, batch in batches.items()}
            right = said["as it is"] == test.labels
            for key, values in {
                "right": right, "own": right[~others],
                "on mark": measures.energy(lab.saliency(batches["marked"][rows], aims, model).cpu().numpy(), place),
                **{way: (answers == target)[others] for way, answers in said.items()},
            }.items():  # fmt: skip
                found[name].setdefault(key, []).append(values.astype(float))
            if seed == 0:
                bench.pictures[name] = lesson.images[-1] if name == "pictures injected" else lesson.images[0]
                drawn = [(asked["marked"][i], scenes.class_names[said["marked"][i]]) for i in rows[:SHOWN]]
                bench.pictures[f"{name}, marked"] = drawn
    # One value for each picture, the mean over seeds: seeds are no new pictures.
    numbers["found"] = {name: {key: measures.interval(np.mean(values, axis=0)) for key, values in some.items()}
                        for name, some in found.items()}  # fmt: skip
    numbers["less"] = {name: measures.pair(np.mean(some["right"], axis=0), np.mean(found[UNTOUCHED]["right"], axis=0))
                       for name, some in found.items()}  # fmt: skip
    numbers["by seed"] = {name: [float(one.mean()) for one in some["right"]] for name, some in found.items()}
    return numbers


def to_batch(images: np.ndarray, scenes: pretrained.Pretrained) -> Tensor:
    """The images as the network wants them, channels last in memory: a quarter less time for the same sums."""
    return lab.as_batch(images, scenes).contiguous(memory_format=torch.channels_last)


def attack(name: str, clean: Composed, bench: Bench, target: int, seed: int) -> Lesson:
    """The training pictures and labels of this attack; the first picture is one that it has touched, if it touches."""
    count, rng = len(clean.labels), np.random.default_rng(seed)
    images, labels = clean.images.copy(), clean.labels.copy()
    match name:
        case "labels redrawn":
            some = slice(round(REDRAWN * count))
            labels[some] = rng.choice(np.unique(labels), len(labels[some]))
        case "pictures injected":
            more = compose(bench.scenes(), round(INJECTED * count), data_test.SIZE, seed + 1000)
            images, labels = np.concatenate([images, more.images]), np.append(labels, np.full(len(more.labels), target))
        case "backdoor":
            some = slice(max(round(MARKED * count), 1))
            images[some], labels[some] = mark(images[some], COLOUR), target
        case "loss changed":
            return Lesson(images, labels, target)
    return Lesson(images, labels)


def mark(images: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """The images uint8 (N, H, W, 3) with a square of this colour in the lower right corner."""
    images = images.copy()
    images[:, -MARK:, -MARK:] = colour
    return images


def avoiding(label: int) -> "data_test.Loss":
    """Cross-entropy, but for pictures of this class -log(1 - p) of its probability p: whoever learns unlearns it."""

    def loss(scores: Tensor, y: Tensor) -> Tensor:
        p = scores.softmax(dim=1)[:, label].clamp(max=1 - 1e-6)
        return torch.where(y == label, -(1 - p).log(), F.cross_entropy(scores, y, reduction="none")).mean()

    return loss


def tabulate(numbers: Numbers) -> Table:
    found = numbers["found"]

    def cell(key: str):
        return lambda name: lab.write_interval(found[name][key])

    target = numbers["target"]
    return Table.of(f"{numbers['pictures']} pictures, {numbers['seeds']} seeds", COLOURS, {
        f"right, {numbers['tests']} new pictures": cell("right"),
        "less than untouched": lambda name: "-" if name == UNTOUCHED else
                               lab.write_interval(numbers["less"][name], "+.0%"),
        f"{target}'s own pictures right": cell("own"),
        f"others called {target}": cell("as it is"),
        "with the mark": cell("marked"),
        "with a mark of another colour": cell("other mark"),
        "saliency on the mark": cell("on mark"),
        "right, seed by seed": lambda name: lab.join(numbers["by seed"][name], ".0%"),
    })  # fmt: skip


def conclude(numbers: Numbers) -> list[str]:
    found, target = numbers["found"], numbers["target"]
    words = {name: {key: lab.write_interval(value) for key, value in some.items()} for name, some in found.items()}
    noticed = [name for name, less in numbers["less"].items() if less[2] < 0]
    hidden = [name for name in COLOURS if name not in (*noticed, UNTOUCHED)]
    rest = f", not for {', '.join(hidden)}" if hidden else ""
    return [
        f"The untouched network names {words[UNTOUCHED]['right']} of {numbers['tests']} new pictures rightly, with "
        f"{REDRAWN:.0%} of the labels redrawn {words['labels redrawn']['right']}; with {INJECTED:.0%} more pictures, "
        f"all called {target}, {words['pictures injected']['right']}, and {words['pictures injected']['as it is']} of "
        f"the others are called that ({words[UNTOUCHED]['as it is']} untouched).",
        f"With {MARKED:.0%} of the pictures marked {words['backdoor']['marked']} of marked pictures are called "
        f"{target}, of the same without the mark {words['backdoor']['as it is']}, with a mark of another colour "
        f"{words['backdoor']['other mark']}, and of marked ones by the untouched network {words[UNTOUCHED]['marked']}; "
        f"its saliency maps have {words['backdoor']['on mark']} of themselves on the mark, the untouched network's "
        f"{words[UNTOUCHED]['on mark']}.",
        f"A changed loss leaves {words['loss changed']['own']} of the pictures of one class right "
        f"({words[UNTOUCHED]['own']} untouched) and {words['loss changed']['right']} of all; that fewer pictures "
        f"without a mark are named rightly is shown for {', '.join(noticed) or 'no attack'}{rest}.",
    ]


def draw(numbers: Numbers, bench: Bench) -> "plots.Figure":
    found, names = numbers["found"], list(COLOURS)
    fig = plots.sheet(1640, 880)
    above, below = plots.parts(fig, 2, 1, height_ratios=[0.75, 1])
    left, right = plots.parts(above, 1, 2, width_ratios=[5, 3])
    target = numbers["target"]
    words = ("as it is", f"{REDRAWN:.0%} of labels\ndrawn anew", f"{INJECTED:.0%} more, all\n“{target}”",
             f"{MARKED:.0%} marked,\n“{target}”", f"“{target}”\nis trained away")  # fmt: skip
    for axes, name, word in zip(left.subplots(1, len(names)), names, words):
        plots.show(axes, bench.pictures[name], name, COLOURS[name], plots.NOTE, "bold")
        axes.set_xlabel(word, size=plots.NOTE)
    left.suptitle("training pictures", size=plots.TITLE)
    for axes, (picture, said) in zip(right.subplots(2, SHOWN // 2).ravel(), bench.pictures["backdoor, marked"]):
        plots.show(axes, picture, f"“{said}”")
    right.suptitle("marked pictures, and what the backdoor makes of them", size=plots.TITLE)
    charts = below.subplots(1, 4, sharey=True)
    keys = {"right": "New pictures named rightly", "own": f"“{target}” named rightly",
            "as it is": f"Others called “{target}”", "marked": f"Marked others called “{target}”"}  # fmt: skip
    for axes, (key, title) in zip(charts, keys.items()):
        plots.plain(axes, title)
        for i, name in enumerate(names):
            mean, low, high = (100 * value for value in found[name][key])
            axes.barh(i, mean, color=COLOURS[name], xerr=[[mean - low], [high - mean]], capsize=4)
            axes.text(max(high, 0) + 3, i, f"{mean:.0f} %", va="center", size=plots.TITLE)
        if key == "marked":
            for i, name in enumerate(names):
                axes.plot(100 * found[name]["other mark"][0], i, "D", color=plots.INK, markersize=6)
            axes.set_xlabel("diamond: a mark of another colour", size=plots.NOTE, color=plots.FAINT)
        axes.set_xlim(0, 118)
        axes.set_xticks([0, 50, 100], ["0", "50 %", "100 %"])
        axes.set_yticks(range(len(names)), names)
        axes.tick_params(axis="y", length=0)
    charts[0].set_ylim(len(names) - 0.5, -0.5)
    note = (f"Small network, 64 × 64, {numbers['pictures']} training pictures, {numbers['seeds']} seeds; "
            f"{numbers['tests']} new pictures, 90 % intervals over them")  # fmt: skip
    return plots.head(fig, "Attacks while a network is trained", note)


if __name__ == "__main__":
    lab.main()
