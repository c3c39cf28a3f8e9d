"""The methods that explain a class score: one table of all of them, which scripts, explorer and labs read.

A method that is added here is a panel of the explorer, a line in the labs' comparisons, and has its colour in both:

    add(Method("my method", "what to look for in its map", lambda batch: batch.get("gradient") ** 2, "#8c6d31"))

The student's own functions are called where the assignment has one. They are imported when a method is asked for, so
that a file that cannot be read, or a part that is not written yet, is in the way of its own methods alone.
"""

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from figures import palette
from figures.figure import Bar, Row
from figures.script import UserError

SALIENCY, GRADIENT, SMOOTH, TIMES_INPUT = "saliency", "gradient", "SmoothGrad", "gradient × input"
INTEGRATED, GUIDED, DECONVNET = "integrated gradients", "guided backprop", "deconvnet"
CAM, GUIDED_CAM = "Grad-CAM", "Guided Grad-CAM"

HEAT, OVERLAY, SIGNED, ABOUT_GREY = "heat", "overlay", "signed", "about grey"  # how maps are drawn
BARS = {
    HEAT: Bar(palette.HEAT, "no effect", "strong"),
    OVERLAY: Bar(palette.JET, "nothing", "for"),
    SIGNED: Bar(palette.SIGNED, "against", "for"),
    ABOUT_GREY: None,
}
CHUNK = 8  # images that go through the network at once

# The functions of root scripts that students write with Captum, "module:function" of (X, y, model), and of the layer's
# module where the method takes one: the methods whose maps they give, as they are drawn.
BY_CAPTUM = {
    "saliency_map:captum_saliency": (SALIENCY,),
    "saliency_map:integrated_gradients": (INTEGRATED,),
    "gradcam:captum_maps": (GUIDED, CAM, GUIDED_CAM),
}


@dataclass
class Batch:
    """Images that are explained, each for a class, and what was found of them: what methods share is computed once.

    X: (N, 3, H, W), ImageNet-normalised. y: (N,). layer: the one that Grad-CAM reads. samples: of SmoothGrad.
    steps: of integrated gradients, from a grey image. found: by method, attributions (N, C, H, W).
    """

    X: Tensor
    y: Tensor
    model: nn.Module
    layer: str
    samples: int = 8
    steps: int = 16
    seed: int = 0
    found: dict[str, Tensor] = field(default_factory=dict)

    def get(self, name: str) -> Tensor:
        """Attributions (N, C, H, W) of the method of this name."""
        if name not in self.found:
            self.found[name] = METHODS[name].function(self)
        return self.found[name]


@dataclass(frozen=True)
class Method:
    """One way to explain a class score.

    name: as in a sentence. look: what its map shows, in a few words. function: of a Batch, gives attributions
    (N, C, H, W): three channels of either sign, or one channel >= 0. colour: of its curves and bars. drawn: how its map
    is (HEAT, OVERLAY, SIGNED or ABOUT_GREY). part: of the assignment, which must be written for it; "" for none.
    takes_layer: whether it depends on the layer that Grad-CAM reads. slow: whether it goes through the network many
    times, so that nobody waits for it.
    """

    name: str
    look: str
    function: Callable[[Batch], Tensor]
    colour: str
    drawn: str = ABOUT_GREY
    part: str = ""
    takes_layer: bool = False
    slow: bool = False

    @property
    def title(self) -> str:
        return self.name[0].upper() + self.name[1:]

    @property
    def signed(self) -> bool:
        return self.drawn in (SIGNED, ABOUT_GREY)

    def map(self, attributions: Tensor) -> Tensor:
        """Attributions (N, C, H, W) as they are drawn: (N, H, W, 3) about grey, else (N, H, W)."""
        return attributions.permute(0, 2, 3, 1) if self.drawn == ABOUT_GREY else attributions.sum(dim=1)

    def row(self, maps: Sequence[np.ndarray], images: Sequence[np.ndarray]) -> Row:
        """A figure's row of these maps, as they are drawn, of images uint8 (H, W, 3)."""
        panels = {
            HEAT: palette.heat,
            OVERLAY: lambda maps: palette.overlay(images, maps),
            SIGNED: palette.diverging,
            ABOUT_GREY: palette.about_grey,
        }[self.drawn](maps)
        return Row(panels, self.name, bar=BARS[self.drawn])


METHODS: dict[str, Method] = {}
COLOURS: dict[str, str] = {}


def add(method: Method) -> None:
    """Put a method into the table. Raises ValueError where there is one of this name."""
    if method.name in METHODS:
        raise ValueError(f"expected a new name of a method, got {method.name!r}: choose another one")
    METHODS[method.name], COLOURS[method.name] = method, method.colour


def comparisons() -> tuple[str, ...]:
    """Names of the methods that labs compare: all but saliency, which is the size of the gradient."""
    return tuple(name for name in METHODS if name != SALIENCY)


def attributions(
    names: Iterable[str], X: Tensor, y: Tensor, model: nn.Module, layer: str, **more: Any
) -> dict[str, Tensor]:
    """Attributions (N, C, H, W) of X (N, 3, H, W) and y (N,) by each of these methods; more: as in Batch."""
    batch = Batch(X, y, model, layer, **more)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "nothing in image")  # a map of zeros is an answer, too
        warnings.filterwarnings("ignore", "the score of the asked class does not depend")  # and so is a dead class
        return {name: batch.get(name) for name in names}


def maps(names: Iterable[str], X: Tensor, y: Tensor, model: nn.Module, layer: str, **more: int) -> dict[str, Tensor]:
    """The same as maps (N, H, W) >= 0: the student's saliency map for the gradient, else the sizes over channels."""
    asked = {name: SALIENCY if name == GRADIENT else name for name in names}
    found = attributions(asked.values(), X, y, model, layer, **more)
    return {name: found[method].abs().sum(dim=1) for name, method in asked.items()}


def check_maps(maps: Any, shape: tuple[int, ...], name: str) -> Tensor:
    """Return what a student's function gave, as a tensor. Raises UserError unless it has this shape and is finite."""
    if isinstance(maps, np.ndarray) and maps.dtype.kind in "fiub":
        maps = torch.from_numpy(np.array(maps))  # a copy: some cannot be written to, or run backwards
    if not isinstance(maps, Tensor):
        raise UserError(f"expected an array of numbers from {name}, got {type(maps).__name__}: look at its return")
    if tuple(maps.shape) != shape:
        raise UserError(f"expected shape {shape} from {name}, got {tuple(maps.shape)}: see its docstring")
    if not maps.isfinite().all():
        raise UserError(f"expected finite numbers from {name}, got NaN or infinity: is there a division by zero?")
    return maps.detach()


# The student's own.


def _saliency(batch: Batch) -> Tensor:
    from visualizers import SaliencyMap

    X, y, compute = batch.X, batch.y, SaliencyMap().compute_saliency_maps
    found = [
        check_maps(compute(some, labels, batch.model), (len(some), *X.shape[2:]), "compute_saliency_maps")
        for some, labels in zip(X.split(CHUNK), y.split(CHUNK))
    ]
    return torch.cat(found)[:, None]


def _guided_backprop(batch: Batch) -> Tensor:
    from visualizers import GradCam

    (N, C, H, W), found = batch.X.shape, GradCam().guided_backprop(batch.X, batch.y, batch.model)
    return check_maps(found, (N, H, W, C), "guided_backprop").to(batch.X).permute(0, 3, 1, 2)


def _grad_cam(batch: Batch) -> Tensor:
    from visualizers import GradCam

    (N, _, H, W), found = batch.X.shape, GradCam(batch.layer).grad_cam(batch.X, batch.y, batch.model)
    return check_maps(found, (N, H, W), "grad_cam").to(batch.X)[:, None]


# Beyond the assignment.


def gradient(X: Tensor, y: Tensor, model: nn.Module) -> Tensor:
    """ds_y / dX: (N, 3, H, W), of either sign."""
    from visualizers.network import class_scores, evaluating

    found = []
    for some, labels in zip(X.split(CHUNK), y.split(CHUNK)):
        x = some.detach().requires_grad_()
        with evaluating(model):
            found.append(torch.autograd.grad(class_scores(model(x), labels).sum(), x)[0])
    return torch.cat(found)


def smooth_grad(X: Tensor, y: Tensor, model: nn.Module, samples: int, seed: int = 0, noise: float = 0.15) -> Tensor:
    """The mean gradient at noisy copies (Smilkov et al. 2017); noise: its deviation, of each image's range."""
    generator = torch.Generator().manual_seed(int(seed))
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


def deconvnet(X: Tensor, y: Tensor, model: nn.Module) -> Tensor:
    """Zeiler and Fergus 2014: on the way back each ReLU lets through what is positive, wherever it was open before."""
    return gradient(X, y, ReluAs(model, open_relu))


class ReluAs(nn.Module):
    """A network whose ReLUs are another function, which the methods see in their place."""

    def __init__(self, model: nn.Module, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.model, self.function = model, function

    def forward(self, X: Tensor) -> Tensor:
        from visualizers.network import relu_replaced_by

        with relu_replaced_by(self.function):
            return self.model(X)


def open_relu(x: Tensor) -> Tensor:
    """ReLU(x), whose way back is the student's rule for a ReLU that was open everywhere: the deconvnet's."""
    from visualizers.gradcam import CustomReLU

    value = x.detach().clamp(min=0)
    return CustomReLU.apply(x - x.detach() + 1) - 1 + value


for _method in (
    Method(SALIENCY, "how strongly each pixel moves the score", _saliency, "#0a9d9d", HEAT, part="1.1"),
    Method(GRADIENT, "saliency with its sign and colours", lambda b: gradient(b.X, b.y, b.model), "#0072b2"),
    Method(SMOOTH, "the mean gradient of noisy copies", lambda b: smooth_grad(b.X, b.y, b.model, b.samples, b.seed),
           "#56b4e9", slow=True),
    Method(TIMES_INPUT, "what each pixel would add to a linear score",
           lambda b: b.get(GRADIENT) * b.X, "#009e73"),
    Method(INTEGRATED, "red speaks for the class, blue against it",
           lambda b: integrated_gradients(b.X, b.y, b.model, b.steps), "#00643c", SIGNED, part="1.5", slow=True),
    Method(GUIDED, "fine edges; mid-grey is zero", _guided_backprop, "#d55e00", part="1.2"),
    Method(DECONVNET, "edges that would raise the score, wherever they are",
           lambda b: deconvnet(b.X, b.y, b.model), "#e69f00", part="1.2"),
    Method(CAM, "where the evidence for the class lies", _grad_cam, "#b8287f", OVERLAY, part="1.2", takes_layer=True),
    Method(GUIDED_CAM, "the edges within the patch", lambda b: b.get(CAM) * b.get(GUIDED), "#6a3d9a", part="1.2",
           takes_layer=True),
):  # fmt: skip
    add(_method)
