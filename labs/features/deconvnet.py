"""Question: what does a unit respond to, and what do deconvnet, guided backprop and the gradient show of it?

Claim: deeper units respond to larger and more meaningful patterns. All three methods go back through the same network
    and differ only in what a ReLU lets back: the gradient where it was open, the deconvnet what is positive, guided
    backprop what is both. So they agree at the first layer, where there is no ReLU to pass, and part with depth.
Look at: for the strongest channels of five layers, the nine image patches that excite them most and the deconvnet's
    projection of each; one unit by all three methods; their likeness over depth, beside that of other units of the same
    image and of other images of the same unit.
Paper: Zeiler and Fergus 2014 (https://arxiv.org/abs/1311.2901); Springenberg et al. 2015
    (https://arxiv.org/abs/1412.6806).

    python -m labs.features.deconvnet
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

import methods
from figures import palette
from labs import lab, measures, plots
from labs.lab import Bench, Numbers, Table

METHODS = ("deconvnet", "guided backprop", "gradient")
PAIRS = tuple(combinations(METHODS, 2))
COLOURS = {f"{a}, {b}": colour for (a, b), colour in zip(PAIRS, plots.OTHERS)}
BEST = 9  # patches of a channel
CHANNELS, DRAWN = 8, 3  # of a layer
TILE, SEAM = 60, 2  # pixels of a drawn patch, and between two


@dataclass(frozen=True)
class BestPatches:
    """The BEST images of one channel, where its strongest unit looks, and what each method gives for that unit."""

    images: Tensor  # (BEST, 3, H, W)
    boxes: list[tuple[int, int, int]]  # top, left and side of the patch that the unit can see
    maps: dict[str, Tensor]  # (BEST, 3, H, W)

    def patches(self, method: str = "") -> list[np.ndarray]:
        """The part of each image that the unit sees; or what a method gives there, in colours, grey where nothing."""
        pixels = [m.permute(1, 2, 0).numpy() for m in self.maps[method]] if method else map(lab.to_picture, self.images)
        cut = [p[top : top + side, left : left + side] for p, (top, left, side) in zip(pixels, self.boxes)]
        return palette.about_grey(cut) if method else cut


def measure(bench: Bench) -> Numbers:
    modules = list(bench.source.cnn)
    depths = [1, len(modules) // 2] if bench.quick else np.linspace(1, len(modules) - 1, 5).round().astype(int).tolist()
    X = bench.batch(3 if bench.quick else None)[1]
    pool = crops(X, 1 if bench.quick else 9)
    numbers: Numbers = {"layers": depths, "images": len(X), "pool": len(pool), "channels": [], "sees": []}
    numbers["likeness"] = {pair: [] for pair in COLOURS}
    numbers |= {key: {name: [] for name in METHODS} for key in ("units", "others", "sharpness")}
    for depth in lab.progress(depths, "deconvnet"):
        network = Units(modules[: depth + 1])
        values = lab.predict(network, pool, 8)
        channels = strongest(values, 2 if bench.quick else CHANNELS)
        found = [best(network, pool, values, channel, len(X)) for channel in channels]
        bench.pictures[f"layer {depth}"] = found[:DRAWN]
        numbers["channels"].append(channels)
        numbers["sees"].append(max(side for one in found for _, _, side in one.boxes))
        for a, b in PAIRS:
            numbers["likeness"][f"{a}, {b}"].append([correlation(one.maps[a], one.maps[b]) for one in found])
        for name, alike in other_units(network, found, channels).items():
            numbers["units"][name].append(alike)
            numbers["others"][name].append([correlation(one.maps[name][1:], one.maps[name][:-1]) for one in found])
            numbers["sharpness"][name].append([sharpness(one.maps[name]) for one in found])
    return numbers


class Units(nn.Module):
    """A network up to a layer, whose scores are the strongest unit of each channel: (N, C)."""

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        super().__init__()
        self.trunk = nn.Sequential(*modules[:-1], without_stop(modules[-1]))

    def forward(self, X: Tensor) -> Tensor:
        return self.trunk(X).flatten(2).max(dim=2).values  # of equal ones the first, so that one unit alone is meant


def without_stop(module: nn.Module) -> nn.Module:
    """The module without a ReLU6's stop at its end: the strongest units would be there, without a gradient."""
    if isinstance(module, nn.ReLU6):
        return nn.ReLU()
    if isinstance(module, nn.Sequential) and isinstance(module[-1], nn.ReLU6):
        return nn.Sequential(*list(module)[:-1], nn.ReLU())
    return module


def crops(X: Tensor, count: int) -> Tensor:
    """Each image, and `count` parts of it, three quarters wide, at its own size: more pictures to choose from."""
    size = X.shape[2]
    side = 3 * size // 4
    parts = [X]
    for i in range(count):
        top, left = (k * (size - side) // 2 for k in divmod(i % 9, 3))
        part = X[:, :, top : top + side, left : left + side]
        parts.append(F.interpolate(part, size=(size, size), mode="bilinear"))
    return torch.cat(parts)


def strongest(values: Tensor, count: int) -> list[int]:
    """The channels whose BEST pictures excite them most; values: of each picture, (N, C)."""
    return values.sort(dim=0, descending=True).values[:BEST].mean(dim=0).topk(count).indices.tolist()


def best(network: Units, pool: Tensor, values: Tensor, channel: int, images: int) -> BestPatches:
    """The BEST pictures of a channel, the patches that their strongest units see, and the maps of these units.

    values: of the pool, (N, C). No more than is needed is of one of the `images` that the pool was cut from, image
    after image.
    """
    most = -(-BEST // images)
    rows: list[int] = []
    for row in values[:, channel].argsort(descending=True).tolist():
        if len(rows) < BEST and sum(row % images == other % images for other in rows) < most:
            rows.append(row)
    X, y = pool[rows], torch.full((len(rows),), channel, device=pool.device)
    maps = methods.attributions(METHODS, X, y, network, "")
    seen = torch.stack([maps[name].abs().sum(dim=1) > 0 for name in METHODS]).any(dim=0)
    return BestPatches(X.cpu(), boxes(seen.cpu().numpy()), {name: values.cpu() for name, values in maps.items()})


def boxes(seen: np.ndarray) -> list[tuple[int, int, int]]:
    """The square around what is True in each of (N, H, H) of bool: top, left and side, all of the same side."""
    size = seen.shape[1]
    spans = []
    for one in seen:
        rows, columns = np.flatnonzero(one.any(axis=1)), np.flatnonzero(one.any(axis=0))
        spans.append((rows[0], rows[-1] + 1, columns[0], columns[-1] + 1) if len(rows) else (0, 1, 0, 1))
    side = int(min(size, max(max(b - t, r - left) for t, b, left, r in spans)))
    return [
        (int(np.clip((t + b - side) // 2, 0, size - side)), int(np.clip((left + r - side) // 2, 0, size - side)), side)
        for t, b, left, r in spans
    ]


def other_units(network: Units, found: Sequence[BestPatches], channels: Sequence[int]) -> dict[str, list[float]]:
    """The correlation of each method's maps of two channels for one image: the best one of each channel, and the
    channel after it.
    """
    X = torch.cat([one.images[:1] for one in found]).to(next(network.parameters()))
    y = torch.tensor([*channels[1:], *channels[:1]], device=X.device)
    maps = methods.attributions(METHODS, X, y, network, "")
    return {name: [correlation(one.maps[name][:1], other[None].cpu()) for one, other in zip(found, maps[name])]
            for name in METHODS}  # fmt: skip


def correlation(a: Tensor, b: Tensor) -> float:
    """The mean correlation, over images, of maps (N, C, H, W)."""
    a, b = (m.flatten(1) - m.flatten(1).mean(dim=1, keepdim=True) for m in (a, b))
    return float(((a * b).sum(dim=1) / (a.norm(dim=1) * b.norm(dim=1)).clamp(min=1e-30)).mean())


def sharpness(maps: Tensor) -> float:
    """The share of the sum of |map| in the strongest 5 % of the pixels."""
    sizes = maps.abs().sum(dim=1).flatten(1).sort(dim=1, descending=True).values
    return float((sizes[:, : sizes.shape[1] // 20].sum(dim=1) / sizes.sum(dim=1).clamp(min=1e-30)).mean())


def words(values: Sequence[float], form: str = "z.2f") -> str:
    return lab.write_sizes(measures.interval_of_sizes(values), form, form)


def tabulate(numbers: Numbers) -> Table:
    three = ", ".join(METHODS)
    columns = (f"{numbers['images']} images, {numbers['pool']} crops (90 % interval over channels)", "sees", "channels",
               *COLOURS, f"two units of one image: {three}", f"two images of one unit: {three}",
               f"sum in the top 5 % of the pixels: {three}")  # fmt: skip
    return Table(columns, [
        (
            f"layer {depth}",
            f"{numbers['sees'][i]} px",
            lab.join(numbers["channels"][i], ""),
            *[words(numbers["likeness"][pair][i]) for pair in COLOURS],
            *[", ".join(words(numbers[key][name][i], form) for name in METHODS)
              for key, form in (("units", "z.2f"), ("others", "z.2f"), ("sharpness", ".0%"))],
        )
        for i, depth in enumerate(numbers["layers"])
    ])  # fmt: skip


def conclude(numbers: Numbers) -> list[str]:
    first, last = ({name: values[i] for name, values in numbers["likeness"].items()} for i in (0, -1))
    alike = {name: values[-1] for name, values in numbers["units"].items()}
    near, far = (choose(last, key=lambda name: np.mean(last[name])) for choose in (max, min))
    parted = measures.pair(first[near], last[near])
    above = {name: measures.pair(alike[name], alike["gradient"]) for name in METHODS[:2]}
    less = all(found[1] > 0 for found in above.values())
    return [
        f"From layer {numbers['layers'][0]} to {numbers['layers'][-1]} a unit's patch grows from {numbers['sees'][0]} "
        f"to {numbers['sees'][-1]} pixels; at the first every two methods correlate by at least "
        f"{min(map(min, first.values())):.2f} in all {len(alike['gradient'])} channels.",
        f"At the last layer {near} still correlate by {words(last[near])}, {lab.write_interval(parted, '.2f')} less "
        f"({lab.tell(parted)}), and {far} by {words(last[far])}: the rule for ReLUs alone has "
        "made other pictures of the same unit.",
        f"The maps of two units of one image correlate there by {words(alike['deconvnet'])} (deconvnet), "
        f"{words(alike['guided backprop'])} (guided backprop) and {words(alike['gradient'])} (gradient), the first two "
        + " and ".join(lab.write_interval(found, "+.2f") for found in above.values()) + " more, deconvnet's of two "
        f"images of one unit by {words(numbers['others']['deconvnet'][-1])}: "
        + ("the two that look cleaner say less of which unit was meant." if less else
           "that the two that look cleaner say less of which unit was meant is not shown."),
    ]  # fmt: skip


def draw(numbers: Numbers, bench: Bench) -> "plots.Figure":
    height = 215 * len(numbers["layers"])
    fig = plots.sheet(1640, height + 380)
    above, below = plots.parts(fig, 2, 1, height_ratios=[height, 320])
    rows = [bench.pictures[f"layer {depth}"] for depth in numbers["layers"]]
    panels = above.subplots(len(rows), 2 * len(rows[0]), squeeze=False)
    for i, (depth, row) in enumerate(zip(numbers["layers"], rows)):
        panels[i, 0].set_ylabel(f"layer {depth}", size=plots.TITLE)
        for j, one in enumerate(row):
            for k, method, title in ((2 * j, "", "excite it most"), (2 * j + 1, "deconvnet", "deconvnet")):
                colour = plots.COLOURS.get(title, plots.INK)
                plots.show(panels[i, k], mosaic(one.patches(method)), "" if i else title, colour, plots.TITLE)
    left, right = plots.parts(below, 1, 2, width_ratios=[1, 1.75])
    axes = plots.plain(left.subplots(), f"Correlation of two methods ({len(numbers['channels'][0])} channels)",
                       "layer (bands: 90 % intervals)")  # fmt: skip
    found = {pair: [measures.interval_of_sizes(one) for one in values] for pair, values in numbers["likeness"].items()}
    plots.interval_curves(axes, numbers["layers"], found, COLOURS)
    axes.axhline(0, color=plots.FRAME, linewidth=1)
    axes.set_xticks(numbers["layers"])
    patches = [rows[-2][0].patches(name)[0] for name in ("", *METHODS)]
    plots.show_row(right, patches, ["one unit's patch", *METHODS], plots.TITLE)
    note = f"{bench.source.name}; {numbers['images']} images, {numbers['pool']} crops"
    return plots.head(fig, "What the strongest channels of each layer respond to", note)


def mosaic(patches: Sequence[np.ndarray]) -> np.ndarray:
    """Nine patches, uint8 or in [0, 1], three by three: uint8."""
    side = 3 * TILE + 2 * SEAM
    made = np.full((side, side, 3), 255, np.uint8)
    for i, patch in enumerate(patches):
        patch = patch if patch.dtype == np.uint8 else (255 * patch).round().astype(np.uint8)
        tile = Image.fromarray(patch).resize((TILE, TILE), Image.Resampling.BICUBIC)
        y, x = (k * (TILE + SEAM) for k in divmod(i, 3))
        made[y : y + TILE, x : x + TILE] = np.asarray(tile)
    return made


if __name__ == "__main__":
    lab.main()
