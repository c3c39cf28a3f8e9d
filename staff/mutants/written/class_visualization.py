"""ClassVisualization.create_class_visualization: from img (a leaf) to an `img` one step further up."""

FILE, FUNCTION, PART = "visualizers/class_visualization.py", "create_class_visualization", "class_visualization"

WRITTEN = """
score = model(img)[0, target_y]
loss = score - l2_reg * torch.sum(img ** 2)
loss.backward()
g = img.grad
img = img.detach()
if g.norm() > 0:
    img = img + learning_rate * g / g.norm()
    moved = True
"""

WRONG = {
    "jitter undone twice": (
        "the jitter is undone in the step, too",
        {"img = img.detach()\n": "img = self.jitter(img.detach(), -ox, -oy)\ng = self.jitter(g, -ox, -oy)\n"},
        {"least": 0.9},
    ),
    "sign turned": ("the regulariser's sign is turned", {"score - l2_reg": "score + l2_reg"}),
    "norm not squared": ("the regulariser's norm is not squared", {"torch.sum(img ** 2)": "torch.norm(img)"}),
    "regulariser cut off": (
        "the regulariser has no effect on the gradient",
        {"torch.sum(img ** 2)": "torch.sum(img.detach() ** 2)"},
        {"most": 0.5},
    ),
    "regulariser forgotten": ("the regulariser has no effect on the gradient", {" - l2_reg * torch.sum(img ** 2)": ""}),
    "regulariser averaged": (
        "the regulariser is a mean over the pixels",
        {"torch.sum(img ** 2)": "torch.mean(img ** 2)"},
        {"most": 0.5},
    ),
    "regulariser twice": ("the regulariser counts twice", {"l2_reg * torch": "2 * l2_reg * torch"}),
    "root mean square": ("divided by its root mean square", {"g / g.norm()": "g / g.square().mean().sqrt()"}),
    "mean absolute value": ("the mean of its absolute values", {"g / g.norm()": "g / g.abs().mean()"}),
    "L1 norm": ("the sum of its absolute values", {"g / g.norm()": "g / g.norm(p=1)"}),
    "number of pixels": ("the step is far too short", {"g / g.norm()": "g / g.numel()"}),
    "loop ended by a norm of zero": (
        "without break or continue",
        {"if g.norm() > 0:\n": "if g.norm() == 0:\n    break\nelse:\n"},
        {"least": 0.9, "never": "style_weights"},
    ),
    "weight missing": ("the regulariser's weight is missing", {"l2_reg * torch.sum": "torch.sum"}),
    "factor 2 missing": (
        "the regulariser's gradient lacks its factor 2",
        {"torch.sum(img ** 2)": "torch.sum(img * img.detach())"},
    ),
    "not normalised": (
        "the gradient is not divided by its norm",
        {"* g / g.norm()": "* g"},
        {"least": 0.3, "most": 0.7},
    ),
    "norm of each channel": (
        "each channel is divided by its own norm",
        {"g / g.norm()": "g / g.norm(dim=(2, 3), keepdim=True)"},
    ),
    "not normalised, norm not squared": (
        ("the gradient is not divided by its norm", "the regulariser's norm is not squared"),
        {"* g / g.norm()": "* g", "torch.sum(img ** 2)": "torch.norm(img)"},
    ),
    "regulariser outside the learning rate": (
        "outside the learning rate",
        {
            " - l2_reg * torch.sum(img ** 2)": "",
            "learning_rate * g / g.norm()": "learning_rate * g / g.norm() - 2 * l2_reg * img",
        },
        {"never": "has no effect"},
    ),
    "regulariser after the normalisation": (
        "after the score's gradient was normalised",
        {" - l2_reg * torch.sum(img ** 2)": "", "g / g.norm()": "(g / g.norm() - 2 * l2_reg * img)"},
        {"least": 0.9},
    ),
    "square of the image subtracted": (
        "the square of the image is subtracted",
        {" - l2_reg * torch.sum(img ** 2)": "", "g = img.grad": "g = img.grad - l2_reg * img.detach() ** 2"},
        {"most": 0.5},
    ),
    "outside the learning rate, without its 2": (
        ("outside the learning rate: it belongs", "lacks its factor 2"),
        {" - l2_reg * torch.sum(img ** 2)": "", "g / g.norm()": "g / g.norm() - l2_reg * img"},
        {"never": "not squared"},
    ),
    "outside the learning rate, not normalised": (
        "outside the learning rate, and the gradient is not divided by its norm",
        {" - l2_reg * torch.sum(img ** 2)": "", "g / g.norm()": "g - 2 * l2_reg * img"},
        {"never": "not squared"},
    ),
    "no guard against a norm of zero": (
        "never divide by a norm of 0",
        {"g.norm() > 0": "True"},
        {"least": 0.9},
    ),
    "tiny steps": ("too short", {"+ learning_rate * g": "+ 1e-3 * learning_rate * g"}, {"never": "was not changed"}),
    "never cleared": (
        "the gradient is never cleared",
        {
            "g = img.grad": "self.total = img.grad + (self.total if t else 0)\ng = self.total",
        },
        {"least": 0.66, "most": 0.67},
    ),
    "two at once: cross-entropy, and the sign turned": (
        ("cross-entropy", "the regulariser's sign is turned"),
        {"model(img)[0": "model(img).log_softmax(1)[0", "score - l2_reg": "score + l2_reg"},
    ),
    "largest value": ("the gradient is divided by its largest value", {"g / g.norm()": "g / g.abs().max()"}),
    "descends": ("the objective is descended", {"img = img + ": "img = img - "}),
    "divided by the gradient": ("the step is far too long", {"learning_rate * g / g.norm()": "learning_rate / g"}),
    "learning rate missing": ("the learning rate is missing", {"learning_rate * g": "g"}),
    "learning rate as a number": ("the learning rate is written as a number", {"learning_rate * g": "25 * g"}),
    "all scores": ("the gradient of all scores together", {"[0, target_y]": ".sum()"}),
    "probability": ("the gradient is that of the probability", {"model(img)[0": "model(img).softmax(1)[0"}),
    "log probability": (
        "the gradient is that of a cross-entropy loss",
        {"model(img)[0": "model(img).log_softmax(1)[0"},
    ),
    "moved never set": ("set `moved = True`", {"    moved = True": "    pass"}, {"least": 0.95}),
    "not changed": (
        "the image was not changed",
        {
            "    img = img + learning_rate": "    img + learning_rate",
        },
        {"most": 0},
    ),
    "steps get shorter": (
        "the length depends on the number of the step",
        {"img = img + learning_rate * g": "img = img + learning_rate / (t + 1) * g"},
    ),
    "steps end at zero": (
        "the length depends on the number of the step",
        {"img = img + learning_rate * g": "img = img + learning_rate * (1 - t / num_iterations) * g"},
    ),
    "the regulariser itself subtracted": (
        "the regulariser itself is subtracted from the gradient",
        {
            "loss = score - l2_reg * torch.sum(img ** 2)": "loss = score",
            "g = img.grad": "g = img.grad - l2_reg * (img ** 2).sum().detach()",
        },
    ),
}

RIGHT = {
    "regulariser's gradient by hand": """
        scores = model(img)
        scores[0][target_y].backward()
        with torch.no_grad():
            g = img.grad - 2 * l2_reg * img
            img = img.detach()
            if g.any():
                img = img + learning_rate * (g / torch.norm(g))
                moved = True
    """,
    "square of the norm": {"torch.sum(img ** 2)": "torch.norm(img) ** 2"},
    "linalg.norm": {"torch.sum(img ** 2)": "torch.linalg.norm(img.view(-1)).pow(2)"},
    "in place, by data": """
        loss = model(img)[0, target_y] - l2_reg * (img * img).sum()
        loss.backward()
        if img.grad.norm().item() != 0:
            img.data += learning_rate * img.grad / img.grad.norm()
            moved = True
        img.grad.zero_()
        img = img.data
    """,
    "descends the negative": """
        loss = -(model(img)[0, target_y]) + l2_reg * torch.sum(img ** 2)
        loss.backward()
        norm, g = torch.sqrt(torch.sum(img.grad ** 2)), img.grad
        img = img.detach()
        if norm != 0:
            img = img - learning_rate * g / norm
            moved = True
    """,
    "looks at the scores twice": {"loss.backward()": "model(img)\nloss.backward()"},
    "looks at the scores after the step": {"    moved = True": "    moved = True\nmodel(img)"},
    "looks at the scores after the step, with a graph": {
        "    moved = True": (
            "    moved = True\nimg.requires_grad_()\nself.said = float(model(img)[0, 0])\nimg = img.detach()"
        )
    },
    "looks at the scores before the first step": {
        "score = model(img)[": "model(torch.zeros_like(img))\nscore = model(img)["
    },
    "a tiny number beside the norm": {"g / g.norm()": "g / (g.norm() + 1e-8)"},
}
