"""A night of whirls over dark hills: short thick strokes that follow the wind, and glowing discs."""

import numpy as np

from workshop.brush import Canvas, arc, line, scatter, shade

SIZE = (768, 608)
DISCS = (
    (92, 84, 24), (236, 60, 15), (318, 170, 13), (470, 62, 17),
    (640, 108, 40), (716, 262, 14), (180, 214, 17), (560, 240, 12),
)  # fmt: skip
WHIRLS = ((400, 190, 92, 1.0), (262, 262, 58, -1.0), (560, 178, 50, -0.7))  # x, y, radius, turn
BLUES = np.array([(0.07, 0.13, 0.38), (0.10, 0.21, 0.52), (0.16, 0.33, 0.66), (0.05, 0.09, 0.27), (0.22, 0.44, 0.74)])
PALE = np.array([(0.52, 0.71, 0.85), (0.70, 0.83, 0.84), (0.40, 0.61, 0.82), (0.83, 0.88, 0.74)])
GOLD = np.array([(0.98, 0.82, 0.25), (0.99, 0.90, 0.48), (0.94, 0.66, 0.15), (0.99, 0.95, 0.70)])
HALO = np.array([(0.86, 0.84, 0.42), (0.62, 0.76, 0.58), (0.40, 0.62, 0.70), (0.25, 0.47, 0.72)])
HILLS = np.array([(0.08, 0.16, 0.36), (0.12, 0.26, 0.46), (0.16, 0.36, 0.50), (0.06, 0.11, 0.26), (0.30, 0.50, 0.58)])
FIELDS = np.array([(0.12, 0.28, 0.28), (0.20, 0.40, 0.32), (0.08, 0.17, 0.24), (0.42, 0.56, 0.34), (0.10, 0.22, 0.38)])
TREE = np.array([(0.05, 0.07, 0.06), (0.08, 0.13, 0.08), (0.13, 0.17, 0.08), (0.16, 0.12, 0.07), (0.04, 0.05, 0.09)])


def flow(rng: np.random.Generator) -> np.ndarray:
    """The painting, float (532, 672, 3) in [0, 1]."""
    canvas = Canvas(rng, SIZE, (0.07, 0.10, 0.24))
    _sky(rng, canvas)
    _discs(rng, canvas)
    _land(rng, canvas)
    _tree(rng, canvas)
    return canvas.finish(672)


def _wind(points):
    """Unit directions: a waving wind from the left, and around the whirls and the discs."""
    x, y = points[:, 0], points[:, 1]
    direction = np.stack([np.ones_like(x), 0.42 * np.cos(x / 88 + y / 130) + 0.12 * np.sin(y / 31)], 1)
    for cx, cy, radius, turn in WHIRLS:
        dx, dy = x - cx, y - cy
        near = 3.4 * np.exp(-((dx**2 + 1.25 * dy**2) / radius**2))
        distance = np.hypot(dx, dy) + 1e-3
        swirl = np.stack([-turn * dy - 0.22 * dx, turn * dx - 0.22 * dy], 1) / distance[:, None]  # a little inward
        direction += near[:, None] * swirl
    for cx, cy, radius in DISCS:
        dx, dy = x - cx, y - cy
        distance = np.hypot(dx, dy) + 1e-3
        near = 9 * np.exp(-((distance / (2.3 * radius)) ** 4))
        direction += near[:, None] * np.stack([-dy, dx], 1) / distance[:, None]
    return direction / np.linalg.norm(direction, axis=1, keepdims=True)


def _horizon(x):
    return 418 - 34 * np.sin(x / 150 + 0.6) - 22 * np.sin(x / 61) + 0.05 * x


def _sky(rng, canvas):
    for spacing, width, length in ((9, 12, 60), (7.5, 8.5, 46)):
        for point in scatter(rng, SIZE, spacing):
            x, y = point
            if y > _horizon(x) + 12:
                continue
            band = np.sin(y / 17 + 1.3 * np.sin(x / 95) + 0.5 * np.sin(x / 41))
            light = 0.12 + 0.16 * (band > 0.55) + 0.25 * max(0, y - 300) / 120
            for cx, cy, radius, turn in WHIRLS:
                dx, dy = x - cx, y - cy
                distance = np.hypot(dx, dy)
                arm = np.sin(turn * np.arctan2(dy, dx) * 2 + distance / 8.5)
                near = np.exp(-((distance / radius) ** 2))
                light += 0.85 * (arm > 0.1) * near - 0.1 * near
            colours = PALE if rng.random() < light else BLUES
            path = canvas.follow(point, _wind, length * rng.uniform(0.6, 1.2))
            canvas.stroke(path, width * rng.uniform(0.7, 1.15), shade(rng, colours))


def _discs(rng, canvas):
    for cx, cy, radius in DISCS:
        reach = 2.7 * radius
        for ring in np.arange(reach, 0.9 * radius, -6.5):
            share = (ring - radius) / (reach - radius)
            number = max(6, int(2 * np.pi * ring / 20))
            for angle in rng.permutation(number) * 2 * np.pi / number + rng.uniform(0, 1):
                if rng.random() < 0.55 * share:
                    continue
                turn = angle + np.linspace(-0.5, 0.5, 9) * rng.uniform(19, 30) / ring
                path = arc((cx, cy), ring + rng.normal(0, 1.5), turn)
                colour = HALO[min(3, int(np.clip(share * 4 + rng.normal(0, 0.5), 0, 3)))]
                canvas.stroke(path, 8 * rng.uniform(0.8, 1.1), shade(rng, colour[None]), body=1.2)
        for ring in np.arange(radius, 0, -5.5):
            number = max(3, int(2 * np.pi * ring / 14))
            for angle in np.arange(number) * 2 * np.pi / number + rng.uniform(0, 1):
                turn = angle + np.linspace(-0.5, 0.5, 7) * min(2.2, 20 / ring)
                path = arc((cx, cy), ring, turn)
                colours = GOLD[[1, 3]] if ring < 0.5 * radius else GOLD[[0, 1, 2]]
                canvas.stroke(path, 7.5, shade(rng, colours), body=1.5)


def _land(rng, canvas):
    ridges = ((0, HILLS), (44, HILLS), (84, FIELDS), (128, FIELDS))
    for number, (down, colours) in enumerate(ridges):

        def ridge(x, number=number, down=down):
            return _horizon(x * (1 + 0.15 * number) + 190 * number) + down

        def along(points, ridge=ridge):
            x, y = points[:, 0], points[:, 1]
            slope = (ridge(x + 2) - ridge(x - 2)) / 4 * np.exp(-np.maximum(y - ridge(x), 0) / 70)
            return np.stack([np.ones_like(x), slope], 1) / np.hypot(1, slope)[:, None]

        points = scatter(rng, SIZE, 7.5)
        for point in points[np.argsort(points[:, 1] + rng.uniform(0, 30, len(points)))]:
            below = point[1] - ridge(point[0])
            if below < 0:
                continue
            bright = np.exp(-below / 12)
            colour = shade(rng, colours) * (0.85 + 0.5 * bright) + bright * np.array([0.05, 0.09, 0.10])
            path = canvas.follow(point, along, rng.uniform(26, 52))
            canvas.stroke(path, 8.5 * rng.uniform(0.7, 1.1), np.clip(colour, 0, 1))
        for x in np.arange(-10, SIZE[0] + 20, 17):
            start = np.array([x, ridge(np.array(x))])
            canvas.stroke(canvas.follow(start, along, 30), 4.5, shade(rng, np.array([(0.03, 0.05, 0.10)]), 0.02))
    _village(rng, canvas)


def _village(rng, canvas):
    """A few houses with lit windows in the valley."""
    for x, width in ((346, 34), (392, 26), (430, 38), (486, 28), (526, 34), (584, 26)):
        base = _horizon(x * 1.15 + 190) + 66 + rng.uniform(-4, 4)
        high = width * 0.62
        wall = shade(rng, np.array([(0.20, 0.33, 0.48), (0.30, 0.40, 0.48), (0.16, 0.24, 0.42)]))
        for row in np.arange(base - high, base, 5):
            canvas.stroke(line((x - width / 2, row), (x + width / 2, row), 8), 6.5, wall + rng.normal(0, 0.03))
        roof = shade(rng, np.array([(0.12, 0.14, 0.30), (0.36, 0.20, 0.20), (0.20, 0.26, 0.44)]))
        for share in np.linspace(0, 1, 5):
            y, half = base - high - share * width * 0.45, (1 - share) * width * 0.62 + 2
            canvas.stroke(line((x - half, y), (x + half, y), 8), 5.5, roof + rng.normal(0, 0.03))
        for shift in (-4, 8) if width > 30 else (-4,):
            window = line((x + shift, base - high * 0.62), (x + shift, base - high * 0.25), 8)
            canvas.stroke(window, 6, shade(rng, GOLD[:3]), body=1.5)


def _tree(rng, canvas):
    """A dark tree like a flame, on the right."""
    foot, top, middle = 640.0, 176.0, 668.0

    def half(y):
        share = np.clip((y - top) / (foot - top), 0, 1)
        return 66 * share**0.75 * (1 - 0.30 * share) + 8 * np.sin(y / 19) * share

    def upward(points):
        x, y = points[:, 0], points[:, 1]
        lean = np.clip((x - middle) / (half(y) + 12), -1.3, 1.3)
        slant = -0.15 * lean + 0.30 * np.sin(y / 34 + x / 21)
        return np.stack([slant, -np.ones_like(y)], 1) / np.hypot(slant, 1)[:, None]

    points = scatter(rng, SIZE, 8)
    for point in points[np.argsort(points[:, 1])]:
        if point[1] > top and abs(point[0] - middle) < half(point[1]):
            edge = abs(point[0] - middle) / (half(point[1]) + 1e-3)
            colour = shade(rng, TREE, 0.02) + 0.07 * (edge > 0.6) * (rng.random() < 0.5) * np.array([0.7, 1, 0.6])
            path = canvas.follow(point, upward, rng.uniform(34, 62))
            canvas.stroke(path, 9.5 * rng.uniform(0.6, 1.1), np.clip(colour, 0, 1))
