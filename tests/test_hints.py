# STAFF
"""Errors in students' code are answered with a sentence of help."""

import warnings

import pytest
import torch
from captum.attr import Saliency
from torch.nn import functional as F

import gradcam
from figures import script
from style_modules import TotalVariationLoss
from tests import hints

X = torch.ones(2, 3)


def leaf():
    return X.clone().requires_grad_()


def backward_twice():
    total = (leaf() ** 2).sum()
    total.backward()
    total.backward()


def grad_of_a_copy():
    copy = leaf().clone()
    copy.sum().backward()
    return copy.grad.norm()


def mask():
    Masked.apply(leaf()).sum().backward()


class Masked(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x + 0

    @staticmethod
    def backward(ctx, dout):
        return dout[:1]


class CustomReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x


def write_over():
    y = leaf().exp()
    y.mul_(2)
    y.sum().backward()


def step_between():
    x = leaf()
    losses = (x**2).sum(), (x**3).sum()
    for loss in losses:
        loss.backward()
        torch.optim.Adam([x]).step()


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
        (lambda: leaf().view(-1).sub_(1), "a - b instead of a -= b"),
        (write_over, "a - b instead of a -= b"),
        (step_between, "step once"),
        (lambda: torch.optim.Adam([leaf() * 2]), "stay the tensor that the optimizer was made with"),
        (lambda: (leaf() // 2).sum().backward(), "divide by /"),
        (lambda: F.linear(X.double(), X), "two types"),
        (lambda: leaf().numpy(), "detach()"),
        (grad_of_a_copy, "Something is None"),
        (lambda: X.max(dim=1).abs(), "values and indices"),
        (lambda: torch.autograd.grad(leaf().sum(), leaf()), "that very tensor"),
        (lambda: X.sum()(X), "another name"),
        (lambda: CustomReLU.forward(X), "CustomReLU.apply"),
        (lambda: len(X[:1, :1].squeeze()), "squeeze() takes away"),
        (lambda: X[:1, :1].squeeze().shape[0], "squeeze() takes away"),
        (lambda: X[:1, :1].squeeze()[0], "squeeze() takes away"),
        (lambda: TotalVariationLoss()(2e-2, X), "another order"),
        (lambda: F.smooth_l1_loss(X, 3), "style_loss(feats, style_layers, style_targets"),
        (lambda: X.numpy().detach(), "NumPy array"),
        (lambda: F.interpolate([X])[:, None], "A list"),
        (lambda: torch.roll(X.numpy(), 1), "NumPy array"),
        (lambda: F.interpolate(X[None, None], size=(4, 4, 4)), "leave keepdim=True out"),
        (lambda: X.mean(dim=1) * torch.ones(2, 3), "keepdim=True"),
        (lambda: 1 if X > 0 else 0, "join masks by"),
        (lambda: F.conv2d(torch.ones(1, 6, 4, 4), torch.ones(2, 3, 3, 3)), "X[i : i + 1] keeps it"),
        (lambda: Saliency(torch.nn.Identity())(X), "Captum's methods are objects"),
        (mask, "multiply by the mask"),
        (lambda: torch.cat([(X, X)]), "return_convergence_delta=True gives two"),
        (lambda: gradcam.as_images(X[:1, :1, None].expand(3, 4, 4)), "squeeze() takes away every axis of one"),
    ],
)
def test_what_torch_says_is_explained(mistake, words):
    kinds = RuntimeError, IndexError, AttributeError, TypeError, ValueError, script.UserError
    with warnings.catch_warnings(), pytest.raises(kinds) as caught:
        warnings.simplefilter("ignore")  # PyTorch's own, of .grad of a copy
        mistake()
    assert words in hints.of(f"{caught.type.__name__}: {caught.value}")


def test_a_loop_that_shows_no_picture_is_explained():
    trace = "    visualizers/class_visualization.py, line 110: return shown[-1][1]"
    assert "without break or continue" in hints.of("IndexError: list index out of range", trace)


def test_a_network_without_a_graphics_card_is_explained():
    assert "X.device" in hints.of("RuntimeError: Found no NVIDIA driver on your system. Please check that you have")


@pytest.mark.parametrize(
    "error",
    [
        "ImportError: cannot import name 'SaliencyMap' from 'visualizers.saliency_map' (saliency_map.py)",
        "ModuleNotFoundError: No module named 'visualizers.saliency_map'",
        "ImportError: cannot import name 'layer_maps' from 'gradcam' (gradcam.py)",
    ],
)
def test_a_name_that_is_gone_is_explained(error):
    assert "keep the names that they were handed out with" in hints.of(error)
    assert "handout's packages" in hints.of("ModuleNotFoundError: No module named 'tensorflow'")


def test_what_is_not_known_is_left_alone():
    assert hints.of("ValueError: something of the student's own") == ""


@pytest.mark.parametrize(
    ("file", "words"), [("style_utils.py", "optimizer.step(), in this order"), ("fooling_image.py", "a -= b")]
)
def test_what_is_written_over_is_explained_by_the_file(file, words):
    error = "RuntimeError: one of the variables needed for gradient computation was modified by an inplace operation"
    assert words in hints.of(error, f"{file}, line 12: loss.backward()")


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("visualizers/gradcam.py", "Weights are (N, C, 1, 1)"),
        ("gradcam.py", "X[i : i + 1] keeps it"),
        ("style_modules/tv_loss.py", "Square and sum each by itself"),
        ("style_utils.py", "picks those of style_layers itself"),
        ("tests/inputs.py", "Is it the gradient or the features of another"),
    ],
)
def test_what_does_not_fit_is_explained_by_the_file(file, words):
    """The innermost of the student's lines decides."""
    error = "RuntimeError: The size of tensor a (6) must match the size of tensor b (22) at non-singleton dimension 3"
    assert words in hints.of(error, f"style_modules/style_loss.py, line 2: a()\n    {file}, line 21: a + b")


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("gradcam.py", "Only NeuronGuidedBackprop(model, layer) takes a neuron"),
        ("saliency_map.py", "`target` is a class, y as it is"),
        ("visualizers/saliency_map.py", "scores[0, target_y]"),
    ],
)
def test_an_index_that_is_too_large_is_explained_by_the_file(file, words):
    error = "IndexError: index 5 is out of bounds for dimension 1 with size 5"
    assert words in hints.of(error, f"    {file}, line 284: method.attribute(X, target=channel)")
