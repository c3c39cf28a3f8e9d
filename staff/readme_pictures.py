"""Make the three pictures at the top of the README, in docs/pictures, with the embedded network.

    python -m staff.readme_pictures

Expect half a minute on two cores. Each is 456 x 456 pixels, panels side by side, with no text: the README says what
they are.
"""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

import pretrained
from figures import palette
from image_utils import deprocess, preprocess
from pretrained.settings import CLASS_VISUALIZATION, STYLE_PAIRS
from staff.embedded.evaluate import stylised
from visualizers import ClassVisualization, GradCam

OUT = Path(__file__).parents[1] / "docs" / "pictures"
SIDE, GAP = 224, 8
SCENES = ("turtle", "guitar")
CLASSES = ("strawberry", "pineapple", "butterfly", "sunflower")
STYLE = "flow"


def main() -> None:
    source = pretrained.load("embedded", "cpu")
    OUT.mkdir(parents=True, exist_ok=True)
    for name, picture in (
        ("gradcam", gradcam(source)),
        ("class_visualization", class_visualization(source)),
        ("style_transfer", style(source)),
    ):
        path = OUT / f"{name}.png"
        picture.quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)
        print(f"wrote {path} ({path.stat().st_size / 1000:.0f} kB)")


def gradcam(source: pretrained.Pretrained) -> Image.Image:
    """Two scenes above, their Grad-CAM maps over them below."""
    labels = [source.class_names.index(name) for name in SCENES]
    rows = [int(np.flatnonzero(source.labels == label)[0]) for label in labels]
    X = torch.cat([preprocess(Image.fromarray(source.images[row])) for row in rows])
    maps = GradCam().grad_cam(X, torch.tensor(labels), source.model)
    images = [Image.fromarray(source.images[row]) for row in rows]
    covered = [Image.fromarray((255 * x).astype(np.uint8)) for x in palette.overlay(source.images[rows], maps)]
    return _sheet([*images, *covered])


def class_visualization(source: pretrained.Pretrained) -> Image.Image:
    """What the network likes best for four classes."""
    settings = vars(CLASS_VISUALIZATION["embedded"])
    names, model = source.class_names, source.model
    create = ClassVisualization().create_class_visualization
    return _sheet([create(names.index(c), names, model, generate_plots=False, **settings) for c in CLASSES])


def style(source: pretrained.Pretrained) -> Image.Image:
    """Content and style above, the result below."""
    pair = next(pair for pair in STYLE_PAIRS["embedded"] if pair.name == STYLE)
    made = stylised(source, pair, source.model.features)
    side = 2 * SIDE + GAP
    canvas = Image.new("RGB", (side, side), "white")
    result = deprocess(made)
    result = result.resize((side, round(side * result.height / result.width)), Image.Resampling.LANCZOS)
    room = side - result.height - GAP
    for column, path in enumerate((source.content_images[pair.content], source.style_images[pair.style])):
        with Image.open(path) as picture:
            picture = picture.convert("RGB")
        width = (side - GAP) // 2
        scale = max(width / picture.width, room / picture.height)
        picture = picture.resize(
            (round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS
        )
        canvas.paste(picture.crop((0, 0, width, room)), (column * (width + GAP), 0))
    canvas.paste(result, (0, room + GAP))
    return canvas


def _sheet(panels: list[Image.Image]) -> Image.Image:
    """Four panels, two by two, on white."""
    canvas = Image.new("RGB", (2 * SIDE + GAP, 2 * SIDE + GAP), "white")
    for i, panel in enumerate(panels):
        canvas.paste(panel.resize((SIDE, SIDE)), (i % 2 * (SIDE + GAP), i // 2 * (SIDE + GAP)))
    return canvas


if __name__ == "__main__":
    main()
