"""Question: what does a classifier say of each place of a larger picture, and what does it cost to ask?

Claim: a fully connected layer is a convolution as large as the map below it. So a classifier runs on pictures of any
    size and gives a map of classes: the answers of a window that slides by the network's stride, for a fraction of the
    work, as windows that overlap share nearly everything. The map is as coarse as the stride, and so are its edges.
Look at: pictures of four objects, their class maps, and the IoU with the exact masks, beside that of a Gaussian in the
    middle of each object's quarter; the seconds of both ways; what the coarse grid alone, with a perfect answer in each
    cell, would cost.
Paper: Long et al. 2015, sections 3.1 and 5 (https://arxiv.org/abs/1411.4038).

    python -m labs.segmentation.fully_convolutional
"""

import time
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import pretrained
from figures.figure import short
from labs import lab, measures, plots
from labs.attribution import data_test
from labs.attribution.localisation import GAUSSIAN, gaussian
from labs.composed import Collage, collage, compose
from labs.lab import Bench, Numbers, Table
from visualizers import GradCam

WINDOW, STRIDE, FIRST = 224, 16, 15  # pixels; FIRST: the middle of what the first cell of SqueezeNet's map sees
OBJECTS, COLUMNS = 4, 2  # in a large picture
THRESHOLDS = [i / 20 for i in range(1, 20)]
GRIDS = (4, 8, 16, 32)
CLASS_MAP, GRAD_CAM, WINDOWS, ONCE = "class map", "Grad-CAM", "sliding window", "convolution, once"
COLOURS = plots.COLOURS | {CLASS_MAP: "#0072b2", WINDOWS: "#d55e00", ONCE: "#0072b2", "the grid's own limit": "#777777"}
PICTURES = 24  # large ones, with every scene in four of them or fewer
ASKED = 6  # of them, window by window


def measure(bench: Bench) -> Numbers:
    scenes, rng = bench.scenes(), np.random.default_rng(bench.seed)
    each = len(scenes.images) // OBJECTS
    orders = [rng.permutation(len(scenes.images))[: each * OBJECTS].tolist() for _ in range(PICTURES // each)]
    fours = np.reshape(orders, (-1, OBJECTS)).tolist()[: 2 if bench.quick else None]
    large = [collage(scenes, four, COLUMNS, WINDOW, bench.seed + i) for i, four in enumerate(fours)]
    thresholds = THRESHOLDS[::6] if bench.quick else THRESHOLDS
    found: dict[str, list[list[float]]] = {name: [] for name in (CLASS_MAP, GRAD_CAM, GAUSSIAN)}
    half = []
    for one in lab.progress(large, "class maps"):
        cells = class_map(lab.as_batch(one.image[None], scenes), scenes.model)[0].softmax(dim=0).cpu().numpy()
        sure = enlarge(cells, COLUMNS * WINDOW, STRIDE, FIRST)
        bench.pictures.setdefault("map", (one, cells, sure))
        best = sure.argmax(axis=0) == one.labels[:, None, None]
        maps = {
            CLASS_MAP: np.where(best, sure[one.labels], 0),
            GRAD_CAM: grad_cam(one, scenes),
            GAUSSIAN: np.stack([quarter(k) for k in range(OBJECTS)]),
        }
        for name, some in maps.items():
            found[name].append([float(measures.iou(some > t, one.masks).mean()) for t in thresholds])
        half.append(float(measures.iou(maps[CLASS_MAP] > 0.5, one.masks).mean()))
    bench.pictures["names"] = [short(name) for name in scenes.class_names]
    return {
        "network": scenes.name,
        "pictures": len(large),
        "thresholds": thresholds,
        "iou": found,
        "at half": half,
        "limits": [[float(measures.iou(from_grid(one.masks, stride), one.masks).mean()) for one in large]
                   for stride in GRIDS],
        "linear": linear(bench, scenes),
        **against_windows(bench, scenes, large[: 1 if bench.quick else ASKED]),
    }  # fmt: skip


def at_best(values: Sequence[Sequence[float]]) -> np.ndarray:
    """Each picture's value at the threshold that is best for the other half of the pictures; values: of each picture,
    by threshold.
    """
    array = np.array(values)
    made = np.empty(len(array))
    for half in (0, 1):
        others = array[1 - half :: 2] if len(array) > 1 else array
        made[half::2] = array[half::2, others.mean(axis=0).argmax()]
    return made


def quarter(k: int) -> np.ndarray:
    """A Gaussian in the middle of the k-th object's square of a large picture, which has seen nothing else."""
    made = np.zeros((COLUMNS * WINDOW, COLUMNS * WINDOW))
    top, left = (WINDOW * at for at in divmod(k, COLUMNS))
    made[top : top + WINDOW, left : left + WINDOW] = gaussian(WINDOW)
    return made


def enlarge(maps: np.ndarray, size: int, stride: int, first: float) -> np.ndarray:
    """Maps (..., h, w) to (..., size, size), linearly between the middles of their cells, at first + i * stride."""
    for axis in (-1, -2):
        at = np.clip((np.arange(size) - first) / stride, 0, maps.shape[axis] - 1)
        below = np.minimum(at.astype(int), maps.shape[axis] - 2)
        part = (at - below)[:, None] if axis == -2 else at - below
        maps = np.take(maps, below, axis) * (1 - part) + np.take(maps, below + 1, axis) * part
    return maps


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
    pictures = lab.as_batch(compose(scenes, 2 if bench.quick else PICTURES, 2 * size, bench.seed).images, scenes)
    same, apart = [], []
    for picture in pictures.cpu().double().split(1):
        window = picture[..., :size, :size]
        once, one_by_one = conv(picture)[0].flatten(1).T, dense(windows(picture, size, 8))
        same.append(float((once.argmax(dim=1) == one_by_one.argmax(dim=1)).double().mean()))
        apart.append(float((conv(window)[..., 0, 0] - dense(window)).abs().max()))
    return {"one window": max(apart), "windows": len(once), "same": same}


def windows(picture: Tensor, size: int, stride: int) -> Tensor:
    """Every window of a picture (1, 3, H, W), row by row: (windows, 3, size, size)."""
    cut = picture[0].unfold(1, size, stride).unfold(2, size, stride)  # (3, rows, columns, size, size)
    return cut.permute(1, 2, 0, 3, 4).flatten(0, 1)


def class_map(X: Tensor, model: nn.Module) -> Tensor:
    """The scores of SqueezeNet's last map, before their mean is taken: (N, classes, h, w)."""
    head = nn.Sequential(*list(model.get_submodule("classifier").children())[:3])  # without the mean
    with torch.no_grad():
        return head(model.get_submodule("features")(X))


def against_windows(bench: Bench, scenes: pretrained.Pretrained, large: Sequence[Collage]) -> Numbers:
    """Windows of growing pictures one by one and by one pass: the seconds of both, and how alike their answers are on
    the largest, picture by picture.

    The score of a window is the mean of the class map under it: 13 x 13 cells for SqueezeNet's 224 pixels.
    """
    sizes = [WINDOW, WINDOW + 2 * STRIDE] if bench.quick else [WINDOW, 288, 352, 448]
    pictures = [lab.as_batch(one.image[None], scenes) for one in large]
    cells = class_map(pictures[0][..., :WINDOW, :WINDOW], scenes.model).shape[2]  # and the first pass of all is slow
    seconds: dict[str, list[list[float]]] = {WINDOWS: [], ONCE: []}
    same, difference = [], []
    for picture in lab.progress(pictures, "windows"):
        for times in seconds.values():
            times.append([])
        for size in sizes:
            part = picture[..., :size, :size]
            start = time.perf_counter()
            with torch.no_grad():
                alone = torch.cat([scenes.model(some) for some in windows(part, WINDOW, STRIDE).split(8)])
            middle = time.perf_counter()
            once = F.avg_pool2d(class_map(part, scenes.model), cells, stride=1)[0].flatten(1).T
            seconds[WINDOWS][-1].append(middle - start)
            seconds[ONCE][-1].append(time.perf_counter() - middle)
        same.append(float((once.argmax(dim=1) == alone.argmax(dim=1)).double().mean()))
        difference.append(float((once - alone).norm() / alone.norm()))
    return {"sizes": sizes, "seconds": seconds, "windows": len(alone), "same": same, "difference": difference}


def from_grid(masks: np.ndarray, stride: int) -> np.ndarray:
    """Masks as the best that a coarse grid can say: the share of the object in each cell, enlarged, above one half."""
    n, height, width = masks.shape
    shares = masks.reshape(n, height // stride, stride, width // stride, stride).mean(axis=(2, 4))
    return enlarge(shares, width, stride, (stride - 1) / 2) > 0.5


def tabulate(numbers: Numbers) -> Table:
    fc, n, asked = numbers["linear"], numbers["pictures"], len(numbers["same"])

    words = lab.write_mean

    best = {name: at_best(values) for name, values in numbers["iou"].items()}
    rows = [
        (f"fully connected as convolution: largest difference, one window of {len(fc['same'])} pictures, 64 bits",
         f"{fc['one window']:.1g} (exact)"),
        (f"{fc['windows']} windows of {len(fc['same'])} pictures: same class, by convolution once", words(fc["same"])),
        (f"SqueezeNet, {numbers['windows']} windows of {asked} pictures: same class", words(numbers["same"])),
        ("difference of their scores, of the scores' size", words(numbers["difference"])),
        *[(f"seconds, {name}", words([times[-1] for times in some], ".2f"))
          for name, some in numbers["seconds"].items()],
        (f"IoU of {OBJECTS * n} objects in {n} pictures, class map surer than half", words(numbers["at half"])),
        *[(f"the same at the other half's best threshold, {name}", words(values)) for name, values in best.items()],
        *[(f"{CLASS_MAP} above {name}, the same pictures",
           lab.write_interval(measures.pair(best[CLASS_MAP], best[name]), "+.0%")) for name in (GRAD_CAM, GAUSSIAN)],
        *[(f"IoU of a perfect answer in cells of {stride} pixels", words(values))
          for stride, values in zip(GRIDS, numbers["limits"])],
    ]  # fmt: skip
    return Table(("measured", "90 % interval, over pictures"), rows)


def conclude(numbers: Numbers) -> list[str]:
    times = {name: [one[-1] for one in some] for name, some in numbers["seconds"].items()}
    faster = measures.ratio(times[WINDOWS], times[ONCE])
    limit = np.array(numbers["limits"][GRIDS.index(STRIDE)])
    best = {name: at_best(values) for name, values in numbers["iou"].items()}
    above = {name: measures.pair(best[CLASS_MAP], best[name]) for name in (GRAD_CAM, GAUSSIAN)}
    answers = measures.pair(limit - best[CLASS_MAP], 1 - limit)
    verdict = ("the answers cost" if answers[1] > 0 else "the coarse cells cost" if answers[2] < 0
               else "it is not shown which of the two costs")  # fmt: skip
    return [
        f"Written as convolutions, fully connected layers give the same scores to "
        f"{numbers['linear']['one window']:.1g}; one pass is {lab.write_interval(faster, '.0f')} times as fast as "
        f"{numbers['windows']} windows of a picture {numbers['sizes'][-1]} wide ({len(times[ONCE])} pictures), and "
        f"{lab.write_mean(numbers['same'])} of them get the same class (padding differs).",
        f"Never trained on masks, the class map covers objects with an IoU of "
        f"{lab.write_mean(best[CLASS_MAP])} ({numbers['pictures']} pictures), "
        f"{lab.write_interval(above[GRAD_CAM], '+.0%')} above Grad-CAM, told the class ({lab.judge(above[GRAD_CAM])}), "
        f"and {lab.write_interval(above[GAUSSIAN], '+.0%')} above a Gaussian in the middle of the object's quarter "
        f"({lab.judge(above[GAUSSIAN])}); a perfect answer on its grid would reach "
        f"{lab.write_mean(limit)}.",
        f"Of what is missing {verdict} most ({lab.write_interval(answers, '+.0%')}): a classifier looks for what tells "
        "a class, not for where the object ends; that has to be trained.",
    ]


def draw(numbers: Numbers, bench: Bench) -> "plots.Figure":
    fig = plots.sheet(1640, 980)
    above, below = plots.parts(fig, 2, 1, height_ratios=[1.3, 1])
    (large, cells, sure), names = bench.pictures["map"], bench.pictures["names"]
    colours = dict(zip(large.labels.tolist(), plots.OTHERS))
    true = np.full(large.masks.shape[1:], -1)
    for label, mask in zip(large.labels, large.masks):
        true[mask] = label
    panels = above.subplots(1, 4)
    coarse, said = (np.where(one.max(axis=0) > 0.5, one.argmax(axis=0), -1) for one in (cells, sure))
    plots.show(panels[0], large.image, "one picture of four objects")
    for axes, classes, title in zip(panels[1:], (true, coarse, said), (
        "exact masks", f"class map, {len(coarse)} x {len(coarse)} cells, where surer than half",
        f"drawn out to the pixels: IoU {numbers['at half'][0]:.0%} in this picture",
    )):  # fmt: skip
        plots.show(axes, colour_classes(classes, colours), title)
    for label, mask in zip(large.labels.tolist(), large.masks):
        row, column = np.flatnonzero(mask.any(axis=1))[-1] + 4, np.nonzero(mask)[1].mean()
        panels[1].text(column, row, names[label], ha="center", va="top", size=plots.NOTE, color=colours[label])
    left, middle, right = below.subplots(1, 3)

    def intervals(values: Sequence[Sequence[float]]) -> list[list[float]]:
        return [measures.interval(some) for some in zip(*values)]

    plots.plain(left, f"IoU with the masks, {numbers['pictures']} pictures", "shown where surer than, or stronger than")
    found = {name: intervals(values) for name, values in numbers["iou"].items()}
    plots.interval_curves(left, numbers["thresholds"], found, COLOURS)
    limits = [measures.interval(values) for values in numbers["limits"]]
    limit, grey = limits[GRIDS.index(STRIDE)][0], COLOURS["the grid's own limit"]
    left.axhline(limit, color=grey, linewidth=1, linestyle=":")
    left.text(0.05, limit - 0.02, f"a perfect answer in each of the {STRIDE}-pixel cells", size=plots.NOTE, color=grey,
              va="top")  # fmt: skip
    left.set_ylim(0, 1)
    title = f"Seconds for the same answers, {len(numbers['same'])} pictures"
    plots.plain(middle, title, "width of the picture, pixels", logy=10)
    times = {name: intervals(some) for name, some in numbers["seconds"].items()}
    plots.interval_curves(middle, numbers["sizes"], times, COLOURS)
    middle.set_xticks(numbers["sizes"], numbers["sizes"])
    plots.plain(right, "IoU of a perfect answer on a coarse grid", "width of a cell, pixels (whiskers: 90 % intervals)")
    for i, (mean, low, high) in enumerate(limits):
        right.bar(i, mean, 0.55, color=grey)
        right.errorbar(i, mean, yerr=[[mean - low], [high - mean]], color=plots.INK, capsize=3)
        right.text(i, mean - 0.06, f"{mean:.0%}", ha="center", va="top", size=plots.NOTE, color="white")
    right.set_xticks(range(len(GRIDS)), GRIDS)
    right.set_ylim(0, 1)
    note = f"{numbers['network']}; bands and whiskers: 90 % intervals over pictures"
    return plots.head(fig, "A classifier asked everywhere at once", note)


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
