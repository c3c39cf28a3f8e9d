"""Pictures in which shape and texture disagree, or in which one of them is missing: uint8 (H, W, 3).

By style transfer (Geirhos et al. 2019), by filling an object's mask with patches of another object, and by leaving out:
silhouettes, edges, shuffled patches.
"""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

import style_transfer as script
from labs import lab
from pretrained.settings import StylePair, plain_pair
from style_modules import make_losses
from style_utils import style_transfer

PATCH = 20  # pixels of a patch that a mask is filled with
WHOLE = 0.95  # of a patch must lie on the object that it is taken from


def stylise(content: np.ndarray, style: np.ndarray, cnn: nn.Sequential, steps: int, stronger: float) -> np.ndarray:
    """The content picture with the style of the other, by the assignment's style transfer.

    Style weights are those that give each layer an equal share at the start, times `stronger`.
    """
    with tempfile.TemporaryDirectory() as folder:
        shape, texture = Path(folder) / "content.png", Path(folder) / "style.png"
        Image.fromarray(content).save(shape)
        Image.fromarray(style).save(texture)
        pair = script.balance(_pair(len(cnn)), shape, texture, cnn)
        made = style_transfer(
            name="", content_image=shape, style_image=texture, image_size=content.shape[0], style_size=style.shape[0],
            content_layer=pair.content_layer, content_weight=pair.content_weight, style_layers=pair.style_layers,
            style_weights=[stronger * weight for weight in pair.style_weights], tv_weight=pair.tv_weight,
            **make_losses(), cnn=cnn, testing=True, num_iterations=steps,
        )  # fmt: skip
    assert isinstance(made, torch.Tensor)
    return lab.to_picture(made)


def _pair(layers: int) -> StylePair:
    """Layers that content and style are read from: SqueezeNet's usual ones, or as deep in another network."""
    pair = plain_pair("content", "style")
    deepest = (1, 4, 6, 7) if layers == 13 else tuple(sorted({layers * k // 13 for k in (1, 4, 6, 7)}))
    return replace(pair, style_layers=deepest, content_layer=min(pair.content_layer, layers - 1))


def patches(image: np.ndarray, mask: np.ndarray) -> list[np.ndarray]:
    """Patches of the object alone: all that lie on it, on a grid of half their size."""
    found = []
    for top in range(0, image.shape[0] - PATCH + 1, PATCH // 2):
        for left in range(0, image.shape[1] - PATCH + 1, PATCH // 2):
            window = (slice(top, top + PATCH), slice(left, left + PATCH))
            if mask[window].mean() >= WHOLE:
                found.append(image[window])
    return found


def fill(image: np.ndarray, mask: np.ndarray, texture: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """The image with its object filled with patches, each put down, turned over or not, where the dice say."""
    height, width = mask.shape
    rows, columns = -(-height // PATCH), -(-width // PATCH)
    lines = [
        np.concatenate([_flip(texture[rng.integers(len(texture))], rng) for _ in range(columns)], axis=1)
        for _ in range(rows)
    ]
    quilt = np.concatenate(lines)
    return np.where(mask[..., None], quilt[:height, :width], image)


def _flip(patch: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return patch[:, ::-1] if rng.random() < 0.5 else patch


def silhouette(mask: np.ndarray) -> np.ndarray:
    """The object black on white."""
    return np.where(mask[..., None], 0, 255).astype(np.uint8).repeat(3, axis=2)


def grey(image: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(image).convert("L").convert("RGB"))


def edges(image: np.ndarray) -> np.ndarray:
    """Dark lines on white: how steep the picture is, by Sobel, relative to its steepest hundredth."""
    from scipy.ndimage import gaussian_filter, sobel

    smooth = gaussian_filter(image.mean(axis=2), 1.0)
    steep = np.hypot(sobel(smooth, 0), sobel(smooth, 1))
    dark = np.clip(steep / max(np.quantile(steep, 0.99), 1e-9), 0, 1)
    return (255 * (1 - dark)).round().astype(np.uint8)[..., None].repeat(3, axis=2)


def shuffle(image: np.ndarray, across: int, rng: np.random.Generator) -> np.ndarray:
    """The picture cut into across x across patches, which are put together in another order."""
    side = image.shape[0] // across
    tiles = [image[i * side : (i + 1) * side, j * side : (j + 1) * side] for i in range(across) for j in range(across)]
    order = rng.permutation(len(tiles))
    lines = [np.concatenate([tiles[k] for k in order[i * across : (i + 1) * across]], axis=1) for i in range(across)]
    return np.concatenate(lines)
