"""Saliency maps: one forward and one backward pass."""

import torch
from captum.attr import Saliency

from benchmarks import setting
from benchmarks.harness import Case, Contestant
from visualizers import SaliencyMap


def cases() -> list[Case]:
    targets = {"Captum": 1.5, "limit": 1.25}
    return [
        Case("saliency", f"N = {N}, {size} px", contestants(N, size), targets if (N, size) == (5, 224) else {})
        for N, size in [(1, 224), (5, 224), (25, 224), (5, 448)]
    ]


def contestants(N: int, size: int) -> dict[str, Contestant]:
    def ours(X, y, model):
        return lambda: SaliencyMap().compute_saliency_maps(X, y, model)

    def captum(X, y, model):
        return lambda: Saliency(model).attribute(X, target=y).amax(1)

    def classic():
        (X, y), model = setting.images(N, size), setting.plain()

        def work():
            x = X.clone().requires_grad_()
            model(x).gather(1, y.view(-1, 1)).squeeze().sum().backward()
            return x.grad.abs().max(dim=1)[0]

        return work

    return {
        **setting.each("ours", ours, N, size),
        **setting.each("Captum", captum, N, size),
        "classic": classic,
        "limit": lambda: pass_back(N, size),
    }


def pass_back(N: int, size: int):
    """The bare passes: forward, and back to the pixels."""
    chunks, model = setting.chunks(N, size), setting.best()

    def work():
        for x, y in chunks:
            leaf = x.detach().requires_grad_()
            torch.autograd.grad(model(leaf).gather(1, y).sum(), leaf)

    return work
