"""The methods that labs compare, by name: the student's own where the assignment has one.

Each gives attributions of the class score, (N, C, H, W): three channels and either sign for what goes back to the
pixels, one channel in [0, 1] for a class activation map.
"""

import warnings
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from labs import lab
from visualizers import GradCam, SaliencyMap
from visualizers.gradcam import CustomReLU
from visualizers.network import class_scores, relu_replaced_by

PIXEL_METHODS = (
    "gradient",
    "SmoothGrad",
    "gradient × input",
    "integrated gradients",
    "guided backprop",
    "deconvnet",
)
METHODS = (*PIXEL_METHODS, "Grad-CAM", "Guided Grad-CAM")
CHUNK = 8  # images that go through the network at once


def attributions(
    names: Iterable[str],
    X: Tensor,
    y: Tensor,
    model: nn.Module,
    layer: str,
    *,
    samples: int = 8,
    steps: int = 16,
    seed: int = 0,
) -> dict[str, Tensor]:
    """What each of the methods gives for X (N, 3, H, W) and y (N,), by name; what several share is computed once.

    layer: the one that Grad-CAM reads. samples: of SmoothGrad. steps: of integrated gradients, from a grey image.
    """
    done: dict[str, Tensor] = {}

    def get(name: str) -> Tensor:
        if name not in done:
            done[name] = ways[name]()
        return done[name]

    ways: dict[str, Callable[[], Tensor]] = {
        "gradient": lambda: gradient(X, y, model),
        "SmoothGrad": lambda: smooth_grad(X, y, model, samples, seed),
        "gradient × input": lambda: get("gradient") * X,
        "integrated gradients": lambda: integrated_gradients(X, y, model, steps),
        "guided backprop": lambda: guided_backprop(X, y, model),
        "deconvnet": lambda: deconvnet(X, y, model),
        "Grad-CAM": lambda: torch.from_numpy(GradCam(layer).grad_cam(X, y, model)).to(X)[:, None],
        "Guided Grad-CAM": lambda: get("Grad-CAM") * get("guided backprop"),
    }
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "nothing in image")  # a map of zeros is an answer, too
        return {name: get(name) for name in names}


def maps(names: Iterable[str], X: Tensor, y: Tensor, model: nn.Module, layer: str, **more: int) -> dict[str, Tensor]:
    """The same as maps (N, H, W) >= 0: the student's saliency map for the gradient, else the sizes over channels."""
    names = tuple(names)
    found = attributions([name for name in names if name != "gradient"], X, y, model, layer, **more)
    made = {name: attribution.abs().sum(dim=1) for name, attribution in found.items()}
    if "gradient" in names:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "the score of the asked class does not depend")  # nor is a dead class
            parts = zip(X.split(CHUNK), y.split(CHUNK))
            made["gradient"] = torch.cat([SaliencyMap().compute_saliency_maps(*part, model) for part in parts])
    return {name: made[name] for name in names}


def gradient(X: Tensor, y: Tensor, model: nn.Module) -> Tensor:
    """ds_y / dx."""
    return torch.cat([
        lab.gradient(lambda x: class_scores(model(x), some), part)  # noqa: B023 -- called here
        for part, some in zip(X.split(CHUNK), y.split(CHUNK))
    ])  # fmt: skip


def smooth_grad(X: Tensor, y: Tensor, model: nn.Module, samples: int, seed: int = 0, noise: float = 0.15) -> Tensor:
    """The mean gradient at noisy copies (Smilkov et al. 2017); noise: its deviation, of each image's range."""
    generator = torch.Generator().manual_seed(seed)
    spread = noise * (X.amax(dim=(1, 2, 3), keepdim=True) - X.amin(dim=(1, 2, 3), keepdim=True))
    noisy = [X + spread * torch.randn(X.shape, generator=generator).to(X) for _ in range(samples)]
    gradients = gradient(torch.cat(noisy), y.repeat(samples), model)
    return gradients.reshape(samples, *X.shape).mean(dim=0)


def integrated_gradients(
    X: Tensor, y: Tensor, model: nn.Module, steps: int, baseline: Tensor | float = 0.0
) -> Tensor:
    """(x - x') times the mean gradient on the straight way from the baseline x', at the middles of so many steps."""
    way = X - baseline
    middles = (torch.arange(steps).to(X) + 0.5) / steps
    points = torch.cat([baseline + middle * way for middle in middles])
    return way * gradient(points, y.repeat(steps), model).reshape(steps, *X.shape).mean(dim=0)


def guided_backprop(X: Tensor, y: Tensor, model: nn.Module) -> Tensor:
    return torch.from_numpy(GradCam().guided_backprop(X, y, model)).to(X).permute(0, 3, 1, 2)


def deconvnet(X: Tensor, y: Tensor, model: nn.Module) -> Tensor:
    """Zeiler and Fergus 2014: on the way back each ReLU lets through what is positive, wherever it was open before."""
    return gradient(X, y, ReluAs(model, open_relu))


class ReluAs(nn.Module):
    """A network whose ReLUs are another function, which the methods see in their place."""

    def __init__(self, model: nn.Module, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.model, self.function = model, function

    def forward(self, X: Tensor) -> Tensor:
        with relu_replaced_by(self.function):
            return self.model(X)


def open_relu(x: Tensor) -> Tensor:
    """ReLU(x), whose way back is the student's rule for a ReLU that was open everywhere: the deconvnet's."""
    value = x.detach().clamp(min=0)
    return CustomReLU.apply(x - x.detach() + 1) - 1 + value
