"""Sentences that a comparison says of a wrong answer: nothing that could as well be chance."""

from contextlib import suppress

import numpy as np
import pytest

from tests import compare


def catch_words(got, expected, **keywords):
    with pytest.raises(AssertionError) as caught:
        compare.assert_close("a loss", got, expected, 1e-5, **keywords)
    return str(caught.value)


@pytest.mark.parametrize(
    "got, expected",
    [(7.31, 27.0), (13.5, 27.0), (np.full((1, 2, 2), 0.7), np.full((1, 2, 2), 0.25)), ([0, 3, 0], [0, 5, 0])],
    ids=["any number", "half of it", "an array of one number", "one number among zeros"],
)
def test_one_wrong_number_is_no_multiple(got, expected):
    """Any other number is a multiple of a single one: one test alone tells nothing."""
    assert "mistake" not in catch_words(np.array(got, float), np.array(expected, float))


def test_maps_that_are_scaled_to_the_unit_interval_are_told():
    """Each by itself or all together, by the largest value or from the least to the largest."""
    maps = np.random.default_rng(0).uniform(0.1, 0.4, (2, 5, 6)) * np.array([1, 2]).reshape(2, 1, 1)
    least, most = (getattr(maps, name)(axis=(1, 2), keepdims=True) for name in ("min", "max"))
    for got in (maps / maps.max(), maps / most, (maps - least) / (most - least)):
        assert "it is scaled to [0, 1]" in catch_words(got, maps)
    assert "it is 2 times what" in catch_words(2 * maps, maps)


@pytest.mark.parametrize("large", [False, True])
def test_an_axis_of_one_that_is_still_there_is_told(large):
    """Told of an array and of a sample of a large one; another shape of as many axes is no reason to fail."""
    maps = np.random.default_rng(0).standard_normal((3, 4, 5))
    expected = compare.Sample(maps.shape, compare.sample(maps)) if large else maps
    assert "axis 1, of length 1, is still there: leave keepdim=True out" in catch_words(maps[:, None], expected)
    assert "mistake" not in catch_words(maps[:, None, :2, :2], expected)


@pytest.mark.parametrize("large", [False, True])
def test_the_first_alone_is_told(large):
    """Told of an array and of a sample of a large one; the second alone is not."""
    maps = np.random.default_rng(0).standard_normal((3, 40, 50) if large else (3, 4, 5))
    expected = compare.Sample(maps.shape, compare.sample(maps)) if large else maps
    assert "does [0] stand for" in catch_words(maps[:1], expected)
    assert "does [0] stand for" not in catch_words(maps[1:2], expected)


def test_two_arrays_of_one_description_are_told_apart():
    expected = np.array([[0.0, 2.0, 1.0], [1.0, 5.0, 3.0]])
    got = np.array([[0.0, 1.0, 2.0], [1.0, 5.0, 3.0]])
    assert "most apart at (0, 1): expected 2, got 1" in catch_words(got, expected)
    assert "most apart" not in catch_words(got, expected, secret=True)
    assert "most apart" not in catch_words(got + 1, expected)


def test_a_gradient_of_zeros_is_cut_off():
    """Whatever mistake gives zeros here, too."""
    with pytest.raises(AssertionError, match="the loss is cut off from its input"):
        compare.assert_close("gradient of the loss", np.zeros(3), np.ones(3), 1e-5, {"the largest alone.": np.zeros(3)})


def factors(*pairs):
    compare.take_factors()
    for got, expected in pairs:
        with suppress(AssertionError):
            compare.assert_close("style loss", got, expected, 1e-5)
    return compare.take_factors()


def test_a_plain_factor_is_told_if_all_numbers_of_a_function_agree():
    halves = factors((13.5, 27.0), (2.0, 4.0), (0.0, 0.0))
    told = {"style loss": "it is half what is expected, in all 2 tests of the style loss."}
    assert compare.name_factors(halves) == told
    assert compare.name_factors(factors((-27.0, 27.0), (-4.0, 4.0)))["style loss"].startswith("the sign is turned")


@pytest.mark.parametrize(
    "pairs",
    [[(13.5, 27.0)], [(13.5, 27.0), (8.0, 4.0)], [(13.5, 27.0), (4.0, 4.0)], [(9.0, 27.0), (2.0, 6.0)]],
    ids=["one test", "two factors", "one is right", "no plain factor"],
)
def test_a_factor_on_which_they_do_not_agree_is_not_told(pairs):
    assert compare.name_factors(factors(*pairs)) == {}


def test_of_a_large_array_the_true_shape_is_told_and_the_mistake(monkeypatch):
    """Only a sample of it is stored."""
    image = np.random.default_rng(0).standard_normal((1, 3, 90, 70))
    stored = {
        "image": compare.sample(image),
        "image: shape": np.array(image.shape),
        "image: range": np.array([image.min(), image.max(), image.mean()]),
        "image: tolerance": np.array(1e-4),
        "image: mistake: it is squared.": compare.sample(image**2),
        "image: shape: it is squared.": np.array(image.shape),
        "image: mistake: one channel.": compare.sample(image[:, 0]),
        "image: shape: one channel.": np.array((1, 90, 70)),
    }
    monkeypatch.setattr(compare, "references", lambda file: stored)
    compare.assert_stored("the image", image, "file", "image")
    spread = f"from {image.min():.4g} to {image.max():.4g}, mean {image.mean():.4g}"
    for got, words in (
        (image**2, "It looks like this mistake: it is squared."),
        (image[:, 0], "It looks like this mistake: one channel."),
        (2 * image, "it is 2 times what is expected"),
        (image.transpose(0, 1, 3, 2), "the axes are in another order"),
    ):
        with pytest.raises(AssertionError) as caught:
            compare.assert_stored("the image", got, "file", "image")
        assert f"expected: shape (1, 3, 90, 70), {spread}" in str(caught.value)
        assert f"got:      shape {got.shape}, from" in str(caught.value) and words in str(caught.value)


def test_every_stored_sample_has_its_range():
    """Or a right answer of a wrong shape could not be told what was expected."""
    for path in compare.REFERENCES.glob("*.npz"):
        stored = np.load(path)
        sampled = [key.removesuffix(": shape") for key in stored.files if key.endswith(": shape")]
        for key in sampled:
            low, high, mean = stored[f"{key}: range"]
            assert low <= stored[key].min() and stored[key].max() <= high and low <= mean <= high, (path.name, key)
