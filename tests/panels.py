"""Finds the panels of a figure that was written: the large patches that are not white."""

import numpy as np
from PIL import Image
from scipy import ndimage


def panels(path, least=100):
    """The (height, width) of each panel of at least `least` pixels either way, from the top left."""
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    drawn = ndimage.binary_closing((pixels != 255).any(axis=2), np.ones((5, 5)))  # white specks within a panel
    labelled, _ = ndimage.label(drawn, np.ones((3, 3)))
    sizes = [(rows.stop - rows.start, columns.stop - columns.start) for rows, columns in ndimage.find_objects(labelled)]
    return [(height, width) for height, width in sizes if height >= least and width >= least]
