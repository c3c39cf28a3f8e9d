"""The options that every script shares."""

import argparse
import os
from pathlib import Path

from pretrained.errors import SourceError
from pretrained.files import FIGURES
from pretrained.source import Pretrained, load


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --weights, --model, --device, --out, --seed and --show."""
    parser.add_argument(
        "--weights",
        default="auto",
        metavar="WHICH",
        help="torchvision, original, imagenet (the first of these two that can be had), embedded (the small network "
        "of this repository), or the path of a .pth or .safetensors file (default: as imagenet)",
    )
    parser.add_argument(
        "--model",
        default="squeezenet1_1",
        metavar="NAME",
        help="efficientnet_lite0, or any of torchvision's classification networks (default: %(default)s)",
    )
    parser.add_argument("--device", default="auto", help="cpu, cuda, ... (default: a GPU if there is one)")
    parser.add_argument(
        "--out",
        type=os.path.expanduser,  # which a shell leaves to us after an equals sign
        default=find_folder(),
        metavar="DIR",
        help="folder for the pictures (default: visualization)",
    )
    parser.add_argument("--seed", type=_seed, default=0, help="for random numbers (default: %(default)s)")
    parser.add_argument("--show", action="store_true", help="also open the pictures in a window")


def find_folder() -> str:
    """Path of the assignment's visualization/, as short as it is from where one stands."""
    try:
        path = os.path.relpath(FIGURES)
        return os.path.join(".", path) if path.startswith("~") else path  # a folder of that name is nobody's home
    except (OSError, ValueError):  # on another drive of Windows, or in a folder that is gone
        return str(FIGURES)


def from_arguments(args: argparse.Namespace, paints: bool = False) -> Pretrained:
    """The network that the options ask for: says which, makes the folder for pictures, seeds torch and numpy.

    paints: whether the pictures of style transfer are needed; then it also says which are not the classic ones.
    Raises SourceError, in one sentence.
    """
    _make_folder(args.out)
    source = load(args.weights, args.device, args.model)
    for line in source.notes:
        print(line)
    if paints and source.pictures_note:
        print(source.pictures_note)
    _set_seed(args.seed)
    return source


def _make_folder(out: str) -> None:
    try:
        Path(out).mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        taken = os.path.lexists(out) and not os.path.isdir(out)
        got = f"{out!r} ({'a file, or a link that leads nowhere' if taken else problem.strerror})"
        hint = "move it away" if taken else "choose another --out"
        raise SourceError(f"expected a folder for pictures, got {got}: {hint}") from None
    if not os.access(out, os.W_OK):
        raise SourceError(f"expected a folder that can be written to, got {out!r}: choose another --out")


def _set_seed(seed: int) -> None:
    import numpy as np
    import torch

    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002 -- what students' code uses


def _seed(text: str) -> int:
    if not text.isdecimal() or len(text) > 10 or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"expected a whole number between 0 and 2**32 - 1, got {text!r}")
    return int(text)
