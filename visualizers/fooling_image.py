"""Fooling images (Szegedy et al. 2014): the smallest push that makes the network say something else."""

import warnings

import torch
from torch import Tensor, nn

from visualizers.network import check_images, check_target, evaluating


class FoolingImage:
    """Gradient ascent on the score of a class that is not there. `steps` holds the number of the last call's steps.

    From a photograph to its twin, after `import pretrained` and `from image_utils import *`:

        network = pretrained.load()
        X = preprocess(open_image("my_cat.jpg")).to(network.device)
        fooled = FoolingImage().make_fooling_image(X, network.fooling_target, network.model)
        plt.imshow(deprocess(fooled, should_rescale=False))
    """

    def __init__(self, learning_rate: float = 10, max_steps: int = 100) -> None:
        self.learning_rate = learning_rate
        self.max_steps = max_steps
        self.steps = 0

    def make_fooling_image(self, X: Tensor, target_y: int, model: nn.Module) -> Tensor:
        """Step by x <- x + learning_rate * g / ||g||_2, g = ds_target / dx, until the network says target_y.

        X: (1, 3, H, W), floating, ImageNet-normalised; not written to.
        target_y: class index in [0, K).
        model: any network that gives scores (1, K); left as it was.
        Returns a tensor like X, equal to it when the network says target_y already. Warns when the network is not
        fooled within max_steps, or when the class is dead (a zero gradient shows no way to go).
        """
        check_images(X, model)
        if len(X) != 1:
            got = tuple(X.shape)
            raise ValueError(f"expected one image of shape (1, 3, H, W), got {got}: pick one with X[i : i + 1]")
        x = X.detach().clone()
        with evaluating(model):
            # BEGIN SOLUTION fooling
            for steps in range(self.max_steps + 1):
                self.steps = steps
                scores = model(x.requires_grad_())
                check_target(target_y, scores)
                if scores.argmax(dim=1).item() == target_y:
                    break
                if self.steps == self.max_steps:
                    warnings.warn(f"the network is not fooled after {self.steps} steps", stacklevel=2)
                    break
                (gradient,) = torch.autograd.grad(scores[0, target_y], x)
                norm = gradient.norm()
                if norm == 0:
                    warnings.warn(
                        f"the score of class {target_y} has a zero gradient (a dead class): "
                        f"stopped after {self.steps} steps without fooling the network",
                        stacklevel=2,
                    )
                    break
                x = x.detach() + self.learning_rate * gradient / norm
            # INSTEAD
            # TODO (Part 1.3): move `x` until the model says target_y, and count this call's steps in `self.steps`.
            #   1. Score x, before the first step and after the last, too. Stop at once if the highest is target_y's.
            #   2. Take the gradient g of the score of target_y, before softmax, with respect to x.
            #   3. x <- x + learning_rate * g / ||g||_2, once for each gradient, and without its graph: x.detach().
            #   At most self.max_steps steps. If the network is not fooled by then, or if ||g|| is zero (never divide by
            #   it), warn with warnings.warn(...) and stop. check_target(target_y, scores) refuses a class that is none.
            #> raise NotImplementedError("Part 1.3: fooling images")
            # END SOLUTION
        return x.detach()
