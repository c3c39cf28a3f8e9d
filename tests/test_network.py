# STAFF
"""Rules for every method: input is checked in words, and a network is left exactly as it was found."""

import random
import re
import threading
from functools import partialmethod
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from image_utils import preprocess
from tests import compare, inputs, networks
from tests.probes.facts import differences, snapshot
from visualizers import ClassVisualization, FoolingImage, GradCam, SaliencyMap
from visualizers.gradcam import CustomReLU
from visualizers.network import class_scores, evaluating, keeping, relu_replaced_by

# Labels and targets here are any, so that nothing may speak for them.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore:{says}") for says in ("the network is not fooled", "nothing in image")
]


def saliency(model, X, y):
    return SaliencyMap().compute_saliency_maps(X, y, model)


def guided_backprop(model, X, y):
    return GradCam().guided_backprop(X, y, model)


def grad_cam(model, X, y):
    return GradCam().grad_cam(X, y, model)


def fooling_of(model, X, target):
    return FoolingImage(max_steps=2).make_fooling_image(X[:1], target, model)


def fooling(model, X, y):
    return fooling_of(model, X, int(y[0]))


def visualization_of(model, X, target):
    names = [str(i) for i in range(100)]
    visualize = ClassVisualization().create_class_visualization
    return visualize(target, names, model, num_iterations=2, generate_plots=False)


def class_visualization(model, X, y):
    return visualization_of(model, X, int(y[0]))


MAPS = [saliency, guided_backprop, grad_cam]
METHODS = [*MAPS, fooling, class_visualization]
all_methods = pytest.mark.parametrize("method", METHODS)
all_maps = pytest.mark.parametrize("method", MAPS)
with_images = pytest.mark.parametrize("method", [*MAPS, fooling])


# --- nothing is left behind ---


def build_used(name, state):
    """A network as its owner may have it: frozen or in training, with hooks and gradients of its own."""
    model = networks.build(name)
    if state == "in training":
        model.requires_grad_(True).train()
        model.features[0].eval()
        for parameter in model.parameters():
            parameter.grad = torch.ones_like(parameter)
        model.classifier.register_forward_hook(lambda module, arguments, output: None)
    return model


@all_methods
@pytest.mark.parametrize("state", ["frozen", "in training"])
def test_a_network_is_left_as_it_was(method, state, X, y):
    """Parameters, gradients, flags, modes, hooks, modules, random state: all as before; the input is not written to."""
    model = build_used("embedded", state)
    given, before = X.clone(), snapshot(model)
    method(model, X, y)
    assert differences(before, snapshot(model)) == []
    assert torch.equal(X, given) and not X.requires_grad and X.grad is None


class Stop(Exception):
    pass


@all_methods
@pytest.mark.parametrize("when", ["forward", "backward"])
def test_a_network_is_left_as_it_was_after_an_exception(method, when, X, y):
    """An exception from within the network goes through, and still nothing is left behind."""
    model = build_used("embedded", "in training")

    def stop(*_):
        raise Stop

    if when == "forward":
        model.classifier[1].register_forward_hook(stop)
    else:
        model.classifier[1].register_forward_hook(lambda module, arguments, output: output.register_hook(stop) and None)
    given, before, torch_function = X.clone(), snapshot(model), F.relu
    with pytest.raises(Stop):
        method(model, X, y)
    assert differences(before, snapshot(model)) == []
    assert torch.equal(X, given) and not X.requires_grad and F.relu is torch_function
    x = torch.tensor([-1.0, 1.0], requires_grad=True)
    assert torch.autograd.grad(F.relu(x).sum(), x, -torch.ones(()))[0].tolist() == [0, -1], (
        "ReLU is the plain one again"
    )


@with_images
def test_an_image_that_requires_a_gradient_gets_none(method, X, y):
    X.requires_grad_()
    method(networks.build("embedded"), X, y)
    assert X.requires_grad and X.grad is None


@all_methods
def test_gradients_may_be_switched_off_around_a_call(method, X, y):
    """Within torch.no_grad() the methods work all the same, and it is still in force afterwards."""
    with torch.no_grad():
        method(networks.build("embedded"), X, y)
        assert not torch.is_grad_enabled()


@all_methods
def test_the_same_call_gives_the_same_result(method, X, y):
    """Whatever random numbers were drawn in between."""
    model = networks.build("embedded")
    first = np.asarray(method(model, X, y))
    torch.rand(3), np.random.default_rng().random(), random.random()
    assert np.array_equal(np.asarray(method(model, X, y)), first)


@all_maps
def test_results_do_not_hold_on_to_the_graph(method, X, y):
    maps = method(networks.build("embedded"), X, y)
    assert isinstance(maps, np.ndarray) or not maps.requires_grad


# --- any N, H, W, type ---


@all_maps
@pytest.mark.parametrize("shape", [(1, 3, 41, 67), (2, 3, 90, 33), (7, 3, 33, 33)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_any_number_and_size_of_images(method, shape, dtype):
    """Maps have the images' number, height and width, and the network's floating type."""
    X = torch.from_numpy(inputs.noise(*shape)).to(dtype)
    maps = method(networks.build("tiny", str(dtype).removeprefix("torch.")), X, torch.arange(shape[0]) % 5)
    assert tuple(maps.shape[:3]) == (shape[0], shape[2], shape[3])
    assert str(maps.dtype).removeprefix("torch.") == str(dtype).removeprefix("torch.")


@all_maps
def test_channels_last_changes_nothing(method, X, y):
    plain, last = (method(networks.build("embedded", channels_last=c), X, y) for c in (False, True))
    assert compare.relative_error(last, plain) < 1e-3


@all_maps
def test_the_work_does_not_grow_with_the_number_of_images(method):
    """One pass for all images: the operations on tensors are as many for six as for one."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Counting(TorchDispatchMode):
        count = 0

        def __torch_dispatch__(self, operation, types, arguments=(), keywords=None):
            self.count += 1
            return operation(*arguments, **(keywords or {}))

    counts = []
    for images in (1, 6):
        with Counting() as counting:
            method(networks.build("tiny", seed=0), torch.ones(images, 3, 32, 32), torch.full((images,), 0))
        counts.append(counting.count)
    assert counts[0] == counts[1]


# --- wrong images, labels and networks ---


def refuse(error, message, method, model, X, y):
    before = snapshot(model)
    with pytest.raises(error, match=message):
        method(model, X, y)
    assert differences(before, snapshot(model)) == []


DOUBLE = (
    r"^expected images of torch.float32 on cpu like the network, got torch.float64 on cpu: use "
    r"X.to\('cpu', torch.float32\)$"
)
ONE_EACH = r"^expected one label for each of 3 images, got labels of shape "


@with_images
@pytest.mark.parametrize(
    "spoil, error, message",
    [
        (lambda X: X.numpy(), TypeError, "^expected images as a torch.Tensor, got a ndarray: use torch.tensor"),
        (lambda X: [*X], TypeError, r"^expected images as a torch.Tensor, got a list: use torch.stack\(X\)$"),
        (lambda X: X[0], ValueError, r"got \(.*\): (use X|make them)"),
        (lambda X: X.permute(0, 2, 3, 1), ValueError, r"^expected images of shape \(N, 3, H, W\), got \(.*\): use X"),
        (lambda X: X[:, :1], ValueError, r"^expected images of shape \(N, 3, H, W\), got \(.*, 1, 64, 64\): make"),
        (lambda X: X[:0], ValueError, r"^expected at least one image, got an empty batch of shape \(0, 3, 64, 64\)"),
        (lambda X: X[..., :0], ValueError, r"^expected at least one image, got an empty batch of shape \(.*, 0\)"),
        (lambda X: X.to(torch.uint8), TypeError, "^expected images of a floating type, got torch.uint8: make"),
        (lambda X: X.double(), ValueError, DOUBLE),
        (lambda X: X.half(), TypeError, "^expected images of float32 or float64, got torch.float16: use X.float"),
        (lambda X: X.bfloat16(), TypeError, "^expected images of float32 or float64, got torch.bfloat16: use X"),
        (lambda X: X / 0, ValueError, "^expected finite pixels, got NaN or infinity: check the image"),
    ],
    ids="numpy|list|one|channels last|grey|empty|no pixels|uint8|another type|half|bfloat16|not finite".split("|"),
)
def test_wrong_images_are_refused_in_words(method, spoil, error, message, X, y):
    refuse(error, message, method, networks.build("tiny"), spoil(X), y)


@all_methods
@pytest.mark.parametrize(
    "block, words",
    [
        (lambda: torch.autocast("cpu", torch.bfloat16), "expected float32 throughout, got a torch.autocast block"),
        (torch.inference_mode, r"expected images and weights that gradients reach, got torch.inference_mode\(\): make"),
    ],
)
def test_blocks_that_keep_no_gradients_are_refused_in_words(method, block, words, X, y):
    """Not in the words of torch, whose NotImplementedError reads as if a part were not written."""
    with block():
        refuse(ValueError, f"^{words}", method, networks.build("tiny"), X, y)


@all_methods
@pytest.mark.parametrize("wrap", [lambda scores: {"out": scores}, lambda scores: (scores, scores)])
def test_a_network_that_gives_more_than_scores_is_refused_in_words(method, wrap, X, y):
    """A dict, as of torchvision's segmentation, and a tuple: the sentence says what to do."""
    model = networks.build("tiny")
    model.register_forward_hook(lambda module, inputs, output: wrap(output))
    refuse(TypeError, r"^expected a network that gives scores \(N, K\), got a (dict|tuple)", method, model, X, y)


@all_methods
@pytest.mark.parametrize(
    "model, words",
    [
        (networks.build("tiny").half(), "expected a network of float32 or float64, got torch.float16: take model.fl"),
        (nn.Sequential(nn.Conv3d(3, 4, 3), nn.ReLU()), "expected a network for pictures, got one for films"),
    ],
    ids=["half", "films"],
)
def test_a_network_that_no_picture_goes_through_here_is_refused_in_words(method, model, words, X, y):
    """Advice to give the images its type would be followed by advice to take it back."""
    refuse(TypeError, f"^{words}", method, model, X, y)


@pytest.mark.parametrize("method", [guided_backprop, grad_cam])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_traced_network_is_refused_in_words(method, X, y):
    """Its ReLUs cannot be replaced: without a word guided backprop would be the plain gradient."""
    traced = torch.jit.trace(networks.build("tiny"), X)
    refuse(TypeError, "^expected a network of Python modules, got a TopLevelTracedModule: take", method, traced, X, y)
    refuse(TypeError, "^expected a network of .* it was traced from$", method, nn.Sequential(traced), X, y)


@all_methods
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_scripted_network_is_refused_in_words(method, X, y):
    """It takes no hooks, by which the methods look at what they are given."""
    refuse(TypeError, "^expected a network of .* it was scripted from$", method, torch.jit.script(nn.ReLU()), X, y)


@pytest.mark.parametrize("method", [guided_backprop, grad_cam])
def test_a_compiled_network_is_refused_in_words(method, X, y):
    """Its ReLUs are called as something else: guided backprop would be the plain gradient, with a word on clamps."""
    model = networks.build("tiny")
    model.compile(backend="eager")
    refuse(TypeError, "^expected a network of .* it was compiled from$", method, model, X, y)


@all_methods
def test_what_gradients_do_not_pass_is_refused_in_words(method, X, y):
    """A function, and quantized layers, through which torch sends zeros back without an error."""
    refuse(TypeError, "^expected a network as .*, got a function: call it, or wrap", method, lambda x: x, X, y)
    quantized = nn.Sequential(networks.build("tiny"), torch.ao.nn.quantized.DeQuantize())
    refuse(TypeError, "^expected a network that gradients pass, got a quantized one: take", method, quantized, X, y)


def answering(change):
    """A network that gives what `change` makes of its scores."""
    model = networks.build("tiny")
    model.register_forward_hook(lambda module, inputs, output: change(output))
    return model


@all_methods
@pytest.mark.parametrize("wrong", [torch.inf, torch.where(torch.arange(5) == 3, torch.nan, 1.0)])
def test_scores_that_are_no_numbers_are_refused_in_words(method, wrong, X, y):
    """Otherwise the maps are NaN and the figures black, and a fooled image would be noise."""
    words = "^expected finite scores, got NaN or infinity: check the network's weights$"
    refuse(ValueError, words, method, answering(lambda scores: scores + wrong), X, y)


@all_methods
def test_a_class_that_is_left_out_may_have_minus_infinity(method, X, y):
    method(answering(lambda scores: scores + torch.where(torch.arange(5) == 3, -torch.inf, 0)), X, y)


@all_methods
@pytest.mark.parametrize("cut", [Tensor.detach, lambda scores: torch.from_numpy(scores.detach().numpy())])
def test_scores_that_no_gradient_leaves_are_refused_in_words(method, cut, X, y):
    """Neither in torch's words, nor with a picture of noise, as class visualization would give."""
    words = "^expected a network that gradients pass .*, got scores that they do not leave: look for detach or no_grad"
    refuse(ValueError, words, method, answering(cut), X, y)


@all_methods
def test_weights_that_learn_above_what_gradients_do_not_pass_are_refused_in_words(method, X, y):
    """A gradient goes back to them alone: class visualization would climb its regulariser."""
    model = networks.build("tiny").requires_grad_()
    model.features.forward = torch.no_grad()(model.features.forward)
    words = "^expected a network that gradients pass .*, got scores that they do not leave: look for detach or no_grad"
    if method is not grad_cam:
        refuse(ValueError, words, method, model, X, y)
    method(networks.build("tiny").requires_grad_(), X, y)


@all_methods
def test_an_exported_network_is_refused_in_words(method, X, y):
    """It cannot be evaluated, which torch says by the error of a part that is not written yet."""
    exported = torch.export.export(networks.build("tiny").train(), (X,)).module()
    refuse(TypeError, "^expected a network of .* it was exported from$", method, exported, X, y)


@all_methods
def test_weights_of_inference_mode_are_refused_in_words(method, X, y):
    with torch.inference_mode():
        model = networks.build("tiny")
    refuse(ValueError, "^expected images and weights that gradients reach, got torch.infer", method, model, X, y)


@all_maps
def test_labels_of_inference_mode_are_refused_in_words(method, X, y):
    """Autograd could not keep them."""
    with torch.inference_mode():
        y = y.clone()
    words = r"^expected labels that .+, got torch.inference_mode\(\): use y.clone\(\)"
    refuse(ValueError, words, method, networks.build("tiny"), X, y)


@pytest.mark.parametrize("method", [fooling_of, visualization_of])
@pytest.mark.parametrize("target", [2.0, "gorilla", None, [2], True, torch.tensor(2.0)])
def test_a_target_that_is_no_whole_number_is_refused_in_words(method, target, X):
    words = "^expected a target class as a whole number, got .*: "
    words += "find it by class_names.index" if isinstance(target, str) else "give its index"
    refuse(TypeError, words, method, networks.build("tiny"), X, target)


def test_scores_in_half_precision_have_a_map_like_the_images(X, y):
    """A network may compute so by itself; torch cannot enlarge maps of this type, and says it is not implemented."""
    model = networks.build("tiny")
    expected, forward = grad_cam(model, X, y), model.forward
    model.forward = torch.autocast("cpu", torch.bfloat16)(lambda x: forward(x))
    got = grad_cam(model, X, y)
    assert got.dtype == np.float32 and np.abs(got - expected).max() < 0.2


def test_a_class_picture_is_the_same_whatever_the_defaults_are(X, y):
    model = networks.build("tiny")
    expected = class_visualization(model, X, y)
    torch.set_default_dtype(torch.float64)
    try:
        assert class_visualization(model, X, y) == expected
    finally:
        torch.set_default_dtype(torch.float32)


def test_a_network_may_be_called_by_name(X, y):
    model = networks.build("tiny")
    with evaluating(model):
        assert torch.equal(model(x=X), model(X))


@all_methods
@pytest.mark.parametrize("block", [torch.no_grad, torch.inference_mode])
def test_a_network_that_switches_gradients_off_is_refused_in_words(method, block, X, y):
    model = networks.build("tiny")
    forward = model.forward
    model.forward = block()(lambda x: forward(x))
    refuse(ValueError, "^expected a network that gradients pass ", method, model, X, y)


@all_methods
@pytest.mark.parametrize("cast", [Tensor.long, lambda scores: scores * 1j])
def test_scores_of_another_kind_are_refused_in_words(method, cast, X, y):
    """Integers, and complex numbers."""
    refuse(TypeError, "^expected scores of a floating type, got torch.*: take", method, answering(cast), X, y)


@pytest.mark.parametrize("layer", ["classifier", "pairs", "unused"])
def test_a_layer_without_a_map_is_refused_in_words(layer, X, y):
    """It gives a vector, or two tensors, or is not asked at all, as inception's second head."""
    model = networks.build("tiny")
    model.pairs, model.unused = nn.Identity(), nn.Identity()
    model.pairs.register_forward_hook(lambda module, inputs, output: (output, output))
    model.register_forward_pre_hook(lambda module, inputs: model.pairs(inputs[0]) and None)
    with pytest.raises(ValueError, match=rf"^expected a map \(N, C, h, w\) from layer '{layer}', got .*: choose"):
        GradCam(layer).grad_cam(X, y, model)


@all_maps
@pytest.mark.parametrize(
    "labels, error, message",
    [
        ([4, 0, 1], TypeError, r"^expected labels as a tensor of integers, got a list: use torch.tensor\(y"),
        (torch.tensor([4.0, 0, 1]), TypeError, "^expected labels as a tensor of integers, got torch.float32: use"),
        (4, TypeError, r"^expected labels as a tensor of integers, got an int: use torch.tensor\(\[y\]\)"),
        (torch.rand(3, 5).max(dim=1), TypeError, "^expected labels as a tensor of integers, got a max: use y.indices$"),
        (torch.rand(3, 5), TypeError, r"got torch.float32: use y.argmax\(dim=1\)$"),
        (torch.tensor([True, False, True]), TypeError, "got torch.bool: give the index of each class$"),
        (torch.tensor(4), ValueError, ONE_EACH + r"\(\): use y"),
        (torch.tensor([4, 0]), ValueError, ONE_EACH + r"\(2,\): give one"),
        (torch.tensor([[4, 0, 1]]), ValueError, ONE_EACH + r"\(1, 3\): "),
        (torch.tensor([4, 0, -1]), ValueError, "^expected labels between 0 and 4, got -1 to 4: do labels and"),
        (torch.tensor([4, 5, 0]), ValueError, "^expected labels between 0 and 4, got 0 to 5: do labels and"),
    ],
    ids="list|floats|number|maximum|scores|booleans|no axis|too few|two axes|negative|too large".split("|"),
)
def test_wrong_labels_are_refused_in_words(method, labels, error, message, X):
    refuse(error, message, method, networks.build("tiny"), X, labels)


SCORES = torch.eye(5)[[4, 0, 1]]
PICTURES = [Image.fromarray(np.full((20 + i, 30, 3), 80 * i, np.uint8)) for i in range(3)]


@pytest.mark.parametrize(
    "given",
    [
        {"X": lambda X: [*X]},
        {"X": lambda X: tuple(x[None] for x in X)},
        {"X": lambda X: [X, torch.tensor([4, 0, 1])]},
        {"X": lambda X: X.numpy()},
        {"X": lambda X: X.permute(0, 2, 3, 1).double().numpy()},
        {"X": lambda X: X.permute(0, 2, 3, 1)},
        {"X": lambda X: X[None]},
        {"X": lambda X: X[:, None]},
        {"X": lambda X: X.half()},
        {"X": lambda X: X.double()},
        {"X": lambda X: PICTURES},
        {"X": lambda X: np.full((3, 20, 30, 3), 80, np.uint8)},
        {"X": lambda X: X[0], "y": lambda y: y[:1]},
        {"X": lambda X: X[0].permute(1, 2, 0), "y": lambda y: y[:1]},
        {"X": lambda X: PICTURES[0], "y": lambda y: y[:1]},
        {"X": lambda X: np.asarray(PICTURES[0]), "y": lambda y: y[:1]},
        {"X": lambda X: [X[:1], X[1:, :, :32]], "y": lambda y: y[:1]},
        {"y": lambda y: y.tolist()},
        {"y": lambda y: [float(one) for one in y]},
        {"y": lambda y: y.numpy()},
        {"y": lambda y: y.double().numpy()},
        {"y": lambda y: np.int64(4), "X": lambda X: X[:1]},
        {"y": lambda y: np.array(["4", "0", "1"])},
        {"y": lambda y: np.array([4, 0, 1], dtype=object)},
        {"y": lambda y: "4", "X": lambda X: X[:1]},
        {"y": lambda y: map(int, y)},
        {"y": lambda y: {"a": 4, "b": 0, "c": 1}.values()},
        {"y": lambda y: y.float()},
        {"y": lambda y: SCORES},
        {"y": lambda y: SCORES.max(dim=1)},
        {"y": lambda y: y[None]},
        {"y": lambda y: y[:, None]},
        {"y": lambda y: y[0]},
        {"X": lambda X: X[:1], "y": lambda y: 4},
        {"X": lambda X: X[:1], "y": lambda y: 4.0},
        {"model": lambda model: SimpleNamespace(model=model)},
    ],
    ids=lambda given: "+".join(given),
)
def test_a_step_that_is_told_as_code_leads_on(given, X, y):
    """Typed as it stands it gives images, labels or a network that the method takes."""
    names = {"X": X, "y": y, "model": networks.build("tiny")}
    names |= {name: change(names[name]) for name, change in given.items()}
    known = {"torch": torch, "preprocess": preprocess, "Image": Image} | names
    for _ in range(3):  # of two things that are wrong each has its step
        try:
            maps = saliency(known["model"], known["X"], known["y"])
            break
        except (TypeError, ValueError) as mistake:
            step = str(mistake).partition(": use ")[2]
            changed = next(name for name in ("model", "X", "y") if re.search(rf"\b{name}\b", step))
            known[changed] = eval(step, known)
    assert len(maps) == len(known["y"])


def test_features_alone_are_told_from_a_network(X, y):
    with pytest.raises(TypeError, match=r"got shape \(3, .*\): take the whole of it, not its features$"):
        saliency(networks.build("tiny").features, X, y)


@pytest.mark.parametrize(
    "given, words",
    [
        ({"X": networks.build("tiny")}, "^expected images as a torch.Tensor, got a Tiny: check the order of the"),
        ({"y": networks.build("tiny")}, "^expected labels as a tensor of integers, got a .*: check the order of the"),
        ({"model": torch.ones(3)}, "^expected a network as torch.nn.Module, got a Tensor: check the order of the arg"),
        ({"model": nn.Identity}, r"^expected a network as torch.nn.Module, got the class Identity: use model\(\)$"),
        ({"model": {}}, "^expected a network as torch.nn.Module, got a dict: load it into a network, with load_state"),
        ({"model": len}, "^expected a network as torch.nn.Module, got a builtin_function_or_method: call it, or wrap"),
        ({"model": "resnet18"}, r"^expected a network as torch.nn.Module, got a str: use pretrained.load\(\).model$"),
        ({"y": ["tabby", "lion"]}, "^expected labels .*, got a list: look up the index of each one's class in class_n"),
        ({"y": "tabby"}, "^expected labels .*, got a str: look up the index of each one's class in class_names$"),
        ({"y": None}, "^expected labels .*, got a NoneType: give one class index for each image, as a tensor$"),
        ({"y": [[4], [0]]}, "^expected labels .*, got a list: give one class index for each image, as a tensor$"),
        ({"X": torch.ones(2, 2, 8, 8)}, "make them with preprocess, from pictures in three colours$"),
        ({"X": [1, 2]}, "got a list: make them with preprocess, from pictures in three colours$"),
    ],
    ids=lambda given: next(iter(given)) if isinstance(given, dict) else given[10:40],
)
def test_what_no_code_leads_on_from_is_told_in_words(given, words, X, y):
    asked = {"model": networks.build("tiny"), "X": X, "y": y} | given
    with pytest.raises((TypeError, ValueError), match=words):
        saliency(**asked)


def test_two_threads_may_ask_one_network(X, y):
    """While one keeps a layer's output for Grad-CAM, the other's gradient passes that layer."""
    model, inside, asked = networks.build("tiny"), threading.Event(), threading.Event()
    expected, right = saliency(model, X, y), grad_cam(model, X, y)

    def wait(module, inputs):
        if threading.current_thread() is other:
            inside.set()
            assert asked.wait(60)

    maps = []
    other = threading.Thread(target=lambda: maps.append(grad_cam(model, X, y)))
    handle = model.classifier.register_forward_pre_hook(wait)
    other.start()
    assert inside.wait(60)
    try:
        assert np.array_equal(saliency(model, X, y), expected)
    finally:
        asked.set()
        other.join()
        handle.remove()
    assert np.array_equal(maps[0], right)


@all_maps
@pytest.mark.parametrize("kind", [torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8])
def test_labels_may_be_integers_of_any_kind(method, kind, X, y):
    model = networks.build("tiny")
    assert np.array_equal(np.asarray(method(model, X, y.to(kind))), np.asarray(method(model, X, y)))


# --- the two helpers ---


def test_evaluating_restores_every_modules_own_mode():
    model = networks.build("tiny").train()
    model.features[3].eval()
    modes = [module.training for module in model.modules()]
    with evaluating(model), torch.no_grad():
        assert not any(module.training for module in model.modules())
    assert [module.training for module in model.modules()] == modes


def test_every_way_to_call_a_relu_is_seen():
    """Called as a function, a method, in place, by keyword, or as a module."""
    functions = [F.relu, F.relu_, torch.relu, torch.relu_, torch.Tensor.relu, torch.Tensor.relu_]
    modules = [torch.nn.ReLU(), torch.nn.ReLU(inplace=True)]
    for way in (*functions, *modules, lambda x: F.relu(input=x), lambda x: x.relu()):
        with relu_replaced_by(lambda x: x + 100):
            assert way(torch.tensor([1.0])).item() == 101
        assert way(torch.tensor([1.0])).item() == 1


def test_other_functions_are_left_alone():
    with pytest.warns(UserWarning, match="Sigmoid keep their gradients"), relu_replaced_by(lambda x: x + 100):
        assert torch.sigmoid(torch.zeros(1)).item() == 0.5 and F.hardtanh(torch.full([1], 9.0)).item() == 1


@pytest.mark.parametrize(
    "relu6",
    [
        torch.nn.ReLU6(),
        torch.nn.ReLU6(inplace=True),
        F.relu6,
        lambda x: F.relu6(input=x),
        lambda x: F.hardtanh(x, 0.0, 6.0),
        lambda x: F.hardtanh(max_val=6, min_val=0, input=x),
        lambda x: F.hardtanh_(x, 0, 6),
    ],
)
def test_a_relu6_is_a_relu_that_is_stopped_at_6(relu6):
    """By any call: dout * 1[0 < x < 6] * 1[dout > 0], the ReLU's rule and then the own gradient of the stop."""
    x = torch.tensor([-3.0, 1, 5.9, 6.1, 50, 2, -2], dtype=torch.float64, requires_grad=True)
    dout = torch.tensor([1.0, 2, 3, 4, 5, -6, -7], dtype=torch.float64)
    with relu_replaced_by(CustomReLU.apply):
        output = relu6(x.clone())
    (gradient,) = torch.autograd.grad(output, x, dout)
    assert output.tolist() == [0, 1, 5.9, 6, 6, 2, 0]
    assert gradient.tolist() == [0, 2, 3, 0, 0, 0, 0]


@pytest.mark.parametrize(
    "name",
    "SiLU GELU Hardswish LeakyReLU PReLU Mish ELU SELU Softplus CELU RReLU Sigmoid Tanh Hardsigmoid Softsign".split(),
)
def test_activations_that_are_no_relus_are_told_in_words(name):
    """The warning names them; their values are their own, and there is no warning without them."""
    x, activation = torch.linspace(-3, 3, 7), getattr(torch.nn, name)().eval()
    with pytest.warns(UserWarning, match=f"^the network has other activations than ReLUs: {name} keep"):
        with relu_replaced_by(CustomReLU.apply):
            output = activation(x.clone())
    assert torch.equal(output, activation(x.clone()))
    with relu_replaced_by(CustomReLU.apply):
        torch.nn.ReLU()(x)


def fill_in_place(x):
    x[x < 0] = 0


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda x: x.clamp(min=0), r"clamp\(min=0\)"),
        (lambda x: torch.clamp(x, 0), r"clamp\(min=0\)"),
        (lambda x: x.clamp_min(0), r"clamp\(min=0\)"),
        (lambda x: x.clip_(0), r"clamp\(min=0\)"),
        (lambda x: x.clamp(min=torch.zeros(3)), r"clamp\(min=0\)"),
        (lambda x: torch.maximum(torch.zeros(3), x), "maximum"),
        (lambda x: torch.max(x, other=torch.zeros(3)), "maximum"),
        (lambda x: x.max(torch.zeros(3)), "maximum"),
        (lambda x: (x + x.abs()) / 2, "abs"),
        (lambda x: 0.5 * x * (1 + torch.erf(x / 2**0.5)), "erf"),
        (lambda x: x * (x > 0), "masks"),
        (lambda x: x * (x.detach() >= 0).float(), "masks"),
        (lambda x: torch.where(0 < x, x, 0), "masks"),
        (lambda x: x.masked_fill(x.lt(0), 0), "masks"),
        (fill_in_place, "masks"),
        (F.elu_, "ELU"),
        (torch.selu, "SELU"),
        (lambda x: x.sigmoid_(), "Sigmoid"),
        (lambda x: F.threshold(x, 0, 0), "Threshold"),
    ],
)
def test_what_stands_for_a_relu_is_told_in_words(call, name):
    """It is a ReLU that nobody recognises, and keeps its gradient; a clamp elsewhere, a maximum of places is none."""
    network = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.ReLU())
    with pytest.warns(UserWarning, match=f"other activations than ReLUs: {name} keep"):
        with relu_replaced_by(CustomReLU.apply):
            call(network(torch.ones(3)))
    with relu_replaced_by(CustomReLU.apply):
        scores = network(torch.ones(3))
        scores.clamp(-1, 1), scores.max(), scores.max(0), torch.max(scores, dim=0), torch.arange(3) > 0


@pytest.mark.parametrize("call", [lambda x: (x + x.square().sqrt()) / 2, lambda x: x - x.logical_not() * x])
def test_a_network_whose_relus_are_not_seen_is_told_in_words(call):
    """Its guided backprop is the plain gradient; where no network ran there is nothing to tell."""
    with pytest.warns(UserWarning, match="calls no ReLU that is known as one: its gradients are the plain ones"):
        with relu_replaced_by(CustomReLU.apply):
            call(torch.nn.Linear(3, 3)(torch.ones(3)))
    with relu_replaced_by(CustomReLU.apply):
        call(torch.ones(3))


@pytest.mark.parametrize(
    "change", [F.relu_, torch.relu_, lambda x: x.relu_(), nn.ReLU(inplace=True), nn.ReLU6(inplace=True),
               lambda x: F.relu(x, True), lambda x: x[:, 1:].relu_(), lambda x: F.relu_(x.view(10))],
)  # fmt: skip
def test_what_an_in_place_relu_changes_is_changed(change):
    """A ReLU may stand as a statement of its own, or change what a sum needs again."""
    x = torch.randn(2, 5, generator=torch.Generator().manual_seed(0))

    def score(x):
        x = x * 1
        change(x)
        return torch.cat([x, 2 * x]).sum() + x.square().sum()

    with relu_replaced_by(CustomReLU.apply) as replaced:
        leaf = x.clone().requires_grad_()
        scores = score(leaf)
    assert torch.equal(scores, score(x)) and not replaced.changed
    # Positive gradients alone: guided backprop is the gradient.
    assert torch.equal(*(torch.autograd.grad(one, leaf)[0] for one in (scores, score(leaf))))


def test_a_part_of_a_tensor_may_be_replaced_by_its_relu():
    """Autograd keeps what a ReLU gives, CustomReLU what it is given: a copy, as the rest is written to."""

    def score(x):
        y = x.clone()
        y[:, :2] = F.relu(y[:, :2])
        return y.square().sum()

    x = torch.randn(2, 5, generator=torch.Generator().manual_seed(0), requires_grad=True)
    with relu_replaced_by(CustomReLU.apply):
        scores = score(x)
    found, plain = (torch.autograd.grad(one, x)[0] for one in (scores, score(x)))
    assert torch.equal(found, plain)  # the gradients that arrive are positive where they pass


@all_methods
def test_a_network_may_write_to_what_it_is_given(method, X, y):
    """The caller's images stay as they were, and the result is that of a network that does not."""

    class Shifting(nn.Module):
        def __init__(self, in_place):
            super().__init__()
            self.model, self.in_place = networks.build("tiny"), in_place
            self.features = self.model.features  # where Grad-CAM looks

        def forward(self, x):
            if self.in_place:
                x -= 0.1
            return self.model(x if self.in_place else x - 0.1)

    before = X.clone()
    found, expected = (np.asarray(method(Shifting(in_place), X, y)) for in_place in (True, False))
    assert torch.equal(X, before) and np.array_equal(found, expected)


def test_a_class_for_a_relu_is_refused():
    """It would give an object for each tensor, and errors far away."""
    message = r"^expected a function, got the class CustomReLU: write relu_replaced_by\(CustomReLU.apply\)$"
    with pytest.raises(TypeError, match=message):
        relu_replaced_by(CustomReLU)


@pytest.mark.parametrize("method", [SaliencyMap, GradCam, FoolingImage, ClassVisualization])
def test_the_lines_of_a_class_lead_from_a_photograph_to_a_picture(method, tmp_path, monkeypatch):
    """Its docstring is what somebody types into a notebook."""
    from matplotlib import pyplot as plt

    import image_utils
    import pretrained
    import visualizers

    lines = [line.strip() for line in method.__doc__.splitlines() if line.startswith("        ")]
    source = pretrained.load("embedded", "cpu")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pretrained, "load", lambda: source)
    monkeypatch.setattr(plt, "imshow", lambda picture, cmap="": shown.append(np.asarray(picture).shape[:2]))
    few = partialmethod(ClassVisualization.create_class_visualization, num_iterations=2)
    monkeypatch.setattr(ClassVisualization, "create_class_visualization", few)
    Image.fromarray(source.images[0]).save("my_cat.jpg")
    shown = []
    exec("\n".join(lines), {"pretrained": pretrained, "plt": plt, **vars(image_utils), **vars(visualizers)})
    assert len(lines) == 4 and shown == [(224, 224)]


def test_outputs_are_kept_as_copies_and_as_leaves():
    """A copy survives the in-place ReLU that follows; of a leaf there are gradients, and none below it."""
    conv, relu = nn.Conv2d(3, 2, 3), nn.ReLU(inplace=True)
    model, X = nn.Sequential(conv, relu, nn.Flatten()), torch.randn(2, 3, 5, 5, requires_grad=True)
    with keeping(model, ["0", "1"]) as outputs:
        model(X)
    torch.testing.assert_close(outputs["0"], conv(X))
    torch.testing.assert_close(outputs["1"], conv(X).relu())
    with keeping(model, ["0"], leaf=True) as outputs:
        scores = model(X)
    (gradient,) = torch.autograd.grad(scores.sum(), outputs["0"], retain_graph=True)
    torch.testing.assert_close(gradient, (conv(X) > 0).float())
    with pytest.raises(RuntimeError, match="not have been used in the graph"):
        torch.autograd.grad(scores.sum(), X)
    with pytest.raises(ValueError, match="got 'x': try one of 0, 1, 2"), keeping(model, ["0", "x"]):
        pass
    assert not any(module._forward_hooks for module in model.modules())


@pytest.mark.parametrize(
    "gradient",
    [
        lambda model, X, y: torch.func.grad(lambda X: class_scores(model(X), y).sum())(X),
        lambda model, X, y: torch.func.vmap(
            torch.func.grad(lambda x, label: model(x[None])[0].gather(0, label[None])[0])
        )(X, y),
        lambda model, X, y: torch.autograd.functional.jacobian(lambda X: class_scores(model(X), y).sum(), X),
        lambda model, X, y: torch.autograd.grad(
            checkpoint(lambda X: class_scores(model(X), y).sum(), X.requires_grad_(), use_reentrant=False), X
        )[0],
    ],
    ids=["func.grad", "vmap", "jacobian", "checkpoint"],
)
def test_every_way_to_a_gradient_is_one_while_a_network_is_looked_at(X, y, gradient):
    """vmap lets nobody look at numbers, and a checkpoint keeps as much the second time as the first."""
    model = networks.build("deep")
    x = X.clone().requires_grad_()
    (expected,) = torch.autograd.grad(class_scores(model(x), y).sum(), x)
    with evaluating(model):
        torch.testing.assert_close(gradient(model, X.clone(), y), expected)
