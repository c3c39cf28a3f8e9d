"""Write tests/references: what students' functions must return on the embedded network, and how close is close.

    python -m staff.references        (or: make references)

Needed after a change of the embedded weights, of the scenes, or of the town and its styles. Expected values come from
oracle.py alone. The tolerance of each is FACTOR times the largest difference among: this repository's solution in
float32, on one and on two threads, with axes in PyTorch's order and channels last; and the oracle itself, on inputs
changed by RIPPLE, which is what rounding differently does on other machines. Prints those differences. A mistake that
makes no difference on these inputs is named and not stored: another test must show it.
"""

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from pretrained.settings import STYLE_CHECKS
from staff.references import mistakes, oracle
from tests import inputs, networks, probes
from tests.compare import REFERENCES, relative_error, sample

FACTOR = 10
LEAST = 1e-5  # no tolerance is below this,
LEAST_OF_GRADIENTS = 1e-3  # and none of a gradient's map: one ReLU that decides differently can change it by 5e-4
RIPPLE = 3e-6  # relative, some thirty times float32's: some ReLUs and max-poolings decide differently
RIPPLES = 6
APART = 5e-4  # of the regulariser of class visualization, to be seen beside a gradient of length 1
NOISE = 0  # the seed of class visualization's first image


class File:
    """What goes into one .npz: values, tolerances, mistakes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.arrays: dict[str, np.ndarray] = {}

    def put(
        self,
        key: str,
        expected: np.ndarray | float,
        others: list[np.ndarray],
        wrong: mistakes.Mistakes,
        sampled: bool = False,
        least: float = LEAST,
    ) -> None:
        """others: the same by float32 or from rippled inputs. sampled: store a sample of `expected` alone."""
        expected = np.asarray(expected)
        largest = max(relative_error(other.reshape(expected.shape), expected) for other in others)
        tolerance = max(FACTOR * largest, least)
        self.arrays[key] = np.float32(sample(expected) if sampled else expected)
        if sampled:
            self.arrays[f"{key}: shape"] = np.array(expected.shape)
        self.arrays[f"{key}: tolerance"] = np.array(tolerance)
        nearest = np.inf
        for sentence, output in wrong.items():
            if "/" in sentence:
                raise ValueError(f"expected no slash in a key of an .npz, got {sentence!r}: write it in words")
            distance = relative_error(output, expected) if np.shape(output) == expected.shape else np.inf
            if distance < 3 * tolerance:
                print(f"{self.name}, {key}: right by chance ({distance:.1e}): {sentence}")
                continue
            nearest = min(nearest, distance)
            self.arrays[f"{key}: mistake: {sentence}"] = np.float32(sample(output))
            self.arrays[f"{key}: shape: {sentence}"] = np.array(np.shape(output))
        figures = f"difference {largest:.1e}  tolerance {tolerance:.1e}  nearest mistake {nearest:.1e}"
        print(f"{self.name:20} {key:22} {figures}")

    def write(self) -> None:
        """Beside, then renamed."""
        path = REFERENCES / f"{self.name}.npz"
        path.parent.mkdir(exist_ok=True)
        beside = path.with_name(f".{path.name}")
        with beside.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **self.arrays)
        beside.replace(path)


def main() -> None:
    for part in (maps, fooling, class_visualization, losses, style_checks, style_transfer):
        part()
    total = sum(path.stat().st_size for path in REFERENCES.glob("*.npz"))
    print(f"{total / 1e3:.0f} kB in {Path(*REFERENCES.parts[-2:])}")


def in_float32(probe: str, key: str, **arguments) -> list[np.ndarray]:
    """What the solution gives, in each of the ways in which float32 can differ."""
    answers, threads = [], torch.get_num_threads()
    ways = itertools.product((1, 2), (False, True) if "network" in arguments else (False,))
    try:
        for count, channels_last in ways:
            torch.set_num_threads(count)
            settings = {"channels_last": True} if channels_last else {}
            answers.append(np.asarray(probes.call(probe, **arguments, **settings)[key]))
    finally:
        torch.set_num_threads(threads)
    return answers


def rippled(function: Callable[[np.ndarray], np.ndarray | float], X: np.ndarray) -> list[np.ndarray]:
    """What the oracle gives on inputs that are changed a little."""
    rng = np.random.default_rng(0)
    return [np.asarray(function(X * (1 + RIPPLE * rng.standard_normal(X.shape)))) for _ in range(RIPPLES)]


def maps() -> None:
    """Saliency, guided backprop and Grad-CAM of three scenes, the second for another class than the network's own."""
    model, X = networks.build("embedded", "float64"), inputs.scenes()
    predicted = oracle.scores(model, X).argsort(axis=1)
    y = predicted[:, -1].copy()
    # Of the classes that come next, the first for which Grad-CAM finds something.
    y[1] = next(c for c in predicted[1, -2::-1] if oracle.raw_cam(model, X[1:2], np.array([c])).max() > 0)
    for name in ("saliency", "guided_backprop", "grad_cam"):
        function, wrong = getattr(oracle, name), getattr(mistakes, name)(model, X, y)
        file = File(name)
        file.arrays["y"] = y
        others = in_float32(name, "maps", network="embedded", X=X, y=y) + rippled(lambda X: function(model, X, y), X)  # noqa: B023
        least = LEAST if name == "grad_cam" else LEAST_OF_GRADIENTS
        file.put("maps", function(model, X, y), others, wrong, least=least)
        if name == "grad_cam":
            _cam_of_another_network(file)
        file.write()


def _cam_of_another_network(file: File) -> None:
    """Of classes for which it matters most that gradients are averaged first: on the embedded one it hardly does."""
    seeded = {"seed": 3, "classes": 7}
    model, X = networks.build("deep", "float64", **seeded), inputs.scenes()
    apart = []  # of each class and image
    for c in range(seeded["classes"]):
        y = np.full(len(X), c)
        wrong = next(w for sentence, w in mistakes.grad_cam(model, X, y).items() if "not averaged" in sentence)
        right = oracle.grad_cam(model, X, y)
        apart.append([relative_error(other, cam) if cam.any() else 0 for other, cam in zip(wrong, right)])
    y = np.argmax(apart, axis=0)
    others = in_float32("grad_cam", "maps", network="deep", X=X, y=y, **seeded)
    others += rippled(lambda X: oracle.grad_cam(model, X, y), X)
    file.arrays["another network: y"] = y
    wrong = mistakes.grad_cam(model, X, y)
    file.put("another network", oracle.grad_cam(model, X, y), others, wrong)


def fooling() -> None:
    """A fooling image that takes one step, and one that takes a few."""
    model, file = networks.build("embedded", "float64"), File("fooling")
    for key, wanted in (("one step", {1}), ("more steps", {2, 3, 4})):
        for index, place in itertools.product(range(25), (-2, -3, -4, -5)):
            X = inputs.scenes((index,), 112, 112)
            target = int(oracle.scores(model, X)[0].argsort()[place])
            image, steps = oracle.fooling(model, X, target, most=5)
            if steps not in wanted:
                continue
            others = rippled(lambda X: oracle.fooling(model, X, target)[0], X)  # noqa: B023 -- called at once
            if max(relative_error(other, image) for other in others) < 1e-4:  # else it is a matter of the last bit
                break
        else:
            raise ValueError(f"expected a scene that is fooled in {wanted} steps, got none: try other sizes")
        others += in_float32("fooling", "image", network="embedded", X=X, target=target)
        file.put(key, image, others, mistakes.fooling(model, X, target), sampled=True)
        file.arrays[f"{key}: scene, target, steps"] = np.array([index, target, steps])
    file.write()


def class_visualization() -> None:
    """The first step, from the noise of one seed."""
    model, file, target = networks.build("embedded", "float64"), File("class_visualization"), 6
    start = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(NOISE)).double().numpy()
    g = oracle.through(model, start, oracle.one_hot([target])).gradient
    l2_reg = float(np.float32(0.5 * np.sqrt((g**2).sum() / (start**2).sum())))  # so that it counts beside the score
    settings = {"l2_reg": l2_reg, "learning_rate": 25}
    call = {"network": "embedded", "target": target, "classes": oracle.scores(model, start).shape[1], "still": True}
    others = [inputs[1:2] for inputs in in_float32("class_visualization", "inputs", **call, **settings)]
    others += rippled(lambda x: oracle.ascent_step(model, x, target, **settings), start)
    wrong = mistakes.ascent_step(model, start, target, **settings)
    file.put("start", start, [start.astype(np.float32)], {}, sampled=True)
    file.put("step", oracle.ascent_step(model, start, target, **settings), others, wrong, sampled=True)
    # Some subtract the regulariser's gradient from the normalised one. That is accepted, but with a weight at which
    # it counts beside the score's gradient, the same weight hardly counts in this way: hence another.
    for key, weight in (("apart", l2_reg), ("apart, strong", APART)):
        image = oracle.ascent_step(model, start, target, weight, settings["learning_rate"], apart=True)
        file.arrays[key] = np.float32(sample(image))
    file.arrays["apart, strong: l2_reg"] = np.array(APART)
    file.arrays["target, classes"] = np.array([target, call["classes"]])
    file.arrays["l2_reg"] = np.array(l2_reg)
    file.write()


def losses() -> None:
    """The three losses and their gradients on the features of the town and of a painting."""
    file = File("losses")
    cnn = networks.build("embedded").features
    feats, painted = (
        [value.numpy() for value in inputs.features(cnn, inputs.picture(name, 48, 64))] for name in ("town", "flow")
    )
    F, P, weight = feats[3], painted[3], 6e-2
    value, gradient = oracle.content_loss(weight, F, P)
    found = in_float32("content_loss", "value", weight=weight, current=F, original=P)
    file.put("content", value, found, mistakes.content_loss(weight, F, P))
    found = in_float32("content_loss", "gradient", weight=weight, current=F, original=P)
    file.put("content gradient", gradient, found, mistakes.content_gradient(weight, F, P), sampled=True)

    both = np.concatenate([feats[4], painted[4]])[:, :24]
    for key, normalize in (("gram", True), ("gram, not normalised", False)):
        found = in_float32("gram_matrix", "gram", features=both, normalize=normalize)
        expected = oracle.gram_matrix(both, normalize)
        file.put(key, expected, found, mistakes.gram_matrix(both, normalize))

    layers = [1, 4, 6, 7]
    targets = [np.float32(oracle.gram_matrix(painted[layer])) for layer in layers]
    apart = [((oracle.gram_matrix(feats[layer]) - A) ** 2).sum() for layer, A in zip(layers, targets)]
    weights = [float(f"{(i + 1) / distance:.2g}") for i, distance in enumerate(apart)]  # so that each layer counts
    file.arrays["style: weights"] = np.array(weights)
    arrays = {f"feats_{i}": value for i, value in enumerate(feats)} | {f"target_{i}": A for i, A in enumerate(targets)}
    value, gradients = oracle.style_loss(feats, layers, targets, weights)
    found = in_float32("style_loss", "value", layers=layers, weights=weights, **arrays)
    file.put("style", value, found, mistakes.style_loss(feats, layers, targets, weights))
    for layer, gradient in gradients.items():
        found = in_float32("style_loss", f"gradient_{layer}", layers=layers, weights=weights, **arrays)
        wrong = mistakes.style_gradient(feats, layers, targets, weights, layer)
        file.put(f"style gradient {layer}", gradient, found, wrong, sampled=True)

    image, weight = inputs.normalised(inputs.picture("town", 48, 64)), 2e-2
    value, gradient = oracle.tv_loss(image, weight)
    file.put("tv", value, in_float32("tv_loss", "value", image=image, weight=weight), mistakes.tv_loss(image, weight))
    found = in_float32("tv_loss", "gradient", image=image, weight=weight)
    file.put("tv gradient", gradient, found, mistakes.tv_gradient(image, weight), sampled=True)
    file.write()


def style_checks() -> None:
    """The four checks that style_transfer.py prints, as pretrained.settings describes them."""
    check, cnn = STYLE_CHECKS["embedded"], networks.build("embedded", "float64").features
    content, style = (_preprocessed(inputs.path(name), check.image_size) for name in (check.content, check.style))
    shown, painted, blank = (oracle.features(cnn, image) for image in (content, style, np.zeros_like(content)))
    targets = [oracle.gram_matrix(painted[layer]) for layer in check.style_layers]
    layer = check.content_layer
    arrays = {
        "cl_out": oracle.content_loss(check.content_weight, shown[layer], blank[layer])[0],
        "gm_out": oracle.gram_matrix(painted[check.gram_layer]),
        "sl_out": oracle.style_loss(shown, check.style_layers, targets, check.style_weights)[0],
        "tv_out": oracle.tv_loss(content, check.tv_weight)[0],
    }
    file = File(Path(check.stored).stem)
    file.arrays = {name: np.float32(value) for name, value in arrays.items()}
    file.write()


def style_transfer() -> None:
    """The first steps of a small pair, and what the mistakes make of them."""
    cnn = networks.build("embedded", "float64").features[: max(inputs.SMALL_PAIR["style_layers"]) + 1]
    content, style = (inputs.normalised(pixels) for pixels in inputs.small_pair())
    names = ("content_layer", "content_weight", "style_layers", "style_weights", "tv_weight")
    settings = {name: inputs.SMALL_PAIR[name] for name in names}
    losses = probes.ContentPull(), probes.StylePull(), probes.BlurPull()
    pair = oracle.StyleTransfer(cnn, content, style, **settings, losses=losses)
    ways = {
        "right": {},
        "the content loss has no effect.": {"without": ["content"]},
        "the style loss has no effect.": {"without": ["style"]},
        "the total variation loss has no effect.": {"without": ["tv"]},
        "the gradients are not cleared: they add up from step to step.": {"clears": False},
        "the learning rate is not 3 at first.": {"learning_rate": 0.1},
    }
    images = {key: np.concatenate(pair.steps(inputs.STEPS, **way)[1:]) for key, way in ways.items()}
    # Adam's first steps are as long for the least gradient as for the greatest: where it is next to 0, the last bit
    # decides. It also does in max-pooling where neighbours were clamped to the same value. Such pixels are left out.
    rng, sure = np.random.default_rng(0), np.ones(content[0].shape, bool)
    for _ in range(2 * RIPPLES):
        other = pair.steps(inputs.STEPS, seen=lambda x: x * (1 + RIPPLE * rng.standard_normal(x.shape)))[1:]
        sure &= (np.abs(np.concatenate(other) - images["right"]) < inputs.ALIKE / 2).all(axis=0)
    pixels = sample(np.flatnonzero(sure))
    file = File("style_transfer")
    file.arrays["pixels"] = pixels
    others = in_float32("style_transfer", "inputs", **inputs.small_pair_arguments())
    near = min(inputs.alike(other[1 : inputs.STEPS + 1], images["right"], pixels).min() for other in others)
    print(f"{file.name:20} {sure.mean():.3f} of the pixels are sure; of those the solution has {near:.5f} alike")
    for key, image in images.items():
        file.arrays[key] = np.float32(image.reshape(inputs.STEPS, -1)[:, pixels])
        print(f"{file.name:20} {key:62} alike {inputs.alike(image, images['right'], pixels).round(3)}")
    file.write()


def _preprocessed(path: Path, size: int) -> np.ndarray:
    """The picture with its shorter side at `size`, normalised, (1, 3, H, W)."""
    with Image.open(path) as picture:
        short = min(picture.size)
        width, height = (int(size * side / short) for side in picture.size)
        pixels = np.asarray(picture.convert("RGB").resize((width, height), Image.Resampling.BILINEAR), np.float64)
    return np.moveaxis((pixels / 255 - oracle.MEAN) / oracle.STD, 2, 0)[None]


if __name__ == "__main__":
    main()
