"""The networks that are compared: which there are, on which images, and the twin's weights."""

import torch

from labs import lab, networks
from labs.lab import Bench
from labs.networks import PLAIN, ROBUST


def test_packed_weights_come_back_to_half_a_step():
    generator = torch.Generator().manual_seed(0)
    weights = {"a.weight": torch.randn(4, 3, 2, 2, generator=generator), "a.bias": torch.tensor([0.5, -2.0, 0, 8])}
    back = networks.unpack(networks.pack(weights))
    assert list(back) == ["a.weight", "a.bias"] or set(back) == set(weights)
    step = weights["a.weight"].flatten(1).abs().amax(1) / 127
    assert ((back["a.weight"] - weights["a.weight"]).abs().flatten(1).amax(1) <= step / 2 + 1e-6).all()
    assert torch.equal(back["a.bias"], weights["a.bias"])


def test_the_twin_is_small_and_built_as_the_embedded_network_is(source):
    assert networks.TWIN.stat().st_size <= 1_000_000
    twin = networks.load_twin(torch.device("cpu"))
    shapes = {name: value.shape for name, value in source.model.state_dict().items()}
    assert {name: value.shape for name, value in twin.state_dict().items()} == shapes
    assert not any(parameter.requires_grad for parameter in twin.parameters()) and not twin.training


def test_networks_of_the_same_classes_are_tried_on_the_same_images_which_both_name_rightly(bench):
    robust, plain = networks.load_networks(bench, 2)
    assert (robust.name, plain.name) == (ROBUST, PLAIN)
    assert torch.equal(robust.pixels, plain.pixels) and robust.pixels.min() >= 0 and robust.pixels.max() <= 1
    assert all(torch.equal(c.classify(c.pixels), c.y) for c in (robust, plain))


def test_the_images_are_those_that_all_networks_name_rightly_none_left_out(small_source):
    bench = Bench(small_source)
    robust, plain = networks.load_networks(bench, 99)
    _, X, y, _ = bench.batch()
    right = [(lab.predict(c.model, X, 8).argmax(dim=1) == y) for c in (robust, plain)]
    assert list(robust.rows) == list(plain.rows) == (right[0] & right[1]).nonzero()[:, 0].tolist()
    assert not torch.equal(*right)  # else one network alone would do


def test_few_rows_are_spread_over_all():
    assert networks.spread([3, 5, 7, 9, 11], 3) == [3, 7, 11]
    assert networks.spread([3, 5], 3) == [3, 5]


def test_a_radius_that_was_not_enough_is_beyond_the_largest():
    assert networks.write_radius([1, 1, 1], 64) == "1 (1 to 1)"
    assert networks.write_radius([128] * 3, 64) == "> 64 (> 64 to > 64)"
    assert networks.write_radius([0.5, 1, 128], 64) == "1 (0.5 to > 64)"


def test_shares_of_wrong_answers_that_are_left_have_count_and_interval():
    assert networks.write_survivors({"PNG": 8, "JPEG": 2, "fooled": 8}) == "100% (69 to 100%), 25% (0 to 50%) of 8"
    assert networks.write_survivors({"PNG": 0, "JPEG": 0, "fooled": 0}) == "-"


def test_a_network_that_was_asked_for_has_a_colour():
    assert networks.COLOURS["resnet18"] == networks.COLOURS[networks.SQUEEZENET]
    assert len(set(networks.COLOURS.values())) == len(networks.COLOURS)


def test_the_small_network_gets_new_pictures_that_it_names_rightly(bench):
    c = networks.load_small(bench, 3)
    assert c.pixels.shape == (3, 3, 64, 64) and torch.equal(c.classify(c.pixels), c.y)
    assert c.source.masks[list(c.rows)].any(axis=(1, 2)).all()
