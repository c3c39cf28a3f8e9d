"""Question: how much of a mask can a decoder find that has learnt nothing?

Claim: the way back through an encoder is known without learning: its kernels turned by 180 degrees go where its
    convolutions came from, and its switches put each value where the maximum was. So what is strong in the coarse map
    comes out at its place, and an object stands out. What is learnt must be better than that.
Look at: the mean IoU by this decoder, by the same with a random trunk and by a Gaussian in the middle, each cut off
    where other scenes say; and by two decoders of `encoder_decoder` after a short training.
Paper: Zeiler et al. 2014 (https://arxiv.org/abs/1311.2901) for the way back; Noh et al. 2015
    (https://arxiv.org/abs/1505.04366) for the one that learns.

    python -m labs.segmentation.unlearnt_decoder
"""

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from figures import palette
from labs import decoders, lab, measures, plots
from labs.attribution.localisation import gaussian
from labs.composed import compose
from labs.lab import Bench, Numbers, Table
from labs.segmentation.encoder_decoder import HELD, only
from visualizers.network import relu_replaced_by

LEARNT = ("bilinear", "unpooling")
BACK, NO_TRUNK, MIDDLE = "kernels turned, switches", "the same, random trunk", "centred Gaussian"
SMOOTH = 3  # pixels, of the map that goes back
SHOWN = 4  # scenes


def measure(bench: Bench) -> Numbers:
    scenes = bench.scenes()
    source = bench.source if bench.source.architecture == "squeezenet1_1" else scenes
    size, count, tests, steps = (32, 16, 8, 2) if bench.quick else (64, 400, 96, 150)
    order = np.random.default_rng(bench.seed).permutation(len(scenes.images))
    lesson = compose(only(scenes, order[HELD:]), count, size, bench.seed)
    test = compose(only(scenes, order[:HELD]), tests, size, bench.seed + 1)
    X, new = (lab.as_batch(some.images, source) for some in (lesson, test))
    masks = torch.from_numpy(lesson.masks).to(X)
    found: dict[str, np.ndarray] = {}
    known = decoders.build("bilinear", source.cnn, bench.seed, pretrained=True).trunk
    unknown = decoders.build("bilinear", source.cnn, bench.seed, pretrained=False).trunk
    few = min(count, 96)  # scenes by which a map is cut off
    for name, trunk in ((BACK, known), (NO_TRUNK, unknown)):
        maps = [find_way_back(trunk, some) for some in (X[:few], new)]
        found[name] = maps[1] >= cut_off(maps[0], lesson.masks[:few])
        bench.pictures[f"{name}, map"] = maps[1][:SHOWN]
    middle = gaussian(size)[None]
    found[MIDDLE] = np.broadcast_to(middle >= cut_off(middle.repeat(few, axis=0), lesson.masks[:few]), test.masks.shape)
    for name in lab.progress(LEARNT, "training"):
        model = decoders.build(name, source.cnn, bench.seed, pretrained=True)
        for _ in decoders.train(model, X, masks, steps, bench.seed):
            pass
        found[name] = decoders.find(model.eval(), new).cpu().numpy()
    each = {name: measures.mean_iou(some, test.masks) for name, some in found.items()}
    bench.pictures.update(images=test.images[:SHOWN], masks=test.masks[:SHOWN])
    bench.pictures["found"] = {name: some[:SHOWN] for name, some in found.items()}
    return {
        "network": source.name, "tests": tests, "steps": steps,
        "iou": {name: measures.interval(values) for name, values in each.items()},
        "above": {name: measures.pair(each[BACK], each[name]) for name in each if name != BACK},
    }  # fmt: skip


def find_way_back(trunk: decoders.Trunk, X: Tensor) -> np.ndarray:
    """Lead the trunk's coarsest map back to the pixels, (N, H, W), each up to 1: turned kernels and switches, no ReLU.

    That is the gradient of half the map's square, with every ReLU let through: a convolution's is the convolution with
    the turned kernels, a pooling's puts each value to its maximum. Summed over colours, smoothed.
    """
    maps = []
    for some in X.split(16):
        some = some.clone().requires_grad_()
        with relu_replaced_by(let_through), torch.enable_grad():
            coarse = trunk(some).eighth
            (back,) = torch.autograd.grad(coarse, some, grad_outputs=coarse.detach())
        maps.append(back.abs().sum(dim=1).cpu().numpy())
    smooth = gaussian_filter(np.concatenate(maps), (0, SMOOTH, SMOOTH))
    return smooth / smooth.max(axis=(1, 2), keepdims=True).clip(1e-30)


def let_through(x: Tensor) -> Tensor:
    """A ReLU whose gradient is 1 everywhere."""
    return x + (x.relu() - x).detach()


def cut_off(maps: np.ndarray, masks: np.ndarray) -> float:
    """The value from which on maps (N, H, W) are called object, so that the mean IoU with the masks is highest."""
    values = np.quantile(maps, np.linspace(0.02, 0.98, 33))
    return float(max(values, key=lambda value: measures.mean_iou(maps >= value, masks).mean()))


def tabulate(numbers: Numbers) -> Table:
    return Table.of(f"decoder, {numbers['tests']} scenes of objects never seen", numbers["iou"], {
        "mean IoU (90 % interval)": lambda name: lab.write_interval(numbers["iou"][name]),
        f"“{BACK}” above it": lambda name: lab.write_interval(numbers["above"][name], "+.0%")
                                               if name in numbers["above"] else "-",
        "has learnt": lambda name: f"trunk; decoder, {numbers['steps']} steps" if name in LEARNT
                                   else "trunk" if name == BACK else "nothing",
    })  # fmt: skip


def conclude(numbers: Numbers) -> list[str]:
    words = {name: lab.write_interval(found) for name, found in numbers["iou"].items()}
    middle, random = numbers["above"][MIDDLE], numbers["above"][NO_TRUNK]
    best = max(LEARNT, key=lambda name: numbers["iou"][name][0])
    verdict = lab.judge(middle, "better", "worse", "which is not shown to be one")
    return [
        f"A decoder that has learnt nothing, the encoder's kernels turned by 180 degrees and its switches, has a mean "
        f"IoU of {words[BACK]} on {numbers['tests']} scenes, a Gaussian in the middle {words[MIDDLE]}: the difference, "
        f"scene by scene, is {lab.write_interval(middle, '+.0%')}, {verdict}.",
        f"With a random trunk it is {words[NO_TRUNK]}; what the trunk has learnt makes it "
        f"{lab.judge(random, 'better', 'worse', 'neither better nor worse')} ({lab.write_interval(random, '+.0%')}): "
        + ("so much is learnt, the rest is edges and contrast." if random[1] > 0 else
           "what comes back are edges and contrast, and nothing that the trunk has learnt."),
        f"After {numbers['steps']} steps of training {best} reaches {words[best]}, "
        f"{lab.write_interval(measures.turn(numbers['above'][best]), '+.0%')} more: where each maximum was "
        "is known, what belongs to the object must be learnt.",
    ]  # fmt: skip


def draw(numbers: Numbers, bench: Bench) -> "plots.Figure":
    names = list(numbers["iou"])
    fig = plots.sheet(1640, 900)
    left, right = plots.parts(fig, 1, 2, width_ratios=[2.3, 1])
    count = len(bench.pictures["images"])
    panels = left.subplots(count, 3 + len(names), squeeze=False)
    for i, row in enumerate(panels):
        shown = [bench.pictures["images"][i], as_grey(bench.pictures["masks"][i]),
                 palette.heat(bench.pictures[f"{BACK}, map"][i : i + 1])[0],
                 *[as_grey(bench.pictures["found"][name][i]) for name in names]]  # fmt: skip
        for axes, picture, title in zip(row, shown, ("never seen", "exact mask", "the way back", *names)):
            plots.show(axes, picture, "" if i else title.replace(", ", ",\n").replace(" ", "\n", 1), size=9)
    axes = plots.plain(right.subplots(), f"Mean IoU, {numbers['tests']} scenes, %")
    for i, name in enumerate(names):
        mean, low, high = (100 * value for value in numbers["iou"][name])
        colour = plots.OTHERS[0] if name == BACK else plots.OTHERS[2] if name in LEARNT else plots.FRAME
        axes.barh(i, mean, color=colour)
        plots.whisker(axes, i, (mean, low, high))
        axes.text(high + 2, i, f"{mean:.0f}", va="center", size=plots.TITLE)
    axes.set_yticks(range(len(names)), [name.replace(", ", ",\n") for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(0, 105)
    axes.tick_params(axis="y", length=0)
    note = f"{numbers['network']}; learnt: {' and '.join(LEARNT)}, {numbers['steps']} steps; bars: 90 % intervals"
    return plots.head(fig, "A decoder that has learnt nothing", note)


def as_grey(mask: np.ndarray) -> np.ndarray:
    """White with the mask dark, uint8 (H, W, 3)."""
    return np.where(mask[..., None], 60, 255).astype(np.uint8).repeat(3, axis=2)


if __name__ == "__main__":
    lab.main()
