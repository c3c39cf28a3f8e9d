# STAFF
"""The files of one's own photographs: every format is seen as a person sees it, and what cannot be is told."""

import re

import numpy as np
import pytest
from PIL import Image

import fooling_image
import gradcam
import pretrained
import saliency_map
from figures import script
from figures.images import choose_images

pytestmark = pytest.mark.scripts


@pytest.fixture(scope="module")
def source():
    return pretrained.load("embedded", "cpu")


# --- formats ---


def as_cmyk(picture, path):
    picture.convert("CMYK").save(path.with_suffix(".jpg"))
    return path.with_suffix(".jpg")


def as_16_bits(picture, path):
    Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257).save(path.with_suffix(".png"))
    return path.with_suffix(".png")


def as_floats(picture, path):
    Image.fromarray(np.asarray(picture.convert("L")).astype(np.float32) / 255).save(path.with_suffix(".tiff"))
    return path.with_suffix(".tiff")


def as_animation(picture, path):
    picture.save(path.with_suffix(".gif"), save_all=True, append_images=[picture.rotate(180)])
    return path.with_suffix(".gif")


def as_webp(picture, path):
    picture.save(path.with_suffix(".webp"), lossless=True)
    return path.with_suffix(".webp")


@pytest.mark.parametrize("save", [as_cmyk, as_16_bits, as_floats, as_animation, as_webp])
def test_every_format_is_seen_as_a_person_sees_it(source, tmp_path, save):
    """Dark on the left, light on the right, whatever the file holds."""
    ramp = np.repeat(np.linspace(30, 220, 60, dtype=np.uint8)[None], 40, axis=0)
    path = save(Image.fromarray(ramp).convert("RGB"), tmp_path / "ramp")
    args = saliency_map.parse_args(["--image", str(path)])
    (pixels,) = choose_images(args, source).pixels
    assert pixels.shape == (224, 336, 3)
    columns = pixels.mean(axis=(0, 2))
    assert np.abs(columns - np.linspace(30, 220, 336)).max() < 12


# --- mistakes ---


def missing(path):
    pass


def empty(path):
    path.write_bytes(b"")


def no_picture(path):
    path.write_text("a letter")


def truncate(path):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)).save(path, "JPEG")
    path.write_bytes(path.read_bytes()[:2000])


def strip(path):
    Image.new("RGB", (500, 100)).save(path)


def telephone(path):
    """Write the first bytes of a HEIC file, and nothing behind them."""
    path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200))


def folder(path):
    path.mkdir()


@pytest.mark.parametrize(
    "make, words",
    [
        (missing, r"expected a picture at .*picture.jpg, found no file: check the path"),
        (empty, r"expected a whole picture in .*, got a format that cannot be read here.*: open it in a viewer"),
        (no_picture, r"expected a whole picture in .*, got a format that cannot be read here.*: open it in a viewer"),
        (telephone, r"expected a whole picture in .*picture.jpg, got .*: open it in a viewer and save it as JPEG"),
        (truncate, r"expected a whole picture in .*, got image file is truncated .*: open it in a viewer"),
        (folder, r"expected a picture at .*, got a folder: name a file in it"),
        (strip, r"expected a picture at most 4 times as long as wide, got 500 x 100 in .*: crop it"),
    ],
)
@pytest.mark.parametrize("module", [saliency_map, gradcam, fooling_image])
def test_a_picture_that_cannot_be_taken_is_told_in_one_sentence(module, make, words, source, tmp_path):
    path = tmp_path / "picture.jpg"
    make(path)
    with pytest.raises(SystemExit) as ended:
        script.run(lambda: module.main(["--out", str(tmp_path), "--image", str(path)], source))
    assert re.fullmatch(f"error: {words}.*", str(ended.value.code))
    assert not list(tmp_path.glob("*.png"))


@pytest.mark.parametrize("options", [["--image", "0"], ["--image", "1", "--num", "2"], ["--image"]])
@pytest.mark.parametrize("module", [saliency_map, gradcam])
def test_wrong_options_end_with_status_2(module, options, source, capsys):
    with pytest.raises(SystemExit) as ended:
        module.main(options, source)
    assert ended.value.code == 2
    assert "error: " in capsys.readouterr().err
