"""Saliency maps: which pixels is the score of a class most sensitive to?

    python saliency_map.py

Expect five images above their saliency maps (visualization/saliency_map.png): bright where a small change of the
pixel changes the score, so mostly on the object. Then the same by Captum, with integrated gradients for comparison
(saliency_map_captum.png), and both saliency maps side by side (saliency_map_comparison.png).
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from captum.attr import IntegratedGradients, Saliency
from torch import Tensor, nn
from tqdm import tqdm

import pretrained
from figures import figure, script
from figures.figure import Bar, Picture, Row
from visualizers import SaliencyMap

IG_STEPS = 32  # points on the path from the baseline to the image


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = script.parser(__doc__)
    parser.add_argument("--num", type=script.count, default=5, help="how many of the sample images (default: 5)")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None, source: pretrained.Pretrained | None = None) -> list[Picture]:
    args = parse_args(argv)
    source = source or pretrained.from_arguments(args)
    images, X, y, names = script.first_images(source, args.num)
    model, out = source.model, Path(args.out)

    # Part 1: ours.
    unwritten = script.Unwritten()
    with unwritten:
        show, path = SaliencyMap().show_saliency_maps, out / "saliency_map.png"
        own_path = show(images, y.cpu().numpy(), list(source.class_names), model, path, source.name)
        own = SaliencyMap().compute_saliency_maps(X, y, model).cpu().numpy()  # (N, H, W)

    # Part 2: Captum's. Its saliency keeps the channels apart; their maximum is ours.
    with unwritten:
        captum = captum_saliency(X, y, model)
        integrated = integrated_gradients(X, y, model)
        captum_path = figure.grid(
            [
                Row(list(images), "image", names),
                Row(list(figure.signed(integrated)), "integrated gradients", bar=Bar(figure.SIGNED, "against", "for")),
                Row(list(figure.heat(captum)), "saliency", bar=Bar(figure.HEAT, "no effect", "strong")),
            ],
            out / "saliency_map_captum.png",
            source.name,
            "Captum: integrated gradients and saliency",
        )
    unwritten.tell()

    # The same method twice: the difference is drawn on the maps' own scale.
    difference = np.abs(own - captum)
    largest = f"{difference.max():.2g}, where the largest value is {captum.max():.2g}"
    print(f"saliency, ours and Captum's: largest difference {largest}")
    columns = ["image", "ours", "Captum", "difference"]
    panels = zip(images, figure.heat(own), figure.heat(captum), figure.heat(difference, captum.max()))
    comparison_path = figure.grid(
        [
            Row(row, name, columns if i == 0 else (), Bar(figure.HEAT, "no effect", "strong"))
            for i, (row, name) in enumerate(zip(panels, names))
        ],
        out / "saliency_map_comparison.png",
        source.name,
        "Saliency: ours and Captum's",
        f"Largest difference {largest}.",
    )

    pictures = [
        Picture(
            own_path,
            "Saliency maps",
            "Above the image, below its map: the gradient of the class score, the largest of the three colour channels "
            "at each pixel. Bright pixels are those whose change would move the score most; look whether they lie on "
            "the object. Each map is scaled by itself.",
        ),
        Picture(
            captum_path,
            "Integrated gradients and saliency by Captum",
            "Integrated gradients add up the gradient on the way from a grey image to this one, so they have a sign: "
            f"red pixels speak for the class, blue ones against it ({IG_STEPS} steps, channels summed). Saliency has "
            "none, and is grainier.",
        ),
        Picture(
            comparison_path,
            "Our saliency beside Captum's",
            f"The same method, computed twice. Largest difference: {largest}. The last column must be black.",
        ),
    ]
    if args.show:
        figure.show(pictures)
    return pictures


def captum_saliency(X: Tensor, y: Tensor, model: nn.Module) -> np.ndarray:
    """Captum's saliency maps as ours, the largest of its three channels: (N, H, W)."""
    # BEGIN SOLUTION captum
    return Saliency(model).attribute(X, target=y, abs=True).amax(dim=1).cpu().numpy()
    # INSTEAD
    # TODO (Part 1.5): return the saliency maps by Captum's Saliency, as numpy (N, H, W): their largest channel.
    #> raise NotImplementedError("Part 1.5: saliency by Captum")
    # END SOLUTION


def integrated_gradients(X: Tensor, y: Tensor, model: nn.Module) -> np.ndarray:
    """Captum's integrated gradients, summed over channels: (N, H, W). One image at a time, to bound the memory."""
    # BEGIN SOLUTION captum
    method = IntegratedGradients(model)
    maps = [
        method.attribute(image[None], target=label, n_steps=IG_STEPS, internal_batch_size=IG_STEPS)
        for image, label in tqdm(list(zip(X, y)), desc="integrated gradients", leave=False, disable=None)
    ]
    return torch.cat(maps).sum(dim=1).detach().cpu().numpy()
    # INSTEAD
    # TODO (Part 1.5): return Captum's IntegratedGradients with IG_STEPS steps, from a baseline of zeros (its default).
    #   IG_STEPS times the images are kept in memory at once, so take one image after the other here.
    #> raise NotImplementedError("Part 1.5: integrated gradients by Captum")
    # END SOLUTION


if __name__ == "__main__":
    script.run(main)
