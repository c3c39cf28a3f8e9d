"""Style transfer: one picture's content in another picture's style.

    python style_transfer.py
    python style_transfer.py --content my_street.jpg --style my_painting.png
    python style_transfer.py --model resnet18 --content-layer 5 --style-layers 2 4 6 8

Expect four checks of the losses ("Content Loss Maximum error is 0.000"); then, for each of three pairs, the content
and the style picture side by side (visualization/style_transfer_<pair>_sources.png) and the content repainted
(style_transfer_<pair>.png): the same houses, in the colours and strokes of the painting. Each pair is moved 200 times,
there and back through the network.
"""

import figures  # noqa: F401 -- first: it says in words which package is missing

# isort: split
import argparse
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import pretrained
from figures import figure, script
from figures.figure import SOURCES, Picture
from figures.pairs import GIVEN_PAIRS
from pretrained.scenes import CONTENT_IMAGES, STYLE_IMAGES
from pretrained.settings import CONTENT_SHARE, STYLE_CHECKS, STYLE_SHARE, StyleCheck, StylePair, plain_pair
from style_modules import ContentLoss, StyleLoss, TotalVariationLoss, make_losses
from style_utils import extract_features, features_from_img, rel_error, style_transfer


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = script.parser(__doc__)
    parser.add_argument(
        "--content",
        metavar="PICTURE",
        help="a picture of your own, of any size and format, instead of the three pairs; without --style it is painted "
        "in the style of the last of them",
    )
    parser.add_argument(
        "--style",
        metavar="PICTURE",
        help="a painting of your own, of any size and format, instead of the three pairs; without --content their "
        "content is painted in its style",
    )
    parser.add_argument("--iterations", type=script.count, help="how many steps for each pair (default: 200)")
    layers = "among the network's modules that follow each other, from 0; weights are then balanced between layers"
    parser.add_argument("--content-layer", type=int, metavar="N", help=f"where content is read: {layers}")
    parser.add_argument("--style-layers", type=int, nargs="+", metavar="N", help="where style is read, likewise")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None, source: pretrained.Pretrained | None = None) -> list[Picture]:
    args = parse_args(argv)
    source = source or pretrained.from_arguments(args, paints=not (args.content and args.style))
    cnn = source.cnn
    painted = choose_pairs(args, source, cnn)

    if source.weights != "own" and source.recipe in STYLE_CHECKS:
        check_losses(source, cnn)
    else:
        print(f"The losses cannot be checked: no values are stored for {source.name}")
    facts = script.describe_run("style_transfer.py", args, parse_args, source)
    end = script.name_run(args, source)
    painted = [(replace(pair, name=pair.name + end), content, style) for pair, content, style in painted]
    with figure.made_by(args.show, **facts):
        return [picture for each in painted for picture in paint(*each, cnn, source.name, args)]


def choose_pairs(
    args: argparse.Namespace, source: pretrained.Pretrained, cnn: nn.Sequential
) -> list[tuple[StylePair, Path, Path]]:
    """Each pair that is to be painted, and its content and its style picture; one's own pictures are a single pair."""
    (content,) = source.content_images
    pairs = source.style_pairs or tuple(plain_pair(content, style) for style in source.style_images)
    if args.iterations:
        pairs = tuple(replace(pair, num_iterations=args.iterations) for pair in pairs)
    pairs = tuple(choose_layers(args, pair, source, cnn) for pair in pairs)
    given = [(pair, source.content_images[pair.content], source.style_images[pair.style]) for pair in pairs]
    if args.content or args.style:
        given = [choose_own_pair(args, given)]
    return [each if each[0].style_weights else (balance(*each, cnn), *each[1:]) for each in given]


def choose_own_pair(
    args: argparse.Namespace, given: list[tuple[StylePair, Path, Path]]
) -> tuple[StylePair, Path, Path]:
    """One's own pictures, with the settings of the last pair, and what it has where only one of them is given."""
    pair, content, style = given[-1]  # its settings suit most paintings
    content = script.picture(args.content) if args.content else content
    style = script.picture(args.style) if args.style else style
    for option, asked, taken in (("--content", args.content, content), ("--style", args.style, style)):
        if not asked:
            print(f"Picture: {taken.stem}, as no {option} was given.")
    name = f"{script.file_name(content.stem)}_{script.file_name(style.stem)}"
    if name.removesuffix(SOURCES) in GIVEN_PAIRS:  # a picture called starry in the style of night
        name = f"own_{name}"
    return replace(pair, name=name), content, style


def choose_layers(
    args: argparse.Namespace, pair: StylePair, source: pretrained.Pretrained, cnn: nn.Sequential
) -> StylePair:
    """The pair with the layers that are asked for, which leaves its weights open; unchanged where none are."""
    if args.content_layer is None and not args.style_layers and pair.style_weights:
        return pair
    content_layer = pair.content_layer if args.content_layer is None else args.content_layer
    style_layers = tuple(args.style_layers or pair.style_layers)
    known = pair.style_weights or (args.content_layer is not None and args.style_layers)
    if not known or not all(0 <= layer < len(cnn) for layer in (content_layer, *style_layers)):
        got = "none" if not known else f"{content_layer} and {list(style_layers)}"
        raise script.UserError(
            f"expected --content-layer and --style-layers between 0 and {len(cnn) - 1} for {source.architecture}, "
            f"got {got}: try --content-layer {len(cnn) // 3} --style-layers {len(cnn) // 6} {len(cnn) // 2}"
        )
    return replace(pair, content_layer=content_layer, style_layers=style_layers, style_weights=())


def balance(pair: StylePair, content: Path, style: Path, cnn: nn.Sequential) -> StylePair:
    """Return the pair with weights: at the start each layer has one share of the style loss, and content its own."""
    cnn = nn.Sequential(*list(cnn)[: max(pair.content_layer, *pair.style_layers) + 1])
    with torch.no_grad():
        shown, _ = features_from_img(content, pair.image_size, cnn)
        painted, _ = features_from_img(style, pair.style_size, cnn)
        targets = [StyleLoss().gram_matrix(painted[k]) for k in pair.style_layers]
        apart = [float(StyleLoss()(shown, [k], [target], [1.0])) for k, target in zip(pair.style_layers, targets)]
        whole = float(ContentLoss()(1.0, shown[pair.content_layer], torch.zeros_like(shown[pair.content_layer])))
    least = torch.finfo(torch.float32).tiny  # a layer that is dead has no share
    return replace(
        pair,
        content_weight=CONTENT_SHARE / max(whole, least),
        style_weights=tuple(STYLE_SHARE / len(apart) / max(distance, least) for distance in apart),
    )


def paint(
    pair: StylePair, content: Path, style: Path, cnn: nn.Sequential, note: str, args: argparse.Namespace
) -> list[Picture]:
    """The two pictures side by side, and the one in the style of the other."""
    settings = asdict(pair) | {"content_image": content, "style_image": style}
    del settings["content"], settings["style"]
    painted: Any = style_transfer(
        **make_losses(),
        cnn=cnn,
        seed=args.seed,
        out=args.out,
        note=note,
        **settings,
    )
    if not isinstance(painted, list | tuple) or len(painted) != 2:  # as the given last line returns
        raise script.UserError(
            f"expected style_transfer to return what it returns in its last line, got {script.name_value(painted)}: "
            "remove a return before that from style_utils.py"
        )
    sources_path, result_path = painted
    title = figure.style_title(content, style)
    return [
        Picture.of(sources_path, script.caption("style_transfer", "sources"), title=title, size=pair.style_size),
        Picture.of(result_path, script.caption("style_transfer", "result"), title=title, steps=pair.num_iterations),
    ]


def check_losses(source: pretrained.Pretrained, cnn: nn.Sequential) -> None:
    """Print how far the losses are from stored values."""
    check = STYLE_CHECKS[source.recipe]
    try:
        stored, content_path, style_path = read_stored_values(source)
    except (pretrained.SourceError, FileNotFoundError) as problem:
        print(f"The losses cannot be checked: {problem}")
        return
    unwritten = script.Unwritten()
    with torch.no_grad():
        for name, (key, loss) in prepare_losses(check, cnn, content_path, style_path).items():
            with unwritten:
                report(name, loss(), stored[key])
    unwritten.tell()


def prepare_losses(
    check: StyleCheck, cnn: nn.Sequential, content_path: Path, style_path: Path
) -> dict[str, tuple[str, Callable[[], Tensor]]]:
    """Return for each loss, by name, the key of its stored value and the function that computes ours."""
    with torch.no_grad():
        content, content_img = features_from_img(content_path, check.image_size, cnn)
        style, _ = features_from_img(style_path, check.image_size, cnn)
        blank = extract_features(torch.zeros_like(content_img), cnn)  # the features of the mean colour

    def style_loss() -> Tensor:
        targets = [StyleLoss().gram_matrix(style[layer]) for layer in check.style_layers]
        return StyleLoss()(content, check.style_layers, targets, check.style_weights)

    layer = check.content_layer
    return {
        "Content Loss": ("cl_out", lambda: ContentLoss()(check.content_weight, content[layer], blank[layer])),
        "Gram Matrix": ("gm_out", lambda: StyleLoss().gram_matrix(style[check.gram_layer])),
        "Style Loss": ("sl_out", style_loss),
        "Total Variation Loss": ("tv_out", lambda: TotalVariationLoss()(content_img, check.tv_weight)),
    }


def report(name: str, got: Tensor, expected: np.ndarray) -> None:
    if not isinstance(got, Tensor) or got.numel() != expected.size:
        wanted = f"{name} as a tensor of shape {expected.shape}"
        raise script.UserError(f"expected {wanted}, got {script.name_value(got)}: see its docstring")
    error = rel_error(expected, got.cpu().numpy().reshape(expected.shape))
    print(f"{name} Maximum error is {error:.3f}")


def read_stored_values(source: pretrained.Pretrained) -> tuple[dict[str, np.ndarray], Path, Path]:
    """The stored values, and the content and the style picture that they were computed on."""
    check = STYLE_CHECKS[source.recipe]
    if source.recipe == "torchvision":
        path, content, style = (
            pretrained.course_file(name, exactly=True) for name in (check.stored, check.content, check.style)
        )
    else:
        path = script.ROOT / check.stored
        content, style = CONTENT_IMAGES[check.content], STYLE_IMAGES[check.style]
    if not path.exists():
        raise FileNotFoundError(f"expected stored values in {check.stored}, found no file: try make references")
    with np.load(path, allow_pickle=False) as file:
        return dict(file), content, style


if __name__ == "__main__":
    script.run(main)
