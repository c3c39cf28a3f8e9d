"""The town's houses: walls, roofs, dormers, timber and windows, painted on its surface."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from workshop.town_surface import UP

BASE = 318  # where the houses stand, behind the wall


@dataclass
class House:
    left: float
    right: float
    eaves: float
    ridge: float
    colour: tuple[float, float, float]
    gable: bool  # the gable looks to the river; otherwise the roof's slope does
    columns: int
    rows: int
    timber: bool = False
    shutters: tuple[float, float, float] | None = None
    depth: float = 0.0
    roof: tuple[float, float, float] = (0.46, 0.19, 0.12)


HOUSES = (
    House(96, 176, 196, 128, (0.80, 0.62, 0.33), True, 3, 3, shutters=(0.20, 0.33, 0.24), depth=2),
    House(176, 262, 168, 106, (0.74, 0.70, 0.60), False, 4, 4, depth=-4, roof=(0.40, 0.20, 0.14)),
    House(262, 352, 176, 80, (0.80, 0.74, 0.60), True, 3, 3, timber=True, depth=4, roof=(0.50, 0.20, 0.12)),
    House(352, 424, 206, 142, (0.62, 0.27, 0.20), True, 3, 3, depth=-2, roof=(0.30, 0.19, 0.16)),
    House(424, 526, 182, 118, (0.48, 0.57, 0.63), False, 4, 3, shutters=(0.80, 0.80, 0.76), depth=3),
    House(526, 606, 158, 66, (0.86, 0.80, 0.68), True, 3, 4, timber=True, depth=0, roof=(0.44, 0.17, 0.11)),
    House(606, 676, 200, 132, (0.77, 0.50, 0.36), True, 2, 3, shutters=(0.30, 0.22, 0.17), depth=5),
    House(676, 790, 190, 126, (0.72, 0.72, 0.50), False, 4, 3, depth=-3, roof=(0.48, 0.22, 0.13)),
)


def tiles(s, colour, top):
    """Rows of roof tiles: the colour darkens at each row's edge, and differs from tile to tile."""
    row = (s.y - top) / 5.2
    column = s.x / 4.4 + 0.5 * (np.floor(row) % 2)
    tint = np.sin(np.floor(row) * 127.1 + np.floor(column) * 311.7) * 43758.5
    tint = 0.80 + 0.36 * (tint - np.floor(tint)) + 0.10 * s.coarse
    edge = 1 - 0.42 * (row % 1 > 0.74) - 0.20 * (column % 1 > 0.82)
    moss = np.clip(s.coarse - 0.7, 0, 1)[..., None] * 0.5
    return np.array(colour) * (tint * edge)[..., None] * (1 - moss) + moss * np.array([0.22, 0.22, 0.12])


def house(rng, s, h):
    middle, z = (h.left + h.right) / 2, h.depth
    low = np.clip((s.y - BASE + 60) / 60, 0, 1) * 0.18 + 0.10 * np.clip(s.coarse, 0, 2) * (s.y > h.eaves)
    wall = np.array(h.colour) * (1 - low)[..., None]
    roof = tiles(s, h.roof, h.ridge)
    outline = [(h.left, BASE + 12), (h.left, h.eaves), (h.right, h.eaves), (h.right, BASE + 12)]
    if h.gable:
        outline.insert(2, (middle, h.ridge))
    for at in rng.uniform(0.2, 0.8, 1 + (not h.gable)):
        x = h.left + at * (h.right - h.left)
        top = h.ridge - 12 + (0.85 * abs(x - middle) if h.gable else 0)
        s.box(x - 4, top, x + 4, top + 46, (0.42, 0.22, 0.17), z - 30, rough=0.12)
        s.box(x - 5, top - 2, x + 5, top + 2, (0.5, 0.47, 0.42), z - 28)
    if not h.gable:
        slope = z + 7 - 0.8 * np.clip(h.eaves - s.y, 0, 200)
        edge = [(h.left - 4, h.eaves + 3), (h.left + 5, h.ridge), (h.right - 5, h.ridge), (h.right + 4, h.eaves + 3)]
        s.polygon(edge, roof, slope, normal=UP, rough=0.06)
        s.bar((h.left + 5, h.ridge), (h.right - 5, h.ridge), 3, (0.36, 0.17, 0.12), z - 40, normal=UP)
        _dormers(rng, s, h)
    s.polygon(outline, wall, z, rough=0.035)
    storeys = np.linspace(h.eaves, BASE + 4, h.rows + 1)
    if h.timber:
        _timber(s, h, storeys)
    pitch = (h.right - h.left) / h.columns
    for top, bottom in pairwise(storeys):
        for column in range(h.columns):
            x = h.left + (column + 0.5) * pitch
            tall = min(24.0, 0.62 * (bottom - top))
            _window(rng, s, x, (top + bottom) / 2 + 1, 0.21 * min(pitch, 25) + 1, tall / 2, z, h.shutters)
    if h.gable:
        rise = h.eaves - h.ridge
        for dx, dy in ((-0.16, 0.16), (0.16, 0.16), (0, 0.52)):
            if rise > 56 or dx == 0:
                y = h.eaves - (dy if rise > 56 else 0.3) * rise
                _window(rng, s, middle + dx * (h.right - h.left), y, 5, 8, z, None)
        for side in (h.left, h.right):  # the roof's edge, seen from below, and its tiles
            over = side + np.sign(side - middle) * 6
            low_y = h.eaves + 6 * rise / (middle - h.left)
            turned = (0.5 * np.sign(side - middle), -0.6, 0.62)
            s.bar((middle, h.ridge - 1), (over, low_y - 1), 6.5, roof, z + 9, normal=turned)
            s.bar((middle, h.ridge + 4), (over, low_y + 3.5), 3, (0.33, 0.24, 0.17), z + 7)
    else:
        s.bar((h.left - 4, h.eaves + 3), (h.right + 4, h.eaves + 3), 3.4, (0.40, 0.36, 0.32), z + 9)
        s.bar((h.left - 4, h.eaves + 1.5), (h.right + 4, h.eaves + 1.5), 1.5, (0.55, 0.3, 0.2), z + 10, normal=UP)


def _dormers(rng, s, h):
    number = 2 if h.right - h.left < 100 else 3
    for x in np.linspace(h.left, h.right, 2 * number + 1)[1::2]:
        y, z = h.ridge + 0.60 * (h.eaves - h.ridge), h.depth - 6
        s.box(x - 9, y - 9, x + 9, y + 13, h.colour, z)
        s.polygon([(x - 9, y - 9), (x, y - 18), (x + 9, y - 9)], h.colour, z)
        _window(rng, s, x, y + 1, 5, 7.5, z, None)
        for side in (-1, 1):
            turned = (0.5 * side, -0.6, 0.62)
            s.bar((x, y - 20), (x + side * 12, y - 7), 4, np.array(h.roof) * 0.9, z + 6, normal=turned)


def _timber(s, h, storeys):
    """Dark beams: posts, rails and a few braces, up into the gable."""
    width, middle = h.right - h.left, (h.left + h.right) / 2

    def beam(start, end, thick):
        s.bar(start, end, thick, (0.19, 0.105, 0.06), h.depth + 1.2, rough=0.14)

    for y in storeys[:-1]:
        beam((h.left, y), (h.right, y), 4.2)
    pitch = width / h.columns
    for column in range(h.columns + 1):
        x = np.clip(h.left + column * pitch, h.left + 2, h.right - 2)
        beam((x, h.eaves), (x, BASE + 8), 3.6)
    for top, bottom in pairwise(storeys):
        for x, side in ((h.left + 3, 1), (h.right - 3, -1)):
            beam((x, top + 0.52 * (bottom - top)), (x + side * 9, bottom), 2.6)
        for column in range(h.columns):
            x = h.left + (column + 0.5) * pitch
            beam((x - pitch / 2, bottom - 4), (x + pitch / 2, bottom - 4), 2.2)
    rise = h.eaves - h.ridge
    for share in (0.33, 0.68):
        half = (1 - share) * width / 2
        beam((middle - half, h.eaves - share * rise), (middle + half, h.eaves - share * rise), 3.4)
    for dx in (-0.32, 0, 0.32):
        x = middle + dx * width
        beam((x, h.eaves), (x, h.eaves - (1 - 2 * abs(dx)) * rise), 3.2)
    for side in (-1, 1):
        foot, head = middle + side * 0.30 * width, middle + side * 0.10 * width
        beam((foot, h.eaves), (head, h.eaves - 0.33 * rise), 2.6)


def _window(rng, s, x, y, half_width, half_height, z, shutters):
    left, right, top, bottom = x - half_width, x + half_width, y - half_height, y + half_height
    frame = np.array([0.82, 0.80, 0.75]) * rng.uniform(0.85, 1)
    s.box(left - 2, top - 2, right + 2, bottom + 2, (0.64, 0.60, 0.53), z + 0.9, rough=0.03)
    s.box(left - 0.6, top - 0.6, right + 0.6, bottom + 0.6, frame, z - 1.4, rough=0.01)
    share = np.clip((s.y - top) / (bottom - top), 0, 1)[..., None]
    glass = (1 - share) * np.array([0.20, 0.26, 0.34]) * rng.uniform(0.5, 1.3) + share * np.array([0.035, 0.04, 0.05])
    if rng.random() < 0.35:  # curtains
        drawn = np.abs(s.x - x) > half_width * rng.uniform(0.25, 0.75)
        curtain = np.array([0.45, 0.43, 0.39]) * (0.8 + 0.2 * np.sin(s.x * 4))[..., None]
        glass = np.where(drawn[..., None], curtain, glass)
    for a, b in ((left + 0.7, x - 0.6), (x + 0.6, right - 0.7)):
        bar = top + 0.36 * (bottom - top)
        s.box(a, top + 0.7, b, bar - 0.5, glass, z - 2.6, rough=0.02)
        s.box(a, bar + 0.5, b, bottom - 0.7, glass, z - 2.6, rough=0.02)
    sill, up = (0.62, 0.58, 0.52), (0, -0.4, 0.9)
    s.box(left - 3, bottom + 1.4, right + 3, bottom + 3.4, sill, z + 3.2, normal=up, rough=0.03)
    if shutters:
        slats = np.array(shutters) * (0.82 + 0.24 * np.sin(s.y * 2 * np.pi / 2.4))[..., None]
        for edge, out in ((left - 2, -1), (right + 2, 1)):
            a, b = sorted((edge, edge + out * (half_width + 0.6)))
            s.box(a, top - 1, b, bottom + 1, slats, z + 2.4, rough=0.03)
    elif rng.random() < 0.3 and half_height > 9:  # a flower box
        s.box(left - 2, bottom - 2, right + 2, bottom + 2.4, (0.30, 0.20, 0.13), z + 4.5)
        flower = np.array(((0.75, 0.10, 0.10), (0.80, 0.24, 0.42), (0.85, 0.65, 0.20))[rng.integers(3)])
        for _ in range(40):
            px, py = rng.uniform(left - 3, right + 3), rng.normal(bottom - 3.5, 2)
            colour = flower if rng.random() < 0.45 else np.array([0.13, 0.24, 0.07])
            angle, colour = rng.uniform(0, 180), colour * rng.uniform(0.6, 1.2)
            s.leaf(px, py, 0.9, angle, colour, z + 6, (rng.normal(0, 0.4), -0.4, 0.8))
