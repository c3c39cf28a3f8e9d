"""Class visualization, one step: one forward and one backward pass."""

import torch

from benchmarks import setting
from benchmarks.bench_fooling_image import STEPS, timed
from benchmarks.harness import Case, Contestant
from image_utils import SQUEEZENET_MEAN, SQUEEZENET_STD, blur_image, deprocess
from visualizers import ClassVisualization

TARGET = 0
NAMES = [str(k) for k in range(100)]


def cases() -> list[Case]:
    targets = {"classic": 1.8, "limit": 1.15}
    return [Case("class visualization", "a step", contestants(), targets)]


def contestants() -> dict[str, Contestant]:
    def ours():
        model = setting.best()  # as the script has it
        visualize = ClassVisualization().create_class_visualization
        return timed(
            lambda: visualize(TARGET, NAMES, model, num_iterations=STEPS, show_every=STEPS, generate_plots=False)
        )

    def classic():
        model = setting.plain()
        return timed(lambda: classic_way(TARGET, model))

    def limit():
        model, x = setting.best(), setting.last(torch.randn(1, 3, 224, 224)).requires_grad_()

        def work():
            for _ in range(STEPS):
                torch.autograd.grad(model(x)[0, TARGET], x)

        return timed(work)

    return {"ours": ours, "classic": classic, "limit": limit}


def classic_way(target: int, model):
    """Return the picture by gradients of everything, the blur by numpy's way round."""
    img = torch.randn(1, 3, 224, 224).requires_grad_()
    for t in range(STEPS):
        ox, oy = torch.randint(0, 16, (2,)).tolist()
        img.data.copy_(img.data.roll((ox, oy), (2, 3)))
        objective = model(img)[0, target] - 1e-3 * img.norm() ** 2
        objective.backward()
        img.data += 25 * img.grad / img.grad.norm()
        img.grad.zero_()
        img.data.copy_(img.data.roll((-ox, -oy), (2, 3)))
        for c in range(3):
            low, high = -SQUEEZENET_MEAN[c] / SQUEEZENET_STD[c], (1 - SQUEEZENET_MEAN[c]) / SQUEEZENET_STD[c]
            img.data[:, c].clamp_(min=float(low), max=float(high))
        if t % 10 == 0:
            img.data.copy_(blur_image(img.data, sigma=0.5))
        if t == 0 or t == STEPS - 1:
            deprocess(img.data.clone())
    return img
