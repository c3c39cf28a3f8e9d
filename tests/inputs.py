"""Images that tests show to networks: the repository's own scenes and pictures, small, and random images."""

from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from pretrained.scenes import CONTENT_IMAGES, STYLE_IMAGES, read_scenes
from pretrained.weights import EMBEDDED, read_metadata

MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
GRAIN = 0.1  # of normalised pixels


def scenes(indices: tuple[int, ...] = (2, 8, 13), height: int = 72, width: int = 88) -> np.ndarray:
    """Some of the shipped scenes at half their size, cut to height x width: float32 (N, 3, H, W), normalised.

    A little noise is added: in an area of one colour, which of equal values max-pooling takes, and so where the
    gradient goes, would depend on the last bit, and differ from machine to machine.
    """
    top, left = (112 - height) // 2, (112 - width) // 2
    pixels = _all_scenes()[0][list(indices), ::2, ::2][:, top : top + height, left : left + width]
    images = np.moveaxis((pixels / 255 - MEAN) / STD, 3, 1)
    return (images + GRAIN * noise(*images.shape)).astype(np.float32)


def check_left(answer: dict) -> None:
    """Fail unless a probe's answer says that the images are as they were: their numbers, requires_grad and .grad."""
    for fact, told in (
        ("written", "expected the images as they were, got them changed: make new tensors, a - b instead of a -= b"),
        ("marked", "expected the caller's images without a gradient, got one kept there"),
    ):
        mine = "\n    It looks like this mistake: the gradient is that of the caller's tensor: take it of X.detach()."
        assert "X" not in answer[fact].split(", "), told + mine * (fact == "marked")


def name_training(answer: dict) -> str:
    """Name it where layers were in training mode while a probe asked: dropout gives other numbers there."""
    told = "the network was in training mode: leave its mode as it is, without model.train()."
    return told if answer["training"] else ""


def labels(indices: tuple[int, ...] = (2, 8, 13)) -> np.ndarray:
    return _all_scenes()[1][list(indices)]


def noise(*shape: int, seed: int = 0, dtype: type = np.float32) -> np.ndarray:
    """Standard normal numbers."""
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def path(name: str) -> Path:
    """The file of a content or style picture."""
    return (CONTENT_IMAGES | STYLE_IMAGES)[name]


def picture(name: str, height: int, width: int) -> np.ndarray:
    """A content or style picture by its name, shrunk to uint8 (height, width, 3)."""
    with Image.open(path(name)) as image:
        return np.asarray(image.convert("RGB").resize((width, height), Image.Resampling.BOX))


def normalise(pixels: np.ndarray) -> np.ndarray:
    """Turn uint8 (H, W, 3) into float32 (1, 3, H, W), as the network sees it."""
    return np.moveaxis((pixels / 255 - MEAN) / STD, 2, 0)[None].astype(np.float32)


def find_unclamped(images: np.ndarray) -> np.ndarray:
    """Mask of the pixels (N, 3, H, W) that lie inside the range of valid ones, and not at its ends."""
    low, high = ((edge - MEAN) / STD for edge in (0, 1))
    middle, reach = ((low + high) / 2)[:, None, None], ((high - low) / 2)[:, None, None]
    return np.abs(images - middle) < reach - 1e-4


def features(cnn: nn.Sequential, pixels: np.ndarray) -> list[Tensor]:
    """The output of each module of cnn for a picture uint8 (H, W, 3)."""
    outputs = [torch.from_numpy(normalise(pixels))]
    for module in cnn:
        outputs.append(module(outputs[-1]).clone())
    return outputs[1:]


# A pair for style transfer so small that its 200 steps take a second or two, weighted for the losses of
# probes/style_transfer.py.
SMALL_PAIR = {
    "image_size": 32,
    "style_size": 32,
    "content_layer": 3,
    "content_weight": 2.0,
    "style_layers": [1, 4, 6],
    "style_weights": [600, 600, 200],
    "tv_weight": 3.0,
}
STEPS = 2  # of it that are stored


ALIKE = 0.05  # values that differ by less are called alike


def alike(images: np.ndarray, others: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Return, for each of the images (N, 3, H, W), the share of these pixel values that is as in the other."""
    images, others = (array.reshape(len(array), -1)[:, pixels] for array in (images, others))
    return np.mean(np.abs(images - others) < ALIKE, axis=1)


def small_pair() -> tuple[np.ndarray, np.ndarray]:
    """Its content and style, uint8, at their sizes already."""
    return picture("town", 32, 48), picture("flow", 32, 40)


def small_pair_arguments() -> dict:
    """Arguments of the probe `style_transfer`."""
    content, style = small_pair()
    return {"network": "embedded", "content": content, "style": style} | SMALL_PAIR


@cache
def _all_scenes() -> tuple[np.ndarray, np.ndarray]:
    images, labels, _ = read_scenes(read_metadata(EMBEDDED)["class_names"])
    return images, labels
