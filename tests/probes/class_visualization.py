"""Questions of tests to visualizers/class_visualization.py."""

from contextlib import ExitStack
from typing import Any
from unittest import mock

import numpy as np
import torch

from tests import networks
from tests.probes.facts import array, each_step, watching


def class_visualization(
    network: str,
    target: int,
    classes: int,
    still: bool = False,
    dtype: str = "float32",
    l2_reg: float = 1e-3,
    learning_rate: float = 25,
    num_iterations: int = 2,
    blur_every: int = 10,
    max_jitter: int = 16,
    **settings: int,
) -> dict[str, Any]:
    """image: the picture, uint8 (224, 224, 3); inputs: the image at each step, (steps, 3, 224, 224).

    still: without jitter and blur, so that two successive images differ by the step alone.
    """
    from visualizers.class_visualization import ClassVisualization

    if network != "embedded":
        settings["classes"] = classes
    model = networks.build(network, dtype, **settings)
    tensor_type = {"float32": torch.FloatTensor, "float64": torch.DoubleTensor}[dtype]
    with ExitStack() as stack:
        if still:
            for name in ("jitter", "blur_image"):
                stack.enter_context(mock.patch.object(ClassVisualization, name, staticmethod(lambda X, *_, **__: X)))
        facts = stack.enter_context(watching(model, seed=0))
        image = ClassVisualization().create_class_visualization(
            int(target),
            [f"class {i}" for i in range(classes)],
            model,
            tensor_type,
            l2_reg=l2_reg,
            learning_rate=learning_rate,
            num_iterations=num_iterations,
            blur_every=blur_every,
            max_jitter=max_jitter,
            show_every=num_iterations + 1,
            generate_plots=False,
        )
    inputs = each_step(facts.pop("climbed"), num_iterations) or [np.zeros((0, 3, 224, 224), np.float32)]
    return {"image": array(image), "inputs": np.concatenate(inputs)} | facts


def jitter(X: np.ndarray, ox: int, oy: int) -> dict[str, Any]:
    """image."""
    from visualizers.class_visualization import ClassVisualization

    images = torch.from_numpy(X.copy())
    with watching(None, X=images) as facts:
        image = ClassVisualization.jitter(images, ox, oy)
    return {"image": array(image)} | facts


def blur_image(X: np.ndarray, sigma: float) -> dict[str, Any]:
    """image."""
    from visualizers.class_visualization import ClassVisualization

    images = torch.from_numpy(X.copy())
    with watching(None, X=images) as facts:
        image = ClassVisualization.blur_image(images, sigma)
    return {"image": array(image)} | facts
