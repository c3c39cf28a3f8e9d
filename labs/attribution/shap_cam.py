"""Question: do Shapley values make a better class activation map than gradients do?

Claim: a channel's Shapley value is its mean contribution to the score over all orders in which channels could join;
    so it counts what channels do together, and the values of all channels sum to the score (efficiency). A map weighted
    by them should hold what the network needs, more than one weighted by gradients.
Look at: what confidence is left when only the map's pixels are shown (average drop), deletion and insertion, all as
    differences to Grad-CAM on the same image, with 90 % intervals over images; how many orders it takes; and the same
    at a layer of EfficientNet-Lite0 after which positions mix, so that Shapley values are no gradient times activation.
    A Gaussian in the middle is the control: a map that keeps more of the image loses less, whatever it knows.
Paper: Zheng et al. 2022 (https://arxiv.org/abs/2208.03608). Its players are the map's positions; ours are the
    channels, as in Grad-CAM's sum. On SqueezeNet, whose head looks at each position alone, Shapley values of positions
    are exactly the class's own map, which is shown, too. On EfficientNet-Lite0 positions are the players, as there.

    python -m labs.attribution.shap_cam
"""

import contextlib
import io
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

import pretrained
from figures import palette, script
from image_utils import blur_image
from labs import lab, measures, plots
from labs.attribution.localisation import GAUSSIAN, gaussian
from labs.lab import Bench, Numbers, Table
from visualizers import GradCam
from visualizers.gradcam import resize
from visualizers.network import class_scores, keeping, submodule

SHAP, POSITIONS = "Shap-CAM", "Shap-CAM, positions"
METHODS = ("Grad-CAM", "Grad-CAM++", "Score-CAM", "Ablation-CAM", SHAP, POSITIONS, GAUSSIAN)
MOST = {"Score-CAM": 5, "Ablation-CAM": 12}  # images of the methods that ask the network hundreds of times for each
ORDERS = 256  # permutations that a Shapley value is the mean of
COUNTS = [1, 2, 4, 8, 16, 32, 64, 128, 256]
SHARES = np.linspace(0, 1, 8)  # of the pixels that are deleted or inserted
MIXED = 8  # images of deletion and insertion
PRODUCT = "gradient × activation"
DROP = "+z.1%"  # how differences of drops are written


def measure(bench: Bench) -> Numbers:
    if not hasattr(bench.model, "features") or not hasattr(bench.model, "classifier"):
        raise script.UserError("expected SqueezeNet, whose head can be run alone: leave --model out")
    quick = bench.quick
    names = tuple(name for name in METHODS if not (quick and name == "Score-CAM"))
    images, X, y, _ = bench.batch(2 if quick else None)
    bench.pictures["image"] = images[0]
    numbers: Numbers = {"methods": list(names)}
    numbers |= {key: {} for key in ("images", "seconds", "apart", "kept", "drop", "deletion", "insertion")}
    own = torch.empty(0)  # Grad-CAM's maps, which come first
    blurred, confidence = blur_image(X[:MIXED], sigma=10), lab.confidence(bench.model, X, y)
    for name in lab.progress(names, "Shap-CAM"):
        count = min(len(X), MOST.get(name, len(X)))
        start = time.perf_counter()
        maps = make(name, X[:count], y[:count], bench)
        numbers["seconds"][name], numbers["images"][name] = (time.perf_counter() - start) / count, count
        bench.pictures[name] = maps[0].cpu().numpy()
        own = maps if name == METHODS[0] else own
        numbers["apart"][name] = (maps - own[:count]).abs().amax(dim=(1, 2)).tolist()
        numbers["kept"][name] = maps.mean(dim=(1, 2)).tolist()
        numbers["drop"][name] = drop(bench.model, X[:count], y[:count], maps, confidence[:count])
        x, labels, maps = X[: min(count, MIXED)], y[: min(count, MIXED)], maps[:MIXED]
        numbers["deletion"][name] = mix(bench.model, x, labels, maps, torch.zeros_like(x)).tolist()
        numbers["insertion"][name] = mix(bench.model, blurred[: len(x)], labels, maps, x).tolist()
    numbers |= convergence(bench, X[:MIXED], y[:MIXED], COUNTS[:4] if quick else COUNTS)
    second = bench.second()
    return numbers | ({"mixing": mix_positions(bench, second)} if second else {})


def drop(model: nn.Module, X: Tensor, y: Tensor, maps: Tensor, confidence: Tensor) -> list[float]:
    """The part of each image's confidence that is lost where the image is shown as bright as the map, at least 0."""
    return ((confidence - lab.confidence(model, X * maps[:, None], y)) / confidence).clamp(min=0).tolist()


def mix_positions(bench: Bench, source: pretrained.Pretrained) -> Numbers:
    """Shapley values of the positions of the second network's first map of the last size, and their maps' drops.

    "linear": the correlation with gradient times activation, for each image; "halves": of two halves of the orders.
    """
    count, orders = (1, 2) if bench.quick else (16, 8)
    layers = list(source.cnn)
    images, X, y, _ = Bench(source).batch(count)
    names = [name for one in layers for name, module in source.model.named_modules() if module is one]
    last = activations(source.model, X[:1], names[-1]).shape[2:]
    at = next(i for i, name in enumerate(names) if activations(source.model, X[:1], name).shape[2:] == last)
    A = activations(source.model, X, names[at])
    tail = nn.Sequential(*layers[at + 1 :], submodule(source.model, names[-1].partition("features")[0] + "classifier"))
    added = [shapley_positions(tail, a, int(label), orders, bench.generator()) for a, label in zip(A, y)]
    values = torch.stack([one.mean(dim=0) for one in added])
    halves = [one.reshape(2, -1, one.shape[1]).mean(dim=1) for one in added]
    product = (lab.gradient(lambda A: class_scores(tail(A), y), A) * A).sum(dim=1)
    confidence = lab.confidence(source.model, X, y)
    with lab.ignoring("nothing in image"):
        maps = {
            "Grad-CAM": torch.from_numpy(GradCam(names[at]).grad_cam(X, y, source.model)).to(X),
            PRODUCT: resize(product.relu(), X.shape[2:]),
            POSITIONS: resize(values.reshape(product.shape).relu(), X.shape[2:]),
            GAUSSIAN: see_nothing(X),
        }
    bench.pictures["mixing"] = (images[0], {name: some[0].cpu().numpy() for name, some in maps.items()})
    return {
        "network": source.name.split(",")[0], "layer": names[at], "images": count, "orders": orders,
        "positions": values.shape[1],
        "halves": measures.interval([float(torch.corrcoef(half)[0, 1]) for half in halves]),
        "linear": measures.interval([float(torch.corrcoef(torch.stack(pair))[0, 1])
                                     for pair in zip(values, product.flatten(1))]),
        "kept": {name: some.mean(dim=(1, 2)).tolist() for name, some in maps.items()},
        "drop": {name: drop(source.model, X, y, some, confidence) for name, some in maps.items()},
    }  # fmt: skip


def shapley_positions(tail: nn.Module, A: Tensor, y: int, orders: int, generator: torch.Generator) -> Tensor:
    """The contributions of the positions of A (C, h, w) to the score of class y in random orders, (orders, h * w).

    tail: what comes after A, of (N, C, h, w). Every second order is the one before, backwards: errors cancel.
    """
    places = A[0].numel()
    added = A.new_empty(orders, places)
    order = torch.arange(places)
    for i in range(orders):
        order = order.flip(0) if i % 2 else torch.randperm(places, generator=generator)
        joined = torch.zeros(places + 1, places).to(A)
        joined[:, order] = torch.ones(places + 1, places).tril(-1).to(A)
        values = lab.predict(tail, A * joined.reshape(-1, 1, *A.shape[1:]), 64)[:, y]
        added[i, order] = values.diff()
    return added


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
    """The error of each image's Shapley values after so many orders, against eight times the most of other orders.

    "efficiency": how far their sum is from the score less that of no channel. "linear": their correlation with what
    they would be if the head were linear, gradient times activation. Each image by image; "error": a list for each
    count.
    """
    model, generator = bench.model, bench.generator()
    errors, gaps, linear = [], [], []
    for A, label in zip(activations(model, X, bench.source.gradcam_layer), y.tolist()):
        added = shapley(model, A, label, counts[-1], generator)
        reference = shapley(model, A, label, 8 * counts[-1], generator).mean(dim=0)
        errors.append([float((added[:count].mean(dim=0) - reference).norm() / reference.norm()) for count in counts])
        with torch.no_grad():
            scores = [float(run_head(model, a[None])[0, label]) for a in (A, torch.zeros_like(A))]
        gaps.append(abs(float(added.mean(dim=0).sum()) - (scores[0] - scores[1])) / abs(scores[0] - scores[1]))
        tangent = (lab.gradient(lambda A: run_head(model, A)[:, label], A[None])[0] * A).sum(dim=(1, 2))  # noqa: B023
        linear.append(float(torch.corrcoef(torch.stack([tangent, reference]))[0, 1]))
    return {"counts": list(counts), "error": [list(some) for some in zip(*errors)], "efficiency": gaps,
            "linear": linear}  # fmt: skip


def run_head(model: nn.Module, A: Tensor) -> Tensor:
    return submodule(model, "classifier")(A).flatten(1)


def make(name: str, X: Tensor, y: Tensor, bench: Bench) -> Tensor:
    """The method's maps, (N, H, W) in [0, 1]."""
    model, layer = bench.model, bench.source.gradcam_layer
    if name == GAUSSIAN:
        return see_nothing(X)
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


def see_nothing(X: Tensor) -> Tensor:
    """The control's maps: a Gaussian in the middle of each image, (N, H, W) in [0, 1]."""
    return torch.from_numpy(gaussian(X.shape[-1])).to(X).expand(len(X), -1, -1)


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


def mix(model: nn.Module, X: Tensor, y: Tensor, maps: Tensor, others: Tensor) -> Tensor:
    """The confidence (SHARES, N) where the best share of the pixels comes from `others` (Petsiuk et al. 2018).

    Deletion has a grey image as others, insertion the image as others of a blurred one.
    """
    rank = maps.flatten(1).argsort(dim=1, descending=True).argsort(dim=1).reshape(maps.shape)  # 0: the best pixel
    pixels = maps[0].numel()
    mixed = [torch.where(rank[:, None] < round(share * pixels), others, X) for share in SHARES]
    return lab.confidence(model, torch.cat(mixed), y.repeat(len(SHARES))).reshape(len(SHARES), len(X))


def differ(found: Numbers, name: str, than: str = "Grad-CAM") -> list[float]:
    """Interval of what each image's value is above Grad-CAM's of the same image; curves are taken as their means."""
    a, b = (np.atleast_2d(found[one]).mean(axis=0) for one in (name, than))
    return measures.pair(a, b[: len(a)])


def tabulate(numbers: Numbers) -> Table:
    def above(key: str, form: str) -> Callable[[str], str]:
        return lambda name: "-" if name == "Grad-CAM" else lab.write_interval(differ(numbers[key], name), form)

    table = Table.of("method (90 % interval)", numbers["methods"], {
        "images": lambda name: str(numbers["images"][name]),
        "its map's largest difference from Grad-CAM's": lambda name: write_apart(numbers, name),
        "of the image's brightness it keeps": lambda name: lab.write_mean(numbers["kept"][name]),
        "average drop (low is good)": lambda name: lab.write_mean(numbers["drop"][name]),
        "above Grad-CAM's, same images": above("drop", DROP),
        f"deletion above Grad-CAM's (low, {MIXED} images)": above("deletion", "+z.3f"),
        f"insertion above Grad-CAM's (high, {MIXED} images)": above("insertion", "+z.3f"),
        "an image takes (one run)": lambda name: f"{numbers['seconds'][name]:.1f} s",
    })  # fmt: skip
    if not (mixing := numbers.get("mixing")):
        return table
    rows = [(f"{mixing['network']}, {mixing['layer']}: {name}", str(mixing["images"]), "-",
             lab.write_mean(mixing["kept"][name]), lab.write_mean(values),
             "-" if name == "Grad-CAM" else lab.write_interval(differ(mixing["drop"], name), DROP), "-", "-", "-")
            for name, values in mixing["drop"].items()]  # fmt: skip
    return Table(table.columns, [*table.rows, *rows])


def write_apart(numbers: Numbers, name: str) -> str:
    """Words for the largest difference of a method's map from Grad-CAM's, of maps that reach from 0 to 1."""
    return "0 (itself)" if name == METHODS[0] else lab.write_mean(numbers["apart"][name], ".2f")


def conclude(numbers: Numbers) -> list[str]:
    def write(found: Numbers, name: str, than: str = "Grad-CAM") -> str:
        above = differ(found, name, than)
        return f"{lab.write_interval(above, DROP)}, {rank(above)}"

    def compare(found: Numbers, names: Sequence[str]) -> str:
        return "; ".join(f"{name} ({len(found[name])} images) {write(found, name)}" for name in names)

    mixing, linear = numbers.get("mixing"), measures.interval(numbers["linear"])
    own, error = measures.interval(numbers["drop"]["Grad-CAM"]), measures.interval(numbers["error"][-1])
    return [
        f"Shown only what a map keeps, the network loses {lab.write_interval(own)} of its confidence with Grad-CAM on "
        f"{numbers['images']['Grad-CAM']} images; above Grad-CAM's, image by image: "
        f"{compare(numbers['drop'], numbers['methods'][1:])}.",
        f"On SqueezeNet's head Shapley values correlate by {lab.write_interval(linear, '.3f')} with gradient times "
        f"activation ({len(numbers['linear'])} images, {numbers['counts'][-1]} orders, error "
        f"{lab.write_interval(error, '.1%')}), so theory and short cut are "
        f"{'nearly the same' if linear[1] > 0.95 else 'not the same'} there: the largest difference of the map from "
        f"Grad-CAM's is {write_apart(numbers, SHAP)} of 1 ({numbers['images'][SHAP]} images).",
        f"Where positions mix ({mixing['network']}, {mixing['positions']} positions after {mixing['layer']}, "
        f"{mixing['images']} images) they correlate by {lab.write_interval(mixing['linear'], '.2f')} with it, and two "
        f"halves of the orders with each other by {lab.write_interval(mixing['halves'], '.2f')}; drop above "
        f"Grad-CAM's: {compare(mixing['drop'], (PRODUCT, POSITIONS, GAUSSIAN))}; {POSITIONS} above {PRODUCT} "
        f"{write(mixing['drop'], POSITIONS, PRODUCT)}. Of the brightness Grad-CAM "
        f"keeps {lab.write_mean(mixing['kept']['Grad-CAM'])}, {POSITIONS} {lab.write_mean(mixing['kept'][POSITIONS])}, "
        f"the Gaussian {lab.write_mean(mixing['kept'][GAUSSIAN])}: a map that keeps more drops less, so compare those "
        "that keep as much."
        if mixing else
        "A layer whose positions mix needs a second network, which is not here: the question stays open for it.",
    ]  # fmt: skip


def rank(above: Sequence[float]) -> str:
    """Words for an interval of drops: better or worse where it leaves zero out, by more than a fifth of a point."""
    if max(map(abs, above)) < 0.0005:
        return "the same"
    return "better" if above[2] < -0.002 else "worse" if above[1] > 0.002 else "no difference shown"


def draw(numbers: Numbers, bench: Bench) -> "plots.Figure":
    names, image, mixing = numbers["methods"], bench.pictures["image"], numbers.get("mixing")
    fig = plots.sheet(1640, 1060 if mixing else 760)
    above, *middle, below = plots.parts(fig, 3 if mixing else 2, 1)
    first, *others = above.subplots(1, 1 + len(names))
    plots.show(first, image, "image")
    for axes, name in zip(others, names):
        plots.show(axes, palette.overlay([image], [bench.pictures[name]])[0], name, plots.COLOURS[name])
        axes.set_xlabel(f"{write_apart(numbers, name)}\nn = {numbers['images'][name]}", size=plots.NOTE)
    first.set_xlabel("largest difference from\nGrad-CAM's map, of 1", size=plots.NOTE)
    if mixing:
        draw_mixing(middle[0], mixing, *bench.pictures["mixing"])
    left, right = below.subplots(1, 2, width_ratios=[1.8, 1])
    plots.plain(left, f"{numbers['images']['Grad-CAM']} images: drop above Grad-CAM's", "points (left: better)")
    draw_pairs(left, numbers["drop"], names[1:])
    title = f"Channels' Shapley values: relative error, {len(numbers['linear'])} images"
    plots.plain(right, title, "orders sampled", logx=2, logy=10)
    found = {SHAP: [measures.interval(some) for some in numbers["error"]]}
    plots.interval_curves(right, numbers["counts"], found)
    fading = [found[SHAP][0][0] * (1 / count) ** 0.5 for count in numbers["counts"]]
    right.plot(numbers["counts"], fading, color=plots.INK, linewidth=1, linestyle="--")
    note = f"{bench.source.name}. Dots: images; bars, bands: 90 % intervals. Dashed: as one over the root of the orders"
    return plots.head(fig, "Weights by gradients, by ablation, by Shapley values", note)


def draw_mixing(part: "plots.SubFigure", mixing: Numbers, image: np.ndarray, maps: dict[str, np.ndarray]) -> None:
    """The maps of the network whose positions mix, and their drops."""
    left, right = plots.parts(part, 1, 2, width_ratios=[1.35, 1])
    title = f"{mixing['network']}, after\n{mixing['layer']}"
    pictures = [image, *palette.overlay([image] * len(maps), maps.values())]
    plots.show_row(left, pictures, [title, *[name.replace("gradient × ", "gradient\n× ") for name in maps]])
    axes = plots.plain(right.subplots(), f"{mixing['network']}, {mixing['images']} images: drop above Grad-CAM's",
                       "points (left: better)")
    draw_pairs(axes, mixing["drop"], (PRODUCT, POSITIONS, GAUSSIAN))


def draw_pairs(axes: "plots.Axes", drops: Numbers, names: Sequence[str]) -> None:
    """A row for each method: one dot an image, its drop above Grad-CAM's in points, and the mean's interval."""
    for i, name in enumerate(names):
        dots = 100 * (np.array(drops[name]) - np.array(drops["Grad-CAM"][: len(drops[name])]))
        found = [100 * value for value in differ(drops, name)]
        colour = plots.COLOURS.get(name, plots.FAINT)
        up = np.random.default_rng(0).uniform(-0.3, 0.3, len(dots))
        axes.plot(dots, i + up, ".", color=colour, alpha=0.35, markersize=5)
        plots.whisker(axes, i, found, fmt="o", color=colour, capsize=5, linewidth=2.5)
    axes.axvline(0, color=plots.FRAME, linewidth=1)
    axes.set_yticks(range(len(names)), [f"{name} (n = {len(drops[name])})" for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)


if __name__ == "__main__":
    lab.main()
