"""Hidden tests: drawn from the seed, and silent about what they expect."""

import re

import numpy as np
import pytest

from staff.grader import points
from staff.hidden import drawing
from staff.hidden.fooling_image import Question
from staff.references import chain_rule, saliency_map


def asked(seed):
    return drawing.question(np.random.default_rng(seed), "tiny", 2, saliency_map.saliency)


def test_the_same_seed_asks_the_same_and_another_something_else():
    one, same, other = asked(1), asked(1), asked(2)
    assert np.array_equal(one.X, same.X) and np.array_equal(one.expected, same.expected)
    assert one.X.shape != other.X.shape or not np.array_equal(one.X, other.X)


def test_classes_are_not_those_that_the_network_would_say():
    one = asked(3)
    assert (chain_rule.scores(drawing.model(one.network), one.X).argmax(1) != one.y).all()
    assert one.expected.any(axis=(1, 2)).all(), "none is dead"


def test_a_seed_that_draws_many_unfit_images_finds_one_in_the_end():
    """More than eighty here: the right solution once lost points to it."""
    question = Question(np.random.default_rng([2109384581, 867407493]), "squeezenet")
    assert question.error < drawing.TOLERANCE


@pytest.mark.parametrize("factor", [1.7, -1.0, 0.25])
def test_a_message_holds_no_expected_value(factor):
    """Neither as it is, nor to be worked out from a factor between what came and what was expected."""
    expected = np.array(4.321987)
    with pytest.raises(AssertionError) as caught:
        drawing.judge("a loss", expected * factor, expected, 1e-3, lambda: {}, "the docstring")
    numbers = [float(number) for number in re.findall(r"-?\d+\.?\d*(?:e[+-]?\d+)?", str(caught.value))]
    assert not np.isclose(numbers, expected, rtol=1e-2).any()
    assert not np.isclose(numbers, factor, rtol=1e-2)[1:].any() or factor == -1.0


def test_a_recognised_mistake_is_named():
    one = asked(4)
    wrong = chain_rule.through(drawing.model(one.network), one.X, chain_rule.one_hot(one.y)).gradient.sum(1)
    with pytest.raises(AssertionError) as caught:
        one.judge("saliency", np.abs(wrong), saliency_map.saliency_mistakes, "")
    assert "the shape" in str(caught.value) and " from " not in str(caught.value).partition("got:")[0]
    absolute = np.abs(chain_rule.through(drawing.model(one.network), one.X, chain_rule.one_hot(one.y)).gradient)
    with pytest.raises(AssertionError, match="the channels are added up"):
        one.judge("saliency", absolute.sum(1), saliency_map.saliency_mistakes, "")


def test_all_points_together_are_100():
    table = points.read()
    assert sum(entry["points"] for kind in ("parts", "rules") for entry in table[kind].values()) == 100
