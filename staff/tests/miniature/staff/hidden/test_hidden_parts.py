import numpy as np
import pytest

from autograder.plugin import SEED
from tests import compare


@pytest.mark.content_loss
@pytest.mark.points(3)
def test_hidden_content_loss(probe, request):
    """A sum, not a mean."""
    F = np.random.default_rng(request.config.stash[SEED]).standard_normal((1, 2, 3, 4)).astype(np.float32)
    out = probe("content", weight=2.0, F=F, P=F - 1)
    compare.assert_close("content loss", out["loss"], 48.0, 1e-6)
