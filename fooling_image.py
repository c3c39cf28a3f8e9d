"""A fooling image: how little must change until the network says something else?

    python fooling_image.py
    python fooling_image.py --image 4 --target guitar

Expect an image, its twin that the network takes for another class, and their difference, which shows only when it is
multiplied by ten (visualization/fooling_image.png).
"""

import argparse
from collections.abc import Sequence

import torch
from torch import Tensor

import pretrained
from figures import figure, script
from figures.canvas import Panel
from figures.figure import Picture, Row, short
from figures.images import Images, one_image
from image_utils import SQUEEZENET_STD, deprocess
from pretrained.settings import FOOLING_LEARNING_RATE
from visualizers import FoolingImage


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = script.parser(__doc__)
    parser.add_argument(
        "--image", type=script.count, default=1, help="which of the sample images, counted from 1 (default: 1)"
    )
    parser.add_argument("--target", help="the class to make of it, name or index (default: a ray)")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None, source: pretrained.Pretrained | None = None) -> list[Picture]:
    args = parse_args(argv)
    images = one_image(args, source)
    source = images.source
    target = source.fooling_target if args.target is None else script.class_index(args.target, source.class_names)

    fooler = FoolingImage(learning_rate=FOOLING_LEARNING_RATE[source.kind])
    fooled = fooler.make_fooling_image(images.X, target, images.model)
    steps = "1 step" if fooler.steps == 1 else f"{fooler.steps} steps"

    probabilities = before_and_after(images, fooled, target, steps)
    pictures = [image_and_twin(images, fooled, target, steps, probabilities)]
    if args.show:
        figure.show(pictures)
    return pictures


def before_and_after(images: Images, fooled: Tensor, target: int, steps: str) -> Tensor:
    """Print what the network says of the image and of its twin; returns the probabilities, (2, K)."""
    with torch.no_grad():
        scores = images.model(torch.cat([images.X, fooled])).cpu()  # (2, K)
    probabilities, label, names = scores.softmax(dim=1), int(images.y), images.source.class_names
    print(f"{short(names[label])}, pushed towards {short(names[target])}: {steps}")
    for k in dict.fromkeys([label, target, *scores.argmax(dim=1).tolist()]):
        (s, s_fooled), (p, p_fooled) = scores[:, k], probabilities[:, k]
        print(f"  {short(names[k])}: score {s:.2f} -> {s_fooled:.2f}, probability {p:.1%} -> {p_fooled:.1%}")
    return probabilities


def image_and_twin(images: Images, fooled: Tensor, target: int, steps: str, probabilities: Tensor) -> Picture:
    """The image, its twin, and their difference as colours: mid-grey is no change."""
    difference = (fooled - images.X)[0].permute(1, 2, 0).cpu().numpy() * SQUEEZENET_STD  # (H, W, 3), of [0, 1]
    typical, most = f"{abs(difference).mean() * 255:.1f}", f"{abs(difference).max() * 255:.0f}"
    names = images.source.class_names
    label, name, said = images.titles[0], short(names[target]), probabilities.argmax(dim=1).tolist()
    verdicts = [f"says {short(names[k])}, {probabilities[i, k]:.0%}" for i, k in enumerate(said)]
    panels: dict[str, Panel] = {
        f"original: {label}\n{verdicts[0]}": deprocess(images.X, should_rescale=False),
        f"after {steps}\n{verdicts[1]}": deprocess(fooled, should_rescale=False),
        f"difference\nmean {typical} of 255": (0.5 + difference).clip(0, 1),
        "difference\ntimes ten": (0.5 + 10 * difference).clip(0, 1),
    }
    heading = f"From {label} to {name}" + ("" if said[1] == target else ": the network is not fooled")
    row = Row(list(panels.values()), titles=list(panels))
    path = figure.grid([row], images.out / "fooling_image.png", images.source.name, heading)
    return Picture.of(path, CAPTION, heading=heading, steps=steps, target=name, typical=typical, most=most)


CAPTION = (  # the picture's title, and what to look at
    "{heading}",
    "Two images that look alike, and what the network says of them. Between them lie {steps} along the "
    "gradient of the score of {target}: pixels move by {typical} of 255 on average, {most} at most. "
    "Mid-grey in the difference is no change: it must be multiplied by ten to be seen.",
)


if __name__ == "__main__":
    script.run(main)
