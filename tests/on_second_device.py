# STAFF
"""Tests on a device that is not the CPU: no operation mixes devices, and loops do not wait for numbers.

`test_second_device.py` runs them in a process of their own: a device must be there before the first backward pass.
"""

import copy

import numpy as np
import pytest
import torch

import class_visualization
import fooling_image
import gradcam
import pretrained
import saliency_map
import style_transfer
from image_utils import preprocess
from labs.lab import as_batch
from style_modules import ContentLoss, StyleLoss, TotalVariationLoss
from style_utils import features_from_img
from tests import inputs
from tests.second_device import NAME, counted, install
from visualizers import ClassVisualization, FoolingImage, GradCam, SaliencyMap


@pytest.fixture(scope="module", autouse=True)
def card():
    install()


@pytest.fixture(scope="module")
def here():
    """The embedded network on the CPU, in the memory layout that it has on the card."""
    source = copy.copy(pretrained.load("embedded", "cpu"))
    source.model.to(memory_format=torch.contiguous_format)
    return source


@pytest.fixture(scope="module")
def there(card):
    return pretrained.load("embedded", NAME)


def both(here, there, method, N=2):
    """Return what the method gives on the CPU and on the card, as numpy, and what was counted on the card."""
    X, y = as_batch(here.images[:N], here), torch.from_numpy(here.labels[:N])
    expected = method(X, y, here.model)
    with counted() as counts:
        got = method(X.to(NAME), y.to(NAME), there.model)
    return [np.asarray(a.detach().cpu() if torch.is_tensor(a) else a) for a in (got, expected)] + [dict(counts)]


# --- the device itself ---


def test_devices_are_not_mixed():
    """An addition across devices raises as CUDA's does; a number of the CPU may stand beside a tensor of the card."""
    x = torch.ones(3, device=NAME)
    with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
        x + torch.ones(3)
    assert (x + torch.tensor(1.0)).tolist() == [2, 2, 2]


def test_what_crosses_is_counted():
    with counted() as counts:
        x = torch.ones(3).to(NAME)
        x.sum().item()
        x.cpu()
    assert counts == {"to the card": 1, "item": 1, "to the CPU": 1}


def test_the_card_computes_gradients_and_refuses_numpy_and_generators_of_the_cpu():
    x = torch.arange(3.0).to(NAME).requires_grad_()
    (x * x).sum().backward()
    assert x.grad.device.type == NAME and x.grad.tolist() == [0, 2, 4]
    with pytest.raises(RuntimeError, match=r"\.numpy\(\) is not supported"):
        torch.ones(3, device=NAME).numpy()
    with pytest.raises(RuntimeError, match="Expected a 'card' device type for generator"):
        torch.randn(3, device=NAME, generator=torch.Generator())


# --- the assignment on it ---

MAPS = {
    "saliency": lambda X, y, model: SaliencyMap().compute_saliency_maps(X, y, model),
    "guided backprop": lambda X, y, model: GradCam().guided_backprop(X, y, model),
    "Grad-CAM": lambda X, y, model: GradCam().grad_cam(X, y, model),
    "integrated gradients": saliency_map.integrated_gradients,
    "Captum's saliency": saliency_map.captum_saliency,
    "Captum's Guided Grad-CAM": lambda X, y, model: gradcam.captum_maps(X, y, model, model.features[12])[2],
}


@pytest.mark.parametrize("name", MAPS)
def test_maps_on_the_card_are_those_of_the_cpu(here, there, name):
    """Equal but for rounding; copies and waits are few, and as many for three images as for one.

    Captum's methods count differently, and its integrated gradients cross once for each piece of their path.
    """
    got, expected, counts = both(here, there, MAPS[name], 1)
    assert got.shape == expected.shape
    assert np.abs(got - expected).max() < 1e-4 * np.abs(expected).max()
    assert sum(counts.values()) <= {"integrated gradients": 60}.get(name, 20), counts
    if name in ("saliency", "guided backprop", "Grad-CAM"):
        assert both(here, there, MAPS[name], 3)[2] == counts


def test_a_fooling_image_waits_twice_a_step(here, there):
    """Each step asks what the network says and whether the norm is zero; nothing else leaves the card."""
    method = FoolingImage()
    got, expected, counts = both(here, there, lambda X, y, model: method.make_fooling_image(X, 5, model), N=1)
    assert np.abs(got - expected).max() < 1e-2
    assert counts.pop("item") <= 4 + 2 * method.steps and sum(counts.values()) <= 4


def test_a_class_picture_waits_once_a_step(here, there):
    """The picture of the same seed is the same, though its noise is drawn on the CPU."""

    def draw(X, y, model, steps=6):
        make = ClassVisualization().create_class_visualization
        return make(3, here.class_names, model, None, num_iterations=steps, generate_plots=False)

    got, expected, counts = both(here, there, draw)
    assert np.abs(got.astype(int) - expected.astype(int)).max() <= 2
    more = both(here, there, lambda X, y, model: draw(X, y, model, 12))[2]
    assert more["item"] - counts["item"] <= 6 and more["to the CPU"] == counts["to the CPU"]


def test_losses_on_the_card_are_those_of_the_cpu(here, there):
    image = torch.from_numpy(inputs.normalise(inputs.picture("town", 64, 80)))
    features = [torch.rand(1, 4, 5, 6), torch.rand(1, 3, 4, 4)]
    grams = [StyleLoss().gram_matrix(f + 1) for f in features]
    losses = (
        lambda move: ContentLoss()(2.0, move(features[0]), move(features[0]) + 1),
        lambda move: StyleLoss()([move(f) for f in features], [0, 1], [move(g) for g in grams], [2.0, 3.0]),
        lambda move: TotalVariationLoss()(move(image), 0.5),
    )
    for loss in losses:
        with counted() as counts:
            got = loss(lambda x: x.to(NAME))
        assert set(counts) == {"to the card"}
        torch.testing.assert_close(got.cpu(), loss(lambda x: x))


def test_features_of_a_picture_are_read_on_the_card(there):
    features, image = features_from_img(inputs.path("town"), 64, there.model.features)
    assert image.device.type == NAME and {f.device.type for f in features} == {NAME}


@pytest.mark.parametrize(
    ("script", "options"),
    [
        (saliency_map, []),
        (gradcam, []),
        (fooling_image, []),
        (class_visualization, ["--iterations", "2"]),
        (style_transfer, ["--iterations", "2"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_script_runs_on_the_card(script, options, tmp_path):
    """All figures are written, though no number may be read where it lies."""
    pictures = script.main(["--weights", "embedded", "--device", NAME, "--out", str(tmp_path), *options])
    assert pictures and all(picture.path.exists() for picture in pictures)


def test_a_picture_comes_to_the_card_normalised():
    """`preprocess` gives a tensor of the CPU, to be moved at once."""
    from PIL import Image

    x = preprocess(Image.new("RGB", (300, 260))).to(NAME)
    assert x.device.type == NAME and x.shape[:2] == (1, 3)
