"""Paint the pictures of the style transfer: images/content/town.png and three paintings in images/styles.

    python -m workshop.paint              # all four, in about a minute
    python -m workshop.paint flow waves   # these alone

Each picture has its own seed, so the same versions of the packages give the same files.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from pretrained.files import whole
from workshop.composition import composition
from workshop.flow import flow
from workshop.town import town
from workshop.waves import waves

IMAGES = Path(__file__).parents[1] / "images"
PICTURES = {
    "content/town": (town, 7),
    "styles/flow": (flow, 2),
    "styles/waves": (waves, 3),
    "styles/composition": (composition, 4),
}


def main() -> None:
    names = [Path(picture).name for picture in PICTURES]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}; all where none is given")
    chosen = parser.parse_args().names or names
    if unknown := sorted(set(chosen) - set(names)):
        parser.error(f"expected some of {', '.join(names)}, got {', '.join(unknown)}: try --help")
    cv2.setNumThreads(1)
    for picture, (make, seed) in PICTURES.items():
        if Path(picture).name in chosen:
            _write(make(np.random.default_rng(seed)), IMAGES / f"{picture}.png")


def _write(picture: np.ndarray, path: Path) -> None:
    with whole(path) as beside:
        Image.fromarray(np.round(picture * 255).astype(np.uint8)).save(beside, optimize=True)
    print(f"{path}: {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
