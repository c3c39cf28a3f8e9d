"""The embedded network, its scenes with masks, and its pictures."""

import json
import random
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

import pretrained
from pretrained import scenes
from pretrained.packages import PACKAGED
from tests.pretrained.world import ROOT, refuse, uninstall


def test_the_embedded_source_has_everything_a_script_needs():
    """A frozen SqueezeNet, pictures with labels and masks, and targets, that all fit each other."""
    source = pretrained.load("embedded")
    n = len(source.images)
    assert source.kind == "embedded" and source.name == "SqueezeNet 1.1, embedded weights"
    assert n >= 20 and source.images.dtype == np.uint8 and source.images.shape == (n, 224, 224, 3)
    assert source.labels.dtype == np.int64 and source.labels.shape == (n,)
    assert source.masks.dtype == bool and source.masks.shape == (n, 224, 224)
    shares = source.masks.mean(axis=(1, 2))
    assert (shares > 0.01).all() and (shares < 0.7).all(), f"an object cannot cover {shares} of its picture"
    assert source.class_names[source.labels[0]] == "hay"
    assert set(source.labels) <= set(range(len(source.class_names)))
    assert source.class_names[source.fooling_target] == "ray"
    targets = [source.class_names[i] for i in source.visualization_targets]
    assert targets == ["gorilla", "dog", "spider", "guitar"]
    assert list(source.content_images) == ["town"] and set(source.style_images) == {"composition", "waves", "flow"}


def test_the_network_is_ready_to_be_looked_into():
    """Eval mode, frozen, float32, one score a class, channels_last on the CPU where that is twice as fast."""
    source = pretrained.load("embedded", device="cpu")
    model = source.model
    assert source.device == torch.device("cpu")
    assert not any(module.training for module in model.modules())
    assert not any(p.requires_grad for p in model.parameters())
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert model.features[0].weight.is_contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        scores = model(torch.zeros(2, 3, 224, 224))
    assert scores.shape == (2, len(source.class_names)) and scores.isfinite().all()


def test_loading_leaves_the_random_state_alone():
    """Building the network draws no random numbers, so that a seed set before stays good."""
    torch.manual_seed(3), np.random.seed(3), random.seed(3)  # noqa: NPY002 -- the state of students' code
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    pretrained.load("embedded")
    after = torch.get_rng_state(), np.random.get_state()[1], random.getstate()  # noqa: NPY002
    assert torch.equal(before[0], after[0]) and (before[1] == after[1]).all() and before[2] == after[2]


def test_importing_pretrained_is_cheap():
    """`import pretrained` leaves torchvision, the downloader and packages with weights alone until they are needed."""
    code = "import sys, pretrained; print([m for m in sys.modules if m in set(sys.argv[1:])])"
    heavy = ["torchvision", "pooch", "requests", "safetensors", "captum", "matplotlib", "ndf", "skimage"]
    done = subprocess.run(
        [sys.executable, "-c", code, *heavy], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "[]", f"imported too early: {done.stdout}{done.stderr}"


def test_the_embedded_network_needs_no_package_with_weights(monkeypatch):
    """None of them is installed in the autograder: the embedded network is loaded all the same."""
    uninstall(monkeypatch, *PACKAGED)
    for name in ("ndf", "efficientnet_lite_pytorch", "skimage", "sklearn", "gradio"):
        monkeypatch.setitem(sys.modules, name, None)
    source = pretrained.load("embedded")
    assert source.recipe == "embedded" and len(source.style_pairs) == 3


@pytest.fixture
def small_images(tmp_path, monkeypatch):
    """A folder images/scenes with two scenes of its own."""
    folder = tmp_path / "images" / "scenes"
    folder.mkdir(parents=True)
    listed = []
    for label, corner in (("dog", 10), ("hay", 90)):
        mask = np.zeros((224, 224), dtype=bool)
        mask[corner : corner + 40, 100:120] = True
        picture = np.where(mask[..., None], [200, 100, corner], [0, 50, 255]).astype(np.uint8)
        Image.fromarray(picture).save(folder / f"{label}.png")
        Image.fromarray(mask).save(folder / f"{label}_mask.png")
        listed.append({"image": f"{label}.png", "mask": f"{label}_mask.png", "label": label})
    (folder / "scenes.json").write_text(json.dumps(listed))
    monkeypatch.setattr(scenes, "FOLDER", tmp_path / "images")
    return folder


def test_scenes_labels_and_masks_stay_together(small_images):
    """Image, mask and label of a scene have the same place in their arrays; a mask is True on the object."""
    source = pretrained.load("embedded")
    assert [source.class_names[label] for label in source.labels] == ["dog", "hay"]
    for image, mask, corner in zip(source.images, source.masks, (10, 90)):
        assert mask.sum() == 40 * 20 and mask[corner, 100] and not mask[corner - 1, 100]
        assert (image[mask] == [200, 100, corner]).all() and (image[~mask] == [0, 50, 255]).all()


def make_all_smaller(folder):
    for path in folder.glob("*.png"):
        with Image.open(path) as image:
            smaller = image.resize((200, 200))
        smaller.save(path)


@pytest.mark.parametrize(
    "damage",
    [
        make_all_smaller,
        lambda folder: (folder / "scenes.json").unlink(),
        lambda folder: (folder / "scenes.json").write_text("[{"),
        lambda folder: (folder / "scenes.json").write_text('[{"image": "dog.png"}]'),
        lambda folder: (folder / "scenes.json").write_text("[]"),
        lambda folder: (folder / "dog_mask.png").unlink(),
        lambda folder: (folder / "dog.png").write_bytes((folder / "dog.png").read_bytes()[:200]),
        lambda folder: (folder / "dog.png").write_text("no picture"),
        lambda folder: Image.new("RGB", (224, 200)).save(folder / "hay.png"),
        lambda folder: (folder / "scenes.json").write_text(
            (folder / "scenes.json").read_text().replace('"dog"', '"unicorn"')
        ),
    ],
    ids="all no-list bad-list thin-list empty no-mask truncated no-picture one-size no-class".split(),
)
def test_damaged_scenes_are_told_in_one_sentence(small_images, damage):
    """A scene that is missing or not as shipped ends in a sentence that says how to restore it."""
    damage(small_images)
    refuse("take images/ from the handout again", pretrained.load, "embedded")
