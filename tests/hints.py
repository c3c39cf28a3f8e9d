"""Sentences of help on errors in a student's code: where each usually comes from."""

import re

CAPTUM = (
    "Shapes do not fit: print both. X[i] has lost the axis of the images, X[i : i + 1] keeps it. Captum's answers are "
    "(N, C, h, w), and joined by torch.cat."
)
# What a shape that does not fit usually comes from, by the file in which it was met.
SHAPES = {
    "saliency_map.py": CAPTUM,
    "gradcam.py": CAPTUM,
    "visualizers/gradcam.py": (
        "Shapes do not fit: print both. Weights are (N, C, 1, 1), to multiply the layer's output (N, C, h, w): a mean "
        "over dim=(2, 3) with keepdim=True. Or is a batch size written as a number? Take it from X.shape."
    ),
    "style_modules/tv_loss.py": (
        "Shapes do not fit: vertical and horizontal differences are of different sizes. Square and sum each by itself."
    ),
    "style_modules/style_loss.py": (
        "Shapes do not fit: print both. style_targets[i] is the Gram matrix, (N, C, C), of layer style_layers[i]: "
        "compare it with self.gram_matrix(feats[style_layers[i]]). To multiply F, (N, C, H*W), exchange its last axes."
    ),
    "style_utils.py": (
        "Shapes do not fit: style_loss takes feats, the features of all layers, and picks those of style_layers "
        "itself, to compare them with style_targets. content_loss takes one layer's, feats[content_layer], and "
        "content_target."
    ),
    "": (
        "Shapes do not fit: print both. Are axes gone that a mean or sum with keepdim=True keeps? Is it the gradient "
        "or the features of another tensor or layer? Are two things added that are first to be summed, each by itself? "
        "Or is a batch size written as a number? Take it from X.shape."
    ),
}
UNUSED = (
    "The score does not depend on the tensor that it is differentiated by: the network must see that very tensor, not "
    "a copy, no torch.no_grad(), .detach(), .data or .item() may lie between, and a backward must `return` its "
    "gradient."
)
AXIS = (
    "An axis is missing: squeeze() takes away every axis of one, also that of the images when there is one. Name the "
    "axis, squeeze(1), or leave it out."
)

# In this order: a pattern of "Type: message", and the sentence, or one for each file.
HINTS: dict[str, str | dict] = {
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
    r"appears to not have been used in the graph": {
        "visualizers/gradcam.py": f"{UNUSED} In grad_cam that is the activation of _forward, not the images.",
        "": UNUSED,
    },
    r"NoneType' object|NoneType'? and|and '?NoneType|must be Tensor, not NoneType": (
        "Something is None. A .grad is None before backward(), and of what was computed from another tensor: of a copy "
        "(.to(), .clone()), and of an image that a step has made, unless the step begins with .detach() and "
        "requires_grad_(). A function without `return` gives None, too."
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
    r"(cannot import name '\w+' from|No module named) '(visualizers|style_|saliency_|gradcam|fooling_|class_vis)": (
        "A name is not there: files, classes and functions keep the names that they were handed out with."
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
    r"iteration over a 0-d tensor": {
        **dict.fromkeys(("saliency_map.py", "gradcam.py"), f"{AXIS} Or has a baseline no axes? Leave baselines out."),
        "": AXIS,
    },
    r"list index out of range": {
        "visualizers/class_visualization.py": (
            "No picture was shown, as the loop ended before the lines that show one: where the norm is 0 make no step, "
            "and let the loop go on, without break or continue."
        ),
        "": (
            "A list is shorter than that: feats has an entry for each layer of the network, of which style_loss picks "
            "those of style_layers itself; style_targets and style_weights have one for each style layer: "
            "style_weights[i] belongs to style_layers[i]."
        ),
    },
    r"same number of spatial dimensions": (
        "A map has an axis too many or too few: (N, h, w) is asked for. Summing the channels, leave keepdim=True out."
    ),
    r"stack expects each tensor to be equal size": (
        "What is stacked must have one shape: of losses, each layer's is added up to a single number first."
    ),
    r"index -?\d+ is out of bounds": {
        "gradcam.py": (
            "An axis is shorter than that. `target` is a class, y as it is. Only NeuronGuidedBackprop(model, layer) "
            "takes a neuron, (channel, row, column) as it is given, and each image has its own: attribute(image[None], "
            "neuron)."
        ),
        "saliency_map.py": "`target` is a class, y as it is: one for each image. Or are there fewer images than that?",
        "": (
            "An axis is shorter than that. Is a batch size or a number of classes written as a number? Scores are (N, "
            "K): first comes the image, then the class, as in scores[0, target_y]."
        ),
    },
    r"expected Tensor as element \d+ in argument 0, but got (list|tuple)": (
        "A list or tuple is joined where a tensor is asked: return_convergence_delta=True gives two, leave it out."
    ),
    r"expected \(N, 3, H, W\) in as_images, got \(3, ": (
        "squeeze() takes away every axis of one, also that of one image: leave it out, and join the parts by torch.cat."
    ),
    r"expects a tensor with <= 2 dimensions": "Of a batch of matrices exchange the last two axes: .transpose(1, 2).",
    r"Target not provided|Tensor target dimension": (
        "Captum asks for one class for each image: target=y of all images X, target=y[i] of one, X[i : i + 1]."
    ),
    r"Cannot choose target column": (
        "Captum's neuron is (channel, row, column), without the image's number: hand over one image, and neurons[i], "
        "to NeuronGuidedBackprop(model, layer)."
    ),
    r"expected features of shape \(N, C, H, W\)": (
        "style_targets[i] is a Gram matrix already: subtract it as it is, gram_matrix is for feats alone."
    ),
    r"expected input\[.*\] to have \d+ channels": (
        "A network takes images, (N, 3, H, W): X[i] has lost its first axis, X[i : i + 1] keeps it. A layer takes "
        "what the layers before it give, not images."
    ),
    r"Boolean value of Tensor with more than one value": {
        **dict.fromkeys(
            ("visualizers/fooling_image.py", "visualizers/class_visualization.py"),
            "`if` asks for one truth: the norm is one number, that of the whole gradient, g.norm() without dim.",
        ),
        "": "Python's `and`, `or`, `not` and `if` ask for one truth of a whole tensor: join masks by *, & or |.",
    },
    r"unexpected keyword argument '(interpolate_mode|relu_attributions)'": (
        "Captum's methods take different arguments: GuidedGradCam interpolate_mode, LayerGradCam relu_attributions."
    ),
    r"returned an invalid gradient at index": (
        "backward must return a gradient of x's shape. dout[mask] keeps the chosen ones alone: multiply by the mask."
    ),
    r"'(Saliency|Integrated\w+|Guided\w+|Layer\w+|Neuron\w+)' object is not callable": (
        "Captum's methods are objects: Saliency(model).attribute(X, target=y), and so all others."
    ),
    r"cannot be multiplied|Expected size for first two dimensions": {
        **SHAPES,
        "style_modules/style_loss.py": (
            "Matrices do not fit: multiply F, (N, C, H*W), by its transpose, F.transpose(1, 2), (N, H*W, C)."
        ),
    },
    r"shape mismatch|size of tensor|out of bounds|out of range|must match the size|invalid for input of size|"
    r"not broadcastable|could not be broadcast": SHAPES,
    r"does not require grad": (
        "Nothing is differentiated: the input needs requires_grad before the network sees it, and no torch.no_grad(), "
        ".detach(), .data or .item() may lie between."
    ),
    r"backward through the graph a second time": {
        "style_utils.py": "In each step the image is another one: call extract_features(img, cnn) in each, not once.",
        "": "Score the images again before each backward pass.",
    },
    r"grad can be implicitly created only for scalar": {
        "gradcam.py": "Captum's neuron is all three, (channel, row, column): one image at a time, with neurons[i].",
        "": "Sum the scores before backward, or hand it ones.",
    },
    r"leaf Variable.*in-place|leaf variable.*in-place": (
        "A tensor whose gradient is asked for is written over. Make a new one: a - b instead of a -= b. Only an image "
        "that you move yourself is a copy without a graph: X.detach().clone()."
    ),
    r"modified by an inplace operation": {
        "style_utils.py": (
            "In each step: optimizer.zero_grad(), backward(), optimizer.step(), in this order: the step writes over "
            "img, which backward() needs as it was. Add the losses up, and step once. Or does a loss write over a "
            "value? Make a new tensor: a - b instead of a -= b."
        ),
        "": (
            "A value that the backward pass needs was written over. Make a new tensor: a - b instead of a -= b. Or did "
            "optimizer.step() come between two backward passes? Add the losses up, and step once."
        ),
    },
    r"can't optimize a non-leaf Tensor": (
        "The name of the image now stands for the result of a computation: let it stay the tensor that the optimizer "
        "was made with, and leave its changes to optimizer.step()."
    ),
    r"floor_divide": "// rounds down to whole numbers: divide by /.",
    r"same dtype|Double and Float|Float and Double|scalar type|expected .* dtype": (
        "Numbers of two types meet: make new tensors with torch.zeros_like(X) or .to(X), not with a type of their own."
    ),
    r"can't convert|Can't call numpy|requires_grad=True.*numpy": "Call .detach() before .numpy().",
    r"does the function return its result": "The function gives nothing back: is its `return` missing?",
}


def of(error: str, trace: str = "") -> str:
    """The sentence, or "". error: "Type: message". trace: lines with the student's files, the last one innermost."""
    found = next((sentence for pattern, sentence in HINTS.items() if re.search(pattern, error, re.DOTALL)), "")
    if isinstance(found, str):
        return found
    file = next(iter(re.findall(r"^ *(\S+\.py), line \d+", trace, re.MULTILINE)[-1:]), "")
    return found.get(file, found[""])
