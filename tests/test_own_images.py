# STAFF
"""Photographs of one's own in the scripts: any size, format and shape; the class is what the network says of them."""

import re
import unittest.mock

import numpy as np
import pytest
import torch
from PIL import Image

import fooling_image
import gradcam
import saliency_map
from figures import script
from figures.images import choose_images, list_words, percent
from image_utils import SQUEEZENET_STD, preprocess
from tests.panels import panels, places

pytestmark = pytest.mark.scripts


@pytest.fixture
def photographs(source, tmp_path):
    """A gorilla in the middle of a landscape, a spider in a portrait: paths."""
    paths = []
    for name, index, size in (("my gorilla.jpg", 6, (900, 600)), ("my_spider.png", 7, (300, 500))):
        scene = Image.fromarray(source.images[index]).resize((min(size), min(size)))
        photograph = Image.new("RGB", size, tuple(np.asarray(scene)[0, 0].tolist()))
        photograph.paste(scene, ((size[0] - scene.width) // 2, (size[1] - scene.height) // 2))
        photograph.save(tmp_path / name, quality=95)
        paths.append(str(tmp_path / name))
    return paths


@pytest.fixture
def choose(source, tmp_path):
    """choose_images of these options."""

    def choose(*options):
        args = saliency_map.parse_args(["--out", str(tmp_path), *options])
        return choose_images(args, source, args.target)

    return choose


# --- what is seen ---


def test_the_whole_photograph_is_seen(choose, photographs):
    """Its shorter side becomes 224 pixels, the other as many as its proportions ask: nothing is cut off or squeezed."""
    images = choose("--image", *photographs)
    assert [image.shape for image in images.pixels] == [(224, 336, 3), (373, 224, 3)]
    for image, x, path in zip(images.pixels, images.X, photographs):
        assert torch.equal(x, preprocess(Image.fromarray(image), image.shape[:2]))
        small = np.asarray(Image.open(path).convert("RGB").resize(image.shape[1::-1]), np.float32)
        assert np.abs(small - image).mean() < 2


def test_its_class_is_what_the_network_says_and_the_title_how_sure(choose, photographs, source):
    """The first of the network's classes, and its probability in per cent."""
    images = choose("--image", *photographs)
    for x, label, title in zip(images.X, images.y, images.titles):
        probabilities = source.model(x).softmax(dim=1)[0]
        assert label == int(probabilities.argmax())
        assert title == f"{source.class_names[label]}\n{percent(float(probabilities.max()))}"
    assert [title.partition("\n")[0] for title in images.titles] == ["gorilla", "spider"]


def test_another_class_can_be_asked_for(choose, photographs, source):
    """--target explains every image for that class: the title says how sure the network is of it, and what it says."""
    images = choose("--image", *photographs, "--target", "Spider")
    assert images.y == [source.class_names.index("spider")] * 2
    assert re.fullmatch(r"spider\n(<1|\d+)%\n\(says gorilla, \d+%\)", images.titles[0])
    assert re.fullmatch(r"spider\n\d+%", images.titles[1])


def test_the_second_class_is_another_one(choose, source):
    """The target of the fooling image; where another class is asked for, the image's own; never the first class."""
    own = [int(label) for label in source.labels[:3]]
    assert choose("--num", "3").others == [source.fooling_target] * 3
    asked = choose("--num", "3", "--target", source.class_names[own[0]])
    assert asked.y == [own[0]] * 3 and asked.others[1:] == own[1:] and asked.others[0] != own[0]
    swapped = asked.of_others()
    assert swapped.y == asked.others and swapped.others == asked.y
    assert swapped.titles[1].startswith(f"{source.class_names[own[1]]}\n")


def test_numbers_are_sample_images(choose, photographs, source):
    """A number is a sample with its own class, in the order asked for, beside photographs and without them."""
    images = choose("--image", "3", photographs[1], "--image", "1")
    assert images.y == [source.labels[2], source.class_names.index("spider"), source.labels[0]]
    assert np.array_equal(images.pixels[0], source.images[2]) and np.array_equal(images.pixels[2], source.images[0])
    assert images.titles[2].startswith(f"{source.class_names[source.labels[0]]}\n")


def test_without_images_the_first_samples_are_shown_with_their_classes_alone(choose, source):
    """And nothing is asked of the network for it."""
    with unittest.mock.patch.object(source.model, "forward", side_effect=AssertionError("a pass")):
        images = choose("--num", "3")
    assert images.titles == [source.class_names[label] for label in source.labels[:3]]


def test_a_sample_of_the_fooling_target_has_another_second_class(choose, source):
    """The scene of a ray: its second class is the network's best other one."""
    number = int(np.flatnonzero(source.labels == source.fooling_target)[0]) + 1
    images = choose("--num", str(number))
    assert images.y[-1] == source.fooling_target != images.others[-1]
    assert images.titles[-1] == source.class_names[source.fooling_target]


@pytest.mark.parametrize("probability, words", [(0, "0%"), (1e-5, "<1%"), (0.0051, "1%"), (0.874, "87%"), (1, "100%")])
def test_how_sure_in_per_cent(probability, words):
    assert percent(probability) == words


@pytest.mark.parametrize("words, said", [(["a"], "a"), (["a", "b", "a"], "a and b"), ("abc", "a, b and c")])
def test_a_list_in_words(words, said):
    assert list_words(words) == said


# --- methods ---


def test_images_of_one_shape_go_through_the_network_together(choose):
    """One call for the five samples: what they are called with is a batch."""
    shapes = []

    def method(X, y, model, *more):
        shapes.append((X.shape[0], y.tolist(), more))
        return X.mean(dim=1), y

    images = choose("--num", "4")
    means, labels = images.each(method, "more", things=2)
    assert shapes == [(4, images.y, ("more",))]
    assert [m.shape for m in means] == [(224, 224)] * 4 and [int(label) for label in labels] == images.y


def test_images_of_several_shapes_go_one_by_one_and_stay_in_order(choose, photographs):
    """No image is cut or stretched to fit beside another, and maps come back in the order of the images."""
    images = choose("--image", photographs[0], "1", photographs[1])
    means, labels = images.each(lambda X, y, model: (X.mean(dim=1).requires_grad_(), y), things=2)
    assert all(np.array_equal(m, x[0].mean(dim=0).numpy()) for m, x in zip(means, images.X))
    assert labels == images.y and len(set(labels)) == 3
    assert images.each(lambda X, y, model: np.array(y), given=["a", "b", "c"]) == ["a", "b", "c"]


# --- figures ---


def test_gradcam_draws_each_photograph_in_its_own_shape(source, tmp_path, photographs, monkeypatch):
    """A landscape, a portrait and a square: every map, as small as the layer is, at its image's proportions."""
    monkeypatch.setattr(gradcam, "CONDUCTANCE_STEPS", 2)
    monkeypatch.setattr(script, "PLAIN", set())  # constants may differ from those of the files
    pictures = gradcam.main(["--out", str(tmp_path), "--image", *photographs, "2"], source)
    for picture, rows in zip(pictures, (4, 5, 3, 7, 5)):
        assert sorted(panels(picture.path)) == sorted([(224, 336), (224, 135), (224, 224)] * rows)
    image, *maps = sorted(place for place in places(pictures[-1].path) if place[3] == 336)
    assert {left for _, left, _, _ in maps} == {image[1]}, "maps stand below their image"


def test_a_panorama_and_a_strip_at_the_limit_can_be_explained(source, tmp_path):
    """Four times as long as wide is the most that is taken."""
    rng = np.random.default_rng(0)
    paths = []
    for size in ((400, 100), (100, 400)):
        paths.append(str(tmp_path / f"{size[0]}.png"))
        Image.fromarray(rng.integers(0, 250, (size[1], size[0], 3), dtype=np.uint8)).save(paths[-1])
    (picture,) = fooling_image.main(["--out", str(tmp_path), "--image", *paths], source)
    assert sorted(panels(picture.path, least=50)) == [(140, 560)] * 4 + [(224, 56)] * 4


def test_fooling_draws_a_row_for_each_photograph(source, tmp_path, photographs, capsys):
    """Title, terminal and panels tell of both; the caption says by how much pixels were moved."""
    args = ["--out", str(tmp_path), "--image", *photographs, "--target", "hay"]
    (picture,) = fooling_image.main(args, source)
    assert sorted(panels(picture.path)) == sorted(4 * [(224, 336), (224, 135)])
    assert picture.title == "From gorilla and spider to hay"
    out = capsys.readouterr().out
    assert "gorilla, pushed towards hay: " in out and "spider, pushed towards hay: " in out


@pytest.mark.parametrize("size, words", [(0, "no pixel was moved"), (0.02, "hardly be"), (0.2, "be seen as it is")])
def test_the_caption_of_a_fooling_image_says_what_the_picture_shows(choose, tmp_path, size, words):
    """It is measured whether the difference is to be seen as it is, and by how much pixels moved."""
    images = choose("--image", "1")
    x = images.X[0]
    moved = x + size / torch.tensor(SQUEEZENET_STD)[:, None, None] * torch.sign(x)
    twins = [fooling_image.Twins(x, moved, 0, 3, torch.tensor([[1.0, 0], [0, 1], [0, 1]]))]
    caption = fooling_image.before_and_after(twins, images, 1).caption
    assert words in caption
    assert f"pixels move by {255 * size:.1f} of 255 on average, {255 * size:.0f} at most" in caption


def test_a_heading_names_those_that_are_not_fooled(choose):
    images = choose("--image", "1", "2")
    scores = torch.tensor([[1.0, 0], [0, 1], [0, 1]])
    twins = [fooling_image.Twins(x, x, 0, 3, s) for x, s in zip(images.X, (scores, scores[:1].repeat(3, 1)))]
    hay = images.source.class_names[0]
    assert fooling_image.before_and_after(twins[1:], images, 1).title.endswith(": the network is not fooled")
    assert fooling_image.before_and_after(twins, images, 1).title.endswith(f": the network is not fooled about {hay}")
