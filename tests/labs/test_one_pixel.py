"""One pixel: what is painted, where, and that evolution does not forget."""

import numpy as np
import pytest
import torch

from labs.robustness import one_pixel
from tests.labs import small


def test_at_most_k_pixels_are_changed_and_where_it_is_said():
    x = small.grey()[0]
    genes = np.random.default_rng(0).random((20, one_pixel.GENES * 3))
    for made, one in zip(one_pixel.paint(x, genes), genes):
        changed = (made != x).any(dim=0).nonzero().tolist()
        assert 1 <= len(changed) <= 3
        assert {tuple(place) for place in changed} <= set(one_pixel.places(one, 6, 6))


def test_painted_colours_have_eight_bits_and_genes_reach_every_corner():
    x = torch.full((3, 6, 6), 0.5)
    made = one_pixel.paint(x, np.array([[1.0, 1.0, 0.0, 1.0, 0.3], [0.0, 0.0, 0.0, 1.0, 0.3]]))
    colour = torch.tensor([0, 255, 76]) / 255
    assert torch.equal(made[0, :, 5, 5], colour) and torch.equal(made[1, :, 0, 0], colour)


def test_more_generations_never_leave_more_confidence():
    """The best of a generation is kept, and the same seed begins with the same one."""
    c = small.compare(small.linear(classes=4), small.grey(2))
    after = [one_pixel.search(c, 0, 2, population=16, generations=n, seed=0).after for n in (0, 10, 60)]
    assert after[0] >= after[1] >= after[2] and after[2] < after[0]


def test_what_is_found_is_told_as_it_is():
    c = small.compare(small.linear(classes=4), small.grey(2))
    found = one_pixel.search(c, 1, 1, population=8, generations=3, seed=0)
    assert len(found.trail) == 4 and found.trail == sorted(found.trail, reverse=True)  # before and after 3 generations
    assert found.trail[-1] == pytest.approx(found.after, abs=1e-5)
    assert found.said == int(c.classify(found.pixels[None])[0]) and found.fooled == (found.said != int(c.y[1]))
    changed = (found.pixels != c.pixels[1]).any(dim=0).nonzero().tolist()
    assert [tuple(place) for place in changed] == found.places


def test_the_rank_of_a_pixel_is_the_share_below_it():
    saliency = np.array([[0.0, 1.0], [2.0, 3.0]])
    assert [one_pixel.rank(saliency, place) for place in ((0, 0), (1, 0), (1, 1))] == [0, 0.5, 0.75]
