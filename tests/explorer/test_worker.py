"""Workers: what runs a student's code, can be paused, stopped and ended, and leaves the page alone."""

import os
import threading
import time
from collections import OrderedDict

import numpy as np
import pytest

from explorer import pictures
from explorer import worker as worker_module
from explorer.session import Session, Sessions
from explorer.worker import ROOT, Cancelled, Problem, Worker, told
from tests.explorer.conftest import LIMIT

ASCENT = {
    "network": "embedded",
    "target": 3,
    "iterations": 500,
    "seed": 0,
    "learning_rate": 25.0,
    "l2_reg": 0.0,
    "blur_every": 5,
    "max_jitter": 16,
    "clamp": 1.0,
}


@pytest.fixture(scope="module")
def worker():
    made = Worker("cpu", LIMIT)
    yield made
    made.end()


def gone(process):
    process.join(20)
    return not process.is_alive()


def test_a_question_is_answered(session):
    """The network's scores of the picture come back as numbers."""
    assert session.scores().shape == (len(session.source.class_names),)


def test_what_was_computed_is_not_computed_again(session, monkeypatch):
    """The same method, class and layer: the worker is not asked a second time."""
    first = session.result("grad_cam", target=2, layer="features.9")

    def asked(*_, **__):
        raise AssertionError("the worker was asked again")

    monkeypatch.setattr(session.worker, "ask", asked)
    assert session.result("grad_cam", target=2, layer="features.9") is first


def test_a_climb_is_stopped_between_two_steps_and_its_process_lives_on(worker):
    """Stop ends the function, not the process: the next question needs no new one."""
    frames = worker.ask("ascents:idea", **ASCENT)
    next(frames)
    process = worker._process
    worker.tell("stop")
    last = [frame["iteration"] for frame in frames]
    assert not last or last[-1] < 500
    assert process.is_alive() and worker._process is process


def test_a_pause_holds_the_climb_and_go_goes_on_from_there(worker):
    """While paused nothing comes; afterwards the picture goes on as if nothing had been."""
    seen = []
    for frame in worker.ask("ascents:idea", **ASCENT | {"iterations": 12}):
        seen.append(frame)
        if len(seen) == 1:
            worker.tell("pause")
            timer = threading.Timer(1.0, worker.tell, ["go"])
            paused = time.monotonic()
            timer.start()
        elif len(seen) == 3:  # one more may have been on its way
            assert time.monotonic() - paused > 0.9
    straight = list(worker.ask("ascents:idea", **ASCENT | {"iterations": 12}))
    assert np.array_equal(seen[-1]["pixels"], straight[-1]["pixels"])


def test_a_page_that_leaves_stops_the_climb(worker):
    """Whoever no longer wants the answers closes the loop, and the function ends."""
    frames = worker.ask("ascents:idea", **ASCENT)
    next(frames)
    started = time.monotonic()
    frames.close()
    assert time.monotonic() - started < LIMIT
    assert not worker.busy_with


def test_closing_a_page_ends_its_processes():
    """A tab that is closed stops its work, also in the middle of it."""
    sessions = Sessions("embedded", "cpu", LIMIT, ROOT)
    session = sessions.of("a tab")
    frames = session.watch("idea", "ascents:idea", **{k: v for k, v in ASCENT.items() if k != "network"})
    next(frames)
    process = session.climber._process
    sessions.close("a tab")
    with pytest.raises(Cancelled):
        list(frames)
    assert gone(process)
    assert len(sessions) == 0


def test_two_pages_do_not_share_anything():
    """Each has its own picture, network and results."""
    sessions = Sessions("embedded", "cpu", LIMIT, ROOT)
    one, two = sessions.of("one"), sessions.of("two")
    one.picture = one.picture.__class__(np.zeros((224, 224, 3), np.uint8), "own black", "black")
    assert two.picture.number == 0
    assert one.worker is not two.worker
    assert sessions.of("one") is one
    sessions.close_all()


def test_beyond_the_most_pages_the_oldest_rests_and_comes_back(monkeypatch):
    """Its process is ended to save memory; its picture stays, and the next question starts another process."""
    monkeypatch.setattr(Sessions, "MOST", 1)
    sessions = Sessions("embedded", "cpu", LIMIT, ROOT)
    first = sessions.of("first")
    before, process = first.scores(), first.worker._process
    sessions.of("second")
    assert gone(process)
    first._results.clear()
    assert np.array_equal(first.scores(), before)
    sessions.close_all()


def test_a_changed_file_is_read_again(student):
    """Who mends a function sees the mended map without starting the page again."""
    session = student(**{"visualizers/saliency_map.py": ("gradient.abs().amax(dim=1)", "gradient.amax(dim=1) * 0 - 1")})
    assert session.result("saliency", target=0)[0].max() == -1
    student(**{"visualizers/saliency_map.py": ("gradient.amax(dim=1) * 0 - 1", "gradient.abs().amax(dim=1)")})
    later = time.time() + 5
    os.utime(session.worker.code / "visualizers/saliency_map.py", (later, later))  # some disks count in seconds
    assert session.result("saliency", target=0)[0].max() > 0


@pytest.mark.parametrize("what", ["class", "picture"])
def test_nobody_waits_for_what_takes_seconds_and_is_no_longer_wanted(what, session, monkeypatch):
    """Integrated gradients are given up between two layers; their process, which is warm, lives on."""
    monkeypatch.setattr(worker_module, "GRACE", LIMIT)
    session.choose(pictures.sample(session.source, 0))
    session.result("saliency", target=1)
    raised, began, receive, process = [], threading.Event(), session.worker._receive, session.worker._process

    def receiving(question):
        answer = receive(question)
        if answer[0] == "began":
            began.set()
        return answer

    monkeypatch.setattr(session.worker, "_receive", receiving)

    def slow(target):
        try:
            session.result("integrated_gradients", target=target)
        except Problem as problem:
            raised.append(problem)

    turn = session.turn("where", 1)
    thread = threading.Thread(target=slow, args=(len(what),))  # a class that was not asked for yet
    thread.start()
    assert began.wait(LIMIT)
    if what == "class":
        session.turn("where", 2)
    else:
        session.choose(pictures.sample(session.source, 1))
    assert not turn.current
    thread.join(LIMIT)
    assert [type(problem) for problem in raised] == [Cancelled]
    assert session.worker._process is process and process.is_alive()
    monkeypatch.undo()
    assert session.result("integrated_gradients", target=1)[0].shape == (224, 224)


def test_a_map_is_kept_for_the_picture_that_it_was_made_of(session, monkeypatch):
    """Another picture may be chosen in the moment between the question and its answer."""
    first, second = (pictures.sample(session.source, number) for number in (2, 3))

    class Meanwhile(OrderedDict):
        def get(self, key, default=None):
            session.picture = second
            return super().get(key, default)

    session.choose(first)
    expected = session.scores()
    monkeypatch.setattr(session, "_results", Meanwhile())
    assert np.array_equal(session.scores(), expected)


def test_what_will_not_stop_is_ended_when_it_is_given_up(student):
    """A loop that takes no step between layers: its process ends after a second, and nobody has waited longer."""
    wrong = ("method = IntegratedGradients(model)", "\n    while True:\n        pass")
    session = student(**{"saliency_map.py": wrong})
    session.scores()
    timer = threading.Timer(0.5, session.choose, [pictures.sample(session.source, 1)])
    timer.start()
    with pytest.raises(Cancelled):
        session.result("integrated_gradients", target=1)
    assert session.scores().shape == (24,)


def test_only_one_thing_climbs_on_a_page(session):
    """A second start is refused in words while the first still runs."""
    asked = {k: v for k, v in ASCENT.items() if k != "network"}
    frames = session.watch("idea", "ascents:idea", **asked)
    next(frames)
    with pytest.raises(Problem, match=r"something still runs here \(idea\): stop it first"):
        next(session.watch("fool", "ascents:idea", **asked))
    frames.close()
    assert session.climbing == ""


def test_a_mistake_names_the_student_s_line(tmp_path):
    """Of all the lines of a traceback the last one in a student's file is told."""
    path = tmp_path / "style_utils.py"
    path.write_text("def f():\n    return [][3]\n", encoding="utf-8")
    space = {}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), space)
    with pytest.raises(IndexError) as raised:
        space["f"]()
    assert told(raised.value, tmp_path) == "IndexError: list index out of range (style_utils.py, line 2)"


def test_a_session_begins_with_the_first_sample():
    """The page is never empty."""
    assert Session("embedded", "cpu", LIMIT, ROOT).picture.number == 0
