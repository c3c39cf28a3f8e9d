# STAFF
"""Parts that give something of the wrong shape: the scripts say what was expected, in one sentence."""

import re

import numpy as np
import pytest
import torch

import fooling_image
import gradcam
import saliency_map
import style_transfer
from figures import script
from figures.images import Images, output_size
from visualizers import FoolingImage, GradCam, SaliencyMap

pytestmark = pytest.mark.scripts
N, H, W = 2, 224, 224


@pytest.fixture
def right(monkeypatch):
    """The halves, replaced by quick ones that give zeros of the right shapes."""
    images, maps, layer = np.zeros((N, H, W, 3)), np.zeros((N, H, W)), torch.zeros(N, 512, 13, 13)
    monkeypatch.setattr(saliency_map, "captum_saliency", lambda X, y, model: maps)
    monkeypatch.setattr(saliency_map, "integrated_gradients", lambda X, y, model: maps)
    monkeypatch.setattr(gradcam, "captum_maps", lambda X, y, model, layer: (images, maps, images))
    monkeypatch.setattr(gradcam, "layer_maps", lambda X, y, model, module: (layer[:, 0], layer))
    monkeypatch.setattr(gradcam, "layer_conductance", lambda X, y, model, module: layer)
    monkeypatch.setattr(gradcam, "neuron_responses", lambda X, neurons, model, layer: images)


@pytest.fixture
def said(source, tmp_path):
    """Run a script, and return how it ends."""

    def run(module):
        with pytest.raises(SystemExit) as ended:
            script.run(lambda: module.main(["--num", str(N), "--out", str(tmp_path)], source))
        return ended.value.code

    return run


@pytest.mark.parametrize("module", [saliency_map, gradcam])
def test_right_shapes_pass(module, right, said):
    """Whatever is in the maps: zeros, as arrays and as tensors."""
    assert said(module) == 0


ARRAY = "expected <lambda> to give an array or a tensor with a map for each of 2 images, "
CHANNELS, IMAGES, MAPS = np.zeros((N, 3, H, W)), np.zeros((N, H, W, 3)), np.zeros((N, H, W))
SMALL, LAYER = torch.zeros(N, 13, 13), torch.zeros(N, 512, 13, 13)


def tell(module, name, gives, monkeypatch, said):
    """Let the half of this name give this, and return the sentence of the script, which draws nothing before."""
    monkeypatch.setattr(module, name, lambda *_: gives)
    monkeypatch.setattr(Images, "draw", lambda images, rows, name, heading: images.path(name))
    sentence = said(module)
    assert sentence.startswith("error: ") and "\n" not in sentence
    return sentence


@pytest.mark.parametrize(
    "name, gives, what, shape, got",
    [
        ("captum_saliency", CHANNELS, "saliency", (H, W), (3, H, W)),
        ("integrated_gradients", CHANNELS, "integrated gradients", (H, W), (3, H, W)),
        ("captum_maps", (CHANNELS, MAPS, IMAGES), "`guided`", (H, W, 3), (3, H, W)),
        ("captum_maps", (IMAGES, SMALL, IMAGES), "`cam`", (H, W), (13, 13)),
        ("captum_maps", (IMAGES, MAPS, MAPS), "`guided_cam`", (H, W, 3), (H, W)),
        ("layer_maps", (SMALL[:, None], LAYER), "`evidence`", (13, 13), (1, 13, 13)),
        ("layer_maps", (SMALL, SMALL), "`activation`", (512, 13, 13), (13, 13)),
        ("layer_conductance", SMALL, "conductance", (512, 13, 13), (13, 13)),
        ("neuron_responses", CHANNELS, "the pixels of a neuron", (H, W, 3), (3, H, W)),
    ],
)
def test_a_wrong_shape_is_told_in_one_sentence(name, gives, what, shape, got, right, said, monkeypatch):
    module = saliency_map if hasattr(saliency_map, name) else gradcam
    words = f"expected {what} of shape {shape} for each image, got {got}: see the docstring of <lambda>"
    assert words in tell(module, name, gives, monkeypatch, said)


@pytest.mark.parametrize(
    "owner, name, gives, what, shape, got",
    [
        (SaliencyMap, "compute_saliency_maps", CHANNELS, "saliency", (H, W), (3, H, W)),
        (GradCam, "guided_backprop", CHANNELS, "guided backprop", (H, W, 3), (3, H, W)),
        (GradCam, "grad_cam", SMALL, "Grad-CAM", (H, W), (13, 13)),
    ],
)
def test_a_wrong_shape_of_a_method_is_told_in_one_sentence(owner, name, gives, what, shape, got, said, monkeypatch):
    monkeypatch.setattr(owner, name, lambda *_: gives)
    words = f"error: expected {what} of shape {shape} for each image, got {got}: see the docstring of <lambda>"
    assert said(saliency_map if owner is SaliencyMap else gradcam) == words


@pytest.mark.parametrize(
    "gives, words",
    [
        (lambda X: X.zero_(), "expected <lambda> to leave its images as they are, got others: let it work on X.cl"),
        (lambda X: X[0], "expected a tensor of shape (1, 3, 224, 224) from make_fooling_image, got the shape (3, 224,"),
        (lambda X: None, "expected a tensor of shape (1, 3, 224, 224) from make_fooling_image, got a NoneType: see"),
    ],
)
def test_what_is_no_fooling_image_is_told_in_one_sentence(gives, words, source, monkeypatch):
    """One that is written over the image that it began with would show no difference."""
    monkeypatch.setattr(FoolingImage, "make_fooling_image", lambda self, X, target, model: gives(X))
    with pytest.raises(script.UserError, match=f"^{re.escape(words)}"):
        fooling_image.main([], source)


@pytest.mark.parametrize("gives, came", [(1.0, "a float"), (torch.zeros(2), r"the shape \(2,\)")])
def test_a_loss_that_is_no_tensor_of_one_number_is_told_in_one_sentence(gives, came):
    words = rf"expected Content Loss as a tensor of shape \(\), got {came}: see its docstring"
    with pytest.raises(script.UserError, match=words):
        style_transfer.report("Content Loss", gives, np.array(1.0))


@pytest.mark.parametrize(
    "name, gives, words",
    [
        ("captum_saliency", MAPS[0], "with a map for each of 2 images, got 224 of shape (224,): see"),
        ("captum_saliency", None, ARRAY + "got a NoneType: see"),
        ("captum_saliency", torch.tensor(1.0), "got a single number: see"),
        ("captum_saliency", MAPS + np.nan, "expected finite numbers from <lambda>, got NaN or infinity: is there"),
        ("integrated_gradients", [MAPS[0]] * N, "got a list: see"),
        ("captum_saliency", (MAPS, MAPS), "expected <lambda> to give one thing, got 2 things: see its docstring"),
        ("captum_maps", IMAGES, f"expected <lambda> to give 3 things, got the shape {IMAGES.shape}: see its docstring"),
        ("layer_maps", [SMALL, LAYER, SMALL], "expected <lambda> to give 2 things, got 3 things: see its docstring"),
        ("layer_maps", None, "expected <lambda> to give 2 things, got a NoneType: see its docstring"),
        ("neuron_responses", IMAGES[:1], "for each of 2 images, got 1 of shape (224, 224, 3): see"),
    ],
)
def test_what_are_no_maps_is_told_in_one_sentence(name, gives, words, right, said, monkeypatch):
    module = saliency_map if hasattr(saliency_map, name) else gradcam
    assert words in tell(module, name, gives, monkeypatch, said)


def test_captums_maps_are_wanted_as_it_gives_them():
    """as_images and as_cam say which axes they want."""
    with pytest.raises(script.UserError, match=r"expected \(N, 3, H, W\) in as_images, got \(2, 8, 9\): take it as"):
        gradcam.as_images(torch.zeros(2, 8, 9))
    with pytest.raises(script.UserError, match=r"expected \(N, 1, h, w\) in as_cam, got \(2, 4, 4\): take it as"):
        gradcam.as_cam(torch.zeros(2, 4, 4), torch.zeros(2, 3, 8, 8))


def test_the_size_of_a_layers_output(source):
    """(C, h, w) at whatever size the image has; nothing for what is not called, and no hook is left."""
    x, model = torch.zeros(1, 3, 100, 224), source.model
    assert output_size(model.features[12], x, model) == (512, 6, 13)
    assert output_size(torch.nn.ReLU(), x, model) == ()
    assert not model.features[12]._forward_hooks
    vector = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.LSTM(6, 2))
    assert output_size(vector[0], torch.zeros(1, 3, 1, 2), vector) == (6,)
    assert output_size(vector[1], torch.zeros(1, 3, 1, 2), vector) == ()
