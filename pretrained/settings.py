"""Every number that a figure depends on: the course's for ImageNet, ours for the embedded network."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Ascent:
    """Keyword arguments of `ClassVisualization.create_class_visualization`."""

    l2_reg: float = 1e-3
    learning_rate: float = 25
    num_iterations: int = 100
    blur_every: int = 10
    max_jitter: int = 16


@dataclass(frozen=True)
class StylePair:
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
    """Pictures and layers that the four stored checks of the losses are computed on, and the stored file.

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

# All below go by `Pretrained.recipe`: whose weights it has, or which network it is. "other" is any other network.

CLASS_VISUALIZATION = {
    "torchvision": Ascent(),
    # More blur and no regulariser make larger things of fewer parts; the course's settings leave the tarantula at 96 %.
    "original": Ascent(l2_reg=0.0, num_iterations=150, blur_every=5),
    "efficientnet_lite0": Ascent(l2_reg=0.0, num_iterations=150, blur_every=1),
    "embedded": Ascent(l2_reg=0.0, num_iterations=200, blur_every=5),
    "other": Ascent(),
}


def _town(style: str, style_weights: tuple[float, ...]) -> StylePair:
    """The town in one of our styles. The weights give each layer its share of the loss at the start, most to the first.

    The embedded network's features differ in size from ImageNet's, so the weights do, too; larger pictures, a greater
    share for the first layer and more total variation keep down the lattice of dots that its pooling layers favour.
    """
    return StylePair(style, "town", style, 320, 0.2, style_weights, 0.5, image_size=256, initial_lr=2.0)


def _strokes(content: str, style: str, content_weight: float, style_weights: tuple[float, ...]) -> StylePair:
    """Settings for the original weights: at the start the layers have shares of 3 : 2.4 : 1.8 : 1.8 of the style loss.

    With the classic weights nearly all of it is the first layers', whose strokes are thin and leave a lattice of dots.
    Found by looking, at what content weight houses are still known and strokes are seen.
    """
    return StylePair(style, content, style, 320, content_weight, style_weights, 0.2, image_size=256)


def _lite(content: str, style: str, content_weight: float, style_weights: tuple[float, ...]) -> StylePair:
    """Settings for EfficientNet-Lite0, by the same shares; its layers are blocks, content is read from the third."""
    pair = StylePair(style, content, style, 288, content_weight, style_weights, 0.3, image_size=224)
    return replace(pair, content_layer=4, style_layers=(1, 3, 5, 8))


def plain_pair(content: str, style: str) -> StylePair:
    """Settings for a network without a table: layers and weights are still open."""
    return StylePair(style, content, style, 224, 0.0, (), 0.3, image_size=224, style_layers=())


# What weights are balanced to where layers are chosen by hand: style loss of the content picture, and content loss of
# a picture without any. By these the tables of "original" were found.
STYLE_SHARE, CONTENT_SHARE = 9e5, 2.5e5

# The paintings of ours that take the place of the classic ones, in the order of these.
STYLE_PAIRS = {
    "torchvision": (
        StylePair("composition_vii", "tubingen", "composition_vii", 512, 5e-2, (20000, 500, 12, 1), 5e-2),
        StylePair("the_scream", "tubingen", "the_scream", 224, 3e-2, (200000, 800, 12, 1), 2e-2),
        StylePair("starry_night", "tubingen", "starry_night", 192, 6e-2, (300000, 1000, 15, 3), 2e-2),
        # As for the painting whose place each takes.
        StylePair("composition", "china", "composition", 512, 5e-2, (20000, 500, 12, 1), 5e-2),
        StylePair("waves", "china", "waves", 224, 3e-2, (200000, 800, 12, 1), 2e-2),
        StylePair("flow", "china", "flow", 192, 6e-2, (300000, 1000, 15, 3), 2e-2),
    ),
    "original": (
        _strokes("tubingen", "composition_vii", 0.2, (1.1e6, 8300, 2900, 15000)),
        _strokes("tubingen", "the_scream", 0.25, (9.0e5, 18000, 7600, 29000)),
        _strokes("tubingen", "starry_night", 0.25, (3.3e6, 10000, 6600, 29000)),
        _strokes("china", "composition", 0.15, (8.7e5, 2500, 1200, 7400)),
        _strokes("china", "waves", 0.2, (4.7e5, 1300, 800, 2700)),
        _strokes("china", "flow", 0.15, (2.6e5, 1600, 970, 4200)),
    ),
    "efficientnet_lite0": (
        _lite("tubingen", "composition_vii", 0.038, (85000, 850, 1300, 1500)),
        _lite("tubingen", "the_scream", 0.038, (60000, 980, 1400, 1600)),
        _lite("tubingen", "starry_night", 0.038, (85000, 790, 1600, 1500)),
        _lite("china", "composition", 0.032, (96000, 350, 760, 900)),
        _lite("china", "waves", 0.032, (39000, 140, 160, 370)),
        _lite("china", "flow", 0.032, (30000, 270, 750, 820)),
    ),
    "embedded": (
        _town("composition", (7.1e6, 1.7e6, 1.6e6, 9.2e5)),
        _town("waves", (2.3e6, 7.5e5, 6.8e5, 5.6e5)),
        _town("flow", (3.7e6, 2.0e6, 1.8e6, 7.5e5)),
    ),
    "other": (),
}

STYLE_CHECKS = {
    "torchvision": StyleCheck("tubingen.jpg", "starry_night.jpg", "style-transfer-checks.npz"),
    "original": StyleCheck("town", "flow", "tests/references/style_transfer_checks_original.npz"),
    "embedded": StyleCheck("town", "flow", "tests/references/style_transfer_checks.npz"),
}
