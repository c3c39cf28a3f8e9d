"""A town by a river, rendered: colour, depth and surface direction of everything, then sun, shadow and water.

All lengths are in pixels of the finished picture; y points down, z towards the viewer.
"""

import cv2
import numpy as np

from workshop.noise import fractal
from workshop.town_houses import BASE, HOUSES, house, tiles
from workshop.town_surface import HEIGHT, SS, UP, WATERLINE, WIDTH, Surface

SUN = np.array([-0.62, -0.52, 0.58]) / np.linalg.norm([-0.62, -0.52, 0.58])  # towards the sun
SUNLIGHT = np.array([1.0, 0.87, 0.66]) * 1.75
SKYLIGHT = np.array([0.50, 0.64, 0.90]) * 0.36
BOUNCE = np.array([0.42, 0.36, 0.26]) * 0.22
HAZE = np.array([0.40, 0.50, 0.62])


def town(rng: np.random.Generator) -> np.ndarray:
    """The picture, float (512, 768, 3) in [0, 1]."""
    surface = Surface(rng)
    sky = _sky(rng, surface)
    _hills(rng, surface)
    for one in HOUSES:
        house(rng, surface, one)
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
    lit = 0.62 + 0.32 * (billow - towards_sun) - 0.12 * cv2.GaussianBlur(cover, (0, 0), 14 * SS)
    lit = np.clip(lit, 0, 1)[..., None]
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
        roof = [(left, 240), (left + 14, top), (right - 14, top), (right, 240)]
        s.polygon(roof, tiles(s, (0.40, 0.20, 0.14), top), -70, normal=UP, far=0.2, rough=0.12)


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
        s.leaf(x, y, leaf * rng.uniform(0.6, 1.35), angle, colour, z, normal / np.linalg.norm(normal))


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
