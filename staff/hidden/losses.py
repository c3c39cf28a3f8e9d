"""Draws what the hidden tests of the losses ask: features, images, layers and weights."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from staff.hidden.drawing import Question
from staff.references import content_loss, style_loss, tv_loss

TOLERANCE = 1e-4
Rng = np.random.Generator


def draw_content(rng: Rng) -> Question:
    shape = draw_shape(rng)
    F, P, weight = draw_noise(rng, shape), draw_noise(rng, shape), draw_weight(rng)
    asked, arguments = (weight, F, P), {"weight": weight, "current": F, "original": P}
    return _question("content_loss", arguments, content_loss.content_loss, content_loss.content_loss_mistakes, asked)


def draw_tv(rng: Rng) -> Question:
    image, weight = draw_noise(rng, (1, 3, *draw_shape(rng)[2:])), draw_weight(rng)
    asked, arguments = (image, weight), {"image": image, "weight": weight}
    return _question("tv_loss", arguments, tv_loss.tv_loss, tv_loss.tv_loss_mistakes, asked)


def draw_gram(rng: Rng, count: int, normalize: bool | None) -> Question:
    """normalize: None leaves it out."""
    F = draw_noise(rng, draw_shape(rng, count))
    right = style_loss.gram_matrix(F, normalize is not False)
    wrong = partial(style_loss.gram_matrix_mistakes, F, normalize is not False)
    return Question(
        "gram_matrix", {"features": F, "normalize": normalize}, {"gram": right}, {"gram": wrong}, TOLERANCE
    )


def draw_style(rng: Rng, channels: tuple[int, ...]) -> Question:
    """Draw features with so many channels, three style layers among them in any order, targets and weights."""
    feats = [draw_noise(rng, (1, count, *draw_shape(rng)[2:])) for count in channels]
    layers = rng.permutation([1, 2, 3, 4])[:3].tolist()
    targets = [np.float32(style_loss.gram_matrix(draw_noise(rng, feats[layer].shape))) for layer in layers]
    apart = [((style_loss.gram_matrix(feats[layer]) - A) ** 2).sum() for layer, A in zip(layers, targets)]
    weights = [float(f"{rng.uniform(1, 3) / distance:.3g}") for distance in apart]  # so that each layer counts
    arguments = {"layers": layers, "weights": weights}
    arguments |= {f"feats_{i}": F for i, F in enumerate(feats)} | {f"target_{i}": A for i, A in enumerate(targets)}
    asked = feats, layers, targets, weights
    value, own = style_loss.style_loss(*asked)
    gradients = {f"gradient_{i}": own.get(i, np.zeros(F.shape)) for i, F in enumerate(feats)}
    wrong = {f"gradient_{i}": partial(style_loss.style_loss_mistakes, *asked, i) for i in range(len(feats))}
    wrong["value"] = partial(style_loss.style_loss_mistakes, *asked)
    return Question("style_loss", arguments, {"value": value, **gradients}, wrong, TOLERANCE)


def _question(probe: str, arguments: dict[str, Any], oracle: Callable, mistakes: Callable, asked: tuple) -> Question:
    wrong = {"value": partial(mistakes, *asked), "gradient": partial(mistakes, *asked, True)}
    return Question(probe, arguments, dict(zip(("value", "gradient"), oracle(*asked))), wrong, TOLERANCE)


def draw_shape(rng: Rng, count: int = 1) -> tuple[int, ...]:
    """(count, C, H, W), three different numbers after the first."""
    return count, *(rng.permutation(7)[:3] + 3).tolist()


def draw_noise(rng: Rng, shape: tuple[int, ...]) -> np.ndarray:
    return (rng.uniform(0.5, 2) * rng.standard_normal(shape) + rng.uniform(-1, 1)).astype(np.float32)


def draw_weight(rng: Rng) -> float:
    return round(float(10 ** rng.uniform(-2, 2)), 3)
