"""The surface that the town is painted on: colour, depth and surface direction of all that is seen above the waterline.

All lengths are in pixels of the finished picture; y points down, z towards the viewer.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np

from workshop.noise import fractal

WIDTH, HEIGHT = 768, 512
WATERLINE = 362
SS = 2  # samples per pixel and direction
UP, FRONT = (0.0, -0.75, 0.66), (0.0, 0.0, 1.0)


@dataclass
class Surface:
    """All that is seen above the waterline, one value per sample."""

    rng: np.random.Generator
    shape: tuple[int, int] = (WATERLINE * SS, WIDTH * SS)
    colour: np.ndarray = field(init=False)
    depth: np.ndarray = field(init=False)
    normal: np.ndarray = field(init=False)
    far: np.ndarray = field(init=False)  # how much haze lies before it, in [0, 1]; 1 is the sky

    def __post_init__(self):
        self.colour = np.zeros((*self.shape, 3), np.float32)
        self.depth = np.full(self.shape, -400, np.float32)
        self.normal = np.zeros((*self.shape, 3), np.float32)
        self.normal[..., 2] = 1
        self.far = np.ones(self.shape, np.float32)
        self.y, self.x = np.mgrid[: self.shape[0], : self.shape[1]].astype(np.float32) / SS
        self.coarse = fractal(self.rng, self.shape, 60 * SS)
        self.fine = fractal(self.rng, self.shape, 5 * SS, 4)

    def polygon(self, points, colour, depth, normal=FRONT, rough=0.05, far=0.0):
        """Paint a polygon. colour, depth: one value, or an array of the whole surface's shape."""
        mask = np.zeros(self.shape, np.uint8)
        cv2.fillPoly(mask, [np.round(np.asarray(points) * SS * 16).astype(np.int32)], 1, shift=4)
        self.put(mask > 0, colour, depth, normal, rough, far)

    def box(self, left, top, right, bottom, colour, depth, **more):
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], colour, depth, **more)

    def bar(self, start, end, width, colour, depth, **more):
        start, end = np.asarray(start, float), np.asarray(end, float)
        along = (end - start) / np.linalg.norm(end - start)
        side = np.array([-along[1], along[0]]) * width / 2
        self.polygon([start - side, end - side, end + side, start + side], colour, depth, **more)

    def put(self, mask, colour, depth, normal, rough, far=0.0):
        colour = np.broadcast_to(np.asarray(colour, np.float32), (*self.shape, 3))[mask]
        texture = 1 + rough * (self.fine[mask] + 0.8 * self.coarse[mask])
        self.colour[mask] = np.clip(colour * texture[:, None], 0.01, 0.95)
        self.depth[mask] = np.broadcast_to(depth, self.shape)[mask] + 0.25 * rough / 0.05 * 0.3 * self.fine[mask]
        self.normal[mask] = normal
        self.far[mask] = far

    def leaf(self, x, y, size, angle, colour, depth, normal):
        x0, y0 = max(0, int((x - size - 2) * SS)), max(0, int((y - size - 2) * SS))
        x1, y1 = int((x + size + 2) * SS), int((y + size + 2) * SS)
        if x1 <= 0 or y1 <= 0 or x0 >= self.shape[1] or y0 >= self.shape[0]:
            return
        window = np.s_[y0:y1, x0:x1]
        mask = np.zeros(self.depth[window].shape, np.uint8)
        centre = round(x * SS * 16) - x0 * 16, round(y * SS * 16) - y0 * 16
        points = cv2.ellipse2Poly((0, 0), (1000, 560), int(angle), 0, 360, 40) / 1000 * size * SS * 16 + centre
        cv2.fillPoly(mask, [np.round(points).astype(np.int32)], 1, shift=4)
        mask = mask > 0
        self.colour[window][mask], self.depth[window][mask], self.normal[window][mask] = colour, depth, normal
        self.far[window][mask] = 0
