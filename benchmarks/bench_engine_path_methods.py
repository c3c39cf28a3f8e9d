"""Layer conductance at an early layer, integrated gradients: forward and back for each point of a path."""

from functools import partial

import numpy as np
import torch
from captum.attr import IntegratedGradients, LayerConductance

from benchmarks import setting
from benchmarks.harness import Case, Contestant
from staff.engine.explain import explain

LAYER, STEPS = 3, 50


def cases() -> list[Case]:
    targets = {"Captum": 4.0, "limit": 1.3}
    return [
        Case("layer conductance", f"N = 5, features[{LAYER}], {STEPS} steps", contestants(5, True), targets),
        Case("integrated gradients", f"N = 5, {STEPS} steps", contestants(5, False)),
    ]


def contestants(N: int, conductance: bool) -> dict[str, Contestant]:
    method = "layer_conductance" if conductance else "integrated_gradients"

    def ours(network):
        (X, y), model = setting.images(N), network()
        return lambda: explain(X, y, model, [method], f"features.{LAYER}", steps=STEPS)

    def captum(network):
        (X, y), model = setting.images(N), network()
        attribution = LayerConductance(model, model.features[LAYER]) if conductance else IntegratedGradients(model)
        return lambda: attribution.attribute(X, target=y, n_steps=STEPS)

    limit = partial(passes, N, STEPS + 1, LAYER + 1) if conductance else partial(passes, N, STEPS, 0)
    return {**setting.each("ours", ours), **setting.each("Captum", captum), "limit": limit}


def passes(N: int, points: int, depth: int):
    """The bare passes: forward, and back to the output of the first `depth` modules, for all points of each image."""
    (X, y), model = setting.images(N), setting.best()
    at = torch.from_numpy((np.polynomial.legendre.leggauss(points)[0] + 1) / 2).float().view(-1, 1, 1, 1)
    below, above = model.features[:depth], model.features[depth:]

    def work():
        for x, k in zip(X, y.tolist()):
            for some in at.tensor_split(-(-points // setting.CHUNK)):
                with torch.no_grad():
                    activation = below(setting.last(some * x))
                activation.requires_grad_()
                torch.autograd.grad(model.classifier(above(activation)).flatten(1)[:, k].sum(), activation)

    return work
