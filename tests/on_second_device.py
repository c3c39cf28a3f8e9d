# STAFF
"""Tests on a device that is not the CPU: no operation mixes devices, and loops do not wait for numbers.

`test_second_device.py` runs them in a process of their own: a device must be there before the first backward pass.
"""

import copy
import importlib

import numpy as np
import pytest
import torch

import class_visualization
import fooling_image
import gradcam
import methods
import pretrained
import saliency_map
import style_transfer
from explorer import answers, networks
from image_utils import preprocess
from labs.lab import Bench, as_batch
from style_modules import ContentLoss, StyleLoss, TotalVariationLoss
from style_utils import features_from_img
from tests import compare, inputs
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


def test_weights_that_are_put_in_place_are_computed_with():
    """`.data = ...`, by which weights are drawn anew and `Module.double` works, changes what the card computes."""
    layer = torch.nn.Linear(2, 1, bias=False).to(NAME)
    layer.weight.data = torch.tensor([[1.0, 2.0]]).to(NAME)
    assert layer.double()(torch.ones(1, 2, dtype=torch.float64).to(NAME)).tolist() == [[3.0]]


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


def test_a_class_is_drawn_where_the_card_is_the_default(there):
    """In torch.set_default_device("cuda"), say: generators stay on the CPU, and what they draw does."""
    show = ClassVisualization().create_class_visualization
    expected = show(2, there.class_names, there.model, num_iterations=2, generate_plots=False)
    with torch.device(NAME):
        assert show(2, there.class_names, there.model, num_iterations=2, generate_plots=False) == expected


def test_a_picture_comes_to_the_card_normalised():
    """`preprocess` gives a tensor of the CPU, to be moved at once."""
    from PIL import Image

    x = preprocess(Image.new("RGB", (300, 260))).to(NAME)
    assert x.device.type == NAME and x.shape[:2] == (1, 3)


# --- the explorer ---

LAYER = "features.12"
MAPS_SHOWN = [("explain", "method", name) for name in methods.METHODS] + [
    ("by_captum", "function", name) for name in methods.BY_CAPTUM
]
PLACES = {
    "layer_activity": {"layer": LAYER},
    "strongest": {"layers": ["features.3", LAYER], "count": 5},
    "place": {"layer": LAYER, "row": 3, "column": 4, "count": 5},
    "neuron": {"layer": LAYER, "channel": 2, "row": 3, "column": 4},
}
CLASS_PICTURE = {"l2_reg": 0.0, "learning_rate": 25.0, "blur_every": 5, "max_jitter": 16}
CLIMBS = {
    "fool": ("most", {"target": 5, "learning_rate": 2.0}),
    "idea": ("iterations", {"target": 3, **CLASS_PICTURE}),
    "channel": ("iterations", {"layer": LAYER, "channel": 2, **CLASS_PICTURE}),
    "paint": (
        "iterations",
        {
            "weights": None, "times": (1.0, 1.0), "image_size": 96, "style_size": 96, "content_layer": 3,
            "style_layers": (1, 4), "tv_weight": 0.1, "initial_lr": 0.1,
        },
    ),
}  # fmt: skip


@pytest.fixture
def ask(monkeypatch):
    """Answers of the explorer's worker on a device: all arrays in order, and the count of what crossed."""
    monkeypatch.setattr(answers, "OFTEN", -1)  # every step is shown, however quick it is
    images = networks.load("embedded", "cpu").images

    def ask(question, device, **arguments):
        answers._peaks.clear()
        networks.load("embedded", device)
        if question == "paint":
            arguments |= {"content": images[0], "style": images[1]}
        elif question not in ("idea", "channel", "exciting"):
            arguments |= {"picture": images[0]}
        shown = []
        with counted() as counts:
            answer = getattr(answers, question)("embedded", show=shown.append, device=device, **arguments)
        return list(arrays([*shown, answer])), sum(counts.values())

    return ask


def arrays(answer):
    """Every number of an answer, as arrays; words and seconds are left out."""
    if isinstance(answer, dict):
        for key in sorted(answer.keys() - {"each"}):
            yield from arrays(answer[key])
    elif isinstance(answer, list | tuple):
        for one in answer:
            yield from arrays(one)
    elif not isinstance(answer, str | None):
        yield np.asarray(answer, dtype=np.float64)


def furthest(found, expected):
    """The largest relative error of an array: not of a number, since a ReLU decides otherwise by its last bit."""
    assert [one.shape for one in found] == [one.shape for one in expected] != []
    return max(compare.relative_error(a, b) for a, b in zip(found, expected))


@pytest.mark.parametrize(("question", "key", "name"), MAPS_SHOWN, ids=[name for *_, name in MAPS_SHOWN])
def test_the_explorers_maps_are_those_of_the_cpu(ask, question, key, name):
    """Ours and Captum's: the picture and its class go there, the map comes back, noise goes there once a copy."""
    asked = {key: name, "target": 4, "layer": LAYER}
    found, crossed = ask(question, NAME, **asked)
    assert furthest(found, ask(question, "cpu", **asked)[0]) < 1e-2
    assert crossed <= 20


@pytest.mark.parametrize("question", PLACES)
def test_the_explorers_places_are_those_of_the_cpu(ask, question):
    """The picture goes there once; of each layer three arrays come back, however many channels are shown."""
    asked = PLACES[question]
    found, crossed = ask(question, NAME, **asked)
    assert furthest(found, ask(question, "cpu", **asked)[0]) < 1e-4
    assert crossed <= 1 + 3 * len(asked.get("layers", [LAYER]))


def test_what_excites_a_channel_is_the_same_on_the_card(ask, there):
    """Each sample goes there once; of each layer one array comes back, of each sample that is shown one map."""
    asked = {"layer": LAYER, "channel": 3, "count": 4}
    found, crossed = ask("exciting", NAME, **asked)
    assert furthest(found, ask("exciting", "cpu", **asked)[0]) < 1e-4
    assert crossed <= len(there.images) + len(networks.layers(there)) + 2 * 4


@pytest.mark.parametrize("question", CLIMBS)
def test_what_climbs_in_the_explorer_climbs_on_the_card(ask, question):
    """Step by step the same pictures; a step that is shown crosses at most eleven times, after ten as after two."""
    steps, asked = CLIMBS[question]
    found, crossed = ask(question, NAME, **asked, **{steps: 6})
    assert furthest(found, ask(question, "cpu", **asked, **{steps: 6})[0]) < 0.05
    assert crossed - ask(question, NAME, **asked, **{steps: 3})[1] <= 3 * 11


# --- a lab of each room ---

LABS = (
    "gradients.score_or_loss", "attribution.sanity_checks", "features.inversion", "robustness.one_pixel",
    "segmentation.fully_convolutional",
)  # fmt: skip


@pytest.mark.parametrize("name", LABS)
def test_a_labs_numbers_are_those_of_the_cpu(here, there, name):
    """The same random draws, the same numbers; what crosses is a few for each picture and number, never for pixels."""
    lab = importlib.import_module(f"labs.{name}")
    with counted() as counts:
        found = lab.measure(Bench(there, quick=True))
    expected = lab.measure(Bench(here, quick=True))
    # Histograms of gradients magnify rounding.
    assert flatten(found) == pytest.approx(flatten(expected), rel=1e-2, abs=1e-3)
    assert sum(counts.values()) <= 600, counts  # sanity checks explain by seven methods, with several networks


def flatten(numbers, path=""):
    """Numbers by their way through dictionaries and lists; words and seconds are left out."""
    if not isinstance(numbers, dict | list):
        return {} if isinstance(numbers, str) else {path: numbers}
    inside = numbers.items() if isinstance(numbers, dict) else enumerate(numbers)
    return {
        key: value
        for name, one in inside
        if name != "seconds"
        for key, value in flatten(one, f"{path}/{name}").items()
    }
