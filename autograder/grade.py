"""Grade one submission: its tests are run, each question to student code in a child of its own, and results written."""

import contextlib
import hashlib
import io
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from autograder import descendants, intake, isolation, report, rules, trial, workspace
from autograder.assignment import HIDDEN, ROOT, TESTS, Assignment, read
from autograder.client import CallFailed, Client, Launch, ServerLost
from autograder.plugin import GradingPlugin
from autograder.probing import Prober
from autograder.results import Results

BROKEN_OFF = "expected all tests to be run, but pytest broke off: what it said is for staff, in extra_data"
SEE = "This comes of given lines of an earlier semester: see the note on top."
GRACE = 3  # seconds after the deadline, within which what is known is written


def grade(
    submission: Path | intake.Submission,
    out: Path,
    report_path: Path | None = None,
    seed: int | None = None,
    deadline: float | None = None,
    part: str = "",
    assignment: Assignment | None = None,
    launch: Launch | None = None,
    origins: Sequence[Path] = (),
) -> Results:
    """Return the results, which `out` then holds: points, or `ungraded`, the reason why there are none.

    submission: where it lies, or what was taken in before. part: "" for all. assignment: by default that of this
    checkout. launch: where fork servers come from, see Client. origins: folders that this checkout is a copy of, which
    only a grading without protection has.
    """
    started, out = time.monotonic(), out.absolute()
    assignment = assignment or read()
    until = started + (deadline or assignment.limits["deadline"])
    results = Results(output="The grading did not come to its end.")
    results.write(out)
    work = Path(tempfile.mkdtemp(prefix="grade-"))
    clients: list[Client] = []
    guard = threading.Timer(until - started + GRACE, _write_and_end, (results, out, work, started, clients))
    guard.daemon = True
    guard.start()
    prober = plugin = None
    try:
        work.chmod(0o711)
        if isinstance(submission, intake.Submission):
            taken = submission
        else:
            taken = intake.accept(submission, assignment=assignment)
        metadata = _metadata(submission)
        seed = _seed(metadata, taken) if seed is None else seed
        results.facts |= {"seed": seed, "submission": _name(submission, metadata), "unprotected": bool(origins)}
        project = work / "project"
        workspace.build(project, taken, assignment)
        hide = [*origins, ROOT, assignment.root, *_home(), Path("/autograder"), out.resolve().parent]
        hide += [submission.resolve().parent] if isinstance(submission, Path) else []

        def start() -> Client:
            shut = [path for path in hide if len(path.parts) > 1]
            client = Client(project, shut, launch=launch, assignment=assignment)
            client.start()
            clients.append(client)
            return client

        prober = Prober(start, assignment.limits, until)
        if taken.unreadable:
            results.refuse(taken.unreadable)
        else:
            first = prober.client = start()  # it gets ready while pytest collects the tests
            plugin = GradingPlugin(prober, results, assignment, seed, lambda: _unfit(first, prober, project, results))
            ran = run_tests(plugin, part)
            if why := plugin.unfit or prober.one_reason(assignment.modules) or ("" if ran else BROKEN_OFF):
                prober.problems.append(why)
                results.refuse(f"the grader itself met a problem, {why}")
            else:
                rules.check(taken, results, prober, assignment)
    finally:
        if prober is not None:
            if (last := prober.client) is not None:
                results.facts |= {"layers": last.layers, "most_memory_of_a_call": last.peak}
                results.facts["open_to_all"] = last.open_to_all
            prober.close()
        guard.cancel()
        shutil.rmtree(work, ignore_errors=True)
        results.execution_time = time.monotonic() - started
    _shorten(results, taken, assignment)
    _complete(results, taken, prober.problems)
    results.output = results.output if results.ungraded else _for_the_student(results, assignment)
    results.write(out)
    if report_path is not None:
        report.write(report_path, results, plugin.pictures if plugin else {}, assignment)
    return results


def _unfit(client: Client, prober: Prober, project: Path, results: Results) -> str:
    """Try, and return why no student code can be judged: for good, as the results then say, or this time."""
    try:
        client.wait()
        if not client.layers["unprivileged user"] and not results.facts["unprotected"]:
            results.facts["unfit"] = True
            return isolation.NEEDED
        if why := trial.find_problem(client.call, project, client.assignment.files):
            results.facts["unfit"] = True
        return why
    except (CallFailed, ServerLost) as problem:
        prober.problems.append(str(problem))
        last = str(problem).strip().splitlines()[-1]
        return f"expected a program of the grader's own to run in a student's place, got no answer ({last}): try again"


def _home() -> list[Path]:
    """Return the grader's home; nothing for a user without one."""
    with contextlib.suppress(RuntimeError):
        return [Path.home()]
    return []


def run_tests(plugin: GradingPlugin, part: str = "", *more: str) -> bool:
    """Run all graded tests, or those of one part, and return whether it came to its end. more: of pytest's options."""
    root = plugin.assignment.root
    sys.path.insert(0, str(root))
    folders = [name for name in (TESTS, HIDDEN) if (root / name).is_dir()]  # pytest takes no [ in a path
    settings = root / "pyproject.toml"
    options = ["-q", "-c", str(settings if settings.is_file() else os.devnull), "--rootdir", str(root),
               "--confcutdir", str(root), "-p", "no:cacheprovider",
               "-p", "no:unraisableexception", "-p", "no:threadexception",  # they collect garbage again and again
               "-o", "addopts=--strict-markers", "-o", "timeout=0",
               "--assert=plain",  # or expected values would be spelt out
                "-o", "pythonpath=", "-o", "filterwarnings=default"]  # fmt: skip
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), contextlib.chdir(root):
        try:
            status = pytest.main([*options, *more, "-m", part, *folders], plugins=[plugin])
        except Exception as problem:  # results are written whatever happens
            status = None
            plugin.prober.problems.append(f"{type(problem).__name__}: {problem}")
    ran = status in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
    if not ran:
        plugin.prober.problems.append(said.getvalue()[-3000:])
    return ran


def collect(assignment: Assignment) -> tuple[Results, list[str]]:
    """Return the graded tests as they stand before any is run, and what went wrong."""
    results, prober = Results(), Prober(_no_client, assignment.limits, time.monotonic())
    run_tests(GradingPlugin(prober, results, assignment, 0), "", "--collect-only")
    return results, prober.problems


def _no_client() -> Client:
    raise RuntimeError("tests are collected here, not run")


def _metadata(submission: Path | intake.Submission) -> dict:
    """Read what Gradescope says of a submission, in a file beside it; {} where there is none."""
    if isinstance(submission, Path):
        with contextlib.suppress(OSError, ValueError, RecursionError):
            found = json.loads(submission.resolve().with_name("submission_metadata.json").read_text())
            return found if isinstance(found, dict) else {}
    return {}


def _seed(metadata: dict, taken: intake.Submission) -> int:
    """Draw the seed from Gradescope's id of a submission, or else from the student's files."""
    identity = str(metadata["id"]) if "id" in metadata else repr(sorted(taken.files.items()))
    return int.from_bytes(hashlib.sha256(identity.encode()).digest()[:4], "little")


def _name(submission: Path | intake.Submission, metadata: dict) -> str:
    """Say whose work it is: Gradescope's words, or else the name of what was handed in."""
    if "id" in metadata:
        users = metadata.get("users")
        names = (
            [str(user.get("name", "")) for user in users if isinstance(user, dict)] if isinstance(users, list) else []
        )
        return ", ".join([f"submission {metadata['id']}", *filter(None, names)])[:200]
    return submission.resolve().name if isinstance(submission, Path) else ""


def _shorten(results: Results, taken: intake.Submission, assignment: Assignment) -> None:
    """Failures that come of an earlier semester's lines say so, and no more."""
    for test in results.tests.values():
        failed = test.part in taken.earlier and test.score < test.max_score
        if failed and assignment.adapter.comes_of_earlier(test.part, test.output):
            test.output = SEE


def _complete(results: Results, taken: intake.Submission, problems: list[str]) -> None:
    """Add what is known at the end, for staff."""
    results.facts["layers_missing"] = [name for name, on in results.facts.get("layers", {}).items() if not on]
    results.facts["grader_problems"] = problems
    results.facts["notes"] = taken.notes


def _for_the_student(results: Results, assignment: Assignment) -> str:
    """Say what may be seen at once: public tests alone, and the mistakes that they recognised. Gradescope shows it."""
    shown = [test for test in results.tests.values() if test.visibility == "visible"]
    lines = []
    for part in results.parts():
        own = [test for test in shown if test.part == part]
        if own:
            had, most = (round(sum(getattr(test, kind) for test in own), 2) for kind in ("score", "max_score"))
            lines.append(f"{assignment.heading(part)}: {had:g} of {most:g}")
            lines += [f"    {line}" for line in report.mistakes(own)]
    if len(shown) < len(results.tests):
        lines.insert(0, "Of the tests that you have; hidden ones of the same kind count, too, and are not shown here:")
    lines = [*results.facts["notes"], *lines]  # a file that is none explains what follows
    if results.facts["grader_problems"]:
        lines.append("The grader itself met a problem: staff will look at this submission.")
    return "\n".join(lines)


def _write_and_end(results: Results, out: Path, work: Path, started: float, clients: list[Client]) -> None:
    """The last resort, from a thread of its own: whatever the main thread hangs in, there are results."""
    descendants.end_all(os.getpid())
    for client in clients:
        client.sweep()
    results.execution_time = time.monotonic() - started
    results.output = "The grading was ended at its deadline; what was not reached counts 0."
    results.facts["grader_problems"] = ["the grading was ended at its deadline"]
    results.write(out)
    shutil.rmtree(work, ignore_errors=True)
    os._exit(0)
