"""Maps against masks: what known maps get, and what the methods must find."""

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
    assert localisation.judge(masks.astype(float), masks) == {"peak": 1, "sum": 1, "auc": 1}
    assert localisation.judge((~masks).astype(float), masks) == {"peak": 0, "sum": 0, "auc": 0}
    found = localisation.judge(np.ones(masks.shape), masks)
    assert found["sum"] == pytest.approx(masks.mean(axis=(1, 2)).mean()) and found["auc"] == 0.5


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
