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
    "a comma behind it": ("is there a comma behind the return?", {"return gram": "return gram,"}, {"most": 0}),
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
    "all images in one, the tutorial's": (
        "channels of different images are multiplied",
        """
        a, b, c, d = features.size()
        flat = features.reshape(a * b, c * d)
        G = torch.mm(flat, flat.t())
        return G.div(a * b * c * d) if normalize else G
    """,
    ),
    "one image's channels alone": (
        "the axis of the images is missing",
        """
        a, b, c, d = features.size()
        flat = features.reshape(a * b, c * d)
        gram = flat @ flat.T
        return gram / (b * c * d) if normalize else gram
    """,
    ),
    "no transpose": (".transpose(1, 2)", {"torch.bmm(F, F.permute(0, 2, 1))": "torch.bmm(F, F)"}),
    "centred": ("each channel's mean is taken away", {"gram = torch": "F = F - F.mean(2, keepdim=True)\ngram = torch"}),
    "correlation": (
        "each channel's mean is taken away, and",
        """
        N, C, H, W = features.shape
        F = features.view(N, C, H * W)
        F = F - F.mean(2, keepdim=True)
        gram = F @ F.transpose(1, 2)
        return gram / (H * W) if normalize else gram
    """,
    ),
    "divided by the sum": ("it is divided by its own sum", {"(H * W * C)": "gram.sum()"}),
    "unit channels instead": (
        "each channel is scaled to length 1 instead",
        {
            "gram = torch": "F = nn.functional.normalize(F, dim=2) if normalize else F\ngram = torch",
            "/ (H * W * C)": "/ 1",
        },
        {"never": "divided by H * W alone"},
    ),
    "unit pixels instead": (
        "normalize does so along axis 1",
        {"gram = torch": "F = nn.functional.normalize(F) if normalize else F\ngram = torch", "/ (H * W * C)": "/ 1"},
    ),
    "rows of the matrix": (
        "each row of the matrix is scaled to length 1",
        {"gram / (H * W * C)": "nn.functional.normalize(gram, dim=2)"},
    ),
    "unit matrix": ("each matrix is scaled to length 1", {"(H * W * C)": "gram.norm(dim=(1, 2), keepdim=True)"}),
    "under no_grad": (
        "gram_matrix cuts its result off",
        {"gram = torch": "with torch.no_grad():\n    gram = torch"},
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
    "cut off": ("gram_matrix cuts its result off", {"return gram": "return gram.detach()"}),
    "its diagonal alone": (
        "each channel is multiplied with itself alone",
        """
        N, C, H, W = features.shape
        gram = features.square().sum(dim=(2, 3))
        return gram / (C * H * W) if normalize else gram
    """,
    ),
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
