"""Fetch everything that the ImageNet figures need, ahead of time, and list what is there.

    python -m pretrained        (or: make data)

Ends with status 1 if a file that has a public address could not be had.
"""

import argparse
import sys

from pretrained import downloads
from pretrained.addresses import FILES, IMAGES, WEIGHTS
from pretrained.downloads import course_file
from pretrained.errors import SourceError


def main(argv: list[str] | None = None) -> int:
    argparse.ArgumentParser(
        prog="python -m pretrained",
        description=__doc__,
        epilog=downloads.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args(argv)

    here, failed = {}, []
    for name, file in FILES.items():
        try:
            here[name] = course_file(name)
            print(f"{name:34} {here[name].stat().st_size / 1e6:6.2f} MB  {here[name].parent}")
        except SourceError as problem:
            print(f"{name:34} missing    {problem}")
            failed += [name] if file.urls else []

    if IMAGES in here and WEIGHTS in here:
        print("The ImageNet network is here: the scripts take it unless told otherwise.")
    else:
        print("The ImageNet network is not complete: the scripts take the embedded one instead.")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\ninterrupted")
