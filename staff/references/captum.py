"""The scripts' Captum halves (Sundararajan et al. 2017, Dhamdhere et al. 2018): float64 oracles, and usual mistakes."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from staff.references.chain_rule import one_hot, scores, through
from staff.references.shared import Mistakes
from staff.references.stored import File
from tests import inputs, networks, sentences

IG_STEPS, CONDUCTANCE_STEPS = 32, 10  # the handout's; more or fewer are accepted,
IG_TOLERANCE, CONDUCTANCE_TOLERANCE = 0.1, 0.2  # and hence these


def integrated_gradients(
    model: nn.Module, X: np.ndarray, y: np.ndarray, steps: int, baseline: float = 0.0
) -> np.ndarray:
    """(N, H, W): sum over the channels of the way from the baseline to X times the mean of ds_y / dx on it.

    By Gauss-Legendre; the baseline is the grey image, unless another value is given for all its pixels.
    """
    way = X - baseline
    points, weights = np.polynomial.legendre.leggauss(steps)
    mean = sum(
        weight / 2 * through(model, baseline + (point + 1) / 2 * way, one_hot(y)).gradient
        for point, weight in zip(points, weights)
    )
    return (mean * way).sum(1)


def integrated_gradients_mistakes(model: nn.Module, X: np.ndarray, y: np.ndarray, steps: int) -> Mistakes:
    own, plain = integrated_gradients(model, X, y, steps), through(model, X, one_hot(y)).gradient
    return {
        sentences.SIGN_LOST: np.abs(own),
        "this is the gradient's absolute value at the image (saliency): another method is asked for.": np.abs(
            plain
        ).sum(1),
        "the channels are averaged: add them up.": own / 3,
        "a single step is taken: there must be many.": integrated_gradients(model, X, y, 1),
        "another baseline is taken, of ones: Captum's own is the grey image, 0 once normalised.": integrated_gradients(
            model, X, y, steps, baseline=1.0
        ),
        sentences.PREDICTED_CLASS: integrated_gradients(model, X, scores(model, X).argmax(1), steps),
    }


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
        "the channels are added up: each unit of the layer has its own.": own.sum(1, keepdims=True),
        "the channels are added up: each unit of the layer has its own, (N, C, h, w).": own.sum(1),
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
    return {
        "this is the plain gradient: take Captum's NeuronGuidedBackprop.": neuron_responses(
            model, X, neurons, layer, "plain"
        ),
        sentences.FIRST_NEURON: neuron_responses(model, X, [neurons[0]] * len(X), layer),
    }


def store() -> None:
    """Store maps of a small network, at the handout's numbers of steps; the tolerance is for other numbers of them."""
    X, y, layer = inputs.noise(3, 3, 20, 26, dtype=np.float64), np.array([4, 0, 2]), "features.7"
    model, file = networks.build("tiny", "float64", seed=3), File("captum")
    right = integrated_gradients(model, X, y, IG_STEPS)
    wrong = integrated_gradients_mistakes(model, X, y, IG_STEPS)
    file.put("integrated gradients", right, [right], wrong, least=IG_TOLERANCE)
    right = layer_conductance(model, X, y, layer, CONDUCTANCE_STEPS)
    wrong = layer_conductance_mistakes(model, X, y, layer, CONDUCTANCE_STEPS)
    file.put("layer conductance", right, [right], wrong, least=CONDUCTANCE_TOLERANCE)
    file.write()
