"""Whether a stranger is right, decided without the graded tests: by float64 rewrites, on inputs drawn by the seed.

All questions stay inside the contract of what is graded: no dead classes, images that can be fooled, batches of images,
pictures of several sizes. The stranger runs in float64 as well, so that what is right is right to many digits.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from staff.references import (
    captum,
    chain_rule,
    class_visualization,
    content_loss,
    fooling_image,
    gradcam,
    saliency_map,
    style_loss,
    tv_loss,
)
from staff.references.style_transfer import StyleTransfer
from tests import compare, inputs, networks, probes
from tests.probes.style_transfer import BlurPull, ContentPull, StylePull

Rng = np.random.Generator
RIPPLE = 1e-9  # relative changes of images: what matters more than that is not asked
Question = Callable[[], float]  # asks the stranger, and returns its relative error


def questions(function: str, seed: int) -> list[Question]:
    """What a stranger of this function is asked. Expected values are worked out here, once for all strangers."""
    return DRAWN[function](np.random.default_rng([seed, 1 + list(DRAWN).index(function)]))


def error(asked: list[Question]) -> tuple[float, str]:
    """The largest relative error, and what was raised if something was: then it is infinite."""
    largest = 0.0
    for question in asked:
        try:
            largest = max(largest, question())
        except Exception as problem:
            return np.inf, f"{type(problem).__name__}: {problem}"
    return largest, ""


def _asked(probe: str, arguments: dict[str, Any], **expected: object) -> Question:
    """The error of the probe's answer: that of the worst of its arrays."""

    def question() -> float:
        answer = probes.call(probe, **arguments)
        return max(_error(answer[key], np.asarray(value)) for key, value in expected.items())

    return question


def _error(got: np.ndarray, expected: np.ndarray) -> float:
    if got.size == expected.size == 1:
        got = got.reshape(expected.shape)
    if got.shape != expected.shape or not np.isfinite(got).all():
        return np.inf
    return compare.relative_error(got, expected)


# --- what is drawn ---


def _network(rng: Rng, name: str) -> dict[str, Any]:
    return {"network": name, "seed": int(rng.integers(1000)), "classes": int(rng.integers(4, 9))}


def _model(network: dict[str, Any]) -> torch.nn.Module:
    settings = dict(network)
    return networks.build(settings.pop("network"), "float64", **settings)


def _images(rng: Rng, count: int) -> np.ndarray:
    height, width = rng.permutation([int(rng.integers(20, 27)), int(rng.integers(28, 36))])
    return rng.standard_normal((count, 3, height, width))


def _maps(probe: str, maps: Callable, rng: Rng, key: str = "maps", **arguments: Any) -> list[Question]:
    """Of one image and of several, on two networks; no class is dead, and no map so even that rounding decides."""
    asked = []
    for name, count in (("tiny", 3), ("deep", 1), ("tiny", 2)):
        while True:
            network, X = _network(rng, name), _images(rng, count)
            y = rng.integers(0, network["classes"], count)
            right = maps(_model(network), X, y)
            near = maps(_model(network), X * (1 + RIPPLE * rng.standard_normal(X.shape)), y)
            if all(image.any() for image in right) and compare.relative_error(near, right) < 100 * RIPPLE:
                break
        asked.append(_asked(probe, {"X": X, "y": y, **network, **arguments}, **{key: right}))
    return asked


def _custom_relu(rng: Rng) -> list[Question]:
    asked = []
    for shape in ((40,), (2, 3, 4, 5)):
        x, dout = rng.standard_normal((2, *shape))
        asked.append(_asked("custom_relu", {"x": x, "upstream": dout}, gradient=dout * (x > 0) * (dout > 0)))
    return asked


def _fooling(rng: Rng) -> list[Question]:
    """Images that fool the network after one step, after several, at once, and never."""
    asked = []
    for fewest, most in ((1, 1), (2, 6), (0, 0)):
        while True:
            network, X = _network(rng, "squeezenet"), _images(rng, 1)
            ranked = chain_rule.scores(_model(network), X)[0].argsort()
            target = int(ranked[-1 if not most else -2])
            image, steps = fooling_image.fooling(_model(network), X, target, most=most + 1)
            if fewest <= steps <= most:
                break
        asked.append(_asked("fooling", {"X": X, "target": target, **network}, image=image))
    return [*asked, _gives_up(rng)]


def _gives_up(rng: Rng) -> Question:
    """After 100 steps in vain an image comes back, too. Which one is not graded, only that one does, and another."""
    while True:
        network, X = _network(rng, "tiny"), _images(rng, 1)
        target = int(chain_rule.scores(_model(network), X)[0].argmin())
        image, steps = fooling_image.fooling(_model(network), X, target)
        if steps == 100 and not np.array_equal(image, X):
            break

    def question() -> float:
        got = probes.call("fooling", X=X, target=target, **network)["image"]
        return 0.0 if got.shape == X.shape and np.isfinite(got).all() and not np.array_equal(got, X) else np.inf

    return question


def _class_visualization(rng: Rng) -> list[Question]:
    """By how much three steps move the noise, with and without a regulariser that counts."""
    asked = []
    for share in (0.5, 0.0):
        network = _network(rng, "tiny")
        model, target = _model(network), int(rng.integers(network["classes"]))
        noise = rng.standard_normal((1, 3, 224, 224))
        norm, _ = class_visualization.norms(model, noise, target)
        l2_reg = share * norm / np.linalg.norm(noise)
        arguments = {"target": target, "l2_reg": float(l2_reg), "learning_rate": float(rng.integers(10, 30))}
        asked.append(_ascent(model, network | arguments))
    return asked


def _ascent(model: torch.nn.Module, arguments: dict[str, Any]) -> Question:
    steps = 3

    def question() -> float:
        answer = probes.call("class_visualization", **arguments, dtype="float64", still=True, num_iterations=steps + 1)
        images = answer["inputs"]
        if len(images) != steps + 1:
            return np.inf
        rest = [arguments[name] for name in ("target", "l2_reg", "learning_rate")]
        expected = [images[:1]]
        for _ in range(steps):
            expected.append(class_visualization.ascent_step(model, expected[-1], *rest))
        return _error(np.diff(images, axis=0), np.diff(np.concatenate(expected), axis=0))

    return question


def _content_loss(rng: Rng) -> list[Question]:
    asked = []
    for shape in ((1, 4, 3, 5), (1, 2, 6, 3)):
        F, P = rng.standard_normal((2, *shape)) + rng.uniform(-1, 1)
        weight = float(10 ** rng.uniform(-2, 2))
        value, gradient = content_loss.content_loss(weight, F, P)
        arguments = {"weight": weight, "current": F, "original": P}
        asked.append(_asked("content_loss", arguments, value=value, gradient=gradient))
    return asked


def _gram_matrix(rng: Rng) -> list[Question]:
    asked = []
    for shape, normalize in (((1, 4, 3, 5), None), ((3, 2, 5, 4), True), ((2, 5, 3, 4), False)):
        F = rng.standard_normal(shape) + rng.uniform(-1, 1)
        right = style_loss.gram_matrix(F, normalize is not False)
        asked.append(_asked("gram_matrix", {"features": F, "normalize": normalize}, gram=right))
    return asked


def _style_loss(rng: Rng) -> list[Question]:
    asked = []
    for layers in ([0, 2, 3], [2, 1]):
        feats = [rng.standard_normal((1, *shape)) for shape in ((3, 4, 5), (3, 6, 4), (4, 3, 5), (5, 4, 3))]
        targets = [style_loss.gram_matrix(rng.standard_normal(feats[layer].shape)) for layer in layers]
        weights = (10 ** rng.uniform(-1, 1, len(layers))).tolist()
        value, gradients = style_loss.style_loss(feats, layers, targets, weights)
        arrays = {f"feats_{i}": F for i, F in enumerate(feats)} | {f"target_{i}": A for i, A in enumerate(targets)}
        expected = {f"gradient_{i}": gradients.get(i, np.zeros_like(F)) for i, F in enumerate(feats)}
        asked.append(_asked("style_loss", {"layers": layers, "weights": weights, **arrays}, value=value, **expected))
    return asked


def _tv_loss(rng: Rng) -> list[Question]:
    asked = []
    for size in ((5, 8), (7, 4)):
        image, weight = rng.standard_normal((1, 3, *size)), float(10 ** rng.uniform(-2, 2))
        value, gradient = tv_loss.tv_loss(image, weight)
        asked.append(_asked("tv_loss", {"image": image, "weight": weight}, value=value, gradient=gradient))
    return asked


def _style_transfer(rng: Rng) -> list[Question]:
    """The share of the pixels that differ in any of three steps, with losses that pull alike."""
    steps, network = 3, _network(rng, "squeezenet")
    content, style = inputs.picture("town", 24, 36), inputs.picture("waves", 24, 30)
    layers: dict[str, Any] = {"content_layer": 3, "style_layers": [1, 4]}
    cnn = _model(network).features[:5]
    losses = ContentPull(), StylePull(), BlurPull()
    even = {"content_weight": 1.0, "style_weights": [1.0, 1.0], "tv_weight": 1.0}
    pair = [inputs.normalised(picture).astype(np.float64) for picture in (content, style)]
    start = np.clip(pair[0] + 0.5 * rng.standard_normal(pair[0].shape), -1.5, 1.5)
    found = StyleTransfer(cnn, *pair, **layers, **even, losses=losses).losses(start)
    weights: dict[str, Any] = {name: float(1 / np.linalg.norm(slope)) for name, (_, slope) in found.items()}
    settings = layers | {
        "content_weight": weights["content"],
        "style_weights": [weights["style"]] * 2,
        "tv_weight": weights["tv"],
    }
    right = np.concatenate(StyleTransfer(cnn, *pair, **settings, losses=losses).steps(steps)[1:])

    def question() -> float:
        from PIL import Image

        from style_utils import style_transfer

        images: list[np.ndarray] = []
        with tempfile.TemporaryDirectory() as folder:
            paths = {name: str(Path(folder, f"{name}.png")) for name in ("content_image", "style_image")}
            for path, pixels in zip(paths.values(), (content, style)):
                Image.fromarray(pixels).save(path)
            style_transfer(
                name="", image_size=24, style_size=24, **paths, **settings, cnn=cnn, dtype=torch.float64, testing=True,
                content_loss=losses[0], style_loss=losses[1], tv_loss=losses[2], num_iterations=40,
                on_step=lambda _, image: images.append(image.clamp(-1.5, 1.5).numpy().copy()),
            )  # fmt: skip
        differs = np.abs(np.concatenate(images[:steps]) - right) > inputs.ALIKE
        return float(differs.any(axis=0).mean())

    return [question]


def _neuron_responses(rng: Rng) -> list[Question]:
    network, layer, X = _network(rng, "tiny"), 6, _images(rng, 3)
    model = _model(network)
    outputs = chain_rule.through(model.features[: layer + 1], X, np.zeros_like).outputs[""]
    neurons = [tuple(int(i) for i in np.unravel_index(A.argmax(), A.shape)) for A in outputs]
    right = captum.neuron_responses(model, X, neurons, layer)
    arguments = {"X": X, "neurons": neurons, "layer": f"features.{layer}", **network}
    return [_asked("neuron_responses", arguments, maps=right)]


def _conductance(model: torch.nn.Module, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    return captum.layer_conductance(model, X, y, "features.6", captum.CONDUCTANCE_STEPS)


DRAWN: dict[str, Callable[[Rng], list[Question]]] = {
    "saliency": lambda rng: _maps("saliency", saliency_map.saliency, rng),
    "custom_relu": _custom_relu,
    "guided_backprop": lambda rng: _maps("guided_backprop", gradcam.guided_backprop, rng),
    "grad_cam": lambda rng: _maps("grad_cam", gradcam.grad_cam, rng),
    "fooling": _fooling,
    "class_visualization": _class_visualization,
    "content_loss": _content_loss,
    "gram_matrix": _gram_matrix,
    "style_loss": _style_loss,
    "tv_loss": _tv_loss,
    "style_transfer": _style_transfer,
    "integrated_gradients": lambda rng: _maps(
        "integrated_gradients", lambda *asked: captum.integrated_gradients(*asked, captum.IG_STEPS), rng
    ),
    "layer_conductance": lambda rng: _maps("layer_conductance", _conductance, rng, layer="features.6"),
    "neuron_responses": _neuron_responses,
}
