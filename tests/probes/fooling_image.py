"""Questions of tests to visualizers/fooling_image.py."""

from typing import Any

import numpy as np
import torch

from tests.probes.facts import array, build, watching


def fooling(
    network: str, X: np.ndarray, target: int, made: dict[str, float] | None = None, times: int = 1, **settings: int
) -> dict[str, Any]:
    """image: the fooling image; first: by how much the first step moved it; steps: as they were counted, or -1.

    made: arguments that FoolingImage is made with. times: how often one object is asked; the last answer comes back.
    calls is one more than the steps for whoever looks at the scores once a step.
    """
    from visualizers.fooling_image import FoolingImage

    model, images = build(network, X, settings), torch.from_numpy(X.copy())
    method = FoolingImage(**(made or {}))
    with watching(model, seed=0, X=images) as facts:
        for _ in range(times):
            image = method.make_fooling_image(images, int(target), model)
    image = array(image)
    seen = [*facts.pop("climbed"), *facts.pop("looked"), image]  # who takes one gradient climbs from one image alone
    moved = (x for x in seen if x.shape == X.shape and not np.array_equal(x, X))
    steps = getattr(method, "steps", -1)
    return {"image": image, "first": next(moved, X) - X, "steps": steps if isinstance(steps, int) else -1} | facts
