# STAFF
"""The palette: honest colours for maps of any shape."""

import numpy as np
import pytest

from figures import palette


def test_heat_is_dark_at_zero_and_each_map_has_its_own_scale():
    """A map and a hundred times that map look the same: maps are not scaled by their neighbours."""
    ramp = np.linspace(0, 1, 400).reshape(1, 20, 20)
    colours = palette.heat(np.concatenate([ramp, 100 * ramp]))
    assert [c.shape for c in colours] == [(20, 20, 3)] * 2
    assert np.allclose(colours[0], colours[1])
    assert colours[0][0, 0].max() < 0.05 and colours[0][-1, -1].max() > 0.9


def test_heat_on_a_given_scale():
    """A difference drawn on the maps' own scale is as dark as it is small."""
    half = palette.heat(np.full((1, 4, 4), 0.5), scale=1.0)[0][0, 0]
    assert np.allclose(half, palette.heat(np.array([[[0.5, 1.0]]]))[0][0, 0])


def test_signed_maps_are_white_at_zero_red_for_and_blue_against():
    """Zero is the lightest colour, and the two signs are told apart."""
    against, nothing, speaks_for = palette.diverging(np.array([[[-1.0, 0.0, 1.0]]]))[0][0]
    assert nothing.min() > 0.95
    assert against[2] > against[0] and speaks_for[0] > speaks_for[2]


def test_attributions_are_mid_grey_at_zero():
    """Guided backprop of either sign keeps its colours about mid-grey, within [0, 1]."""
    attributions = np.array([[[[-2.0, 0.0, 1.0]]]])
    assert np.allclose(palette.about_grey(attributions), [[[[0.0, 0.5, 0.75]]]], atol=0.01)


@pytest.mark.parametrize("draw", [palette.heat, palette.diverging])
def test_an_empty_map_is_drawn_without_a_warning(draw):
    """A dead class has a map of zeros: it is drawn in the colour of zero, not as NaN."""
    assert np.isfinite(draw(np.zeros((1, 8, 8)))).all()


def test_overlay_is_half_image_half_map():
    """Black turns into half of jet's dark blue where the map is 0, and into half of its dark red where it is 1."""
    low, high = palette.overlay(np.zeros((1, 1, 2, 3), np.uint8), np.array([[[0.0, 1.0]]]))[0][0]
    assert np.allclose(low, [0, 0, 0.25], atol=0.01) and np.allclose(high, [0.25, 0, 0], atol=0.01)


def test_maps_of_several_shapes_are_coloured_one_by_one():
    """Photographs differ in shape: each map keeps its own, and the colours that it has alone."""
    maps = [np.linspace(0, 1, 12).reshape(3, 4), np.linspace(0, 5, 10).reshape(5, 2)]
    for draw in (palette.heat, palette.diverging):
        together, alone = draw(maps), [draw([m])[0] for m in maps]
        assert [c.shape for c in together] == [(3, 4, 3), (5, 2, 3)]
        assert all(np.array_equal(a, b) for a, b in zip(together, alone))


def test_a_scale_of_zero_counts_as_none():
    """The difference to maps that are zero everywhere is drawn on its own scale, without a warning."""
    ramp = np.linspace(0, 1, 400).reshape(1, 20, 20)
    assert np.array_equal(palette.heat(ramp, 0.0), palette.heat(ramp))
