"""Questions of tests to style_modules/tv_loss.py."""

from typing import Any

import numpy as np
import torch

from tests.probes.facts import single, watching, with_gradient


def tv_loss(image: np.ndarray, weight: float) -> dict[str, Any]:
    """value; gradient: with respect to the image."""
    from style_modules.tv_loss import TotalVariationLoss

    image = torch.from_numpy(image.copy()).requires_grad_()
    with watching(None, image=image) as facts:
        value = single(TotalVariationLoss()(image, weight))
    return with_gradient(value, image) | facts
