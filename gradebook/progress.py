"""Show how a run is getting on: a bar with the time left, and a line for whatever is not as usual."""

import time
from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from autograder.results import printable
from gradebook.store import Graded, Key

PERIOD = 600  # seconds over which the speed is taken
EVERY = 30  # seconds between two lines where there is no terminal to draw in


class Shown:
    """A context. name: what staff call a submission."""

    def __init__(self, total: int, name: Callable[[Key], str], console: Console) -> None:
        self.total, self.name, self.console = total, name, console
        self.done = self.marked = 0
        self.began = self.said = time.monotonic()
        self.bar = Progress(
            TextColumn("Grading"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left:"),
            TimeRemainingColumn(), TextColumn("{task.fields[marked]}"),
            console=console, speed_estimate_period=PERIOD, disable=not console.is_terminal,
        )  # fmt: skip
        self.task = self.bar.add_task("", total=total, marked="")

    def __enter__(self) -> "Shown":
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def note_graded(self, key: Key, graded: Graded, before: float | None) -> None:
        """before: the points of an earlier grading that this one replaces."""
        self.done += 1
        self.bar.advance(self.task)
        if before is not None:
            self._say(f"{self.name(key)}: graded again, {before:g} points before, {graded.score:g} now.")
        elif not self.console.is_terminal and time.monotonic() - self.said > EVERY:
            self.said = time.monotonic()
            self._say(f"{self.done} of {self.total} graded, {say_left(self.began, self.done, self.total)}.")

    def note_failed(self, key: Key, worker: str, why: str, last: bool) -> None:
        where = f" on {worker}" if worker else ""
        self._say(f"{self.name(key)}: {'second try failed' if last else 'tried again'}{where}: {why}")
        if last:
            self.marked += 1
            self.bar.update(self.task, advance=1, marked=f"[red]{self.marked} for staff[/red]")

    def note_refused(self, worker: str, why: str) -> None:
        self._say(f"The worker {worker} gets nothing to grade: {why}.")

    def _say(self, text: str) -> None:
        say(self.console, text)


def say(console: Console, text: str) -> None:
    """Print text as it is, but for what a terminal would obey."""
    console.print(printable(text), markup=False, highlight=False, soft_wrap=True)


def say_left(began: float, done: int, total: int, now: float | None = None) -> str:
    """In words, by the speed so far. began, now: of one clock."""
    if not done:
        return "time left not known yet"
    seconds = ((time.monotonic() if now is None else now) - began) / done * (total - done)
    return f"about {seconds / 3600:.1f} h left" if seconds > 5400 else f"about {seconds / 60:.0f} min left"
