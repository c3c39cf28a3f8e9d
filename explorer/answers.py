"""What a student's methods say of one picture: this runs in the worker, and keeps what the network made of the picture.

Each question gets the network's key and the picture, uint8 (H, W, 3), and yields one answer: a map and the notes that
came with it. One forward pass keeps every layer's output; whoever asks for a layer afterwards goes on from there.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from explorer import networks
from explorer.worker import Page, Problem, noting
from image_utils import preprocess
from pretrained import Pretrained

KEPT = 4  # pictures whose activations are kept

Answer = Iterator[tuple[np.ndarray, list[str]]]


def as_batch(picture: np.ndarray, source: Pretrained) -> Tensor:
    """A picture, uint8 (H, W, 3), as the network wants it: (1, 3, H, W), ImageNet-normalised, on its device."""
    return preprocess(Image.fromarray(picture), picture.shape[:2]).to(source.device)


@dataclass
class Look:
    """A picture that a network has looked at once: its scores (K,), and each layer's output (1, C, h, w)."""

    source: Pretrained
    X: Tensor
    scores: Tensor
    outputs: dict[str, Tensor]

    @property
    def model(self) -> nn.Module:
        return self.source.model

    def label(self, target: int) -> Tensor:
        return torch.tensor([target], device=self.X.device)


_looks: OrderedDict[tuple[str, str, str], Look] = OrderedDict()


def look(network: str, picture: np.ndarray, device: str) -> Look:
    """The one forward pass of this picture, made now or before."""
    key = (network, device, hashlib.sha256(picture.tobytes() + str(picture.shape).encode()).hexdigest())
    if key not in _looks:
        source = networks.load(network, device)
        X = as_batch(picture, source)
        with torch.no_grad(), _kept(source.model, networks.layers(source)) as outputs:
            scores = source.model(X)[0]
        _looks[key] = Look(source, X, scores, outputs)
        while len(_looks) > KEPT:
            _looks.popitem(last=False)
    _looks.move_to_end(key)
    return _looks[key]


# --- questions of view 1 ---


def scores(network: str, picture: np.ndarray, device: str, **_: Any) -> Iterator[np.ndarray]:
    """The network's scores, (K,)."""
    yield look(network, picture, device).scores.cpu().numpy()


def saliency(network: str, picture: np.ndarray, target: int, device: str, **_: Any) -> Answer:
    """(H, W), >= 0."""
    from visualizers import SaliencyMap

    seen = look(network, picture, device)
    maps, notes = noting(lambda: SaliencyMap().compute_saliency_maps(seen.X, seen.label(target), seen.model))
    yield checked(maps, (1, *picture.shape[:2]), "compute_saliency_maps")[0], notes


def guided_backprop(network: str, picture: np.ndarray, target: int, device: str, **_: Any) -> Answer:
    """(H, W, 3), of either sign."""
    from visualizers import GradCam

    seen = look(network, picture, device)
    maps, notes = noting(lambda: GradCam().guided_backprop(seen.X, seen.label(target), seen.model))
    yield checked(maps, (1, *picture.shape), "guided_backprop")[0], notes


def grad_cam(network: str, picture: np.ndarray, target: int, layer: str, device: str, **_: Any) -> Answer:
    """(H, W), in [0, 1]. The layers up to `layer` are not run again."""
    from visualizers import GradCam

    seen = look(network, picture, device)
    names = networks.layers(seen.source)
    known = {name: seen.outputs[name] for name in names[: names.index(layer) + 1]}
    with recalled(seen.model, known):
        maps, notes = noting(lambda: GradCam(layer).grad_cam(seen.X, seen.label(target), seen.model))
    yield checked(maps, (1, *picture.shape[:2]), "grad_cam")[0], notes


def integrated_gradients(network: str, picture: np.ndarray, target: int, page: Page, device: str) -> Answer:
    """(H, W), of either sign."""
    import saliency_map

    seen = look(network, picture, device)
    with stopping(seen.model, networks.layers(seen.source), page):
        maps, notes = noting(lambda: saliency_map.integrated_gradients(seen.X, seen.label(target), seen.model))
    yield checked(maps, (1, *picture.shape[:2]), "integrated_gradients")[0], notes


def captum_saliency(network: str, picture: np.ndarray, target: int, device: str, **_: Any) -> Answer:
    """(H, W), >= 0, by Captum."""
    import saliency_map

    seen = look(network, picture, device)
    maps, notes = noting(lambda: saliency_map.captum_saliency(seen.X, seen.label(target), seen.model))
    yield checked(maps, (1, *picture.shape[:2]), "captum_saliency")[0], notes


def captum_maps(
    network: str, picture: np.ndarray, target: int, layer: str, device: str, **_: Any
) -> Iterator[tuple[list[np.ndarray], list[str]]]:
    """By Captum: guided backprop (H, W, 3), Grad-CAM (H, W) and Guided Grad-CAM (H, W, 3)."""
    import gradcam

    seen = look(network, picture, device)
    module = seen.model.get_submodule(layer)
    maps, notes = noting(lambda: gradcam.captum_maps(seen.X, seen.label(target), seen.model, module))
    if not isinstance(maps, Sequence) or len(maps) != 3:
        raise Problem("expected three maps from captum_maps, got something else: look at its contract")
    shapes = (picture.shape, picture.shape[:2], picture.shape)
    yield [checked(m, (1, *shape), "captum_maps")[0] for m, shape in zip(maps, shapes)], notes


# --- a layer, its places, its channels ---


def layer_activity(network: str, picture: np.ndarray, layer: str, device: str, **_: Any) -> Iterator[np.ndarray]:
    """How much the layer's channels are active at each place, on average: (h, w)."""
    yield look(network, picture, device).outputs[layer][0].abs().mean(dim=0).cpu().numpy()


def strongest(
    network: str, picture: np.ndarray, layers: Sequence[str], count: int, device: str, **_: Any
) -> Iterator[dict[str, list[tuple[int, float, np.ndarray]]]]:
    """Of each layer the `count` channels with the highest peak: their numbers, peaks, and maps (h, w)."""
    outputs = look(network, picture, device).outputs
    yield {layer: _top(outputs[layer][0], outputs[layer][0].amax(dim=(1, 2)), count) for layer in layers}


def place(
    network: str, picture: np.ndarray, layer: str, row: int, column: int, count: int, device: str, **_: Any
) -> Iterator[list[tuple[int, float, np.ndarray]]]:
    """The `count` channels that are strongest at a place of the layer: their numbers, values there, and maps (h, w)."""
    output = look(network, picture, device).outputs[layer][0]
    yield _top(output, output[:, row, column], count)


def neuron(
    network: str, picture: np.ndarray, layer: str, channel: int, row: int, column: int, device: str, **_: Any
) -> Answer:
    """The pixels that excite one neuron, (H, W, 3): a student's guided backprop from it."""
    import gradcam

    seen = look(network, picture, device)
    module = seen.model.get_submodule(layer)
    maps, notes = noting(lambda: gradcam.neuron_responses(seen.X, [(channel, row, column)], seen.model, module))
    yield checked(maps, (1, *picture.shape), "neuron_responses")[0], notes


def checked(maps: Any, shape: tuple[int, ...], name: str) -> np.ndarray:
    """What a student's function returned, as numpy. Raises Problem unless it has this shape and is finite."""
    if isinstance(maps, Tensor):
        maps = maps.detach().cpu().numpy()
    if not isinstance(maps, np.ndarray) or maps.dtype.kind not in "fiub":
        raise Problem(f"expected an array of numbers from {name}, got {type(maps).__name__}: look at its return")
    if maps.shape != shape:
        raise Problem(f"expected shape {shape} from {name}, got {maps.shape}: look at the order of the axes")
    if not np.isfinite(maps).all():
        raise Problem(f"expected finite numbers from {name}, got NaN or infinity: is there a division by zero?")
    return maps.astype(np.float32)


@contextmanager
def recalled(model: nn.Module, outputs: dict[str, Tensor]) -> Iterator[None]:
    """Inside the block these modules do not compute: they give the outputs that they gave before."""
    modules = [model.get_submodule(name) for name in outputs]
    try:
        for module, output in zip(modules, outputs.values()):
            module.forward = _constant(output)
        yield
    finally:
        for module in modules:
            module.__dict__.pop("forward", None)


@contextmanager
def stopping(model: nn.Module, names: Sequence[str], page: Page) -> Iterator[None]:
    """Inside the block a pass can be given up after each of these modules, on the way there and on the way back."""

    def step(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        page.step()
        if output.requires_grad:
            output.register_hook(lambda _: page.step())

    handles = [model.get_submodule(name).register_forward_hook(step) for name in names]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _constant(output: Tensor) -> Callable[..., Tensor]:
    return lambda *_, **__: output


@contextmanager
def _kept(model: nn.Module, names: Sequence[str]) -> Iterator[dict[str, Tensor]]:
    """Keep the output of each of these modules while the network runs inside the block."""
    outputs: dict[str, Tensor] = {}

    def keeping(name: str) -> Callable[..., None]:
        def keep(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            outputs[name] = output.clone()  # a copy, since an in-place ReLU may follow

        return keep

    handles = [model.get_submodule(name).register_forward_hook(keeping(name)) for name in names]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


def _top(maps: Tensor, strength: Tensor, count: int) -> list[tuple[int, float, np.ndarray]]:
    best = strength.topk(min(count, len(strength)))
    return [(int(k), float(value), maps[k].cpu().numpy()) for value, k in zip(best.values, best.indices)]


# --- samples ---

_peaks: dict[str, dict[str, np.ndarray]] = {}


def exciting(
    network: str, layer: str, channel: int, count: int, page: Page, device: str, **_: Any
) -> Iterator[list[tuple[int, float, np.ndarray]]]:
    """The samples that excite a channel most: their numbers, peaks, and the channel's map, (H, W) in [0, 1]."""
    source = networks.load(network, device)
    if network not in _peaks:
        names = networks.layers(source)
        peaks: dict[str, list[np.ndarray]] = {name: [] for name in names}
        for image in source.images:
            page.step()
            with torch.no_grad(), _kept(source.model, names) as outputs:
                source.model(as_batch(image, source))
            for name in names:
                peaks[name].append(outputs[name][0].amax(dim=(1, 2)).cpu().numpy())
        _peaks[network] = {name: np.stack(values) for name, values in peaks.items()}  # (samples, C)
    peak = _peaks[network][layer]
    if not 0 <= channel < peak.shape[1]:
        raise Problem(f"expected a channel between 0 and {peak.shape[1] - 1} of {layer}, got {channel}: choose a tile")
    found = []
    for number in np.argsort(-peak[:, channel], kind="stable")[:count].tolist():
        output = look(network, source.images[number], device).outputs[layer][:, channel : channel + 1]
        cam = F.interpolate(output.clamp(min=0), source.images[number].shape[:2], mode="bilinear")[0, 0]
        found.append((number, float(peak[number, channel]), (cam / cam.max().clamp(min=1e-12)).cpu().numpy()))
    yield found
