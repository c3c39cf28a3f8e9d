"""What climbs step by step, seen from outside: fooling images, class pictures, style transfer. This runs in the worker.

Each is a student's own function. Between its steps the page may pause or stop it, and sees what there is so far.
"""

import io
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from explorer import networks
from explorer.methods import as_batch, checked, look
from explorer.worker import Page, noting
from image_utils import SQUEEZENET_STD, deprocess
from pretrained import Pretrained
from pretrained.settings import plain_pair
from visualizers.network import relu_replaced_by

LEAK = 0.1
OFTEN = 0.12  # seconds from one picture to the next: more than the page can show is not sent


def fool(
    network: str, picture: np.ndarray, target: int, learning_rate: float, most: int, page: Page, device: str
) -> Iterator[dict[str, Any]]:
    """Step by step, from step 0: the image, the difference as a part of [0, 1], the scores (K,), and notes."""
    from visualizers import FoolingImage

    seen = look(network, picture, device)
    fooler, x = FoolingImage(learning_rate=learning_rate, max_steps=1), seen.X
    notes: list[str] = []
    for step in range(most + 1):
        with torch.no_grad():
            scores = seen.model(x)[0]
        difference = (x - seen.X)[0].permute(1, 2, 0).cpu().numpy() * SQUEEZENET_STD
        fooled = int(scores.argmax()) == target
        yield {
            "step": step,
            "pixels": np.asarray(deprocess(x, should_rescale=False)),
            "difference": difference,
            "scores": scores.cpu().numpy(),
            "notes": notes,
        }
        if fooled or step == most:
            return
        page.step()
        before = x
        moved, said = noting(partial(fooler.make_fooling_image, before, target, seen.model))
        x = torch.from_numpy(checked(moved, tuple(seen.X.shape), "make_fooling_image")).to(seen.X)
        # One step at a time is asked for, so "not fooled after 1 step" is no news.
        notes = [note for note in said if "not fooled" not in note]
        if torch.equal(x, before):
            notes = notes or [f"step {step + 1} changed nothing: the image came back as it was"]
            yield {"step": step, "notes": notes}
            return


def idea(
    network: str, target: int, iterations: int, page: Page, device: str, **settings: Any
) -> Iterator[dict[str, Any]]:
    """The picture of a class while it climbs: iteration, pixels, and the scores of the picture as it is seen (K,)."""
    source = networks.load(network, device)
    yield from _climb(source.model, source, target, source.class_names, iterations, page, settings)


def channel(
    network: str, layer: str, channel: int, iterations: int, page: Page, device: str, **settings: Any
) -> Iterator[dict[str, Any]]:
    """The picture that one channel likes best: `idea`, where the channels of a layer stand for the classes."""
    source = networks.load(network, device)
    model = ChannelScores(source.model, layer)
    names = [f"channel {k}" for k in range(channel + 1)]
    yield from _climb(model, source, channel, names, iterations, page, settings)


class ChannelScores(nn.Module):
    """A network whose scores are how active each channel of a layer is on average: (N, C).

    Its ReLUs leak a little: noise leaves most channels silent, and silence gives no direction to climb in.
    """

    def __init__(self, model: nn.Module, layer: str) -> None:
        super().__init__()
        self.model, self.layer = model, layer

    def forward(self, X: Tensor) -> Tensor:
        kept: list[Tensor] = []
        handle = self.model.get_submodule(self.layer).register_forward_hook(lambda *call: kept.append(call[2].clone()))
        try:
            with relu_replaced_by(leaking):
                self.model(X)
        finally:
            handle.remove()
        return kept[0].mean(dim=(2, 3))


def leaking(x: Tensor) -> Tensor:
    return functional.leaky_relu(x, LEAK)


def _climb(
    model: nn.Module,
    source: Pretrained,
    target: int,
    names: Sequence[str],
    iterations: int,
    page: Page,
    settings: dict[str, Any],
) -> Iterator[dict[str, Any]]:
    from visualizers import ClassVisualization

    last = 0.0

    def seen(iteration: int, image: Image.Image) -> dict[str, Any]:
        pixels = np.asarray(image)
        with torch.no_grad():
            scores = model(as_batch(pixels, source))[0].cpu().numpy()
        return {"iteration": iteration, "pixels": pixels, "scores": scores, "notes": []}

    def on_step(iteration: int, image: Image.Image) -> None:
        nonlocal last
        page.step()
        if time.monotonic() - last > OFTEN:
            page.show(seen(iteration, image))
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
    pixels = checked(np.asarray(image), np.asarray(image).shape, "create_class_visualization")
    yield seen(iterations, Image.fromarray(pixels.astype(np.uint8))) | {"notes": notes}


def paint(
    network: str,
    content: np.ndarray,
    style: np.ndarray,
    iterations: int,
    weights: tuple[float, Sequence[float]] | None,
    times: tuple[float, float],
    page: Page,
    device: str,
    **settings: Any,
) -> Iterator[dict[str, Any]]:
    """Style transfer: step, pixels, seconds for a step.

    weights: of the content loss, and of each style layer; None balances them for the layers. times: what both of them
    are multiplied by.
    """
    import style_utils
    from style_modules import ContentLoss, StyleLoss, TotalVariationLoss

    cnn = networks.load(network, device).cnn
    content_weight, style_weights = weights or balanced(content, style, cnn, settings)
    start, last = time.monotonic(), 0.0

    def on_step(step: int, image: Tensor) -> None:
        nonlocal last
        page.step()
        if step == 1 or step == iterations or time.monotonic() - last > OFTEN:
            checked(image, tuple(image.shape), "style_transfer")
            pixels = np.asarray(deprocess(image))
            page.show({"step": step, "pixels": pixels, "each": (time.monotonic() - start) / step})
            last = time.monotonic()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        style_utils.style_transfer(
            "explorer",
            _file(content),
            _file(style),
            content_loss=ContentLoss(),
            style_loss=StyleLoss(),
            tv_loss=TotalVariationLoss(),
            cnn=cnn,
            testing=True,
            num_iterations=iterations,
            on_step=on_step,
            content_weight=content_weight * times[0],
            style_weights=[weight * times[1] for weight in style_weights],
            **settings,
        )
    yield from ()


def balanced(
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
