"""All networks here take ImageNet-normalised images; one that was trained on others gets this before it."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Normalise(nn.Module):
    """Turns ImageNet-normalised images (N, 3, H, W) into (x - mean) / std of the same images in [0, 1]."""

    scale: Tensor
    shift: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        theirs = [torch.tensor(values, dtype=torch.float64).view(3, 1, 1) for values in (mean, std)]
        usual = [torch.tensor(values, dtype=torch.float64).view(3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD)]
        self.register_buffer("scale", (usual[1] / theirs[1]).float())
        self.register_buffer("shift", ((usual[0] - theirs[0]) / theirs[1]).float())

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale + self.shift


class Normalised(nn.Module):
    """A network behind its own normalisation. It cannot be folded into a first convolution that pads with zeros."""

    def __init__(self, network: nn.Module, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.normalise = Normalise(mean, std)
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return self.network(self.normalise(x))
