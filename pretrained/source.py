"""One call for everything that a script needs: network, class names, sample images, pictures, targets."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from pretrained import imagenet, scenes
from pretrained.addresses import WEIGHTS
from pretrained.downloads import course_file
from pretrained.errors import SourceError
from pretrained.weights import (
    EMBEDDED,
    build_network,
    count_classes,
    find_device,
    read_metadata,
    read_weights,
)

# Each classic picture, and the one of ours that takes its place where it cannot be had.
CLASSIC_CONTENT = {"tubingen": "town"}
CLASSIC_STYLES = {"composition_vii": "composition", "the_scream": "waves", "starry_night": "flow"}


@dataclass(frozen=True, eq=False)
class Pretrained:
    """A network together with the images, labels and class names that belong to it."""

    name: str  # stands in the corner of every figure
    kind: str  # "imagenet" or "embedded": whose classes the labels are
    model: nn.Module  # torchvision's SqueezeNet 1.1, eval mode, parameters frozen
    device: torch.device
    class_names: Sequence[str]
    images: np.ndarray  # uint8 (N, 224, 224, 3)
    labels: np.ndarray  # int64 (N,)
    masks: np.ndarray | None  # bool (N, 224, 224), True on the object; ImageNet has none
    fooling_target: int
    visualization_targets: tuple[int, ...]
    content_images: dict[str, Path]
    style_images: dict[str, Path]
    notes: tuple[str, ...]  # which network was taken, why, and how to get the other; then pictures replaced


def load(weights: str = "auto", device: str = "auto") -> Pretrained:
    """The network that `weights` asks for, and all that belongs to it.

    weights: "imagenet", "embedded", or the path of a .pth, .pt or .safetensors state dict: that or an error.
        "auto" is imagenet where its files are here or can be fetched, else embedded.
    device: "auto" (CUDA where there is a GPU, else the CPU), "cpu", "cuda", "cuda:1", "mps".
    Raises SourceError, in one sentence.
    """
    chosen = find_device(device)
    if weights == "imagenet":
        return _imagenet(chosen, why="as asked; --weights embedded takes this repository's")
    if weights == "embedded":
        return _embedded(chosen, why="as asked; --weights imagenet takes torchvision's")
    if weights == "auto":
        try:
            return _imagenet(chosen, why="its files are here; --weights embedded takes this repository's")
        except SourceError as problem:
            return _embedded(chosen, why=f"as the ImageNet network cannot be had: {problem}")
    return _own(weights, chosen)


def _imagenet(device: torch.device, why: str, path: Path | None = None) -> Pretrained:
    """path: weights of one's own for the 1000 classes, instead of torchvision's."""
    # Both or neither, and before the pictures: a dead network is noticed once.
    images, labels, class_names = imagenet.imagenet_val()
    name = f"SqueezeNet 1.1, {path.name if path else 'ImageNet weights'}"
    path = path or course_file(WEIGHTS)
    model = build_network(read_weights(path), path, device)
    content_images, content_notes = _classic(CLASSIC_CONTENT, scenes.CONTENT_IMAGES)
    style_images, style_notes = _classic(CLASSIC_STYLES, scenes.STYLE_IMAGES)
    return Pretrained(
        name=name,
        kind="imagenet",
        model=model,
        device=device,
        class_names=class_names,
        images=images,
        labels=labels,
        masks=None,
        fooling_target=imagenet.FOOLING_TARGET,
        visualization_targets=imagenet.VISUALIZATION_TARGETS,
        content_images=content_images,
        style_images=style_images,
        notes=(f"Network: {name} ({why}).", *content_notes, *style_notes),
    )


def _embedded(device: torch.device, why: str, path: Path = EMBEDDED) -> Pretrained:
    """path: weights of one's own for the embedded classes, instead of the shipped ones."""
    model = build_network(read_weights(path), path, device)
    about = read_metadata(EMBEDDED)
    images, labels, masks = scenes.read_scenes(about["class_names"])
    name = about["name"] if path == EMBEDDED else f"SqueezeNet 1.1, {path.name}"
    return Pretrained(
        name=name,
        kind="embedded",
        model=model,
        device=device,
        class_names=about["class_names"],
        images=images,
        labels=labels,
        masks=masks,
        fooling_target=about["fooling_target"],
        visualization_targets=tuple(about["visualization_targets"]),
        content_images=dict(scenes.CONTENT_IMAGES),
        style_images=dict(scenes.STYLE_IMAGES),
        notes=(f"Network: {name} ({why}).",),
    )


def _own(weights: str, device: torch.device) -> Pretrained:
    """Weights of one's own belong to whichever classes there are as many of."""
    path = Path(weights).expanduser()
    if path.suffix not in {".pth", ".pt", ".safetensors"}:
        raise SourceError(
            f"expected auto, imagenet, embedded or the path of a .pth or .safetensors file, got {weights!r}: "
            "check the spelling"
        )
    count = count_classes(read_weights(path), path)
    class_names = read_metadata(EMBEDDED)["class_names"]
    why = "as asked; --weights auto takes the usual one"
    if read_metadata(path).get("class_names", class_names) != class_names and count == len(class_names):
        raise SourceError(
            f"expected the classes of the embedded network in {path}, got others: train on the same classes"
        )
    if count == 1000:
        return _imagenet(device, why, path)
    if count == len(class_names):
        return _embedded(device, why, path)
    raise SourceError(
        f"expected weights for 1000 (ImageNet) or {len(class_names)} (embedded) classes in {path}, "
        f"got {count}: there are pictures for those classes only, so train on them"
    )


def _classic(wanted: dict[str, str], ours: dict[str, Path]) -> tuple[dict[str, Path], list[str]]:
    """The path of each classic picture, or of ours in its place, and a line for each one replaced."""
    paths, notes = {}, []
    for name, replacement in wanted.items():
        try:
            paths[name] = course_file(f"{name}.jpg")
        except SourceError as problem:
            paths[name] = ours[replacement]
            notes.append(f"Picture: our {replacement} instead of {name} ({problem}).")
    return paths, notes
