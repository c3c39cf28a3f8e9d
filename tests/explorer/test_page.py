"""The page as Gradio is told to serve it."""

import asyncio
import os
import re
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from inspect import signature
from itertools import permutations
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock, Mock
from urllib.error import URLError
from urllib.parse import parse_qsl
from urllib.request import urlopen

import gradio as gr
import pytest
from gradio import routes
from starlette.datastructures import QueryParams
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from explorer import networks
from explorer.links import link
from explorer.session import Session
from explorer.view import KEPT
from explorer.worker import ROOT
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
    assert "<noscript>The explorer needs JavaScript" in page
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
    from gradio import blocks

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
    request = SimpleNamespace(session_hash=f"{query} {lost}", query_params=QueryParams(asked))
    words = " ".join(part for part in next(opening(request)) if isinstance(part, str))
    assert sessions.of(request.session_hash).settings["where"]["target"] == target
    told = re.search("The link asks for (.*), which is not there: the rest was set", words)
    assert (told[1].split(", ") if told else []) == refused
    assert "data-number" in words, "the samples to choose from"


def find_events(built):
    """The functions of the page's events, by the names of the parts that send them, or of the event."""
    names = {block._id: getattr(block, "elem_id", None) for block in built.blocks.values()}
    return {names.get(i) or name: fn.fn for fn in built.fns.values() for i, name in fn.targets}


def ask_as(name, query=""):
    """The request of a page of this name, by a link."""
    return SimpleNamespace(session_hash=name, query_params=QueryParams(query))


def read_words(shown):
    """All that an event writes on the page as text."""
    return " ".join(part for part in shown if isinstance(part, str))


@pytest.mark.parametrize(
    ("query", "words", "settings"),
    [
        ("picture=3&picture=5", "asks for picture=3 and for something else in its place: that was set", {}),
        ("row=3", "asks for row=3, which is not there", {"row": -1}),
        ("row=500&column=2", "asks for row=500, column=2, which is not there", {"row": -1, "column": -1}),
        ("row=-7", "asks for row=-7, which is not there", {"row": -1}),
        ("channel=3", "asks for channel=3, which is not there", {"channel": -1}),
        ("row=3&column=3&channel=99999", "asks for channel=99999, which", {"row": 3, "column": 3, "channel": -1}),
        ("view=inside&channel=-5", "asks for channel=-5, which is not there", {"channel": -1}),
        ("picture=own&target=9", "asks for picture=own, which is not there: the rest was set", {"target": 0}),
        ("picture=own&target=9", "means another picture by target=9: this was left out", {"target": 0}),
        ("picture=4&sample=bear&target=9&weights=embedded", "", {"target": 9}),
        (
            "picture=4&sample=daisy&target=9&whose=difference&weights=original",
            "made with weights=original, sample=daisy, and here is weights=embedded, sample=bear",
            {"target": 4, "whose": "difference"},
        ),
    ],
)
def test_a_link_shows_what_it_was_made_with_or_says_that_it_is_not_there(query, words, settings, both):
    """A place that the layer has not, a wish said twice, one's own picture, another machine's samples."""
    built, sessions = both
    request = ask_as(f"{query} {words}", query)
    told, session = read_words(next(find_events(built)["load"](request))), sessions.of(request.session_hash)
    assert words in told if words else "The link" not in told
    assert session.settings[session.open] | settings == session.settings[session.open]
    assert "own" not in link(session, session.open)
    sessions.close(request.session_hash)


def test_a_place_and_a_channel_that_another_layer_has_not_are_given_up(both):
    """Else the address would ask for what is not shown."""
    built, sessions = both
    events, request = find_events(built), ask_as("layers", "layer=features.3&row=20&column=3")
    assert "The link" not in read_words(next(events["load"](request)))
    session = sessions.of("layers")
    session.settings["where"]["channel"] = 10**6
    next(events["where-whose"](request, None, "ours"))
    assert (session.settings["where"]["row"], session.settings["where"]["channel"]) == (20, -1)
    shown = next(events["where-layer"](request, None, "features.12"))
    assert session.settings["where"]["row"] == -1 and "row=" not in read_words(shown)
    sessions.close("layers")


def test_a_page_that_the_server_does_not_know_is_told_so(both):
    """The server began anew, or the connection was cut: whatever is clicked, no other picture is shown in its place."""
    built, sessions = both
    known, asked = set(sessions._open), []
    for fn in built.fns.values():
        if fn.fn is None or fn.targets[0][1] in ("load", "unload"):
            continue
        named = [one.name for one in signature(fn.fn).parameters.values() if one.kind != one.VAR_POSITIONAL]
        given = [ask_as("a page of yesterday") if name == "request" else MagicMock() for name in named]
        with pytest.raises(gr.Error) as told:
            list(fn.fn(*given))
        assert "reload this page" in told.value.message and not told.value.duration and not told.value.print_exception
        asked.append(fn.targets)
    assert len(asked) > 40 and set(sessions._open) == known


def test_a_click_on_an_icon_of_one_s_own_picture_is_none(both):
    """The camera's or the clipboard's, where no picture follows: nothing is refused, and nothing else is shown."""
    built, sessions = both
    sessions.open("icons")
    for shown in find_events(built)["own"](ask_as("icons"), None):
        assert all(part == KEPT for part in shown)
    sessions.close("icons")


@pytest.mark.parametrize("what", ["sample", "upload", "network"])
def test_what_is_refused_is_not_chosen_and_its_words_go(what, both, student, tmp_path, monkeypatch):
    """A file that Python cannot read: picture, network and class stay, and once it is mended nothing speaks of it."""
    built, sessions = both
    events, request = find_events(built), ask_as(f"refused {what}", "picture=5")
    session = sessions._open[request.session_hash] = student()
    list(events["load"](request))
    showing = events["where-whose"](request, None, "ours")
    next(showing), next(showing)
    before = session.network, session.picture, link(session, "where")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    (tmp_path / "own.png").write_bytes((ROOT / "images/scenes/02_dog.png").read_bytes())
    path = session.worker.code / "visualizers/saliency_map.py"
    right = path.read_text(encoding="utf-8")
    path.write_text(right + "\ndef f(:\n", encoding="utf-8")
    choices = {
        "sample": lambda: events["pick"](request, SimpleNamespace(number=9)),
        "upload": lambda: events["own"](request, {"path": str(tmp_path / "own.png")}),
        "network": lambda: events["network"](request, "lite"),
    }
    assert "SyntaxError" in read_words(list(choices[what]())[-1])
    assert (session.network, session.picture, link(session, "where")) == before
    assert next(showing)[-1] == KEPT, "what was being drawn leaves the sentence above the views alone"
    path.write_text(right, encoding="utf-8")
    shown = list(events["where-whose"](request, None, "ours"))
    assert "" in [parts[-1] for parts in shown], "the sentence above the views is taken away"
    assert "Saliency of cat" in read_words([part for parts in shown for part in parts])


def test_a_page_without_javascript_is_not_white():
    """It says what it needs; every other answer of the server is as it was."""
    from explorer import page

    async def app(scope, receive, send):
        await PlainTextResponse("<body>é</body>", headers={"Content-Type": "text/html"})(scope, receive, send)

    client = TestClient(page.tell_without_javascript(app))
    assert client.get("/").text == f"<body>é{page.NOSCRIPT.decode()}</body>"
    assert client.get("/x").text == "<body>é</body>"


def test_a_link_that_is_longer_than_any_is_refused_in_words():
    """Gradio would fail on it."""
    from explorer import page

    client = TestClient(page.refuse(PlainTextResponse("the page")))
    assert client.get("/?picture=3").text == "the page"
    answer = client.get("/?x=" + "x" * 60_000)
    assert answer.status_code == 414 and "expected a link of at most 50,000 letters" in answer.text


def test_a_page_that_waits_when_the_server_ends_is_told_to_load_itself_anew():
    """Gradio's page then asks until a server is there. Told nothing, it would wait for its answer for good."""
    from explorer import page

    blocks = Mock(launch=Mock(return_value=(None, "here", None)))
    page.launch(blocks, None, False, False)
    for given in ({"message": "stopped", "success": False}, {"message": "", "session_not_found": False}):
        assert routes.UnexpectedErrorMessage(**given).model_dump()["session_not_found"] is True


LINKS = (
    "?view=where&network=embedded&weights=embedded&picture=6&sample=gorilla&target=17&versus=4&layer=features.12"
    "&whose=ours&cmap=inferno&strength=0.6&outline=0&row=2&column=3",
    "?view=fool&network=embedded&weights=embedded&picture=6&sample=gorilla&target=3&rate=4&most=12&quality=30",
)


@pytest.mark.parametrize("query", LINKS, ids=["where", "fool"])
@pytest.mark.parametrize("order", [*permutations(["load", "tab-where", "tab-fool"])], ids=", then ".join)
def test_a_link_is_kept_in_whatever_order_a_page_opens(order, query, both, monkeypatch):
    """A page that opens sends several events, which run at once: the first is held until the others have gone on.

    Once a tab that opened by itself was still asking the network what suits the picture when the link's settings came,
    and wrote over them.
    """
    built, sessions = both
    events, asked = find_events(built), dict(parse_qsl(query[1:]))
    request = SimpleNamespace(session_hash=f"{order} {query}", query_params=QueryParams(asked))
    session, gate, held, find = sessions.open(request.session_hash), threading.Event(), [], Session.find

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
