"""Smooth random textures: fractal noise."""

import cv2
import numpy as np


def fractal(rng: np.random.Generator, shape: tuple[int, int], cell: float, octaves: int = 5, stretch: float = 1):
    """Fractal noise float32 (H, W), mean 0 and standard deviation 1.

    cell: the size of its largest features in pixels; stretch: how many times wider than high they are.
    """
    height, width = shape
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        rows, columns = (max(1.0, c * 0.5**octave) for c in (cell / stretch, cell))
        grid = rng.standard_normal((int(height / rows) + 4, int(width / columns) + 4)).astype(np.float32)
        y, x = np.arange(height, dtype=np.float32) / rows + 1, np.arange(width, dtype=np.float32) / columns + 1
        total += 0.5**octave * cv2.remap(grid, *np.meshgrid(x, y), cv2.INTER_CUBIC)
    return (total - total.mean()) / total.std()
