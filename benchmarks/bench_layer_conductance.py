"""Layer conductance at an early layer: a forward pass for each point of the path, and back to the layer."""

import numpy as np
import torch
from captum.attr import LayerConductance

from benchmarks import setting
from benchmarks.bench_saliency import CHUNK
from benchmarks.harness import Case, Contestant
from visualizers.explain import explain

LAYER, STEPS = 3, 50


def cases() -> list[Case]:
    targets = {"Captum": 4.0, "limit": 1.3}
    return [Case("layer conductance", f"N = 5, features[{LAYER}], {STEPS} steps", contestants(5), targets)]


def contestants(N: int) -> dict[str, Contestant]:
    def ours():
        (X, y), model = setting.images(N), setting.plain()
        return lambda: explain(X, y, model, ["layer_conductance"], f"features.{LAYER}", steps=STEPS)

    def captum(network):
        def build():
            (X, y), model = setting.images(N), network()
            method = LayerConductance(model, model.features[LAYER])
            return lambda: method.attribute(X, target=y, n_steps=STEPS)

        return build

    def limit():
        (X, y), model = setting.images(N), setting.best()
        at = torch.from_numpy((np.polynomial.legendre.leggauss(STEPS + 1)[0] + 1) / 2).float().view(-1, 1, 1, 1)
        below, above = model.features[: LAYER + 1], model.features[LAYER + 1 :]

        def work():
            for x, k in zip(X, y.tolist()):
                for some in at.split(CHUNK):
                    with torch.no_grad():
                        activation = below(setting.last(some * x))
                    activation.requires_grad_()
                    torch.autograd.grad(model.classifier(above(activation)).flatten(1)[:, k].sum(), activation)

        return work

    peers = {f"Captum{how}": captum(network) for how, network in setting.NETWORKS.items()}
    return {"ours": ours, **peers, "limit": limit}
