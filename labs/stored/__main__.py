"""Makes the stored run: one pixel of SqueezeNet's photographs, at the paper's 40,000 questions five minutes an image.

    python -m labs.stored --images 12

It asks about the photographs that come with packages and that SqueezeNet and EfficientNet-Lite0 name rightly, evenly
spread over all of them, and writes labs/stored/one_pixel.json after each image: numbers, seconds, command and date.
A run that was stopped goes on after the last image that the file has of the same command.
"""

import argparse
import json
import time
from dataclasses import replace
from datetime import date

import numpy as np

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
    parser.add_argument("--images", type=int, default=12)
    parser.add_argument("--generations", type=int, default=one_pixel.GENERATIONS)
    args = parser.parse_args()
    count, generations = args.images, args.generations
    c = load_network(count)
    command = f"python -m labs.stored --images {count} --generations {generations}"
    asked = one_pixel.POPULATION * (generations + 1)
    stored = json.loads(one_pixel.STORED.read_text(encoding="utf-8")) if one_pixel.STORED.exists() else {}
    images = stored["images"] if stored.get("command") == command else []
    for i in range(len(images), len(c.y)):
        began = time.perf_counter()
        found = one_pixel.search(c, i, one_pixel.POPULATION, generations, seed=0)
        seconds = round(time.perf_counter() - began)
        images.append(one_pixel.record(c, i, found) | {"seconds": seconds})
        numbers = {"command": command, "made": date.today().isoformat(), "network": c.name, "asked": asked}
        write_whole(one_pixel.STORED, json.dumps(numbers | {"images": images}, indent=1) + "\n")
        print({key: value for key, value in images[-1].items() if key != "trail"}, flush=True)


def load_network(count: int) -> ComparedNetwork:
    """SqueezeNet with so many photographs, without the course's, which not everybody has."""
    source = pretrained.load("imagenet", "cpu")
    images, labels, _ = read_photographs(source.class_names)
    return load_networks(Bench(replace(source, images=np.asarray(images), labels=labels)), count)[0]


if __name__ == "__main__":
    script.run(main)
