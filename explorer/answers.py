"""Answers that the worker gives: maps of a picture, what a layer makes of it, and what climbs step by step.

Each function takes the network's key and the device, and returns its answer. What climbs gives one for each step, by
`show`. All that is explained is explained by the student's functions and by those of the table in methods.py.
"""

import importlib
import io
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

import methods
from explorer import networks
from explorer.worker import Problem, noting
from image_utils import SQUEEZENET_STD, deprocess, preprocess
from pretrained import Pretrained
from pretrained.settings import plain_pair

KEPT = 4  # pictures whose activations are kept
LEAK = 0.1
OFTEN = 0.12  # seconds from one picture to the next: more than the page can show is not sent

Answer = tuple[np.ndarray, list[str]]  # a map, and the notes that came with it
Channels = list[tuple[int, float, np.ndarray]]  # their numbers, their strengths, and their maps (h, w)
Show = Callable[[dict[str, Any]], None]


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


def look(network: str, picture: np.ndarray, device: str) -> Look:
    """The one forward pass of this picture, made now or before."""
    return _look(network, device, picture.tobytes(), picture.shape)


@lru_cache(KEPT)
def _look(network: str, device: str, pixels: bytes, shape: tuple[int, ...]) -> Look:
    from visualizers.network import keeping

    source = networks.load(network, device)
    X = as_batch(np.frombuffer(pixels, np.uint8).reshape(shape), source)
    with torch.no_grad(), keeping(source.model, networks.layers(source)) as outputs:
        scores = source.model(X)[0]
    return Look(source, X, scores, outputs)


def note_changes(name: str, call: Callable[[Tensor], Any], X: Tensor) -> tuple[Any, list[str]]:
    """The result of a student's function on a copy of X, and the notes that came with it: also that it was changed."""
    given = X.clone()
    result, notes = noting(lambda: call(given))
    if not torch.equal(given, X):
        notes.append(f"{name} changes the images that it is given: let it work on X.clone()")
    return result, notes


# --- a picture and a class ---


def scores(network: str, picture: np.ndarray, device: str, **_: Any) -> np.ndarray:
    """The network's scores, (K,)."""
    return look(network, picture, device).scores.cpu().numpy()


def explain(network: str, picture: np.ndarray, method: str, target: int, layer: str, device: str, **_: Any) -> Answer:
    """The map of one of the table's methods as it is drawn: (H, W) or (H, W, 3)."""
    seen, asked = look(network, picture, device), methods.METHODS[method]
    y = seen.label(target)
    found, notes = note_changes(method, lambda X: methods.Batch(X, y, seen.model, layer).get(method), seen.X)
    return asked.map(found)[0].float().cpu().numpy(), notes


def by_captum(
    network: str, picture: np.ndarray, function: str, target: int, layer: str, device: str, **_: Any
) -> tuple[list[np.ndarray], list[str]]:
    """The maps of one of the root scripts' functions that call Captum, as methods.BY_CAPTUM names them."""
    module, name = function.split(":")
    call, seen = getattr(importlib.import_module(module), name), look(network, picture, device)
    asked = [methods.METHODS[method] for method in methods.BY_CAPTUM[function]]
    given = [seen.model.get_submodule(layer)] if any(method.takes_layer for method in asked) else []
    found, notes = note_changes(name, lambda X: call(X, seen.label(target), seen.model, *given), seen.X)
    found = [found] if len(asked) == 1 else found
    if not isinstance(found, Sequence) or len(found) != len(asked):
        raise Problem(f"expected {len(asked)} maps from {name}, got something else: look at its contract")
    shapes = [picture.shape if method.drawn == methods.ABOUT_GREY else picture.shape[:2] for method in asked]
    return [as_map(maps, (1, *shape), name) for maps, shape in zip(found, shapes)], notes


def as_map(maps: Any, shape: tuple[int, ...], name: str) -> np.ndarray:
    """The first of the maps that a student's function returned. Raises UserError unless they are as they must be."""
    return methods.check_maps(maps, shape, name)[0].float().cpu().numpy()


# --- a layer, its places, its channels ---


def layer_activity(network: str, picture: np.ndarray, layer: str, device: str, **_: Any) -> np.ndarray:
    """Return how much the layer's channels are active at each place, on average: (h, w)."""
    return look(network, picture, device).outputs[layer][0].abs().mean(dim=0).cpu().numpy()


def strongest(
    network: str, picture: np.ndarray, layers: Sequence[str], count: int, device: str, **_: Any
) -> dict[str, Channels]:
    """Return the `count` channels of each layer with the highest peak."""
    outputs = look(network, picture, device).outputs
    return {layer: _top(outputs[layer][0], outputs[layer][0].amax(dim=(1, 2)), count) for layer in layers}


def place(
    network: str, picture: np.ndarray, layer: str, row: int, column: int, count: int, device: str, **_: Any
) -> Channels:
    """The `count` channels that are strongest at a place of the layer."""
    output = look(network, picture, device).outputs[layer][0]
    return _top(output, output[:, row, column], count)


def neuron(
    network: str, picture: np.ndarray, layer: str, channel: int, row: int, column: int, device: str, **_: Any
) -> Answer:
    """The pixels that excite one neuron, (H, W, 3): a student's guided backprop from it."""
    import gradcam

    seen = look(network, picture, device)
    module = seen.model.get_submodule(layer)
    name, places = "neuron_responses", [(channel, row, column)]
    maps, notes = note_changes(name, lambda X: gradcam.neuron_responses(X, places, seen.model, module), seen.X)
    return as_map(maps, (1, *picture.shape), name), notes


_peaks: dict[str, dict[str, np.ndarray]] = {}


def exciting(network: str, layer: str, channel: int, count: int, device: str, **_: Any) -> Channels:
    """The samples that excite a channel most: their numbers, peaks, and the channel's map, (H, W) in [0, 1]."""
    from visualizers.network import keeping

    source = networks.load(network, device)
    if network not in _peaks:
        names = networks.layers(source)
        peaks: dict[str, list[Tensor]] = {name: [] for name in names}
        for image in source.images:
            with torch.no_grad(), keeping(source.model, names) as outputs:
                source.model(as_batch(image, source))
            for name in names:
                peaks[name].append(outputs[name][0].amax(dim=(1, 2)))
        _peaks[network] = {name: torch.stack(values).cpu().numpy() for name, values in peaks.items()}  # (samples, C)
    peak = _peaks[network][layer]
    if not 0 <= channel < peak.shape[1]:
        raise Problem(f"expected a channel between 0 and {peak.shape[1] - 1} of {layer}, got {channel}: choose a tile")
    found = []
    for number in np.argsort(-peak[:, channel], kind="stable")[:count].tolist():
        output = look(network, source.images[number], device).outputs[layer][:, channel : channel + 1]
        cam = F.interpolate(output.clamp(min=0), source.images[number].shape[:2], mode="bilinear")[0, 0]
        found.append((number, float(peak[number, channel]), (cam / cam.max().clamp(min=1e-12)).cpu().numpy()))
    return found


def _top(maps: Tensor, strength: Tensor, count: int) -> Channels:
    best = strength.topk(min(count, len(strength)))
    return list(zip(best.indices.tolist(), best.values.tolist(), maps[best.indices].cpu().numpy()))


# --- what climbs ---


def fool(
    network: str, picture: np.ndarray, target: int, learning_rate: float, most: int, show: Show, device: str
) -> None:
    """Step by step, from step 0: the image, the difference as a part of [0, 1], the scores (K,), and notes."""
    from visualizers import FoolingImage

    seen = look(network, picture, device)
    fooler, x = FoolingImage(learning_rate=learning_rate, max_steps=1), seen.X
    notes: list[str] = []
    for step in range(most + 1):
        with torch.no_grad():
            scores = seen.model(x)[0]
        show({
            "step": step,
            "pixels": np.asarray(deprocess(x, should_rescale=False)),
            "difference": (x - seen.X)[0].permute(1, 2, 0).cpu().numpy() * SQUEEZENET_STD,
            "scores": scores.cpu().numpy(),
            "notes": notes,
        })  # fmt: skip
        if int(scores.argmax()) == target or step == most:
            return
        before, name = x, "make_fooling_image"
        moved, said = note_changes(name, lambda X: fooler.make_fooling_image(X, target, seen.model), before)
        x = methods.check_maps(moved, tuple(seen.X.shape), name).to(seen.X)
        # One step at a time is asked for, so "not fooled after 1 step" is no news.
        notes = [note for note in said if "not fooled" not in note]
        if torch.equal(x, before):
            show({"step": step, "notes": notes or [f"step {step + 1} changed nothing: the image came back as it was"]})
            return


def idea(network: str, target: int, iterations: int, show: Show, device: str, **settings: Any) -> None:
    """The picture of a class while it climbs: iteration, pixels, and the scores of the picture as it is seen (K,)."""
    source = networks.load(network, device)
    _climb(source.model, source, target, source.class_names, iterations, show, settings)


def channel(
    network: str, layer: str, channel: int, iterations: int, show: Show, device: str, **settings: Any
) -> None:
    """The picture that one channel likes best: `idea`, where the channels of a layer stand for the classes."""
    source = networks.load(network, device)
    model = ChannelScores(source.model, layer)
    names = [f"channel {k}" for k in range(channel + 1)]
    _climb(model, source, channel, names, iterations, show, settings)


class ChannelScores(nn.Module):
    """A network whose scores are how active each channel of a layer is on average: (N, C).

    Its ReLUs leak a little: noise leaves most channels silent, and silence gives no direction to climb in.
    """

    def __init__(self, model: nn.Module, layer: str) -> None:
        super().__init__()
        self.model, self.layer = model, layer

    def forward(self, X: Tensor) -> Tensor:
        from visualizers.network import keeping, relu_replaced_by

        with keeping(self.model, [self.layer]) as outputs, relu_replaced_by(partial(F.leaky_relu, negative_slope=LEAK)):
            self.model(X)
        return outputs[self.layer].mean(dim=(2, 3))


def _climb(
    model: nn.Module,
    source: Pretrained,
    target: int,
    names: Sequence[str],
    iterations: int,
    show: Show,
    settings: dict[str, Any],
) -> None:
    from visualizers import ClassVisualization

    last = 0.0

    def frame(iteration: int, image: Image.Image, notes: list[str]) -> dict[str, Any]:
        pixels = np.asarray(image)
        with torch.no_grad():
            scores = model(as_batch(pixels, source))[0].cpu().numpy()
        return {"iteration": iteration, "pixels": pixels, "scores": scores, "notes": notes}

    def on_step(iteration: int, image: Image.Image) -> None:
        nonlocal last
        if time.monotonic() - last > OFTEN:
            show(frame(iteration, image, []))
            last = time.monotonic()

    image, notes = noting(
        lambda: ClassVisualization().create_class_visualization(
            target,
            names,
            model,
            num_iterations=iterations,
            show_every=1,
            generate_plots=False,
            on_step=on_step,
            **settings,
        )
    )
    pixels = methods.check_maps(np.asarray(image), np.asarray(image).shape, "create_class_visualization")
    show(frame(iterations, Image.fromarray(pixels.numpy().astype(np.uint8)), notes))


def paint(
    network: str,
    content: np.ndarray,
    style: np.ndarray,
    iterations: int,
    weights: tuple[float, Sequence[float]] | None,
    times: tuple[float, float],
    show: Show,
    device: str,
    **settings: Any,
) -> None:
    """Style transfer: step, pixels, seconds for a step.

    weights: of the content loss, and of each style layer; None balances them for the layers. times: what both of them
    are multiplied by.
    """
    import style_utils
    from style_modules import make_losses

    cnn = networks.load(network, device).cnn
    content_weight, style_weights = weights or balance(content, style, cnn, settings)
    start, last = time.monotonic(), 0.0

    def on_step(step: int, image: Tensor) -> None:
        nonlocal last
        if step == 1 or step == iterations or time.monotonic() - last > OFTEN:
            methods.check_maps(image, tuple(image.shape), "style_transfer")
            pixels = np.asarray(deprocess(image))
            show({"step": step, "pixels": pixels, "each": (time.monotonic() - start) / step})
            last = time.monotonic()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        style_utils.style_transfer(
            "explorer",
            _file(content),
            _file(style),
            **make_losses(),
            cnn=cnn,
            testing=True,
            num_iterations=iterations,
            on_step=on_step,
            content_weight=content_weight * times[0],
            style_weights=[weight * times[1] for weight in style_weights],
            **settings,
        )
    if not last:
        raise Problem("expected a picture from each step of style_transfer, got none: is there a return in its loop?")


def balance(
    content: np.ndarray, style: np.ndarray, cnn: nn.Sequential, settings: dict[str, Any]
) -> tuple[float, Sequence[float]]:
    """Weights for layers without a table, as the script balances them: each layer has its share of the loss."""
    import style_transfer

    sizes = {name: settings[name] for name in ("image_size", "style_size", "content_layer")}
    pair = replace(plain_pair("", ""), **sizes, style_layers=tuple(settings["style_layers"]))
    pair = style_transfer.balance(pair, _file(content), _file(style), cnn)
    return pair.content_weight, pair.style_weights


def _file(pixels: np.ndarray) -> Any:
    """A picture as an open file: nothing is written to disk."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    file.seek(0)
    return file
