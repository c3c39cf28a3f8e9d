"""The ImageNet source: torchvision's weights, the course's images and pictures, and what takes their place."""

import io
import re

import numpy as np
import torch
from PIL import Image
from torchvision.models import SqueezeNet1_1_Weights, squeezenet1_1

import pretrained
from pretrained import course_file, scenes
from pretrained.addresses import FILES, IMAGES, WEIGHTS
from tests.pretrained.world import COURSE_DATA, files_below, needs_course_data, uninstall


def test_imagenet_is_fetched_checked_and_cached(classic, goods, tmp_path):
    """Weights, images and pictures come from their addresses once, and from the caches after that."""
    source = pretrained.load("imagenet")
    assert sorted(classic.asked) == sorted(f"/{name}" for name in goods)
    again = pretrained.load("imagenet")
    assert len(classic.asked) == len(goods), "fetched twice"

    assert source.kind == "imagenet" and source.name == "SqueezeNet 1.1, torchvision's weights"
    assert (source.architecture, source.weights) == ("squeezenet1_1", "torchvision")
    assert source.images.shape == (34, 224, 224, 3) and source.images.dtype == np.uint8
    assert source.labels.tolist()[:3] == [958, 85, 967] and source.masks is None
    names = [source.class_names[i] for i in (958, 85, source.fooling_target, *source.visualization_targets)]
    assert names == "hay|quail|stingray|gorilla|Yorkshire terrier|tarantula|electric guitar".split("|")
    assert len(set(source.class_names)) == 1000
    assert list(source.content_images) == ["tubingen"]
    assert set(source.style_images) == {"composition_vii", "the_scream", "starry_night"}
    assert source.style_images["the_scream"].read_bytes() == goods["the_scream.jpg"]
    assert len(source.notes) == len(again.notes) == 1 and not source.pictures_note

    assert files_below(tmp_path / "cache") == sorted(goods.keys() - {WEIGHTS})
    assert (tmp_path / "torch/hub/checkpoints" / WEIGHTS).read_bytes() == goods[WEIGHTS]
    expected = squeezenet1_1().eval()
    expected.load_state_dict(torch.load(io.BytesIO(goods[WEIGHTS]), weights_only=True))
    x = torch.linspace(-2, 2, 3 * 64 * 64).reshape(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(source.model.cpu()(x), expected(x))


@needs_course_data
def test_the_courses_own_files_are_taken_from_a_folder(serve, monkeypatch):
    """The real images, labels and pictures are used with COURSE_DATA, and only the weights are fetched."""
    server = serve([WEIGHTS])
    monkeypatch.setenv("COURSE_DATA", str(COURSE_DATA))
    source = pretrained.load("auto")
    assert server.asked == [f"/{WEIGHTS}"]
    assert source.kind == "imagenet" and len(source.notes) == 1 and not source.pictures_note
    assert source.images.shape == (57, 224, 224, 3) and source.labels.shape == (57,)
    names = [source.class_names[label] for label in source.labels[:5]]
    assert names == ["hay", "quail", "Tibetan mastiff", "Border terrier", "brown bear"]
    for path in (*source.content_images.values(), *source.style_images.values()):
        assert path.parent == COURSE_DATA
        with Image.open(path) as picture:
            picture.load()
    for name in ("style-transfer-checks.npz", "style-transfer-checks-cs231n.npz"):
        assert course_file(name).parent == COURSE_DATA
    assert course_file("starry_night.jpg", exactly=True).parent == COURSE_DATA


@needs_course_data
def test_the_pins_are_those_of_the_course():
    """Every file of the course is pinned with the SHA-256 that the course's list gives."""
    listed = dict(line.split()[::-1] for line in (COURSE_DATA / "SHA256SUMS").read_text().splitlines())
    assert {name: FILES[name].sha256 for name in listed} == listed


def test_the_weights_are_torchvisions():
    """Address and SHA-256 prefix are those of SqueezeNet1_1_Weights.IMAGENET1K_V1."""
    url = SqueezeNet1_1_Weights.IMAGENET1K_V1.url
    assert FILES[WEIGHTS].urls == (url,)
    assert torch.hub.HASH_REGEX.search(url)[1] == FILES[WEIGHTS].sha256


def test_the_label_map_is_never_unpickled(classic):
    """The names come from torchvision; the pickle beside the images stays shut (here it would end Python)."""
    images, labels, names = pretrained.imagenet_val()
    assert images.shape == (2, 224, 224, 3) and labels.dtype == np.int64
    assert len(names) == 1000 and names[134] == "crane bird"


def test_paintings_fall_back_one_by_one(classic, goods):
    """Our painting takes the place of one that cannot be had, with a line that says so; the others stay."""
    classic.pages["/the_scream.jpg"] = 404
    source = pretrained.load("imagenet")
    assert list(source.style_images) == ["composition_vii", "waves", "starry_night"]
    assert [pair.style for pair in source.style_pairs] == ["composition_vii", "starry_night", "waves"]
    assert {pair.content for pair in source.style_pairs} == {"tubingen"}
    assert source.style_images["starry_night"].read_bytes() == goods["starry_night.jpg"]
    assert source.content_images["tubingen"].read_bytes() == goods["tubingen.jpg"]
    assert len(source.notes) == 1
    assert re.match(r"Pictures: waves instead of the_scream \(.+status 404", source.pictures_note)


def test_a_photograph_takes_the_place_of_the_content_picture(classic, monkeypatch):
    """China's pagoda, from a package; where that is not there either, the town of this repository."""
    classic.pages["/tubingen.jpg"] = 404
    assert pretrained.load("imagenet").content_images["china"].name == "china.jpg"
    uninstall(monkeypatch, "china.jpg")
    source = pretrained.load("imagenet")
    assert source.content_images == scenes.CONTENT_IMAGES
    assert {pair.content for pair in source.style_pairs} == {"town"}
    assert source.pictures_note.startswith("Pictures: town instead of tubingen (expected tubingen.jpg, got status 404")


def test_photographs_take_the_place_of_the_images(classic):
    """The course's images cannot be had: the weights are taken all the same; a line says so."""
    classic.pages[f"/{IMAGES}"] = 404
    source = pretrained.load("imagenet")
    assert (source.kind, source.weights) == ("imagenet", "torchvision")
    assert [source.class_names[label] for label in source.labels[:2]] == ["espresso", "Egyptian cat"]
    assert re.match(r"Images: 32 photographs from packages instead of the course's \(.+status 404", source.notes[1])


def test_the_courses_images_go_with_the_original_weights(classic):
    """Torchvision's weights cannot be had, the images still are: both know the same classes."""
    classic.pages[f"/{WEIGHTS}"] = 404
    source = pretrained.load("imagenet")
    assert (source.kind, source.weights) == ("imagenet", "original")
    assert source.labels.tolist()[:2] == [958, 85] and len(source.notes) == 1
