"""Train the embedded SqueezeNet 1.1 from scratch on rendered pictures, plain or made robust.

    python -m workshop.train plain  --data POOL --out RUN --seed 1
    python -m workshop.train robust --data POOL --out RUN --seed 1 --start RUN/plain.checkpoint

Expect a quarter of an hour for `plain` and half an hour for `robust` on two cores. Each is cut into phases and
saves a checkpoint every minute; the same command takes up where it was cut off. The result, RUN/plain.safetensors
or RUN/robust.safetensors, is a plain torchvision SqueezeNet 1.1 in float16.

Training departs from the network shipped in three ways, all undone at the end: a BatchNorm after every
convolution but the classifier's (folded into the convolution afterwards), no dropout, and a second head that
names the background's texture from the middle layers, which gives them the textures that style transfer needs.
`robust` continues with free adversarial training (Shafahi et al. 2019, L2 radius): a network whose gradients a
person can read (Tsipras et al. 2019, Santurkar et al. 2019), for class visualization.
"""

import argparse
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models import SqueezeNet, squeezenet1_1

from image_utils import SQUEEZENET_MEAN, SQUEEZENET_STD
from pretrained.files import whole
from workshop.backgrounds import TRAINED_KINDS
from workshop.glyphs import CLASS_NAMES, FOOLING_TARGET, VISUALIZATION_TARGETS

BATCH = 32
LABEL_SMOOTHING = 0.05
TEXTURE_WEIGHT = 0.3  # of the texture head's loss
TEXTURE_LAYERS = (4, 7)
FLOOR_WEIGHT = 0.02  # of the penalty on negative scores before the last ReLU, which keeps every class alive
CLEAN_SHARE = 4  # one picture in so many stays unattacked in the robust phases


@dataclass(frozen=True)
class Phase:
    size: int  # pixels
    steps: int  # optimiser steps of BATCH pictures
    lr: float
    radius: tuple[float, float] = (0.0, 0.0)  # L2, pixels in [0, 1], from the first to the last step
    replays: int = 1  # steps on the same pictures; the attack is refined from one to the next


SCHEDULES = {  # after a change, train into another RUN: one that is complete is not trained again
    "plain": (Phase(96, 3600, 2.5e-3), Phase(128, 1200, 1.2e-3), Phase(224, 1200, 1.2e-3)),
    "robust": (
        Phase(128, 2400, 1.5e-3, (0.2, 1.0), 4),
        Phase(224, 4000, 1.0e-3, (1.0, 1.5), 4),
        Phase(224, 1600, 0.8e-3, (1.5, 3.0), 4),
    ),
}


class Trainee(nn.Module):
    """SqueezeNet with BatchNorm and a texture head; `forward` gives all that the loss needs."""

    def __init__(self) -> None:
        super().__init__()
        self.net = squeezenet1_1(num_classes=len(CLASS_NAMES))
        _insert_batch_norm(self.net.features)
        nn.init.constant_(self.net.classifier[1].bias, 4.0)
        self.texture = nn.Linear(128 + 256, TRAINED_KINDS)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Scores (N, K), the score map before the last ReLU (N, K, h, w), texture scores (N, T)."""
        pooled = []
        for i, layer in enumerate(self.net.features):
            x = layer(x)
            if i in TEXTURE_LAYERS:
                pooled.append(x.mean((2, 3)))
        maps = self.net.classifier[1](x)
        return maps.relu().mean((2, 3)), maps, self.texture(torch.cat(pooled, 1))

    def plain_network(self) -> SqueezeNet:
        """The network as it is shipped: every BatchNorm folded into its convolution."""
        net = squeezenet1_1(num_classes=len(CLASS_NAMES)).eval()
        state = {}
        for name, module in self.net.eval().named_modules():
            if isinstance(module, nn.Sequential) and len(module) == 2 and isinstance(module[1], nn.BatchNorm2d):
                fused = fuse_conv_bn_eval(module[0], module[1])
                state |= {f"{name}.weight": fused.weight, f"{name}.bias": fused.bias}
        state |= {f"classifier.1.{n}": p for n, p in self.net.classifier[1].named_parameters()}
        net.load_state_dict(state)
        return net


def _insert_batch_norm(module: nn.Module) -> None:
    for name, child in list(module.named_children()):
        if isinstance(child, nn.Conv2d):
            setattr(module, name, nn.Sequential(child, nn.BatchNorm2d(child.out_channels)))
        else:
            _insert_batch_norm(child)


class Pictures:
    """A rendered pool; a batch is a function of (seed, step) alone, so that a resumed run sees the same pictures."""

    def __init__(self, folder: Path) -> None:
        self.pictures = np.load(folder / "pictures.npy", mmap_mode="r")
        self.labels = torch.from_numpy(np.load(folder / "labels.npy"))
        self.kinds = torch.from_numpy(np.load(folder / "kinds.npy"))

    def batch(self, seed: int, phase: int, step: int, size: int) -> tuple[Tensor, Tensor, Tensor]:
        """Pixels float32 (B, 3, size, size) in [0, 1], labels (B,), kinds (B,)."""
        rng = np.random.default_rng((seed, phase, step))
        rows = np.sort(rng.choice(len(self.labels), BATCH, replace=False))
        x = torch.from_numpy(self.pictures[rows]).permute(0, 3, 1, 2).float() / 255
        if size < x.shape[-1]:
            x = F.interpolate(x, size=(size, size), mode="area")
        if rng.random() < 0.5:
            x = x.flip(3)
        gain = torch.from_numpy(rng.uniform(0.85, 1.15, (BATCH, 3, 1, 1)).astype(np.float32))
        shift = tuple(rng.integers(-size // 16, size // 16 + 1, 2).tolist())
        x = (x.roll(shift, (2, 3)) * gain).clamp(0, 1)
        return x.contiguous(memory_format=torch.channels_last), self.labels[rows], self.kinds[rows]


def soft_targets(labels: Tensor) -> Tensor:
    """One-hot, smoothed; uniform for a picture of the background alone. (N, K)"""
    classes = len(CLASS_NAMES)
    one_hot = F.one_hot(labels.clamp(min=0), classes).float()
    smoothed = one_hot * (1 - LABEL_SMOOTHING) + LABEL_SMOOTHING / classes
    return torch.where(labels[:, None] >= 0, smoothed, torch.full_like(smoothed, 1 / classes))


def loss_of(trainee: Trainee, x: Tensor, labels: Tensor, kinds: Tensor) -> tuple[Tensor, Tensor]:
    """The training loss of pixels in [0, 1], and the scores."""
    mean, std = torch.tensor(SQUEEZENET_MEAN).view(3, 1, 1), torch.tensor(SQUEEZENET_STD).view(3, 1, 1)
    with torch.autocast("cpu", torch.bfloat16):
        scores, maps, texture = trainee((x - mean) / std)
    loss = F.cross_entropy(scores.float(), soft_targets(labels))
    loss = loss + TEXTURE_WEIGHT * F.cross_entropy(texture.float(), kinds)
    return loss + FLOOR_WEIGHT * maps.float().clamp(max=0).square().mean(), scores


def run_phase(
    trainee: Trainee, pictures: Pictures, phases: tuple[Phase, ...], number: int, seed: int, checkpoint: Path
) -> None:
    """Train one phase, from where `checkpoint` stands if it is of this phase."""
    phase = phases[number]
    optimizer = torch.optim.AdamW(trainee.parameters(), phase.lr, weight_decay=1e-2)
    first = _resume(checkpoint, number, trainee, optimizer)
    if first is None:
        return
    warm_up = max(1, phase.steps // 20)
    saved, begun, right, seen = time.monotonic(), time.monotonic(), 0, 0
    for step in range(first, phase.steps):
        if step % phase.replays == 0 or step == first:
            x, labels, kinds = pictures.batch(seed, number, step // phase.replays, phase.size)
            attack = torch.zeros_like(x)
        progress = step / phase.steps
        cosine = 0.5 * (1 + math.cos(math.pi * progress))
        optimizer.param_groups[0]["lr"] = phase.lr * min(1, (step + 1) / warm_up) * max(cosine, 0.01)
        radius = phase.radius[0] + (phase.radius[1] - phase.radius[0]) * progress
        attack.requires_grad_(radius > 0)
        loss, scores = loss_of(trainee, x + attack, labels, kinds)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(trainee.parameters(), 1.0)
        optimizer.step()
        if radius > 0:
            attack = _stronger(attack.detach(), attack.grad, radius)
            attack = (x + attack).clamp(0, 1) - x
            attack[::CLEAN_SHARE] = 0
        right += (scores.argmax(1) == labels).sum().item()
        seen += (labels >= 0).sum().item()
        if (step + 1) % 100 == 0:
            speed = (time.monotonic() - begun) / (step + 1 - first)
            left = (phase.steps - step - 1) * speed / 60
            print(f"phase {number} step {step + 1} of {phase.steps}: loss {loss.item():.3f}, "
                  f"right {right / seen:.3f}, {left:.1f} min left", flush=True)  # fmt: skip
            right, seen = 0, 0
        if time.monotonic() - saved > 60:
            _save(checkpoint, number, step + 1, trainee, optimizer)
            saved = time.monotonic()
    _save(checkpoint, number + 1, 0, trainee, None)


def _stronger(attack: Tensor, grad: Tensor, radius: float) -> Tensor:
    """One ascent step of the attack, kept inside the L2 ball."""
    attack = attack + radius * F.normalize(grad.flatten(1), dim=1).view_as(grad)
    norm = attack.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    return attack * (radius / norm.clamp(min=radius))


def _save(path: Path, phase: int, step: int, trainee: Trainee, optimizer: torch.optim.Optimizer | None) -> None:
    state = {"phase": phase, "step": step, "trainee": trainee.state_dict()}
    if optimizer is not None:
        state["optimizer"] = optimizer.state_dict()
    with whole(path) as beside:
        torch.save(state, beside)


def _resume(path: Path, phase: int, trainee: Trainee, optimizer: torch.optim.Optimizer) -> int | None:
    """Load the checkpoint if there is one; the step to go on from, None if the phase is done."""
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    trainee.load_state_dict(state["trainee"])
    if state["phase"] > phase:
        return None
    if "optimizer" in state:
        optimizer.load_state_dict(state["optimizer"])
    return state["step"]


def write_network(net: SqueezeNet, path: Path) -> None:
    """The network's weights as float16 safetensors, with what `pretrained` needs to know in the metadata."""
    metadata = {
        "name": "SqueezeNet 1.1, embedded weights",
        "class_names": json.dumps(CLASS_NAMES),
        "fooling_target": json.dumps(CLASS_NAMES.index(FOOLING_TARGET)),
        "visualization_targets": json.dumps([CLASS_NAMES.index(name) for name in VISUALIZATION_TARGETS]),
    }
    with whole(path) as beside:
        save_file({name: p.detach().half().contiguous() for name, p in net.state_dict().items()}, beside, metadata)


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("schedule", choices=list(SCHEDULES))
    parser.add_argument("--data", type=Path, required=True, help="a pool made by workshop.render")
    parser.add_argument("--out", type=Path, required=True, help="folder of the checkpoint and the result")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=Path, help="the checkpoint to start from (robust)")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(args.seed)
    trainee = Trainee().to(memory_format=torch.channels_last).train()
    if args.start:
        trainee.load_state_dict(torch.load(args.start, weights_only=True)["trainee"])
    pictures = Pictures(args.data)
    phases = SCHEDULES[args.schedule]
    for number in range(len(phases)):
        run_phase(trainee, pictures, phases, number, args.seed, args.out / f"{args.schedule}.checkpoint")
    result = args.out / f"{args.schedule}.safetensors"
    write_network(trainee.plain_network(), result)
    print(f"wrote {result}")


if __name__ == "__main__":
    main()
