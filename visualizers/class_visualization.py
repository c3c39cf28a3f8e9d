"""Class visualization (Simonyan et al. 2014, Yosinski et al. 2015): the image that a class's score likes best."""

import re
import warnings
from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn
from tqdm import tqdm

# First: where this file is run, it says what to run instead.
from visualizers.network import check_target, empty_like_weights, evaluating

# isort: split
import image_utils
from figures import figure
from image_utils import SQUEEZENET_MEAN, SQUEEZENET_STD, deprocess
from pretrained.files import FIGURES

SIZE = 224


class ClassVisualization:
    """Gradient ascent on a class score, from noise.

    A network's idea of a class, after `import pretrained`:

        network = pretrained.load()
        target = network.visualization_targets[0]
        show = ClassVisualization().create_class_visualization
        plt.imshow(show(target, network.class_names, network.model, generate_plots=False))
    """

    @staticmethod
    def jitter(X: Tensor, ox: int, oy: int) -> Tensor:
        """X (N, C, H, W) shifted by ox pixels to the right and oy down; what leaves on one side enters on the other."""
        return X.roll(shifts=(oy, ox), dims=(2, 3))

    @staticmethod
    def blur_image(X: Tensor, sigma: float = 1) -> Tensor:
        """X (N, C, H, W) blurred by a Gaussian of sigma pixels; a new tensor."""
        return image_utils.blur_image(X, sigma)

    def create_class_visualization(
        self,
        target_y: int,
        class_names: Sequence[str],
        model: nn.Module,
        dtype: torch.dtype | type | str | None = None,
        *,
        l2_reg: float = 1e-3,
        learning_rate: float = 25,
        num_iterations: int = 100,
        blur_every: int = 10,
        max_jitter: int = 16,
        clamp: float = 1,
        show_every: int = 25,
        generate_plots: bool = True,
        seed: int = 0,
        on_step: Callable[[int, Image.Image], None] | None = None,
        out: str | PathLike[str] = FIGURES,
    ) -> Image.Image:
        """Ascend s_y(I) - l2_reg * ||I||_2^2 over images I, by steps of learning_rate along the normalised gradient.

        Jitter, clamping to valid pixels and a blur every `blur_every` iterations keep the image smooth; each of l2_reg,
        max_jitter and blur_every is left out by 0.

        target_y: class index in [0, K). class_names: indexable by it. model: gives scores (1, K); left as it was.
        dtype: torch dtype or tensor type of the image; the model's own when left out.
        clamp: how far pixels may go, in widths of the valid range about its middle; 1 keeps them valid.
        show_every: `on_step(iteration, image)` is called at iteration 1, then every so many, and at the last.
        generate_plots: write those images, side by side, to out/class_visualization_<class>.png.
        seed: of the first noise and the jitter; the global random state is neither read nor changed.
        Returns the last image, 224 x 224. Warns when no step was made: a dead class without a regulariser, l2_reg = 0.
        """
        for name, number, least in (("num_iterations", num_iterations, 1), ("max_jitter", max_jitter, 0)):
            if not hasattr(number, "__index__") or number < least:
                raise ValueError(f"expected {name} as a whole number from {least} on, got {number!r}: give another one")
        like = empty_like_weights(model, dtype)
        generator = torch.Generator().manual_seed(int(seed))
        # Type and device are named, since both have defaults that somebody may have set.
        img = torch.randn(1, 3, SIZE, SIZE, generator=generator, dtype=torch.float32, device="cpu").to(like)
        low = torch.from_numpy(-SQUEEZENET_MEAN / SQUEEZENET_STD).view(3, 1, 1).to(like)
        high = torch.from_numpy((1 - SQUEEZENET_MEAN) / SQUEEZENET_STD).view(3, 1, 1).to(like)
        more = (clamp - 1) / 2 * (high - low)
        low, high = low - more, high + more
        shown: list[tuple[int, Image.Image]] = []
        moved = False
        with evaluating(model):
            for t in tqdm(range(num_iterations), desc=str(target_y), leave=False, disable=None):
                ox, oy = torch.randint(0, max(1, max_jitter), (2,), generator=generator, device="cpu").tolist()
                img = self.jitter(img, ox, oy).requires_grad_()
                # BEGIN SOLUTION class_visualization
                scores = model(img)
                check_target(target_y, scores)
                objective = scores[0, target_y] - l2_reg * img.square().sum()
                (gradient,) = torch.autograd.grad(objective, img)
                norm = gradient.norm()
                img = img.detach()
                if norm > 0:
                    img = img + learning_rate * gradient / norm
                    moved = True
                # INSTEAD
                # TODO (Part 1.4): make one step of ascent: a new `img`, without a graph (detach).
                #   1. What is climbed is the score of target_y less l2_reg * ||img||_2^2; mind the square.
                #   2. Take its gradient with respect to img, both terms together, and only then divide it by its norm.
                #   3. img <- img + learning_rate * that, and set `moved = True`. If the norm is zero (a dead class,
                #      with l2_reg = 0) there is no step, and what is given goes on: a warning below tells of it.
                #      check_target(target_y, scores) refuses a class that is none.
                #> raise NotImplementedError("Part 1.4: class visualization")
                # END SOLUTION
                img = self.jitter(img, -ox, -oy).clamp(low, high)
                if blur_every and t % blur_every == 0:
                    img = self.blur_image(img, sigma=0.5)
                if t in (0, num_iterations - 1) or (show_every and (t + 1) % show_every == 0):
                    shown.append((t + 1, deprocess(img)))
                    if on_step is not None:
                        on_step(*shown[-1])
        name = str(class_names[target_y])
        if not moved:
            warnings.warn(f"the score of class {target_y} ({name}) has a zero gradient (a dead class)", stacklevel=2)
        if generate_plots:
            figure.iterations(shown, name, Path(out) / f"class_visualization_{_as_file_name(name)}.png")
        return shown[-1][1]


def _as_file_name(class_name: str) -> str:
    """The first of the class's names, in lower case, with underscores: "gorilla, Gorilla gorilla" -> "gorilla"."""
    return re.sub(r"\W+", "_", class_name.split(",")[0].strip().lower())
