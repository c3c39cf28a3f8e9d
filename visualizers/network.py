"""Helpers around a network that every visualization needs: checked inputs, and a network left as it was found."""

import math
import operator
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from visualizers import hints

RELUS = {F.relu, F.relu_, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_}
HARDTANHS = {F.hardtanh, F.hardtanh_}  # what nn.ReLU6 calls, from 0 to 6
KINDS = {  # of activations that are no ReLUs: the names of their functions, in torch.nn.functional, torch or Tensor
    "SiLU": "silu",
    "GELU": "gelu",
    "Hardswish": "hardswish",
    "Mish": "mish",
    "ELU": "elu",
    "SELU": "selu",
    "LeakyReLU": "leaky_relu",
    "PReLU": "prelu",
    "Softplus": "softplus",
    "CELU": "celu",
    "RReLU": "rrelu",
    "Threshold": "threshold",
    "Hardsigmoid": "hardsigmoid",
    "LogSigmoid": "logsigmoid",
    "Softsign": "softsign",
    "GLU": "glu",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "erf": "erf",
    "abs": "abs",
    "maximum": "maximum fmax",
    "masks": "gt ge lt le sign",  # such as x * (x > 0)
}
OTHERS = {
    getattr(owner, name): kind
    for kind, names in KINDS.items()
    for owner in (F, torch, Tensor)
    for one in names.split()
    for name in (one, f"{one}_")  # and in place
    if hasattr(owner, name)
}
EXACT = torch.float32, torch.float64
NO_GRADIENTS = "expected images and weights that gradients reach, got torch.inference_mode(): make them outside of it"
CLAMPS = {
    getattr(owner, name)
    for owner in (torch, Tensor)
    for name in ("clamp", "clamp_", "clamp_min", "clamp_min_", "clip", "clip_")
}
MAXIMA = torch.max, Tensor.max  # of two tensors, or along an axis
WEIGHING = {F.conv2d, F.linear}


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode and gradients on inside the block; every module's own mode is restored after it.

    What the network gives inside the block is checked: by `check_scores`, and that gradients of images reach it. Only
    the first time it must be finite: to look at numbers is to wait for a graphics card.
    """
    check_network(model)
    modes = {module: module.training for module in model.modules()}
    looked_at: list[bool] = []

    def check(module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any], scores: Any) -> None:
        check_scores(scores)
        images = (*inputs, *named.values())[0]
        if torch.is_grad_enabled() and images.requires_grad:
            check_reached(scores, None if looked_at else images)
        if not looked_at:
            check_finite(scores)
            looked_at.append(True)

    def copy(module: nn.Module, inputs: tuple[Any, ...]) -> Any:
        return tuple(one.clone() if isinstance(one, Tensor) else one for one in inputs)  # some networks write to it

    handles = [model.register_forward_hook(check, with_kwargs=True), model.register_forward_pre_hook(copy)]
    try:
        if any(modes.values()):
            try:
                model.eval()
            except NotImplementedError:  # of torch.export, which would read as if a part were not written
                raise _not_python(model, "exported") from None
        with torch.enable_grad():
            yield
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in modes.items():
            if module.training != mode:  # setting what is set already takes a while, too
                module.training = mode


@contextmanager
def keeping(model: nn.Module, names: Iterable[str], leaf: bool = False) -> Iterator[dict[str, Tensor]]:
    """Inside the block the output of each of these layers is kept: its name -> a copy of what it gave last.

    leaf: it is kept as a leaf that the scores depend on: gradients reach it, and no graph is kept below it.
    What is no tensor of real numbers is not kept. The hooks are gone after the block.
    Raises ValueError, with the names that there are, where a layer is not there.
    """
    outputs: dict[str, Tensor] = {}
    thread = threading.get_ident()

    def hook(name: str) -> Callable[..., Tensor | None]:
        def keep(module: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> Tensor | None:
            another = threading.get_ident() != thread  # which asks the same network for something of its own
            if another or not isinstance(output, Tensor) or not output.is_floating_point():
                return None
            outputs[name] = output.detach().requires_grad_() if leaf else output.clone()
            return outputs[name].clone() if leaf else None  # what an in-place ReLU after the layer overwrites

        return keep

    handles = []
    try:
        for name in names:
            handles.append(submodule(model, name).register_forward_hook(hook(name)))
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


class relu_replaced_by(TorchFunctionMode):
    """Inside the block every ReLU, module or function, in-place or not, calls `function(x)` instead.

    The network itself is not touched: the calls are intercepted on their way to PyTorch. So nothing has to be
    put back, and ReLUs that a module's `forward` calls as functions, which hooks on modules miss, are seen too.
    What an in-place ReLU would have changed is replaced by the function's result wherever the network uses it again.

    A ReLU6 is a ReLU that is then stopped at 6: `function(x)` stands for the first, and the second stays.
    Warns, after the block, of activations that are no ReLUs, such as GELU: they are left as they are; and where a
    network ran that called neither.
    """

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        if isinstance(function, type):
            name = function.__name__
            raise TypeError(f"expected a function, got the class {name}: write relu_replaced_by({name}.apply)")
        self.function = function

    def __enter__(self):
        self.others: set[str] = set()
        self.changed: dict[int, tuple[Tensor, Tensor]] = {}  # by id: what a ReLU was to change, and what it gave
        self.weighed = self.rectified = False
        return super().__enter__()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if self.changed:
            args, kwargs = tuple(map(self._renew, args)), {name: self._renew(one) for name, one in kwargs.items()}
        self.weighed = self.weighed or func in WEIGHING
        if relu := relu_called(func, args, kwargs):
            self.rectified = True
            x, stop = relu
            in_place = func.__name__.endswith("_") or kwargs.get("inplace") or any(one is True for one in args)
            part = in_place and x._is_view()  # of a tensor that is changed with it
            output = self.function(x.clone() if x._is_view() else x)  # of which the rest may change
            output = output if stop == math.inf else F.hardtanh(output, 0, stop)
            if part:
                return x.copy_(output)
            if in_place:  # to copy it would take half as long again as the network
                self.changed[id(x)] = x, output
            return output
        if other := other_called(func, args, kwargs):
            self.others.add(other)
        return func(*args, **kwargs)

    def _renew(self, given: Any) -> Any:
        """Return what an in-place ReLU has made of this argument."""
        if type(given) in (list, tuple) and any(isinstance(one, Tensor) for one in given):
            return type(given)(map(self._renew, given))
        while isinstance(given, Tensor) and id(given) in self.changed:
            given = self.changed[id(given)][1]
        return given

    def __exit__(self, kind, mistake, trace):
        super().__exit__(kind, mistake, trace)
        self.changed.clear()
        if self.others and mistake is None:
            names = ", ".join(sorted(self.others))
            warnings.warn(f"the network has other activations than ReLUs: {names} keep their gradients", stacklevel=3)
        elif self.weighed and not self.rectified and mistake is None:
            told = "the network calls no ReLU that is known as one: its gradients are the plain ones"
            warnings.warn(told, stacklevel=3)


def relu_called(func: Callable, args: Any, kwargs: Any) -> tuple[Tensor, float] | None:
    """If this call is a ReLU's: what it is given, and where it stops, which is inf, or 6 for a ReLU6."""
    if func in RELUS or func is F.relu6:
        return (args[0] if args else kwargs["input"]), math.inf if func in RELUS else 6.0
    if func in HARDTANHS:
        given = dict(zip(("input", "min_val", "max_val"), args)) | kwargs
        if given.get("min_val", -1) == 0:
            return given["input"], float(given.get("max_val", 1))
    return None


def other_called(func: Callable, args: Any, kwargs: Any) -> str:
    """Name of another activation, if this call is one's, of real numbers; else ""."""
    name = OTHERS.get(func, "")
    if func in CLAMPS or func in MAXIMA:
        low = (*args[1:2], *(kwargs[name] for name in ("min", "other") if name in kwargs), None)[0]
        if isinstance(low, Tensor) or (func in CLAMPS and low == 0):
            name = "clamp(min=0)" if func in CLAMPS else "maximum"
    given = (*args, *kwargs.values()) if name else ()
    return name if any(isinstance(one, Tensor) and one.is_floating_point() for one in given) else ""


def empty_like_weights(model: nn.Module, dtype: Any = None) -> Tensor:
    """An empty tensor on the model's device, of `dtype` (a torch dtype or tensor type; default: the model's own).

    Raises TypeError, in one sentence, where the network's weights are of another type, or elsewhere.
    """
    check_network(model)
    weight = next(model.parameters(), None)
    if weight is None:  # one without weights is taken for one on the CPU
        return torch.empty(0).type(dtype or torch.float32)
    like = torch.empty(0, device=weight.device).type(dtype or weight.dtype)
    if (like.dtype, like.device) != (weight.dtype, weight.device):
        expected, got = (f"{one.dtype} on {one.device}" for one in (weight, like))
        raise TypeError(f"expected a dtype like the network's, {expected}, got {got}: leave dtype out")
    return like


def check_network(model: Any) -> None:
    """Raise TypeError or ValueError, in one sentence, unless gradients go back through `model` here and now."""
    if not isinstance(model, nn.Module):
        got = f"{hints.describe(model)}: {hints.lead_to_network(model)}"
        raise TypeError(f"expected a network as torch.nn.Module, got {got}")
    if any(type(module).__module__.startswith("torch.ao.nn.quantized") for module in model.modules()):
        raise TypeError("expected a network that gradients pass, got a quantized one: take the one it was made from")
    if isinstance(model, torch.jit.RecursiveScriptModule):  # which takes no hooks
        check_untraced(model)
    weight = next(model.parameters(), None)
    if weight is not None and weight.dtype not in EXACT:
        remedy = "take model.float()" if weight.is_floating_point() else "take one of real numbers"
        raise TypeError(f"expected a network of float32 or float64, got {weight.dtype}: {remedy}")
    if any(isinstance(module, nn.Conv3d) for module in model.modules()):
        raise TypeError("expected a network for pictures, got one for films, with a Conv3d: take one for pictures")
    if torch.is_inference_mode_enabled() or (weight is not None and weight.is_inference()):
        raise ValueError(NO_GRADIENTS)
    kind = "cpu" if weight is None else weight.device.type
    if kind in ("cpu", "cuda") and torch.is_autocast_enabled(kind):
        raise ValueError("expected float32 throughout, got a torch.autocast block: call the method outside of it")


def check_images(X: Any, model: Any) -> None:
    """Raise TypeError or ValueError, in one sentence, unless X is a batch that `model` can see."""
    if not isinstance(X, Tensor):
        raise TypeError(f"expected images as a torch.Tensor, got {hints.describe(X)}: {hints.lead_to_images(X)}")
    if X.ndim != 4 or X.shape[1] != 3:
        grey = X.ndim == 4 and X.shape[1] in (1, 4) and X.shape[3] != 3
        layers = model.modules() if grey and isinstance(model, nn.Module) else ()
        if (first := next((one for one in layers if isinstance(one, nn.Conv2d)), None)) and first.in_channels != 3:
            got = f"one for {first.in_channels}"
            raise TypeError(f"expected a network for pictures of three channels, got {got}: take another network")
        expected = "images of shape (N, 3, H, W)"
        raise ValueError(f"expected {expected}, got {tuple(X.shape)}: {hints.lead_to_images(X)}")
    if X.numel() == 0:
        got = f"an empty batch of shape {tuple(X.shape)}"
        raise ValueError(f"expected at least one image, got {got}: check the selection")
    if not X.is_floating_point():
        raise TypeError(f"expected images of a floating type, got {X.dtype}: make them with preprocess")
    if X.dtype not in EXACT:
        raise TypeError(f"expected images of float32 or float64, got {X.dtype}: use X.float()")
    check_network(model)
    if X.is_inference():
        raise ValueError(NO_GRADIENTS)
    weight = next(model.parameters(), None)
    if weight is not None and (X.dtype, X.device) != (weight.dtype, weight.device):
        raise ValueError(
            f"expected images of {weight.dtype} on {weight.device} like the network, got {X.dtype} on {X.device}: "
            f"use X.to({str(weight.device)!r}, {weight.dtype})"
        )
    if not X.sum().isfinite() and not X.isfinite().all():  # the sum is finite, and ten times as fast, nearly always
        raise ValueError("expected finite pixels, got NaN or infinity: check the image and its preprocessing")


def check_labels(y: Tensor, scores: Tensor) -> None:
    """Raise TypeError or ValueError, in one sentence, unless y (N,) has a class index for each row of scores (N, K)."""
    check_scores(scores)
    images, classes = scores.shape
    if not isinstance(y, Tensor) or y.dtype not in hints.INTEGERS:
        got = str(y.dtype) if isinstance(y, Tensor) else hints.describe(y)
        raise TypeError(f"expected labels as a tensor of integers, got {got}: {hints.lead_to_labels(y, images)}")
    if y.is_inference():
        raise ValueError("expected labels that gradients may pass by, got torch.inference_mode(): use y.clone()")
    if y.shape != (images,):
        expected, got = f"one label for each of {images} images", f"labels of shape {tuple(y.shape)}"
        raise ValueError(f"expected {expected}, got {got}: {hints.lead_to_labels(y, images)}")
    if y.min() < 0 or y.max() >= classes:
        raise ValueError(
            f"expected labels between 0 and {classes - 1}, got {y.min().item()} to {y.max().item()}: "
            "do labels and network belong together?"
        )


def check_scores(scores: Tensor) -> None:
    """Raise TypeError, in one sentence, unless these are a network's scores (N, K)."""
    if not isinstance(scores, Tensor) or scores.ndim != 2 or 0 in scores.shape:
        got = f"shape {tuple(scores.shape)}" if isinstance(scores, Tensor) else hints.describe(scores)
        part = getattr(scores, "ndim", 0) == 4
        hint = "take the whole of it, not its features" if part else "wrap it in a module that returns its scores alone"
        raise TypeError(f"expected a network that gives scores (N, K), got {got}: {hint}")
    if not scores.is_floating_point():
        raise TypeError(f"expected scores of a floating type, got {scores.dtype}: take them before they are rounded")


def check_finite(scores: Tensor) -> None:
    """Raise ValueError for NaN and +inf. A score of -inf may say that a class is left out. vmap hides the numbers."""
    seen = torch._C._functorch.maybe_current_level() is None
    if seen and not scores.detach().amax().isfinite():
        raise ValueError("expected finite scores, got NaN or infinity: check the network's weights")


def check_reached(scores: Tensor, to: Tensor | None = None) -> None:
    """Raise ValueError, in one sentence, unless gradients go back from these scores, and reach this tensor."""
    if not scores.requires_grad or (to is not None and not _lead_to(scores, to)):
        expected = "a network that gradients pass to what is asked for"
        got = "scores that they do not leave"
        raise ValueError(f"expected {expected}, got {got}: look for detach or no_grad in its forward")


def _lead_to(scores: Tensor, to: Tensor) -> bool:
    """Return True if a gradient of the scores would pass `to`: weights that learn want one, too."""
    nodes, seen = [scores.grad_fn], set()
    while nodes:
        node = nodes.pop()
        if node is not None and node not in seen:
            if node is to.grad_fn or getattr(node, "variable", None) is to:
                return True
            seen.add(node)
            nodes += [following for following, _ in node.next_functions]
    return False


def get_map(outputs: Mapping[str, Tensor], name: str, scores: Tensor, size: torch.Size) -> Tensor:
    """Output of a layer, of `keeping`. Raises ValueError unless it is a map (N, C, h, w) that the scores depend on.

    size: (H, W) of the images.
    """
    output = outputs.get(name)
    if output is None or output.ndim != 4 or has_channels_last(output.shape[1:], size):
        got = "none" if output is None else tuple(output.shape)
        raise ValueError(f"expected a map (N, C, h, w) from layer {name!r}, got {got}: choose another layer")
    check_reached(scores, output)
    return output


def has_channels_last(shape: Sequence[int], size: Sequence[int]) -> bool:
    """Return True if this is (h, w, C), as of some transformers' layers: h and w have the image's proportions."""
    first, second, third = shape
    height, width = size
    fits = [abs(h * width - w * height) <= 2 * width for h, w in ((first, second), (second, third))]
    return first > 1 and fits == [True, False]


def check_target(target_y: int, scores: Tensor) -> None:
    """Raise TypeError or ValueError, in one sentence, unless target_y is a class index of scores (N, K)."""
    check_scores(scores)
    classes = scores.shape[1]
    given: Any = target_y
    try:
        number = operator.index(given)
    except TypeError:
        number = None
    if number is None or isinstance(given, bool):
        hint = "find it by class_names.index(...)" if isinstance(given, str) else "give its index as an int"
        raise TypeError(f"expected a target class as a whole number, got {given!r}: {hint}")
    if not 0 <= target_y < classes:
        expected = f"a target class between 0 and {classes - 1}"
        raise ValueError(f"expected {expected}, got {target_y}: choose one of the classes")


def class_scores(scores: Tensor, y: Tensor) -> Tensor:
    """The score of each image's own class, before softmax. scores: (N, K), y: (N,); returns (N,)."""
    check_labels(y, scores)
    return scores.gather(1, y.to(scores.device, torch.int64)[:, None])[:, 0]


def check_untraced(model: nn.Module) -> None:
    """Raise TypeError, in one sentence, where anything is traced, scripted or compiled: its ReLUs are out of reach."""
    for module in model.modules():
        traced = isinstance(module, torch.jit.ScriptModule)
        if traced or "_orig_mod" in module._modules or module._compiled_call_impl is not None:
            scripted = isinstance(module, torch.jit.RecursiveScriptModule)
            raise _not_python(module, "scripted" if scripted else "traced" if traced else "compiled")


def _not_python(module: nn.Module, made: str) -> TypeError:
    got = type(module).__name__
    return TypeError(f"expected a network of Python modules, got a {got}: take the one that it was {made} from")


def submodule(model: nn.Module, name: str) -> nn.Module:
    """Return the module of this dotted name. Raises ValueError, with the names that there are."""
    check_untraced(model)
    try:
        return model.get_submodule(name)
    except AttributeError:
        names = [n for n, _ in model.named_modules() if n and n.count(".") <= 1]
        raise ValueError(f"expected the name of a layer, got {name!r}: try one of {', '.join(names)}") from None
