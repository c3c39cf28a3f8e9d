"""Questions of tests to the halves of saliency_map.py and gradcam.py that use Captum."""

from typing import Any

import numpy as np
import torch

from tests.probes.facts import array, build, watching


def captum_saliency(network: str, X: np.ndarray, y: np.ndarray, **settings: int) -> dict[str, Any]:
    """maps."""
    from saliency_map import captum_saliency

    model, images, labels = build(network, X, settings), torch.from_numpy(X.copy()), torch.from_numpy(y.copy())
    with watching(model, X=images, y=labels) as facts:
        maps = captum_saliency(images, labels, model)
    return {"maps": array(maps)} | facts


def captum_maps(network: str, X: np.ndarray, y: np.ndarray, layer: str, **settings: int) -> dict[str, Any]:
    """guided, cam, guided_cam."""
    from gradcam import captum_maps

    model, images, labels = build(network, X, settings), torch.from_numpy(X.copy()), torch.from_numpy(y.copy())
    with watching(model, X=images, y=labels) as facts:
        maps = captum_maps(images, labels, model, model.get_submodule(layer))
    return dict(zip(("guided", "cam", "guided_cam"), map(array, maps))) | facts


def layer_maps(network: str, X: np.ndarray, y: np.ndarray, layer: str, **settings: int) -> dict[str, Any]:
    """evidence, activation."""
    from gradcam import layer_maps

    model, images, labels = build(network, X, settings), torch.from_numpy(X.copy()), torch.from_numpy(y.copy())
    with watching(model, X=images, y=labels) as facts:
        maps = layer_maps(images, labels, model, model.get_submodule(layer))
    return dict(zip(("evidence", "activation"), map(array, maps))) | facts


def integrated_gradients(network: str, X: np.ndarray, y: np.ndarray, **settings: int) -> dict[str, Any]:
    """maps."""
    from saliency_map import integrated_gradients

    model, images, labels = build(network, X, settings), torch.from_numpy(X.copy()), torch.from_numpy(y.copy())
    with watching(model, X=images, y=labels) as facts:
        maps = integrated_gradients(images, labels, model)
    return {"maps": array(maps)} | facts


def layer_conductance(network: str, X: np.ndarray, y: np.ndarray, layer: str, **settings: int) -> dict[str, Any]:
    """maps."""
    from gradcam import layer_conductance

    model, images, labels = build(network, X, settings), torch.from_numpy(X.copy()), torch.from_numpy(y.copy())
    with watching(model, X=images, y=labels) as facts:
        maps = layer_conductance(images, labels, model, model.get_submodule(layer))
    return {"maps": array(maps)} | facts


def neuron_responses(network: str, X: np.ndarray, neurons: list, layer: str, **settings: int) -> dict[str, Any]:
    """maps. neurons: for each image channel, row and column."""
    from gradcam import neuron_responses

    model, images = build(network, X, settings), torch.from_numpy(X.copy())
    with watching(model, X=images) as facts:
        maps = neuron_responses(images, [tuple(neuron) for neuron in neurons], model, model.get_submodule(layer))
    return {"maps": array(maps)} | facts
