"""Draws what the hidden tests of the scripts' Captum halves ask."""

from functools import partial

import numpy as np

from staff.hidden import drawing
from staff.hidden.drawing import Question
from staff.references import captum, chain_rule

COUNT = 2
Rng = np.random.Generator


def draw_integrated_gradients(rng: Rng) -> Question:
    model, arguments = _draw(rng)
    asked = model, arguments["X"], arguments["y"], captum.IG_STEPS
    right, wrong = captum.integrated_gradients(*asked), partial(captum.integrated_gradients_mistakes, *asked)
    return Question("integrated_gradients", arguments, {"maps": right}, {"maps": wrong}, captum.IG_TOLERANCE)


def draw_layer_conductance(rng: Rng, layer: str = "features.8") -> Question:
    model, arguments = _draw(rng)
    asked = model, arguments["X"], arguments["y"], layer, captum.CONDUCTANCE_STEPS
    right, wrong = captum.layer_conductance(*asked), partial(captum.layer_conductance_mistakes, *asked)
    arguments["layer"] = layer
    return Question("layer_conductance", arguments, {"maps": right}, {"maps": wrong}, captum.CONDUCTANCE_TOLERANCE)


def draw_neuron_responses(rng: Rng, layer: int = 4) -> Question:
    model, arguments = _draw(rng)
    del arguments["y"]
    X = arguments["X"]
    outputs = chain_rule.through(model.features[: layer + 1], X, np.zeros_like).outputs[""]
    neurons = [tuple(int(i) for i in np.unravel_index(rng.choice(len(A.ravel())), A.shape)) for A in outputs]
    arguments |= {"layer": f"features.{layer}", "neurons": neurons}
    right = captum.neuron_responses(model, X, neurons, layer)
    wrong = partial(captum.neuron_responses_mistakes, model, X, neurons, layer)
    return Question("neuron_responses", arguments, {"maps": right}, {"maps": wrong}, drawing.OF_GRADIENTS)


def _draw(rng: Rng) -> tuple:
    """Images small enough for a hundred steps, classes that the network would not have said."""
    network, X = drawing.draw_network(rng, "tiny"), rng.standard_normal((COUNT, 3, *rng.permutation([18, 22])))
    model = drawing.build(network)
    return model, {"X": X, "y": drawing.draw_other_classes(rng, model, X), **network}
