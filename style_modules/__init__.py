"""The three losses of neural style transfer (Gatys et al. 2016)."""

from typing import Any

from style_modules.content_loss import ContentLoss
from style_modules.style_loss import StyleLoss
from style_modules.tv_loss import TotalVariationLoss

__all__ = ["ContentLoss", "StyleLoss", "TotalVariationLoss", "make_losses"]


def make_losses() -> dict[str, Any]:
    """Return the three losses, by the names of `style_transfer`'s arguments."""
    return {"content_loss": ContentLoss(), "style_loss": StyleLoss(), "tv_loss": TotalVariationLoss()}
