# STAFF
"""The five scripts and their Captum halves on other networks: EfficientNet-Lite0, and some of torchvision's."""

from dataclasses import replace

import pytest
import torch

import class_visualization
import fooling_image
import gradcam
import pretrained
import saliency_map
import style_transfer
from figures import script
from pretrained import SourceError, torchvision_networks
from pretrained.networks import LITE, find_network
from pretrained.photographs import read_photographs
from pretrained.weights import make_ready
from tests.panels import panels
from visualizers import GradCam

# Random weights know nothing: what a method warns of then is no mistake.
pytestmark = [
    pytest.mark.scripts,
    *(
        pytest.mark.filterwarnings(f"ignore:{says}")
        for says in ("the network is not fooled", "nothing in image", "the score of class", "the network has other")
    ),
]
CPU = torch.device("cpu")
LAYERS = {LITE: "network.features.17", "resnet18": "layer4.1"}  # with ReLU6; with branches, and ReLUs called twice
MORE = {"vgg11": "features.20", "mobilenet_v3_small": "features.12"}
NETWORKS = [*LAYERS, *(pytest.param(name, marks=pytest.mark.proof) for name in MORE)]


def network(name):
    if name == LITE:
        return find_network("auto", LITE, CPU).model
    with torch.random.fork_rng(), torch.device("meta"):
        model = torchvision_networks.build(name)
    generator = torch.Generator().manual_seed(0)
    model = model.to_empty(device="cpu")
    for key, value in model.state_dict().items():  # quicker than each architecture's own
        if key.endswith("running_var"):
            value.fill_(1)
        elif value.ndim > 1:
            value.normal_(std=(2 / value[0].numel()) ** 0.5, generator=generator)
        else:
            value.fill_(float(key.endswith("weight")))
    return make_ready(torchvision_networks.normalise(name, model), CPU)


@pytest.fixture(scope="module", params=NETWORKS)
def source(request):
    """A source with this network and a small photograph."""
    base, names = pretrained.load("embedded", "cpu"), pretrained.imagenet.class_names()
    images, labels, _ = read_photographs(names)
    return replace(
        base,
        name=request.param,
        kind="imagenet",
        architecture=request.param,
        weights="packaged" if request.param == LITE else "torchvision",
        model=network(request.param),
        class_names=names,
        images=images[:1, ::3, ::3].copy(),
        labels=labels[:1],
        fooling_target=6,
        visualization_targets=(366,),
    )


@pytest.fixture
def main(source, tmp_path, monkeypatch):
    """Call a script's main; methods that go along a path take few steps."""
    monkeypatch.setattr(saliency_map, "IG_STEPS", 4)
    monkeypatch.setattr(gradcam, "CONDUCTANCE_STEPS", 2)
    monkeypatch.setattr(script, "PLAIN", set())  # constants may differ from those of the files
    return lambda module, *options: module.main(["--out", str(tmp_path), *options], source)


def test_the_last_map_is_found(source):
    """Grad-CAM's layer, without being told."""
    assert source.gradcam_layer == (LAYERS | MORE)[source.architecture]


def test_saliency_maps(main, capsys):
    """Own maps and Captum's are the same; integrated gradients are drawn."""
    pictures = main(saliency_map, "--num", "1")
    assert all(panels(picture.path) for picture in pictures)
    line = next(line for line in capsys.readouterr().out.splitlines() if "largest difference" in line)
    largest, size = float(line.split("difference ")[1].split(",")[0]), float(line.rsplit(" ", 1)[1])
    assert largest <= 1e-3 * size, line


def test_gradcam(main, source, capsys):
    """Own Grad-CAM is Captum's; so is guided backprop but where there are ReLU6, which Captum leaves as they are."""
    pictures = main(gradcam, "--num", "1")
    assert all(panels(picture.path) for picture in pictures)
    assert any("ReLU6" in picture.caption for picture in pictures) == (source.architecture == LITE)
    lines = [line for line in capsys.readouterr().out.splitlines() if "largest difference" in line]
    found = {line.split(",")[0]: float(line.split("difference ")[1].split(",")[0]) for line in lines}
    assert found["Grad-CAM"] <= 1e-3
    if source.architecture == LITE:
        assert found["guided backprop"] > 1e-3
    else:
        assert found["guided backprop"] <= 1e-3


def test_fooling_and_class_pictures(main, source):
    """EfficientNet-Lite0, which is no random network, is fooled; both pictures are drawn for all."""
    (picture,) = main(fooling_image)
    assert panels(picture.path)
    if source.architecture == LITE:
        assert "the network is not fooled" not in picture.title and "espresso" in picture.title
    assert all(panels(picture.path) for picture in main(class_visualization, "--iterations", "1"))


def test_style_transfer(main, source, monkeypatch, capsys):
    """EfficientNet-Lite0 has settings of its own; others want their layers to be named, and say so."""
    small = {"image_size": 48, "style_size": 48}
    monkeypatch.setattr(style_transfer, "asdict", lambda pair: vars(pair) | small)
    options = ["--iterations", "2"]
    if source.architecture != LITE:
        with pytest.raises(script.UserError, match=r"expected --content-layer and --style-layers between 0 .+ none"):
            main(style_transfer, *options)
        options += ["--content-layer", "4", "--style-layers", "2", "3"]
    pictures = main(style_transfer, *options)
    assert len(pictures) == 6 and all(panels(picture.path) for picture in pictures)
    assert "The losses cannot be checked: no values are stored for" in capsys.readouterr().out


class Functional(torch.nn.Module):
    def __init__(self, *steps):
        super().__init__()
        self.steps = torch.nn.Sequential(*steps)

    def forward(self, x):
        return torch.nn.functional.relu(self.steps(x))


def test_relus_that_captum_misses_are_named():
    """ReLU6, and functions, as DenseNet's last ReLU; a module that is called twice is none of them."""
    relu, relu6 = torch.nn.ReLU(), torch.nn.ReLU6()
    for model, words in (
        (torch.nn.Sequential(relu, relu), ""),
        (torch.nn.Sequential(relu, relu6), "ReLU6"),
        (Functional(relu), "ReLUs that it calls as functions"),
    ):
        assert gradcam.relus_without_hooks(torch.ones(1, 3, 2, 2), model) == words
        assert not relu._forward_hooks


def test_layers_that_are_not_there(main, source):
    """One sentence with the layers that there are."""
    with pytest.raises(script.UserError, match=r"between 0 and \d+ for .+, got 4 and \[99\]: try --content-layer"):
        main(style_transfer, "--content-layer", "4", "--style-layers", "99")
    with pytest.raises(script.UserError, match=r"expected a layer that gives one map, got 'nothing': try one of .+"):
        main(gradcam, "--num", "1", "--layer", "nothing")


def test_a_network_without_a_last_map_goes_where_none_is_needed():
    """A vision transformer has a map at its beginning alone: `--layer conv_proj` reads it."""
    source = replace(pretrained.load("embedded", "cpu"), model=network("vit_b_32"), architecture="vit_b_32")
    with pytest.raises(SourceError, match=r"^expected a network that keeps maps .+, got \(50, 768\)"):
        _ = source.gradcam_layer
    assert script.name_run(saliency_map.parse_args([]), source) == "_vit_b_32_embedded"
    args = gradcam.parse_args(["--layer", "conv_proj"])
    assert script.name_run(args, source) == "_conv_proj_vit_b_32_embedded"
    assert script.list_changes(args, gradcam.parse_args([]), source)["layer"] == "conv_proj"


class Permuted(torch.nn.Module):
    def __init__(self, *order):
        super().__init__()
        self.order = order

    def forward(self, x):
        return x.permute(self.order)


def test_a_layer_that_has_its_channels_last_is_refused():
    """Swin's stages: read as a map, 7 x 768 positions of 7 channels."""
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 32, 4, 4), Permuted(0, 2, 3, 1), Permuted(0, 3, 1, 2))
    X = torch.ones(1, 3, 28, 36)
    with pytest.raises(script.UserError, match=r"expected a layer that gives one map, got '1'"):
        gradcam.find_layer("1", X, model)
    assert gradcam.find_layer("2", X, model) is model[2]
    X = torch.ones(1, 3, 112, 112)  # its first stage has 28 x 28 positions of 32 channels: 28 channels of 28 x 32
    with pytest.raises(script.UserError, match=r"expected a layer that gives one map, got '1'"):
        gradcam.find_layer("1", X, model)
    scoring = torch.nn.Sequential(*model, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    with pytest.raises(ValueError, match=r"^expected a map \(N, C, h, w\) from layer '1', got \(1, 28, 28, 32\)"):
        GradCam("1").grad_cam(X, torch.tensor([0]), scoring)
    assert GradCam("2").grad_cam(X, torch.tensor([0]), scoring).shape == (1, 112, 112)
