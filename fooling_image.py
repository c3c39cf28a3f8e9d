"""A fooling image: how little must change until the network says something else?

    python fooling_image.py
    python fooling_image.py --image 4 --target guitar

Expect an image, its twin that the network takes for another class, and their difference, which shows only when it is
multiplied by ten (visualization/fooling_image.png).
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

import pretrained
from figures import figure, script
from figures.figure import Picture, Row, short
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
    source = source or pretrained.from_arguments(args)
    X, label = script.one_image(source, args.image)
    target = source.fooling_target if args.target is None else script.class_index(args.target, source.class_names)
    model = source.model

    fooler = FoolingImage(learning_rate=FOOLING_LEARNING_RATE[source.kind])
    fooled = fooler.make_fooling_image(X, target, model)

    # What the network says before and after.
    with torch.no_grad():
        scores = model(torch.cat([X, fooled])).cpu()  # (2, K)
    says = scores.argmax(dim=1).tolist()
    probabilities = scores.softmax(dim=1)
    name = [short(source.class_names[k]) for k in range(len(source.class_names))]
    steps = "1 step" if fooler.steps == 1 else f"{fooler.steps} steps"
    print(f"{name[label]}, pushed towards {name[target]}: {steps}")
    for k in dict.fromkeys([label, target, *says]):
        (s, s_fooled), (p, p_fooled) = scores[:, k], probabilities[:, k]
        print(f"  {name[k]}: score {s:.2f} -> {s_fooled:.2f}, probability {p:.1%} -> {p_fooled:.1%}")

    # The difference as colours: mid-grey is no change.
    difference = ((fooled - X)[0].permute(1, 2, 0).cpu().numpy()) * SQUEEZENET_STD  # (H, W, 3), of [0, 1]
    typical, most = f"{abs(difference).mean() * 255:.1f}", f"{abs(difference).max() * 255:.0f}"
    verdicts = [f"says {name[k]}, {probabilities[i, k]:.0%}" for i, k in enumerate(says)]
    title = f"From {name[label]} to {name[target]}" + ("" if says[1] == target else ": the network is not fooled")
    path = figure.grid(
        [
            Row(
                [
                    deprocess(X, should_rescale=False),
                    deprocess(fooled, should_rescale=False),
                    (0.5 + difference).clip(0, 1),
                    (0.5 + 10 * difference).clip(0, 1),
                ],
                titles=[
                    f"original: {name[label]}\n{verdicts[0]}",
                    f"after {steps}\n{verdicts[1]}",
                    f"difference\nmean {typical} of 255",
                    "difference\ntimes ten",
                ],
            )
        ],
        Path(args.out) / "fooling_image.png",
        source.name,
        title,
    )

    pictures = [
        Picture(
            path,
            title,
            f"Two images that look alike, and what the network says of them. Between them lie {steps} along the "
            f"gradient of the score of {name[target]}: pixels move by {typical} of 255 on average, {most} at most. "
            "Mid-grey in the difference is no change: it must be multiplied by ten to be seen.",
        )
    ]
    if args.show:
        figure.show(pictures)
    return pictures


if __name__ == "__main__":
    script.run(main)
