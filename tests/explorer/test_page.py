"""The page as Gradio is told to serve it."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.explorer.conftest import loops_closed


@pytest.fixture(scope="module")
def built():
    from explorer import page

    with loops_closed():
        made, _ = page.build("embedded", "cpu")
    return made


def dependencies(built):
    """What follows what on the page: its events, as the browser gets them."""
    return built.config["dependencies"]


def test_nothing_that_is_chosen_is_dropped(built):
    """While one choice is drawn, which may take seconds, the next one counts; only buttons that start work wait."""
    dropped = [event["targets"] for event in dependencies(built) if event["trigger_mode"] == "once"]
    kinds = {kind for targets in dropped for _, kind in targets}
    assert kinds <= {"click", "unload"}, kinds


def test_a_choice_is_one_request(built):
    """Each request costs time, of which the first map has little: the picture, its maps and the address come in one."""
    events = dependencies(built)
    assert not [event["targets"] for event in events if event["trigger_after"] is not None]
    (pick,) = (event for event in events if event["targets"][0][1] == "pick")
    assert pick["inputs"] == []


def test_the_browser_is_not_sent_what_takes_it_long(built):
    """Progress would be written to all outputs; a menu that comes or goes is copied with its thousand classes."""
    events = dependencies(built)
    assert all(event["show_progress_on"] == [] for event in events if event["outputs"] and event["backend_fn"])
    names = {part["id"]: part["props"].get("elem_id") for part in built.config["components"]}
    chosen = [event for event in events if event["targets"][0][1] in ("pick", "select")]
    menus = {names[part] for event in chosen for part in event["outputs"]} & {"fool-target", "idea-class"}
    assert len(chosen) > 5 and not menus


def test_a_part_that_stays_is_not_built_anew(built, monkeypatch):
    """The browser gets what gr.skip() gives; Gradio, which would take a millisecond and more for each, does nothing."""
    import gradio as gr
    from gradio import blocks

    from explorer.view import KEPT

    def building(*_, **__):
        raise AssertionError("a part was built anew")

    pick = next(fn for fn in built.fns.values() if fn.targets[0][1] == "pick")
    monkeypatch.setattr(blocks.Block, "__init__", building)
    with ThreadPoolExecutor(1) as thread:  # in this one the tests in the browser have a loop of their own
        given = thread.submit(asyncio.run, built.postprocess_data(pick, [KEPT] * len(pick.outputs), None)).result()
    assert given == [gr.skip()] * len(pick.outputs)


def test_no_event_can_be_called_from_outside(built):
    """The page is for its browser: nothing of it is offered as an interface."""
    ours = [event for event in dependencies(built) if event["backend_fn"]]
    assert not [event["targets"] for event in ours if event["api_visibility"] == "public"]
