"""The 25 ImageNet validation images of the classic assignment and the names of the 1000 classes."""

import numpy as np

from pretrained.addresses import IMAGES
from pretrained.downloads import course_file

# The figures that the classic assignment shows.
FOOLING_TARGET = 6  # stingray
VISUALIZATION_TARGETS = (366, 187, 76, 546)  # gorilla, Yorkshire terrier, tarantula, electric guitar


def imagenet_val(patient: bool = True) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Images uint8 (25, 224, 224, 3), labels int64 (25,), and the names of the 1000 classes.

    patient: as in `course_file`. Raises SourceError where the file cannot be had.
    """
    with np.load(course_file(IMAGES, patient=patient), allow_pickle=False) as file:
        return file["X"], file["y"], class_names()


def class_names() -> list[str]:
    """The 1000 names, from the description that torchvision ships with the weights.

    Not from the label map in the file of images, which is never unpickled: it is made of numpy's objects, not
    of plain containers, and lacks class 134.
    """
    from torchvision.models import SqueezeNet1_1_Weights

    return list(SqueezeNet1_1_Weights.IMAGENET1K_V1.meta["categories"])
