from functools import partial

import numpy as np
import pytest

from staff.hidden import drawing
from staff.references import captum, chain_rule

pytestmark = pytest.mark.captum
READ = "the TODO of the function, and Captum's page on the method: steps, baseline, target"
COUNT = 2


@pytest.fixture
def asked(rng):
    """Images small enough for a hundred steps, classes that the network would not have said."""
    network, X = drawing.network(rng, "tiny"), rng.standard_normal((COUNT, 3, *rng.permutation([18, 22])))
    scores = chain_rule.scores(drawing.model(network), X)
    y = (scores.argmax(1) + rng.integers(1, scores.shape[1], COUNT)) % scores.shape[1]
    return drawing.model(network), {"X": X, "y": y, **network}


@pytest.mark.points(0.5)
def test_integrated_gradients_of_drawn_images(probe, asked):
    """The gradient's mean along the way from the grey image, times the pixels, summed over the channels."""
    model, arguments = asked
    X, y = arguments["X"], arguments["y"]
    maps = probe("integrated_gradients", **arguments)["maps"]
    right = captum.integrated_gradients(model, X, y, captum.IG_STEPS)
    wrong = partial(captum.integrated_gradients_mistakes, model, X, y, captum.IG_STEPS)
    drawing.judge("integrated gradients", maps, right, captum.IG_TOLERANCE, wrong, READ)


@pytest.mark.points(0.5)
def test_layer_conductance_of_drawn_images(probe, asked):
    """What flows through each unit of the layer on the way from the grey image."""
    model, arguments = asked
    X, y, layer = arguments["X"], arguments["y"], "features.8"
    maps = probe("layer_conductance", layer=layer, **arguments)["maps"]
    right = captum.layer_conductance(model, X, y, layer, captum.CONDUCTANCE_STEPS)
    wrong = partial(captum.layer_conductance_mistakes, model, X, y, layer, captum.CONDUCTANCE_STEPS)
    drawing.judge("conductance", maps, right, captum.CONDUCTANCE_TOLERANCE, wrong, READ)


@pytest.mark.points(1)
def test_a_drawn_neuron_responds_as_guided_backprop_does(probe, rng, asked):
    """Guided backprop from one neuron of each image, which is another one for each."""
    model, arguments = asked
    del arguments["y"]
    layer, X = 4, arguments["X"]
    outputs = chain_rule.through(model.features[: layer + 1], X, np.zeros_like).outputs[""]
    neurons = [tuple(int(i) for i in np.unravel_index(rng.choice(len(A.ravel())), A.shape)) for A in outputs]
    maps = probe("neuron_responses", layer=f"features.{layer}", neurons=neurons, **arguments)["maps"]
    right = captum.neuron_responses(model, X, neurons, layer)
    wrong = partial(captum.neuron_responses_mistakes, model, X, neurons, layer)
    drawing.judge("the neurons' guided backprop", maps, right, drawing.OF_GRADIENTS, wrong, READ)
