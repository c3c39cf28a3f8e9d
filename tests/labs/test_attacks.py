"""Attacks against what linear networks say by hand, and what is left of them in a file."""

import pytest
import torch

from labs import attacking
from labs.robustness import attacks
from tests import inputs, networks
from tests.labs import small
from tests.labs.small import margins


def test_one_step_of_fgsm_moves_a_linear_score_by_radius_times_the_l1_norm(two):
    model, x, y, w = two
    moved = attacking.fgsm(model, x, y, 0.01)
    torch.testing.assert_close(margins(model, x, y) - margins(model, moved, y), (0.01 * w.abs().sum()).expand(3))
    towards = attacking.fgsm(model, x, 1 - y, 0.01, targeted=True)
    torch.testing.assert_close(towards, moved)  # of two classes, away from one is towards the other


def test_pgd_in_l2_moves_a_linear_score_by_radius_times_the_l2_norm(two):
    model, x, y, w = two
    moved = attacking.pgd_l2(model, x, y, 0.1, steps=5)
    torch.testing.assert_close(attacking.lengths(moved - x), torch.full((3,), 0.1))
    torch.testing.assert_close(margins(model, x, y) - margins(model, moved, y), (0.1 * w.norm()).expand(3))


@pytest.mark.parametrize("attack", [attacking.iterate, attacking.pgd, attacking.pgd_l2])
def test_an_attack_stays_in_its_ball_and_between_black_and_white(attack):
    model = networks.build("deep")
    x = torch.from_numpy(inputs.scenes(height=64, width=64)).clamp(0, 1)
    before = x.clone()
    moved = attack(model, x, torch.tensor([4, 0, 1]), 0.03, 4)
    size = attacking.lengths(moved - x).max() if attack is attacking.pgd_l2 else (moved - x).abs().max()
    assert 0 < size <= 0.03 + 1e-6 and moved.min() >= 0 and moved.max() <= 1
    assert torch.equal(x, before) and not moved.requires_grad


def test_what_is_to_transfer_stays_in_its_ball_and_lowers_the_margin(two):
    model, x, y, _ = two
    moved = attacking.transferable(model, x, y, 0.03, 5, torch.Generator().manual_seed(0))
    assert (moved - x).abs().max() <= 0.03 + 1e-6 and moved.min() >= 0 and moved.max() <= 1
    assert (margins(model, moved, y) < margins(model, x, y)).all()


def test_a_smaller_picture_lies_on_black_where_it_was_drawn_and_the_whole_one_is_itself():
    x, generator = torch.ones(1, 3, 20, 30), torch.Generator().manual_seed(0)
    for _ in range(20):
        (height, width), (top, left) = size, corner = attacking.draw_place(x.shape[2:], generator)
        assert 18 <= height <= 20 and 27 <= width <= 30
        made = attacking.put(x, size, corner)
        assert made.shape == x.shape and float(made.sum()) == pytest.approx(3 * height * width)
        assert (made[..., top : top + height, left : left + width] > 0.999).all()
    assert torch.equal(attacking.put(x, [20, 30], [0, 0]), x)


def test_pgd_repeats_and_leaves_the_random_state(two):
    model, x, y, _ = two
    state = torch.get_rng_state()
    assert torch.equal(attacking.pgd(model, x, y, 0.02, 3), attacking.pgd(model, x, y, 0.02, 3))
    assert torch.equal(torch.get_rng_state(), state)


def test_a_change_is_projected_onto_the_ball_in_l2():
    change = torch.tensor([[3.0, 4.0], [0.3, 0.4]])
    torch.testing.assert_close(attacking.project_l2(change, 1.0), torch.tensor([[0.6, 0.8], [0.3, 0.4]]))


def test_deepfool_goes_the_distance_to_the_boundary_of_an_affine_classifier(two):
    """|f| / |w|, and a fiftieth more."""
    model, x, y, w = two
    moved = attacking.deepfool(model, x)
    torch.testing.assert_close(
        attacking.lengths(moved - x), 1.02 * margins(model, x, y) / w.norm(), rtol=1e-3, atol=1e-5
    )
    assert (model(moved).argmax(1) != y).all()


def test_deepfool_takes_the_nearest_of_several_boundaries():
    model, x = small.linear(classes=5, seed=2), small.grey(4)
    y, W = model(x).argmax(1), model[1].weight
    f = model(x)
    distances = [
        min(float((f[i, y[i]] - f[i, k]) / (W[y[i]] - W[k]).norm()) for k in range(5) if k != y[i]) for i in range(4)
    ]
    moved = attacking.deepfool(model, x)
    torch.testing.assert_close(attacking.lengths(moved - x), 1.02 * torch.tensor(distances), rtol=1e-3, atol=1e-5)


def test_a_png_keeps_eight_bits_and_a_jpeg_an_even_grey():
    x = small.grey(2)
    assert torch.equal(attacking.save_and_open(x, "PNG"), (x * 255).round() / 255)
    even = torch.full((1, 3, 16, 16), 100 / 255)
    assert torch.equal(attacking.save_and_open(even, "JPEG"), even)
    assert torch.equal(attacking.save_and_open(2 * torch.ones(1, 3, 6, 6), "PNG"), torch.ones(1, 3, 6, 6))  # clipped


def test_an_image_of_the_wanted_class_gets_another_target():
    assert attacking.targets(torch.tensor([0, 2, 4]), 4, 5).tolist() == [4, 4, 0]


def test_within_gives_each_image_the_smallest_radius_that_fools_it_and_twice_the_largest_where_none_does(two, bench):
    model, x, y, w = two
    c = small.compare(model, x)
    need = float((margins(model, x, y) / w.abs().sum()).max()) * 255  # of 255, for all of them
    fgsm = attacks.attack_of("FGSM", 1, bench)
    needed, ends = attacks.within(c, fgsm, [need / 1000, 1.01 * need, 4 * need], False)
    assert max(needed) == pytest.approx(1.01 * need) and min(needed) > 0.9 * need / 1000
    assert (ends - x).abs().max() <= 1.01 * need / 255 + 1e-6
    needed, ends = attacks.within(c, fgsm, [1e-9], False)
    assert needed == pytest.approx([2e-9] * 3) and torch.equal(ends, x)


def test_shares_within_a_radius_are_of_images_that_are_right_or_that_reach_their_aim():
    """Two of four images need 1 or less."""
    assert attacks.shares_within([0.5, 1, 2, 8], [0.25, 1, 4], targeted=False) == [100, 50, 25]
    assert attacks.shares_within([0.5, 1, 2, 8], [0.25, 1, 4], targeted=True) == [0, 50, 75]


def test_wrong_answers_of_networks_on_one_image_are_one_image_s():
    """Two networks on two photographs and one on three scenes: five images, not seven."""
    saved = {"a": ([1, 0], [1, 1]), "b": ([1, 0], [1, 0]), "c": ([0, 0, 1], [0, 1, 1])}
    numbers = {"networks": ["a", "b", "c"], "kinds": ["imagenet", "imagenet", "embedded"]}
    numbers["saved"] = {name: {"PGD": {"PNG": left, "fooled": fooled}} for name, (left, fooled) in saved.items()}
    left, fooled = attacks.survivors(numbers, ["PGD", attacks.NOISE], "PNG")
    assert left.tolist() == [2, 0, 0, 0, 1] and fooled.tolist() == [2, 1, 0, 1, 1]
    assert attacks.keep_share(numbers, ["PGD"], "PNG", ["a"]).startswith("50% (0 to 100%) of 2")


def test_noise_is_as_large_as_an_attack_and_goes_either_way():
    x = small.grey(3)
    moved = attacking.add_noise(x, 0.01, torch.Generator().manual_seed(0)) - x
    torch.testing.assert_close(moved.abs(), torch.full_like(x, 0.01))
    assert 0.4 < float((moved > 0).float().mean()) < 0.6
