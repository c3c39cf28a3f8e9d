"""Make the three pictures at the top of the README, in docs/pictures, with SqueezeNet's original ImageNet weights.

    python -m workshop.readme_pictures

Expect a minute on two cores. Each is 456 x 456 pixels, panels side by side, with no text: the README says what they
are. Photographs belong to their authors and stay in their packages: what the network makes of them is shown instead.
"""

from dataclasses import replace
from pathlib import Path

import torch
from PIL import Image, ImageOps

import pretrained
from figures import palette
from image_utils import deprocess, preprocess
from pretrained.settings import CLASS_VISUALIZATION, STYLE_PAIRS
from visualizers import ClassVisualization, GradCam
from workshop.evaluate import stylise

OUT = Path(__file__).parents[1] / "docs" / "pictures"
SIDE, GAP = 224, 8
PHOTOGRAPHS = ("Egyptian cat", "lion")
CLASSES = ("gorilla", "Yorkshire terrier", "tarantula", "electric guitar")
STYLE = "flow"
TOWN = Path(__file__).parents[1] / "images" / "content" / "town.png"


def main() -> None:
    source = pretrained.load("original", "cpu")
    OUT.mkdir(parents=True, exist_ok=True)
    for name, picture in (
        ("gradcam", gradcam(source)),
        ("class_visualization", class_visualization(source)),
        ("style_transfer", style(source)),
    ):
        write(name, picture)


def write(name: str, picture: Image.Image) -> None:
    """In 256 colours."""
    path = OUT / f"{name}.png"
    picture.quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)
    print(f"wrote {path} ({path.stat().st_size / 1000:.0f} kB)")


def gradcam(source: pretrained.Pretrained) -> Image.Image:
    """Guided backprop of two photographs above, Grad-CAM's map over it below."""
    shown = [source.class_names[label] for label in source.labels]
    rows = [shown.index(name) for name in PHOTOGRAPHS]
    X = torch.cat([preprocess(Image.fromarray(source.images[row])) for row in rows])
    y = torch.as_tensor(source.labels[rows])
    edges = palette.about_grey(GradCam().guided_backprop(X, y, source.model))
    covered = palette.overlay([(255 * x).astype("uint8") for x in edges], GradCam().grad_cam(X, y, source.model))
    return _sheet([Image.fromarray((255 * x).astype("uint8")) for x in (*edges, *covered)])


def class_visualization(source: pretrained.Pretrained) -> Image.Image:
    """Picture of what the network likes best for four classes."""
    settings = vars(CLASS_VISUALIZATION[source.recipe])
    names, model = source.class_names, source.model
    create = ClassVisualization().create_class_visualization
    return _sheet([create(names.index(c), names, model, generate_plots=False, **settings) for c in CLASSES])


def style(source: pretrained.Pretrained) -> Image.Image:
    """Content and style above, the result below."""
    pair = next(pair for pair in STYLE_PAIRS[source.recipe] if pair.name == STYLE)
    pair, source = replace(pair, content="town"), replace(source, content_images={"town": TOWN})  # a picture of ours
    made = stylise(source, pair, source.model.features)
    side = 2 * SIDE + GAP
    canvas = Image.new("RGB", (side, side), "white")
    result = deprocess(made)
    result = result.resize((side, round(side * result.height / result.width)), Image.Resampling.LANCZOS)
    room = side - result.height - GAP
    for column, path in enumerate((source.content_images[pair.content], source.style_images[pair.style])):
        picture = ImageOps.fit(Image.open(path).convert("RGB"), (SIDE, room), centering=(0, 0))
        canvas.paste(picture, (column * (SIDE + GAP), 0))
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
