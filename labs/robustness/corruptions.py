"""Question: which corrupted pictures does a network still know, and does robust training help there?

Claim: noise, blur, weather and compression make a network wrong that people hardly mind. Training against attacks helps
    against noise, which it resembles, and may hurt elsewhere, such as with fog and contrast.
Look at: the error under fifteen corruptions: on scenes, at five severities, of a robust network less its plain twin's,
    scene by scene; on photographs the mean corruption error, mCE, of four networks over their clean error, and the
    relative one, which takes off the clean error: does a better network also stand corruptions better?
Paper: Hendrycks and Dietterich 2019 (https://arxiv.org/abs/1903.12261); Ford et al. 2019, robust training and
    corruptions (https://arxiv.org/abs/1901.10513).

    python -m labs.robustness.corruptions
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from figures import script
from labs import lab, measures, plots
from labs.composed import compose
from labs.lab import Bench, Numbers, Table
from labs.networks import COLOURS, LITES, PLAIN, ROBUST, ComparedNetwork, load_networks
from visualizers import GradCam

LOOKED = ("gaussian_noise", "defocus_blur", "fog", "contrast")  # one of each kind: where does Grad-CAM point?
KINDS = {
    "noise": ("gaussian_noise", "shot_noise", "impulse_noise"),
    "blur": ("defocus_blur", "glass_blur", "motion_blur", "zoom_blur"),
    "weather": ("snow", "frost", "fog", "brightness"),
    "digital": ("contrast", "elastic_transform", "pixelate", "jpeg_compression"),
}
NAMES = tuple(name for names in KINDS.values() for name in names)
SEVERITIES = (1, 2, 3, 4, 5)
SEEDED = ("glass_blur", "impulse_noise")  # these draw from generators of their own, and take a seed
SHEET = 3  # the severity of the photographs
SIDE = 112  # pixels of the scenes


def measure(bench: Bench) -> Numbers:
    names = LOOKED if bench.quick else NAMES
    networks = compare(bench)
    first = networks[0]
    numbers: Numbers = {"networks": [c.name for c in networks], "images": {c.name: len(c.y) for c in networks}}
    # The paper's mCE is relative to AlexNet; ours to the plain twin, or to the first network of ImageNet's classes.
    numbers["reference"] = {c.name: first.name if c.masks is None else PLAIN for c in networks}
    numbers["severities"] = {c.name: severities_of(c, bench) for c in networks}
    numbers["peaks"] = {c.name: peaks(c, bench.seed) for c in networks if c.masks is not None}
    numbers["clean"] = {c.name: find_wrong(c, c.pixels).tolist() for c in networks}
    # Of each image: the share of severities at which it is named wrongly.
    wrong: dict[str, dict[str, list[float]]] = {c.name: {} for c in networks}
    sheet = {}
    for kind in lab.progress(dict.fromkeys(c.source.kind for c in networks), "corruptions"):
        alike = [c for c in networks if c.source.kind == kind]
        severities = severities_of(alike[0], bench)
        for name in names:
            made = [corrupt(alike[0].images, name, severity, bench.seed) for severity in severities]
            batches = [as_pixels(images).to(alike[0].pixels) for images in made]
            for c in alike:
                wrong[c.name][name] = np.mean([find_wrong(c, pixels) for pixels in batches], axis=0).tolist()
            if first in alike:
                middle = len(severities) // 2
                sheet[name] = (made[middle][0], first.name_first(batches[middle]))
    numbers |= {"wrong": wrong, "mCE": {}, "relative": {}}
    for c in networks:
        reference = numbers["reference"][c.name]
        clean = [np.array(numbers["clean"][name]) for name in (c.name, reference)]
        ours, theirs = (np.array(list(wrong[name].values())) for name in (c.name, reference))
        numbers["mCE"][c.name] = bootstrap_mce(ours, theirs, bench.seed)
        numbers["relative"][c.name] = bootstrap_mce(ours - clean[0], theirs - clean[1], bench.seed)
    bench.pictures.update(sheet=sheet, label=first.word(int(first.y[0])))
    return numbers


def compare(bench: Bench) -> list[ComparedNetwork]:
    """The networks: those of ImageNet on photographs, the embedded ones on new scenes, small ones, so that many fit."""
    most, others = (2, LITES[:1]) if bench.quick else (24, LITES)
    networks = load_networks(bench, most, only_right=False, others=others)
    scenes = bench.scenes()
    new = compose(scenes, 6 if bench.quick else 60, SIDE, bench.seed + 1)
    source = replace(scenes, images=new.images, labels=new.labels, masks=new.masks)
    _, X, y, _ = Bench(source).batch()
    pixels = lab.to_pixels(X).clamp(0, 1)
    small = [ComparedNetwork(c.name, c.model, source, range(len(y)), pixels, y)
             for c in networks if c.name in (ROBUST, PLAIN)]  # fmt: skip
    return [c for c in networks if c.name not in (ROBUST, PLAIN)] + small


def severities_of(c: ComparedNetwork, bench: Bench) -> Sequence[int]:
    """All of them for scenes, which are small; the middle one for photographs."""
    return [1, 5] if bench.quick else [SHEET] if c.masks is None else list(SEVERITIES)


def corrupt(images: np.ndarray, name: str, severity: int, seed: int) -> np.ndarray:
    """Images uint8 (N, H, W, 3), each corrupted; the same for the same seed. NumPy's random state is left as it was.

    Of the two packages that there are, `imagecorruptions` 1.1.2 fails at glass blur (scikit-image has no `multichannel`
    any more) and fog (NumPy has no `float_`), and needs pkg_resources, which new Pythons lack; its kept successor,
    `imagecorruptions-imaug` 1.1.5, makes all fifteen at all severities with the versions pinned here, and goes by the
    same name. It requires opencv-python, whose files are those of opencv-python-headless: where both are installed,
    they must have the same version.
    """
    try:
        from imagecorruptions import corrupt
    except ImportError as problem:  # none there, or one whose libraries are not
        raise script.UserError(
            f"expected the package imagecorruptions-imaug, got {problem}: "
            "sh environment/make_venv.sh labs/requirements.txt"
        ) from None
    state = np.random.get_state()  # noqa: NPY002 -- the package draws from NumPy's global generator
    try:
        np.random.seed(seed)  # noqa: NPY002
        with lab.ignoring(""):  # all of the package's and numba's own
            return np.stack([
                corrupt(image, severity, name, **({"seed": seed + i} if name in SEEDED else {}))
                for i, image in enumerate(images)
            ])  # fmt: skip
    finally:
        np.random.set_state(state)  # noqa: NPY002


def as_pixels(images: np.ndarray) -> Tensor:
    """uint8 (N, H, W, 3) as (N, 3, H, W) in [0, 1]."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255


def find_wrong(c: ComparedNetwork, pixels: Tensor) -> np.ndarray:
    """1 for each image that the network names wrongly, else 0, (N,)."""
    return (c.classify(pixels) != c.y).double().cpu().numpy()


def mce(ours: np.ndarray, reference: np.ndarray) -> float:
    """The mean corruption error in percent: the mean, over corruptions, of our errors' sum over the reference's.

    ours, reference: errors (corruptions, images), or what they are above the clean ones, which gives the relative mCE.
    Corruptions at which the reference loses nothing have no ratio and are left out; 100 where none is left.
    """
    a, b = ours.sum(axis=1), reference.sum(axis=1)
    return 100 * float((a[b > 0] / b[b > 0]).mean()) if (b > 0).any() else 100.0


def bootstrap_mce(ours: np.ndarray, reference: np.ndarray, seed: int) -> list[float]:
    """The mCE and the ends of its 90 % interval over images, as [value, low, high]."""
    rows = np.random.default_rng(seed).integers(ours.shape[1], size=(500, ours.shape[1]))
    draws = [mce(ours[:, some], reference[:, some]) for some in rows]
    return [mce(ours, reference), *(float(end) for end in np.quantile(draws, (0.05, 0.95)))]


def gain(numbers: Numbers, name: str) -> list[float]:
    """Interval of the plain twin's error less the robust network's, scene by scene."""
    return measures.pair(numbers["wrong"][PLAIN][name], numbers["wrong"][ROBUST][name])


def peaks(c: ComparedNetwork, seed: int) -> dict[str, list[float]]:
    """Interval of the share of Grad-CAM's peaks, for the true class, that are on the object: clean, and at the highest
    severity of a few.
    """
    found = {}
    for name in ("clean", *LOOKED):
        images = c.images if name == "clean" else corrupt(c.images, name, 5, seed)
        X = lab.from_pixels(as_pixels(images).to(c.pixels))
        with lab.ignoring("nothing in image"):  # a map of zeros has no peak
            maps = GradCam(c.source.gradcam_layer).grad_cam(X, c.y, c.model)
        hits = measures.peaks_on(maps, np.asarray(c.masks)) & maps.any(axis=(1, 2))
        found[name.replace("_", " ")] = measures.interval(hits)
    return found


def tabulate(numbers: Numbers) -> Table:
    wrong = numbers["wrong"]

    def mean(members: Sequence[str]) -> Callable[[str], str]:
        def cell(name: str) -> str:
            found = [wrong[name][one] for one in members if one in wrong[name]]
            return lab.write_mean(np.mean(found, axis=0))

        return cell

    def peak(name: str) -> str:
        found = numbers["peaks"].get(name, {})
        return ", ".join(f"{key} {lab.write_interval(one)}" for key, one in found.items()) or "-"

    def relative_to(key: str) -> Callable[[str], str]:
        return lambda name: write_mce(numbers, key, name)

    table = Table.of("network", numbers["networks"], {
        "severities": lambda name: lab.join(numbers["severities"][name], ""),
        "clean error (90 % interval)": lambda name: lab.write_mean(numbers["clean"][name]),
        **{kind: mean(members) for kind, members in KINDS.items()},
        "all": mean(NAMES),
        "mCE": relative_to("mCE"),
        "relative mCE": relative_to("relative"),
        "relative to": lambda name: numbers["reference"][name],
        "Grad-CAM's peak on the object": peak,
    })  # fmt: skip
    rows = [(f"{name}, {numbers['images'][name]} images", *row) for name, *row in table.rows]
    empty = [""] * (len(table.columns) - 2)
    gains = [(f"robust better under {name.replace('_', ' ')}", lab.write_interval(gain(numbers, name), "+.0%"), *empty)
             for name in wrong[ROBUST]]  # fmt: skip
    return Table(table.columns, rows + gains)


def write_mce(numbers: Numbers, key: str, name: str) -> str:
    """Words for a network's mCE, or relative mCE, and its interval."""
    own = numbers["reference"][name] == name
    return "100 (its own reference)" if own else lab.write_interval(numbers[key][name], ".0f")


def conclude(numbers: Numbers) -> list[str]:
    gains = {name.replace("_", " "): gain(numbers, name) for name in numbers["wrong"][ROBUST]}
    helped = [f"{name} {lab.write_interval(found, '.0%')}" for name, found in gains.items() if found[1] > 0]
    hurt = [
        f"{name} {lab.write_interval(measures.turn(found), '.0%')}" for name, found in gains.items() if found[2] < 0
    ]
    rest = [name for name, found in gains.items() if found[1] <= 0 <= found[2]]
    first = numbers["networks"][0]
    alike = [name for name in numbers["networks"] if numbers["reference"][name] == numbers["reference"][first]]
    points = "; ".join(f"{name} {lab.write_mean(numbers['clean'][name])}, "
                       f"{write_mce(numbers, 'mCE', name)}, {write_mce(numbers, 'relative', name)}"
                       for name in alike)  # fmt: skip
    better = [name for name in alike if numbers["relative"][name][2] < 100]
    peak = numbers["peaks"][ROBUST]
    return [
        f"On {numbers['images'][ROBUST]} scenes robust training lowers the error with {', '.join(helped) or 'nothing'}"
        f"; it raises it with {', '.join(hurt) or 'nothing'}; neither is shown with {', '.join(rest) or 'any other'}.",
        f"Clean error, mCE and relative mCE on {numbers['images'][first]} images: {points}: that "
        + (f"corruptions add less errors than to {first}'s is shown for {', '.join(better)}." if better else
           f"corruptions add less errors than to {first}'s is shown for none: what is better is the clean error."),
        "Grad-CAM's peak is on the object in "
        + ", ".join(f"{lab.write_interval(found)} ({key})" for key, found in peak.items())
        + " of the robust network's scenes, at the highest severity.",
    ]  # fmt: skip


def draw(numbers: Numbers, bench: Bench) -> "plots.Figure":
    networks, names = numbers["networks"], list(numbers["wrong"][ROBUST])
    fig = plots.sheet(1640, 1080)
    left, right = plots.parts(fig, 1, 2, width_ratios=[1, 1.45])
    gains = plots.plain(left.subplots(), f"Robust better than plain, {numbers['images'][ROBUST]} scenes",
                        "points of error (right of the line: robust training helps)")  # fmt: skip
    for i, name in enumerate(names):
        mean, low, high = (100 * value for value in gain(numbers, name))
        colour = COLOURS[ROBUST] if low > 0 else COLOURS[PLAIN] if high < 0 else plots.FAINT
        plots.whisker(gains, i, (mean, low, high), fmt="o", color=colour, linewidth=2)
    gains.axvline(0, color=plots.FRAME, linewidth=1)
    gains.set_yticks(range(len(names)), [name.replace("_", " ") for name in names])
    gains.set_ylim(len(names) - 0.5, -0.5)
    above, below = plots.parts(right, 2, 1, height_ratios=[1, 1.6])
    first = networks[0]
    alike = [name for name in networks if numbers["reference"][name] == numbers["reference"][first]]
    for axes, key, title in zip(above.subplots(1, 2), ("mCE", "relative"), ("mCE", "Relative mCE")):
        plots.plain(axes, f"{numbers['images'][first]} images ({first}: 100)", "clean error, %", f"{title}, %")
        for name in alike:
            x = 100 * np.array(measures.interval(numbers["clean"][name]))
            y = numbers[key][name]
            axes.errorbar(x[0], y[0], xerr=[[x[0] - x[1]], [x[2] - x[0]]], yerr=[[y[0] - y[1]], [y[2] - y[0]]],
                          fmt="o", color=COLOURS[name], capsize=3)  # fmt: skip
        axes.set_xlim(left=0)
        axes.set_ylim(0, 1.05 * max(*(numbers[key][name][2] for name in alike), 100))
        plots.name_ends(axes, {name: (axes.get_xlim()[1], numbers[key][name][0]) for name in alike}, COLOURS)
    sheet = below.subplots(-(-len(names) // 5), min(5, len(names)), squeeze=False).ravel()
    for axes, (name, (image, said)) in zip(sheet, bench.pictures["sheet"].items()):
        plots.show(axes, image, name.replace("_", " "))
        axes.set_xlabel(said, size=plots.NOTE, color="#00643c" if said == bench.pictures["label"] else "#b3261e")
    for axes in sheet[len(names) :]:
        axes.set_visible(False)
    note = f"Bars: 90 % intervals over images. Pictures: severity {SHEET}, first answer of {first} (green: right)"
    return plots.head(fig, "Corrupted pictures: what is still known", note)


if __name__ == "__main__":
    lab.main()
