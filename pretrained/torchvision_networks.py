"""Any of torchvision's classification networks, with the weights that torchvision itself names."""

from typing import Any

import torch
from torch import nn

from pretrained.addresses import Pinned
from pretrained.downloads import find_pinned
from pretrained.normalisation import IMAGENET_MEAN, IMAGENET_STD, Normalised
from pretrained.weights import read_weights

# These two change the normalisation of images within `forward`, and slowly draw their first weights.
TRANSFORMED = ("googlenet", "inception_v3")
HALF = ((0.5,) * 3, (0.5,) * 3)


def names() -> list[str]:
    """The classification networks, as --model takes them."""
    from torchvision import models

    return models.list_models(module=models)


def build(name: str, num_classes: int = 1000) -> nn.Module:
    """The network with random weights."""
    from torchvision import models

    settings = {"init_weights": False} if name in TRANSFORMED else {}
    return models.get_model(name, weights=None, num_classes=num_classes, **settings)


def load(name: str) -> nn.Module:
    """The network with torchvision's default weights, from torch.hub's cache, or fetched and checked.

    Leaves the random state alone. Raises SourceError, in one sentence.
    """
    from torchvision import models

    weights = models.get_model_weights(name).DEFAULT
    # Torchvision would wait for ever, trust what is in the cache, and unpickle anything: after this it is known to be
    # the right file, of tensors alone.
    read_weights(find_pinned(*address(weights)))
    with torch.random.fork_rng(devices=[]):
        return models.get_model(name, weights=weights, progress=False)


def address(weights: Any) -> tuple[str, Pinned]:
    """The file that torchvision's `weights` are in: its name, which has the beginning of its SHA-256, and its pin."""
    name = weights.url.rpartition("/")[2]
    sha256 = name.rpartition("-")[2].partition(".")[0]
    return name, Pinned(sha256, (weights.url,))


def normalise(name: str, network: Any) -> nn.Module:
    """Return the network for ImageNet-normalised images, whatever it was trained on."""
    from torchvision import models

    if name in TRANSFORMED:
        network.transform_input = False  # done before it instead, as for other networks
        return Normalised(network, *HALF)
    transforms = models.get_model_weights(name).DEFAULT.transforms()
    if (tuple(transforms.mean), tuple(transforms.std)) == (IMAGENET_MEAN, IMAGENET_STD):
        return network
    return Normalised(network, transforms.mean, transforms.std)
