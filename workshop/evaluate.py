"""Measure the embedded network: does it recognise, localise, draw its classes, and paint?

    python -m workshop.evaluate [--weights FILE] [--only recognition] [--out DIR]

Expect a table on the terminal and, under runs/evaluation, sheets of all class pictures and stylised pictures.
Recognition and localisation take three minutes on two cores, the class pictures ten, the style transfer four.

- recognition: top-1 accuracy over held-out renderings (other seeds, other backgrounds), and apart from that over
  drawings that were never trained on; over the pictures it gets right, the pointing game (Zhang et al. 2016: is the
  map's maximum on the object?) and the saliency's energy on the object in multiples of the object's share of the
  area (Wang et al. 2020). A network with random weights is measured beside it.
- classes: a second network, the judge (plain training, another seed, other pictures), names the picture that was
  made for each class.
- style: the judge's Gram matrices and features say how near the result came to the style and how far from the content.
"""

import argparse
import multiprocessing
import os
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torchvision.models import squeezenet1_1
from tqdm import tqdm

import pretrained
from figures import figure
from figures.figure import Row
from image_utils import deprocess, preprocess
from pretrained.settings import CLASS_VISUALIZATION, STYLE_PAIRS, StylePair
from pretrained.weights import EMBEDDED, build_network, read_weights
from style_modules import StyleLoss, make_losses
from style_utils import extract_features, style_transfer
from visualizers import ClassVisualization, GradCam, SaliencyMap
from workshop.glyphs import CLASS_NAMES, CLASSES
from workshop.render import Scene, scene

JUDGE = Path(__file__).with_name("judge.safetensors")
FIRST_SEED = 900_000_000  # far from the pools, whose seeds start at seed * 10,000,000
BATCH = 50
CPU = torch.device("cpu")


def read_network(path: Path) -> nn.Module:
    return build_network(read_weights(path), path, CPU)


def random_network(seed: int = 0) -> nn.Module:
    """SqueezeNet 1.1 as torchvision initialises it."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = squeezenet1_1(num_classes=len(CLASS_NAMES))
    return net.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def draw_held_out_scenes(count: int, drawings: str = "train") -> list[Scene]:
    """`count` scenes on held-out backgrounds, classes in turn; drawings "held out" leaves out classes without any."""
    labels = [i for i, name in enumerate(CLASS_NAMES) if drawings == "train" or CLASSES[name][1]]
    first = FIRST_SEED + (0 if drawings == "train" else 1_000_000)
    jobs = [(first + i, labels[i % len(labels)], drawings) for i in range(count)]
    with multiprocessing.Pool(os.cpu_count()) as pool:
        return pool.starmap(_draw_held_out_scene, jobs, chunksize=16)


def _draw_held_out_scene(seed: int, label: int, drawings: str) -> Scene:
    cv2.setNumThreads(1)
    return scene(seed, label, drawings=drawings, held_out_backgrounds=True)


def as_batch(scenes: list[Scene]) -> tuple[Tensor, Tensor, np.ndarray]:
    """Images (N, 3, H, W), ImageNet-normalised; labels (N,); masks bool (N, H, W)."""
    X = torch.cat([preprocess(Image.fromarray(s.picture)) for s in scenes])
    X = X.contiguous(memory_format=torch.channels_last)
    return X, torch.tensor([s.label for s in scenes]), np.stack([s.mask for s in scenes])


def accuracy(net: nn.Module, scenes: list[Scene]) -> float:
    right = 0
    for start in range(0, len(scenes), BATCH):
        X, y, _ = as_batch(scenes[start : start + BATCH])
        with torch.no_grad():
            right += (net(X).argmax(1) == y).sum().item()
    return right / len(scenes)


def localisation(net: nn.Module, scenes: list[Scene], only_right: bool = True) -> dict[str, float]:
    """The pointing game of three methods and the energy of the saliency, over the pictures that `net` gets right.

    only_right: otherwise over all pictures that the score of their class depends on, as a random network needs.
    """
    hits: dict[str, list[bool]] = {"saliency": [], "guided backprop": [], "Grad-CAM": []}
    energy, area = [], []
    for start in tqdm(range(0, len(scenes), BATCH), desc="maps", leave=False, disable=None):
        X, y, masks = as_batch(scenes[start : start + BATCH])
        with torch.no_grad():
            scores = net(X)
        counted = scores.argmax(1) == y if only_right else scores.gather(1, y[:, None])[:, 0] > 0
        X, y, masks = X[counted], y[counted], masks[counted.numpy()]
        saliency = SaliencyMap().compute_saliency_maps(X, y, net).numpy()
        guided = np.abs(GradCam().guided_backprop(X, y, net)).max(axis=3)
        cam = GradCam().grad_cam(X, y, net)
        for name, maps in zip(hits, (saliency, guided, cam), strict=True):
            flat = maps.reshape(len(maps), -1)
            hits[name] += np.take_along_axis(masks.reshape(len(maps), -1), flat.argmax(1)[:, None], 1)[:, 0].tolist()
        energy += (np.where(masks, saliency, 0).sum((1, 2)) / np.maximum(saliency.sum((1, 2)), 1e-30)).tolist()
        area += masks.mean((1, 2)).tolist()
    return {name: float(np.mean(hit)) for name, hit in hits.items()} | {
        "energy / area": float(np.mean(energy) / np.mean(area)),
        "pictures": len(area),
    }


def report_recognition(net: nn.Module, count: int) -> None:
    scenes, others = draw_held_out_scenes(count), draw_held_out_scenes(count // 2, "held out")
    print(f"top-1 over {count} held-out pictures: {accuracy(net, scenes):.3f}")
    print(f"top-1 over {len(others)} pictures of held-out drawings: {accuracy(net, others):.3f}")
    print("localisation, over the pictures it gets right:", _describe(localisation(net, scenes)))
    untrained = random_network()
    found = _describe(localisation(untrained, scenes, False))
    print(f"random network: top-1 {accuracy(untrained, scenes):.3f};", found)


def _describe(values: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.3f}" if value < 100 else f"{value:.0f} {name}" for name, value in values.items())


def report_classes(net: nn.Module, judge: nn.Module, out: Path) -> None:
    """Make each class's picture and let the judge name it."""
    settings = vars(CLASS_VISUALIZATION["embedded"])
    pictures, verdicts = [], []
    for target, name in enumerate(tqdm(CLASS_NAMES, desc="classes", leave=False, disable=None)):
        picture = ClassVisualization().create_class_visualization(
            target, CLASS_NAMES, net, generate_plots=False, **settings
        )
        with torch.no_grad():
            said = CLASS_NAMES[judge(preprocess(picture)).argmax().item()]
        pictures.append(np.asarray(picture))
        verdicts.append(name if said == name else f"{name} ({said})")
    named = sum("(" not in verdict for verdict in verdicts)
    figure.grid([Row(pictures, titles=verdicts)], out / "classes.png", columns=8)
    print(f"class pictures that the judge names: {named} of {len(CLASS_NAMES)} ({named / len(CLASS_NAMES):.2f})")


def report_style(net: nn.Module, judge: nn.Module, out: Path) -> None:
    """Gram distance to the style, relative to the content picture's; rank of the content among the sample scenes."""
    source = pretrained.load("embedded", "cpu")
    for pair in STYLE_PAIRS["embedded"]:
        content, style = (
            preprocess(Image.open(path).convert("RGB"), size)
            for path, size in (
                (source.content_images[pair.content], pair.image_size),
                (source.style_images[pair.style], pair.style_size),
            )
        )
        made, untrained = stylise(source, pair, net.features), stylise(source, pair, random_network().features)
        titles = ["content", "style", "result", "by a random network"]
        panels = [deprocess(x) for x in (content, style, made, untrained)]
        figure.grid([Row(panels, titles=titles)], out / f"style_{pair.name}.png", height=384)
        start, end, by_random = (_gram_distance(judge, x, style, pair.style_layers) for x in (content, made, untrained))
        scenes = torch.cat([preprocess(Image.fromarray(x), content.shape[2:]) for x in source.images])
        layer = judge.features[: pair.content_layer + 1]
        with torch.no_grad():
            to_content = (layer(made) - layer(content)).square().sum().item()
            to_scenes = (layer(made) - layer(scenes)).square().sum((1, 2, 3)).min().item()
        print(
            f"style {pair.name}: Gram distance {end / start:.3f} of the content picture's (random network "
            f"{by_random / start:.3f}); content features {to_content:.3g} from the content, {to_scenes:.3g} from the "
            "nearest scene"
        )


def stylise(source: pretrained.Pretrained, pair: StylePair, cnn: nn.Sequential) -> Tensor:
    """The result of a pair with the feature layers `cnn`: (1, 3, H, W), ImageNet-normalised."""
    arguments = vars(pair) | {
        "content_image": source.content_images[pair.content],
        "style_image": source.style_images[pair.style],
    }
    del arguments["content"], arguments["style"]
    return style_transfer(**arguments, **make_losses(), cnn=cnn, testing=True)


@torch.no_grad()
def _gram_distance(judge: nn.Module, x: Tensor, style: Tensor, layers: tuple[int, ...]) -> float:
    """sum over layers of ||G(x) - G(style)||^2 / ||G(style)||^2, so that every layer counts alike."""
    total = 0.0
    features, wanted = extract_features(x, judge.features), extract_features(style, judge.features)
    for layer in layers:
        G, A = StyleLoss().gram_matrix(features[layer]), StyleLoss().gram_matrix(wanted[layer])
        total += ((G - A).square().sum() / A.square().sum()).item()
    return total / len(layers)


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, default=EMBEDDED, help="network to measure (default: the shipped one)")
    parser.add_argument("--only", choices=["recognition", "classes", "style"], help="one part alone")
    parser.add_argument("--count", type=int, default=1200, help="held-out pictures (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("runs/evaluation"), help="folder for sheets")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    net = read_network(args.weights)
    if args.only in (None, "recognition"):
        report_recognition(net, args.count)
    if args.only in (None, "classes"):
        report_classes(net, read_network(JUDGE), args.out)
    if args.only in (None, "style"):
        report_style(net, read_network(JUDGE), args.out)


if __name__ == "__main__":
    main()
