"""Style loss (Gatys et al. 2016): channels should fire together as they do for the style picture."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class StyleLoss(nn.Module):
    """The squared distance between Gram matrices, summed over layers."""

    def gram_matrix(self, features: Tensor, normalize: bool = True) -> Tensor:
        """G[n, c, d] = sum over h, w of F[n, c, h, w] * F[n, d, h, w], divided by C * H * W when `normalize`.

        features: F (N, C, H, W). Returns (N, C, C). The paper divides in the loss instead, by 4 C^2 (H W)^2.
        """
        if features.ndim != 4 or not features.is_floating_point():
            got = f"{tuple(features.shape)} of {features.dtype}"
            raise ValueError(f"expected floating features of shape (N, C, H, W), got {got}: see extract_features")
        # BEGIN SOLUTION style_loss
        N, C, H, W = features.shape
        flat = features.reshape(N, C, H * W)
        # This is gram = flat @ flat.mT, which makes all of style transfer 1.25 to 1.4 times as long: both factors get a
        # gradient, and it is the same. So one is held constant, and the transpose, whose value is added and taken away
        # again, carries the other half.
        gram = flat.detach() @ flat.mT  # (N, C, C)
        gram = gram + (gram - gram.detach()).mT
        return gram / (C * H * W) if normalize else gram
        # INSTEAD
        # TODO (Part 2.2): return the Gram matrices, (N, C, C).
        #   With the positions flattened, (N, C, H*W), it is one (batched) matrix product. Divide only if `normalize`.
        #> raise NotImplementedError("Part 2.2: Gram matrix")
        # END SOLUTION

    def forward(
        self,
        feats: Sequence[Tensor],
        style_layers: Sequence[int],
        style_targets: Sequence[Tensor],
        style_weights: Sequence[float],
    ) -> Tensor:
        """sum over l of w_l * sum over c, d of (G_l - A_l)^2.

        feats: features of every layer, from `style_utils.extract_features`.
        style_layers: indices into `feats`.
        style_targets: A_l (1, C_l, C_l), the style picture's Gram matrix for each of style_layers.
        style_weights: w_l for each of style_layers.
        Returns a scalar.
        """
        if not len(style_layers) == len(style_targets) == len(style_weights):
            raise ValueError(
                f"expected a target and a weight for each style layer, got {len(style_layers)} layers, "
                f"{len(style_targets)} targets and {len(style_weights)} weights: make the lists equally long"
            )
        # BEGIN SOLUTION style_loss
        losses = [
            weight * (self.gram_matrix(feats[layer]) - target).square().sum()
            for layer, target, weight in zip(style_layers, style_targets, style_weights, strict=True)
        ]
        return torch.stack(losses).sum()
        # INSTEAD
        # TODO (Part 2.2): return the sum over the chosen layers.
        #   Layer style_layers[i] of feats belongs to style_targets[i] and style_weights[i]. Sums, no means.
        #> raise NotImplementedError("Part 2.2: style loss")
        # END SOLUTION
