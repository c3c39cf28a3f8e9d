"""gradcam.neuron_responses, by Captum."""

FILE, FUNCTION, PART = "gradcam.py", "neuron_responses", "captum"

WRITTEN = """
method = NeuronGuidedBackprop(model, layer)
maps = [method.attribute(X[i : i + 1], neurons[i]) for i in range(len(X))]
return as_images(torch.cat(maps))
"""

WRONG = {
    "first neuron for all": ("the first image's neuron is taken for all", {"neurons[i]": "neurons[0]"}),
    "first neuron, all at once": (
        "the first image's neuron is taken for all",
        "return as_images(NeuronGuidedBackprop(model, layer).attribute(X, neurons[0]))",
    ),
    "plain gradient": (
        "this is the plain gradient",
        {
            "method = NeuronGuidedBackprop(model, layer)": "from captum.attr import NeuronGradient\n"
            "method = NeuronGradient(model, layer)"
        },
    ),
    "absolute value": ("the sign is lost", {"torch.cat(maps)": "torch.cat(maps).abs()"}),
    "row and column exchanged": (
        "(channel, row, column)",
        {"neurons[i]": "(neurons[i][0], neurons[i][2], neurons[i][1])"},
    ),
    "turned round": ("(channel, row, column)", {"neurons[i]": "neurons[i][::-1]"}),
    "the image's number before it": ("without the image's number", {"neurons[i]": "(i, *neurons[i])"}),
    "the channel alone": ("Captum's neuron is all three", {"neurons[i]": "neurons[i][0]"}),
    "the whole channel": (
        "the whole channel is asked",
        {"neurons[i]": "(neurons[i][0], slice(None), slice(None))"},
    ),
    "the whole row": ("the neuron's whole row is asked", {"neurons[i]": "(*neurons[i][:2], slice(None))"}),
    "of the layer's input": (
        "what goes into the layer is taken",
        {"neurons[i])": "neurons[i], attribute_to_neuron_input=True)"},
    ),
    "deconvolution": (
        "this is deconvolution",
        {
            "method = NeuronGuidedBackprop(model, layer)": "from captum.attr import NeuronDeconvolution\n"
            "method = NeuronDeconvolution(model, layer)"
        },
    ),
    "of the class of the channel's number": (
        "NeuronGuidedBackprop",
        {"NeuronGuidedBackprop(model, layer)": "GuidedBackprop(model)", "neurons[i])": "target=neurons[i][0])"},
    ),
    "the largest channel": (
        "the largest of the channels is taken",
        {"as_images(torch.cat(maps))": "as_images(torch.cat(maps)).max(axis=3)"},
    ),
    "channels first": ("the axes are in another order", {"as_images(torch.cat(maps))": "torch.cat(maps).numpy()"}),
    "first image only": ("the first image", {"X[i : i + 1]": "X[:1]"}),
    "scaled to [0, 1]": (
        "it is scaled to [0, 1]",
        {
            "return as_images(torch.cat(maps))": (
                "maps = as_images(torch.cat(maps))\nreturn (maps - maps.min()) / (maps.max() - maps.min())"
            )
        },
    ),
}

RIGHT = {
    "joined by NumPy": {"as_images(torch.cat(maps))": "np.concatenate([as_images(one) for one in maps])"},
    "stacked": {"as_images(torch.cat(maps))": "np.stack([as_images(one)[0] for one in maps])"},
}
