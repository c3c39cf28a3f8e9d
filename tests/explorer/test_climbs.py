"""Views 2 to 5, without a browser: fooling, class pictures, painting, channels."""

import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageFilter

import style_transfer
from explorer import answers, fool, idea, inside, networks, paint, pictures
from explorer.markup import curves
from explorer.worker import Problem
from pretrained import Pretrained
from tests.explorer.test_where import pictures as alts


def run(frames):
    """All that was shown, by part, in order."""
    shown = {}
    for new in frames:
        for part, html in new.items():
            shown.setdefault(part, []).append(html)
    return shown


@pytest.fixture(scope="module")
def fooled(session):
    """The first sample, made a bear."""
    return run(fool.run(session, target=4, rate=10.0, most=40, quality=60))


def test_fooling_is_seen_step_by_step(fooled):
    """Every step shows three pictures, and both classes' curves grow by one point."""
    assert len(fooled["panels"]) > 2
    for step, (panels, curve) in enumerate(zip(fooled["panels"], fooled["curve"])):
        before, after, difference = alts(panels)
        assert before == "Before: hay"
        assert after.startswith(f"After {step} step")
        assert difference.startswith("Difference, times ten: pixels moved by ")
        lines = re.findall(r'points="([^"]*)"', curve)
        assert [len(line.split()) for line in lines] == [step + 1] * 2


def test_fooling_ends_when_the_network_is_fooled(fooled, session):
    """The verdict counts the steps, and the last picture is what was aimed at."""
    steps = len(fooled["panels"]) - 1
    assert f"The network says bear after {steps} steps" in fooled["notes"][-1]
    kept = session.kept["fool"]
    assert kept.scores.argmax() == 4
    assert kept.after[-1] > kept.after[0]


def test_what_is_left_after_saving_and_for_others_is_told(fooled, session, monkeypatch):
    """One row for the exact numbers, two for files, and one for each other network."""
    table = fooled["after"][-1]
    rows = re.findall(r'<th scope="row">([^<]*)</th>', table)
    assert rows[:3] == ["the network&#x27;s own numbers", "saved as PNG", "saved as JPEG, quality 60"]
    assert len(rows) == 3 + len(networks.choices()) - 1
    asked, ask = [], session.ask
    monkeypatch.setattr(session, "ask", lambda *args, **given: asked.append(given) or ask(*args, **given))
    worse = list(fool.show(session, 4, 10.0, 40, quality=5))
    assert "quality 5" in worse[-1]["after"]
    assert len(asked) == 1, "another quality asks for its own file alone"


def test_another_picture_begins_anew(fooled, session):
    """The old attempt is not shown for a picture that it was not made of."""
    before = session.picture
    session.choose(pictures.sample(session.source, 3))
    (new,) = fool.show(session, 4, 10.0, 40, 75)
    session.choose(before)
    assert new["curve"] == new["after"] == ""
    assert alts(new["panels"])[0].startswith("Before: the network says ")


def test_jpeg_is_a_loss_and_png_is_none():
    """PNG brings back is the same, pixel by pixel."""
    pixels = np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8)
    assert np.array_equal(fool.save_and_read(pixels, "PNG"), pixels)
    rough, fine = (np.abs(fool.save_and_read(pixels, "JPEG", q).astype(int) - pixels).mean() for q in (10, 95))
    assert rough > fine > 0


def test_a_class_picture_climbs_and_is_kept_beside_another(session):
    """Pictures come while it climbs; the last is the student's own; `keep` puts it beside."""
    asked = {"target": 6, "seed": 3, "rate": 25.0, "l2": 0.001, "blur": 0, "jitter": 8, "clamp": 2.0}
    shown = run(idea.run(session, **asked, iterations=10))
    assert "iteration 10 of 10: the network says " in shown["live"][-1]
    assert "seed 3, L2 0.001, blur never, jitter 8, clamp 2, step 25" in shown["live"][-1]
    first = session.kept["idea"][3]
    assert "Kept: spider" in idea.put_beside(session)
    run(idea.run(session, **asked | {"seed": 4}, iterations=10))
    assert not np.array_equal(session.kept["idea"][3], first)
    assert np.array_equal(session.kept["idea beside"][3], first)
    assert len(session.drawn["idea"]) == 2


PAINTING = {"content": "town", "style": "waves", "content_times": 1.0, "style_times": 1.0, "tv_times": 1.0}
PAINTING |= {"content_layer": 3, "image_size": 96, "style_size": 96}


def test_a_picture_is_painted_live(session):
    """The sources first, then the picture with its steps and the time left."""
    shown = run(paint.run(session, **PAINTING, style_layers=[1, 4], iterations=6))
    assert alts(shown["sources"][0]) == ["Content: town", "Style: waves"]
    assert "step 6 of 6" in shown["live"][-1]
    assert alts(shown["live"][-1])[0].startswith("town in the style of waves: step 6")
    assert [title for title, _ in session.drawn["paint"]] == ["town", "waves", "town in the style of waves"]


def test_one_s_own_style_and_the_picture_above_can_be_painted(session):
    """The picture that the other views look at is a content, and an uploaded one a style."""
    session.kept["paint own"] = pictures.Subject(session.picture.pixels[:, ::-1].copy(), "own x", "your picture")
    chosen = PAINTING | {"content": paint.ABOVE, "style": paint.OWN}
    assert "step 2 of 2" in run(paint.run(session, **chosen, style_layers=[1], iterations=2))["live"][-1]
    del session.kept["paint own"]
    with pytest.raises(Problem, match="expected a style of your own, got none: drop a picture"):
        run(paint.run(session, **chosen, style_layers=[1], iterations=2))


def test_weights_are_balanced_for_layers_of_one_s_own(session, monkeypatch):
    """Style weights belong to the layers of the table; for others each gets its share of the loss, as in the script."""
    asked = []

    def watch(view, question, **arguments):
        asked.append(arguments)
        yield from ()

    monkeypatch.setattr(session, "watch", watch)
    pair = next(pair for pair in session.source.style_pairs if pair.style == "waves")
    for layers in (list(pair.style_layers), [2, 9]):
        run(paint.run(session, **PAINTING, style_layers=layers, iterations=2))
    assert asked[0]["weights"] == (pair.content_weight, pair.style_weights)
    assert asked[1]["weights"] is None
    files = session.source.content_images["town"], session.source.style_images["waves"]
    expected = style_transfer.balance(
        replace(pair, image_size=96, style_size=96, style_layers=(2, 9)), *files, session.source.cnn
    )
    content, style = (pictures.large(path) for path in files)
    weight, weights = answers.balance(content, style, session.source.cnn, asked[1])
    assert weight == pytest.approx(expected.content_weight, rel=0.1)  # its pictures are 512 pixels at most
    assert weights == pytest.approx(expected.style_weights, rel=0.1)


def test_a_network_without_a_table_paints_with_balanced_weights(session, monkeypatch):
    """It has layers to begin with, whose weights are found; any of its paintings will do."""
    monkeypatch.setattr(Pretrained, "style_pairs", ())
    begins = paint.usual(session)
    assert (begins["content_layer"], begins["style_layers"]) == (4, [2, 6])
    sizes = {"image_size": 96, "style_size": 96, "iterations": 3}
    shown = run(paint.run(session, **PAINTING | begins | sizes))
    assert "step 3 of 3" in shown["live"][-1], shown
    assert not any(shown.get("notes", []))


def test_a_painting_that_is_cancelled_says_where_it_stopped(session):
    """No time is left any more: what stands there is where it stopped."""
    frames = paint.run(session, **PAINTING, style_layers=[1], iterations=400)
    for new in frames:
        if "step" in new.get("live", ""):
            session.stop("paint")
        last = new
    assert re.search(r"stopped at step \d+ of 400", last["live"])


def test_a_style_that_is_chosen_before_a_painting_has_stopped_is_shown_when_it_has(session, monkeypatch):
    """Until then nothing but the painting is drawn; a choice a moment after Cancel was lost to the page."""
    frames = paint.run(session, **PAINTING, style_layers=[1], iterations=400)
    for new in frames:
        if session.climbing and "live" in new:
            session.stop("paint")
            chosen = PAINTING | {"style": "flow"}
            monkeypatch.setitem(session.settings, "paint", chosen)
            assert not list(paint.show(session, **chosen))
        last = new
    assert alts(last["sources"]) == ["Content: town", "Style: flow"]


def test_a_picture_that_is_chosen_while_another_is_fooled_is_shown_afterwards(session):
    before = session.picture
    for new in fool.run(session, target=4, rate=10.0, most=40, quality=60):
        session.choose(pictures.sample(session.source, 2))
        last = new
    session.choose(before)
    assert alts(last["panels"]) and "Before" in last["panels"] and last["curve"] == last["after"] == last["notes"] == ""


def test_painting_without_a_layer_is_refused_in_words(session):
    """No layer is ticked."""
    with pytest.raises(Problem, match="expected at least one layer that style is read from"):
        run(paint.run(session, **PAINTING, style_layers=[], iterations=2))


def test_painting_that_shows_no_step_is_told(student):
    """A return in the loop of style_transfer."""
    step = "        optimizer.step()\n"
    session = student(**{"style_utils.py": (step, f"{step}        return img\n")})
    with pytest.raises(Problem, match=r"^expected a picture from each step of style_transfer, got none: is there a"):
        run(paint.run(session, **PAINTING, style_layers=[2], iterations=2))


def test_every_layer_shows_its_strongest_channels(session):
    """Thirteen layers with eight tiles each; the first tile has the highest peak."""
    shown = run(inside.show(session, "features.4", -1))
    layers = shown["layers"][-1]
    assert len(re.findall("x-layer", layers)) == 13
    assert len(alts(layers)) == 13 * inside.TILES
    output = answers.look("embedded", session.picture.pixels, "cpu").outputs["features.4"][0]
    numbers = [int(n) for n in re.findall(r'data-channel="(\d+)" data-layer="features.4"', layers)]
    assert numbers == output.amax(dim=(1, 2)).topk(inside.TILES).indices.tolist()
    assert shown["channel"] == [numbers[0]]


def test_an_older_view_of_the_channels_falls_silent(session, monkeypatch):
    """Somebody who clicks a tile while the tiles are still computed keeps the channel that was clicked."""
    find = session.find

    def find_and_click(*asked):
        found = find(*asked)
        session.begin()
        return found

    monkeypatch.setattr(session, "find", find_and_click)
    assert list(inside.show(session, "features.4", -1)) == []


def test_the_sample_that_excites_a_channel_most_is_found(session):
    """By hand: over all samples the highest peak of the channel."""
    source = session.source
    ((number, peak, cam), *_) = session.turn.result("exciting", layer="features.9", channel=17, count=2)
    peaks = [
        answers.look("embedded", image, "cpu").outputs["features.9"][0, 17].max().item() for image in source.images
    ]
    assert number == int(np.argmax(peaks))
    assert peak == pytest.approx(max(peaks), rel=1e-4)
    assert cam.shape == (224, 224) and cam.max() == pytest.approx(1)


def test_a_channel_that_is_not_there_is_told(session):
    """Typed into the field by hand."""
    (_, new) = inside.show(session, "features.4", 9999)
    assert "Expected a channel between 0 and 127 of features.4, got 9999" in new["exciting"]


def test_a_channel_draws_what_it_looks_for(session, monkeypatch):
    """The student's class visualization, with a channel's mean in place of a class's score: it grows.

    After a fifth of the iterations it is a pattern, which excites the channel when it is blurred; with the settings
    of a class's picture it is noise still.
    """
    monkeypatch.setattr(inside, "ITERATIONS", 12)
    shown = run(inside.run(session, "features.9", 17))
    assert "iteration 12 of 12" in shown["dream"][-1]
    drawn = session.drawn["inside"][-1][1]
    monkeypatch.setattr(inside, "CLIMB", inside.CLIMB | {"learning_rate": 25.0, "blur_every": 5})
    run(inside.run(session, "features.9", 17))
    noise = np.random.default_rng(0).integers(0, 255, drawn.shape, dtype=np.uint8)
    liked, other, before = (
        answers.look("embedded", blur(picture), "cpu").outputs["features.9"][0, 17].mean().item()
        for picture in (drawn, session.drawn["inside"][-1][1], noise)
    )
    assert liked > 1.2 * other and liked > before


def blur(pixels):
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(1.5)))


def test_a_curve_names_its_lines_and_where_they_end():
    """Somebody who does not see the lines reads them."""
    html = curves({"cat": [0.9, 0.5], "dog": [0.1, 0.2]}, "Chances", "step")
    assert 'aria-label="Chances: cat ends at 50\u202f%, dog ends at 20\u202f%"' in html
    assert html.count("<polyline") == 2
