"""The network that --weights and --model ask for: which file, which architecture, whose classes, and why."""

import os
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from pretrained import torchvision_networks
from pretrained.addresses import WEIGHTS
from pretrained.downloads import course_file
from pretrained.efficientnet import LITES, build_lite, fold, one_after_the_other
from pretrained.errors import SourceError
from pretrained.layers import SIZE
from pretrained.original import read_original
from pretrained.packages import ORIGINAL, find_packaged
from pretrained.weights import (
    EMBEDDED,
    build_network,
    count_classes,
    fill,
    make_ready,
    read_metadata,
    read_weights,
)

SQUEEZENET, LITE = "squeezenet1_1", "efficientnet_lite0"
TITLES = {SQUEEZENET: "SqueezeNet 1.1", **{name: f"EfficientNet-Lite{name[-1]}" for name in LITES}}
# What --weights may say besides a file, for each architecture; the rest are torchvision's.
WORDS = {
    SQUEEZENET: ("auto", "imagenet", "torchvision", "original", "embedded"),
    **dict.fromkeys(LITES, ("auto", "imagenet")),
}
OWNERS = {"torchvision": "torchvision's"}
ASKED = "as asked; --weights auto takes the usual one"
ANOTHER = "as asked; without --model it is SqueezeNet 1.1"


@dataclass(frozen=True, eq=False)
class Network:
    """A network, and what is to be said of it."""

    model: nn.Module  # takes ImageNet-normalised images; eval mode, parameters frozen
    device: torch.device
    architecture: str  # as --model calls it
    weights: str  # "torchvision", "original", "embedded", "packaged" with its architecture, or "own"
    kind: str  # "imagenet" or "embedded": whose classes it tells apart
    name: str  # stands in the corner of every figure
    why: str


def find_network(weights: str, architecture: str, device: torch.device) -> Network:
    """Return the network for the options --weights and --model. Raises SourceError, in one sentence."""
    if architecture not in (*TITLES, *torchvision_networks.names()):
        raise SourceError(
            f"expected squeezenet1_1, efficientnet_lite0 to _lite2 or another network of torchvision, got --model "
            f"{architecture!r}: try {', '.join(_similar_names(architecture))}"
        )
    words = WORDS.get(architecture, ("auto", "imagenet", "torchvision"))
    if weights not in words:
        return _from_file(weights, words, architecture, device)
    if architecture in LITES:
        model = _lite_from(find_packaged(LITES[architecture]), architecture, device)
        name = f"{TITLES[architecture]}, ImageNet weights"
        return Network(model, device, architecture, "packaged", "imagenet", name, ANOTHER)
    if architecture != SQUEEZENET:
        model = torchvision_networks.normalise(architecture, torchvision_networks.load(architecture))
        name = f"{architecture}, torchvision's weights"
        return Network(make_ready(model, device), device, architecture, "torchvision", "imagenet", name, ANOTHER)
    return _whichever(device) if weights in ("auto", "imagenet") else _squeezenet(weights, device, ASKED)


def _whichever(device: torch.device) -> Network:
    """Take torchvision's weights where they can be had, else the original ones."""
    try:
        why = "torchvision's file is here; --weights original takes the authors'"
        return _squeezenet("torchvision", device, why, patient=False)
    except SourceError as problem:
        missing = problem
    try:
        return _squeezenet("original", device, f"as torchvision's cannot be had: {missing}")
    except SourceError as problem:
        raise SourceError(
            f"expected ImageNet weights of SqueezeNet 1.1, got neither torchvision's ({missing}) nor the original ones "
            f"({problem}): mend one of them, or ask for the small network of this repository with --weights embedded"
        ) from None


def _squeezenet(weights: str, device: torch.device, why: str, patient: bool = True) -> Network:
    if weights == "original":
        path, state = Path(ORIGINAL), read_original()
    else:
        path = EMBEDDED if weights == "embedded" else course_file(WEIGHTS, patient=patient)
        state = read_weights(path)
    kind = "embedded" if weights == "embedded" else "imagenet"
    name = f"SqueezeNet 1.1, {OWNERS.get(weights, weights)} weights"
    return Network(build_network(state, path, device), device, SQUEEZENET, weights, kind, name, why)


def _lite_from(path: Path, architecture: str, device: torch.device, folded: bool = True) -> nn.Module:
    network = fill(lambda: build_lite(architecture), read_weights(path), path, TITLES[architecture])
    return make_ready(one_after_the_other(fold(network) if folded else network), device)


def with_batch_norm(device: torch.device) -> nn.Module:
    """EfficientNet-Lite0 as it was trained, BatchNorm and all. Raises SourceError where its packages are missing."""
    return _lite_from(find_packaged(LITES[LITE]), LITE, device, folded=False)


def _from_file(weights: str, words: tuple[str, ...], architecture: str, device: torch.device) -> Network:
    """Load weights of one's own, which belong to whichever classes there are as many of."""
    path = Path(os.path.expanduser(weights))  # unlike Path's, leaves ~mine.pth as it is
    if path.suffix not in {".pth", ".pt", ".safetensors"} and not path.is_file():
        hint = "leave --model or --weights out" if weights in WORDS[SQUEEZENET] else "check the spelling"
        raise SourceError(
            f"expected {', '.join(words)} or the path of a .pth or .safetensors file for {architecture}, "
            f"got {weights!r}: {hint}"
        )
    state, name = read_weights(path), f"{TITLES.get(architecture, architecture)}, {path.name}"
    kind = "imagenet"
    if architecture == SQUEEZENET:
        kind, model = _kind(count_classes(state, path), path), build_network(state, path, device)
    elif architecture in LITES:
        model = _lite_from(path, architecture, device)
    else:
        network = fill(lambda: torchvision_networks.build(architecture), state, path, f"torchvision's {architecture}")
        model = make_ready(torchvision_networks.normalise(architecture, network), device)
    with torch.no_grad():
        scores = model(torch.ones(1, 3, SIZE, SIZE, device=device))
    if not scores.isfinite().all():
        raise SourceError(f"expected weights that give finite scores in {path}, got NaN or infinity: take other ones")
    return Network(model, device, architecture, "own", kind, name, ASKED)


def _kind(count: int, path: Path) -> str:
    """Tell whose classes these weights of a SqueezeNet are for, by their number and, where it is said, their names."""
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


def _similar_names(architecture: str) -> list[str]:
    import difflib

    names = [*LITES, *torchvision_networks.names()]
    return difflib.get_close_matches(architecture, names, n=4, cutoff=0.4) or [SQUEEZENET, LITE, "resnet18"]
