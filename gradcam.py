"""Guided backprop and Grad-CAM: which edges and which places speak for a class?

    python gradcam.py
    python gradcam.py --layer features.7

Expect five images above their guided backprop (fine edges, of whatever class), Grad-CAM (a warm patch on the object)
and Guided Grad-CAM (the edges within the patch): visualization/gradcam.png. Then the same by Captum
(gradcam_captum.png), ours beside Captum's (gradcam_comparison.png), and what one layer and one of its neurons make of
the images (gradcam_layers.png).
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from captum.attr import (
    GuidedBackprop,
    GuidedGradCam,
    LayerActivation,
    LayerConductance,
    LayerGradCam,
    NeuronGuidedBackprop,
)
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

import pretrained
from figures import figure, script
from figures.figure import Bar, Picture, Row
from visualizers import GradCam

CONDUCTANCE_STEPS = 10  # points on the path from the baseline to the image


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = script.parser(__doc__)
    parser.add_argument("--num", type=script.count, default=5, help="how many of the sample images (default: 5)")
    parser.add_argument(
        "--layer", default="features.12", help="the layer that Grad-CAM reads: features.0 to features.12 (the default)"
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None, source: pretrained.Pretrained | None = None) -> list[Picture]:
    args = parse_args(argv)
    source = source or pretrained.from_arguments(args)
    images, X, y, names = script.first_images(source, args.num)
    model, out = source.model, Path(args.out)
    layer = find_layer(args.layer, X, model)

    # Part 1: ours. The product of the two maps has the detail of one and the place of the other.
    unwritten = script.Unwritten()
    method, rows = GradCam(args.layer), [Row(list(images), "image", names)]
    with unwritten:
        guided = method.guided_backprop(X, y, model)  # (N, H, W, 3)
        rows.append(Row(list(figure.about_grey(guided)), "guided backprop"))
    with unwritten:
        cam = method.grad_cam(X, y, model)  # (N, H, W)
        rows.append(Row(list(figure.overlay(images, cam)), "Grad-CAM", bar=Bar(figure.JET, "nothing", "for")))
    if unwritten.first is None:
        guided_cam = cam[..., None] * guided
        rows.append(Row(list(figure.about_grey(guided_cam)), "Guided Grad-CAM"))
    if len(rows) > 1:
        title = "Guided backprop, Grad-CAM, and their product"
        own_path = figure.grid(rows, out / "gradcam.png", source.name, title)

    # Part 2: Captum's. It keeps the channels first, and leaves the map as small as the layer.
    with unwritten:
        captum_guided, captum_guided_cam, captum_cam = captum_maps(X, y, model, layer)
        captum_path = figure.grid(
            [
                Row(list(images), "image", names),
                Row(list(figure.about_grey(captum_guided)), "guided backprop"),
                Row(list(figure.about_grey(captum_guided_cam)), "Guided Grad-CAM"),
            ],
            out / "gradcam_captum.png",
            source.name,
            "Captum: guided backprop and Guided Grad-CAM",
        )

    # Part 3: what one layer, and one of its neurons, make of the images.
    with unwritten:
        # BEGIN SOLUTION captum
        evidence = LayerGradCam(model, layer).attribute(X, target=y).sum(dim=1)  # (N, h, w), without Grad-CAM's ReLU
        activation = LayerActivation(model, layer).attribute(X)  # (N, C, h, w)
        # INSTEAD
        # TODO (Part 1.5): `evidence` (N, h, w), LayerGradCam as it is, without a ReLU; `activation` (N, C, h, w).
        #> raise NotImplementedError("Part 1.5: a layer by Captum")
        # END SOLUTION
        conductance = layer_conductance(X, y, model, layer)  # (N, C, h, w)
        neurons = [np.unravel_index(int(c.argmax()), c.shape) for c in conductance]
        responses = neuron_responses(X, neurons, model, layer)
        sign = Bar(figure.SIGNED, "against", "for")
        layers_path = figure.grid(
            [
                Row(list(images), "image", names),
                Row(list(figure.signed(as_array(evidence))), "Layer Grad-CAM", bar=sign),
                Row(list(figure.signed(as_array(conductance.sum(dim=1)))), "layer conductance", bar=sign),
                Row(
                    list(figure.heat(as_array(activation.abs().mean(dim=1)))),
                    "layer activation",
                    bar=Bar(figure.HEAT, "silent", "strong"),
                ),
                Row(
                    list(figure.about_grey(responses)),
                    "one neuron",
                    [f"channel {channel} at ({row}, {column})" for channel, row, column in neurons],
                ),
            ],
            out / "gradcam_layers.png",
            source.name,
            f"Captum: layer {args.layer} and one of its neurons",
        )
    unwritten.tell()

    # The same methods twice. Captum's maps are brought to ours: same size, same kernel, same scale.
    pairs = {
        "guided backprop": (guided, captum_guided),
        "Grad-CAM": (cam, captum_cam),
        "Guided Grad-CAM": (of_largest(guided_cam), of_largest(captum_guided_cam)),
    }
    largest = {name: f"{np.abs(own - captum).max():.2g}" for name, (own, captum) in pairs.items()}
    for name, difference in largest.items():
        size = np.abs(pairs[name][1]).max()
        print(f"{name}, ours and Captum's: largest difference {difference}, where the largest value is {size:.2g}")
    columns = ["image"] + [f"{name}\n{whose}" for name in pairs for whose in ("ours", "Captum")]
    panels = zip(
        images,
        figure.about_grey(guided),
        figure.about_grey(captum_guided),
        figure.overlay(images, cam),
        figure.overlay(images, captum_cam),
        figure.about_grey(guided_cam),
        figure.about_grey(captum_guided_cam),
    )
    comparison_path = figure.grid(
        [Row(row, name, columns if i == 0 else ()) for i, (row, name) in enumerate(zip(panels, names))],
        out / "gradcam_comparison.png",
        source.name,
        "The same methods, ours and Captum's",
        "Largest difference: " + ", ".join(f"{name} {difference}" for name, difference in largest.items()) + ".",
        columns=len(columns),
    )

    pictures = [
        Picture(
            own_path,
            "Guided backprop, Grad-CAM and Guided Grad-CAM",
            "Guided backprop draws fine edges (mid-grey is zero), but much the same ones for any class. Grad-CAM knows "
            f"where the class is: red speaks for it, blue does not, as coarsely as {args.layer} is. Their product "
            "keeps the edges of the object only.",
        ),
        Picture(
            captum_path,
            "Guided backprop and Guided Grad-CAM by Captum",
            "The same two methods by the library, from one line of code each. Compare the rows: Guided Grad-CAM loses "
            "the edges of everything that is not the class.",
        ),
        Picture(
            comparison_path,
            "Our maps beside Captum's",
            f"Guided backprop differs by at most {largest['guided backprop']}, Grad-CAM by {largest['Grad-CAM']} (both "
            f"scaled from 0 to 1). Guided Grad-CAM, as a part of its largest value, differs by "
            f"{largest['Guided Grad-CAM']}: Captum enlarges its map with another bicubic kernel and does not stretch "
            "it, so small differences are no mistake there.",
        ),
        Picture(
            layers_path,
            f"Inside layer {args.layer}",
            "Layer Grad-CAM without its ReLU also shows in blue what speaks against the class. Conductance adds up "
            f"what flows through the layer on the way from a grey image to this one ({CONDUCTANCE_STEPS} steps). The "
            "activation is what is there, whatever the class: see what else lights up. Last row: the neuron that "
            "conducts most, and the pixels that excite it (guided backprop from the neuron instead of the score).",
        ),
    ]
    if args.show:
        figure.show(pictures)
    return pictures


def find_layer(name: str, X: Tensor, model: nn.Module) -> nn.Module:
    """The layer of that name, whose output must be a map."""
    modules = dict(model.named_modules())
    if name in modules and name:
        with torch.no_grad():
            output = LayerActivation(model, modules[name]).attribute(X[:1])
        if min(output.shape[2:]) > 1:
            return modules[name]
    names = [n for n in modules if n.startswith("features.") and n.count(".") == 1]
    raise script.UserError(f"expected a layer whose output is a map, got {name!r}: try one of {', '.join(names)}")


def as_array(maps: Tensor) -> np.ndarray:
    return maps.detach().cpu().numpy()


def as_images(attributions: Tensor) -> np.ndarray:
    """(N, 3, H, W) as numpy (N, H, W, 3)."""
    return as_array(attributions.permute(0, 2, 3, 1))


def as_cam(maps: Tensor, X: Tensor) -> np.ndarray:
    """Captum's Grad-CAM (N, 1, h, w) as ours: resized to the images X, each scaled to [0, 1] by itself; (N, H, W)."""
    cam = F.interpolate(maps.detach(), size=X.shape[2:], mode="bicubic", antialias=True)[:, 0]
    low, high = cam.amin(dim=(1, 2), keepdim=True), cam.amax(dim=(1, 2), keepdim=True)
    return as_array((cam - low) / (high - low).clamp(min=1e-12))


def of_largest(attributions: np.ndarray) -> np.ndarray:
    """Each image's attributions (N, H, W, 3) as a part of its largest one."""
    return attributions / np.abs(attributions).max(axis=(1, 2, 3), keepdims=True).clip(min=1e-12)


def captum_maps(
    X: Tensor, y: Tensor, model: nn.Module, layer: nn.Module
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Captum's guided backprop (N, H, W, 3), Guided Grad-CAM (N, H, W, 3) and Grad-CAM (N, H, W)."""
    # BEGIN SOLUTION captum
    guided = as_images(GuidedBackprop(model).attribute(X, target=y))
    guided_cam = as_images(GuidedGradCam(model, layer).attribute(X, target=y, interpolate_mode="bicubic"))
    cam = as_cam(LayerGradCam(model, layer).attribute(X, target=y, relu_attributions=True), X)
    return guided, guided_cam, cam
    # INSTEAD
    # TODO (Part 1.5): return, by Captum, guided backprop and Guided Grad-CAM, through as_images(...) to (N, H, W, 3),
    #   and Grad-CAM, through as_cam(..., X) to (N, H, W): GuidedBackprop, GuidedGradCam and LayerGradCam.
    #   GuidedGradCam enlarges its map with interpolate_mode="bicubic"; LayerGradCam needs relu_attributions=True.
    #> raise NotImplementedError("Part 1.5: guided backprop and Guided Grad-CAM by Captum")
    # END SOLUTION


def layer_conductance(X: Tensor, y: Tensor, model: nn.Module, layer: nn.Module) -> Tensor:
    """Captum's layer conductance (N, C, h, w). One image at a time, to bound the memory."""
    # BEGIN SOLUTION captum
    method = LayerConductance(model, layer)
    maps = [
        method.attribute(
            image[None], target=label, n_steps=CONDUCTANCE_STEPS, internal_batch_size=CONDUCTANCE_STEPS
        ).detach()  # the graph of one image at a time
        for image, label in tqdm(list(zip(X, y)), desc="layer conductance", leave=False, disable=None)
    ]
    return torch.cat(maps)
    # INSTEAD
    # TODO (Part 1.5): return Captum's LayerConductance with CONDUCTANCE_STEPS steps, one image after the other as in
    #   integrated_gradients of saliency_map.py.
    #> raise NotImplementedError("Part 1.5: layer conductance by Captum")
    # END SOLUTION


def neuron_responses(X: Tensor, neurons: Sequence[tuple], model: nn.Module, layer: nn.Module) -> np.ndarray:
    """Captum's guided backprop from one neuron, (channel, row, column), of each image: (N, H, W, 3)."""
    # BEGIN SOLUTION captum
    method = NeuronGuidedBackprop(model, layer)
    return as_images(torch.cat([method.attribute(image[None], neuron) for image, neuron in zip(X, neurons)]))
    # INSTEAD
    # TODO (Part 1.5): return Captum's NeuronGuidedBackprop of each image's neuron, which is another one for each image.
    #> raise NotImplementedError("Part 1.5: a neuron by Captum")
    # END SOLUTION


if __name__ == "__main__":
    script.run(main)
