"""EfficientNet-Lite0, -Lite1 and -Lite2 (Tan and Le 2019; Google 2020): depthwise convolutions and ReLU6.

Their architecture is in the package efficientnet-lite-pytorch, the weights of each in a package of its own.
"""

import importlib
from itertools import pairwise
from typing import Any

from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from pretrained.errors import SourceError
from pretrained.normalisation import Normalised
from pretrained.packages import EFFICIENTNET, FOR_LABS

MEAN, STD = (127 / 255,) * 3, (128 / 255,) * 3  # it wants (x - 127) / 128 of pixels from 0 to 255
# As --model calls it: the file of its weights.
LITES = dict(zip(("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"), (EFFICIENTNET, *FOR_LABS)))


def build_lite(name: str = "efficientnet_lite0", num_classes: int = 1000) -> nn.Module:
    """Build a key of LITES as its package does, whose names the weights go by. Raises SourceError without it."""
    try:
        package: Any = importlib.import_module("efficientnet_lite_pytorch")
    except ImportError:
        raise SourceError(
            f"expected {name} in the package efficientnet-lite-pytorch, found no such package: "
            "python -m pip install efficientnet-lite-pytorch==0.1.0"
        ) from None
    return package.EfficientNet.from_name(name.replace("_", "-"), num_classes=num_classes)


def fold(network: nn.Module) -> nn.Module:
    """Put each BatchNorm, which only scales and shifts once training is over, into the convolution before it.

    The scores are equal up to rounding, a pass takes two thirds of the time, and less is kept for the backward one.
    """
    for module in network.eval().modules():
        children = list(module.named_children())
        for (name, convolution), (its, norm) in pairwise(children):
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(module, name, fuse_conv_bn_eval(convolution, norm))
                setattr(module, its, nn.Identity())
    return network


def one_after_the_other(network: Any) -> nn.Module:
    """Return the same modules, for ImageNet-normalised images, as `network.features` and `network.classifier`."""
    return Normalised(_InARow(network), MEAN, STD)


class _InARow(nn.Module):
    """The package's `forward` calls its modules within one method; here each is a step that can be looked at."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.features = nn.Sequential(
            _Step(network._conv_stem, network._bn0, nn.ReLU6()),
            *network._blocks,
            _Step(network._conv_head, network._bn1, nn.ReLU6()),
        )
        self.classifier = nn.Sequential(network._avg_pooling, nn.Flatten(), network._dropout, network._fc)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x))


class _Step(nn.Sequential):
    """Convolution, BatchNorm and ReLU6 as one step of the features."""
