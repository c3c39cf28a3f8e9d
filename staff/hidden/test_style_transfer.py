import numpy as np
import pytest
from torch import nn

from autograder import plugin
from staff.hidden import drawing
from staff.references.remembering import keep_drawn
from staff.references.style_transfer import WAYS, StyleTransfer
from tests import compare, inputs
from tests.probes.style_transfer import BlurPull, ContentPull, StylePull
from tests.test_style_transfer import check_lengths, say_why_still

pytestmark = pytest.mark.style_transfer
READ = "style_transfer: each step, clear the gradients, add the three losses up, backward, optimizer.step()"
STEPS = 3  # that are followed
RIPPLES = 6
LIKENESS = 0.92  # of the images of each step; drawn at random, no mistake comes above 0.85 in all of them
MISTAKES = {
    **WAYS,
    "the image is never changed: call optimizer.step().": {"learning_rate": 0.0},
}


class TransferQuestion:
    """Two pictures, a network and layers, with weights at which each of the three losses counts as much."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.network = drawing.draw_network(rng, "squeezenet")
        names = rng.permutation(["town", "flow", "waves", "composition"])[:2]
        sizes = (int(rng.integers(28, 34)), int(rng.integers(40, 50))), (30, int(rng.integers(34, 44)))
        self.content, self.style = (inputs.picture(str(name), *size) for name, size in zip(names, sizes))
        self.layers = {
            "content_layer": int(rng.choice([3, 4])),
            "style_layers": sorted(rng.permutation([1, 3, 4, 6])[:3].tolist()),
        }
        self.weights = {"content_weight": 1.0, "style_weights": [1.0] * 3, "tv_weight": 1.0}
        x = np.clip(self._start + 0.5 * rng.standard_normal(self._start.shape), -1.5, 1.5)
        weights = {name: 1 / np.linalg.norm(gradient) for name, (_, gradient) in self._oracle.losses(x).items()}
        self.weights = {
            "content_weight": float(f"{weights['content']:.3g}"),
            "style_weights": [float(f"{weights['style']:.3g}")] * 3,
            "tv_weight": float(f"{weights['tv']:.3g}"),
        }
        self.images = self.steps()
        self.pixels = np.flatnonzero(self._oracle.find_sure(self.images, rng, drawing.RIPPLE, RIPPLES))

    @property
    def _start(self) -> np.ndarray:
        return inputs.normalise(self.content)

    @property
    def _oracle(self) -> StyleTransfer:
        losses = ContentPull(), StylePull(), BlurPull()
        style = inputs.normalise(self.style)
        return StyleTransfer(self.build(), self._start, style, **self.layers, **self.weights, losses=losses)

    def build(self) -> nn.Sequential:
        """Return the network in float64, down to the deepest layer that is needed."""
        deepest = max(*self.layers["style_layers"], self.layers["content_layer"])
        return drawing.build(self.network).features[: deepest + 1]

    def steps(self, **way) -> np.ndarray:
        return np.concatenate(self._oracle.steps(STEPS, **way)[1:])

    def alike(self, images: np.ndarray, others: np.ndarray) -> np.ndarray:
        return inputs.alike(images, others, self.pixels)

    def arguments(self) -> dict:
        sizes = {"image_size": min(self.content.shape[:2]), "style_size": min(self.style.shape[:2])}
        return {"content": self.content, "style": self.style} | sizes | self.layers | self.weights | self.network


@keep_drawn
def draw(rng):
    return TransferQuestion(rng)


@pytest.fixture(scope="module")
def pair(request):
    return draw(plugin.rng(request))


@pytest.fixture(scope="module")
def seen(pair):
    """The image at each of the 200 steps, from one run that the tests share."""
    answers = []

    def once(probe):
        if not answers:
            answers.append(probe("style_transfer", **pair.arguments()))
        images = answers[0]["inputs"]
        if len(images) < 2 or not np.ptp(images[:2], axis=0).any():
            pytest.fail(f"{say_why_still(answers[0], inputs.normalise(pair.content))}\n    To read: {READ}")
        compare.check_shape("the image at all steps", images, (200, 3, *pair.content.shape[:2]))
        return images

    return once


@pytest.mark.points(2)
def test_the_first_steps_of_a_drawn_pair(probe, pair, seen):
    """Adam with learning rate 3, down all three losses, at other layers and weights; gradients cleared each time."""
    images = seen(probe)[1 : STEPS + 1]
    likeness = pair.alike(images, pair.images).min()
    if likeness > LIKENESS:
        return
    alike = {mistake: pair.alike(images, pair.steps(**way)).min() for mistake, way in MISTAKES.items()}
    mistake = max(alike, key=alike.get)
    seems = f"\n    It looks like this mistake: {mistake}" if alike[mistake] > LIKENESS else ""
    pytest.fail(
        f"expected the first {STEPS} steps with at least {LIKENESS:.0%} of the pixels alike, "
        f"got {likeness:.1%}{seems}\n    To read: {READ}"
    )


@pytest.mark.points(1.5)
def test_the_learning_rate_of_a_drawn_pair_drops(probe, seen):
    """It drops from 3 to 0.1 at step 180 (or 181): Adam's steps are about as long as its learning rate."""
    check_lengths(seen(probe))
