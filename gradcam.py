"""Guided backprop and Grad-CAM: which edges and which places speak for a class?

    python gradcam.py
    python gradcam.py --layer features.7
    python gradcam.py --image my_dog.jpg --target "golden retriever"

Expect five images above their guided backprop (fine edges, of whatever class), Grad-CAM (a warm patch on the object)
and Guided Grad-CAM (the edges within the patch): visualization/gradcam.png. Then the first two for two classes, which
guided backprop hardly tells apart (gradcam_classes.png); the same by Captum (gradcam_captum.png); ours beside Captum's
(gradcam_comparison.png); and what one layer and one of its neurons make of the images (gradcam_layers.png). Most of the
time is that of the layer's conductance: 10 times through the network for each image.
"""

import figures  # noqa: F401 -- first: it chooses matplotlib's backend, which captum loads

# isort: split
import argparse
import warnings
from collections.abc import Sequence
from dataclasses import replace

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
from figures import measured, palette, script
from figures.canvas import Panel
from figures.figure import Bar, Picture, Row, short
from figures.images import Images, Maps, as_array, check_maps, choose_images, list_words, output_size, parser
from methods import CAM, GUIDED, GUIDED_CAM, METHODS
from pretrained import layers
from visualizers import GradCam
from visualizers.network import has_channels_last, relu_replaced_by

CONDUCTANCE_STEPS = 10  # points on the path from the baseline to the image

DOG_AND_CAT = ("bull mastiff", "Siamese cat")

SIGN = Bar(palette.SIGNED, "against", "for")


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument(
        "--layer", help="the layer that Grad-CAM reads (default: the network's last map, features.12 in SqueezeNet 1.1)"
    )
    return options.parse_args(argv)


def main(argv: Sequence[str] | None = None, source: pretrained.Pretrained | None = None) -> list[Picture]:
    args = parse_args(argv)
    images = choose_images(args, source, args.target)
    name = images.source.gradcam_layer if args.layer is None else args.layer
    layer = find_layer(name, images.X[0], images.model)
    unwritten = script.Unwritten()
    with images.figures_of("gradcam.py", args, parse_args):
        with unwritten:
            own, own_picture = ours(images, name)
            pair = None if args.image or args.target else images.side_by_side(DOG_AND_CAT)
            classes_picture = dog_and_cat(pair, name) if pair else two_classes(images, own, name)
        with unwritten:
            captums, captum_picture = captum(images, layer)
        with unwritten:
            layer_picture = inside_a_layer(images, layer, name)
        unwritten.tell()
        return [own_picture, classes_picture, captum_picture, comparison(images, own, captums), layer_picture]


def ours(images: Images, layer: str) -> tuple[Maps, Picture]:
    """Guided backprop, Grad-CAM and their product below the images, and the maps.

    A method that is not written yet is left out, and told when the others are drawn.
    """
    method, maps, unwritten = GradCam(layer), {}, script.Unwritten()
    with unwritten:
        guided = images.each(method.guided_backprop)
        maps[GUIDED] = check_maps(GUIDED, guided, images.sizes(3), method.guided_backprop)
    with unwritten:
        maps[CAM] = check_maps(CAM, images.each(method.grad_cam), images.sizes(), method.grad_cam)
    if unwritten.first is None:  # the product has the detail of one and the place of the other
        maps[GUIDED_CAM] = [cam[..., None] * guided for cam, guided in zip(maps[CAM], maps[GUIDED])]
    if maps:
        rows = [row(name, maps, images) for name in maps]
        path = images.draw(rows, "gradcam.png", "Guided backprop, Grad-CAM, and their product")
    unwritten.tell()
    return maps, Picture.of(path, script.caption("gradcam", "ours"), layer=layer)


def dog_and_cat(pair: Images, layer: str) -> Picture:
    """Guided backprop and Grad-CAM of one picture, left for the class on the left, right for that on the right."""
    method = GradCam(layer)
    maps = {GUIDED: pair.each(method.guided_backprop), CAM: pair.each(method.grad_cam)}
    shares = [measured.share_of_half(cam, right=i == 1) for i, cam in enumerate(maps[CAM])]
    titles = [f"for {short(pair.source.class_names[k])}: {s:.0%} on its half" for k, s in zip(pair.y, shares)]
    rows = [row(GUIDED, maps, pair), replace(row(CAM, maps, pair), titles=titles)]
    path = pair.draw(rows, "gradcam_classes.png", "One image, two classes: which map depends on the class?")
    guided, cam = (measured.correlation(maps[name][:1], maps[name][1:])[0] for name in (GUIDED, CAM))
    shares_in_words = list_words([f"{share:.0%}" for share in shares])
    return Picture.of(path, script.caption("gradcam", "dog_and_cat"), guided=guided, cam=cam, shares=shares_in_words)


def two_classes(images: Images, own: Maps, layer: str) -> Picture:
    """Guided backprop and Grad-CAM of each image for its class, and for another one."""
    method, others = GradCam(layer), images.of_others()
    maps = {GUIDED: others.each(method.guided_backprop), CAM: others.each(method.grad_cam)}
    rows = [
        row(GUIDED, own, images),
        replace(row(GUIDED, maps, images), label="for another class", titles=others.titles),
        row(CAM, own, images),
        replace(row(CAM, maps, images), label="for another class", titles=others.titles),
    ]
    path = images.draw(rows, "gradcam_classes.png", "One image, two classes: which map depends on the class?")
    guided, cam = (float(np.mean(measured.correlation(own[name], maps[name]))) for name in (GUIDED, CAM))
    verdict = "alike" if abs(guided - cam) < 0.1 else "guided_less" if guided > cam else "cam_less"
    names = list_words([short(images.source.class_names[k]) for k in others.y])
    verdict = script.read_captions()["gradcam"]["sentences"][verdict]
    return Picture.of(path, script.caption("gradcam", "classes"), names=names, guided=guided, cam=cam, verdict=verdict)


def captum(images: Images, layer: nn.Module) -> tuple[Maps, Picture]:
    """Guided backprop and Guided Grad-CAM by Captum below the images, and the maps."""
    guided, cam, guided_cam = images.each(captum_maps, layer, things=3)
    maps = {
        GUIDED: check_maps("`guided`", guided, images.sizes(3), captum_maps),
        CAM: check_maps("`cam`", cam, images.sizes(), captum_maps),
        GUIDED_CAM: check_maps("`guided_cam`", guided_cam, images.sizes(3), captum_maps),
    }
    rows = [row(name, maps, images) for name in (GUIDED, GUIDED_CAM)]
    path = images.draw(rows, "gradcam_captum.png", "Captum: guided backprop and Guided Grad-CAM")
    return maps, Picture.of(path, script.caption("gradcam", "captum"))


def inside_a_layer(images: Images, layer: nn.Module, name: str) -> Picture:
    """Draw what one layer, and one of its neurons, make of the images."""
    sizes = [output_size(layer, x, images.model) for x in images.X]  # (C, h, w) each
    evidence, activation = images.each(layer_maps, layer, things=2)
    check_maps("`evidence`", evidence, [size[1:] for size in sizes], layer_maps)
    check_maps("`activation`", activation, sizes, layer_maps)
    conductance = check_maps("conductance", images.each(layer_conductance, layer), sizes, layer_conductance)
    neurons = [tuple(int(i) for i in np.unravel_index(c.argmax(), c.shape)) for c in conductance]
    responses = images.each(neuron_responses, layer, given=neurons)
    check_maps("the pixels of a neuron", responses, images.sizes(3), neuron_responses)

    places = [f"channel {channel}\nat ({row}, {column})" for channel, row, column in neurons]
    rows = [
        Row(palette.diverging(evidence), "Layer Grad-CAM", bar=SIGN),
        Row(palette.diverging([c.sum(axis=0) for c in conductance]), "layer conductance", bar=SIGN),
        Row(
            palette.heat([np.abs(a).mean(axis=0) for a in activation]),
            "layer activation",
            bar=Bar(palette.HEAT, "silent", "strong"),
        ),
        Row(palette.about_grey(responses), "one neuron", places),
    ]
    path = images.draw(rows, "gradcam_layers.png", f"Captum: layer {name} and one of its neurons")
    against = measured.share_below_zero(evidence)
    return Picture.of(path, script.caption("gradcam", "layers"), layer=name, steps=CONDUCTANCE_STEPS, against=against)


def comparison(images: Images, own: Maps, captums: Maps) -> Picture:
    """The same methods twice. Captum's maps are brought to ours: same size, same kernel, same scale."""
    largest: dict[str, str] = {}
    columns: dict[str, Sequence[Panel]] = {}
    both = {"ours": own, "Captum": captums}
    for name in own:
        pair = [measured.of_largest(m[name]) if name == GUIDED_CAM else m[name] for m in both.values()]
        largest[name], _ = measured.largest_difference(name, *pair)
        columns |= {f"{name}\n{whose}": row(name, maps, images).panels for whose, maps in both.items()}
    text = "Largest difference: " + ", ".join(f"{name} {difference}" for name, difference in largest.items()) + "."
    path = images.draw_beside(columns, "gradcam_comparison.png", "The same methods, ours and Captum's", text)
    least = min(measured.correlation(own[GUIDED_CAM], captums[GUIDED_CAM]))
    relus = relus_without_hooks(images.X[0], images.model)
    words = script.caption("gradcam", "left_out" if relus else "comparison")
    return Picture.of(path, words, largest=largest, correlation=least, relus=relus)


def relus_without_hooks(x: Tensor, model: nn.Module) -> str:
    """Name the ReLUs that Captum's guided backprop misses, since it hooks modules of nn.ReLU alone; "" for none.

    They are ReLU6, and ReLUs that a module's `forward` calls as functions, as DenseNet's last one.
    """
    if any(isinstance(module, nn.ReLU6) for module in model.modules()):
        return "ReLU6"
    called, hooked = [], []

    def count(x: Tensor) -> Tensor:
        called.append(x)
        return x.relu()

    relus = [module for module in model.modules() if isinstance(module, nn.ReLU)]
    handles = [relu.register_forward_hook(lambda relu, *_: hooked.append(relu)) for relu in relus]
    try:
        with torch.no_grad(), warnings.catch_warnings(action="ignore"):
            with relu_replaced_by(count):
                model(x)
    finally:
        for handle in handles:
            handle.remove()
    return "ReLUs that it calls as functions" if len(called) > len(hooked) else ""


def row(name: str, maps: Maps, images: Images) -> Row:
    """A method's maps as pictures."""
    return METHODS[name].row(maps[name], images.pixels)


def find_layer(name: str, X: Tensor, model: nn.Module) -> nn.Module:
    """The layer of that name, whose output must be a map."""
    modules = dict(model.named_modules())
    if name in modules and name:
        size, (height, width) = output_size(modules[name], X[:1], model), X.shape[2:]
        # Its proportions are the image's, roughly: some transformers' layers put the channels last.
        fits = len(size) == 3 and min(size[1:]) > 1 and 0.5 < size[1] * width / (size[2] * height) < 2
        if fits and not has_channels_last(size, X.shape[2:]):
            return modules[name]
    names = ", ".join(layers.features(model))
    raise script.UserError(f"expected a layer that gives one map, got {name!r}: try one of {names}")


def as_images(attributions: Tensor) -> np.ndarray:
    """(N, 3, H, W) as numpy (N, H, W, 3)."""
    if attributions.ndim != 4 or attributions.shape[1] != 3:
        got = tuple(attributions.shape)
        hints = {(4, 1): "hand a Grad-CAM to as_cam", (5, 1): "join the parts by torch.cat, not by torch.stack"}
        hint = hints.get((attributions.ndim, attributions.shape[1]), "take it as Captum gives it")
        raise script.UserError(f"expected (N, 3, H, W) in as_images, got {got}: {hint}")
    return as_array(attributions.permute(0, 2, 3, 1))


def as_cam(maps: Tensor, X: Tensor) -> np.ndarray:
    """Captum's Grad-CAM (N, 1, h, w) as ours: resized to the images X, each scaled to [0, 1] by itself; (N, H, W)."""
    if maps.ndim != 4 or maps.shape[1] != 1:
        got = tuple(maps.shape)
        raise script.UserError(f"expected (N, 1, h, w) in as_cam, got {got}: take it as Captum gives it")
    cam = F.interpolate(maps.detach(), size=X.shape[2:], mode="bicubic", antialias=True)[:, 0]
    low, high = cam.amin(dim=(1, 2), keepdim=True), cam.amax(dim=(1, 2), keepdim=True)
    return as_array((cam - low) / (high - low).clamp(min=torch.finfo(cam.dtype).tiny))


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
    #   GuidedGradCam enlarges its map with interpolate_mode="bicubic" and has its ReLU; LayerGradCam needs
    #   relu_attributions=True.
    #> raise NotImplementedError("Part 1.5: guided backprop and Guided Grad-CAM by Captum")
    # END SOLUTION
    return guided, cam, guided_cam


def layer_maps(X: Tensor, y: Tensor, model: nn.Module, layer: nn.Module) -> tuple[Tensor, Tensor]:
    """Captum's Grad-CAM of the layer without its ReLU (N, h, w), and the layer's activation (N, C, h, w)."""
    # BEGIN SOLUTION captum
    evidence = LayerGradCam(model, layer).attribute(X, target=y).sum(dim=1)
    activation = LayerActivation(model, layer).attribute(X)
    # INSTEAD
    # TODO (Part 1.5): `evidence`, LayerGradCam as it is, without a ReLU, from its (N, 1, h, w) to (N, h, w), also where
    #   N is 1; `activation` (N, C, h, w) by LayerActivation.
    #> raise NotImplementedError("Part 1.5: a layer by Captum")
    # END SOLUTION
    return evidence, activation


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
    # TODO (Part 1.5): return Captum's LayerConductance with CONDUCTANCE_STEPS steps, from a baseline of zeros (its
    #   default), one image after the other: the steps of one image are few enough to be in memory at once.
    #> raise NotImplementedError("Part 1.5: layer conductance by Captum")
    # END SOLUTION


def neuron_responses(X: Tensor, neurons: Sequence[tuple], model: nn.Module, layer: nn.Module) -> np.ndarray:
    """Captum's guided backprop from one neuron, (channel, row, column), of each image: (N, H, W, 3)."""
    # BEGIN SOLUTION captum
    method = NeuronGuidedBackprop(model, layer)
    return as_images(torch.cat([method.attribute(image[None], neuron) for image, neuron in zip(X, neurons)]))
    # INSTEAD
    # TODO (Part 1.5): return Captum's NeuronGuidedBackprop of the layer's output, of one image after the other, since
    #   the neuron is another one for each image.
    #> raise NotImplementedError("Part 1.5: a neuron by Captum")
    # END SOLUTION


if __name__ == "__main__":
    script.run(main)
