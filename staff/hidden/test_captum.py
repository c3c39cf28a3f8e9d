import pytest

from staff.hidden import captum

pytestmark = pytest.mark.captum
READ = "the TODO of the function, and Captum's page on the method: steps, baseline, target"


@pytest.mark.points(0.5)
def test_integrated_gradients_of_drawn_images(probe, rng):
    """The gradient's mean along the way from the grey image, times the pixels, summed over the channels."""
    captum.draw_integrated_gradients(rng).ask(probe, "integrated gradients", READ)


@pytest.mark.points(0.5)
def test_layer_conductance_of_drawn_images(probe, rng):
    """Each unit of the layer has what flows through it on the way from the grey image."""
    captum.draw_layer_conductance(rng).ask(probe, "conductance", READ)


@pytest.mark.points(1)
def test_a_drawn_neuron_responds_as_guided_backprop_does(probe, rng):
    """Guided backprop from one neuron of each image, which is another one for each."""
    captum.draw_neuron_responses(rng).ask(probe, "the neurons' guided backprop", READ)
