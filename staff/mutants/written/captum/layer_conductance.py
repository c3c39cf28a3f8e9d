"""gradcam.layer_conductance, by Captum."""

FILE, FUNCTION, PART = "gradcam.py", "layer_conductance", "captum"

WRITTEN = """
method = LayerConductance(model, layer)
maps = []
for i in range(len(X)):
    maps.append(method.attribute(X[i : i + 1], target=int(y[i]), n_steps=CONDUCTANCE_STEPS).detach())
return torch.cat(maps)
"""

WRONG = {
    "earlier images added": (
        "begin its sum anew",
        {"return torch.cat(maps)": "return torch.cat(maps).cumsum(dim=0)"},
    ),
    "activation instead": (
        "this is the layer's activation",
        {
            "LayerConductance(model, layer)\n": "LayerActivation(model, layer)\n",
            ", target=int(y[i]), n_steps=CONDUCTANCE_STEPS": "",
        },
    ),
    "Grad-CAM instead": (
        "this is Grad-CAM of the layer",
        {"LayerConductance(model, layer)\n": "LayerGradCam(model, layer)\n", ", n_steps=CONDUCTANCE_STEPS": ""},
    ),
    "one step": ("a single step is taken", {"n_steps=CONDUCTANCE_STEPS": "n_steps=1"}),
    "predicted class": ("the class that the network predicts", {"int(y[i])": "int(model(X[i : i + 1]).argmax())"}),
    "first class for all": ("the first image's class is taken for all", {"int(y[i])": "int(y[0])"}),
    "baseline of the darkest pixel": (
        "another baseline is taken, the darkest pixel",
        {"target=": "baselines=torch.full_like(X[i : i + 1], float(X[i].min())), target="},
    ),
    "the layer's input": ("what goes into the layer is taken", {"target=": "attribute_to_layer_input=True, target="}),
    "channels averaged": ("channels are averaged", {"return torch.cat(maps)": "return torch.cat(maps).mean(dim=1)"}),
    "return in the loop": (
        "Does `return` or `break` end the loop",
        {"\nreturn torch": "\n    return torch"},
        {"never": "n_steps"},
    ),
    "stacked": ("by cat instead of stack", {"torch.cat(maps)": "torch.stack(maps)"}),
    "channels summed": ("the channels are added up", {"return torch.cat(maps)": "return torch.cat(maps).sum(dim=1)"}),
    "another layer": (
        "the layer",
        {"LayerConductance(model, layer)\n": "LayerConductance(model, model.features[12])\n"},
    ),
    "baseline of noise": (
        "is the baseline random",
        {"n_steps=CONDUCTANCE_STEPS": "n_steps=CONDUCTANCE_STEPS, baselines=torch.rand_like(X[:1])"},
    ),
    "last image left out": (
        "the last is left out",
        {"range(len(X))": "range(len(X) - 1)"},
        {"never": "n_steps=CONDUCTANCE_STEPS"},
    ),
}

RIGHT = {
    "all at once": "return LayerConductance(model, layer).attribute(X, target=y, n_steps=CONDUCTANCE_STEPS).detach()",
    "numpy": {"return torch.cat(maps)": "return torch.cat(maps).numpy()"},
    "more steps": {"n_steps=CONDUCTANCE_STEPS": "n_steps=20, internal_batch_size=4"},
}
