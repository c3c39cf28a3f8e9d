"""Maps from shared passes are those of the separate ones, ours and Captum's; staff's, as it holds the solutions."""

import pytest
import torch
from captum.attr import GuidedBackprop, IntegratedGradients, LayerConductance, LayerGradCam, Saliency
from torch import nn
from torch.nn import functional as F

from staff.engine.explain import METHODS, explain
from staff.handout import contents
from tests import compare, inputs, networks
from tests.probes.facts import differences, snapshot
from visualizers import GradCam, SaliencyMap

FOUR = METHODS[:4]
TINY = {"layer": "features.7", "steps": 10}

pytestmark = pytest.mark.filterwarnings("ignore:nothing in image")  # labels here are any


def noise(*shape):
    return torch.from_numpy(inputs.noise(*shape))


def separately(X, y, model, layer="features.12"):
    """What the classes of the assignment give, one call after the other."""
    guided = torch.from_numpy(GradCam(layer).guided_backprop(X, y, model))
    cam = torch.from_numpy(GradCam(layer).grad_cam(X, y, model))
    return {
        "saliency": SaliencyMap().compute_saliency_maps(X, y, model),
        "guided_backprop": guided,
        "grad_cam": cam,
        "guided_grad_cam": cam[..., None] * guided,
    }


# --- the same numbers ---


@pytest.mark.parametrize("network", ["embedded", "tiny", "deep"])
def test_shared_passes_give_what_separate_ones_give_bit_by_bit(network, y):
    """On images that lie as the engine lays them, the channels last: nothing but the sharing is new."""
    X = noise(3, 3, 64, 64).contiguous(memory_format=torch.channels_last)
    model = networks.build(network)
    together, apart = explain(X, y, model), separately(X, y, model)
    assert list(together) == list(FOUR)
    for name in FOUR:
        assert torch.equal(together[name], apart[name]), name


def test_how_the_images_lie_in_memory_hardly_matters(X, y):
    model = networks.build("embedded")
    together, apart = explain(X, y, model), separately(X, y, model)
    for name in FOUR:
        compare.assert_close(name, together[name], apart[name], 1e-4)


@pytest.mark.parametrize(
    "methods", [[name] for name in FOUR] + [["grad_cam", "saliency"], ["guided_grad_cam", "saliency"]]
)
def test_each_method_alone_gives_the_same(methods, X, y):
    model = networks.build("embedded")
    everything = explain(X, y, model)
    some = explain(X, y, model, methods)
    assert set(some) == set(methods)
    for name in methods:
        compare.assert_close(name, some[name], everything[name], 1e-6)


def test_captum_gives_the_same(X, y):
    """Saliency, guided backprop, Grad-CAM with its ReLU, integrated gradients and conductance, to 1e-4 or better."""
    model = networks.build("embedded")
    layer, steps = "features.7", 10
    maps = explain(X, y, model, ["saliency", "guided_backprop", "grad_cam", *METHODS[4:]], layer, steps=steps)
    module = model.get_submodule(layer)
    small = LayerGradCam(model, module).attribute(X, y, relu_attributions=True)
    cam = F.interpolate(small, size=X.shape[2:], mode="bicubic", antialias=True)[:, 0]
    low, high = cam.amin((1, 2), keepdim=True), cam.amax((1, 2), keepdim=True)
    expected = {
        "saliency": Saliency(model).attribute(X, y).amax(1),
        "guided_backprop": GuidedBackprop(model).attribute(X, y).permute(0, 2, 3, 1),
        "grad_cam": (cam - low) / (high - low),
        "integrated_gradients": IntegratedGradients(model).attribute(X, target=y, n_steps=steps).permute(0, 2, 3, 1),
        "layer_conductance": LayerConductance(model, module).attribute(X, target=y, n_steps=steps),
    }
    for name, values in expected.items():
        compare.assert_close(name, maps[name], values.detach(), 1e-4)


@pytest.mark.parametrize("baseline", [0.5, torch.ones(3, 1, 1)], ids=["number", "colour"])
def test_the_path_may_begin_elsewhere(baseline, y):
    X, model = noise(3, 3, 20, 26), networks.build("tiny")
    maps = explain(X, y, model, METHODS[4:], **TINY, baseline=baseline)
    start, layer = torch.as_tensor(baseline).expand(X.shape).contiguous(), model.get_submodule("features.7")
    integrated = IntegratedGradients(model).attribute(X, start, target=y, n_steps=10).permute(0, 2, 3, 1)
    conducted = LayerConductance(model, layer).attribute(X, start, target=y, n_steps=10)
    compare.assert_close("integrated gradients", maps["integrated_gradients"], integrated.detach(), 1e-5)
    compare.assert_close("conductance", maps["layer_conductance"], conducted.detach(), 1e-5)


def test_integrated_gradients_add_up_to_the_difference_of_scores():
    X, y, model = noise(2, 3, 20, 26), torch.tensor([1, 3]), networks.build("tiny", "float64")
    maps = explain(X.double(), y, model, ["integrated_gradients"], steps=200)["integrated_gradients"]
    with torch.no_grad():
        rise = (model(X.double()) - model(torch.zeros_like(X).double())).gather(1, y[:, None])[:, 0]
    assert torch.allclose(maps.sum((1, 2, 3)), rise, rtol=0.01)


# --- several classes, chunks, layers ---


@pytest.mark.parametrize("methods", [FOUR, METHODS[4:]], ids=["gradients", "paths"])
def test_several_classes_are_as_each_alone(methods, y):
    X, model = noise(3, 3, 20, 26), networks.build("tiny")
    targets = torch.stack([y, (y + 1) % 5, y.flip(0)], dim=1)  # (N, T)
    maps = explain(X, targets, model, methods, **TINY)
    for t in range(3):
        for name, alone in explain(X, targets[:, t], model, methods, **TINY).items():
            compare.assert_close(f"{name}, class {t}", maps[name][:, t], alone, 1e-6)


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 100])
def test_chunks_change_nothing(chunk):
    """Whether the images, or the points of a path, go through the network at once or in parts, of whatever size."""
    X, y, model = noise(5, 3, 20, 26), torch.arange(5), networks.build("tiny")
    whole = explain(X, y, model, METHODS, **TINY)
    for name, parts in explain(X, y, model, METHODS, **TINY, chunk=chunk).items():
        compare.assert_close(name, parts, whole[name], 1e-5)


def test_the_network_never_sees_more_than_a_chunk():
    sizes, model = [], networks.build("tiny")
    model.register_forward_pre_hook(lambda module, given: sizes.append(len(given[0])))
    explain(noise(10, 3, 20, 26), torch.arange(10) % 5, model, METHODS, **TINY, chunk=4)
    assert max(sizes) == 4 and len(sizes) == 3 + 10 * 3 + 10 * 3


def test_four_maps_take_one_forward_and_two_backward_passes():
    calls, model = [], networks.build("tiny")
    model.register_forward_hook(lambda module, given, scores: calls.append("forward"))
    model.classifier.register_forward_hook(
        lambda module, given, output: output.register_hook(lambda gradient: calls.append("backward")) and None
    )
    explain(noise(4, 3, 20, 26), torch.arange(4), model)
    assert calls == ["forward", "backward", "backward"]


@pytest.mark.parametrize("layer", ["features.0", "features.3", "features.7", "features.12", "features.3.expand3x3"])
def test_any_layer_by_its_name(layer, X, y):
    """Also one that an in-place ReLU follows: what Grad-CAM reads is from before it."""
    model = networks.build("embedded")
    expected = GradCam(layer).grad_cam(X, y, model)
    for methods in (["grad_cam"], FOUR):
        compare.assert_close(layer, explain(X, y, model, methods, layer)["grad_cam"], expected, 1e-4)


# --- ReLUs of every kind ---


def test_relus_that_are_functions_are_guided():
    """As modules used twice, functions and methods, in place or not: all let through only what is positive."""
    X, y, model = noise(3, 3, 20, 26), torch.tensor([0, 3, 4]), networks.build("functional")
    maps = explain(X, y, model, FOUR, layer="convolutions.6")
    for name, expected in separately(X, y, model, "convolutions.6").items():
        compare.assert_close(name, maps[name], expected, 1e-5)


def test_a_relu_in_place_as_a_statement_counts():
    """x.relu_() changes x even where nobody takes what it returns."""

    class Statement(nn.Module):
        def __init__(self):
            super().__init__()
            self.features = networks.build("tiny").features

        def forward(self, x):
            x = self.features(x)
            x.relu_()
            return x.sum(1, keepdim=True).mean((2, 3))

    class Expression(Statement):
        def forward(self, x):
            return F.relu(self.features(x)).sum(1, keepdim=True).mean((2, 3))

    X, y = noise(3, 3, 20, 26), torch.tensor([0, 0, 0])
    maps, expected = (explain(X, y, model().eval(), FOUR) for model in (Statement, Expression))
    for name in FOUR:
        compare.assert_close(name, maps[name], expected[name], 1e-6)


# --- nothing is left behind ---


class Stop(Exception):
    pass


@pytest.mark.parametrize("when", ["never", "forward", "backward"])
def test_a_network_is_left_as_it_was(when, X, y):
    """Also after an exception from within: parameters, gradients, flags, modes, hooks, random state, ReLUs, input."""
    model = networks.build("embedded").requires_grad_(True).train()
    model.features[0].eval()
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)

    def stop(*_):
        raise Stop

    if when == "forward":
        model.classifier[1].register_forward_hook(stop)
    if when == "backward":
        model.classifier[1].register_forward_hook(lambda module, given, output: output.register_hook(stop) and None)
    given, before = X.clone(), snapshot(model)
    if when == "never":
        explain(X, y, model, METHODS, "features.7", steps=2)
    else:
        for methods in (FOUR, METHODS[4:5], METHODS[5:]):
            with pytest.raises(Stop):
                explain(X, y, model, methods, "features.7", steps=2)
    assert differences(before, snapshot(model)) == []
    assert torch.equal(X, given) and not X.requires_grad and X.grad is None
    x = torch.tensor([-1.0, 1.0], requires_grad=True)
    assert torch.autograd.grad(F.relu(x).sum(), x, -torch.ones(()))[0].tolist() == [0, -1]


@pytest.mark.parametrize("block", [torch.no_grad, torch.inference_mode])
def test_gradients_may_be_switched_off_around_the_call(block, X, y):
    model = networks.build("embedded")
    with block():
        maps = explain(X, y, model)
        assert not torch.is_grad_enabled()
    assert torch.equal(maps["saliency"], explain(X, y, model)["saliency"])
    assert not any(map.requires_grad for map in maps.values())


def test_images_that_require_gradients_get_none(X, y):
    X.requires_grad_()
    maps = explain(X, y, networks.build("embedded"), METHODS, "features.7", steps=2)
    assert X.requires_grad and X.grad is None and not any(map.requires_grad for map in maps.values())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_maps_have_the_images_type_and_size(dtype):
    maps = explain(
        noise(2, 3, 41, 67).to(dtype), torch.tensor([1, 2]), networks.build("tiny", str(dtype)[6:]), METHODS, **TINY
    )
    assert {name: tuple(map.shape) for name, map in maps.items()} == {
        "saliency": (2, 41, 67),
        "guided_backprop": (2, 41, 67, 3),
        "grad_cam": (2, 41, 67),
        "guided_grad_cam": (2, 41, 67, 3),
        "integrated_gradients": (2, 41, 67, 3),
        "layer_conductance": (2, 6, 11, 17),
    }
    assert {map.dtype for map in maps.values()} == {dtype}


# --- for staff ---


def test_students_do_not_get_it():
    assert "staff/engine/explain.py" not in contents.choose(contents.project_files())
