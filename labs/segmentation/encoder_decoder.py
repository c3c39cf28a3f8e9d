"""Question: what does a network need to draw an object's edge, and what do skip connections bring?

Claim: going down, a network learns what is there and forgets where. A bilinear head draws blobs; a transposed
    convolution learns to draw but has nothing to draw from; unpooling remembers where each maximum was; a U-Net's skip
    connections bring the fine maps themselves, and so right edges. A pretrained trunk learns sooner than a new one.
Look at: mean IoU and the accuracy near edges, over training, on scenes and objects never seen; the U-Net's less
    unpooling's, scene by scene, over three seeds, which also draw the objects; the accuracy over the distance from the
    edge; and, by the saliency map of a single pixel at an edge, how closely a network looks there.
Paper: Long et al. 2015 (https://arxiv.org/abs/1411.4038); Ronneberger et al. 2015 (https://arxiv.org/abs/1505.04597);
    Badrinarayanan et al. 2015 (https://arxiv.org/abs/1511.00561).

    python -m labs.segmentation.encoder_decoder
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import torch
from torch import Tensor, nn

import pretrained
from figures import palette
from labs import decoders, lab, measures, plots
from labs.composed import Composed, compose
from labs.decoders import DECODERS
from labs.lab import Bench, Numbers, Table, Through

HELD = 5  # of the 25 objects, on which no network is trained
NEAR, FAR = 2, 8  # pixels from the edge
CLOSE = 4  # pixels about a pixel at the edge: where its saliency should lie
COLOURS = dict(zip(DECODERS, plots.OTHERS))
PRETRAINED, SCRATCH = "pretrained trunk", "from scratch"
RIGHT, MISSED, EXTRA = (150, 150, 150), (20, 20, 20), (217, 162, 0)  # colours of pixels
SHOWN = 3  # scenes
SKIPPING, PLACES = "U-Net", "unpooling"  # which brings more to edges: fine maps, or the places of maxima?
NEITHER = "transposed convolution"  # has nothing to draw from
SQUEEZENET = "squeezenet1_1"  # whose trunk all networks have


def measure(bench: Bench) -> Numbers:
    scenes = bench.scenes()
    source = bench.source if bench.source.architecture == SQUEEZENET else scenes
    size, count, tests, seeds = (32, 40, 8, 1) if bench.quick else (64, 400, 96, 3)
    marks = [2, 3] if bench.quick else [10, 25, 50, 80, 120]
    numbers: Numbers = {"network": source.name, "size": size, "steps": marks, "pictures": count, "tests": tests}
    edges: dict[str, list[np.ndarray]] = {kind: [] for kind in (PRETRAINED, SCRATCH)}
    for seed in range(bench.seed + 1, bench.seed + seeds):
        X, masks, new, _ = set_lesson(scenes, source, count, tests, size, seed)
        for kind in edges:
            both = []
            for name in (SKIPPING, PLACES):
                model = decoders.build(name, source.cnn, seed, kind == PRETRAINED)
                _, found = teach(model, X, masks, marks[-1:], seed, new, source)
                both.append(measures.boundary_accuracy(found, new.masks, NEAR))
            edges[kind].append(both[0] - both[1])
    X, masks, new, same = set_lesson(scenes, source, count, tests, size, bench.seed)
    near, iou, close = {}, {}, {}
    shown = np.sort(np.unique(new.labels, return_index=True)[1])[:SHOWN]  # different objects
    for kind, name in lab.progress(list(product((PRETRAINED, SCRATCH), DECODERS)), "training"):
        model = decoders.build(name, source.cnn, bench.seed, kind == PRETRAINED)
        kept, found = teach(model, X, masks, marks, bench.seed, new, source)
        kept["parameters"] = sum(parameter.numel() for parameter in model.decoder.parameters())
        kept["known objects"] = measures.interval(measures.mean_iou(answers(model, same, source), same.masks))
        kept["by distance"] = by_distance(found, new.masks)
        near[kind, name] = measures.boundary_accuracy(found, new.masks, NEAR)
        iou[kind, name] = measures.mean_iou(found, new.masks)
        maps, places = explain_edges(model, new, source)
        close[kind, name] = share_nearby(maps, places)
        kept["close"], kept["maps"] = measures.interval(close[kind, name]), len(maps)
        bench.pictures[f"{kind}, {name}"] = (found[shown], maps[0], places[0])
        numbers.setdefault(kind, {})[name] = kept
    for kind, some in edges.items():
        some.insert(0, near[kind, SKIPPING] - near[kind, PLACES])
    numbers["ahead"] = {kind: [measures.interval(one) for one in some] for kind, some in edges.items()}
    over = {kind: np.mean([iou[kind, name] for name in DECODERS], axis=0) for kind in edges}
    numbers["trunks"] = {kind: measures.interval(one) for kind, one in over.items()}
    numbers["closer"] = {name: measures.pair(close[PRETRAINED, SKIPPING], close[PRETRAINED, name])
                         for name in (NEITHER, PLACES)}  # fmt: skip
    numbers["learnt"] = measures.pair(over[PRETRAINED], over[SCRATCH])
    bench.pictures["scenes"] = (new.images[shown], new.masks[shown])
    return numbers


def set_lesson(
    scenes: pretrained.Pretrained, source: pretrained.Pretrained, count: int, tests: int, size: int, seed: int
) -> tuple[Tensor, Tensor, Composed, Composed]:
    """Pictures and masks to learn from, new scenes of objects held back, which the seed draws, and of known ones."""
    order = np.random.default_rng(seed).permutation(len(scenes.images))
    known, held = only(scenes, order[HELD:]), only(scenes, order[:HELD])
    lesson = compose(known, count, size, seed)
    masks = torch.from_numpy(lesson.masks).to(source.device).float()
    new, same = (compose(some, tests, size, seed + 1) for some in (held, known))
    return lab.as_batch(lesson.images, source), masks, new, same


def teach(
    model: decoders.Segmenter,
    X: Tensor,
    masks: Tensor,
    marks: Sequence[int],
    seed: int,
    test: Composed,
    source: pretrained.Pretrained,
) -> tuple[Numbers, np.ndarray]:
    """Train the network and freeze it; intervals of mean IoU and of accuracy at edges after so many steps, losses,
    seconds; the masks that it gives in the end.
    """
    kept: Numbers = {"iou": [], "edge": [], "loss": [], "seconds": 0.0}
    found, start = np.empty(0), time.perf_counter()
    for step, loss in enumerate(decoders.train(model, X, masks, marks[-1], seed), start=1):
        kept["loss"].append(loss)
        if step in marks:
            kept["seconds"] += time.perf_counter() - start
            found = answers(model, test, source)
            kept["iou"].append(measures.interval(measures.mean_iou(found, test.masks)))
            kept["edge"].append(measures.interval(measures.boundary_accuracy(found, test.masks, NEAR)))
            start = time.perf_counter()
    model.eval().requires_grad_(False)
    return kept, found


def explain_edges(
    model: nn.Module, test: Composed, source: pretrained.Pretrained
) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """The student's saliency maps of one pixel at the edge in each of a few scenes, (N, H, W), and where it is."""
    edges = measures.band(test.masks[:8], 1) & test.masks[:8]
    height, width = test.masks.shape[1:]
    off = np.hypot(np.arange(height)[:, None] - height / 2, np.arange(width) - width / 2)
    flat = [int(np.where(edge, off, np.inf).argmin()) for edge in edges]  # the one nearest to the picture's middle
    pick = torch.tensor(flat, device=source.device)[:, None]
    pixel = Through(model, lambda scores: scores.flatten(1).gather(1, pick))
    maps = lab.saliency(lab.as_batch(test.images[: len(flat)], source), torch.zeros_like(pick[:, 0]), pixel)
    return maps.cpu().numpy(), [divmod(at, width) for at in flat]


def share_nearby(maps: np.ndarray, places: Sequence[tuple[int, int]]) -> np.ndarray:
    """The share of each map's sum within CLOSE rows and columns of its pixel, (N,)."""
    near = np.zeros(maps.shape, bool)
    for one, (y, x) in zip(near, places):
        one[max(y - CLOSE, 0) : y + CLOSE + 1, max(x - CLOSE, 0) : x + CLOSE + 1] = True
    return measures.energy(maps, near)


def only(scenes: pretrained.Pretrained, rows: np.ndarray) -> pretrained.Pretrained:
    """Some of the scenes."""
    return replace(scenes, images=scenes.images[rows], labels=scenes.labels[rows], masks=np.asarray(scenes.masks)[rows])


def answers(model: nn.Module, test: Composed, source: pretrained.Pretrained) -> np.ndarray:
    return decoders.find(model, lab.as_batch(test.images, source)).cpu().numpy()


def by_distance(found: np.ndarray, true: np.ndarray) -> list[list[float]]:
    """Intervals, over scenes, of the share of wrong pixels at 1, 2, ..., FAR steps from the true edge."""
    bands = [np.zeros(true.shape, bool), *[measures.band(true, width) for width in range(1, FAR + 1)]]
    rings = [outer & ~inner for inner, outer in pairwise(bands)]
    return [measures.ratio(((found != true) & ring).sum(axis=(1, 2)), ring.sum(axis=(1, 2))) for ring in rings]


def tabulate(numbers: Numbers) -> Table:
    runs = {f"{name}, {kind}": kept for kind in (PRETRAINED, SCRATCH) for name, kept in numbers[kind].items()}
    maps = next(iter(runs.values()))["maps"]
    table = Table.of(f"{numbers['tests']} scenes, 90 % interval", runs, {
        "mean IoU, objects never seen": lambda run: lab.write_interval(runs[run]["iou"][-1]),
        "known objects, new scenes": lambda run: lab.write_interval(runs[run]["known objects"]),
        f"right within {NEAR} px of an edge": lambda run: lab.write_interval(runs[run]["edge"][-1]),
        f"wrong {FAR} px from it": lambda run: lab.write_interval(runs[run]["by distance"][-1]),
        f"saliency of an edge pixel within {CLOSE} px ({maps} scenes)":
            lambda run: lab.write_interval(runs[run]["close"]),
        "decoder's parameters": lambda run: f"{runs[run]['parameters'] / 1e3:.0f} k",
        "training": lambda run: f"{runs[run]['seconds']:.0f} s",
    })  # fmt: skip
    rows = [(f"{SKIPPING} less {PLACES}, {kind}, seed {i}", "-", "-", lab.write_interval(found, "+.1%"), *4 * "-")
            for kind, some in numbers["ahead"].items() for i, found in enumerate(some)]  # fmt: skip
    return Table(table.columns, [*table.rows, *rows])


def conclude(numbers: Numbers) -> list[str]:
    ours, scratch, steps = numbers[PRETRAINED], numbers[SCRATCH], numbers["steps"][-1]
    reached = ", ".join(f"{name} {lab.write_interval(one['iou'][-1])}" for name, one in ours.items())
    close = {name: lab.write_interval(ours[name]["close"]) for name in ours}
    far = {name: lab.write_interval(kept["by distance"][-1]) for name, kept in ours.items()}
    trunk, new = (lab.write_interval(numbers["trunks"][kind]) for kind in (PRETRAINED, SCRATCH))
    plain, skip, closer = ours[NEITHER], ours[SKIPPING], numbers["closer"]
    seeds = [found for some in numbers["ahead"].values() for found in some]
    first, (low, high) = sum(found[0] > 0 for found in seeds), (end(found[0] for found in seeds) for end in (min, max))
    return [
        f"After {steps} steps ({max(kept['seconds'] for kept in [*ours.values(), *scratch.values()]):.0f} s at most) "
        f"the decoders on the pretrained trunk reach, in mean IoU of {numbers['tests']} scenes, {reached}; over the "
        "four the pretrained trunk, all layers before them, "
        f"reaches {trunk}, a new one {new}: "
        f"{lab.write_interval(numbers['learnt'], '+.0%')}, {lab.judge(numbers['learnt'])}.",
        f"Within {NEAR} pixels of the edge the {SKIPPING}, which has skip connections, is right in "
        f"{lab.write_interval(skip['edge'][-1])}, {NEITHER}, which has none, in "
        f"{lab.write_interval(plain['edge'][-1])}; {FAR} pixels away they are wrong in {far[SKIPPING]} and "
        f"{far[NEITHER]}. At edges the {SKIPPING} is above {PLACES} in {first} of {len(seeds)} pairs of trainings, by "
        f"{low:+.1%} to {high:+.1%}: that skip connections bring more there than the places of maxima is "
        + ("shown." if all(found[1] > 0 for found in seeds) else "not shown."
           if first in (0, len(seeds)) else "not shown, and a single training could have said either."),
        f"Of what a pixel at the edge depends on, by its saliency map (means of {skip['maps']} scenes), "
        f"{close[SKIPPING]} lies within {CLOSE} pixels in the {SKIPPING}, "
        + ", ".join(f"{close[name]} in {name} (the {SKIPPING} is {lab.write_interval(found, '+.0%')} above: "
                    f"{lab.judge(found)})" for name, found in closer.items()) + ".",
    ]


def draw(numbers: Numbers, bench: Bench) -> "plots.Figure":
    fig = plots.sheet(1640, 1120)
    above, below = plots.parts(fig, 2, 1, height_ratios=[1.75, 1])
    left, right = plots.parts(above, 1, 2, width_ratios=[3.05, 1])
    images, masks = bench.pictures["scenes"]
    found = {name: bench.pictures[f"{PRETRAINED}, {name}"] for name in DECODERS}
    panels = left.subplots(SHOWN, 2 + len(DECODERS))
    for row, line in enumerate(panels[: len(images)]):
        plots.show(line[0], images[row], "" if row else "never seen")
        plots.show(line[1], colour_mistakes(masks[row], masks[row]), "" if row else "exact mask")
        for axes, name in zip(line[2:], DECODERS):
            title = "" if row else name.replace(" ", "\n")
            plots.show(axes, colour_mistakes(found[name][0][row], masks[row]), title, COLOURS[name])
    panels[-1, 0].set_xlabel("on the pretrained trunk:", size=plots.NOTE, color=plots.INK)
    for axes, text, colour in zip(panels[-1, 2:], ("right", "missed", "not the object"), (RIGHT, MISSED, EXTRA)):
        axes.set_xlabel(text, size=plots.NOTE, weight="bold", color=np.array(colour) / 255)
    words = f"where one pixel at the edge looks: one scene\n(shares: means of {numbers[PRETRAINED][SKIPPING]['maps']})"
    right.suptitle(words, size=plots.NOTE, color=plots.INK)
    for axes, (name, (_, map_, (y, x))) in zip(right.subplots(2, 2).ravel(), found.items()):
        title = f"{name}\n{numbers[PRETRAINED][name]['close'][0]:.0%} within {CLOSE} pixels"
        plots.show(axes, palette.heat([map_])[0], title, COLOURS[name], 8)
        axes.plot(x, y, "o", markersize=11, markerfacecolor="none", markeredgecolor="white")
    charts = below.subplots(1, 3)
    for axes, key, title in zip(charts, ("iou", "edge"), ("Mean IoU", f"Accuracy within {NEAR} pixels of the edge")):
        plots.plain(axes, title, "training steps (dashed: from scratch)")
        for name in DECODERS:
            middle = [found[0] for found in numbers[SCRATCH][name][key]]
            axes.plot(numbers["steps"], middle, color=COLOURS[name], linewidth=1.2, linestyle="--")
        lines = {name: numbers[PRETRAINED][name][key] for name in DECODERS}
        plots.interval_curves(axes, numbers["steps"], lines, COLOURS)
        axes.set_ylim(None, 1)
    plots.plain(charts[2], "Pixels that are wrong", "pixels from the edge (pretrained trunk)")
    wrong = {name: numbers[PRETRAINED][name]["by distance"] for name in DECODERS}
    plots.interval_curves(charts[2], range(1, FAR + 1), wrong, COLOURS)
    charts[2].set_ylim(0, None)
    note = f"{numbers['network']}; {numbers['tests']} scenes, bands: 90 % intervals"
    return plots.head(fig, "Four ways to draw an object from a coarse map", note)


def colour_mistakes(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """A mask as a picture: what is right, what is missed, what is none of the object."""
    picture = np.full((*true.shape, 3), 255, np.uint8)
    picture[found & true], picture[true & ~found], picture[found & ~true] = RIGHT, MISSED, EXTRA
    return picture


if __name__ == "__main__":
    lab.main()
