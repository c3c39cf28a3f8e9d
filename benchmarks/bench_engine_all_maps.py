"""Saliency, guided backprop, Grad-CAM and Guided Grad-CAM of the same images: one forward and two backward passes."""

import torch
from captum.attr import GuidedBackprop, GuidedGradCam, LayerAttribution, LayerGradCam, Saliency

from benchmarks import setting
from benchmarks.bench_saliency_map import passes
from benchmarks.harness import Case, Contestant
from staff.engine.explain import explain


def cases() -> list[Case]:
    sizes = [(1, 224), (5, 224), (25, 224), (200, 224), (1, 448), (5, 448)]
    maps = [
        Case(
            "all four maps",
            f"N = {N}, {size} px",
            contestants(N, size),
            {"Captum": 3.0, "limit": 1.15} if (N, size) == (5, 224) else {},
            "images" if size == 224 else "pixels",
            N if size == 224 else size,
        )
        for N, size in sizes
    ]
    return maps + [
        Case("all four maps", f"N = 5, {T} classes each", contestants(5, 224, T), {}, "classes", T) for T in (2, 4, 8)
    ]


def contestants(N: int, size: int, T: int = 1) -> dict[str, Contestant]:
    def ours(network):
        (X, y), model = setting.images(N, size), network()
        several = torch.stack([(y + t) % 25 for t in range(T)], dim=1)  # (N, T)
        return lambda: explain(X, several, model)

    def captum(network):
        (X, y), model = setting.images(N, size), network()
        layer = model.features[12]
        methods = Saliency(model), GuidedBackprop(model), GuidedGradCam(model, layer)
        cam = LayerGradCam(model, layer)

        def work():
            for t in range(T):
                target = (y + t) % 25
                for method in methods:
                    method.attribute(X, target=target)
                small = cam.attribute(X, target=target, relu_attributions=True)
                LayerAttribution.interpolate(small, X.shape[2:], "bicubic")

        return work

    def limit():
        return passes(N, size, backwards=2 * T)

    peers = setting.each("Captum", captum)
    if N == 200:
        del peers["Captum, our layout"]  # half a minute for each call
    return {**setting.each("ours", ours), **peers, "limit": limit}
