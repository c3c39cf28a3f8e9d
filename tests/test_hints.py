# STAFF
"""Errors in students' code are answered with a sentence of help."""

import pytest
import torch
from torch.nn import functional as F

from tests import hints

X = torch.ones(2, 3)


def batch_size():
    return X[torch.arange(5), torch.zeros(5, dtype=torch.int64)]


def shapes():
    return X.view(5, 3)


def labels():
    return torch.stack([X[i] for i in range(5)])


def no_gradient():
    return torch.autograd.grad(X.sum(), X)


def twice():
    x = X.clone().requires_grad_()
    total = (x**2).sum()
    total.backward()
    total.backward()


def not_a_scalar():
    (X.clone().requires_grad_() * 2).backward()


def leaf():
    X.clone().requires_grad_().add_(1)


def in_place():
    x = X.clone().requires_grad_()
    y = x.exp()
    y.mul_(2)
    y.sum().backward()


def dtypes():
    return F.linear(X.double(), X)


def numpy():
    return X.clone().requires_grad_().numpy()


def ones_of_five():
    (X.clone().requires_grad_() * 2).sum(1).backward(torch.ones(5))


def squeezed():
    (X[:1, :1].clone().requires_grad_() * 2).squeeze().backward(torch.ones(1))


def weights_by_layer():
    return [1.0, 2.0][4]


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        (ones_of_five, "torch.ones_like(scores)"),
        (squeezed, "squeeze() takes away"),
        (weights_by_layer, "style_weights[i] belongs to style_layers[i]"),
        (batch_size, "batch size"),
        (shapes, "batch size"),
        (labels, "batch size"),
        (no_gradient, "requires_grad"),
        (twice, "again before each"),
        (not_a_scalar, "Sum the scores"),
        (leaf, "detach().clone()"),
        (in_place, "written over"),
        (dtypes, "two types"),
        (numpy, "detach()"),
    ],
)
def test_what_torch_says_is_explained(mistake, words):
    with pytest.raises((RuntimeError, IndexError)) as caught:
        mistake()
    assert words in hints.of(f"{caught.type.__name__}: {caught.value}")


def test_what_is_not_known_is_left_alone():
    assert hints.of("ValueError: something of the student's own") == ""
