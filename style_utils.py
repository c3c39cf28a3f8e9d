"""Neural style transfer (Gatys et al. 2016): one picture's content in another picture's style."""

from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from tqdm import trange

import image_utils
from figures import figure
from image_utils import deprocess, open_image, rescale
from pretrained.files import FIGURES
from style_modules import ContentLoss, StyleLoss, TotalVariationLoss
from visualizers.network import empty_like_weights

__all__ = ["deprocess", "extract_features", "features_from_img", "preprocess", "rel_error", "rescale", "style_transfer"]

DType = torch.dtype | type | str | None


def preprocess(img: Image.Image, size: int = 512) -> Tensor:
    """Call `image_utils.preprocess` with the size that style pictures use."""
    return image_utils.preprocess(img, size)


def rel_error(x: np.ndarray, y: np.ndarray) -> float:
    """The largest relative difference, |x - y| / (|x| + |y|), of two arrays of the same shape."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    return float(np.max(np.abs(x - y) / np.maximum(1e-8, np.abs(x) + np.abs(y))))


def extract_features(x: Tensor, cnn: nn.Sequential) -> list[Tensor]:
    """The output of each of cnn's modules in turn. x: (N, 3, H, W); returns a list of (N, C, h, w)."""
    features = []
    for module in cnn:
        x = module(x)
        features.append(x)
    return features


def features_from_img(
    imgpath: str | PathLike[str], imgsize: int, cnn: nn.Sequential, dtype: DType = None
) -> tuple[list[Tensor], Tensor]:
    """Open a picture, resize its shorter side to imgsize, and give its features and the preprocessed image."""
    img = preprocess(open_image(imgpath), imgsize).to(empty_like_weights(cnn, dtype))
    return extract_features(img, cnn), img


@torch.enable_grad()
def style_transfer(
    name: str,
    content_image: str | PathLike[str],
    style_image: str | PathLike[str],
    image_size: int,
    style_size: int,
    content_layer: int,
    content_weight: float,
    style_layers: Sequence[int],
    style_weights: Sequence[float],
    tv_weight: float,
    content_loss: ContentLoss,
    style_loss: StyleLoss,
    tv_loss: TotalVariationLoss,
    cnn: nn.Sequential,
    dtype: DType = None,
    init_random: bool = False,
    testing: bool = False,
    *,
    initial_lr: float = 3.0,
    decayed_lr: float = 0.1,
    num_iterations: int = 200,
    seed: int = 0,
    out: str | PathLike[str] = FIGURES,
    note: str = "",
    on_step: Callable[[int, Tensor], None] | None = None,
) -> Tensor | list[Path]:
    """Minimise content + style + total variation loss over the pixels with Adam.

    The learning rate drops to decayed_lr for the last tenth of the iterations (from step 180 of 200); pixels are
    clamped to [-1.5, 1.5] before each step but the last twentieth's (until step 190).

    name: of the pair, for the files written. content_image, style_image: paths of pictures of any size and format.
    image_size, style_size: length of their shorter sides, in pixels.
    content_layer, style_layers: indices into cnn; modules after the deepest are not run.
    content_weight, style_weights, tv_weight: see the three losses.
    cnn: feature layers, such as `squeezenet.features`; left as it was.
    on_step: called after each step with its number, from 1, and the image as it is then, (1, 3, H, W).
    init_random: start from uniform noise of `seed` instead of the content picture.
    Returns the image (1, 3, H, W), ImageNet-normalised, when `testing`; otherwise draws the two sources side by side
    and the result into `out` and returns both paths.
    """
    if len(style_layers) == 0:
        raise ValueError("expected at least one style layer, got none: for the content alone take weights of 0")
    deepest = max(content_layer, *style_layers)
    if not 0 <= min(content_layer, *style_layers) <= deepest < len(cnn):
        raise ValueError(f"expected layers between 0 and {len(cnn) - 1}, got {content_layer} and {list(style_layers)}")
    cnn = nn.Sequential(*list(cnn)[: deepest + 1])
    with torch.no_grad():
        content_features, content_img = features_from_img(content_image, image_size, cnn, dtype)
        content_target = content_features[content_layer]
        style_features, style_img = features_from_img(style_image, style_size, cnn, dtype)
        style_targets = [style_loss.gram_matrix(style_features[layer]) for layer in style_layers]

    if init_random:
        generator = torch.Generator().manual_seed(int(seed))
        img = torch.rand(content_img.shape, generator=generator, dtype=torch.float32, device="cpu").to(content_img)
    else:
        img = content_img.clone()
    img.requires_grad_()
    optimizer = torch.optim.Adam([img], lr=initial_lr)
    decay_at, clamp_until = round(0.9 * num_iterations), round(0.95 * num_iterations)

    for t in trange(num_iterations, desc=name, leave=False, disable=True if testing else None):
        if t < clamp_until:
            img.data.clamp_(-1.5, 1.5)
        if t == decay_at:
            optimizer = torch.optim.Adam([img], lr=decayed_lr)
        # BEGIN SOLUTION style_transfer
        features = extract_features(img, cnn)
        loss = (
            content_loss(content_weight, features[content_layer], content_target)
            + style_loss(features, style_layers, style_targets, style_weights)
            + tv_loss(img, tv_weight)
        )
        # The gradient of the pixels alone: the network's own gradients stay as they are.
        (img.grad,) = torch.autograd.grad(loss, img)
        optimizer.step()
        # INSTEAD
        # TODO (Part 2.4): make one step of the optimizer.
        #   1. The features of img at every layer: extract_features(img, cnn).
        #   2. The loss: content loss at content_layer against content_target, plus style loss against style_targets,
        #      plus total variation loss of img.
        #   3. Put the gradient of this step's loss with respect to img, and no older one, into img.grad.
        #   4. optimizer.step().
        #> raise NotImplementedError("Part 2.4: style transfer")
        # END SOLUTION
        if on_step is not None:
            on_step(t + 1, img.detach())

    result = img.detach()
    if testing:
        return result
    title = figure.style_title(content_image, style_image)
    return [
        figure.style_sources(
            deprocess(content_img), deprocess(style_img), Path(out) / f"style_transfer_{name}_sources.png", note
        ),
        figure.style_result(deprocess(result), Path(out) / f"style_transfer_{name}.png", title, note),
    ]
