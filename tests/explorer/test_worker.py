"""Workers: what runs a student's code, can be paused and ended, and leaves the page alone."""

import os
import re
import signal
import sys
import threading
import time
from collections import OrderedDict
from multiprocessing import forkserver
from pathlib import Path

import numpy as np
import pytest

from explorer import pictures
from explorer.session import Sessions
from explorer.worker import Cancelled, Ended, Problem, Worker, describe, warm_up
from tests.explorer.conftest import LIMIT

ASCENT = {"target": 3, "iterations": 500, "seed": 0, "learning_rate": 25.0}
ASCENT |= {"l2_reg": 0.0, "blur_every": 5, "max_jitter": 16, "clamp": 1.0}


@pytest.fixture(scope="module")
def worker():
    made = Worker("cpu", LIMIT)
    yield made
    made.end()


def explain(session, method, target=0, layer=""):
    return session.turn.result("explain", method=method, target=target, layer=layer)


def test_a_pause_holds_the_climb_and_go_goes_on_from_there(worker):
    """While paused nothing comes; afterwards the picture goes on as if nothing had been."""
    seen, asked = [], ASCENT | {"network": "embedded", "iterations": 12}
    for frame in worker.ask("idea", **asked):
        seen.append(frame)
        if len(seen) == 1:
            worker.pause()
            timer = threading.Timer(1.0, worker.go)
            paused = time.monotonic()
            timer.start()
        elif len(seen) == 2:
            assert time.monotonic() - paused > 0.9
    straight = list(worker.ask("idea", **asked))
    assert np.array_equal(seen[-1]["pixels"], straight[-1]["pixels"])


@pytest.mark.parametrize("way", ["stop", "leave", "stop while paused", "ask", "choose", "climb", "close"])
def test_a_climb_ends_and_the_page_goes_on(way):
    """By Stop, a tab that is left or closed, and whatever is asked for next: its process is gone, the answers end."""
    sessions = Sessions("embedded", "cpu")
    session = sessions.open("a tab")
    first, frames = session.scores(), session.watch("idea", "idea", **ASCENT)
    next(frames)
    process = session.worker._process
    assert session.climbing == "idea"
    others = {
        "ask": lambda: explain(session, "saliency"),
        "choose": lambda: (session.choose(pictures.sample(session.source, 1)), session.scores()),
        "climb": lambda: next(session.watch("fool", "idea", **ASCENT)),
    }
    thread = threading.Thread(target=others.get(way))
    if way == "leave":
        frames.close()
    elif way == "close":
        sessions.close("a tab")
    elif way in others:
        thread.start()
    else:
        if "paused" in way:
            session.worker.pause()
        session.stop("idea")
    assert all(frame["iteration"] < 500 for frame in frames)
    if way in others:
        thread.join(LIMIT)
        assert not thread.is_alive()
    assert session.climbing in ("", "fool")
    assert not process.is_alive()
    if way != "climb":
        session.choose(pictures.sample(session.source, 0))
        session._results.clear()
        assert np.array_equal(session.scores(), first)
    sessions.close_all()
    session.close()
    assert not sessions._open


def test_a_climb_goes_on_while_one_looks_at_what_was_there(session):
    """Somebody who looks at another view meanwhile, whose maps are known, does not end a painting."""
    session.choose(pictures.sample(session.source, 0))
    explain(session, "saliency"), session.scores()
    frames = session.watch("idea", "idea", **ASCENT)
    next(frames)
    turn = session.begin()
    turn.result("explain", method="saliency", target=0, layer="")
    session.choose(pictures.sample(session.source, 0))
    assert session.scores().shape == (24,)
    assert session.worker.alive() and next(frames)["iteration"] > 0
    frames.close()


def test_two_pages_do_not_share_anything():
    """Each has its own picture, network and results."""
    sessions = Sessions("embedded", "cpu")
    one, two = sessions.open("one"), sessions.open("two")
    one.choose(pictures.Subject(np.zeros((224, 224, 3), np.uint8), "own black", "black"))
    assert two.picture.number == 0
    assert one.worker is not two.worker
    assert sessions.of("one") is one
    sessions.close_all()


def test_beyond_the_most_pages_the_oldest_rests_and_comes_back(monkeypatch):
    """Its process is ended to save memory; its picture stays, and the next question starts another process."""
    monkeypatch.setattr(Sessions, "MOST", 1)
    sessions = Sessions("embedded", "cpu")
    first = sessions.open("first")
    before, process = first.scores(), first.worker._process
    sessions.open("second")
    process.join(20)
    assert not process.is_alive()
    first._results.clear()
    assert np.array_equal(first.scores(), before)
    sessions.close_all()


def test_a_changed_file_is_read_again(student):
    """Somebody who mends a function sees the mended map without starting the page again."""
    session = student(**{"visualizers/saliency_map.py": ("gradient.abs().amax(dim=1)", "gradient.amax(dim=1) * 0 - 1")})
    assert explain(session, "saliency")[0].max() == -1
    student(**{"visualizers/saliency_map.py": ("gradient.amax(dim=1) * 0 - 1", "gradient.abs().amax(dim=1)")})
    os.utime(session.worker.code / "visualizers/saliency_map.py", (1e9, 1e9))  # as unzipping sets it
    assert explain(session, "saliency")[0].max() > 0


def test_a_changed_file_is_read_again_though_no_process_is_there(student):
    """A slow map's process may be ended by the next question: the map of the old function is not shown again."""
    session = student(**{"visualizers/saliency_map.py": ("gradient.abs().amax(dim=1)", "gradient.amax(dim=1) * 0 - 1")})
    assert explain(session, "saliency")[0].max() == -1
    session.worker.end()
    student(**{"visualizers/saliency_map.py": ("gradient.amax(dim=1) * 0 - 1", "gradient.abs().amax(dim=1)")})
    assert explain(session, "saliency")[0].max() > 0


def test_an_answer_that_came_late_is_not_kept_for_the_new_function(student, monkeypatch):
    """A file that is saved while its function runs: the answer comes from what was there before."""
    session = student(**{"visualizers/saliency_map.py": ("gradient.abs().amax(dim=1)", "gradient.amax(dim=1) * 0 - 1")})
    one = session.worker.one

    def save_meanwhile(*asked, **arguments):
        found = one(*asked, **arguments)
        student(**{"visualizers/saliency_map.py": ("gradient.amax(dim=1) * 0 - 1", "gradient.abs().amax(dim=1)")})
        monkeypatch.undo()
        assert session.scores().shape == (24,)  # of the same page, by what is there now
        return found

    monkeypatch.setattr(session.worker, "one", save_meanwhile)
    monkeypatch.setattr(session, "_asking", threading.RLock())
    assert explain(session, "saliency")[0].max() == -1
    assert explain(session, "saliency")[0].max() > 0


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_ctrl_c_is_the_server_s_alone():
    """The process that workers are forked from gets it, too, while it is still loading: it ends in no traceback."""
    warm_up()
    status = Path(f"/proc/{forkserver._forkserver._forkserver_pid}/status").read_text(encoding="utf-8")
    ignored = int(re.search(r"^SigIgn:\s*(\w+)$", status, re.MULTILINE)[1], 16)
    assert ignored >> (signal.SIGINT - 1) & 1


def test_an_editor_s_link_that_leads_nowhere_is_no_file_of_the_student_s(student):
    """Emacs makes it while a file is open that is not saved; one that is saved anew may be gone for a moment, too."""
    session = student()
    (session.worker.code / "visualizers/.#gradcam.py").symlink_to("student@machine.4711")
    assert session.scores().shape == (24,)
    session.choose(pictures.sample(session.source, 1))
    assert session.scores().shape == (24,)


def test_an_answer_whose_process_was_killed_is_asked_for_again(session, monkeypatch):
    """By `kill`, or for lack of memory: it is no property of the map."""
    one, killed = session.worker.one, []

    def kill_once(*asked, **arguments):
        if killed:
            return one(*asked, **arguments)
        killed.append(asked)
        raise Ended("expected an answer, but the process ended")

    monkeypatch.setattr(session.worker, "one", kill_once)
    with pytest.raises(Problem, match=r"^expected an answer, but the process ended"):
        explain(session, "saliency", target=19)
    assert explain(session, "saliency", target=19)[0].max() > 0


def test_what_is_no_longer_wanted_once_its_process_is_there_is_not_asked(worker):
    """The question is not put: `end` came before there was a process, and nothing would end it."""
    asked = ASCENT | {"network": "embedded", "iterations": 2}
    worker.end()
    with pytest.raises(Cancelled):
        next(worker.ask("idea", lambda: False, **asked))
    assert worker.alive() and len(list(worker.ask("idea", **asked))) >= 2, "the process answers the next one"


@pytest.mark.parametrize("what", ["stop", "something else", "close"])
def test_a_climb_that_is_ended_before_its_process_is_there_never_begins(session, monkeypatch, what):
    """By the page, while the process begins."""
    begin, found = session.worker._begin, []
    thread = threading.Thread(target=lambda: found.append(explain(session, "saliency", target=23)))

    def ask_for_something_else():
        session.begin()
        thread.start()
        while session._running is not None:
            time.sleep(0.001)

    ends = {"stop": lambda: session.stop("dream"), "something else": ask_for_something_else, "close": session.close}

    def begin_late():
        monkeypatch.undo()
        ends[what]()
        begin()

    session.worker.end()
    monkeypatch.setattr(session.worker, "_begin", begin_late)
    assert list(session.watch("dream", "idea", **ASCENT)) == []
    if what == "something else":
        thread.join(LIMIT)
        assert len(found) == 1


@pytest.mark.parametrize("what", ["class", "picture"])
def test_nobody_waits_for_what_takes_seconds_and_is_no_longer_wanted(what, student):
    """A loop that never ends where integrated gradients are computed: what is asked for next ends its process."""
    session = student(**{"saliency_map.py": ("method = IntegratedGradients(model)", "\n    while True:\n        pass")})
    session.scores()
    raised, turn = [], session.begin()

    def ask_slowly():
        try:
            asked = {"function": "saliency_map:integrated_gradients", "target": 1, "layer": ""}
            turn.result("by_captum", **asked)
        except Problem as problem:
            raised.append(type(problem))

    thread = threading.Thread(target=ask_slowly)
    thread.start()
    while session._running is None:
        time.sleep(0.01)
    if what == "class":
        session.begin().result("explain", method="saliency", target=2, layer="")
    else:
        session.choose(pictures.sample(session.source, 1))
        assert session.scores().shape == (24,)
    thread.join(LIMIT)
    assert raised == [Cancelled] and not turn.current


@pytest.mark.parametrize(("process", "target"), [("there", 3), ("begins", 4)])
def test_the_same_map_is_waited_for_and_made_once(session, monkeypatch, process, target):
    """Somebody who changes the colours while a slow map is computed asks for it again: one answer for both."""
    session.choose(pictures.sample(session.source, 5))
    session.scores()
    begin, put, begun = session.worker._begin, session.worker.ask, threading.Event()
    found, processes, asked = [], [], {"method": "SmoothGrad", "target": target, "layer": ""}

    def ask(*question, **arguments):
        begun.set()
        return put(*question, **arguments)

    def begin_slowly():
        begin()
        processes.append(session.worker._process)
        while session.turn is first:
            time.sleep(0.001)

    monkeypatch.setattr(session.worker, "ask", ask)
    monkeypatch.setattr(session.worker, "_begin", begin_slowly)
    if process == "begins":
        session.worker.end()
    else:
        processes.append(session.worker._process)
    first = session.begin()
    thread = threading.Thread(target=lambda: found.append(first.result("explain", **asked)))
    thread.start()
    assert begun.wait(LIMIT)
    found.append(session.begin().result("explain", **asked))
    thread.join(LIMIT)
    assert found[0] is found[1] and processes == [session.worker._process]


def test_a_map_is_kept_for_the_picture_that_it_was_made_of(session, monkeypatch):
    """Another picture may be chosen in the moment between the question and its answer."""
    first, second = (pictures.sample(session.source, number) for number in (2, 3))

    class Meanwhile(OrderedDict):
        def __contains__(self, key):
            if session.picture is not second:
                session.picture = second
            return super().__contains__(key)

    session.choose(first)
    expected = session.scores()
    monkeypatch.setattr(session, "_results", Meanwhile())
    assert np.array_equal(session.scores(), expected)


def test_a_mistake_names_the_student_s_line(tmp_path):
    """The last line of a traceback that stands in a student's file is told."""
    path = tmp_path / "style_utils.py"
    path.write_text("def f():\n    return [][3]\n", encoding="utf-8")
    space = {}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), space)
    with pytest.raises(IndexError) as raised:
        space["f"]()
    assert describe(raised.value, tmp_path) == "IndexError: list index out of range (style_utils.py, line 2)"
    assert describe(NotImplementedError()) == "not written yet: this part"
