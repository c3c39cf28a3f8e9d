"""A bridge at sunset: long wavy bands of fire in the sky and of dark blue in the water."""

import numpy as np

from workshop.brush import Canvas, arc, line, scatter, shade

SIZE = (608, 768)
HORIZON = 312
SUN = (222, 246, 34)
VANISHING = np.array([640.0, 356.0])  # where the lines of the bridge meet
FIRE = np.array([
    (0.90, 0.36, 0.10), (0.96, 0.58, 0.16), (0.80, 0.20, 0.10), (0.97, 0.74, 0.30),
    (0.88, 0.46, 0.14), (0.70, 0.14, 0.12), (0.98, 0.82, 0.46), (0.62, 0.66, 0.62),
])  # fmt: skip
DEEP = np.array([
    (0.10, 0.18, 0.32), (0.16, 0.30, 0.44), (0.05, 0.08, 0.17), (0.24, 0.42, 0.48),
    (0.07, 0.13, 0.24), (0.36, 0.50, 0.46), (0.62, 0.42, 0.24), (0.12, 0.22, 0.26),
])  # fmt: skip
HILLS = np.array([(0.12, 0.16, 0.24), (0.20, 0.26, 0.28), (0.08, 0.10, 0.16), (0.30, 0.28, 0.22)])
WOOD = np.array([(0.48, 0.28, 0.14), (0.60, 0.38, 0.20), (0.36, 0.20, 0.12), (0.72, 0.50, 0.28), (0.42, 0.30, 0.26)])
DARK = np.array([(0.20, 0.10, 0.08), (0.13, 0.07, 0.08), (0.28, 0.14, 0.09)])


def waves(rng: np.random.Generator) -> np.ndarray:
    """The painting, float (672, 532, 3) in [0, 1]."""
    canvas = Canvas(rng, SIZE, (0.45, 0.24, 0.14))
    _bands(rng, canvas, _air, FIRE, lambda x, y: y < _shore(x) + 6, 15)
    _sun(rng, canvas)
    _bands(rng, canvas, _sea, DEEP, lambda x, y: y > HORIZON - 4, 17)
    _glitter(rng, canvas)
    _hills(rng, canvas)
    _boat(rng, canvas)
    _bridge(rng, canvas)
    return canvas.finish(532)


def _shore(x):
    return HORIZON - 22 - 30 * np.exp(-(((x - 470) / 120) ** 2)) - 9 * np.sin(x / 37)


def _air(x, y):
    """The height whose level lines the sky's bands follow; they bend around the sun."""
    bend = 21 * np.sin(x / 82 + y / 95) + 12 * np.sin(x / 37 - y / 70 + 1) + 8 * np.sin(x / 150 - 0.8)
    dx, dy = x - SUN[0], y - SUN[1]
    return y + bend + 42 * np.sign(dy) * np.exp(-(dx**2 / 95**2) - np.abs(dy) / 60)


def _sea(x, y):
    return 0.94 * y + 30 * np.sin(x / 92 + y / 130 + 2.2) + 17 * np.sin(x / 46 - y / 85) + 0.16 * x


def _along(height):
    """Unit directions along the level lines of height(x, y)."""

    def field(points):
        x, y = points[:, 0], points[:, 1]
        direction = np.stack([height(x, y + 1) - height(x, y - 1), height(x - 1, y) - height(x + 1, y)], 1)
        return direction / np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-6)

    return field


def _bands(rng, canvas, height, colours, where, breadth):
    field = _along(height)
    order = np.concatenate([rng.permutation(len(colours)) for _ in range(14)])
    widths = np.cumsum(rng.uniform(0.5, 1.5, len(order)) * breadth) - 3 * breadth
    for spacing, width in ((9, 11), (8, 7.5)):
        for point in scatter(rng, SIZE, spacing):
            if not where(*point):
                continue
            band = np.searchsorted(widths, height(*point) + rng.normal(0, 1.5)) % len(order)
            path = canvas.follow(point, field, rng.uniform(60, 130))
            path = path[where(path[:, 0], path[:, 1])]
            if len(path) > 4:
                colour = colours[order[band]][None]
                canvas.stroke(path, width * rng.uniform(0.7, 1.1), shade(rng, colour, 0.035), streak=0.07)


def _sun(rng, canvas):
    x, y, radius = SUN
    for ring in np.arange(radius, 0, -5):
        number = max(3, int(2 * np.pi * ring / 30))
        for angle in np.arange(number) * 2 * np.pi / number + rng.uniform(0, 1):
            turn = angle + np.linspace(-0.5, 0.5, 9) * min(2.6, 42 / ring)
            colours = [(0.99, 0.90, 0.60), (1.0, 0.84, 0.45)] if ring < radius - 6 else [(0.93, 0.40, 0.12)]
            canvas.stroke(arc((x, y), ring, turn), 8, shade(rng, np.array(colours), 0.02), body=1.3)


def _glitter(rng, canvas):
    field = _along(_sea)
    for y in np.arange(HORIZON + 6, 560, 9.0):
        for _ in range(2):
            start = (SUN[0] + rng.normal(0, 10 + 0.07 * (y - HORIZON)), y + rng.normal(0, 3))
            colour = shade(rng, FIRE[[1, 3, 6]], 0.03)
            canvas.stroke(canvas.follow(start, field, rng.uniform(18, 44)), 6 * rng.uniform(0.7, 1.2), colour, body=1.3)


def _hills(rng, canvas):
    """The far shore."""
    for point in sorted(scatter(rng, SIZE, 8).tolist(), key=lambda p: p[1]):
        x, y = point
        if _shore(x) < y < HORIZON + 3:
            path = canvas.follow(point, _along(lambda x, y: y - 0.8 * _shore(x)), rng.uniform(36, 70))
            canvas.stroke(path, 8, shade(rng, HILLS))


def _boat(rng, canvas):
    x, y = 372, 386
    for row in range(4):
        canvas.stroke(line((x - 24 + 4 * row, y + 4 * row), (x + 24 - 4 * row, y + 4 * row)), 5.5, shade(rng, DARK))
    for share in np.linspace(0, 1, 8):
        high, low = y - 5 - 46 * share, y - 5 - 38 * share
        canvas.stroke(line((x - 1, high), (x + 22 * (1 - share) + 1, high)), 6, shade(rng, FIRE[[3, 6]]))
        canvas.stroke(line((x - 14 * (1 - share) - 3, low), (x - 4, low)), 6, shade(rng, FIRE[[1, 7]]))
    canvas.stroke(line((x - 2, y), (x - 2, y - 58)), 3.5, DARK[1])


def _bridge(rng, canvas):
    """Planks and a railing that run to one vanishing point."""
    edge, end = np.array([-380.0, 818.0]), np.array([376.0, 1138.0])  # where the deck's two sides end, out of sight
    for share in rng.permutation(np.linspace(0, 1, 46)):
        far = edge + share * (end - edge)
        colour = shade(rng, WOOD, 0.05)
        for piece in rng.permutation(5):
            a, b = 0.04 + 0.19 * piece + rng.uniform(-0.02, 0.02), 0.30 + 0.19 * piece
            start, stop = VANISHING + a * (far - VANISHING), VANISHING + min(b, 1.02) * (far - VANISHING)
            width = 23 * (a + b) / 2 + 2
            canvas.stroke(line(start, stop, 16), width, np.clip(colour + rng.normal(0, 0.03, 3), 0, 1))
    for share in np.linspace(0, 1, 12):
        far = edge + share * (end - edge)
        canvas.stroke(line(VANISHING, far, 20), 3.2, shade(rng, DARK, 0.02))
    foot, middle, top = (np.array([-40.0, y]) for y in (664, 560, 466))
    for at in (0.10, 0.155, 0.23, 0.34, 0.49, 0.70, 0.96):
        low, high = (VANISHING + at * (p - VANISHING) for p in (foot, top))
        for shift in (-0.25, 0.25):
            across = np.array([shift * 22 * at, 0])
            canvas.stroke(line(high + across, low + across, 14), 17 * at + 1.5, shade(rng, DARK))
    for rail, size in ((middle, 15), (top, 21)):
        for piece in range(6):
            a, b = 0.03 + 0.165 * piece, 0.22 + 0.165 * piece
            for shift, colours in ((0.35, DARK), (-0.2, WOOD[[0, 2]]), (-0.6, FIRE[[0, 1]])):
                width = size * (a + b) / 2 * 0.62 + 2
                down = np.array([0, shift * width])
                path = line(VANISHING + a * (rail - VANISHING) + down, VANISHING + b * (rail - VANISHING) + down, 14)
                canvas.stroke(path, width * (0.45 if shift < -0.5 else 0.8), shade(rng, colours))
