"""GradCam.grad_cam: from `activation` (N, C, h, w), a leaf, and `scores` (N, K) to `cam`, (N, h, w)."""

FILE, FUNCTION, PART = "visualizers/gradcam.py", "grad_cam", "gradcam"

WRITTEN = """
own = scores.gather(1, y_tensor.view(-1, 1))
own.sum().backward()
weights = activation.grad.mean(dim=(2, 3), keepdim=True)
cam = torch.sum(weights * activation.detach(), dim=1)
cam = F.relu(cam)
"""

OWN = "own = scores.gather(1, y_tensor.view(-1, 1))"
WEIGHTS = "weights = activation.grad.mean(dim=(2, 3), keepdim=True)"

WRONG = {
    "no ReLU": ("the last ReLU is missing", {"cam = F.relu(cam)": ""}),
    "sum that starts at ones": (
        "or something is added before it",
        {
            "cam = torch.sum(weights * activation.detach(), dim=1)": (
                "cam = torch.ones_like(activation[:, 0]).detach()\n"
                "for k in range(activation.shape[1]):\n"
                "    cam = cam + weights[:, k] * activation[:, k].detach()"
            )
        },
    ),
    "CustomReLU, too": (
        "CustomReLU stands for the ReLUs",
        {
            "    activation, scores = self._forward(X_tensor.detach(), gc_model)": (
                "    with relu_replaced_by(CustomReLU.apply):\n"
                "                activation, scores = self._forward(X_tensor.detach(), gc_model)"
            )
        },
        {"never": "nothing but zeros"},
    ),
    "absolute value": ("the absolute value stands where the last ReLU should", {"F.relu(cam)": "cam.abs()"}),
    "not averaged": ("the gradients are not averaged", {WEIGHTS: "weights = activation.grad"}),
    "averaged over images": ("the gradients are averaged over the images", {"mean(dim=(2, 3)": "mean(dim=(0, 2, 3)"}),
    "no keepdim": ("with keepdim=True", {", keepdim=True": ""}),
    "axis of the channels kept": ("leave keepdim=True out", {"detach(), dim=1": "detach(), dim=1, keepdim=True"}),
    "a list": ("A list or tuple came", {"cam = F.relu(cam)": "cam = [F.relu(one) for one in cam]"}),
    "averaged over channels": ("averaged over the channels alone", {"dim=(2, 3)": "dim=1"}),
    "averaged over rows": ("averaged over the rows alone", {"dim=(2, 3)": "dim=2"}),
    "largest channel": (
        "the largest channel is taken",
        {"torch.sum(weights * activation.detach(), dim=1)": "torch.amax(weights * activation.detach(), dim=1)"},
    ),
    "channels not weighed": ("the channels are not weighed", {"weights * activation": "activation"}),
    "gradients alone": ("the gradients alone are summed", {"weights * activation.detach()": "activation.grad"}),
    "ReLU of each channel": (
        "the ReLU comes before the sum",
        {"torch.sum(weights * activation.detach(), dim=1)": "F.relu(weights * activation.detach()).sum(dim=1)"},
    ),
    "ReLU of the weights": ("on the weights", {"torch.sum(weights": "torch.sum(F.relu(weights)"}),
    "ReLU of the gradients": (
        "negative gradients are cut off",
        {"activation.grad.mean": "activation.grad.relu().mean"},
        {"never": "cross-entropy"},
    ),
    "first image's weights": ("the first image's weights", {"weights * activation": "weights[:1] * activation"}),
    "sum over the rows": ("the rows are added up", {"detach(), dim=1": "detach(), dim=2"}),
    "sum over the images": ("the images are added up", {"detach(), dim=1": "detach(), dim=0"}),
    "does nothing": ("nothing but zeros", "cam = torch.zeros_like(activation[:, 0])"),
    "cross-entropy": (
        "that of a cross-entropy loss",
        {OWN: "own = -F.cross_entropy(scores, y_tensor)"},
        {"never": "that of the probability"},
    ),
    "cross-entropy, descended": ("that of a cross-entropy loss", {OWN: "own = F.cross_entropy(scores, y_tensor)"}),
    "probability": ("or of a probability", {OWN: "own = scores.softmax(1).gather(1, y_tensor.view(-1, 1))"}),
    "labels of all images": (
        "the classes of all images are asked for each image",
        {OWN: "own = torch.zeros_like(scores)\nown[:, y_tensor] = 1\nown = own * scores"},
    ),
    "ones of five": ("torch.ones_like(", {"own.sum().backward()": "own[:, 0].backward(torch.ones(5))"}),
    "squeezed": (
        "squeeze() takes away",
        {OWN: f"{OWN}.squeeze()", "own.sum().backward()": "own.backward(torch.ones(len(own)))"},
    ),
    "two at once: cross-entropy, and no ReLU": (
        ("cross-entropy", "the last ReLU is missing"),
        {OWN: "own = F.cross_entropy(scores, y_tensor)", "cam = F.relu(cam)": ""},
    ),
    "predicted class": ("the class that the network predicts", {OWN: "own = scores.max(dim=1)[0]"}),
    "all scores": ("the gradient of all scores together", {OWN: "own = scores"}),
    "first score only": ("only the first image's score", {"own.sum()": "own[0]"}),
    "squared gradients": ("the gradients are squared", {"activation.grad.mean": "activation.grad.square().mean"}),
    "batch of five": ("a batch size", {OWN: "own = scores[range(5), y_tensor]"}),
    "activations and gradients exchanged": (
        "the gradients are summed, alone or weighed by the activations' means",
        {
            WEIGHTS: "weights = activation.detach().mean(dim=(2, 3), keepdim=True)",
            "weights * activation.detach()": "weights * activation.grad",
        },
    ),
    "activations' own means": (
        "the activations' own means weigh them",
        {WEIGHTS: "weights = activation.detach().mean(dim=(2, 3), keepdim=True)"},
    ),
}

RIGHT = {
    "the map still holds its graph": {"weights * activation.detach()": "weights * activation"},
    "beside a wrong guided backprop": {"with relu_replaced_by(CustomReLU.apply):": "if True:"},
    "sum instead of mean": {"activation.grad.mean": "activation.grad.sum"},
    "mean of the scores": {"own.sum()": "own.mean()"},
    "mean over channels": {
        "torch.sum(weights * activation.detach(), dim=1)": "(weights * activation.detach()).mean(1)"
    },
    "adaptive pooling": {WEIGHTS: "weights = F.adaptive_avg_pool2d(activation.grad, 1)"},
    "einsum": """
        gradient = torch.autograd.grad(scores[torch.arange(len(y_tensor)), y_tensor].sum(), activation)[0]
        cam = torch.einsum("nc,nchw->nhw", gradient.mean((2, 3)), activation.detach()).clamp(min=0)
    """,
    "matrix product": """
        wanted = torch.zeros_like(scores)
        wanted[range(len(wanted)), y_tensor] = 1
        scores.backward(gradient=wanted)
        N, C, h, w = activation.shape
        a = activation.grad.view(N, C, h * w).mean(2).view(N, 1, C)
        cam = torch.bmm(a, activation.detach().view(N, C, h * w)).view(N, h, w)
        cam = torch.max(cam, torch.zeros_like(cam))
    """,
    "a loop over channels": """
        (scores * F.one_hot(y_tensor, scores.shape[1])).sum().backward()
        cam = torch.zeros_like(activation[:, 0])
        for k in range(activation.shape[1]):
            cam = cam + activation.grad[:, k].mean((1, 2)).view(-1, 1, 1) * activation[:, k].detach()
        cam[cam < 0] = 0
    """,
}
