"""StyleLoss.forward."""

FILE, FUNCTION, PART = "style_modules/style_loss.py", "forward", "style_loss"

WRITTEN = """
loss = 0
for i, layer in enumerate(style_layers):
    gram = self.gram_matrix(feats[layer])
    loss += style_weights[i] * torch.sum((gram - style_targets[i]) ** 2)
return loss
"""

SUM = "torch.sum((gram - style_targets[i]) ** 2)"

WRONG = {
    "half of each matrix": (
        "half of each matrix is added up",
        {SUM: "torch.sum(((gram - style_targets[i]) ** 2).triu())"},
    ),
    "weights piled up": (
        "each weight multiplies the sum of the layers so far",
        {f"loss += style_weights[i] * {SUM}": f"loss = style_weights[i] * (loss + {SUM})"},
    ),
    "mean": ("the mean is taken", {"torch.sum((": "torch.mean(("}),
    "mse_loss": ("the mean is taken", {SUM: "nn.functional.mse_loss(gram, style_targets[i])"}),
    "no weights": ("the weights are missing", {"style_weights[i] * torch": "torch"}),
    "not squared": ("the difference of the Gram matrices is not squared", {" ** 2": ""}),
    "absolute": ("the absolute difference is taken", {SUM: "(gram - style_targets[i]).abs().sum()"}),
    "root": ("the root of each sum is taken", {SUM: "torch.norm(gram - style_targets[i])"}),
    "not normalised": (
        "the Gram matrices are not normalised",
        {"gram_matrix(feats[layer])": "gram_matrix(feats[layer], False)"},
    ),
    "mean of the layers": (
        "the sum is divided by the number of layers",
        {"return loss": "return loss / len(style_layers)"},
    ),
    "last layer only": ("only the last layer counts", {"loss += ": "loss = "}),
    "first layer only": ("only the first layer counts", {"return loss": "    return loss"}),
    "a quarter": ("the paper's factor of a quarter", {"return loss": "return loss / 4"}),
    "layers counted through": (
        "the layers are counted through",
        {"feats[layer]": "feats[i]"},
        {"never": "batch size"},
    ),
    "first weight for all": ("the first weight is taken for all layers", {"style_weights[i]": "style_weights[0]"}),
    "squared after the sum": ("added up before they are squared", {SUM: "torch.sum(gram - style_targets[i]) ** 2"}),
    "Gram matrix of the target": (
        "is a Gram matrix already",
        {"- style_targets[i]": "- self.gram_matrix(style_targets[i])"},
    ),
    "cut off": ("the loss is cut off from its input", {"return loss": "return loss.detach()"}, {"most": 0.75}),
    "item": (
        "the loss is cut off from its input",
        {SUM: f"{SUM}.item()", "return loss": "return torch.tensor(loss)"},
        {"most": 0.75},
    ),
    "does nothing": ("nothing but zeros", "return 0 * feats[0].sum()", {"most": 0.6}),
    "two at once: mean, and no weights": (
        ("the mean is taken", "the weights are missing"),
        {"style_weights[i] * torch.sum((": "torch.mean(("},
    ),
    "two at once: absolute, and the last layer only": (
        ("the absolute difference is taken", "only the last layer counts"),
        {SUM: "(gram - style_targets[i]).abs().sum()", "loss += ": "loss = "},
    ),
    "last layer left out": (
        "the last style layer is left out",
        {"enumerate(style_layers)": "enumerate(style_layers[:-1])"},
    ),
    "sum of the weights": (
        "the sum of the weights is taken",
        {"style_weights[i] * torch": "torch", "return loss": "return loss * sum(style_weights)"},
    ),
    "weighed after the loop": (
        "the last weight is taken for all layers",
        {"style_weights[i] * torch": "torch", "return loss": "return loss * style_weights[i]"},
    ),
    "sorted layers": ("the layers are sorted", {"enumerate(style_layers)": "enumerate(sorted(style_layers))"}),
    "weights squared": ("the weights are squared", {"style_weights[i] *": "style_weights[i] ** 2 *"}),
    "weights by layer": ("style_weights[i] belongs to style_layers[i]", {"style_weights[i]": "style_weights[layer]"}),
}

RIGHT = {
    "zip": """
        total = 0.0
        for l, A, w in zip(style_layers, style_targets, style_weights):
            G = self.gram_matrix(feats[l])
            total = total + w * nn.functional.mse_loss(G, A, reduction="sum")
        return total
    """,
    "shape (1,)": {"loss = 0": "loss = torch.zeros(1)", "loss += ": "loss = loss + "},
    "a generator": """
        pairs = zip(style_layers, style_targets, style_weights)
        return sum(w * (self.gram_matrix(feats[layer].clone()) - A).norm() ** 2 for layer, A, w in pairs)
    """,
    "range": """
        losses = []
        for i in range(len(style_layers)):
            G = self.gram_matrix(feats[style_layers[i]])
            losses.append(((G - style_targets[i]) * (G - style_targets[i])).sum() * style_weights[i])
        return torch.stack(losses).sum(dim=0, keepdim=True)
    """,
}
