"""An end to code that never ends: a part's first such test fails after some seconds, and the others are passed over.

Seconds of the processor count, so that a busy machine costs nobody anything. The exception is raised as soon as Python
gets to it, on any system. What hangs within one call of PyTorch, or sleeps, is left to pytest-timeout, which on Windows
ends the whole run.
"""

import ctypes
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

# Ours takes a tenth of this for any test of the part, or less; with a floor for slow machines.
SECONDS = {"style_transfer": 40.0, "class_visualization": 40.0, "captum": 40.0, "scripts": 120.0}
FLOOR = 10.0
ENDLESS = pytest.StashKey[dict[str, str]]()  # by part: the sentence that its other tests are passed over with


class OutOfTimeError(BaseException):
    """Raised in code that does not end; no `except Exception` holds it up."""

    def __str__(self) -> str:
        return "expected an end after some seconds, got none: does a loop never stop?"


@contextmanager
def ending_after(seconds: float) -> Iterator[None]:
    """Raise OutOfTimeError inside the block when this process has worked so long in it."""
    start, done, lock = time.process_time(), threading.Event(), threading.Lock()
    thread, set_exception = ctypes.c_ulong(threading.get_ident()), ctypes.pythonapi.PyThreadState_SetAsyncExc

    def watch() -> None:
        while not done.wait(0.2):
            with lock:
                if not done.is_set() and time.process_time() - start > seconds:
                    set_exception(thread, ctypes.py_object(OutOfTimeError))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        with lock:
            done.set()
            set_exception(thread, None)  # one that has not come yet
        watcher.join()


@contextmanager
def ending(item: pytest.Item, parts: set[str], place: Callable[[BaseException], str]) -> Iterator[None]:
    """Run a test of these parts; place: the line of the student's that an error came from."""
    endless = item.config.stash.setdefault(ENDLESS, {})
    for part, sentence in endless.items():
        if part in parts or part in item.nodeid:
            pytest.skip(sentence)
    try:
        with ending_after(max(SECONDS.get(part, FLOOR) for part in parts)):
            yield
    except OutOfTimeError as mistake:
        endless |= dict.fromkeys(parts, f"passed over, as this never ends: {place(mistake)}")
        raise
