"""Fetch everything that the ImageNet figures can use, ahead of time, and list what is there.

    python -m pretrained        (or: make data)

Ends with status 1 if a file that has a public address, or comes with a package that scripts use, could not be had.
"""

import argparse
import io
import os
import sys

from pretrained import downloads
from pretrained.addresses import FILES, IMAGES, WEIGHTS
from pretrained.downloads import course_file
from pretrained.errors import SourceError
from pretrained.packages import FOR_LABS, ORIGINAL, PACKAGED, find_packaged


def main(argv: list[str] | None = None) -> int:
    argparse.ArgumentParser(
        prog="python -m pretrained",
        description=__doc__,
        epilog=downloads.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args(argv)

    here, failed = set(), False
    for name in (*FILES, *PACKAGED):
        needed = name not in FOR_LABS if name in PACKAGED else bool(FILES[name].urls)
        try:
            path = find_packaged(name) if name in PACKAGED else course_file(name)
            print(f"{name:34} {path.stat().st_size / 1e6:6.2f} MB  {path.parent}")
            here.add(name)
        except SourceError as problem:
            print(f"{name:34} missing    {problem}")
            failed = failed or needed

    weights = "torchvision's" if WEIGHTS in here else "the original" if ORIGINAL in here else "no ImageNet"
    images = "the course's images, then the packages' photographs" if IMAGES in here else "the packages' photographs"
    print(f"The scripts take {weights} weights and {images} unless told otherwise.")
    return 1 if failed else 0


if __name__ == "__main__":
    if isinstance(sys.stdout, io.TextIOWrapper):  # a folder's name may have letters that a terminal cannot say
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = main()
        sys.stdout.flush()
    except BrokenPipeError:  # of whoever has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python would say so once more at its end
        status = 1
    sys.exit(status)
