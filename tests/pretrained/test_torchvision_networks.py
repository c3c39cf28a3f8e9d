"""Torchvision's networks: fetched by their own addresses, whole or not at all; and their modules in a row."""


import hashlib

import pytest
import torch
from torch import nn
from torchvision import models

import pretrained
from pretrained import layers, torchvision_networks
from pretrained.addresses import Pinned
from tests.pretrained.world import Trap, as_pth, refuse

SMALL = "mobilenet_v3_small"


@pytest.fixture
def served(server, monkeypatch):
    """served(content): torchvision's weights of SMALL are this, at an address on this machine."""

    def serve_weights(content):
        name = "mobilenet_v3_small-01234567.pth"
        server.pages[f"/{name}"] = content
        pin = Pinned(hashlib.sha256(content).hexdigest()[:8], (f"{server.url}/{name}",))
        monkeypatch.setattr(torchvision_networks, "address", lambda weights: (name, pin))
        # Torchvision itself then reads what is in the cache.
        cached = lambda weights, **settings: torch.load(  # noqa: E731
            pretrained.downloads.cache_folder(name) / name, weights_only=False
        )
        monkeypatch.setattr(models.MobileNet_V3_Small_Weights, "get_state_dict", cached)
        return name

    return serve_weights


def random_state(name, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return torchvision_networks.build(name).state_dict()


def test_a_network_of_torchvisions_is_fetched_and_kept(server, served):
    """By its name: the weights come once, and from torch.hub's cache after that; the random state is left alone."""
    state = random_state(SMALL)
    name = served(as_pth(state))
    before = torch.get_rng_state()
    source = pretrained.load(model=SMALL)
    assert pretrained.load("torchvision", model=SMALL) and server.asked == [f"/{name}"]
    assert torch.equal(torch.get_rng_state(), before)
    assert (source.kind, source.architecture, source.weights) == ("imagenet", SMALL, "torchvision")
    assert source.name == "mobilenet_v3_small, torchvision's weights" and source.gradcam_layer == "features.12"
    expected = models.get_model(SMALL).eval()
    expected.load_state_dict(state)
    x = torch.linspace(-2, 2, 3 * 64 * 64).reshape(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(source.model.cpu()(x), expected(x))


def test_weights_that_cannot_be_had(server, served):
    """No server, a wrong file, or code instead of weights: one sentence each."""
    name = served(as_pth(random_state(SMALL)))
    server.pages[f"/{name}"] = b"<html>Please log in</html>"
    refuse(f"expected {name}, got a file with another SHA-256", pretrained.load, model=SMALL)
    server.pages[f"/{name}"] = 404
    refuse(f"expected {name}, got status 404", pretrained.load, model=SMALL)
    served(as_pth({"features.0.0.weight": Trap()}))
    refuse("damaged or holds something else", pretrained.load, model=SMALL)


def test_every_network_has_an_address_with_a_hash():
    """The hash is that of torch.hub."""
    names = torchvision_networks.names()
    assert len(names) >= 80 and {"resnet18", "vgg16", "mobilenet_v3_large", "squeezenet1_1"} <= set(names)
    for name in names:
        weights = models.get_model_weights(name).DEFAULT
        file, pin = torchvision_networks.address(weights)
        assert file == weights.url.rpartition("/")[2] and pin.urls == (weights.url,)
        assert pin.sha256 == torch.hub.HASH_REGEX.search(weights.url)[1] and len(pin.sha256) >= 8


def test_weights_of_ones_own(offline, tmp_path):
    """A file with --model: that network's weights, for ImageNet's classes, or one sentence."""
    path = tmp_path / "mine.pth"
    path.write_bytes(as_pth(random_state(SMALL)))
    source = pretrained.load(str(path), model=SMALL)
    assert source.name == "mobilenet_v3_small, mine.pth" and source.weights == "own"
    refuse(r"expected weights of torchvision's resnet18 in .+ differ in", pretrained.load, str(path), model="resnet18")


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_networks_that_normalise_within_are_given_their_own_before(name):
    """The same scores as by torchvision's transform_input, from a first step that can be seen."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        theirs = models.get_model(name, init_weights=False, transform_input=True).eval()
    ours = torchvision_networks.build(name)
    ours.load_state_dict(theirs.state_dict())
    ours = torchvision_networks.normalise(name, ours).eval()
    x = torch.linspace(-2, 2, 3 * 80 * 80).reshape(1, 3, 80, 80)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x))


def test_another_normalisation_is_put_before():
    """EfficientNetV2-L was trained on images from -1 to 1; most others on ImageNet-normalised ones."""
    network = nn.Conv2d(3, 3, 1)
    wrapped = torchvision_networks.normalise("efficientnet_v2_l", network)
    assert wrapped.network is network
    white = (1 - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor([0.229, 0.224, 0.225])
    torch.testing.assert_close(wrapped.normalise(white.view(1, 3, 1, 1)).flatten(), torch.ones(3))
    assert torchvision_networks.normalise("resnet18", network) is network


# --- the modules that follow each other ---


@pytest.mark.parametrize(
    ("name", "count", "layer"),
    [
        ("squeezenet1_1", 13, "features.12"),
        ("alexnet", 13, "features.12"),
        ("resnet18", 12, "layer4.1"),
        ("mobilenet_v3_small", 13, "features.12"),
        ("mobilenet_v2", 19, "features.18"),
        ("shufflenet_v2_x0_5", 23, "conv5.2"),
        ("googlenet", 17, "network.inception5b"),
        ("regnet_y_400mf", 5, "trunk_output.block4"),
    ],
)
def test_the_last_map_is_found(name, count, layer):
    """In a row, the modules make the map of the last one, (1, C, 7, 7) or so, which Grad-CAM reads."""
    network = torchvision_networks.normalise(name, torchvision_networks.build(name)).eval()
    row = layers.features(network)
    assert len(row) == count and list(row)[-1] == layer and row[layer] is network.get_submodule(layer)
    assert layers.last_map(network) == layer
    x = torch.linspace(-2, 2, 3 * 224 * 224).reshape(1, 3, 224, 224)
    kept = []
    row[layer].register_forward_hook(lambda module, inputs, output: kept.append(output.clone()))
    with torch.no_grad():
        network(x), nn.Sequential(*row.values())(x)
    torch.testing.assert_close(kept[1], kept[0])
    assert kept[0].ndim == 4 and kept[0].shape[2] in (6, 7, 13)


@pytest.mark.parametrize(
    ("name", "layer"), [("swin_t", "permute"), ("swin_v2_t", "permute"), ("maxvit_t", "blocks.3"), ("vit_b_16", None)]
)
def test_transformers_have_a_last_map_or_none(name, layer):
    """Not their stem: the last 7 x 7 with the channels first; a network that ends in tokens is refused in words."""
    with torch.device("meta"):
        network = torchvision_networks.build(name).eval()
    if layer is None:
        refuse(r"keeps maps \(C, h, w\) to its end, got \(197, 768\) from encoder", layers.last_map, network)
    else:
        assert layers.last_map(network) == layer


def test_looking_for_the_last_map_leaves_no_hook():
    """It is found, or it is not."""

    class Broken(nn.Module):
        def __init__(self):
            super().__init__()
            self.convolution = nn.Conv2d(3, 4, 3)

        def forward(self, x):
            raise AssertionError("Wrong image height! Expected 518 but got 224!")

    broken = Broken()
    refuse(r"takes images of 224 x 224, got .+ 518 but got 224!\)", layers.features, broken)
    linear = nn.Sequential(nn.Flatten(), nn.Linear(3 * 224 * 224, 2))
    refuse("expected a network with convolutions in a row, got none in Sequential", layers.features, linear)
    for network in (broken, linear):
        assert not any(module._forward_hooks for module in network.modules())


def test_a_step_between_modules_ends_the_row():
    """A step that `forward` does between two modules belongs to neither: the row stops before it."""

    class Between(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 5, 3)

        def forward(self, x):
            return self.second(2 * self.first(x))

    assert list(layers.features(Between())) == ["first"]
