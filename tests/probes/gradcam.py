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


def guided_backprop(network: str, X: np.ndarray, y: np.ndarray, **settings: int) -> dict[str, Any]:
    """maps; relus: how often CustomReLU was called."""
    from visualizers import gradcam

    # The images require gradients, as the course's scripts always handed them over.
    model, labels = build(network, X, settings), torch.from_numpy(y.copy())
    images = torch.from_numpy(X.copy()).requires_grad_()
    forward = mock.Mock(side_effect=gradcam.CustomReLU.forward)
    watched = mock.patch.object(gradcam.CustomReLU, "forward", staticmethod(lambda *inputs: forward(*inputs)))
    with watched, watching(model, X=images, y=labels) as facts:
        maps = gradcam.GradCam().guided_backprop(images, labels, model)
    return {"maps": array(maps), "relus": forward.call_count} | facts


def grad_cam(network: str, X: np.ndarray, y: np.ndarray, **settings: int) -> dict[str, Any]:
    """maps."""
    from visualizers.gradcam import GradCam

    model, labels = build(network, X, settings), torch.from_numpy(y.copy())
    images = torch.from_numpy(X.copy()).requires_grad_()
    with watching(model, X=images, y=labels) as facts:
        maps = GradCam().grad_cam(images, labels, model)
    return {"maps": array(maps)} | facts
