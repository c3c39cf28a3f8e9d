"""View 1: what each method says, whether it hits, and that nothing is computed twice."""

import re
import threading
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import methods
from explorer import answers, colours, markup, where
from explorer.view import KEPT, show_all
from explorer.worker import Problem
from visualizers import GradCam

FIELDS = {"target": 2, "versus": -1, "layer": "features.12", "whose": "ours", "cmap": "inferno", "strength": 0.6}
FIELDS |= {"outline": False, "row": -1, "column": -1, "channel": -1}


def see(session, **changes):
    """All that the view shows in the end."""
    together = {}
    for new in where.show(session, **FIELDS | changes):
        together |= new
    return together


def pictures(html):
    """The texts of the pictures in a piece of the page."""
    return re.findall(r'<img [^>]*alt="([^"]*)"', html)


def test_every_method_is_shown_with_a_text_that_says_what_it_is(session):
    """Five maps and the layer's, each with words for those who do not see it."""
    page = see(session)
    assert {"saliency", "SmoothGrad", "Grad-CAM", "deconvnet"} < set(methods.METHODS)
    for name, method in methods.METHODS.items():
        (alt,) = pictures(page[name])
        assert alt.startswith(f"{method.title} of hay for dog"), alt
    assert pictures(page["layer_map"]) == ["how active layer features.12 is at 13 by 13 places"]
    assert pictures(page["seen"]) == ["the picture: hay; the network says hay, 97\u202f%"]
    assert page["seen"].count("data-row=") == 5


def test_two_classes_stand_beside_each_other(session):
    """Evidence for the one and for the other: two pictures for each method."""
    page = see(session, versus=5)
    for name in methods.METHODS:
        first, second = pictures(page[name])
        assert " for dog" in first and " for gorilla" in second


def test_the_same_class_twice_is_one(session):
    """A class beside itself says nothing more."""
    assert len(pictures(see(session, versus=2)["saliency"])) == 1


def test_another_overlay_class_or_layer_that_was_there_asks_for_nothing(session, monkeypatch):
    """Once made, a map is drawn in other colours and strengths, and shown again, without the network."""
    see(session), see(session, target=1), see(session, layer="features.5")

    def refuse(*_, **__):
        raise AssertionError("the network was asked again")

    monkeypatch.setattr(session.worker, "ask", refuse)
    one = see(session, strength=0.2, cmap="cividis", outline=True)
    other = see(session, strength=0.8, cmap="jet", outline=True)
    assert one["Grad-CAM"] != other["Grad-CAM"]
    see(session, target=1), see(session, layer="features.5")


def test_grad_cam_of_another_layer_is_computed_anew(session):
    """It is the student's own map of that layer."""
    source, picture = session.source, session.picture.pixels
    X, y = answers.as_batch(picture, source), torch.tensor([3])
    for layer in ("features.3", "features.9", "features.12"):
        cam, _ = answers.explain("embedded", picture, "Grad-CAM", 3, layer, "cpu")
        assert np.abs(cam - GradCam(layer).grad_cam(X, y, source.model)[0]).max() <= 1e-5


def test_ours_and_captum_s_agree(session):
    """The difference is black, and the largest one is told."""
    page = see(session, whose=where.DIFFERENCE)
    for name in ("saliency", "guided backprop"):
        told = re.search(r"Largest difference ([\d.e-]+), where the largest value is ([\d.e-]+)\.<", page[name])
        assert float(told[1]) <= 1e-4 * float(told[2])
    assert "Largest difference" in page["Grad-CAM"] and "Largest difference" in page["Guided Grad-CAM"]
    assert "Largest" not in page["integrated gradients"] + page["SmoothGrad"], "of these there is one alone"


def test_captum_s_maps_can_be_shown_alone(session):
    """Each figure under `Captum's` is the library's."""
    assert pictures(see(session, whose=where.CAPTUM)["Grad-CAM"])[0].startswith("Grad-CAM of hay for dog")


def test_a_map_hits_where_its_strongest_place_is_on_the_object():
    """The pointing game, and how much of the map lies on the object, by hand."""
    mask = np.zeros((4, 4), bool)
    mask[:2, :2] = True
    values = np.zeros((4, 4))
    values[1, 1], values[3, 3] = 3, 1
    assert where.hit(values, mask) == "Hits the object: 75% of the map lies on it, 25% of the picture."
    assert where.hit(values[::-1, ::-1], mask).startswith("Misses the object: 25%")
    assert where.hit(-values, mask) == "", "what speaks against the class does not hit"
    assert where.hit(values, None) == ""


def test_a_difference_is_drawn_on_the_scale_of_the_maps():
    """Equal maps are black; the words name the largest difference."""
    values = np.linspace(0, 2, 16).reshape(4, 4)
    pixels, words = where.compare("saliency", values, values, "inferno")
    assert pixels.max() <= 4  # inferno's darkest
    assert words == "Largest difference 0, where the largest value is 2."
    assert where.compare("saliency", values, 0 * values, "inferno")[1].startswith("Largest difference 2,")


def test_a_place_shows_its_strongest_channels_and_their_pixels(session):
    """Six tiles, the strongest first, and guided backprop from the neuron there."""
    page = see(session, row=6, column=7)
    numbers = [int(n) for n in re.findall(r'data-channel="(\d+)"', page["place"])]
    output = answers.look("embedded", session.picture.pixels, "cpu").outputs["features.12"][0][:, 6, 7]
    assert numbers == output.topk(6).indices.tolist()
    assert f"What excites channel {numbers[0]} here" in page["place"]
    assert "x-mark" in page["layer_map"]
    assert f"What excites channel {numbers[2]} here" in see(session, row=6, column=7, channel=numbers[2])["place"]


def test_a_place_outside_the_layer_shows_nothing(session):
    """After another layer was chosen the old place may not be there."""
    assert see(session, row=6, column=99)["place"] == ""


def test_an_older_request_falls_silent(session):
    """Two requests at once: only the newer one goes on writing on the page."""
    older = where.show(session, **FIELDS)
    next(older)
    newer = list(where.show(session, **FIELDS))
    assert len(newer) > 5
    assert list(older) == []


@pytest.mark.parametrize("key", ["where", "inside"])
def test_a_request_begins_with_the_fields_that_it_shows(session, views, monkeypatch, key):
    """Nothing can be set between the two: else an older place could be shown by a newer request."""
    begin, view, could = session.begin, views[key], []

    def look():
        other = threading.Thread(target=lambda: could.append(session.setting.acquire(blocking=False)))
        other.start()
        other.join()
        return begin()

    monkeypatch.setattr(session, "begin", look)
    next(show_all(session, view, view.show, list(view.parts().values())))
    assert could == [False]


def test_a_place_that_was_asked_for_earlier_and_comes_later_counts_for_nothing(session):
    """Three quick keys are three requests, which may overtake each other."""
    second, third = (SimpleNamespace(row=row, column=1, asked=float(row)) for row in (1, 2))
    assert where.choose_place(session, third) == {"row": 2, "column": 1, "channel": where.NONE}
    assert where.choose_place(session, second) == {}


def test_what_is_sent_once_more_when_an_event_ends_is_nothing(session, views):
    """Gradio repeats the last pictures of an event that fell silent, when those of the newer one are there."""
    session.settings["where"] = dict(FIELDS)
    parts = list(views["where"].parts().values())
    assert list(show_all(session, views["where"], where.show, parts))[-1] == [KEPT] * len(parts)


def test_the_strength_of_the_overlay_goes_from_picture_to_map():
    """At 0 the picture alone, at 1 the map alone."""
    pixels = np.full((2, 2, 3), 200, np.uint8)
    cam = np.array([[0, 1], [1, 0.5]])
    assert (colours.overlay(pixels, cam, "jet", 0) == 200).all()
    assert (colours.overlay(pixels, cam, "jet", 1) != 200).any(axis=2).all()


def test_words_of_others_are_no_code():
    """Words of a student's error or a class name cannot become a part of the page."""
    page = markup.notice("<img src=x onerror=alert(1)> ${alert(1)} {{x}}")
    assert "<img" not in page and "${" not in page and "{{" not in page


def test_an_unknown_layer_is_a_problem(session):
    """Asked by somebody else than the page's menu."""
    with pytest.raises(Problem):
        session.turn.result("layer_activity", layer="features.99")
