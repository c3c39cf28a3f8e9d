"""One call for everything that a script needs: network, class names, sample images, pictures, targets."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from pretrained import imagenet, layers, scenes
from pretrained.downloads import course_file
from pretrained.errors import SourceError
from pretrained.networks import LITE, SQUEEZENET, Network, find_network
from pretrained.packages import find_packaged
from pretrained.photographs import CONTENT_PHOTOGRAPH, read_photographs
from pretrained.settings import STYLE_PAIRS, StylePair
from pretrained.weights import EMBEDDED, find_device, read_metadata

CONTENT = "tubingen"
# Each classic painting, and the one of ours that takes its place where it cannot be had.
CLASSIC_STYLES = {"composition_vii": "composition", "the_scream": "waves", "starry_night": "flow"}


@dataclass(frozen=True, eq=False)
class Pretrained(Network):
    """A network together with the images, labels and class names that belong to it."""

    class_names: Sequence[str]
    images: np.ndarray  # uint8 (N, 224, 224, 3)
    labels: np.ndarray  # int64 (N,)
    masks: np.ndarray | None  # bool (N, 224, 224), True on the object; ImageNet has none
    fooling_target: int
    visualization_targets: tuple[int, ...]
    content_images: dict[str, Path]  # one picture; where it is another than the classic one, by its own name
    style_images: dict[str, Path]
    images_note: str = ""  # which images are missing, and why
    pictures_note: str = ""  # which pictures for style transfer were replaced, and why

    @property
    def notes(self) -> tuple[str, ...]:
        """A line on the network and why it was taken, and one on images if some are missing."""
        return f"Network: {self.name} ({self.why}).", *([self.images_note] if self.images_note else [])

    @property
    def recipe(self) -> str:
        """Key of the tables in `settings`: whose settings suit the network."""
        if self.architecture == LITE:
            return LITE
        if self.architecture != SQUEEZENET:
            return "other"
        own = "embedded" if self.kind == "embedded" else "torchvision"
        return own if self.weights == "own" else self.weights

    @property
    def style_pairs(self) -> tuple[StylePair, ...]:
        """The settings of style transfer for each of the pictures that are there; none where there is no table."""
        (content,) = self.content_images
        pairs = (pair for pair in STYLE_PAIRS[self.recipe] if pair.style in self.style_images)
        return tuple(replace(pair, content=content) for pair in pairs)

    @property
    def cnn(self) -> nn.Sequential:
        """The modules that follow each other up to the last map: what style transfer looks at, by index."""
        return nn.Sequential(*self._features.values())

    @cached_property
    def gradcam_layer(self) -> str:
        """Name of the network's last map, which Grad-CAM reads: features.12 in SqueezeNet 1.1."""
        return layers.last_map(self.model)

    @cached_property
    def _features(self) -> dict[str, nn.Module]:
        return layers.features(self.model)


def load(weights: str = "auto", device: str = "auto", model: str = SQUEEZENET) -> Pretrained:
    """Load the network that `weights` and `model` ask for, and all that belongs to it.

    weights: "auto" or "imagenet" take the first ImageNet weights that can be had: for SqueezeNet 1.1 torchvision's,
        else the original ones. "torchvision", "original", "embedded" (SqueezeNet 1.1 with this repository's weights)
        or the path of a .pth, .pt or .safetensors state dict: that or an error.
    device: "auto" (CUDA where there is a GPU, else the CPU), "cpu", "cuda", "cuda:1", "mps".
    model: "squeezenet1_1", "efficientnet_lite0" or the name of any of torchvision's classification networks.
    Raises SourceError, in one sentence.
    """
    network = find_network(weights, model, find_device(device))
    rest = _of_embedded() if network.kind == "embedded" else _of_imagenet()
    return Pretrained(**vars(network), **rest)


def _of_imagenet() -> dict[str, Any]:
    class_names = imagenet.class_names()
    images, labels, note = _sample_images(class_names)
    content_images, style_images, pictures_note = _pictures()
    return {
        "class_names": class_names,
        "images": images,
        "labels": labels,
        "masks": None,
        "fooling_target": imagenet.FOOLING_TARGET,
        "visualization_targets": imagenet.VISUALIZATION_TARGETS,
        "content_images": content_images,
        "style_images": style_images,
        "images_note": note,
        "pictures_note": pictures_note,
    }


def _of_embedded() -> dict[str, Any]:
    about = read_metadata(EMBEDDED)
    images, labels, masks = scenes.read_scenes(about["class_names"])
    return {
        "class_names": about["class_names"],
        "images": images,
        "labels": labels,
        "masks": masks,
        "fooling_target": about["fooling_target"],
        "visualization_targets": tuple(about["visualization_targets"]),
        "content_images": dict(scenes.CONTENT_IMAGES),
        "style_images": dict(scenes.STYLE_IMAGES),
    }


def _sample_images(class_names: Sequence[str]) -> tuple[np.ndarray, np.ndarray, str]:
    """The course's images, then the packages' photographs; their labels; and a line if some are missing."""
    missing: list[str] = []
    images, labels = np.empty((0, 224, 224, 3), np.uint8), np.empty(0, np.int64)
    try:
        images, labels, _ = imagenet.imagenet_val(patient=False)
    except SourceError as problem:
        missing.append(str(problem))
    course = len(images)
    try:
        photographs, their_labels, problems = read_photographs(class_names)
        images, labels = np.concatenate([images, photographs]), np.concatenate([labels, their_labels])
        missing += problems
    except SourceError as problem:
        if not course:
            raise
        missing.append(str(problem))
    which = f"{len(images) - course} photographs from packages"
    which = f"the course's {course} and {which}" if course else f"{which} instead of the course's"
    return images, labels, f"Images: {which} ({'; '.join(missing)})." if missing else ""


def _pictures() -> tuple[dict[str, Path], dict[str, Path], str]:
    """The content picture and the paintings, and a line if some of them are not the classic ones."""
    pictures: dict[str, Path] = {}
    replaced: dict[str, str] = {}  # what instead of what -> why
    for name in (CONTENT, *CLASSIC_STYLES):
        try:
            pictures[name] = course_file(f"{name}.jpg", patient=False)
        except SourceError as problem:
            path = _photograph() if name == CONTENT else scenes.STYLE_IMAGES[CLASSIC_STYLES[name]]
            pictures[path.stem] = path
            replaced[f"{path.stem} instead of {name}"] = str(problem)
    content, *styles = pictures
    reason = next(iter(replaced.values()), "")
    note = f"Pictures: {', '.join(replaced)} ({reason})." if replaced else ""
    return {content: pictures[content]}, {name: pictures[name] for name in styles}, note


def _photograph() -> Path:
    """A content picture from a package, or the town of this repository."""
    try:
        return find_packaged(CONTENT_PHOTOGRAPH)
    except SourceError:
        return scenes.CONTENT_IMAGES["town"]
