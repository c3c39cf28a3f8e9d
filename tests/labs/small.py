"""Small networks of pixels in [0, 1], with images of their own, to compare as labs do."""

from types import SimpleNamespace

import torch
from torch import Tensor, nn

from labs import lab
from labs.networks import ComparedNetwork
from tests import networks


class OfPixels(nn.Module):
    """The network of pixels that `model` is, for whoever gives it ImageNet-normalised images."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, X: Tensor) -> Tensor:
        return self.model(lab.to_pixels(X))


def linear(classes: int = 2, seed: int = 0) -> nn.Module:
    """Scores that are linear in 3 x 6 x 6 pixels."""
    return networks.build("linear", height=6, width=6, classes=classes, seed=seed)


def margins(model, x, y):
    """The own score less the other, of two classes."""
    s = model(x)
    return (s.gather(1, y[:, None]) - s.gather(1, 1 - y[:, None]))[:, 0]


def grey(count: int = 1) -> Tensor:
    """Pixels in the middle of [0, 1], a little apart, so that small steps stay inside."""
    noise = torch.rand(count, 3, 6, 6, generator=torch.Generator().manual_seed(1))
    return 0.45 + 0.1 * noise


def compare(model: nn.Module, pixels: Tensor, name: str = "small") -> ComparedNetwork:
    """A network of pixels among those that are compared: all images belong to the class that it names."""
    with torch.no_grad():
        scores = model(pixels)
    source = SimpleNamespace(
        kind="imagenet", fooling_target=0, class_names=[f"class {k}" for k in range(scores.shape[1])], masks=None,
        images=(255 * pixels).round().byte().permute(0, 2, 3, 1).numpy(),
    )  # fmt: skip
    return ComparedNetwork(name, OfPixels(model), source, range(len(pixels)), pixels, scores.argmax(dim=1))
