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

from labs import attacking, lab, measures, plots
from labs.lab import Bench, Numbers, Table
from labs.networks import COLOURS, LITE, ComparedNetwork, count_images, load_networks, write_radius
from labs.querying import margin

MOST = 16  # images for each network
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
    points, draws = (3, 1) if bench.quick else (9, 2)
    networks = [c for c in load_networks(bench, 1 if bench.quick else MOST) if c.name != LITE]
    radii, near = np.linspace(0, WIDEST, points).tolist(), np.linspace(0, NEAR, 5).tolist()
    numbers: Numbers = {"radii": radii, "networks": [c.name for c in networks], "images": [len(c.y) for c in networks]}
    numbers |= {"curves": {}, "lines": {}, "longer": {}, "straight": {}, "needed": {}, "random": {}, "norms": {}}
    numbers["shares"] = SHARES[:2] if bench.quick else SHARES
    for c in lab.progress(networks, "linearity"):
        fooling = c.fooling_images(c.pixels, c.aims()) - c.pixels
        start, g = lab.values_and_gradient(partial(margin_of, c), c.pixels)
        generator = bench.generator()
        signs = [random_signs(g, generator) for _ in range(draws)]
        ways = dict(zip(WAYS, ([-g.sign()], [as_long(-g)], [as_long(fooling)], signs)))
        curves, lines = numbers["curves"].setdefault(c.name, {}), numbers["lines"].setdefault(c.name, {})
        slopes, moved = {}, {}
        for name, directions in ways.items():
            moved[name] = torch.stack([along(c, direction, radii) for direction in directions]).mean(dim=0)
            slopes[name] = torch.stack([(g * way).flatten(1).sum(dim=1) / 255 for way in directions]).mean(dim=0)
            curves[name] = [of_all(values, start) for values in moved[name]]
            lines[name] = of_all(slopes[name], start)
        numbers["longer"][c.name] = of_all(slopes["gradient"], slopes["sign of the gradient"])
        near_by = along(c, -g.sign(), near)
        numbers["straight"][c.name] = [straight(curve) for curve in (near_by, moved["sign of the gradient"])]
        flat = g.flatten(1)
        numbers["norms"][c.name] = (flat.abs().sum(dim=1) / flat.norm(dim=1)).tolist()
        numbers["needed"][c.name] = [find_needed(c, -g.sign() * some(g, part, bench)) for part in numbers["shares"]]
        numbers["random"][c.name] = find_needed(c, signs[0])
        if c is networks[0]:
            keep(bench, c, g, points)
    numbers["values"] = int(networks[0].pixels[0].numel())
    return numbers


def of_all(part: Tensor, whole: Tensor) -> list[float]:
    """The sum over images of one over that of the other, with its interval."""
    return measures.bootstrap(measures.of_sums, part.cpu().double().numpy(), whole.cpu().double().numpy())


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


def find_needed(c: ComparedNetwork, direction: Tensor) -> list[float]:
    """The smallest radius tried, of 255, within which each image is wrong; twice the largest where none is enough."""
    found = torch.full((len(c.y),), 2 * NEEDED[-1], device=c.y.device)
    for radius in NEEDED:
        rows = (found > NEEDED[-1]).nonzero()[:, 0]
        if len(rows):
            said = c.classify((c.pixels[rows] + radius / 255 * direction[rows]).clamp(0, 1))
            found[rows[said != c.y[rows]]] = radius
    return found.tolist()


def straight(curves: Tensor) -> list[float]:
    """R² of the best straight line through each curve (points, N), over equal distances."""
    y = curves.double().cpu().numpy()
    x = np.arange(len(y), dtype=float)
    scores = []
    for curve in y.T:
        rest = curve - np.polyval(np.polyfit(x, curve, 1), x)
        scores.append(1 - float((rest**2).sum()) / max(float(((curve - curve.mean()) ** 2).sum()), 1e-30))
    return scores


def fit_power(shares: np.ndarray, needed: np.ndarray) -> float:
    """The power of the number of values with which the median of the radii (shares, N) goes."""
    return float(np.polyfit(np.log(shares), np.log(measures.lower_median(needed)), 1)[0])


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
        return lab.write_interval(numbers["lines"][name][way], "+.2f")

    def r2(i: int, name: str) -> str:
        return lab.write_mean(numbers["straight"][name][i], ".2f")

    def radius(i: int, name: str) -> str:
        return write_radius(numbers["needed"][name][i], NEEDED[-1])

    images = dict(zip(numbers["networks"], numbers["images"]))
    parts = [f"1/{1 / share:.0f}" if share < 1 else "all" for share in numbers["shares"]]
    table = Table.of("network (90 % interval)", numbers["networks"], {
        **{f"slope: {way}": partial(slope, way) for way in WAYS},
        **{f"straight within {end:g} of 255 (R²)": partial(r2, i) for i, end in enumerate((NEAR, WIDEST))},
        "L1 / L2": lambda name: lab.write_mean(numbers["norms"][name], ".0f"),
        **{f"radius for half, by {part} of the values": partial(radius, i) for i, part in enumerate(parts)},
        "by random signs": lambda name: write_radius(numbers["random"][name], NEEDED[-1]),
    })  # fmt: skip
    return Table(table.columns, [(f"{name}, {images[name]} images", *cells) for name, *cells in table.rows])


def conclude(numbers: Numbers) -> list[str]:
    first = numbers["networks"][0]
    lines = numbers["lines"][first]
    expected = np.sqrt(2 * numbers["values"] / np.pi)
    squares = {name: [measures.interval(one) for one in found] for name, found in numbers["straight"].items()}
    r2 = ", ".join(f"{lab.write_interval(near, '.2f')} and {lab.write_interval(far, '.2f')} ({name})"
                   for name, (near, far) in squares.items())  # fmt: skip
    near, far = squares[first]
    power = power_of(numbers)
    return [
        f"Were {first} straight, one 255th along the sign of the gradient would change the margin by which it is right "
        f"({numbers['images'][0]} images) by {lab.write_interval(lines['sign of the gradient'], '+.1f')} times itself, "
        f"along random signs by {lab.write_interval(lines['random signs'], '+.2f')} times; the gradient's L1 is "
        f"{lab.write_mean(numbers['norms'][first], '.0f')} times its L2 (of as many numbers "
        f"from a normal distribution {expected:.0f}), and the gradient itself, made as long in L2, does "
        f"{lab.write_interval(numbers['longer'][first], '.1f')} times as much.",
        f"Of the variance within {NEAR:g} and within {WIDEST:g} of 255 a straight line explains {r2}: "
        + (f"{first} is straight all the way, as the paper says." if far[1] > 0.9 else
           f"{first} is straight at first and bends then, sooner than the paper says." if near[1] > 0.9 > far[2] else
           f"{first} bends from the first step on, less straight than the paper says." if near[2] < 0.9 else
           f"how straight {first} is is not shown."),
        ("With fewer values the needed radius goes as their number to the power of "
         f"{lab.write_interval(power, '.2f')}, where the line says -1"
         f" ({lab.judge([end + 1 for end in power], 'less steeply', 'more steeply')}); " if power else
         "How the needed radius goes with fewer values is not shown, as too few radii were enough; ")
        + f"half the images are wrong within {write_radius(numbers['needed'][first][0], NEEDED[-1])} of 255 along the "
        f"signs of the gradient, within {write_radius(numbers['random'][first], NEEDED[-1])} along random signs.",
    ]  # fmt: skip


def power_of(numbers: Numbers) -> list[float] | None:
    """Interval of the first network's power, over the shares with which half its images became wrong, if two did."""
    radii = np.array(numbers["needed"][numbers["networks"][0]])
    known = measures.lower_median(radii) <= NEEDED[-1]
    if known.sum() < 2:
        return None
    return measures.bootstrap(partial(fit_power, np.array(numbers["shares"])[known]), radii[known])


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
    lowest = min(low for one in numbers["curves"].values() for curve in one.values() for _, low, _ in curve)
    for axes in (left, middle):
        axes.axhline(0, color=plots.FRAME, linewidth=1)
        axes.set_ylim(1.15 * lowest - 0.1, 1.6)
    plots.plain(right, "Radius that fools half the images", "pixel values that may move", "of 255", logx=10, logy=2)
    values = np.array([share * numbers["values"] for share in numbers["shares"]])
    ends = {}
    for name, radii_ in numbers["needed"].items():
        line, low, high = np.array([measures.median(one) for one in radii_]).T
        known = line <= NEEDED[-1]
        if known[0]:
            right.plot(values[known], line[known], "o-", color=COLOURS[name], linewidth=2, markersize=4)
            right.fill_between(values[known], low[known], high[known], color=COLOURS[name], alpha=0.15, linewidth=0)
            right.plot(values, line[0] * values[0] / values, ":", color=COLOURS[name], linewidth=1.2)
            ends[name] = (values[0], line[0])
    plots.name_ends(right, ends, COLOURS)
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
    note = f"{count_images(numbers)}; bands: 90 % intervals. Below: {first}"
    return plots.head(fig, "Why small steps are enough: many values add up", note)


def draw_margins(
    axes: "plots.Axes",
    radii: Sequence[float],
    curves: dict[str, list[list[float]]],
    slopes: dict[str, list[float]],
    colours: dict[str, str],
) -> None:
    """The margins over the radius with their intervals, and dotted what their slopes at 0 predict."""
    for name, (slope, _, _) in slopes.items():
        axes.plot(radii, 1 + slope * np.array(radii), ":", color=colours[name], linewidth=1.2)
    plots.interval_curves(axes, radii, curves, colours, "")


if __name__ == "__main__":
    lab.main()
