"""The state of one open page: what was chosen, and what was computed for it. Pages do not see each other."""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from explorer import networks, pictures
from explorer.pictures import Subject
from explorer.worker import LIMIT, ROOT, Cancelled, Ended, OutOfTime, Problem, Worker, find_versions
from methods import BY_CAPTUM, METHODS
from pretrained import Pretrained

KEPT = 200  # results, of 0.2 to 0.6 MB each
# Questions that take more than a second: nobody waits for them who has asked for something else.
SLOW = {"exciting", *(name for name, method in METHODS.items() if method.slow)}
SLOW |= {function for function, names in BY_CAPTUM.items() if SLOW.intersection(names)}


class Session:
    """The network, the picture, the worker and the results of one page."""

    def __init__(self, network: str, device: str, limit: float = LIMIT, code: Path = ROOT) -> None:
        self.network, self.device = network, device
        self.picture: Subject = pictures.sample(self.source, 0)
        self.worker = Worker(device, limit, code)
        self.turn = Turn(self)  # the latest request of the page
        self.setting = threading.RLock()  # held while anything is chosen or set: one event after the other
        self.drawn: dict[str, list[tuple[str, np.ndarray]]] = {}  # of each view, what is saved: titles and pictures
        self.made: dict[str, tuple[dict[str, Any], np.ndarray]] = {}  # and by what it was made: links.describe
        self.settings: dict[str, dict[str, Any]] = {}  # of each view, what its fields show
        self.walked = 0.0  # when the place of a layer was asked for, by the browser's clock
        self.open = ""  # the view whose tab is open, once the page is
        self.refused = False  # the last choice was, and a sentence above the views says why
        self.kept: dict[str, Any] = {}  # what a view remembers of its last run
        self.climbing = ""  # the view for which something climbs
        self._running: Any = None  # what the worker is doing, if it takes seconds and was not ended
        self._asking = threading.Lock()  # the worker answers one question after the other
        self._results: OrderedDict[tuple, Any] = OrderedDict()

    @property
    def source(self) -> Pretrained:
        return networks.load(self.network, self.device)

    def switch(self, network: str) -> None:
        """Look through another network; a sample of the first gives way to one that the other knows."""
        if network == self.network:
            return
        source, picture = networks.load(network, self.device), self.picture  # first: what cannot be had changes nothing
        if picture.number is not None and self.source.kind != source.kind:
            picture = pictures.sample(source, min(picture.number, len(source.images) - 1))
        self.network = network
        self.choose(picture)

    def choose(self, picture: Subject) -> None:
        """Look at another picture."""
        self.picture = picture
        self.begin()

    @contextmanager
    def choosing(self) -> Iterator[None]:
        """Hold `setting` while something is chosen. Where that raises, the page is as it was before."""
        with self.setting:
            before = self.network, self.picture, self.turn, self.open
            settings = {view: dict(values) for view, values in self.settings.items()}
            try:
                yield
            except Exception:
                self.network, self.picture, self.turn, self.open = before
                self.settings, self.refused = settings, True
                raise
            self.refused = False

    def begin(self) -> "Turn":
        """Begin a new request of the page: earlier ones that still run are out of date."""
        self.turn = Turn(self)
        return self.turn

    def scores(self) -> np.ndarray:
        """The network's scores of the picture, (K,)."""
        return self.turn.scores()

    def ask(self, question: str, **arguments: Any) -> Any:
        """The one answer to a question about the picture, made now. Raises Problem."""
        self._make_way(question)
        with self._asking:
            return self.worker.one(question, **{"network": self.network, "picture": self.picture.pixels} | arguments)

    def find(self, turn: "Turn", question: str, arguments: dict[str, Any]) -> Any:
        """The answer to a question about the turn's picture, made now or before. Raises Problem."""
        name = arguments.get("method") or arguments.get("function") or question
        code = find_versions(self.worker.code)  # what an older version of a student's file gave is never found again
        key: tuple = (code, turn.network, turn.picture.key, question, tuple(sorted(arguments.items())))
        hung = (code, "hung", name)
        if (found := self._recall(hung, key)) is None:
            if turn.current:
                self._make_way(key)
            with self._asking:
                if (found := self._recall(hung, key)) is None:
                    self._running = running = key if name in SLOW else None
                    try:
                        if not turn.current:
                            raise Cancelled("something else was asked for meanwhile")
                        asked = {"network": turn.network, "picture": turn.picture.pixels} | arguments
                        found = self.worker.one(question, lambda: self._running == running, **asked)
                    except OutOfTime as problem:
                        # Asked again it would hang again: it is told once more, until the student's files change.
                        key, found = hung, problem
                    except (Cancelled, Ended):  # asked again it may come
                        raise
                    except Problem as problem:
                        found = problem
                    finally:
                        self._running = None
                    self._results[key] = found
                    while len(self._results) > KEPT:
                        self._results.popitem(last=False)
        if isinstance(found, Problem):
            raise found
        return found

    def watch(self, view: str, question: str, **arguments: Any) -> Iterator[Any]:
        """The answers of something that climbs, for a view, until it ends, is stopped, or something else is asked."""
        turn = self.begin()
        self._make_way(None)
        with self._asking:
            self._running, self.climbing = view, view
            try:
                if turn.current:
                    asked = {"network": self.network} | arguments
                    yield from self.worker.ask(question, lambda: self._running == view, **asked)
            except Cancelled:
                pass  # what has come so far stays
            finally:
                self._running, self.climbing = None, ""

    def stop(self, view: str) -> None:
        """Stop what climbs for the view."""
        if self.climbing == view:
            self._end()

    def close(self) -> None:
        """The page is gone: whatever runs for it ends."""
        self.begin()
        self._results.clear()
        self._end()

    def _recall(self, *keys: tuple) -> Any:
        return next((self._results[key] for key in keys if key in self._results), None)

    def _make_way(self, wanted: Any) -> None:
        """End what takes seconds and is not what is wanted now."""
        if self._running is not None and self._running != wanted:
            self._end()

    def _end(self) -> None:
        self._running = None  # a question whose process is not there yet is not put to it
        self.worker.end()


class Turn:
    """One request of the page: the network and the picture as they were when it came. `current` until the next."""

    def __init__(self, session: Session) -> None:
        self.session, self.network, self.picture = session, session.network, session.picture

    @property
    def current(self) -> bool:
        return self.session.turn is self

    @property
    def source(self) -> Pretrained:
        return networks.load(self.network, self.session.device)

    def result(self, question: str, **arguments: Any) -> Any:
        """The answer to a question about the picture, made now or before. Raises Problem; Cancelled if out of date."""
        return self.session.find(self, question, arguments)

    def scores(self) -> np.ndarray:
        """The network's scores of the picture, (K,)."""
        return self.result("scores")


class Forgotten(gr.Error):
    """A page that is open in a browser and unknown here. Gradio says so in a box, whatever was clicked.

    Nothing is shown in its place: what it shows, and a picture of one's own, are there until it is reloaded.
    """

    def __init__(self) -> None:
        words = "The explorer began anew, or lost this page while the connection was cut: reload this page to go on."
        super().__init__(words, duration=None, print_exception=False)


class Sessions:
    """All open pages, by Gradio's session hash."""

    MOST = 12  # pages; beyond them, whoever was used longest ago loses its worker, not its picture

    def __init__(self, network: str, device: str) -> None:
        self._start = (network, device)
        self._open: OrderedDict[str, Session] = OrderedDict()
        self._lock = threading.Lock()

    def open(self, name: str | None) -> Session:
        """The session of a page that is opened, made when it is new."""
        with self._lock:
            if (name or "") not in self._open:
                self._open[name or ""] = Session(*self._start)
        return self.of(name)

    def of(self, name: str | None) -> Session:
        """The session of this hash. Raises Forgotten where no page that is open has it."""
        with self._lock:
            session = self._open.get(name or "")
            if session is None:
                raise Forgotten
            self._open.move_to_end(name or "")
            idle = list(self._open.values())[: -self.MOST]
        for other in idle:
            other.worker.end()
        return session

    def close(self, name: str | None) -> None:
        with self._lock:
            session = self._open.pop(name or "", None)
        if session is not None:
            session.close()

    def close_all(self) -> None:
        for name in list(self._open):
            self.close(name)
