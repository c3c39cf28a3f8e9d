"""Finds the panels of a figure that was written: the large patches that are not white."""

import numpy as np
from PIL import Image
from scipy import ndimage


def panels(path, least=100):
    """The (height, width) of each panel of at least `least` pixels either way, from the top left."""
    return [(height, width) for _, _, height, width in places(path, least)]


def places(path, least=100):
    """The (top, left, height, width) of each."""
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    drawn = ndimage.binary_closing((pixels != 255).any(axis=2), np.ones((5, 5)))  # white specks within a panel
    labelled, _ = ndimage.label(drawn, np.ones((3, 3)))
    found = [(rows.start, columns.start, rows.stop - rows.start, columns.stop - columns.start)
             for rows, columns in ndimage.find_objects(labelled)]  # fmt: skip
    return [place for place in found if min(place[2:]) >= least]
