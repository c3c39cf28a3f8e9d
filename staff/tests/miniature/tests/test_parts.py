import numpy as np
import pytest

from tests import compare, networks


def _gradient(X, y):
    import torch

    X = torch.from_numpy(X).double().requires_grad_()
    scores = networks.build("embedded").double()(X)
    scores[torch.arange(len(y)), torch.from_numpy(y)].sum().backward()
    return X.grad.abs().amax(1).numpy()


@pytest.mark.saliency
@pytest.mark.points(12)
def test_saliency_of_noise(probe):
    """The largest absolute gradient over the channels."""
    X, y = np.random.default_rng(0).standard_normal((2, 3, 48, 64)).astype(np.float32), np.array([1, 2])
    compare.assert_close("saliency", probe("saliency", network="embedded", X=X, y=y)["maps"], _gradient(X, y), 1e-3)


@pytest.mark.content_loss
@pytest.mark.points(3)
def test_content_loss_of_ones(probe):
    """A sum, not a mean."""
    out = probe("content", weight=2.0, F=np.ones((1, 2, 3, 4), np.float32), P=np.zeros((1, 2, 3, 4), np.float32))
    compare.assert_close("content loss", out["loss"], 48.0, 1e-6)
