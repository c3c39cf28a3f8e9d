"""TotalVariationLoss.forward."""

FILE, FUNCTION, PART = "style_modules/tv_loss.py", "forward", "tv_loss"

WRITTEN = """
down = ((img[:, :, 1:, :] - img[:, :, :-1, :]) ** 2).sum()
right = ((img[:, :, :, 1:] - img[:, :, :, :-1]) ** 2).sum()
return tv_weight * (down + right)
"""

DOWN, ACROSS = "((img[:, :, 1:, :] - img[:, :, :-1, :]) ** 2)", "((img[:, :, :, 1:] - img[:, :, :, :-1]) ** 2)"
RETURN = "return tv_weight * (down + right)"

WRONG = {
    "padded with zeros": (
        "padded with zeros",
        {
            DOWN: "((nn.functional.pad(img, (0, 0, 0, 1))[:, :, 1:, :] - img) ** 2)",
            ACROSS: "((nn.functional.pad(img, (0, 1))[:, :, :, 1:] - img) ** 2)",
        },
    ),
    "diff by order": (
        "the second argument of torch.diff is how often",
        {DOWN: "(torch.diff(img, 2) ** 2)", ACROSS: "(torch.diff(img, 3) ** 2)"},
    ),
    "colours averaged first": (
        "the colours are averaged first",
        {"down =": "img = img.mean(dim=1, keepdim=True)\ndown ="},
    ),
    "absolute": (
        "absolute differences are taken",
        {DOWN: "(img[:, :, 1:, :] - img[:, :, :-1, :]).abs()", ACROSS: "(img[:, :, :, 1:] - img[:, :, :, :-1]).abs()"},
    ),
    "vertical only": ("only vertical neighbours are compared", {"(down + right)": "down"}),
    "horizontal only": ("only horizontal neighbours are compared", {"(down + right)": "right"}),
    "no weight": ("the weight is missing", {"tv_weight * (": "("}),
    "means": ("the mean is taken", {f"{DOWN}.sum()": f"{DOWN}.mean()", f"{ACROSS}.sum()": f"{ACROSS}.mean()"}),
    "mean over all pixels": ("the mean over all pixels is taken", {RETURN: f"{RETURN} / img.numel()"}),
    "last row and column dropped": (
        "the last row and column are dropped",
        {
            "img[:, :, 1:, :] - img[:, :, :-1, :]": "img[:, :, 1:, :-1] - img[:, :, :-1, :-1]",
            "img[:, :, :, 1:] - img[:, :, :, :-1]": "img[:, :, :-1, 1:] - img[:, :, :-1, :-1]",
        },
    ),
    "weight of one direction": (
        "the weight multiplies the vertical sum alone",
        {"tv_weight * (down + right)": "tv_weight * down + right"},
    ),
    "one direction twice": ("vertical neighbours are compared twice", {"(down + right)": "(down + down)"}),
    "root": ("the root of the sum is taken", {"(down + right)": "(down + right) ** 0.5"}),
    "squared after the sum": (
        "the differences are added up before they are squared",
        {
            f"{DOWN}.sum()": "(img[:, :, 1:, :] - img[:, :, :-1, :]).sum() ** 2",
            f"{ACROSS}.sum()": "(img[:, :, :, 1:] - img[:, :, :, :-1]).sum() ** 2",
        },
    ),
    "around the edge": (
        "the last pixel is compared with the first",
        {DOWN: "(img.roll(1, 2) - img).square()", ACROSS: "(img.roll(1, 3) - img).square()"},
    ),
    "channels with channels": (
        "axes other than height and width are compared",
        {ACROSS: "(img[:, 1:] - img[:, :-1]).square()"},
    ),
    "one channel only": ("only one of the channels counts", {"down = ": "img = img[:, :1]\ndown = "}),
    "cut off by detach": (
        "the loss is cut off from its input",
        {RETURN: "return (tv_weight * (down + right)).detach()"},
        {"most": 1 / 3},
    ),
    "item": (
        "the loss is cut off from its input",
        {RETURN: "import torch\nreturn torch.tensor(tv_weight * (down + right).item())"},
        {"most": 1 / 3},
    ),
    "last column dropped from vertical pairs": (
        "the last column is left out of the vertical differences",
        {"img[:, :, 1:, :] - img[:, :, :-1, :]": "img[:, :, 1:, :-1] - img[:, :, :-1, :-1]"},
    ),
    "last row dropped from horizontal pairs": (
        "the last row is left out of the horizontal differences",
        {"img[:, :, :, 1:] - img[:, :, :, :-1]": "img[:, :, :-1, 1:] - img[:, :, :-1, :-1]"},
    ),
    "first row and column dropped": (
        "the first row and column are dropped",
        {
            "img[:, :, 1:, :] - img[:, :, :-1, :]": "img[:, :, 1:, 1:] - img[:, :, :-1, 1:]",
            "img[:, :, :, 1:] - img[:, :, :, :-1]": "img[:, :, 1:, 1:] - img[:, :, 1:, :-1]",
        },
    ),
    "edge left out": ("rows or columns at the edge are left out", {"down = ": "img = img[:, :, :-1]\ndown = "}),
    "two at once: means, and no weight": (
        ("the mean is taken", "the weight is missing"),
        {
            f"{DOWN}.sum()": f"{DOWN}.mean()",
            f"{ACROSS}.sum()": f"{ACROSS}.mean()",
            "tv_weight * (": "(",
        },
    ),
    "two at once: absolute, and vertical only": (
        ("absolute differences are taken", "only vertical neighbours"),
        {DOWN: "(img[:, :, 1:, :] - img[:, :, :-1, :]).abs()", "(down + right)": "down"},
    ),
    "two that are not added": (
        "got a tuple of 2: return the one tensor",
        {RETURN: "return tv_weight * down, tv_weight * right"},
        {"most": 0},
    ),
    "does nothing": ("nothing but zeros", "return 0 * tv_weight * img.sum()", {"most": 0}),
    "numpy": (
        "the loss is cut off from its input",
        """
        import numpy as np
        import torch
        x = img.detach().numpy()
        return torch.tensor(tv_weight * ((np.diff(x, axis=2) ** 2).sum() + (np.diff(x, axis=3) ** 2).sum()))
    """,
        {"most": 1 / 3},
    ),
    "weight squared": ("the weight is squared too", {"tv_weight * (": "tv_weight ** 2 * ("}),
    "twice": ("it is twice what is expected", {RETURN: f"{RETURN} * 2"}),
    "isotropic": (
        "isotropic total variation",
        """
        down, right = img[:, :, 1:, :-1] - img[:, :, :-1, :-1], img[:, :, :-1, 1:] - img[:, :, :-1, :-1]
        return tv_weight * (down ** 2 + right ** 2).sqrt().sum()
    """,
    ),
    "isotropic, up to the edge": (
        "isotropic total variation",
        """
        import torch
        down = nn.functional.pad(img[:, :, 1:, :] - img[:, :, :-1, :], (0, 0, 0, 1))
        right = nn.functional.pad(img[:, :, :, 1:] - img[:, :, :, :-1], (0, 1))
        return tv_weight * torch.sqrt(down ** 2 + right ** 2 + 1e-8).sum()
    """,
    ),
    "isotropic, of all channels": (
        "squares in all channels",
        """
        import torch
        down = nn.functional.pad(img[:, :, 1:, :] - img[:, :, :-1, :], (0, 0, 0, 1))
        right = nn.functional.pad(img[:, :, :, 1:] - img[:, :, :, :-1], (0, 1))
        return tv_weight * torch.sqrt((down ** 2 + right ** 2).sum(1)).sum()
    """,
    ),
    "isotropic, of all channels but the edge": (
        "squares in all channels",
        """
        down, right = img[:, :, 1:, :-1] - img[:, :, :-1, :-1], img[:, :, :-1, 1:] - img[:, :, :-1, :-1]
        return tv_weight * (down ** 2 + right ** 2 + 1e-6).sum(1).sqrt().sum()
    """,
    ),
    "isotropic, the mean": (
        ("isotropic total variation", "the mean is taken"),
        """
        import torch
        down = nn.functional.pad(img[:, :, 1:, :] - img[:, :, :-1, :], (0, 0, 0, 1))
        right = nn.functional.pad(img[:, :, :, 1:] - img[:, :, :, :-1], (0, 1))
        return tv_weight * torch.sqrt(down ** 2 + right ** 2 + 1e-8).mean()
    """,
    ),
    "root of each direction": (
        "root of each direction",
        {"(down + right)": "(down ** 0.5 + right ** 0.5)"},
    ),
    "divided by the pixels": (
        "divided by H * W",
        {RETURN: f"{RETURN} / (img.shape[2] * img.shape[3])"},
    ),
    "four neighbours": (
        "count each pair of neighbours once",
        {RETURN: """
up, left = img[:, :, :-1, :] - img[:, :, 1:, :], img[:, :, :, :-1] - img[:, :, :, 1:]
return tv_weight * (down + right + (up ** 2).sum() + (left ** 2).sum())
"""},
    ),
    "two apart": (
        "two apart",
        {
            "img[:, :, 1:, :] - img[:, :, :-1, :]": "img[:, :, 2:, :] - img[:, :, :-2, :]",
            "img[:, :, :, 1:] - img[:, :, :, :-1]": "img[:, :, :, 2:] - img[:, :, :, :-2]",
        },
    ),
    "diagonal": (
        "diagonal neighbours are compared",
        "return tv_weight * ((img[:, :, 1:, 1:] - img[:, :, :-1, :-1]) ** 2).sum()",
        {"never": "last row and column"},
    ),
    "directions added": (
        "added before they are squared",
        """
        down, right = img[:, :, 1:, :-1] - img[:, :, :-1, :-1], img[:, :, :-1, 1:] - img[:, :, :-1, :-1]
        return tv_weight * ((down + right) ** 2).sum()
    """,
        {"never": "last row and column"},
    ),
    "last pair lost": (
        "the last pair of each direction is left out",
        {
            "img[:, :, 1:, :] - img[:, :, :-1, :]": "img[:, :, 1:-1, :] - img[:, :, :-2, :]",
            "img[:, :, :, 1:] - img[:, :, :, :-1]": "img[:, :, :, 1:-1] - img[:, :, :, :-2]",
        },
    ),
    "half": ("the sum is halved", {RETURN: f"{RETURN} / 2"}),
    "one neighbour detached": (
        "the first of two neighbours is cut off by .detach() in columns",
        {DOWN: "((img[:, :, 1:, :] - img[:, :, :-1, :].detach()) ** 2)"},
    ),
    "channels compared too": (
        "neighbouring channels are compared, too",
        {RETURN: "return tv_weight * (down + right + ((img[:, 1:] - img[:, :-1]) ** 2).sum())"},
    ),
    "channels for rows": ("channels are compared in place of rows", {DOWN: "((img[:, 1:] - img[:, :-1]) ** 2)"}),
    "two apart in rows": (
        "pixels that are two apart are compared in rows",
        {ACROSS: "((img[:, :, :, 2:] - img[:, :, :, :-2]) ** 2)"},
    ),
    "second differences": (
        "differences of the differences are taken",
        {DOWN: "(img.diff(n=2, dim=2) ** 2)", ACROSS: "(img.diff(n=2, dim=3) ** 2)"},
    ),
}

RIGHT = {
    "diff": "return tv_weight * (img.diff(dim=-1).pow(2).sum() + img.diff(dim=-2).pow(2).sum())",
    "roll and cut": """
        h = (img.roll(-1, 3) - img)[..., :-1]
        v = (img.roll(-1, 2) - img)[..., :-1, :]
        return ((h * h).sum() + (v * v).sum()) * tv_weight
    """,
    "reshaped to three channels": """
        H, W = img.shape[2:]
        img = img.reshape(3, H, W)
        down, right = img[:, 1:] - img[:, :-1], img[:, :, 1:] - img[:, :, :-1]
        return tv_weight * ((down ** 2).sum() + (right ** 2).sum())
    """,
    "a convolution, as on real pictures": """
        import torch
        across = nn.functional.conv2d(img, torch.tensor([[[[-1.0, 1.0]]]]).to(img).repeat(3, 1, 1, 1), groups=3)
        down = nn.functional.conv2d(img, torch.tensor([[[[-1.0], [1.0]]]]).to(img).repeat(3, 1, 1, 1), groups=3)
        return tv_weight * (across.pow(2).sum() + down.pow(2).sum())
    """,
    "shape (1,)": {RETURN: "return (tv_weight * (down + right)).reshape(1)"},
    "narrow": """
        N, C, H, W = img.shape
        down = img.narrow(2, 1, H - 1) - img.narrow(2, 0, H - 1)
        right = img.narrow(3, 1, W - 1) - img.narrow(3, 0, W - 1)
        return tv_weight * ((down ** 2).sum() + (right ** 2).sum())
    """,
    "sums of each channel": """
        down = (img[:, :, 1:] - img[:, :, :-1]).pow(2).sum(dim=(2, 3))
        right = (img[..., 1:] - img[..., :-1]).pow(2).sum(dim=(2, 3))
        return tv_weight * (down + right).sum()
    """,
    "a convolution": """
        import torch
        kernel = torch.tensor([[-1.0, 1.0]]).to(img)
        flat = img.reshape(-1, 1, *img.shape[2:])
        across = nn.functional.conv2d(flat, kernel.view(1, 1, 1, 2)) if img.shape[3] > 1 else flat * 0
        down = nn.functional.conv2d(flat, kernel.view(1, 1, 2, 1)) if img.shape[2] > 1 else flat * 0
        return tv_weight * (across.pow(2).sum() + down.pow(2).sum())
    """,
}
