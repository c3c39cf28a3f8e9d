"""Attacks that only ask: they get no worse with questions, stay in their ball, and cannot beat geometry."""

import re

import numpy as np
import pytest
import torch

from labs import querying
from labs.robustness import black_box
from tests.labs import small
from tests.labs.small import margins

RADIUS = 0.002


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


def test_the_margin_is_the_own_score_less_the_highest_other():
    scores = torch.tensor([[3.0, 1.0, 2.5], [3.0, 1.0, 2.5]])
    assert querying.margin(scores, torch.tensor([0, 1])).tolist() == [0.5, -2.0]
    assert querying.aim(scores, torch.tensor([0, 1])).tolist() == [-0.5, 2.0]


def test_squares_stay_in_their_ball_and_more_questions_leave_no_more_margin(two, generator):
    model, x, y, _ = two
    seen = []

    def scores(pixels):
        seen.append(querying.margin(model(pixels), y[: len(pixels)]))
        return model(pixels)

    ends, took = querying.squares(scores, x, y, RADIUS, 30, generator)
    assert (ends - x).abs().max() <= RADIUS + 1e-6
    assert (querying.margin(model(ends), y) <= seen[0] + 1e-6).all()  # the first question: stripes
    assert all(np.isinf(n) or 1 <= n <= 30 for n in took) and len(seen) <= 30
    assert (np.isfinite(took) == (model(ends).argmax(1) != y).numpy()).all()


def test_squares_become_smaller():
    sides = [querying.square_side(part, 224, 224) for part in np.linspace(0, 1, 50)]
    assert sides == sorted(sides, reverse=True) and sides[0] == 71  # a tenth of the picture
    assert querying.square_side(1.0, 6, 6) == 1


def test_the_estimated_gradient_of_a_linear_margin_is_right_in_the_mean(generator):
    """Each estimate is g u uᵀ averaged over noises u, whose mean is g."""
    model, x = small.linear().double(), small.grey().double()
    y = model(x).argmax(1)
    true = (model[1].weight[y] - model[1].weight[1 - y]).flatten()
    found = torch.stack([querying.nes_gradient(model, x, y, generator).flatten() for _ in range(200)])
    cosine = torch.nn.functional.cosine_similarity
    assert (cosine(found, true[None]) > 0).float().mean() > 0.95
    assert cosine(found.mean(0), true, dim=0) > 0.95
    assert found.mean(0).norm() == pytest.approx(float(true.norm()), rel=0.15)


def test_nes_lowers_the_margin_within_its_ball(two, generator):
    model, x, y, _ = two
    ends, took = querying.nes(model, x, y, RADIUS, 63, generator)
    assert (ends - x).abs().max() <= RADIUS + 1e-6
    assert (querying.margin(model(ends), y) < querying.margin(model(x), y)).all()
    assert set(took) <= {21.0, 42.0, 63.0, np.inf}


def test_the_walk_stays_wrong_never_goes_away_and_is_no_shorter_than_the_distance_to_the_boundary(two, generator):
    model, x, y, w = two
    towards = torch.where(y == 0, 1.0, -1.0).view(-1, 1, 1, 1) * 0.4 * w.view(3, 6, 6).sign()
    start = (x - towards).clamp(0, 1)
    ends, distance = querying.boundary(lambda p: model(p).argmax(1), x, y, start, 60, generator)
    assert (np.diff(distance, axis=0) <= 1e-6).all() and distance[-1].max() < distance[0].min()
    assert (model(ends).argmax(1) != y).all()
    assert (distance[-1] >= (margins(model, x, y) / w.norm()).numpy() - 1e-5).all()


def test_a_network_is_fooled_by_what_was_made_on_its_like(bench):
    """Twice the same network: all entries of the matrix are the same. Another one's need not be."""
    one, like = (small.compare(small.linear(classes=3), small.grey(3), name) for name in ("one", "like"))
    like = type(like)("like", like.model, one.source, like.rows, like.pixels, like.y)
    for matrix in black_box.transfer([one, like], 3, bench).values():
        assert len({tuple(wrong) for row in matrix.values() for wrong in row.values()}) == 1
        assert list(matrix["one"]) == ["one", "like"]


def test_what_a_network_was_made_on_does_not_count_as_carried():
    """Each image counts once: the share of other networks that get it wrong, of the maker's family or of others."""
    matrix = {
        "a 1": {"a 1": [1.0, 1.0], "a-2": [0.0, 1.0], "b": [0.0, 0.0]},
        "a-2": {"a 1": [0.0, 0.0], "a-2": [1.0, 1.0], "b": [1.0, 0.0]},
    }
    assert black_box.elsewhere(matrix, True).tolist() == black_box.elsewhere(matrix, False).tolist()[::-1] == [0, 0.5]
    assert black_box.elsewhere({"a": {"a": [1.0]}}, True).size == 0


def test_every_number_of_who_only_asks_has_an_interval(monkeypatch, bench):
    """Questions for half the images, distances, and what is left in files, of a lab's own numbers."""
    pixels = torch.rand(8, 3, 6, 6, generator=torch.Generator().manual_seed(0))  # of more than one class
    two = [small.compare(small.linear(classes=3), pixels, name) for name in ("SqueezeNet 1.1", "like")]
    monkeypatch.setattr(black_box, "load_networks", lambda *args, **more: two)
    numbers = black_box.measure(bench)
    rows = dict(black_box.tabulate(numbers).rows)
    for name, words in rows.items():
        assert words == "-" or len(re.findall(r"\(\S.* to ", words)) >= 1, name
    questions = rows["SqueezeNet 1.1, squares: wrong in the end, questions for half"]
    assert questions.count(" to ") == 2
    first, last = black_box.write_ends(numbers)
    assert f"from {first} to {last} in L2" in black_box.conclude(numbers)[1] and " to " in first


def test_noise_makes_nobody_wrong_who_is_far_from_the_boundary_and_some_who_is_near(bench):
    """A network that is blind to its pixels, and one whose margins are smaller than what noise moves."""
    c = small.compare(small.linear(classes=3), small.grey(3))
    near = black_box.ask_noise(c, 8, bench)
    c.model.model[1].weight.data.zero_()
    c.model.model[1].bias.data.copy_(torch.tensor([1.0, 0, 0]))
    c.y.zero_()
    assert black_box.ask_noise(c, 8, bench) == [0, 0, 0] and all(0 <= share <= 1 for share in near)
