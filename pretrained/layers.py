"""The modules of a network that follow each other, from the image to its last map."""

import threading

import torch
from torch import Tensor, nn

from pretrained.errors import SourceError
from pretrained.normalisation import Normalised

SIZE = 224
_one_at_a_time = threading.Lock()  # hooks follow every pass of their network, also that of another thread


def features(model: nn.Module) -> dict[str, nn.Module]:
    """Name -> module, in order: each takes what the one before gave, and together they make the last map.

    The last map is that before the network pools, drops or flattens it, (1, C, h, w) with h, w > 1: Grad-CAM's layer.
    Only networks in a row are taken apart; a block with a branch of its own, such as a residual one, is one module.
    Raises SourceError, in one sentence, for a network that has no such map or takes no images of 224 x 224.
    """
    image = torch.zeros(1, 3, SIZE, SIZE).to(next(model.parameters()))
    row: dict[str, nn.Module] = {}
    latest: Tensor | None = None  # what the row gives so far
    over = False

    def follow(name: str, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal latest, over
        is_map = isinstance(output, Tensor) and output.ndim == 4 and min(output.shape[2:]) > 1
        over = over or isinstance(module, _the_end()) or not is_map or (bool(row) and inputs[0] is not latest)
        if not over:
            row[name] = module
            latest = output

    with _one_at_a_time:
        handles = [
            module.register_forward_hook(lambda module, inputs, output, name=name: follow(name, module, inputs, output))
            for name, module in _steps(model)
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
    if not row:
        raise SourceError(
            f"expected a network with convolutions in a row, got none in {type(model).__name__}: take another --model"
        )
    return row


def _steps(module: nn.Module, name: str = "") -> list[tuple[str, nn.Module]]:
    """List what is called one after the other: the children of the network itself, and of plain containers."""
    steps = []
    for child_name, child in module.named_children():
        full = f"{name}.{child_name}".lstrip(".")
        opened = type(child) is nn.Sequential or (isinstance(module, Normalised) and child is module.network)
        steps += _steps(child, full) if opened else [(full, child)]
    return steps


def _the_end() -> tuple[type[nn.Module], ...]:
    from torchvision.ops import Permute

    return (nn.AdaptiveAvgPool2d, nn.Dropout, nn.Flatten, Permute)
