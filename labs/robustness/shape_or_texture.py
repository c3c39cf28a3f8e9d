"""Question: does a network go by shape or by texture, and does robust training change that?

Claim: where the two disagree, networks trained on ImageNet answer with the texture and people with the shape: a cat in
    an elephant's skin is an elephant to them. Adversarially trained networks go more by shape.
Look at: a cat in a cheetah's coat; for each class the share of shape among all answers that are shape or texture; what
    is still known of silhouettes, edges and shuffled patches.
Paper: Geirhos et al. 2019 (https://arxiv.org/abs/1811.12231); Zhang and Zhu 2019 for robust networks
    (https://arxiv.org/abs/1905.09797).

    python -m labs.robustness.shape_or_texture
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

import pretrained
from labs import cues, lab, plots
from labs.lab import Bench, Numbers, Table
from labs.networks import COLOURS, ROBUST, ComparedNetwork, load_networks
from pretrained import photographs

STRENGTHS = (0.05, 0.2, 1.0)  # times the style's weight of the assignment's pictures: from a tint to a coat
CUES = ("as it is", "grey", "silhouette", "edges", "shuffled 4 × 4", "shuffled 8 × 8")
PAINTED, FILLED = "style transfer", "filled masks"
Answers = list[list[int]]  # the class of the shape, of the texture, and the one that was named


def measure(bench: Bench) -> Numbers:
    steps, draws = (3, 1) if bench.quick else (50, 4)
    networks = load_networks(bench, 4 if bench.quick else 12)
    numbers: Numbers = {"networks": [c.name for c in networks], "images": {c.name: len(c.y) for c in networks}}
    numbers |= {"answers": {}, "bias": {}, "classes": {}, "cues": {}, "chance": {}}
    painters = [c for c in networks if c.source is networks[0].source]
    images, labels = conflicting(bench)
    pairs_ = pairs(labels, 2 if bench.quick else 10, first_pair(labels, painters[0]))
    strengths = STRENGTHS[-1:] if bench.quick else STRENGTHS
    by_strength = {f"{s:g}": painted(bench, painters, images, labels, steps, pairs_, s) for s in strengths}
    numbers["strengths"] = {s: {name: shape_bias(found) for name, found in answers.items()}
                            for s, answers in by_strength.items()}  # fmt: skip
    numbers["answers"][PAINTED] = {c.name: [one for answers in by_strength.values() for one in answers[c.name]]
                                   for c in painters}  # fmt: skip
    scenes = [c for c in networks if c.source.masks is not None]
    numbers["answers"][FILLED] = masked(bench, scenes, draws)
    for way, found in numbers["answers"].items():
        numbers["bias"][way] = {name: shape_bias(answers) for name, answers in found.items()}
        numbers["classes"][way] = {name: by_class(answers) for name, answers in found.items()}
    for c in lab.progress(networks, "cues"):
        numbers["cues"][c.name] = known(c, bench)
        numbers["chance"][c.name] = 1 / len(set(c.y.tolist()))
    kinds = {PAINTED: painters[0], FILLED: scenes[0]}
    numbers["names"] = {way: {k: kinds[way].word(int(k)) for found in classes.values() for k in found}
                        for way, classes in numbers["classes"].items()}  # fmt: skip
    return numbers


def draw(numbers: Numbers, bench: Bench, path: Path) -> Path:
    fig = plots.sheet(1640, 1120)
    above, below = plots.parts(fig, 2, 1, height_ratios=[1, 1.7])
    shown = bench.pictures["conflicts"]
    for axes, (picture, title, answers) in zip(above.subplots(1, len(shown)), shown):
        plots.show(axes, picture, title.replace(", ", ",\n"))
        for i, (name, said) in enumerate(answers):
            axes.text(0.5, -0.04 - 0.1 * i, said, transform=axes.transAxes, ha="center", va="top", size=plots.NOTE,
                      color=COLOURS[name])  # fmt: skip
    left, middle, right = plots.parts(below, 1, 3, width_ratios=[1, 1, 1.05])
    for part, way, title in ((left, PAINTED, "Shape or texture: style transfer"), (middle, FILLED, "Filled masks")):
        draw_classes(numbers, way, plots.plain(part.subplots(), title))
    axes = plots.plain(right.subplots(), "Named rightly by one cue")
    for name in numbers["networks"]:
        i = list(numbers["networks"]).index(name)
        told = {cue: 100 * value for cue, value in numbers["cues"][name].items()}
        up = 0.27 - 0.18 * i
        axes.barh([CUES.index(cue) + up for cue in told], list(told.values()), height=0.17, color=COLOURS[name])
        axes.text(1, up, name, va="center",
                  size=plots.NOTE, color="white")  # fmt: skip
    axes.set_yticks(range(len(CUES)), CUES)
    axes.set_ylim(len(CUES) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(0, 104)
    axes.set_xticks([0, 50, 100], ["0", "50 %", "100 %"])
    counts = ", ".join(f"{name} {numbers['images'][name]}" for name in numbers["networks"])
    note = f"Below pictures: answers, in the networks' colours. Painted by {numbers['networks'][0]}. Images: {counts}"
    return plots.save(fig, path, "Shape or texture?", note)


def draw_classes(numbers: Numbers, way: str, axes) -> None:
    """A row for each class of shape: where between texture and shape each network's answers are; lines: all classes."""
    names = dict(sorted(numbers["names"][way].items(), key=lambda item: item[1], reverse=True))
    for offset, (network, found) in zip((0.16, -0.16), numbers["classes"][way].items()):
        for i, k in enumerate(names):
            if (one := found.get(k)) and one["counted"]:
                size = 3 + one["counted"] ** 0.5
                axes.plot(100 * one["bias"], i + offset, "o", color=COLOURS[network], markersize=size)
        if (bias := numbers["bias"][way][network])["counted"]:
            axes.axvline(100 * bias["bias"], color=COLOURS[network], linewidth=2, alpha=0.6)
            axes.annotate(f"{network}: {bias['bias']:.0%}", (100 * bias["bias"], 0.95 + 0.16 * offset),
                          (4 if bias["bias"] < 0.6 else -4, 0), xycoords=("data", "axes fraction"), size=plots.NOTE,
                          textcoords="offset points", color=COLOURS[network],
                          ha="left" if bias["bias"] < 0.6 else "right")  # fmt: skip
    axes.set_yticks(range(len(names)), list(names.values()))
    axes.set_ylim(-0.7, 1.1 * len(names))
    axes.set_xlim(-6, 106)
    axes.set_xticks([0, 50, 100], ["texture", "half", "shape"])
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", color="#eeeeee")
    axes.set_axisbelow(True)


def tabulate(numbers: Numbers) -> Table:
    rows = []
    for name in numbers["networks"]:
        cells = []
        for one in (PAINTED, FILLED):
            bias = numbers["bias"][one].get(name)
            cells.append(f"{bias['shape']}, {bias['texture']}, {bias['neither']}: {percent(bias)}" if bias else "-")
        cells += [f"{numbers['cues'][name][cue]:.0%}" if cue in numbers["cues"][name] else "-" for cue in CUES]
        rows.append((name, *cells, f"{numbers['chance'][name]:.0%}"))
    ways = [f"{way}: shape, texture, neither: shape bias" for way in (PAINTED, FILLED)]
    return Table(("network", *ways, *CUES, "chance"), rows)


def conclude(numbers: Numbers) -> list[str]:
    one, two = numbers["bias"][PAINTED], numbers["bias"][FILLED]
    robust, plain = (two[name]["bias"] or 0.0 for name in list(two)[:2])
    first = numbers["networks"][0]
    told = numbers["cues"]
    sentence = ", ".join(
        f"{name} {' → '.join(percent(found[name]) for found in numbers['strengths'].values())}" for name in one
    )
    below = all((bias["bias"] or 0.0) < 0.5 for bias in one.values())
    shuffle, edge = told[first]["shuffled 4 × 4"], told[first]["edges"]
    return [
        "Of pictures painted in another's texture, ever more strongly, the answers that are one of the two go by shape "
        f"in {sentence}; in all " + ", ".join(f"{percent(bias)} of {bias['counted']}" for bias in one.values())
        + (": texture wins, as with the paper's networks (22 to 43 % shape), but the strength decides as much."
           if below else ": the strength decides, so the paper's 22 to 43 % belong to the paper's strength."),
        f"Of objects filled with another's patches the robust network goes by shape in {robust:.0%}, its plain twin in "
        f"{plain:.0%}: robust training "
        + ("moves it towards shape." if robust > plain + 0.05 else
           "moves it towards texture." if robust < plain - 0.05 else "hardly matters."),
        f"{first} still knows {shuffle:.0%} when 4 × 4 patches are shuffled and {edge:.0%} by edges alone; the robust "
        f"network knows {told[ROBUST]['shuffled 4 × 4']:.0%} and {told[ROBUST]['edges']:.0%}, and "
        f"{told[ROBUST]['silhouette']:.0%} of silhouettes: "
        + ("patches without a shape tell it more than a shape without patches." if shuffle > edge else
           "a shape without texture tells it no less than patches without a shape."),
    ]  # fmt: skip


def conflicting(bench: Bench) -> tuple[np.ndarray, np.ndarray]:
    """Pictures to mix: the photographs of the packages, among them a cat and a cheetah, or the network's own."""
    if bench.source.kind == "imagenet":
        try:
            images, labels, _ = photographs.read_photographs(bench.source.class_names)
            return images, labels
        except pretrained.SourceError:
            pass
    return bench.source.images[:7], bench.source.labels[:7]


def pairs(labels: np.ndarray, most: int, first: tuple[int, int]) -> list[tuple[int, int]]:
    """At most so many pairs (content, style) of different classes: the first one, then each with the next."""
    count = len(labels)
    found = [(i, (i + step) % count) for step in range(1, count) for i in range(count)]
    return [pair for pair in dict.fromkeys([first, *found]) if labels[pair[0]] != labels[pair[1]]][:most]


def painted(
    bench: Bench,
    painters: Sequence[ComparedNetwork],
    images: np.ndarray,
    labels: np.ndarray,
    steps: int,
    mixed: Sequence[tuple[int, int]],
    strength: float,
) -> dict[str, Answers]:
    """What each network says of pictures of one class painted in the texture of another."""
    cnn = bench.source.cnn
    made = np.stack([cues.stylise(images[i], images[j], cnn, steps, strength)
                     for i, j in lab.progress(mixed, "style transfer")])  # fmt: skip
    choices = sorted(set(labels.tolist()))
    asked = [(int(labels[i]), int(labels[j])) for i, j in mixed]
    answers = {c.name: [[*pair, said] for pair, said in zip(asked, chosen(c, made, choices))] for c in painters}
    shape, texture = (painters[0].word(int(labels[k])) for k in mixed[0])
    title = f"{shape} in {texture}, style × {strength:g}"
    bench.pictures.setdefault("conflicts", []).append((made[0], title, said_of(painters, answers, 0)))
    return answers


def first_pair(labels: np.ndarray, c: ComparedNetwork) -> tuple[int, int]:
    """A cat in a cheetah's coat, where there are both."""
    words, wanted = [c.word(int(label)) for label in labels], ("Egyptian cat", "cheetah")
    return (words.index(wanted[0]), words.index(wanted[1])) if set(wanted) <= set(words) else (0, 1)


def masked(bench: Bench, scenes: Sequence[ComparedNetwork], draws: int) -> dict[str, Answers]:
    """What each network says of scenes whose object is filled with patches of another class's object."""
    c, rng = scenes[0], np.random.default_rng(bench.seed)
    masks = np.asarray(c.source.masks)
    textures = {i: cues.patches(c.source.images[i], masks[i]) for i in range(len(masks))}
    donors = [i for i, found in textures.items() if len(found) >= 4]
    mixed, made = [], []
    for i in range(4 if bench.quick else len(masks)):
        others = [j for j in donors if c.source.labels[j] != c.source.labels[i]]
        for j in rng.choice(others, min(draws, len(others)), replace=False).tolist():
            mixed.append((i, j))
            made.append(cues.fill(c.source.images[i], masks[i], textures[j], rng))
    labels, pictures = c.source.labels, np.stack(made)
    choices = sorted(set(labels.tolist()))
    asked = [(int(labels[i]), int(labels[j])) for i, j in mixed]
    answers = {one.name: [[*pair, said] for pair, said in zip(asked, chosen(one, pictures, choices))] for one in scenes}
    for n in range(0, len(mixed), max(len(mixed) // 3, 1)):
        if len(bench.pictures["conflicts"]) < 6:
            title = f"{c.word(int(labels[mixed[n][0]]))}, filled with {c.word(int(labels[mixed[n][1]]))}"
            bench.pictures["conflicts"].append((made[n], title, said_of(scenes, answers, n)))
    return answers


def said_of(networks: Sequence[ComparedNetwork], answers: dict[str, Answers], n: int) -> list[tuple[str, str]]:
    return [(c.name, c.word(answers[c.name][n][2])) for c in networks]


def chosen(c: ComparedNetwork, images: np.ndarray, choices: Sequence[int]) -> list[int]:
    """Which of these classes has the highest score, for each of the images uint8 (N, H, W, 3)."""
    X = lab.as_batch(images, c.source)
    with torch.no_grad():
        scores = torch.cat([c.model(some)[:, list(choices)] for some in X.split(16)])
    return [choices[k] for k in scores.argmax(dim=1).tolist()]


def shape_bias(answers: Answers) -> Numbers:
    """How many answers are the shape's class, the texture's or neither; the bias: shape / (shape + texture)."""
    shape = sum(said == of_shape for of_shape, _, said in answers)
    texture = sum(said == of_texture for _, of_texture, said in answers)
    counted = shape + texture
    return {"shape": shape, "texture": texture, "neither": len(answers) - counted, "counted": counted,
            "bias": shape / counted if counted else None}  # fmt: skip


def percent(bias: Numbers) -> str:
    return f"{bias['bias']:.0%}" if bias["counted"] else "-"


def by_class(answers: Answers) -> dict[str, Numbers]:
    """The same for each class of shape, by its number as a word, as JSON has it."""
    return {str(k): shape_bias([one for one in answers if one[0] == k]) for k in sorted({one[0] for one in answers})}


def known(c: ComparedNetwork, bench: Bench) -> dict[str, float]:
    """The share of a network's images that are named rightly by one cue, among the classes of these images."""
    rng = np.random.default_rng(bench.seed)
    ways: dict[str, Callable[[int], np.ndarray]] = {
        "as it is": lambda i: c.images[i],
        "grey": lambda i: cues.grey(c.images[i]),
        "silhouette": lambda i: cues.silhouette(np.asarray(c.source.masks)[c.rows[i]]),
        "edges": lambda i: cues.edges(c.images[i]),
        "shuffled 4 × 4": lambda i: cues.shuffle(c.images[i], 4, rng),
        "shuffled 8 × 8": lambda i: cues.shuffle(c.images[i], 8, rng),
    }
    if c.source.masks is None:
        del ways["silhouette"]
    choices = sorted(set(c.y.tolist()))
    found = {}
    for cue, way in ways.items():
        said = chosen(c, np.stack([way(i) for i in range(len(c.y))]), choices)
        found[cue] = float(np.mean(np.array(said) == c.y.cpu().numpy()))
    return found


if __name__ == "__main__":
    lab.main()
