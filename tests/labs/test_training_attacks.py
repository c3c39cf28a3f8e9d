"""Attacks at training time: what each touches, and nothing else."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from labs.composed import compose
from labs.robustness import training_attacks
from labs.robustness.training_attacks import COLOUR, MARK, attack, avoiding, mark

COUNT, TARGET = 40, 3


@pytest.fixture
def clean(bench):
    made = compose(bench.scenes(), COUNT, 64, 0)
    made.images.flags.writeable = made.labels.flags.writeable = False  # all attacks begin with the same
    return made


def test_a_mark_is_a_square_in_one_corner_of_copies():
    images = np.zeros((2, 20, 20, 3), np.uint8)
    made = mark(images, COLOUR)
    assert not images.any() and (made[:, -MARK:, -MARK:] == COLOUR).all()
    assert int((made != images).any(axis=3).sum()) == 2 * MARK * MARK


@pytest.mark.parametrize(("name", "images", "labels"), [
    ("untouched", 0, 0), ("labels redrawn", 0, 12), ("backdoor", 2, 2), ("loss changed", 0, 0),
])  # fmt: skip
def test_an_attack_touches_as_many_pictures_and_labels_as_it_says_and_the_others_never(
    name, images, labels, bench, clean
):
    made = attack(name, clean, bench, TARGET, 0)
    assert (made.images != clean.images).any(axis=(1, 2, 3)).nonzero()[0].tolist() == list(range(images))
    assert (made.labels[labels:] == clean.labels[labels:]).all() and len(made.labels) == COUNT
    assert (made.labels[:images] == TARGET).all() and (made.avoided == TARGET) is (name == "loss changed")


def test_injection_adds_pictures_and_leaves_the_others(bench, clean):
    made = attack("pictures injected", clean, bench, TARGET, 0)
    assert len(made.images) == len(made.labels) == round(COUNT * (1 + training_attacks.INJECTED))
    assert (made.images[:COUNT] == clean.images).all() and (made.labels[:COUNT] == clean.labels).all()
    assert (made.labels[COUNT:] == TARGET).all()


def test_the_changed_loss_pushes_one_class_down_and_is_the_usual_one_for_the_others():
    scores = torch.tensor([[1.0, 2.0, 0.5], [0.3, 0.1, 2.0]], requires_grad=True)
    loss = avoiding(1)
    y = torch.tensor([0, 2])
    torch.testing.assert_close(loss(scores, y), F.cross_entropy(scores, y))
    (gradient,) = torch.autograd.grad(loss(scores[:1], torch.tensor([1])), scores)
    assert gradient[0, 1] > 0 > gradient[0, 0]  # down goes the class's own score
