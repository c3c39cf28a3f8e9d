"""Helpers of the probes: networks by name, the facts on a call, and the way from a tensor to an array."""

import io
import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tests import networks

KEPT = 48 << 20  # bytes of images that an answer holds at most


def build(network: str, X: np.ndarray, settings: dict[str, int]) -> nn.Module:
    """Build the network in the precision of the images."""
    return networks.build(network, X.dtype.name, **settings)


@contextmanager
def watching(model: nn.Module | None, seed: int | None = None, **inputs: Tensor) -> Iterator[dict[str, Any]]:
    """Yields the facts, filled in when the block ends without an exception. seed: of all random numbers within.

    With a seed, facts["climbed"] holds what went through the network and had a gradient taken back through it: where
    the steps of an ascent start. Who only looks at the scores takes none.
    """
    facts: dict[str, Any] = {}
    climbed: dict[int, np.ndarray] = {}
    counts = {"calls": 0, "images": 0, "most": 0, "training": 0}  # most: images at once; training: layers in that mode
    first = None if model is None else next(module for module in model.modules() if not [*module.children()])

    def look(module: nn.Module, arguments: tuple[Any, ...], output: Tensor) -> None:
        counts["training"] += module.training
        if module is first:
            counts["calls"] += 1
            counts["images"] += len(arguments[0])
            counts["most"] = max(counts["most"], len(arguments[0]))
            if seed is not None and output.requires_grad:
                call, images = counts["calls"], arguments[0].detach().numpy().copy()
                output.register_hook(lambda _: keep(call, images))

    def keep(call: int, images: np.ndarray) -> None:
        if sum(kept.nbytes for kept in climbed.values()) < KEPT:
            climbed[call] = images

    if seed is not None:
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002 -- what students' code uses
        random.seed(seed)
    written = {name: value.detach().clone() for name, value in inputs.items()}
    marks = {name: _look_up_marks(value) for name, value in inputs.items()}
    before = snapshot(model)
    printed = io.StringIO()
    handle = nn.modules.module.register_module_forward_hook(look)
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
    facts["marked"] = ", ".join(name for name, value in inputs.items() if _look_up_marks(value) != marks[name])
    if seed is not None:
        facts["climbed"] = [images for _, images in sorted(climbed.items())]


def _look_up_marks(value: Tensor) -> tuple[bool, bool]:
    """Tell whether a tensor asks for a gradient, and has one."""
    return value.requires_grad, value.is_leaf and value.grad is not None


def each_step(climbed: list[np.ndarray], steps: int) -> list[np.ndarray]:
    """The image at each step, where some go through the network several times a step."""
    times, rest = divmod(len(climbed), steps)
    if times and not rest:
        return climbed[::times]
    return [image for i, image in enumerate(climbed) if i == 0 or not np.array_equal(image, climbed[i - 1])]


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
    """Yield `named_modules`, and what is no module: many put CustomReLU.apply, a function, where a ReLU was."""
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
        if value is None:
            raise TypeError("expected a tensor or an array, got None: does the function return its result?")
        got = getattr(value, "__name__", type(value).__name__)  # of a module, such as pyplot, its own
        raise TypeError(f"expected a tensor or an array, got {got}: return the numbers, not what draws them")
    value = np.array(value)
    if value.dtype.kind not in "biuf":
        raise TypeError(f"expected an array of numbers, got one of {value.dtype}: convert it")
    return value


def single(value: object) -> object:
    """The value. Raises TypeError, in one sentence, for a list or tuple where a loss or one tensor is asked."""
    if isinstance(value, list | tuple):
        hint = "is there a comma behind the return?" if len(value) == 1 else "return the one tensor that is asked for"
        raise TypeError(f"expected one tensor, got a {type(value).__name__} of {len(value)}: {hint}")
    return value


def is_connected(value: object) -> bool:
    return isinstance(value, Tensor) and value.requires_grad


def scalar(value: Tensor) -> Tensor:
    if value.numel() != 1:
        raise ValueError(f"expected a scalar, got a tensor of shape {tuple(value.shape)}: sum over everything")
    return value.reshape(())


def with_gradient(value: object, argument: Tensor) -> dict[str, Any]:
    """A loss that is cut off from its argument has a gradient of zeros."""
    gradient = torch.zeros_like(argument)
    if is_connected(value):
        (found,) = torch.autograd.grad(scalar(value), argument, allow_unused=True)
        gradient = gradient if found is None else found
    return {"value": array(value), "gradient": array(gradient)}
