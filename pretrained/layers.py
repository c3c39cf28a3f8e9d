"""The modules of a network that follow each other, from the image to its last map."""

import threading
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pretrained.errors import SourceError
from pretrained.normalisation import Normalised

SIZE = 224
_one_at_a_time = threading.Lock()  # hooks follow every pass of their network, also that of another thread


@dataclass(frozen=True)
class _Step:
    """A module that the network calls by itself, not within another step: its name, and whether it gives a map."""

    name: str
    module: nn.Module
    shape: tuple[int, ...]  # of what it gives; () where that is no tensor
    follows: bool  # it took what the step before gave

    @property
    def is_map(self) -> bool:
        return len(self.shape) == 4 and min(self.shape[2:]) > 1


def features(model: nn.Module) -> dict[str, nn.Module]:
    """Return name -> module, in order: each takes what the one before gave, up to a map (1, C, h, w) with h, w > 1.

    Only networks in a row are taken apart; a block with a branch of its own, such as a residual one, is one module.
    Raises SourceError, in one sentence, for a network that has no such map or takes no images of 224 x 224.
    """
    row: dict[str, nn.Module] = {}
    for step in _steps_to_the_end(model):
        if not step.is_map or isinstance(step.module, _permute()) or (row and not step.follows):
            break
        row[step.name] = step.module
    if not row:
        raise SourceError(
            f"expected a network with convolutions in a row, got none in {type(model).__name__}: take another --model"
        )
    return row


def last_map(model: nn.Module) -> str:
    """Name of the module that gives the last map, before the network pools, drops or flattens it: Grad-CAM's layer.

    Raises SourceError, in one sentence, where something that is no map comes last, such as a transformer's tokens.
    """
    steps = [step for step in _steps_to_the_end(model) if len(step.shape) > 2]  # scores come after a pool of its own
    if not steps or not steps[-1].is_map:
        got = f"{steps[-1].shape[1:]} from {steps[-1].name}" if steps else "none"
        raise SourceError(
            f"expected a network that keeps maps (C, h, w) to its end, got {got} in {type(model).__name__}: "
            "take another --model, or name a layer whose output is a map with --layer"
        )
    return steps[-1].name


def _steps_to_the_end(model: nn.Module) -> list[_Step]:
    """List the steps of one pass, up to the first that pools everything, drops or flattens."""
    image = torch.zeros(1, 3, SIZE, SIZE).to(next(model.parameters()))
    steps: list[_Step] = []
    latest: object = None
    over = False

    def follow(name: str, module: nn.Module, inputs: tuple[Tensor, ...], output: object) -> None:
        nonlocal latest, over
        over = over or isinstance(module, nn.AdaptiveAvgPool2d | nn.Dropout | nn.Flatten)
        if not over:
            shape = tuple(output.shape) if isinstance(output, Tensor) else ()
            steps.append(_Step(name, module, shape, inputs[0] is latest))
            latest = output

    with _one_at_a_time:
        handles = [
            module.register_forward_hook(lambda module, inputs, output, name=name: follow(name, module, inputs, output))
            for name, module in _children(model)
        ]
        try:
            with torch.no_grad():
                model(image)
        except Exception as problem:  # each architecture has assertions of its own
            reason = str(problem).partition("\n")[0]
            raise SourceError(
                f"expected a network that takes images of {SIZE} x {SIZE}, got one that does not ({reason}): "
                "take another --model"
            ) from None
        finally:
            for handle in handles:
                handle.remove()
    return steps


def _children(module: nn.Module, name: str = "") -> list[tuple[str, nn.Module]]:
    """List what is called one after the other: the children of the network itself, and of plain containers."""
    children = []
    for child_name, child in module.named_children():
        full = f"{name}.{child_name}".lstrip(".")
        opened = type(child) in (nn.Sequential, nn.ModuleList) or (
            isinstance(module, Normalised) and child is module.network
        )
        children += _children(child, full) if opened else [(full, child)]
    return children


def _permute() -> type[nn.Module]:
    from torchvision.ops import Permute

    return Permute
