"""Question: what do classification, detection, semantic and instance segmentation each say of one scene?

Claim: a class for the picture says neither where nor how many; boxes say both, roughly; a map of classes says where,
    pixel by pixel, and not how many; a mask for each object says all three. What is cut out more exactly, a classifier
    should name more often.
Look at: one composed scene with two objects of one class, its boxes and masks known exactly; how much of a box is its
    object; and how often the network names an object from the whole scene, its box, its mask, and from a box of the
    same size put elsewhere.
Paper: Lin et al. 2014 (https://arxiv.org/abs/1405.0312), figure 1, for the four answers; He et al. 2017
    (https://arxiv.org/abs/1703.06870) for masks of instances.

    python -m labs.segmentation.four_answers
"""

from collections.abc import Callable

import numpy as np
from PIL import Image

from labs import lab, measures, plots
from labs.composed import Collage, collage
from labs.lab import Bench, Numbers, Table

SIDE, SHOWN_TO = 224, 224  # pixels of an object's quarter of the scene, and of what the classifier sees
WAYS = ("whole scene", "its box", "its mask", "a box elsewhere")
ANSWERS = {  # what it is, and what tells it
    "classification": "one class for the picture",
    "detection": "a class and a box for each object",
    "semantic segmentation": "a class for each pixel",
    "instance segmentation": "a class and a mask for each object",
}
Box = tuple[int, int, int, int]  # left, top, right, bottom


def measure(bench: Bench) -> Numbers:
    scenes, rng = bench.scenes(), np.random.default_rng(bench.seed)
    count = 2 if bench.quick else 24
    named: dict[str, list[float]] = {way: [] for way in WAYS}
    filled, pieces = [], []
    for i in range(count):
        which = rng.permutation(len(scenes.labels))[:3].tolist()
        made = collage(scenes, [which[0], *which], 2, SIDE, bench.seed + i)
        boxes = [find_box(mask) for mask in made.masks]
        views = {
            "whole scene": [resize(made.image)] * len(boxes),
            "its box": [cut(made.image, box) for box in boxes],
            "its mask": [cut(hide(made.image, mask), box) for mask, box in zip(made.masks, boxes)],
            "a box elsewhere": [cut(made.image, move(box, made.image.shape, rng)) for box in boxes],
        }
        for way, images in views.items():
            said = lab.predict(scenes.model, lab.as_batch(np.stack(images), scenes)).argmax(dim=1).cpu().numpy()
            named[way] += (said == made.labels).astype(float).tolist()
            if i == 0:
                bench.pictures[way] = [scenes.class_names[k] for k in said]
        filled += [mask.sum() / ((box[2] - box[0]) * (box[3] - box[1])) for mask, box in zip(made.masks, boxes)]
        pieces.append(len(np.unique(made.labels)))
        if i == 0:
            bench.pictures.update(scene=made, boxes=boxes, names=[scenes.class_names[k] for k in made.labels])
    return {
        "network": scenes.name, "scenes": count, "objects": len(filled), "classes": measures.interval_of_sizes(pieces),
        "named": {way: measures.interval(right) for way, right in named.items()},
        "mask above box": measures.pair(named["its mask"], named["its box"]),
        "filled": measures.interval(filled),
    }  # fmt: skip


def find_box(mask: np.ndarray) -> Box:
    """The smallest box around a mask (H, W), which is not empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def move(box: Box, shape: tuple[int, ...], rng: np.random.Generator) -> Box:
    """A box of the same size anywhere in a picture of shape (H, W, ...)."""
    width, height = box[2] - box[0], box[3] - box[1]
    left, top = int(rng.integers(shape[1] - width + 1)), int(rng.integers(shape[0] - height + 1))
    return left, top, left + width, top + height


def hide(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The image with grey where the mask is not."""
    return np.where(mask[..., None], image, np.uint8(127))


def cut(image: np.ndarray, box: Box) -> np.ndarray:
    """Part of the image in the box, in the middle of a grey square a quarter larger, as the classifier wants it."""
    part = Image.fromarray(image).crop(box)
    side = round(1.25 * max(part.size))
    square = Image.new("RGB", (side, side), (127, 127, 127))
    square.paste(part, ((side - part.width) // 2, (side - part.height) // 2))
    return resize(np.asarray(square))


def resize(image: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(image).resize((SHOWN_TO, SHOWN_TO), Image.Resampling.BICUBIC))


def tabulate(numbers: Numbers) -> Table:
    objects, scenes = numbers["objects"] / numbers["scenes"], numbers["scenes"]
    columns: dict[str, Callable[[str], str]] = {
        "says": lambda name: ANSWERS[name],
        "how many things it tells apart": lambda name: {
            "classification": "1 (exact)", "semantic segmentation": lab.write_sizes(numbers["classes"], ".1f", ".0f")
        }.get(name, f"{objects:.0f} (exact)"),
        f"objects named rightly from that part ({numbers['objects']} in {scenes} scenes)": lambda name: {
            "classification": lab.write_interval(numbers["named"]["whole scene"]),
            "detection": lab.write_interval(numbers["named"]["its box"])
            + f"; a box elsewhere {lab.write_interval(numbers['named']['a box elsewhere'])}",
            "instance segmentation": lab.write_interval(numbers["named"]["its mask"]),
        }.get(name, "-"),
        "of its pixels on the object": lambda name: {
            "classification": "-", "detection": lab.write_interval(numbers["filled"])
        }.get(name, "100% (exact)"),
    }  # fmt: skip
    return Table.of("answer", ANSWERS, columns)


def conclude(numbers: Numbers) -> list[str]:
    named = {way: lab.write_interval(found) for way, found in numbers["named"].items()}
    above = numbers["mask above box"]
    verdict = lab.judge(above, "more often", "less often", "not shown to be more often")
    return [
        f"Of {numbers['objects']} objects in {numbers['scenes']} composed scenes the class of the whole picture is "
        f"right for {named['whole scene']}; from exact boxes the network names {named['its box']}, from boxes of the "
        f"same size elsewhere {named['a box elsewhere']}.",
        f"Only {lab.write_interval(numbers['filled'])} of a box is its object; from exact masks the network names "
        f"{named['its mask']}, {verdict} ({lab.write_interval(above, '+.0%')}).",
        f"The map of classes has every pixel right and still counts {numbers['classes'][0]:.0f} things where there are "
        f"{numbers['objects'] / numbers['scenes']:.0f}: two objects of one class are one to it, so ask for "
        "instances to count.",
    ]


def draw(numbers: Numbers, bench: Bench) -> "plots.Figure":
    from matplotlib.patches import Rectangle

    made: Collage = bench.pictures["scene"]
    names, boxes = bench.pictures["names"], bench.pictures["boxes"]
    kinds = {label: plots.OTHERS[i] for i, label in enumerate(dict.fromkeys(made.labels.tolist()))}
    fig = plots.sheet(1640, 860)
    above, below = plots.parts(fig, 2, 1, height_ratios=[1.6, 1])
    panels = above.subplots(1, 4)
    for axes, (answer, words) in zip(panels, ANSWERS.items()):
        plots.show(axes, made.image, answer, size=plots.HEADING, weight="bold")
        axes.set_xlabel(words, size=plots.TITLE)
    panels[0].text(0.5, 0.04, bench.pictures["whole scene"][0], transform=panels[0].transAxes, ha="center",
                   size=plots.HEADING, color="white", bbox={"facecolor": plots.INK, "edgecolor": "none"})  # fmt: skip
    for i, (label, mask, (left, top, right, bottom)) in enumerate(zip(made.labels.tolist(), made.masks, boxes)):
        panels[1].add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, linewidth=3,
                                      edgecolor=kinds[label]))  # fmt: skip
        for axes, colour, word in ((panels[1], kinds[label], names[i]), (panels[2], kinds[label], names[i]),
                                   (panels[3], plots.OTHERS[i], f"{names[i]} {i + 1}")):  # fmt: skip
            if axes is not panels[1]:
                paint = np.zeros((*mask.shape, 4))
                paint[mask] = (*(int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)), 0.85)
                axes.imshow(paint, interpolation="nearest")
            axes.text(left, max(top - 6, 14), word, size=plots.NOTE, color="white", va="bottom",
                      bbox={"facecolor": colour, "edgecolor": "none", "pad": 1.5})  # fmt: skip
    left, right = below.subplots(1, 2, width_ratios=[1.6, 1])
    for axes, found, title in (
        (left, numbers["named"], f"{numbers['objects']} objects named rightly, from"),
        (right, {"a box": numbers["filled"], "a mask": [1, 1, 1]}, "Part of it that is its object"),
    ):
        plots.plain(axes, title)
        for i, (name, (mean, low, high)) in enumerate(found.items()):
            axes.barh(i, 100 * mean, color=plots.OTHERS[0], alpha=0.35 if name == WAYS[-1] else 1)
            plots.whisker(axes, i, (100 * mean, 100 * low, 100 * high))
            axes.text(100 * high + 2, i, f"{mean:.0%}", va="center", size=plots.TITLE)
        axes.set_yticks(range(len(found)), list(found))
        axes.set_ylim(len(found) - 0.5, -0.5)
        axes.set_xlim(0, 112)
        axes.set_xticks([0, 50, 100], ["0", "50 %", "100 %"])
        axes.tick_params(axis="y", length=0)
    note = f"{numbers['network']}; {numbers['scenes']} scenes; boxes and masks are exact; bars: 90 % interval"
    return plots.head(fig, "One scene, four answers", note)


if __name__ == "__main__":
    lab.main()
