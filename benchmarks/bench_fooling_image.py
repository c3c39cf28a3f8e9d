"""A fooling image, one step: one forward and one backward pass at N = 1."""

import importlib.util

import torch

from benchmarks import setting
from benchmarks.harness import Case, Contestant, clock
from visualizers import FoolingImage

STEPS, TINY = 10, 1e-6  # so small a step never fools, so that all steps are made
TARGET = 20


def cases() -> list[Case]:
    return [Case("fooling image", "a step, 224 px", contestants(), {"classic": 1.8, "limit": 1.10})]


def contestants() -> dict[str, Contestant]:
    def ours():
        (X, _), model = setting.images(1), setting.best()  # as the script has it
        method = FoolingImage(learning_rate=TINY, max_steps=STEPS)
        return time_step(lambda: method.make_fooling_image(X, TARGET, model))

    def classic():
        (X, _), model = setting.images(1), setting.plain()

        def work():
            x = X.clone().requires_grad_()
            for _ in range(STEPS + 1):
                scores = model(x)
                if scores.argmax(dim=1)[0].item() == TARGET:
                    break
                scores[0, TARGET].backward()
                with torch.no_grad():
                    x += TINY * x.grad / x.grad.norm()
                    x.grad.zero_()

        return time_step(work, STEPS + 1)

    def torchattacks_pgd():
        from torchattacks import PGDL2

        (X, y), model = setting.images(1), setting.plain()
        attack = PGDL2(model, eps=1.0, alpha=TINY, steps=STEPS, random_start=False)
        attack.set_mode_targeted_by_label(quiet=True)
        X = (X - X.min()) / (X.max() - X.min())
        return time_step(lambda: attack(X, torch.full_like(y, TARGET)))

    def limit():
        (X, _), model = setting.images(1), setting.best()
        x = setting.last(X).detach().requires_grad_()

        def work():
            for _ in range(STEPS):
                torch.autograd.grad(model(x)[0, TARGET], x)
            model(x)  # the last look

        return time_step(work)

    attacks = {"torchattacks": torchattacks_pgd} if importlib.util.find_spec("torchattacks") else {}
    return {"ours": ours, **attacks, "classic": classic, "limit": limit}


def time_step(work, steps: int = STEPS):
    """A function that does the work and returns the seconds of one step."""

    def run() -> float:
        start = clock()
        work()
        return (clock() - start) / steps

    return run
