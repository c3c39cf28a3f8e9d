"""The ImageNet weights of SqueezeNet 1.1 by its authors (Iandola et al. 2016), for torchvision's architecture.

They come with the package ndf, as a pickle of numpy arrays. Two things are changed, neither of which changes a score
by more than rounding:

Input. They want pixels BGR from 0 to 255, less Caffe's mean colour. `features.0` has no padding, so that this folds
into it: with the axes in RGB order, w' = 255 std w and b' = b + sum(w (255 mean - Caffe's mean)) take an
ImageNet-normalised image, as torchvision's weights do.

Size. Their activations are 18 to 35 times as large as torchvision's, and the losses of style transfer grow with their
square and fourth power. ReLU and max-pooling are positively homogeneous, f(a x) = a f(x) for a > 0, so each layer's
outputs can be divided by a number of its own (`SCALES`): its weights and biases are, and the weights of the next one
are multiplied. The last convolution gives all of it back.
"""

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pretrained.errors import SourceError
from pretrained.packages import ORIGINAL, find_packaged

# Theirs and torchvision's names: fire2 to fire9 are these modules of `features`.
FIRES = {2: 3, 3: 4, 4: 6, 5: 7, 6: 9, 7: 10, 8: 11, 9: 12}
CAFFE_MEAN = np.array([123.68, 116.779, 103.939])  # RGB, of 255
IMAGENET_MEAN, IMAGENET_STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])

# What the outputs of features.0, features.3, and features.4 with all after it are divided by. Each follows from one
# of the course's stored checks, which were computed on torchvision's weights: features.3 from the content loss,
# proportional to its square; features.4 from the Gram matrix at layer 5, whose norm is proportional to its square;
# features.0 from the style loss, of which layer 1 has a share proportional to its fourth power.
SCALES = {0: 34.85, 3: 35.49, 4: 17.75}

# All that a pickle of arrays names; numpy 2 has moved the first.
ADMITTED = {("numpy.core.multiarray", "_reconstruct"), ("numpy", "ndarray"), ("numpy", "dtype")}


def read_original() -> dict[str, Tensor]:
    """The state dict, float32, of torchvision's squeezenet1_1. Raises SourceError, in one sentence."""
    return rescale(as_torchvision(read_pickle(find_packaged(ORIGINAL))))


def read_pickle(path: Path) -> dict[str, list[np.ndarray]]:
    """Layer -> [kernel (h, w, in, out), bias (out,)]. Raises SourceError where the pickle names anything but arrays."""
    try:
        return _ArraysOnly(io.BytesIO(path.read_bytes())).load()
    except Exception as problem:  # a damaged pickle can raise nearly anything
        raise SourceError(
            f"expected a pickle of numpy arrays alone in {path}, got something else ({problem}): "
            "install the package again, from the package index"
        ) from None


def as_torchvision(layers: dict[str, list[np.ndarray]]) -> dict[str, Tensor]:
    """Torchvision's names, order of axes and input; float64."""
    kernel, bias = (array.astype(np.float64) for array in layers["conv1"])
    kernel = kernel[:, :, ::-1]  # from BGR to RGB
    bias = bias + (kernel * (255 * IMAGENET_MEAN - CAFFE_MEAN)[:, None]).sum(axis=(0, 1, 2))
    kernel = kernel * (255 * IMAGENET_STD)[:, None]
    renamed = {"features.0": (kernel, bias), "classifier.1": layers["conv10"]}
    for theirs, ours in FIRES.items():
        for part, name in (("squeeze1x1", "squeeze"), ("expand1x1", "expand1x1"), ("expand3x3", "expand3x3")):
            renamed[f"features.{ours}.{name}"] = layers[f"fire{theirs}/{part}"]
    state = {}
    for name, (kernel, bias) in renamed.items():
        state[f"{name}.weight"] = torch.from_numpy(kernel.astype(np.float64).transpose(3, 2, 0, 1).copy())
        state[f"{name}.bias"] = torch.from_numpy(bias.astype(np.float64))
    return state


def rescale(state: dict[str, Tensor], scales: dict[int, float] = SCALES) -> dict[str, Tensor]:
    """The same scores from features that are divided by `scales`, each up to the next that is named; float32."""
    scaled = {}
    before = 1.0  # what the outputs of the module before are divided by
    for index in (0, *FIRES.values()):
        after = scales.get(index, before)
        first, *others = ("",) if index == 0 else (".squeeze", ".expand1x1", ".expand3x3")
        scaled[f"features.{index}{first}.weight"] = state[f"features.{index}{first}.weight"] * (before / after)
        for part in others:
            scaled[f"features.{index}{part}.weight"] = state[f"features.{index}{part}.weight"]
        for part in (first, *others):
            scaled[f"features.{index}{part}.bias"] = state[f"features.{index}{part}.bias"] / after
        before = after
    scaled["classifier.1.weight"] = state["classifier.1.weight"] * before
    scaled["classifier.1.bias"] = state["classifier.1.bias"]
    return {name: value.float() for name, value in scaled.items()}


class _ArraysOnly(pickle.Unpickler):
    """Makes numpy arrays, and refuses to look up anything else: nothing else that a pickle names is called."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ADMITTED:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)
