"""Every number that a figure depends on: the course's for ImageNet, ours for the embedded network."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Ascent:
    """Keyword arguments of `ClassVisualization.create_class_visualization`."""

    l2_reg: float = 1e-3
    learning_rate: float = 25
    num_iterations: int = 100
    blur_every: int = 10
    max_jitter: int = 16


@dataclass(frozen=True)
class Pair:
    """Arguments of `style_utils.style_transfer`; content and style are keys of `Pretrained`'s pictures."""

    name: str
    content: str
    style: str
    style_size: int
    content_weight: float
    style_weights: tuple[float, ...]
    tv_weight: float
    image_size: int = 192
    content_layer: int = 3
    style_layers: tuple[int, ...] = (1, 4, 6, 7)
    initial_lr: float = 3.0
    decayed_lr: float = 0.1
    num_iterations: int = 200


@dataclass(frozen=True)
class StyleCheck:
    """What the four stored checks of the losses are computed on, and the stored file.

    cl_out: content loss between the content picture and one of zeros (the mean colour), at content_layer.
    gm_out: Gram matrix of the style picture, at gram_layer.
    sl_out: style loss of the content picture against the style picture's Gram matrices.
    tv_out: total variation loss of the content picture.
    """

    content: str
    style: str
    stored: str
    image_size: int = 192
    content_layer: int = 3
    content_weight: float = 6e-2
    gram_layer: int = 5
    style_layers: tuple[int, ...] = (1, 4, 6, 7)
    style_weights: tuple[float, ...] = (300000, 1000, 15, 3)
    tv_weight: float = 2e-2


# The step of the fooling image, as a length in normalised pixels.
FOOLING_LEARNING_RATE = {"imagenet": 10.0, "embedded": 10.0}

CLASS_VISUALIZATION = {
    "imagenet": Ascent(),
    "embedded": Ascent(l2_reg=0.0, num_iterations=200, blur_every=5),
}


def _painted(style: str, style_weights: tuple[float, ...]) -> Pair:
    """The town in one of our styles. The weights give each layer its share of the loss at the start, most to the first.

    The embedded network's features differ in size from ImageNet's, so the weights do, too; larger pictures, a greater
    share for the first layer and more total variation keep down the lattice of dots that its pooling layers favour.
    """
    return Pair(style, "town", style, 320, 0.2, style_weights, 0.5, image_size=256, initial_lr=2.0)


STYLE_PAIRS = {
    "imagenet": (
        Pair("composition_vii", "tubingen", "composition_vii", 512, 5e-2, (20000, 500, 12, 1), 5e-2),
        Pair("the_scream", "tubingen", "the_scream", 224, 3e-2, (200000, 800, 12, 1), 2e-2),
        Pair("starry_night", "tubingen", "starry_night", 192, 6e-2, (300000, 1000, 15, 3), 2e-2),
    ),
    "embedded": (
        _painted("composition", (7.1e6, 1.7e6, 1.6e6, 9.2e5)),
        _painted("waves", (2.3e6, 7.5e5, 6.8e5, 5.6e5)),
        _painted("flow", (3.7e6, 2.0e6, 1.8e6, 7.5e5)),
    ),
}

STYLE_CHECKS = {
    "imagenet": StyleCheck("tubingen.jpg", "starry_night.jpg", "style-transfer-checks.npz"),
    "embedded": StyleCheck("town", "flow", "tests/references/style_transfer_checks.npz"),
}
