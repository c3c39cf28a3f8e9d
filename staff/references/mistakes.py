"""The usual mistakes: for each student function, a sentence of help and what the mistake gives, in float64.

What is returned fits the `mistakes` argument of tests/compare.py. Only outputs leave this folder, never this code.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from staff.references import oracle
from staff.references.oracle import one_hot, through

Mistakes = dict[str, np.ndarray]


def saliency(model: nn.Module, X: np.ndarray, y: np.ndarray) -> Mistakes:
    g = through(model, X, one_hot(y)).gradient
    entropy = through(model, X, lambda s: _softmax(s) - one_hot(y)(s)).gradient
    probability = through(model, X, lambda s: _probability_slope(s, y)).gradient
    own = np.abs(g).max(1)
    wrong = {
        "the channels are added up: take the largest of the three.": np.abs(g).sum(1),
        "the channels are averaged: take the largest of the three.": np.abs(g).mean(1),
        "the absolute value is missing: a strong negative gradient counts too.": g.max(1),
        "the absolute value is taken after the maximum: take it of each channel first.": np.abs(g.max(1)),
        "the channels' norm is taken: take the largest of their absolute values.": np.sqrt((g**2).sum(1)),
        "the gradient is that of a cross-entropy loss: take that of the score itself.": np.abs(entropy).max(1),
        "the gradient is that of the probability (after softmax): take that of the score.": np.abs(probability).max(1),
        "the gradient of all scores together: pick each image's own class y.": np.abs(_of_all(model, X)).max(1),
        "the class that the network predicts was taken, not the one that was asked for.": np.abs(
            through(model, X, _predicted).gradient
        ).max(1),
        "the maximum is taken over the wrong axis, or not at all: channels are axis 1 of (N, 3, H, W).": np.abs(g),
    }
    wrong |= {f"channel {c} alone is looked at: take the largest of the three.": np.abs(g[:, c]) for c in range(3)}
    wrong["the gradient is multiplied by the image: take it alone."] = np.abs(g * X).max(1)
    for axis, name in ((2, "height"), (3, "width")):
        sentence = f"the maximum is taken over the {name}: channels are axis 1 of (N, 3, H, W)."
        wrong[sentence] = np.abs(g).max(axis)
    if len(X) > 1:
        wrong["the gradient is divided by the number of images: add the scores up, without a mean."] = own / len(X)
    return wrong | _of_some_images(own)


def custom_relu(x: np.ndarray, dout: np.ndarray) -> Mistakes:
    """Of its backward."""
    return {
        "this is the plain ReLU: negative gradients must stop too (dout > 0).": dout * (x > 0),
        "this is the deconvnet's rule: gradients must stop where x was not positive, too.": dout * (dout > 0),
        "x = 0 counts as positive here: it does not.": dout * (x >= 0) * (dout > 0),
        "ones come back: dout itself passes, where it may.": (x > 0) * (dout > 0) * 1.0,
        "x comes back instead of dout.": x * (x > 0) * (dout > 0),
        "dout comes back as it is.": dout,
        "the absolute value of dout passes: what is negative must stop.": np.abs(dout) * (x > 0),
        "what is negative passes, and what is positive stops: it is the other way round.": dout * (x > 0) * (dout < 0),
        "what should pass is stopped, and what should be stopped passes.": dout * ~((x > 0) & (dout > 0)),
    }


def guided_backprop(model: nn.Module, X: np.ndarray, y: np.ndarray) -> Mistakes:
    def maps(upstream, rule="guided"):
        return np.moveaxis(through(model, X, upstream, rule).gradient, 1, 3)

    own = maps(one_hot(y))
    wrong = {
        "this is the plain gradient: each ReLU must also stop negative gradients (dout > 0).": maps(
            one_hot(y), "plain"
        ),
        "this is the deconvnet's rule: each ReLU must also stop gradients where its input was not positive (x > 0).": (
            maps(one_hot(y), "deconvnet")
        ),
        "the gradient of all scores together: pick each image's own class y.": maps(np.ones_like),
        "the class that the network predicts was taken, not the one that was asked for.": maps(_predicted),
        "the axes are not in the order N, H, W, C: the channels come last.": np.moveaxis(own, 3, 1),
        "height and width are exchanged.": own.transpose(0, 2, 1, 3),
        "the absolute value was taken: the gradient keeps its sign.": np.abs(own),
        "negative values of the result were cut off: the gradient of the pixels keeps its sign.": np.maximum(own, 0),
        "the gradient is that of a cross-entropy loss: take that of the score itself.": maps(
            lambda s: _softmax(s) - one_hot(y)(s)
        ),
        "the gradient is that of the probability (after softmax): take that of the score.": maps(
            lambda s: _probability_slope(s, y)
        ),
        "the maximum over the channels was taken: all three are asked for.": np.abs(own).max(3),
        "pixels are mixed up by reshape (or view): permute the axes.": np.moveaxis(own, 3, 1).reshape(own.shape),
    }
    if len(X) > 1:
        wrong["the gradient is divided by the number of images: add the scores up, without a mean."] = own / len(X)
    return wrong | _of_some_images(own)


def grad_cam(model: nn.Module, X: np.ndarray, y: np.ndarray, layer: str = "features.12") -> Mistakes:
    size = X.shape[2:]

    def finished(cam):
        return oracle.scaled(oracle.resized(cam, size))

    there = through(model, X, one_hot(y))
    A, gradient = there.outputs[layer], there.gradients[layer]
    cam = oracle.raw_cam(model, X, y, layer)
    positive = np.maximum(cam, 0)
    predicted = there.scores.argmax(1)
    of_all = (through(model, X, np.ones_like).gradients[layer].mean((2, 3), keepdims=True) * A).sum(1)
    wrong = {
        "the last ReLU is missing: what speaks against the class is cut off before resizing.": finished(cam),
        "the absolute value stands where the last ReLU should.": finished(np.abs(cam)),
        "the gradients are not averaged over the layer's pixels before they weigh its channels.": finished(
            np.maximum((gradient * A).sum(1), 0)
        ),
        "the channels are not weighed by the gradients.": finished(np.maximum(A.sum(1), 0)),
        "the gradients alone are summed: they must weigh the layer's output.": finished(np.maximum(gradient.sum(1), 0)),
        "the ReLU is applied to each channel: apply it once, to their weighted sum.": finished(
            np.maximum(gradient.mean((2, 3), keepdims=True) * A, 0).sum(1)
        ),
        "negative weights are cut off: the ReLU belongs to the weighted sum.": finished(
            (np.maximum(gradient.mean((2, 3), keepdims=True), 0) * A).sum(1)
        ),
        "the class that the network predicts was taken, not the one that was asked for.": finished(
            np.maximum(oracle.raw_cam(model, X, predicted, layer), 0)
        ),
        "the gradient of all scores together: pick each image's own class y.": finished(np.maximum(of_all, 0)),
        "the map is not stretched to [0, 1].": oracle.resized(positive, size),
        "the map is turned: height and width are exchanged (PIL's resize takes width first).": finished(
            positive
        ).transpose(0, 2, 1),
        "the map is turned before it is resized: its rows are rows of the image.": finished(
            positive.transpose(0, 2, 1)
        ),
        "the map is turned: height and width are exchanged in its new size (PIL's resize takes width first).": (
            oracle.scaled(oracle.resized(positive, size[::-1]))
        ),
        "the map has the size of the layer: resize it to the image.": positive,
        "the map is stretched, but has the size of the layer: resize it to the image.": oracle.scaled(positive),
        "the map is enlarged by repeating pixels: bicubic is asked for.": oracle.scaled(_repeated(positive, size)),
        "the gradients are averaged over the images, too: each image has weights of its own.": finished(
            np.maximum((gradient.mean((0, 2, 3), keepdims=True) * A).sum(1), 0)
        ),
        "the gradients are squared before they are averaged.": finished(
            np.maximum(((gradient**2).mean((2, 3), keepdims=True) * A).sum(1), 0)
        ),
        "the largest gradient stands for their mean.": finished(
            np.maximum((gradient.max((2, 3), keepdims=True) * A).sum(1), 0)
        ),
    }
    if len(X) == 1:
        del wrong["the gradients are averaged over the images, too: each image has weights of its own."]
    for other in ("features.11", "features.10", "features.9", "features.7", "features.4", "features.1"):
        if other in there.outputs and there.outputs[other].ndim == 4:
            sentence = f"the layer is {other.replace('.', '[')}] instead of features[12]."
            wrong[sentence] = oracle.grad_cam(model, X, y, other)
    if size[0] == size[1]:
        del wrong["the map is turned: height and width are exchanged (PIL's resize takes width first)."]
        del wrong["the map is turned: height and width are exchanged in its new size (PIL's resize takes width first)."]
        wrong["the map is turned: its rows are columns."] = finished(positive).transpose(0, 2, 1)
    return wrong | _of_some_images(finished(positive))


def fooling(model: nn.Module, X: np.ndarray, target: int, learning_rate: float = 10) -> Mistakes:
    """Of the fooling image. Mistakes that never get there are followed for a few steps more than it takes."""
    X = np.asarray(X, np.float64)
    _, steps = oracle.fooling(model, X, target, learning_rate)

    own = one_hot([target])

    def ascend(move, upstream=own, most=steps + 3, repeats=1):
        x, total = X, 0.0
        for _ in range(most):
            there = through(model, x, upstream)
            if there.scores[0].argmax() == target:
                break
            for _ in range(repeats):
                total = total + there.gradient
                x = x + learning_rate * move(there.gradient, total)
        return x

    fooled = ascend(lambda g, total: _unit(g))
    wrong = {
        "a step is taken after the network is fooled: look at the scores first.": fooled
        + learning_rate * _unit(through(model, fooled, one_hot([target])).gradient),
        "each pass of the loop takes two steps.": ascend(lambda g, total: _unit(g), repeats=2),
        "the gradient is not divided by its norm.": ascend(lambda g, total: g, most=100),
        "the gradient is divided by the square of its norm.": ascend(lambda g, total: g / (g**2).sum()),
        "the gradient is divided by its largest value: take the L2 norm.": ascend(lambda g, total: g / np.abs(g).max()),
        "the sign of the gradient is taken: divide it by its L2 norm.": ascend(lambda g, total: np.sign(g)),
        "the gradient is that of a cross-entropy loss or of a probability: take that of the score.": ascend(
            lambda g, total: _unit(g), lambda s: one_hot([target])(s) - _softmax(s)
        ),
        "the gradient of all scores together: pick the target's.": ascend(lambda g, total: _unit(g), np.ones_like),
        "the score is descended: add the gradient.": ascend(lambda g, total: -_unit(g), most=100),
        "the image was not changed.": X,
    }
    if steps > 1:
        wrong["the gradient is never cleared: it adds up from step to step."] = ascend(lambda g, total: _unit(total))
        wrong["only one step is taken: go on until the network says the target."] = ascend(
            lambda g, total: _unit(g), most=1
        )
    return wrong


def fooling_step(model: nn.Module, X: np.ndarray, target: int, learning_rate: float = 10) -> Mistakes:
    """Of the image after the first step."""
    X, g = np.asarray(X, np.float64), through(model, X, one_hot([target])).gradient
    entropy = through(model, X, lambda s: one_hot([target])(s) - _softmax(s)).gradient
    steps = {
        "each pass of the loop takes two steps.": 2 * _unit(g),
        "the gradient is not divided by its norm.": g,
        "the gradient is divided by the square of its norm.": g / (g**2).sum(),
        "the gradient is divided by its largest value: take the L2 norm.": g / np.abs(g).max(),
        "the gradient is divided by its L1 norm: take the L2 norm.": g / np.abs(g).sum(),
        "the sign of the gradient is taken: divide it by its L2 norm.": np.sign(g),
        "the score is descended: add the gradient.": -_unit(g),
        "the learning rate is missing.": _unit(g) / learning_rate,
        "the gradient is that of a cross-entropy loss or of a probability: take that of the score.": _unit(entropy),
        "a cross-entropy loss is ascended: take the gradient of the score.": -_unit(entropy),
        "the gradient of all scores together: pick the target's.": _unit(_of_all(model, X)),
        "the score of the class that the network says is ascended: pick the target's.": _unit(
            through(model, X, _predicted).gradient
        ),
    }
    return {sentence: X + learning_rate * step for sentence, step in steps.items()}


def ascent_step(model: nn.Module, x: np.ndarray, target: int, l2_reg: float, learning_rate: float) -> Mistakes:
    """Of the image after one step of class visualization."""
    g = through(model, x, one_hot([target])).gradient
    decay = 2 * l2_reg * x
    norm = np.sqrt((x**2).sum())

    def stepped(step):
        return oracle.clamped(x + learning_rate * step)

    return {
        "the regulariser's sign is turned: it must pull the pixels towards zero.": stepped(_unit(g + decay)),
        "the regulariser's norm is not squared.": stepped(_unit(g - l2_reg * x / norm)),
        "the regulariser has no effect on the gradient (or its weight is missing).": stepped(_unit(g)),
        "the regulariser's gradient lacks its factor 2.": stepped(_unit(g - decay / 2)),
        "the regulariser's weight is missing.": stepped(_unit(g - 2 * x)),
        "the gradient is not divided by its norm.": stepped(g - decay),
        "the gradient is divided by its largest value: take the L2 norm.": stepped(
            (g - decay) / np.abs(g - decay).max()
        ),
        "the sign of the gradient is taken: divide it by its L2 norm.": stepped(np.sign(g - decay)),
        "the objective is descended: add the gradient.": stepped(-_unit(g - decay)),
        "the learning rate is missing.": oracle.clamped(x + _unit(g - decay)),
        "the learning rate is written as a number: take learning_rate.": oracle.clamped(x + 25 * _unit(g - decay)),
        "the gradient of all scores together: pick the target's.": stepped(_unit(_of_all(model, x) - decay)),
        "the gradient is that of the probability (after softmax): take that of the score.": stepped(
            _unit(through(model, x, lambda s: _probability_slope(s, [target])).gradient - decay)
        ),
        "the gradient is that of a cross-entropy loss: take that of the score itself.": stepped(
            _unit(through(model, x, lambda s: one_hot([target])(s) - _softmax(s)).gradient - decay)
        ),
        "the image was not changed.": oracle.clamped(x),
    }


def second_ascent_step(
    model: nn.Module, start: np.ndarray, first: np.ndarray, target: int, learning_rate: float
) -> Mistakes:
    """Of the image after a second step, without regulariser."""
    before, now = (through(model, x, one_hot([target])).gradient for x in (start, first))
    steps = {
        "the gradient is never cleared: it adds up from step to step.": now + before,
        "the gradient is never cleared, only normalised: it adds up from step to step.": now + _unit(before),
        "the gradient of the first image is used in each step.": before,
    }
    return {sentence: oracle.clamped(first + learning_rate * _unit(step)) for sentence, step in steps.items()}


def integrated_gradients(model: nn.Module, X: np.ndarray, y: np.ndarray, steps: int) -> Mistakes:
    own, plain = oracle.integrated_gradients(model, X, y, steps), through(model, X, one_hot(y)).gradient
    return {
        "the sign is lost: what speaks against the class is negative.": np.abs(own),
        "this is the gradient at the image: average it along the way from the grey image.": plain.sum(1),
        "this is the gradient's absolute value at the image (saliency): another method is asked for.": np.abs(
            plain
        ).sum(1),
        "this is the gradient at the image, times the pixels: average it along the way.": (plain * X).sum(1),
        "the channels are averaged: add them up.": own / 3,
        "a single step is taken: there must be many.": oracle.integrated_gradients(model, X, y, 1),
        "the class that the network predicts was taken, not the one that was asked for.": oracle.integrated_gradients(
            model, X, oracle.scores(model, X).argmax(1), steps
        ),
    }


def layer_conductance(model: nn.Module, X: np.ndarray, y: np.ndarray, layer: str, steps: int) -> Mistakes:
    own, there = oracle.layer_conductance(model, X, y, layer, steps), through(model, X, one_hot(y))
    return {
        "this is the layer's activation: conductance weighs it by what it does to the score.": there.outputs[layer],
        "this is the gradient of the layer.": there.gradients[layer],
        "this is Grad-CAM of the layer: conductance is another method.": np.sum(
            there.gradients[layer].mean((2, 3), keepdims=True) * there.outputs[layer], axis=1, keepdims=True
        ),
        "a single step is taken: there must be several.": oracle.layer_conductance(model, X, y, layer, 1),
        "the class that the network predicts was taken, not the one that was asked for.": oracle.layer_conductance(
            model, X, there.scores.argmax(1), layer, steps
        ),
        "this is the gradient of the layer, times its activation: average it along the way.": there.gradients[layer]
        * there.outputs[layer],
        "the channels are added up: each unit of the layer has its own.": own.sum(1, keepdims=True),
        "the channels are added up: each unit of the layer has its own, (N, C, h, w).": own.sum(1),
    }


def neuron_responses(model: nn.Module, X: np.ndarray, neurons: Sequence[tuple], layer: int) -> Mistakes:
    return {
        "this is the plain gradient: take Captum's NeuronGuidedBackprop.": oracle.neuron_responses(
            model, X, neurons, layer, "plain"
        ),
        "this is the deconvnet's: take Captum's NeuronGuidedBackprop.": oracle.neuron_responses(
            model, X, neurons, layer, "deconvnet"
        ),
        "the first image's neuron is taken for all: each image has its own.": oracle.neuron_responses(
            model, X, [neurons[0]] * len(X), layer
        ),
    }


def content_loss(weight: float, F: np.ndarray, P: np.ndarray) -> Mistakes:
    """Of the value."""
    return _values(_content_losses, weight, F, P)


def content_gradient(weight: float, F: np.ndarray, P: np.ndarray) -> Mistakes:
    """Of the gradient with respect to F."""
    return _gradients(_content_losses, 1, weight, F, P)


def _content_losses(weight: float, F: Tensor, P: Tensor) -> dict[str, Tensor]:
    d = F - P
    return {
        "the mean is taken: add the squares up.": weight * (d**2).mean(),
        "the weight is missing.": (d**2).sum(),
        "the difference is not squared.": weight * d.sum(),
        "the absolute difference is taken: square it.": weight * d.abs().sum(),
        "the paper's factor of one half is not used here.": weight * (d**2).sum() / 2,
        "the root of the sum is taken: it stays squared.": weight * (d**2).sum().sqrt(),
        "the weight is squared too: it multiplies the sum.": weight**2 * (d**2).sum(),
        "the squared features are subtracted: square the difference.": weight * (F**2 - P**2).sum(),
        "the sum itself is squared: square each difference, then add up.": weight * d.sum() ** 2,
        "the features are added: take their difference.": weight * ((F + P) ** 2).sum(),
    }


def gram_matrix(F: np.ndarray, normalize: bool = True) -> Mistakes:
    N, C, H, W = F.shape
    gram, size = oracle.gram_matrix(F, False), C * H * W
    own = gram / size if normalize else gram
    flat = np.asarray(F, np.float64).reshape(N, C, H * W)
    pixels = np.einsum("nci,ncj->nij", flat, flat)
    wrong = {
        "each matrix is divided by H * W alone: divide by C * H * W.": gram / (H * W),
        "it is divided by N * C * H * W: each image has a Gram matrix of its own.": gram / (N * size),
        "it is divided by C alone.": gram / C,
        "the sum over the batch is taken: each image has a Gram matrix of its own.": np.broadcast_to(
            own.sum(0, keepdims=True), own.shape
        ),
        "the sum over the batch is taken: each image has a Gram matrix of its own, (N, C, C).": own.sum(0),
        "the sum over the batch is taken, (1, C, C): each image has a Gram matrix of its own.": own.sum(0)[None],
        "the first image alone has a Gram matrix in this batch: each has its own.": own[:1],
        "pixels are multiplied with pixels: multiply channels with channels.": pixels / (size if normalize else 1),
        "rows and columns of the features are mixed up: reshape (N, C, H, W) to (N, C, H*W), in this order.": (
            _gram_of_scrambled(F) / (size if normalize else 1)
        ),
    }
    if normalize:
        wrong["it is not normalised: divide by C * H * W."] = gram
    else:
        wrong["it is normalised although normalize is False."] = gram / size
        del wrong["it is divided by C alone."], wrong["each matrix is divided by H * W alone: divide by C * H * W."]
    if N == 1:
        for sentence in [sentence for sentence in wrong if "batch" in sentence or "N * C" in sentence]:
            del wrong[sentence]
        wrong["the axis of the images is missing: (1, C, C)."] = own[0]
    return wrong


def style_loss(
    feats: Sequence[np.ndarray], layers: Sequence[int], targets: Sequence[np.ndarray], weights: Sequence[float]
) -> Mistakes:
    """Of the value."""
    wrong = _style_losses([_tensor(F) for F in feats], layers, [_tensor(A) for A in targets], weights)
    return {sentence: value.numpy() for sentence, value in wrong.items()}


def style_gradient(
    feats: Sequence[np.ndarray],
    layers: Sequence[int],
    targets: Sequence[np.ndarray],
    weights: Sequence[float],
    layer: int,
) -> Mistakes:
    """Of the gradient with respect to the features of this layer."""
    inputs = [_tensor(F).requires_grad_() for F in feats]
    return _pulled(_style_losses(inputs, layers, [_tensor(A) for A in targets], weights), inputs[layer])


def _style_losses(
    feats: Sequence[Tensor], layers: Sequence[int], targets: Sequence[Tensor], weights: Sequence[float]
) -> dict[str, Tensor]:
    def gram(F: Tensor, size: int = 0) -> Tensor:
        flat = F.flatten(2)
        return flat @ flat.transpose(1, 2) / (size or F[0].numel())

    def total(of: Callable[[Tensor], Tensor], of_gram: Callable[[Tensor], Tensor] = gram) -> Tensor:
        return sum(w * of(of_gram(feats[layer]) - A) for layer, A, w in zip(layers, targets, weights))

    def squared(d: Tensor) -> Tensor:
        return (d**2).sum()

    right = [squared(gram(feats[layer]) - A) for layer, A in zip(layers, targets)]
    wrong = {
        "the mean is taken: add the squares up.": total(lambda d: (d**2).mean()),
        "the weights are missing.": sum(right),
        "the difference of the Gram matrices is not squared.": total(torch.sum),
        "the absolute difference is taken: square it.": total(lambda d: d.abs().sum()),
        "the root of each sum is taken: it stays squared.": total(lambda d: squared(d).sqrt()),
        "the Gram matrices are not normalised.": total(squared, lambda F: gram(F, 1)),
        "the Gram matrices are divided by H * W alone: divide by C * H * W.": total(
            squared, lambda F: gram(F, F[0, 0].numel())
        ),
        "the sum is divided by the number of layers.": sum(w * d for w, d in zip(weights, right)) / len(layers),
        "only the last layer counts: add the layers up.": weights[-1] * right[-1],
        "only the first layer counts: add the layers up.": weights[0] * right[0],
        "one weight is used for all layers: each has its own.": weights[0] * sum(right),
        "the weights are squared: each multiplies its layer's sum.": sum(w**2 * d for w, d in zip(weights, right)),
        "the paper's factor of a quarter is not used here.": sum(w * d for w, d in zip(weights, right)) / 4,
    }
    if all(i < len(feats) and feats[i].shape[1] == A.shape[1] for i, A in enumerate(targets)):
        wrong["the layers are counted through instead of taken from style_layers."] = sum(
            w * squared(gram(feats[i]) - A) for i, (A, w) in enumerate(zip(targets, weights))
        )
    return wrong


def tv_loss(image: np.ndarray, weight: float) -> Mistakes:
    """Of the value."""
    return _values(_tv_losses, image, weight)


def tv_gradient(image: np.ndarray, weight: float) -> Mistakes:
    """Of the gradient with respect to the image."""
    return _gradients(_tv_losses, 0, image, weight)


def _tv_losses(image: Tensor, weight: float) -> dict[str, Tensor]:
    down, right = image.diff(dim=2), image.diff(dim=3)
    both = (down**2).sum() + (right**2).sum()
    return {
        "absolute differences are taken: square them.": weight * (down.abs().sum() + right.abs().sum()),
        "only vertical neighbours are compared.": weight * (down**2).sum(),
        "only horizontal neighbours are compared.": weight * (right**2).sum(),
        "the weight is missing.": both,
        "the weight is missing for vertical neighbours.": (down**2).sum() + weight * (right**2).sum(),
        "the weight is missing for horizontal neighbours.": weight * (down**2).sum() + (right**2).sum(),
        "the weight is squared too: it multiplies the sum.": weight**2 * both,
        "the mean is taken: add the squares up.": weight * ((down**2).mean() + (right**2).mean()),
        "the mean over all pixels is taken: add the squares up.": weight * both / image.numel(),
        "the sum is halved: each pair of neighbours counts once, and whole.": weight * both / 2,
        "the last row and column are dropped: vertical neighbours are in every column, horizontal ones in every row.": (
            weight * ((down[..., :-1] ** 2).sum() + (right[:, :, :-1] ** 2).sum())
        ),
        "the root of the sum is taken: it stays squared.": weight * both.sqrt(),
        "the roots of the two sums are taken: they stay squared.": weight
        * ((down**2).sum().sqrt() + (right**2).sum().sqrt()),
        "the differences are not squared.": weight * (down.sum() + right.sum()),
        "the differences are added up before they are squared.": weight * (down.sum() ** 2 + right.sum() ** 2),
        "only one of the channels counts: add up all three.": weight
        * ((down[:, :1] ** 2).sum() + (right[:, :1] ** 2).sum()),
        "the last pixel is compared with the first: only true neighbours count.": weight
        * sum(((image.roll(1, axis) - image) ** 2).sum() for axis in (2, 3)),
        "pixels two apart are compared: neighbours are one apart.": weight
        * (((image[:, :, 2:] - image[:, :, :-2]) ** 2).sum() + ((image[..., 2:] - image[..., :-2]) ** 2).sum()),
        "axes other than height and width are compared: those are the last two.": weight
        * ((image.diff(dim=1) ** 2).sum() + (down**2).sum()),
    }


def _tensor(array: np.ndarray) -> Tensor:
    return torch.tensor(np.asarray(array, np.float64))


def _values(losses: Callable[..., dict[str, Tensor]], *arguments: np.ndarray | float) -> Mistakes:
    tensors = [_tensor(value) if isinstance(value, np.ndarray) else value for value in arguments]
    return {sentence: value.numpy() for sentence, value in losses(*tensors).items()}


def _gradients(losses: Callable[..., dict[str, Tensor]], index: int, *arguments: np.ndarray | float) -> Mistakes:
    """With respect to the argument of this index."""
    tensors = [_tensor(value) if isinstance(value, np.ndarray) else value for value in arguments]
    tensors[index].requires_grad_()
    return _pulled(losses(*tensors), tensors[index])


def _pulled(losses: dict[str, Tensor], argument: Tensor) -> Mistakes:
    found = {sentence: _gradient(value, argument) for sentence, value in losses.items()}
    cut = "the loss is cut off from its input: keep it a tensor (.item(), .data, .detach() and NumPy cut it off)."
    return found | {cut: np.zeros(argument.shape)}


def _gradient(value: Tensor, argument: Tensor) -> np.ndarray:
    (gradient,) = torch.autograd.grad(value, argument, retain_graph=True, allow_unused=True, materialize_grads=True)
    return gradient.numpy()


def _unit(g: np.ndarray) -> np.ndarray:
    return g / np.sqrt((g**2).sum())


def _softmax(scores: np.ndarray) -> np.ndarray:
    exponentials = np.exp(scores - scores.max(1, keepdims=True))
    return exponentials / exponentials.sum(1, keepdims=True)


def _probability_slope(scores: np.ndarray, y: Sequence[int] | np.ndarray) -> np.ndarray:
    p, own = _softmax(scores), one_hot(y)(scores)
    return (p * own).sum(1, keepdims=True) * (own - p)


def _predicted(scores: np.ndarray) -> np.ndarray:
    return np.eye(scores.shape[1])[scores.argmax(1)]


def _of_all(model: nn.Module, X: np.ndarray) -> np.ndarray:
    return through(model, X, np.ones_like).gradient


def _of_some_images(maps: np.ndarray) -> Mistakes:
    """The maps where a batch size is written as a number, or one image alone was meant."""
    if len(maps) == 1:
        return {"the axis of the images is missing: a single image has one, too.": maps[0]}
    number = np.arange(len(maps)).reshape(-1, *[1] * (maps.ndim - 1))
    wrong = {
        "the first image alone has a map: all images are asked for.": maps[:1],
        "only the first image's score has been used: add up the scores of all.": maps * (number < 1),
    }
    for count in range(2, len(maps)):
        sentence = f"only the first {count} images have a map: is a batch size written as a number? Take it from X."
        wrong[sentence] = maps * (number < count)
    return wrong


def _repeated(maps: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Enlarged without interpolation."""
    rows, columns = (((np.arange(new) + 0.5) * old / new).astype(int) for old, new in zip(maps.shape[1:], size))
    return maps[:, rows][:, :, columns]


def _gram_of_scrambled(F: np.ndarray) -> np.ndarray:
    N, C, H, W = F.shape
    flat = np.asarray(F, np.float64).transpose(0, 2, 3, 1).reshape(N, C, H * W)
    return np.einsum("nci,ndi->ncd", flat, flat)
