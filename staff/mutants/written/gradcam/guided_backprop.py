"""GradCam.guided_backprop: from X (a leaf), y_tensor and gc_model to `maps`, (N, H, W, 3)."""

FILE, FUNCTION, PART = "visualizers/gradcam.py", "guided_backprop", "guided_backprop"

WRITTEN = """
with relu_replaced_by(CustomReLU.apply):
    scores = gc_model(X)
own = scores.gather(1, y_tensor.view(-1, 1)).squeeze(1)
own.sum().backward()
maps = X.grad.permute(0, 2, 3, 1)
"""

OWN = "own = scores.gather(1, y_tensor.view(-1, 1)).squeeze(1)"

WRONG = {
    "ReLUs left alone": (
        "CustomReLU is never called",
        {"relu_replaced_by(CustomReLU.apply)": "torch.enable_grad()"},
        {"never": "(dout > 0)"},
    ),
    "without apply": ("write relu_replaced_by(CustomReLU.apply)", {"CustomReLU.apply": "CustomReLU"}, {"most": 0.4}),
    "some ReLUs alone": (
        "ReLUs are replaced",
        """
        for i, module in enumerate(gc_model.features if hasattr(gc_model, "features") else []):
            if isinstance(module, nn.ReLU):
                gc_model.features[i].forward = CustomReLU.apply
        gc_model(X)[range(len(y_tensor)), y_tensor].sum().backward()
        maps = X.grad.permute(0, 2, 3, 1)
    """,
    ),
    "gradient of the caller's images": (
        "asked twice with the same images",
        """
        X_tensor.requires_grad_(True)
        with relu_replaced_by(CustomReLU.apply):
            scores = gc_model(X_tensor)
        scores.gather(1, y_tensor.view(-1, 1)).sum().backward()
        maps = X_tensor.grad.permute(0, 2, 3, 1)
    """,
        {"least": 0.9},
    ),
    "gradients added up in self": (
        "asked twice with the same images",
        {"maps = X.grad": "self.total = X.grad + getattr(self, 'total', 0)\nmaps = self.total"},
        {"least": 0.9},
    ),
    "forward instead of apply": ("write CustomReLU.apply", {"CustomReLU.apply": "CustomReLU.forward"}),
    "does nothing": ("nothing but zeros", "maps = torch.zeros(len(X), *X.shape[2:], 3)"),
    "all scores": ("the gradient of all scores together", {OWN: "own = scores"}),
    "predicted class": ("the class that the network predicts", {OWN: "own = scores.max(dim=1)[0]"}),
    "first score only": ("only the first image's score", {"own.sum()": "own[0]"}),
    "mean of the scores": ("divided by the number of images", {"own.sum()": "own.mean()"}),
    "cross-entropy": (
        "the gradient is that of a cross-entropy loss",
        {OWN: "own = F.cross_entropy(scores, y_tensor, reduction='none')"},
    ),
    "cross-entropy, its mean": (
        "a cross-entropy loss, and of its mean",
        {OWN: "own = F.cross_entropy(scores, y_tensor)"},
    ),
    "cross-entropy, negative, its mean": (
        "a cross-entropy loss, and of its mean",
        {OWN: "own = -F.cross_entropy(scores, y_tensor)"},
    ),
    "labels of all images": (
        "the classes of all images are asked for each image",
        {OWN: "own = torch.zeros_like(scores)\nown[:, y_tensor] = 1\nown = own * scores"},
    ),
    "ones of five": (
        "torch.ones_like(",
        {"own.sum().backward()": "own.backward(torch.ones(5))"},
    ),
    "squeezed": (
        "squeeze() takes away",
        {OWN: OWN.replace("squeeze(1)", "squeeze()"), "own.sum().backward()": "own.backward(torch.ones(len(X)))"},
    ),
    "two at once: cross-entropy, and the absolute value": (
        ("cross-entropy", "the absolute value was taken"),
        {OWN: "own = F.cross_entropy(scores, y_tensor, reduction='none')", "X.grad.permute": "X.grad.abs().permute"},
    ),
    "two at once: all scores, and reshaped": (
        ("all scores together", "mixed up by reshape"),
        {OWN: "own = scores", "X.grad.permute(0, 2, 3, 1)": "X.grad.reshape(len(X), X.shape[2], X.shape[3], 3)"},
    ),
    "probability": ("the gradient is that of the probability", {"gc_model(X)": "gc_model(X).softmax(dim=1)"}),
    "channels first": ("the axes are not in the order N, H, W, C", {".permute(0, 2, 3, 1)": ""}),
    "rows and columns exchanged": ("height and width are exchanged", {"permute(0, 2, 3, 1)": "permute(0, 3, 2, 1)"}),
    "reshaped": (
        "pixels are mixed up by reshape",
        {"X.grad.permute(0, 2, 3, 1)": "X.grad.reshape(len(X), X.shape[2], X.shape[3], 3)"},
    ),
    "absolute value": ("the absolute value was taken", {"X.grad.permute": "X.grad.abs().permute"}),
    "cut off": ("negative values of the result were cut off", {"X.grad.permute": "X.grad.relu().permute"}),
    "maximum over channels": ("the maximum over the channels was taken", {"permute(0, 2, 3, 1)": "abs().amax(1)"}),
    "first image only": ("the first image alone", {"maps = X.grad": "maps = X.grad[:1]"}),
    "batch of five": ("a batch size", {OWN: "own = scores[range(5), y_tensor]"}),
    "each divided by its norm": (
        "each image's gradient is divided by its own norm",
        {"maps = X.grad": "maps = (X.grad / X.grad.flatten(1).norm(dim=1).view(-1, 1, 1, 1))"},
    ),
    "divided by its norm": (
        "the gradient is divided by its norm",
        {"maps = X.grad": "maps = (X.grad / X.grad.norm())"},
    ),
}

RIGHT = {
    "autograd.grad": """
        with relu_replaced_by(CustomReLU.apply):
            own = gc_model(X)[torch.arange(len(X)), y_tensor]
            maps = torch.autograd.grad(own.sum(), X)[0].permute(0, 2, 3, 1)
    """,
    "backward with ones": {"own.sum().backward()": "own.backward(torch.ones_like(own))"},
    "transposed by numpy": {"maps = X.grad.permute(0, 2, 3, 1)": "return X.grad.numpy().transpose(0, 2, 3, 1)"},
    "a tensor returned": {"maps = X.grad": "return X.grad"},
    "modules replaced and not put back": """
        def replace(parent):
            for name, child in parent.named_children():
                if isinstance(child, nn.ReLU):
                    parent._modules[name] = CustomReLU.apply
                else:
                    replace(child)
        replace(gc_model)
        gc_model(X).gather(1, y_tensor.unsqueeze(1)).sum().backward()
        maps = X.grad.permute(0, 2, 3, 1)
    """,
    "hooks left on": """
        def hook(module, grad_in, grad_out):
            return (grad_in[0].clamp(min=0),)
        for module in gc_model.modules():
            if isinstance(module, nn.ReLU):
                module.inplace = False
                module.register_full_backward_hook(hook)
        gc_model(X)[range(len(y_tensor)), y_tensor].sum().backward()
        maps = X.grad.permute(0, 2, 3, 1)
    """,
    "moveaxis": {"X.grad.permute(0, 2, 3, 1)": "torch.movedim(X.grad, 1, -1).contiguous()"},
}
