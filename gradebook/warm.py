"""A worker's handle on its warm process: `Warm.grade` does what staff.grade.grade does, without its imports."""

import os
import subprocess
import sys
from multiprocessing.connection import Pipe
from pathlib import Path

from staff.grade import REPOSITORY
from staff.grader import intake, points
from staff.grader.client import START_SECONDS

MARGIN = 40  # seconds after its deadline, when a grading that has not ended by itself is ended


class GradingLost(Exception):
    """A grading ended without results; the message says why."""


class Warm:
    """A warm process, and gradings by it, one at a time. A context, or `close` it.

    suite: the folder of tests/ and staff/hidden/. version: of the suite that was loaded. Raises GradingLost.
    """

    def __init__(self, suite: Path = REPOSITORY) -> None:
        self.link, theirs = Pipe()
        command = [sys.executable, "-m", "staff.gradebook.warm_process", str(theirs.fileno()), str(suite.resolve())]
        self.process = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], cwd=REPOSITORY, stdin=subprocess.DEVNULL,
            start_new_session=True, env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        theirs.close()
        try:
            self.version = self._receive(2 * START_SECONDS)
        except GradingLost:
            self.close()
            raise

    def __enter__(self) -> "Warm":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def grade(
        self,
        submission: Path | intake.Submission,
        seed: int | None = None,
        deadline: float | None = None,
        part: str = "",
    ) -> tuple[str, str]:
        """results.json and report.html, the latter "" for a grading that was ended at its deadline.

        Raises GradingLost; where the warm process itself is lost, this is closed by then.
        """
        deadline = deadline or points.read()["limits"]["deadline"]
        try:
            self.link.send((submission, seed, deadline, part))
            problem, results, page = self._receive(deadline + 2 * MARGIN)
        except GradingLost:
            self.close()
            raise
        except OSError:
            self.close()
            raise GradingLost("the warm process was gone") from None
        if problem:
            raise GradingLost(problem)
        return results, page

    def alive(self) -> bool:
        return not self.link.closed and self.process.poll() is None

    def close(self) -> None:
        """Afterwards nothing of it is alive."""
        self.link.close()
        try:
            self.process.wait(MARGIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _receive(self, seconds: float) -> object:
        try:
            if not self.link.poll(seconds):
                raise GradingLost(f"the warm process gave no answer within {seconds:.0f} seconds")
            return self.link.recv()
        except (EOFError, OSError):
            raise GradingLost("the warm process ended") from None
