"""Several class visualizations at once are those of one class after the other."""

import numpy as np
import pytest
import torch

from staff.engine.class_visualizations import class_visualizations
from staff.handout import contents
from tests import networks
from tests.probes.facts import differences, snapshot
from visualizers import ClassVisualization

SETTINGS = {"num_iterations": 4, "blur_every": 2, "learning_rate": 5.0}


def one(target, model, seed, **settings):
    names = [str(k) for k in range(100)]
    visualize = ClassVisualization().create_class_visualization
    return visualize(target, names, model, seed=seed, generate_plots=False, **SETTINGS | settings)


def test_several_classes_are_as_each_alone():
    """Each with its own noise, jitter, regulariser and norm: to the last of 255 but for rounding."""
    model, targets, seeds = networks.build("embedded"), [3, 0, 3], [0, 0, 7]
    images = class_visualizations(targets, model, seeds=seeds, l2_reg=0.01, **SETTINGS)
    for image, target, seed in zip(images, targets, seeds):
        expected = np.asarray(one(target, model, seed, l2_reg=0.01), int)
        assert np.abs(np.asarray(image, int) - expected).max() <= 1
    assert np.abs(np.asarray(images[0], int) - np.asarray(images[2], int)).max() > 20


def test_seeds_may_be_left_out():
    model = networks.build("tiny")
    first, second = (class_visualizations([1, 2], model, **SETTINGS, **given) for given in ({}, {"seeds": [0, 0]}))
    assert first == second


def test_a_dead_class_is_told_and_keeps_none_of_the_others_from_moving():
    model = networks.build("positive")
    with pytest.warns(UserWarning, match=r"^the score of class \[1\] has a zero gradient \(a dead class\)$"):
        dead, alive = class_visualizations([1, 0], model, l2_reg=0.0, **SETTINGS)
    assert np.abs(np.asarray(alive, int) - np.asarray(one(0, model, 0, l2_reg=0.0), int)).max() <= 1
    assert np.isfinite(np.asarray(dead)).all()


def test_a_network_is_left_as_it_was():
    model = networks.build("embedded").requires_grad_(True).train()
    before = snapshot(model)
    class_visualizations([1, 2], model, **SETTINGS)
    assert differences(before, snapshot(model)) == []


@pytest.mark.parametrize(
    "targets, seeds, message",
    [
        ([], None, "^expected targets and a seed for each, got 0 targets and 0 seeds: leave seeds out$"),
        ([1, 2], [0], "^expected targets and a seed for each, got 2 targets and 1 seeds: leave seeds out$"),
        ([1, 5], None, "^expected labels between 0 and 4, got 1 to 5: do labels and network belong together"),
    ],
)
def test_wrong_targets_are_refused_in_words(targets, seeds, message):
    with pytest.raises(ValueError, match=message):
        class_visualizations(targets, networks.build("tiny"), seeds=seeds)


def test_the_global_random_state_is_left_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    class_visualizations([1], networks.build("tiny"), **SETTINGS)
    assert torch.equal(torch.rand(1), expected)


def test_students_do_not_get_it():
    assert "staff/engine/class_visualizations.py" not in contents.choose(contents.project_files())
