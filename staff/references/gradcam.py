"""Guided backprop, Grad-CAM and their product: the float64 oracle, the usual mistakes, and what is stored.

Springenberg et al. 2015, Selvaraju et al. 2017.
"""

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from torch import nn

from staff.references.chain_rule import Pass, ask_rarely, ask_wrongly, one_hot, other_classes, scores, through
from staff.references.shared import Mistakes, combine, list_partial_batches, unit, unit_images
from staff.references.stored import LEAST_OF_GRADIENTS, File, in_float32, ripple
from tests import compare, inputs, networks, sentences
from tests.compare import relative_error

LAYER = "features.12"  # that the assignment's Grad-CAM is of
GUIDED = "CustomReLU stands for the ReLUs: that is guided backprop, Grad-CAM takes the plain gradient."

# --- guided backprop ---


def guided_backprop(model: nn.Module, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(N, H, W, 3): ds_y / dX, where each ReLU also stops what is negative on its way back."""
    return np.moveaxis(through(model, X, one_hot(y), "guided").gradient, 1, 3)


def guided_backprop_mistakes(model: nn.Module, X: np.ndarray, y: np.ndarray) -> Mistakes:
    @cache
    def back(rule: str, upstream: Callable) -> np.ndarray:
        return through(model, X, upstream, rule).gradient

    def maps(rule: str, upstream: Callable, finish: Callable) -> np.ndarray:
        return finish(back(rule, upstream))

    stages = (
        {
            "": "guided",
            "this is the plain gradient: CustomReLU's backward must also stop negative gradients (dout > 0).": "plain",
            "this is the deconvnet's rule: each ReLU must also stop gradients where its input was negative (x > 0).": (
                "deconvnet"
            ),
        },
        ask_wrongly(y),
        {
            "": lambda g: np.moveaxis(g, 1, 3),
            "the axes are not in the order N, H, W, C: the channels come last.": lambda g: g,
            "height and width are exchanged.": lambda g: g.transpose(0, 3, 2, 1),
            "the absolute value was taken: the gradient keeps its sign.": lambda g: np.abs(np.moveaxis(g, 1, 3)),
            "negative values of the result were cut off: the gradient of the pixels keeps its sign.": lambda g: (
                np.maximum(np.moveaxis(g, 1, 3), 0)
            ),
            "the maximum over the channels was taken: all three are asked for.": lambda g: np.abs(g).max(1),
            sentences.RESHAPED: lambda g: g.reshape(len(g), *g.shape[2:], g.shape[1]),
        },
    )
    alone = (
        {},
        ask_rarely(y),
        {
            "it is multiplied by the image: take the gradient alone.": lambda g: np.moveaxis(g * X, 1, 3),
            "each map is divided by its largest absolute value: the numbers themselves are asked for.": lambda g: (
                np.moveaxis(g / np.maximum(np.abs(g).max((1, 2, 3), keepdims=True), 1e-30), 1, 3)
            ),
            sentences.UNIT: lambda g: np.moveaxis(unit(g), 1, 3),
            sentences.UNIT_IMAGES: lambda g: np.moveaxis(unit_images(g), 1, 3),
            "the channels come in the opposite order.": lambda g: np.moveaxis(g, 1, 3)[..., ::-1],
            "the axis of the images does not come first.": lambda g: g.transpose(2, 3, 0, 1),
        },
    )
    own, plain = (maps(rule, stages[1][""], stages[2][""]) for rule in ("guided", "plain"))
    once = {
        "CustomReLU's rule is applied once, to the gradient of the pixels: run the network in "
        "relu_replaced_by(CustomReLU.apply), so that each of its ReLUs follows it.": (
            plain * (np.moveaxis(X, 1, 3) > 0) * (plain > 0)
        )
    }
    return combine(maps, stages, alone) | once | list_partial_batches(own)


# --- Grad-CAM ---


def raw_cam(
    model: nn.Module, X: np.ndarray, y: np.ndarray, layer: str = LAYER, ask: Callable | None = None
) -> np.ndarray:
    """(N, h, w): sum over k of mean(ds_y / dA^k) A^k, before its ReLU and at the layer's own size.

    ask: what is asked of the scores in place of those of y.
    """
    there = through(model, X, ask or one_hot(y))
    A, gradient = there.outputs[layer], there.gradients[layer]
    N, K, h, w = A.shape
    cam = np.zeros((N, h, w))
    for n in range(N):
        for k in range(K):
            cam[n] += gradient[n, k].sum() / (h * w) * A[n, k]
    return cam


def grad_cam(model: nn.Module, X: np.ndarray, y: np.ndarray, layer: str = LAYER) -> np.ndarray:
    """(N, H, W) in [0, 1], each map scaled by itself."""
    return stretch(resize(np.maximum(raw_cam(model, X, y, layer), 0), X.shape[2:]))


def guided_grad_cam(model: nn.Module, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(N, H, W, 3), the product of the two."""
    return grad_cam(model, X, y)[..., None] * guided_backprop(model, X, y)


def resize(maps: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Bicubic, by the kernel that Pillow uses (a = -1/2). maps: (N, h, w); returns (N, *size)."""
    rows, columns = (_bicubic(old, new) for old, new in zip(maps.shape[1:], size))
    return np.einsum("Hh,nhw,Ww->nHW", rows, maps, columns)


def _bicubic(old: int, new: int) -> np.ndarray:
    """The matrix (new, old) of weights that enlarges one axis; where it shrinks, the kernel is widened."""
    step = old / new
    width = max(step, 1.0)
    matrix = np.zeros((new, old))
    for i in range(new):
        centre = (i + 0.5) * step
        for j in range(max(int(centre - 2 * width + 0.5), 0), min(int(centre + 2 * width + 0.5), old)):
            matrix[i, j] = _cubic((j + 0.5 - centre) / width)
    return matrix / matrix.sum(axis=1, keepdims=True)


def _cubic(x: float) -> float:
    x, a = abs(x), -0.5
    if x < 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * (x**3 - 5 * x**2 + 8 * x - 4) if x < 2 else 0.0


def stretch(maps: np.ndarray) -> np.ndarray:
    """Each map stretched to [0, 1]; where all is equal but for rounding, all or nothing."""
    low, high = maps.min(axis=(1, 2), keepdims=True), maps.max(axis=(1, 2), keepdims=True)
    varies = high - low > 1e-9 * np.abs(high)
    return np.where(varies, (maps - low) / np.where(varies, high - low, 1), high > 0)


def grad_cam_mistakes(model: nn.Module, X: np.ndarray, y: np.ndarray) -> Mistakes:
    size, square = X.shape[2:], X.shape[2] == X.shape[3]
    # Of an image's probability and of its logarithm the gradients are multiples, and so the stretched maps are one.
    alike = {sentences.OF_PROBABILITY: sentences.NOT_THE_SCORE}
    passes = {alike.get(sentence, sentence): through(model, X, ask) for sentence, ask in ask_wrongly(y).items()}
    rare = {
        **{sentence: through(model, X, ask_rarely(y)[sentence]) for sentence in other_classes(y, 1)},
        GUIDED: through(model, X, one_hot(y), "guided"),
    }

    def maps(there: Pass, weighed: Callable, cut: Callable, finish: Callable) -> np.ndarray:
        return finish(cut(weighed(there.outputs[LAYER], there.gradients[LAYER])))

    positive = (passes[""].outputs[LAYER] >= 0).all()  # then both of these are one
    last = "to the weighted sum of the channels."
    once = f"apply it once, {last}"
    each, of_weights = (
        (f"the ReLU comes too early, on the weights or on each channel: {once}",) * 2
        if positive
        else (f"the ReLU comes before the sum, on each channel: {once}", f"the ReLU comes on the weights: {once}")
    )
    weigh = "the gradients' means weigh the activations."
    summed = f"the gradients alone are summed: {weigh}"
    exchanged = f"the activations' means weigh the gradients: {weigh}"
    if np.ptp(passes[""].gradients[LAYER], axis=(2, 3)).max() < 1e-9:  # then both are one
        summed = exchanged = f"the gradients are summed, alone or weighed by the activations' means: {weigh}"
    stages = (
        passes,
        {
            "": lambda A, g: (_mean(g) * A).sum(1),
            "the gradients are not averaged over the layer's pixels before they weigh its channels.": lambda A, g: (
                g * A
            ).sum(1),
            "the channels are not weighed by the gradients, or all alike: take dim=(2, 3).": lambda A, g: A.sum(1),
            summed: lambda A, g: g.sum(1),
            each: lambda A, g: np.maximum(_mean(g) * A, 0).sum(1),
            "the gradients are averaged over the images, too: each image has weights of its own.": lambda A, g: (
                g.mean((0, 2, 3), keepdims=True) * A
            ).sum(1),
        },
        {
            "": lambda cam: np.maximum(cam, 0),
            sentences.LAST_RELU: lambda cam: cam,
            "the absolute value stands where the last ReLU should.": np.abs,
        },
        {
            "": lambda cam: stretch(resize(cam, size)),
            "the map is not stretched to [0, 1].": lambda cam: resize(cam, size),
            "the map has the size of the layer: resize it to the image.": lambda cam: cam,
            "the map is stretched, but has the size of the layer: resize it to the image.": stretch,
            "the map is turned: its rows are columns (PIL's resize takes width first).": lambda cam: stretch(
                resize(cam, size)
            ).transpose(0, 2, 1),
        },
    )
    alone = (
        rare,
        {
            of_weights: lambda A, g: (np.maximum(_mean(g), 0) * A).sum(1),
            f"negative gradients are cut off before they are averaged: apply the ReLU once, {last}": lambda A, g: (
                _mean(np.maximum(g, 0)) * A
            ).sum(1),
            "the first image's weights are taken for all: each image has its own.": lambda A, g: (_mean(g[:1]) * A).sum(
                1
            ),
            **{
                f"the gradients are averaged over the {axes} alone: take dim=(2, 3).": lambda A, g, i=i: (
                    g.mean(i, keepdims=True) * A
                ).sum(1)
                for i, axes in ((1, "channels"), (2, "rows"), (3, "columns"))
            },
            "the largest gradient of each channel weighs it: take their mean.": lambda A, g: (
                g.max((2, 3), keepdims=True) * A
            ).sum(1),
            "the largest channel is taken: add the channels up.": lambda A, g: (_mean(g) * A).max(1),
            exchanged: lambda A, g: (_mean(A) * g).sum(1),
            f"the activations' own means weigh them: {weigh}": lambda A, g: (_mean(A) * A).sum(1),
            "the gradients are squared before they are averaged.": lambda A, g: (_mean(g**2) * A).sum(1),
            "positions and channels are mixed up by reshape (or view): permute the axes.": lambda A, g: (
                A.reshape(len(A), -1, A.shape[1]) @ g.mean((2, 3))[:, :, None]
            ).reshape(len(A), *A.shape[2:]),
            "the weights are divided by the channels: multiply them.": lambda A, g: np.divide(
                _mean(g), A, where=A != 0, out=np.zeros_like(A)
            ).sum(1),
            **{
                f"the {axes} are added up: add up the channels, axis 1.": lambda A, g, i=i: (_mean(g) * A).sum(i)
                for i, axes in ((0, "images"), (2, "rows"), (3, "columns"))
            },
        },
        {},
        {
            "the map is turned before it is resized: its rows are rows of the image.": lambda cam: stretch(
                resize(cam.transpose(0, 2, 1), size)
            ),
            "the map is turned: height and width are exchanged in its new size (PIL's resize takes width first).": (
                lambda cam: None if square else stretch(resize(cam, size[::-1]))
            ),
            "the map is enlarged by repeating pixels: bicubic is asked for.": lambda cam: stretch(_repeat(cam, size)),
        },
    )
    wrong = combine(maps, stages, alone)
    _join_alike(wrong, maps, stages)
    for index in (11, 10, 9, 7, 4, 1):
        other = f"features.{index}"
        if other in passes[""].outputs and passes[""].outputs[other].ndim == 4:
            below = ", the input of features[12]," if index == 11 else ""
            wrong[f"the layer is features[{index}]{below} instead of features[12]."] = grad_cam(model, X, y, other)
    return wrong | list_partial_batches(maps(*(stage[""] for stage in stages)))


def _join_alike(wrong: Mistakes, maps: Callable, stages: Sequence[dict]) -> None:
    """Name both of two mistakes that give one map, where the class scores are linear in the layer."""
    labels, averaged = ("the classes of all images are asked", "averaged over the images")
    first, second = (next(s for s in stage if words in s) for stage, words in zip(stages, (labels, averaged)))
    right = [stage[""] for stage in stages]
    alike = maps(right[0], stages[1][second], *right[2:])
    if first in wrong and second not in wrong and relative_error(alike, wrong[first]) < 1e-9:
        wrong[f"{second.removesuffix('.')} (or {first.removesuffix('.')})."] = wrong.pop(first)


def guided_grad_cam_mistakes(model: nn.Module, X: np.ndarray, y: np.ndarray) -> Mistakes:
    """Return what mistakes in Grad-CAM make of its product with guided backprop."""
    back = guided_backprop(model, X, y)
    maps = grad_cam_mistakes(model, X, y)
    return {name: compare.stretch(cam)[..., None] * back for name, cam in maps.items() if cam.shape == back.shape[:3]}


def _mean(gradient: np.ndarray) -> np.ndarray:
    return gradient.mean((2, 3), keepdims=True)


def _repeat(maps: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Enlarged without interpolation."""
    rows, columns = (((np.arange(new) + 0.5) * old / new).astype(int) for old, new in zip(maps.shape[1:], size))
    return maps[:, rows][:, :, columns]


# --- what is stored ---


def store() -> None:
    """Store guided backprop and Grad-CAM of three scenes, and Grad-CAM of another network."""
    model, X = networks.build("embedded", "float64"), inputs.scenes()
    y = classes(model, X)
    file = File("gradcam")
    file.arrays["y"] = y
    others = in_float32("guided_backprop", "maps", network="embedded", X=X, y=y)
    others += ripple(lambda X: guided_backprop(model, X, y), X)
    wrong = guided_backprop_mistakes(model, X, y)
    file.put("guided backprop", guided_backprop(model, X, y), others, wrong, least=LEAST_OF_GRADIENTS)
    others = in_float32("grad_cam", "maps", network="embedded", X=X, y=y)
    others += ripple(lambda X: grad_cam(model, X, y), X)
    file.put("Grad-CAM", grad_cam(model, X, y), others, grad_cam_mistakes(model, X, y))
    _put_another_network(file)
    file.write()


def classes(model: nn.Module, X: np.ndarray) -> np.ndarray:
    """Return the network's own class of each image, but of the second another one."""
    ranked = scores(model, X).argsort(axis=1)
    y = ranked[:, -1].copy()
    # Of the classes that come next, the first for which Grad-CAM finds something.
    y[1] = next(c for c in ranked[1, -2::-1] if raw_cam(model, X[1:2], np.array([c])).max() > 0)
    return y


def _put_another_network(file: File) -> None:
    """Store maps of classes for which averaging gradients first matters most: on the embedded one it hardly does.

    Of the last image it is a class for which guided backprop's gradient matters: on the embedded one it is the same.
    """
    seeded = {"seed": 3, "classes": 7}
    model, X = networks.build("deep", "float64", **seeded), inputs.scenes()
    apart: dict[str, list[list[float]]] = {"not averaged": [], GUIDED: []}  # of each class and image
    for c in range(seeded["classes"]):
        y = np.full(len(X), c)
        mistakes, right = grad_cam_mistakes(model, X, y), grad_cam(model, X, y)
        for words, errors in apart.items():
            wrong = next((w for sentence, w in mistakes.items() if words in sentence), right)
            errors.append([relative_error(w, r) if w.any() and r.any() else 0 for w, r in zip(wrong, right)])
    y, of_guided = (np.argmax(errors, axis=0) for errors in apart.values())
    y[-1] = of_guided[-1]
    others = in_float32("grad_cam", "maps", network="deep", X=X, y=y, **seeded)
    others += ripple(lambda X: grad_cam(model, X, y), X)
    file.arrays["another network: y"] = y
    file.put("Grad-CAM of another network", grad_cam(model, X, y), others, grad_cam_mistakes(model, X, y))
