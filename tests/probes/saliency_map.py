"""Questions of tests to visualizers/saliency_map.py."""

from typing import Any

import numpy as np
import torch

from tests.probes.facts import array, build, watching


def saliency(network: str, X: np.ndarray, y: np.ndarray, **settings: int) -> dict[str, Any]:
    """maps."""
    from visualizers.saliency_map import SaliencyMap

    model, images, labels = build(network, X, settings), torch.from_numpy(X.copy()), torch.from_numpy(y.copy())
    with watching(model, X=images, y=labels) as facts:
        maps = SaliencyMap().compute_saliency_maps(images, labels, model)
    return {"maps": array(maps)} | facts
