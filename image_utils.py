"""Images in and out of the network: opening, resizing, normalising and their inverses.

SqueezeNet was trained on images scaled to [0, 1] and then normalised per channel with the ImageNet mean and
standard deviation; `preprocess` does that, `deprocess` undoes it.
"""

import io
import os
import re
import unicodedata
import warnings
from os import PathLike
from typing import Any

import numpy as np
import torch
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError
from torch import Tensor
from torchvision.transforms import v2

SQUEEZENET_MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)
SQUEEZENET_STD = np.array([0.229, 0.224, 0.225], dtype=np.float32)

MAX_PIXELS = 50_000_000  # about 7000 x 7000: more is refused before it is decoded
REDUCED = 16_000_000
MAX_ASPECT = 20
HEIF = "pi-heif==1.4.0"  # as requirements.txt has it
TURNS = {  # by the number that EXIF has for it
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def preprocess(img: Image.Image, size: int | tuple[int, int] = 224) -> Tensor:
    """Resize, scale to [0, 1], normalise, and add a batch axis.

    img: PIL image in RGB.
    size: the new length of the shorter side (the aspect is kept), or (H, W) to force both.
    Returns float32 (1, 3, H, W), ImageNet-normalised. Raises TypeError for what is no such picture, and ValueError
    where one side is more than MAX_ASPECT times the other: the longer side would grow out of hand.
    """
    if not isinstance(img, Image.Image) or img.mode != "RGB":
        got = f"one in {img.mode}" if isinstance(img, Image.Image) else f"a {type(img).__name__}"
        raise TypeError(f"expected a PIL picture in RGB, got {got}: {_lead_to_picture(img)}")
    if min(map(int, size if isinstance(size, list | tuple) else [size])) < 1:
        raise ValueError(f"expected a size above 0, got {size}: leave it out for 224")
    if not isinstance(size, list | tuple) and max(img.size) > MAX_ASPECT * min(img.size):
        raise ValueError(
            f"expected a picture at most {MAX_ASPECT} times as long as wide, got {img.width} x {img.height}: "
            "crop it first"
        )
    transform = v2.Compose([
        v2.Resize(size if isinstance(size, list | tuple) else int(size)),
        v2.PILToTensor(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(SQUEEZENET_MEAN.tolist(), SQUEEZENET_STD.tolist()),
    ])  # fmt: skip
    return transform(img)[None]


def _lead_to_picture(given: Any) -> str:
    """The step from what `preprocess` was given as `img` to a picture in RGB: code works as it stands."""
    if isinstance(given, str | PathLike):
        return "use open_image(img)"
    if isinstance(given, np.ndarray):
        one = given.dtype == np.uint8 and given.ndim == 3 and given.shape[2] == 3
        return "use Image.fromarray(img)" if one else "make it uint8 (H, W, 3), then use Image.fromarray(img)"
    if isinstance(given, Tensor):
        return "a method takes it as it is, if preprocess has made it; else open the picture's file with open_image"
    if isinstance(given, list | tuple):
        return "give its pictures one by one"
    return "open its file with open_image"


def deprocess(img: Tensor, should_rescale: bool = True) -> Image.Image:
    """The inverse of `preprocess`.

    img: (1, 3, H, W), ImageNet-normalised, any device, may require gradients.
    should_rescale: stretch the values so that they fill [0, 1]; otherwise values outside [0, 1] are clipped.
    Returns a PIL image, H x W, RGB.
    """
    if img.ndim != 4 or img.shape[:2] != (1, 3):
        code = "img[None]" if img.ndim == 3 else "img[i : i + 1]"
        if img.shape[-1] == 3 and img.shape[-3] != 3:
            code = "img.permute(2, 0, 1)[None]" if img.ndim == 3 else "img.permute(0, 3, 1, 2)"
        hint = f"use {code}"
        raise ValueError(f"expected one image of shape (1, 3, H, W), got {tuple(img.shape)}: {hint}")
    x = img.detach()[0].float().cpu()
    x = x * torch.from_numpy(SQUEEZENET_STD).view(3, 1, 1) + torch.from_numpy(SQUEEZENET_MEAN).view(3, 1, 1)
    x = rescale(x) if should_rescale else x.clamp(0, 1)
    return v2.functional.to_pil_image(x)


def rescale(x: Tensor) -> Tensor:
    """Stretch linearly so that the least value is 0 and the greatest 1; a constant tensor becomes zeros."""
    low, high = x.min(), x.max()
    return (x - low) / (high - low) if high > low else torch.zeros_like(x)


def blur_image(X: Tensor, sigma: float = 1) -> Tensor:
    """Blur rows and columns with a Gaussian of `sigma` pixels, cut off at four; edges mirror what lies before them.

    X: (N, C, H, W). Returns a new tensor like X, computed on its device. Raises ValueError where sigma is not above 0.
    """
    if not sigma > 0:
        raise ValueError(f"expected sigma above 0, got {sigma}: leave the blur out instead")
    radius = int(4 * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    weights /= weights.sum()
    blurred = X.detach()
    for axis in (2, 3):
        size = X.shape[axis]
        mirrored = torch.from_numpy(np.pad(np.arange(size), radius, mode="symmetric")).to(X.device)
        wide = blurred.index_select(axis, mirrored)
        blurred = sum(weight * wide.narrow(axis, k, size) for k, weight in enumerate(weights.tolist()))
    return blurred


NO_PICTURES = {  # by how a file begins, in small letters: what it is, and the step that leads to a picture
    b"<!doctype html": ("a web page", "save the picture itself"),
    b"<html": ("a web page", "save the picture itself"),
    b"pk\3\4": ("a zip", "unpack it"),
    b"%pdf": ("a PDF", "save its page as JPEG or PNG"),
    b"\x93numpy": ("an array of NumPy's", "load it, and save Image.fromarray(...) as PNG"),
}


def open_image(path: str | PathLike[str]) -> Image.Image:
    """Open a picture as a person would expect to see it: RGB in the colours of sRGB, upright.

    Grey, palette, CMYK, 16-bit and floating pictures are converted, colour profiles as well; transparent parts show
    white; EXIF rotation is applied; of an animation the first picture is taken. A JPEG of more than REDUCED pixels is
    reduced while it is read, by 2, 4 or 8. Warns where rotation or profile cannot be read, and goes on without.
    Raises ValueError, in one sentence, for what is no picture, is truncated, or has more than MAX_PIXELS pixels;
    FileNotFoundError where there is no such file.
    """
    given: Any = path
    if not isinstance(given, str | PathLike) and not hasattr(given, "read"):
        hint = "wrap them in io.BytesIO(...)" if isinstance(given, bytes) else "save it to a file, and give its path"
        if isinstance(given, Image.Image):
            hint = "give it to preprocess, after .convert('RGB'), or its file here"
        raise TypeError(f"expected the path of a picture, got {type(given).__name__}: {hint}")
    if re.match(r"\w+://", str(path)):
        hint = "give the path behind it" if str(path).startswith("file:") else "download it, and give the file"
        raise ValueError(f"expected the path of a picture, got the address {path}: {hint}")
    named = isinstance(path, str | PathLike)  # the explorer gives what it has in memory
    if named and os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):  # it may never answer
        raise ValueError(f"expected a picture at {path}, got a pipe or a device: save it to a file first")
    try:
        # Pillow only warns about a decompression bomb up to twice its own limit; ours comes first.
        with warnings.catch_warnings(record=True, action="always") as told:
            opened = _open(path)
        unread = [warning for warning in told if warning.category is UserWarning]  # of a JPEG's EXIF
        with opened:
            if odd := _name_odd_tiff(opened):
                raise ValueError(odd)
            if opened.width * opened.height > REDUCED:
                ratio = (REDUCED / (opened.width * opened.height)) ** 0.5
                opened.draft(None, (round(ratio * opened.width / 2), round(ratio * opened.height / 2)))
            if opened.width * opened.height <= MAX_PIXELS:
                return _as_rgb(_upright(opened, path, bool(unread)), path)
            size = f"{opened.width} x {opened.height}"
    except FileNotFoundError:
        twin = "complete its name with Tab, as its accents are stored otherwise"
        hint = twin if _has_twin(path) else "check the path"
        raise FileNotFoundError(f"expected a picture at {path or repr(path)}, found no file: {hint}") from None
    except IsADirectoryError:
        raise ValueError(f"expected a picture at {path}, got a folder: name a file in it") from None
    except Image.DecompressionBombError:
        got = f"far more in {path}: make it smaller first"
        raise ValueError(f"expected at most {MAX_PIXELS:,} pixels, got {got}") from None
    except Exception as error:  # a damaged file can raise nearly anything
        if isinstance(error, OSError) and error.strerror:
            raise ValueError(f"expected a picture at {path}, got {error.strerror!r}: check path and rights") from None
        got = str(error) or type(error).__name__
        hint = "open it in a viewer and save it as JPEG or PNG"
        if isinstance(error, UnidentifiedImageError):  # whose own words say the path twice
            got = "a format that cannot be read here"
        if named and (other := _name_no_picture(path)):
            got, hint = other
        raise ValueError(f"expected a whole picture in {path}, got {got}: {hint}") from None
    raise ValueError(f"expected at most {MAX_PIXELS:,} pixels, got {size} in {path}: make it smaller first")


def _open(path: str | PathLike[str]) -> Image.Image:
    try:
        return Image.open(path)
    except UnidentifiedImageError:
        try:
            import pi_heif  # imported here: only telephones' HEIC needs it
        except ImportError:
            raise ValueError(f"a format that cannot be read here (for HEIC: python -m pip install {HEIF})") from None
        pi_heif.register_heif_opener()
        return Image.open(path)


def _name_no_picture(path: str | PathLike[str]) -> tuple[str, str] | None:
    """Name what lies in a picture's place and is none, and the step that leads to the picture; None for the rest."""
    with open(path, "rb") as file:
        start = file.read(200).lstrip().lower()
    name = os.path.basename(os.fspath(path))
    if name.startswith("._") or name.endswith(".icloud"):
        return "what macOS notes about a picture", "give the picture itself, downloaded where it is in iCloud"
    if not start:
        return "an empty file", "download or copy it again"
    return next((told for begins, told in NO_PICTURES.items() if start.startswith(begins)), None)


def _has_twin(path: str | PathLike[str]) -> bool:
    """Return True if the folder has a file of this name, but for how accents are stored, as macOS does it otherwise."""
    folder, name = os.path.split(os.fspath(path))
    try:
        there = os.listdir(folder or ".")
    except OSError:
        return False
    return unicodedata.normalize("NFC", name) in {unicodedata.normalize("NFC", one) for one in there}


def _name_odd_tiff(picture: Image.Image) -> str:
    """Name what Pillow would silently show as another picture: the preview in a camera's raw data, a negative."""
    tags = getattr(picture, "tag_v2", {})
    if ExifTags.Base.DNGVersion in tags or tags.get(ExifTags.Base.NewSubfileType, 0) & 1:
        return "a camera's raw data, of which only a small preview can be read here"
    white_is_zero = tags.get(ExifTags.Base.PhotometricInterpretation) == 0
    deep = picture.mode.startswith("I") or picture.mode == "F"
    return "a negative, grey whose zero is white" if white_is_zero and deep else ""


def _upright(picture: Image.Image, path: str | PathLike[str], damaged: bool) -> Image.Image:
    """Turn the picture as its EXIF says. Pillow's own way writes all of the EXIF anew, and fails at one odd value.

    damaged: whether Pillow has passed over some of the EXIF: if it finds no rotation then, there may have been one.
    """
    picture.load()  # first: a file that ends too soon is no matter of its rotation
    try:
        with warnings.catch_warnings(record=True, action="always") as told:
            orientation = picture.getexif().get(ExifTags.Base.Orientation, 1)
        if orientation in (0, 1) and not (damaged or told):
            return picture
        return picture.transpose(TURNS[orientation])
    except Exception:  # each tag can be damaged in its own way
        warnings.warn(f"the rotation of {path} cannot be read: it is shown as it was stored", stacklevel=3)
        return picture


def _as_rgb(picture: Image.Image, path: str | PathLike[str]) -> Image.Image:
    profile = picture.info.get("icc_profile")
    if picture.mode.startswith("I"):  # 16-bit grey, which convert("RGB") would clip to white
        grey = np.asarray(picture, dtype=np.float64)
        if grey.min() < 0 or grey.max() > 65535:
            raise ValueError(f"grey of 32 bits, from {grey.min():.0f} to {grey.max():.0f}")
        picture = Image.fromarray(np.round(grey / 257).clip(0, 255).astype(np.uint8))
    elif picture.mode == "F":  # floating grey, up to 1 or up to 255
        grey = np.asarray(picture, dtype=np.float64)
        most = grey.max(where=np.isfinite(grey), initial=0)
        if most > 256:
            raise ValueError(f"grey of floating numbers up to {most:.0f}")
        white = 1 if most <= 1 else 255
        picture = Image.fromarray(np.round(np.nan_to_num(grey).clip(0, white) * (255 / white)).astype(np.uint8))
    if picture.mode == "P" and picture.has_transparency_data:
        picture = picture.convert("RGBA")  # straight to RGB Pillow warns
    alpha = picture.convert("RGBA").getchannel("A") if picture.has_transparency_data else None
    picture = _in_srgb(picture, profile, path) if profile else picture.convert("RGB")
    return Image.composite(picture, Image.new("RGB", picture.size, "white"), alpha) if alpha else picture


def _in_srgb(picture: Image.Image, profile: bytes, path: str | PathLike[str]) -> Image.Image:
    """Convert the picture's colours from its ICC profile to sRGB; leave them where that cannot be done."""
    plain = picture if picture.mode in ("L", "CMYK") else picture.convert("RGB")
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if re.match(r"sRGB(?!.*linear)", ImageCms.getProfileDescription(own), re.IGNORECASE):
            return plain.convert("RGB")
        srgb = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(plain, own, srgb, outputMode="RGB") or plain.convert("RGB")
    except Exception:  # a damaged profile can raise nearly anything
        warnings.warn(f"the colour profile of {path} cannot be read: its colours may look different", stacklevel=4)
        return plain.convert("RGB")


def load_imagenet_val(num: int | None = None) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """The first `num` (default: all 25) ImageNet validation images of the classic assignment.

    Returns images uint8 (num, 224, 224, 3), labels int64 (num,), and the 1000 class names.
    Raises pretrained.SourceError where the file cannot be had.
    """
    from pretrained import imagenet_val  # imported here: only this function needs the downloader

    if num is not None and not 1 <= num <= 25:
        raise ValueError(f"expected num between 1 and 25, got {num}: leave it out for all 25 images")
    images, labels, class_names = imagenet_val()
    return images[:num], labels[:num], class_names
