"""One backward pass: what images have to do with each other's gradients."""

import pytest
import torch
from torch import nn

from labs import lab
from labs.gradients import one_backward
from labs.gradients.one_backward import TrainingBatchNorm, influence, others
from tests import networks


@pytest.fixture
def normalised():
    """A network with BatchNorm and Dropout, in evaluation mode."""
    head = [nn.ReLU(), nn.Dropout(0.9), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)]
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), *head).eval().requires_grad_(False)


def test_images_have_no_influence_on_each_other(X, y):
    """Beside the diagonal there are exact zeros, on it ones: no image enters another's score."""
    found = influence(networks.build("deep"), X, y)
    assert torch.equal(torch.tensor(found["shares"]), torch.eye(3))
    assert others(found["shares"]) == 0 and found["error"] < 1e-5


def test_batchnorm_in_training_mode_lets_images_influence_each_other(normalised, X, y):
    """Its mean and variance are the batch's; in evaluation mode they are stored, and the same images are apart."""
    stored, batch = (influence(model, X, y) for model in (normalised, TrainingBatchNorm(normalised)))
    assert others(stored["shares"]) == 0 and stored["error"] < 1e-5
    assert others(batch["shares"]) > 0.01 and batch["error"] > 0.01


def test_the_network_is_not_written_to_in_training_mode(normalised, X):
    """The running mean stays as it was: a copy is trained on. Dropout stays off, which would make scores random."""
    copy = TrainingBatchNorm(normalised)
    assert torch.equal(copy(X), copy(X))
    assert torch.equal(normalised[1].running_mean, torch.zeros(8)) and not normalised[1].training


def test_many_images_are_all_different(bench):
    images, labels = one_backward.many(bench, 30)
    assert images.shape == (30, 3, 64, 64) and labels.shape == (30,)
    assert len({image.numpy().tobytes() for image in images}) == 30


def test_maps_from_the_sum_are_those_of_each_image(X, y):
    assert one_backward.difference(networks.build("deep", "float64"), X.double(), y) < 1e-12
    seconds = one_backward.measure_times(networks.build("tiny"), X, y, [1, 3], rounds=2)
    assert all(len(values) == 2 and min(map(min, values)) > 0 for values in seconds.values())


def test_an_image_s_map_hangs_on_its_batch_in_training_mode_alone_and_on_no_order(normalised, X, y):
    """Four images in two batches: others in the batch change the map, the same ones in another order do not."""
    X, y = torch.cat([X, X[:1].flip(3)]), torch.cat([y, y[:1]])
    first, second = [torch.tensor([0, 1]), torch.tensor([2, 3])], [torch.tensor([0, 2]), torch.tensor([1, 3])]
    stored, batch = (
        one_backward.compare(model, X, y, first, second) for model in (normalised, TrainingBatchNorm(normalised))
    )
    assert max(stored["order"] + stored["company"] + batch["order"]) < lab.ROUNDING
    assert len(batch["company"]) == 2 and min(batch["company"]) > 0.01


def test_other_batches_hold_the_same_images():
    first, second = one_backward.draw_batches(11, 3, torch.Generator().manual_seed(0))
    assert [len(rows) for rows in first + second] == [3] * 6
    assert sorted(torch.cat(first).tolist()) == sorted(torch.cat(second).tolist())
    assert len(set(torch.cat(first).tolist())) == 9 and not torch.equal(torch.cat(first), torch.cat(second))
