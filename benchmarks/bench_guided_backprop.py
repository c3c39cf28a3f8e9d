"""Guided backprop: one forward and one backward pass, through other ReLUs."""

from captum.attr import GuidedBackprop
from pytorch_grad_cam import GuidedBackpropReLUModel
from torch import nn

from benchmarks import setting
from benchmarks.bench_saliency import passes
from benchmarks.harness import Case, Contestant
from staff.engine.explain import explain
from visualizers.gradcam import CustomReLU

TARGETS = {"Captum": 1.8, "pytorch-grad-cam": 1.8, "limit": 1.15}


def cases() -> list[Case]:
    return [
        Case("guided backprop", f"N = {N}, {size} px", contestants(N, size), TARGETS if (N, size) == (5, 224) else {})
        for N, size in [(1, 224), (5, 224), (25, 224), (5, 448)]
    ]


def contestants(N: int, size: int) -> dict[str, Contestant]:
    def ours(network):
        (X, y), model = setting.images(N, size), network()
        return lambda: explain(X, y, model, ["guided_backprop"])

    def captum(network):
        (X, y), model = setting.images(N, size), network()
        return lambda: GuidedBackprop(model).attribute(X, target=y)

    def grad_cam(network):
        X, y = setting.images(N, size)
        method = GuidedBackpropReLUModel(model=network(), device="cpu")  # explains one image at a time
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

    def limit():
        return passes(N, size, backwards=1)

    return {
        **setting.each("ours", ours),
        **setting.each("Captum", captum),
        **setting.each("pytorch-grad-cam", grad_cam),
        "classic": classic,
        "limit": limit,
    }
