"""Guided backprop and Grad-CAM: which edges and which places speak for a class?

    python gradcam.py
    python gradcam.py --layer features.7
    python gradcam.py --image my_dog.jpg --target "golden retriever"

Expect five images above their guided backprop (fine edges, of whatever class), Grad-CAM (a warm patch on the object)
and Guided Grad-CAM (the edges within the patch): visualization/gradcam.png. Then the same by Captum
(gradcam_captum.png), ours beside Captum's (gradcam_comparison.png), and what one layer and one of its neurons make of
the images (gradcam_layers.png).
"""

import argparse
from collections.abc import Sequence

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
from figures import figure, palette, script
from figures.figure import Bar, Picture, Row
from figures.images import Images, Maps, as_array, chosen_images, parser
from visualizers import GradCam

CONDUCTANCE_STEPS = 10  # points on the path from the baseline to the image

GUIDED, CAM, GUIDED_CAM = "guided backprop", "Grad-CAM", "Guided Grad-CAM"
SIGN, FOR = Bar(palette.SIGNED, "against", "for"), Bar(palette.JET, "nothing", "for")


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument(
        "--layer", default="features.12", help="the layer that Grad-CAM reads: features.0 to features.12 (the default)"
    )
    return options.parse_args(argv)


def main(argv: Sequence[str] | None = None, source: pretrained.Pretrained | None = None) -> list[Picture]:
    args = parse_args(argv)
    images = chosen_images(args, source, args.target)
    layer = find_layer(args.layer, images.X[0], images.model)
    unwritten = script.Unwritten()
    with unwritten:
        own, own_picture = ours(images, args.layer)
    with unwritten:
        captums, captum_picture = captum(images, layer)
    with unwritten:
        layer_picture = inside_a_layer(images, layer, args.layer)
    unwritten.tell()
    pictures = [own_picture, captum_picture, comparison(images, own, captums), layer_picture]
    if args.show:
        figure.show(pictures)
    return pictures


def ours(images: Images, layer: str) -> tuple[Maps, Picture]:
    """Guided backprop, Grad-CAM and their product below the images, and the maps.

    A method that is not written yet is left out, and told when the others are drawn.
    """
    method, maps, unwritten = GradCam(layer), {}, script.Unwritten()
    with unwritten:
        maps[GUIDED] = images.each(method.guided_backprop)  # (H, W, 3) each
    with unwritten:
        maps[CAM] = images.each(method.grad_cam)  # (H, W) each
    if unwritten.first is None:  # the product has the detail of one and the place of the other
        maps[GUIDED_CAM] = [cam[..., None] * guided for cam, guided in zip(maps[CAM], maps[GUIDED])]
    if maps:
        rows = [Row(drawn(name, maps, images), name, bar=FOR if name == CAM else None) for name in maps]
        path = images.draw(rows, "gradcam.png", "Guided backprop, Grad-CAM, and their product")
    unwritten.tell()
    return maps, Picture.of(path, CAPTIONS["ours"], layer=layer)


def captum(images: Images, layer: nn.Module) -> tuple[Maps, Picture]:
    """Guided backprop and Guided Grad-CAM by Captum below the images, and the maps."""
    maps = dict(zip((GUIDED, CAM, GUIDED_CAM), images.each(captum_maps, layer)))
    rows = [Row(drawn(name, maps, images), name) for name in (GUIDED, GUIDED_CAM)]
    path = images.draw(rows, "gradcam_captum.png", "Captum: guided backprop and Guided Grad-CAM")
    return maps, Picture.of(path, CAPTIONS["captum"])


def inside_a_layer(images: Images, layer: nn.Module, name: str) -> Picture:
    """What one layer, and one of its neurons, make of the images."""
    evidence, conductance, activation, neurons, responses = images.each(of_a_layer, layer)
    places = [f"channel {channel} at ({row}, {column})" for channel, row, column in neurons]
    rows = [
        Row(palette.signed(evidence), "Layer Grad-CAM", bar=SIGN),
        Row(palette.signed(conductance), "layer conductance", bar=SIGN),
        Row(palette.heat(activation), "layer activation", bar=Bar(palette.HEAT, "silent", "strong")),
        Row(palette.about_grey(responses), "one neuron", places),
    ]
    path = images.draw(rows, "gradcam_layers.png", f"Captum: layer {name} and one of its neurons")
    return Picture.of(path, CAPTIONS["layers"], layer=name, steps=CONDUCTANCE_STEPS)


def comparison(images: Images, own: Maps, captums: Maps) -> Picture:
    """The same methods twice. Captum's maps are brought to ours: same size, same kernel, same scale."""
    largest: dict[str, str] = {}
    columns: Maps = {}
    for name in own:
        pair = [of_largest(maps[name]) if name == GUIDED_CAM else maps[name] for maps in (own, captums)]
        largest[name], _ = script.largest_difference(name, *pair)
        columns |= {f"{name}\nours": drawn(name, own, images), f"{name}\nCaptum": drawn(name, captums, images)}
    text = "Largest difference: " + ", ".join(f"{name} {difference}" for name, difference in largest.items()) + "."
    path = images.draw_beside(columns, "gradcam_comparison.png", "The same methods, ours and Captum's", text)
    return Picture.of(path, CAPTIONS["comparison"], largest=largest)


def drawn(name: str, maps: Maps, images: Images) -> list[np.ndarray]:
    """A method's maps as pictures."""
    return palette.overlay(images.pixels, maps[CAM]) if name == CAM else palette.about_grey(maps[name])


def of_largest(attributions: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Each image's attributions as a part of its largest one."""
    return [a / max(float(np.abs(a).max()), 1e-12) for a in attributions]


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


def as_images(attributions: Tensor) -> np.ndarray:
    """(N, 3, H, W) as numpy (N, H, W, 3)."""
    return as_array(attributions.permute(0, 2, 3, 1))


def as_cam(maps: Tensor, X: Tensor) -> np.ndarray:
    """Captum's Grad-CAM (N, 1, h, w) as ours: resized to the images X, each scaled to [0, 1] by itself; (N, H, W)."""
    cam = F.interpolate(maps.detach(), size=X.shape[2:], mode="bicubic", antialias=True)[:, 0]
    low, high = cam.amin(dim=(1, 2), keepdim=True), cam.amax(dim=(1, 2), keepdim=True)
    return as_array((cam - low) / (high - low).clamp(min=1e-12))


def captum_maps(X: Tensor, y: Tensor, model: nn.Module, layer: nn.Module) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Captum's guided backprop (N, H, W, 3), Grad-CAM (N, H, W) and Guided Grad-CAM (N, H, W, 3).

    It keeps the channels first, and leaves the map as small as the layer.
    """
    # BEGIN SOLUTION captum
    guided = as_images(GuidedBackprop(model).attribute(X, target=y))
    guided_cam = as_images(GuidedGradCam(model, layer).attribute(X, target=y, interpolate_mode="bicubic"))
    cam = as_cam(LayerGradCam(model, layer).attribute(X, target=y, relu_attributions=True), X)
    # INSTEAD
    # TODO (Part 1.5): by Captum, `guided` and `guided_cam`, through as_images(...) to (N, H, W, 3), and `cam`, through
    #   as_cam(..., X) to (N, H, W): GuidedBackprop, GuidedGradCam and LayerGradCam.
    #   GuidedGradCam enlarges its map with interpolate_mode="bicubic"; LayerGradCam needs relu_attributions=True.
    #> raise NotImplementedError("Part 1.5: guided backprop and Guided Grad-CAM by Captum")
    # END SOLUTION
    return guided, cam, guided_cam


def layer_maps(X: Tensor, y: Tensor, model: nn.Module, layer: nn.Module) -> tuple[Tensor, Tensor]:
    """Captum's Grad-CAM of the layer without its ReLU (N, h, w), and the layer's activation (N, C, h, w)."""
    # BEGIN SOLUTION captum
    evidence = LayerGradCam(model, layer).attribute(X, target=y).sum(dim=1)
    activation = LayerActivation(model, layer).attribute(X)
    # INSTEAD
    # TODO (Part 1.5): `evidence` (N, h, w), LayerGradCam as it is, without a ReLU; `activation` (N, C, h, w).
    #> raise NotImplementedError("Part 1.5: a layer by Captum")
    # END SOLUTION
    return evidence, activation


def of_a_layer(X: Tensor, y: Tensor, model: nn.Module, layer: nn.Module) -> tuple[Tensor | np.ndarray, ...]:
    """Of each image: evidence, conductance and activation (N, h, w), summed or averaged over channels; the neuron that
    conducts most, as channel, row and column (N, 3); and the pixels that excite it (N, H, W, 3).
    """
    evidence, activation = layer_maps(X, y, model, layer)
    conductance = layer_conductance(X, y, model, layer)  # (N, C, h, w)
    neurons = [np.unravel_index(int(c.argmax()), c.shape) for c in conductance]
    responses = neuron_responses(X, neurons, model, layer)
    return evidence, conductance.sum(dim=1), activation.abs().mean(dim=1), np.array(neurons), responses


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


CAPTIONS = {  # of each picture: its title, and what to look at
    "ours": (
        "Guided backprop, Grad-CAM and Guided Grad-CAM",
        "Guided backprop draws fine edges (mid-grey is zero), but much the same ones for any class. Grad-CAM knows "
        "where the class is: red speaks for it, blue does not, as coarsely as {layer} is. Their product "
        "keeps the edges of the object only.",
    ),
    "captum": (
        "Guided backprop and Guided Grad-CAM by Captum",
        "The same two methods by the library, from one line of code each. Compare the rows: Guided Grad-CAM loses "
        "the edges of everything that is not the class.",
    ),
    "comparison": (
        "Our maps beside Captum's",
        "Guided backprop differs by at most {largest[guided backprop]}, Grad-CAM by {largest[Grad-CAM]} (both "
        "scaled from 0 to 1). Guided Grad-CAM, as a part of its largest value, differs by "
        "{largest[Guided Grad-CAM]}: Captum enlarges its map with another bicubic kernel and does not stretch "
        "it, so small differences are no mistake there.",
    ),
    "layers": (
        "Inside layer {layer}",
        "Layer Grad-CAM without its ReLU also shows in blue what speaks against the class. Conductance adds up "
        "what flows through the layer on the way from a grey image to this one ({steps} steps). The "
        "activation is what is there, whatever the class: see what else lights up. Last row: the neuron that "
        "conducts most, and the pixels that excite it (guided backprop from the neuron instead of the score).",
    ),
}


if __name__ == "__main__":
    script.run(main)
