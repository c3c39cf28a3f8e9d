"""Question: which picture excites a neuron, a channel or a class most, and what does it take to see it?

Claim: climbing alone gives noise that excites the unit and means nothing. Priors, and transformations under which the
    picture must still work (shifts, scales), octaves from coarse to fine and colours without correlation make it
    legible, and leave an excitation that survives a shift or a blur. Deeper layers want larger and richer patterns.
Look at: the pictures as restraints are added one by one, how much of the excitation survives, beside that of the sample
    image that excites the unit most, and a sheet of channels of each layer.
Paper: Erhan et al. 2009; Yosinski et al. 2015 (https://arxiv.org/abs/1506.06579); Olah, Mordvintsev and Schubert 2017
    (https://distill.pub/2017/feature-visualization).

    python -m labs.features.neuron_maximization
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

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
FREE, HELD = "nothing", "+ colours"
SAMPLE = "best sample image"
UNITS, SHEET = 4, 6  # of a kind; channels of a layer
FLAT, MOST = 50, 10  # of 255: contrast up to which a picture's is drawn out, and how many times at most
Excitation = Callable[[Tensor], Tensor]  # of images (N, 3, H, W): how much each excites its own unit, (N,)


def measure(bench: Bench) -> Numbers:
    steps, size = (4, QUICK) if bench.quick else (96, SIZE)
    pool = bench.batch(2 if bench.quick else None)[1]
    modules = list(bench.source.cnn)
    mixing = own_colours(pool)
    kinds = goals(bench, modules, pool)
    names = [name for name, (_, best) in kinds.items() for _ in best]
    numbers: Numbers = {"steps": steps, "size": size, "samples": len(pool), "units": names, "recipes": {}}
    bench.pictures["first"] = np.cumsum([0, *[len(best) for _, best in kinds.values()]])[:-1].tolist()

    def look_at(name: str, made: Sequence[Tensor]) -> None:
        found = [rate(excitation, x) for (excitation, _), x in zip(kinds.values(), made)]
        numbers["recipes"][name] = {key: [value for one in found for value in one[key]] for key in found[0]}
        bench.pictures[name] = [lab.to_picture(x) for some in made for x in some]

    small = F.interpolate(pool, size=(size, size), mode="area")  # as large as what is made
    look_at(SAMPLE, [small[best] for _, best in kinds.values()])
    for name, recipe in lab.progress(RECIPES.items(), "recipes"):
        look_at(name, [ascend(excitation, len(best), size, steps, recipe, mixing, bench)
                       for excitation, best in kinds.values()])  # fmt: skip
    depths = [1, len(modules) - 1] if bench.quick else np.linspace(1, len(modules) - 1, 5).round().astype(int).tolist()
    numbers["layers"], numbers["sheet"] = depths, []
    for depth in lab.progress(depths, "sheet"):
        excitation, best = strongest(partial(means, nn.Sequential(*modules[: depth + 1])), pool, SHEET)
        made = ascend(excitation, len(best), size, steps, RECIPES[HELD], mixing, bench)
        numbers["sheet"].append(rate(excitation, made))
        bench.pictures[f"layer {depth}"] = [lab.to_picture(x) for x in made]
    return numbers


def goals(bench: Bench, modules: Sequence[nn.Module], pool: Tensor) -> dict[str, tuple[Excitation, Tensor]]:
    """Neurons and channels of a late layer, and classes: as `strongest` gives them."""
    depth = 3 * (len(modules) - 1) // 4
    trunk = nn.Sequential(*modules[: depth + 1])

    def middles(X: Tensor) -> Tensor:
        maps = trunk(X)
        return maps[:, :, maps.shape[2] // 2, maps.shape[3] // 2]

    classes = list(bench.source.visualization_targets[:UNITS])
    return {
        f"neuron, layer {depth}": strongest(middles, pool, UNITS),
        f"channel, layer {depth}": strongest(partial(means, trunk), pool, UNITS),
        "class, " + ", ".join(short(bench.source.class_names[one]) for one in classes):
            strongest(lambda X: bench.model(X)[:, classes], pool, len(classes)),
    }  # fmt: skip


def means(trunk: nn.Module, X: Tensor) -> Tensor:
    """The mean of each channel over positions, (N, C)."""
    return trunk(X).mean(dim=(2, 3))


def strongest(values: Callable[[Tensor], Tensor], pool: Tensor, count: int) -> tuple[Excitation, Tensor]:
    """The excitation of so many units, each relative to the image of the pool that excites it most, and which that is.

    values: of images, those of all units, (N, units); the units are those that some image excites most.
    """
    highest, best = lab.predict(values, pool).max(dim=0)
    units = highest.topk(count).indices
    low = highest[units].clamp(min=1e-6)
    return lambda X: values(X).gather(1, units[:, None])[:, 0] / low, best[units]


def rate(excitation: Excitation, X: Tensor) -> dict[str, list[float]]:
    """The excitation of each picture, the share of it that survives, the picture's power and how much of it is fine."""
    pictures = [lab.to_picture(x) for x in X]
    power = [float(one.mean(axis=2).var()) + 1e-9 for one in pictures]  # more than nothing
    with torch.no_grad():
        return {
            "reached": excitation(X).tolist(),
            "kept": survives(excitation, X).tolist(),
            "power": power,
            "fine": [all_ * measures.fine(measures.spectrum(one[None])) for all_, one in zip(power, pictures)],
        }


def bound(found: dict[str, list[float]], key: str) -> list[float]:
    """Interval over pictures; of fine power in all power, as in a picture of one colour rounding is all there is."""
    return measures.ratio(found["fine"], found["power"]) if key == "fine" else measures.interval(found[key])


def transform(image: Tensor, generator: torch.Generator) -> Tensor:
    """The image shifted by up to SHIFT pixels and scaled by one of SCALES, at random."""
    dy, dx = torch.randint(-SHIFT, SHIFT + 1, (2,), generator=generator).tolist()
    scale = SCALES[int(torch.randint(len(SCALES), (1,), generator=generator))]
    side = round(scale * image.shape[2])
    return F.interpolate(image.roll((dy, dx), (2, 3)), size=(side, side), mode="bilinear")


def survives(excitation: Excitation, X: Tensor) -> Tensor:
    """The share of each excitation that is left after a shift by three pixels and a blur by one, (N,).

    Of a unit that is hardly excited, by less than a hundredth of its best sample image, there is nothing to be left: 0.
    """
    before, after = excitation(X), excitation(blur_image(X.roll((3, 3), (2, 3)), sigma=1))
    return torch.where(before > 0.01, after / before, 0)


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
    def cells(found: dict[str, list[float]]) -> list[str]:
        return [lab.write_interval(bound(found, key), form)
                for key, form in (("reached", ".1f"), ("kept", ".0%"), ("fine", ".0%"))]  # fmt: skip

    count, samples = len(numbers["units"]), numbers["samples"]
    rows = [(f"{name}, at {numbers['size']} pixels" if name == SAMPLE else name, *cells(found))
            for name, found in numbers["recipes"].items()]  # fmt: skip
    rows += [(f"{len(found['kept'])} channels of layer {depth}, all restraints", *cells(found))
             for depth, found in zip(numbers["layers"], numbers["sheet"])]  # fmt: skip
    return Table((f"restraint ({count} units; 90 % interval over units)", f"times the best of {samples} sample images",
                  "survives shift and blur", "power above half the frequencies"), rows)  # fmt: skip


def conclude(numbers: Numbers) -> list[str]:
    recipes, sheet, layers = numbers["recipes"], numbers["sheet"], numbers["layers"]

    def words(name: str, key: str, form: str = ".0%") -> str:
        return lab.write_interval(bound(recipes[name], key), form)

    kept = measures.pair(recipes[HELD]["kept"], recipes[FREE]["kept"])
    real = measures.pair(recipes[HELD]["kept"], recipes[SAMPLE]["kept"])
    steps = {name: measures.pair(recipes[name]["kept"], recipes[before]["kept"])
             for before, name in zip(RECIPES, list(RECIPES)[1:])}  # fmt: skip
    first, *_, last = (lab.write_interval(bound(one, "reached"), ".1f") for one in sheet)
    fine = [bound(one, "fine") for one in sheet]
    falls = "shown" if all(below[2] < above[1] for above, below in pairwise(fine)) else "not shown"
    if fine[-1][1] > fine[1][2]:
        falls += f": from layer {layers[1]} to layer {layers[-1]} it rises: lines are sharp, however large shapes are"
    return [
        f"Without restraint {numbers['steps']} steps excite {len(numbers['units'])} units "
        f"{words(FREE, 'reached', '.1f')} times as much as the best of {numbers['samples']} sample images, with all "
        f"restraints {words(HELD, 'reached', '.1f')} times.",
        f"Of that {words(FREE, 'kept')} survive a shift and a blur without restraint and {words(HELD, 'kept')} with "
        f"all ({lab.write_interval(kept, '+.0%')}), of the sample images' own {words(SAMPLE, 'kept')} (made ones above "
        f"these {lab.write_interval(real, '+.0%')}, {lab.judge(real)}); restraint by restraint more is shown for "
        f"{' and '.join(f'“{name}”' for name, found in steps.items() if found[1] > 0) or 'none'}; power at high "
        f"frequencies goes from {words(FREE, 'fine')} to {words(HELD, 'fine')}, the sample images have "
        f"{words(SAMPLE, 'fine')}.",
        f"On the sheet, {len(sheet[0]['kept'])} channels of layer {layers[0]} are excited {first} times as much as by "
        f"the best sample image, those of layer {layers[-1]} {last} times; that the deeper a channel, the less "
        f"power its pattern has at high frequencies, is {falls} ({', '.join(map(lab.write_interval, fine))}).",
    ]


def draw(numbers: Numbers, bench: Bench) -> "plots.Figure":
    fig = plots.sheet(1720, 860)
    left, right = plots.parts(fig, 1, 2, width_ratios=[1.2, 1])
    above, below = plots.parts(left, 2, 1, height_ratios=[1.35, 1])
    colours = {SAMPLE: "#777777"} | COLOURS
    first = bench.pictures["first"]
    panels = above.subplots(len(first), len(colours), squeeze=False)
    for row, i in zip(panels, first):
        kind, which = numbers["units"][i].split(", ")[:2]
        row[0].set_ylabel(f"one {kind}\n{which}", size=plots.NOTE)
        for axes, name in zip(row, colours):
            title = name.replace("sample ", "sample\n") if i == 0 else ""
            plots.show(axes, bench.pictures[name][i], title, colours[name], weight="bold")
    for axes, (key, title) in zip(below.subplots(1, 2, sharey=True), (
        ("kept", "Excitation left after shift and blur, %"), ("fine", "Power at high frequencies, %"),
    )):  # fmt: skip
        found = {name: [100 * end for end in bound(numbers["recipes"][name], key)] for name in colours}
        plots.interval_bars(axes, found, colours, title)
    rows = [bench.pictures[f"layer {depth}"] for depth in numbers["layers"]]
    for line, depth, row in zip(right.subplots(len(rows), len(rows[0]), squeeze=False), numbers["layers"], rows):
        line[0].set_ylabel(f"layer {depth}", size=plots.NOTE)
        for axes, picture in zip(line, row):
            plots.show(axes, draw_out(picture), name_flat(picture), size=plots.NOTE)
    note = (f"{bench.source.name}; {len(numbers['units'])} units, whiskers: 90 % intervals; each + is added to "
            f"those before; right: {len(rows[0])} channels a layer, all restraints; flat: more contrast")  # fmt: skip
    return plots.head(fig, f"What excites a unit, and channels of {len(rows)} layers", note)


def draw_out(picture: np.ndarray) -> np.ndarray:
    """A nearly flat picture, uint8 (H, W, 3), with up to MOST times its contrast, about its mean colour; others as are.

    Hardly any value of the first layer's pictures is FLAT or more from the mean.
    """
    mean = picture.mean(axis=(0, 1))
    away = picture - mean
    times = np.clip(FLAT / max(float(np.quantile(np.abs(away), 0.98)), 1e-9), 1, MOST)
    return (mean + times * away).round().clip(0, 255).astype(np.uint8)


def name_flat(picture: np.ndarray) -> str:
    """Words for a picture that stays empty also with MOST times its contrast, as it is of one colour; "" for others."""
    return "one colour" if draw_out(picture).std(axis=(0, 1)).max() < FLAT / 10 else ""


if __name__ == "__main__":
    lab.main()
