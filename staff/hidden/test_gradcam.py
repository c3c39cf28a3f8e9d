from functools import partial

import numpy as np
import pytest

from staff.hidden import drawing
from staff.references import gradcam
from tests import compare
from tests.test_gradcam import custom_relu_mistakes, telling_apart

READ_RELU = "CustomReLU.backward: dout * 1[x > 0] * 1[dout > 0]"
READ_GUIDED = "GradCam.guided_backprop: the gradient of the score, with CustomReLU for every ReLU, as (N, H, W, 3)"
READ_CAM = "GradCam.grad_cam: weights are the mean gradients of features[12]; ReLU(their sum with its output)"


@pytest.mark.guided_backprop
@pytest.mark.points(2)
def test_custom_relu_of_drawn_numbers(probe, rng):
    """Backward, dout passes where x > 0 and dout > 0, whatever the shape."""
    shape = tuple(rng.integers(3, 7, rng.integers(2, 5)).tolist())
    x, dout = (rng.standard_normal(shape).astype(np.float32) for _ in range(2))
    expected = dout * (x > 0) * (dout > 0)
    out = probe("custom_relu", x=x, upstream=dout)
    wrong = partial(custom_relu_mistakes, x, dout)
    drawing.judge("the gradient", out["gradient"], expected, 1e-6, wrong, READ_RELU)
    drawing.judge("the output", out["output"], np.maximum(x, 0), 1e-6, read="CustomReLU.forward is given")


@pytest.mark.guided_backprop
@pytest.mark.points(3)
@pytest.mark.parametrize(("count", "name"), [(1, "embedded"), (2, "squeezenet"), (7, "tiny")], ids=drawing.in_words)
def test_guided_backprop_of_drawn_images(probe, rng, count, name):
    """Other images, classes, sizes and networks than the public tests'."""
    functions = gradcam.guided_backprop, gradcam.guided_backprop_mistakes
    asked = drawing.draw_maps(rng, "guided_backprop", name, count, *functions)
    out = probe(asked.probe, **asked.arguments)
    with telling_apart(out, drawing.build(asked.network)):
        asked.judge("maps", "guided backprop", out["maps"], READ_GUIDED)


@pytest.mark.gradcam
@pytest.mark.points(3)
@pytest.mark.parametrize(("count", "name"), [(1, "squeezenet"), (2, "deep"), (7, "embedded")], ids=drawing.in_words)
def test_grad_cam_of_drawn_images(probe, rng, count, name):
    """Other images, classes, sizes and networks than the public tests'; stretched by themselves or all together."""
    functions = gradcam.grad_cam, gradcam.grad_cam_mistakes
    asked = drawing.draw_maps(rng, "grad_cam", name, count, *functions, drawing.TOLERANCE)
    maps = probe(asked.probe, **asked.arguments)["maps"]
    compare.check_cam(maps, lambda maps: asked.judge("maps", "Grad-CAM", maps, READ_CAM))


@pytest.mark.gradcam
@pytest.mark.points(2)
def test_guided_grad_cam_of_drawn_images(probe, rng):
    """Grad-CAM times guided backprop, pixel by pixel, of two images; the latter, tested above, is our own."""
    functions = gradcam.guided_grad_cam, gradcam.guided_grad_cam_mistakes
    asked = drawing.draw_maps(rng, "grad_cam", "squeezenet", 2, *functions)
    cam, expected = probe(asked.probe, **asked.arguments)["maps"], asked.answers["maps"]
    compare.check_shape("Grad-CAM", cam, expected.shape[:3])
    back = gradcam.guided_backprop(drawing.build(asked.network), asked.arguments["X"], asked.arguments["y"])
    asked.judge("maps", "Guided Grad-CAM", compare.stretch(cam)[..., None] * back, READ_CAM)
