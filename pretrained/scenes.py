"""The pictures that this repository ships: scenes with masks, and pictures for the style transfer."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from pretrained.errors import SourceError

FOLDER = Path(__file__).resolve().parent.parent / "images"

CONTENT_IMAGES = {"town": FOLDER / "content" / "town.png"}
STYLE_IMAGES = {name: FOLDER / "styles" / f"{name}.png" for name in ("composition", "waves", "flow")}


def read_scenes(class_names: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The scenes: images uint8 (N, 224, 224, 3), labels int64 (N,), masks bool (N, 224, 224).

    A mask is True on the object; labels are indices into class_names.
    Raises SourceError where a file is missing or is not as it was shipped.
    """
    folder = FOLDER / "scenes"
    try:
        scenes = json.loads((folder / "scenes.json").read_text(encoding="utf-8"))
        images = np.stack([_read(folder / scene["image"], "RGB") for scene in scenes])
        masks = np.stack([_read(folder / scene["mask"], "1") for scene in scenes])
        labels = np.array([class_names.index(scene["label"]) for scene in scenes], dtype=np.int64)
    except (OSError, ValueError, KeyError, TypeError, SyntaxError) as problem:
        raise SourceError(
            f"expected the sample scenes in {folder}, got {problem}: take images/ from the handout again"
        ) from None
    return images, labels, masks


def _read(path: Path, mode: str) -> np.ndarray:
    with Image.open(path) as image:
        if image.size != (224, 224):
            raise ValueError(f"{path.name} of {image.width} x {image.height} pixels, not 224 x 224")
        return np.array(image.convert(mode))
