# STAFF
"""The pictures that the repository ships are there, whole, and as `images/README.md` says."""

import json
from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from pretrained.scenes import CONTENT_IMAGES, FOLDER, STYLE_IMAGES
from pretrained.weights import EMBEDDED, read_metadata

SIZES = {"town": (768, 512), "flow": (672, 532), "waves": (532, 672), "composition": (704, 469)}
PICTURES = CONTENT_IMAGES | STYLE_IMAGES
SCENES = json.loads((FOLDER / "scenes" / "scenes.json").read_text(encoding="utf-8"))


def pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"), np.float64) / 255


@pytest.mark.parametrize("name", SIZES)
def test_a_picture_of_the_style_transfer_is_small_and_has_light_and_dark_everywhere(name):
    """It is RGB, of its size, a small file; each quarter has contrast: nothing is blank or cut off."""
    assert PICTURES[name].stat().st_size < 900_000
    with Image.open(PICTURES[name]) as opened:
        assert (opened.mode, opened.size) == ("RGB", SIZES[name])
    picture = pixels(PICTURES[name])
    assert picture.min() < 0.1 and picture.max() > 0.9
    rows, columns = picture.shape[0] // 2, picture.shape[1] // 2
    for y in (0, rows):
        for x in (0, columns):
            assert picture[y : y + rows, x : x + columns].std() > 0.1


def test_the_styles_differ_in_colour():
    means = {name: pixels(path).mean((0, 1)) for name, path in STYLE_IMAGES.items()}
    for one, other in combinations(means, 2):
        assert np.abs(means[one] - means[other]).max() > 0.1, f"{one} and {other} have nearly the same mean colour"


@pytest.mark.parametrize("name", STYLE_IMAGES)
def test_strokes_stay_visible_when_a_style_is_shrunk(name):
    """At the least size the style transfer uses, 192 pixels, neighbouring pixels still differ clearly."""
    with Image.open(STYLE_IMAGES[name]) as picture:
        scale = 192 / min(picture.size)
        small = picture.convert("L").resize([round(side * scale) for side in picture.size], Image.Resampling.LANCZOS)
    assert np.abs(np.diff(np.asarray(small, np.float64) / 255, axis=0)).mean() > 0.04


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene["image"])
def test_a_scene_has_a_known_label_and_a_mask_of_sensible_area(scene):
    folder = FOLDER / "scenes"
    assert scene["label"] in read_metadata(EMBEDDED)["class_names"]
    picture = pixels(folder / scene["image"])
    assert picture.shape == (224, 224, 3) and picture.std() > 0.05
    with Image.open(folder / scene["mask"]) as mask:
        assert mask.size == (224, 224)
        area = np.asarray(mask.convert("1")).mean()
    assert 0.04 <= area <= 0.5, f"expected the object on 4 to 50 % of the scene, got {area:.1%}: render it again"


def test_every_file_among_the_scenes_belongs_to_one():
    files = {path.name for path in (FOLDER / "scenes").glob("*.png")}
    assert files == {scene[kind] for scene in SCENES for kind in ("image", "mask")}
