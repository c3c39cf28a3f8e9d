import numpy as np
import pytest


@pytest.mark.center
@pytest.mark.points(2)
def test_columns_are_centred(probe):
    """Each column less its own mean."""
    out = probe("center", X=np.array([[1.0, 4.0], [3.0, 8.0]]))["out"]
    mistake = "\nIt looks like this mistake: the mean of all is taken." if np.ptp(out) == 7 else ""
    assert np.allclose(out, [[-1, -2], [1, 2]]), f"expected [[-1, -2], [1, 2]], got {out.tolist()}{mistake}"


@pytest.mark.scale
@pytest.mark.points(2)
def test_a_vector_gets_length_one(probe):
    """The vector by its length."""
    assert np.allclose(probe("unit", x=np.array([3.0, 4.0]))["out"], [0.6, 0.8]), "expected [0.6, 0.8]"
