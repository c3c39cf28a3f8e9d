"""The page as Gradio is told to serve it."""

import asyncio
import os
import re
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import permutations
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock
from urllib.error import URLError
from urllib.parse import parse_qsl
from urllib.request import urlopen

import pytest

from explorer import networks
from explorer.links import link
from explorer.session import Session
from figures.script import UserError
from pretrained import SourceError
from tests.explorer.conftest import LIMIT, loops_closed


@pytest.fixture(scope="module")
def both():
    """The page, and its sessions."""
    from explorer import page

    with loops_closed():
        made, sessions = page.build("embedded", "cpu")
    yield made, sessions
    sessions.close_all()


@pytest.fixture(scope="module")
def built(both):
    return both[0]


def test_the_page_is_served_to_this_machine_and_nothing_is_left(monkeypatch):
    """Its address answers while it is open; afterwards nobody does, and the folder of uploads is gone."""
    from explorer import server

    monkeypatch.setenv("GRADIO_DEBUG", "1")  # with it Gradio would never come back from launching
    with loops_closed(), server.running("embedded", "cpu") as running:
        with urlopen(running.address, timeout=LIMIT) as answer:
            page = answer.read().decode()
        assert Path(running.folder).stat().st_mode & 0o077 == 0
    assert running.address.startswith("http://127.0.0.1:") and "gradio" in page and "Where does it look?" in page
    assert not Path(running.folder).exists()
    with pytest.raises(URLError):
        urlopen(running.address, timeout=LIMIT)


@pytest.mark.parametrize("problem", [OverflowError("bind(): port must be 0-65535."), OSError("Cannot find empty port")])
def test_a_port_that_cannot_be_had_is_told_in_one_sentence(both, monkeypatch, problem):
    """There is no 99999, or another program has it. Gradio, which says so, is left out: it leaves a socket open."""
    from explorer import page, server

    monkeypatch.setattr(page, "build", lambda *_: both)
    monkeypatch.setattr(page, "launch", Mock(side_effect=problem))
    words = f"expected a free port, got 99999 ({problem}): choose another --port"
    with pytest.raises(UserError, match=f"^{re.escape(words)}$"), server.running("embedded", "cpu", 99999):
        pass


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no such signals")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_closed_terminal_ends_the_page_as_ctrl_c_does(name, monkeypatch):
    """Else the folder of uploads would stay."""
    from explorer import server

    number, ended = getattr(signal, name), []
    before = {one: signal.signal(one, signal.SIG_DFL) for one in (signal.SIGTERM, signal.SIGHUP)}

    @contextmanager
    def running(*_):
        assert signal.getsignal(number) != signal.SIG_DFL, "it would end at once"
        try:
            yield Mock(address="http://127.0.0.1:7860/")
        finally:
            ended.append(name)

    monkeypatch.setattr(server, "running", running)
    monkeypatch.setattr(server.time, "sleep", lambda _: os.kill(os.getpid(), number))
    try:
        with pytest.raises(SystemExit):
            server.serve("embedded", "squeezenet1_1", "cpu", None, False, False)
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
    assert ended == [name]


def dependencies(built):
    """The events of the page, as the browser gets them."""
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


@pytest.mark.parametrize("lost", [[], ["lite"]], ids=["all networks", "one is lost"])
@pytest.mark.parametrize(
    ("query", "refused", "target"),
    [
        ("?view=where&target=17&network=embedded&__theme=dark", [], 17),
        ("?target=17", [], 17),
        ("?view=were&target=17&clas=3&network=no", ["network=no", "view=were", "clas=3"], 17),
        ("?target=17&quality=3", ["quality=3"], 17),
    ],
)
def test_what_a_link_asks_for_in_vain_is_told_and_the_rest_is_set(query, refused, target, lost, both, monkeypatch):
    """A slip of the pen, a field of another view, a network whose package is missing: the page is filled all the same.

    Without a view the first is meant, which opens anyway.
    """
    built, sessions = both
    load, asked = networks.load, dict(parse_qsl(query[1:]))
    if lost:
        asked |= {"network": "lite"}
        refused = ["network=lite", *(words for words in refused if "network" not in words)]

    def lose(key, device):
        if key in lost:
            raise SourceError("expected efficientnet-lite0 in a package, found none")
        return load(key, device)

    monkeypatch.setattr(networks, "load", lose)
    (opening,) = (fn.fn for fn in built.fns.values() if fn.targets[0][1] == "load")
    request = SimpleNamespace(session_hash=f"{query} {lost}", query_params=asked)
    words = " ".join(part for part in next(opening(request)) if isinstance(part, str))
    assert sessions.of(request.session_hash).settings["where"]["target"] == target
    told = re.search("The link asks for (.*), which is not there: the rest was set", words)
    assert (told[1].split(", ") if told else []) == refused
    assert "data-number" in words, "the samples to choose from"


LINKS = (
    "?view=where&network=embedded&picture=6&target=17&versus=4&layer=features.12&whose=ours&cmap=inferno&strength=0.6"
    "&outline=0&row=2&column=3",
    "?view=fool&network=embedded&picture=6&target=3&rate=4&most=12&quality=30",
)


@pytest.mark.parametrize("query", LINKS, ids=["where", "fool"])
@pytest.mark.parametrize("order", [*permutations(["load", "tab-where", "tab-fool"])], ids=", then ".join)
def test_a_link_is_kept_in_whatever_order_a_page_opens(order, query, both, monkeypatch):
    """A page that opens sends several events, which run at once: the first is held until the others have gone on.

    Once a tab that opened by itself was still asking the network what suits the picture when the link's settings came,
    and wrote over them.
    """
    built, sessions = both
    names = {block._id: getattr(block, "elem_id", None) for block in built.blocks.values()}
    events = {names.get(i) or name: fn.fn for fn in built.fns.values() for i, name in fn.targets}
    asked = dict(parse_qsl(query[1:]))
    request = SimpleNamespace(session_hash=f"{order} {query}", query_params=asked)
    session, gate, held, find = sessions.of(request.session_hash), threading.Event(), [], Session.find

    def find_later(self, *given):
        if threading.current_thread().name == order[0] and not held:
            held.append(order[0])
            gate.wait(LIMIT)
        return find(self, *given)

    monkeypatch.setattr(Session, "find", find_later)

    def run(event):
        next(events[event](request, *([] if event == "load" else [""])))  # what follows only draws

    threads = [threading.Thread(target=run, args=[event], name=event) for event in order]
    for thread in threads:
        thread.start()
        thread.join(0.2)  # it has ended, or waits
    gate.set()
    for thread in threads:
        thread.join(LIMIT)
        assert not thread.is_alive()
    assert session.open == asked["view"]
    assert dict(parse_qsl(link(session, asked["view"])[1:])) == asked
    sessions.close(request.session_hash)
