"""Every student function again, slowly: float64, the chain rule by hand, and nothing of the student modules.

Arrays in, arrays out. A network is one of torchvision's SqueezeNets, or anything made of the same kinds of modules.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.squeezenet import Fire

MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])

Back = Callable[[Tensor], Tensor]  # from the gradient of a module's output to that of its input
Rule = Callable[[Tensor, Tensor], Tensor]  # of a ReLU: from its input and the gradient of its output

RULES: dict[str, Rule] = {
    "plain": lambda x, g: g * (x > 0),
    "guided": lambda x, g: g * (x > 0) * (g > 0),
    "deconvnet": lambda x, g: g * (g > 0),
}


@dataclass
class Pass:
    """One way through a network and back: outputs and their gradients by the dotted names of the modules."""

    scores: np.ndarray  # (N, K)
    gradient: np.ndarray  # of the pixels (N, 3, H, W)
    outputs: dict[str, np.ndarray]
    gradients: dict[str, np.ndarray]


def through(model: nn.Module, X: np.ndarray, upstream: Callable[[np.ndarray], np.ndarray], rule: str = "plain") -> Pass:
    """Forward, then backward from upstream(scores) (N, K), with this rule at every ReLU."""
    walk = _Walk(RULES[rule])
    with torch.no_grad():
        scores, back = walk.module(_children(model), torch.from_numpy(np.asarray(X, np.float64)), "")
        scores = scores.flatten(1)
        gradient = back(torch.from_numpy(np.asarray(upstream(scores.numpy()), np.float64)))
    outputs, gradients = ({k: v.numpy() for k, v in kept.items()} for kept in (walk.outputs, walk.gradients))
    return Pass(scores.numpy(), gradient.numpy(), outputs, gradients)


def scores(model: nn.Module, X: np.ndarray) -> np.ndarray:
    return through(model, X, np.zeros_like).scores


def one_hot(y: Sequence[int] | np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """The upstream gradient that asks for the score of each image's class y."""
    return lambda scores: np.eye(scores.shape[1])[np.asarray(y)]


class _Walk:
    """The chain rule, module by module."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.outputs: dict[str, Tensor] = {}
        self.gradients: dict[str, Tensor] = {}

    def module(self, module: nn.Module, x: Tensor, name: str) -> tuple[Tensor, Back]:
        output, back = self._dispatch(module, x, name)
        self.outputs[name] = output.clone()

        def noted(gradient: Tensor) -> Tensor:
            self.gradients[name] = gradient.reshape(output.shape).clone()
            return back(self.gradients[name])

        return output, noted

    def _dispatch(self, module: nn.Module, x: Tensor, name: str) -> tuple[Tensor, Back]:
        if isinstance(module, nn.Sequential):
            backs = []
            for child_name, child in module.named_children():
                x, back = self.module(child, x, f"{name}.{child_name}".lstrip("."))
                backs.append(back)
            return x, lambda g: _chain(backs, g)
        if isinstance(module, Fire):
            squeezed, squeeze_back = self.module(nn.Sequential(module.squeeze, nn.ReLU()), x, f"{name}.squeeze")
            one, one_back = self.module(nn.Sequential(module.expand1x1, nn.ReLU()), squeezed, f"{name}.one")
            three, three_back = self.module(nn.Sequential(module.expand3x3, nn.ReLU()), squeezed, f"{name}.three")
            cut = one.shape[1]
            return (
                torch.cat([one, three], dim=1),
                lambda g: squeeze_back(one_back(g[:, :cut]) + three_back(g[:, cut:])),
            )
        if isinstance(module, nn.ReLU):
            return x * (x > 0), lambda g: self.rule(x, g)
        if isinstance(module, nn.Conv2d):
            weight = module.weight.double()
            bias = None if module.bias is None else module.bias.double()
            y = F.conv2d(x, weight, bias, module.stride, module.padding)
            return y, lambda g: torch.nn.grad.conv2d_input(x.shape, weight, g, module.stride, module.padding)
        if isinstance(module, nn.MaxPool2d):
            window = {"kernel_size": module.kernel_size, "stride": module.stride, "ceil_mode": module.ceil_mode}
            y, index = F.max_pool2d(x, **window, return_indices=True)
            return (
                y,
                lambda g: (
                    torch.zeros_like(x).flatten(2).scatter_add_(2, index.flatten(2), g.flatten(2)).reshape(x.shape)
                ),
            )
        if isinstance(module, nn.AdaptiveAvgPool2d):
            count = x.shape[2] * x.shape[3]
            return x.sum(dim=(2, 3), keepdim=True) / count, lambda g: (g / count).expand(x.shape)
        if isinstance(module, nn.Linear):
            weight = module.weight.double()
            return x @ weight.T + module.bias.double(), lambda g: g @ weight
        if isinstance(module, nn.Flatten):
            return x.flatten(1), lambda g: g.reshape(x.shape)
        if isinstance(module, nn.Dropout):  # in eval mode
            return x, lambda g: g
        kind = type(module).__name__
        raise TypeError(f"expected a kind of module that SqueezeNet has, got {kind}: add its rule here")


def _chain(backs: list[Back], gradient: Tensor) -> Tensor:
    for back in reversed(backs):
        gradient = back(gradient)
    return gradient


def _children(model: nn.Module) -> nn.Sequential:
    return model if isinstance(model, nn.Sequential) else nn.Sequential(OrderedDict(model.named_children()))


# --- part 1 ---


def saliency(model: nn.Module, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(N, H, W): the largest over the channels of |ds_y / dX|."""
    gradient = through(model, X, one_hot(y)).gradient
    N, C, H, W = gradient.shape
    maps = np.zeros((N, H, W))
    for c in range(C):
        maps = np.maximum(maps, np.abs(gradient[:, c]))
    return maps


def guided_backprop(model: nn.Module, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(N, H, W, 3): ds_y / dX, where each ReLU also stops what is negative on its way back."""
    return np.moveaxis(through(model, X, one_hot(y), "guided").gradient, 1, 3)


def raw_cam(model: nn.Module, X: np.ndarray, y: np.ndarray, layer: str = "features.12") -> np.ndarray:
    """(N, h, w): sum over k of mean(ds_y / dA^k) A^k, before its ReLU and at the layer's own size."""
    there = through(model, X, one_hot(y))
    A, gradient = there.outputs[layer], there.gradients[layer]
    N, K, h, w = A.shape
    cam = np.zeros((N, h, w))
    for n in range(N):
        for k in range(K):
            cam[n] += gradient[n, k].sum() / (h * w) * A[n, k]
    return cam


def grad_cam(model: nn.Module, X: np.ndarray, y: np.ndarray, layer: str = "features.12") -> np.ndarray:
    """(N, H, W) in [0, 1], each map scaled by itself."""
    return scaled(resized(np.maximum(raw_cam(model, X, y, layer), 0), X.shape[2:]))


def guided_grad_cam(model: nn.Module, X: np.ndarray, y: np.ndarray, layer: str = "features.12") -> np.ndarray:
    """(N, H, W, 3), the product of the two."""
    return grad_cam(model, X, y, layer)[..., None] * guided_backprop(model, X, y)


def resized(maps: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Bicubic, by the kernel that Pillow uses (a = -1/2). maps: (N, h, w); returns (N, *size)."""
    rows, columns = (_bicubic(old, new) for old, new in zip(maps.shape[1:], size))
    return np.einsum("Hh,nhw,Ww->nHW", rows, maps, columns)


def _bicubic(old: int, new: int) -> np.ndarray:
    """The matrix (new, old) of weights that enlarges one axis; where it shrinks, the kernel is widened."""
    step = old / new
    width = max(step, 1.0)
    matrix = np.zeros((new, old))
    for i in range(new):
        centre = (i + 0.5) * step
        for j in range(max(int(centre - 2 * width + 0.5), 0), min(int(centre + 2 * width + 0.5), old)):
            matrix[i, j] = _cubic((j + 0.5 - centre) / width)
    return matrix / matrix.sum(axis=1, keepdims=True)


def _cubic(x: float, a: float = -0.5) -> float:
    x = abs(x)
    if x < 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * (x**3 - 5 * x**2 + 8 * x - 4) if x < 2 else 0.0


def scaled(maps: np.ndarray, together: bool = False) -> np.ndarray:
    """Each map, or with `together` the batch, stretched to [0, 1]; where all is equal, zeros."""
    axes = None if together else (1, 2)
    low, high = maps.min(axis=axes, keepdims=True), maps.max(axis=axes, keepdims=True)
    return np.where(high > low, (maps - low) / np.where(high > low, high - low, 1), 0)


def fooling(
    model: nn.Module, X: np.ndarray, target: int, learning_rate: float = 10, most: int = 100
) -> tuple[np.ndarray, int]:
    """The fooling image (1, 3, H, W), and how many steps it took."""
    x = np.array(X, np.float64)
    for step in range(most):
        there = through(model, x, one_hot([target]))
        if there.scores[0].argmax() == target:
            return x, step
        x = x + learning_rate * there.gradient / np.sqrt((there.gradient**2).sum())
    return x, most


def ascent_step(
    model: nn.Module,
    x: np.ndarray,
    target: int,
    l2_reg: float,
    learning_rate: float,
    apart: bool = False,
) -> np.ndarray:
    """One step of class visualization from x (1, 3, H, W), clamped to valid pixels.

    apart: the regulariser's gradient is added after the score's was normalised, as some write it.
    """
    g = through(model, x, one_hot([target])).gradient
    if apart:
        step = g / np.sqrt((g**2).sum()) - 2 * l2_reg * x
    else:
        g = g - 2 * l2_reg * x
        step = g / np.sqrt((g**2).sum())
    return clamped(x + learning_rate * step)


def clamped(x: np.ndarray) -> np.ndarray:
    low, high = (((edge - MEAN) / STD)[None, :, None, None] for edge in (0, 1))
    return np.clip(x, low, high)


# --- the scripts' Captum halves ---


def integrated_gradients(model: nn.Module, X: np.ndarray, y: np.ndarray, steps: int) -> np.ndarray:
    """(N, H, W): sum over the channels of X times the mean of ds_y / dx on the way from 0 to X, by Gauss-Legendre."""
    points, weights = np.polynomial.legendre.leggauss(steps)
    mean = sum(
        weight / 2 * through(model, (point + 1) / 2 * X, one_hot(y)).gradient for point, weight in zip(points, weights)
    )
    return (mean * X).sum(1)


def layer_conductance(model: nn.Module, X: np.ndarray, y: np.ndarray, layer: str, steps: int) -> np.ndarray:
    """The layer's shape: sum over the steps from 0 to X, at Captum's places, of ds_y / dA times the change of A."""
    points = np.polynomial.legendre.leggauss(steps + 1)[0]
    there = [through(model, (point + 1) / 2 * X, one_hot(y)) for point in points]
    A, gradients = ([getattr(step, name)[layer] for step in there] for name in ("outputs", "gradients"))
    return sum(gradient * (new - old) for gradient, old, new in zip(gradients, A, A[1:]))


def neuron_responses(
    model: nn.Module, X: np.ndarray, neurons: Sequence[tuple[int, int, int]], layer: int, rule: str = "guided"
) -> np.ndarray:
    """(N, H, W, 3): guided backprop from one neuron (channel, row, column) of features[layer] of each image."""

    def upstream(outputs: np.ndarray) -> np.ndarray:
        flat = [np.ravel_multi_index(neuron, shape) for neuron in neurons]
        return np.eye(outputs.shape[1])[flat]

    below = model.features[: layer + 1]
    shape = tuple(below(torch.from_numpy(X[:1]).double()).shape[1:])
    return np.moveaxis(through(below, X, upstream, rule).gradient, 1, 3)


# --- part 2 ---


def content_loss(weight: float, F: np.ndarray, P: np.ndarray) -> tuple[float, np.ndarray]:
    """The loss and its gradient with respect to F."""
    F, P = np.asarray(F, np.float64), np.asarray(P, np.float64)
    total = 0.0
    for f, p in zip(F.ravel(), P.ravel()):
        total += (f - p) ** 2
    return weight * total, 2 * weight * (F - P)


def gram_matrix(F: np.ndarray, normalize: bool = True) -> np.ndarray:
    """(N, C, C)."""
    N, C, H, W = F.shape
    gram = np.zeros((N, C, C))
    for n in range(N):
        for c in range(C):
            for d in range(C):
                gram[n, c, d] = np.dot(F[n, c].ravel().astype(np.float64), F[n, d].ravel().astype(np.float64))
    return gram / (C * H * W) if normalize else gram


def style_loss(
    feats: Sequence[np.ndarray], layers: Sequence[int], targets: Sequence[np.ndarray], weights: Sequence[float]
) -> tuple[float, dict[int, np.ndarray]]:
    """The loss, and its gradient with respect to the features of each style layer."""
    total, gradients = 0.0, {}
    for layer, target, weight in zip(layers, targets, weights):
        F = np.asarray(feats[layer], np.float64)
        _, C, H, W = F.shape
        difference = gram_matrix(F) - target
        total += weight * (difference**2).sum()
        both = difference + difference.transpose(0, 2, 1)  # G_cd depends on F_c and on F_d
        gradient = 2 * weight / (C * H * W) * np.einsum("ncd,ndhw->nchw", both, F)
        gradients[layer] = gradients.get(layer, 0) + gradient
    return total, gradients


def tv_loss(image: np.ndarray, weight: float) -> tuple[float, np.ndarray]:
    """The loss and its gradient with respect to the image."""
    image = np.asarray(image, np.float64)
    H, W = image.shape[2:]
    total, gradient = 0.0, np.zeros_like(image)
    for h in range(H):
        for w in range(W):
            for i, j in ((h + 1, w), (h, w + 1)):
                if i < H and j < W:
                    difference = image[:, :, i, j] - image[:, :, h, w]
                    total += (difference**2).sum()
                    gradient[:, :, i, j] += 2 * weight * difference
                    gradient[:, :, h, w] -= 2 * weight * difference
    return weight * total, gradient


def features(cnn: nn.Sequential, X: np.ndarray) -> list[np.ndarray]:
    """The output of each module."""
    walk = _Walk(RULES["plain"])
    with torch.no_grad():
        walk.module(cnn, torch.from_numpy(np.asarray(X, np.float64)), "")
    return [walk.outputs[str(i)].numpy() for i in range(len(cnn))]


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
        self.content_target = torch.from_numpy(features(cnn, content)[content_layer])
        shown = [torch.from_numpy(output) for output in features(cnn, style)]
        self.style_targets = [self.style_loss.gram_matrix(shown[layer]) for layer in style_layers]

    def losses(self, x: np.ndarray) -> dict[str, tuple[float, np.ndarray]]:
        """Each of the three losses at x, and its gradient with respect to the pixels."""
        walk = _Walk(RULES["plain"])
        image = torch.from_numpy(np.array(x, np.float64))
        with torch.no_grad():
            tensor, backs, outputs = image, [], []
            for name, module in self.cnn.named_children():
                tensor, back = walk.module(module, tensor, name)
                backs.append(back)
                outputs.append(tensor.clone().requires_grad_())
        image.requires_grad_()
        content = self.content_loss(self.content_weight, outputs[self.content_layer], self.content_target)
        style = self.style_loss(outputs, self.style_layers, self.style_targets, self.style_weights)
        tv = self.tv_loss(image, self.tv_weight)
        (d_content,) = torch.autograd.grad(content, outputs[self.content_layer])
        d_style = torch.autograd.grad(style, [outputs[layer] for layer in self.style_layers])
        (d_tv,) = torch.autograd.grad(tv, image)
        with torch.no_grad():
            return {
                "content": (content.item(), _pull(backs, {self.content_layer: d_content.numpy()})),
                "style": (style.item(), _pull(backs, {i: d.numpy() for i, d in zip(self.style_layers, d_style)})),
                "tv": (tv.item(), d_tv.numpy()),
            }

    def steps(
        self,
        count: int,
        learning_rate: float = 3.0,
        without: Sequence[str] = (),
        clears: bool = True,
        seen: Callable[[np.ndarray], np.ndarray] = np.copy,
    ) -> list[np.ndarray]:
        """The image at each of the first steps: [x_0, ..., x_count], each clamped to [-1.5, 1.5].

        without: losses that are left out. clears: else gradients add up from step to step.
        seen: what the network is shown for an image.
        """
        x = np.clip(self.content, -1.5, 1.5)
        m = v = total = 0.0
        images = [x]
        for t in range(1, count + 1):
            g = sum(gradient for name, (_, gradient) in self.losses(seen(x)).items() if name not in without)
            total = g if clears else total + g
            m, v = 0.9 * m + 0.1 * total, 0.999 * v + 0.001 * total**2
            x = x - learning_rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
            x = np.clip(x, -1.5, 1.5)
            images.append(x)
        return images


def _pull(backs: list[Back], gradients: dict[int, np.ndarray]) -> np.ndarray:
    """From gradients with respect to the outputs of some modules to that of the pixels."""
    gradient: Tensor | None = None
    for i in reversed(range(len(backs))):
        if i in gradients:
            own = torch.from_numpy(gradients[i])
            gradient = own if gradient is None else gradient + own
        if gradient is not None:
            gradient = backs[i](gradient)
    assert gradient is not None
    return gradient.numpy()
