"""Links that bring settings back, and what is saved."""

import base64
import io
import json
import zipfile
from urllib.parse import parse_qsl

import numpy as np
import pytest
from PIL import Image

from explorer import links, markup, networks, pictures
from explorer.session import Session
from explorer.view import show_all
from explorer.worker import ROOT
from pretrained import SourceError

SETTINGS = {
    "where": {"target": 7, "versus": 5, "layer": "features.9", "whose": "Captum's", "strength": 0.35, "outline": True},
    "fool": {"target": 3, "rate": 4, "most": 12, "quality": 30},
    "idea": {"target": 2, "seed": 17, "iterations": 60, "l2": 0.0005, "blur": 0, "clamp": 1.5},
    "paint": {"content": "town", "style": "flow", "style_times": 0.3, "style_layers": [1, 7], "image_size": 128},
    "inside": {"layer": "features.3", "channel": 44},
}


@pytest.mark.parametrize("key", SETTINGS)
def test_a_link_brings_the_settings_back(key, session, views):
    """All that was set, the network and the sample: all of it, and of this view alone."""
    view, wanted = views[key], SETTINGS[key]
    session.choose(pictures.sample(session.source, 11))
    session.settings[key] = view.beginning(session) | wanted
    asked = dict(parse_qsl(links.link(session, key)[1:]))
    session.choose(pictures.sample(session.source, 0))
    assert links.open_picture(session, asked) == []
    assert (asked["view"], session.picture.number) == (key, 11)
    given, refused = links.read_fields(view.fields, view.choices(session), asked)
    assert refused == []
    assert {name: given[name] for name in wanted} == wanted
    assert {name: type(given[name]) for name in wanted} == {name: type(value) for name, value in wanted.items()}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("network", "resnet"),
        ("picture", "999"),
        ("picture", "-1"),
        ("picture", "nan"),
        ("picture", "2.7"),
        ("row", "2.5"),
        ("target", "24"),
        ("target", "-3"),
        ("layer", "<script>alert(1)</script>"),
        ("strength", "inf"),
        ("strength", "7"),
        ("whose", "nobody's"),
        ("outline", "yes"),
    ],
)
def test_a_link_that_makes_no_sense_is_told(name, value, session, views):
    """Senseless wishes are named, the rest is set, and nothing of it gets into the page as code."""
    view, asked = views["where"], {name: value}
    refused = links.open_picture(session, asked) + links.read_fields(view.fields, view.choices(session), asked)[1]
    assert refused == [f"{name}={value}"]
    assert "<script>" not in markup.notice(*refused)


def test_a_link_brings_the_network_back(session):
    """Another network, and a picture of its own samples."""
    try:
        networks.load("squeezenet", "cpu")
    except SourceError as problem:
        pytest.skip(str(problem))
    assert not links.open_picture(session, {"network": "squeezenet", "picture": "2"})
    assert (session.network, session.picture.key) == ("squeezenet", "imagenet 2")
    session.switch("embedded")
    assert (session.network, session.picture.key) == ("embedded", "embedded 2")


def test_a_network_that_cannot_be_had_leaves_the_page_as_it_was(session, monkeypatch):
    """Its package may be missing: the one before can be looked through all the same."""
    load, before = networks.load, (session.network, session.picture)

    def lose(key, device):
        if key == "lite":
            raise SourceError("expected efficientnet-lite0 in a package, found none")
        return load(key, device)

    monkeypatch.setattr(networks, "load", lose)
    with pytest.raises(SourceError):
        session.switch("lite")
    assert (session.network, session.picture) == before


def test_one_s_own_picture_is_in_no_link(session):
    """A link holds no picture: who opens it begins with a sample, and is told so."""
    session.choose(pictures.Subject(session.source.images[0], "own x", "your picture"))
    session.settings["fool"] = {"target": 1}
    asked = dict(parse_qsl(links.link(session, "fool")[1:]))
    assert "sample" not in asked and links.open_picture(session, asked) == ["picture=own"]


def test_saved_are_the_figure_the_settings_and_the_picture(session):
    """One zip: what was seen, what made it, and the link that brings it back."""
    session.choose(pictures.sample(session.source, 4))
    session.drawn["fool"] = [("Before", session.picture.pixels), ("After", 255 - session.picture.pixels)]
    session.settings["fool"] = {"target": 3, "rate": 4}
    name, data = links.pack(session, "fool").split("|")
    assert name == "explorer_fool.zip"
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(data))) as archive:
        assert archive.namelist() == ["figure.png", "settings.json", "picture.png"]
        settings = json.loads(archive.read("settings.json"))
        figure = Image.open(io.BytesIO(archive.read("figure.png")))
        picture = np.asarray(Image.open(io.BytesIO(archive.read("picture.png"))))
    assert settings["settings"] == {"target": 3, "rate": 4}
    assert settings["link"] == "?view=fool&network=embedded&weights=embedded&picture=4&sample=bear&target=3&rate=4"
    assert figure.width > 3 * 224
    assert np.array_equal(picture, session.picture.pixels)


def test_saved_settings_are_those_of_the_picture_not_what_was_chosen_after_it(session, views):
    def run(session, target, **fields):
        session.drawn["idea"] = [(f"class {target}", session.picture.pixels)]
        yield {}

    settings = views["idea"].settings(session)
    settings["target"] = 3
    list(show_all(session, views["idea"], run, []))
    settings["target"] = 5
    _, data = links.pack(session, "idea").split("|")
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(data))) as archive:
        written = json.loads(archive.read("settings.json"))
    assert written["settings"]["target"] == 3 and "target=3" in written["link"]


def test_nothing_is_saved_before_anything_is_drawn(session):
    """The button does nothing then."""
    session.drawn.pop("idea", None)
    assert links.pack(session, "idea") == ""


def test_every_view_tells_its_story(views):
    """Three sentences on what to look for; the assignment's parts are there to be opened."""
    from explorer import page, view

    for module in page.VIEWS:
        sentences = module.STORY.look.replace("**What to look for.** ", "")
        assert len([s for s in sentences.replace("?", ".").split(". ") if s]) >= 3, module.KEY
        assert all(view.section(part).startswith(f"### {part} ") for part in module.STORY.parts)
        assert module.STORY.code and "$$" in module.STORY.formulas


def test_the_explorer_stands_above_what_it_shows():
    """It holds no method of its own: what is explained is explained by the student's code, Captum's calls included."""
    words = ("autograd.grad", ".backward(", "staff", "captum.attr import")
    for path in (ROOT / "explorer").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not [word for word in words if word in text], path.name


def test_what_nobody_has_set_is_what_suits_the_network(views):
    """Somebody who presses Start before the page is filled starts with what suits the network; what was set stays."""
    session = Session("embedded", "cpu")
    values = views["idea"].settings(session)
    assert values["target"] == session.source.visualization_targets[0]
    assert None not in values.values()
    values["seed"] = 5
    assert views["idea"].settings(session)["seed"] == 5
