"""Networks for tests, built by name and numbers alone, so that another process can build the very same one."""

from copy import deepcopy
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def build(name: str, dtype: str = "float32", channels_last: bool = False, **settings: int) -> nn.Module:
    """The network of this name, in eval mode, with frozen parameters, on the CPU.

    name, settings:
        "embedded": the SqueezeNet that this repository ships.
        "squeezenet": SqueezeNet 1.1 with random weights; seed, classes.
        "linear": one linear layer on all pixels; height, width, seed, classes.
        "tiny": 13 feature modules, then the mean of each channel and a linear layer; seed, classes.
        "deep": "tiny" with two more convolutions after the features: their pixels do not all count alike.
        "positive": "tiny" with no negative weight but in the classes 1 (all zero: it is dead) and 2 (all negative).
        "functional": calls its ReLUs in every way there is, most of them not as modules; seed, classes.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.pop("seed", 0))
        model = _MAKERS[name](**settings)
    model = model.to(getattr(torch, dtype)).eval().requires_grad_(False)
    return model.to(memory_format=torch.channels_last) if channels_last else model


def _embedded() -> nn.Module:
    return deepcopy(_embedded_once())


@cache
def _embedded_once() -> nn.Module:
    from torchvision.models import squeezenet1_1

    from pretrained.weights import EMBEDDED, read_weights

    state = {name: value.float() for name, value in read_weights(EMBEDDED).items()}
    with torch.device("meta"):
        model = squeezenet1_1(num_classes=len(state["classifier.1.bias"]))
    model.load_state_dict(state, assign=True)
    return model


def _squeezenet(classes: int = 10) -> nn.Module:
    from torchvision.models import squeezenet1_1

    model = squeezenet1_1(num_classes=classes)
    nn.init.constant_(model.classifier[1].bias, 0.25)  # else the last ReLU leaves many classes dead
    return model


def _linear(height: int, width: int, classes: int = 5) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * height * width, classes))


class Tiny(nn.Module):
    """`features` ends with a convolution at index 12; a class's score is linear in the mean of each channel."""

    def __init__(self, classes: int = 5) -> None:
        super().__init__()
        modules: list[nn.Module] = [nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(inplace=True)]
        for stride in (2, 1, 2, 1, 1):
            modules += [nn.Conv2d(6, 6, 3, stride, padding=1), nn.ReLU(inplace=True)]
        self.features = nn.Sequential(*modules, nn.Conv2d(6, 6, 3, padding=1))
        self.classifier = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, classes))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x))


def _deep(classes: int = 5) -> nn.Module:
    model = Tiny(classes)
    model.classifier = nn.Sequential(
        nn.Conv2d(6, 12, 3), nn.ReLU(inplace=True), nn.Conv2d(12, classes, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    return model


def _positive(classes: int = 5) -> nn.Module:
    model = Tiny(classes)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.abs_()
        head = model.classifier[2].weight
        head[1] = 0
        head[2] = -head[2]
    return model


class Functional(nn.Module):
    """One module used twice, and ReLUs that are called as functions and methods, in place or not."""

    def __init__(self, classes: int = 5) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(nn.Conv2d(3 if i == 0 else 6, 6, 3, padding=1) for i in range(7))
        self.relu = nn.ReLU()
        self.head = nn.Linear(6, classes)

    def forward(self, x: Tensor) -> Tensor:
        ways = [
            self.relu,
            F.relu,
            torch.relu,
            Tensor.relu,
            lambda x: x.relu_(),
            self.relu,
            lambda x: F.relu(input=x, inplace=True),
        ]
        for convolution, relu in zip(self.convolutions, ways):
            x = relu(convolution(x))
        return self.head(x.mean(dim=(2, 3)))


_MAKERS = {
    "embedded": _embedded,
    "squeezenet": _squeezenet,
    "linear": _linear,
    "tiny": Tiny,
    "deep": _deep,
    "positive": _positive,
    "functional": Functional,
}
