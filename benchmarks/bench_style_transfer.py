"""Style transfer at 192 pixels, one step: features to the deepest layer needed, three losses, back to the pixels."""

import statistics
from dataclasses import replace

import torch
from torch import nn

import pretrained
from benchmarks import setting
from benchmarks.harness import Case, Contestant, clock
from image_utils import open_image, preprocess
from pretrained.settings import STYLE_PAIRS
from style_modules import ContentLoss, StyleLoss, TotalVariationLoss
from style_utils import extract_features, style_transfer

PAIR = replace(STYLE_PAIRS["embedded"][-1], image_size=192)
STEPS = 12


def cases() -> list[Case]:
    return [Case("style transfer", f"a step, {PAIR.image_size} px", contestants(), {"classic": 2.0, "limit": 1.15})]


def contestants() -> dict[str, Contestant]:
    return {"ours": ours, "classic": classic, "limit": limit}


def ours():
    source = pretrained.load("embedded", "cpu")
    ticking = _Ticking()

    def work() -> float:
        ticking.ticks.clear()
        style_transfer(
            "", source.content_images[PAIR.content], source.style_images[PAIR.style], PAIR.image_size, PAIR.style_size,
            PAIR.content_layer, PAIR.content_weight, PAIR.style_layers, PAIR.style_weights, PAIR.tv_weight,
            ContentLoss(), StyleLoss(), ticking, source.model.features, testing=True, num_iterations=STEPS,
        )  # fmt: skip
        return ticking.step()

    return work


def classic():
    """All layers, gradients of everything, each image of the Gram matrix by itself."""
    cnn, (content, style) = setting.plain().features, _pictures()
    ticking = _Ticking()

    def gram(features):
        N, C, H, W = features.shape
        flat = features.view(N, C, H * W)
        return torch.stack([f.mm(f.t()) for f in flat]) / (H * W * C)

    def style_loss(features, targets):
        loss = 0
        for layer, target, weight in zip(PAIR.style_layers, targets, PAIR.style_weights):
            loss = loss + weight * torch.sum((gram(features[layer]) - target) ** 2)
        return loss

    def work() -> float:
        ticking.ticks.clear()
        target = extract_features(content, cnn)[PAIR.content_layer].detach()
        targets = [gram(extract_features(style, cnn)[layer]).detach() for layer in PAIR.style_layers]
        img = content.clone().requires_grad_()
        optimizer = torch.optim.Adam([img], lr=3.0)
        for _ in range(STEPS):
            img.data.clamp_(-1.5, 1.5)
            optimizer.zero_grad()
            features = extract_features(img, cnn)
            loss = PAIR.content_weight * torch.sum((features[PAIR.content_layer] - target) ** 2)
            loss = loss + style_loss(features, targets) + ticking(img, PAIR.tv_weight)
            loss.backward()
            optimizer.step()
        return ticking.step()

    return work


def limit():
    """Convolutions there and back, and two products for each Gram matrix: its value, and its gradient."""
    cnn = nn.Sequential(*list(setting.best().features)[: max(PAIR.style_layers) + 1])
    x = setting.last(_pictures()[0]).requires_grad_()
    layers = list(PAIR.style_layers)
    products = [torch.randn(1, F.shape[1], F.shape[1]) for F in (extract_features(x, cnn)[layer] for layer in layers)]

    def work() -> float:
        start = clock()
        for _ in range(STEPS):
            everything = extract_features(x, cnn)
            features, gradients = [everything[layer] for layer in layers], []
            for F, D in zip(features, products):
                flat = F.detach().flatten(2).transpose(1, 2)  # (1, H*W, C)
                flat.transpose(1, 2) @ flat
                gradients.append((flat @ D).transpose(1, 2).view(F.shape))
            torch.autograd.grad(features, x, gradients)
        return (clock() - start) / STEPS

    return work


class _Ticking(TotalVariationLoss):
    """The total variation loss, which is asked once a step, and notes when."""

    def __init__(self) -> None:
        super().__init__()
        self.ticks: list[float] = []

    def forward(self, img, tv_weight):
        self.ticks.append(clock())
        return super().forward(img, tv_weight)

    def step(self) -> float:
        """Seconds from one step to the next."""
        return statistics.median(after - before for before, after in zip(self.ticks, self.ticks[1:]))


def _pictures():
    source = pretrained.load("embedded", "cpu")
    return (
        preprocess(open_image(source.content_images[PAIR.content]), PAIR.image_size),
        preprocess(open_image(source.style_images[PAIR.style]), PAIR.style_size),
    )
