"""Networks that answer with a map: their shapes, what reaches their decoders, and that they learn."""

import re

import numpy as np
import pytest
import torch

from labs import decoders, lab, measures
from labs.composed import compose
from labs.decoders import DECODERS, Trunk, build
from labs.segmentation import encoder_decoder


@pytest.fixture(scope="module")
def lesson(source):
    made = compose(source, 8, 32, seed=0)
    return lab.as_batch(made.images, source), torch.from_numpy(made.masks).float()


@pytest.mark.parametrize("name", DECODERS)
def test_every_pixel_gets_a_score_and_training_lowers_the_loss(name, source, lesson):
    X, masks = lesson
    model = build(name, source.model.features, seed=0, pretrained=True)
    assert model(X).shape == masks.shape
    losses = list(decoders.train(model, X, masks, steps=12, seed=0))
    assert np.mean(losses[-3:]) < np.mean(losses[:3])


def test_training_leaves_the_pretrained_network_as_it_was(source, lesson):
    before = [p.clone() for p in source.model.parameters()]
    list(decoders.train(build("bilinear", source.model.features, 0, True), *lesson, steps=2, seed=0))
    assert all(torch.equal(a, b) for a, b in zip(before, source.model.parameters()))
    assert not any(p.requires_grad for p in source.model.parameters())


def test_the_same_seed_trains_the_same_network(source, lesson):
    losses = [list(decoders.train(build("U-Net", source.model.features, 3, False), *lesson, 2, seed=3)) for _ in "ab"]
    assert losses[0] == losses[1]


def test_a_trunk_from_scratch_has_other_weights_than_a_pretrained_one(source):
    pretrained, new = (build("bilinear", source.model.features, 0, kind).trunk for kind in (True, False))
    assert torch.equal(pretrained.layers[0].weight, source.model.features[0].weight)
    assert not torch.equal(new.layers[0].weight, pretrained.layers[0].weight)


def test_each_map_of_the_trunk_is_half_the_one_before(source, lesson):
    maps = Trunk(source.model.features)(lesson[0])
    widths = [m.shape[2] for m in (maps.picture, maps.half, maps.quarter, maps.eighth, maps.first, maps.second)]
    assert widths == [32, 16, 8, 4, 8, 4]


def test_without_skips_only_the_coarse_map_counts_and_with_them_the_picture_does(source, lesson):
    """Given another picture and finer maps: the transposed convolution does not notice, the U-Net does."""
    maps = Trunk(source.model.features)(lesson[0])
    other = decoders.Maps(maps.picture.flip(3), maps.half.flip(3), maps.quarter, maps.eighth, maps.first, maps.second)
    for name, notices in (("bilinear", False), ("transposed convolution", False), ("U-Net", True)):
        decoder = build(name, source.model.features, 0, True).decoder
        assert torch.equal(decoder(maps), decoder(other)) != notices


def test_by_distance_counts_what_is_wrong_ring_by_ring():
    """An edge that is one off is wrong in half of the nearest pixels, on one side, and nowhere else."""
    true = np.zeros((1, 40, 40), bool)
    true[..., 20:] = True
    wrong = encoder_decoder.by_distance(np.roll(true, 1, axis=2)[..., :] & true, true)
    assert [one[0] for one in wrong] == [0.5] + [0] * (encoder_decoder.FAR - 1)
    assert wrong[-1] == measures.interval([0])  # one scene shows little


def test_a_map_that_is_constant_is_as_close_as_its_window_is_large():
    side = 2 * encoder_decoder.CLOSE + 1
    assert encoder_decoder.share_nearby(np.ones((1, 30, 30)), [(15, 15)]) == pytest.approx([side**2 / 900])


def test_every_number_of_the_scenes_has_count_and_interval(bench):
    """But for parameters and seconds, in table and sentences."""
    numbers = encoder_decoder.measure(bench)
    table = encoder_decoder.tabulate(numbers)
    assert table.columns[0] == f"{numbers['tests']} scenes, 90 % interval"
    assert all(" to " in cell for row in table.rows[: 2 * len(DECODERS)] for cell in row[1:6])
    for sentence in encoder_decoder.conclude(numbers):
        without = re.sub(r"by [-+.0-9]+% to [-+.0-9]+%", "", sentence)  # the range of pairs of trainings
        assert re.findall(r"\d%(?!\)| \()", without) == []
