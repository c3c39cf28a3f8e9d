"""A fooling image: how little must change until the network says something else?

    python fooling_image.py
    python fooling_image.py --image 4 --target guitar
    python fooling_image.py --image my_cat.jpg my_dog.jpg --target toaster

Expect an image, its twin that the network takes for another class, and their difference, as it is and multiplied by
ten, since it is often too small to be seen (visualization/fooling_image.png). It takes a few times there and back
through the network.
"""

import figures  # noqa: F401 -- first: it says in words which package is missing

# isort: split
import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

import pretrained
from figures import figure, script
from figures.canvas import Panel
from figures.figure import Picture, Row, short
from figures.images import Images, add_image_option, ask, choose_images, list_words, percent
from image_utils import SQUEEZENET_STD, deprocess, preprocess
from pretrained.settings import FOOLING_LEARNING_RATE
from visualizers import FoolingImage

PLAIN = 13  # of 255: when a hundredth of the pixels have moved by this much, the difference can be seen as it is


@dataclass(frozen=True)
class Twins:
    """An image and what has become of it, (1, 3, H, W) each; its class and the steps.

    scores: (3, K), of both, and of the second one as it is drawn: in eight bits, from black to white.
    """

    image: Tensor
    fooled: Tensor
    label: int
    steps: int
    scores: Tensor

    @property
    def difference(self) -> np.ndarray:
        """(H, W, 3), as a part of the range from black to white."""
        return (self.fooled - self.image)[0].permute(1, 2, 0).cpu().numpy() * SQUEEZENET_STD


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = script.parser(__doc__)
    add_image_option(parser, default="1")
    parser.add_argument("--target", help="the class to make of it, name or index (default: a ray)")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None, source: pretrained.Pretrained | None = None) -> list[Picture]:
    args = parse_args(argv)
    images = choose_images(args, source)
    source = images.source
    target = source.fooling_target if args.target is None else script.class_index(args.target, source.class_names)
    twins = [fool(x, label, target, source) for x, label in zip(images.X, images.y)]
    for pair in twins:
        tell(pair, target, source.class_names)
    with images.figures_of("fooling_image.py", args, parse_args):
        return [before_and_after(twins, images, target)]


def fool(x: Tensor, label: int, target: int, source: pretrained.Pretrained) -> Twins:
    fooler = FoolingImage(learning_rate=FOOLING_LEARNING_RATE[source.kind])
    fooled = ask(fooler.make_fooling_image, x, target, source.model)
    if not isinstance(fooled, Tensor) or fooled.shape != x.shape:
        expected = f"a tensor of shape {tuple(x.shape)} from make_fooling_image"
        raise script.UserError(f"expected {expected}, got {script.name_value(fooled)}: see its docstring")
    fooled = fooled.detach()
    drawn = deprocess(fooled, should_rescale=False)
    with torch.no_grad():
        X = torch.cat([x, fooled, preprocess(drawn, (drawn.height, drawn.width)).to(fooled)])
        scores = source.model(X).cpu()
    return Twins(x, fooled, label, fooler.steps, scores)


def tell(pair: Twins, target: int, class_names: Sequence[str]) -> None:
    """Print what the network says before and after."""
    print(f"{short(class_names[pair.label])}, pushed towards {short(class_names[target])}: {count_steps(pair.steps)}")
    probabilities = pair.scores.softmax(dim=1)
    for k in dict.fromkeys([pair.label, target, *pair.scores.argmax(dim=1).tolist()]):
        (s, s_fooled, _), (p, p_fooled, p_drawn) = pair.scores[:, k], probabilities[:, k]
        print(f"  {short(class_names[k])}: score {s:.2f} -> {s_fooled:.2f}, probability {p:.1%} -> {p_fooled:.1%}, "
              f"in the eight bits of a picture {p_drawn:.1%}")  # fmt: skip


def before_and_after(twins: Sequence[Twins], images: Images, target: int) -> Picture:
    """Draw a row for each image: it, its twin, and their difference as colours, in which mid-grey is no change."""
    class_names = images.source.class_names
    names = [short(class_names[pair.label]) for pair in twins]
    firm = [name for name, pair in zip(names, twins) if pair.scores[1].argmax() != target]
    heading = f"From {list_words(names)} to {short(class_names[target])}"
    if firm:
        heading += ": the network is not fooled" + (f" about {list_words(firm)}" if len(twins) > 1 else "")
    path = images.path("fooling_image.png")
    path = figure.grid([row(pair, class_names) for pair in twins], path, images.source.name, heading)
    words = script.caption("fooling_image")
    return Picture.of(path, words, heading=heading, target=short(class_names[target]), **measure(twins))


def row(pair: Twins, class_names: Sequence[str]) -> Row:
    difference, probabilities = pair.difference, pair.scores.softmax(dim=1)
    says = [
        f"says {short(class_names[k])}, {percent(float(probabilities[i, k]))}"
        for i, k in enumerate(pair.scores.argmax(dim=1).tolist())
    ]
    _, fooled, drawn = pair.scores.argmax(dim=1).tolist()
    undone = f"\n(in eight bits it {says[2]})" if drawn != fooled else ""
    panels: list[Panel] = [
        deprocess(pair.image, should_rescale=False),
        deprocess(pair.fooled, should_rescale=False),
        (0.5 + difference).clip(0, 1),
        (0.5 + 10 * difference).clip(0, 1),
    ]
    titles = [
        f"original: {short(class_names[pair.label])}\n{says[0]}",
        f"after {count_steps(pair.steps)}\n{says[1]}{undone}",
        f"difference\nmean {255 * abs(difference).mean():.1f} of 255",
        "difference\ntimes ten",
    ]
    return Row(panels, titles=titles)


def measure(twins: Sequence[Twins]) -> dict[str, str]:
    """Values for the caption: the steps and the differences."""
    steps = [pair.steps for pair in twins]
    moved = 255 * np.concatenate([abs(pair.difference).ravel() for pair in twins])
    seen = ("seen" if np.quantile(moved, 0.99) >= PLAIN else "unseen") if moved.any() else "nothing"
    return {
        "steps": count_steps(steps[0]) if len(set(steps)) == 1 else f"{min(steps)} to {max(steps)} steps",
        "typical": f"{moved.mean():.1f}",
        "most": f"{moved.max():.0f}",
        "seen": script.read_captions()["fooling_image"]["sentences"][seen],
    }


def count_steps(steps: int) -> str:
    return "1 step" if steps == 1 else f"{steps} steps"


if __name__ == "__main__":
    script.run(main)
