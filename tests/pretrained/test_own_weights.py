"""A file of weights of one's own: used with the images that belong to it, or refused in one sentence."""

import json
import os
import pickle
import re
import sys
from unittest import mock

import pytest
import torch
from safetensors.torch import save, save_file

import pretrained
from pretrained import torchvision_networks
from pretrained.addresses import WEIGHTS
from pretrained.weights import EMBEDDED, read_weights
from tests.pretrained.world import EMBEDDED_CLASSES, Trap, as_pth, random_weights, refuse


@pytest.mark.parametrize("kind", ["zip.pth", "legacy.pth", "half.pt", "own.safetensors"])
def test_weights_of_ones_own(tmp_path, kind):
    """A state dict for the embedded classes, in any usual format, is used with the embedded scenes."""
    state = random_weights(len(EMBEDDED_CLASSES))
    path = tmp_path / kind
    if path.suffix == ".safetensors":
        save_file(state, path)
    elif kind == "half.pt":
        state = {name: value.half() for name, value in state.items()}
        path.write_bytes(as_pth(state))
    else:
        path.write_bytes(as_pth(state, _use_new_zipfile_serialization=kind == "zip.pth"))
    source = pretrained.load(str(path))
    assert source.kind == "embedded" and source.name == f"SqueezeNet 1.1, {kind}" and kind in source.notes[0]
    assert source.class_names == EMBEDDED_CLASSES and source.masks is not None
    for name, value in source.model.state_dict().items():
        assert value.dtype == torch.float32 and torch.equal(value.cpu(), state[name].float())


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every name is UTF-8")
def test_weights_in_a_folder_with_a_name_that_is_not_utf_8(tmp_path):
    """Old Windows disks have some: nothing is damaged there."""
    folder = tmp_path / os.fsdecode(b"\xfcbung")
    folder.mkdir()
    state = random_weights(len(EMBEDDED_CLASSES))
    (folder / "own.safetensors").write_bytes(save(state, {"class_names": json.dumps(EMBEDDED_CLASSES)}))
    (folder / "own.pth").write_bytes(as_pth(state))
    for path in folder.iterdir():
        assert pretrained.load(str(path)).kind == "embedded"


def test_own_weights_with_1000_classes_go_with_imagenet(classic, tmp_path):
    """1000 classes mean ImageNet's; only its images and pictures are fetched."""
    path = tmp_path / "mine.pth"
    path.write_bytes(as_pth(random_weights(1000)))
    source = pretrained.load(str(path))
    assert source.kind == "imagenet" and source.name == "SqueezeNet 1.1, mine.pth"
    assert len(source.class_names) == 1000 and len(source.images) == 34
    assert f"/{WEIGHTS}" not in classic.asked


def test_own_weights_with_1000_classes_go_with_the_photographs_offline(offline, tmp_path):
    """Without the web the images are the packages'."""
    path = tmp_path / "mine.pth"
    path.write_bytes(as_pth(random_weights(1000)))
    source = pretrained.load(str(path))
    assert (source.kind, source.weights) == ("imagenet", "own") and len(source.images) == 32


def change(**changes):
    """A state dict for the embedded classes in which some weights are others, or are missing (None)."""
    state = random_weights(len(EMBEDDED_CLASSES)) | {k.replace("__", "."): v for k, v in changes.items()}
    return {name: value for name, value in state.items() if value is not None}


BAD_WEIGHTS = {
    "empty.pth": (lambda: b"", "damaged or holds something else"),
    "text.pth": (lambda: b"these are no weights", "damaged or holds something else"),
    "truncated.pth": (lambda: as_pth(change())[:100_000], "damaged or holds something else"),
    "truncated_legacy.pth": (
        lambda: as_pth(change(), _use_new_zipfile_serialization=False)[:100_000],
        "damaged or holds something else",
    ),
    "truncated.safetensors": (lambda: EMBEDDED.read_bytes()[:100_000], "damaged or holds something else"),
    "short.safetensors": (lambda: b"\x08", "damaged or holds something else"),
    "malicious.pth": (lambda: as_pth({"features.0.weight": Trap()}), "holds something else"),
    "malicious.pt": (lambda: pickle.dumps(Trap()), "holds something else"),
    "model.pth": (lambda: as_pth(torch.nn.ReLU()), "holds something else"),
    "tensor.pth": (lambda: as_pth(torch.zeros(3)), "got a Tensor: save model.state_dict"),
    "checkpoint.pth": (lambda: as_pth({"epoch": 3, "model": {}}), "'epoch' is no tensor: save model"),
    "nothing.pth": (lambda: as_pth({}), "got 0 tensors"),
    "resnet.pth": (lambda: as_pth({"fc.weight": torch.zeros(10, 512)}), "1 tensors without"),
    "seven.pth": (lambda: as_pth(random_weights(7)), "1000 .ImageNet. or 24 .embedded. classes .+got 7"),
    "less.pth": (lambda: as_pth(change(features__3__squeeze__bias=None)), "in 1 names, such as features.3"),
    "more.pth": (lambda: as_pth(change() | {7: torch.zeros(1)}), "in 1 names, such as 7"),
    "shape.pth": (
        lambda: as_pth(change(features__0__weight=torch.zeros(96, 3, 7, 7))),
        r"shape \(96, 3, 7, 7\), not \(64, 3, 3, 3\)",
    ),
    "nan.pth": (lambda: as_pth(change(features__0__bias=torch.full([64], torch.nan))), "NaN or infinity"),
    **{
        f"{kind}.pth": (
            lambda cast=cast: as_pth(change(features__0__bias=cast(torch.ones(64)))),
            "expected plain weights in .+ in features.0.bias: take",
        )
        for kind, cast in {
            "int8": lambda value: value.to(torch.int8),
            "complex": lambda value: value.to(torch.complex64),
            "meta": lambda value: value.to("meta"),
        }.items()
    },
    "overflow.pth": (
        lambda: as_pth({name: 1e30 * value for name, value in random_weights(len(EMBEDDED_CLASSES)).items()}),
        "finite scores in .+, got NaN or infinity",
    ),
    "huge.pth": (
        lambda: as_pth(change(features__0__bias=torch.full([64], 1e300, dtype=torch.float64))),
        "NaN or infinity",
    ),
}


@pytest.mark.parametrize("name", BAD_WEIGHTS)
def test_bad_weights_are_told_in_one_sentence(tmp_path, name):
    """Whatever is wrong with a file of weights, a sentence names the file, and nothing in it is executed."""
    make, words = BAD_WEIGHTS[name]
    (tmp_path / name).write_bytes(make())
    assert name in refuse(words, pretrained.load, str(tmp_path / name))


@pytest.mark.parametrize(
    ("model", "drop"),
    [
        ("regnet_x_400mf", "nothing"),
        ("mnasnet0_5", "num_batches_tracked"),
        ("googlenet", "aux"),
        ("densenet121", "nothing"),
    ],
)
def test_weights_of_ones_own_of_any_network(tmp_path, model, drop):
    """Some compute their sizes with tensors, or count versions; torchvision drops the heads that only training needs,
    and old files have no counters, or, as torchvision's of DenseNets, other names.

    DataParallel puts a word before each name, torch.compile and one's own wrappers, too.
    """
    with torch.random.fork_rng(devices=[]):
        state = torchvision_networks.build(model).state_dict()
    state = {re.sub(r"(denselayer\d+\.\D+)(\d)\.", r"\1.\2.", name): value for name, value in state.items()}
    path = tmp_path / "mine.pth"
    path.write_bytes(as_pth({f"model._orig_mod.{name}": value for name, value in state.items() if drop not in name}))
    source = pretrained.load(str(path), "cpu", model)
    assert source.model(torch.zeros(1, 3, 224, 224)).shape == (1, 1000)


@pytest.mark.parametrize(
    ("model", "words"),
    [("resnet18", "got no buffers, such as bn1.running_mean: save"), ("resnet34", "differ in .*: name their arch")],
)
def test_weights_without_buffers_are_told_from_another_networks(tmp_path, model, words):
    """Parameters alone, of the network that is asked for, or of a smaller one, whose names it has, too."""
    with torch.random.fork_rng(devices=[]):
        small = torchvision_networks.build("resnet18")
    (tmp_path / "mine.pth").write_bytes(as_pth({name: value.detach() for name, value in small.named_parameters()}))
    refuse(words, pretrained.load, str(tmp_path / "mine.pth"), "cpu", model)


@pytest.mark.parametrize("name", ["epoch=3-step=40.ckpt", "mine.bin"])
def test_a_file_with_another_ending_is_looked_into(tmp_path, name):
    """Lightning's, say: its sentence says what to save instead, and not that its name is misspelt."""
    (tmp_path / name).write_bytes(as_pth({"epoch": 3, "state_dict": {}}))
    refuse("'epoch' is no tensor: save model.state_dict", pretrained.load, str(tmp_path / name))
    (tmp_path / name).write_bytes(as_pth(random_weights(len(EMBEDDED_CLASSES))))
    assert pretrained.load(str(tmp_path / name)).weights == "own"


def test_weights_without_memory_for_them_are_not_called_damaged(monkeypatch):
    monkeypatch.setattr(type(EMBEDDED), "read_bytes", mock.Mock(side_effect=MemoryError))
    refuse("expected memory for the weights in .+: close other programs", read_weights, EMBEDDED)


def test_weights_that_name_other_classes_are_refused(tmp_path):
    """They are as many as the embedded network's: its labels would be wrong."""
    path = tmp_path / "others.safetensors"
    names = json.dumps(["something else", *EMBEDDED_CLASSES[1:]])
    save_file(random_weights(len(EMBEDDED_CLASSES)), path, metadata={"class_names": names})
    refuse("expected the classes of the embedded network", pretrained.load, str(path))


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ("imagnet", "expected auto, imagenet, torchvision, original, embedded or the path"),
        ("weights.h5", "expected auto, imagenet, torchvision, original, embedded or the path"),
        ("", "expected auto, imagenet, torchvision, original, embedded or the path"),
        ("none.pth", "found none: check the path"),
        ("folder.pth", "found none: check the path"),
    ],
)
def test_weights_that_do_not_exist(tmp_path, monkeypatch, weights, words):
    """A misspelt name, another kind of file, a missing file and a folder are each told as what they are."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.pth").mkdir()
    refuse(words, pretrained.load, weights)


def test_a_word_of_another_network_s_weights_is_told_as_that():
    """It is spelled rightly."""
    words = "expected auto, imagenet or the path .* for efficientnet_lite0, got 'embedded': leave --model or --weights"
    refuse(words, pretrained.load, "embedded", "cpu", "efficientnet_lite0")
