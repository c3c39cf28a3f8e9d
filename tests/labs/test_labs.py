"""All labs: every one has one shape, runs, and tells what it found."""

import importlib
import json
import re
import runpy
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import pretrained
from figures import figure
from figures.script import ROOT
from labs import LABS, __main__, lab
from tests import networks


def test_a_lab_is_named_by_its_file(small_source, tmp_path, monkeypatch):
    """Also where a notebook or an editor runs the file itself, which then has no name; --show shows its figure."""
    shown = []
    monkeypatch.setattr(figure, "show", shown.extend)
    space = runpy.run_path(str(ROOT / "labs/gradients/one_backward.py"), run_name="there")
    result = lab.run(SimpleNamespace(**space), ["--quick", "--show", "--out", str(tmp_path)], small_source)
    assert result.name == "gradients.one_backward"
    assert [picture.path for picture in shown] == [result.picture.path]
    settings = json.loads((ROOT / ".vscode/settings.json").read_text())
    paths = {name.rpartition(".")[2]: variables for name, variables in settings.items() if ".env." in name}
    assert paths == {name: {"PYTHONPATH": "${workspaceFolder}"} for name in ("linux", "osx", "windows")}


@pytest.mark.parametrize("name", __main__.present())
def test_a_lab_runs_quickly_and_tells_what_it_found(name, small_source, tmp_path, capsys):
    """One figure, numbers that JSON holds, a table of full rows, three sentences, no trace of a number that failed; at
    its top question, claim, what to look at, paper, and the command.
    """
    module = importlib.import_module(f"labs.{name}")
    assert module.__doc__.startswith("Question: ") and lab.question_of(module).endswith("?")
    assert all(f"\n{word}: " in module.__doc__ for word in ("Claim", "Look at", "Paper"))
    assert f"    python -m labs.{name}\n" in module.__doc__
    result = lab.run(module, ["--quick", "--out", str(tmp_path)], small_source)
    stem = f"lab_{name.rpartition('.')[2]}_quick_embedded"
    assert result.name == name and result.picture.path == tmp_path / f"{stem}.png" and result.picture.path.exists()
    assert (result.picture.title, result.picture.caption) == (result.question, "\n".join(result.sentences))
    assert json.loads((tmp_path / f"{stem}.json").read_text())["numbers"] == result.numbers
    assert all(len(row) == len(result.table.columns) for row in result.table.rows)
    assert len(result.sentences) == 3 and not re.search(r"\b(nan|inf|None)\b", " ".join(result.sentences))
    assert result.question in capsys.readouterr().out


@pytest.mark.parametrize("name", ["score", "probability", "loss"])
def test_a_wrapped_network_gives_the_quantity_of_each_class(name, X):
    model = networks.build("deep")
    scores = model(X)
    expected = {
        "score": scores,
        "probability": scores.exp() / scores.exp().sum(1, keepdim=True),
        "loss": scores.exp().sum(1, keepdim=True).log() - scores,
    }[name]
    torch.testing.assert_close(lab.Through(model, lab.QUANTITIES[name])(X), expected)


@pytest.mark.parametrize(
    ("kind", "own", "asked"),
    [
        ("imagenet", "squeezenet1_1", "efficientnet_lite0"),
        ("imagenet", "efficientnet_lite0", "squeezenet1_1"),
        ("embedded", "squeezenet1_1", None),
    ],
)
def test_no_network_judges_its_own_pictures(source, monkeypatch, kind, own, asked):
    """The second network is another one, whichever was asked for; for the embedded classes there is none."""
    monkeypatch.setattr(pretrained, "load", lambda weights, device, model="squeezenet1_1": model)
    assert lab.Bench(replace(source, kind=kind, architecture=own)).judge() == asked


def test_an_interval_is_written_with_one_unit():
    assert lab.write_interval([0.62, 0.551, 0.69]) == "62% (55 to 69%)"
    assert lab.write_interval([1.4, -0.6, 3.4], "+.1f") == "+1.4 (-0.6 to +3.4)"


def test_values_that_are_nothing_but_rounding_have_no_interval():
    assert lab.write_values([0.0, 1e-7]) == "1e-07 (exact, largest of 2 images)"
    assert lab.write_values([0.2, 0.4]) == "30% (20 to 40%)"


def test_a_difference_is_shown_where_its_interval_keeps_it_from_zero():
    assert [lab.judge([0, low, high]) for low, high in ((0.1, 1), (-1, -0.1), (-1, 1), (0, 0))] == [
        "more", "less", "not shown to differ", "not shown to differ"
    ]  # fmt: skip


def test_the_gradient_of_a_sum_of_squares_is_twice_the_point():
    x = torch.tensor([[1.0, -2.0], [3.0, 0.5]])
    assert torch.equal(lab.gradient(lambda x: x.square().sum(1), x), 2 * x)
    assert not x.requires_grad


def test_every_lab_is_in_the_list():
    """A lab that nobody listed would never be run by `python -m labs`."""
    found = {f"{path.parent.name}.{path.stem}" for path in __main__.README.parent.glob("*/[a-z]*.py")}
    assert found - {"attribution.data_test"} == set(LABS)  # which trains networks for one of them


def test_quick_images_are_small_and_keep_their_masks(source, small_source):
    assert lab.shrink(small_source) is small_source
    small = lab.shrink(source)
    assert small.images.shape == (len(source.images), lab.QUICK, lab.QUICK, 3)
    areas = [np.mean(masks, axis=(1, 2)) for masks in (small.masks, source.masks)]
    assert small.masks.dtype == bool and np.allclose(*areas, atol=0.02)
    assert np.allclose(small.images.mean((1, 2)), source.images.mean((1, 2)), atol=2)
