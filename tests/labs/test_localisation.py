"""Maps against masks: what known maps get, and what the methods must find."""

import re

import numpy as np
import pytest
import torch

import methods
from labs import lab, measures
from labs.attribution import localisation
from tests import networks


@pytest.fixture
def masks():
    masks = np.zeros((2, 40, 40), bool)
    masks[0, 10:20, 10:30] = masks[1, 20:36, 4:14] = True
    return masks


def test_the_mask_itself_is_the_best_map_its_opposite_the_worst_and_a_constant_one_has_no_order(masks):
    assert localisation.judge(masks.astype(float), masks) == {"peak": [1, 1], "sum": [1, 1], "auc": [1, 1]}
    assert localisation.judge((~masks).astype(float), masks) == {"peak": [0, 0], "sum": [0, 0], "auc": [0, 0]}
    found = localisation.judge(np.ones(masks.shape), masks)
    assert found["sum"] == pytest.approx(masks.mean(axis=(1, 2))) and found["auc"] == [0.5, 0.5]


def test_the_gaussian_is_highest_in_the_middle_and_the_same_turned():
    gaussian = localisation.gaussian(9)
    assert gaussian.argmax() == 40 and np.array_equal(gaussian, gaussian.T)
    assert gaussian[4, 4 + 2] == pytest.approx(np.exp(-0.5 * (2 / 2.25) ** 2))


def test_random_weights_keep_their_size_and_forget_the_rest():
    """The layers named are drawn anew in a copy, with the same mean and deviation; the others stay, and so does it."""
    model = networks.build("deep")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    copy = lab.randomise(model, ["classifier.0"], torch.Generator().manual_seed(0))
    for name, value in copy.state_dict().items():
        assert torch.equal(value, before[name]) != name.startswith("classifier.0.")
    old, new = before["classifier.0.weight"], copy.classifier[0].weight
    assert new.std() == pytest.approx(float(old.std()), rel=0.1)
    assert abs(torch.corrcoef(torch.stack([old.flatten(), new.flatten()]))[0, 1]) < 0.2
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_the_maps_of_the_trained_network_find_the_object_better_than_those_of_a_random_one(source):
    """Integrated gradients and Grad-CAM, on two scenes."""
    X, y = lab.as_batch(source.images[2:4], source), torch.from_numpy(source.labels[2:4])
    layers = [name for name, module in source.model.named_modules() if isinstance(module, torch.nn.Conv2d)]
    random = lab.randomise(source.model, layers, torch.Generator().manual_seed(0))
    for name in ("integrated gradients", "Grad-CAM"):
        sums = [
            measures.energy(methods.maps([name], X, y, model, "features.12", steps=4)[name].numpy(), source.masks[2:4])
            for model in (source.model, random)
        ]
        assert (sums[0] > sums[1]).all()


def test_each_scene_has_random_weights_of_its_own_which_repeat(bench):
    """The same picture twice: two networks of random weights give two maps, and the same two again."""
    source = bench.source
    X, y = lab.as_batch(source.images[[2, 2]], source), torch.from_numpy(source.labels[[2, 2]])
    one, again = (localisation.every_untrained_map(X, y, source, bench) for _ in range(2))
    assert not np.allclose(*one["gradient"])
    assert all(np.array_equal(one[name], again[name]) for name in localisation.METHODS)


def test_each_grid_has_a_random_top_layer_of_its_own(small_source, monkeypatch):
    """The last convolution of the networks that explain one grid after the other, without the trained one's."""
    tops = []

    def maps(names, X, y, model, layer, seed):
        tops.append(model.get_submodule(lab.name_convolutions(model)[-1]).weight.sum().item())
        return dict.fromkeys(names, X[:, 0])

    monkeypatch.setattr(methods, "maps", maps)
    found = localisation.point_in_grids(lab.Bench(small_source))
    assert found["photographs"] == 2 * len(tops) > 8
    assert len(set(tops[::2])) == 1 and len(set(tops[1::2])) == len(tops) / 2


@pytest.fixture
def numbers():
    """Numbers of ten scenes: the first method has nine peaks, the Gaussian four, all others five."""
    judged = {"peak": [1.0] * 5 + [0.0] * 5, "sum": [0.4, 0.6] * 5, "auc": [0.7, 0.8] * 5}
    trained = {name: dict(judged) for name in (*localisation.METHODS, localisation.GAUSSIAN, localisation.NOISE)}
    trained["gradient"]["peak"] = [1.0] * 9 + [0.0]
    trained[localisation.GAUSSIAN]["peak"] = [1.0] * 4 + [0.0] * 6
    untrained = dict.fromkeys(localisation.METHODS, judged)
    points = {name: [0.5, 0.4, 0.6] for name in localisation.GRID}
    grids = {"network": "small", "photographs": 8, "trained": points, localisation.TOP: points}
    return {"scenes": 10, "network": "small", "area": [0.1, 0.3] * 5, "trained": trained, "untrained": untrained,
            "grids": grids}  # fmt: skip


def test_every_number_of_the_scenes_has_its_count_and_its_interval(numbers):
    """Trained and random weights in the table, each with an interval; no percent of scenes in a sentence without."""
    table = localisation.tabulate(numbers)
    assert table.columns[0] == "method (10 scenes, 90 % interval)"
    assert table.rows[0][1:3] == ("90% (70 to 100%)", "50% (20 to 80%)")
    assert table.rows[0][5] == "0.75 (0.72 to 0.78)"
    assert all(cell == "-" or " to " in cell for row in table.rows for cell in row[1:])
    for sentence in localisation.conclude(numbers)[:2]:
        assert re.findall(r"\d%(?!\)| \()", sentence) == []


def test_a_method_beats_the_gaussian_where_the_scenes_show_it(numbers):
    """Nine of ten peaks are more than four; five, one more than the Gaussian's, are not."""
    first, second, _ = localisation.conclude(numbers)
    assert "gradient 90% (70 to 100%), +40% (+20 to +60%) above SmoothGrad (shown)" in first
    assert "shown above it, scene by scene, are for peaks gradient, for the sum " in second
    assert second.endswith("shown above their own with random weights are gradient.")


def test_differences_that_are_shown_are_named_and_where_most_are_the_others():
    up, level = [0.2, 0.1, 0.3], [0.0, -0.1, 0.1]
    assert localisation.name_shown({"a": up, "b": up, "c": up}) == "all"
    assert localisation.name_shown({"a": up, "b": up, "c": level}) == "all but c"
    assert localisation.name_shown({"a": up, "b": level, "c": level}) == "a"
    assert localisation.name_shown({"a": level}) == "none"


def test_the_figure_draws_an_interval_on_each_bar(numbers):
    """Three panels of scenes: a whisker for each trained and untrained method and for the Gaussian."""
    picture = np.ones((8, 8))
    pictures = {"image": np.zeros((8, 8, 3), np.uint8), "mask": picture > 0}
    for kind in ("trained", "untrained"):
        pictures |= {f"{name}, {kind}": picture for name in numbers[kind]}
    fig = localisation.draw(numbers, lab.Bench(None, pictures=pictures))
    panels = {axes.get_title(loc="left"): axes for axes in fig.axes}
    for title in localisation.MEASURES.values():
        assert len(panels[title].containers) == 2 * (2 * len(localisation.METHODS) + 1)  # bars and whiskers
        assert panels[title].get_xlabel().startswith("10 scenes")


def test_the_map_of_the_gradient_is_the_students(X, y):
    model = networks.build("deep")
    map_ = methods.maps(["gradient"], X, y, model, "features.12")["gradient"]
    expected = methods.gradient(X, y, model).abs().amax(dim=1)
    torch.testing.assert_close(map_, expected)


def test_four_images_stand_in_four_cells_and_nothing_is_lost():
    images = np.arange(4 * 3 * 2 * 3, dtype=np.uint8).reshape(4, 3, 2, 3)
    picture, cells = localisation.tile(images)
    assert picture.shape == (6, 4, 3) and (cells.sum(axis=0) == 1).all()
    for image, cell in zip(images, cells):
        assert np.array_equal(picture[cell], image.reshape(-1, 3))
