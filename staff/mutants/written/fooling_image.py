"""FoolingImage.make_fooling_image: from x (a copy of X), target_y and model to an `x` that the model takes for it."""

FILE, FUNCTION, PART = "visualizers/fooling_image.py", "make_fooling_image", "fooling"

WRITTEN = """
x.requires_grad_()
self.steps = 0
for i in range(self.max_steps):
    scores = model(x)
    if scores.max(dim=1)[1].item() == target_y:
        break
    x.grad = None
    scores[0, target_y].backward()
    if x.grad.norm() == 0:
        warnings.warn("the class is dead")
        break
    with torch.no_grad():
        x += self.learning_rate * x.grad / x.grad.norm()
    self.steps += 1
if model(x).argmax().item() != target_y:
    warnings.warn("not fooled")
"""

STEP = "        x += self.learning_rate * x.grad / x.grad.norm()"

WRONG = {
    "waits for certainty": (
        "it goes on until the network is sure",
        {"scores.max(dim=1)[1].item() == target_y:": "scores.softmax(dim=1)[0, target_y] > 0.5:"},
        {"least": 0.6},
    ),
    "lead over the highest": (
        "the lead over the highest score is climbed",
        {"scores[0, target_y].backward()": "(scores[0, target_y] - scores[0].max()).backward()"},
    ),
    "two steps": ("each pass of the loop takes two steps", {STEP: f"{STEP}\n{STEP}"}),
    "never stops": ("the loop never stopped", {"== target_y:\n        break": "== target_y:\n        pass"}),
    "one step more": (
        "a step is taken after the network is fooled",
        """
        self.steps = 0
        for i in range(self.max_steps):
            x = x.detach().requires_grad_()
            scores = model(x)
            g, = torch.autograd.grad(scores[0, target_y], x)
            if not g.any():
                break
            x = x + self.learning_rate * g / g.norm()
            self.steps += 1
            if scores.argmax() == target_y:
                break
        if model(x).argmax() != target_y:
            warnings.warn("not fooled")
    """,
        {"least": 0.5, "most": 0.55},
    ),
    "not normalised": ("the gradient is not divided by its norm", {STEP: "        x += self.learning_rate * x.grad"}),
    "squared norm": (
        "the gradient is divided by the square of its norm",
        {"grad / x.grad.norm()": "grad / x.grad.norm() ** 2"},
        {"least": 0.25},
    ),
    "largest value": ("the gradient is divided by its largest value", {"/ x.grad.norm()": "/ x.grad.abs().max()"}),
    "sign": ("the sign of the gradient is taken", {"x.grad / x.grad.norm()": "x.grad.sign()"}),
    "never cleared": ("the gradient is never cleared", {"x.grad = None": ""}, {"least": 0.66, "most": 0.67}),
    "descends": ("the score is descended", {"x += self": "x -= self"}),
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
        "the class that the network predicts was taken, not the target",
        {"scores[0, target_y].backward()": "scores.max().backward()"},
    ),
    "not changed": ("the image was not changed", {"x += self": "x + self"}, {"most": 0}),
    "empty loop": ("the image was not changed", "for i in range(100):\n    pass", {"most": 0}),
    "does nothing": ("the image was not changed", "pass", {"most": 0}),
    "tiny steps": (
        "times what is expected",
        {"self.learning_rate * x.grad": "1e-3 * x.grad"},
        {"never": "was not changed"},
    ),
    "two at once: not normalised, and cross-entropy": (
        ("not divided by its norm", "cross-entropy"),
        {
            "x.grad / x.grad.norm()": "x.grad",
            "scores[0, target_y].backward()": (
                "loss = nn.functional.cross_entropy(scores, torch.tensor([target_y]))\n    (-loss).backward()"
            ),
        },
    ),
    "one step alone": ("only one step is taken", {"range(self.max_steps)": "range(1)"}, {"most": 0.45}),
    "another learning rate": ("the learning rate is missing", {"self.learning_rate * x.grad": "1.0 * x.grad"}),
    "gives up after 20 steps": ("it gives up early", {"range(self.max_steps)": "range(20)"}, {"least": 0.8}),
    "stops at any other class": (
        "another class than at first",
        {
            "    if scores.max(dim=1)[1].item() == target_y:\n": (
                "    first = scores.argmax() if i == 0 else first\n"
                "    if scores.argmax() == target_y or scores.argmax() != first:\n"
            ),
        },
        {"least": 0.6},
    ),
    "stops above the first class": (
        "above that of the first class",
        {
            "    if scores.max(dim=1)[1].item() == target_y:\n": (
                "    first = int(scores.argmax()) if i == 0 else first\n"
                "    if first == target_y or scores[0, target_y] > scores[0, first]:\n"
            ),
        },
        {"least": 0.6},
    ),
    "stops at the second best": (
        "among the two highest",
        {"scores.max(dim=1)[1].item() == target_y:": "target_y in scores[0].topk(2).indices:"},
    ),
    "count starts at 0": (
        "the count starts at 0",
        {
            "    self.steps += 1\n": "    self.steps = i\n",
        },
        {"least": 0.95},
    ),
    "root mean square": (
        "divided by its root mean square",
        {"/ x.grad.norm()": "/ x.grad.square().mean().sqrt()"},
    ),
    "standard deviation": ("divided by its root mean square (or std)", {"/ x.grad.norm()": "/ x.grad.std()"}),
    "L1 norm": ("the sum of its absolute values", {"/ x.grad.norm()": "/ x.grad.norm(p=1)"}),
    "mean absolute value": ("the mean of its absolute values", {"/ x.grad.norm()": "/ x.grad.abs().mean()"}),
    "number of pixels": ("by how many numbers it has", {"/ x.grad.norm()": "/ x.grad.numel()"}),
    "no end but success": (
        "self.max_steps has no effect",
        {"for i in range(self.max_steps):": "while True:"},
        {"least": 0.85},
    ),
    "steps not counted": ("not counted in self.steps", {"    self.steps += 1\n": ""}, {"least": 0.95}),
    "steps never reset": ("not set to 0 in each call", {"self.steps = 0\n": ""}, {"least": 0.95}),
    "norm of the image": ("divided by the norm of the image", {"/ x.grad.norm()": "/ x.norm()"}),
    "clamped": ("the image is clamped to [0, 1]", {STEP: f"{STEP}\n        x.clamp_(0, 1)"}),
    "counts before it looks": (
        "a step is counted before it is seen",
        {"    self.steps += 1\n": "", "    scores = model(x)\n": "    scores = model(x)\n    self.steps += 1\n"},
        {"least": 0.95},
    ),
    "a small number beside the norm": (
        "all steps are taken in vain",
        {
            '    if x.grad.norm() == 0:\n        warnings.warn("the class is dead")\n        break\n': "",
            "/ x.grad.norm()": "/ (x.grad.norm() + 1e-8)",
        },
        {"least": 0.95},
    ),
    "learning rate as a number": (
        "the learning rate is written as a number",
        {"self.learning_rate * x": "10 * x"},
        {"least": 0.95},
    ),
    "gives up in silence": ("a warning after max_steps", {'warnings.warn("not fooled")': "pass"}, {"least": 0.95}),
    "norm of each pixel": (
        "each pixel is divided by its own norm",
        {"x.grad / x.grad.norm()": "torch.nn.functional.normalize(x.grad)"},
    ),
    "dead in silence": (
        "a warning of the dead class",
        {
            '    warnings.warn("the class is dead")\n        break': "    break",
            'warnings.warn("not fooled")': "if x.grad is not None and x.grad.any(): warnings.warn('')",
        },
        {"least": 0.95},
    ),
    "norm of each channel": (
        "each channel is divided by its own norm",
        {"grad / x.grad.norm()": "grad / x.grad.norm(dim=(2, 3), keepdim=True)"},
    ),
    "no guard against a norm of zero": (
        "never divide by a norm of 0",
        {"x.grad.norm() == 0": "False"},
        {"least": 0.95},
    ),
    "writes to X": ("work on X.clone()", {"x = X.detach().clone()": "x = X.detach()"}),
    "steps get shorter": (
        "the second step is 0.5 times as long",
        {"x.grad.norm()\n    self": "x.grad.norm() / (i + 1)\n    self"},
    ),
    "each step from X": (
        "each step starts from X",
        {STEP: "        x.copy_(X + self.learning_rate * x.grad / x.grad.norm())"},
        {"never": "self.max_steps has no effect"},
    ),
}

RIGHT = {
    "clears by zero_": {
        "    x.grad = None\n": "",
        STEP: f"{STEP}\n        x.grad.zero_()",
    },
    "data": """
        x.requires_grad, self.steps = True, 0
        for i in range(self.max_steps):
            scores = model(x)
            if torch.argmax(scores) == target_y:
                break
            scores[:, target_y].sum().backward()
            if not x.grad.any():
                break
            self.steps = i + 1
            x.data += self.learning_rate * x.grad.data / torch.norm(x.grad.data)
            x.grad.data.zero_()
        if model(x).argmax() != target_y:
            warnings.warn("not fooled")
    """,
    "autograd.grad and a new tensor": """
        self.steps = 0
        for i in range(self.max_steps):
            x = x.detach().requires_grad_()
            scores = model(x)
            if int(scores.argmax(1)) == target_y:
                break
            g = torch.autograd.grad(scores[0][target_y], x)[0]
            if g.abs().max() == 0:
                break
            x = x + self.learning_rate * (g / torch.sqrt((g * g).sum()))
            self.steps += 1
        if model(x).argmax() != target_y:
            warnings.warn("not fooled")
    """,
    "looks again after the step": """
        x.requires_grad_()
        self.steps = 0
        while True:
            scores = model(x)
            prediction = model(x).argmax().item()
            if prediction == target_y:
                break
            if self.steps == self.max_steps:
                warnings.warn("not fooled")
                break
            scores[0, target_y].backward()
            g = x.grad
            if g.norm() == 0:
                warnings.warn("a dead class")
                break
            self.steps += 1
            x = (x + self.learning_rate * g / g.norm(p=2)).detach().requires_grad_()
    """,
    "looks first and in the end of each pass": """
        x.requires_grad_()
        fooled = model(x).argmax().item() == target_y
        steps = 0
        while not fooled and steps < self.max_steps:
            score = model(x)[0, target_y]
            score.backward()
            g = x.grad.clone()
            if not g.any():
                break
            x = (x.detach() + self.learning_rate * g / (g.norm() + 1e-12)).requires_grad_()
            fooled = model(x).data.max(1)[1][0] == target_y
            steps += 1
        self.steps = steps
        if not fooled:
            warnings.warn("not fooled")
    """,
    "idles after it has succeeded": {"== target_y:\n        break": "== target_y:\n        continue"},
    "idles and looks on": """
        fooled, self.steps = False, 0
        for i in range(self.max_steps):
            x = x.detach().requires_grad_()
            scores = model(x)
            if scores.argmax().item() == target_y:
                fooled = True
            if not fooled:
                g, = torch.autograd.grad(scores[0, target_y], x)
                if g.norm() > 0:
                    x = x + self.learning_rate * g / g.norm()
                    self.steps += 1
        if not fooled:
            warnings.warn("not fooled")
    """,
    "numpy norm": {
        "grad / x.grad.norm()": "grad / float(np.linalg.norm(x.grad.numpy()))",
        "import torch\n": "import numpy as np\nimport torch\n",
    },
    "an image that requires gradients": WRITTEN + "return x\n",
}
