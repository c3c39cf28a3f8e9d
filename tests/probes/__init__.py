"""The one way from a test to students' code: names, numbers and arrays go in, numbers and arrays come out.

Each probe asks one thing of a student's module, which it imports when it is called. Run plainly, `call` does it in this
process; the grader puts a callable of its own under REACH that does it in an isolated one.

Every answer also holds facts on the call:
    warnings, printed: text; calls: how often the network was run; images: how many images it saw in all;
    changed: what of the network, the random state or PyTorch's settings is not as it was; written: inputs that are not.
"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.probes import (
    captum,
    class_visualization,
    content_loss,
    fooling_image,
    gradcam,
    saliency_map,
    style_loss,
    style_transfer,
    tv_loss,
)

REACH = pytest.StashKey[Any]()  # under it in config.stash: the callable that tests use instead of `call`

PROBES: dict[str, Callable[..., dict[str, Any]]] = {
    probe.__name__: probe
    for probe in (
        saliency_map.saliency,
        gradcam.custom_relu,
        gradcam.guided_backprop,
        gradcam.grad_cam,
        fooling_image.fooling,
        class_visualization.class_visualization,
        class_visualization.jitter,
        class_visualization.blur_image,
        content_loss.content_loss,
        style_loss.gram_matrix,
        style_loss.style_loss,
        tv_loss.tv_loss,
        style_transfer.style_transfer,
        captum.captum_saliency,
        captum.captum_maps,
        captum.layer_maps,
        captum.integrated_gradients,
        captum.layer_conductance,
        captum.neuron_responses,
    )
}


class StudentError(AssertionError):
    """A mistake in a student's code: the type of the error, its message, and where."""

    def __init__(self, kind: str, message: str, trace: str) -> None:
        super().__init__(f"{kind}: {message}" + (f"\n{trace}" if trace else ""))
        self.kind, self.message, self.trace = kind, message, trace


def call(name: str, **arguments: Any) -> dict[str, Any]:
    """Call the probe of this name in this process."""
    return PROBES[name](**arguments)
