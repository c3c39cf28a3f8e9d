"""Pictures in and out: opened as a person sees them, whatever their format, or refused in one sentence."""

import base64
import importlib.util
import os
import re
import struct
import sys
import unicodedata
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms, ImageOps, TiffImagePlugin
from scipy.ndimage import gaussian_filter1d

import image_utils
from image_utils import SQUEEZENET_MEAN, SQUEEZENET_STD, blur_image, deprocess, open_image, preprocess, rescale
from tests import inputs
from tests.test_style_transfer import COURSE_DATA

RED, GREY, WHITE = (200, 30, 10), (100, 100, 100), (255, 255, 255)
HEIC = """
AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAX1tZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9jAAAAAERA
AAEAAQAAAAABoQABAAAAAAAAAB0AAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA/WlwcnAAAADdaXBjbwAA
AHZodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQAqQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbq
5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFzwIkAAAATY29scm5jbHgAAQANAAaAAAAAFGlzcGUAAAAAAAAAQAAAAEAAAAAoY2xhcAAAAEAAAAABAAAA
MAAAAAEAAAAAAAAAAv////AAAAACAAAAEHBpeGkAAAAAAwgICAAAABhpcG1hAAAAAAAAAAEAAQWBAgMFhAAAACVtZGF0AAAAGSgBrxOA9SeBP//hWUf/
zKZ4fiL9fnny1PA=
"""  # what pillow-heif makes of 64 x 48 pixels in RED


def save(picture, path, **options):
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

MODES = {  # each of one colour: the picture, the kind of file, and what is to be seen
    "grey": (lambda: Image.new("L", (8, 6), 100), "png", GREY),
    "palette": (lambda: Image.new("RGB", (8, 6), RED).quantize(4), "gif", RED),
    "black and white": (lambda: Image.new("1", (8, 6), 1), "png", WHITE),
    "CMYK": (lambda: Image.new("RGB", (8, 6), RED).convert("CMYK"), "jpg", RED),
    # The middle of 65535 is the middle of 255: a plain conversion would make all of it white.
    "16 bits": (lambda: Image.fromarray(np.full((6, 8), 100 * 257, np.uint16)), "png", GREY),
    "transparent": (lambda: Image.new("RGBA", (8, 6), (0, 0, 0, 0)), "png", WHITE),
    "transparent grey": (lambda: Image.new("LA", (8, 6), (0, 0)), "png", WHITE),
    "half transparent": (lambda: Image.new("RGBA", (8, 6), (0, 0, 0, 128)), "png", (127, 127, 127)),
    "floats": (lambda: Image.fromarray(np.full((6, 8), 100 / 255, np.float32)), "tiff", GREY),
    "WebP": (lambda: Image.new("RGB", (8, 6), RED), "webp", RED),
    "AVIF": (lambda: Image.new("RGB", (8, 6), RED), "avif", RED),
}


@pytest.mark.parametrize("kind", MODES)
def test_every_mode_becomes_rgb_as_a_person_sees_it(tmp_path, kind):
    make, suffix, expected = MODES[kind]
    got = colour(save(make(), tmp_path / f"a.{suffix}"))
    assert np.abs(np.subtract(got, expected)).max() <= (4 if suffix in ("jpg", "webp", "avif") else 0)


@pytest.mark.parametrize(
    "name, data, words",
    [
        ("cat.jpg", b"", "an empty file: download or copy it again"),
        ("cat.jpg", b"\n<!DOCTYPE html><html>", "a web page: save the picture itself"),
        ("._cat.jpg", b"\0\5\x16\7", "what macOS notes about a picture: give the picture itself, downloaded where"),
        (".cat.jpg.icloud", b"bplist00", "what macOS notes about a picture: give the picture itself, downloaded where"),
        ("Photos.zip", b"PK\3\4", "a zip: unpack it"),
        ("cat.npy", b"\x93NUMPY", r"an array of NumPy's: load it, and save Image.fromarray\(...\) as PNG"),
        ("cat.jpg", b"what", "a format that cannot be read here: open it in a viewer and save it as JPEG or PNG"),
    ],
)
def test_what_lies_in_a_picture_s_place_is_named(tmp_path, name, data, words):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError, match=f"^expected a whole picture in .*, got {words}"):
        open_image(tmp_path / name)


def test_an_accent_that_is_stored_otherwise_is_told(tmp_path):
    """Zips of macOS hold two letters where other systems have one; on the screen they are alike."""
    (tmp_path / unicodedata.normalize("NFD", "mädchen.jpg")).write_bytes(b"")
    if (path := tmp_path / unicodedata.normalize("NFC", "mädchen.jpg")).exists():
        pytest.skip("this file system takes both for one")
    with pytest.raises(FileNotFoundError, match="found no file: complete its name with Tab, as its accents are stored"):
        open_image(path)


def test_of_an_animation_the_first_frame_is_seen(tmp_path):
    frames = [Image.new("RGB", (8, 6), colour).quantize(4) for colour in (RED, WHITE)]
    assert colour(save(frames[0], tmp_path / "a.gif", save_all=True, append_images=frames[1:])) == RED


def test_a_palette_with_a_transparent_colour_shows_white_there(tmp_path):
    picture = Image.new("RGB", (8, 6), RED).quantize(4)
    index = picture.getpixel((0, 0))
    assert colour(save(picture, tmp_path / "a.png", transparency=index)) == WHITE


def test_a_telephones_heic_is_opened_or_told(tmp_path, monkeypatch):
    """A square of 64 x 48 in one colour; without the package that reads HEIC the sentence says how to get it."""
    path = tmp_path / "a.heic"
    path.write_bytes(base64.b64decode(HEIC))
    if importlib.util.find_spec("pi_heif"):
        assert np.abs(np.subtract(colour(path), RED)).max() <= 6 and open_image(path).size == (64, 48)
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    Image.init()  # or the formats that are found meanwhile are forgotten with this list
    monkeypatch.setattr(Image, "ID", [kind for kind in Image.ID if kind != "HEIF"])
    with pytest.raises(ValueError, match=r"^expected a whole picture in .*, got .*for HEIC: python -m pip"):
        open_image(path)
    assert image_utils.HEIF in (Path(image_utils.__file__).parent / "requirements.txt").read_text().split()


# --- EXIF ---


def with_exif(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_that_lies_on_its_side_is_turned_upright(tmp_path, orientation):
    """It is turned as Pillow does, for each of the eight ways in which cameras store a picture."""
    pixels = np.random.default_rng(0).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    path = save(Image.fromarray(pixels), tmp_path / "a.png", exif=with_exif(orientation))
    with Image.open(path) as opened:
        assert np.array_equal(open_image(path), ImageOps.exif_transpose(opened))


@pytest.mark.parametrize(
    "tags, words",
    [
        ({0x0112: 6, 0x829A: (1, 0)}, ""),  # an exposure of 1 / 0 s
        ({0x0112: 6, 0x8769: {0x9286: b"\0" * 9}, 0x0100: 2**31}, ""),
        ({0x0112: 99}, "the rotation of .*a.jpg cannot be read"),
    ],
    ids=["exposure", "odd values", "no such rotation"],
)
def test_odd_exif_is_no_reason_to_refuse_a_picture(tmp_path, tags, words):
    """It is turned where its rotation can be read; where not, a note says so, and it is shown as it was stored."""
    exif = Image.Exif()
    for tag, value in tags.items():
        exif[tag] = value
    path = save(Image.new("RGB", (80, 60), RED), tmp_path / "a.jpg", exif=exif)
    with pytest.warns(UserWarning, match=words) if words else warnings.catch_warnings(action="error"):
        assert open_image(path).size == ((80, 60) if words else (60, 80))


def test_exif_that_ends_too_soon_is_told_in_our_words(tmp_path):
    """Pillow would say "Truncated File Read" and go on as if no rotation were there."""
    far = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<HHHII", 2, 0x010F, 2, 5000, 2**31)  # a text beyond the end
    far += struct.pack("<HHIHHI", 0x0112, 3, 1, 8, 0, 0)
    path = save(Image.new("RGB", (80, 60), RED), tmp_path / "a.jpg", exif=far)
    with pytest.warns(UserWarning) as told:
        assert open_image(path).size == (80, 60)
    words = [str(one.message) for one in told]
    assert words == [f"the rotation of {path} cannot be read: it is shown as it was stored"]


def test_a_truncated_picture_is_told_once(tmp_path):
    """Not with a word about its rotation first."""
    path = save(Image.effect_noise((80, 60), 90), tmp_path / "a.png")
    path.write_bytes(path.read_bytes()[:2000])
    with warnings.catch_warnings(action="error"), pytest.raises(ValueError, match=r"^expected a whole picture .*"):
        open_image(path)


def test_a_palette_with_transparency_is_opened_without_a_word(tmp_path):
    """Pillow warns where it is converted straight to RGB; what is transparent shows white."""
    path = save(Image.new("RGB", (8, 8), RED).convert("P"), tmp_path / "a.png", transparency=bytes(256))
    with warnings.catch_warnings(action="error"):
        assert set(open_image(path).get_flattened_data()) == {(255, 255, 255)}


@pytest.mark.parametrize("at", range(24))
def test_exif_with_a_damaged_byte_is_no_reason_to_refuse_a_picture(tmp_path, at):
    """Each byte of the EXIF's first tags is changed in turn: a picture comes, or a sentence, and nothing else."""
    path = save(Image.new("RGB", (80, 60), RED), tmp_path / "a.jpg", exif=with_exif(6))
    data = bytearray(path.read_bytes())
    data[data.index(b"Exif\0\0") + 6 + at] ^= 0xFF
    path.write_bytes(data)
    with warnings.catch_warnings(action="ignore"):
        try:
            assert open_image(path).size in ((80, 60), (60, 80))
        except ValueError as problem:
            assert re.match("expected a whole picture in .*: open it in a viewer", str(problem))


# --- colour profiles ---


def profile(**changes):
    """The profile of sRGB with another name, and other primaries: rXYZ=(X, Y, Z)."""
    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = bytearray(data.replace("sRGB".encode("utf-16-be"), "mine".encode("utf-16-be")).replace(b"sRGB", b"mine"))
    for tag, values in changes.items():
        entry = data.index(tag.encode(), 128)
        (offset,) = struct.unpack_from(">I", data, entry + 4)
        struct.pack_into(">3i", data, offset + 8, *(round(65536 * value) for value in values))
    return bytes(data)


SRGB = {"rXYZ": (0.43607, 0.22249, 0.01392), "gXYZ": (0.38515, 0.71687, 0.09708)}
DISPLAY_P3 = {
    "rXYZ": (0.51512, 0.24120, -0.00105),
    "gXYZ": (0.29198, 0.69225, 0.04189),
    "bXYZ": (0.15710, 0.06657, 0.78407),
}


@pytest.mark.parametrize(
    "given, stored, seen",
    [
        ({}, RED, RED),
        ({"rXYZ": SRGB["gXYZ"], "gXYZ": SRGB["rXYZ"]}, RED, (30, 200, 10)),
        (DISPLAY_P3, (234, 51, 35), (255, 0, 0)),
        (DISPLAY_P3, GREY, GREY),
    ],
    ids=["sRGB's", "swapped channels", "Display P3", "grey in Display P3"],
)
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_colours_are_those_of_the_profile(tmp_path, given, stored, seen, mode):
    """sRGB's red is (234, 51, 35) in Display P3, which every telephone stores; a profile can even swap channels."""
    picture = Image.new("RGB", (8, 6), stored)
    picture = picture.quantize(4) if mode == "P" else picture.convert(mode)
    path = save(picture, tmp_path / "a.png", icc_profile=profile(**given))
    assert np.abs(np.subtract(colour(path), seen)).max() <= 4


def test_a_profile_that_is_srgbs_but_for_its_curve_is_no_srgb(tmp_path):
    """GIMP saves "sRGB" and "Linear sRGB"."""
    swapped = profile(rXYZ=SRGB["gXYZ"], gXYZ=SRGB["rXYZ"])
    named = swapped.replace("mine built-in".encode("utf-16-be"), "sRGB linear  ".encode("utf-16-be"))
    path = save(Image.new("RGB", (8, 6), RED), tmp_path / "a.png", icc_profile=named)
    assert named != swapped and np.abs(np.subtract(colour(path), (30, 200, 10))).max() <= 4


def test_a_profile_that_cannot_be_read_is_told_and_left_out(tmp_path):
    """The picture is taken as it is; that of sRGB itself, by its name, is not even looked at."""
    path = save(Image.new("RGB", (8, 6), RED), tmp_path / "a.png", icc_profile=b"no profile")
    with pytest.warns(UserWarning, match="the colour profile of .*a.png cannot be read"):
        assert colour(path) == RED
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert colour(save(Image.new("RGB", (8, 6), RED), tmp_path / "b.png", icc_profile=srgb)) == RED


# --- mistakes, and large pictures ---


def test_a_path_that_is_no_picture_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"^expected a picture at .*where.png, found no file: check the path$"):
        open_image(tmp_path / "nowhere.png")
    with pytest.raises(ValueError, match=r"^expected a picture at .*, got a folder: name a file in it$"):
        open_image(tmp_path)
    (tmp_path / "file").touch()
    words = r"^expected a picture at .*/cat.png, got 'Not a directory': check path and rights$"
    with pytest.raises(ValueError, match=words):
        open_image(tmp_path / "file" / "cat.png")
    with pytest.raises(ValueError, match=r"^expected the path of a picture, got the address https://a.b/c.png:"):
        open_image("https://a.b/c.png")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path / "pipe.png", os.devnull):
        with pytest.raises(ValueError, match=r"^expected a picture at .*, got a pipe or a device: save it to a file"):
            open_image(path)


@pytest.mark.parametrize("least, most", [(0.25, 1), (63.75, 255)])
def test_floating_grey_may_be_infinite_in_places(tmp_path, least, most):
    """Infinity has no say in how bright the rest is; NaN is black."""
    grey = np.float32([[0, least, most, np.inf, -np.inf, np.nan]])
    Image.fromarray(grey).save(tmp_path / "a.tif")
    assert np.asarray(open_image(tmp_path / "a.tif"))[0, :, 0].tolist() == [0, 64, 255, 255, 0, 0]


def test_floating_grey_beyond_255_has_no_white(tmp_path):
    """A microscope's, say, which would all be white."""
    Image.fromarray(np.float32([[0, 4095]])).save(tmp_path / "a.tif")
    with pytest.raises(ValueError, match=r"got grey of floating numbers up to 4095: open it in a viewer"):
        open_image(tmp_path / "a.tif")


def noise(path, kind):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)).save(path, kind)
    path.write_bytes(path.read_bytes()[:2000])


def damage_header(path):
    Image.new("RGB", (8, 6)).save(path, "PNG")
    data = bytearray(path.read_bytes())
    data[20:24] = b"\0\0\0\0"
    path.write_bytes(data)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_text("not a picture"),
        lambda path: path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200)),  # a HEIC file's beginning
        lambda path: noise(path, "PNG"),
        lambda path: noise(path, "JPEG"),
        damage_header,
    ],
    ids=["text", "truncated HEIC", "truncated PNG", "truncated JPEG", "damaged PNG"],
)
def test_what_is_no_whole_picture_is_refused(tmp_path, damage):
    """One sentence that says which file it is and what to do, never a traceback from within Pillow."""
    path = tmp_path / "picture.png"
    damage(path)
    with pytest.raises(ValueError, match=r"^expected a whole picture in .*picture.png, got .*: open it in a viewer"):
        open_image(path)


@pytest.mark.parametrize("side", [7100, 9600, 16000])
def test_a_gigantic_picture_is_refused_before_it_is_read(tmp_path, side):
    """Below and above Pillow's own two limits on decompression bombs; the file itself is tiny."""
    path = save(Image.new("1", (side, side)), tmp_path / "a.png")
    words = r"^expected .*a.png.*: (make it smaller first|open it in a viewer and save)"
    with warnings.catch_warnings(action="error"), pytest.raises(ValueError, match=words):
        open_image(path)


@pytest.mark.parametrize(
    "size, seen", [((8064, 6048), (4032, 3024)), ((15000, 4000), (7500, 2000)), ((40, 30), (40, 30))]
)
def test_a_large_jpeg_is_reduced_while_it_is_read(tmp_path, size, seen):
    """48 megapixels, and a panorama of more than are taken otherwise: at half their size, which is plenty."""
    picture = open_image(save(Image.new("L", size, 100), tmp_path / "a.jpg"))
    assert picture.size == seen and picture.getpixel((5, 5)) == GREY


# --- preprocess ---


@pytest.mark.parametrize("size, shape", [((100, 50), (224, 448)), ((50, 100), (448, 224)), ((300, 300), (224, 224))])
def test_preprocess_takes_the_shorter_side_to_224(size, shape):
    x = preprocess(Image.new("RGB", size))
    assert x.shape == (1, 3, *shape) and x.dtype == torch.float32


def test_sizes_of_numpy_are_sizes():
    assert preprocess(Image.new("RGB", (60, 40)), np.int64(20)).shape == (1, 3, 20, 30)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (Image.new("RGB", (9, 9)), "got Image: give it to preprocess, "),
        (b"\xff\xd8\xff", r"got bytes: wrap them in io.BytesIO\(\.\.\.\)$"),  # of Colab's files.upload()
        (torch.zeros(1, 3, 9, 9), "got Tensor: save it to a file"),
    ],
)
def test_what_is_no_path_is_told(given, words):
    with pytest.raises(TypeError, match=f"^expected the path of a picture, {words}"):
        open_image(given)


@pytest.mark.parametrize(
    "given, step",
    [
        ("cat.jpg", r"use open_image\(img\)"),
        (np.zeros((9, 9, 3), np.uint8), r"use Image.fromarray\(img\)"),
        (np.zeros((9, 9, 3)), r"make it uint8 \(H, W, 3\), then use Image.fromarray\(img\)"),
        (torch.zeros(1, 3, 9, 9), "a method takes it as it is, if preprocess has made it; else open"),
        ([Image.new("RGB", (9, 9))], "give its pictures one by one"),
        (Image.new("RGBA", (9, 9)), "open its file with open_image"),
    ],
    ids="path|bytes|floats|tensor|list|RGBA".split("|"),
)
def test_what_is_no_picture_in_rgb_is_not_preprocessed(given, step):
    got = "one in RGBA" if isinstance(given, Image.Image) else f"a {type(given).__name__}"
    with pytest.raises(TypeError, match=f"^expected a PIL picture in RGB, got {got}: {step}"):
        preprocess(given)


@pytest.mark.parametrize("size", [0, (0, 5), -1])
def test_a_size_of_nothing_is_told(size):
    with pytest.raises(ValueError, match=r"^expected a size above 0, got .*: leave it out for 224$"):
        preprocess(Image.new("RGB", (9, 9)), size)
    assert preprocess(Image.new("RGB", (9, 9)), "5").shape == (1, 3, 5, 5)  # what somebody has typed


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


@pytest.mark.parametrize(
    ("shape", "hint"),
    [
        ((3, 8, 8), r"use img\[None\]"),
        ((8, 8, 3), r"use img.permute\(2, 0, 1\)\[None\]"),
        ((2, 3, 8, 8), r"use img\[i : "),
        ((1, 8, 8, 3), "use img.permute"),
    ],
)
def test_deprocess_takes_one_image(shape, hint):
    with pytest.raises(ValueError, match=rf"^expected one image of shape \(1, 3, H, W\), got \(.*\): {hint}"):
        deprocess(torch.zeros(shape))


def test_rescale_reaches_both_ends_and_a_constant_becomes_zeros():
    assert rescale(torch.tensor([2.0, 3.0, 6.0])).tolist() == [0, 0.25, 1]
    assert rescale(torch.full((2, 2), 7.0)).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(
    ("tags", "got"),
    [({254: 1}, "a camera's raw data, of which only a small preview can be read here"),
     ({50706: b"\1\4\0\0"}, "a camera's raw data, of which only a small preview can be read here"),
     ({262: 0}, "a negative, grey whose zero is white")],
)  # fmt: skip
def test_what_pillow_would_show_as_another_picture_is_told(tmp_path, tags, got):
    """A TIFF may hold a camera's raw data behind a preview, or a negative."""
    path = tmp_path / "photo.tif"
    picture = Image.fromarray(np.arange(0, 40000, 100, dtype=np.uint16).reshape(20, 20))
    given = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, value in tags.items():
        given.tagtype[tag] = 1 if isinstance(value, bytes) else 3
        given[tag] = value
    picture.save(path, tiffinfo=given)
    with pytest.raises(ValueError, match=f"^expected a whole picture in .+, got {got}: open it in a viewer and"):
        open_image(path)


@pytest.mark.parametrize("value", [-1, 70_000])
def test_grey_of_32_bits_is_told(tmp_path, value):
    """Nobody knows what is black and white in it; above half of its range Pillow reads it as below zero."""
    path = save(Image.fromarray(np.full((8, 8), value, np.int32)), tmp_path / "deep.tif")
    with pytest.raises(ValueError, match=f"^expected a whole picture in .+, got grey of 32 bits, from {value} to "):
        open_image(path)


@pytest.mark.parametrize("sigma", [0, -1.0])
def test_a_blur_of_no_width_is_refused(sigma):
    """It would be a picture of NaN."""
    with pytest.raises(ValueError, match=f"^expected sigma above 0, got {sigma}: leave the blur out instead$"):
        image_utils.blur_image(torch.ones(1, 3, 8, 8), sigma)


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
