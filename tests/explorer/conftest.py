"""Parts that the explorer's tests share: sessions on the embedded network, and folders of students."""

import asyncio
import re
import shutil
from contextlib import contextmanager
from unittest import mock

import pytest

from explorer import worker
from explorer.session import Session

LIMIT = 60  # seconds, on a machine that may be busy with anything


@pytest.fixture(scope="session", autouse=True)
def warm():
    worker.warm_up()


@pytest.fixture(scope="module")
def session():
    """A page that has just been opened, for a whole file of tests."""
    opened = Session("embedded", "cpu", LIMIT)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def views():
    """Every view, by its key, as the page has it."""
    import gradio as gr

    from explorer import page
    from explorer.view import View

    with loops_closed(), gr.Blocks():
        return {module.KEY: View.of(module) for module in page.VIEWS}


@contextmanager
def loops_closed():
    """Whoever builds a page leaves none of the event loops behind that gradio leaves open."""
    loops, new = [], asyncio.new_event_loop

    def keep():
        loops.append(new())
        return loops[-1]

    with mock.patch("asyncio.new_event_loop", keep):
        yield
    for loop in loops:
        loop.close()


@pytest.fixture
def student(tmp_path):
    """A student's folder: `student(**{"visualizers/saliency_map.py": (old, new)})` changes what is written there.

    Returns a session that runs it; `limit` is its time limit.
    """
    sessions = []

    def write(limit=LIMIT, **changes):
        folder = tmp_path / "code"
        if not folder.exists():
            for name in ("visualizers", "style_modules"):
                shutil.copytree(worker.ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            for name in ("style_utils.py", "saliency_map.py", "gradcam.py"):
                shutil.copy(worker.ROOT / name, folder / name)
        for name, (old, new) in changes.items():
            text = (folder / name).read_text(encoding="utf-8")
            assert old in text, f"{name} has no {old!r} any more"
            (folder / name).write_text(text.replace(old, new), encoding="utf-8")
        if not sessions:
            sessions.append(Session("embedded", "cpu", limit, folder))
        return sessions[0]

    yield write
    for opened in sessions:
        opened.close()


@pytest.fixture
def unwritten(student):
    """A session of a student who has just received the handout: each part raises its sentence."""
    opened = student()
    for pattern in worker.STUDENTS:
        for path in opened.worker.code.glob(pattern):
            path.write_text(hand_out(path.read_text(encoding="utf-8")), encoding="utf-8")
    return opened


def hand_out(text):
    """The file with each solution taken out and what stands in its place put in."""
    text = re.sub(r"(?ms)^ *# BEGIN SOLUTION \w+\n.*?^ *# INSTEAD\n", "", text)
    text = re.sub(r"(?m)^( *)#> ?", r"\1", text)
    return re.sub(r"(?m)^ *# END SOLUTION\n", "", text)
