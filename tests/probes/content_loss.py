"""Questions of tests to style_modules/content_loss.py."""

from typing import Any

import numpy as np
import torch

from tests.probes.facts import single, watching, with_gradient


def content_loss(weight: float, current: np.ndarray, original: np.ndarray) -> dict[str, Any]:
    """value; gradient: with respect to `current`."""
    from style_modules.content_loss import ContentLoss

    current, original = torch.from_numpy(current.copy()).requires_grad_(), torch.from_numpy(original.copy())
    with watching(None, current=current, original=original) as facts:
        value = single(ContentLoss()(weight, current, original))
    return with_gradient(value, current) | facts
