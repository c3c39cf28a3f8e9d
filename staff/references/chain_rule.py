"""The chain rule, slowly: float64, by hand, and nothing of the student modules.

Arrays in, arrays out. A network is one of torchvision's SqueezeNets, or an nn.Sequential or Tiny made of the same kinds
of modules. What is not known here is refused.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.squeezenet import Fire, SqueezeNet

from tests import sentences
from tests.networks import Tiny

MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])

Back = Callable[[Tensor], Tensor]  # from the gradient of a module's output to that of its input
Rule = Callable[[Tensor, Tensor], Tensor]  # of a ReLU: from its input and the gradient of its output

RULES: dict[str, Rule] = {
    "plain": lambda x, g: g * (x > 0),
    "guided": lambda x, g: g * (x > 0) * (g > 0),
    "deconvnet": lambda x, g: g * (g > 0),
}

IN_LINE = (nn.Sequential, SqueezeNet, Tiny)  # have their modules work one after the other
KINDS = (*IN_LINE, Fire, nn.AdaptiveAvgPool2d, nn.Conv2d, nn.Dropout, nn.Flatten, nn.Linear, nn.MaxPool2d, nn.ReLU)


@dataclass
class Pass:
    """A way through a network and back: outputs and their gradients by the dotted names of the modules."""

    scores: np.ndarray  # (N, K)
    gradient: np.ndarray  # of the pixels (N, 3, H, W)
    outputs: dict[str, np.ndarray]
    gradients: dict[str, np.ndarray]


def through(model: nn.Module, X: np.ndarray, upstream: Callable[[np.ndarray], np.ndarray], rule: str = "plain") -> Pass:
    """Forward, then backward from upstream(scores) (N, K), with this rule at every ReLU."""
    with torch.no_grad():
        walk, scores, back = _go(model, X, rule)
        scores = scores.flatten(1)
        gradient = back(torch.from_numpy(np.asarray(upstream(scores.numpy()), np.float64)))
    outputs, gradients = ({k: v.numpy() for k, v in kept.items()} for kept in (walk.outputs, walk.gradients))
    return Pass(scores.numpy(), gradient.numpy(), outputs, gradients)


def scores(model: nn.Module, X: np.ndarray) -> np.ndarray:
    """(N, K), without a way back."""
    with torch.no_grad():
        return _go(model, X)[1].flatten(1).numpy()


def features(cnn: nn.Sequential, X: np.ndarray) -> list[np.ndarray]:
    """The output of each module."""
    with torch.no_grad():
        outputs = _go(cnn, X)[0].outputs
    return [outputs[str(i)].numpy() for i in range(len(cnn))]


def _go(model: nn.Module, X: np.ndarray, rule: str = "plain") -> tuple["Walk", Tensor, Back]:
    walk = Walk(RULES[rule])
    return walk, *walk.walk(model, torch.from_numpy(np.asarray(X, np.float64)), "")


# --- what is asked for: the gradient of the scores (N, K) ---


def one_hot(y: Sequence[int] | np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """The upstream gradient that asks for the score of each image's class y."""
    return lambda scores: np.eye(scores.shape[1])[np.asarray(y)]


def predict(scores: np.ndarray) -> np.ndarray:
    """The upstream gradient that asks for the score of the network's own class."""
    return np.eye(scores.shape[1])[scores.argmax(1)]


def softmax(scores: np.ndarray) -> np.ndarray:
    exponentials = np.exp(scores - scores.max(1, keepdims=True))
    return exponentials / exponentials.sum(1, keepdims=True)


def ask_wrongly(y: Sequence[int] | np.ndarray) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Return the usual mistakes in asking for the scores of the classes y, and under "" the right way."""
    own = one_hot(y)
    ways = {
        "": own,
        "the gradient of all scores together: pick that of the class that is asked for.": np.ones_like,
        sentences.PREDICTED_CLASS: predict,
        sentences.OF_PROBABILITY: lambda s: probability_slope(
            s, y
        ),
        "the classes of all images are asked for each image: pick its own, scores[range(N), y].": lambda s: (
            np.ones_like(s) * own(s).max(0)
        ),
    }
    for mean, count in (("", 1), (", and of its mean", len(y))):
        for turned, sign in (("", 1), (", turned around", -1)):
            sentence = f"the gradient is that of a cross-entropy loss{mean}{turned}: take that of the score itself."
            ways[sentence] = lambda s, scale=sign / count: scale * (softmax(s) - own(s))
    return ways


def ask_rarely(y: Sequence[int] | np.ndarray) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Return rarer mistakes of that kind."""
    mean = "the gradient is divided by the number of images: add the scores up, without a mean."
    ways: dict[str, Callable[[np.ndarray], np.ndarray]] = {mean: lambda scores: one_hot(y)(scores) / len(y)}
    weighed = "the gradient is multiplied by the score (is that handed to backward?): hand over ones, or their sum."
    ways[weighed] = lambda scores: one_hot(y)(scores) * scores
    taken = np.bincount(np.asarray(y)).astype(float)
    ways["take(y) counts through the scores of all images, and finds those of the first: gather(1, y[:, None])."] = (
        lambda s: np.eye(len(s), 1) * np.pad(taken, (0, s.shape[1] - len(taken)))
    )
    for sentence in other_classes(y, 1):
        ways[sentence] = lambda scores, sentence=sentence: one_hot(other_classes(y, scores.shape[1])[sentence])(scores)
    return ways


def other_classes(y: Sequence[int] | np.ndarray, count: int) -> dict[str, np.ndarray]:
    """Return classes, of so many, that are rarely asked for in place of y."""
    own = np.asarray(y)
    steps = {"after": 1, "before": -1}
    return {sentences.FIRST_CLASS: np.full(len(own), own[0])} | {
        f"the class {word} the one that was asked for is taken: y is its number as it is.": (own + step) % count
        for word, step in steps.items()
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

    def walk(self, module: nn.Module, x: Tensor, name: str) -> tuple[Tensor, Back]:
        output, back = self._dispatch(module, x, name)
        self.outputs[name] = output.clone()

        def note(gradient: Tensor) -> Tensor:
            self.gradients[name] = gradient.reshape(output.shape).clone()
            return back(self.gradients[name])

        return output, note

    def _dispatch(self, module: nn.Module, x: Tensor, name: str) -> tuple[Tensor, Back]:
        """By its very kind: a class made from one of these may do something else."""
        if type(module) not in KINDS:
            kind = type(module).__name__
            raise TypeError(f"expected a kind of module that SqueezeNet has, got {kind} at {name!r}: add its rule here")
        if isinstance(module, nn.Dropout) and module.training:
            raise ValueError(f"expected a network in eval mode, got training mode at {name!r}: call eval()")
        match module:
            case nn.Conv2d(padding=(int(), int()), dilation=(1, 1), groups=1, padding_mode="zeros"):
                weight, bias = _parameters(module)
                y = F.conv2d(x, weight, bias, module.stride, module.padding)
                return y, lambda g: torch.nn.grad.conv2d_input(x.shape, weight, g, module.stride, module.padding)
            case nn.MaxPool2d(padding=0 | (0, 0), dilation=1 | (1, 1), return_indices=False):
                return _max_pool(module, x)
            case nn.AdaptiveAvgPool2d(output_size=1 | (1, 1)):
                count = x.shape[2] * x.shape[3]
                return x.sum(dim=(2, 3), keepdim=True) / count, lambda g: (g / count).expand(x.shape)
            case nn.Linear():
                weight, bias = _parameters(module)
                return F.linear(x, weight, bias), lambda g: g @ weight
            case nn.Flatten(start_dim=1, end_dim=-1):
                return x.flatten(1), lambda g: g.reshape(x.shape)
            case nn.ReLU():
                return x * (x > 0), lambda g: self.rule(x, g)
            case nn.Dropout():
                return x, lambda g: g
            case Fire():
                return self._fire(module, x, name)
            case _ if type(module) in IN_LINE:
                return self._in_line(self.children(module), x, name)
        raise ValueError(f"expected settings that SqueezeNet has, got {module} at {name!r}: add its rule here")

    @staticmethod
    def children(module: nn.Module) -> dict[str, nn.Module]:
        """By name. One that stands in two places has two names."""
        every = module.named_modules(remove_duplicate=False)
        return {name: child for name, child in every if name and "." not in name}

    def _in_line(self, modules: Mapping[str, nn.Module], x: Tensor, name: str) -> tuple[Tensor, Back]:
        """One after the other."""
        backs = []
        for own_name, module in modules.items():
            x, back = self.walk(module, x, f"{name}.{own_name}".lstrip("."))
            backs.append(back)
        return x, lambda g: reduce(lambda gradient, back: back(gradient), reversed(backs), g)

    def _fire(self, fire: Fire, x: Tensor, name: str) -> tuple[Tensor, Back]:
        squeezed, squeeze_back = self._activate(fire, "squeeze", x, name)
        one, one_back = self._activate(fire, "expand1x1", squeezed, name)
        three, three_back = self._activate(fire, "expand3x3", squeezed, name)
        cut = one.shape[1]
        return (
            torch.cat([one, three], dim=1),
            lambda g: squeeze_back(one_back(g[:, :cut]) + three_back(g[:, cut:])),
        )

    def _activate(self, fire: Fire, convolution: str, x: Tensor, name: str) -> tuple[Tensor, Back]:
        """One of its convolutions, and the ReLU behind it."""
        own = self.children(fire)
        return self._in_line({each: own[each] for each in (convolution, f"{convolution}_activation")}, x, name)


def _parameters(module: nn.Conv2d | nn.Linear) -> tuple[Tensor, Tensor | None]:
    return module.weight.double(), None if module.bias is None else module.bias.double()


def _max_pool(module: nn.MaxPool2d, x: Tensor) -> tuple[Tensor, Back]:
    window = {"kernel_size": module.kernel_size, "stride": module.stride, "ceil_mode": module.ceil_mode}
    y, index = F.max_pool2d(x, **window, return_indices=True)
    index = index.flatten(2)
    return y, lambda g: torch.zeros_like(x).flatten(2).scatter_add_(2, index, g.flatten(2)).reshape(x.shape)
