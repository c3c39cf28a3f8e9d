"""Question: what does a classifier say of each place of a larger picture, and what does it cost to ask?

Claim: a fully connected layer is a convolution as large as the map below it. So a classifier runs on pictures of any
    size and gives a map of classes: the answers of a window that slides by the network's stride, for a fraction of the
    work, as windows that overlap share nearly everything. The map is as coarse as the stride, and so are its edges.
Look at: a picture of four objects, its class map, and its IoU with the exact masks; the seconds of both ways; what
    the coarse grid alone, with a perfect answer in each cell, would cost.
Paper: Long et al. 2015, sections 3.1 and 5 (https://arxiv.org/abs/1411.4038).

    python -m labs.segmentation.fully_convolutional
"""

import time

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import pretrained
from figures.figure import short
from labs import lab, measures, plots
from labs.attribution import data_test
from labs.composed import Collage, collage, compose
from labs.lab import Bench, Numbers, Table
from visualizers import GradCam

WINDOW, STRIDE, FIRST = 224, 16, 15  # pixels; FIRST: the middle of what the first cell of SqueezeNet's map sees
OBJECTS, COLUMNS = 4, 2  # in a large picture
THRESHOLDS = [i / 20 for i in range(1, 20)]
GRIDS = (4, 8, 16, 32)
CLASS_MAP, GRAD_CAM, WINDOWS, ONCE = "class map", "Grad-CAM", "sliding window", "convolution, once"
COLOURS = plots.COLOURS | {CLASS_MAP: "#0072b2", WINDOWS: "#d55e00", ONCE: "#0072b2", "the grid's own limit": "#777777"}


def measure(bench: Bench) -> Numbers:
    scenes = bench.scenes()
    order = np.random.default_rng(bench.seed).permutation(len(scenes.images))
    large = [collage(scenes, order[i : i + OBJECTS].tolist(), COLUMNS, WINDOW, bench.seed + i)
             for i in range(0, OBJECTS if bench.quick else len(order) - OBJECTS + 1, OBJECTS)]  # fmt: skip
    masks = np.concatenate([one.masks for one in large])
    thresholds = THRESHOLDS[::6] if bench.quick else THRESHOLDS
    cells = [class_map(lab.as_batch(one.image[None], scenes), scenes.model)[0].softmax(dim=0).cpu().numpy()
             for one in lab.progress(large, "class maps")]  # fmt: skip
    maps = [enlarge(sure, COLUMNS * WINDOW, STRIDE, FIRST) for sure in cells]
    cams = np.concatenate([grad_cam(one, scenes) for one in lab.progress(large, "Grad-CAM")])
    found = {t: np.concatenate([decide(p, one.labels, t) for p, one in zip(maps, large)]) for t in (0.5, *thresholds)}
    bench.pictures.update({"large": large[0], "cells": cells[0], "map": maps[0]})
    bench.pictures["names"] = [short(name) for name in scenes.class_names]
    return {
        "network": scenes.name,
        "scenes": len(large),
        "thresholds": thresholds,
        "iou": {
            CLASS_MAP: [float(measures.iou(found[t], masks).mean()) for t in thresholds],
            GRAD_CAM: [float(measures.iou(cams > t, masks).mean()) for t in thresholds],
        },
        "at half": measures.iou(found[0.5], masks).tolist(),
        "limits": [float(measures.iou(from_grid(masks, stride), masks).mean()) for stride in GRIDS],
        "linear": linear(bench, scenes),
        **against_windows(bench, scenes, large[0]),
    }


def enlarge(maps: np.ndarray, size: int, stride: int, first: float) -> np.ndarray:
    """Maps (..., h, w) to (..., size, size), linearly between the middles of their cells, at first + i * stride."""
    for axis in (-1, -2):
        at = np.clip((np.arange(size) - first) / stride, 0, maps.shape[axis] - 1)
        below = np.minimum(at.astype(int), maps.shape[axis] - 2)
        part = (at - below)[:, None] if axis == -2 else at - below
        maps = np.take(maps, below, axis) * (1 - part) + np.take(maps, below + 1, axis) * part
    return maps


def decide(sure: np.ndarray, labels: np.ndarray, threshold: float) -> np.ndarray:
    """The pixels where the class of each label is the most probable of all and surer than the threshold."""
    best = sure.argmax(axis=0)
    return np.stack([(best == label) & (sure[label] > threshold) for label in labels])


def grad_cam(large: Collage, scenes: pretrained.Pretrained) -> np.ndarray:
    """The student's Grad-CAM of each object's class on the whole picture, (objects, H, W) in [0, 1]."""
    X = lab.as_batch(large.image[None], scenes)
    y = torch.from_numpy(large.labels).to(X.device)
    return GradCam(scenes.gradcam_layer).grad_cam(X.expand(len(y), -1, -1, -1), y, scenes.model)


def convolutional(model: nn.Sequential, height: int, width: int) -> nn.Sequential:
    """The same network with convolutions for its linear layers; height, width: of the map that the first one reads."""
    layers: list[nn.Module] = []
    kernel = (height, width)
    for layer in model:
        if isinstance(layer, nn.Linear):
            conv = nn.Conv2d(layer.in_features // (kernel[0] * kernel[1]), layer.out_features, kernel)
            conv.weight.data = layer.weight.data.reshape(conv.weight.shape)
            conv.bias = layer.bias
            layer, kernel = conv.requires_grad_(False), (1, 1)
        if not isinstance(layer, nn.Flatten):
            layers.append(layer)
    return nn.Sequential(*layers)


def linear(bench: Bench, scenes: pretrained.Pretrained) -> Numbers:
    """The network of the data test, which ends with linear layers, as convolutions: on one window, and on many."""
    dense = data_test.load()["true"].double()
    conv, size = convolutional(dense, 8, 8), data_test.SIZE
    picture = lab.as_batch(compose(scenes, 1, 2 * size, bench.seed).images, scenes).cpu().double()
    window = picture[..., :size, :size]
    once, one_by_one = conv(picture)[0].flatten(1).T, dense(windows(picture, size, 8))
    return {
        "one window": float((conv(window)[..., 0, 0] - dense(window)).abs().max()),
        "windows": len(once),
        "same": float((once.argmax(dim=1) == one_by_one.argmax(dim=1)).double().mean()),
    }


def windows(picture: Tensor, size: int, stride: int) -> Tensor:
    """Every window of a picture (1, 3, H, W), row by row: (windows, 3, size, size)."""
    cut = picture[0].unfold(1, size, stride).unfold(2, size, stride)  # (3, rows, columns, size, size)
    return cut.permute(1, 2, 0, 3, 4).flatten(0, 1)


def class_map(X: Tensor, model: nn.Module) -> Tensor:
    """The scores of SqueezeNet's last map, before their mean is taken: (N, classes, h, w)."""
    head = nn.Sequential(*list(model.get_submodule("classifier").children())[:3])  # without the mean
    with torch.no_grad():
        return head(model.get_submodule("features")(X))


def against_windows(bench: Bench, scenes: pretrained.Pretrained, large: Collage) -> Numbers:
    """Windows of growing pictures one by one and by one pass: the seconds of both, and how alike their answers are.

    The score of a window is the mean of the class map under it: 13 x 13 cells for SqueezeNet's 224 pixels.
    """
    sizes = [WINDOW, WINDOW + 2 * STRIDE] if bench.quick else [WINDOW, 288, 352, 448]
    picture = lab.as_batch(large.image[None], scenes)
    cells = class_map(picture[..., :WINDOW, :WINDOW], scenes.model).shape[2]  # and the first pass of all is slow
    seconds: dict[str, list[float]] = {WINDOWS: [], ONCE: []}
    for size in lab.progress(sizes, "windows"):
        part = picture[..., :size, :size]
        start = time.perf_counter()
        with torch.no_grad():
            alone = torch.cat([scenes.model(some) for some in windows(part, WINDOW, STRIDE).split(8)])
        seconds[WINDOWS].append(time.perf_counter() - start)
        start = time.perf_counter()
        once = F.avg_pool2d(class_map(part, scenes.model), cells, stride=1)[0].flatten(1).T
        seconds[ONCE].append(time.perf_counter() - start)
    return {
        "sizes": sizes,
        "seconds": seconds,
        "windows": len(alone),
        "same": float((once.argmax(dim=1) == alone.argmax(dim=1)).double().mean()),
        "difference": float((once - alone).norm() / alone.norm()),
    }


def from_grid(masks: np.ndarray, stride: int) -> np.ndarray:
    """Masks as the best that a coarse grid can say: the share of the object in each cell, enlarged, above one half."""
    n, height, width = masks.shape
    shares = masks.reshape(n, height // stride, stride, width // stride, stride).mean(axis=(2, 4))
    return enlarge(shares, width, stride, (stride - 1) / 2) > 0.5


def tabulate(numbers: Numbers) -> Table:
    fc, best = numbers["linear"], {name: max(values) for name, values in numbers["iou"].items()}
    seconds = {name: values[-1] for name, values in numbers["seconds"].items()}
    rows = [
        ("fully connected as convolution: largest difference, one window, 64 bits", f"{fc['one window']:.1g}"),
        (f"{fc['windows']} windows of one picture: same class, by convolution once", f"{fc['same']:.0%}"),
        (f"SqueezeNet, {numbers['windows']} windows: same class", f"{numbers['same']:.0%}"),
        ("difference of their scores, of the scores' size", f"{numbers['difference']:.0%}"),
        ("seconds, sliding window", f"{seconds[WINDOWS]:.2f}"),
        ("seconds, convolution once", f"{seconds[ONCE]:.2f}"),
        (f"IoU of {len(numbers['at half'])} objects, class map surer than half", f"{np.mean(numbers['at half']):.0%}"),
        *[(f"the same at its best threshold, {name}", f"{value:.0%}") for name, value in best.items()],
        *[(f"IoU of a perfect answer in cells of {stride} pixels", f"{value:.0%}")
          for stride, value in zip(GRIDS, numbers["limits"])],
    ]  # fmt: skip
    return Table(("measured", ""), rows)


def conclude(numbers: Numbers) -> list[str]:
    seconds = {name: values[-1] for name, values in numbers["seconds"].items()}
    limit = numbers["limits"][GRIDS.index(STRIDE)]
    best = {name: max(values) for name, values in numbers["iou"].items()}
    return [
        f"Written as convolutions, fully connected layers give the same scores to "
        f"{numbers['linear']['one window']:.1g}; {numbers['windows']} windows of a picture {numbers['sizes'][-1]} wide "
        f"take {seconds[WINDOWS]:.2f} s, one pass {seconds[ONCE]:.2f} s, and {numbers['same']:.0%} of them get the "
        "same class (padding differs).",
        f"Never trained on masks, the class map covers objects with an IoU of {np.mean(numbers['at half']):.0%} "
        f"({best[CLASS_MAP]:.0%} at the best threshold; Grad-CAM, told the class, {best[GRAD_CAM]:.0%}); a perfect "
        f"answer on its grid would reach {limit:.0%}.",
        f"So {'the answers' if 1 - limit < limit - best[CLASS_MAP] else 'the coarse cells'} cost most of it: a "
        "classifier looks for what tells a class, not for where the object ends; that has to be trained.",
    ]


def draw(numbers: Numbers, bench: Bench) -> "plots.Figure":
    fig = plots.sheet(1640, 980)
    above, below = plots.parts(fig, 2, 1, height_ratios=[1.3, 1])
    large, names, cells = (bench.pictures[key] for key in ("large", "names", "cells"))
    colours = dict(zip(large.labels.tolist(), plots.OTHERS))
    true = np.full(large.masks.shape[1:], -1)
    for label, mask in zip(large.labels, large.masks):
        true[mask] = label
    panels = above.subplots(1, 4)
    maps = (cells, bench.pictures["map"])
    coarse, said = (np.where(sure.max(axis=0) > 0.5, sure.argmax(axis=0), -1) for sure in maps)
    plots.show(panels[0], large.image, "one picture of four objects")
    for axes, classes, title in zip(panels[1:], (true, coarse, said), (
        "exact masks", f"class map, {len(coarse)} x {len(coarse)} cells, where surer than half",
        f"drawn out to the pixels: mean IoU {np.mean(numbers['at half'][:OBJECTS]):.0%}",
    )):  # fmt: skip
        plots.show(axes, colour_classes(classes, colours), title)
    for label, mask in zip(large.labels.tolist(), large.masks):
        row, column = np.flatnonzero(mask.any(axis=1))[-1] + 4, np.nonzero(mask)[1].mean()
        panels[1].text(column, row, names[label], ha="center", va="top", size=plots.NOTE, color=colours[label])
    left, middle, right = below.subplots(1, 3)
    plots.plain(left, "IoU with the masks", "shown where surer than, or stronger than")
    plots.curves(left, numbers["thresholds"], numbers["iou"], COLOURS)
    limit, grey = numbers["limits"][GRIDS.index(STRIDE)], COLOURS["the grid's own limit"]
    left.axhline(limit, color=grey, linewidth=1, linestyle=":")
    left.text(0.05, limit - 0.02, f"a perfect answer in each of the {STRIDE}-pixel cells", size=plots.NOTE, color=grey,
              va="top")  # fmt: skip
    left.set_ylim(0, 1)
    plots.plain(middle, "Seconds for the same answers", "width of the picture, pixels", logy=10)
    plots.curves(middle, numbers["sizes"], numbers["seconds"], COLOURS)
    middle.set_xticks(numbers["sizes"], numbers["sizes"])
    plots.plain(right, "IoU of a perfect answer on a coarse grid", "width of a cell, pixels")
    right.bar([str(stride) for stride in GRIDS], numbers["limits"], 0.55, color=grey)
    for i, value in enumerate(numbers["limits"]):
        right.text(i, value - 0.03, f"{value:.0%}", ha="center", va="top", size=plots.NOTE, color="white")
    right.set_ylim(0, 1)
    return plots.head(fig, "A classifier asked everywhere at once", numbers["network"])


def colour_classes(classes: np.ndarray, colours: dict[int, str]) -> np.ndarray:
    """A map of classes as a picture: each of `colours` in its own, others in grey, -1 (no class) in white."""
    from matplotlib.colors import to_rgb

    picture = np.ones((*classes.shape, 3))
    picture[classes >= 0] = to_rgb(plots.FRAME)
    for label, colour in colours.items():
        picture[classes == label] = to_rgb(colour)
    return picture


if __name__ == "__main__":
    lab.main()
