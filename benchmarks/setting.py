"""The setting that all contestants share: the embedded network in two states, and the sample scenes."""

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import pretrained
from benchmarks.harness import Contestant
from labs.lab import as_batch

CHUNK = 8  # images of 224 x 224 at once: the fastest that we found, for the limit, too


def plain() -> nn.Module:
    """The network as torchvision gives it: parameters that require gradients, memory in the default order."""
    return best().to(memory_format=torch.contiguous_format).requires_grad_(True)


def best() -> nn.Module:
    """The network as `pretrained` gives it: frozen, and on a CPU with the channels last."""
    return pretrained.load("embedded", "cpu").model


def each(name: str, build: Callable[..., Callable[[], object]], N: int, size: int) -> dict[str, Contestant]:
    """The contestant twice: first with the network that its documentation has users give it, then with the other.

    build: of images, labels and network; gives what is timed.
    """
    first, other = (best, plain) if name == "ours" else (plain, best)
    how = "their layout" if name == "ours" else "our layout"
    return {
        name: lambda: build(*images(N, size), first()),
        f"{name}, {how}": lambda: build(*images(N, size), other()),
    }


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
    """The same with its channels last."""
    return X.contiguous(memory_format=torch.channels_last)


def chunks(N: int, size: int) -> list[tuple[Tensor, Tensor]]:
    """`images` in the layout and the number that are fastest, and their labels (n, 1)."""
    X, y = images(N, size)
    parts = -(-N // max(1, CHUNK * 224 * 224 // size**2))
    return [(last(x), labels[:, None]) for x, labels in zip(X.tensor_split(parts), y.tensor_split(parts))]
