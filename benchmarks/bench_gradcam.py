"""Guided backprop: one forward and one backward pass, through other ReLUs; Grad-CAM: back to the layer alone."""

import torch
from captum.attr import GuidedBackprop, LayerAttribution, LayerGradCam
from pytorch_grad_cam import GradCAM, GuidedBackpropReLUModel
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn
from torch.nn import functional as F

from benchmarks import setting
from benchmarks.bench_saliency_map import pass_back
from benchmarks.harness import Case, Contestant
from visualizers import GradCam
from visualizers.gradcam import CustomReLU

GUIDED_TARGETS = {"Captum": 1.3, "pytorch-grad-cam": 1.8, "limit": 1.6}
CAM_TARGETS = {"Captum": 1.5, "pytorch-grad-cam": 2.5, "limit": 1.4}


def cases() -> list[Case]:
    methods = [("guided backprop", guided_backprop, GUIDED_TARGETS), ("Grad-CAM", grad_cam, CAM_TARGETS)]
    return [
        Case(work, f"N = {N}, {size} px", contestants(N, size), targets if (N, size) == (5, 224) else {})
        for work, contestants, targets in methods
        for N, size in [(1, 224), (5, 224), (25, 224), (5, 448)]
    ]


def guided_backprop(N: int, size: int) -> dict[str, Contestant]:
    def ours(X, y, model):
        return lambda: GradCam().guided_backprop(X, y, model)

    def captum(X, y, model):
        return lambda: GuidedBackprop(model).attribute(X, target=y)

    def pytorch_grad_cam(X, y, model):
        method = GuidedBackpropReLUModel(model=model, device="cpu")  # explains one image at a time
        return lambda: [method(x[None], target_category=int(k)) for x, k in zip(X, y)]

    def classic():
        (X, y), model = setting.images(N, size), setting.plain()

        class Guided(nn.Module):
            def forward(self, x):
                return CustomReLU.apply(x)

        for parent in list(model.modules()):
            for name, module in parent.named_children():
                if isinstance(module, nn.ReLU):
                    setattr(parent, name, Guided())

        def work():
            x = X.clone().requires_grad_()
            model(x).gather(1, y.view(-1, 1)).squeeze().sum().backward()
            return x.grad.permute(0, 2, 3, 1).numpy()

        return work

    return {
        **setting.each("ours", ours, N, size),
        **setting.each("Captum", captum, N, size),
        **setting.each("pytorch-grad-cam", pytorch_grad_cam, N, size),
        "classic": classic,
        "limit": lambda: pass_back(N, size),
    }


def grad_cam(N: int, size: int) -> dict[str, Contestant]:
    def ours(X, y, model):
        return lambda: GradCam().grad_cam(X, y, model)

    def captum(X, y, model):
        method = LayerGradCam(model, model.features[12])
        return lambda: LayerAttribution.interpolate(
            method.attribute(X, target=y, relu_attributions=True), X.shape[2:], "bicubic"
        )

    def pytorch_grad_cam(X, y, model):
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
        **setting.each("ours", ours, N, size),
        **setting.each("Captum", captum, N, size),
        **setting.each("pytorch-grad-cam", pytorch_grad_cam, N, size),
        "classic": classic,
        "limit": limit,
    }
