"""The page as Gradio is told to serve it."""

import pytest

from tests.explorer.conftest import loops_closed


@pytest.fixture(scope="module")
def dependencies():
    """What follows what on the page: its events, as the browser gets them."""
    from explorer import page

    with loops_closed():
        built, _ = page.build("embedded", "cpu")
    return built.config["dependencies"]


def test_nothing_that_is_chosen_is_dropped(dependencies):
    """While one choice is drawn, which may take seconds, the next one counts; only buttons that start work wait."""
    dropped = [event["targets"] for event in dependencies if event["trigger_mode"] == "once"]
    kinds = {kind for targets in dropped for _, kind in targets}
    assert kinds <= {"click", "unload"}, kinds


def test_a_choice_asks_once_for_the_address(dependencies):
    """Each request costs the server time, of which the first map has little: one for all views."""
    pick = next(i for i, event in enumerate(dependencies) if event["targets"][0][1] == "pick")
    followers = [event for event in dependencies if event["trigger_after"] == dependencies[pick]["id"]]
    assert len([event for event in followers if len(event["outputs"]) == 1]) == 1


def test_no_event_can_be_called_from_outside(dependencies):
    """The page is for its browser: nothing of it is offered as an interface."""
    ours = [event for event in dependencies if event["backend_fn"]]
    assert not [event["targets"] for event in ours if event["api_visibility"] == "public"]
