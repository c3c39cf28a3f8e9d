"""The original SqueezeNet 1.1: what is folded and scaled leaves its scores, and it knows what it sees."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import pretrained
from pretrained.downloads import course_file
from pretrained.networks import LITE, SQUEEZENET, find_network
from pretrained.original import SCALES, as_torchvision, read_pickle, rescale
from pretrained.packages import ORIGINAL, find_packaged
from pretrained.settings import STYLE_CHECKS
from pretrained.weights import build_network
from style_modules import ContentLoss, StyleLoss
from style_utils import extract_features, features_from_img
from tests.pretrained.world import COURSE_DATA, needs_course_data, normalise

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def layers():
    return read_pickle(find_packaged(ORIGINAL))


@pytest.fixture(scope="module")
def network(layers):
    """The network as the scripts have it."""
    return build_network(rescale(as_torchvision(layers)), find_packaged(ORIGINAL), CPU)


@pytest.fixture(scope="module")
def images():
    """Three photographs and noise, uint8 (4, 224, 224, 3)."""
    photographs = pretrained.photographs.read_photographs(pretrained.imagenet.class_names())[0][:3]
    noise = np.random.default_rng(0).integers(256, size=(1, 224, 224, 3), dtype=np.uint8)
    return np.concatenate([photographs, noise])


def plain_scores(layers, images):
    """The network as its authors wrote it, in float64: BGR from 0 to 255 less Caffe's mean, and nothing folded."""

    def convolution(x, name, **settings):
        kernel, bias = (torch.from_numpy(array.astype(np.float64)) for array in layers[name])
        return F.relu(F.conv2d(x, kernel.permute(3, 2, 0, 1), bias, **settings))

    x = torch.from_numpy(images[..., ::-1].astype(np.float64) - [103.939, 116.779, 123.68]).permute(0, 3, 1, 2)
    x = convolution(x, "conv1", stride=2)
    for fire in range(2, 10):
        if fire in (2, 4, 6):
            x = F.max_pool2d(x, 3, 2, ceil_mode=True)
        x = convolution(x, f"fire{fire}/squeeze1x1")
        x = torch.cat([convolution(x, f"fire{fire}/expand1x1"), convolution(x, f"fire{fire}/expand3x3", padding=1)], 1)
    return convolution(x, "conv10").mean(dim=(2, 3))


def test_fold_and_scaling_leave_the_scores(layers, network, images):
    """Torchvision's architecture on ImageNet-normalised images gives what a plain rewrite gives on BGR pixels."""
    expected = plain_scores(layers, images)
    with torch.no_grad():
        scores = network(normalise(images)).double()
    assert (scores - expected).abs().max() < 1e-5 * expected.max()
    assert torch.equal(scores.argmax(dim=1), expected.argmax(dim=1))


@pytest.mark.parametrize("scales", [{0: 1.0}, {0: 7.0}, {0: 3.0, 6: 0.25, 12: 100.0}, SCALES])
def test_scaling_divides_each_layers_outputs_and_leaves_the_scores(layers, images, scales):
    """Outputs of a module are divided by its number, or else by that of the one before; the scores are the same."""
    state, x = as_torchvision(layers), normalise(images[:1])
    plain, scaled = (build_network(rescale(state, s), find_packaged(ORIGINAL), CPU) for s in ({}, scales))
    with torch.no_grad():
        before, after = extract_features(x, plain.features), extract_features(x, scaled.features)
        scores = plain(x), scaled(x)
    divided = 1.0
    for index, (value, small) in enumerate(zip(before, after)):
        divided = scales.get(index, divided)
        assert (value - divided * small).abs().max() < 1e-5 * value.max(), f"features.{index}"
    assert (scores[0] - scores[1]).abs().max() < 1e-5 * scores[0].max()


def test_the_first_answers_are_what_the_photographs_show(network):
    """27 of 32: it takes the jeeps, the loafer, the dalmatian and a beetle for something else."""
    names = pretrained.imagenet.class_names()
    images, labels, problems = pretrained.photographs.read_photographs(names)
    with torch.no_grad():
        answers = network(normalise(images)).argmax(dim=1).tolist()
    wrong = {names[label] for answer, label in zip(answers, labels) if answer != label}
    assert wrong == {"jeep", "Loafer", "dalmatian", "dung beetle"} and not problems


@needs_course_data
@pytest.mark.parametrize("weights, model, first, five", [("original", SQUEEZENET, 13, 20), ("auto", LITE, 17, 23)])
def test_the_courses_images_are_known(monkeypatch, weights, model, first, five):
    """So many of 25 by the first answer, and among the first five; SqueezeNet's paper has 57 % and 80 % on ImageNet."""
    monkeypatch.setenv("COURSE_DATA", str(COURSE_DATA))
    images, labels, _ = pretrained.imagenet_val()
    with torch.no_grad():
        best = find_network(weights, model, CPU).model(normalise(images)).topk(5).indices
    right = best == torch.from_numpy(labels)[:, None]
    assert right[:, 0].sum() == first and right.sum() == five


@needs_course_data
def test_the_features_are_as_large_as_torchvisions(network, monkeypatch):
    """Content at layer 3, the Gram matrix at layer 5 and the style loss agree within a hundredth with stored values."""
    monkeypatch.setenv("COURSE_DATA", str(COURSE_DATA))
    check, cnn = STYLE_CHECKS["torchvision"], network.features
    with np.load(course_file(check.stored)) as file:
        stored = dict(file)
    with torch.no_grad():
        content, image = features_from_img(course_file(check.content), check.image_size, cnn)
        style, _ = features_from_img(course_file(check.style, exactly=True), check.image_size, cnn)
        blank = extract_features(torch.zeros_like(image), cnn)
        gram, layer = StyleLoss().gram_matrix, check.content_layer
        targets = [gram(style[k]) for k in check.style_layers]
        got = {
            "cl_out": ContentLoss()(check.content_weight, content[layer], blank[layer]),
            "gm_out": gram(style[check.gram_layer]).norm(),
            "sl_out": StyleLoss()(content, check.style_layers, targets, check.style_weights),
        }
    for name, value in got.items():
        assert value.item() == pytest.approx(np.linalg.norm(stored[name]), rel=0.01), name
