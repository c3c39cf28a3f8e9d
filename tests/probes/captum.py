"""Questions of tests to the halves of saliency_map.py and gradcam.py that use Captum."""

import importlib
from typing import Any

import numpy as np
import torch

from tests.probes.facts import array, build, watching


def captum_saliency(network: str, X: np.ndarray, y: np.ndarray, **settings: int) -> dict[str, Any]:
    """maps."""
    return _ask("saliency_map.captum_saliency", ["maps"], network, X, torch.from_numpy(y.copy()), settings)


def integrated_gradients(network: str, X: np.ndarray, y: np.ndarray, **settings: int) -> dict[str, Any]:
    """maps."""
    return _ask("saliency_map.integrated_gradients", ["maps"], network, X, torch.from_numpy(y.copy()), settings)


def captum_maps(network: str, X: np.ndarray, y: np.ndarray, layer: str, **settings: int) -> dict[str, Any]:
    """guided, cam, guided_cam."""
    names = ["guided", "cam", "guided_cam"]
    return _ask("gradcam.captum_maps", names, network, X, torch.from_numpy(y.copy()), settings, layer)


def layer_maps(network: str, X: np.ndarray, y: np.ndarray, layer: str, **settings: int) -> dict[str, Any]:
    """evidence, activation."""
    names = ["evidence", "activation"]
    return _ask("gradcam.layer_maps", names, network, X, torch.from_numpy(y.copy()), settings, layer)


def layer_conductance(network: str, X: np.ndarray, y: np.ndarray, layer: str, **settings: int) -> dict[str, Any]:
    """maps."""
    return _ask("gradcam.layer_conductance", ["maps"], network, X, torch.from_numpy(y.copy()), settings, layer)


def neuron_responses(network: str, X: np.ndarray, neurons: list, layer: str, **settings: int) -> dict[str, Any]:
    """maps. neurons: for each image channel, row and column."""
    return _ask("gradcam.neuron_responses", ["maps"], network, X, [*map(tuple, neurons)], settings, layer)


def _ask(
    function: str, names: list[str], network: str, X: np.ndarray, of_each: Any, settings: dict, layer: str = ""
) -> dict[str, Any]:
    """Call "script.function" with the images, their labels or neurons, and the network; its answers by these names."""
    script, _, name = function.partition(".")
    call = getattr(importlib.import_module(script), name, None)
    if call is None:
        raise ImportError(f"cannot import name {name!r} from {script!r}")
    model, images = build(network, X, settings), torch.from_numpy(X.copy())
    labels = {"y": of_each} if isinstance(of_each, torch.Tensor) else {}
    with watching(model, X=images, **labels) as facts:
        answers = call(images, of_each, model, *([model.get_submodule(layer)] if layer else []))
    return dict(zip(names, map(array, [answers] if len(names) == 1 else answers))) | facts
