"""New scenes of the shipped ones: their objects, cut out by their masks, on backgrounds of colour and noise.

For networks that labs train themselves: as many pictures as wanted, with exact masks, and nothing to download.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

import pretrained


@dataclass(frozen=True)
class Composed:
    images: np.ndarray  # uint8 (N, size, size, 3)
    labels: np.ndarray  # int64 (N,)
    masks: np.ndarray  # bool (N, size, size)


def compose(scenes: pretrained.Pretrained, count: int, size: int, seed: int) -> Composed:
    """So many pictures, each with one object of `scenes`: turned about, 40 to 90 % of the picture wide, anywhere."""
    rng = np.random.default_rng(seed)
    objects = [_cut_out(image, mask) for image, mask in zip(scenes.images, np.asarray(scenes.masks))]
    images, labels, masks = [], [], []
    for _ in range(count):
        which = int(rng.integers(len(objects)))
        image, mask = _paste(objects[which], _background(size, rng), rng)
        images.append(image)
        labels.append(scenes.labels[which])
        masks.append(mask)
    return Composed(np.stack(images), np.array(labels, np.int64), np.stack(masks))


@dataclass(frozen=True)
class Collage:
    image: np.ndarray  # uint8 (rows * size, columns * size, 3)
    labels: np.ndarray  # int64, one for each object
    masks: np.ndarray  # bool (objects, rows * size, columns * size)


def collage(scenes: pretrained.Pretrained, which: Sequence[int], columns: int, size: int, seed: int) -> Collage:
    """One large picture of several objects of `scenes`, row by row, each within a square `size` wide."""
    rng = np.random.default_rng(seed)
    height, width = -(-len(which) // columns) * size, columns * size
    picture = _background(max(height, width), rng).crop((0, 0, width, height))
    masks = np.zeros((len(which), height, width), bool)
    for i, index in enumerate(which):
        top, left = (size * at for at in divmod(i, columns))
        square = picture.crop((left, top, left + size, top + size))
        pixels, mask = _paste(_cut_out(scenes.images[index], np.asarray(scenes.masks)[index]), square, rng)
        picture.paste(Image.fromarray(pixels), (left, top))
        masks[i, top : top + size, left : left + size] = mask
    return Collage(np.asarray(picture), scenes.labels[list(which)], masks)


def _cut_out(image: np.ndarray, mask: np.ndarray) -> Image.Image:
    """The object alone, transparent around it."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    pixels = np.dstack([image, np.where(mask, 255, 0).astype(np.uint8)])
    return Image.fromarray(pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


def _background(size: int, rng: np.random.Generator) -> Image.Image:
    """Two colours that run into each other under coarse noise."""
    colours = rng.integers(30, 226, (2, 3))
    run = np.linspace(0, 1, size)[:, None] if rng.random() < 0.5 else np.linspace(0, 1, size)[None, :]
    pixels = colours[0] + (colours[1] - colours[0]) * np.broadcast_to(run, (size, size))[..., None]
    coarse = Image.fromarray(rng.integers(0, 256, (6, 6, 3)).astype(np.uint8))
    noise = np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC), np.float64) - 128
    return Image.fromarray((pixels + 0.35 * noise).clip(0, 255).astype(np.uint8))


def _paste(cut: Image.Image, picture: Image.Image, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    if rng.random() < 0.5:
        cut = cut.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    scale = rng.uniform(0.4, 0.9) * picture.width / max(cut.size)
    width, height = (max(round(side * scale), 1) for side in cut.size)
    cut = cut.resize((width, height), Image.Resampling.BOX)
    left, top = int(rng.integers(picture.width - width + 1)), int(rng.integers(picture.height - height + 1))
    picture.paste(cut, (left, top), cut)
    mask = np.zeros((picture.height, picture.width), bool)
    mask[top : top + height, left : left + width] = np.asarray(cut)[..., 3] >= 128
    return np.asarray(picture), mask
