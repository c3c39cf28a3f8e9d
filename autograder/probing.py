"""The way from a test to student code: each question in a child of its own, within the time that is left."""

import re
import time
from collections.abc import Callable, Collection
from typing import Any

from autograder.client import CallFailed, Client, ServerLost

ENDED = "Ended"  # the kind of error of what did not come to its end,
DEADLINE = "Deadline"  # and of what was not run, since the grading's time was used up
STARTS = 4  # of the fork server, when it is lost
MACHINES = ("PermissionError", "OSError", "BlockingIOError")  # kinds of errors that reading a file of code has from it
PATIENCE = 10  # what hung once gets so many times less in later calls, that time is left for the other functions
FRAME = re.compile(r"[\w./-]+\.py, line \d+: ")  # how a line of a trace begins


class StudentError(AssertionError):
    """Error in a student's code: the type of the error, its message, and where.

    Each further line of what they wrote begins with "| ", so that none can be taken for one of the grader's.
    """

    def __init__(self, kind: str, message: str, trace: str) -> None:
        said = message.replace("\n", "\n| ")
        places = [line if FRAME.match(line) else f"| {line}" for line in trace.split("\n") if line]
        super().__init__("\n".join([f"{kind}: {said}", *places]))
        self.kind, self.message, self.trace = kind, message, trace


class Prober:
    """Callable that tests use in place of `probes.call`. Raises StudentError.

    start: makes a Client that is started. limits: those of the assignment. until: the monotonic time at which all
    must be done.
    """

    def __init__(self, start: Callable[[], Client], limits: dict, until: float) -> None:
        self.start, self.limits, self.until = start, limits, until
        self.client: Client | None = None
        self.hidden = False  # whether it is a hidden test that asks
        self.printed: dict[bool, list[tuple[str, str]]] = {False: [], True: []}  # probe and text, by `hidden`
        self.problems: list[str] = []  # of the grader itself
        self.errors: list[tuple[str, str] | None] = []  # kind and message of each call's; None where it went well
        self._starts = 0
        self._hung: set[str] = set()  # probes

    def __call__(self, name: str, **arguments: Any) -> dict:
        """Do what `probes.call` does, in a child."""
        answer = self.call(name, **arguments)
        if "error" in answer:
            kind, message, trace = (str(answer["error"].get(key, "")) for key in ("type", "message", "trace"))
            theirs = kind.isidentifier() and kind not in (ENDED, DEADLINE)  # an exception may have any name
            raise StudentError(kind if theirs else "Error", message, trace)
        return answer

    def call(self, name: str, count: bool = False, **arguments: Any) -> dict:
        """An error comes back as {"error": {...}}. count: return the number of operations instead of the answer."""
        left = self.time_left()
        seconds = self.limits["seconds"] / (PATIENCE if name in self._hung else 1)
        bounds = {"seconds": min(seconds, left), "memory": self.limits["megabytes"] << 20, "count": count}
        try:
            client = self._start_client()
            answer = client.call(name, bounds, **arguments)
        except CallFailed as failed:
            self.errors.append((ENDED, str(failed)))
            raise StudentError(ENDED, f"your code {failed}{self._why(name, failed, left)}", "") from None
        except ServerLost as lost:
            self.close()
            self.problems.append(f"{name}: {lost}")
            raise StudentError(ENDED, "the grader lost the process that runs your code: tell the staff", "") from None
        error = answer.get("error")
        self.errors.append(None if error is None else (str(error.get("type")), str(error.get("message"))))
        report = client.reports[-1]
        if report["printed"]:
            self.printed[self.hidden].append((name, " ".join(report["text"].split())[:200]))
        return answer

    def time_left(self) -> float:
        """The seconds that are left. Raises StudentError where there are none."""
        left = self.until - time.monotonic()
        if left < 1:
            raise StudentError(DEADLINE, "the grading's time was used up before this could be run", "")
        return left

    def one_reason(self, modules: Collection[str]) -> str:
        """Error of all calls, if it is one and comes of the machine: files that are there cannot be read; "" if not.

        modules: those that are there for student code.
        """
        told = [error for error in self.errors if error is None or "is missing from the submission" not in error[1]]
        machines = [error for error in told if error is not None and _is_the_machines(*error, modules)]
        one = machines and len(machines) == len(told) and len({kind for kind, _ in machines}) == 1
        return "".join(filter(str.isprintable, ": ".join(machines[0])))[:200] if one else ""

    def close(self) -> None:
        if self.client is not None:
            client, self.client = self.client, None
            client.__exit__()

    def _start_client(self) -> Client:
        if self.client is None:
            self._starts += 1
            if self._starts > STARTS:
                raise ServerLost("the grader's fork server was lost too often")
            self.client = self.start()
        return self.client

    def _why(self, name: str, failed: CallFailed, left: float) -> str:
        """Say why a call's time was up; later calls of the same are given less."""
        if not failed.hung:
            return ""
        seconds = self.limits["seconds"]
        if name in self._hung:
            return f": an earlier call hung, and since then each gets {seconds / PATIENCE:g} seconds"
        if left < seconds:
            return ": the grading's time was used up"
        self._hung.add(name)
        place = f" It was at {failed.line}." if failed.line else ""
        return (
            f": an endless loop?{place} Later calls of this function get {seconds / PATIENCE:g} seconds each, so that "
            "time is left for the others"
        )


def _is_the_machines(kind: str, message: str, modules: Collection[str]) -> bool:
    if kind == "ModuleNotFoundError":
        name = message.removeprefix("No module named ").strip("'")
        return name in modules
    return kind in MACHINES or "cannot open shared object file" in message
