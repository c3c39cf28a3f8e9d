"""Question: does a network go by shape or by texture, and does robust training change that?

Claim: where the two disagree, networks trained on ImageNet answer with the texture and people with the shape: a cat in
    an elephant's skin is an elephant to them. Adversarially trained networks go more by shape.
Look at: a cat in a cheetah's coat; the share of shape among all answers that are shape or texture, by who painted and
    who is asked, as a network that painted has put in the textures that it sees itself; what is still known of
    silhouettes, edges and shuffled patches.
Paper: Geirhos et al. 2019 (https://arxiv.org/abs/1811.12231); Zhang and Zhu 2019 for robust networks
    (https://arxiv.org/abs/1905.09797).

    python -m labs.robustness.shape_or_texture
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from torch import nn

import pretrained
from labs import cues, lab, measures, plots
from labs.lab import Bench, Numbers, Table
from labs.networks import COLOURS, LITE, LITE1, PLAIN, ROBUST, ComparedNetwork, load_networks
from pretrained import photographs

STRENGTHS = (0.05, 0.2, 1.0)  # times the style's weight of the assignment's pictures: from a tint to a coat
CUES = ("as it is", "grey", "silhouette", "edges", "shuffled 4 × 4", "shuffled 8 × 8")
BIAS = "answers that are shape, texture, neither (90 % interval)"
Answers = list[list[int]]  # the class of the shape, of the texture, and the one that was named


def measure(bench: Bench) -> Numbers:
    steps, draws = (3, 1) if bench.quick else (50, 4)  # of style transfer; patches' objects for each mask
    networks = load_networks(bench, 4 if bench.quick else 12)
    numbers: Numbers = {"networks": [c.name for c in networks], "images": {c.name: len(c.y) for c in networks}}
    painters = [c for c in networks if c.source is networks[0].source]
    images, labels = conflicting(bench)
    mixed = pairs(labels, 2 if bench.quick else 6, first_pair(labels, painters[0]))
    strengths = STRENGTHS[-1:] if bench.quick else STRENGTHS
    # Who painted is one of the judged: so another one paints, too, and one is asked who painted nothing.
    other = bench.second() if len(painters) > 1 else None
    third = bench.load_imagenet("efficientnet_lite1") if other and not bench.quick else None
    judges = [*painters, *([replace(painters[0], name=LITE1, model=third.model)] if third else [])]
    hands = {painters[0].name: bench.source.cnn} | ({LITE: other.cnn} if other else {})
    made = {painter: [paint(bench, judges, images, labels, steps, mixed, s, cnn, painter) for s in strengths]
            for painter, cnn in hands.items()}  # fmt: skip
    numbers |= {"pairs": len(mixed), "pictures": len(mixed) * len(strengths)}
    numbers["matrix"] = {painter: {c.name: shape_bias([one for found in some for one in found[c.name]]) for c in judges}
                         for painter, some in made.items()}  # fmt: skip
    numbers["strengths"] = [shape_bias(found[painters[0].name]) for found in made[painters[0].name]]
    scenes = [c for c in networks if c.masks is not None]
    filled = fill_masks(bench, scenes, draws)
    numbers["bias"] = {name: shape_bias(answers) for name, answers in filled.items()}
    numbers["classes"] = {name: by_class(answers) for name, answers in filled.items()}
    numbers["names"] = {k: scenes[0].word(int(k)) for one in numbers["classes"].values() for k in one}
    numbers["cues"] = {c.name: measure_cues(c, bench) for c in lab.progress(networks, "cues")}
    numbers["chance"] = {c.name: 1 / len(set(c.y.tolist())) for c in networks}
    return numbers


def paint(
    bench: Bench,
    painters: Sequence[ComparedNetwork],
    images: np.ndarray,
    labels: np.ndarray,
    steps: int,
    mixed: Sequence[tuple[int, int]],
    strength: float,
    cnn: nn.Sequential,
    painter: str,
) -> dict[str, Answers]:
    """The answers of each network to pictures of one class painted, by `cnn`, in the texture of another."""
    made = [cues.stylise(images[i], images[j], cnn, steps, strength)
            for i, j in lab.progress(mixed, "style transfer")]  # fmt: skip
    answers = ask_all(painters, made, labels, mixed)
    shape, texture = (painters[0].word(int(labels[k])) for k in mixed[0])
    if painter == painters[0].name or strength == STRENGTHS[-1]:
        title = f"{shape} in {texture}, style × {strength:g}, by {painter}"
        bench.pictures.setdefault("conflicts", []).append((made[0], title, in_words(painters, answers, 0)))
    return answers


def fill_masks(bench: Bench, scenes: Sequence[ComparedNetwork], draws: int) -> dict[str, Answers]:
    """The answers of each network to scenes whose object is filled with patches of another class's object."""
    c, rng = scenes[0], np.random.default_rng(bench.seed)
    masks, labels = np.asarray(c.source.masks), c.source.labels
    textures = {i: cues.patches(c.source.images[i], masks[i]) for i in range(len(masks))}
    donors = [i for i, found in textures.items() if len(found) >= 4]
    mixed, made = [], []
    for i in range(4 if bench.quick else len(masks)):
        others = [j for j in donors if labels[j] != labels[i]]
        for j in rng.choice(others, min(draws, len(others)), replace=False).tolist():
            mixed.append((i, j))
            made.append(cues.fill(c.source.images[i], masks[i], textures[j], rng))
    answers = ask_all(scenes, made, labels, mixed)
    for n in range(0, len(mixed), max(len(mixed) // 3, 1)):
        if len(bench.pictures["conflicts"]) < 6:
            shape, texture = (c.word(int(labels[k])) for k in mixed[n])
            title = f"{shape}, filled with {texture}"
            bench.pictures["conflicts"].append((made[n], title, in_words(scenes, answers, n)))
    return answers


def ask_all(
    networks: Sequence[ComparedNetwork],
    made: Sequence[np.ndarray],
    labels: np.ndarray,
    mixed: Sequence[tuple[int, int]],
) -> dict[str, Answers]:
    """The answers of each network to pictures `made` of pairs (shape, texture) of images of these labels."""
    choices = sorted(set(labels.tolist()))
    said = {c.name: choose(c, np.stack(made), choices) for c in networks}
    return {name: [[int(labels[i]), int(labels[j]), one] for (i, j), one in zip(mixed, answers)]
            for name, answers in said.items()}  # fmt: skip


def in_words(networks: Sequence[ComparedNetwork], answers: dict[str, Answers], n: int) -> list[tuple[str, str]]:
    return [(c.name, c.word(answers[c.name][n][2])) for c in networks]


def choose(c: ComparedNetwork, images: np.ndarray, choices: Sequence[int]) -> list[int]:
    """The one of these classes with the highest score, for each of the images uint8 (N, H, W, 3)."""
    scores = lab.predict(c.model, lab.as_batch(images, c.source))[:, list(choices)]
    return [choices[k] for k in scores.argmax(dim=1).tolist()]


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


def first_pair(labels: np.ndarray, c: ComparedNetwork) -> tuple[int, int]:
    """A cat in a cheetah's coat, where there are both."""
    words, wanted = [c.word(int(label)) for label in labels], ("Egyptian cat", "cheetah")
    return (words.index(wanted[0]), words.index(wanted[1])) if set(wanted) <= set(words) else (0, 1)


def shape_bias(answers: Answers) -> Numbers:
    """The number of answers that are the shape's class, the texture's, neither; the bias: shape / (shape + texture).

    The interval is over pairs, not pictures: one pair painted three times is one image.
    """
    shape = sum(said == of_shape for of_shape, _, said in answers)
    texture = sum(said == of_texture for _, of_texture, said in answers)
    counted = shape + texture
    each: dict[tuple[int, int], list[bool]] = {}
    for of_shape, of_texture, said in answers:
        if said in (of_shape, of_texture):
            each.setdefault((of_shape, of_texture), []).append(said == of_shape)
    parts, wholes = [sum(one) for one in each.values()], [len(one) for one in each.values()]
    return {"shape": shape, "texture": texture, "neither": len(answers) - counted, "counted": counted,
            "bias": shape / counted if counted else None,
            "interval": measures.ratio(parts, wholes) if counted else None}  # fmt: skip


def measure_cues(c: ComparedNetwork, bench: Bench) -> dict[str, list[float]]:
    """Tell which of a network's images are named rightly (1 or 0) by one cue, among the classes of these images."""
    rng = np.random.default_rng(bench.seed)
    ways: dict[str, Iterable[np.ndarray]] = {
        "as it is": c.images,
        "grey": map(cues.grey, c.images),
        "silhouette": () if c.masks is None else map(cues.silhouette, c.masks),
        "edges": map(cues.edges, c.images),
        "shuffled 4 × 4": (cues.shuffle(image, 4, rng) for image in c.images),
        "shuffled 8 × 8": (cues.shuffle(image, 8, rng) for image in c.images),
    }
    choices, found = sorted(set(c.y.tolist())), {}
    for cue, way in ways.items():
        if images := list(way):
            said = choose(c, np.stack(images), choices)
            found[cue] = (np.array(said) == c.y.cpu().numpy()).astype(float).tolist()
    return found


def by_class(answers: Answers) -> dict[str, Numbers]:
    """The same for each class of shape, by its number as a word, as JSON has it."""
    return {str(k): shape_bias([one for one in answers if one[0] == k]) for k in sorted({one[0] for one in answers})}


def tabulate(numbers: Numbers) -> Table:
    def cue(which: str) -> Callable[[str], str]:
        return lambda name: write_cue(numbers, name, which) if which in numbers["cues"][name] else "-"

    table = Table.of("network (90 % interval)", numbers["networks"], {
        f"{BIAS}: shape bias": lambda name: count_answers(numbers["bias"][name]) if name in numbers["bias"] else "-",
        **{which: cue(which) for which in CUES},
        "chance": lambda name: f"{numbers['chance'][name]:.0%} (exact)",
    })  # fmt: skip
    own = [(f"{name}, {numbers['images'][name]} images", *cells) for name, *cells in table.rows]
    rows = [(f"painted by {painter}, asked {judge}",
             count_answers(found),
             *["-"] * (len(table.columns) - 2))
            for painter, judges in numbers["matrix"].items() for judge, found in judges.items()]  # fmt: skip
    return Table(table.columns, [*own, *rows])


def write_cue(numbers: Numbers, name: str, cue: str) -> str:
    """Words for the share of a network's images that are named rightly by one cue, and its interval."""
    return lab.write_mean(numbers["cues"][name][cue])


def count_answers(found: Numbers) -> str:
    """Words for the numbers of answers, and the shape bias."""
    return "{shape}, {texture}, {neither}: ".format(**found) + write_bias(found)


def conclude(numbers: Numbers) -> list[str]:
    robust, plain = (numbers["bias"][name] for name in (ROBUST, PLAIN))
    first, matrix = numbers["networks"][0], numbers["matrix"]
    cells = "; ".join(
        f"painted by {painter}, " + ", ".join(f"{write_bias(found)} for {judge}" for judge, found in row.items())
        for painter, row in matrix.items()
    )
    found = {f"{judge} on {painter}'s": one for painter, row in matrix.items() for judge, one in row.items()}
    parted = [f"{a} from {b}" for a, b in combinations(found, 2) if tell_apart(found[a], found[b])]
    weak, *_, strong = 2 * numbers["strengths"]
    more = {name: measures.pair(told["shuffled 4 × 4"], told["edges"]) for name, told in numbers["cues"].items()}
    by_patches = [[name for name in more if (more[name][1] > 0) is shown] for shown in (True, False)]
    return [
        "Shape bias is the share of shape among the answers that are shape or texture. Of "
        f"{numbers['pairs']} pairs of pictures, each painted by style transfer at "
        f"{numbers['pictures'] // numbers['pairs']} strengths, it is: {cells}. Shown to differ: "
        f"{', '.join(parted) or 'no two of these'}. From the weakest style to the strongest {first}'s on its own "
        f"paintings goes from {write_bias(weak)} to {write_bias(strong)}, which is "
        f"{'shown' if tell_apart(weak, strong) else 'not shown'} to differ.",
        f"Of objects filled with another's patches {ROBUST}, this repository's small network trained against attacks, "
        f"goes by shape in {write_bias(robust)}, its plain twin in {write_bias(plain)}: that robust training moves it "
        f"is {'shown' if tell_apart(robust, plain) else 'not shown'}.",
        "With 4 × 4 patches shuffled, and by edges alone, "
        + "; ".join(f"{name} {'still knows ' if name == first else ''}{write_cue(numbers, name, 'shuffled 4 × 4')} and "
                    f"{write_cue(numbers, name, 'edges')} of {numbers['images'][name]} {name_images(numbers, name)} "
                    f"({lab.write_interval(more[name], '+.0%')})" for name in more)
        + ". That patches without a shape tell more than edges without patches, which are "
        "without colours, too, is shown for "
        f"{' and '.join(by_patches[0]) or 'none'}, not for {' and '.join(by_patches[1]) or 'any other'}.",
    ]  # fmt: skip


def tell_apart(one: Numbers, other: Numbers) -> bool:
    """Tell whether two shape biases differ."""
    return bool(one["counted"] and other["counted"]) and measures.differ(one["interval"], other["interval"])


def name_images(numbers: Numbers, name: str) -> str:
    """Kind of a network's images."""
    return "scenes" if name in numbers["bias"] else "photographs"


def write_bias(found: Numbers) -> str:
    """Words for a shape bias and its interval."""
    return lab.write_interval(found["interval"]) if found["counted"] else "none (all neither)"


def draw(numbers: Numbers, bench: Bench) -> "plots.Figure":
    networks = numbers["networks"]
    fig = plots.sheet(1640, 1120)
    above, below = plots.parts(fig, 2, 1, height_ratios=[1, 1.7])
    shown = bench.pictures["conflicts"]
    for axes, (picture, title, answers) in zip(above.subplots(1, len(shown)), shown):
        plots.show(axes, picture, title.replace(", ", ",\n", 1))
        for i, (name, said) in enumerate(answers):
            axes.text(0.5, -0.04 - 0.1 * i, said, transform=axes.transAxes, ha="center", va="top", size=plots.NOTE,
                      color=COLOURS[name])  # fmt: skip
    left, middle, right = plots.parts(below, 1, 3, width_ratios=[1, 1, 1.05])
    draw_matrix(numbers, plots.plain(left.subplots(), "Shape bias by painter and judge"))
    draw_classes(numbers, plots.plain(middle.subplots(), "Scenes with filled masks"))
    axes = plots.plain(right.subplots(), "Named rightly by one cue")
    for i, name in enumerate(networks):
        told, up = numbers["cues"][name], 0.27 - 0.18 * i
        places = [CUES.index(cue) + up for cue in told]
        for at, right in zip(places, told.values()):
            found = [100 * value for value in measures.interval(right)]
            axes.barh(at, found[0], height=0.17, color=COLOURS[name])
            plots.whisker(axes, at, found, plots.FAINT, capsize=2, linewidth=1)  # seen on black bars, too
        axes.text(1, up, f"{name} ({name_images(numbers, name)})", va="center", size=plots.NOTE, color="white")
        for cue in set(CUES) - set(told):
            axes.text(1, CUES.index(cue) + up, "not asked", va="center", size=plots.NOTE, color=COLOURS[name])
    axes.set_yticks(range(len(CUES)), CUES)
    axes.set_ylim(len(CUES) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    plots.percent(axes, "x", 0)
    counts = ", ".join(f"{name} {numbers['images'][name]}" for name in networks)
    note = (f"Below pictures: answers, in the networks' colours. Style × {STRENGTHS[0]}: its weight, times that of the "
            f"assignment's pictures.\nImages: {counts}. Whiskers: 90 % intervals. Not asked: of photographs no mask is "
            "known")  # fmt: skip
    return plots.head(fig, "Shape or texture?", note)


def draw_matrix(numbers: Numbers, axes: "plots.Axes") -> None:
    """Draw the share of shape among the answers that are shape or texture, by who painted and who is asked."""
    matrix = numbers["matrix"]
    painters, judges = list(matrix), list(next(iter(matrix.values())))
    values = np.array([[matrix[a][b]["bias"] or 0.0 for b in judges] for a in painters])
    words = [[f"{write_bias(matrix[a][b])}\nof {matrix[a][b]['counted']}".replace(" (", "\n(")
              + ("\nown paint" if a == b else "")
              for b in judges] for a in painters]  # fmt: skip
    plots.cells(axes, values, words, 0.55, "Purples")
    plots.name_ticks(axes, "x", judges, COLOURS, broken=True, size=plots.NOTE)
    plots.name_ticks(axes, "y", painters, COLOURS, broken=True, size=plots.NOTE)
    axes.set_xlabel("asked", size=plots.NOTE, color=plots.FAINT)
    axes.set_ylabel("painted by", size=plots.NOTE, color=plots.FAINT)


def draw_classes(numbers: Numbers, axes: "plots.Axes") -> None:
    """A row for each class of shape: where between texture and shape each network's answers are; lines: all classes."""
    names = dict(sorted(numbers["names"].items(), key=lambda item: item[1], reverse=True))
    for offset, (network, found) in zip((0.16, -0.16), numbers["classes"].items()):
        colour, whole = COLOURS[network], numbers["bias"][network]
        for i, k in enumerate(names):
            if (one := found.get(k)) and one["counted"]:
                axes.plot(100 * one["bias"], i + offset, "o", color=colour, markersize=3 + one["counted"] ** 0.5)
        if whole["counted"]:
            at = 100 * whole["bias"]
            axes.axvline(at, color=colour, linewidth=2, alpha=0.6)
            axes.annotate(f"{network}: {whole['bias']:.0%}", (at, 0.95 + 0.16 * offset), (4 if at < 60 else -4, 0),
                          xycoords=("data", "axes fraction"), textcoords="offset points", size=plots.NOTE,
                          color=colour, ha="left" if at < 60 else "right", path_effects=plots.halo())  # fmt: skip
    axes.set_yticks(range(len(names)), list(names.values()))
    axes.set_ylim(-0.7, 1.1 * len(names))
    axes.set_xlim(-6, 106)
    axes.set_xticks([0, 50, 100], ["texture", "half", "shape"])
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", color="#eeeeee")
    axes.set_axisbelow(True)


if __name__ == "__main__":
    lab.main()
