"""Question: do Shapley values make a better class activation map than gradients do?

Claim: a channel's Shapley value is its mean contribution to the score over all orders in which channels could join;
    so it counts what channels do together, and the values of all channels sum to the score (efficiency). A map weighted
    by them should hold what the network needs, more than one weighted by gradients.
Look at: how many orders it takes, what confidence is left when only the map's pixels are shown (average drop, increase
    in confidence, the paper's figures), deletion and insertion, the peak on the object, and the time.
Paper: Zheng et al. 2022 (https://arxiv.org/abs/2208.03608). Its players are the map's positions; ours are the
    channels, as in Grad-CAM's sum. On SqueezeNet, whose head looks at each position alone, Shapley values of positions
    are exactly the class's own map, which is shown, too.

    python -m labs.attribution.shap_cam
"""

import contextlib
import io
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from figures import palette, script
from image_utils import blur_image
from labs import lab, measures, plots
from labs.lab import Bench, Numbers, Table
from visualizers import GradCam
from visualizers.gradcam import resize
from visualizers.network import keeping, submodule

SHAP, POSITIONS = "Shap-CAM", "Shap-CAM, positions"
METHODS = ("Grad-CAM", "Grad-CAM++", "Score-CAM", "Ablation-CAM", SHAP, POSITIONS)
ORDERS = 256  # permutations that a Shapley value is the mean of
COUNTS = [1, 2, 4, 8, 16, 32, 64, 128, 256]
SHARES = np.linspace(0, 1, 14)  # of the pixels that are deleted or inserted


def measure(bench: Bench) -> Numbers:
    if not hasattr(bench.model, "features") or not hasattr(bench.model, "classifier"):
        raise script.UserError("expected SqueezeNet, whose head can be run alone: leave --model out")
    quick = bench.quick
    names = tuple(name for name in METHODS if not (quick and name == "Score-CAM"))
    images, X, y, _ = bench.batch(1 if quick else 4)
    bench.pictures["image"] = images[0]
    numbers: Numbers = {"images": len(X), "methods": list(names), "seconds": {}}
    numbers |= {name: {} for name in ("drop", "increase", "deletion", "insertion", "peaks")}
    confidence = lab.confidence(bench.model, X, y)
    for name in lab.progress(names, "Shap-CAM"):
        start = time.perf_counter()
        maps = make(name, X, y, bench)
        numbers["seconds"][name] = (time.perf_counter() - start) / len(X)
        bench.pictures[name] = maps[0].cpu().numpy()
        shown = lab.confidence(bench.model, X * maps[:, None], y)
        numbers["drop"][name] = float(((confidence - shown) / confidence).clamp(min=0).mean())
        numbers["increase"][name] = float((shown > confidence).double().mean())
        numbers["deletion"][name] = mean_curve(bench.model, X, y, maps, torch.zeros_like(X))
        numbers["insertion"][name] = mean_curve(bench.model, blur_image(X, sigma=10), y, maps, X)
    numbers |= convergence(bench, X[:1], y[:1], COUNTS[:4] if quick else COUNTS)
    scenes = bench.on_scenes()
    _, X, y, _ = scenes.batch(1 if quick else 3)
    numbers["scenes"], masks = len(X), np.asarray(scenes.source.masks)[: len(X)]
    for name in names:
        numbers["peaks"][name] = int(measures.peaks_on(make(name, X, y, scenes).cpu().numpy(), masks).sum())
    return numbers


def activations(model: nn.Module, X: Tensor, layer: str) -> Tensor:
    """The output of the layer for X, (N, C, h, w)."""
    with keeping(model, [layer]) as kept, torch.no_grad():
        model(X)
    return kept[layer]


def shapley(model: nn.Module, A: Tensor, y: int, orders: int, generator: torch.Generator) -> Tensor:
    """The contributions of the channels of A (C, h, w) to the score of class y in random orders, (orders, C): what each
    adds when it joins those before it, while the others are zero. Their mean over the orders is the Shapley value.

    Only the head runs again, and only its part for class y: a 1 x 1 convolution, a ReLU and a mean over positions. So a
    coalition's map is a sum over its channels, and all coalitions of an order are one cumulative sum.
    """
    head = convolution(model)
    with torch.no_grad():
        parts = (head.weight[y] * A).flatten(1).T.contiguous()  # (h*w, C)
        bias = head.bias[y] if head.bias is not None else A.new_zeros(())
        added = A.new_empty(orders, len(A))
        for i in range(orders):
            order = torch.randperm(len(A), generator=generator).to(A.device)
            values = (bias + parts[:, order].cumsum(dim=1)).relu().mean(dim=0)  # of the first 1, 2, ... channels
            added[i, order] = values.diff(prepend=bias.relu()[None])
    return added


def convolution(model: nn.Module) -> nn.Conv2d:
    """The head's only one."""
    (found,) = (module for module in submodule(model, "classifier").modules() if isinstance(module, nn.Conv2d))
    return found


def convergence(bench: Bench, X: Tensor, y: Tensor, counts: Sequence[int]) -> Numbers:
    """The error of one image's Shapley values after so many orders, against eight times the most of other orders.

    "efficiency": how far their sum is from the score less that of no channel. "linear": their correlation with what
    they would be if the head were linear, gradient times activation.
    """
    model, label, generator = bench.model, int(y), bench.generator()
    (A,) = activations(model, X, bench.source.gradcam_layer)
    added = shapley(model, A, label, counts[-1], generator)
    reference = shapley(model, A, label, 8 * counts[-1], generator).mean(dim=0)
    errors = [float((added[:count].mean(dim=0) - reference).norm() / reference.norm()) for count in counts]
    with torch.no_grad():
        scores = [float(run_head(model, a[None])[0, label]) for a in (A, torch.zeros_like(A))]
    gap = abs(float(added.mean(dim=0).sum()) - (scores[0] - scores[1])) / abs(scores[0] - scores[1])
    tangent = (lab.gradient(lambda A: run_head(model, A)[:, label], A[None])[0] * A).sum(dim=(1, 2))
    linear = float(torch.corrcoef(torch.stack([tangent, reference]))[0, 1])
    return {"counts": list(counts), "error": errors, "players": len(A), "efficiency": gap, "linear": linear}


def run_head(model: nn.Module, A: Tensor) -> Tensor:
    return submodule(model, "classifier")(A).flatten(1)


def make(name: str, X: Tensor, y: Tensor, bench: Bench) -> Tensor:
    """The method's maps, (N, H, W) in [0, 1]."""
    model, layer = bench.model, bench.source.gradcam_layer
    with lab.ignoring("nothing in image"):  # a map of zeros is an answer, too
        if name in ("Grad-CAM", POSITIONS):  # by positions: the class's own map, of which the score is the mean
            own = GradCam("classifier.2" if name == POSITIONS else layer)
            return torch.from_numpy(own.grad_cam(X, y, model)).to(X)
        A = activations(model, X, layer)
        if name != SHAP:
            return theirs(name, X, y, A, model, layer)
        orders = 16 if bench.quick else ORDERS
        values = torch.stack([
            shapley(model, a, int(label), orders, bench.generator()).mean(dim=0) for a, label in zip(A, y)
        ])  # fmt: skip
        # Divided by its sum, a channel's map carries its value: before the ReLU the map sums to the score.
        weights = values / A.sum(dim=(2, 3)).clamp(min=1e-12)
        return resize((weights[..., None, None] * A).sum(dim=1).relu(), X.shape[2:])


def theirs(name: str, X: Tensor, y: Tensor, A: Tensor, model: nn.Module, layer: str) -> Tensor:
    """pytorch-grad-cam's map; where the head is all that it runs again, of the head alone, which is the same map."""
    try:
        import pytorch_grad_cam
        from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
    except ImportError:
        raise script.UserError(
            "expected the package grad-cam, found none: sh environment/make_venv.sh labs/requirements.txt"
        ) from None
    method: Callable = {
        "Grad-CAM++": pytorch_grad_cam.GradCAMPlusPlus,
        "Score-CAM": pytorch_grad_cam.ScoreCAM,
        "Ablation-CAM": pytorch_grad_cam.AblationCAM,
    }[name]
    targets = [ClassifierOutputTarget(label) for label in y.tolist()]
    if name == "Score-CAM":
        network, at, given = model, submodule(model, layer), X
    else:
        at = nn.Identity()
        network, given = nn.Sequential(at, submodule(model, "classifier"), nn.Flatten()), A
    with contextlib.redirect_stderr(io.StringIO()), method(model=network, target_layers=[at]) as cam:  # its bars
        cam.batch_size = 32
        maps = torch.from_numpy(cam(input_tensor=given.clone().requires_grad_(), targets=targets)).to(X)
    return maps if maps.shape[1:] == X.shape[2:] else resize(maps, X.shape[2:])


def mean_curve(model: nn.Module, X: Tensor, y: Tensor, maps: Tensor, others: Tensor) -> list[float]:
    """The mean confidence where the best share of the pixels comes from `others`, for each of SHARES (Petsiuk et al.
    2018): deletion with a grey image as others, insertion with the image as others of a blurred one.
    """
    rank = maps.flatten(1).argsort(dim=1, descending=True).argsort(dim=1).reshape(maps.shape)  # 0: the best pixel
    pixels = maps[0].numel()
    mixed = [torch.where(rank[:, None] < round(share * pixels), others, X) for share in SHARES]
    values = lab.confidence(model, torch.cat(mixed), y.repeat(len(SHARES)))
    return values.reshape(len(SHARES), len(X)).mean(dim=1).tolist()


def tabulate(numbers: Numbers) -> Table:
    return Table.of("method", numbers["methods"], {
        "average drop (low is good)": lambda name: f"{numbers['drop'][name]:.0%}",
        "increase in confidence": lambda name: f"{numbers['increase'][name]:.0%}",
        "deletion (low)": lambda name: f"{np.mean(numbers['deletion'][name]):.2f}",
        "insertion (high)": lambda name: f"{np.mean(numbers['insertion'][name]):.2f}",
        "peaks on the object": lambda name: f"{numbers['peaks'][name]} of {numbers['scenes']}",
        "an image takes": lambda name: f"{numbers['seconds'][name]:.1f} s",
    })  # fmt: skip


def conclude(numbers: Numbers) -> list[str]:
    drop, names = numbers["drop"], numbers["methods"]
    best = min(drop, key=drop.__getitem__)
    spread = max(drop.values()) - min(drop.values())
    gain = drop["Grad-CAM"] - drop[SHAP]
    verdict = "less than" if gain > 0.02 else "more than" if gain < -0.02 else "as much as"
    areas = {key: {name: float(np.mean(numbers[key][name])) for name in names} for key in ("deletion", "insertion")}
    return [
        f"{numbers['counts'][-1]} orders give Shapley values of {numbers['players']} channels to "
        f"{numbers['error'][-1]:.1%} (one order: {numbers['error'][0]:.1%}), and they sum to the score to "
        f"{numbers['efficiency']:.0e} of it, whatever the number.",
        f"Shown only what Shap-CAM keeps, the network loses {drop[SHAP]:.0%} of its confidence on {numbers['images']} "
        f"images, {verdict} with Grad-CAM ({drop['Grad-CAM']:.0%}); the least loss is that of {best} "
        f"({drop[best]:.0%}), and all are within {spread:.0%} of each other.",
        f"Deletion and insertion are {areas['deletion'][SHAP]:.2f} and {areas['insertion'][SHAP]:.2f} for Shap-CAM and "
        f"{areas['deletion']['Grad-CAM']:.2f} and {areas['insertion']['Grad-CAM']:.2f} for Grad-CAM; Shapley values "
        f"correlate by {numbers['linear']:.2f} with gradient times activation, so on this head theory and short cut "
        f"{'are nearly the same' if numbers['linear'] > 0.95 else 'differ'}.",
    ]


def draw(numbers: Numbers, bench: Bench) -> "plots.Figure":
    names, image = numbers["methods"], bench.pictures["image"]
    fig = plots.sheet(1640, 800)
    above, below = plots.parts(fig, 2, 1, height_ratios=[0.8, 1])
    overlays = [palette.overlay([image], [bench.pictures[name]])[0] for name in names]
    plots.show_row(above, [image, *overlays], ["image", *names])
    first, second, third, fourth = below.subplots(1, 4, width_ratios=[1, 1, 1, 0.85])
    plots.plain(first, "Error of Shapley values", "orders sampled", logx=2, logy=10)
    counts = numbers["counts"]
    fading = [numbers["error"][0] * (counts[0] / count) ** 0.5 for count in counts]
    first.plot(counts, fading, color=plots.FRAME, linewidth=1, linestyle="--")
    plots.curves(first, counts, {SHAP: numbers["error"]})
    for axes, key, title, x in ((second, "deletion", "Confidence, deleting its best pixels", "% deleted"),
                                (third, "insertion", "Confidence, inserting them", "% inserted")):  # fmt: skip
        plots.plain(axes, title, x)
        plots.curves(axes, list(100 * SHARES), numbers[key], marker="")
        axes.set_ylim(0, 1)
    plots.bars(fourth, {name: 100 * numbers["drop"][name] for name in names}, title="Average drop, %")
    return plots.head(fig, "Weights by gradients, by ablation, by Shapley values", bench.source.name)


if __name__ == "__main__":
    lab.main()
