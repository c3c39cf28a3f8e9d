"""Tells whether a program is right, without the graded tests: by float64 rewrites, on questions drawn by the seed.

All questions stay inside the contract of what is graded, since those that draw them draw for the hidden tests, too: no
dead classes, images that can be fooled, batches of images, pictures of several sizes. The program runs in float64 as
well, so that what is right is right to many digits.
"""

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from staff.hidden import captum, drawing, losses, test_class_visualization, test_style_transfer
from staff.hidden.drawing import Question
from staff.hidden.fooling_image import FoolingQuestion
from staff.references import chain_rule, class_visualization, fooling_image, gradcam, saliency_map
from tests import compare, inputs, probes
from tests.probes.style_transfer import BlurPull, ContentPull, StylePull

Rng = np.random.Generator
Check = Callable[[], float]  # asks the program, and returns its relative error
NETWORKS = ("tiny", 3), ("deep", 1), ("tiny", 2)  # and how many images, of maps


def draw_checks(function: str, seed: int) -> list[Check]:
    """Draw what a program of this function is asked. Expected values are worked out here, once for all programs."""
    checks = DRAWERS[function](np.random.default_rng([seed, 1 + list(DRAWERS).index(function)]))
    return [partial(_ask, check) if isinstance(check, Question) else check for check in checks]


def find_error(checks: list[Check]) -> tuple[float, str]:
    """Return the largest relative error, and what was raised if something was: then it is infinite."""
    largest = 0.0
    for check in checks:
        try:
            largest = max(largest, check())
        except Exception as problem:
            return np.inf, f"{type(problem).__name__}: {problem}"
    return largest, ""


def _ask(question: Question) -> float:
    """Return the error of the probe's answer: that of the worst of its arrays."""
    answer = probes.call(question.probe, **{name: _in_float64(value) for name, value in question.arguments.items()})
    return max(_compare(answer[key], np.asarray(value)) for key, value in question.answers.items())


def _in_float64(value: object) -> object:
    return value.astype(np.float64) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value


def _compare(got: np.ndarray, expected: np.ndarray) -> float:
    if got.size == expected.size == 1:
        got = got.reshape(expected.shape)
    if got.shape != expected.shape or not np.isfinite(got).all():
        return np.inf
    return compare.relative_error(got, expected)


# --- what is drawn ---


def _draw_maps(rng: Rng, probe: str, maps: Callable, mistakes: Callable) -> list[Question]:
    return [drawing.draw_maps(rng, probe, name, count, maps, mistakes) for name, count in NETWORKS]


def _draw_custom_relu(rng: Rng) -> list[Question]:
    asked = []
    for shape in ((40,), (2, 3, 4, 5)):
        x, dout = rng.standard_normal((2, *shape))
        x[..., 0] = 0
        right = {"gradient": dout * (x > 0) * (dout > 0)}
        asked.append(Question("custom_relu", {"x": x, "upstream": dout}, right, {}, 0))
    return asked


def _draw_fooling(rng: Rng) -> list[Question | Check]:
    """Draw images that fool the network after several steps, at once, and never."""
    asked = FoolingQuestion(rng, "squeezenet")
    target = int(chain_rule.scores(asked.model, asked.X)[0].argmax())
    arguments = {"X": asked.X, **asked.network}
    return [
        Question("fooling", arguments | {"target": asked.target}, {"image": asked.image}, {}, 0),
        Question("fooling", arguments | {"target": target}, {"image": asked.X}, {}, 0),
        _draw_in_vain(rng),
        _draw_promises(rng),
    ]


def _draw_in_vain(rng: Rng) -> Check:
    """After 100 steps in vain an image comes back, too. Which one is not graded, only that one does, and another."""
    while True:
        network = drawing.draw_network(rng, "tiny")
        model, X = drawing.build(network), drawing.draw_images(rng, "tiny", 1)
        target = int(chain_rule.scores(model, X)[0].argmin())
        image, steps = fooling_image.fooling(model, X, target)
        if steps == 100 and not np.array_equal(image, X):
            break

    def check() -> float:
        got = probes.call("fooling", X=X, target=target, **network)["image"]
        return 0.0 if got.shape == X.shape and np.isfinite(got).all() and not np.array_equal(got, X) else np.inf

    return check


def _draw_promises(rng: Rng) -> Check:
    """Steps are as long and as many as the object says, and counted in each call; what is in vain is warned of."""
    network = {"network": "linear", "height": 5, "width": 8, "seed": int(rng.integers(1000))}
    model, X, dead = drawing.build(network), 400 * rng.standard_normal((1, 3, 5, 8)), np.abs(inputs.noise(1, 3, 16, 16))
    target = int(chain_rule.scores(model, X)[0].argmin())
    image, steps = fooling_image.fooling(model, X, target, learning_rate=3, most=4)
    far, many = X, 0
    while not 25 <= many <= 80:  # more than a loop takes that gives up early
        far = rng.uniform(200, 600) * rng.standard_normal(X.shape)
        fooled, many = fooling_image.fooling(model, far, target)

    def check() -> float:
        made = {"learning_rate": 3, "max_steps": steps}
        got = probes.call("fooling", X=X, target=target, made=made, times=2, **network)
        near = probes.call("fooling", X=X / 400, target=target, **network)
        nowhere = probes.call("fooling", X=dead, target=1, network="positive")
        distant = probes.call("fooling", X=far, target=target, **network)["image"]
        told = got["warnings"] and nowhere["warnings"] and not near["warnings"]
        kept = got["steps"] == steps and np.array_equal(nowhere["image"], dead)
        return max(_compare(got["image"], image), _compare(distant, fooled)) if told and kept else np.inf

    return check


def _draw_class_visualization(rng: Rng) -> list[Check]:
    """Ask by how much three steps move the noise, with and without a regulariser that counts."""
    drawn = [test_class_visualization.ask(rng, "tiny") for _ in range(2)]
    return [
        partial(_climb, asked.model, asked.target, weight, asked.learning_rate, asked.network)
        for asked, weight in zip(drawn, (drawn[0].weight, 0.0))
    ] + [_look_at_a_dead_class]


def _look_at_a_dead_class() -> float:
    """Return 0 where a dead class is warned of, and one that lives is not."""
    answer = probes.call("class_visualization", network="positive", classes=5, target=1, l2_reg=0.0, still=True)
    alive = probes.call("class_visualization", network="tiny", classes=5, target=0, num_iterations=1)
    told = "dead class" in answer["warnings"] and "dead class" not in alive["warnings"]
    return 0.0 if np.isfinite(answer["inputs"]).all() and told else np.inf


def _climb(model: torch.nn.Module, target: int, l2_reg: float, learning_rate: float, network: dict[str, Any]) -> float:
    steps, settings = 3, {"target": target, "l2_reg": l2_reg, "learning_rate": learning_rate}
    answer = probes.call(
        "class_visualization", **network, **settings, dtype="float64", still=True, num_iterations=steps + 1
    )
    images = answer["inputs"]
    if len(images) != steps + 1:
        return np.inf
    expected = [images[:1]]
    for _ in range(steps):
        expected.append(class_visualization.ascent_step(model, expected[-1], *settings.values()))
    return _compare(np.diff(images, axis=0), np.diff(np.concatenate(expected), axis=0))


def _draw_style_transfer(rng: Rng) -> list[Check]:
    """Ask for the share of the pixels that differ in any of the first steps, with losses that pull alike."""
    asked = test_style_transfer.draw(rng)
    arguments = asked.arguments()
    for name in ("content", "style", *asked.network):
        del arguments[name]

    def check() -> float:
        from PIL import Image

        from style_utils import style_transfer

        images: list[np.ndarray] = []
        with tempfile.TemporaryDirectory() as folder:
            paths = {name: str(Path(folder, f"{name}.png")) for name in ("content_image", "style_image")}
            for path, pixels in zip(paths.values(), (asked.content, asked.style)):
                Image.fromarray(pixels).save(path)
            style_transfer(
                name="", **paths, **arguments, cnn=asked.build(), dtype=torch.float64, testing=True, num_iterations=40,
                content_loss=ContentPull(), style_loss=StylePull(), tv_loss=BlurPull(),
                on_step=lambda _, image: images.append(image.clamp(-1.5, 1.5).numpy().copy()),
            )  # fmt: skip
        differs = np.abs(np.concatenate(images[: len(asked.images)]) - asked.images) > inputs.ALIKE
        return float(differs.any(axis=0).ravel()[asked.pixels].mean())

    return [check]


DRAWERS: dict[str, Callable[[Rng], list]] = {
    "saliency": lambda rng: _draw_maps(rng, "saliency", saliency_map.saliency, saliency_map.saliency_mistakes),
    "custom_relu": _draw_custom_relu,
    "guided_backprop": lambda rng: _draw_maps(
        rng, "guided_backprop", gradcam.guided_backprop, gradcam.guided_backprop_mistakes
    ),
    "grad_cam": lambda rng: _draw_maps(rng, "grad_cam", gradcam.grad_cam, gradcam.grad_cam_mistakes),
    "fooling": _draw_fooling,
    "class_visualization": _draw_class_visualization,
    "content_loss": lambda rng: [losses.draw_content(rng) for _ in range(2)],
    "gram_matrix": lambda rng: [losses.draw_gram(rng, *asked) for asked in ((1, None), (3, True), (2, False))],
    "style_loss": lambda rng: [losses.draw_style(rng, channels) for channels in ((6,) * 5, (5, 3, 6, 4, 7))],
    "tv_loss": lambda rng: [losses.draw_tv(rng) for _ in range(2)],
    "style_transfer": _draw_style_transfer,
    "integrated_gradients": lambda rng: [captum.draw_integrated_gradients(rng) for _ in range(2)],
    "layer_conductance": lambda rng: [captum.draw_layer_conductance(rng, "features.6") for _ in range(2)],
    "neuron_responses": lambda rng: [captum.draw_neuron_responses(rng, 6)],
}
