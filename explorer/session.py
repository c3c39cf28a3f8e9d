"""What one open page has chosen, and what was computed for it. Pages do not see each other."""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from explorer import networks, pictures
from explorer.pictures import Picture
from explorer.worker import Cancelled, OutOfTime, Problem, Worker
from pretrained import Pretrained

KEPT = 200  # results, of 0.2 to 0.6 MB each

SLOW = ("methods:integrated_gradients", "methods:exciting")  # questions that take more than a second


class Session:
    """The network, the picture, the worker and the results of one page."""

    def __init__(self, network: str, device: str, limit: float, code: Path) -> None:
        self.network, self.device = network, device
        self.picture: Picture = pictures.sample(self.source, 0)
        self.worker = Worker(device, limit, code)
        self.climber = Worker(device, limit, code)  # what climbs for half a minute does not hold up the rest
        self._results: OrderedDict[tuple, Any] = OrderedDict()
        self.drawn: dict[str, list[tuple[str, np.ndarray]]] = {}  # of each view, what is saved: titles and pictures
        self.settings: dict[str, dict[str, Any]] = {}  # of each view, what its fields show
        self.open = ""  # the view whose tab is open, once the page is
        self.kept: dict[str, Any] = {}  # what a view remembers of its last run
        self.climbing = ""  # the view for which something runs
        self._turns: dict[str, int] = {}
        self._about: dict[str, tuple] = {}
        self._lock = threading.Lock()

    @property
    def source(self) -> Pretrained:
        return networks.load(self.network, self.device)

    def switch(self, network: str) -> None:
        """Look through another network; a sample of the first gives way to one that the other knows."""
        if network == self.network:
            return
        kind, picture = self.source.kind, self.picture
        self.network = network
        if picture.number is not None and self.source.kind != kind:
            picture = pictures.sample(self.source, min(picture.number, len(self.source.images) - 1))
        self.choose(picture)

    def choose(self, picture: Picture) -> None:
        """Look at another picture: what still runs for the one before is given up, so that nobody waits for it."""
        with self._lock:
            self.picture = picture
            self._turns = {view: number + 1 for view, number in self._turns.items()}
            if self.worker.busy_with in SLOW:
                self.worker.give_up()

    def result(self, question: str, **arguments: Any) -> Any:
        """What `ask` answers, now or before. Raises Problem."""
        if self.worker.stale():
            self._results.clear()
        network, picture = self.network, self.picture  # as they are now: another may be chosen meanwhile
        key = (network, picture.key, question, tuple(sorted(arguments.items())))
        hung = ("hung", question)
        found = self._results.get(hung) or self._results.get(key)
        if found is None:
            try:
                found = self.ask(question, network=network, picture=picture.pixels, **arguments)
            except OutOfTime as problem:
                # Asked again it would hang again: it is told once more, until the student's files change.
                self._keep(hung, problem)
                raise
            except Cancelled:
                raise
            except Problem as problem:
                found = problem
            self._keep(key, found)
        if isinstance(found, Problem):
            raise found
        return found

    def ask(self, question: str, **arguments: Any) -> Any:
        """The one answer of methods.<question> about the picture. Raises Problem."""
        asked = {"network": self.network, "picture": self.picture.pixels} | arguments
        return self.worker.one(f"methods:{question}", **asked)

    def watch(self, view: str, question: str, **arguments: Any) -> Iterator[Any]:
        """The answers of something that climbs, for a view, until it ends or is stopped."""
        if self.climbing:
            raise Problem(f"something still runs here ({self.climbing}): stop it first")
        self.climbing = view
        try:
            yield from self.climber.ask(question, network=self.network, **arguments)
        finally:
            self.climbing = ""

    def tell(self, view: str, order: str) -> None:
        """Let what runs for the view "pause", "go" on, or "stop"."""
        if self.climbing == view:
            self.climber.tell(order)

    def rest(self) -> None:
        """End the processes; what was computed stays."""
        self.worker.end()
        self.climber.end()

    def scores(self) -> np.ndarray:
        """The network's scores of the picture, (K,)."""
        return self.result("scores")

    def turn(self, view: str, *about: Any) -> "Turn":
        """A new request of this view: earlier ones that still run are out of date.

        Where it is about something else than the one before, what takes seconds is not waited for.
        """
        about = (self.network, self.picture.key, *about)
        with self._lock:
            if self._about.get(view) != about and self.worker.busy_with in SLOW:
                self.worker.give_up()
            self._about[view] = about
            self._turns[view] = self._turns.get(view, 0) + 1
            return Turn(self, view, self._turns[view])

    def close(self) -> None:
        """The page is gone: whatever runs for it ends."""
        with self._lock:
            self._turns.clear()
        self._results.clear()
        self.rest()

    def _keep(self, key: tuple, found: Any) -> None:
        self._results[key] = found
        while len(self._results) > KEPT:
            self._results.popitem(last=False)


class Turn:
    """One request of a view; `current` until the page asks for something else, or is closed."""

    def __init__(self, session: Session, view: str, number: int) -> None:
        self._session, self._view, self._number = session, view, number

    @property
    def current(self) -> bool:
        return self._session._turns.get(self._view) == self._number


class Sessions:
    """All open pages, by Gradio's session hash."""

    MOST = 12  # pages; beyond them, whoever was used longest ago loses its worker, not its picture

    def __init__(self, network: str, device: str, limit: float, code: Path) -> None:
        self._start = (network, device, limit, code)
        self._open: OrderedDict[str, Session] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, name: str | None) -> Session:
        """The session of this hash, made when it is new."""
        with self._lock:
            session = self._open.get(name or "")
            if session is None:
                session = self._open[name or ""] = Session(*self._start)
            self._open.move_to_end(name or "")
            idle = list(self._open.values())[: -self.MOST]
        for other in idle:
            other.rest()
        return session

    def close(self, name: str | None) -> None:
        with self._lock:
            session = self._open.pop(name or "", None)
        if session is not None:
            session.close()

    def close_all(self) -> None:
        for name in list(self._open):
            self.close(name)

    def __len__(self) -> int:
        return len(self._open)
