"""Sanity checks: likeness of maps where it is known, which layers are named, and the data test's networks."""

import pytest
import torch

from labs import lab
from labs.attribution import data_test, sanity_checks
from labs.attribution.sanity_checks import MEASURES, compare, look
from tests import networks


@pytest.fixture
def maps():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(2, 3, 64, 64, generator=generator) for _ in range(2)]


def likeness(one, other):
    """Compare attributions (N, C, H, W)."""
    return compare(look(one), look(other))


def test_a_map_is_like_itself_like_its_opposite_but_for_signs_and_like_no_other(maps):
    assert all(likeness(maps[0], maps[0])[name] == pytest.approx([1, 1]) for name in MEASURES)
    opposite = likeness(maps[0], -maps[0])
    assert opposite["absolute"] == pytest.approx([1, 1]) and opposite["signed"] == pytest.approx([-1, -1])
    other = likeness(*maps)
    assert max(abs(value) for name in ("absolute", "signed") for value in other[name]) < 0.1
    assert likeness(maps[0], torch.zeros(2, 3, 64, 64)) == {name: [0, 0] for name in MEASURES}


def test_layers_are_named_from_the_scores_down():
    names = sanity_checks.layers(networks.build("squeezenet"))
    assert names[:2] == ["classifier.1", "features.12"] and names[-1] == "features.0" and len(names) == 10


def test_guided_backprop_hardly_notices_a_random_top_and_grad_cam_does(source):
    """The paper's finding, on one scene."""
    X, y = lab.as_batch(source.images[2:3], source), torch.from_numpy(source.labels[2:3])
    random = lab.randomise(source.model, ["classifier.1"], torch.Generator().manual_seed(0))
    names = ("guided backprop", "Grad-CAM")
    one, other = (
        sanity_checks.methods.attributions(names, X, y, model, "features.12") for model in (source.model, random)
    )
    alike = {name: likeness(one[name], other[name])["absolute"][0] for name in names}
    assert alike["guided backprop"] > 0.8 > alike["Grad-CAM"]


def test_the_networks_of_the_data_test_have_learnt_their_labels(source):
    """More than 95 % of the pictures that they were trained on, as in the paper; permuted are the same labels."""
    composed = data_test.pictures(source)
    X = lab.as_batch(composed.images, source)
    for which, model in data_test.load().items():
        y = torch.from_numpy(data_test.labels(composed, which))
        assert data_test.accuracy(model, X, y) > 0.95
    permuted = data_test.labels(composed, "permuted")
    assert sorted(permuted) == sorted(composed.labels) and (permuted != composed.labels).mean() > 0.8


def test_composed_pictures_hold_their_object_where_the_mask_says(source):
    composed = data_test.compose(source, 20, 64, seed=3)
    assert composed.images.shape == (20, 64, 64, 3) and composed.masks.dtype == bool
    shares = composed.masks.mean(axis=(1, 2))
    assert 0.02 < shares.min() and shares.max() < 0.85
    again = data_test.compose(source, 20, 64, seed=3)
    assert (again.images == composed.images).all() and (again.labels == composed.labels).all()


def test_training_is_repeatable():
    X, y = torch.randn(20, 3, 64, 64, generator=torch.Generator().manual_seed(0)), torch.arange(20) % 4
    one, two = (data_test.train(X, y, epochs=1).state_dict() for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_maps_of_the_figure_are_wide_enough_and_no_curve_is_named_on_another_panel(bench):
    """A map of 70 pixels shows nothing; names at the ends of curves may not reach the next panel's axes."""
    fig = sanity_checks.draw(sanity_checks.measure(bench), bench)
    fig.draw_without_rendering()
    maps = [axes.get_window_extent() for axes in fig.axes if axes.images]
    assert len(maps) >= 1 + 3 * len(sanity_checks.METHODS) and min(box.width for box in maps) > 100
    panels = [axes for axes in fig.axes if not axes.images and axes.axison]
    for axes in panels:
        for text in axes.texts:
            box = text.get_window_extent()
            assert not any(box.overlaps(other.get_window_extent()) for other in fig.axes if other is not axes)
