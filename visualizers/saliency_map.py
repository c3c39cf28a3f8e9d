"""Class saliency maps (Simonyan et al. 2014): which pixels the class score is most sensitive to."""

import warnings
from os import PathLike
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

# First: where this file is run, it says what to run instead.
from visualizers.network import check_images, class_scores, evaluating

# isort: split
from figures import figure
from image_utils import preprocess
from pretrained.files import FIGURES


class SaliencyMap:
    """The gradient of the class score with respect to the pixels.

    From a photograph to its map, after `import pretrained` and `from image_utils import open_image, preprocess`:

        network = pretrained.load()
        X = preprocess(open_image("my_cat.jpg")).to(network.device)
        maps = SaliencyMap().compute_saliency_maps(X, network.model(X).argmax(dim=1), network.model)
        plt.imshow(maps[0].cpu(), cmap="hot")
    """

    def compute_saliency_maps(self, X: Tensor, y: Tensor, model: nn.Module) -> Tensor:
        """The saliency map M of each image: M[h, w] = max over channels c of |ds_y / dX[c, h, w]|.

        s_y is the score of class y before softmax.

        X: (N, 3, H, W), floating, ImageNet-normalised; not written to.
        y: (N,), integers in [0, K), the class to explain for each image.
        model: any network that gives scores (N, K); evaluated in eval mode and left as it was.
        Returns (N, H, W), >= 0, on X's device. Warns where a class is dead: its gradient, and so its map, is zero.
        """
        check_images(X, model)
        X = X.detach().requires_grad_()  # a new tensor on the same data: the caller's keeps its flags and gradient
        with evaluating(model):
            # BEGIN SOLUTION saliency
            # Images do not influence each other's scores, so one backward from the sum gives every image's gradient.
            (gradient,) = torch.autograd.grad(class_scores(model(X), y).sum(), X)  # (N, 3, H, W)
            saliency = gradient.abs().amax(dim=1)  # (N, H, W)
            # INSTEAD
            # TODO (Part 1.1): compute `saliency`, of shape (N, H, W).
            #   1. Let the model score all images at once: scores, (N, K).
            #   2. From each row take the score of its own class: scores.gather(1, y[:, None]) does, and so does
            #      class_scores(scores, y), which also checks y.
            #   3. Take the gradient of their sum with respect to X. One backward pass is enough: an image does not
            #      influence the other images' scores, so its part of the gradient is that of its own score.
            #   4. First the absolute value, then the largest of the three channels.
            #> raise NotImplementedError("Part 1.1: saliency maps")
            # END SOLUTION
        empty = (saliency.abs().amax(dim=(1, 2)) == 0).nonzero()[:, 0].tolist()
        if empty:
            told = "does the score of the asked class not depend on it (a dead class)?"
            warnings.warn(f"the map of image {empty} is zero: {told}", stacklevel=2)
        return saliency

    def show_saliency_maps(
        self,
        X: np.ndarray,
        y: np.ndarray,
        class_names: list[str],
        model: nn.Module,
        path: str | PathLike[str] = FIGURES / "saliency_map.png",
        note: str = "",
    ) -> Path:
        """Draw each image above its saliency map, with its class as title, and write the figure.

        X: uint8 (N, H, W, 3). y: (N,), class indices. note: the network's name, for the corner. Returns the path.
        """
        parameter = next(model.parameters())
        images = torch.cat([preprocess(Image.fromarray(x), x.shape[:2]) for x in X]).to(parameter)
        labels = torch.as_tensor(y, device=parameter.device)
        maps = self.compute_saliency_maps(images, labels, model).cpu().numpy()
        return figure.saliency_maps(X, maps, [figure.short(class_names[int(label)]) for label in y], path, note)
