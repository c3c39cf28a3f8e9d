"""Question: which corrupted pictures does a network still know, and does robust training help there?

Claim: noise, blur, weather and compression make a network wrong that people hardly mind. Training against attacks helps
    against noise, which it resembles, and may hurt elsewhere, such as with fog and contrast.
Look at: the error for fifteen corruptions, each at five severities, for four networks; the mean corruption error, mCE,
    relative to a network of reference; one picture in all fifteen, with the first answer.
Paper: Hendrycks and Dietterich 2019 (https://arxiv.org/abs/1903.12261); Ford et al. 2019, robust training and
    corruptions (https://arxiv.org/abs/1901.10513).

    python -m labs.robustness.corruptions
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from figures import script
from labs import lab, measures, plots
from labs.lab import Bench, Numbers, Table
from labs.networks import COLOURS, PLAIN, ROBUST, ComparedNetwork, load_networks
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
SHEET = 3  # the severity of the pictures that are drawn


def measure(bench: Bench) -> Numbers:
    names = LOOKED if bench.quick else NAMES
    severities = [1, 5] if bench.quick else list(SEVERITIES)
    networks = load_networks(bench, 2 if bench.quick else 10, only_right=False)
    first = networks[0]
    numbers: Numbers = {"networks": [c.name for c in networks], "images": {c.name: len(c.y) for c in networks}}
    # The paper's mCE is relative to AlexNet; ours to the plain twin, or to the first network of ImageNet's classes.
    numbers["reference"] = {c.name: first.name if c.masks is None else PLAIN for c in networks}
    numbers |= {"severities": severities, "mCE": {}, "relative": {}, "left out": {}}
    numbers["peaks"] = {c.name: peaks(c, bench.seed) for c in networks if c.masks is not None}
    numbers["clean"] = {c.name: error(c, c.pixels) for c in networks}
    numbers["errors"] = {c.name: {name: [] for name in names} for c in networks}
    sheet = {}
    for kind in lab.progress(dict.fromkeys(c.source.kind for c in networks), "corruptions"):
        alike = [c for c in networks if c.source.kind == kind]
        for name in names:
            for severity in severities:
                images = corrupt(alike[0].images, name, severity, bench.seed)
                pixels = as_pixels(images).to(alike[0].pixels)
                for c in alike:
                    numbers["errors"][c.name][name].append(error(c, pixels))
                if first in alike and severity == severities[len(severities) // 2]:
                    sheet[name] = (images[0], first.name_first(pixels))
    for c in networks:
        reference = numbers["reference"][c.name]
        numbers["mCE"][c.name], numbers["left out"][c.name] = mce(
            numbers["errors"][c.name], numbers["errors"][reference]
        )
        numbers["relative"][c.name] = relative_mce(numbers, c.name, reference)
    bench.pictures.update(sheet=sheet, label=first.word(int(first.y[0])))
    return numbers


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


def error(c: ComparedNetwork, pixels: Tensor) -> float:
    """The share of the images that the network names wrongly."""
    return float((c.classify(pixels) != c.y).double().mean())


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


def peaks(c: ComparedNetwork, seed: int) -> dict[str, float]:
    """The share of Grad-CAM's peaks, for the true class, on the object: clean, and at the highest severity of a few."""
    found = {}
    for name in ("clean", *LOOKED):
        images = c.images if name == "clean" else corrupt(c.images, name, 5, seed)
        X = lab.from_pixels(as_pixels(images).to(c.pixels))
        with lab.ignoring("nothing in image"):  # a map of zeros has no peak
            maps = GradCam(c.source.gradcam_layer).grad_cam(X, c.y, c.model)
        hits = measures.peaks_on(maps, np.asarray(c.masks)) & maps.any(axis=(1, 2))
        found[name.replace("_", " ")] = float(hits.mean())
    return found


def tabulate(numbers: Numbers) -> Table:
    errors = {network: {name: np.mean(values) for name, values in found.items()}
              for network, found in numbers["errors"].items()}  # fmt: skip

    def relative(name: str) -> str:
        left = numbers["left out"][name]
        words = f"{numbers['mCE'][name]:.0f} %, {numbers['relative'][name]} (to {numbers['reference'][name]}"
        return words + (f", without {left} of no error)" if left else ")")

    def peak(name: str) -> str:
        return ", ".join(f"{key} {value:.0%}" for key, value in numbers["peaks"].get(name, {}).items()) or "-"

    def mean(members: Sequence[str]) -> Callable[[str], str]:
        return lambda name: f"{np.mean([errors[name][one] for one in members if one in errors[name]]):.0%}"

    table = Table.of("network", numbers["networks"], {
        "clean error": lambda name: f"{numbers['clean'][name]:.0%}",
        **{kind: mean(members) for kind, members in KINDS.items()},
        "all": mean(NAMES),
        "mCE, relative mCE": relative,
        "Grad-CAM's peak on the object": peak,
    })  # fmt: skip
    return Table(table.columns, [(f"{name}, {numbers['images'][name]} images", *row) for name, *row in table.rows])


def conclude(numbers: Numbers) -> list[str]:
    robust, plain = numbers["errors"][ROBUST], numbers["errors"][PLAIN]
    gain = {name: float(np.mean(plain[name]) - np.mean(robust[name])) for name in robust}
    noise = float(np.mean([gain[name] for name in KINDS["noise"] if name in gain]))
    rest = {name.replace("_", " "): value for name, value in gain.items() if name not in KINDS["noise"]}
    hurt = [name for name, value in rest.items() if value < -0.02]
    helped = [name for name, value in rest.items() if value > 0.02]
    first = numbers["networks"][0]
    errors = {name: np.mean(values) for name, values in numbers["errors"][first].items()}
    worst = max(errors, key=errors.__getitem__).replace("_", " ")
    peak = numbers["peaks"][ROBUST]
    looks_away = min(peak.values()) < peak["clean"] - 0.2
    return [
        f"Corrupted pictures raise the error of {first} from {numbers['clean'][first]:.0%} to "
        f"{np.mean(list(errors.values())):.0%}, most of all {worst}; mCE: "
        + ", ".join(f"{name} {value:.0f} %" for name, value in numbers["mCE"].items()) + ".",
        f"Robust training {'lowers' if noise > 0.02 else 'raises' if noise < -0.02 else 'hardly changes'} the error "
        f"under noise by {abs(noise):.0%} of the images; elsewhere it helps with {', '.join(helped) or 'nothing'} and "
        f"hurts with {', '.join(hurt) or 'nothing'}.",
        "Grad-CAM's peak is on the object in " + ", ".join(f"{value:.0%} ({key})" for key, value in peak.items())
        + " of the robust network's scenes, at the highest severity: "
        + ("it looks away with the worst of them, and so it errs." if looks_away else
           "it mostly looks at the object still, even where it names it wrongly."),
    ]  # fmt: skip


def draw(numbers: Numbers, bench: Bench) -> "plots.Figure":
    networks, errors = numbers["networks"], numbers["errors"]
    names = list(errors[networks[0]])
    fig = plots.sheet(1640, 1080)
    left, right = plots.parts(fig, 1, 2, width_ratios=[1, 1.55])
    axes = plots.plain(left.subplots(), "Error, mean over severities (bold: less than its like)")
    draw_errors(numbers, axes, names, networks)
    above, below = plots.parts(right, 2, 1, height_ratios=[1, 2.1])
    for axes, (kind, members) in zip(above.subplots(1, 4, sharey=True), KINDS.items()):
        plots.plain(axes, kind, "severity")
        for network in networks:
            line = np.mean([errors[network][name] for name in members if name in names], axis=0)
            axes.plot([0, *numbers["severities"]], [100 * v for v in (numbers["clean"][network], *line)], "o-",
                      color=COLOURS[network], linewidth=2, markersize=3)  # fmt: skip
        plots.percent(axes)
        axes.set_xticks([0, 1, 3, 5])
    sheet = below.subplots(-(-len(names) // 5), min(5, len(names)), squeeze=False).ravel()
    for axes, (name, (image, said)) in zip(sheet, bench.pictures["sheet"].items()):
        plots.show(axes, image, name.replace("_", " "))
        axes.set_xlabel(said, size=plots.NOTE, color="#00643c" if said == bench.pictures["label"] else "#b3261e")
    for axes in sheet[len(names) :]:
        axes.set_visible(False)
    note = "; ".join(f"{name}: {count} images" for name, count in numbers["images"].items())
    note += f". Pictures: severity {SHEET}, first answer of {networks[0]} (green: right)"
    return plots.head(fig, "Corrupted pictures: what is still known", note)


def draw_errors(numbers: Numbers, axes: "plots.Axes", names: Sequence[str], networks: Sequence[str]) -> None:
    """The mean error of each network for each corruption, as a table in colours."""
    values = np.array([[numbers["clean"][n] for n in networks],
                       *[[np.mean(numbers["errors"][n][name]) for n in networks] for name in names]])  # fmt: skip
    plots.cells(axes, values, [[f"{value:.0%}" for value in row] for row in values], 0.7, "Oranges", aspect="auto")
    for text, (i, j) in zip(axes.texts, np.ndindex(values.shape)):
        row, reference = values[i], numbers["reference"][networks[j]]
        pair = [value for value, network in zip(row, networks) if numbers["reference"][network] == reference]
        text.set_fontweight("bold" if min(pair) == row[j] < max(pair) else "normal")
    for j, network in enumerate(networks):
        axes.text(j, len(names) + 1, f"{numbers['mCE'][network]:.0f} %", ha="center", va="center", size=plots.TITLE,
                  color=COLOURS[network], weight="bold")  # fmt: skip
    axes.set_ylim(len(names) + 1.6, -0.5)
    rows = ["clean", *[name.replace("_", " ") for name in names], "mCE"]
    axes.set_yticks(range(len(rows)), rows)
    plots.name_ticks(axes, "x", networks, COLOURS, broken=True)
    axes.tick_params(length=0)


if __name__ == "__main__":
    lab.main()
