# STAFF
"""Errors in students' code are answered with a sentence of help."""

import pytest
import torch
from torch.nn import functional as F

from tests import hints

X = torch.ones(2, 3)


def leaf():
    return X.clone().requires_grad_()


def backward_twice():
    total = (leaf() ** 2).sum()
    total.backward()
    total.backward()


def write_over():
    y = leaf().exp()
    y.mul_(2)
    y.sum().backward()


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        (lambda: (leaf() * 2).sum(1).backward(torch.ones(5)), "torch.ones_like(scores)"),
        (lambda: (leaf()[:1, :1] * 2).squeeze().backward(torch.ones(1)), "squeeze() takes away"),
        (lambda: [1.0, 2.0][4], "style_weights[i] belongs to style_layers[i]"),
        (lambda: X[torch.arange(5), torch.zeros(5, dtype=torch.int64)], "batch size"),
        (lambda: X.view(5, 3), "batch size"),
        (lambda: torch.stack([X[i] for i in range(5)]), "batch size"),
        (lambda: torch.autograd.grad(X.sum(), X), "requires_grad"),
        (backward_twice, "again before each"),
        (lambda: (leaf() * 2).backward(), "Sum the scores"),
        (lambda: leaf().add_(1), "detach().clone()"),
        (write_over, "written over"),
        (lambda: F.linear(X.double(), X), "two types"),
        (lambda: leaf().numpy(), "detach()"),
    ],
)
def test_what_torch_says_is_explained(mistake, words):
    with pytest.raises((RuntimeError, IndexError)) as caught:
        mistake()
    assert words in hints.of(f"{caught.type.__name__}: {caught.value}")


def test_what_is_not_known_is_left_alone():
    assert hints.of("ValueError: something of the student's own") == ""
