"""Question: why do such small steps fool a network? Because it is too curved, or because it is too straight?

Claim: too straight. Along the sign of the gradient, by eps, a linear score moves by eps times the sum of the gradient's
    sizes, which grows with the number of pixel values, while each moves by eps alone. So the more values there are, the
    smaller an eps is enough, and a random direction of the same length hardly moves the score.
Look at: the margin along four directions beside the straight line that the gradient predicts, and the radius that is
    needed when only some of the pixel values may move.
Paper: Goodfellow, Shlens and Szegedy 2015 (https://arxiv.org/abs/1412.6572), sections 3 to 6.

    python -m labs.robustness.linearity
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from labs import attacking, lab, plots
from labs.lab import Bench, Numbers, Table
from labs.networks import COLOURS, LITE, ComparedNetwork, count_images, load_networks
from labs.querying import margin

WAYS = {  # what directions are called, and their colours
    "sign of the gradient": "#b8287f",
    "gradient": "#0072b2",
    "to the fooling image": "#e69f00",
    "random signs": "#777777",
}
WIDEST, NEAR = 8.0, 1.0  # of 255: as far as curves go, and where they may still be straight
NEEDED = [2.0**k for k in range(-4, 7)]  # of 255: radii that are tried
SHARES = [4.0**-k for k in range(6)]  # of the pixel values, that may move
PREDICTED = "radius, of 255 (dotted: what the gradient at 0 predicts)"
BESIDE = 16  # of 255: as far as scores of single classes are drawn, either way


def measure(bench: Bench) -> Numbers:
    points, draws = (3, 1) if bench.quick else (13, 3)
    networks = [c for c in load_networks(bench, 1 if bench.quick else 6) if c.name != LITE]
    radii, near = np.linspace(0, WIDEST, points).tolist(), np.linspace(0, NEAR, 5).tolist()
    numbers: Numbers = {"radii": radii, "networks": [c.name for c in networks], "images": [len(c.y) for c in networks]}
    numbers |= {"curves": {}, "lines": {}, "straight": {}, "needed": {}, "random": {}, "norms": {}}
    numbers["shares"] = SHARES[:2] if bench.quick else SHARES
    for c in lab.progress(networks, "linearity"):
        fooling = c.fooling_images(c.pixels, c.aims()) - c.pixels
        start, g = lab.values_and_gradient(partial(margin_of, c), c.pixels)
        generator = bench.generator()
        signs = [random_signs(g, generator) for _ in range(draws)]
        ways = dict(zip(WAYS, ([-g.sign()], [as_long(-g)], [as_long(fooling)], signs)))
        curves, lines = numbers["curves"].setdefault(c.name, {}), numbers["lines"].setdefault(c.name, {})
        for name, directions in ways.items():
            moved = torch.stack([along(c, direction, radii) for direction in directions])
            slopes = torch.stack([(g * direction).flatten(1).sum(dim=1) / 255 for direction in directions])
            curves[name] = (moved.mean(dim=(0, 2)) / start.mean()).tolist()
            lines[name] = float(slopes.mean() / start.mean())
        numbers["straight"][c.name] = [straight(along(c, -g.sign(), some_radii)) for some_radii in (near, radii)]
        flat = g.flatten(1)
        numbers["norms"][c.name] = float((flat.abs().sum(dim=1) / flat.norm(dim=1)).mean())
        numbers["needed"][c.name] = [half_radius(c, -g.sign() * some(g, part, bench)) for part in numbers["shares"]]
        numbers["random"][c.name] = half_radius(c, signs[0])
        if c is networks[0]:
            keep(bench, c, g, points)
    numbers["values"] = int(networks[0].pixels[0].numel())
    return numbers


def as_long(directions: Tensor) -> Tensor:
    """Each direction, made as long in L2 as signs are: the root of the number of its values."""
    return directions / attacking.lengths(directions).clamp(min=1e-30).view(-1, 1, 1, 1) * directions[0].numel() ** 0.5


def random_signs(like: Tensor, generator: torch.Generator) -> Tensor:
    return (torch.randint(2, like.shape, generator=generator) * 2.0 - 1).to(like)


def some(like: Tensor, share: float, bench: Bench) -> Tensor:
    """1 for about this share of the values, drawn at random, and 0 for the others; of a smaller share, some of them."""
    return (torch.rand(like.shape, generator=bench.generator()) < share).to(like)


def margin_of(c: ComparedNetwork, pixels: Tensor) -> Tensor:
    return margin(c.scores(pixels), c.y)


def along(c: ComparedNetwork, direction: Tensor, radii: Sequence[float]) -> Tensor:
    """The margin at x + radius / 255 * direction, (radii, N). Pixels may leave [0, 1]: a line has no corners."""
    with torch.no_grad():
        return torch.stack([margin_of(c, c.pixels + radius / 255 * direction) for radius in radii])


def half_radius(c: ComparedNetwork, direction: Tensor) -> float | None:
    """The smallest radius tried, of 255, within which half the images are wrong; None where none is enough."""
    wrong = torch.zeros(len(c.y), dtype=torch.bool, device=c.y.device)
    for radius in NEEDED:
        rows = (~wrong).nonzero()[:, 0]
        wrong[rows] = c.classify((c.pixels[rows] + radius / 255 * direction[rows]).clamp(0, 1)) != c.y[rows]
        if wrong.float().mean() >= 0.5:
            return radius
    return None


def straight(curves: Tensor) -> float:
    """R² of the best straight line through each curve (points, N), over equal distances; their mean."""
    y = curves.double().cpu().numpy()
    x = np.arange(len(y), dtype=float)
    scores = []
    for curve in y.T:
        rest = curve - np.polyval(np.polyfit(x, curve, 1), x)
        scores.append(1 - float((rest**2).sum()) / max(float(((curve - curve.mean()) ** 2).sum()), 1e-30))
    return float(np.mean(scores))


def keep(bench: Bench, c: ComparedNetwork, g: Tensor, points: int) -> None:
    """Keep one image's scores of five classes along the sign of the gradient, either way, and pictures from there."""
    radii = np.linspace(-BESIDE, BESIDE, 2 * points - 1)
    x = c.pixels[:1] - torch.from_numpy(radii).to(g).view(-1, 1, 1, 1) / 255 * g[:1].sign()
    scores = lab.predict(c.scores, x).cpu()
    classes = list(dict.fromkeys([int(c.y[0]), *scores.amax(dim=0).topk(5).indices.tolist()]))[:5]
    bench.pictures["radii"] = radii.tolist()
    bench.pictures["scores"] = {c.word(k): scores[:, k].tolist() for k in classes}
    rows = [0, len(radii) // 4, len(radii) // 2, 3 * len(radii) // 4, len(radii) - 1]
    said = scores.argmax(dim=1).tolist()
    bench.pictures["pictures"] = [
        (lab.to_picture(lab.from_pixels(x[i])), f"{radii[i]:+g}: {c.word(said[i])}") for i in rows
    ]


def tabulate(numbers: Numbers) -> Table:
    def slope(way: str, name: str) -> str:
        return f"{numbers['lines'][name][way]:+.2f}"

    def radius(one: float | None) -> str:
        return f"{one:g}" if one else f"> {NEEDED[-1]:g}"

    parts = ", ".join(f"1/{1 / share:.0f}" if share < 1 else "all" for share in numbers["shares"])
    images = dict(zip(numbers["networks"], numbers["images"]))
    table = Table.of("network", numbers["networks"], {
        **{f"slope: {way}": partial(slope, way) for way in WAYS},
        "straight within 1, within 8 of 255 (R²)": lambda name: lab.join(numbers["straight"][name], ".2f"),
        "L1 / L2": lambda name: f"{numbers['norms'][name]:.0f}",
        f"radius for half, by {parts} of the values": lambda name: ", ".join(map(radius, numbers["needed"][name])),
        "by random signs": lambda name: radius(numbers["random"][name]),
    })  # fmt: skip
    return Table(table.columns, [(f"{name}, {images[name]} images", *cells) for name, *cells in table.rows])


def conclude(numbers: Numbers) -> list[str]:
    first = numbers["networks"][0]
    lines, needed_ = numbers["lines"][first], numbers["needed"][first]
    ratio = lines["sign of the gradient"] / lines["gradient"]
    expected = np.sqrt(2 * numbers["values"] / np.pi)
    reached = [(share, one) for share, one in zip(numbers["shares"], needed_) if one]
    logs = np.log(np.array(reached).T)
    power = np.polyfit(logs[0], logs[1], 1)[0] if len(reached) > 1 else 0.0
    r2 = ", ".join(f"{near:.2f} and {far:.2f} ({name})" for name, (near, far) in numbers["straight"].items())
    near, far = numbers["straight"][first]
    return [
        f"One 255th along the sign of the gradient is to lower the margin of {first} by "
        f"{-lines['sign of the gradient']:.1f} times the margin, along random signs to change it by "
        f"{abs(lines['random signs']):.2f} times; the gradient's L1 is {numbers['norms'][first]:.0f} times its L2, "
        f"where {expected:.0f} would be of as many normal numbers, and the gradient itself, made as long in L2, does "
        f"{1 / ratio:.1f} times as much.",
        f"A straight line explains {r2} of the variance within 1 and within 8 of 255: "
        + ("straight all the way, as the paper says." if far > 0.9 else
           f"{first} is straight at first and bends then, sooner than the paper says." if near > 0.9 else
           f"{first} bends from the first step on, less straight than the paper says."),
        f"With fewer values the needed radius goes as their number to the power of {power:.2f}, where the line says "
        "-1: many small changes that add up are the reason, and "
        + (f"random signs need {numbers['random'][first]:g} of 255." if numbers["random"][first] else
           f"random signs do not reach it within {NEEDED[-1]:g} of 255."),
    ]  # fmt: skip


def draw(numbers: Numbers, bench: Bench) -> "plots.Figure":
    first, radii = numbers["networks"][0], numbers["radii"]
    fig = plots.sheet(1640, 960)
    above, below = plots.parts(fig, 2, 1, height_ratios=[1.2, 1])
    left, middle, right = above.subplots(1, 3)
    plots.plain(left, f"Margin along four directions, {first}", PREDICTED, "of the margin at 0 (below 0: wrong)")
    draw_margins(left, radii, numbers["curves"][first], numbers["lines"][first], WAYS)
    plots.plain(middle, "Along the sign of the gradient", PREDICTED)
    signs, slopes = ({name: found["sign of the gradient"] for name, found in numbers[key].items()}
                     for key in ("curves", "lines"))  # fmt: skip
    draw_margins(middle, radii, signs, slopes, COLOURS)
    lowest = min(min(curve) for one in numbers["curves"].values() for curve in one.values())
    for axes in (left, middle):
        axes.axhline(0, color=plots.FRAME, linewidth=1)
        axes.set_ylim(1.15 * lowest - 0.1, 1.6)
    plots.plain(right, "Radius that fools half the images", "pixel values that may move", "of 255", logx=10, logy=2)
    values = [share * numbers["values"] for share in numbers["shares"]]
    lines = {name: [one or np.nan for one in needed] for name, needed in numbers["needed"].items() if needed[0]}
    for name, line in lines.items():
        right.plot(values, line, "o-", color=COLOURS[name], linewidth=2, markersize=4)
        right.plot(values, [line[0] / share for share in numbers["shares"]], ":", color=COLOURS[name], linewidth=1.2)
    plots.name_ends(right, {name: (values[0], line[0]) for name, line in lines.items()}, COLOURS)
    right.set_ylim(NEEDED[0], 2 * NEEDED[-1])
    right.set_yticks(NEEDED[::2], [f"{radius:g}" for radius in NEEDED[::2]])
    right.text(0.02, 0.03, "dotted: twice the values, half the radius", transform=right.transAxes, size=plots.NOTE,
               color=plots.FAINT)  # fmt: skip
    left, right = plots.parts(below, 1, 2, width_ratios=[1, 1.5])
    axes = plots.plain(left.subplots(), "Scores along the sign of the gradient, one image", "of 255; 0 is the image")
    scores = bench.pictures["scores"]
    plots.curves(axes, bench.pictures["radii"], scores, dict(zip(scores, plots.OTHERS)), marker="")
    axes.axvline(0, color=plots.FRAME, linewidth=1)
    pictures, titles = zip(*bench.pictures["pictures"])
    plots.show_row(right, pictures, titles)
    note = f"{count_images(numbers)}. Below: {first}"
    return plots.head(fig, "Why small steps are enough: many values add up", note)


def draw_margins(
    axes: "plots.Axes",
    radii: Sequence[float],
    curves: dict[str, list[float]],
    slopes: dict[str, float],
    colours: dict[str, str],
) -> None:
    """The margins over the radius, and dotted what their slopes at 0 predict."""
    for name, slope in slopes.items():
        axes.plot(radii, 1 + slope * np.array(radii), ":", color=colours[name], linewidth=1.2)
    plots.curves(axes, radii, curves, colours, marker="")


if __name__ == "__main__":
    lab.main()
