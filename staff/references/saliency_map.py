"""Saliency maps (Simonyan et al. 2014): the float64 oracle, the usual mistakes, and what is stored of both."""

import numpy as np
from torch import nn

from staff.references import gradcam
from staff.references.chain_rule import asked_strangely, asked_wrongly, one_hot, through
from staff.references.shared import Mistakes, combined, of_some_images
from staff.references.stored import LEAST_OF_GRADIENTS, File, in_float32, rippled
from tests import inputs, networks, sentences


def saliency(model: nn.Module, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(N, H, W): the largest over the channels of |ds_y / dX|."""
    gradient = through(model, X, one_hot(y)).gradient
    N, C, H, W = gradient.shape
    maps = np.zeros((N, H, W))
    for c in range(C):
        maps = np.maximum(maps, np.abs(gradient[:, c]))
    return maps


def saliency_mistakes(model: nn.Module, X: np.ndarray, y: np.ndarray) -> Mistakes:
    usual, rare = (
        {sentence: through(model, X, upstream).gradient for sentence, upstream in ways.items()}
        for ways in (asked_wrongly(y), asked_strangely(y))
    )
    stages = (
        usual,
        {
            "": lambda g: np.abs(g).max(1),
            sentences.CHANNELS_ADDED: lambda g: np.abs(g).sum(1),
            "the channels are averaged: take the largest of the three.": lambda g: np.abs(g).mean(1),
            sentences.NO_ABSOLUTE_VALUE: lambda g: g.max(1),
            "the absolute value is taken after the maximum: take it of each channel first.": lambda g: np.abs(g.max(1)),
            "the channels' norm is taken: take the largest of their absolute values.": lambda g: np.sqrt((g**2).sum(1)),
            "the maximum is taken over the wrong axis, or not at all: channels are axis 1 of (N, 3, H, W).": np.abs,
        },
    )
    alone = (
        rare,
        {
            "the smallest of the channels is taken: take the largest.": lambda g: np.abs(g).min(1),
            "the absolute value and the largest are missing: the channels are added up.": lambda g: g.sum(1),
            "the absolute value and the largest are missing: the channels are averaged.": lambda g: g.mean(1),
            "the absolute value is missing, and the smallest of the channels is taken.": lambda g: g.min(1),
            "the gradient is multiplied by the image: take it alone.": lambda g: np.abs(g * X).max(1),
            "the absolute value is taken after the channels were added up: take the largest of the three.": lambda g: (
                np.abs(g.sum(1))
            ),
            "the gradient is squared: take its absolute value.": lambda g: (g**2).max(1),
            "the sign of the map is turned.": lambda g: -np.abs(g).max(1),
            "negative gradients are cut off: take their absolute value.": lambda g: np.maximum(g, 0).max(1),
            "the gradient comes back as it is: its absolute value, and the largest of the channels, are missing.": (
                lambda g: g
            ),
            "the maximum is taken over the images: channels are axis 1 of (N, 3, H, W).": lambda g: np.abs(g).max(0),
            "the maximum is taken over the height: channels are axis 1 of (N, 3, H, W).": lambda g: np.abs(g).max(2),
            "the maximum is taken over the width: channels are axis 1 of (N, 3, H, W).": lambda g: np.abs(g).max(3),
            "the axis of the channels is still there: take the largest of the three without keepdim.": lambda g: np.abs(
                g
            ).max(1, keepdims=True),
            "the places of the largest channels come back: take their values.": lambda g: np.abs(g).argmax(1),
        }
        | {
            f"channel {c} alone is looked at: take the largest of the three.": lambda g, c=c: np.abs(g[:, c])
            for c in range(3)
        }
        | {
            f"channel {c} alone is left out: take the largest of the three.": lambda g, c=c: np.abs(
                np.delete(g, c, axis=1)
            ).max(1)
            for c in range(3)
        },
    )
    found = combined(lambda gradient, reduced: reduced(gradient), stages, alone) | of_some_images(
        np.abs(usual[""]).max(1)
    )
    if len(X) == 1:
        sentence = (
            "the maximum is taken over another axis: squeeze() takes away every axis of one, that of one image too."
        )
        found[sentence] = np.abs(usual[""][0]).max(1)
    return found


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
