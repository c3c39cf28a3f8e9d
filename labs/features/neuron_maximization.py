"""Question: which picture excites a neuron, a channel or a class most, and what does it take to see it?

Claim: climbing alone gives noise that excites the unit and means nothing. Priors, and transformations under which the
    picture must still work (shifts, scales), octaves from coarse to fine and colours without correlation make it
    legible, and leave an excitation that survives a shift or a blur. Deeper layers want larger and richer patterns.
Look at: the pictures as restraints are added one by one, how much of the excitation survives, and a sheet of channels
    of each layer.
Paper: Erhan et al. 2009; Yosinski et al. 2015 (https://arxiv.org/abs/1506.06579); Olah, Mordvintsev and Schubert 2017
    (https://distill.pub/2017/feature-visualization).

    python -m labs.features.neuron_maximization
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from figures.figure import short
from image_utils import blur_image
from labs import lab, measures, plots
from labs.lab import Bench, Numbers, Table
from style_modules import TotalVariationLoss
from visualizers.network import relu_replaced_by

SIZE, RATE = 128, 0.05
QUICK = 80  # the size with --quick; scaled down, its first octave still has the 32 pixels that networks need
OCTAVES = (0.5, 0.7, 1.0)  # of the size, one after the other
SHIFT, SCALES = 8, (0.9, 0.95, 1.0, 1.05, 1.1)
ROUGH = 0.3  # the weight of total variation a pixel, beside an excitation of 1 for the most exciting sample image


@dataclass(frozen=True)
class Recipe:
    """Restraints of a picture; nothing as it is."""

    priors: bool = False  # total variation
    transformed: bool = False  # the unit sees it shifted and scaled, otherwise at each step
    octaves: bool = False  # from coarse to fine
    colours: bool = False  # steps go along the colours' own directions, as real pictures have them


RECIPES = {
    "nothing": Recipe(),
    "+ priors": Recipe(True),
    "+ shifts, scales": Recipe(True, True),
    "+ octaves": Recipe(True, True, True),
    "+ colours": Recipe(True, True, True, True),
}
COLOURS = dict(zip(RECIPES, ("#111111", "#6a3d9a", "#009e73", "#0072b2", "#d55e00")))
Excitation = Callable[[Tensor], Tensor]  # of images (N, 3, H, W): how much each excites its unit, (N,)


def measure(bench: Bench) -> Numbers:
    steps, size = (4, QUICK) if bench.quick else (96, SIZE)
    pool = bench.batch(2 if bench.quick else 25)[1]
    modules = list(bench.source.cnn)
    mixing = own_colours(pool)
    names, wanted = goals(bench, modules, pool)
    numbers: Numbers = {"steps": steps, "goals": names, "reached": {}, "kept": {}, "fine": {}}
    for name, recipe in lab.progress(RECIPES.items(), "recipes"):
        alone = [ascend(goal, 1, size, steps, recipe, mixing, bench) for goal in wanted]
        bench.pictures[name] = [lab.to_picture(x) for x in alone]
        with torch.no_grad():
            numbers["reached"][name] = [float(goal(x)) for goal, x in zip(wanted, alone)]
            numbers["kept"][name] = [survives(goal, x) for goal, x in zip(wanted, alone)]
        numbers["fine"][name] = measures.fine(measures.spectrum(np.stack(bench.pictures[name])))
    depths = [1, len(modules) - 1] if bench.quick else np.linspace(1, len(modules) - 1, 5).round().astype(int).tolist()
    numbers["layers"], numbers["sheet"] = depths, []
    count = 2 if bench.quick else 8
    for depth in lab.progress(depths, "sheet"):
        trunk = nn.Sequential(*modules[: depth + 1])
        with torch.no_grad():
            highest = trunk(pool).mean(dim=(2, 3)).amax(dim=0)
        channels = highest.topk(count).indices
        excitation = relative(means(trunk, channels), highest[channels])
        made = ascend(excitation, count, size, steps, RECIPES["+ colours"], mixing, bench)
        bench.pictures[f"layer {depth}"] = [lab.to_picture(x) for x in made]
        with torch.no_grad():
            numbers["sheet"].append(float(excitation(made).mean()))
    return numbers


def goals(bench: Bench, modules: Sequence[nn.Module], pool: Tensor) -> tuple[list[str], list[Excitation]]:
    """A neuron and a channel of a late layer, and a class; each relative to the sample image that excites it most."""
    depth = 3 * (len(modules) - 1) // 4
    trunk = nn.Sequential(*modules[: depth + 1])
    with torch.no_grad():
        channel = trunk(pool).mean(dim=(2, 3)).amax(dim=0).argmax()
    label = bench.source.visualization_targets[0]

    def middle(X: Tensor) -> Tensor:
        maps = trunk(X)
        return maps[:, channel, maps.shape[2] // 2, maps.shape[3] // 2]

    excitations: dict[str, Excitation] = {
        f"a neuron of layer {depth}": middle,
        f"a channel of layer {depth}": lambda X: trunk(X)[:, channel].mean(dim=(1, 2)),
        f"class {short(bench.source.class_names[label])}": lambda X: bench.model(X)[:, label],
    }
    with torch.no_grad():
        most = [function(pool).max() for function in excitations.values()]
    return list(excitations), [relative(function, high) for function, high in zip(excitations.values(), most)]


def relative(excitation: Excitation, highest: Tensor) -> Excitation:
    return lambda X: excitation(X) / highest.clamp(min=1e-6)


def means(trunk: nn.Module, channels: Tensor) -> Excitation:
    """The mean over positions of each image's own channel, (N,)."""
    return lambda X: trunk(X).mean(dim=(2, 3)).gather(1, channels[:, None])[:, 0]


def transform(image: Tensor, generator: torch.Generator) -> Tensor:
    """The image shifted by up to SHIFT pixels and scaled by one of SCALES, at random."""
    dy, dx = torch.randint(-SHIFT, SHIFT + 1, (2,), generator=generator).tolist()
    scale = SCALES[int(torch.randint(len(SCALES), (1,), generator=generator))]
    side = round(scale * image.shape[2])
    return F.interpolate(image.roll((dy, dx), (2, 3)), size=(side, side), mode="bilinear")


def survives(excitation: Excitation, x: Tensor) -> float:
    """The share of the excitation that is left after a shift by three pixels and a blur by one."""
    return float(excitation(blur_image(x.roll((3, 3), (2, 3)), sigma=1)) / excitation(x).clamp(min=1e-6))


def ascend(
    excitation: Excitation, count: int, size: int, steps: int, recipe: Recipe, mixing: Tensor, bench: Bench
) -> Tensor:
    """So many images (count, 3, size, size) that excite their units, by Adam, ImageNet-normalised."""
    generator = bench.generator()
    sizes = [round(size * part) for part in OCTAVES] if recipe.octaves else [size]
    z = 0.3 * torch.randn(count, 3, sizes[0], sizes[0], generator=generator).to(mixing)
    for at in sizes:
        z = F.interpolate(z.detach(), size=(at, at), mode="bicubic").requires_grad_()
        optimizer = torch.optim.Adam([z], lr=RATE)
        for _ in range(steps // len(sizes)):
            optimizer.zero_grad()
            image = picture(z, mixing, recipe)
            with relu_replaced_by(leaky):
                gain = excitation(transform(image, generator) if recipe.transformed else image).sum()
            cost = TotalVariationLoss()(image, ROUGH / image[0].numel()) if recipe.priors else 0
            (cost - gain).backward()
            optimizer.step()
    return picture(z.detach(), mixing, recipe)


def leaky(x: Tensor) -> Tensor:
    """A ReLU with a slope below zero, too: else a unit that the first image does not excite shows no way to go."""
    return F.leaky_relu(x, 0.05)


def picture(z: Tensor, mixing: Tensor, recipe: Recipe) -> Tensor:
    """Any numbers (N, 3, H, W) as an image: squeezed between black and white, ImageNet-normalised.

    With the colours' own directions, z's three channels are first mixed as the colours of real pictures are.
    """
    mixed = torch.einsum("cd,ndhw->nchw", mixing, z) if recipe.colours else z
    return lab.from_pixels(mixed.sigmoid())


def own_colours(X: Tensor) -> Tensor:
    """The root of the covariance of the images' colours, (3, 3), of mean 1 on its diagonal."""
    pixels = lab.to_pixels(X).permute(1, 0, 2, 3).flatten(1)
    values, vectors = torch.linalg.eigh(torch.cov(pixels))
    root = vectors @ torch.diag(values.clamp(min=0).sqrt()) @ vectors.T
    return root * 3 / root.diagonal().sum()


def tabulate(numbers: Numbers) -> Table:
    restraints = Table.of("restraint", RECIPES, {
        f"times the best sample image: {', '.join(numbers['goals'])}":
            lambda name: lab.join(numbers["reached"][name], ".1f"),
        "survives shift and blur": lambda name: lab.join(numbers["kept"][name], ".0%"),
        "power above half the frequencies": lambda name: f"{numbers['fine'][name]:.0%}",
    })  # fmt: skip
    sheet = [(f"channels of layer {depth}, all restraints", f"{value:.1f} (mean of the sheet)", "", "")
             for depth, value in zip(numbers["layers"], numbers["sheet"])]  # fmt: skip
    return Table(restraints.columns, [*restraints.rows, *sheet])


def conclude(numbers: Numbers) -> list[str]:
    reached, kept = (
        {name: float(np.mean(values)) for name, values in numbers[key].items()} for key in ("reached", "kept")
    )
    free, held = "nothing", "+ colours"
    best = max(kept, key=kept.__getitem__)
    return [
        f"Without restraint {numbers['steps']} steps excite the units {reached[free]:.1f} times as much as the best "
        f"sample image, with all restraints {reached[held]:.1f} times.",
        f"Of that {kept[free]:.0%} survive a shift and a blur without restraint and {kept[held]:.0%} with all (the "
        f"most: \u201c{best}\u201d, {kept[best]:.0%}), and power at high frequencies goes from "
        f"{numbers['fine'][free]:.0%} to {numbers['fine'][held]:.0%}.",
        f"On the sheet, channels of layer {numbers['layers'][0]} are excited {numbers['sheet'][0]:.1f} times as much "
        f"as by the best sample image, those of layer {numbers['layers'][-1]} {numbers['sheet'][-1]:.1f} times: such "
        "a picture shows what a unit would like, not what it meets.",
    ]


def draw(numbers: Numbers, bench: Bench) -> "plots.Figure":
    fig = plots.sheet(1640, 860)
    left, right = plots.parts(fig, 1, 2, width_ratios=[1, 1.25])
    above, below = plots.parts(left, 2, 1, height_ratios=[1.35, 1])
    panels = above.subplots(len(numbers["goals"]), len(RECIPES), squeeze=False)
    for i, goal in enumerate(numbers["goals"]):
        panels[i, 0].set_ylabel(goal.replace(" ", "\n", 2), size=plots.NOTE)
        for axes, name in zip(panels[i], RECIPES):
            plots.show(axes, bench.pictures[name][i], "" if i else name, COLOURS[name], weight="bold")
    first, second = below.subplots(1, 2, sharey=True)
    kept = {name: 100 * float(np.mean(numbers["kept"][name])) for name in RECIPES}
    plots.bars(first, kept, COLOURS, "Survives shift and blur, %")
    fine = {name: 100 * numbers["fine"][name] for name in RECIPES}
    plots.bars(second, fine, COLOURS, "Power at high frequencies, %")
    rows = [bench.pictures[f"layer {depth}"] for depth in numbers["layers"]]
    for line, depth, row in zip(right.subplots(len(rows), len(rows[0]), squeeze=False), numbers["layers"], rows):
        line[0].set_ylabel(f"layer {depth}", size=plots.NOTE)
        for axes, picture in zip(line, row):
            plots.show(axes, picture)
    return plots.head(fig, "What excites a unit, and channels of every layer", bench.source.name)


if __name__ == "__main__":
    lab.main()
