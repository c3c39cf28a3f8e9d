"""Style transfer (Gatys et al. 2016): the float64 oracle, and what is stored: first steps, and the script's checks."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from pretrained.original import read_original
from pretrained.packages import ORIGINAL, find_packaged
from pretrained.settings import STYLE_CHECKS, StyleCheck
from pretrained.weights import build_network
from staff.references.chain_rule import MEAN, RULES, STD, Back, Walk, features
from staff.references.content_loss import content_loss
from staff.references.shared import unit
from staff.references.stored import RIPPLE, RIPPLES, File, in_float32
from staff.references.style_loss import gram_matrix, style_loss
from staff.references.tv_loss import tv_loss
from tests import inputs, networks, sentences
from tests.compare import sample
from tests.probes.style_transfer import BlurPull, ContentPull, StylePull

Total = Callable[["StyleTransfer", Tensor, Tensor, Tensor], Tensor]  # of content, style and total variation loss

TOTALS: dict[str, Total] = {  # the usual mistakes in adding up
    sentences.NO_CONTENT: lambda pair, c, s, t: s + t,
    sentences.NO_STYLE: lambda pair, c, s, t: c + t,
    sentences.NO_TV: lambda pair, c, s, t: c + s,
    "only the content loss counts: add the three up.": lambda pair, c, s, t: c,
    "only the style loss counts: add the three up.": lambda pair, c, s, t: s,
    sentences.TV_WEIGHT_TWICE: lambda pair, c, s, t: c + s + pair.tv_weight * t,
    "the weight of the content loss counts twice: content_loss multiplies by it.": lambda pair, c, s, t: (
        pair.content_weight * c + s + t
    ),
    "the logarithm of the losses is descended: descend their sum.": lambda pair, c, s, t: (c + s + t).log(),
    sentences.CONTENT_WEIGHT_MISSING: lambda pair, c, s, t: c / pair.content_weight + s + t,
    "the content loss is subtracted: add the three up.": lambda pair, c, s, t: s + t - c,
    "the style loss is subtracted: add the three up.": lambda pair, c, s, t: c + t - s,
    "the total variation loss is subtracted: add the three up.": lambda pair, c, s, t: c + s - t,
    "the weights of the content loss and of total variation count twice: their losses multiply by them.": (
        lambda pair, c, s, t: pair.content_weight * c + s + pair.tv_weight * t
    ),
    "the losses are multiplied: add the three up.": lambda pair, c, s, t: c * s * t,
    "the content loss and the style loss are multiplied: add the three up.": lambda pair, c, s, t: c * s + t,
    "the total variation loss is multiplied by the others: add the three up.": lambda pair, c, s, t: (c + s) * t,
}
WAYS: dict[str, dict[str, Any]] = {sentence: {"total": total} for sentence, total in TOTALS.items()} | {
    # What is no sum of the three; all are arguments of `steps`.
    "the image's features are not those of content_layer.": {"other_layer": True},
    "the content is compared at the last layer: take that of content_layer.": {"last_layer": True},
    "the gradient is divided by its norm: leave it as it is.": {"normed": True},
    "the style is that of the content picture: style_targets is given.": {"own_style": True},
    sentences.NOT_CLEARED: {"clears": False},
    sentences.ANOTHER_LEARNING_RATE: {"learning_rate": 0.1},
    sentences.LOSS_CLIMBED: {"learning_rate": -3.0},
    sentences.NEW_OPTIMIZER: {"remembers": False},
    sentences.STEPS_TWICE: {"repeats": 2},
    sentences.BY_HAND: {"by_hand": True},
    "the pixels are moved along the normalised gradient by hand: call optimizer.step().": {
        "by_hand": True,
        "normed": True,
    },
    "each loss has a step of its own: add the three up, then call optimizer.step() once.": {"apart": True},
    "each loss has a step of its own, all of one image: add the three up, then call optimizer.step() once.": {
        "apart": True,
        "stale": True,
    },
    sentences.STYLE_FOLLOWS: {"follows": True},
    f"{sentences.STEP_FIRST}: zero_grad(), backward(), step(), in this order.": {"late": True},
}


class StyleTransfer:
    """Three losses of one pair on one network, and Adam on the pixels."""

    def __init__(
        self,
        cnn: nn.Sequential,
        content: np.ndarray,
        style: np.ndarray,
        content_layer: int,
        content_weight: float,
        style_layers: Sequence[int],
        style_weights: Sequence[float],
        tv_weight: float,
        losses: tuple[nn.Module, nn.Module, nn.Module],
    ) -> None:
        """content, style: preprocessed (1, 3, H, W). losses: of content, style and total variation."""
        self.cnn, self.content = cnn, np.asarray(content, np.float64)
        self.content_layer, self.content_weight = content_layer, content_weight
        self.style_layers, self.style_weights, self.tv_weight = style_layers, style_weights, tv_weight
        self.content_loss, self.style_loss, self.tv_loss = losses
        shown, painted = (features(cnn, picture) for picture in (content, style))
        self.shown, self.content_target = shown, torch.from_numpy(shown[content_layer])
        self.style_targets, self.own_targets = map(self._find_style, (painted, shown))

    def _find_style(self, outputs: Sequence[np.ndarray]) -> list[Tensor]:
        return [self.style_loss.gram_matrix(torch.from_numpy(outputs[layer])) for layer in self.style_layers]

    def losses(
        self,
        x: np.ndarray,
        other_layer: bool = False,
        last_layer: bool = False,
        own_style: bool = False,
        past: np.ndarray | None = None,
    ) -> dict[str, tuple[float, np.ndarray]]:
        """Each of the three losses at x, and its gradient with respect to the pixels.

        other_layer: the content is compared at another layer, if one has features of that shape. last_layer: at the
        last one, with that layer's target. own_style: the style is that of the content picture. past: an image
        whose style is taken in place of the style picture's.
        """
        walk = Walk(RULES["plain"])
        image = torch.from_numpy(np.array(x, np.float64))
        with torch.no_grad():
            tensor, backs, outputs = image, [], []
            for name, module in walk.children(self.cnn).items():
                tensor, back = walk.walk(module, tensor, name)
                backs.append(back)
                outputs.append(tensor.clone().requires_grad_())
        image.requires_grad_()
        layer, targets = self.content_layer, self.own_targets if own_style else self.style_targets
        if past is not None:
            targets = self._find_style(features(self.cnn, past))
        if other_layer:
            fit = (i for i, y in enumerate(outputs) if i != layer and y.shape == self.content_target.shape)
            layer = next(fit, layer)
        layer = len(outputs) - 1 if last_layer else layer
        target = torch.from_numpy(self.shown[-1]) if last_layer else self.content_target
        content = self.content_loss(self.content_weight, outputs[layer], target)
        style = self.style_loss(outputs, self.style_layers, targets, self.style_weights)
        tv = self.tv_loss(image, self.tv_weight)
        (d_content,) = torch.autograd.grad(content, outputs[layer])
        d_style = torch.autograd.grad(style, [outputs[layer] for layer in self.style_layers])
        (d_tv,) = torch.autograd.grad(tv, image)
        with torch.no_grad():
            return {
                "content": (content.item(), _pull(backs, {layer: d_content.numpy()})),
                "style": (style.item(), _pull(backs, {i: d.numpy() for i, d in zip(self.style_layers, d_style)})),
                "tv": (tv.item(), d_tv.numpy()),
            }

    def steps(
        self,
        count: int,
        learning_rate: float = 3.0,
        total: Total = lambda pair, c, s, t: c + s + t,
        clears: bool = True,
        remembers: bool = True,
        by_hand: bool = False,
        normed: bool = False,
        repeats: int = 1,
        apart: bool = False,
        stale: bool = False,
        late: bool = False,
        follows: bool = False,
        seen: Callable[[np.ndarray], np.ndarray] = np.copy,
        **changes: bool,
    ) -> list[np.ndarray]:
        """The image at each of the first steps: [x_0, ..., x_count], each clamped to [-1.5, 1.5].

        total: what is descended. clears: else gradients add up from step to step. remembers: else Adam is made anew in
        each step. by_hand: step along the gradient, without Adam. normed: each gradient is scaled to length 1.
        repeats: how many steps each gradient makes. apart: each loss makes one, at the image as it is by then, or, if
        stale, at that of the pass. late: a step comes before its gradient, so that the image is seen before it is
        clamped. follows: after each step its image's style is the target. seen: what the network sees of an image.
        changes: of `losses`.
        """
        x = np.clip(self.content, -1.5, 1.5)
        m = v = held = 0.0
        age = 0  # of the optimizer, in steps
        images = [x]
        past: np.ndarray | None = None
        for _ in range(count):
            values, pulls = zip(*self.losses(seen(x), **changes, past=past).values())
            past = x if follows else None
            three = torch.tensor(values, dtype=torch.float64, requires_grad=True)
            (factors,) = torch.autograd.grad(total(self, *three), three)
            g = sum(factor * pull for factor, pull in zip(factors.tolist(), pulls))
            g = unit(g) if normed else g
            held = g if clears else held + g
            m, v, age = (m, v, age) if remembers else (0.0, 0.0, 0)
            x = np.clip(x, -1.5, 1.5)
            for i in range(len(pulls) if apart else repeats):
                own = pulls[i] if stale else list(self.losses(seen(x), **changes).values())[i][1] if apart else held
                age += 1
                m, v = 0.9 * m + 0.1 * own, 0.999 * v + 0.001 * own**2
                step = own if by_hand else (m / (1 - 0.9**age)) / (np.sqrt(v / (1 - 0.999**age)) + 1e-8)
                x = x - learning_rate * step
            x = x if late else np.clip(x, -1.5, 1.5)
            images.append(x)
        return images

    def find_sure(self, right: np.ndarray, rng: np.random.Generator, ripple: float, times: int) -> np.ndarray:
        """Mask of the pixels that inputs changed by `ripple` leave as they are in each of the first steps `right`.

        Adam's first steps are as long for the least gradient as for the greatest: where it is next to 0, the last bit
        decides. It also does in max-pooling where neighbours were clamped to the same value.
        """
        sure = np.ones(right.shape[1:], bool)
        for _ in range(times):
            other = self.steps(len(right), seen=lambda x: x * (1 + ripple * rng.standard_normal(x.shape)))[1:]
            sure &= (np.abs(np.concatenate(other) - right) < inputs.ALIKE / 2).all(axis=0)
        return sure


def _pull(backs: list[Back], gradients: dict[int, np.ndarray]) -> np.ndarray:
    """Go from gradients with respect to the outputs of some modules to that of the pixels."""
    gradient: Tensor | None = None
    for i in reversed(range(len(backs))):
        if i in gradients:
            own = torch.from_numpy(gradients[i])
            gradient = own if gradient is None else gradient + own
        if gradient is not None:
            gradient = backs[i](gradient)
    assert gradient is not None
    return gradient.numpy()


# --- what is stored ---


def store() -> None:
    """Store the first steps of a small pair, what mistakes make of them, and the checks of style_transfer.py."""
    _store_checks(STYLE_CHECKS["embedded"], networks.build("embedded", "float64").features)
    original = build_network(read_original(), find_packaged(ORIGINAL), torch.device("cpu"))
    _store_checks(STYLE_CHECKS["original"], original.double().features)
    cnn = networks.build("embedded", "float64").features[: max(inputs.SMALL_PAIR["style_layers"]) + 1]
    content, style = (inputs.normalise(pixels) for pixels in inputs.small_pair())
    names = ("content_layer", "content_weight", "style_layers", "style_weights", "tv_weight")
    settings = {name: inputs.SMALL_PAIR[name] for name in names}
    losses = ContentPull(), StylePull(), BlurPull()
    pair = StyleTransfer(cnn, content, style, **settings, losses=losses)
    ways = {"right": {}, **WAYS}
    images = {key: np.concatenate(pair.steps(inputs.STEPS, **way)[1:]) for key, way in ways.items()}
    sure = pair.find_sure(images["right"], np.random.default_rng(0), RIPPLE, 2 * RIPPLES)
    pixels = sample(np.flatnonzero(sure))
    file = File("style_transfer")
    file.arrays["pixels"] = pixels
    others = in_float32("style_transfer", "inputs", **inputs.small_pair_arguments())
    near = min(inputs.alike(other[1 : inputs.STEPS + 1], images["right"], pixels).min() for other in others)
    print(f"{file.name:20} {sure.mean():.3f} of the pixels are sure; of those the solution has {near:.5f} alike")
    for key, image in images.items():
        file.arrays[key] = np.float32(image.reshape(inputs.STEPS, -1)[:, pixels])
        print(f"{file.name:20} {key:62} alike {inputs.alike(image, images['right'], pixels).round(3)}")
    file.write()


def _store_checks(check: StyleCheck, cnn: nn.Sequential) -> None:
    """Store the checks that pretrained.settings describes."""
    content, style = (_preprocess(inputs.path(name), check.image_size) for name in (check.content, check.style))
    shown, painted, blank = (features(cnn, image) for image in (content, style, np.zeros_like(content)))
    targets = [gram_matrix(painted[layer]) for layer in check.style_layers]
    layer = check.content_layer
    arrays = {
        "cl_out": content_loss(check.content_weight, shown[layer], blank[layer])[0],
        "gm_out": gram_matrix(painted[check.gram_layer]),
        "sl_out": style_loss(shown, check.style_layers, targets, check.style_weights)[0],
        "tv_out": tv_loss(content, check.tv_weight)[0],
    }
    file = File(Path(check.stored).stem)
    file.arrays = {name: np.float32(value) for name, value in arrays.items()}
    file.write()


def _preprocess(path: Path, size: int) -> np.ndarray:
    """The picture with its shorter side at `size`, normalised, (1, 3, H, W)."""
    with Image.open(path) as picture:
        short = min(picture.size)
        width, height = (int(size * side / short) for side in picture.size)
        pixels = np.asarray(picture.convert("RGB").resize((width, height), Image.Resampling.BILINEAR), np.float64)
    return np.moveaxis((pixels / 255 - MEAN) / STD, 2, 0)[None]
