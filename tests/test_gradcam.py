"""Guided backprop (Springenberg et al. 2015), Grad-CAM (Selvaraju et al. 2017), and their product, Guided Grad-CAM."""

import warnings
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from PIL import Image

from tests import compare, inputs, networks, sentences

guided = pytest.mark.guided_backprop
gradcam = pytest.mark.gradcam
READ_RELU = "CustomReLU.backward: dout * 1[x > 0] * 1[dout > 0]"
READ_GUIDED = "GradCam.guided_backprop: the gradient of the score, with CustomReLU for every ReLU, as (N, H, W, 3)"
READ_CAM = "GradCam.grad_cam: weights are the layer's mean gradients; ReLU(the sum of its channels, so weighed)"


def captums_guided(model, X, y):
    from captum.attr import GuidedBackprop

    images = torch.from_numpy(X).requires_grad_()
    return GuidedBackprop(model).attribute(images, target=torch.from_numpy(y)).detach().permute(0, 2, 3, 1).numpy()


# --- CustomReLU ---


def custom_relu_mistakes(x, dout):
    """Results of the usual mistakes in its backward."""
    passes = np.maximum(dout, 0)
    return {
        "this is the plain ReLU: negative gradients must stop too (dout > 0).": dout * (x > 0),
        "this is the deconvnet's rule: gradients must stop where x was not positive, too.": passes,
        "what is stopped and what passes are exchanged for x: it passes where x is positive.": passes * (x <= 0),
        "the branches of where are exchanged: what should pass stops, and what should stop passes.": np.where(
            (x > 0) & (dout > 0), 0, dout
        ),
        "x comes back instead of dout.": x * (x > 0) * (dout > 0),
        "x comes back where it is positive: dout must pass.": x * (x > 0),
        "x comes back where it is not positive: dout must stop there, with 0.": np.where(x > 0, passes, x),
        "dout is multiplied by x: where it may pass, it passes as it is.": passes * x * (x > 0),
        "dout is multiplied by x, and stopped nowhere: it passes as it is where both are positive.": x * dout,
        "dout is multiplied by the sign of x: it must stop where x is negative.": passes * np.sign(x),
        "the positive part of x * dout comes back: dout passes as it is, where both are positive.": np.maximum(
            x * dout, 0
        ),
        "dout passes where x * dout is positive, so where both are negative, too: both must be positive.": (
            dout * (x * dout > 0)
        ),
        "dout passes where one of x and dout is positive: both must be (& instead of |).": (
            dout * ((x > 0) | (dout > 0))
        ),
        "dout comes back as it is.": dout,
        "the absolute value of dout passes: what is negative must stop.": np.abs(dout) * (x > 0),
        "dout is cut off at 1: what passes, passes as it is.": np.minimum(passes, 1) * (x > 0),
        "what is negative passes, and what is positive stops: it is the other way round.": dout * (x > 0) * (dout < 0),
        "the mask is added: multiply by it.": passes + (x > 0),
        "the masks are added: multiply them, both must be.": dout * ((x > 0) + 1.0 * (dout > 0)),
    }


@guided
@pytest.mark.points(2)
def test_custom_relu_lets_through_what_is_positive_in_both_directions(probe):
    """Backward, dout passes where x > 0 and dout > 0."""
    x = np.float32([[-2, -1, 0.5, 1, 2, 3], [3, 2, 1, -0.5, -1, -2]])
    dout = np.float32([[5, -5, 4, 5, -5, 0.5], [-1, 1, 2, 7, 7, -7]])
    expected = np.float32([[0, 0, 4, 5, 0, 0.5], [0, 1, 2, 0, 0, 0]])
    out = probe("custom_relu", x=x, upstream=dout)
    compare.assert_close("the gradient", out["gradient"], expected, 1e-6, custom_relu_mistakes(x, dout), READ_RELU)
    compare.assert_close("the output", out["output"], np.maximum(x, 0), 1e-6)


@guided
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_custom_relu_writes_to_neither_side(probe, dtype):
    """x and dout belong to others."""
    out = probe("custom_relu", x=inputs.noise(2, 3, 4, 5, dtype=dtype), upstream=inputs.noise(2, 3, 4, 5, dtype=dtype))
    written = out["written"].replace("upstream", "dout")
    assert not written, f"expected x and dout as they were, got {written} changed: work on a copy"
    types = out["gradient"].dtype, out["output"].dtype
    assert types == (dtype, dtype), f"expected numbers of {dtype.__name__}, got {types[0]} and {types[1]}"


# --- guided backprop ---

PLAIN = "CustomReLU's backward must also stop negative gradients (dout > 0)."
FORGOTTEN = "CustomReLU is never called: run the network, not backward alone, in relu_replaced_by(CustomReLU.apply)."


@contextmanager
def telling_apart(out, network):
    """Tell some ReLUs alone, and the plain gradient of two mistakes, by how often the function was called."""
    try:
        yield
    except AssertionError as problem:
        relus, text = sum(isinstance(module, torch.nn.ReLU) for module in network.modules()), str(problem)
        if not out["relus"]:
            text = text.replace(PLAIN, FORGOTTEN)
        elif out["relus"] < relus and out["calls"] <= 1:  # 0 is a copy's
            lines = [line for line in text.splitlines() if "It looks like" not in line]
            some = f"only {out['relus']} of the network's {relus} ReLUs are replaced: most lie deeper, in Fire."
            text = "\n".join([*lines, f"    It looks like this mistake: {some}"])
        raise AssertionError(text) from None


@guided
@pytest.mark.points(3)
def test_guided_backprop_of_the_sample_scenes(probe):
    """On three scenes and the embedded network the maps are those that were stored."""
    X, y = inputs.scenes(), compare.references("gradcam")["y"]
    out = probe("guided_backprop", network="embedded", X=X, y=y)
    with telling_apart(out, networks.build("embedded")):
        maps, seems = out["maps"], inputs.name_training(out)
        compare.assert_stored("guided backprop", maps, "gradcam", "guided backprop", READ_GUIDED, otherwise=seems)


@guided
@pytest.mark.points(1)
def test_guided_backprop_of_one_image(probe):
    """A single image, higher than wide, asked twice: the second call knows nothing of the first."""
    X, y = inputs.scenes((4,), 80, 56), np.array([4])
    out = probe("guided_backprop", network="embedded", X=X, y=y, times=2)
    expected = captums_guided(networks.build("embedded"), X, y)
    compare.assert_again("guided backprop", out["first"], out["maps"], expected, 1e-2, read=READ_GUIDED)


@guided
@pytest.mark.points(1)
def test_guided_backprop_is_the_gradient_where_all_is_positive(probe):
    """If weights and inputs are >= 0, no ReLU ever stops anything: guided backprop equals the plain gradient."""
    X, y = np.abs(inputs.noise(3, 3, 12, 20)), np.array([0, 3, 4])
    images = torch.from_numpy(X).requires_grad_()
    scores = networks.build("positive")(images)
    (gradient,) = torch.autograd.grad(scores[torch.arange(3), torch.from_numpy(y)].sum(), images)
    maps = probe("guided_backprop", network="positive", X=X, y=y)["maps"]
    compare.assert_close("guided backprop", maps, gradient.permute(0, 2, 3, 1).numpy(), 1e-5, read=READ_GUIDED)


@guided
def test_guided_backprop_agrees_with_captum(probe):
    """To 1e-5 of the largest value, on the embedded network."""
    X, y = inputs.scenes(), inputs.labels()
    expected = captums_guided(networks.build("embedded"), X, y)
    maps = probe("guided_backprop", network="embedded", X=X, y=y)["maps"]
    assert np.abs(maps - expected).max() <= 1e-5 * np.abs(expected).max()


@guided
def test_relus_that_are_called_as_functions_count_too(probe):
    """F.relu, torch.relu, x.relu(), x.relu_(), a module used twice: a rewrite with CustomReLU gives the same maps."""
    from visualizers.gradcam import CustomReLU

    X, y = inputs.noise(2, 3, 9, 11, dtype=np.float64), np.array([1, 4])
    model, images = networks.build("functional", "float64"), torch.from_numpy(X).requires_grad_()

    def rewrite(*relus):
        x = images
        for convolution, relu in zip(model.convolutions, relus):
            x = relu(convolution(x))
        scores = model.head(x.mean(dim=(2, 3)))
        return torch.autograd.grad(scores[[0, 1], [1, 4]].sum(), images)[0].permute(0, 2, 3, 1).numpy()

    guided, plain = CustomReLU.apply, torch.relu
    mistakes = {
        "ReLUs that the network calls as functions (F.relu, x.relu()) are missed, only modules are replaced: run it "
        "within `with relu_replaced_by(CustomReLU.apply):`, which meets all.": rewrite(
            guided, *[plain] * 4, guided, plain
        ),
        "no ReLU is replaced here, where most are called as functions (F.relu, x.relu()): run the network within `with "
        "relu_replaced_by(CustomReLU.apply):`, which meets all.": rewrite(*[plain] * 7),
    }
    out = probe("guided_backprop", network="functional", X=X, y=y)
    compare.assert_close("guided backprop", out["maps"], rewrite(*[guided] * 7), 1e-12, mistakes, READ_GUIDED)
    assert out["calls"] == 1, f"expected the network to be run once, got {out['calls']} runs"
    assert not out["changed"], (
        f"expected the network as it was, got another {out['changed']}: put back what you replace"
    )


@guided
def test_the_network_gives_the_same_scores_and_gradients_afterwards():
    """No ReLU is left replaced: scores, and the gradient through them, are as before."""
    from visualizers import GradCam

    model, X = networks.build("embedded"), torch.from_numpy(inputs.scenes())

    def gradient():
        x = X.clone().requires_grad_()
        return torch.autograd.grad(model(x).sum(), x)[0]

    before, y = gradient(), torch.tensor([0, 1, 2])
    first = GradCam().guided_backprop(X, y, model)
    hooked = any(m._forward_hooks or m._backward_hooks or m._backward_pre_hooks for m in model.modules())
    left = (
        "hooks are left on the network: remove each, handle.remove()."
        if hooked
        else "the network's ReLUs are not put back: let CustomReLU stand for them within `with "
        "relu_replaced_by(CustomReLU.apply):`, which ends by itself."
    )
    told = "expected the same gradient through the network after guided backprop, got another"
    assert torch.equal(gradient(), before), f"{told}\n    It looks like this mistake: {left}"
    again = np.array_equal(GradCam().guided_backprop(X, y, model), first)
    assert again, f"expected the same maps from a second call\n    It looks like this mistake: {sentences.SECOND_CALL}"


@guided
def test_guided_backprop_leaves_its_images_as_they_were(probe):
    """X_tensor belongs to the caller: neither its numbers nor its requires_grad nor its .grad change."""
    inputs.check_left(probe("guided_backprop", network="tiny", X=inputs.noise(2, 3, 24, 20), y=np.array([1, 2])))


# --- Grad-CAM ---


def check_stored_cam(out, key):
    def assert_stored(maps):
        seems = recognise_two(maps, key) or inputs.name_training(out)
        compare.assert_stored("Grad-CAM", maps, "gradcam", key, READ_CAM, otherwise=seems)

    compare.check_cam(out["maps"], assert_stored)


def recognise_two(maps, key):
    """Name the mistake that two of the three maps tell: a sure class's loss has a gradient of rounding alone."""
    right = compare.references("gradcam")[key]
    if maps.shape != right.shape or not np.isfinite(maps).all():
        return ""
    own, expected, image = map(compare.few, (maps, right, np.arange(maps.size) // maps[0].size))
    for sentence, wrong in compare.mistakes_of("gradcam", key).items():
        if wrong.shape == maps.shape:
            each = [(own[image == i], wrong.values[image == i], expected[image == i]) for i in range(len(maps))]
            near = [compare.relative_error(a, b) < 1e-3 and compare.relative_error(b, c) > 1e-2 for a, b, c in each]
            if sum(near) >= 2:
                return sentence
    return ""


@gradcam
@pytest.mark.points(3)
def test_grad_cam_of_the_sample_scenes(probe):
    """On three scenes and the embedded network the maps are those that were stored; rows stay rows."""
    X, y = inputs.scenes(), compare.references("gradcam")["y"]
    check_stored_cam(probe("grad_cam", network="embedded", X=X, y=y), "Grad-CAM")


@gradcam
@pytest.mark.points(2)
def test_grad_cam_of_another_network(probe):
    """Here gradients differ over the layer's pixels, so that it matters that their mean is the weight."""
    X, y = inputs.scenes(), compare.references("gradcam")["another network: y"]
    out = probe("grad_cam", network="deep", seed=3, classes=7, X=X, y=y)
    check_stored_cam(out, "Grad-CAM of another network")


@gradcam
@pytest.mark.points(2)
def test_grad_cam_of_a_linear_head_is_its_class_activation_map(probe):
    """If scores are linear in the channels' means: the weighted sum of the channels, cut at 0, a second time, too."""
    model, X, y = networks.build("tiny"), inputs.noise(1, 3, 24, 24), np.array([2])
    with torch.no_grad():
        A = model.features(torch.from_numpy(X))[0].numpy()
    cam = np.tensordot(model.classifier[2].weight[2].numpy(), A, 1)
    assert (cam > 0).any() and (cam < 0).any()

    def enlarge(cam):
        return compare.stretch(np.asarray(Image.fromarray(cam).resize((24, 24), Image.Resampling.BICUBIC))[None])

    mistakes = {sentences.LAST_RELU: enlarge(cam)}
    out = probe("grad_cam", network="tiny", X=X, y=y, times=2)
    compare.assert_again("Grad-CAM", out["first"], out["maps"], enlarge(np.maximum(cam, 0)), 1e-4, mistakes, READ_CAM)


@gradcam
@pytest.mark.points(1)
def test_guided_grad_cam_is_the_product(probe):
    """Grad-CAM times guided backprop, pixel by pixel; as the latter is tested above, the stored one is taken."""
    X, y = inputs.scenes(), compare.references("gradcam")["y"]
    out = probe("grad_cam", network="embedded", X=X, y=y)
    cam = out["maps"]
    expected, back = (compare.references("gradcam")[key] for key in ("Grad-CAM", "guided backprop"))
    compare.check_shape("Grad-CAM", cam, expected.shape)
    product = compare.stretch(cam)[..., None] * back
    if compare.relative_error(product, expected[..., None] * back) > 1e-2:
        check_stored_cam(out, "Grad-CAM")  # says what is wrong with it
    compare.assert_close("Guided Grad-CAM", product, expected[..., None] * back, 1e-2, read=READ_CAM)


@gradcam
@pytest.mark.points(1)
def test_grad_cam_where_nothing_speaks_for_the_class_is_zero(probe):
    """A class with negative weights alone, and a dead one: zeros, not NaN, beside an image that has a map."""
    X = np.abs(inputs.noise(3, 3, 16, 20))
    maps = probe("grad_cam", network="positive", X=X, y=np.array([0, 1, 2]))["maps"]
    compare.check_shape("Grad-CAM (never divide by a maximum of 0)", maps, (3, 16, 20))
    assert not maps[1:].any(), "expected zeros where nothing speaks for the class"
    assert maps[0].any(), "expected a map of the image in which something speaks for the class, got zeros"


@gradcam
def test_grad_cam_says_where_nothing_speaks_for_the_class(probe):
    X = np.abs(inputs.noise(3, 3, 16, 20))
    out = probe("grad_cam", network="positive", X=X, y=np.array([0, 1, 2]))
    words, said = "nothing in image [1, 2] speaks for the asked class: its Grad-CAM is zero", out["warnings"]
    assert said == words, f"expected one warning\n    {words}\ngot\n    {said or 'none'}"


@gradcam
def test_each_map_is_stretched_by_itself(probe):
    """An image's map does not depend on which others are in the batch."""
    X, y = inputs.scenes(), inputs.labels()
    together = probe("grad_cam", network="embedded", X=X, y=y)["maps"]
    alone = [probe("grad_cam", network="embedded", X=X[i : i + 1], y=y[i : i + 1])["maps"] for i in range(3)]
    assert np.abs(together - np.concatenate(alone)).max() < 1e-4
    assert np.allclose(together.max(axis=(1, 2)), 1) and np.allclose(together.min(axis=(1, 2)), 0)


@gradcam
def test_grad_cam_leaves_its_images_as_they_were(probe):
    """X_tensor belongs to the caller: neither its numbers nor its requires_grad nor its .grad change."""
    inputs.check_left(probe("grad_cam", network="tiny", X=inputs.noise(2, 3, 24, 20), y=np.array([1, 2])))


@gradcam
def test_grad_cam_agrees_with_captum():
    """Captum's LayerGradCam, with its ReLU and at the layer's size, is ours before resizing, to 1e-5."""
    from captum.attr import LayerGradCam

    from visualizers import GradCam
    from visualizers.gradcam import resize

    model, X, y = networks.build("embedded"), torch.from_numpy(inputs.scenes()), torch.from_numpy(inputs.labels())
    raw = LayerGradCam(model, model.features[12]).attribute(X, target=y, relu_attributions=True).detach()
    expected = resize(raw[:, 0], X.shape[2:]).numpy()
    assert np.abs(GradCam().grad_cam(X, y, model) - expected).max() <= 1e-5


@gradcam
def test_grad_cam_at_the_last_layer_is_that_layers_own_map():
    """At classifier[2], the ReLU before the average, the map of class c is channel c of the layer."""
    from visualizers import GradCam
    from visualizers.gradcam import resize

    model, X, y = networks.build("embedded"), torch.from_numpy(inputs.scenes()), torch.from_numpy(inputs.labels())
    with torch.no_grad():
        scores = model.classifier[:3](model.features(X))
    own = torch.stack([scores[i, c] for i, c in enumerate(y)])
    got = GradCam("classifier.2").grad_cam(X, y, model)
    assert np.abs(got - resize(own, X.shape[2:]).numpy()).max() < 1e-5


@gradcam
def test_a_map_that_is_the_same_everywhere_is_all_ones():
    """A constant map cannot be stretched: where it speaks for the class, everything does."""
    from visualizers.gradcam import resize

    assert torch.equal(resize(torch.full((1, 3, 4), 2.0), torch.Size((6, 8))), torch.ones(1, 6, 8))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert not resize(torch.zeros(1, 3, 4), torch.Size((6, 8))).any()


@gradcam
def test_an_unknown_layer_is_named():
    from visualizers import GradCam

    X, y = torch.zeros(1, 3, 8, 8), torch.zeros(1, dtype=torch.int64)
    with pytest.raises(
        ValueError, match=r"^expected the name of a layer, got 'features.99': try one of features, feat"
    ):
        GradCam("features.99").grad_cam(X, y, networks.build("tiny"))
