"""One pixel: what is painted, where, and that evolution does not forget."""

import json

import numpy as np
import pytest
import torch

from labs.robustness import one_pixel
from labs.stored.__main__ import load_network
from pretrained import SourceError
from tests.labs import small


def test_one_pixel_is_changed_and_where_it_is_said():
    x = small.grey()[0]
    genes = np.random.default_rng(0).random((20, one_pixel.GENES))
    for made, place in zip(one_pixel.paint(x, genes), one_pixel.places(genes, 6, 6).T.tolist()):
        assert (made != x).any(dim=0).nonzero().tolist() == [place]


def test_painted_colours_have_eight_bits_and_genes_reach_every_corner():
    x = torch.full((3, 6, 6), 0.5)
    made = one_pixel.paint(x, np.array([[1.0, 1.0, 0.0, 1.0, 0.3], [0.0, 0.0, 0.0, 1.0, 0.3]]))
    colour = torch.tensor([0, 255, 76]) / 255
    assert torch.equal(made[0, :, 5, 5], colour) and torch.equal(made[1, :, 0, 0], colour)


def test_more_generations_never_leave_more_confidence():
    """The best of a generation is kept, and the same seed begins with the same one."""
    c = small.compare(small.linear(classes=4), small.grey(2))
    after = [one_pixel.search(c, 0, population=16, generations=n, seed=0).after for n in (0, 10, 60)]
    assert after[0] >= after[1] >= after[2] and after[2] < after[0]


def test_what_is_found_is_told_as_it_is():
    c = small.compare(small.linear(classes=4), small.grey(2))
    found = one_pixel.search(c, 1, population=8, generations=3, seed=0)
    assert len(found.trail) == found.asked / 8 <= 4 and found.trail == sorted(found.trail, reverse=True)
    assert found.trail[-1] == pytest.approx(found.after, abs=1e-5)
    assert found.said == int(c.classify(found.pixels[None])[0]) and found.fooled == (found.said != int(c.y[1]))
    assert [tuple(at) for at in (found.pixels != c.pixels[1]).any(dim=0).nonzero().tolist()] == [found.place]


def test_nobody_is_asked_any_more_once_the_network_is_wrong():
    c = small.compare(small.linear(classes=4), small.grey(2))
    c.y[0] = (c.y[0] + 1) % 4  # wrong already
    found = one_pixel.search(c, 0, population=8, generations=50, seed=0)
    assert found.fooled and found.asked < 8 * 10


def test_the_rank_of_a_pixel_is_the_share_below_it():
    saliency = np.array([[0.0, 1.0], [2.0, 3.0]])
    assert [one_pixel.rank(saliency, place) for place in ((0, 0), (1, 0), (1, 1))] == [0, 0.5, 0.75]


def test_the_network_says_of_a_stored_pixel_what_was_stored():
    """The first image of the stored run, painted anew: the same confidence before and after, the same answer."""
    stored = json.loads(one_pixel.STORED.read_text(encoding="utf-8"))
    try:
        c = load_network(len(stored["images"]))
    except SourceError as missing:
        pytest.skip(str(missing))
    assert [c.word(int(label)) for label in c.y] == [one["class"] for one in stored["images"]]
    assert c.name == stored["network"] and all(one["seconds"] > 0 for one in stored["images"])
    one, changed = stored["images"][0], c.pixels[0].clone()
    changed[(slice(None), *one["place"])] = torch.tensor(one["colour"]) / 255
    p = c.scores(torch.stack([c.pixels[0], changed])).softmax(dim=1)
    assert p[:, c.y[0]].tolist() == pytest.approx([one["before"], one["after"]], abs=1e-4)
    said = int(p[1].argmax())
    assert c.word(said) == one["said"] and one["fooled"] == (said != int(c.y[0]))
    assert all(len(o["trail"]) * one_pixel.POPULATION == o["asked"] <= stored["asked"] for o in stored["images"])


def test_every_number_of_the_table_has_an_interval(bench):
    """Questions until wrong have none: they are of single images."""
    table = one_pixel.tabulate(one_pixel.measure(bench))
    for row in table.rows:
        for column, cell in zip(table.columns[1:], row[1:]):
            assert cell == "-" or column == "questions until wrong" or " to " in cell, column
    assert tuple(table.columns[-2:]) == ("on the object", "its area")


def test_the_neighbourhood_of_a_pixel_is_as_wide_at_the_border():
    width = 2 * one_pixel.NEAR + 1
    for at in (0, 3, 30, 60, 63):
        seen = range(64)[one_pixel.surround(at, 64)]
        assert len(seen) == width and at in seen
    assert one_pixel.surround(30, 64).start == 30 - one_pixel.NEAR
