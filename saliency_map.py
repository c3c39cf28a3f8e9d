"""Saliency maps: which pixels is the score of a class most sensitive to?

    python saliency_map.py
    python saliency_map.py --image my_cat.jpg my_street.jpg

Expect five images above their saliency maps (visualization/saliency_map.png): bright where a small change of the
pixel changes the score, so mostly on the object. Then the same by Captum, with integrated gradients for comparison
(saliency_map_captum.png), and both saliency maps side by side (saliency_map_comparison.png). Most of the time is that
of integrated gradients: 32 times through the network for each image.
"""

import figures  # noqa: F401 -- first: it chooses matplotlib's backend, which captum loads

# isort: split
import argparse
from collections.abc import Sequence

import numpy as np
import torch
from captum.attr import IntegratedGradients, Saliency
from torch import Tensor, nn
from tqdm import tqdm

import pretrained
from figures import figure, measured, palette, script
from figures.figure import Picture
from figures.images import Images, Maps, check_maps, choose_images, parser
from methods import BARS, HEAT, INTEGRATED, METHODS, SALIENCY
from visualizers import SaliencyMap

IG_STEPS = 32  # points on the path from the baseline to the image
IG_BATCH = 8  # of them are in memory at once


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    return parser(__doc__).parse_args(argv)


def main(argv: Sequence[str] | None = None, source: pretrained.Pretrained | None = None) -> list[Picture]:
    args = parse_args(argv)
    images = choose_images(args, source, args.target)
    unwritten = script.Unwritten()
    with images.figures_of("saliency_map.py", args, parse_args):
        with unwritten:
            own, own_picture = ours(images)
        with unwritten:
            captums, captum_picture = captum(images)
        unwritten.tell()
        return [own_picture, captum_picture, comparison(images, own, captums)]


def ours(images: Images) -> tuple[Maps, Picture]:
    """Each image above its saliency map, and the maps."""
    method = SaliencyMap().compute_saliency_maps
    maps = {SALIENCY: check_maps(SALIENCY, images.each(method), images.sizes(), method)}
    path = images.path("saliency_map.png")
    path = figure.saliency_maps(images.pixels, maps[SALIENCY], images.titles, path, images.source.name)
    period, grid = measured.grid_of_strides(maps[SALIENCY], images.model)
    sentences = script.read_captions()["saliency_map"]["sentences"]
    told = sentences["grid"].format(period=period, grid=grid) if grid > 1.2 else ""
    return maps, Picture.of(path, script.caption("saliency_map", "ours"), grid=told)


def captum(images: Images) -> tuple[Maps, Picture]:
    """Integrated gradients and saliency by Captum below the images, and the maps."""
    methods = {SALIENCY: captum_saliency, INTEGRATED: integrated_gradients}
    maps = {name: check_maps(name, images.each(m), images.sizes(), m) for name, m in methods.items()}
    rows = [METHODS[name].row(maps[name], images.pixels) for name in (INTEGRATED, SALIENCY)]
    path = images.draw(rows, "saliency_map_captum.png", "Captum: integrated gradients and saliency")
    return maps, Picture.of(path, script.caption("saliency_map", "captum"), steps=IG_STEPS)


def comparison(images: Images, own: Maps, captums: Maps) -> Picture:
    """The same method twice: the difference is drawn on the maps' own scale, where there is one to be seen."""
    largest, size = measured.largest_difference(SALIENCY, own[SALIENCY], captums[SALIENCY])
    difference = [np.abs(a - b) for a, b in zip(own[SALIENCY], captums[SALIENCY])]
    columns = {"ours": palette.heat(own[SALIENCY]), "Captum": palette.heat(captums[SALIENCY])}
    if not (black := max(d.max() for d in difference) < 0.01 * size):
        columns["difference"] = palette.heat(difference, size)
    largest = f"{largest}, where the largest value is {size:.2g}"
    words = script.read_captions()["saliency_map"]["sentences"]["black" if black else "not_black"]
    heading, text = "Saliency: ours and Captum's", f"Largest difference {largest}. {words}"
    path = images.draw_beside(columns, "saliency_map_comparison.png", heading, text, BARS[HEAT])
    return Picture.of(path, script.caption("saliency_map", "comparison"), largest=largest, black=words)


def captum_saliency(X: Tensor, y: Tensor, model: nn.Module) -> np.ndarray:
    """Captum's saliency (N, H, W). It keeps the channels apart; their maximum is ours."""
    # BEGIN SOLUTION captum
    return Saliency(model).attribute(X, target=y, abs=True).amax(dim=1).cpu().numpy()
    # INSTEAD
    # TODO (Part 1.5): return the saliency maps by Captum's Saliency, as numpy (N, H, W): their largest channel.
    #> raise NotImplementedError("Part 1.5: saliency by Captum")
    # END SOLUTION


def integrated_gradients(X: Tensor, y: Tensor, model: nn.Module) -> np.ndarray:
    """Captum's integrated gradients, summed over channels: (N, H, W). A few steps at a time, to bound the memory."""
    # BEGIN SOLUTION captum
    method = IntegratedGradients(model)
    maps = [
        method.attribute(image[None], target=label, n_steps=IG_STEPS, internal_batch_size=IG_BATCH)
        for image, label in tqdm(list(zip(X, y)), desc="integrated gradients", leave=False, disable=None)
    ]
    return torch.cat(maps).sum(dim=1).detach().cpu().numpy()
    # INSTEAD
    # TODO (Part 1.5): return Captum's IntegratedGradients with IG_STEPS steps, from a baseline of zeros (its default),
    #   summed over the channels, as numpy (N, H, W).
    #   IG_STEPS times the images would be in memory at once: take one image after the other, and of its steps IG_BATCH
    #   at a time, by internal_batch_size.
    #> raise NotImplementedError("Part 1.5: integrated gradients by Captum")
    # END SOLUTION


if __name__ == "__main__":
    script.run(main)
