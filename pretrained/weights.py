"""Weights read from a file, and the network made of them."""

import json
import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pretrained.errors import SourceError

SQUEEZENET = "torchvision's squeezenet1_1"
DENSENETS = r"(denselayer\d+\.(?:norm|conv))\.(?=\d)"  # norm.1 in the files that torchvision has, norm1 in its networks
MOST_METADATA = 100_000_000  # bytes, as the format has it
EMBEDDED = Path(__file__).resolve().with_name("embedded.safetensors")


def read_weights(path: Path) -> dict[str, Tensor]:
    """The state dict in a .pth, .pt or .safetensors file, on the CPU. Only tensors are ever unpickled."""
    if not os.path.isfile(path):
        raise SourceError(f"expected a file with weights at {path}, found none: check the path")
    if path.suffix == ".safetensors":  # outside of `try`: a missing package is no damaged file
        from safetensors.torch import load as of_bytes

        def load(path: Path) -> Any:
            return of_bytes(path.read_bytes())  # its own way of opening takes no name that is not UTF-8
    else:
        load = partial(torch.load, map_location="cpu", weights_only=True)
    try:
        state = load(path)
    except MemoryError:
        raise SourceError(f"expected memory for the weights in {path}, got none: close other programs") from None
    except Exception as problem:  # a damaged file can raise nearly anything
        if isinstance(problem, OSError) and problem.strerror:
            raise SourceError(f"expected weights at {path}, got {problem.strerror!r}: check path and rights") from None
        raise SourceError(
            f"expected a state dict of tensors in {path}, got a file that is damaged or holds something else "
            f"({type(problem).__name__}): download it again, or save it with torch.save(model.state_dict(), path)"
        ) from None
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise SourceError(
            f"expected a state dict of tensors in {path}, got {_describe(state)}: "
            "save model.state_dict() by itself"
        )
    # What all names begin with is of a wrapper: DataParallel's module., torch.compile's _orig_mod., or one's own model.
    while len(state) > 1 and len({str(name).partition(".")[0] for name in state}) == 1:
        state = {str(name).partition(".")[2]: value for name, value in state.items()}
    return {re.sub(DENSENETS, r"\1", str(name)): value for name, value in state.items()}


def read_metadata(path: Path) -> dict:
    """The metadata of a .safetensors file, decoded where they are JSON; {} for other files."""
    if path.suffix != ".safetensors":
        return {}
    try:
        with path.open("rb") as file:  # the length of the header, the header as JSON, then the weights
            header = json.loads(file.read(min(int.from_bytes(file.read(8), "little"), MOST_METADATA)))
            metadata = header.get("__metadata__", {})
    except (OSError, ValueError, AttributeError) as problem:
        raise SourceError(
            f"expected weights in {path}, got a file that cannot be read ({problem}): get a fresh copy of it"
        ) from None
    return {key: _from_json(value) for key, value in metadata.items()}


def count_classes(state: dict[str, Tensor], path: Path) -> int:
    """Number of classes that these weights of a SqueezeNet tell apart."""
    last = state.get("classifier.1.weight")
    if last is None or last.ndim != 4:
        got = f"{len(state)} tensors without the convolution classifier.1.weight"
        raise _other_weights(path, got, SQUEEZENET)
    return last.shape[0]


def build_network(state: dict[str, Tensor], path: Path, device: torch.device) -> nn.Module:
    """SqueezeNet 1.1 with these weights, of however many classes, made ready."""
    from torchvision.models import squeezenet1_1

    classes = count_classes(state, path)
    return make_ready(fill(lambda: squeezenet1_1(num_classes=classes), state, path, SQUEEZENET), device)


def fill(make: Callable[[], nn.Module], state: dict[str, Tensor], path: Path, architecture: str) -> nn.Module:
    """Make the network with these weights in float32. Raises SourceError where they do not fit."""
    model: Any
    try:
        with torch.device("meta"):  # no time and no random numbers spent on weights that are overwritten
            model = make()
    except NotImplementedError:  # RegNet computes its widths with tensors
        with torch.random.fork_rng(devices=[]):
            model = make()
    if not any(str(name).lower().startswith("aux") for name in state):  # heads for training, which torchvision drops
        for name in [name for name, _ in model.named_children() if name.lower().startswith("aux")]:
            setattr(model, name, None)
            model.aux_logits = False
    expected = model.state_dict()
    counters = {name for name in expected if name.endswith("num_batches_tracked")}  # which old files have not
    state = dict.fromkeys(counters, torch.tensor(0)) | state
    wrong = sorted(map(str, expected.keys() ^ state.keys()))
    missing = expected.keys() - state.keys()
    if missing and missing == {name for name, _ in model.named_buffers()} - counters:
        raise SourceError(
            f"expected parameters and buffers of {architecture} in {path}, got no buffers, such as {wrong[0]}: "
            "save model.state_dict()"
        )
    if wrong:
        raise _other_weights(path, f"weights that differ in {len(wrong)} names, such as {wrong[0]}", architecture)
    for name, value in state.items():
        dense = value.layout == torch.strided and not value.is_quantized and not value.is_meta
        if not dense or value.is_floating_point() != expected[name].is_floating_point():
            raise SourceError(
                f"expected plain weights in {path}, got {value.dtype}, {value.layout} on {value.device} in {name}: "
                "take those it was made from"
            )
    # Ours are stored in half precision; BatchNorm counts in whole numbers.
    state = {name: value.float() if value.is_floating_point() else value for name, value in state.items()}
    for name, value in state.items():
        got, wanted = tuple(value.shape), tuple(expected[name].shape)
        if got != wanted:
            raise _other_weights(path, f"{name} of shape {got}, not {wanted}", architecture)
        if not value.isfinite().all():
            raise SourceError(
                f"expected finite weights in {path}, got NaN or infinity in {name}: take another one"
            )
    expected.update(state)  # with the versions of the modules, which MNASNet reads
    model.load_state_dict(expected, assign=True)
    return model


def make_ready(model: Any, device: torch.device) -> nn.Module:
    """Put the network into eval mode, freeze it, move it to the device, channels_last on a CPU."""
    model.eval().requires_grad_(False).to(device)
    # Twice as fast on a CPU as the default order of the axes.
    return model.to(memory_format=torch.channels_last) if device.type == "cpu" else model


def find_device(name: str) -> torch.device:
    """The device of this name; "auto" is the first GPU where CUDA has one, else the CPU."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.ones(1, device=device).item()  # the only sure way to know that it works
    except Exception as problem:  # each back end has exceptions of its own
        reason = str(problem).partition("\n")[0].rstrip(".") or type(problem).__name__
        raise SourceError(
            f"expected a device that this machine has, got {name!r} ({reason}): try --device cpu"
        ) from None
    return device


def _other_weights(path: Path, got: str, architecture: str) -> SourceError:
    step = "name their architecture with --model, or save the plain network's state_dict()"
    return SourceError(f"expected weights of {architecture} in {path}, got {got}: {step}")


def _describe(state: object) -> str:
    if not isinstance(state, dict):
        return f"a {type(state).__name__}"
    others = [str(key) for key, value in state.items() if not isinstance(value, Tensor)]
    return f"a dict in which {others[0]!r} is no tensor"


def _from_json(value: str) -> object:
    try:
        return json.loads(value)
    except ValueError:
        return value  # a plain string
