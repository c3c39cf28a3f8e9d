"""Questions of tests to style_utils.py."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.optimizer import register_optimizer_step_pre_hook

from tests import networks
from tests.probes.facts import array, each_step, watching

STEPS = 200

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
    """image: the result; inputs: the image at each step, (200, 3, H, W); steps and the like: see `_watching_steps`.

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
        with watching(cnn, seed=0) as facts, _watching_steps(cnn) as counts:
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
    inputs = each_step([x for x in facts.pop("climbed") if x.shape == image.shape], STEPS)
    return {"image": image, "inputs": np.concatenate(inputs or [image[:0]])} | counts | facts


@contextmanager
def _watching_steps(cnn: nn.Sequential) -> Iterator[dict[str, int]]:
    """Yield counts that tell why an image stays as it is.

    looks: how often cnn saw an image that gradients may come back to; steps: calls of optimizer.step(); of_another:
    those of an optimizer that does not hold the leaf that cnn saw last; empty: those without a gradient; filled:
    backward passes that gave the optimizer's tensors one.
    """
    counts = dict.fromkeys(("looks", "steps", "of_another", "empty", "filled"), 0)
    seen: list[torch.Tensor] = []
    known: set[int] = set()

    def look(module: nn.Module, arguments: tuple[Any, ...]) -> None:
        if module is cnn[0] and arguments[0].requires_grad and torch.is_grad_enabled():
            counts["looks"] += 1
            seen[:] = arguments[:1] if arguments[0].is_leaf else []

    def note(tensor: torch.Tensor) -> None:
        counts["filled"] += bool(tensor.grad is not None and tensor.grad.any())

    def count(optimizer: torch.optim.Optimizer, *_: Any) -> None:
        held = [tensor for group in optimizer.param_groups for tensor in group["params"]]
        counts["steps"] += 1
        counts["of_another"] += bool(seen) and not any(tensor is seen[0] for tensor in held)
        counts["empty"] += not any(tensor.grad is not None and tensor.grad.any() for tensor in held)
        for tensor in held:
            if id(tensor) not in known and tensor.is_leaf and tensor.requires_grad:
                known.add(id(tensor))
                tensor.register_post_accumulate_grad_hook(note)

    handles = (
        nn.modules.module.register_module_forward_pre_hook(look),
        register_optimizer_step_pre_hook(count),
    )
    try:
        yield counts
    finally:
        for handle in handles:
            handle.remove()
