"""From the options --weights and --model to a network: which file, which architecture, whose classes, and why."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from pretrained import efficientnet, torchvision_networks
from pretrained.addresses import WEIGHTS
from pretrained.downloads import course_file
from pretrained.errors import SourceError
from pretrained.original import read_original
from pretrained.packages import EFFICIENTNET, ORIGINAL, packaged_file
from pretrained.weights import (
    EMBEDDED,
    build_network,
    count_classes,
    filled,
    read_metadata,
    read_weights,
    ready,
)

SQUEEZENET, LITE = "squeezenet1_1", "efficientnet_lite0"
TITLES = {SQUEEZENET: "SqueezeNet 1.1", LITE: "EfficientNet-Lite0"}
# What --weights may say besides a file, for each architecture; the rest are torchvision's.
WORDS = {
    SQUEEZENET: ("auto", "imagenet", "torchvision", "original", "embedded"),
    LITE: ("auto", "imagenet"),
}
ASKED = "as asked; --weights auto takes the usual one"
ANOTHER = "as asked; without --model it is SqueezeNet 1.1"


@dataclass(frozen=True, eq=False)
class Network:
    """A network, and what is to be said of it."""

    model: nn.Module
    device: torch.device
    architecture: str  # as --model calls it
    weights: str  # "torchvision", "original", "embedded", "packaged" or "own"
    kind: str  # "imagenet" or "embedded": whose classes it tells apart
    name: str
    why: str


def find_network(weights: str, architecture: str, device: torch.device) -> Network:
    """The network for the options --weights and --model. Raises SourceError, in one sentence."""
    if architecture not in (SQUEEZENET, LITE, *torchvision_networks.names()):
        raise SourceError(
            f"expected squeezenet1_1, efficientnet_lite0 or another network of torchvision, got --model "
            f"{architecture!r}: try {', '.join(_alike(architecture))}"
        )
    words = WORDS.get(architecture, ("auto", "imagenet", "torchvision"))
    if weights not in words:
        return _from_file(weights, words, architecture, device)
    if architecture == LITE:
        return _lite(device)
    if architecture != SQUEEZENET:
        return _of_torchvision(architecture, device)
    if weights in ("auto", "imagenet"):
        return _whichever(device)
    return {"torchvision": _torchvision, "original": _original, "embedded": _embedded}[weights](device, ASKED)


def _whichever(device: torch.device) -> Network:
    """Torchvision's weights where they can be had, else the original ones."""
    try:
        return _torchvision(device, "torchvision's file is here; --weights original takes the authors'")
    except SourceError as problem:
        missing = problem
    try:
        return _original(device, f"as torchvision's cannot be had: {missing}")
    except SourceError as problem:
        raise SourceError(
            f"expected ImageNet weights of SqueezeNet 1.1, got neither torchvision's ({missing}) nor the original ones "
            f"({problem}): mend one of them, or ask for the small network of this repository with --weights embedded"
        ) from None


def _torchvision(device: torch.device, why: str) -> Network:
    path = course_file(WEIGHTS)
    model = build_network(read_weights(path), path, device)
    return Network(model, device, SQUEEZENET, "torchvision", "imagenet", "SqueezeNet 1.1, torchvision's weights", why)


def _original(device: torch.device, why: str) -> Network:
    model = build_network(read_original(), Path(ORIGINAL), device)
    return Network(model, device, SQUEEZENET, "original", "imagenet", "SqueezeNet 1.1, original weights", why)


def _embedded(device: torch.device, why: str) -> Network:
    model = build_network(read_weights(EMBEDDED), EMBEDDED, device)
    return Network(model, device, SQUEEZENET, "embedded", "embedded", read_metadata(EMBEDDED)["name"], why)


def _lite(device: torch.device) -> Network:
    path = packaged_file(EFFICIENTNET)
    model = _lite_from(path, device)
    return Network(model, device, LITE, "packaged", "imagenet", "EfficientNet-Lite0, ImageNet weights", ANOTHER)


def _lite_from(path: Path, device: torch.device, fold: bool = True) -> nn.Module:
    network = filled(efficientnet.efficientnet_lite0, read_weights(path), path, "EfficientNet-Lite0")
    return ready(efficientnet.one_after_the_other(efficientnet.folded(network) if fold else network), device)


def with_batch_norm(device: torch.device) -> nn.Module:
    """EfficientNet-Lite0 as it was trained, BatchNorm and all. Raises SourceError where its packages are missing."""
    return _lite_from(packaged_file(EFFICIENTNET), device, fold=False)


def _of_torchvision(architecture: str, device: torch.device) -> Network:
    network = torchvision_networks.load(architecture)
    model = ready(torchvision_networks.normalised(architecture, network), device)
    name = f"{architecture}, torchvision's weights"
    return Network(model, device, architecture, "torchvision", "imagenet", name, ANOTHER)


def _from_file(weights: str, words: tuple[str, ...], architecture: str, device: torch.device) -> Network:
    """Weights of one's own belong to whichever classes there are as many of."""
    path = Path(weights).expanduser()
    if path.suffix not in {".pth", ".pt", ".safetensors"}:
        raise SourceError(
            f"expected {', '.join(words)} or the path of a .pth or .safetensors file for {architecture}, "
            f"got {weights!r}: check the spelling"
        )
    state, name = read_weights(path), f"{TITLES.get(architecture, architecture)}, {path.name}"
    if architecture == SQUEEZENET:
        kind = _kind(count_classes(state, path), path)
        return Network(build_network(state, path, device), device, architecture, "own", kind, name, ASKED)
    if architecture == LITE:
        model = _lite_from(path, device)
    else:
        network = filled(lambda: torchvision_networks.build(architecture), state, path, f"torchvision's {architecture}")
        model = ready(torchvision_networks.normalised(architecture, network), device)
    return Network(model, device, architecture, "own", "imagenet", name, ASKED)


def _kind(count: int, path: Path) -> str:
    """Whose classes these weights of a SqueezeNet are for, by their number and, where it is said, their names."""
    class_names = read_metadata(EMBEDDED)["class_names"]
    if count == 1000:
        return "imagenet"
    if count != len(class_names):
        raise SourceError(
            f"expected weights for 1000 (ImageNet) or {len(class_names)} (embedded) classes in {path}, "
            f"got {count}: there are pictures for those classes only, so train on them"
        )
    if read_metadata(path).get("class_names", class_names) != class_names:
        raise SourceError(
            f"expected the classes of the embedded network in {path}, got others: train on the same classes"
        )
    return "embedded"


def _alike(architecture: str) -> list[str]:
    import difflib

    names = [LITE, *torchvision_networks.names()]
    return difflib.get_close_matches(architecture, names, n=4, cutoff=0.4) or [SQUEEZENET, LITE, "resnet18"]
