"""Directions of equal length: only the gradient climbs as fast as can be."""

import pytest
import torch
from torch import nn

from labs.gradients import saliency_is_no_direction
from labs.gradients.saliency_is_no_direction import LENGTH, climb, directions
from tests import networks


@pytest.fixture
def ways(bench):
    return directions(bench)


def test_on_a_linear_network_each_direction_gains_what_its_angle_says(ways):
    """The score w x gains w d / |d| by a step of 1 along d: along the gradient that is |w|."""
    model = networks.build("linear", height=6, width=6, seed=3)
    X = torch.zeros(2, 3, 6, 6)
    w = model[1].weight[2].view(3, 6, 6)
    highest = w.abs().amax(0).expand(3, 6, 6)
    expected = {
        "gradient": w.norm(),
        "its absolute value": (w * w.abs()).sum() / w.norm(),
        "saliency map": (w * highest).sum() / highest.norm(),
    }
    for name, gain in expected.items():
        scores, wrong, _ = climb(model, X, 2, ways[name], steps=3)
        torch.testing.assert_close(scores[-1] - scores[0], (3 * LENGTH * gain).expand(2), rtol=1e-4, atol=0)
        assert wrong.tolist() == pytest.approx([0 if name == "gradient" else float((w < 0).float().mean())] * 2)


def test_the_gradient_climbs_fastest_and_all_steps_are_of_one_length(ways, X):
    gains = {}
    for name, way in ways.items():
        scores, _, _ = climb(networks.build("deep"), X, 1, way, steps=5)
        gains[name] = float((scores[-1] - scores[0]).mean())
        _, _, end = climb(networks.build("deep"), X, 1, way, steps=1)
        torch.testing.assert_close((end - X).flatten(1).norm(dim=1), torch.full((3,), LENGTH))
    assert gains["gradient"] > 2 * max(gain for name, gain in gains.items() if name != "gradient")


def test_a_dead_class_is_not_climbed(ways, X):
    """No gradient, no step, and no division by its norm."""
    model = nn.Sequential(networks.build("deep"), nn.Flatten())
    model[0].classifier[2].weight.data[1] = 0
    scores, _, end = climb(model, X, 1, ways["saliency map"], steps=2)
    assert torch.equal(end, X) and torch.equal(scores, scores[:1].expand(3, -1))


def test_the_changes_are_drawn_which_the_pictures_hide(bench):
    """All are of one length, those by the saliency map and by the absolute value brighten alone; curves stand apart."""
    numbers = saliency_is_no_direction.measure(bench)
    changes = dict(bench.pictures["changes"])
    assert list(changes) == list(saliency_is_no_direction.DIRECTIONS)
    assert all(changes[name].min() >= 0 for name in ("its absolute value", "saliency map"))
    assert changes["gradient"].min() < 0 < changes["gradient"].max()
    left, *_ = saliency_is_no_direction.draw(numbers, bench).axes
    assert left.get_yscale() == "symlog"
    starts = [band.get_paths()[0].vertices[0] for band in left.collections]
    assert len(starts) == 4 and all(abs(start[1]) < 1e-6 for start in starts)  # nothing is gained before the first step
