"""A town by a river, rendered: colour, depth and surface direction of everything, then sun, shadow and water.

All lengths are in pixels of the finished picture; y points down, z towards the viewer.
"""

from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import numpy as np

from staff.embedded.noise import fractal

WIDTH, HEIGHT = 768, 512
WATERLINE = 362
BASE = 318  # where the houses stand, behind the wall
SS = 2  # samples per pixel and direction
SUN = np.array([-0.62, -0.52, 0.58]) / np.linalg.norm([-0.62, -0.52, 0.58])  # towards the sun
SUNLIGHT = np.array([1.0, 0.87, 0.66]) * 1.75
SKYLIGHT = np.array([0.50, 0.64, 0.90]) * 0.36
BOUNCE = np.array([0.42, 0.36, 0.26]) * 0.22
HAZE = np.array([0.40, 0.50, 0.62])
UP, FRONT = (0.0, -0.75, 0.66), (0.0, 0.0, 1.0)


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


@dataclass
class Surface:
    """What is seen above the waterline, one value per sample."""

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


def town(rng: np.random.Generator) -> np.ndarray:
    """The picture, float (512, 768, 3) in [0, 1]."""
    surface = Surface(rng)
    sky = _sky(rng, surface)
    _hills(rng, surface)
    for house in HOUSES:
        _house(rng, surface, house)
    _bank(rng, surface)
    above = _light(rng, surface, sky)
    picture = np.concatenate([above, _water(rng, above)])
    return _photograph(rng, picture)


def _sky(rng, s):
    """Linear colours of the sky, with sunlit clouds."""
    height = np.clip(s.y / 250, 0, 1)[..., None]
    sky = (1 - height) * np.array([0.07, 0.19, 0.50]) + height * np.array([0.36, 0.50, 0.68])
    bend = 26 * SS * fractal(rng, s.shape, 120 * SS, 3)
    edge = 100 * SS  # as far as the bend may reach
    billow = fractal(rng, (s.shape[0] + 2 * edge, s.shape[1] + 2 * edge), 190 * SS, 8, stretch=2.2)
    billow = cv2.remap(billow, s.x * SS + edge + bend, s.y * SS + edge + 0.4 * bend[::-1], cv2.INTER_LINEAR)
    cover = np.clip((billow + 0.05) / 0.95, 0, 1) ** 0.8
    towards_sun = np.roll(cv2.GaussianBlur(billow, (0, 0), 5 * SS), (9 * SS, 10 * SS), (0, 1))
    lit = np.clip(0.62 + 0.32 * (billow - towards_sun) - 0.12 * cv2.GaussianBlur(cover, (0, 0), 14 * SS), 0, 1)[
        ..., None
    ]
    cloud = (1 - lit) * np.array([0.25, 0.30, 0.40]) + lit * np.array([0.98, 0.90, 0.78])
    cover = (cover * 0.92)[..., None]
    return sky * (1 - cover) + cloud * cover


def _hills(rng, s):
    """Two wooded hills, a church tower and roofs, all behind the row of houses."""
    for top, swell, far, green in ((150, 26, 0.50, (0.10, 0.17, 0.09)), (186, 20, 0.16, (0.12, 0.19, 0.07))):
        line = top + swell * np.sin(s.x[0] / 130 + top) + 5 * fractal(rng, (1, s.shape[1]), 26 * SS)[0]
        mask = s.y > line
        crowns = fractal(rng, s.shape, 11 * SS, 4)
        s.put(mask, np.array(green) * (1 + 0.3 * crowns[..., None]), -200 + 7 * crowns + 90 * (1 - far), UP, 0.1, far)
    stone, slate = (0.56, 0.52, 0.45), (0.20, 0.22, 0.25)
    s.box(446, 92, 480, 260, stone, -60, far=0.16, rough=0.08)
    s.polygon([(446, 92), (463, 84), (480, 92)], stone, -59, far=0.16)
    s.polygon([(442, 94), (463, 14), (484, 94)], slate, -56, normal=(0.2, -0.3, 0.93), far=0.16, rough=0.1)
    s.polygon([(463, 14), (484, 94), (466, 94)], (0.16, 0.17, 0.19), -57, normal=(0.8, -0.2, 0.5), far=0.16)
    for x in (454, 472):
        s.box(x - 3.5, 104, x + 3.5, 124, (0.07, 0.07, 0.08), -63, far=0.14)
    s.bar((443, 96), (483, 96), 4, (0.62, 0.58, 0.5), -55, far=0.16)
    for left, right, top in ((130, 230, 128), (330, 440, 134), (560, 690, 122)):
        s.polygon(
            [(left, 240), (left + 14, top), (right - 14, top), (right, 240)],
            _tiles(s, (0.40, 0.20, 0.14), top),
            -70,
            normal=UP,
            far=0.2,
            rough=0.12,
        )


def _tiles(s, colour, top):
    """Rows of roof tiles: the colour darkens at each row's edge, and differs from tile to tile."""
    row = (s.y - top) / 5.2
    column = s.x / 4.4 + 0.5 * (np.floor(row) % 2)
    tint = np.sin(np.floor(row) * 127.1 + np.floor(column) * 311.7) * 43758.5
    tint = 0.80 + 0.36 * (tint - np.floor(tint)) + 0.10 * s.coarse
    edge = 1 - 0.42 * (row % 1 > 0.74) - 0.20 * (column % 1 > 0.82)
    moss = np.clip(s.coarse - 0.7, 0, 1)[..., None] * 0.5
    return np.array(colour) * (tint * edge)[..., None] * (1 - moss) + moss * np.array([0.22, 0.22, 0.12])


def _house(rng, s, h):
    middle, z = (h.left + h.right) / 2, h.depth
    low = np.clip((s.y - BASE + 60) / 60, 0, 1) * 0.18 + 0.10 * np.clip(s.coarse, 0, 2) * (s.y > h.eaves)
    wall = np.array(h.colour) * (1 - low)[..., None]
    roof = _tiles(s, h.roof, h.ridge)
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
        s.polygon(
            [(h.left - 4, h.eaves + 3), (h.left + 5, h.ridge), (h.right - 5, h.ridge), (h.right + 4, h.eaves + 3)],
            roof,
            slope,
            normal=UP,
            rough=0.06,
        )
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
            s.bar(
                (middle, h.ridge - 1),
                (over, low_y - 1),
                6.5,
                roof,
                z + 9,
                normal=(0.5 * np.sign(side - middle), -0.6, 0.62),
            )
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
            s.bar(
                (x, y - 20), (x + side * 12, y - 7), 4, np.array(h.roof) * 0.9, z + 6, normal=(0.5 * side, -0.6, 0.62)
            )


def _timber(s, h, storeys):
    """Dark beams: posts, rails and a few braces, up into the gable."""
    brown, z, width, middle = (0.19, 0.105, 0.06), h.depth + 1.2, h.right - h.left, (h.left + h.right) / 2
    more = {"rough": 0.14}
    for y in storeys[:-1]:
        s.bar((h.left, y), (h.right, y), 4.2, brown, z, **more)
    pitch = width / h.columns
    for column in range(h.columns + 1):
        x = np.clip(h.left + column * pitch, h.left + 2, h.right - 2)
        s.bar((x, h.eaves), (x, BASE + 8), 3.6, brown, z, **more)
    for top, bottom in pairwise(storeys):
        for x, side in ((h.left + 3, 1), (h.right - 3, -1)):
            s.bar((x, top + 0.52 * (bottom - top)), (x + side * 9, bottom), 2.6, brown, z, **more)
        for column in range(h.columns):
            x = h.left + (column + 0.5) * pitch
            s.bar((x - pitch / 2, bottom - 4), (x + pitch / 2, bottom - 4), 2.2, brown, z, **more)
    rise = h.eaves - h.ridge
    for share in (0.33, 0.68):
        half = (1 - share) * width / 2
        s.bar((middle - half, h.eaves - share * rise), (middle + half, h.eaves - share * rise), 3.4, brown, z, **more)
    for dx in (-0.32, 0, 0.32):
        s.bar(
            (middle + dx * width, h.eaves),
            (middle + dx * width, h.eaves - (1 - 2 * abs(dx)) * rise),
            3.2,
            brown,
            z,
            **more,
        )
    for side in (-1, 1):
        s.bar(
            (middle + side * 0.30 * width, h.eaves),
            (middle + side * 0.10 * width, h.eaves - 0.33 * rise),
            2.6,
            brown,
            z,
            **more,
        )


def _window(rng, s, x, y, half_width, half_height, z, shutters):
    left, right, top, bottom = x - half_width, x + half_width, y - half_height, y + half_height
    frame = np.array([0.82, 0.80, 0.75]) * rng.uniform(0.85, 1)
    s.box(left - 2, top - 2, right + 2, bottom + 2, (0.64, 0.60, 0.53), z + 0.9, rough=0.03)
    s.box(left - 0.6, top - 0.6, right + 0.6, bottom + 0.6, frame, z - 1.4, rough=0.01)
    share = np.clip((s.y - top) / (bottom - top), 0, 1)[..., None]
    glass = (1 - share) * np.array([0.20, 0.26, 0.34]) * rng.uniform(0.5, 1.3) + share * np.array([0.035, 0.04, 0.05])
    if rng.random() < 0.35:  # curtains
        drawn = np.abs(s.x - x) > half_width * rng.uniform(0.25, 0.75)
        glass = np.where(
            drawn[..., None], np.array([0.45, 0.43, 0.39]) * (0.8 + 0.2 * np.sin(s.x * 4))[..., None], glass
        )
    for a, b in ((left + 0.7, x - 0.6), (x + 0.6, right - 0.7)):
        bar = top + 0.36 * (bottom - top)
        s.box(a, top + 0.7, b, bar - 0.5, glass, z - 2.6, rough=0.02)
        s.box(a, bar + 0.5, b, bottom - 0.7, glass, z - 2.6, rough=0.02)
    s.box(
        left - 3, bottom + 1.4, right + 3, bottom + 3.4, (0.62, 0.58, 0.52), z + 3.2, normal=(0, -0.4, 0.9), rough=0.03
    )
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
            _leaf(
                s,
                px,
                py,
                0.9,
                rng.uniform(0, 180),
                colour * rng.uniform(0.6, 1.2),
                z + 6,
                (rng.normal(0, 0.4), -0.4, 0.8),
            )


def _leaf(s, x, y, size, angle, colour, depth, normal):
    x0, y0 = max(0, int((x - size - 2) * SS)), max(0, int((y - size - 2) * SS))
    x1, y1 = int((x + size + 2) * SS), int((y + size + 2) * SS)
    if x1 <= 0 or y1 <= 0 or x0 >= s.shape[1] or y0 >= s.shape[0]:
        return
    window = np.s_[y0:y1, x0:x1]
    mask = np.zeros(s.depth[window].shape, np.uint8)
    centre = round(x * SS * 16) - x0 * 16, round(y * SS * 16) - y0 * 16
    points = cv2.ellipse2Poly((0, 0), (1000, 560), int(angle), 0, 360, 40) / 1000 * size * SS * 16 + centre
    cv2.fillPoly(mask, [np.round(points).astype(np.int32)], 1, shift=4)
    mask = mask > 0
    s.colour[window][mask], s.depth[window][mask], s.normal[window][mask] = colour, depth, normal
    s.far[window][mask] = 0


def _tree(rng, s, lobes, green, depth, density=1.0, leaf=2.0, droop=0.0):
    """lobes: (x, y, radius) of the balls of foliage."""
    leaves = []
    for x, y, radius in lobes:
        lift = rng.uniform(0, 0.5) * radius
        number = int(density * 2.2 * (radius / leaf) ** 2) + 20
        direction = rng.normal(size=(number, 3))
        direction /= np.linalg.norm(direction, axis=1)[:, None]
        direction[:, 2] = np.abs(direction[:, 2])
        reach = radius * rng.uniform(0.45, 1.08, number)
        tint = rng.uniform(0.75, 1.15)
        for d, r in zip(direction, reach, strict=True):
            drop = droop * rng.exponential(1) * radius
            normal = d + rng.normal(0, 0.33, 3)
            shade = tint * rng.uniform(0.65, 1.3) * (0.35 + 0.65 * min(1, r / radius) ** 2)
            colour = np.array(green) * shade * (1, 1 + rng.normal(0, 0.05), 1)
            leaves.append((depth + lift + d[2] * r, x + d[0] * r, y + 0.85 * d[1] * r + drop, colour, normal))
    for z, x, y, colour, normal in sorted(leaves, key=lambda one: one[0]):
        angle = rng.normal(90, 15) if droop else rng.uniform(0, 180)
        _leaf(s, x, y, leaf * rng.uniform(0.6, 1.35), angle, colour, z, normal / np.linalg.norm(normal))


def _bank(rng, s):
    """The hedge, the stone wall at the water and the trees."""
    hedge = [(x, BASE + 2 + rng.normal(0, 2), rng.uniform(6, 11)) for x in range(-6, 780, 9)]
    _tree(rng, s, hedge, (0.15, 0.22, 0.07), 10, leaf=1.4)
    top = BASE + 8
    row = np.floor((s.y - top - 4) / 6.6)
    column = s.x / 15 + 0.5 * (row % 2) + 0.15 * np.sin(row * 5)
    tint = np.sin(row * 91.7 + np.floor(column) * 173.3) * 4375.5
    tint = 0.72 + 0.45 * (tint - np.floor(tint)) + 0.10 * s.coarse
    joint = ((s.y - top - 4) / 6.6 % 1 > 0.86) | (column % 1 > 0.93)
    wet = 1 - 0.5 * np.clip((s.y - WATERLINE + 9) / 9, 0, 1)
    stone = np.array([0.50, 0.45, 0.37]) * (tint * np.where(joint, 0.5, 1) * wet)[..., None]
    algae = np.clip((s.y - WATERLINE + 14) / 14 + 0.5 * s.coarse - 0.3, 0, 1)[..., None] * 0.6
    stone = stone * (1 - algae) + algae * np.array([0.16, 0.19, 0.09])
    s.box(-2, top, WIDTH + 2, WATERLINE + 2, stone, 22 - 1.5 * joint, rough=0.10)
    s.box(-2, top - 1, WIDTH + 2, top + 3.5, (0.60, 0.56, 0.48), 25, normal=(0, -0.5, 0.86), rough=0.08)
    for x, width, drop in ((232, 34, 17), (470, 46, 22), (640, 30, 14)):  # ivy over the wall
        ivy = [
            (x + rng.normal(0, width / 2), top + drop * rng.uniform(0, 1) ** 1.5, rng.uniform(4, 8)) for _ in range(26)
        ]
        _tree(rng, s, ivy, (0.12, 0.20, 0.06), 24, leaf=1.5)

    bark = (0.20, 0.15, 0.10)
    for foot, head, width in (((50, BASE + 10), (44, 180), 11), ((44, 230), (14, 170), 6), ((47, 225), (86, 165), 6)):
        s.bar(foot, head, width, bark, 26, rough=0.25)
    crown = [
        (x, y, rng.uniform(15, 30)) for x, y in (40, 158) + np.clip(rng.normal(0, 1, (46, 2)), -1.5, 1.5) * (36, 44)
    ]
    _tree(rng, s, crown, (0.17, 0.27, 0.06), 30, leaf=1.7)
    s.bar((392, BASE + 8), (392, 268), 5, bark, 14, rough=0.25)
    crown = [(x, y, rng.uniform(8, 14)) for x, y in rng.normal((392, 262), (13, 14), (18, 2))]
    _tree(rng, s, crown, (0.27, 0.31, 0.07), 16, leaf=1.4)
    s.bar((722, BASE + 12), (732, 210), 12, bark, 28, rough=0.25)
    willow = [(x, y, rng.uniform(12, 22)) for x, y in rng.normal((730, 226), (28, 28), (40, 2))]
    _tree(rng, s, willow, (0.29, 0.35, 0.10), 32, leaf=1.6, droop=0.9)


def _light(rng, s, sky):
    """Linear colours: sunlight with soft cast shadows, the sky's light where it reaches, and haze."""
    relief = cv2.GaussianBlur(s.depth, (0, 0), 0.6)
    solid = s.far < 0.9
    bump_x, bump_y = (np.clip(np.roll(relief, -1, a) - np.roll(relief, 1, a), -0.6, 0.6) for a in (1, 0))
    normal = s.normal.copy()
    normal[..., 0] -= 0.5 * bump_x
    normal[..., 1] -= 0.5 * bump_y
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)

    lit = np.zeros(s.shape, np.float32)
    beams = 10
    for _ in range(beams):
        toward = SUN + rng.normal(0, 0.025, 3)
        shadow, step = np.zeros(s.shape, bool), 1.0
        while step < 130 * SS:
            dx, dy = round(toward[0] * step), round(toward[1] * step)
            blocker = np.full(s.shape, -999, np.float32)
            blocker[-dy:, -dx:] = s.depth[: dy or None, : dx or None]
            rise = blocker - s.depth - toward[2] * step / SS
            shadow |= (rise > 0.35) & (rise < 40)
            step *= 1.06
            step += 0.4
        lit += ~shadow / beams
    lit = cv2.GaussianBlur(lit, (0, 0), 0.8)

    open_sky = np.ones(s.shape, np.float32)
    for radius, strength in ((2, 0.06), (6, 0.03), (16, 0.012)):
        around = cv2.GaussianBlur(np.maximum(s.depth, -90), (0, 0), radius * SS)
        open_sky *= np.exp(-strength * np.clip(around - np.maximum(s.depth, -90), 0, 25))
    facing = np.clip(normal @ SUN.astype(np.float32), 0, 1) * lit
    light = (
        facing[..., None] * SUNLIGHT
        + (open_sky * (0.62 - 0.38 * normal[..., 1]))[..., None] * SKYLIGHT
        + (open_sky * (0.5 + 0.5 * normal[..., 1]))[..., None] * BOUNCE
    )
    shaded = s.colour * light
    far = np.where(solid, s.far + 0.02, 0)[..., None]
    return np.where(solid[..., None], shaded * (1 - far) + HAZE * far, sky).astype(np.float32)


def _water(rng, above):
    """The river: the mirrored town, bent by ripples that shrink with distance, over dark green water."""
    rows = (HEIGHT - WATERLINE) * SS
    d, x = np.mgrid[:rows, : above.shape[1]].astype(np.float32) / SS
    near = 1 / (d + 26)
    texture = fractal(rng, (1024, 1024), 48, 6)
    u, v = (x - WIDTH / 2) * near * 300, near * 52000
    slope = cv2.remap(texture, (u + 512) % 1024, v % 1024, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    calm = fractal(rng, d.shape, 260 * SS, 3, stretch=5)
    strength = (0.75 + 0.30 * calm) * (0.6 + 0.019 * d)
    mirrored = np.zeros((*d.shape, 3), np.float32)
    for spread in (-1.0, -0.3, 0.3, 1.0):
        y = WATERLINE - 1 - np.abs(d * 1.22 + 2.6 * strength * slope + spread * 0.8 * strength)
        mirrored += 0.25 * cv2.remap(above, (x + 0.7 * strength * slope) * SS, y * SS, cv2.INTER_LINEAR, borderMode=2)
    deep = np.array([0.055, 0.085, 0.065])
    share = np.clip(0.80 - 0.0013 * d - 0.07 * slope, 0.35, 0.95)[..., None]
    glint = np.clip(slope - 1.9, 0, 1)[..., None] * np.array([0.5, 0.5, 0.5]) * 0.4
    edge = np.exp(-d / 2.5)[..., None]
    return (mirrored * share * (1 - 0.5 * edge) + deep * (1 - share) + glint).astype(np.float32)


def _photograph(rng, linear):
    """Lens and film: bloom, vignette, tone curve, grain."""
    bloom = cv2.GaussianBlur(np.clip(linear - 0.8, 0, 2), (0, 0), 9 * SS)
    linear = cv2.GaussianBlur(linear, (0, 0), 0.45 * SS) + 0.25 * bloom
    small = cv2.resize(linear, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    corner = ((x / WIDTH - 0.5) ** 2 + (y / HEIGHT - 0.5) ** 2)[..., None]
    small = small * (1 - 0.42 * corner) * 0.95
    film = np.clip(small * (2.51 * small + 0.03) / (small * (2.43 * small + 0.59) + 0.14), 0, 1) ** (1 / 2.2)
    return np.clip(film + rng.normal(0, 0.006, (HEIGHT, WIDTH, 1)), 0, 1)
