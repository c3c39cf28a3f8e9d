"""saliency_map.integrated_gradients, by Captum."""

FILE, FUNCTION, PART = "saliency_map.py", "integrated_gradients", "captum"

WRITTEN = """
method = IntegratedGradients(model)
maps = [method.attribute(X[i : i + 1], target=int(y[i]), n_steps=IG_STEPS) for i in range(len(X))]
return torch.cat(maps).sum(dim=1).detach().numpy()
"""

WRONG = {
    "channels not summed": ("axis 1 is still there", {".sum(dim=1)": ""}),
    "channels averaged": ("the channels are averaged", {".sum(dim=1)": ".mean(dim=1)"}),
    "absolute value": ("the sign is lost", {".sum(dim=1)": ".sum(dim=1).abs()"}),
    "absolute values added": ("absolute values of the channels", {".sum(dim=1)": ".abs().sum(dim=1)"}),
    "largest channel": ("the largest of the channels", {".sum(dim=1)": ".amax(dim=1)"}),
    "no target": ("Captum asks for one class", {"target=int(y[i]), ": ""}),
    "plain saliency": (
        "another method is asked for",
        {"IntegratedGradients(model)\n": "Saliency(model)\n", ", n_steps=IG_STEPS": ""},
    ),
    "one step": ("a single step is taken", {"n_steps=IG_STEPS": "n_steps=1"}),
    "steps and batch exchanged": (
        "a relative error of at most",
        {"n_steps=IG_STEPS": "n_steps=IG_BATCH, internal_batch_size=IG_STEPS"},
    ),
    "baseline of ones": (
        "another baseline",
        {"n_steps=IG_STEPS": "n_steps=IG_STEPS, baselines=torch.ones_like(X[:1])"},
    ),
    "predicted class": ("the class that the network predicts", {"int(y[i])": "int(model(X[i : i + 1]).argmax())"}),
    "first class for all": ("the first image's class is taken for all", {"int(y[i])": "int(y[0])"}),
    "baseline of the darkest pixel": (
        "another baseline",
        {"n_steps=IG_STEPS": "n_steps=IG_STEPS, baselines=torch.full_like(X[i : i + 1], float(X[i].min()))"},
    ),
    "all labels with one image": ("Captum asks for one class", {"target=int(y[i])": "target=y"}),
    "without the axis of images": ("X[i : i + 1] keeps it", {"X[i : i + 1], target": "X[i], target"}),
    "first image only": ("the first image", {"X[i : i + 1]": "X[:1]"}),
}

RIGHT = {
    "all at once": "return IntegratedGradients(model).attribute(X, target=y, n_steps=IG_STEPS).sum(1).detach().numpy()",
    "a tensor": {".detach().numpy()": ""},
    "more steps": {"n_steps=IG_STEPS": "n_steps=50"},
    "a baseline of zeros": {"n_steps=IG_STEPS": "baselines=X[i : i + 1] * 0, method='gausslegendre', n_steps=IG_STEPS"},
}
