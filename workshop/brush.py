"""Oil painting by single strokes: bristles that leave ridges of paint, lit from the upper left."""

from collections.abc import Callable

import cv2
import numpy as np

SS = 2  # samples per pixel and direction
Field = Callable[[np.ndarray], np.ndarray]


class Canvas:
    """A painting in progress. Colours are in [0, 1]; lengths in pixels of the finished picture."""

    def __init__(self, rng: np.random.Generator, size: tuple[int, int], ground: tuple[float, float, float]):
        self.rng, (self.width, self.height) = rng, size
        self.paint = np.zeros((self.height * SS, self.width * SS, 4), np.float32)  # colour and height of the paint
        self.paint[..., :3] = ground

    def stroke(self, path: np.ndarray, width: float, colour: np.ndarray, streak: float = 0.09, body: float = 1.0):
        """Draw one stroke along path (n, 2). streak: how much the bristles differ; body: how thick the paint is."""
        path = np.asarray(path, np.float64)
        along = np.gradient(path, axis=0)
        length = np.linalg.norm(along, axis=1, keepdims=True)
        side = np.stack([-along[:, 1], along[:, 0]], 1) / np.maximum(length, 1e-6)
        share = np.linspace(0, 1, len(path))
        taper = np.clip(np.minimum(share / 0.10 + 0.55, (1 - share) / 0.28 + 0.30), 0, 1)
        bristles = max(3, round(width * SS / 2.2))
        across = np.linspace(-1, 1, bristles)
        tint = _smooth(self.rng.normal(0, streak, (bristles, 1)) * (1, 0.93, 0.86))
        tint += self.rng.normal(0, 0.3 * streak, (bristles, 3))
        ridge = 0.5 + 0.55 * np.abs(across) ** 4 + _smooth(self.rng.normal(0, 0.75, (bristles, 1)))[:, 0]
        base = self.rng.uniform(0, 0.8)
        thickness = max(2, round(width * SS / bristles + 1.2))
        for i in self.rng.permutation(bristles):
            first = int(self.rng.uniform(0, 0.10) * len(path))
            last = len(path) - int(self.rng.uniform(0, 0.22) * len(path))
            if last - first < 2:
                continue
            line = path[first:last] + side[first:last] * (across[i] * width / 2 * taper[first:last])[:, None]
            value = np.append(np.clip(colour + tint[i], 0, 1), body * (base + ridge[i]))
            points = np.round(line * SS * 16).astype(np.int32)
            cv2.polylines(self.paint, [points], False, value.tolist(), thickness, cv2.LINE_AA, 4)

    def follow(self, start, field: Field, length: float, step: float = 3.0) -> np.ndarray:
        """The path (n, 2) of a stroke through `start`, half of it on each side, along field((n, 2)) -> (n, 2)."""
        halves = []
        for sign in (-1, 1):
            point, half = np.asarray(start, float), []
            for _ in range(max(1, round(length / 2 / step))):
                point = point + sign * step * field(point[None])[0]
                half.append(point)
            halves.append(half)
        return np.array([*halves[0][::-1], np.asarray(start, float), *halves[1]])

    def finish(self, width: int, relief: float = 0.16, weave: float = 0.02) -> np.ndarray:
        """The picture of that width, float (H, W, 3) in [0, 1]: the paint's relief in raking light, on woven canvas."""
        colour, height = self.paint[..., :3], cv2.GaussianBlur(self.paint[..., 3], (0, 0), 0.9)
        y, x = np.mgrid[: self.height * SS, : self.width * SS]
        height = height + weave * (np.sin(x * 2 * np.pi / 5.2) + np.sin(y * 2 * np.pi / 5.2)) * 2
        slope = (height - np.roll(height, (2, 2), (0, 1))).astype(np.float32)
        light = np.tanh(slope * 1.1)[..., None] * relief
        shine = np.clip(slope - 0.75, 0, 1)[..., None] * relief * 0.9
        lit = colour * (1 + 1.3 * light) + 0.25 * light * (0.4 + colour) + shine
        small = cv2.resize(
            np.clip(lit, 0, 1).astype(np.float32),
            (width, round(width * self.height / self.width)),
            interpolation=cv2.INTER_AREA,
        )
        blurred = cv2.GaussianBlur(small, (0, 0), 1.0)
        return np.clip(small + 0.45 * (small - blurred), 0, 1)


def line(start: np.ndarray, end: np.ndarray, steps: int = 10) -> np.ndarray:
    """The straight path (steps, 2) between two points."""
    return np.linspace(np.asarray(start, float), np.asarray(end, float), steps)


def arc(centre: np.ndarray, radius: float, turn: np.ndarray) -> np.ndarray:
    """The points (n, 2) of a circle at the angles `turn`."""
    return np.asarray(centre) + radius * np.stack([np.cos(turn), np.sin(turn)], 1)


def directions(angle: float) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors along the angle, and square to it."""
    return np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])


def scatter(rng: np.random.Generator, size: tuple[int, int], spacing: float) -> np.ndarray:
    """Points (n, 2) about `spacing` apart, in random order, that cover a picture and a little around it."""
    x, y = np.meshgrid(np.arange(-spacing, size[0] + spacing, spacing), np.arange(-spacing, size[1] + spacing, spacing))
    points = np.stack([x.ravel(), y.ravel()], 1)
    return rng.permutation(points + rng.uniform(-0.5, 0.5, points.shape) * spacing)


def shade(rng: np.random.Generator, colours: np.ndarray, spread: float = 0.04) -> np.ndarray:
    """One of the colours, a little changed."""
    return np.clip(colours[rng.integers(len(colours))] + rng.normal(0, spread) + rng.normal(0, 0.5 * spread, 3), 0, 1)


def _smooth(values: np.ndarray) -> np.ndarray:
    """Neighbouring bristles resemble each other."""
    padded = np.concatenate([values[:1], values, values[-1:]])
    return 0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]
