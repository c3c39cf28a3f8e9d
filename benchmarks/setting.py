"""What all contestants share: the embedded network in two states, and the sample scenes."""

from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import pretrained
from visualizers.script import as_batch


def plain() -> nn.Module:
    """As torchvision gives it: parameters that require gradients, memory in the default order."""
    return best().to(memory_format=torch.contiguous_format).requires_grad_(True)


def best() -> nn.Module:
    """As `pretrained` gives it: frozen, and on a CPU with the channels last."""
    return pretrained.load("embedded", "cpu").model


NETWORKS = {"": plain, ", our layout": best}  # what is added to a peer's name


@cache
def images(N: int, size: int = 224) -> tuple[Tensor, Tensor]:
    """The first N scenes, again and again if need be, (N, 3, size, size), and their labels (N,)."""
    source = pretrained.load("embedded", "cpu")
    X, y = as_batch(source.images, source), torch.from_numpy(source.labels)
    if size != 224:
        X = F.interpolate(X, size=(size, size), mode="bilinear", antialias=True)
    index = torch.arange(N) % len(X)
    return X[index].contiguous(), y[index]


def last(X: Tensor) -> Tensor:
    """With the channels last."""
    return X.contiguous(memory_format=torch.channels_last)
