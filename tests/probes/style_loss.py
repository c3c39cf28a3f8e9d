"""Questions of tests to style_modules/style_loss.py."""

from typing import Any

import numpy as np
import torch

from tests.probes.facts import array, is_connected, scalar, single, watching, with_gradient


def gram_matrix(features: np.ndarray, normalize: bool | None = None, gradient: bool = False) -> dict[str, Any]:
    """gram; gradient, if asked: of its sum, with respect to the features. normalize: None leaves the argument out."""
    from style_modules.style_loss import StyleLoss

    features = torch.from_numpy(features.copy()).requires_grad_(gradient)
    with watching(None, features=features) as facts:
        arguments = () if normalize is None else (normalize,)
        gram = single(StyleLoss().gram_matrix(features, *arguments))
    return {"gram": array(gram)} | (with_gradient(gram.sum(), features) if gradient else {}) | facts


def style_loss(layers: list[int], weights: list[float], **arrays: np.ndarray) -> dict[str, Any]:
    """value; gradient_i: with respect to feats_i. arrays: feats_0, feats_1, ... of all layers; target_0, ..."""
    from style_modules.style_loss import StyleLoss

    tensors = {name: torch.from_numpy(value.copy()) for name, value in arrays.items()}
    feats = [tensors[f"feats_{i}"].requires_grad_() for i in range(sum(name.startswith("feats_") for name in arrays))]
    targets = [tensors[f"target_{i}"] for i in range(len(layers))]
    with watching(None, **tensors) as facts:
        value = single(StyleLoss()(feats, layers, targets, weights))
    answer = {"value": array(value)}
    gradients = torch.autograd.grad(scalar(value), feats, allow_unused=True) if is_connected(value) else [None] * 99
    for i, (feature, gradient) in enumerate(zip(feats, gradients)):
        answer[f"gradient_{i}"] = array(torch.zeros_like(feature) if gradient is None else gradient)
    return answer | facts
