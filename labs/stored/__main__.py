"""Makes the stored run: one pixel of SqueezeNet's photographs, at the paper's 40,000 questions ten minutes an image.

    python -m labs.stored --images 20

It asks about the photographs that come with packages and that SqueezeNet and EfficientNet-Lite0 name rightly, evenly
spread over all of them, and writes labs/stored/one_pixel.json after each image: numbers, command and date.
What was asked is kept in the folder for temporary files, so that a run that was stopped goes on where it was.
"""

import argparse
import json
import tempfile
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
from joblib import Memory  # type: ignore[import-untyped]

import pretrained
from figures import script
from labs.lab import Bench
from labs.networks import ComparedNetwork, load_networks
from labs.robustness import one_pixel
from pretrained.files import write_whole
from pretrained.photographs import read_photographs


def main() -> None:
    """Attack each image, and write what was found so far."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--generations", type=int, default=one_pixel.GENERATIONS)
    args = parser.parse_args()
    count, generations = args.images, args.generations
    c = load_network(count)
    command = f"python -m labs.stored --images {count} --generations {generations}"
    kept = {"command": command, "made": date.today().isoformat(), "network": c.name}
    asked = one_pixel.POPULATION * (generations + 1)
    folder = Path(tempfile.gettempdir()) / "labs-stored" / str(count)  # where an image keeps its number
    ask = Memory(folder, verbose=0).cache(one_pixel.ask, ignore=["c"])
    found = []
    for i in range(len(c.y)):
        found.append(one_pixel.search(c, i, one_pixel.POPULATION, generations, seed=0, ask=ask))
        images = one_pixel.describe_each(c, found)
        numbers = {"asked": asked, "images": images}
        write_whole(one_pixel.STORED, json.dumps(kept | numbers, indent=1) + "\n")
        print({key: value for key, value in images[-1].items() if key != "trail"}, flush=True)


def load_network(count: int) -> ComparedNetwork:
    """SqueezeNet with so many photographs, without the course's, which not everybody has."""
    source = pretrained.load("imagenet", "cpu")
    images, labels, _ = read_photographs(source.class_names)
    return load_networks(Bench(replace(source, images=np.asarray(images), labels=labels)), count)[0]


if __name__ == "__main__":
    script.run(main)
