"""Questions of tests to visualizers/fooling_image.py."""

import itertools
from typing import Any

import numpy as np
import torch
from torch import nn

from tests.probes.facts import array, build, watching

LOOKS = 5  # the first, of which some are those of moved images


def fooling(
    network: str, X: np.ndarray, target: int, made: dict[str, float] | None = None, times: int = 1, **settings: int
) -> dict[str, Any]:
    """image: the fooling image; first: by how much the first step moved it; steps: as they were counted, or -1;
    lengths: of the first steps that were looked at.

    made: arguments that FoolingImage is made with. times: how often one object is asked; the last answer comes back.
    calls is one more than the steps for whoever looks at the scores once a step.
    """
    from visualizers.fooling_image import FoolingImage

    model, images = build(network, X, settings), torch.from_numpy(X.copy())
    method, looked = FoolingImage(**(made or {})), []

    def look(module: nn.Module, arguments: tuple[Any, ...]) -> None:
        if module is model and arguments and len(looked) < LOOKS:
            looked.append(array(arguments[0]).copy())

    with watching(model, seed=0, X=images) as facts, nn.modules.module.register_module_forward_pre_hook(look):
        for _ in range(times):
            image = method.make_fooling_image(images, int(target), model)
    image = array(image)
    seen = [*facts.pop("climbed"), *looked, image]  # who takes one gradient climbs from one image alone
    moved = (x for x in seen if x.shape == X.shape and not np.array_equal(x, X))
    ways = [after - before for before, after in itertools.pairwise(looked) if before.shape == after.shape]
    lengths = [float(np.linalg.norm(way)) for way in ways if way.any()]
    steps = getattr(method, "steps", -1)
    counted = {"steps": steps if isinstance(steps, int) else -1, "lengths": np.array(lengths)}
    return {"image": image, "first": next(moved, X) - X} | counted | facts
