"""The fifteen corruptions of ImageNet-C at five severities, by the package `imagecorruptions-imaug`, seeded.

Of the two packages that there are, `imagecorruptions` 1.1.2 fails at glass blur (scikit-image has no `multichannel` any
more) and fog (NumPy has no `float_`), and needs pkg_resources, which new Pythons lack; its kept successor, 1.1.5, makes
all fifteen at all severities with the versions pinned here, and goes by the same name. It requires opencv-python, whose
files are those of opencv-python-headless: where both are installed, they must have the same version.
"""

import warnings

import numpy as np

from figures import script

KINDS = {
    "noise": ("gaussian_noise", "shot_noise", "impulse_noise"),
    "blur": ("defocus_blur", "glass_blur", "motion_blur", "zoom_blur"),
    "weather": ("snow", "frost", "fog", "brightness"),
    "digital": ("contrast", "elastic_transform", "pixelate", "jpeg_compression"),
}
NAMES = tuple(name for names in KINDS.values() for name in names)
SEVERITIES = (1, 2, 3, 4, 5)
SEEDED = ("glass_blur", "impulse_noise")  # these draw from generators of their own, and take a seed


def corrupted(images: np.ndarray, name: str, severity: int, seed: int) -> np.ndarray:
    """Images uint8 (N, H, W, 3), each corrupted; the same for the same seed. NumPy's random state is left as it was."""
    try:
        from imagecorruptions import corrupt
    except ImportError as problem:  # none there, or one whose libraries are not
        raise script.UserError(
            f"expected the package imagecorruptions-imaug, got {problem}: "
            "sh environment/make_venv.sh labs/requirements.txt"
        ) from None
    state = np.random.get_state()  # noqa: NPY002 -- the package draws from NumPy's global generator
    try:
        np.random.seed(seed)  # noqa: NPY002
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the package's and numba's own
            return np.stack([
                corrupt(image, severity, name, **({"seed": seed + i} if name in SEEDED else {}))
                for i, image in enumerate(images)
            ])  # fmt: skip
    finally:
        np.random.set_state(state)  # noqa: NPY002
