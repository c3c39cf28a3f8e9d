"""Backgrounds: crops of photographs that scikit-image bundles, and procedural textures.

Each has a kind, which the training uses as an auxiliary label so that the middle layers learn textures,
which style transfer needs. Some kinds are held out: the evaluation uses only those.
"""

import functools
from collections.abc import Callable
from importlib.resources import as_file, files

import cv2
import numpy as np
from scipy.spatial import cKDTree

S = 224
Rng = np.random.Generator
Colours = np.ndarray  # (n, 3), float32 in [0, 1]

# Without the cat, the coffee cup, the rocket and the clock: those hold classes or look-alikes.
PHOTOS = "astronaut brick camera cell coins grass gravel hubble_deep_field ihc motorcycle_left page".split()
HELD_OUT_PHOTOS = "moon retina motorcycle_right text".split()


def background(rng: Rng, held_out: bool = False, photos: bool = True) -> tuple[np.ndarray, int]:
    """A background uint8 (S, S, 3) and its kind, an index into KINDS."""
    if photos and rng.random() < 0.4:
        name = rng.choice(HELD_OUT_PHOTOS if held_out else PHOTOS)
        picture = _photo_crop(rng, str(name))
        kind = KINDS.index(f"photo {name}")
    else:
        paint = HELD_OUT_TEXTURES if held_out else TEXTURES
        name = str(rng.choice(list(paint)))
        picture = paint[name](rng)
        kind = KINDS.index(name)
    picture = _recolour(rng, picture)
    if rng.random() < 0.25:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.6, 2.5))
    return picture, kind


def _palette(rng: Rng, n: int) -> Colours:
    """n colours: any hue, mostly muted, as in nature."""
    hue = (rng.uniform(0, 180) + rng.normal(0, 22, n)) % 180
    sat = np.clip(rng.beta(1.6, 2.4) * 255 + rng.normal(0, 30, n), 0, 255)
    val = np.clip(rng.uniform(50, 230) + rng.normal(0, 45, n), 15, 250)
    hsv = np.stack([hue, sat, val], 1)[None].astype(np.uint8)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0].astype(np.float32) / 255


def noise(rng: Rng, finest: int = 2, roughness: float = 0.55, stretch: float = 1.0) -> np.ndarray:
    """Fractal value noise (S, S) in [0, 1]; stretch > 1 draws it out along x."""
    total, weight, cell = np.zeros((S, S), np.float32), 1.0, 112
    while cell >= finest:
        rows, columns = S // cell + 2, max(2, int(S / (cell * stretch)) + 2)
        grid = rng.random((rows, columns), np.float32)
        total += weight * cv2.resize(grid, (S, S), interpolation=cv2.INTER_CUBIC)
        weight *= roughness
        cell //= 2
    low, high = total.min(), total.max()
    return (total - low) / (high - low)


def _ramp(field: np.ndarray, colours: Colours) -> np.ndarray:
    """Colours looked up along a field in [0, 1]: uint8 (S, S, 3)."""
    place = np.linspace(0, 1, len(colours))
    return np.stack([np.interp(field, place, colours[:, c]) * 255 for c in range(3)], -1).astype(np.uint8)


def _clouds(rng: Rng) -> np.ndarray:
    return _ramp(noise(rng, int(rng.choice([2, 4, 16])), rng.uniform(0.4, 0.75)), _palette(rng, rng.integers(2, 6)))


def _grain(rng: Rng) -> np.ndarray:
    """Drawn-out noise, turned: fur, bark, rain."""
    picture = _ramp(noise(rng, 1, rng.uniform(0.6, 0.9), rng.uniform(4, 12)), _palette(rng, 3))
    return _turn(picture, rng.uniform(0, 180))


def _strokes(rng: Rng) -> np.ndarray:
    """Brush dashes along a smooth flow field: grass, straw, paint."""
    colours = _palette(rng, 7) * 255
    picture = _clouds(rng)
    length, width = rng.uniform(8, 34), int(rng.integers(1, 7))
    angle = noise(rng, 56) * rng.uniform(0.5, 6) + rng.uniform(0, np.pi)
    count = int(min(2500, 2.2 * S * S / (length * width)))
    points = rng.uniform(0, S, (count, 2))
    a = angle[points[:, 1].astype(int), points[:, 0].astype(int)]
    ends = points + length * np.stack([np.cos(a), np.sin(a)], 1)
    shades = np.clip(colours[rng.integers(0, 7, count)] + rng.normal(0, 14, (count, 1)), 0, 255)
    for p, q, shade in zip(points, ends, shades, strict=True):
        cv2.line(picture, (int(p[0]), int(p[1])), (int(q[0]), int(q[1])), shade.tolist(), width, cv2.LINE_AA)
    return picture


def _waves(rng: Rng) -> np.ndarray:
    """Long bands that follow a wavy height field: water, dunes, contour lines."""
    y, x = np.mgrid[0:S, 0:S].astype(np.float32) / S
    field = y * np.cos(t := rng.uniform(0, np.pi)) + x * np.sin(t) + rng.uniform(0.1, 0.6) * noise(rng, 28)
    return _ramp(0.5 + 0.5 * np.sin(2 * np.pi * rng.uniform(4, 22) * field), _palette(rng, rng.integers(2, 5)))


def _wood(rng: Rng) -> np.ndarray:
    y, x = np.mgrid[0:S, 0:S].astype(np.float32) / S
    rings = np.hypot(x - rng.uniform(-1, 2), 0.25 * (y - rng.uniform(-1, 2))) + 0.08 * noise(rng, 8, stretch=3)
    tone = 0.5 + 0.5 * np.sin(2 * np.pi * rng.uniform(10, 30) * rings)
    return _turn(_ramp(0.75 * tone + 0.25 * noise(rng, 1, 0.9, 8), _palette(rng, 3)), rng.choice([0, 90]))


def _cells(rng: Rng) -> np.ndarray:
    """Voronoi cells: pebbles, cracked earth, scales."""
    n = int(rng.integers(15, 160))
    points = rng.uniform(0, S, (n, 2)).astype(np.float32)
    small = np.mgrid[0:S:2, 0:S:2][::-1].reshape(2, -1).T.astype(np.float32)
    distance, nearest = cKDTree(points).query(small, k=2)
    shape = (S // 2, S // 2)
    edge = np.clip((distance[:, 1] - distance[:, 0]).reshape(shape) / rng.uniform(3, 14), 0, 1)
    colour = (_palette(rng, n) * 255)[nearest[:, 0]].reshape(*shape, 3)
    return cv2.resize((colour * (0.35 + 0.65 * edge[..., None])).astype(np.uint8), (S, S))


def _stripes(rng: Rng) -> np.ndarray:
    y, x = np.mgrid[0:S, 0:S].astype(np.float32) / S
    t = rng.uniform(0, np.pi)
    wave = np.sin(2 * np.pi * rng.uniform(3, 26) * (x * np.cos(t) + y * np.sin(t)))
    return _ramp(np.clip(0.5 + rng.uniform(0.5, 4) * wave, 0, 1), _palette(rng, 2))


def _checks(rng: Rng) -> np.ndarray:
    y, x = np.mgrid[0:S, 0:S]
    side = int(rng.integers(6, 40))
    picture = _ramp((((x // side) + (y // side)) % 2).astype(np.float32), _palette(rng, 2))
    return _turn(picture, rng.uniform(0, 90))


def _dots(rng: Rng) -> np.ndarray:
    """Discs of light, sharp or out of focus."""
    picture, colours = _clouds(rng), _palette(rng, 6) * 255
    for _ in range(int(rng.integers(20, 160))):
        centre = rng.integers(0, S, 2).tolist()
        cv2.circle(picture, centre, int(rng.uniform(2, 18)), colours[rng.integers(6)].tolist(), -1, cv2.LINE_AA)
    return picture


def _shapes(rng: Rng) -> np.ndarray:
    """Circles, arcs and bars on a ground, as in an abstract painting."""
    picture, colours = _clouds(rng), rng.uniform(0, 255, (8, 3))
    for _ in range(int(rng.integers(15, 60))):
        colour, centre = colours[rng.integers(8)].tolist(), rng.integers(0, S, 2).tolist()
        size, width = int(rng.uniform(6, 50)), int(rng.integers(1, 8))
        match rng.integers(4):
            case 0:
                cv2.circle(picture, centre, size, colour, int(rng.choice([-1, width])), cv2.LINE_AA)
            case 1:
                turn = rng.uniform(0, 360)
                cv2.ellipse(picture, centre, (size, size), turn, 0, rng.uniform(60, 220), colour, width, cv2.LINE_AA)
            case 2:
                end = (np.array(centre) + rng.normal(0, size, 2)).astype(int).tolist()
                cv2.line(picture, centre, end, colour, width, cv2.LINE_AA)
            case _:
                corners = (np.array(centre) + rng.normal(0, size / 2, (3, 2))).astype(np.int32)
                cv2.fillPoly(picture, [corners], colour, cv2.LINE_AA)
    return picture


def _landscape(rng: Rng) -> np.ndarray:
    """A sky that fades down to the horizon and ridges of hills before it."""
    rows = np.linspace(0, 1, S, dtype=np.float32)[:, None].repeat(S, 1)
    picture = _ramp(np.clip(rows + 0.25 * (noise(rng, 8) - 0.5), 0, 1), _palette(rng, 3))
    x = np.arange(S)
    for level in np.sort(rng.uniform(0.3, 0.9, rng.integers(1, 5))):
        ridge = S * level + sum(rng.uniform(2, 18) / k * np.sin(k * x / S * 5 + rng.uniform(0, 6)) for k in (1, 2, 4))
        ground = _ramp(noise(rng, 2, 0.7), _palette(rng, 3))
        picture = np.where((x[:, None] > ridge[None])[..., None], ground, picture)
    return picture


def _bricks(rng: Rng) -> np.ndarray:
    picture = _ramp(noise(rng, 2, 0.8), _palette(rng, 2))
    height, mortar = int(rng.integers(10, 32)), _palette(rng, 1)[0] * 255
    width = int(height * rng.uniform(1.6, 3))
    for row, y in enumerate(range(0, S, height)):
        for x in range(-(row % 2) * width // 2, S, width):
            tone = rng.uniform(0.75, 1.15)
            block = picture[y : y + height, max(0, x) : x + width]
            block[:] = np.clip(block * tone, 0, 255)
            cv2.rectangle(picture, (x, y), (x + width, y + height), mortar.tolist(), 2)
    return picture


def _marble(rng: Rng) -> np.ndarray:
    y, x = np.mgrid[0:S, 0:S].astype(np.float32) / S
    field = np.sin(2 * np.pi * (rng.uniform(1, 5) * x + rng.uniform(1, 5) * y + 2.5 * noise(rng, 4)))
    return _ramp(np.abs(field) ** rng.uniform(0.3, 1), _palette(rng, 4))


def _by_name(*painters: Callable[[Rng], np.ndarray]) -> dict[str, Callable[[Rng], np.ndarray]]:
    return {painter.__name__.strip("_"): painter for painter in painters}


TEXTURES = _by_name(_clouds, _grain, _strokes, _waves, _cells, _stripes, _dots, _shapes, _landscape, _bricks)
HELD_OUT_TEXTURES = _by_name(_wood, _checks, _marble)
KINDS = [*TEXTURES, *(f"photo {p}" for p in PHOTOS), *HELD_OUT_TEXTURES, *(f"photo {p}" for p in HELD_OUT_PHOTOS)]
TRAINED_KINDS = len(TEXTURES) + len(PHOTOS)


@functools.cache
def _photo(name: str) -> np.ndarray:
    """One of scikit-image's photographs, uint8 (H, W, 3)."""
    for ending in (".png", ".jpg"):
        with as_file(files("skimage") / "data" / (name + ending)) as path:
            if path.exists():
                return cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    raise SystemExit(
        f"expected {name} among scikit-image's pictures, found none: install workshop/requirements.txt"
    )


def _photo_crop(rng: Rng, name: str) -> np.ndarray:
    photo = _photo(name)
    height, width = photo.shape[:2]
    side = int(rng.uniform(0.25, 1) * min(height, width))
    y, x = rng.integers(0, height - side + 1), rng.integers(0, width - side + 1)
    crop = cv2.resize(photo[y : y + side, x : x + side], (S, S), interpolation=cv2.INTER_AREA)
    return np.rot90(crop, rng.integers(4))[:, :: rng.choice([-1, 1])].copy()


def _turn(picture: np.ndarray, degrees: float) -> np.ndarray:
    matrix = cv2.getRotationMatrix2D((S / 2, S / 2), degrees, 1.42)
    return cv2.warpAffine(picture, matrix, (S, S), borderMode=cv2.BORDER_REFLECT)


def _recolour(rng: Rng, picture: np.ndarray) -> np.ndarray:
    """Another light: contrast, brightness and a tint."""
    gain = rng.uniform(0.6, 1.15) * (1 + rng.normal(0, 0.08, 3))
    offset = rng.uniform(-10, 35)
    return np.clip(picture * gain + offset, 0, 255).astype(np.uint8)
