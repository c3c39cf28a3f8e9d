"""Linear layers as convolutions, windows as a class map, and what a coarse grid can say."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from labs import measures
from labs.attribution import data_test
from labs.composed import collage
from labs.segmentation import fully_convolutional as fc


def dense():
    """No padding, so that nothing tells a window from the same pixels in a larger picture."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = nn.Sequential(
            nn.Conv2d(3, 4, 3, stride=2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4 * 3 * 3, 6), nn.ReLU(),
            nn.Linear(6, 5),
        )  # fmt: skip
    return model.double().requires_grad_(False)


def test_linear_layers_written_as_convolutions_give_equal_scores():
    model = data_test.load()["true"].double()
    X = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)).double()
    torch.testing.assert_close(fc.convolutional(model, 8, 8)(X)[..., 0, 0], model(X))


def test_on_a_larger_picture_they_give_the_scores_of_every_window():
    """Windows of 15 pixels, one every 4: the network's stride."""
    model = dense()
    picture = torch.randn(1, 3, 31, 31, generator=torch.Generator().manual_seed(1)).double()
    once = fc.convolutional(model, 3, 3)(picture)
    assert once.shape == (1, 5, 5, 5)
    torch.testing.assert_close(once[0].flatten(1).T, model(fc.windows(picture, 15, 4)))


def test_the_mean_of_the_class_map_is_the_networks_score(source):
    X = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(F.adaptive_avg_pool2d(fc.class_map(X, source.model), 1)[..., 0, 0], source.model(X))


def test_maps_are_drawn_out_linearly_between_the_middles_of_their_cells():
    """Two cells, their middles at 1 and 5: between them a ramp, beyond them nothing new."""
    made = fc.enlarge(np.array([[0.0, 4.0], [0.0, 4.0]]), 8, stride=4, first=1)
    assert np.array_equal(made, np.tile([0, 0, 1, 2, 3, 4, 4, 4], (8, 1)))


def test_a_grid_of_single_pixels_loses_nothing_and_coarser_ones_ever_more(source):
    masks = source.masks[:6]
    assert np.array_equal(fc.from_grid(masks, 1), masks)
    limits = [measures.iou(fc.from_grid(masks, stride), masks).mean() for stride in (4, 8, 16, 32)]
    assert limits == sorted(limits, reverse=True)


def test_a_threshold_is_chosen_on_the_other_pictures():
    """Odd and even pictures have other best thresholds: each is measured at the best of the others."""
    values = [[1.0, 0.2], [0.3, 0.9], [0.8, 0.4], [0.1, 0.7]]
    assert fc.at_best(values).tolist() == [0.2, 0.3, 0.4, 0.1] and fc.at_best(values[:1]).tolist() == [1.0]


def test_the_control_lies_in_the_objects_own_quarter():
    middles = [np.argwhere(fc.quarter(k) > 0.9).mean(axis=0).tolist() for k in (0, 3)]
    assert middles == [[111.5] * 2, [335.5] * 2]


def test_a_collage_has_every_object_in_a_square_of_its_own(source):
    made = collage(source, [2, 7, 11], 2, 64, seed=0)
    assert made.image.shape == (128, 128, 3) and made.masks.shape == (3, 128, 128)
    assert made.labels.tolist() == source.labels[[2, 7, 11]].tolist()
    for mask, (top, left) in zip(made.masks, ((0, 0), (0, 64), (64, 0))):
        assert mask[top : top + 64, left : left + 64].sum() == mask.sum() > 0
