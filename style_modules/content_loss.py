"""Content loss (Gatys et al. 2016): the image's features should stay those of the content picture."""

import torch
from torch import nn


class ContentLoss(nn.Module):
    """The squared distance between the features of two images at one layer."""

    def forward(
        self, content_weight: float, content_current: torch.Tensor, content_original: torch.Tensor
    ) -> torch.Tensor:
        """content_weight * sum over c, h, w of (F - P)^2: a sum, not a mean, and without the paper's factor 1/2.

        content_current: F (1, C, H, W), features of the image being made.
        content_original: P (1, C, H, W), features of the content picture at the same layer.
        Returns a scalar.
        """
        if content_current.shape != content_original.shape:
            raise ValueError(
                f"expected features of equal shape, got {tuple(content_current.shape)} and "
                f"{tuple(content_original.shape)}: take both from the same layer and image size"
            )
        # BEGIN SOLUTION content_loss
        return content_weight * (content_current - content_original).square().sum()
        # INSTEAD
        # TODO (Part 2.1): return the loss. The squared differences are summed, not averaged.
        #> raise NotImplementedError("Part 2.1: content loss")
        # END SOLUTION
