"""ContentLoss.forward."""

FILE, FUNCTION, PART = "style_modules/content_loss.py", "forward", "content_loss"

WRITTEN = """
import torch
loss = content_weight * torch.sum((content_current - content_original) ** 2)
return loss
"""

SUM = "torch.sum((content_current - content_original) ** 2)"

WRONG = {
    "product without its 2": (
        "the factor 2 of the product is missing",
        {SUM: "(content_current**2 - content_current * content_original + content_original**2).sum()"},
    ),
    "one of the two permuted": (
        "the features' axes are permuted, the target's are not",
        {SUM: "((content_current.permute(0, 2, 3, 1).reshape(-1) - content_original.reshape(-1)) ** 2).sum()"},
    ),
    "mean": ("the mean is taken", {"torch.sum": "torch.mean"}),
    "mse_loss": ("the mean is taken", {SUM: "nn.functional.mse_loss(content_current, content_original)"}),
    "no weight": ("the weight is missing", {"content_weight * torch": "torch"}),
    "not squared": ("the difference is not squared", {" ** 2": ""}),
    "absolute": ("the absolute difference is taken", {SUM: "(content_current - content_original).abs().sum()"}),
    "half": ("the paper's factor of one half", {"loss = content": "loss = 0.5 * content"}),
    "power of 2": ("2 is raised to the power", {SUM: "torch.pow(2, content_current - content_original).sum()"}),
    "squared twice": ("squared twice", {" ** 2": " ** 4"}),
    "root": ("the root of the sum is taken", {SUM: "torch.norm(content_current - content_original)"}),
    "weight squared": ("the weight is squared too", {SUM: f"content_weight * {SUM}"}),
    "squared after the sum": (
        "added up before they are squared",
        {SUM: "torch.sum(content_current - content_original) ** 2"},
    ),
    "squares subtracted": (
        "the squared features are subtracted",
        {SUM: "torch.sum(content_current ** 2 - content_original ** 2)"},
    ),
    "added": (
        "the features are added",
        {"content_current - content_original": "content_current + content_original"},
    ),
    "cut off": ("the loss is cut off from its input", {"return loss": "return loss.detach()"}, {"most": 1 / 3}),
    "cut off by item()": (
        "the loss is cut off from its input",
        {f"loss = content_weight * {SUM}": f"loss = torch.tensor(content_weight * {SUM}.item())"},
        {"most": 1 / 3, "never": "alone counts"},
    ),
    "in place": (
        "a - b instead of a -= b",
        "content_current -= content_original\nreturn content_weight * (content_current ** 2).sum()",
    ),
    "a comma behind it": ("is there a comma behind the return?", {"return loss": "return loss,"}, {"most": 0}),
    "does nothing": ("nothing but zeros", "return 0 * content_current.sum()", {"most": 0}),
    "two at once: mean, and no weight": (
        ("the mean is taken", "the weight is missing"),
        {"content_weight * torch.sum": "torch.mean"},
    ),
    "two at once: absolute, and half": (
        ("the absolute difference is taken", "one half"),
        {SUM: "(content_current - content_original).abs().sum() / 2"},
    ),
    "divided by the pixels": (
        "it is divided by H * W",
        {"return loss": "return loss / content_current[0, 0].numel()"},
        {"never": "not squared"},
    ),
    "divided by the channels": (
        "divided by the number of channels",
        {"return loss": "return loss / content_current.shape[1]"},
        {"never": "not squared"},
    ),
    "positions added up first": (
        "over the positions before they are squared",
        "return content_weight * (content_current - content_original).sum(dim=(2, 3)).square().sum()",
    ),
    "channels added up first": (
        "over the channels before they are squared",
        "return content_weight * (content_current - content_original).sum(dim=1).square().sum()",
    ),
    "Gram matrices": (
        "Gram matrices are compared",
        """
        F, P = content_current.flatten(2), content_original.flatten(2)
        return content_weight * (F @ F.mT - P @ P.mT).square().sum()
    """,
    ),
}

RIGHT = {
    "mse_loss summed": {SUM: "nn.functional.mse_loss(content_current, content_original, reduction='sum')"},
    "square of the norm": {SUM: "torch.norm(content_current - content_original, p=2) ** 2"},
    "flattened": """
        import torch
        F, P = content_current.view(-1), content_original.view(-1)
        return content_weight * torch.dot(F - P, F - P)
    """,
    "matrices": """
        N, C, H, W = content_current.shape
        F_ij = content_current.reshape(C, H * W)
        P_ij = content_original.reshape(C, H * W)
        return content_weight * (F_ij - P_ij).pow(2).sum()
    """,
    "shape (1,)": {"return loss": "return loss.view(1)"},
    "MSELoss module": "return content_weight * nn.MSELoss(reduction='sum')(content_current, content_original)",
}
