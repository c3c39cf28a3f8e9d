"""Many maps from shared passes: one forward and two backward passes give what four methods would each ask for.

For staff, and for whoever explains thousands of images. It holds what students write themselves, one method at a time
and easier to read, so students do not get it.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import nullcontext

import numpy as np
import torch
from torch import Tensor, nn

from staff.engine.passes import Relus, Tap, frozen
from visualizers.gradcam import resized
from visualizers.network import check_images, class_scores, evaluating

METHODS = (
    "saliency",
    "guided_backprop",
    "grad_cam",
    "guided_grad_cam",
    "integrated_gradients",
    "layer_conductance",
)
GUIDED = {"guided_backprop", "guided_grad_cam"}
CAM = {"grad_cam", "guided_grad_cam"}
# Pixels that go through the network at once. Eight images of 224 x 224 are as fast as any number, and their largest
# activation is still below the 32 MiB from which glibc asks the system for new, empty pages each time.
PIXELS = 8 * 224 * 224


def explain(
    X: Tensor,
    y: Tensor,
    model: nn.Module,
    methods: Sequence[str] = METHODS[:4],
    layer: str = "features.12",
    *,
    baseline: Tensor | float = 0.0,
    steps: int = 50,
    chunk: int | None = None,
) -> dict[str, Tensor]:
    """The maps of each of `methods`, by name, equal to those of the method's own class or of Captum.

    X: (N, 3, H, W), floating, ImageNet-normalised; not written to. N may be thousands: beyond the maps themselves,
        memory is taken for `chunk` images (default: as many as have PIXELS pixels).
    y: integers in [0, K): (N,), the class to explain for each image, or (N, T), several of them, which share the
        forward pass. With (N, T) all shapes below begin with N, T instead of N.
    model: any network that gives scores (N, K); left as it was, also after an exception. Its ReLUs may be modules or
        functions, in place or not; those of a network that was compiled or scripted are not seen by guided backprop.
    layer: dotted name of the module whose output A (N, C, h, w) Grad-CAM and conductance read.
    baseline: x', where the path of the last two methods begins: a number, or a tensor that broadcasts to X.
    steps: points on that path.

    Returns tensors on X's device:
        saliency (N, H, W): max over c of |ds_y / dX[c]|.
        guided_backprop (N, H, W, 3): the gradient, where every ReLU lets through only what is positive both ways.
        grad_cam (N, H, W): in [0, 1], as `GradCam.grad_cam`.
        guided_grad_cam (N, H, W, 3): the product of these two.
        integrated_gradients (N, H, W, 3): (x - x') * sum over k of w_k ds_y / dX at x' + a_k (x - x'), with
            Gauss-Legendre points a_k and weights w_k in [0, 1] (Sundararajan et al. 2017), as Captum's.
        layer_conductance (N, C, h, w): sum over k of ds_y / dA[k] * (A[k + 1] - A[k]), where A[k] is the layer at the
            kth of steps + 1 such points (Dhamdhere et al. 2018), as Captum's.
    Warns where a class is dead, or where nothing speaks for it: the map is zero.
    """
    check_images(X, model)
    targets = _targets(y, len(X))
    wanted = _wanted(methods)
    if chunk is None:
        chunk = max(1, PIXELS // X[0, 0].numel())
    if min(chunk, steps) < 1:
        raise ValueError(f"expected chunk and steps from 1 up, got {chunk} and {steps}: leave them out")
    maps = {}
    with torch.inference_mode(False), evaluating(model), frozen(model):
        if wanted & {"saliency", *GUIDED, *CAM}:
            maps = _gradients(X, targets, model, wanted, layer, chunk)
        if "integrated_gradients" in wanted:
            maps["integrated_gradients"] = _integrated_gradients(X, targets, model, baseline, steps, chunk)
        if "layer_conductance" in wanted:
            maps["layer_conductance"] = _layer_conductance(X, targets, model, layer, baseline, steps, chunk)
    if "saliency" in maps:
        _warn_of_dead_classes(maps["saliency"])
    if "grad_cam" in maps:
        maps["grad_cam"] = resized(maps["grad_cam"], X.shape[2:])  # (N, T, H, W)
    if "guided_grad_cam" in wanted:
        maps["guided_grad_cam"] = maps["grad_cam"][..., None] * maps["guided_backprop"]
    return {name: maps[name] if y.ndim == 2 else maps[name][:, 0] for name in METHODS if name in wanted}


def _gradients(X: Tensor, y: Tensor, model: nn.Module, wanted: set[str], layer: str, chunk: int) -> dict[str, Tensor]:
    """Of what is wanted: saliency (N, T, H, W), guided_backprop (N, T, H, W, 3), grad_cam (N, T, h, w), unscaled."""
    plain, guided, cam = "saliency" in wanted, bool(wanted & GUIDED), bool(wanted & CAM)
    (N, T), (H, W) = y.shape, X.shape[2:]
    maps: dict[str, Tensor] = {}
    if plain:
        maps["saliency"] = X.new_empty(N, T, H, W)
    if guided:
        maps["guided_backprop"] = X.new_empty(N, T, H, W, 3)
    relus, tap = Relus(), Tap(model, layer)
    for rows in _slices(N, chunk):
        x = _leaf(X[rows]).requires_grad_(plain or guided)
        with tap if cam else nullcontext(), relus if guided else nullcontext():
            scores = model(x)
        # One backward pass meets the layer on its way to the pixels; where they are not asked for it ends there.
        inputs = [x] * plain + ([tap.taken()] if cam else [])
        for t in range(T):
            score = class_scores(scores, y[rows, t]).sum()
            again = t + 1 < T
            if inputs:
                relus.guided = False
                gradients = torch.autograd.grad(score, inputs, retain_graph=again or guided)
                if plain:
                    maps["saliency"][rows, t] = gradients[0].abs().amax(dim=1)
                if cam:
                    weights = gradients[-1].mean(dim=(2, 3), keepdim=True)  # (n, C, 1, 1)
                    small = (weights * inputs[-1].detach()).sum(dim=1).relu()  # (n, h, w)
                    cams = maps.setdefault("grad_cam", small.new_empty(N, T, *small.shape[1:]))
                    cams[rows, t] = small
            if guided:
                relus.guided = True
                (gradient,) = torch.autograd.grad(score, x, retain_graph=again)
                maps["guided_backprop"][rows, t] = gradient.permute(0, 2, 3, 1)
    return maps


def _integrated_gradients(
    X: Tensor, y: Tensor, model: nn.Module, baseline: Tensor | float, steps: int, chunk: int
) -> Tensor:
    """(N, T, H, W, 3), image by image, `chunk` points of its path at once."""
    start = _start(baseline, X)
    at, weights = _gauss_legendre(steps, X)
    total = X.new_zeros(*y.shape, *X.shape[1:])  # (N, T, 3, H, W)
    for i in range(len(X)):
        for some in _slices(steps, chunk):
            x = _leaf(start[i] + at[some] * (X[i] - start[i])).requires_grad_()
            scores = model(x)
            for t, label in enumerate(y[i]):
                score = class_scores(scores, label.expand(len(x))).sum()
                (gradient,) = torch.autograd.grad(score, x, retain_graph=t + 1 < len(y[i]))
                total[i, t] += (weights[some] * gradient).sum(dim=0)
    return (total * (X.detach() - start)[:, None]).permute(0, 1, 3, 4, 2)


def _layer_conductance(
    X: Tensor, y: Tensor, model: nn.Module, layer: str, baseline: Tensor | float, steps: int, chunk: int
) -> Tensor:
    """(N, T, C, h, w), image by image, `chunk` points of its path at once."""
    start = _start(baseline, X)
    at, _ = _gauss_legendre(steps + 1, X)
    tap = Tap(model, layer)
    images = []
    for i in range(len(X)):
        total: dict[int, Tensor] = {}
        last: list[tuple[Tensor, Tensor]] = []  # activation and gradient, each target's, at the chunk's last point
        for some in _slices(steps + 1, chunk):
            with tap:
                scores = model(_leaf(start[i] + at[some] * (X[i] - start[i])))
            activation = tap.taken()
            A = activation.detach()
            before, last = last, []
            for t, label in enumerate(y[i]):
                score = class_scores(scores, label.expand(len(A))).sum()
                (gradient,) = torch.autograd.grad(score, activation, retain_graph=t + 1 < len(y[i]))
                through = (gradient[:-1] * A.diff(dim=0)).sum(dim=0)  # (C, h, w)
                if before:
                    through += total[t] + before[t][1] * (A[0] - before[t][0])
                total[t] = through
                last.append((A[-1], gradient[-1]))
        images.append(torch.stack(list(total.values())))
    return torch.stack(images)


def _leaf(X: Tensor) -> Tensor:
    """A copy of the images, in the layout in which convolutions are fastest: on a CPU the channels last."""
    on_cpu = X.device.type == "cpu"
    return X.detach().clone(memory_format=torch.channels_last if on_cpu else torch.contiguous_format)


def _slices(count: int, size: int) -> Iterator[slice]:
    """`count` rows in slices of about equal length, at most `size`."""
    parts = -(-count // size)
    return (slice(count * part // parts, count * (part + 1) // parts) for part in range(parts))


def _gauss_legendre(count: int, X: Tensor) -> list[Tensor]:
    """Points and weights for integrals over [0, 1], each (count, 1, 1, 1) and like X."""
    points, weights = np.polynomial.legendre.leggauss(count)
    return [torch.from_numpy(values).view(-1, 1, 1, 1).to(X) for values in ((points + 1) / 2, weights / 2)]


def _start(baseline: Tensor | float, X: Tensor) -> Tensor:
    try:
        return torch.as_tensor(baseline).detach().to(X).expand(X.shape)
    except (RuntimeError, TypeError, ValueError):
        got = tuple(baseline.shape) if isinstance(baseline, Tensor) else repr(baseline)
        raise ValueError(
            f"expected a baseline that broadcasts to images of shape {tuple(X.shape)}, got {got}: try a number"
        ) from None


def _targets(y: object, images: int) -> Tensor:
    """The labels as (N, T)."""
    if not isinstance(y, Tensor):
        got = type(y).__name__
        raise TypeError(f"expected labels as a tensor of integers, got {got}: use torch.tensor(y, dtype=torch.int64)")
    if y.ndim not in (1, 2) or len(y) != images or y.numel() == 0:
        raise ValueError(
            f"expected labels of shape ({images},) or ({images}, T), got {tuple(y.shape)}: give one, or several, for "
            "each image"
        )
    return y if y.ndim == 2 else y[:, None]


def _wanted(methods: Sequence[str]) -> set[str]:
    if isinstance(methods, str) or not methods or not set(methods) <= set(METHODS):
        raise ValueError(f"expected a list of methods out of {', '.join(METHODS)}, got {methods!r}: check the spelling")
    return set(methods)


def _warn_of_dead_classes(saliency: Tensor) -> None:
    dead = (saliency.amax(dim=(2, 3)) == 0).any(dim=1).nonzero()[:, 0].tolist()
    if dead:
        warnings.warn(
            f"the score of an asked class does not depend on image {dead} at all (a dead class): its map is zero",
            stacklevel=3,
        )
