"""saliency_map.integrated_gradients, by Captum."""

FILE, FUNCTION, PART = "saliency_map.py", "integrated_gradients", "captum"

WRITTEN = """
method = IntegratedGradients(model)
maps = [method.attribute(X[i : i + 1], target=int(y[i]), n_steps=IG_STEPS) for i in range(len(X))]
return torch.cat(maps).sum(dim=1).detach().numpy()
"""

WRONG = {
    "channels not summed": ("summed over the channels", {".sum(dim=1)": ""}),
    "channels averaged": ("averaged", {".sum(dim=1)": ".mean(dim=1)"}),
    "absolute value": ("the sign is lost", {".sum(dim=1)": ".sum(dim=1).abs()"}),
    "plain saliency": ("saliency", {"IntegratedGradients(model)\n": "Saliency(model)\n", ", n_steps=IG_STEPS": ""}),
    "one step": ("step", {"n_steps=IG_STEPS": "n_steps=1"}),
    "baseline of ones": ("baseline", {"n_steps=IG_STEPS": "n_steps=IG_STEPS, baselines=torch.ones_like(X[:1])"}),
    "class 0": ("class", {"target=int(y[i])": "target=0"}),
    "first image only": ("first", {"X[i : i + 1]": "X[:1]"}),
}

RIGHT = {
    "all at once": "return IntegratedGradients(model).attribute(X, target=y, n_steps=IG_STEPS).sum(1).detach().numpy()",
    "a tensor": {".detach().numpy()": ""},
    "more steps": {"n_steps=IG_STEPS": "n_steps=50"},
    "a baseline of zeros": {"n_steps=IG_STEPS": "baselines=X[i : i + 1] * 0, method='gausslegendre', n_steps=IG_STEPS"},
}
