"""Question: which pictures that are only worn, not attacked, does a network still know, and does robust training help there?

Claim: noise, blur, weather and compression make a network wrong that people hardly mind. Training against attacks helps
    against noise, which it resembles, and may hurt elsewhere, such as with fog and contrast.
Look at: the error for fifteen corruptions, each at five severities, for four networks; the mean corruption error, mCE,
    relative to a network of reference; one picture in all fifteen, with the first answer.
Paper: Hendrycks and Dietterich 2019 (https://arxiv.org/abs/1903.12261); Ford et al. 2019, robust training and
    corruptions (https://arxiv.org/abs/1901.10513).

    python -m labs.robustness.corruptions
"""

import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

import pretrained
from figures import script
from labs import lab, plots, worn
from labs.networks import COLOURS, PLAIN, ROBUST, ComparedNetwork, load_networks
from labs.lab import Bench, Numbers, Result, Table
from visualizers import GradCam

LOOKED = ("gaussian_noise", "defocus_blur", "fog", "contrast")  # one of each kind: where does Grad-CAM point?
SHEET = 3  # the severity of the pictures that are drawn


def measure(bench: Bench) -> Numbers:
    names = LOOKED if bench.quick else worn.NAMES
    severities = [1, 5] if bench.quick else list(worn.SEVERITIES)
    networks = load_networks(bench, 2 if bench.quick else 10, only_right=False)
    numbers: Numbers = {"networks": [c.name for c in networks], "images": {c.name: len(c.y) for c in networks}}
    numbers |= {"severities": severities, "reference": references(networks), "clean": {}, "errors": {}}
    shown = []
    numbers["peaks"] = peaks([c for c in networks if c.source.masks is not None], bench)
    for c in networks:
        numbers["clean"][c.name] = error(c, c.pixels)
        numbers["errors"][c.name] = {name: [] for name in names}
    for kind in lab.progress(dict.fromkeys(c.source.kind for c in networks), "corruptions"):
        alike = [c for c in networks if c.source.kind == kind]
        for name in names:
            for severity in severities:
                images = corruptions.corrupt(alike[0].images, name, severity, bench.seed)
                pixels = as_pixels(images).to(alike[0].pixels)
                for c in alike:
                    numbers["errors"][c.name][name].append(error(c, pixels))
                if alike[0] is networks[0] and severity == severities[len(severities) // 2]:
                    shown.append((images[0], networks[0].word(int(networks[0].classify(pixels[:1])[0]))))
    numbers |= {"mCE": {}, "relative": {}, "left out": {}}
    for c in networks:
        reference = numbers["reference"][c.name]
        numbers["mCE"][c.name], numbers["left out"][c.name] = mce(
            numbers["errors"][c.name], numbers["errors"][reference]
        )
        numbers["relative"][c.name] = relative_mce(numbers, c.name, reference)
    bench.pictures.update(sheet=dict(zip(names, shown)), label=networks[0].word(int(networks[0].y[0])))
    return numbers


def draw(numbers: Numbers, bench: Bench, path: Path) -> Path:
    names, networks = list(next(iter(numbers["errors"].values()))), list(numbers["networks"])
    fig = plots.sheet(1640, 1080)
    left, right = plots.parts(fig, 1, 2, width_ratios=[1, 1.55])
    axes = plots.plain(left.subplots(), "Error, mean over severities (bold: less than its like)")
    draw_errors(numbers, axes, names, networks)
    above, below = plots.parts(right, 2, 1, height_ratios=[1, 2.1])
    for axes, (kind, members) in zip(above.subplots(1, 4, sharey=True), worn.KINDS.items()):
        plots.plain(axes, kind, "severity")
        here = [name for name in members if name in names]
        for network in networks:
            line = [np.mean([numbers["errors"][network][name][i] for name in here])
                    for i in range(len(numbers["severities"]))]  # fmt: skip
            axes.plot([0, *numbers["severities"]], [100 * v for v in (numbers["clean"][network], *line)], "o-",
                      color=COLOURS[network], linewidth=2, markersize=3)  # fmt: skip
        axes.set_ylim(-4, 104)
        axes.set_yticks([0, 50, 100], ["0", "50 %", "100 %"])
        axes.set_xticks([0, 1, 3, 5])
    sheet = below.subplots(-(-len(names) // 5), min(5, len(names)), squeeze=False)
    for axes in sheet.ravel():
        axes.set_visible(False)
    for axes, (name, (image, said)) in zip(sheet.ravel(), bench.pictures["sheet"].items()):
        axes.set_visible(True)
        plots.show(axes, image, name.replace("_", " "))
        right_word = said == bench.pictures["label"]
        axes.set_xlabel(said, size=plots.NOTE, color="#00643c" if right_word else "#b3261e")
    note = "; ".join(f"{name}: {count} images" for name, count in numbers["images"].items())
    note += f". Pictures: severity {SHEET}, first answer of {networks[0]} (green: right)"
    return plots.save(fig, path, "Worn pictures: what is still known", note)


def draw_errors(numbers: Numbers, axes, names: Sequence[str], networks: Sequence[str]) -> None:
    """The mean error of each network for each corruption, as a table in colours."""
    values = np.array([[numbers["clean"][n] for n in networks],
                       *[[np.mean(numbers["errors"][n][name]) for n in networks] for name in names]])  # fmt: skip
    axes.imshow(values, cmap="Oranges", vmin=0, vmax=1, aspect="auto")
    for i, row in enumerate(values):
        for j, value in enumerate(row):
            pair = [k for k, n in enumerate(networks) if numbers["reference"][n] == numbers["reference"][networks[j]]]
            least = value <= min(row[pair]) and value < max(row[pair])
            axes.text(j, i, f"{value:.0%}", ha="center", va="center", size=plots.NOTE,
                      color="white" if value > 0.7 else plots.INK, weight="bold" if least else "normal")  # fmt: skip
    for j, network in enumerate(networks):
        axes.text(j, len(names) + 1, f"{numbers['mCE'][network]:.0f} %", ha="center", va="center", size=plots.TITLE,
                  color=COLOURS[network], weight="bold")  # fmt: skip
    axes.set_ylim(len(names) + 1.6, -0.5)
    rows = ["clean", *[name.replace("_", " ") for name in names], "mCE"]
    axes.set_yticks(range(len(rows)), rows)
    axes.set_xticks(range(len(networks)), [n.replace(", ", ",\n").replace("-", "-\n").replace("t 1", "t\n1")
                                           for n in networks])  # fmt: skip
    for label, network in zip(axes.get_xticklabels(), networks):
        label.set_color(COLOURS[network])
    axes.tick_params(length=0)


def tabulate(numbers: Numbers) -> Table:
    rows = []
    for name in numbers["networks"]:
        errors = numbers["errors"][name]
        kinds = [np.mean([np.mean(errors[one]) for one in members if one in errors]) for members in worn.KINDS.values()]
        rows.append((
            f"{name}, {numbers['images'][name]} images",
            f"{numbers['clean'][name]:.0%}",
            *[f"{value:.0%}" for value in kinds],
            f"{np.mean([np.mean(values) for values in errors.values()]):.0%}",
            f"{numbers['mCE'][name]:.0f} %, {numbers['relative'][name]} (to {numbers['reference'][name]}"
            + (f", without {numbers['left out'][name]} of no error)" if numbers["left out"][name] else ")"),
            ", ".join(f"{key} {value:.0%}" for key, value in numbers["peaks"].get(name, {}).items()) or "-",
        ))  # fmt: skip
    columns = ("network", "clean error", *worn.KINDS, "all", "mCE, relative mCE", "Grad-CAM's peak on the object")
    return Table(columns, rows)


def conclude(numbers: Numbers) -> list[str]:
    robust, plain = numbers["errors"][ROBUST], numbers["errors"][PLAIN]
    gain = {name: float(np.mean(plain[name]) - np.mean(robust[name])) for name in robust}
    noise = float(np.mean([gain[name] for name in worn.KINDS["noise"] if name in gain]))
    rest = {name: value for name, value in gain.items() if name not in worn.KINDS["noise"]}
    hurt = [name.replace("_", " ") for name, value in rest.items() if value < -0.02]
    helped = [name.replace("_", " ") for name, value in rest.items() if value > 0.02]
    worst = {network: max(errors, key=lambda name: np.mean(errors[name])).replace("_", " ")
             for network, errors in numbers["errors"].items()}  # fmt: skip
    first = numbers["networks"][0]
    peak = numbers["peaks"][ROBUST]
    return [
        f"Worn pictures raise the error of {first} from {numbers['clean'][first]:.0%} to "
        f"{np.mean([np.mean(v) for v in numbers['errors'][first].values()]):.0%}, most of all {worst[first]}; mCE: "
        + ", ".join(f"{name} {value:.0f} %" for name, value in numbers["mCE"].items()) + ".",
        f"Robust training {'lowers' if noise > 0.02 else 'raises' if noise < -0.02 else 'hardly changes'} the error "
        f"under noise by {abs(noise):.0%} of the images; elsewhere it helps with {', '.join(helped) or 'nothing'} and "
        f"hurts with {', '.join(hurt) or 'nothing'}.",
        "Grad-CAM's peak is on the object in " + ", ".join(f"{value:.0%} ({key})" for key, value in peak.items())
        + f" of the robust network's scenes, at the highest severity: {looking(peak)}",
    ]  # fmt: skip


def looking(peak: dict[str, float]) -> str:
    worst = min(peak.values())
    return ("it looks away with the worst of them, and so it errs." if worst < peak["clean"] - 0.2 else
            "it mostly looks at the object still, even where it names it wrongly.")  # fmt: skip


def as_pixels(images: np.ndarray) -> Tensor:
    """uint8 (N, H, W, 3) as (N, 3, H, W) in [0, 1]."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255


def error(c: ComparedNetwork, pixels: Tensor) -> float:
    """The share of the images that the network names wrongly."""
    return float((c.classify(pixels) != c.y).double().mean())


def references(networks: Sequence[ComparedNetwork]) -> dict[str, str]:
    """Relative to which network each mCE is (the paper's is AlexNet): the plain twin, or the first one for ImageNet."""
    return {c.name: PLAIN if c.source.masks is not None else networks[0].name for c in networks}


def mce(errors: dict[str, list[float]], reference: dict[str, list[float]]) -> tuple[float, int]:
    """The mean corruption error in percent: the mean, over corruptions c, of sum_s E[s, c] / sum_s E_reference[s, c].

    Corruptions at which the reference makes no error have no ratio; they are left out, and their number is returned.
    """
    ratios = [sum(errors[name]) / sum(other) for name, other in reference.items() if sum(other) > 0]
    return 100 * float(np.mean(ratios)) if ratios else 100.0, len(reference) - len(ratios)


def relative_mce(numbers: Numbers, name: str, reference: str) -> str:
    """The same of what each error is above the clean one, in words; "-" where the reference loses nothing."""
    above = {n: {key: [e - numbers["clean"][n] for e in values] for key, values in numbers["errors"][n].items()}
             for n in (name, reference)}  # fmt: skip
    value, _ = mce(above[name], above[reference])
    return f"{value:.0f} %" if any(sum(values) > 0 for values in above[reference].values()) else "-"


def peaks(networks: Sequence[ComparedNetwork], bench: Bench) -> dict[str, dict[str, float]]:
    """How often Grad-CAM's peak, for the true class, is on the object: clean, and at the highest severity of a few."""
    found: dict[str, dict[str, float]] = {}
    for c in networks:
        masks = np.asarray(c.source.masks)[list(c.rows)]
        cam = GradCam(c.source.gradcam_layer)
        found[c.name] = {}
        for name in ("clean", *LOOKED):
            images = c.images if name == "clean" else corruptions.corrupt(c.images, name, 5, bench.seed)
            with lab.ignoring("nothing in image"):  # a map of zeros has no peak
                maps = cam.grad_cam(lab.from_pixels(as_pixels(images).to(c.pixels)), c.y, c.model)
            hits = measures.peaks_on(maps, masks) & maps.any(axis=(1, 2))
            found[c.name][name.replace("_", " ")] = float(hits.mean())
    return found


if __name__ == "__main__":
    lab.main()
