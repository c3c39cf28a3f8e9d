"""The scripts' Captum halves (Sundararajan et al. 2017, Dhamdhere et al. 2018): what flows from a grey image to x."""

import numpy as np
import pytest
import torch

from tests import compare, inputs, networks, sentences

pytestmark = pytest.mark.captum
LAYER, CONVOLUTION = "features.7", "features.8"  # a convolution's output has either sign
IG, CONDUCTANCE = ("IG_STEPS", 32), ("CONDUCTANCE_STEPS", 10)
READ = "the TODO of the function, and Captum's page on the method: steps, baseline, target"


@pytest.fixture(scope="module")
def asked():
    X = inputs.noise(3, 3, 20, 26, dtype=np.float64) - 0.5  # whose mean is not the grey of the baseline
    return {"network": "tiny", "seed": 3, "X": X, "y": np.array([4, 0, 2])}


@pytest.mark.points(1)
def test_integrated_gradients_are_those_of_the_paper(probe, asked):
    """The gradient, averaged along the way from the grey image, times the pixels, summed over the channels."""
    out = probe("integrated_gradients", **asked)
    seems = _other_steps(out["images"] / len(asked["X"]), *IG)
    seems = seems or _random(out["maps"], probe("integrated_gradients", **_twice(asked))["maps"])
    compare.assert_stored("integrated gradients", out["maps"], "captum", "integrated gradients", READ, otherwise=seems)


@pytest.mark.points(1)
def test_layer_conductance_is_that_of_the_paper(probe, asked):
    """All that flows through each unit of the layer on the way from the grey image to this one."""
    out = probe("layer_conductance", layer=LAYER, **asked)
    seems = _other_steps(_conductance_steps(out, len(asked["X"])), *CONDUCTANCE)
    seems = seems or _random(out["maps"], probe("layer_conductance", layer=LAYER, **_twice(asked))["maps"])
    compare.assert_stored("layer conductance", out["maps"], "captum", "layer conductance", READ, otherwise=seems)


@pytest.mark.parametrize(
    "function, steps, most, layer",
    [
        ("integrated_gradients", IG, ("IG_BATCH", 8), {}),
        ("layer_conductance", CONDUCTANCE, CONDUCTANCE, {"layer": LAYER}),
    ],
    ids=["integrated gradients", "layer conductance"],
)
def test_the_steps_are_the_scripts_and_few_are_in_memory_at_once(probe, asked, function, steps, most, layer):
    """The caption tells how many steps; all images at once need more memory than many have."""
    out, count = probe(function, **layer, **asked), len(asked["X"])
    came = out["maps"].shape[:1]
    assert came == (count,), f"expected {count} maps, one for each image, got the shape {out['maps'].shape}" + (
        ": does `return` stand within the loop?" if came == (1,) else ""
    )
    taken = _conductance_steps(out, count) if layer else out["images"] / count
    assert not _other_steps(taken, *steps), _other_steps(taken, *steps)
    told = f"expected at most {most[0]} = {most[1]} images in memory, got {out['most']}: one image after the other"
    told += f", internal_batch_size={most[0]}" if steps != most else ""
    assert out["most"] <= most[1] + 1, told  # conductance has an end more


def _other_steps(taken, name, steps):
    told = f"expected {name} = {steps} steps for each image, got {taken:g}: n_steps={name}"
    told += ", and the method that is asked for" if taken <= 1 else ""
    more = 0.5 if name.startswith("CONDUCTANCE") else 2  # who looks besides has more images; its own are known there
    return "" if -0.5 < taken - steps <= more else told


def _twice(asked):
    """Ask for the first image, twice in one call."""
    return asked | {"X": asked["X"][[0, 0]], "y": asked["y"][[0, 0]]}


def _random(maps, twice):
    """Name what differs from call to call, or from image to image where all are one."""
    if maps[:1].shape != twice[:1].shape or len(twice) != 2:
        return ""
    same = all(np.allclose(one, maps[0], rtol=1e-3, atol=1e-3 * np.abs(maps[0]).max()) for one in twice)
    return "" if same else "one image has several maps: is the baseline random? Take Captum's own, the grey image."


def _conductance_steps(out, count):
    """Return n_steps: each call has an end more, of each of its images."""
    together = 1 if out["calls"] >= count else count
    return (out["images"] - out["calls"] * together) / count


def test_each_image_has_a_neuron_of_its_own(probe, asked):
    """Guided backprop from the neuron that is given for this image."""
    neurons = compare.references("captum")["neurons"].tolist()
    maps = probe("neuron_responses", network="tiny", X=asked["X"], neurons=neurons, layer=CONVOLUTION, seed=3)["maps"]
    name, read = "the neurons' guided backprop", "the TODO of neuron_responses"
    each = len(maps) == len(neurons) ** 2
    seems = "each image is asked for all neurons: X[i : i + 1] with neurons[i]." if each else ""
    compare.assert_stored(name, maps, "captum", "neuron responses", read, otherwise=seems)


# --- what the figures are drawn from: a shape that these let through would end the scripts ---


def test_saliency_by_captum_is_that_of_part_one(probe):
    """On three scenes and the embedded network, (N, H, W): the largest of the three channels."""
    X, y = inputs.scenes(), compare.references("saliency_map")["y"]
    maps = probe("captum_saliency", network="embedded", X=X, y=y)["maps"]
    compare.assert_stored("saliency by Captum", maps, "saliency_map", "maps", "the TODO of captum_saliency")


def test_guided_backprop_and_grad_cam_by_captum_are_those_of_part_1_2(probe):
    """On three scenes and the embedded network: `guided` (N, H, W, 3) and `cam` (N, H, W), stretched to [0, 1]."""
    X, y = inputs.scenes(), compare.references("gradcam")["y"]
    maps = probe("captum_maps", network="embedded", X=X, y=y, layer="features.12")
    name, read = "guided backprop by Captum", "the TODO of captum_maps"
    stored = compare.references("gradcam")["guided backprop"]
    exchanged = maps["guided_cam"].shape == stored.shape and compare.relative_error(maps["guided_cam"], stored) < 1e-2
    seems = "`guided` and `guided_cam` are exchanged." if exchanged else ""
    seems = "`guided` and `cam` are exchanged." if (maps["guided"].ndim, maps["cam"].ndim) == (3, 4) else seems
    compare.assert_stored(name, maps["guided"], "gradcam", "guided backprop", read, otherwise=seems)
    wanted = (len(X), *X.shape[2:])
    told = f"Grad-CAM by Captum: expected the shape {wanted}, got {maps['cam'].shape}: hand it to as_cam(..., X)"
    assert maps["cam"].shape[1:] == X.shape[2:], told
    compare.assert_stored("Grad-CAM by Captum", maps["cam"], "gradcam", "Grad-CAM", read)


def test_guided_grad_cam_by_captum_is_their_product_but_for_the_kernel(probe):
    """`guided_cam` (N, H, W, 3): Captum enlarges the map, which it does not stretch, with another bicubic kernel."""
    X, y = inputs.scenes(), compare.references("gradcam")["y"]
    maps = probe("captum_maps", network="embedded", X=X, y=y, layer="features.12")["guided_cam"]
    name, read = "Guided Grad-CAM by Captum", "the TODO of captum_maps"
    compare.assert_stored(name, maps, "captum", "Guided Grad-CAM", read)


def test_the_evidence_of_a_layer_is_grad_cam_before_its_relu(probe):
    """`evidence` (N, h, w) of either sign: what is positive in it, at the image's size, is Grad-CAM."""
    X, y = inputs.scenes(), compare.references("gradcam")["y"]
    maps = probe("layer_maps", network="embedded", X=X, y=y, layer="features.12")
    evidence, exchanged = maps["evidence"], (maps["evidence"].ndim, maps["activation"].ndim) == (4, 3)
    large = evidence.shape[1:] == X.shape[2:]
    seems = "it has the size of the image: leave it as small as the layer, without as_cam." if large else ""
    seems = "`evidence` and `activation` are exchanged." if exchanged else seems
    compare.assert_stored("evidence", evidence, "captum", "evidence", "the TODO of layer_maps", otherwise=seems)


def test_the_activation_of_a_layer_is_its_output(probe, asked):
    """`activation` (N, C, h, w), of a layer in the middle, with what is negative."""
    X = asked["X"]
    activation = probe("layer_maps", layer=CONVOLUTION, **asked)["activation"]
    features, index = networks.build("tiny", "float64", seed=3).features, int(CONVOLUTION.rpartition(".")[2])
    output = features[: index + 1](torch.from_numpy(X)).numpy()
    weighed = activation if activation.shape == output.shape and is_weighed(activation, output) else output
    mistakes = {
        sentences.LAYER_INPUT: features[:index](torch.from_numpy(X)).numpy(),
        sentences.NEGATIVE_CUT: np.maximum(output, 0),
        "the absolute value is taken: take it as Captum gives it.": np.abs(output),
        "it is divided by each image's largest value: take it as Captum gives it.": (
            output / output.max((1, 2, 3), keepdims=True)
        ),
        "it is weighed by gradients: LayerActivation gives the layer's output alone.": weighed,
        "it is the output of another layer, the last: take `layer`.": features(torch.from_numpy(X)).numpy(),
        "its channels are averaged: take it as Captum gives it, (N, C, h, w).": output.mean(1),
        "its channels are added up: take it as Captum gives it, (N, C, h, w).": output.sum(1),
    }
    compare.assert_close("activation", activation, output, 1e-6, mistakes, "the TODO of layer_maps")


def is_weighed(activation, output):
    """Tell whether each channel is the output's, times a number of its own."""
    weights = (activation * output).sum((2, 3), keepdims=True) / (output**2).sum((2, 3), keepdims=True)
    apart = np.ptp(weights, axis=1).max() > 1e-6  # of the channels, not of images that are scaled, each by itself
    return apart and np.allclose(activation, weights * output, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize(("function", "name"), [("captum_maps", "cam"), ("layer_maps", "evidence")])
def test_maps_are_of_the_layer_that_is_handed_over(probe, function, name):
    """`cam` and `evidence` of an earlier layer are other maps."""
    asked = {"network": "embedded", "X": inputs.scenes()[:1], "y": compare.references("gradcam")["y"][:1]}
    maps, last = (probe(function, layer=layer, **asked)[name] for layer in ("features.4", "features.12"))
    same = maps.shape == last.shape and maps.ndim == 3 and np.allclose(maps, last)
    assert not same, f"expected `{name}` of the layer that is handed over, got one map for two: take `layer`"


@pytest.mark.parametrize(
    ("function", "names"),
    [
        ("captum_saliency", ["maps"]),
        ("integrated_gradients", ["maps"]),
        ("captum_maps", ["guided", "cam", "guided_cam"]),
        ("layer_maps", ["evidence"]),
        ("layer_conductance", ["maps"]),
    ],
)
def test_maps_are_of_the_class_that_is_handed_over(probe, function, names):
    """Two classes have two maps."""
    layer = {} if "saliency" in function or "integrated" in function else {"layer": "features.12"}
    asked = {"network": "embedded", "X": inputs.scenes()[:1]} | layer
    y = compare.references("saliency_map")["y"][:1]
    one, other = (probe(function, **asked, y=classes) for classes in (y, y + 1))
    for name in names:
        same = one[name].shape == other[name].shape and one[name].any() and np.allclose(one[name], other[name])
        assert not same, f"expected `{name}` of the class that is handed over, got one map for two: take target=y"


@pytest.mark.parametrize(
    ("function", "names"),
    [
        ("captum_saliency", ["maps"]),
        ("integrated_gradients", ["maps"]),
        ("captum_maps", ["guided", "cam", "guided_cam"]),
        ("layer_maps", ["evidence", "activation"]),
        ("layer_conductance", ["maps"]),
        ("neuron_responses", ["maps"]),
    ],
)
def test_one_image_alone_keeps_its_axis(probe, asked, function, names):
    """Maps of one image alone have the axis N, too, of length 1."""
    settings = {} if "saliency" in function or "integrated" in function else {"layer": CONVOLUTION}
    several = asked | settings
    if function == "neuron_responses":
        del several["y"]
        several["neurons"] = compare.references("captum")["neurons"].tolist()
    one = several | {key: several[key][:1] for key in ("X", "y", "neurons") if key in several}
    maps, all_maps = probe(function, **one), probe(function, **several)
    for name in names:
        wanted, got = (1, *all_maps[name].shape[1:]), maps[name].shape
        told = f"`{name}` of one image: expected the shape {wanted}, got {got}"
        if got in (wanted[1:], tuple(length for length in wanted if length != 1)):
            told += ": squeeze() takes away the axis of one image, too: name the axis, squeeze(1), or take [:, 0]"
        assert got == wanted, told
