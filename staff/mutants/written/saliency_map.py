"""SaliencyMap.compute_saliency_maps: from X (a leaf), y and model to `saliency`."""

FILE, FUNCTION, PART = "visualizers/saliency_map.py", "compute_saliency_maps", "saliency"

WRITTEN = """
scores = model(X)
scores = scores.gather(1, y.view(-1, 1)).squeeze(1)
scores.sum().backward()
saliency, _ = X.grad.abs().max(dim=1)
"""

MAXIMUM = "saliency, _ = X.grad.abs().max(dim=1)"
OWN = "scores = scores.gather(1, y.view(-1, 1)).squeeze(1)"

WRONG = {
    "reshaped": (
        "mixed up by reshape",
        {MAXIMUM: "N, C, H, W = X.shape\nsaliency = X.grad.abs().reshape(N, H, W, C).amax(dim=3)"},
    ),
    "training mode": ("the network was in training mode", {"scores = model(X)\n": "scores = model.train()(X)\n"}),
    "channels summed": ("the channels are added up", {MAXIMUM: "saliency = X.grad.abs().sum(dim=1)"}),
    "channels averaged": ("the channels are averaged", {MAXIMUM: "saliency = X.grad.abs().mean(dim=1)"}),
    "norm over channels": ("the channels' norm is taken", {MAXIMUM: "saliency = X.grad.norm(dim=1)"}),
    "scaled to [0, 1], each by itself": (
        "it is scaled to [0, 1]",
        {MAXIMUM: f"{MAXIMUM}\nsaliency = saliency / saliency.amax(dim=(1, 2), keepdim=True)"},
        {"never": "times what is expected"},
    ),
    "scaled to [0, 1], all together": (
        "it is scaled to [0, 1]",
        {MAXIMUM: f"{MAXIMUM}\nsaliency = saliency / saliency.max()"},
        {"never": "times what is expected"},
    ),
    "maximum without its values": ("max(dim=1).values", {"saliency, _": "saliency"}),
    "numbers of the channels": ("the channel's number is taken", {"saliency, _": "_, saliency"}),
    "first class for all": ("the first image's class is taken for all", {"y.view(-1, 1)": "y[:1].expand(len(y), 1)"}),
    "a NumPy array": ("A NumPy array came", {MAXIMUM: f"{MAXIMUM}\nsaliency = saliency.numpy()"}),
    "axis of the channels kept": (
        "leave keepdim=True out",
        {"max(dim=1)": "max(dim=1, keepdim=True)"},
        {"never": "axis 0"},
    ),
    "gradient of a copy": ("Something is None", {"model(X)": "model(X.clone())", "X.grad": "X.clone().grad"}),
    "gradient of the caller's images": (
        "asked twice with the same images",
        {"X = X.detach().requires_grad_()  # a new": "X.requires_grad_()  # a new"},
        {"least": 0.8},
    ),
    "no absolute value": ("the absolute value is missing", {".abs().max": ".max"}),
    "absolute value last": (
        "the absolute value is taken after the maximum",
        {MAXIMUM: "saliency = X.grad.max(dim=1)[0].abs()"},
    ),
    "no maximum": ("the maximum is taken over the wrong axis, or not at all", {MAXIMUM: "saliency = X.grad.abs()"}),
    "wrong axis": ("the maximum is taken over the width", {"max(dim=1)": "max(dim=3)"}),
    "rows and columns exchanged": ("the axes are in another order", {"max(dim=1)": "transpose(2, 3).max(dim=1)"}),
    "one channel only": ("channel 0 alone is looked at", {MAXIMUM: "saliency = X.grad[:, 0].abs()"}),
    "cross-entropy": (
        "the gradient is that of a cross-entropy loss",
        {OWN: "scores = torch.nn.functional.cross_entropy(scores, y, reduction='none')"},
    ),
    "cross-entropy, its mean": (
        "a cross-entropy loss, and of its mean",
        {OWN: "scores = torch.nn.functional.cross_entropy(scores, y)"},
    ),
    "labels of all images": (
        "the classes of all images are asked for each image",
        {OWN: "own = torch.zeros_like(scores)\nown[:, y] = 1\nscores = own * scores"},
    ),
    "ones of five": ("torch.ones_like(", {"scores.sum().backward()": "scores.backward(torch.ones(5))"}),
    "squeezed scores": (
        "squeeze() takes away",
        {OWN: OWN.replace("squeeze(1)", "squeeze()"), "scores.sum().backward()": "scores.backward(torch.ones(len(y)))"},
    ),
    "squeezed maps": ("squeeze() takes away", {MAXIMUM: "saliency = X.grad.abs().max(dim=1)[0].squeeze()"}),
    "squeezed gradient": ("squeeze() takes away", {MAXIMUM: "saliency = X.grad.squeeze().abs().max(dim=1)[0]"}),
    "pyplot returned": (
        "return the numbers",
        {MAXIMUM: f"{MAXIMUM}\nimport matplotlib.pyplot as plt\nreturn plt"},
        {"never": "gives nothing back"},
    ),
    "does nothing": ("nothing but zeros", "saliency = torch.zeros(len(X), *X.shape[2:])"),
    "two at once: cross-entropy, and channels summed": (
        ("cross-entropy", "the channels are added up"),
        {
            OWN: "scores = torch.nn.functional.cross_entropy(scores, y)",
            MAXIMUM: "saliency = X.grad.abs().sum(dim=1)",
        },
    ),
    "two at once: all scores, and no absolute value": (
        ("all scores together", "the absolute value is missing"),
        {OWN: "", ".abs().max": ".max"},
    ),
    "probability": ("the gradient is that of the probability", {"scores = model(X)": "scores = model(X).softmax(1)"}),
    "mean of the scores": ("divided by the number of images", {"scores.sum()": "scores.mean()"}),
    "first score only": ("only the first image's score", {"scores.sum()": "scores[0]"}),
    "all scores": ("the gradient of all scores together", {OWN: ""}),
    "predicted class": ("the class that the network predicts", {OWN: "scores = scores.max(dim=1)[0]"}),
    "batch of five": ("a batch size", {OWN: "scores = scores[torch.arange(5), y]"}),
    "times the image": ("the gradient is multiplied by the image", {"X.grad.abs()": "(X.grad * X).detach().abs()"}),
    "nothing returned": ("does the function return its result?", {MAXIMUM: f"{MAXIMUM}\nreturn"}),
    "each divided by its norm": (
        "each image's gradient is divided by its own norm",
        {MAXIMUM: f"X.grad = X.grad / X.grad.flatten(1).norm(dim=1).view(-1, 1, 1, 1)\n{MAXIMUM}"},
    ),
    "divided by its norm": (
        "the gradient is divided by its norm",
        {MAXIMUM: f"X.grad = X.grad / X.grad.norm()\n{MAXIMUM}"},
    ),
    "a loop that adds up": (
        "so that maps count several times",
        """
        own = model(X).gather(1, y.view(-1, 1)).squeeze(1)
        saliency = torch.zeros_like(X[:, 0])
        for i in range(len(X)):
            own[i].backward(retain_graph=True)
            saliency += X.grad.abs().amax(dim=1)
    """,
    ),
}

RIGHT = {
    "backward with ones": {OWN: OWN, "scores.sum().backward()": "scores.backward(torch.ones_like(scores))"},
    "backward with a list of ones": {
        "scores.sum().backward()": "scores.backward(torch.FloatTensor([1.0] * len(y)).to(X))"
    },
    "autograd.grad with ones": """
        own = model(X)[torch.arange(X.shape[0]), y]
        gradient = torch.autograd.grad(own, X, grad_outputs=torch.ones_like(own), retain_graph=True)[0]
        saliency = torch.max(torch.abs(gradient), 1).values
    """,
    "one-hot product": """
        scores = model(X)
        wanted = torch.zeros_like(scores).scatter_(1, y[:, None], 1)
        (scores * wanted).sum().backward()
        saliency = X.grad.data.abs_().amax(1)
    """,
    "upstream one-hot": """
        scores = model(X)
        scores.backward(torch.nn.functional.one_hot(y, scores.shape[1]).to(scores))
        saliency = X.grad.abs().flatten(2).max(1)[0].view(len(X), *X.shape[2:])
    """,
    "torch.func, image by image": """
        def score(image, label):
            return model(image[None])[0].gather(0, label[None])[0]
        saliency = torch.func.vmap(torch.func.grad(score))(X.detach(), y).abs().amax(dim=1)
    """,
    "checkpointed": """
        from torch.utils.checkpoint import checkpoint
        checkpoint(model, X, use_reentrant=False)[torch.arange(len(y)), y].sum().backward()
        saliency = X.grad.abs().amax(dim=1)
    """,
    "numpy in the end": {MAXIMUM: "saliency = torch.from_numpy(np.max(np.abs(X.grad.numpy()), axis=1))"},
    "numpy returned": {MAXIMUM: "return X.grad.abs().max(dim=1)[0].numpy()"},
    "clones and leaves it to require gradients": """
        X = X.clone().detach()
        X.requires_grad = True
        X.retain_grad()
        scores = model(X).gather(1, y.unsqueeze(1))
        torch.autograd.backward(scores, torch.ones_like(scores))
        saliency = torch.max(X.grad.abs(), dim=1)[0]
    """,
    "squares and roots": {MAXIMUM: "saliency = (X.grad ** 2).max(dim=1)[0].sqrt()"},
    "backend chosen at import": {
        '"""Class saliency maps': 'import matplotlib\nmatplotlib.use("TkAgg", force=False)\n"""Class saliency maps'
    },
}
