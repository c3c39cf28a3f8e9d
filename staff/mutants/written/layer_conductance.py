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
    "activation instead": (
        "activation",
        {
            "LayerConductance(model, layer)\n": "LayerActivation(model, layer)\n",
            ", target=int(y[i]), n_steps=CONDUCTANCE_STEPS": "",
        },
    ),
    "Grad-CAM instead": (
        "Grad-CAM",
        {"LayerConductance(model, layer)\n": "LayerGradCam(model, layer)\n", ", n_steps=CONDUCTANCE_STEPS": ""},
    ),
    "one step": ("step", {"n_steps=CONDUCTANCE_STEPS": "n_steps=1"}),
    "class 0": ("class", {"target=int(y[i])": "target=0"}),
    "channels summed": ("channels", {"return torch.cat(maps)": "return torch.cat(maps).sum(dim=1)"}),
    "another layer": ("layer", {"LayerConductance(model, layer)\n": "LayerConductance(model, model.features[12])\n"}),
}

RIGHT = {
    "all at once": "return LayerConductance(model, layer).attribute(X, target=y, n_steps=CONDUCTANCE_STEPS).detach()",
    "numpy": {"return torch.cat(maps)": "return torch.cat(maps).numpy()"},
    "more steps": {"n_steps=CONDUCTANCE_STEPS": "n_steps=20, internal_batch_size=4"},
}
