"""The chain rule by hand: as autograd has it for all that it knows, and a refusal of what it does not know."""

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models.squeezenet import Fire

from staff.references import chain_rule
from tests import inputs, networks


def every_kind():
    """In float64 and eval mode. One ReLU stands in two places, and poolings overlap and reach beyond the edge."""
    torch.manual_seed(0)
    relu = nn.ReLU()
    body = nn.Sequential(
        nn.Conv2d(3, 6, 3, stride=2, padding=(1, 2)),
        relu,
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Fire(6, 4, 5, 3),
        nn.Conv2d(8, 8, (1, 3), bias=False),
        relu,
        nn.MaxPool2d((2, 3), stride=(1, 2)),
        nn.Dropout(),
    )
    head = nn.Sequential(nn.Linear(8, 7, bias=False), nn.ReLU(), nn.Linear(7, 5))
    return nn.Sequential(body, nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(), head).double().eval()


def by_autograd(model, X, upstream):
    """Scores, the gradient of the pixels, and of each module's outputs and gradients, by name."""
    outputs = {}

    def keep(name):
        def hook(module, inputs, output):
            output.retain_grad()
            outputs.setdefault(name, []).append(output)

        return hook

    hooks = [module.register_forward_hook(keep(name)) for name, module in model.named_modules()]
    x = torch.from_numpy(X).requires_grad_()
    scores = model(x)
    scores.backward(torch.from_numpy(upstream(scores.detach().numpy())))
    for hook in hooks:
        hook.remove()
    return scores.detach().numpy(), x.grad.numpy(), outputs


@pytest.mark.parametrize("make", [every_kind, lambda: networks.build("deep", "float64")])
def test_the_walk_agrees_with_autograd(make):
    model, X = make(), inputs.noise(2, 3, 22, 27, dtype=np.float64)
    for module in model.modules():
        if isinstance(module, Fire | nn.ReLU):
            for each in module.modules():
                each.inplace = False  # else the ReLU's output would stand where the convolution's was
    upstream = chain_rule.one_hot([3, 1])
    scores, gradient, outputs = by_autograd(model, X, upstream)
    there = chain_rule.through(model, X, upstream)
    np.testing.assert_allclose(there.scores, scores, rtol=1e-10)
    np.testing.assert_allclose(there.gradient, gradient, rtol=1e-10, atol=1e-14)
    assert outputs.keys() <= there.outputs.keys() == there.gradients.keys(), "all have the names that PyTorch gives"
    for name, (output, *again) in outputs.items():
        if not again:  # else its second place has a name of its own in the walk
            np.testing.assert_allclose(there.outputs[name], output.detach(), rtol=1e-10, atol=1e-14, err_msg=name)
            np.testing.assert_allclose(there.gradients[name], output.grad, rtol=1e-10, atol=1e-14, err_msg=name)


def test_inside_fire_the_convolution_and_its_activation_have_their_own_names():
    there = chain_rule.through(every_kind(), inputs.noise(1, 3, 22, 27), np.ones_like)
    for convolution in ("squeeze", "expand1x1", "expand3x3"):
        before, after = (there.outputs[f"0.3.{convolution}{end}"] for end in ("", "_activation"))
        assert before.min() < 0 and np.array_equal(after, np.maximum(before, 0))


class Doubled(nn.Sequential):
    def forward(self, x):
        return super().forward(2 * x)


@pytest.mark.parametrize(
    "module",
    [
        nn.Conv2d(3, 3, 3, dilation=2),
        nn.Conv2d(3, 3, 3, groups=3),
        nn.Conv2d(3, 3, 3, padding=1, padding_mode="reflect"),
        nn.Conv2d(3, 3, 3, padding="same"),
        nn.MaxPool2d(3, padding=1),
        nn.MaxPool2d(3, dilation=2),
        nn.MaxPool2d(3, return_indices=True),
        nn.AdaptiveAvgPool2d(2),
        nn.AdaptiveAvgPool2d((1, 2)),
        nn.AdaptiveAvgPool2d((1, None)),
        nn.Flatten(2),
        nn.Flatten(1, 2),
    ],
    ids=str,
)
def test_settings_that_the_walk_does_not_know_are_refused(module):
    with pytest.raises(ValueError) as caught:
        chain_rule.scores(nn.Sequential(nn.ReLU(), module).eval(), np.ones((1, 3, 8, 8)))
    assert str(caught.value) == f"expected settings that SqueezeNet has, got {module} at '1': add its rule here"


@pytest.mark.parametrize(
    "module",
    [nn.AvgPool2d(2), nn.LeakyReLU(), nn.ReLU6(), nn.BatchNorm2d(3), nn.LazyConv2d(3, 1), nn.Dropout2d(), Doubled()],
    ids=lambda module: type(module).__name__,
)
def test_kinds_of_modules_that_the_walk_does_not_know_are_refused(module):
    """Also those that are made from a kind that it knows: they may do something else."""
    message = (
        f"^expected a kind of module that SqueezeNet has, got {type(module).__name__} at 'last': add its rule here$"
    )
    model = nn.Sequential()
    model.add_module("last", module)
    with pytest.raises(TypeError, match=message):
        chain_rule.scores(model.eval(), np.ones((1, 3, 8, 8)))


def test_a_network_that_says_itself_what_comes_when_is_refused():
    """Its modules need not work one after the other."""
    with pytest.raises(TypeError, match=r"^expected a kind of module that SqueezeNet has, got Functional at '': add"):
        chain_rule.scores(networks.build("functional", "float64"), np.ones((1, 3, 8, 8)))


def test_training_mode_is_refused():
    message = r"^expected a network in eval mode, got training mode at '0': call eval\(\)$"
    with pytest.raises(ValueError, match=message):
        chain_rule.scores(nn.Sequential(nn.Dropout()).train(), np.ones((1, 3, 8, 8)))
