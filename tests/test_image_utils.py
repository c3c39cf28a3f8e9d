"""Pictures in and out: opened as a person sees them, whatever their format, or refused in one sentence."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter1d

import image_utils
from image_utils import SQUEEZENET_MEAN, SQUEEZENET_STD, blur_image, deprocess, open_image, preprocess, rescale
from tests import inputs
from tests.test_style_transfer import COURSE_DATA

RED, GREY = (200, 30, 10), (100, 100, 100)


def saved(picture, path, **options):
    picture.save(path, **options)
    return path


def colour(path):
    """The one colour of a picture, opened: an (R, G, B) of ints."""
    picture = open_image(path)
    assert picture.mode == "RGB"
    pixels = np.asarray(picture).reshape(-1, 3)
    assert (pixels.max(0) - pixels.min(0)).max() <= 2
    return tuple(int(value) for value in pixels[0])


# --- opening ---


def test_a_grey_picture_becomes_rgb(tmp_path):
    assert colour(saved(Image.new("L", (8, 6), 100), tmp_path / "a.png")) == GREY


def test_a_palette_becomes_its_colours(tmp_path):
    assert colour(saved(Image.new("RGB", (8, 6), RED).quantize(4), tmp_path / "a.gif")) == RED


def test_black_and_white_is_black_and_white(tmp_path):
    assert colour(saved(Image.new("1", (8, 6), 1), tmp_path / "a.png")) == (255, 255, 255)


def test_cmyk_is_converted(tmp_path):
    red = colour(saved(Image.new("RGB", (8, 6), RED).convert("CMYK"), tmp_path / "a.jpg"))
    assert np.abs(np.subtract(red, RED)).max() <= 4


def test_16_bits_are_scaled_and_not_clipped(tmp_path):
    """The middle of 65535 is the middle of 255: a plain conversion would make all of it white."""
    grey = Image.fromarray(np.full((6, 8), 100 * 257, np.uint16))
    assert colour(saved(grey, tmp_path / "a.png")) == GREY


@pytest.mark.parametrize("mode, clear", [("RGBA", (0, 0, 0, 0)), ("LA", (0, 0))])
def test_transparent_parts_show_white(tmp_path, mode, clear):
    assert colour(saved(Image.new(mode, (8, 6), clear), tmp_path / "a.png")) == (255, 255, 255)


def test_half_transparent_parts_are_mixed_with_white(tmp_path):
    assert colour(saved(Image.new("RGBA", (8, 6), (0, 0, 0, 128)), tmp_path / "a.png")) == (127, 127, 127)


def test_a_palette_with_a_transparent_colour_shows_white_there(tmp_path):
    picture = Image.new("RGB", (8, 6), RED).quantize(4)
    index = picture.getpixel((0, 0))
    assert colour(saved(picture, tmp_path / "a.png", transparency=index)) == (255, 255, 255)


def test_a_picture_that_lies_on_its_side_is_turned_upright(tmp_path):
    """EXIF orientation 6: cameras store what was held upright as a wide picture."""
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(Image.new("RGB", (80, 60), RED), tmp_path / "a.jpg", exif=exif)
    assert open_image(path).size == (60, 80)


def test_paths_may_be_text(tmp_path):
    assert open_image(str(saved(Image.new("RGB", (8, 6)), tmp_path / "a.png"))).size == (8, 6)


def test_a_missing_picture_is_said(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"^expected a picture at .*nowhere.png, found no file: check the path$"
    ):
        open_image(tmp_path / "nowhere.png")


def text(path):
    path.write_text("not a picture")


def empty(path):
    path.write_bytes(b"")


def truncated_png(path):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)).save(path, "PNG")
    path.write_bytes(path.read_bytes()[:2000])


def truncated_jpeg(path):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)).save(path, "JPEG")
    path.write_bytes(path.read_bytes()[:2000])


def damaged_png(path):
    Image.new("RGB", (8, 6)).save(path, "PNG")
    data = bytearray(path.read_bytes())
    data[20:24] = b"\0\0\0\0"
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [text, empty, truncated_png, truncated_jpeg, damaged_png])
def test_what_is_no_whole_picture_is_refused(tmp_path, damage):
    """One sentence that says which file it is and what to do, never a traceback from within Pillow."""
    path = tmp_path / "picture.png"
    damage(path)
    with pytest.raises(
        ValueError, match=r"^expected a whole picture in .*picture.png, got .*: open it in a viewer and"
    ):
        open_image(path)


def test_a_folder_is_no_picture(tmp_path):
    with pytest.raises(ValueError, match=r"^expected a whole picture in .*, got Is a directory: open it"):
        open_image(tmp_path)


@pytest.mark.parametrize("side", [7100, 9600, 16000])
def test_a_gigantic_picture_is_refused_before_it_is_read(tmp_path, side):
    """Below and above Pillow's own two limits on decompression bombs; the file itself is tiny."""
    path = saved(Image.new("1", (side, side)), tmp_path / "a.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(
            ValueError, match=r"^expected .*a.png.*: (make it smaller first|open it in a viewer and save)"
        ):
            open_image(path)


# --- preprocess ---


@pytest.mark.parametrize("size, shape", [((100, 50), (224, 448)), ((50, 100), (448, 224)), ((300, 300), (224, 224))])
def test_preprocess_takes_the_shorter_side_to_224(size, shape):
    x = preprocess(Image.new("RGB", size))
    assert x.shape == (1, 3, *shape) and x.dtype == torch.float32


def test_preprocess_forces_both_sides_when_asked():
    assert preprocess(Image.new("RGB", (100, 50)), (30, 40)).shape == (1, 3, 30, 40)


def test_preprocess_normalises_by_the_means_and_deviations_of_imagenet():
    x = preprocess(Image.new("RGB", (20, 20), RED), 20)
    expected = (np.array(RED) / 255 - SQUEEZENET_MEAN) / SQUEEZENET_STD
    assert np.allclose(x[0, :, 3, 5], expected, atol=1e-6)
    assert np.allclose(SQUEEZENET_MEAN, inputs.MEAN) and np.allclose(SQUEEZENET_STD, inputs.STD)


@pytest.mark.parametrize("size", [(1, 300), (300, 1), (10, 201)])
def test_a_strip_is_refused(size):
    """One pixel wide, its longer side would become 67,200 pixels."""
    message = f"^expected a picture at most 20 times as long as wide, got {size[0]} x {size[1]}: crop it first$"
    with pytest.raises(ValueError, match=message):
        preprocess(Image.new("RGB", size))


def test_a_strip_is_taken_at_a_size_of_its_own():
    assert preprocess(Image.new("RGB", (1, 300)), (300, 1)).shape == (1, 3, 300, 1)


# --- deprocess ---


def test_deprocess_undoes_preprocess():
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    again = deprocess(preprocess(Image.fromarray(pixels), 30), should_rescale=False)
    assert again.size == (40, 30)
    assert np.abs(np.asarray(again).astype(int) - pixels).max() <= 1


def test_deprocess_stretches_to_the_full_range_when_asked():
    picture = np.asarray(deprocess(torch.from_numpy(inputs.noise(1, 3, 5, 6)).requires_grad_()))
    assert (picture.min(), picture.max()) == (0, 255)


def test_deprocess_clips_otherwise():
    picture = np.asarray(deprocess(torch.full((1, 3, 4, 4), 50.0), should_rescale=False))
    assert (picture == 255).all()


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 3, 8, 8), (1, 1, 8, 8)])
def test_deprocess_takes_one_image(shape):
    with pytest.raises(
        ValueError, match=r"^expected one image of shape \(1, 3, H, W\), got \(.*\): pick one with x\[i : "
    ):
        deprocess(torch.zeros(shape))


def test_rescale_reaches_both_ends_and_a_constant_becomes_zeros():
    assert rescale(torch.tensor([2.0, 3.0, 6.0])).tolist() == [0, 0.25, 1]
    assert rescale(torch.full((2, 2), 7.0)).tolist() == [[0, 0], [0, 0]]


def test_blur_keeps_a_constant_and_the_type():
    x = torch.full((2, 3, 6, 7), 1.5, dtype=torch.float64)
    blurred = blur_image(x, sigma=2)
    assert blurred.dtype == torch.float64 and torch.allclose(blurred, x) and blurred is not x


@pytest.mark.parametrize("shape", [(1, 3, 33, 21), (2, 3, 5, 7)], ids=["usual", "smaller than the blur"])
@pytest.mark.parametrize("sigma", [0.5, 1, 3])
def test_blur_is_scipys(shape, sigma):
    """The Gaussian filter of scipy, along rows and along columns, the edges mirrored."""
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    expected = gaussian_filter1d(gaussian_filter1d(x, sigma, axis=2), sigma, axis=3)
    assert np.abs(blur_image(torch.from_numpy(x), sigma).numpy() - expected).max() < 1e-6


# --- the ImageNet sample ---


@pytest.mark.parametrize("num", [0, 26, -1])
def test_there_are_25_sample_images(num):
    with pytest.raises(ValueError, match=f"^expected num between 1 and 25, got {num}: leave it out for all 25 images$"):
        image_utils.load_imagenet_val(num)


@pytest.mark.skipif(not Path(COURSE_DATA, "imagenet_val_25.npz").is_file(), reason="imagenet_val_25.npz is not here")
def test_the_sample_images_come_with_labels_and_names(monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(COURSE_DATA))
    X, y, class_names = image_utils.load_imagenet_val(5)
    assert X.shape == (5, 224, 224, 3) and X.dtype == np.uint8 and len(y) == 5
    assert class_names[y[0]].startswith("hay")
