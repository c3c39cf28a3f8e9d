"""Write the embedded network's plainly trained twin for the labs, with eight bits for a weight.

    python -m workshop.twin

Expect labs/robustness/twin.safetensors, 0.8 MB, in seconds. The twin is the judge (`judge.safetensors`): the same
architecture, trained by `python -m workshop.train plain` on scenes of the same renderer, from another seed. It
never saw an attack, so beside the embedded network, whose plain training was followed by adversarial training, it
shows what the latter has changed. Rounded to half precision it takes 1.5 MB; with a byte for a weight and a scale for
each output channel, half of that.
"""

import torch
from safetensors.torch import save_file

from figures import script
from labs import networks
from pretrained.weights import build_network, read_weights
from workshop.evaluate import CPU, JUDGE, accuracy, as_batch
from workshop.render import Scene


def main() -> None:
    weights = read_weights(JUDGE)
    save_file(networks.pack(weights), networks.TWIN)
    print(f"wrote {networks.TWIN.name}, {networks.TWIN.stat().st_size / 1e6:.2f} MB")
    report(build_network(weights, JUDGE, CPU), networks.load_twin(CPU))


def report(judge: torch.nn.Module, twin: torch.nn.Module) -> None:
    """Print how far the scores are off and how many scenes are named rightly, before and after rounding."""
    import pretrained

    source = pretrained.load("embedded", "cpu")
    scenes = [
        Scene(image, mask, int(label), "", 0)
        for image, mask, label in zip(source.images, source.masks, source.labels, strict=True)
    ]
    X, _, _ = as_batch(scenes)
    with torch.no_grad():
        off = float((judge(X) - twin(X)).abs().max() / judge(X).abs().max())
    print(f"scores off by at most {off:.2%} of the largest; right: {accuracy(judge, scenes):.0%} before rounding, "
          f"{accuracy(twin, scenes):.0%} after")  # fmt: skip


if __name__ == "__main__":
    script.run(main)
