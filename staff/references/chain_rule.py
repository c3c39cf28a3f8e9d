"""The chain rule, slowly: float64, by hand, and nothing of the student modules.

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
    walk = Walk(RULES[rule])
    with torch.no_grad():
        scores, back = walk.module(_children(model), torch.from_numpy(np.asarray(X, np.float64)), "")
        scores = scores.flatten(1)
        gradient = back(torch.from_numpy(np.asarray(upstream(scores.numpy()), np.float64)))
    outputs, gradients = ({k: v.numpy() for k, v in kept.items()} for kept in (walk.outputs, walk.gradients))
    return Pass(scores.numpy(), gradient.numpy(), outputs, gradients)


def scores(model: nn.Module, X: np.ndarray) -> np.ndarray:
    return through(model, X, np.zeros_like).scores


def features(cnn: nn.Sequential, X: np.ndarray) -> list[np.ndarray]:
    """The output of each module."""
    walk = Walk(RULES["plain"])
    with torch.no_grad():
        walk.module(cnn, torch.from_numpy(np.asarray(X, np.float64)), "")
    return [walk.outputs[str(i)].numpy() for i in range(len(cnn))]


def of_all(model: nn.Module, X: np.ndarray) -> np.ndarray:
    return through(model, X, np.ones_like).gradient


# --- what is asked for: the gradient of the scores (N, K) ---


def one_hot(y: Sequence[int] | np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """The upstream gradient that asks for the score of each image's class y."""
    return lambda scores: np.eye(scores.shape[1])[np.asarray(y)]


def predicted(scores: np.ndarray) -> np.ndarray:
    return np.eye(scores.shape[1])[scores.argmax(1)]


def softmax(scores: np.ndarray) -> np.ndarray:
    exponentials = np.exp(scores - scores.max(1, keepdims=True))
    return exponentials / exponentials.sum(1, keepdims=True)


def asked_wrongly(y: Sequence[int] | np.ndarray) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """The usual mistakes in asking for the scores of the classes y, and under "" the right way."""
    own, count = one_hot(y), len(y)

    def all_labels(scores: np.ndarray) -> np.ndarray:
        return np.ones_like(scores) * own(scores).max(0)

    return {
        "": own,
        "the gradient of all scores together: pick that of the class that is asked for.": np.ones_like,
        "the class that the network predicts was taken, not the one that was asked for.": predicted,
        "the gradient is that of a cross-entropy loss: take that of the score itself.": lambda s: softmax(s) - own(s),
        "the gradient is that of a cross-entropy loss, and of its mean: take that of the score itself.": lambda s: (
            (softmax(s) - own(s)) / count
        ),
        "the gradient is that of a cross-entropy loss, turned around: take that of the score itself.": lambda s: (
            own(s) - softmax(s)
        ),
        "the gradient is that of a cross-entropy loss, and of its mean, turned around: take the score's.": lambda s: (
            (own(s) - softmax(s)) / count
        ),
        "the gradient is that of the probability (after softmax): take that of the score.": lambda s: probability_slope(
            s, y
        ),
        "the labels of all images are marked for each: mark each image's own, scores[range(N), y].": all_labels,
    }


def asked_strangely(y: Sequence[int] | np.ndarray) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Rarer mistakes of that kind."""
    own, count = one_hot(y), len(y)
    return {
        "the gradient is divided by the number of images: add the scores up, without a mean.": lambda s: own(s) / count,
        "the sign of the scores is turned.": lambda s: -own(s),
        "the score is squared: take its own gradient.": lambda s: 2 * s * own(s),
        "the score's logarithm is taken: take its own gradient.": lambda s: own(s) / np.where(s == 0, np.inf, s),
        "the next class is taken instead of the one that is asked for.": lambda s: np.roll(own(s), 1, axis=1),
        "the class before is taken instead of the one that is asked for.": lambda s: np.roll(own(s), -1, axis=1),
        "the first class is taken: pick the one that is asked for.": one_hot(np.zeros_like(y)),
        "the first image's class is taken for all: each has its own.": lambda s: np.ones_like(s) * own(s)[:1],
        "the last image's class is taken for all: each has its own.": lambda s: np.ones_like(s) * own(s)[-1:],
        "the lowest score is taken, not the one that was asked for.": lambda s: np.eye(s.shape[1])[s.argmin(1)],
    }


def probability_slope(scores: np.ndarray, y: Sequence[int] | np.ndarray) -> np.ndarray:
    p, own = softmax(scores), one_hot(y)(scores)
    return (p * own).sum(1, keepdims=True) * (own - p)


# --- the way there and back ---


class Walk:
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
