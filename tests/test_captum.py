"""The scripts' Captum halves (Sundararajan et al. 2017, Dhamdhere et al. 2018): what flows from a grey image to x."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from tests import compare, inputs, networks, sentences

pytestmark = pytest.mark.captum
LAYER = "features.7"
READ = "the TODO of the function, and Captum's page on the method: steps, baseline, target"


def along_the_way(model, layer, X, y, steps):
    """By the papers, at Captum's places of Gauss and Legendre: for each its weight, the layer, and both gradients."""
    kept = []
    handle = layer.register_forward_hook(lambda module, inputs, output: kept.append(output))
    for place, weight in zip(*np.polynomial.legendre.leggauss(steps)):
        x = ((place + 1) / 2 * torch.from_numpy(X)).requires_grad_()
        score = model(x)[range(len(X)), y].sum()
        to_pixels, to_layer = torch.autograd.grad(score, [x, kept[-1]])
        yield weight / 2, kept[-1].detach().numpy(), to_pixels.numpy(), to_layer.numpy()
    handle.remove()


def path_integral(model, layer, X, y):
    """Of the pixels (N, H, W), and through the layer (N, C, h, w), in as many steps as the handout has."""
    pixels = sum(weight * (to_pixels * X).sum(1) for weight, _, to_pixels, _ in along_the_way(model, layer, X, y, 32))
    way = list(along_the_way(model, layer, X, y, 10 + 1))
    return pixels, sum(to_layer * (after - before) for (_, before, _, to_layer), (_, after, _, _) in pairwise(way))


@pytest.fixture(scope="module")
def expected():
    X, y = inputs.noise(3, 3, 20, 26, dtype=np.float64), np.array([4, 0, 2])
    model = networks.build("tiny", "float64", seed=3)
    return X, y, *path_integral(model, model.get_submodule(LAYER), X, y)


@pytest.mark.points(1)
def test_integrated_gradients_are_those_of_the_paper(probe, expected):
    """The gradient, averaged along the way from the grey image, times the pixels, summed over the channels."""
    X, y, pixels, _ = expected
    mistakes = {
        sentences.SIGN_LOST: np.abs(pixels),
    }
    maps = probe("integrated_gradients", network="tiny", X=X, y=y, seed=3)["maps"]
    compare.assert_close("integrated gradients", maps, pixels, 0.1, mistakes, READ)


@pytest.mark.points(1)
def test_layer_conductance_is_that_of_the_paper(probe, expected):
    """What flows through each unit of the layer on the way from the grey image to this one."""
    X, y, _, through = expected
    maps = probe("layer_conductance", network="tiny", X=X, y=y, layer=LAYER, seed=3)["maps"]
    compare.assert_close("layer conductance", maps, through, 0.2, read=READ)


def test_a_neuron_responds_to_its_own_pixels_alone(probe, expected):
    """Guided backprop from one neuron is zero where the neuron cannot see, and not zero where it can."""
    X = expected[0]
    maps = probe("neuron_responses", network="tiny", X=X, neurons=[[0, 1, 1]] * 3, layer=LAYER, seed=3)["maps"]
    assert maps.shape == (3, 20, 26, 3)
    assert not maps[:, :, 20:].any() and maps[:, :12, :12].any()


# --- what the figures are drawn from: a shape that these let through would end the scripts ---


def test_saliency_by_captum_is_that_of_part_one(probe):
    """On three scenes and the embedded network, (N, H, W): the largest of the three channels."""
    X, y = inputs.scenes(), compare.references("saliency_map")["y"]
    maps = probe("captum_saliency", network="embedded", X=X, y=y)["maps"]
    compare.assert_stored("saliency by Captum", maps, "saliency_map", "maps", "the TODO of captum_saliency")


def test_guided_backprop_and_grad_cam_by_captum_are_those_of_part_two(probe):
    """On three scenes and the embedded network: `guided` (N, H, W, 3) and `cam` (N, H, W), stretched to [0, 1]."""
    X, y = inputs.scenes(), compare.references("gradcam")["y"]
    maps = probe("captum_maps", network="embedded", X=X, y=y, layer="features.12")
    read = "the TODO of captum_maps"
    compare.assert_stored("guided backprop by Captum", maps["guided"], "gradcam", "guided backprop", read)
    compare.assert_stored("Grad-CAM by Captum", maps["cam"], "gradcam", "Grad-CAM", read)


def test_guided_grad_cam_by_captum_is_their_product_but_for_the_kernel(probe):
    """`guided_cam` (N, H, W, 3): Captum enlarges the map with another bicubic kernel, which is 0.95 alike, or more."""
    X, y = inputs.scenes(), compare.references("gradcam")["y"]
    maps = probe("captum_maps", network="embedded", X=X, y=y, layer="features.12")
    compare.check_shape("Guided Grad-CAM by Captum", maps["guided_cam"], (3, 72, 88, 3))
    product = maps["cam"][..., None] * maps["guided"]
    for got, expected in zip(maps["guided_cam"], product):
        assert np.corrcoef(got.ravel(), expected.ravel())[0, 1] > 0.95


def test_the_evidence_of_a_layer_is_grad_cam_before_its_relu(probe):
    """`evidence` (N, h, w) of either sign: what is positive in it, at the image's size, is Grad-CAM."""
    from gradcam import as_cam

    X, y = inputs.scenes(), compare.references("gradcam")["y"]
    evidence = probe("layer_maps", network="embedded", X=X, y=y, layer="features.12")["evidence"]
    compare.check_shape("evidence", evidence, (3, 4, 5))
    assert (evidence < 0).any(), "expected evidence without Grad-CAM's ReLU"
    cam = as_cam(torch.from_numpy(evidence).clamp(min=0)[:, None], torch.from_numpy(X))
    compare.assert_stored("Grad-CAM of the evidence", cam, "gradcam", "Grad-CAM", "the TODO of layer_maps")


def test_the_activation_of_a_layer_is_its_output(probe, expected):
    """`activation` (N, C, h, w), of a layer in the middle."""
    X, y, *_ = expected
    activation = probe("layer_maps", network="tiny", X=X, y=y, layer=LAYER, seed=3)["activation"]
    features = networks.build("tiny", "float64", seed=3).features
    output = features[: int(LAYER.rpartition(".")[2]) + 1](torch.from_numpy(X)).numpy()
    compare.assert_close("activation", activation, output, 1e-6, read="the TODO of layer_maps")
