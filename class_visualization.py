"""Class visualization: which image does the score of a class like best?

    python class_visualization.py
    python class_visualization.py --target hay --target clock --iterations 400

Expect for each of four classes a row of images, from noise at the first iteration to the network's idea of the class
at the last (visualization/class_visualization_<class>.png): several views of it at once, all over the image. It takes
a hundred times or more there and back through the network for each class.
"""

import figures  # noqa: F401 -- first: it says in words which package is missing

# isort: split
import argparse
import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch
from PIL import Image

import pretrained
from figures import figure, script
from figures.figure import Picture, short
from image_utils import preprocess
from pretrained.settings import CLASS_VISUALIZATION, Ascent
from visualizers import ClassVisualization


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = script.parser(__doc__)
    parser.add_argument(
        "--target", action="append", help="a class, name or index; may be given several times (default: four classes)"
    )
    parser.add_argument("--iterations", type=script.count, help="how many steps to climb")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None, source: pretrained.Pretrained | None = None) -> list[Picture]:
    args = parse_args(argv)
    source = source or pretrained.from_arguments(args)
    targets = source.visualization_targets
    if args.target:
        targets = tuple(script.class_index(target, source.class_names) for target in args.target)
    settings = CLASS_VISUALIZATION[source.recipe]
    if args.iterations:
        settings = replace(settings, num_iterations=args.iterations)

    facts = script.describe_run("class_visualization.py", args, parse_args, source, "target")
    with figure.made_by(args.show, **facts):
        return [draw_way(target, settings, source, args) for target in dict.fromkeys(targets)]


def draw_way(target: int, settings: Ascent, source: pretrained.Pretrained, args: argparse.Namespace) -> Picture:
    """Draw the way from noise to the network's idea of a class, in five steps."""
    shown = climb(target, settings, source, args.seed)
    name = short(source.class_names[target])
    end = script.name_run(argparse.Namespace(iterations=args.iterations, seed=args.seed), source)
    which = script.file_name(name)
    if [script.file_name(short(other)) for other in source.class_names].count(which) > 1:  # a Cardigan is a dog
        which += f"_{target}"
    path = Path(args.out) / f"class_visualization_{which}{end}.png"
    path = figure.iterations(shown, name, path, source.name)
    verdict = what_the_network_says(shown[-1][1], source)
    print(f"{name}: the network takes it for {verdict}")
    return Picture.of(path, script.caption("class_visualization"), name=name, verdict=verdict)


def climb(target: int, settings: Ascent, source: pretrained.Pretrained, seed: int) -> list[tuple[int, Image.Image]]:
    """The image at the first iteration, after each quarter of them, and at the last: (iteration, image)."""
    shown: list[tuple[int, Image.Image]] = []
    ClassVisualization().create_class_visualization(
        target,
        source.class_names,
        source.model,
        **asdict(settings),
        show_every=math.ceil(settings.num_iterations / 4),
        generate_plots=False,  # drawn with the network's name instead
        seed=seed,
        on_step=lambda iteration, image: shown.append((iteration, image)),
    )
    return shown


def what_the_network_says(image: Image.Image, source: pretrained.Pretrained) -> str:
    """The most probable class, and how probable."""
    with torch.no_grad():
        probabilities = source.model(preprocess(image).to(source.device)).softmax(dim=1)[0]
    best = int(probabilities.argmax())
    return f"{short(source.class_names[best])} ({probabilities[best]:.0%})"


if __name__ == "__main__":
    script.run(main)
