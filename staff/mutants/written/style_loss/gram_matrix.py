"""StyleLoss.gram_matrix."""

FILE, FUNCTION, PART = "style_modules/style_loss.py", "gram_matrix", "style_loss"

WRITTEN = """
N, C, H, W = features.shape
F = features.view(N, C, H * W)
gram = torch.bmm(F, F.permute(0, 2, 1))
if normalize:
    gram = gram / (H * W * C)
return gram
"""

WRONG = {
    "divided by H * W": ("each matrix is divided by H * W alone", {"(H * W * C)": "(H * W)"}),
    "divided by N too": ("divided by N * C * H * W", {"(H * W * C)": "(N * H * W * C)"}),
    "divided by C": ("it is divided by C alone", {"(H * W * C)": "C"}),
    "never divided": ("it is not normalised", {"if normalize:": "if False:"}),
    "always divided": ("it is normalised although normalize is False", {"if normalize:": "if True:"}),
    "flag turned": ("it is normalised although normalize is False", {"if normalize:": "if not normalize:"}),
    "summed over images": ("the sum over the batch is taken", {"return gram": "return gram.sum(0)"}),
    "first image only": ("the first image alone", {"return gram": "return gram[:1]"}),
    "without batch axis": ("the axis of the images is missing", {"return gram": "return gram[0]"}),
    "pixels with pixels": (
        "pixels are multiplied with pixels",
        {"torch.bmm(F, F.permute(0, 2, 1))": "torch.bmm(F.permute(0, 2, 1), F)"},
    ),
    "reshape for a transpose": ("reshape is no transpose", {"F.permute(0, 2, 1)": "F.reshape(N, H * W, C)"}),
    "no brackets": ("the brackets are missing", {"/ (H * W * C)": "/ C * H * W"}),
    "scrambled": (
        "rows and columns of the features are mixed up",
        {"features.view(N, C, H * W)": "features.permute(0, 2, 3, 1).reshape(N, C, H * W)"},
    ),
    "batch as channels": (
        "the sum over the batch is taken",
        """
        N, C, H, W = features.shape
        F = features.transpose(0, 1).reshape(C, N * H * W)
        gram = F @ F.t()
        return (gram / (C * H * W) if normalize else gram)[None]
    """,
    ),
    "columns": (
        "not to (N, H*W, C)",
        {"F = features.view(N, C, H * W)": "F = features.reshape(N, H * W, C).permute(0, 2, 1)"},
    ),
    "all images in one": (
        "channels of different images are multiplied",
        {"features.view(N, C, H * W)": "features.reshape(1, N * C, H * W)", "return gram": "return gram[0]"},
        {"least": 0.5},
    ),
    "number by number": ("multiply them as matrices", {"torch.bmm(F, F.permute(0, 2, 1))": "F * F"}),
    "t() of a batch": (".transpose(1, 2)", {"torch.bmm(F, F.permute(0, 2, 1))": "F @ F.t()"}),
    "divided twice": ("divided twice by C * H * W", {"(H * W * C)": "(H * W * C) ** 2"}),
    "the paper's factor": ("the paper's 4 * C^2", {"(H * W * C)": "(4 * C ** 2 * (H * W) ** 2)"}),
    "unit channels": (
        "each channel is scaled to length 1",
        {"F = features.view(N, C, H * W)": "F = nn.functional.normalize(features.view(N, C, H * W), dim=2)"},
    ),
    "in place": (
        "a - b instead of a -= b",
        {"gram = torch": "F /= (C * H * W) ** 0.5\ngram = torch", "if normalize:": "if not normalize:"},
    ),
    "whole numbers": ("// for /", {"gram / (": "gram // ("}),
    "cut off": ("the loss is cut off from its input", {"return gram": "return gram.detach()"}),
}

RIGHT = {
    "einsum": """
        gram = torch.einsum("nchw,ndhw->ncd", features, features)
        return gram / features[0].numel() if normalize else gram
    """,
    "matmul": {"torch.bmm(F, F.permute(0, 2, 1))": "torch.matmul(F, F.transpose(1, 2))"},
    "divided first": {
        "F = features.view(N, C, H * W)": "F = features.view(N, C, -1) / ((C * H * W) ** 0.5 if normalize else 1)",
        "gram = gram / (H * W * C)": "pass",
    },
}
