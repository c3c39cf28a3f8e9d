"""Class visualization, one step: one forward and one backward pass."""

import torch

from benchmarks import setting
from benchmarks.bench_fooling_image import STEPS, time_step
from benchmarks.harness import Case, Contestant
from image_utils import SQUEEZENET_MEAN, SQUEEZENET_STD, blur_image, deprocess
from visualizers import ClassVisualization

NAMES = [str(k) for k in range(100)]


def cases() -> list[Case]:
    return [Case("class visualization", "a step", contestants(), {"classic": 1.8, "limit": 1.15})]


def contestants() -> dict[str, Contestant]:
    def ours():
        model, visualize = setting.best(), ClassVisualization().create_class_visualization  # as the script has it
        keywords = {"num_iterations": STEPS, "show_every": STEPS, "generate_plots": False}
        return time_step(lambda: visualize(0, NAMES, model, **keywords))

    def classic():
        model = setting.plain()
        return time_step(lambda: ascend_as_usual(0, model))

    def limit():
        model, x = setting.best(), setting.last(torch.randn(1, 3, 224, 224)).requires_grad_()

        def work():
            for _ in range(STEPS):
                torch.autograd.grad(model(x)[0, 0], x)

        return time_step(work)

    return {"ours": ours, "classic": classic, "limit": limit}


def ascend_as_usual(target: int, model):
    """The image after STEPS steps with gradients of everything and the blur by way of NumPy."""
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
