"""Saliency maps (Simonyan et al. 2014): the largest over the channels of |ds_y / dX|, s_y the score before softmax."""

import numpy as np
import pytest
import torch

from tests import compare, inputs, networks, sentences

pytestmark = pytest.mark.saliency
READ = "SaliencyMap.compute_saliency_maps: the score of each image's class, its gradient, |.|, the maximum over axis 1"


def captums(model, X, y):
    from captum.attr import Saliency

    images = torch.from_numpy(X).requires_grad_()
    return Saliency(model).attribute(images, target=torch.from_numpy(y)).amax(dim=1).detach().numpy()


@pytest.mark.points(3)
def test_saliency_of_the_sample_scenes(probe):
    """On three scenes and the embedded network the maps are those that were stored."""
    X, y = inputs.scenes(), compare.references("saliency_map")["y"]
    out = probe("saliency", network="embedded", X=X, y=y)
    compare.assert_stored("saliency", out["maps"], "saliency_map", "maps", READ, otherwise=inputs.name_training(out))


@pytest.mark.points(2)
def test_saliency_of_a_linear_network_is_the_largest_weight(probe):
    """If the score is a weighted sum of the pixels, a pixel's saliency is its largest weight, also in a second call."""
    network = {"network": "linear", "height": 5, "width": 7, "seed": 1}
    X, y = inputs.noise(4, 3, 5, 7), np.array([3, 0, 4, 3])
    weight = networks.build("linear", height=5, width=7, seed=1)[1].weight.numpy()[y].reshape(4, 3, 5, 7)
    mistakes = {
        sentences.CHANNELS_ADDED: np.abs(weight).sum(1),
        sentences.NO_ABSOLUTE_VALUE: weight.max(1),
    }
    out = probe("saliency", X=X, y=y, times=2, **network)
    compare.assert_again("saliency", out["first"], out["maps"], np.abs(weight).max(1), 1e-5, mistakes, READ)


@pytest.mark.points(2)
@pytest.mark.parametrize("count", [1, 7], ids=["1 image", "7 images"])
def test_saliency_of_an_image_does_not_depend_on_its_neighbours(probe, count):
    """Each of 1 or 7 images has the map that it has alone."""
    X, y = inputs.scenes((0, 3, 5, 7, 11, 17, 20)[:count], 64, 64), np.arange(count)
    alone = [captums(networks.build("embedded"), X[i : i + 1], y[i : i + 1]) for i in range(count)]
    maps = probe("saliency", network="embedded", X=X, y=y)["maps"]
    compare.assert_close("saliency", maps, np.concatenate(alone), 1e-2, read=READ)


@pytest.mark.points(1)
def test_saliency_of_another_network_in_double_precision(probe):
    """Another network, other sizes, float64: nothing in the code may be written for one of them alone."""
    X, y = inputs.noise(2, 3, 50, 70, dtype=np.float64), np.array([6, 2])
    network = {"network": "deep", "seed": 3, "classes": 7}
    maps = probe("saliency", X=X, y=y, **network)["maps"]
    expected = captums(networks.build("deep", "float64", seed=3, classes=7), X, y)
    compare.assert_close("saliency", maps, expected, 1e-6, read=READ)


def test_saliency_agrees_with_captum(probe):
    """Captum's Saliency keeps the channels apart; its maximum over them is ours, but for 1e-5 of the largest value."""
    X, y = inputs.scenes(), inputs.labels()
    expected = captums(networks.build("embedded"), X, y)
    maps = probe("saliency", network="embedded", X=X, y=y)["maps"]
    assert np.abs(maps - expected).max() <= 1e-5 * expected.max()


def test_saliency_leaves_its_images_as_they_were(probe):
    """X belongs to the caller: neither its numbers nor its requires_grad nor its .grad change."""
    inputs.check_left(probe("saliency", network="tiny", X=inputs.noise(2, 3, 24, 20), y=np.array([1, 2])))


def test_a_map_is_never_negative_and_looks_like_its_image(probe):
    out = probe("saliency", network="embedded", X=inputs.scenes(), y=inputs.labels())
    assert out["maps"].shape == (3, 72, 88) and out["maps"].min() >= 0
    assert out["calls"] == 1 and out["images"] == 3, "all images go through the network at once"


def test_a_dead_class_has_a_map_of_zeros_and_a_warning(probe):
    """The last ReLU of SqueezeNet can leave a class without any gradient: that is said, and nothing is divided by 0."""
    out = probe("saliency", network="positive", X=np.abs(inputs.noise(2, 3, 16, 16)), y=np.array([0, 1]))
    assert not out["maps"][1].any() and out["maps"][0].any()
    told = "the map of image [1] is zero: does the score of the asked class not depend on it (a dead class)?"
    assert out["warnings"] == told


def test_the_figure_is_written(tmp_path):
    """show_saliency_maps takes the pictures as they are, uint8, and says where the figure is."""
    from visualizers import SaliencyMap

    pixels = (255 * np.random.default_rng(0).random((2, 64, 64, 3))).astype(np.uint8)
    model, path = networks.build("tiny"), tmp_path / "maps.png"
    assert SaliencyMap().show_saliency_maps(pixels, [0, 1], list("abcde"), model, path) == path
    assert path.stat().st_size > 1000
