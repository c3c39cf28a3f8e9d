"""Saliency maps (Simonyan et al. 2014): the float64 oracle, the usual mistakes, and what is stored of both."""

import numpy as np
from torch import nn

from staff.references import gradcam
from staff.references.chain_rule import ask_rarely, ask_wrongly, one_hot, through
from staff.references.shared import Mistakes, combine, list_partial_batches, unit, unit_images
from staff.references.stored import LEAST_OF_GRADIENTS, File, in_float32, ripple
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
    gradients, rare = (
        {sentence: through(model, X, upstream).gradient for sentence, upstream in ways.items()}
        for ways in (ask_wrongly(y), ask_rarely(y))
    )
    stages = (
        gradients,
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
            "the channel's number is taken, not its value: of max(dim=1) take .values.": lambda g: np.abs(g).argmax(1),
            "the gradient is multiplied by the image: take it alone.": lambda g: np.abs(g * X).max(1),
            "the gradient is squared: take its absolute value.": lambda g: (g**2).max(1),
            "negative gradients are cut off: take their absolute value.": lambda g: np.maximum(g, 0).max(1),
            sentences.UNIT: lambda g: np.abs(unit(g)).max(1),
            sentences.UNIT_IMAGES: lambda g: np.abs(unit_images(g)).max(1),
            "channel 0 alone is looked at: take the largest of the three.": lambda g: np.abs(g[:, 0]),
            sentences.RESHAPED: lambda g: np.abs(g.reshape(len(g), *g.shape[2:], g.shape[1])).max(3),
            **{
                f"the channels were moved to the end, then the maximum is taken over the {name}: take it over them.": (
                    lambda g, axis=axis: np.moveaxis(np.abs(g).max(axis), 1, 2)
                )
                for axis, name in ((2, "height"), (3, "width"))
            },
        }
        | {
            f"the maximum is taken over the {name}: channels are axis 1 of (N, 3, H, W).": lambda g, axis=axis: np.abs(
                g
            ).max(axis)
            for axis, name in ((0, "images"), (2, "height"), (3, "width"))
        },
    )
    own = np.abs(gradients[""]).max(1)
    found = combine(lambda gradient, reduce: reduce(gradient), stages, alone) | list_partial_batches(own)
    if len(X) > 1:
        sentence = (
            "a loop over the images adds up X.grad, which is never cleared, so that maps count several times: take one "
            "gradient, of the sum of the scores."
        )
        found[sentence] = own * np.arange(len(X), 0, -1)[:, None, None]
    if len(X) == 1:
        sentence = (
            "the maximum is taken over another axis: squeeze() takes away every axis of one, that of one image too."
        )
        found[sentence] = np.abs(gradients[""][0]).max(1)
    return found


def store() -> None:
    """Store maps of three scenes, for the classes that Grad-CAM is stored for."""
    model, X = networks.build("embedded", "float64"), inputs.scenes()
    y = gradcam.classes(model, X)
    file = File("saliency_map")
    file.arrays["y"] = y
    others = in_float32("saliency", "maps", network="embedded", X=X, y=y)
    others += ripple(lambda X: saliency(model, X, y), X)
    file.put("maps", saliency(model, X, y), others, saliency_mistakes(model, X, y), least=LEAST_OF_GRADIENTS)
    file.write()
