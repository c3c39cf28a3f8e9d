"""Saliency maps (Simonyan et al. 2014): the float64 oracle, the usual mistakes, and what is stored of both."""

import numpy as np
from torch import nn

from staff.references import gradcam
from staff.references.chain_rule import of_all, one_hot, predicted, probability_slope, softmax, through
from staff.references.shared import Mistakes, of_some_images
from staff.references.stored import LEAST_OF_GRADIENTS, File, in_float32, rippled
from tests import inputs, networks


def saliency(model: nn.Module, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(N, H, W): the largest over the channels of |ds_y / dX|."""
    gradient = through(model, X, one_hot(y)).gradient
    N, C, H, W = gradient.shape
    maps = np.zeros((N, H, W))
    for c in range(C):
        maps = np.maximum(maps, np.abs(gradient[:, c]))
    return maps


def saliency_mistakes(model: nn.Module, X: np.ndarray, y: np.ndarray) -> Mistakes:
    g = through(model, X, one_hot(y)).gradient
    entropy = through(model, X, lambda s: softmax(s) - one_hot(y)(s)).gradient
    probability = through(model, X, lambda s: probability_slope(s, y)).gradient
    own = np.abs(g).max(1)
    wrong = {
        "the channels are added up: take the largest of the three.": np.abs(g).sum(1),
        "the channels are averaged: take the largest of the three.": np.abs(g).mean(1),
        "the absolute value is missing: a strong negative gradient counts too.": g.max(1),
        "the absolute value is taken after the maximum: take it of each channel first.": np.abs(g.max(1)),
        "the channels' norm is taken: take the largest of their absolute values.": np.sqrt((g**2).sum(1)),
        "the gradient is that of a cross-entropy loss: take that of the score itself.": np.abs(entropy).max(1),
        "the gradient is that of the probability (after softmax): take that of the score.": np.abs(probability).max(1),
        "the gradient of all scores together: pick each image's own class y.": np.abs(of_all(model, X)).max(1),
        "the class that the network predicts was taken, not the one that was asked for.": np.abs(
            through(model, X, predicted).gradient
        ).max(1),
        "the maximum is taken over the wrong axis, or not at all: channels are axis 1 of (N, 3, H, W).": np.abs(g),
    }
    wrong |= {f"channel {c} alone is looked at: take the largest of the three.": np.abs(g[:, c]) for c in range(3)}
    wrong["the gradient is multiplied by the image: take it alone."] = np.abs(g * X).max(1)
    for axis, name in ((2, "height"), (3, "width")):
        sentence = f"the maximum is taken over the {name}: channels are axis 1 of (N, 3, H, W)."
        wrong[sentence] = np.abs(g).max(axis)
    if len(X) > 1:
        wrong["the gradient is divided by the number of images: add the scores up, without a mean."] = own / len(X)
    return wrong | of_some_images(own)


def store() -> None:
    """Of three scenes, for the classes that Grad-CAM is stored for."""
    model, X = networks.build("embedded", "float64"), inputs.scenes()
    y = gradcam.classes(model, X)
    file = File("saliency_map")
    file.arrays["y"] = y
    others = in_float32("saliency", "maps", network="embedded", X=X, y=y)
    others += rippled(lambda X: saliency(model, X, y), X)
    file.put("maps", saliency(model, X, y), others, saliency_mistakes(model, X, y), least=LEAST_OF_GRADIENTS)
    file.write()
