"""Photographs of packages: what they show, how they are cut, and what is said of one that is missing."""

import io

import numpy as np
import pytest
from PIL import Image

import pretrained
from pretrained import SourceError
from pretrained.photographs import PHOTOGRAPHS, read_photographs
from tests.pretrained.world import assert_one_sentence, install, pin, uninstall

NAMES = pretrained.imagenet.class_names()


def test_there_are_at_least_five_with_labels():
    """uint8 squares, each with a class of ImageNet; the first five show five different things."""
    images, labels, problems = read_photographs(NAMES)
    assert images.shape == (7, 224, 224, 3) and images.dtype == np.uint8 and labels.dtype == np.int64
    shown = ["espresso", "Egyptian cat", "lion", "moped", "cheetah", "tripod", "cheetah"]
    assert [NAMES[label] for label in labels] == shown and problems == []
    assert all(image.std() > 20 for image in images)


@pytest.mark.parametrize("size", [(512, 256), (256, 512), (300, 200), (1000, 999)])
def test_the_middle_is_cut_out(size, monkeypatch, tmp_path):
    """Of a ramp along the longer side, the shorter one at 256 pixels, the 224 columns about the middle are kept."""
    width, height = size
    ramp = np.linspace(0, 255, max(size))[None, :].repeat(min(size), axis=0)
    picture = Image.fromarray((ramp if width >= height else ramp.T).astype(np.uint8))
    file = io.BytesIO()
    picture.save(file, "PNG")
    install(monkeypatch, tmp_path, "lion.jpg", file.getvalue())
    pin(monkeypatch, "lion.jpg", file.getvalue())
    image = read_photographs(NAMES)[0][list(PHOTOGRAPHS).index("lion.jpg")].astype(float)
    image = image if width >= height else image.transpose(1, 0, 2)
    longer = 256 * max(size) / min(size)
    left = (longer - 224) / 2
    expected = 255 * np.array([left + 0.5, left + 223.5]) / longer
    assert np.abs(image[112, [0, -1], 0] - expected).max() < 2.5
    assert (image.std(axis=0) < 1).all(), "turned or skewed"


def test_what_is_missing_is_left_out_in_words(offline, monkeypatch):
    """Without gradio four photographs are left; the line on images names each that is missing."""
    uninstall(monkeypatch, "lion.jpg", "cheetah1.jpg", "cheetah2.jpg")
    source = pretrained.load("auto")
    assert [NAMES[label] for label in source.labels] == ["espresso", "Egyptian cat", "moped", "tripod"]
    (line,) = [note for note in source.notes if note.startswith("Images: 4 photographs")]
    assert all(f"expected {name} in the package" in line for name in ("lion.jpg", "cheetah1.jpg", "cheetah2.jpg"))


def test_no_photograph_at_all(offline, monkeypatch):
    """One sentence that names the packages."""
    uninstall(monkeypatch, *PHOTOGRAPHS)
    with pytest.raises(SourceError, match=r"found none: python -m pip install .*scikit-image==0\.26\.0") as error:
        pretrained.load("auto")
    assert_one_sentence(error.value)
