"""FoolingImage.make_fooling_image: from x (a copy of X), target_y and model to an `x` that the model takes for it."""

FILE, FUNCTION, PART = "visualizers/fooling_image.py", "make_fooling_image", "fooling"

WRITTEN = """
x.requires_grad_()
for i in range(100):
    scores = model(x)
    if scores.max(dim=1)[1].item() == target_y:
        break
    x.grad = None
    scores[0, target_y].backward()
    with torch.no_grad():
        x += 10 * x.grad / x.grad.norm()
"""

STEP = "        x += 10 * x.grad / x.grad.norm()"

WRONG = {
    "two steps": ("each pass of the loop takes two steps", {STEP: f"{STEP}\n{STEP}"}),
    "never stops": ("the loop never stopped", {"        break": "        pass"}),
    "one step more": (
        "a step is taken after the network is fooled",
        """
        for i in range(100):
            x = x.detach().requires_grad_()
            scores = model(x)
            g, = torch.autograd.grad(scores[0, target_y], x)
            x = x + 10 * g / g.norm()
            if scores.argmax() == target_y:
                break
    """,
    ),
    "not normalised": ("the gradient is not divided by its norm", {" / x.grad.norm()": ""}),
    "squared norm": ("the gradient is divided by the square of its norm", {"x.grad.norm()": "x.grad.norm() ** 2"}),
    "largest value": ("the gradient is divided by its largest value", {"x.grad.norm()": "x.grad.abs().max()"}),
    "sign": ("the sign of the gradient is taken", {"x.grad / x.grad.norm()": "x.grad.sign()"}),
    "never cleared": ("the gradient is never cleared", {"x.grad = None": ""}, {"most": 0.7}),
    "descends": ("the score is descended", {"x += 10": "x -= 10"}),
    "cross-entropy": (
        "the gradient is that of a cross-entropy loss or of a probability",
        {
            "scores[0, target_y].backward()": (
                "loss = nn.functional.cross_entropy(scores, torch.tensor([target_y]))\n    (-loss).backward()"
            )
        },
    ),
    "probability": (
        "the gradient is that of a cross-entropy loss or of a probability",
        {"scores[0, target_y].backward()": "scores.softmax(dim=1)[0, target_y].backward()"},
    ),
    "all scores": (
        "the gradient of all scores together",
        {"scores[0, target_y].backward()": "scores.sum().backward()"},
    ),
    "highest score": (
        "the score of the class that the network says",
        {"scores[0, target_y].backward()": "scores.max().backward()"},
    ),
    "not changed": ("the image was not changed", {"x += 10": "x + 10"}, {"most": 0}),
    "empty loop": ("the image was not changed", "for i in range(100):\n    pass", {"most": 0}),
    "does nothing": ("the image was not changed", "pass", {"most": 0}),
    "tiny steps": (
        "too short",
        {"10 * x.grad / x.grad.norm()": "1e-3 * x.grad / x.grad.norm()"},
        {"never": "was not changed"},
    ),
    "two at once: not normalised, and cross-entropy": (
        ("not divided by its norm", "cross-entropy"),
        {
            " / x.grad.norm()": "",
            "scores[0, target_y].backward()": (
                "loss = nn.functional.cross_entropy(scores, torch.tensor([target_y]))\n    (-loss).backward()"
            ),
        },
    ),
    "one step alone": ("only one step is taken", {"range(100)": "range(1)"}),
    "another learning rate": ("the learning rate is missing", {"10 * x.grad": "1.0 * x.grad"}),
    "writes to X": ("work on X.clone()", {"x = X.detach().clone()": "x = X.detach()"}),
}

RIGHT = {
    "clears by zero_": {
        "    x.grad = None\n": "",
        STEP: f"{STEP}\n        x.grad.zero_()",
    },
    "data": """
        x.requires_grad = True
        for i in range(100):
            scores = model(x)
            if torch.argmax(scores) == target_y:
                break
            scores[:, target_y].sum().backward()
            x.data += 10 * x.grad.data / torch.norm(x.grad.data)
            x.grad.data.zero_()
    """,
    "autograd.grad and a new tensor": """
        for i in range(100):
            x = x.detach().requires_grad_()
            scores = model(x)
            if int(scores.argmax(1)) == target_y:
                break
            g = torch.autograd.grad(scores[0][target_y], x)[0]
            x = x + 10.0 * (g / torch.sqrt((g * g).sum()))
    """,
    "looks again after the step": """
        x.requires_grad_()
        while True:
            scores = model(x)
            prediction = model(x).argmax().item()
            if prediction == target_y:
                break
            scores[0, target_y].backward()
            g = x.grad
            x = (x + self.learning_rate * g / g.norm(p=2)).detach().requires_grad_()
    """,
    "looks first and in the end of each pass": """
        x.requires_grad_()
        fooled = model(x).argmax().item() == target_y
        steps = 0
        while not fooled and steps < 100:
            score = model(x)[0, target_y]
            score.backward()
            g = x.grad.clone()
            x = (x.detach() + 10 * g / (g.norm() + 1e-12)).requires_grad_()
            fooled = model(x).data.max(1)[1][0] == target_y
            steps += 1
    """,
    "idles after it has succeeded": {"        break": "        continue"},
    "idles and looks on": """
        fooled = False
        for i in range(100):
            x = x.detach().requires_grad_()
            scores = model(x)
            if scores.argmax().item() == target_y:
                fooled = True
            if not fooled:
                g, = torch.autograd.grad(scores[0, target_y], x)
                x = x + 10 * g / g.norm()
    """,
    "numpy norm": {
        "x.grad.norm()": "float(np.linalg.norm(x.grad.numpy()))",
        "import torch\n": "import numpy as np\nimport torch\n",
    },
    "an image that requires gradients": WRITTEN + "return x\n",
}
