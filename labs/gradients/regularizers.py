"""Question: what does each restraint do to a class visualization, and which of them makes it recognisable?

Claim: climbing the score alone ends in noise of high frequencies. L2 keeps pixels from extremes, clamping forbids
    them; blur and total variation take out high frequencies; jitter keeps details from clinging to single pixels. So
    the restrained picture means more to others than the network that it was made for.
Look at: the pictures, their spectra beside that of real pictures, and the rank that a second network gives the class,
    from several noises: only what all of them say together is stable.
Paper: Simonyan et al. 2014, section 2 (https://arxiv.org/abs/1312.6034); Yosinski et al. 2015
    (https://arxiv.org/abs/1506.06579); Mahendran and Vedaldi 2015 for total variation
    (https://arxiv.org/abs/1412.0035).

    python -m labs.gradients.regularizers
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

import pretrained
from figures.figure import short
from labs import lab, measures, plots
from labs.lab import Bench, Numbers, Table
from style_modules import TotalVariationLoss
from visualizers import ClassVisualization, FoolingImage
from visualizers.class_visualization import SIZE

LENGTH, L2, EVERY, JITTER = 25, 1e-3, 10, 16  # the classic ones
TV = L2 / 20**0.5  # then its gradient is as long as that of L2 at the first image, which is white noise
NEVER = 10**9
COLOURS = {
    "nothing": "#111111", "L2": "#8c6d31", "clamp": "#56b4e9", "jitter": "#009e73", "blur": "#0072b2",
    "total variation": "#6a3d9a", "all but TV": "#e69f00", "all": "#d55e00", "real pictures": "#9a9a9a",
}  # fmt: skip
SETTINGS = tuple(COLOURS)[:-1]
write = lab.write_mean


def measure(bench: Bench) -> Numbers:
    classes = bench.source.visualization_targets[: 1 if bench.quick else 2]
    seeds, steps = (1, 6) if bench.quick else (3, 40)
    targets = [target for target in classes for _ in range(seeds)]
    second = bench.judge()
    names = [short(bench.source.class_names[t]) for t in targets]
    numbers: Numbers = {"steps": steps, "seeds": seeds, "classes": names}
    if second is not None:
        numbers["second"] = second.name
    numbers["ranks"] = len(bench.source.class_names)
    real = bench.batch(8)[0]
    numbers |= {"spectrum": {"real pictures": measures.spectrum(real)}, "fine": {"real pictures": fine(real)}}
    numbers |= {name: {} for name in ("extreme", "confidence", "rank", "second_rank", "second_confidence")}
    for name in lab.progress(SETTINGS, "restraints"):
        made = [make(name, bench.model, target, steps, bench.seed + i % seeds) for i, target in enumerate(targets)]
        pictures = bench.pictures[name] = np.stack([np.asarray(picture) for picture, _ in made])
        numbers["extreme"][name] = [extreme for _, extreme in made]
        numbers["spectrum"][name], numbers["fine"][name] = measures.spectrum(pictures), fine(pictures)
        numbers["confidence"][name], numbers["rank"][name] = rate(bench.source, pictures, targets)
        if second is not None:
            numbers["second_confidence"][name], numbers["second_rank"][name] = rate(second, pictures, targets)
    return numbers


class Less(nn.Module):
    """A network whose scores are all less a penalty of the image: who climbs one of them is restrained."""

    def __init__(self, model: nn.Module, penalty: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.model, self.penalty = model, penalty

    def forward(self, X: Tensor) -> Tensor:
        return self.model(X) - self.penalty(X)


class Never(nn.Module):
    """One class's score, and one that is always higher: `FoolingImage` climbs the first and never arrives."""

    def __init__(self, model: nn.Module, target: int) -> None:
        super().__init__()
        self.model, self.target = model, target

    def forward(self, X: Tensor) -> Tensor:
        score = self.model(X)[:, self.target]
        return torch.stack([score, score.detach() + 1], dim=1)


def make(name: str, model: nn.Module, target: int, steps: int, seed: int) -> tuple[Image.Image, float]:
    """The picture of class `target` under these restraints, from the same noise, and its share of extreme values."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(1, 3, SIZE, SIZE, generator=generator).to(next(model.parameters()))
    variation = TotalVariationLoss()
    smooth = Less(model, lambda X: variation(X, TV))
    match name:
        case "nothing":
            x = climb(model, target, x, steps)
        case "L2":
            x = climb(Less(model, lambda X: L2 * X.square().sum()), target, x, steps)
        case "total variation":
            x = climb(smooth, target, x, steps)
        case "blur":
            for done in range(0, steps, EVERY):
                x = climb(model, target, x, min(EVERY, steps - done))
                x = ClassVisualization.blur_image(x, sigma=0.5)
        case "jitter":
            for _ in range(steps):
                ox, oy = torch.randint(0, JITTER, (2,), generator=generator).tolist()
                x = ClassVisualization.jitter(x, ox, oy)
                x = ClassVisualization.jitter(climb(model, target, x, 1), -ox, -oy)
        case "clamp":  # the student's method always clamps
            return visualize(model, target, steps, seed, l2_reg=0, blur_every=NEVER, max_jitter=1)
        case _:
            return visualize(model if name == "all but TV" else smooth, target, steps, seed,
                             l2_reg=L2, blur_every=EVERY, max_jitter=JITTER)  # fmt: skip
    values = lab.to_pixels(x)  # beyond black and white a picture is cut off
    return Image.fromarray(lab.to_picture(x)), float(((values <= 0) | (values >= 1)).double().mean())


def climb(model: nn.Module, target: int, x: Tensor, steps: int) -> Tensor:
    """Steps of LENGTH along the gradient of the class's score, as the fooling image makes them."""
    with lab.ignoring("the network is not fooled"):
        return FoolingImage(LENGTH, steps).make_fooling_image(x, 0, Never(model, target))


def visualize(model: nn.Module, target: int, steps: int, seed: int, **restraints: Any) -> tuple[Image.Image, float]:
    """The student's class visualization, and its share of values that are black or white."""
    picture = ClassVisualization().create_class_visualization(
        target, [""] * (target + 1), model, learning_rate=LENGTH, num_iterations=steps, generate_plots=False, seed=seed,
        **restraints,
    )  # fmt: skip
    values = np.asarray(picture)
    return picture, float(np.mean((values == 0) | (values == 255)))


def rate(source: pretrained.Pretrained, pictures: np.ndarray, targets: Sequence[int]) -> tuple[list, list]:
    """The network's confidence in the class of each saved picture, and the class's rank from 1."""
    scores = lab.predict(source.model, lab.as_batch(pictures, source), at_once=1)
    y = torch.tensor(targets, device=scores.device)[:, None]
    confidence = scores.softmax(dim=1).gather(1, y)[:, 0]
    return confidence.tolist(), (1 + (scores > scores.gather(1, y)).sum(dim=1)).tolist()


def fine(pictures: np.ndarray) -> list[float]:
    """The share of each picture's power that is in the upper half of the frequencies."""
    return [measures.fine(measures.spectrum(picture[None])) for picture in pictures]


def tabulate(numbers: Numbers) -> Table:
    judge, ranks = choose_ranks(numbers)
    return Table.of(f"restraint ({len(numbers['classes'])} pictures; 90 % interval)", SETTINGS, {
        "own confidence": lambda name: write(numbers["confidence"][name]),
        "values at black, white or beyond": lambda name: write(numbers["extreme"][name], ".1%"),
        "power above half the frequencies": lambda name: write(numbers["fine"][name]),
        f"rank by {judge}: {', '.join(dict.fromkeys(numbers['classes']))}, {numbers['seeds']} seeds each":
            lambda name: lab.join(ranks[name], ""),
        "times the rank without restraint":
            lambda name: "-" if name == "nothing" else lab.write_interval(compare(ranks, name, "nothing"), ".2f"),
    })  # fmt: skip


def conclude(numbers: Numbers) -> list[str]:
    judge, ranks = choose_ranks(numbers)
    against = {name: compare(ranks, name, "nothing") for name in SETTINGS[1:]}
    stable = [f"{name} {lab.write_interval(found, '.2f')}" for name, found in against.items() if found[2] < 1]
    rest = [name for name, found in against.items() if found[2] >= 1]
    more = compare(ranks, "all", "all but TV")
    shown = "is better" if more[2] < 1 else "is worse" if more[1] > 1 else "is not shown to differ"
    free, held = (numbers["confidence"][name] for name in ("nothing", "all"))
    unheld, all_ = (lab.write_interval(bound_rank(ranks[name]), ".0f") for name in ("nothing", "all"))
    first = sum(rank == 1 for rank in ranks["all"])
    real = numbers["fine"]["real pictures"]
    return [
        f"Without restraint {write(numbers['extreme']['nothing'], '.1%')} of the values are black, white or beyond and "
        f"{write(numbers['fine']['nothing'])} of the power is in the upper half of the frequencies, where {len(real)} "
        f"real pictures have {write(real, '.1%')}; with all restraints it is {write(numbers['extreme']['all'], '.1%')} "
        f"and {write(numbers['fine']['all'])}.",
        f"Over {len(ranks['nothing'])} pictures ({len(set(numbers['classes']))} classes, {numbers['seeds']} seeds) "
        f"{judge} gives the class rank (geometric mean) {unheld} of {numbers['ranks']} without restraint, {all_} with "
        f"all, and names it first for {first}: it {'recognises' if first > len(free) / 2 else 'does not recognise'} "
        "them. "
        f"Shown to be better, times the rank without restraint, are {'; '.join(stable) or 'none'}; not shown: "
        f"{', '.join(rest) or 'none'}; total variation on top of the others {shown} "
        f"({lab.write_interval(more, '.2f')} times).",
        f"The network itself is {write(free)} sure of the unrestrained ones and {write(held)} of those with all "
        f"restraints: its own confidence {'is not' if np.mean(free) >= np.mean(held) else 'is'} higher with them, so "
        "ask another network, or your eyes.",
    ]


def choose_ranks(numbers: Numbers) -> tuple[str, dict[str, list[int]]]:
    """The network whose ranks are told, the second one where there is one, and the ranks."""
    if numbers["second_rank"]:
        return numbers["second"].split(",")[0], numbers["second_rank"]
    return "the network itself", numbers["rank"]


def compare(ranks: dict[str, list[int]], name: str, than: str) -> list[float]:
    """Interval of the geometric mean of one rank over the other, picture by picture; below 1 the first is better."""
    return [float(np.exp(end)) for end in measures.pair(np.log(ranks[name]), np.log(ranks[than]))]


def bound_rank(ranks: Sequence[int]) -> list[float]:
    """Interval of the geometric mean."""
    return [float(np.exp(end)) for end in measures.interval(np.log(ranks))]


def draw(numbers: Numbers, bench: Bench) -> "plots.Figure":
    labels = numbers["classes"][:: numbers["seeds"]]  # the first seed's pictures
    rows = len(labels)
    fig = plots.sheet(1640, 240 * rows + 480)
    above, below = plots.parts(fig, 2, 1, height_ratios=[rows * 240, 440])
    judge, ranks = choose_ranks(numbers)
    panels = above.subplots(rows, len(SETTINGS), squeeze=False)
    for j, name in enumerate(SETTINGS):
        for i, label in enumerate(labels):
            title, first = name if i == 0 else "", i * numbers["seeds"]
            plots.show(panels[i, j], bench.pictures[name][first], title, COLOURS[name], plots.TITLE, "bold")
            panels[i, j].set_xlabel(f"rank {lab.join(ranks[name][first : first + numbers['seeds']], '')}",
                                    size=plots.NOTE, color=plots.INK)  # fmt: skip
            panels[i, 0].set_ylabel(label, size=plots.TITLE)
    left, middle, right = below.subplots(1, 3, width_ratios=[2, 1, 1])
    power = {name: numbers["spectrum"][name] for name in ("nothing", "blur", "all", "real pictures")}
    plots.plain(left, "Power over frequency", "cycles across the picture", logx=10, logy=10)
    plots.curves(left, range(1, len(power["all"]) + 1), power, COLOURS, marker="")
    extreme = {name: measures.interval(100 * np.array(numbers["extreme"][name])) for name in SETTINGS}
    plots.interval_bars(middle, extreme, COLOURS, "% of values black, white or beyond")
    middle_ranks = {name: bound_rank(ranks[name])[0] for name in SETTINGS}
    plots.bars(right, middle_ranks, COLOURS, f"Rank by {judge}", alpha=0.5)
    for i, name in enumerate(SETTINGS[::-1]):  # as bars are: the first one on top
        right.plot(ranks[name], [i] * len(ranks[name]), ".", color=plots.INK)
    right.set_xscale("log")
    right.set_xlim(0.8)
    right.axvline(numbers["ranks"] / 2, color=plots.INK, linewidth=1, linestyle=":")
    right.set_xlabel("dots: pictures (dotted: a guess)", size=plots.NOTE, color=plots.FAINT)
    note = (f"{bench.source.name}; {len(numbers['classes'])} pictures, whiskers: 90 % intervals; shown: the first of "
            f"{numbers['seeds']} seeds, ranks of all")  # fmt: skip
    return plots.head(fig, "What holds a class visualization down", note)


if __name__ == "__main__":
    lab.main()
