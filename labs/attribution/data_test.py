"""The small networks of the data test: two that have learnt true labels, one that has learnt permuted ones by heart.

    python -m labs.attribution.data_test      trains them and writes data_test.safetensors, in two minutes

Adebayo et al. 2018 (https://arxiv.org/abs/1810.03292), section 4: a method that explains what a network has learnt
must give other maps for a network that could learn nothing but the pictures themselves: more so than for one that has
learnt the same labels from another start. `sanity_checks` uses them.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

import pretrained
from figures import script
from labs import lab
from labs.composed import Composed, compose

WEIGHTS = Path(__file__).with_name("data_test.safetensors")
AGAIN = "true, again"  # from another start
STARTS = {"true": 0, "permuted": 0, AGAIN: 1}  # seeds, by the labels that are learnt
LAYER = "6"  # that Grad-CAM reads: the last convolution
SIZE, COUNT, CLASSES = 64, 600, 24
SEED, EPOCHS, BATCH = 0, 60, 50
Loss = Callable[[Tensor, Tensor], Tensor]


def network() -> nn.Sequential:
    """Three convolutions and two linear layers, as in the paper; scores (N, CLASSES) of images (N, 3, SIZE, SIZE)."""
    return nn.Sequential(
        nn.Conv2d(3, 16, 5, stride=2, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(),
        nn.Flatten(), nn.Linear(64 * 8 * 8, 32), nn.ReLU(), nn.Linear(32, CLASSES),
    )  # fmt: skip


def pictures(scenes: pretrained.Pretrained) -> Composed:
    """The pictures that all are trained on."""
    return compose(scenes, COUNT, SIZE, SEED)


def labels(composed: Composed, which: str) -> np.ndarray:
    """The true labels, or the same in another order, so that they say nothing about the pictures."""
    if which != "permuted":
        return composed.labels
    return np.random.default_rng(SEED).permutation(composed.labels)


def train(
    X: Tensor, y: Tensor, epochs: int = EPOCHS, name: str = "", seed: int = SEED, loss_of: Loss = F.cross_entropy
) -> nn.Sequential:
    """A network trained on X (N, 3, SIZE, SIZE) and y (N,), with Adam; the same for the same seed.

    loss_of: of scores (N, K) and labels (N,), a scalar.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = network().to(X.device)
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in lab.progress(range(epochs), name):
        for rows in torch.randperm(len(X), generator=generator).split(BATCH):
            loss = loss_of(model(X[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model.eval().requires_grad_(False)


def load() -> dict[str, nn.Sequential]:
    """The networks, by the labels that they have learnt."""
    weights = load_file(WEIGHTS)
    models = {}
    for which in STARTS:
        model = network()
        model.load_state_dict({name: weights[f"{which}.{name}"].float() for name in model.state_dict()})
        models[which] = model.eval().requires_grad_(False)
    return models


def accuracy(model: nn.Module, X: Tensor, y: Tensor) -> float:
    return float((lab.predict(model, X, len(X)).argmax(dim=1) == y).double().mean())


def main() -> None:
    scenes = pretrained.load("embedded", "cpu")
    composed = pictures(scenes)
    X = lab.as_batch(composed.images, scenes)
    weights: dict[str, Tensor] = {}
    for which, seed in STARTS.items():
        y = torch.from_numpy(labels(composed, which))
        model = train(X, y, name=which, seed=seed)
        print(f"{which} labels: {accuracy(model, X, y):.1%} of {len(X)} pictures learnt")
        weights |= {f"{which}.{name}": value.half() for name, value in model.state_dict().items()}
    save_file(weights, WEIGHTS)
    print(f"wrote {WEIGHTS.name}, {WEIGHTS.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    script.run(main)
