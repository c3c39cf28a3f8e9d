"""The scripts' Captum halves (Sundararajan et al. 2017, Dhamdhere et al. 2018): float64 oracles, and usual mistakes."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from staff.references import gradcam
from staff.references.chain_rule import MEAN, STD, ask_wrongly, one_hot, other_classes, scores, through
from staff.references.shared import Mistakes
from staff.references.stored import LEAST_OF_GRADIENTS, File, in_float32
from tests import inputs, networks, sentences

IG_STEPS, CONDUCTANCE_STEPS = 32, 10  # the handout's; more or fewer are accepted,
IG_TOLERANCE, CONDUCTANCE_TOLERANCE = 0.1, 0.2  # and hence these of drawn images.
# Of the stored ones: more steps, and Captum's other rules, are 0.05 and 0.02 away at most, IG_BATCH steps 0.09.
IG_STORED, CONDUCTANCE_STORED = 0.07, 0.04
IG_BATCH = 8  # the handout's
OTHERS = 10, 9, 7, 4  # layers of SqueezeNet
WHOLE_WAY = (
    "each call goes the whole way in IG_BATCH steps: ask once, with n_steps=IG_STEPS and internal_batch_size=IG_BATCH"
)
EARLIER_ADDED = "each image's holds those of the images before it, too: begin its sum anew."


def integrated_gradients(
    model: nn.Module,
    X: np.ndarray,
    y: np.ndarray,
    steps: int,
    baseline: float | np.ndarray = 0.0,
    ask: Callable | None = None,
) -> np.ndarray:
    """(N, H, W): sum over the channels of the way from the baseline to X times the mean of ds_y / dx on it.

    By Gauss-Legendre; the baseline is the grey image, unless another value is given for all its pixels, or images.
    ask: what is asked of the scores in place of those of y.
    """
    return (_mean_gradient(model, X, y, steps, baseline, ask) * (X - baseline)).sum(1)


def _mean_gradient(
    model: nn.Module,
    X: np.ndarray,
    y: np.ndarray,
    steps: int,
    baseline: float | np.ndarray = 0.0,
    ask: Callable | None = None,
) -> np.ndarray:
    """(N, 3, H, W): the mean of ds_y / dx on the way from the baseline to X."""
    points, weights = np.polynomial.legendre.leggauss(steps)
    return sum(
        weight / 2 * through(model, baseline + (point + 1) / 2 * (X - baseline), ask or one_hot(y)).gradient
        for point, weight in zip(points, weights)
    )


def integrated_gradients_mistakes(model: nn.Module, X: np.ndarray, y: np.ndarray, steps: int) -> Mistakes:
    mean, plain = _mean_gradient(model, X, y, steps), through(model, X, one_hot(y)).gradient
    channels = mean * X
    own = channels.sum(1)
    short = integrated_gradients(model, X, y, IG_BATCH)
    saliency = "this is the gradient's absolute value at the image (saliency): another method is asked for"
    return {
        "the absolute values of the channels are added up: each keeps its sign.": np.abs(channels).sum(1),
        "the largest of the channels is taken: add them up.": channels.max(1),
        "the largest absolute value of the channels is taken: add them up.": np.abs(channels).max(1),
        f"{saliency}.": np.abs(plain).max(1),
        f"{saliency}, and its channels are added up.": np.abs(plain).sum(1),
        "this is the gradient at the image: average it along the way, times the pixels.": plain.sum(1),
        "this is the gradient at the image, times the pixels: average it along the way.": (plain * X).sum(1),
        "the gradients are not multiplied by the pixels (is multiply_by_inputs False?).": mean.sum(1),
        "the channels are averaged: add them up.": own / 3,
        "they are multiplied by the pixels once more: Captum has done so.": (channels * X).sum(1),
        f"{WHOLE_WAY}, and the results are added up.": IG_STEPS // IG_BATCH * short,
        f"{WHOLE_WAY}.": short,
        "a single step is taken: there must be many.": integrated_gradients(model, X, y, 1),
        **{
            f"the {axis} are added up: channels are axis 1 of (N, 3, H, W).": channels.sum(i)
            for i, axis in ((0, "images"), (2, "rows"), (3, "columns"))
        },
        "the channels are moved to the end, then the rows are added up: add up the channels.": np.moveaxis(
            channels.sum(2), 1, 2
        ),
        **_along_the_way(partial(integrated_gradients, model, steps=steps), scores(model, X), X, y, steps),
    }


def _along_the_way(
    maps: Callable[..., np.ndarray], scores: np.ndarray, X: np.ndarray, y: np.ndarray, steps: int
) -> Mistakes:
    """Return the mistakes that both methods share which go from a baseline to the image: maps(X, y, baseline, ask)."""
    own = maps(X, y)
    return {
        sentences.SIGN_LOST: np.abs(own),
        EARLIER_ADDED: own.cumsum(0),
        "it is divided by the number of steps: Captum has weighed them.": own / steps,
        **_other_questions(lambda ask: maps(X, y, ask=ask), y),
        **_other_baselines(lambda baseline: maps(X, y, baseline=baseline), X),
        **_other_classes(lambda classes: maps(X, classes), scores, y),
        **_first_image(lambda image: maps(image, y), X),
    }


def _other_questions(maps: Callable[[Callable], np.ndarray], y: np.ndarray) -> Mistakes:
    """Return what is made of something else than the scores of y: of probabilities, of a loss."""
    return {sentence: maps(ask) for sentence, ask in ask_wrongly(y).items() if sentence}


def _other_baselines(maps: Callable[[float | np.ndarray], np.ndarray], X: np.ndarray) -> Mistakes:
    """Return what is made on the way from another image than the grey one."""
    whole = {"axis": (1, 2, 3), "keepdims": True}
    others = {
        "of ones": 1.0,
        "black": (-MEAN / STD).reshape(1, 3, 1, 1),
        "white": ((1 - MEAN) / STD).reshape(1, 3, 1, 1),
        "the darkest pixel": X.min(**whole),
        "the brightest pixel": X.max(**whole),
        "the image's mean": X.mean(**whole),
        "the mean of each channel": X.mean(axis=(2, 3), keepdims=True),
        "the mean of all images": X.mean(),
        "the mean image": X.mean(axis=0, keepdims=True),
        "the darkest pixel of all images": X.min(),
    }
    return {
        f"another baseline is taken, {name}: take Captum's own, the grey image, 0.": maps(baseline)
        for name, baseline in others.items()
    }


def _other_classes(maps: Callable[[np.ndarray], np.ndarray], scores: np.ndarray, y: np.ndarray) -> Mistakes:
    """Return what is made for other classes than those that were asked for."""
    others = {sentences.PREDICTED_CLASS: scores.argmax(1)} | other_classes(y, scores.shape[1])
    return {sentence: maps(classes) for sentence, classes in others.items()}


def _first_image(maps: Callable[[np.ndarray], np.ndarray], X: np.ndarray) -> Mistakes:
    """Return what is made of the first image in place of all, each with its own class or neuron."""
    return {"the first image is taken for all: take each.": maps(np.broadcast_to(X[:1], X.shape))}


def layer_conductance(
    model: nn.Module,
    X: np.ndarray,
    y: np.ndarray,
    layer: str,
    steps: int,
    baseline: float | np.ndarray = 0.0,
    ask: Callable | None = None,
) -> np.ndarray:
    """The layer's shape: sum over the steps from the baseline to X, at Captum's places, of ds_y / dA times dA."""
    points = np.polynomial.legendre.leggauss(steps + 1)[0]
    there = [through(model, baseline + (point + 1) / 2 * (X - baseline), ask or one_hot(y)) for point in points]
    A, gradients = ([getattr(step, name)[layer] for step in there] for name in ("outputs", "gradients"))
    return sum(gradient * (new - old) for gradient, old, new in zip(gradients, A, A[1:]))


def layer_conductance_mistakes(model: nn.Module, X: np.ndarray, y: np.ndarray, layer: str, steps: int) -> Mistakes:
    own, there = layer_conductance(model, X, y, layer, steps), through(model, X, one_hot(y))
    return {
        "this is the layer's activation: conductance weighs it by what it does to the score.": there.outputs[layer],
        "this is Grad-CAM of the layer: conductance is another method.": np.sum(
            there.gradients[layer].mean((2, 3), keepdims=True) * there.outputs[layer], axis=1, keepdims=True
        ),
        "a single step is taken: there must be several.": layer_conductance(model, X, y, layer, 1),
        sentences.NEGATIVE_CUT: np.maximum(own, 0),
        **_along_the_way(partial(layer_conductance, model, layer=layer, steps=steps), there.scores, X, y, steps),
        sentences.LAYER_INPUT: layer_conductance(model, X, y, f"features.{int(layer.rpartition('.')[2]) - 1}", steps),
        "the channels are averaged: each unit of the layer has its own, (N, C, h, w).": own.mean(1),
        "the channels are added up: each unit of the layer has its own.": own.sum(1, keepdims=True),
        "the channels are added up: each unit of the layer has its own, (N, C, h, w).": own.sum(1),
        "the layer is features[12]: take the one that is handed over.": layer_conductance(
            model, X, y, "features.12", steps
        ),
    }


def neuron_responses(
    model: nn.Module, X: np.ndarray, neurons: Sequence[tuple[int, int, int]], layer: int, rule: str = "guided"
) -> np.ndarray:
    """(N, H, W, 3): guided backprop from one neuron (channel, row, column) of features[layer] of each image."""

    shape = _output_size(model, X, layer)
    return _responses(model, X, layer, [np.ravel_multi_index(neuron, shape) for neuron in neurons], rule)


def _output_size(model: nn.Module, X: np.ndarray, layer: int) -> tuple[int, ...]:
    return tuple(model.features[: layer + 1](torch.from_numpy(X[:1].copy()).double()).shape[1:])


def _responses(model: nn.Module, X: np.ndarray, layer: int, units: Sequence, rule: str = "guided") -> np.ndarray:
    """(N, H, W, 3): what comes back from the sum of some units of each image, numbers in the flat features[layer]."""

    def upstream(outputs: np.ndarray) -> np.ndarray:
        asked = np.zeros_like(outputs)
        for row, own in zip(asked, units):
            row[own] = 1
        return asked

    return np.moveaxis(through(model.features[: layer + 1], X, upstream, rule).gradient, 1, 3)


def neuron_responses_mistakes(model: nn.Module, X: np.ndarray, neurons: Sequence[tuple], layer: int) -> Mistakes:
    own, size = neuron_responses(model, X, neurons, layer), _output_size(model, X, layer)
    flat = np.arange(np.prod(size)).reshape(size)
    channels = np.array([neuron[0] for neuron in neurons])
    orders = {
        "row and column are exchanged: a neuron is (channel, row, column), as it is given.": (0, 2, 1),
        "the neuron is turned round: it is (channel, row, column), as it is given.": (2, 1, 0),
    }
    others = {sentence: [tuple(n[i] for i in order) for n in neurons] for sentence, order in orders.items()}
    wrong = {
        "this is the plain gradient: take Captum's NeuronGuidedBackprop.": neuron_responses(
            model, X, neurons, layer, "plain"
        ),
        "this is deconvolution: take Captum's NeuronGuidedBackprop.": neuron_responses(
            model, X, neurons, layer, "deconvnet"
        ),
        "the whole channel is asked: a neuron has its row and column, too.": _responses(
            model, X, layer, [flat[channel].ravel() for channel in channels]
        ),
        **{
            f"the neuron's whole {name} is asked: a neuron is one channel, row and column.": _responses(
                model, X, layer, [flat[index].ravel() for index in wide]
            )
            for name, wide in (
                ("row", [(c, row) for c, row, _ in neurons]),
                ("column", [(c, slice(None), column) for c, _, column in neurons]),
                ("place, in all channels,", [(slice(None), row, column) for _, row, column in neurons]),
            )
        },
        **{
            sentence: neuron_responses(model, X, other, layer)
            for sentence, other in others.items()
            if np.all(np.array(other) < size)  # else it is an error
        },
        sentences.FIRST_NEURON: neuron_responses(model, X, [neurons[0]] * len(X), layer),
        "the sign is lost: what speaks against the neuron is negative.": np.abs(own),
        sentences.NEGATIVE_CUT: np.maximum(own, 0),
        "it is multiplied by the pixels: take it as Captum gives it.": own * np.moveaxis(X, 1, 3),
        sentences.RESHAPED: np.moveaxis(own, 3, 1).reshape(own.shape),
        EARLIER_ADDED: own.cumsum(0),
        "the largest of the channels is taken: all three are asked for.": own.max(3),
        "the largest absolute value of the channels is taken: all three are asked for.": np.abs(own).max(3),
        "the channels are added up: all three are asked for.": own.sum(3),
        **_first_image(lambda image: neuron_responses(model, image, neurons, layer), X),
    }
    others = {sentences.LAYER_INPUT: layer - 1, "the layer is features[12]: take the one that is handed over.": 12}
    for sentence, other in others.items():
        if np.all(np.array(neurons) < _output_size(model, X, other)):
            wrong[sentence] = neuron_responses(model, X, neurons, other)
    if channels.max() < scores(model, X[:1]).shape[1]:
        wrong["this is guided backprop from a class of the channel's number: take Captum's NeuronGuidedBackprop."] = (
            gradcam.guided_backprop(model, X, channels)
        )
    return wrong


def store() -> None:
    """Store maps of a small network, at the handout's numbers of steps; and what part two's maps do not tell."""
    X, y, layer = inputs.noise(3, 3, 20, 26, dtype=np.float64) - 0.5, np.array([4, 0, 2]), "features.7"
    model, file = networks.build("tiny", "float64", seed=3), File("captum")
    right = integrated_gradients(model, X, y, IG_STEPS)
    wrong = integrated_gradients_mistakes(model, X, y, IG_STEPS)
    file.put("integrated gradients", right, [right], wrong, least=IG_STORED)
    right = layer_conductance(model, X, y, layer, CONDUCTANCE_STEPS)
    wrong = layer_conductance_mistakes(model, X, y, layer, CONDUCTANCE_STEPS)
    file.put("layer conductance", right, [right], wrong, least=CONDUCTANCE_STORED)
    neurons = [[0, 1, 3], [3, 4, 2], [5, 2, 4]]  # in any order of the three, the layer has them
    right, wrong = (ask(model, X, neurons, 8) for ask in (neuron_responses, neuron_responses_mistakes))
    file.arrays["neurons"] = np.array(neurons)
    file.put("neuron responses", right, [right], wrong, sampled=True, least=LEAST_OF_GRADIENTS)
    _put_scenes(file)
    file.write()


def _other_layers(maps: Callable[[str], np.ndarray]) -> Mistakes:
    """Return what is made of another layer of SqueezeNet than gradcam.LAYER, the last."""
    others = {f"the layer is features[{i}]: take the one that is handed over.": maps(f"features.{i}") for i in OTHERS}
    return {sentences.LAYER_INPUT: maps("features.11")} | others


def _put_scenes(file: File) -> None:
    """Store Guided Grad-CAM as Captum makes it of the scenes, and the evidence of the layer that Grad-CAM reads."""
    model, X = networks.build("embedded", "float64"), inputs.scenes()
    y = gradcam.classes(model, X)
    asked = {"network": "embedded", "X": X, "y": y, "layer": gradcam.LAYER}
    evidence, there = gradcam.raw_cam(model, X, y), through(model, X, one_hot(y))
    weighed = there.gradients[gradcam.LAYER].mean((2, 3), keepdims=True) * there.outputs[gradcam.LAYER]
    wrong = {
        "its ReLU is taken: relu_attributions=True is for Grad-CAM, evidence keeps what is negative.": np.maximum(
            evidence, 0
        ),
        sentences.SIGN_LOST: np.abs(evidence),
        "axis 1 is still there: sum over it, or take [:, 0].": evidence[:, None],
        **_other_questions(lambda ask: gradcam.raw_cam(model, X, y, ask=ask), y),
        "it is divided by its largest absolute value: take it as Captum gives it.": (
            evidence / np.abs(evidence).max((1, 2), keepdims=True)
        ),
        "it is stretched to [0, 1]: take it as Captum gives it, without as_cam.": gradcam.stretch(evidence),
        "it is divided by its largest value: take it as Captum gives it.": (
            evidence / evidence.max((1, 2), keepdims=True)
        ),
        "channel 0 alone is taken: add the channels up, as Captum does.": weighed[:, 0],
        "the channels are averaged: add them up, as Captum does.": weighed.mean(1),
        **_other_layers(lambda layer: gradcam.raw_cam(model, X, y, layer)),
        **_other_classes(lambda classes: gradcam.raw_cam(model, X, classes), scores(model, X), y),
    }
    file.put("evidence", evidence, in_float32("layer_maps", "evidence", **asked), wrong)
    guided = gradcam.guided_backprop(model, X, y)

    def weigh(evidence: np.ndarray, mode: str = "bicubic", guided: np.ndarray = guided) -> np.ndarray:
        cam = torch.from_numpy(np.maximum(evidence, 0))[:, None]
        return functional.interpolate(cam, X.shape[2:], mode=mode).numpy()[:, 0, ..., None] * guided

    another = "the map is enlarged in another way: GuidedGradCam takes interpolate_mode="
    wrong = {
        f'{another}"bicubic", got its "nearest".': weigh(evidence, "nearest"),
        f'{another}"bicubic", got "bilinear".': weigh(evidence, "bilinear"),
        **_other_layers(lambda layer: weigh(gradcam.raw_cam(model, X, y, layer))),
        sentences.SIGN_LOST: np.abs(weigh(evidence)),
        **_other_classes(
            lambda y: weigh(gradcam.raw_cam(model, X, y), guided=gradcam.guided_backprop(model, X, y)),
            scores(model, X),
            y,
        ),
        "this is the product of `guided` and `cam`: take Captum's GuidedGradCam, whose map is not stretched.": (
            gradcam.guided_grad_cam(model, X, y)
        ),
        "this is guided backprop: are `guided` and `guided_cam` exchanged?": guided,
    }
    others = in_float32("captum_maps", "guided_cam", **asked)
    file.put("Guided Grad-CAM", weigh(evidence), others, wrong, sampled=True, least=LEAST_OF_GRADIENTS)
