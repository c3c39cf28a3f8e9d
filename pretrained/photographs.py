"""Photographs that come with packages, for where the course's images cannot be had."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from pretrained.errors import SourceError
from pretrained.packages import PACKAGED, packaged_file

# What each shows, by the first of ImageNet's names for it; the first five are those of most figures.
PHOTOGRAPHS = {
    "coffee.png": "espresso",
    "chelsea.png": "Egyptian cat",
    "lion.jpg": "lion",
    "motorcycle_left.png": "moped",
    "cheetah2.jpg": "cheetah",
    "camera.png": "tripod",
    "cheetah1.jpg": "cheetah",
}
CONTENT = "china.jpg"  # a pagoda, for style transfer
SHORTER_SIDE, SIZE = 256, 224


def read_photographs(class_names: Sequence[str]) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Images uint8 (N, 224, 224, 3), labels int64 (N,) as indices into class_names; what kept others away, in words.

    The shorter side is resized to 256 pixels (Lanczos), the middle is cut out.
    Raises SourceError where there is none at all.
    """
    images, labels, problems = [], [], []
    for name, label in PHOTOGRAPHS.items():
        try:
            images.append(_middle(name))
        except SourceError as problem:
            problems.append(str(problem))
        else:
            labels.append(class_names.index(label))
    if not images:
        packages = " ".join(sorted({f"{PACKAGED[name].package}=={PACKAGED[name].version}" for name in PHOTOGRAPHS}))
        raise SourceError(f"expected photographs in packages, found none: python -m pip install {packages}")
    return np.stack(images), np.array(labels, dtype=np.int64), problems


def _middle(name: str) -> np.ndarray:
    with Image.open(packaged_file(name)) as opened:
        picture = opened.convert("RGB")
    ratio = SHORTER_SIDE / min(picture.size)
    width, height = (int(side * ratio + 1e-6) for side in picture.size)
    left, top = (round((side - SIZE) / 2) for side in (width, height))
    resized = picture.resize((width, height), Image.Resampling.LANCZOS)
    return np.array(resized.crop((left, top, left + SIZE, top + SIZE)))
