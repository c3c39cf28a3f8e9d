"""Question: what does a layer remember of an image, and what of a texture?

Claim: an image can be rebuilt from the features of one layer, from early ones nearly to the pixel; deeper ones keep
    what it is and give up where exactly and in which colours. Gram matrices keep no place at all, so they give
    textures, of coarser structure the more layers take part.
Look at: the images rebuilt from each layer alone and from sums of content losses; their likeness to the original,
    beside that of another photograph, and what a second network says of them; textures from the Gram matrices of more
    and more layers.
Paper: Mahendran and Vedaldi 2015 (https://arxiv.org/abs/1412.0035); Gatys et al. 2015
    (https://arxiv.org/abs/1505.07376) for textures.

    python -m labs.features.inversion
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from skimage.metrics import peak_signal_noise_ratio
from torch import Tensor, nn

from image_utils import open_image, preprocess
from labs import lab, measures, plots
from labs.lab import Bench, Numbers, Table
from labs.networks import spread
from style_modules import ContentLoss, StyleLoss, TotalVariationLoss
from style_utils import extract_features

SIZE, IMAGES, PAINTINGS = 160, 4, 3  # pixels; images, evenly spread over all; paintings
RATE = 0.05  # of Adam, in normalised pixels
ROUGH = 1e-5  # the weight of total variation, beside losses that are 1 where nothing is alike
words = lab.write_mean


def measure(bench: Bench) -> Numbers:
    quick = bench.quick
    size, steps = (64, 5) if quick else (SIZE, 200)
    cnn = bench.source.cnn
    plain = [i for i, module in enumerate(cnn) if i and not isinstance(module, nn.MaxPool2d)]
    single = plain[:: len(plain) - 1] if quick else [plain[round(i)] for i in np.linspace(0, len(plain) - 1, 6)]
    _, X, y, names = bench.batch(2 if quick else None)
    rows = spread(range(len(y)), IMAGES)
    X, y, names = X[rows], y[rows], [names[i] for i in rows]
    X = nn.functional.interpolate(X, size=(size, size), mode="area")
    sums = [*([layer] for layer in single), single]
    judge = bench.judge()
    judges = {"own": bench.source} | ({"second": judge} if judge else {})
    numbers: Numbers = {"size": size, "layers": single, "sums": sums, "images": names}
    numbers |= {name: [] for name in ("psnr", "left", "own", "second")}
    numbers |= {"judge": judge.name} if judge else {}
    # All are asked at the size at which features were matched: enlarged, a rebuilt image is another one to its maker.
    numbers["original"] = {who: rate(source.model, X, y) for who, source in judges.items()}
    others = X.roll(1, 0)  # each beside another photograph: what any two have in common
    numbers["other"] = {"psnr": psnr(X, others), "left": distances(cnn, others, X, single[-1:])[0]}
    bench.pictures["images"] = [[lab.to_picture(x)] for x in X]
    for layers in sums:
        made = invert(cnn, X, layers, steps, bench)
        numbers["psnr"].append(psnr(X, made))
        numbers["left"].append(np.mean(distances(cnn, made, X, layers), axis=0).tolist())
        for who, source in judges.items():
            numbers[who].append(rate(source.model, made, y))
        for shown, x in zip(bench.pictures["images"], made):
            shown.append(lab.to_picture(x))
    paths = list(bench.source.style_images.values())[: -PAINTINGS - 1 : -1]
    styles = torch.cat([preprocess(open_image(path), (size, size)) for path in paths]).to(X)
    numbers |= {"paintings": [path.stem for path in paths], "textures": {}, "place": []}
    gram = StyleLoss().gram_matrix
    apart = np.mean(distances(cnn, styles.roll(1, 0), styles, single, gram), axis=0).tolist()
    numbers["other painting"] = {"psnr": psnr(styles, styles.roll(1, 0)), "left": apart}
    bench.pictures["textures"] = [lab.to_picture(styles[0])]
    for count in range(1, len(single) + 1):
        made = torch.cat([texture(cnn, style, single[:count], steps, bench) for style in styles.split(1)])
        name = "1 layer" if count == 1 else f"{count} layers"
        numbers["textures"][name] = distances(cnn, made, styles, single, gram)
        numbers["place"].append(psnr(styles, made))
        bench.pictures["textures"].append(lab.to_picture(made[0]))
    return numbers


def invert(cnn: nn.Sequential, X: Tensor, layers: Sequence[int], steps: int, bench: Bench) -> Tensor:
    """Images like X (N, 3, H, W), each by the sum of the content losses of these layers, relative to its features.

    All go through the network at once, which takes less time than one after the other.
    """
    trunk = nn.Sequential(*list(cnn)[: max(layers) + 1])
    loss = ContentLoss()
    with torch.no_grad():
        features = extract_features(X, trunk)
    targets = {i: [(1 / float(target.square().sum()), target) for target in features[i].split(1)] for i in layers}

    def content(images: Tensor) -> Tensor:
        features = extract_features(images, trunk)
        return torch.stack([loss(weight, feature, target) for i in layers
                            for feature, (weight, target) in zip(features[i].split(1), targets[i])]).sum()  # fmt: skip

    return descend(content, X, steps, f"layers {layers}", bench)


def texture(cnn: nn.Sequential, style: Tensor, layers: Sequence[int], steps: int, bench: Bench) -> Tensor:
    """An image whose Gram matrices at these layers are those of `style` (1, 3, H, W), each relative to its size."""
    trunk = nn.Sequential(*list(cnn)[: max(layers) + 1])
    loss = StyleLoss()
    with torch.no_grad():
        features = extract_features(style, trunk)
        targets = [loss.gram_matrix(features[i]) for i in layers]
    weights = [1 / float(target.square().sum()) for target in targets]

    def gram_distance(image: Tensor) -> Tensor:
        return loss(extract_features(image, trunk), layers, targets, weights)

    return descend(gram_distance, style, steps, "texture", bench)


def descend(loss: Callable[[Tensor], Tensor], like: Tensor, steps: int, name: str, bench: Bench) -> Tensor:
    """The images that Adam reaches from the same noise in so many steps, with a little total variation."""
    noise = 0.5 * torch.randn(like[:1].shape, generator=bench.generator())
    images = noise.to(like).repeat(len(like), 1, 1, 1).requires_grad_()
    optimizer = torch.optim.Adam([images], lr=RATE, fused=True)
    rough = TotalVariationLoss()
    low, high = (lab.from_pixels(torch.full_like(like, value)) for value in (0.0, 1.0))
    for _ in lab.progress(range(steps), name):
        optimizer.zero_grad()
        (loss(images) + torch.stack([rough(image, ROUGH) for image in images.split(1)]).sum()).backward()
        optimizer.step()
        images.data.clamp_(low, high)
    return images.detach()


def distances(
    cnn: nn.Sequential, made: Tensor, true: Tensor, layers: Sequence[int], of: Callable[[Tensor], Tensor] = torch.clone
) -> list[list[float]]:
    """|F - P| / |P| of each image, layer by layer, of features, or of a function of them such as Gram matrices."""
    with torch.no_grad():
        ours, theirs = (extract_features(X, cnn) for X in (made, true))
        pairs = [(of(ours[i]), of(theirs[i])) for i in layers]
    return [((a - b).flatten(1).norm(dim=1) / b.flatten(1).norm(dim=1)).tolist() for a, b in pairs]


def rate(model: nn.Module, X: Tensor, y: Tensor) -> list[float]:
    """The confidence in the classes y, of the images as they are: mean and 90 % interval."""
    return measures.interval(lab.confidence(model, X, y).tolist())


def psnr(X: Tensor, made: Tensor) -> list[float]:
    """The peak signal-to-noise ratio of each image in dB, of uint8 pictures."""
    pairs = [(lab.to_picture(a), lab.to_picture(b)) for a, b in zip(X, made)]
    return [float(peak_signal_noise_ratio(a, b, data_range=255)) for a, b in pairs]


def tabulate(numbers: Numbers) -> Table:
    rows = []
    for i, layers in enumerate(numbers["sums"]):
        name = ("layer " if len(layers) == 1 else "layers ") + lab.join(layers, "")
        left, own = words(numbers["left"][i]), lab.write_interval(numbers["own"][i])
        second = lab.write_interval(numbers["second"][i]) if numbers["second"] else "-"
        rows.append((name, left, words(numbers["psnr"][i], ".1f") + " dB", own, second))
    other, original = numbers["other"], numbers["original"]
    rows.append(("nothing: another photograph", words(other["left"]), words(other["psnr"], ".1f") + " dB", "-", "-"))
    second = lab.write_interval(original["second"]) if numbers["second"] else "-"
    rows.append(("nothing: the original", "0% (exact)", "-", lab.write_interval(original["own"]), second))
    count, other = len(numbers["paintings"]), numbers["other painting"]
    for (name, values), place in zip(numbers["textures"].items(), numbers["place"]):
        name = f"Gram matrices of the first {name}, {count} paintings"
        rows.append((name, words(np.mean(values, axis=0)), words(place, ".1f") + " dB", "-", "-"))
    rows.append((f"nothing: another painting, {count} paintings", words(other["left"]),
                 words(other["psnr"], ".1f") + " dB", "-", "-"))  # fmt: skip
    columns = (f"rebuilt from ({len(numbers['images'])} images; 90 % interval)",
               "features (Gram matrices) still off by", "likeness (PSNR)",
               f"own confidence at {numbers['size']} pixels", "second network's")  # fmt: skip
    return Table(columns, rows)


def conclude(numbers: Numbers) -> list[str]:
    count, top = len(numbers["layers"]), numbers["layers"][-1]
    first, last, every = (words(numbers["psnr"][i], ".1f") for i in (0, count - 1, -1))
    above = measures.pair(numbers["psnr"][count - 1], numbers["other"]["psnr"])
    textures = list(numbers["textures"].values())
    own = numbers["own"][count - 1]
    known = f"at {numbers['size']} pixels, where the features were matched, the network itself is "
    known += f"{lab.write_interval(own)} sure of those from layer {top} (of the originals "
    known += f"{lab.write_interval(numbers['original']['own'])}), whose features are still off by "
    known += f"{words(numbers['left'][count - 1])} (another photograph's {words(numbers['other']['left'])})"
    if numbers["second"]:
        second, judge = numbers["second"][count - 1], numbers["judge"].split(",")[0]
        known += f"; {judge} {lab.write_interval(second)} (of the originals "
        known += f"{lab.write_interval(numbers['original']['second'])})"
        if own[1] > second[2] and second[0] < 0.5 * numbers["original"]["second"][0]:
            known += ": a metamer, the same image to its maker and to nobody else"
    return [
        f"From layer {numbers['layers'][0]} the {len(numbers['images'])} images come back with {first} dB, from layer "
        f"{top} with {last} dB, {lab.write_interval(above, '+.1f')} above another photograph ("
        f"{lab.tell(above)}), and from all of them together with {every} dB.",
        f"{known[0].upper()}{known[1:]}.",
        f"Of {len(numbers['paintings'])} paintings, Gram matrices of one layer leave those of the others "
        f"{words(np.mean(textures[0][1:], axis=0))} off, those of all layers {words(np.mean(textures[-1], axis=0))} "
        f"(another painting's are {words(numbers['other painting']['left'])} off), and the textures are no copies: "
        f"{words(numbers['place'][-1], '.1f')} dB, where another painting has "
        f"{words(numbers['other painting']['psnr'], '.1f')}: style is what is left when place is averaged out.",
    ]


def draw(numbers: Numbers, bench: Bench) -> "plots.Figure":
    layers, textures = numbers["layers"], bench.pictures["textures"]
    sums = [" + ".join(map(str, some)) if len(some) < 3 else "all of them" for some in numbers["sums"]]
    rows = len(numbers["images"]) + 1
    fig = plots.sheet(1640, 200 * rows + 400)
    above, below = plots.parts(fig, 2, 1, height_ratios=[200 * rows, 330])
    panels = above.subplots(rows, 1 + len(sums), squeeze=False)
    for i, shown in enumerate(bench.pictures["images"]):
        for axes, picture, title in zip(panels[i], shown, ["original", *sums]):
            plots.show(axes, picture, "" if i else title, size=plots.TITLE)
    for axes, picture, title in zip(panels[-1], textures, ["", *[f"to {layer}" for layer in layers]]):
        plots.show(axes, picture, title, size=plots.TITLE)
    for axes in panels[-1, len(textures) :]:
        axes.axis("off")
    panels[0, 0].set_ylabel("content of layer", size=plots.NOTE)
    panels[-1, 0].set_ylabel("Gram matrices", size=plots.NOTE)
    left, middle, right = below.subplots(1, 3, width_ratios=[1, 1, 1.2])
    count = len(layers)
    plots.plain(left, "Likeness to the original, PSNR in dB", "layer (dotted: another photograph)")
    found = {"one layer": [measures.interval(some) for some in numbers["psnr"][:count]]}
    plots.interval_curves(left, layers, found, {"one layer": plots.INK})
    left.axhline(np.mean(numbers["other"]["psnr"]), color=plots.FAINT, linewidth=1, linestyle=":")
    plots.plain(middle, "Confidence in its class (90 % intervals)", "layer")
    judges = {"the network itself": "own", numbers.get("judge", "").split(",")[0]: "second"}
    found = {name: numbers[who][:count] for name, who in judges.items() if numbers[who]}
    plots.interval_curves(middle, layers, found, dict(zip(judges, plots.OTHERS)))
    middle.set_ylim(-0.03, 1.03)
    plots.plain(right, "Distance of Gram matrices", "layer", logy=10)
    shades = {name: str(0.6 - 0.6 * i / max(count - 1, 1)) for i, name in enumerate(numbers["textures"])}
    found = {name: [measures.interval(one) for one in some] for name, some in numbers["textures"].items()}
    plots.interval_curves(right, layers, found, shades)
    for axes in (left, middle, right):
        axes.set_xticks(layers)
    return plots.head(fig, "What a layer remembers of an image, and of a texture",
                      f"{bench.source.name}; {len(numbers['images'])} images, {len(numbers['paintings'])} paintings; "
                      "bands: 90 % intervals")  # fmt: skip


if __name__ == "__main__":
    lab.main()
