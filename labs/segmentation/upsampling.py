"""Question: how does a small map become a large one again, and what does each way leave behind?

Claim: unpooling puts values back to where the maxima were. A transposed convolution stamps its kernel once for each
    value; that is the gradient of the convolution, and a convolution with the kernel turned by 180 degrees. Where the
    stride does not divide the kernel, the stamps overlap unevenly: a checkerboard, which resizing first does not have.
Look at: the lecture's numbers, step by step; how evenly each way covers a constant map; and the gradient of a network
    that begins with a convolution and a pooling of stride 2: its gradient comes through their transposed forms.
Paper: Zeiler and Fergus 2014 (https://arxiv.org/abs/1311.2901) for unpooling; Dumoulin and Visin 2016
    (https://arxiv.org/abs/1603.07285); Odena et al. 2016 (https://doi.org/10.23915/distill.00003).

    python -m labs.segmentation.upsampling
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from figures import palette
from labs import lab, measures, plots
from labs.decoders import unpool
from labs.lab import Bench, Numbers, Table

# The lecture's example.
MAP = ((120, 150, 120), (100, 50, 110), (25, 25, 10))
TO_UNPOOL = ((300, 450), (100, 250))
KERNEL = ((1, -1), (2, -2))
STEPS = (1, 2, 3, 9)  # stamps after which the transposed convolution is shown
WAYS = ("kernel 3, stride 2", "kernel 4, stride 2", "resize, then kernel 3")
COLOURS = dict(zip(WAYS, plots.OTHERS))
PATCH = 24  # pixels of the mean saliency map that is drawn
PERIOD = 4  # pixels, after which the grid of SqueezeNet's first convolution and first pooling begins anew


def measure(bench: Bench) -> Numbers:
    pooled, places = F.max_pool2d(_tensor(MAP), 2, stride=1, return_indices=True)
    given = _tensor(TO_UNPOOL)
    way_back = lab.gradient(lambda x: F.max_pool2d(x, 2, stride=1) * given, _tensor(MAP))
    x, kernel = _tensor(MAP), _tensor(KERNEL)
    generator = bench.generator()
    draws = 20 if bench.quick else 200
    return {
        "pooled": _list(pooled),
        "summed": _list(unpool(given, places, (3, 3))),
        "overwritten": _list(F.max_unpool2d(given, places, (2, 2), (1, 1), output_size=(3, 3))),
        "gradient of pooling": _list(way_back),
        "stamps": [step.tolist() for step in stamps(x[0, 0], kernel[0, 0])],
        "transposed": {name: _list(made) for name, made in transpose(x, kernel).items()},
        "largest difference": agreement(draws, generator),
        "covered": {name: cover(name) for name in WAYS},
        "draws": draws,
        "unevenness": {name: measures.interval_of_sizes(unevenness(name, draws, generator)) for name in WAYS},
        **network_phases(bench),
    }


def transpose(x: Tensor, kernel: Tensor) -> dict[str, Tensor]:
    """The transposed convolution (stride 1) of x (1, 1, H, W) in four ways."""
    rows, columns = kernel.shape[2:]
    large = x.new_zeros(1, 1, x.shape[2] + rows - 1, x.shape[3] + columns - 1)
    around = (columns - 1, columns - 1, rows - 1, rows - 1)
    return {
        "stamps": stamps(x[0, 0], kernel[0, 0])[-1][None, None],
        "conv_transpose2d": F.conv_transpose2d(x, kernel),
        "gradient of the convolution": lab.gradient(lambda big: F.conv2d(big, kernel) * x, large),
        "convolution with the kernel turned": F.conv2d(F.pad(x, around), kernel.flip(2, 3)),
    }


def stamps(x: Tensor, kernel: Tensor) -> list[Tensor]:
    """The large map after each value of x (H, W) has stamped the kernel: value by value, row by row."""
    (height, width), (rows, columns) = x.shape, kernel.shape
    large, steps = x.new_zeros(height + rows - 1, width + columns - 1), []
    for i in range(height):
        for j in range(width):
            large[i : i + rows, j : j + columns] += x[i, j] * kernel
            steps.append(large.clone())
    return steps


def agreement(draws: int, generator: torch.Generator) -> float:
    """The largest difference of the four ways, over the result's own maximum, for random maps and kernels."""
    worst = 0.0
    for _ in range(draws):
        x = torch.randn(1, 1, 5, 6, dtype=torch.float64, generator=generator)
        kernel = torch.randn(1, 1, 3, 2, dtype=torch.float64, generator=generator)
        made = torch.cat(list(transpose(x, kernel).values()))
        worst = max(worst, float((made.amax(dim=0) - made.amin(dim=0)).max() / made.abs().max()))
    return worst


def cover(name: str) -> list[list[float]]:
    """The sum of a map of ones by a kernel of ones at each pixel far from the border, (6, 6)."""
    return _inside(twice(name, torch.ones(1, 1, side(name), side(name)))(torch.ones(1, 1, 8, 8))).tolist()


def twice(name: str, kernel: Tensor) -> Callable[[Tensor], Tensor]:
    """A map made twice as large: by a transposed convolution, or resized and then convolved."""
    if name == WAYS[2]:
        return lambda x: F.conv2d(F.interpolate(x, scale_factor=2, mode="nearest"), kernel, padding=1)
    return lambda x: F.conv_transpose2d(x, kernel, stride=2)


def unevenness(name: str, draws: int, generator: torch.Generator) -> list[float]:
    """The deviation over the mean size, far from the border, of what each random kernel makes of a map of ones."""
    kernels = torch.randn(draws, 1, side(name), side(name), generator=generator, dtype=torch.float64)
    made = torch.stack([_inside(twice(name, kernel[None])(torch.ones(1, 1, 8, 8).double())) for kernel in kernels])
    return (made.std(dim=(1, 2), correction=0) / made.square().mean(dim=(1, 2)).sqrt()).tolist()


def side(name: str) -> int:
    return 4 if name == WAYS[1] else 3


def _inside(made: Tensor) -> Tensor:
    return made[0, 0, 4:10, 4:10]


class Convolved(nn.Module):
    """A convolution as a network: its one score is the sum of its map times `weights`."""

    def __init__(self, kernel: Tensor, weights: Tensor) -> None:
        super().__init__()
        self.kernel, self.weights = kernel.expand(1, 3, -1, -1), weights

    def forward(self, X: Tensor) -> Tensor:
        return (F.conv2d(X, self.kernel) * self.weights).sum(dim=(2, 3))


def network_phases(bench: Bench) -> Numbers:
    """The student's saliency map of a convolution against its transposed one; and, of the network's saliency maps, the
    mean at every row and column modulo PERIOD, over the mean of all.

    "grid": how much stronger a map is where most windows overlap (rows and columns 4 n and 4 n + 2: three ways lead
    there through kernels of 3 at stride 2, twice) than where fewest do (4 n + 3: one way); "no grid": the same with
    another period, after which nothing begins anew.
    """
    x, kernel = _tensor(MAP), _tensor(KERNEL)
    map_ = lab.saliency(torch.zeros(1, 3, 4, 4), torch.zeros(1, dtype=torch.long), Convolved(kernel, x))
    _, X, y, _ = bench.batch(2 if bench.quick else None)
    maps = torch.cat([lab.saliency(some, labels, bench.model) for some, labels in zip(X.split(8), y.split(8))])
    maps = maps.cpu().double()[:, 8:-8, 8:-8]  # without the border
    maps = maps / maps.mean(dim=(1, 2), keepdim=True).clamp(min=1e-30)
    found, other = (phases(maps, period).numpy() for period in (PERIOD, PERIOD + 1))
    patches = maps.unfold(1, PATCH, PATCH).unfold(2, PATCH, PATCH)  # (N, rows, columns, PATCH, PATCH)
    bench.pictures["saliency"] = patches.mean(dim=(0, 1, 2)).numpy()
    return {
        "images": len(maps),
        "phases": [[measures.interval(found[:, i, j]) for j in range(PERIOD)] for i in range(PERIOD)],
        "grid": measures.ratio(found[:, :3:2, :3:2].mean(axis=(1, 2)), found[:, 3, 3]),
        "no grid": measures.ratio(other[:, :3:2, :3:2].mean(axis=(1, 2)), other[:, 3, 3]),
        "saliency": float((map_ - F.conv_transpose2d(x, kernel)[0].abs()).abs().max()),
    }


def phases(maps: Tensor, period: int) -> Tensor:
    """The mean of each map (N, H, W) at every row and column modulo `period`, (N, period, period)."""
    rows = [torch.stack([maps[:, i::period, j::period].mean(dim=(1, 2)) for j in range(period)], dim=1)
            for i in range(period)]  # fmt: skip
    return torch.stack(rows, dim=1)


def _tensor(values: Sequence[Sequence[int]]) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)[None, None]


def _list(maps: Tensor) -> list[list[float]]:
    return maps[0, 0].tolist()


def tabulate(numbers: Numbers) -> Table:
    rows = [
        ("unpooled, contributions summed (exact)", _words(numbers["summed"])),
        ("unpooled by nn.MaxUnpool2d (exact)", _words(numbers["overwritten"])),
        ("120 K and 150 K stamped, first rows (exact)", _words(numbers["stamps"][1][:2])),
        ("all nine stamped (exact)", _words(numbers["stamps"][8])),
        (f"largest difference of any two ways, {numbers['draws']} random maps and kernels",
         f"{numbers['largest difference']:.1g} (exact)"),
    ]  # fmt: skip
    rows += [(f"unevenness on a map of ones, {numbers['draws']} random kernels: {name}",
              lab.write_sizes(found, ".2f"))
             for name, found in numbers["unevenness"].items()]  # fmt: skip
    rows += [(f"mean saliency, {numbers['images']} images, in every row {PERIOD} n + {i}, columns {PERIOD} n, + 1, ...",
              ", ".join(lab.write_interval(found, ".2f") for found in line))
             for i, line in enumerate(numbers["phases"])]  # fmt: skip
    rows += [(f"saliency where most windows overlap over where fewest do, period {period}",
              lab.write_interval(found, ".2f"))
             for period, found in ((PERIOD, numbers["grid"]), (PERIOD + 1, numbers["no grid"]))]  # fmt: skip
    exact = f"{numbers['saliency']:.1g} (exact)"
    rows += [("the student's saliency map of a convolution less its transposed one", exact)]
    return Table(("measured", "(90 % interval)"), rows)


def conclude(numbers: Numbers) -> list[str]:
    uneven, grid = numbers["unevenness"], numbers["grid"]
    better = "even cover alone does not help" if uneven[WAYS[1]][2] >= uneven[WAYS[0]][1] else "even cover helps"
    above = "has such a grid, too" if grid[1] > numbers["no grid"][2] else "is not shown to have such a grid"
    return [
        f"Unpooling with sums gives {numbers['summed'][0][1]:.0f} where two windows share their maximum, as the "
        f"gradient of pooling does; nn.MaxUnpool2d keeps {numbers['overwritten'][0][1]:.0f}, the later one.",
        "Stamping, the gradient of the convolution and the turned kernel agree to "
        f"{numbers['largest difference']:.1g}, and your saliency map of a convolution is the transposed one.",
        f"On a map of ones {numbers['draws']} random kernels of 3 at stride 2 leave an unevenness of "
        f"{lab.write_interval(uneven[WAYS[0]], '.2f')}, kernels of 4 {lab.write_interval(uneven[WAYS[1]], '.2f')} "
        f"({better}), resizing first {uneven[WAYS[2]][0]:.2g}; the network's saliency {above}: "
        f"{lab.write_interval(grid, '.1f')} times as strong where most windows overlap ({numbers['images']} images), "
        f"by a period of {PERIOD + 1} {lab.write_interval(numbers['no grid'], '.2f')} times.",
    ]


def _words(values: Sequence[Sequence[float]]) -> str:
    return "; ".join(" ".join(f"{value:g}" for value in line) for line in values)


def draw(numbers: Numbers, bench: Bench) -> "plots.Figure":
    fig = plots.sheet(1640, 1130)
    pool, stamp, board = plots.parts(fig, 3, 1, height_ratios=[1, 1.12, 1.3])
    for part, title in (
        (pool, "Max pooling 2 x 2, stride 1, and back"),
        (stamp, "Transposed convolution, stride 1: each value of the map stamps the kernel"),
        (board, "How often each pixel is covered when a map of ones is made twice as large; a network's gradient"),
    ):
        part.suptitle(title, size=plots.TITLE, weight="bold", x=0.01, ha="left")
    for axes, (title, values, marked) in zip(pool.subplots(1, 5), (
        ("a map, its maxima marked", MAP, ((0, 1), (1, 0), (1, 2))),
        ("pooled: 150 wins in two windows", numbers["pooled"], ()),
        ("other values, to be put back", TO_UNPOOL, ()),
        ("unpooled: 300 + 450 = 750", numbers["summed"], ((0, 1),)),
        ("nn.MaxUnpool2d: 450 overwrites 300", numbers["overwritten"], ((0, 1),)),
    )):  # fmt: skip
        grid(axes, values, title, marked)
    row = stamp.subplots(1, 2 + len(STEPS))
    flat = [value for line in MAP for value in line]
    grid(row[0], MAP, "the map")
    grid(row[1], KERNEL, "the kernel K")
    for axes, step in zip(row[2:], STEPS):
        top, left = divmod(step - 1, 3)
        title = f"+ {flat[step - 1]} K" if step > 1 else f"{flat[0]} K"
        title += "" if step < 9 else ": the gradient\nof the convolution, too"
        grid(axes, numbers["stamps"][step - 1], title, [(top + i, left + j) for i in (0, 1) for j in (0, 1)])
    panels = board.subplots(1, 6, width_ratios=[1, 1, 1, 1.15, 1, 1])
    for axes, name in zip(panels, WAYS):
        grid(axes, numbers["covered"][name], name, colour=COLOURS[name])
    draw_unevenness(panels[3], numbers["unevenness"])
    mean = f"saliency maps, mean of all\npatches of {PATCH} x {PATCH}"
    plots.show(panels[4], palette.heat([bench.pictures["saliency"]])[0], mean)
    means = np.array(numbers["phases"])[..., 0]
    grid(panels[5], means.round(2), f"by row and column, modulo {PERIOD}\n(mean of all: 1)")
    note = f"{bench.source.name}; {numbers['images']} images, {numbers['draws']} kernels, whiskers: 90 % intervals"
    return plots.head(fig, "From a small map to a large one, step by step", note)


def grid(
    axes: "plots.Axes",
    values: Sequence[Sequence[float]] | np.ndarray,
    title: str,
    marked: Sequence[tuple[int, int]] = (),
    colour: str = plots.INK,
) -> None:
    """A small map with its numbers; marked cells, as (row, column), in orange."""
    array = np.array(values)
    cells = np.ones((*array.shape, 3))
    cells *= 1 - 0.3 * (np.abs(array) / (np.abs(array).max() or 1))[..., None] * (1 - np.array([0.34, 0.71, 0.91]))
    for cell in marked:
        cells[cell] = (1.0, 0.85, 0.55)
    plots.show(axes, cells, title, colour)
    for (i, j), value in np.ndenumerate(array):
        axes.text(j, i, f"{value:g}", ha="center", va="center", size=plots.NOTE, color=plots.INK)


def draw_unevenness(axes: "plots.Axes", uneven: dict[str, list[float]]) -> None:
    """A bar for what random kernels leave on a map of ones, way by way, with names and numbers on the bars."""
    plots.plain(axes)
    axes.set_title("unevenness, random kernels", size=plots.NOTE, color=plots.INK)
    place = np.arange(len(uneven))[::-1]
    for at, (name, found) in zip(place, uneven.items()):
        axes.barh(at, found[0], 0.4, color=COLOURS[name])
        plots.whisker(axes, at, found)
        axes.text(0.02, at + 0.26, f"{name}: {found[0]:.2f}", size=plots.NOTE, color=COLOURS[name], va="bottom")
    axes.set_xlim(0, 1)
    axes.set_ylim(-0.4, len(uneven) - 0.3)
    axes.set_yticks([])


if __name__ == "__main__":
    lab.main()
