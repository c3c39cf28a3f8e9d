"""A small stand-in for tests/probes, for the grader's own tests."""

import numpy as np
import pytest

REACH = pytest.StashKey()


def call(name, **arguments):
    return globals()[name](**arguments)


def saliency(network, X, y):
    import torch

    from tests import networks
    from visualizers.saliency_map import SaliencyMap

    model = networks.build(network)
    maps = SaliencyMap().compute_saliency_maps(torch.from_numpy(X), torch.from_numpy(y), model)
    return {"maps": np.asarray(maps.detach())}


def content(weight, F, P):
    import torch

    from style_modules.content_loss import ContentLoss

    return {"loss": float(ContentLoss()(weight, torch.from_numpy(F), torch.from_numpy(P)))}
