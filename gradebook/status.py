"""A run seen from another terminal, how it is getting on: the gradebook is read, never written."""

import fcntl
import sqlite3
import time
from pathlib import Path

from gradebook.progress import say_left
from gradebook.store import NAME, GradebookError


def describe(folder: Path) -> list[str]:
    """Sentences on the latest run. Raises GradebookError where there is no gradebook."""
    path = folder / NAME
    if not path.is_file():
        raise GradebookError(f"expected a gradebook in {folder}, found none: no run has begun there yet")
    base = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    base.row_factory = sqlite3.Row
    try:
        run = base.execute("SELECT * FROM runs ORDER BY run DESC LIMIT 1").fetchone()
        if run is None:
            return ["No run has come to the grading yet."]
        (done,) = base.execute("SELECT count(*) FROM results WHERE finished >= ?", (run["began"],)).fetchone()
        marked, tries = base.execute(
            "SELECT count(*) FILTER (WHERE tries > 1), sum(tries) FROM "
            "(SELECT count(*) AS tries FROM failures WHERE run = ? GROUP BY digest)",
            (run["run"],),
        ).fetchone()
    finally:
        base.close()
    going = _held(folder / f"{NAME}.lock")
    began = time.strftime("%Y-%m-%d %H:%M", time.localtime(run["began"]))
    lines = [f"Run {run['run']} began {began} with {run['todo']} of {run['wanted']} submissions to grade, "
             f"on {run['workers']} workers."]  # fmt: skip
    if going:
        rest = say_left(run["began"], done + marked, run["todo"], time.time())
        lines.append(f"Graded so far: {done} of {run['todo']}, {rest}. Process {run['process']}.")
    elif run["ended"] is None:
        lines.append(f"It was killed after {done} of {run['todo']}: run the same command again, and it goes on there.")
    else:
        lines.append(f"It ended after {done} of {run['todo']}: {run['outcome']}")
    if tries:
        lines.append(f"Tries that failed: {tries}; marked for staff: {marked}.")
    return lines


def _held(lock: Path) -> bool:
    """Say whether a run is going on."""
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False
