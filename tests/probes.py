"""The one way from a test to students' code: names, numbers and arrays go in, numbers and arrays come out.

Each public function asks one thing of a student's module, which it imports when it is called. Run plainly, `call`
does it in this process; the grader puts a callable of its own under REACH that does it in an isolated one.

Every answer also holds facts on the call:
    warnings, printed: text; calls: how often the network was run; images: how many images it saw in all;
    changed: what of the network, the random state or PyTorch's settings is not as it was; written: inputs that are not.
"""

import io
import random
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests import networks

REACH = pytest.StashKey[Any]()  # under it in config.stash: the callable that tests use instead of `call`
KEPT = 256  # inputs of the network that an answer holds at most


class StudentError(AssertionError):
    """What went wrong in a student's code: the type of the error, its message, and where."""

    def __init__(self, kind: str, message: str, trace: str) -> None:
        super().__init__(f"{kind}: {message}" + (f"\n{trace}" if trace else ""))
        self.kind, self.message, self.trace = kind, message, trace


def call(name: str, **arguments: Any) -> dict[str, Any]:
    """Call the probe of this name in this process."""
    return globals()[name](**arguments)


# --- part 1 ---


def saliency(network: str, X: np.ndarray, y: np.ndarray, **settings: int) -> dict[str, Any]:
    """maps."""
    from visualizers.saliency_map import SaliencyMap

    model, images, labels = _model(network, X, settings), torch.from_numpy(X.copy()), torch.from_numpy(y.copy())
    with watching(model, X=images, y=labels) as facts:
        maps = SaliencyMap().compute_saliency_maps(images, labels, model)
    return {"maps": array(maps)} | facts


def custom_relu(x: np.ndarray, upstream: np.ndarray) -> dict[str, Any]:
    """output: CustomReLU of x; gradient: what its backward makes of `upstream`."""
    from visualizers.gradcam import CustomReLU

    x, upstream = torch.from_numpy(x.copy()).requires_grad_(), torch.from_numpy(upstream.copy())
    with watching(None, x=x, upstream=upstream) as facts:
        output = CustomReLU.apply(x)
        (gradient,) = torch.autograd.grad(output, x, upstream)
    return {"output": array(output), "gradient": array(gradient)} | facts


def guided_backprop(network: str, X: np.ndarray, y: np.ndarray, **settings: int) -> dict[str, Any]:
    """maps."""
    from visualizers.gradcam import GradCam

    # The images require gradients, as the course's scripts always handed them over.
    model, labels = _model(network, X, settings), torch.from_numpy(y.copy())
    images = torch.from_numpy(X.copy()).requires_grad_()
    with watching(model, X=images, y=labels) as facts:
        maps = GradCam().guided_backprop(images, labels, model)
    return {"maps": array(maps)} | facts


def grad_cam(network: str, X: np.ndarray, y: np.ndarray, **settings: int) -> dict[str, Any]:
    """maps."""
    from visualizers.gradcam import GradCam

    model, labels = _model(network, X, settings), torch.from_numpy(y.copy())
    images = torch.from_numpy(X.copy()).requires_grad_()
    with watching(model, X=images, y=labels) as facts:
        maps = GradCam().grad_cam(images, labels, model)
    return {"maps": array(maps)} | facts


def fooling(network: str, X: np.ndarray, target: int, **settings: int) -> dict[str, Any]:
    """image: the fooling image; inputs: what the network saw, (calls, 3, H, W).

    calls is one more than the steps for whoever looks at the scores once a step.
    """
    from visualizers.fooling_image import FoolingImage

    model, images = _model(network, X, settings), torch.from_numpy(X.copy())
    with watching(model, seed=0, X=images) as facts:
        image = FoolingImage().make_fooling_image(images, int(target), model)
    return {"image": array(image), "inputs": np.concatenate(facts.pop("seen") or [X[:0]])} | facts


def class_visualization(
    network: str,
    target: int,
    classes: int,
    still: bool = False,
    dtype: str = "float32",
    l2_reg: float = 1e-3,
    learning_rate: float = 25,
    num_iterations: int = 2,
    blur_every: int = 10,
    max_jitter: int = 16,
    **settings: int,
) -> dict[str, Any]:
    """image: the picture, uint8 (224, 224, 3); inputs: what the network saw, (calls, 3, 224, 224).

    still: without jitter and blur, so that two successive inputs differ by the step alone.
    """
    from visualizers.class_visualization import ClassVisualization

    if network != "embedded":
        settings["classes"] = classes
    model = networks.build(network, dtype, **settings)
    tensor_type = {"float32": torch.FloatTensor, "float64": torch.DoubleTensor}[dtype]
    with ExitStack() as stack:
        if still:
            for name in ("jitter", "blur_image"):
                stack.enter_context(mock.patch.object(ClassVisualization, name, staticmethod(lambda X, *_, **__: X)))
        facts = stack.enter_context(watching(model, seed=0))
        image = ClassVisualization().create_class_visualization(
            int(target),
            [f"class {i}" for i in range(classes)],
            model,
            tensor_type,
            l2_reg=l2_reg,
            learning_rate=learning_rate,
            num_iterations=num_iterations,
            blur_every=blur_every,
            max_jitter=max_jitter,
            show_every=num_iterations + 1,
            generate_plots=False,
        )
    inputs = facts.pop("seen") or [np.zeros((0, 3, 224, 224), np.float32)]
    return {"image": array(image), "inputs": np.concatenate(inputs)} | facts


def jitter(X: np.ndarray, ox: int, oy: int) -> dict[str, Any]:
    """image."""
    from visualizers.class_visualization import ClassVisualization

    images = torch.from_numpy(X.copy())
    with watching(None, X=images) as facts:
        image = ClassVisualization.jitter(images, ox, oy)
    return {"image": array(image)} | facts


def blur_image(X: np.ndarray, sigma: float) -> dict[str, Any]:
    """image."""
    from visualizers.class_visualization import ClassVisualization

    images = torch.from_numpy(X.copy())
    with watching(None, X=images) as facts:
        image = ClassVisualization.blur_image(images, sigma)
    return {"image": array(image)} | facts


# --- part 2 ---


def content_loss(weight: float, current: np.ndarray, original: np.ndarray) -> dict[str, Any]:
    """value; gradient: with respect to `current`."""
    from style_modules.content_loss import ContentLoss

    current, original = torch.from_numpy(current.copy()).requires_grad_(), torch.from_numpy(original.copy())
    with watching(None, current=current, original=original) as facts:
        value = ContentLoss()(weight, current, original)
    return _with_gradient(value, current) | facts


def gram_matrix(features: np.ndarray, normalize: bool | None = None) -> dict[str, Any]:
    """gram. normalize: None leaves the argument out."""
    from style_modules.style_loss import StyleLoss

    features = torch.from_numpy(features.copy())
    with watching(None, features=features) as facts:
        arguments = () if normalize is None else (normalize,)
        gram = StyleLoss().gram_matrix(features, *arguments)
    return {"gram": array(gram)} | facts


def style_loss(layers: list[int], weights: list[float], **arrays: np.ndarray) -> dict[str, Any]:
    """value; gradient_i: with respect to feats_i. arrays: feats_0, feats_1, ... of all layers; target_0, ..."""
    from style_modules.style_loss import StyleLoss

    tensors = {name: torch.from_numpy(value.copy()) for name, value in arrays.items()}
    feats = [tensors[f"feats_{i}"].requires_grad_() for i in range(sum(name.startswith("feats_") for name in arrays))]
    targets = [tensors[f"target_{i}"] for i in range(len(layers))]
    with watching(None, **tensors) as facts:
        value = StyleLoss()(feats, layers, targets, weights)
    answer = {"value": array(value)}
    gradients = torch.autograd.grad(_scalar(value), feats, allow_unused=True) if _connected(value) else [None] * 99
    for i, (feature, gradient) in enumerate(zip(feats, gradients)):
        answer[f"gradient_{i}"] = array(torch.zeros_like(feature) if gradient is None else gradient)
    return answer | facts


def tv_loss(image: np.ndarray, weight: float) -> dict[str, Any]:
    """value; gradient: with respect to the image."""
    from style_modules.tv_loss import TotalVariationLoss

    image = torch.from_numpy(image.copy()).requires_grad_()
    with watching(None, image=image) as facts:
        value = TotalVariationLoss()(image, weight)
    return _with_gradient(value, image) | facts


# Losses by which style transfer is judged by itself: they pull the image in the same ways as the assignment's, and
# none of them is one of those.


class ContentPull(nn.Module):
    """In place of the content loss."""

    def forward(self, content_weight, content_current, content_original):
        return content_weight * F.smooth_l1_loss(content_current, content_original, reduction="sum")


class StylePull(nn.Module):
    """In place of the style loss: a style is how much each channel varies."""

    def gram_matrix(self, features, normalize=True):
        return features.var(dim=(2, 3), correction=0)

    def forward(self, feats, style_layers, style_targets, style_weights):
        pulls = [F.smooth_l1_loss(self.gram_matrix(feats[layer]), target, reduction="sum")
                 for layer, target in zip(style_layers, style_targets)]  # fmt: skip
        return torch.stack(pulls) @ torch.tensor(style_weights).to(pulls[0])


class BlurPull(nn.Module):
    """In place of the total variation loss: towards the blurred image."""

    def forward(self, img, tv_weight):
        blurred = F.avg_pool2d(img, 3, stride=1, padding=1, count_include_pad=False)
        return tv_weight * F.smooth_l1_loss(img, blurred, reduction="sum")


def style_transfer(
    network: str,
    content: np.ndarray,
    style: np.ndarray,
    image_size: int,
    style_size: int,
    content_layer: int,
    content_weight: float,
    style_layers: list[int],
    style_weights: list[float],
    tv_weight: float,
    own_losses: bool = False,
    init_random: bool = False,
    **settings: int,
) -> dict[str, Any]:
    """image: the result; inputs: the image at each of the last 200 calls, (200, 3, H, W).

    content, style: uint8 (H, W, 3), handed over as files. The network is cut after the last layer that is needed.
    own_losses: take the student's losses.
    """
    from PIL import Image

    from style_utils import style_transfer

    losses = {"content_loss": ContentPull(), "style_loss": StylePull(), "tv_loss": BlurPull()}
    if own_losses:
        from style_modules.content_loss import ContentLoss
        from style_modules.style_loss import StyleLoss
        from style_modules.tv_loss import TotalVariationLoss

        losses = {"content_loss": ContentLoss(), "style_loss": StyleLoss(), "tv_loss": TotalVariationLoss()}
    cnn = networks.build(network, **settings).features[: max(content_layer, *style_layers) + 1]
    with tempfile.TemporaryDirectory() as folder:
        paths = {}
        for name, pixels in (("content_image", content), ("style_image", style)):
            paths[name] = str(Path(folder, f"{name}.png"))
            Image.fromarray(pixels).save(paths[name])
        with watching(cnn, seed=0) as facts:
            image = style_transfer(
                name="pair",
                image_size=image_size,
                style_size=style_size,
                content_layer=content_layer,
                content_weight=content_weight,
                style_layers=list(style_layers),
                style_weights=list(style_weights),
                tv_weight=tv_weight,
                cnn=cnn,
                dtype=torch.FloatTensor,
                init_random=init_random,
                testing=True,
                **paths,
                **losses,
            )
    image = array(image)
    inputs = [x for x in facts.pop("seen") if x.shape == image.shape][-200:]
    return {"image": image, "inputs": np.concatenate(inputs or [image[:0]])} | facts


# --- the scripts' Captum halves ---


def integrated_gradients(network: str, X: np.ndarray, y: np.ndarray, **settings: int) -> dict[str, Any]:
    """maps."""
    from saliency_map import integrated_gradients

    model, images, labels = _model(network, X, settings), torch.from_numpy(X.copy()), torch.from_numpy(y.copy())
    with watching(model, X=images, y=labels) as facts:
        maps = integrated_gradients(images, labels, model)
    return {"maps": array(maps)} | facts


def layer_conductance(network: str, X: np.ndarray, y: np.ndarray, layer: str, **settings: int) -> dict[str, Any]:
    """maps."""
    from gradcam import layer_conductance

    model, images, labels = _model(network, X, settings), torch.from_numpy(X.copy()), torch.from_numpy(y.copy())
    with watching(model, X=images, y=labels) as facts:
        maps = layer_conductance(images, labels, model, model.get_submodule(layer))
    return {"maps": array(maps)} | facts


def neuron_responses(network: str, X: np.ndarray, neurons: list, layer: str, **settings: int) -> dict[str, Any]:
    """maps. neurons: for each image channel, row and column."""
    from gradcam import neuron_responses

    model, images = _model(network, X, settings), torch.from_numpy(X.copy())
    with watching(model, X=images) as facts:
        maps = neuron_responses(images, [tuple(neuron) for neuron in neurons], model, model.get_submodule(layer))
    return {"maps": array(maps)} | facts


# --- facts ---


@contextmanager
def watching(model: nn.Module | None, seed: int | None = None, **inputs: Tensor) -> Iterator[dict[str, Any]]:
    """Yields the facts, filled in when the block ends without an exception. seed: of all random numbers within."""
    facts: dict[str, Any] = {}
    seen: list[np.ndarray] = []
    counts = {"calls": 0, "images": 0}
    first = None if model is None else next(module for module in model.modules() if not [*module.children()])

    def look(module: nn.Module, arguments: tuple[Any, ...]) -> None:
        if module is first:
            counts["calls"] += 1
            counts["images"] += len(arguments[0])
            if seed is not None and len(seen) < KEPT:
                seen.append(arguments[0].detach().numpy().copy())

    if seed is not None:
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002 -- what students' code uses
        random.seed(seed)
    written = {name: value.detach().clone() for name, value in inputs.items()}
    before = snapshot(model)
    printed = io.StringIO()
    handle = nn.modules.module.register_module_forward_pre_hook(look)
    try:
        with warnings.catch_warnings(record=True) as caught, redirect_stdout(printed):
            warnings.simplefilter("always")
            yield facts
    finally:
        handle.remove()
        print(printed.getvalue(), end="")
    facts |= counts
    facts["warnings"] = "\n".join(str(warning.message) for warning in caught)[:2000]
    facts["printed"] = printed.getvalue()[:2000]
    facts["changed"] = ", ".join(differences(before, snapshot(model)))
    facts["written"] = ", ".join(name for name, value in inputs.items() if not torch.equal(value, written[name]))
    if seed is not None:
        facts["seen"] = seen


def snapshot(model: nn.Module | None) -> dict[str, Any]:
    """All that a call must leave as it was: of PyTorch, of the random numbers, and of the network."""
    state: dict[str, Any] = {
        "whether gradients are on": torch.is_grad_enabled(),
        "the default dtype": torch.get_default_dtype(),
        "the number of threads": torch.get_num_threads(),
        "PyTorch's random state": torch.get_rng_state(),
        "NumPy's random state": np.random.get_state()[1].tolist(),  # noqa: NPY002
        "Python's random state": random.getstate(),
    }
    if model is None:
        return state
    for name, module in _modules(model):
        where = name or "the network"
        state[f"module {where}"] = (id(module), type(module))
        if not isinstance(module, nn.Module):
            continue
        state[f"mode of {where}"] = module.training
        state[f"hooks of {where}"] = tuple(
            len(getattr(module, f"_{kind}"))
            for kind in ("forward_hooks", "forward_pre_hooks", "backward_hooks", "backward_pre_hooks")
        )
        for kind, tensor in [*module._parameters.items(), *module._buffers.items()]:
            if tensor is not None:
                state[f"values of {name}.{kind}"] = tensor.detach().clone()
                state[f"flag of {name}.{kind}"] = tensor.requires_grad
                state[f"gradient of {name}.{kind}"] = None if tensor.grad is None else tensor.grad.clone()
    return state


def _modules(module: nn.Module, name: str = "") -> Iterator[tuple[str, Any]]:
    """As `named_modules`, but also what is no module: many put CustomReLU.apply, a function, where a ReLU was."""
    yield name, module
    for child_name, child in getattr(module, "_modules", {}).items():
        yield from _modules(child, f"{name}.{child_name}".lstrip("."))


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The names of what is not as it was."""
    names = [name for name in before.keys() | after.keys() if not _same(before.get(name), after.get(name))]
    return sorted(names)[:20]


def _same(one: object, other: object) -> bool:
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return torch.equal(one, other)
    return type(one) is type(other) and one == other


# --- from and to arrays ---


def array(value: object) -> np.ndarray:
    """A tensor, array, picture or number, as a plain array. Raises TypeError for anything else."""
    from PIL import Image

    if isinstance(value, Tensor):
        value = value.detach().cpu()
        value = (value.float() if value.dtype == torch.bfloat16 else value).numpy()
    elif isinstance(value, Image.Image):
        value = np.asarray(value.convert("RGB"))
    elif isinstance(value, list | tuple):  # one map after the other
        value = np.stack([array(part) for part in value]) if value else np.zeros(0)
    elif not isinstance(value, np.ndarray | np.generic | int | float):
        got = type(value).__name__
        raise TypeError(f"expected a tensor or an array, got {got}: does the function return its result?")
    value = np.array(value)
    if value.dtype.kind not in "biuf":
        raise TypeError(f"expected an array of numbers, got one of {value.dtype}: convert it")
    return value


def _model(network: str, X: np.ndarray, settings: dict[str, int]) -> nn.Module:
    return networks.build(network, X.dtype.name, **settings)


def _connected(value: object) -> bool:
    return isinstance(value, Tensor) and value.requires_grad


def _scalar(value: Tensor) -> Tensor:
    if value.numel() != 1:
        raise ValueError(f"expected a scalar, got a tensor of shape {tuple(value.shape)}: sum over everything")
    return value.reshape(())


def _with_gradient(value: object, argument: Tensor) -> dict[str, Any]:
    """A loss that is cut off from its argument has a gradient of zeros."""
    gradient = torch.zeros_like(argument)
    if _connected(value):
        (found,) = torch.autograd.grad(_scalar(value), argument, allow_unused=True)
        gradient = gradient if found is None else found
    return {"value": array(value), "gradient": array(gradient)}
