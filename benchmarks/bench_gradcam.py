"""Grad-CAM: one forward pass, and back to the layer."""

import torch
from captum.attr import LayerAttribution, LayerGradCam
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch.nn import functional as F

from benchmarks import setting
from benchmarks.harness import Case, Contestant
from staff.engine.explain import explain

TARGETS = {"Captum": 1.5, "pytorch-grad-cam": 2.5, "limit": 1.10}


def cases() -> list[Case]:
    return [
        Case("Grad-CAM", f"N = {N}, {size} px", contestants(N, size), TARGETS if (N, size) == (5, 224) else {})
        for N, size in [(1, 224), (5, 224), (25, 224), (5, 448)]
    ]


def contestants(N: int, size: int) -> dict[str, Contestant]:
    def ours(network):
        (X, y), model = setting.images(N, size), network()
        return lambda: explain(X, y, model, ["grad_cam"])

    def captum(network):
        (X, y), model = setting.images(N, size), network()
        method = LayerGradCam(model, model.features[12])
        return lambda: LayerAttribution.interpolate(
            method.attribute(X, target=y, relu_attributions=True), X.shape[2:], "bicubic"
        )

    def grad_cam(network):
        (X, y), model = setting.images(N, size), network()
        targets = [ClassifierOutputTarget(int(k)) for k in y]
        X = X.clone().requires_grad_()  # else it finds no gradient in a frozen network

        def work():
            with GradCAM(model=model, target_layers=[model.features[12]]) as method:
                return method(input_tensor=X, targets=targets)

        return work

    def classic():
        (X, y), model = setting.images(N, size), setting.plain()

        def work():
            kept = {}
            layer = model.features[12]
            handles = [
                layer.register_forward_hook(lambda module, given, output: kept.update(activation=output)),
                layer.register_full_backward_hook(
                    lambda module, to_input, to_output: kept.update(gradient=to_output[0])
                ),
            ]
            x = X.clone().requires_grad_()
            model(x).gather(1, y.view(-1, 1)).squeeze().sum().backward()
            for handle in handles:
                handle.remove()
            cam = (kept["gradient"].mean(dim=(2, 3), keepdim=True) * kept["activation"]).sum(dim=1, keepdim=True)
            cam = F.interpolate(cam.clamp(min=0).detach(), size=X.shape[2:], mode="bicubic")
            return ((cam - cam.min()) / (cam.max() - cam.min())).numpy()

        return work

    def limit():
        chunks, model = setting.chunks(N, size), setting.best()

        def work():
            for x, y in chunks:
                with torch.no_grad():
                    activation = model.features(x)
                activation.requires_grad_()
                score = model.classifier(activation).flatten(1).gather(1, y).sum()
                torch.autograd.grad(score, activation)

        return work

    return {
        **setting.each("ours", ours),
        **setting.each("Captum", captum),
        **setting.each("pytorch-grad-cam", grad_cam),
        "classic": classic,
        "limit": limit,
    }
