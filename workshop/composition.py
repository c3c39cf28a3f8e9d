"""A crowded abstract composition: circles, arcs, bars, triangles and lines on a warm ground."""

import cv2
import numpy as np

from workshop.brush import Canvas, arc, directions, line, scatter, shade
from workshop.noise import fractal

SIZE = (768, 512)
HUBS = np.array([(250, 330), (400, 215), (575, 150), (480, 365), (140, 150), (660, 350), (280, 110), (90, 380)], float)
COLOURS = np.array([
    (0.80, 0.14, 0.12), (0.12, 0.24, 0.58), (0.96, 0.76, 0.14), (0.10, 0.42, 0.36), (0.92, 0.46, 0.12),
    (0.46, 0.16, 0.42), (0.22, 0.52, 0.76), (0.08, 0.08, 0.12), (0.95, 0.90, 0.80), (0.84, 0.42, 0.50),
    (0.52, 0.64, 0.24), (0.40, 0.22, 0.12),
])  # fmt: skip
GROUND = np.array([(0.93, 0.84, 0.66), (0.90, 0.74, 0.48), (0.95, 0.89, 0.76), (0.88, 0.64, 0.42), (0.80, 0.78, 0.68)])
BLACK = np.array([(0.06, 0.05, 0.08)])


def composition(rng: np.random.Generator) -> np.ndarray:
    """The painting, float (469, 704, 3) in [0, 1]."""
    sketch = _sketch(rng)
    canvas = Canvas(rng, SIZE, tuple(GROUND[0]))
    field = _along_edges(sketch)
    for spacing, width, length in ((8, 10, 44), (5, 5.5, 30), (3.6, 3.8, 20)):
        detail = cv2.GaussianBlur(_contrast(sketch), (0, 0), 3)
        for point in scatter(rng, SIZE, spacing):
            x, y = np.clip(point, 0, (SIZE[0] - 1, SIZE[1] - 1)).astype(int)
            if (width < 5 and detail[y, x] < 0.05) or (width > 9 and detail[y, x] > 0.16):
                continue
            colour = sketch[y, x]
            path = _within(sketch, canvas.follow(point, field, length * rng.uniform(0.6, 1.2)), colour)
            if len(path) > 2:
                canvas.stroke(path, width * rng.uniform(0.75, 1.1), shade(rng, colour[None], 0.045))
    _lines(rng, canvas)
    return canvas.finish(704)


def _place(rng, spread=64):
    return HUBS[rng.integers(len(HUBS))] + rng.normal(0, spread, 2) * (1.25, 0.85)


def _sketch(rng):
    """The shapes as flat colours, float32 (H, W, 3)."""
    shape = (SIZE[1], SIZE[0])
    cloud = np.stack([fractal(rng, shape, 150, 3) for _ in GROUND], -1)
    weight = np.exp(2.5 * cloud)
    picture = (weight / weight.sum(-1, keepdims=True) @ GROUND).astype(np.float32)

    def blend(mask, colour, share):
        picture[mask > 0] = picture[mask > 0] * (1 - share) + np.asarray(colour, np.float32) * share

    def pick():
        return COLOURS[rng.integers(len(COLOURS))]

    def fill(points):
        mask = np.zeros(shape, np.uint8)
        cv2.fillPoly(mask, [np.round(np.asarray(points) * 16).astype(np.int32)], 1, shift=4)
        return mask

    def circle(centre, radius, width=-1):
        mask = np.zeros(shape, np.uint8)
        cv2.circle(mask, tuple(np.round(centre).astype(int)), round(radius), 1, width)
        return mask

    for _ in range(20):  # veils of colour behind it all
        centre, turn = _place(rng, 95), np.linspace(0, 2 * np.pi, 40)
        wobble = 1 + 0.25 * np.sin(2 * turn + rng.uniform(0, 6)) + 0.15 * np.sin(3 * turn + rng.uniform(0, 6))
        reach = rng.uniform(40, 95) * wobble
        points = centre + np.stack([1.2 * reach * np.cos(turn), 0.85 * reach * np.sin(turn)], 1)
        blend(fill(points), pick(), rng.uniform(0.45, 0.85))
    for _ in range(24):  # bars, most along one diagonal
        centre, angle = _place(rng), rng.normal(-0.75, 0.35) + (np.pi / 2) * (rng.random() < 0.3)
        along, side = directions(angle)
        along, side = along * rng.uniform(40, 130), side * rng.uniform(6, 15)
        end = side * rng.uniform(0.2, 1)
        bar = [centre - along - side, centre + along - end, centre + along + end, centre - along + side]
        blend(fill(bar), pick(), 0.95)
    for _ in range(24):  # triangles
        centre, turn = _place(rng), rng.uniform(0, 2 * np.pi) + np.array([0, 2.5, 3.7])
        reach = rng.uniform(26, 72) * np.array([1.5, 0.8, 0.8])
        blend(fill(arc(centre, reach[:, None], turn)), pick(), 0.9)
    circles = [*zip(HUBS[[1, 4, 5, 0, 2, 7]], (76, 62, 58, 50, 42, 38))]
    circles += [(_place(rng), radius) for radius in (30, 34, 28, 24, 20)]
    for centre, radius in circles:
        order = rng.permutation(len(COLOURS))  # circles in circles
        shift = rng.normal(0, 0.05 * radius, 2)
        for ring, share in enumerate(np.linspace(1, 0.22, 3 + int(radius > 22) + int(radius > 40))):
            blend(circle(centre + ring * shift, share * radius), COLOURS[order[ring]], 0.95)
    for _ in range(16):  # arcs
        centre, radius, start = _place(rng), rng.uniform(24, 85), rng.uniform(0, 360)
        mask = np.zeros(shape, np.uint8)
        middle, axes = tuple(np.round(centre).astype(int)), (round(radius), round(radius))
        cv2.ellipse(mask, middle, axes, 0, start, start + rng.uniform(80, 200), 1, int(rng.integers(8, 17)))
        blend(mask, pick(), 0.95)
    for centre, angle in ((HUBS[3], -0.5), (HUBS[6], 0.4), (np.array([690.0, 230.0]), -0.2)):  # boards of squares
        one, two = (21 * direction for direction in directions(angle))
        pair = rng.permutation(len(COLOURS))
        for i in range(4):
            for j in range(3):
                corner = centre + (i - 2) * one + (j - 1.5) * two
                colour = COLOURS[pair[(i + j) % 2]] if rng.random() < 0.75 else COLOURS[pair[2 + (i * j) % 3]]
                blend(fill([corner, corner + one, corner + one + two, corner + two]), colour, 0.95)
    for _ in range(26):
        blend(circle(_place(rng, 90), rng.uniform(4, 10)), pick(), 1)
    return picture


def _contrast(sketch):
    dx, dy = (np.abs(np.roll(sketch, 1, a) - np.roll(sketch, -1, a)).max(-1) for a in (1, 0))
    return np.maximum(dx, dy)


def _along_edges(sketch):
    """Unit directions along the nearest edges: the smoothed structure tensor's lesser axis."""
    grey = cv2.GaussianBlur(sketch.mean(-1), (0, 0), 1.5)
    gx, gy = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    xx, yy, xy = (cv2.GaussianBlur(g, (0, 0), 6) for g in (gx * gx, gy * gy, gx * gy))
    angle = 0.5 * np.arctan2(2 * xy, xx - yy) + np.pi / 2

    def field(points):
        x, y = np.clip(points, 0, (SIZE[0] - 1, SIZE[1] - 1)).astype(int).T
        return np.stack([np.cos(angle[y, x]), np.sin(angle[y, x])], 1)

    return field


def _within(sketch, path, colour, difference=0.16):
    """The part of a path around its middle where the sketch keeps the colour."""
    x, y = np.clip(path, 0, (SIZE[0] - 1, SIZE[1] - 1)).astype(int).T
    same = np.abs(sketch[y, x] - colour).max(1) < difference
    middle = len(path) // 2
    first = middle - np.argmin(np.append(same[middle::-1], False)) + 1
    last = middle + np.argmin(np.append(same[middle:], False))
    return path[first:last]


def _lines(rng, canvas):
    """Black lines over it all: straight ones in sheaves, waves, and circles around the circles."""
    for _ in range(6):
        centre, angle, gap = _place(rng, 60), rng.uniform(0, np.pi), rng.uniform(8, 13)
        along, side = directions(angle)
        for i in range(rng.integers(2, 5)):
            half, start = rng.uniform(50, 120), centre + i * gap * side
            path = line(start - half * along, start + half * along, 24)
            canvas.stroke(path, rng.uniform(2.6, 4.5), shade(rng, BLACK, 0.02))
    for _ in range(7):
        start, angle, length = _place(rng), rng.uniform(-0.9, 0.6), rng.uniform(80, 200)
        s = np.linspace(-0.5, 0.5, 40)
        wave = rng.uniform(6, 16) * np.sin(s * length / rng.uniform(6, 14))
        x, y = s * length, wave + rng.uniform(-60, 60) * s**2 * 2
        path = start + np.stack([x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)], 1)
        colour = BLACK if rng.random() < 0.6 else COLOURS[[0, 1, 8]]
        canvas.stroke(path, rng.uniform(3, 5.5), shade(rng, colour, 0.02))
    for centre, radius in ((HUBS[1], 80), (HUBS[4], 66), (HUBS[5], 62), (HUBS[2], 74), (HUBS[7], 58)):
        turn = rng.uniform(0, 6) + np.linspace(0, rng.uniform(3.5, 6.0), 60)
        canvas.stroke(arc(centre, radius, turn), rng.uniform(3.5, 6), shade(rng, BLACK, 0.02))
