"""Guided backprop (Springenberg et al. 2015) and Grad-CAM (Selvaraju et al. 2017).

Guided backprop shows fine detail but hardly depends on the class; Grad-CAM shows where the class is, coarsely.
Their product, Guided Grad-CAM, has both.
"""

import warnings

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from visualizers.network import (
    check_images,
    check_untraced,
    class_scores,
    evaluating,
    get_map,
    keeping,
    relu_replaced_by,
)


class CustomReLU(torch.autograd.Function):
    """A ReLU whose backward pass lets through only what is positive in both directions."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, dout: Tensor) -> Tensor:
        """dout * 1[x > 0] * 1[dout > 0]: the ReLU's own mask, and the deconvnet's."""
        (x,) = ctx.saved_tensors
        # BEGIN SOLUTION guided_backprop
        return dout.clamp(min=0) * (x > 0)
        # INSTEAD
        # TODO (Part 1.2): return what is let through of dout: its positive values, and these only where x is positive.
        #> raise NotImplementedError("Part 1.2: CustomReLU.backward")
        # END SOLUTION


class GradCam:
    """Maps of the evidence for a class in the image. `layer` is the dotted name of the layer that Grad-CAM reads.

    From a photograph to its map, after `import pretrained` and `from image_utils import open_image, preprocess`:

        network = pretrained.load()
        X = preprocess(open_image("my_cat.jpg")).to(network.device)
        maps = GradCam(network.gradcam_layer).grad_cam(X, network.model(X).argmax(dim=1), network.model)
        plt.imshow(maps[0], cmap="jet")
    """

    def __init__(self, layer: str = "features.12") -> None:
        self.layer = layer

    def guided_backprop(self, X_tensor: Tensor, y_tensor: Tensor, gc_model: nn.Module) -> np.ndarray:
        """The gradient of the class score with respect to the pixels, with CustomReLU for every ReLU.

        X_tensor: (N, 3, H, W), floating, ImageNet-normalised; not written to.
        y_tensor: (N,), integers in [0, K).
        gc_model: any network that gives scores (N, K); left as it was.
        Returns numpy (N, H, W, 3), of any sign: the first convolution has weights of both.
        """
        check_images(X_tensor, gc_model)
        check_untraced(gc_model)
        X = X_tensor.detach().requires_grad_()
        with evaluating(gc_model):
            # BEGIN SOLUTION guided_backprop
            with relu_replaced_by(CustomReLU.apply):
                scores = gc_model(X)
            (gradient,) = torch.autograd.grad(class_scores(scores, y_tensor).sum(), X)  # (N, 3, H, W)
            maps = gradient.permute(0, 2, 3, 1)  # (N, H, W, 3)
            # INSTEAD
            # TODO (Part 1.2): compute `maps`, of shape (N, H, W, 3).
            #   1. Let the model score the images while CustomReLU stands for every ReLU:
            #      inside `with relu_replaced_by(CustomReLU.apply):` it does, and the model itself is not touched.
            #   2. As in Part 1.1, take the gradient of the summed class scores with respect to X.
            #   3. Move the channels to the end with permute (reshape would scramble the pixels).
            #> raise NotImplementedError("Part 1.2: guided backprop")
            # END SOLUTION
        return maps.detach().cpu().numpy()

    def grad_cam(self, X_tensor: Tensor, y_tensor: Tensor, gc_model: nn.Module) -> np.ndarray:
        """The class activation map L = ReLU(sum over k of a_k A^k), a_k = mean over h, w of ds_y / dA^k.

        A^k is channel k of `self.layer`'s output. The map is resized to the image (bicubic) and each image's map is
        scaled to [0, 1] by itself, unlike the classic assignment, which scales by the whole batch.

        X_tensor, y_tensor, gc_model: as in `guided_backprop`.
        Returns numpy (N, H, W) in [0, 1]. Warns, and gives zeros, where nothing speaks for the class.
        """
        check_images(X_tensor, gc_model)
        with evaluating(gc_model):
            activation, scores = self._forward(X_tensor.detach(), gc_model)
            # BEGIN SOLUTION gradcam
            (gradient,) = torch.autograd.grad(class_scores(scores, y_tensor).sum(), activation)  # (N, C, h, w)
            weights = gradient.mean(dim=(2, 3), keepdim=True)  # (N, C, 1, 1)
            cam = (weights * activation.detach()).sum(dim=1).relu()  # (N, h, w)
            # INSTEAD
            # TODO (Part 1.2): compute `cam`, of shape (N, h, w), from `activation` (N, C, h, w) and `scores` (N, K).
            #   1. Take the gradient of the summed class scores with respect to `activation`, not to the images.
            #   2. A channel's weight is the mean of its gradient over positions, for each image by itself (keepdim).
            #   3. Sum weight times activation over channels, and only then cut off what is negative.
            #   Enlarging the map to the image, and scaling it to [0, 1], is done below.
            #> raise NotImplementedError("Part 1.2: Grad-CAM")
            # END SOLUTION
        return resize(cam.detach().to(X_tensor), X_tensor.shape[2:]).cpu().numpy()

    def _forward(self, X: Tensor, model: nn.Module) -> tuple[Tensor, Tensor]:
        """The layer's output, as a leaf that the scores depend on, and the scores: no graph is kept below the layer."""
        with keeping(model, [self.layer], leaf=True) as outputs:
            scores = model(X)
        return get_map(outputs, self.layer, scores, X.shape[2:]), scores


def resize(cam: Tensor, size: torch.Size) -> Tensor:
    """The maps (N, h, w) at the image's size, each scaled to [0, 1]; (N, H, W)."""
    # With antialias the kernel is Pillow's, which the classic assignment used.
    cam = F.interpolate(cam[:, None], size=size, mode="bicubic", antialias=True)[:, 0]
    low, high = cam.amin(dim=(1, 2), keepdim=True), cam.amax(dim=(1, 2), keepdim=True)
    empty = (high <= 0).flatten().nonzero()[:, 0].tolist()
    if empty:
        warnings.warn(f"nothing in image {empty} speaks for the asked class: its Grad-CAM is zero", stacklevel=3)
    spread = high - low
    varies = spread > 16 * torch.finfo(cam.dtype).eps * high  # by more than rounding while it was resized
    constant = (~varies & (high > 0)).to(cam)  # a constant map is all or nothing
    return (cam - low) / torch.where(varies, spread, torch.inf) + constant
