"""Questions of tests to visualizers/saliency_map.py."""

from typing import Any

import numpy as np
import torch

from tests.probes.facts import array, build, watching


def saliency(network: str, X: np.ndarray, y: np.ndarray, times: int = 1, **settings: int) -> dict[str, Any]:
    """maps: of the last of so many calls with the same images, each with a network of its own; first: of the first."""
    from visualizers.saliency_map import SaliencyMap

    models = [build(network, X, settings) for _ in range(times)]
    images, labels = torch.from_numpy(X.copy()), torch.from_numpy(y.copy())
    method = SaliencyMap()
    with watching(models[0], X=images, y=labels) as facts:
        answers = [array(method.compute_saliency_maps(images, labels, one)) for one in models]
    return {"maps": answers[-1], "first": answers[0]} | facts
