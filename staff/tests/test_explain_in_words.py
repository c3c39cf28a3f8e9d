"""What the engine of shared passes says: a warning where a map is zero, a sentence where an argument is wrong."""

import pytest
import torch

from staff.engine.explain import explain
from tests import inputs, networks
from tests.probes.facts import differences, snapshot


def noise(*shape):
    return torch.from_numpy(inputs.noise(*shape))


def test_a_dead_class_is_told():
    X, model = noise(3, 3, 20, 26).abs(), networks.build("positive")
    with pytest.warns(UserWarning) as told:
        maps = explain(X, torch.tensor([0, 1, 3]), model, ["saliency", "grad_cam"])
    assert sorted(str(warning.message) for warning in told) == [
        "nothing in image [1] speaks for the asked class: its Grad-CAM is zero",
        "the score of an asked class does not depend on image [1] at all (a dead class): its map is zero",
    ]
    assert not maps["saliency"][1].any() and not maps["grad_cam"][1].any()


@pytest.mark.parametrize(
    "change, error, message",
    [
        ({"X": noise(3, 64, 64)}, ValueError, r"^expected images of shape \(N, 3, H, W\), got \(3, 64, 64\): add a"),
        ({"y": [1, 2, 3]}, TypeError, "^expected labels as a tensor of integers, got list: use torch.tensor"),
        ({"y": torch.ones(3)}, TypeError, "^expected labels as a tensor of integers, got torch.float32: use"),
        ({"y": torch.tensor([1])}, ValueError, r"^expected labels of shape \(3,\) or \(3, T\), got \(1,\): give one"),
        ({"y": torch.tensor([1, 2, 5])}, ValueError, "^expected labels between 0 and 4, got 1 to 5: do labels and"),
        (
            {"methods": "saliency"},
            ValueError,
            "^expected a list of methods out of saliency, guided_backprop, .*, got 'sal",
        ),
        ({"methods": ["deconvnet"]}, ValueError, r"^expected a list .*, got \['deconvnet'\]: check the spelling$"),
        ({"methods": []}, ValueError, r"^expected a list of methods .*, got \[\]: check the spelling$"),
        ({"layer": "features.99"}, ValueError, "^expected the name of a layer, got 'features.99': try one of features"),
        (
            {"layer": "classifier"},
            ValueError,
            r"^expected a layer whose output is a map \(N, C, h, w\), got \(3, 5\) from classifier: try one below it$",
        ),
        ({"chunk": 0}, ValueError, "^expected chunk and steps from 1 up, got 0 and 50: leave them out$"),
        ({"steps": 0}, ValueError, "^expected chunk and steps from 1 up, got .* and 0: leave them out$"),
        (
            {"baseline": torch.zeros(2, 3, 1, 1), "methods": ["integrated_gradients"]},
            ValueError,
            r"^expected a baseline that broadcasts to images of shape \(3, 3, 20, 26\), got \(2, 3, 1, 1\): try",
        ),
    ],
)
def test_wrong_arguments_are_refused_in_words(change, error, message):
    model = networks.build("tiny")
    given = {"X": noise(3, 3, 20, 26), "y": torch.tensor([1, 2, 3]), "model": model} | change
    before = snapshot(model)
    with pytest.raises(error, match=message):
        explain(**given)
    assert differences(before, snapshot(model)) == []


def test_a_layer_that_runs_twice_is_refused():
    model = networks.build("functional")
    with pytest.raises(ValueError, match=r"^expected a layer that runs once, got relu, which ran 2 times: try another"):
        explain(noise(1, 3, 20, 26), torch.tensor([1]), model, ["grad_cam"], "relu")
