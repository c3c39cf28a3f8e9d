"""Restraints of a class visualization: each does what its formula says, to images and to spectra."""

import numpy as np
import pytest
import torch

from labs.gradients import regularizers
from labs.gradients.regularizers import L2, LENGTH, TV, Less, climb, make
from labs.measures import fine, spectrum
from style_modules import TotalVariationLoss
from tests import networks


@pytest.fixture
def model():
    return networks.build("deep")


def test_climbing_by_the_fooling_image_takes_every_step(model):
    """It never arrives, so it takes as many steps as asked, each of the same length."""
    x = torch.zeros(1, 3, 32, 32)
    one, three = climb(model, 1, x, 1), climb(model, 1, x, 3)
    assert float((one - x).norm()) == pytest.approx(LENGTH, rel=1e-5)
    torch.testing.assert_close(three, climb(model, 1, climb(model, 1, one, 1), 1))


def test_a_penalty_pulls_along_its_gradient():
    """Climbing by a score that ignores the image, score - L2 |x|^2, goes straight to black's opposite: zero."""
    model = networks.build("tiny")
    for parameter in model.parameters():
        parameter.data.zero_()
    x = torch.full((1, 3, 16, 16), 2.0)
    moved = climb(Less(model, lambda X: L2 * X.square().sum()), 0, x, 1)
    torch.testing.assert_close(moved, x - LENGTH * x / x.norm())


def test_total_variation_pulls_as_hard_as_l2_at_white_noise():
    """White noise has a gradient of |x|^2 that is 2 |x| long and one of total variation of 2 sqrt(20) |x|."""
    x = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0)).requires_grad_()
    (rough,) = torch.autograd.grad(TotalVariationLoss()(x, TV), x)
    assert float(rough.norm() / (2 * L2 * x.detach().norm())) == pytest.approx(1, rel=0.01)


def test_each_restraint_changes_the_picture_its_own_way(model):
    """All begin with the same noise: blur leaves less at high frequencies, jitter and penalties another picture."""
    made = {name: make(name, model, 0, 3, 0) for name in regularizers.SETTINGS}
    power = {name: fine(spectrum(np.asarray(picture)[None])) for name, (picture, _) in made.items()}
    assert power["blur"] < 0.8 * power["nothing"]
    assert len({np.asarray(picture).tobytes() for picture, _ in made.values()}) == len(made)


def test_the_fine_power_of_each_picture_is_its_own():
    """Noise has much of it, a picture of one colour none."""
    noise = np.random.default_rng(0).integers(256, size=(32, 32, 3), dtype=np.uint8)
    one, other = regularizers.fine(np.stack([noise, np.full_like(noise, 7)]))
    assert one == fine(spectrum(noise[None])) > 0.5 and other == 0


def test_every_number_of_the_pictures_has_count_and_interval():
    """Two pictures for each restraint: own confidence, extreme values and fine power with an interval, but ranks."""
    values = {name: [0.1, 0.3] for name in regularizers.COLOURS}
    numbers = dict.fromkeys(("confidence", "extreme", "fine"), values)
    numbers |= {"classes": ["gorilla"] * 2, "seeds": 2, "ranks": 9}
    numbers |= {"rank": {name: [3, 5] for name in values}, "second_rank": {}}
    table = regularizers.tabulate(numbers)
    assert table.columns[0] == "restraint (2 pictures; 90 % interval)"
    assert table.rows[1] == ("L2", "20% (10 to 30%)", "20.0% (10.0 to 30.0%)", "20% (10 to 30%)", "3, 5",
                             "1.00 (0.46 to 2.17)")  # fmt: skip
    first, _, last = regularizers.conclude(numbers)
    assert first.count("20% (10 to 30%)") == 2 and "2 real pictures have 20.0% (10.0 to 30.0%)" in first
    assert last.count("20% (10 to 30%)") == 2


def test_ranks_are_compared_picture_by_picture():
    """A tenth of each rank is a tenth, however far the ranks are apart."""
    ranks = {"nothing": [10, 200, 1000], "blur": [1, 20, 100]}
    assert regularizers.compare(ranks, "blur", "nothing") == pytest.approx([0.1] * 3)
