"""Networks that answer with a map: SqueezeNet's first eight modules as trunk, and four ways up to the pixels again.

The maps of the trunk have a half, a quarter and an eighth of the picture's width. All decoders give one score for each
pixel, above zero for "object"; they differ in what they know of the finer maps: nothing (bilinear, transposed), where
each maximum was (unpooling), or all of it (U-Net).
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WIDTHS = (32, 32, 16)  # channels of the decoders at a quarter, a half and the whole of the picture's width
SKIP = 16  # channels that a map of the trunk is brought down to before it joins
BATCH, RATE = 8, 1e-3  # of Adam, the same for trunk and decoder, pretrained or not


@dataclass(frozen=True)
class Maps:
    """A picture (N, 3, H, W), what the trunk makes of it, and where the maxima of its two poolings lay."""

    picture: Tensor
    half: Tensor  # (N, 64, H/2, W/2)
    quarter: Tensor  # (N, 128, H/4, W/4)
    eighth: Tensor  # (N, 256, H/8, W/8)
    first: Tensor  # where in `half` each pooled value was, int64 (N, 64, H/4, W/4)
    second: Tensor  # and in `quarter`, (N, 128, H/8, W/8)


class Trunk(nn.Module):
    """A copy of SqueezeNet 1.1 as far as its third pooling, to be trained; H and W must be multiples of 8."""

    def __init__(self, features: nn.Sequential) -> None:
        super().__init__()
        self.layers: nn.Sequential = deepcopy(nn.Sequential(*list(features)[:8])).requires_grad_(True)

    def forward(self, X: Tensor) -> Maps:
        # SqueezeNet pads nothing at first: with one more row and column every map is exactly half the one before.
        half = self.layers[:2](F.pad(X, (0, 1, 0, 1)))
        pooled, first = _pool(half)
        quarter = self.layers[3:5](pooled)
        pooled, second = _pool(quarter)
        return Maps(X, half, quarter, self.layers[6:8](pooled), first, second)


class Bilinear(nn.Module):
    """Scores on the coarse grid, drawn out to the pixels: the plainest head of Long et al. 2015."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Conv2d(256, WIDTHS[0], 3, padding=1)
        self.score = nn.Conv2d(WIDTHS[0], 1, 1)

    def forward(self, maps: Maps) -> Tensor:
        return _wider(self.score(self.hidden(maps.eighth).relu()), 8)


class Unpooling(nn.Module):
    """SegNet's way (Badrinarayanan et al. 2015): values go back to the maxima's places, convolutions fill the rest."""

    def __init__(self) -> None:
        super().__init__()
        self.to_quarter = nn.Conv2d(256, 128, 1)
        self.to_half = nn.Conv2d(128, 64, 3, padding=1)
        self.hidden = nn.Conv2d(64, WIDTHS[2], 3, padding=1)
        self.score = nn.Conv2d(WIDTHS[2], 1, 3, padding=1)

    def forward(self, maps: Maps) -> Tensor:
        x = unpool(self.to_quarter(maps.eighth).relu(), maps.second, maps.quarter.shape[2:])
        x = unpool(self.to_half(x).relu(), maps.first, maps.half.shape[2:])
        return self.score(_wider(self.hidden(x).relu(), 2))  # the first convolution has a stride, and so no places


class Transposed(nn.Module):
    """Three times a transposed convolution (stride 2, kernel 4: no checkerboard is built in) and a convolution."""

    joins = (0, 0, 0)  # channels that join after each transposed convolution

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Conv2d(256, WIDTHS[0], 1)
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(given, width, 4, stride=2, padding=1)
            for given, width in zip((WIDTHS[0], *WIDTHS), WIDTHS)
        )
        self.mix = nn.ModuleList(
            nn.Conv2d(width + more, width, 3, padding=1) for width, more in zip(WIDTHS, self.joins)
        )
        self.score = nn.Conv2d(WIDTHS[2], 1, 1)

    def joining(self, maps: Maps) -> list[list[Tensor]]:
        return [[], [], []]

    def forward(self, maps: Maps) -> Tensor:
        x = self.hidden(maps.eighth).relu()
        for up, mix, others in zip(self.up, self.mix, self.joining(maps)):
            x = mix(torch.cat([up(x).relu(), *others], dim=1)).relu()
        return self.score(x)


class UNet(Transposed):
    """The same with skip connections (Ronneberger et al. 2015): the trunk's maps of each width join on the way up."""

    joins = (SKIP, SKIP, 3)

    def __init__(self) -> None:
        super().__init__()
        self.from_quarter = nn.Conv2d(128, SKIP, 1)
        self.from_half = nn.Conv2d(64, SKIP, 1)

    def joining(self, maps: Maps) -> list[list[Tensor]]:
        return [[self.from_quarter(maps.quarter).relu()], [self.from_half(maps.half).relu()], [maps.picture]]


DECODERS: dict[str, type[nn.Module]] = {
    "bilinear": Bilinear,
    "transposed convolution": Transposed,
    "unpooling": Unpooling,
    "U-Net": UNet,
}


class Segmenter(nn.Module):
    """A trunk and a decoder: scores (N, H, W) of images (N, 3, H, W)."""

    def __init__(self, trunk: Trunk, decoder: nn.Module) -> None:
        super().__init__()
        self.trunk, self.decoder = trunk, decoder

    def forward(self, X: Tensor) -> Tensor:
        return self.decoder(self.trunk(X))[:, 0]


def build(name: str, features: nn.Sequential, seed: int, pretrained: bool) -> Segmenter:
    """A network with this decoder on SqueezeNet's `features`, which begin anew unless they are pretrained."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        trunk, decoder = Trunk(features), DECODERS[name]()
        for part in (decoder,) if pretrained else (decoder, trunk):
            for module in part.modules():
                if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):  # as SqueezeNet's own began
                    nn.init.kaiming_uniform_(module.weight)
                    if module.bias is not None:
                        nn.init.zeros_(module.bias)
    return Segmenter(trunk, decoder.to(next(trunk.parameters()).device))


def train(model: Segmenter, X: Tensor, masks: Tensor, steps: int, seed: int) -> Iterator[float]:
    """Train on images (N, 3, H, W) and masks (N, H, W) of 0 and 1, one batch a step; gives each step's loss.

    The loss is the mean cross-entropy of a pixel.
    """
    # A quarter less time for the same sums, in another order.
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE, fused=True)
    for _ in range(steps):
        rows = torch.randint(len(X), (BATCH,), generator=generator)
        loss = F.binary_cross_entropy_with_logits(model(X[rows]), masks[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield float(loss.detach())


def find(model: nn.Module, X: Tensor) -> Tensor:
    """The masks (N, H, W) of bool that the network gives."""
    with torch.no_grad():
        return torch.cat([model(some) > 0 for some in X.split(4 * BATCH)])


def unpool(values: Tensor, places: Tensor, size: torch.Size | tuple[int, int]) -> Tensor:
    """Values (N, C, h, w) put back to where each maximum was in a map of `size` (H, W), zero elsewhere.

    What overlapping windows bring is summed, as in the gradient of pooling; `nn.MaxUnpool2d` keeps one of them.
    """
    flat = values.new_zeros(*values.shape[:2], size[0] * size[1])
    return flat.scatter_add(2, places.flatten(2), values.flatten(2)).unflatten(2, tuple(size))


def _pool(maps: Tensor) -> tuple[Tensor, Tensor]:
    """SqueezeNet's pooling, and the place of each maximum."""
    pooled, places = F.max_pool2d(maps, 3, stride=2, ceil_mode=True, return_indices=True)
    return pooled, places


def _wider(scores: Tensor, times: int) -> Tensor:
    return F.interpolate(scores, scale_factor=times, mode="bilinear", align_corners=False)
