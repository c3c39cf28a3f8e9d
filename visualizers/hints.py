"""The step from what was given to what a visualization needs. Where it is code, it works as it stands."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

ORDER = "check the order of the arguments"
INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


def describe(given: Any) -> str:
    """Name of what this is, for a sentence: "a list", "the class SqueezeNet"."""
    if isinstance(given, type):
        return f"the class {given.__name__}"
    name = type(given).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def lead_to_images(X: Any) -> str:
    """The step from X to images (N, 3, H, W) of a floating type, where X is another thing, or has another shape."""
    if isinstance(X, nn.Module):
        return ORDER
    if isinstance(X, Image.Image):
        return "use preprocess(X)"
    if isinstance(X, np.ndarray) and X.dtype == np.uint8 and X.shape[-1:] == (3,) and X.ndim in (3, 4):
        one = "preprocess(Image.fromarray(X))"
        return f"use {one}" if X.ndim == 3 else "use torch.cat([preprocess(Image.fromarray(one)) for one in X])"
    if isinstance(X, Tensor | np.ndarray) and (change := _reorder(X.shape)) is not None:
        return f"use {'X' if isinstance(X, Tensor) else 'torch.tensor(X, dtype=torch.float32)'}{change}"
    if isinstance(X, list | tuple) and X:
        shapes = {one.shape if isinstance(one, Tensor) else () for one in X}
        if len(shapes) == 1 and (shape := shapes.pop()):
            return "use torch.cat(X)" if len(shape) == 4 else "use torch.stack(X)"
        if isinstance(X[0], Tensor) and X[0].ndim == 4:  # of a batch with its labels, or of several sizes
            return "use X[0]"
        if all(isinstance(one, Image.Image) for one in X):
            return "use torch.cat([preprocess(one, (224, 224)) for one in X])"
    return "make them with preprocess, from pictures in three colours"


def _reorder(shape: Sequence[int]) -> str | None:
    """Code that turns a tensor of this shape into (N, 3, H, W); None where no order of its axes does."""
    changes = {3: {0: "[None]", 2: ".permute(2, 0, 1)[None]"}, 4: {1: "", 3: ".permute(0, 3, 1, 2)"}}
    changes[5] = {2: ".flatten(0, 1)"}
    return next((code for axis, code in changes.get(len(shape), {}).items() if shape[axis] == 3), None)


def lead_to_labels(y: Any, images: int) -> str:
    """The step from y to a class index for each of so many images, where y is another thing, or has another shape."""
    if isinstance(y, nn.Module):
        return ORDER
    if isinstance(y, Tensor):
        if y.is_floating_point():
            return "use y.long()" if y.ndim < 2 else "use y.argmax(dim=1)"
        if y.dtype not in INTEGERS:
            return "give the index of each class"
        code = {(): f"y.expand({images})", (images, 1): "y[:, 0]", (1, images): "y[0]"}.get(tuple(y.shape))
        return f"use {code}" if code else "give one class index for each image"
    if isinstance(getattr(y, "indices", None), Tensor):
        return "use y.indices"  # of max(dim=1)
    if hasattr(y, "__next__"):  # which can be looked at only once
        return "use torch.tensor(list(y))"
    if isinstance(y, np.ndarray | np.generic) and y.dtype.kind in "iuf":
        return f"use torch.tensor(y){'.long()' if y.dtype.kind == 'f' else ''}"
    each = [y] if isinstance(y, int | float | str) else list(y) if hasattr(y, "__iter__") else []
    if each and all(isinstance(one, str) and one.isdecimal() for one in each):
        return f"use torch.tensor([int(one) for one in {'[y]' if isinstance(y, str) else 'y'}])"
    if any(isinstance(one, str) for one in each):
        return "look up the index of each one's class in class_names"
    if not each or not all(hasattr(one, "__int__") for one in each):
        return "give one class index for each image, as a tensor"
    given = "y" if isinstance(y, list | tuple) else "[y]" if isinstance(y, int | float) else "list(y)"
    return f"use torch.tensor({given}){'' if all(hasattr(one, '__index__') for one in each) else '.long()'}"


def lead_to_network(model: Any) -> str:
    """The step from `model`, which is none, to a torch.nn.Module."""
    if isinstance(model, Tensor):
        return ORDER
    if isinstance(getattr(model, "model", None), nn.Module):
        return "use model.model"
    if isinstance(model, type) and issubclass(model, nn.Module):
        return "use model()"
    if isinstance(model, dict):
        return "load it into a network, with load_state_dict"
    return "call it, or wrap it in a module" if callable(model) else "use pretrained.load().model"
