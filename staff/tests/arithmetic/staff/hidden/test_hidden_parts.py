import numpy as np
import pytest

from autograder import plugin


@pytest.mark.center
@pytest.mark.points(2)
def test_drawn_columns_are_centred(probe, request):
    """Each column less its own mean."""
    X = plugin.rng(request).standard_normal((5, 3))
    assert np.allclose(probe("center", X=X)["out"], X - X.mean(axis=0)), "expected columns with a mean of 0"
