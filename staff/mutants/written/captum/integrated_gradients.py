"""saliency_map.integrated_gradients, by Captum."""

FILE, FUNCTION, PART = "saliency_map.py", "integrated_gradients", "captum"

WRITTEN = """
method = IntegratedGradients(model)
maps = [method.attribute(X[i : i + 1], target=int(y[i]), n_steps=IG_STEPS) for i in range(len(X))]
return torch.cat(maps).sum(dim=1).detach().numpy()
"""

WRONG = {
    "times the pixels once more": ("multiplied by the pixels once more", {"torch.cat(maps)": "(torch.cat(maps) * X)"}),
    "of the probability": (
        "that of the probability",
        {"IntegratedGradients(model)": "IntegratedGradients(lambda X: model(X).softmax(dim=1))"},
    ),
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
        "expected IG_STEPS = 32 steps for each image, got 8",
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
    "gradients alone": (
        "the gradients are not multiplied by the pixels",
        {"IntegratedGradients(model)\n": "IntegratedGradients(model, multiply_by_inputs=False)\n"},
    ),
    "gradient at the image": (
        "average it along the way",
        {"IntegratedGradients(model)\n": "Saliency(model)\n", ", n_steps=IG_STEPS": ", abs=False"},
    ),
    "baseline of white": (
        "another baseline is taken, white",
        {
            "method = ": "mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])\n"
            "white = ((1 - mean) / std).reshape(1, 3, 1, 1).to(X)\n"
            "method = ",
            "n_steps=IG_STEPS": "n_steps=IG_STEPS, baselines=white",
        },
    ),
    "class before": ("the class before the one that was asked for", {"int(y[i])": "int(y[i]) - 1"}),
    "rows added": ("the rows are added up", {".sum(dim=1)": ".sum(dim=2)"}),
    "rows added, channels last": (
        "the channels are moved to the end, then the rows",
        {".sum(dim=1)": ".permute(0, 2, 3, 1).sum(dim=1)"},
    ),
    "how far off, too": (
        "return_convergence_delta=True gives two",
        {"n_steps=IG_STEPS": "n_steps=IG_STEPS, return_convergence_delta=True"},
    ),
    "return in the loop": (
        "Does `return` or `break` end the loop",
        """
        maps = []
        for i in range(len(X)):
            maps.append(IntegratedGradients(model).attribute(X[i : i + 1], target=int(y[i]), n_steps=IG_STEPS))
            return torch.cat(maps).sum(dim=1).detach().numpy()
        """,
        {"never": "n_steps"},
    ),
    "first image only": ("the first image", {"X[i : i + 1]": "X[:1]"}),
    "baseline of noise": (
        "is the baseline random",
        {"n_steps=IG_STEPS": "n_steps=IG_STEPS, baselines=torch.rand_like(X[:1])"},
    ),
}

RIGHT = {
    "all at once": "return IntegratedGradients(model).attribute(X, target=y, n_steps=IG_STEPS).sum(1).detach().numpy()",
    "a tensor": {".detach().numpy()": ""},
    "more steps": {"n_steps=IG_STEPS": "n_steps=50"},
    "a baseline of zeros": {"n_steps=IG_STEPS": "baselines=X[i : i + 1] * 0, method='gausslegendre', n_steps=IG_STEPS"},
}
