"""What staff/references refuses to store, and how it writes."""

import numpy as np
import pytest

from staff.references import fooling_image, stored
from tests import compare, inputs, networks


@pytest.fixture
def file(tmp_path, monkeypatch):
    """One that is written elsewhere."""
    monkeypatch.setattr(stored, "REFERENCES", tmp_path)
    return stored.File("losses")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_mistake_that_is_not_finite_is_refused(file, bad):
    message = (
        r"^expected finite numbers for 'tv: mistake: the mean is taken\.' of losses\.npz, "
        r"got 1 that are NaN or infinite: is something divided by 0 there\?$"
    )
    wrong = {"the weight is missing.": np.array([5.0, 6.0]), "the mean is taken.": np.array([2.0, bad])}
    with pytest.raises(ValueError, match=message):
        file.put("tv", np.array([1.0, 2.0]), [np.array([1.0, 2.0])], wrong)


def test_an_expected_value_that_is_not_finite_is_refused(file):
    with pytest.raises(ValueError, match=r"^expected finite numbers for 'tv' of losses\.npz, got 2 that"):
        file.put("tv", np.array([np.nan, np.inf]), [np.array([1.0, 2.0])], {})


def test_a_solution_that_is_not_finite_is_refused(file):
    """Its NaN would be lost in the largest difference of several."""
    others = [np.array([1.0, 2.0]), np.array([1.0, np.nan])]
    with pytest.raises(ValueError, match=r"^expected finite numbers for 'tv, by float32 or from rippled inputs' of"):
        file.put("tv", np.array([1.0, 2.0]), others, {})


def test_what_is_stored_beside_values_is_finite_too(file, tmp_path):
    """As what float32 cannot hold."""
    file.arrays["weights"] = np.array([1.0, np.inf], np.float32)
    with pytest.raises(ValueError, match=r"^expected finite numbers for 'weights' of losses\.npz, got 1 that"):
        file.write()
    assert not list(tmp_path.iterdir())


def test_all_that_is_stored_is_finite():
    for path in compare.REFERENCES.glob("*.npz"):
        for key, array in compare.references(path.stem).items():
            assert np.isfinite(array).all(), f"{path.name}: {key}"


def test_a_dead_class_has_no_fooling_image():
    """Its gradient is 0, and not to be divided by its norm."""
    X = np.abs(inputs.noise(1, 3, 16, 16))
    image, steps = fooling_image.fooling(networks.build("positive", "float64"), X, target=1, most=5)
    assert np.array_equal(image, X) and steps == 5
