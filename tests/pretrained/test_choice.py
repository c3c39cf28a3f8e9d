"""The network that is taken, why, and on which device: every word of --weights, and a machine without the web."""

import re
import socket

import pytest
import torch

import pretrained
from pretrained import downloads
from pretrained.addresses import WEIGHTS
from pretrained.packages import ORIGINAL
from pretrained.weights import find_device
from tests.pretrained.world import refuse, uninstall


@pytest.mark.parametrize("weights", ["auto", "imagenet", "torchvision"])
def test_torchvisions_weights_come_first(classic, weights):
    """One line says which network it is, and why."""
    source = pretrained.load(weights)
    assert (source.kind, source.weights, source.architecture) == ("imagenet", "torchvision", "squeezenet1_1")
    assert re.fullmatch(r"Network: SqueezeNet 1.1, torchvision's weights \(.+\)\.", source.notes[0])


@pytest.mark.parametrize("weights", ["auto", "imagenet"])
def test_the_original_weights_are_taken_offline(offline, weights):
    """ImageNet's network, photographs and our paintings; a line for each says why."""
    source = pretrained.load(weights)
    assert (source.kind, source.weights) == ("imagenet", "original")
    assert source.name == "SqueezeNet 1.1, original weights" and len(source.class_names) == 1000
    (network, images), pictures = source.notes, source.pictures_note
    assert re.match(r"Network: .+ \(as torchvision's cannot be had: .+no connection to 127.0.0.1.+make data", network)
    assert images.startswith("Images: 32 photographs") and pictures.startswith("Pictures: china instead of tubingen, ")
    assert not any("\n" in note for note in (network, images, pictures))


def test_what_is_named_exactly_is_taken_or_nothing(offline):
    """No other network takes the place of one that was named."""
    assert pretrained.load("original").weights == "original"
    assert pretrained.load("embedded").weights == "embedded"
    refuse(f"expected {WEIGHTS}, got no connection", pretrained.load, "torchvision")


def test_auto_never_ends_in_the_embedded_network(offline, monkeypatch):
    """Without the web and without the package, one sentence says both, and how to ask for the small network."""
    uninstall(monkeypatch, ORIGINAL)
    for weights in ("auto", "imagenet"):
        refuse(r"got neither .+no connection.+no such package.+--weights emb", pretrained.load, weights)


def test_auto_uses_the_cache_offline(classic, offline, monkeypatch, goods):
    """A file that was fetched once is enough: no connection is needed then, not even for a look."""
    for name, content in goods.items():
        path = downloads.cache_folder(name) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    monkeypatch.setattr(socket, "socket", None)
    source = pretrained.load("auto")
    assert source.weights == "torchvision" and len(source.notes) == 1


@pytest.mark.parametrize(
    ("model", "weights", "words"),
    [
        ("squeeznet", "auto", r"got --model 'squeeznet': try squeezenet1_"),
        ("", "auto", "got --model '': try squeezenet1_1, efficientnet_lite0, resnet18"),
        ("resnet18", "original", "expected auto, imagenet, torchvision or the path of .+ for resnet18, got 'original'"),
        ("efficientnet_lite0", "embedded", "expected auto, imagenet or the path of .+ efficientnet_lite0, got 'embed"),
    ],
)
def test_a_choice_that_is_none(model, weights, words):
    """A misspelt network, and weights that another network has."""
    refuse(words, pretrained.load, weights, model=model)


# --- devices ---


@pytest.mark.parametrize("device", ["nonsense", "meta", "cuda:99", "", "cpu:x"])
def test_a_device_that_is_not_there(device):
    """An unknown or unavailable device is one sentence, not a traceback from the depths of torch."""
    refuse("expected a device that this machine has", pretrained.load, "embedded", device=device)


@pytest.mark.parametrize(("available", "device"), [(True, "cuda"), (False, "cpu")])
def test_the_device_auto(monkeypatch, available, device):
    """auto is CUDA where there is a GPU and the CPU elsewhere."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    assert find_device("auto") == torch.device(device)
