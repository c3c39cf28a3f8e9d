"""Questions of tests to visualizers/gradcam.py."""

from typing import Any
from unittest import mock

import numpy as np
import torch

from tests.probes.facts import array, build, watching


def custom_relu(x: np.ndarray, upstream: np.ndarray) -> dict[str, Any]:
    """output: CustomReLU of x; gradient: what its backward makes of `upstream`."""
    from visualizers.gradcam import CustomReLU

    x, upstream = torch.from_numpy(x.copy()).requires_grad_(), torch.from_numpy(upstream.copy())
    with watching(None, x=x, upstream=upstream) as facts:
        output = CustomReLU.apply(x)
        (gradient,) = torch.autograd.grad(output, x, upstream, allow_unused=True)
    return {"output": array(output), "gradient": array(gradient)} | facts


def guided_backprop(network: str, X: np.ndarray, y: np.ndarray, times: int = 1, **settings: int) -> dict[str, Any]:
    """maps, first: as of `grad_cam`; relus: how often CustomReLU was called."""
    from visualizers import gradcam

    # The images require gradients, as the course's scripts always handed them over.
    models, labels = [build(network, X, settings) for _ in range(times)], torch.from_numpy(y.copy())
    images = torch.from_numpy(X.copy()).requires_grad_()
    forward = mock.Mock(side_effect=gradcam.CustomReLU.forward)
    watched = mock.patch.object(gradcam.CustomReLU, "forward", staticmethod(lambda *inputs: forward(*inputs)))
    method = gradcam.GradCam()
    with watched, watching(models[0], X=images, y=labels) as facts:
        answers = [array(method.guided_backprop(images, labels, one)) for one in models]
    return {"maps": answers[-1], "first": answers[0], "relus": forward.call_count} | facts


def grad_cam(network: str, X: np.ndarray, y: np.ndarray, times: int = 1, **settings: int) -> dict[str, Any]:
    """maps: of the last of so many calls with the same images, each with a network of its own; first: of the first."""
    from visualizers.gradcam import GradCam

    models, labels = [build(network, X, settings) for _ in range(times)], torch.from_numpy(y.copy())
    images = torch.from_numpy(X.copy()).requires_grad_()
    method = GradCam()
    with watching(models[0], X=images, y=labels) as facts:
        answers = [array(method.grad_cam(images, labels, one)) for one in models]
    return {"maps": answers[-1], "first": answers[0]} | facts
