"""The scripts' Captum halves (Sundararajan et al. 2017, Dhamdhere et al. 2018): float64 oracles, and usual mistakes."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from staff.references import gradcam
from staff.references.chain_rule import MEAN, STD, one_hot, scores, through
from staff.references.shared import Mistakes
from staff.references.stored import LEAST_OF_GRADIENTS, File, in_float32
from tests import inputs, networks, sentences

IG_STEPS, CONDUCTANCE_STEPS = 32, 10  # the handout's; more or fewer are accepted,
IG_TOLERANCE, CONDUCTANCE_TOLERANCE = 0.1, 0.2  # and hence these of drawn images.
# Of the stored ones: more steps, and Captum's other rules, are 0.05 and 0.02 away at most, IG_BATCH steps 0.09.
IG_STORED, CONDUCTANCE_STORED = 0.07, 0.04


def integrated_gradients(
    model: nn.Module, X: np.ndarray, y: np.ndarray, steps: int, baseline: float | np.ndarray = 0.0
) -> np.ndarray:
    """(N, H, W): sum over the channels of the way from the baseline to X times the mean of ds_y / dx on it.

    By Gauss-Legendre; the baseline is the grey image, unless another value is given for all its pixels, or images.
    """
    return _along_the_way(model, X, y, steps, baseline).sum(1)


def _along_the_way(
    model: nn.Module, X: np.ndarray, y: np.ndarray, steps: int, baseline: float | np.ndarray
) -> np.ndarray:
    way = X - baseline
    points, weights = np.polynomial.legendre.leggauss(steps)
    mean = sum(
        weight / 2 * through(model, baseline + (point + 1) / 2 * way, one_hot(y)).gradient
        for point, weight in zip(points, weights)
    )
    return mean * way


def integrated_gradients_mistakes(model: nn.Module, X: np.ndarray, y: np.ndarray, steps: int) -> Mistakes:
    channels, plain = _along_the_way(model, X, y, steps, 0.0), through(model, X, one_hot(y)).gradient
    own, darkest = channels.sum(1), X.min(axis=(1, 2, 3), keepdims=True)
    return {
        sentences.SIGN_LOST: np.abs(own),
        "the absolute values of the channels are added up: each keeps its sign.": np.abs(channels).sum(1),
        "the largest of the channels is taken: add them up.": channels.max(1),
        "the largest absolute value of the channels is taken: add them up.": np.abs(channels).max(1),
        "this is the gradient's absolute value at the image (saliency): another method is asked for.": np.abs(
            plain
        ).sum(1),
        "the channels are averaged: add them up.": own / 3,
        "a single step is taken: there must be many.": integrated_gradients(model, X, y, 1),
        "another baseline is taken, of ones: Captum's own is the grey image, 0 once normalised.": integrated_gradients(
            model, X, y, steps, baseline=1.0
        ),
        **{
            f"another baseline is taken, {name}: take Captum's own, the grey image, 0.": integrated_gradients(
                model, X, y, steps, black
            )
            for name, black in (("black", (-MEAN / STD).reshape(1, 3, 1, 1)), ("the darkest pixel", darkest))
        },
        sentences.PREDICTED_CLASS: integrated_gradients(model, X, scores(model, X).argmax(1), steps),
        sentences.FIRST_CLASS: integrated_gradients(model, X, np.full(len(X), y[0]), steps),
        **_first_image(lambda image: integrated_gradients(model, image, y, steps), X),
    }


def _first_image(maps: Callable[[np.ndarray], np.ndarray], X: np.ndarray) -> Mistakes:
    """Return what is made of the first image in place of all, each with its own class or neuron."""
    return {"the first image is taken for all: take each.": maps(np.broadcast_to(X[:1], X.shape))}


def layer_conductance(model: nn.Module, X: np.ndarray, y: np.ndarray, layer: str, steps: int) -> np.ndarray:
    """The layer's shape: sum over the steps from 0 to X, at Captum's places, of ds_y / dA times the change of A."""
    points = np.polynomial.legendre.leggauss(steps + 1)[0]
    there = [through(model, (point + 1) / 2 * X, one_hot(y)) for point in points]
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
        sentences.PREDICTED_CLASS: layer_conductance(model, X, there.scores.argmax(1), layer, steps),
        sentences.FIRST_CLASS: layer_conductance(model, X, np.full(len(X), y[0]), layer, steps),
        "the conductance of the layer's input is taken: that of its output is asked for.": layer_conductance(
            model, X, y, f"features.{int(layer.rpartition('.')[2]) - 1}", steps
        ),
        "the channels are added up: each unit of the layer has its own.": own.sum(1, keepdims=True),
        "the channels are added up: each unit of the layer has its own, (N, C, h, w).": own.sum(1),
        "the layer is features[12]: take the one that is handed over.": layer_conductance(
            model, X, y, "features.12", steps
        ),
        **_first_image(lambda image: layer_conductance(model, image, y, layer, steps), X),
    }


def neuron_responses(
    model: nn.Module, X: np.ndarray, neurons: Sequence[tuple[int, int, int]], layer: int, rule: str = "guided"
) -> np.ndarray:
    """(N, H, W, 3): guided backprop from one neuron (channel, row, column) of features[layer] of each image."""

    def upstream(outputs: np.ndarray) -> np.ndarray:
        flat = [np.ravel_multi_index(neuron, shape) for neuron in neurons]
        return np.eye(outputs.shape[1])[flat]

    below = model.features[: layer + 1]
    shape = tuple(below(torch.from_numpy(X[:1]).double()).shape[1:])
    return np.moveaxis(through(below, X, upstream, rule).gradient, 1, 3)


def neuron_responses_mistakes(model: nn.Module, X: np.ndarray, neurons: Sequence[tuple], layer: int) -> Mistakes:
    size = model.features[: layer + 1](torch.from_numpy(X[:1]).double()).shape[1:]
    orders = {
        "row and column are exchanged: a neuron is (channel, row, column), as it is given.": (0, 2, 1),
        "the neuron is turned round: it is (channel, row, column), as it is given.": (2, 1, 0),
    }
    others = {sentence: [tuple(n[i] for i in order) for n in neurons] for sentence, order in orders.items()}
    return {
        "this is the plain gradient: take Captum's NeuronGuidedBackprop.": neuron_responses(
            model, X, neurons, layer, "plain"
        ),
        **{
            sentence: neuron_responses(model, X, other, layer)
            for sentence, other in others.items()
            if np.all(np.array(other) < size)  # else it is an error
        },
        sentences.FIRST_NEURON: neuron_responses(model, X, [neurons[0]] * len(X), layer),
        sentences.SIGN_LOST: np.abs(neuron_responses(model, X, neurons, layer)),
        **_first_image(lambda image: neuron_responses(model, image, neurons, layer), X),
    }


def store() -> None:
    """Store maps of a small network, at the handout's numbers of steps; and what part two's maps do not tell."""
    X, y, layer = inputs.noise(3, 3, 20, 26, dtype=np.float64), np.array([4, 0, 2]), "features.7"
    model, file = networks.build("tiny", "float64", seed=3), File("captum")
    right = integrated_gradients(model, X, y, IG_STEPS)
    wrong = integrated_gradients_mistakes(model, X, y, IG_STEPS)
    file.put("integrated gradients", right, [right], wrong, least=IG_STORED)
    right = layer_conductance(model, X, y, layer, CONDUCTANCE_STEPS)
    wrong = layer_conductance_mistakes(model, X, y, layer, CONDUCTANCE_STEPS)
    file.put("layer conductance", right, [right], wrong, least=CONDUCTANCE_STORED)
    neurons = [[0, 1, 3], [3, 4, 2], [5, 2, 4]]  # in any order of the three, the layer has them
    right, wrong = (ask(model, X, neurons, 7) for ask in (neuron_responses, neuron_responses_mistakes))
    file.arrays["neurons"] = np.array(neurons)
    file.put("neuron responses", right, [right], wrong, sampled=True, least=LEAST_OF_GRADIENTS)
    _put_scenes(file)
    file.write()


def _put_scenes(file: File) -> None:
    """Store Guided Grad-CAM as Captum makes it of the scenes, and the evidence of the layer that Grad-CAM reads."""
    model, X = networks.build("embedded", "float64"), inputs.scenes()
    y = gradcam.classes(model, X)
    asked = {"network": "embedded", "X": X, "y": y, "layer": gradcam.LAYER}
    evidence = gradcam.raw_cam(model, X, y)
    wrong = {
        "its ReLU is taken: relu_attributions=True is for Grad-CAM, evidence keeps what is negative.": np.maximum(
            evidence, 0
        ),
        sentences.SIGN_LOST: np.abs(evidence),
        "axis 1 is still there: sum over it, or take [:, 0].": evidence[:, None],
        "the evidence for the class that the network predicts is taken, not for the one that was asked for.": (
            gradcam.raw_cam(model, X, scores(model, X).argmax(1))
        ),
    }
    file.put("evidence", evidence, in_float32("layer_maps", "evidence", **asked), wrong)
    guided, cam = gradcam.guided_backprop(model, X, y), torch.from_numpy(np.maximum(evidence, 0))[:, None]

    def weigh(**way: str) -> np.ndarray:
        return functional.interpolate(cam, X.shape[2:], **way).numpy()[:, 0, ..., None] * guided

    another = "the map is enlarged in another way: GuidedGradCam takes interpolate_mode="
    wrong = {
        f'{another}"bicubic", got its "nearest".': weigh(mode="nearest"),
        f'{another}"bicubic", got "bilinear".': weigh(mode="bilinear"),
        "this is the product of `guided` and `cam`: take Captum's GuidedGradCam, whose map is not stretched.": (
            gradcam.guided_grad_cam(model, X, y)
        ),
        "this is guided backprop: are `guided` and `guided_cam` exchanged?": guided,
    }
    others = in_float32("captum_maps", "guided_cam", **asked)
    file.put("Guided Grad-CAM", weigh(mode="bicubic"), others, wrong, sampled=True, least=LEAST_OF_GRADIENTS)
