"""Sentences of help on errors in a student's code: where each usually comes from."""

import re

# In this order: a pattern of "Type: message", and the sentence.
HINTS = {
    r"NotImplementedError": "This part is not done yet.",
    r"is missing from the submission": "It was not handed in, or lies in another folder: keep the folder structure.",
    r"Found no NVIDIA driver|not compiled with CUDA|No CUDA GPUs": (
        "Do not write cuda out: make tensors where the ones that you are given are, .to(X.device)."
    ),
    r"CustomReLU\.forward\(\)|CustomReLU.*(missing|required positional)": (
        "PyTorch calls CustomReLU through apply: write CustomReLU.apply, not CustomReLU.forward."
    ),
    r"'Tensor' object is not callable": (
        "A result has the name of what made it, as in tv_loss = tv_loss(...): give it another name."
    ),
    r"return_types|namedtuple": (
        "max(dim=...) gives two tensors, values and indices: take max(dim=1).values, or amax(dim=1)."
    ),
    r"appears to not have been used in the graph": (
        "The score does not depend on the tensor that it is differentiated by: the network must see that very tensor, "
        "not a copy, no .detach(), .data or .item() may lie between, and a backward must `return` its gradient. "
        "Grad-CAM differentiates by the activation that _forward returns, not by the images."
    ),
    r"NoneType' object|NoneType'? and|and '?NoneType|must be Tensor, not NoneType": (
        "Something is None. A .grad is None before backward(), and of a tensor that was computed from another, also by "
        ".to() or .clone(): read it of the tensor that requires_grad_() was called on. Of what a step has made, too: "
        "make the new image of img.detach(). A function without `return` gives None as well."
    ),
    r"'(float|int)' object (has no attribute|is not subscriptable)|must be Tensor, not (float|int)": (
        "A number came where a tensor is asked. Are arguments in another order? See the signature: tv_loss(img, "
        "tv_weight), content_loss(content_weight, content_current, content_original), style_loss(feats, style_layers, "
        "style_targets, style_weights)."
    ),
    r"'(numpy\.)?ndarray' object has no attribute|must be Tensor, not (numpy\.)?ndarray|got (numpy\.)?ndarray": (
        "A NumPy array came where a tensor is asked: leave .numpy() out, or take torch.from_numpy(...)."
    ),
    r"'(list|tuple)' object has no attribute|must be Tensor, not (list|tuple)|list indices must be .*not tuple": (
        "A list or tuple came where a tensor is asked: take the entry that is meant, such as features[content_layer]; "
        "torch.stack(...) makes one tensor of several."
    ),
    r"(Import|ModuleNotFound)Error": "Only the handout's packages and the standard library are there.",
    r"SyntaxError|IndentationError": "Python cannot read the file: run it once before handing in.",
    r"Mismatch in shape: grad_output.*output\[0\] has a shape of torch\.Size\(\[\]\)": (
        "squeeze() takes away every axis of one, also that of the images when there is one: name the axis, squeeze(1)."
    ),
    r"Mismatch in shape: grad_output": (
        "backward is handed a gradient of another shape than what it starts from: torch.ones_like(scores) has the "
        "right one, whatever the number of images."
    ),
    r"Dimension out of range|len\(\) of a 0-d tensor|tuple index out of range|(index|slice).*0-dim|"
    r"iteration over a 0-d tensor": (
        "An axis is missing: squeeze() takes away every axis of one, also that of the images when there is one. Name "
        "the axis, squeeze(1), or leave it out."
    ),
    r"list index out of range": (
        "A list is shorter than that: feats has an entry for each layer of the network, style_targets and "
        "style_weights one for each style layer: style_weights[i] belongs to style_layers[i]."
    ),
    r"same number of spatial dimensions": (
        "A map has an axis too many or too few: (N, h, w) is asked for. Summing the channels, leave keepdim=True out."
    ),
    r"stack expects each tensor to be equal size": (
        "What is stacked must have one shape: of losses, each layer's is added up to a single number first."
    ),
    r"index -?\d+ is out of bounds": (
        "An axis is shorter than that. Is a batch size or a number of classes written as a number? Scores are (N, K): "
        "first comes the image, then the class, as in scores[0, target_y]. A neuron is (channel, row, column), "
        "and each image has its own: attribute(image[None], neuron)."
    ),
    r"expects a tensor with <= 2 dimensions": "Of a batch of matrices exchange the last two axes: .transpose(1, 2).",
    r"Target not provided|Tensor target dimension": (
        "Captum asks for one class for each image: target=y of all images X, target=y[i] of one, X[i : i + 1]."
    ),
    r"Cannot choose target column": (
        "Captum's neuron is (channel, row, column), without the image's number: hand over one image, and neurons[i]."
    ),
    r"expected features of shape \(N, C, H, W\)": (
        "style_targets[i] is a Gram matrix already: subtract it as it is, gram_matrix is for feats alone."
    ),
    r"expected input\[.*\] to have \d+ channels": (
        "A network takes images, (N, 3, H, W): X[i] has lost its first axis, X[i : i + 1] keeps it. A layer takes "
        "what the layers before it give, not images."
    ),
    r"Boolean value of Tensor with more than one value": (
        "Python's `and`, `or`, `not` and `if` ask for one truth of a whole tensor: join masks by *, & or |."
    ),
    r"shape mismatch|size of tensor|out of bounds|out of range|must match the size|invalid for input of size|"
    r"cannot be multiplied|not broadcastable|could not be broadcast|Expected size for first two dimensions": (
        "Shapes do not fit: print both. Are axes gone that a mean or sum with keepdim=True keeps, or that X[i : i + 1] "
        "keeps and X[i] does not? Is it the features, the Gram matrix or the gradient of another layer or tensor? Are "
        "two things added that are first to be summed, each by itself? Or is a batch size written as a number? Take it "
        "from X.shape."
    ),
    r"does not require grad": "Nothing is differentiated: the input needs requires_grad before the network sees it.",
    r"backward through the graph a second time": "Score the images again before each backward pass.",
    r"grad can be implicitly created only for scalar": (
        "Sum the scores before backward, or hand it ones. Captum's neuron is all three, (channel, row, column): one "
        "image after the other, with neurons[i]."
    ),
    r"leaf Variable.*in-place|leaf variable.*in-place": (
        "A tensor whose gradient is asked for is written over. Make a new one: a - b instead of a -= b. Only an image "
        "that you move yourself is a copy without a graph: X.detach().clone()."
    ),
    r"modified by an inplace operation": (
        "A value that the backward pass needs was written over. Make a new tensor: a - b instead of a -= b. Or did "
        "optimizer.step() come between two backward passes? Add the losses up, and step once."
    ),
    r"floor_divide": "// rounds down to whole numbers: divide by /.",
    r"same dtype|Double and Float|Float and Double|scalar type|expected .* dtype": (
        "Numbers of two types meet: make new tensors with torch.zeros_like(X) or .to(X), not with a type of their own."
    ),
    r"can't convert|Can't call numpy|requires_grad=True.*numpy": "Call .detach() before .numpy().",
    r"does the function return its result": "The function gives nothing back: is its `return` missing?",
}


def of(error: str) -> str:
    """The sentence, or "". error: "Type: message", without the lines of the student's code."""
    return next((sentence for pattern, sentence in HINTS.items() if re.search(pattern, error, re.DOTALL)), "")
