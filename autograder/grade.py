"""Grade one submission: a folder or a zip goes in, results.json and a report come out.

    python staff/grade.py SUBMISSION [--out results.json] [--report report.html] [--seed N] [--deadline SECONDS]

Expect a line for each part, and an exit status of 0 whatever the submission is worth; one sentence and no points, with
2 where there is nothing to grade, with 3 where this machine cannot grade. docs/autograder.md says more.
"""

import argparse
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
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pytest

from staff.grader import canary, descendants, foreign, intake, points, report, rules, workspace
from staff.grader.client import CallFailed, Client, Launch, ServerLost
from staff.grader.plugin import GradingPlugin
from staff.grader.reach import Reach
from staff.grader.results import Results

REPOSITORY = Path(__file__).resolve().parents[1]
BROKEN_OFF = "expected all tests to be run, but pytest broke off: what it said is for staff, in extra_data"
GRACE = 3  # seconds after the deadline, within which what is known is written


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    if problem := refused(args):
        print(problem, file=sys.stderr)
        return 2
    deadline = args.deadline or points.read()["limits"]["deadline"]
    deadline -= descendants.age(os.getpid())  # what the imports above took counts, too
    results = grade(Path(args.submission), args.out, args.report, args.seed, deadline, args.part)
    if results.ungraded:
        print(results.output, file=sys.stderr)
        return 3 if results.facts["grader_problems"] else 2
    print(_for_staff(results, points.read()))
    return 0


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Grade one submission, a folder or a zip.")
    parser.add_argument("submission", nargs="?", default="", metavar="SUBMISSION")
    parser.add_argument("--out", type=Path, default=Path("results.json"), help="what Gradescope reads")
    parser.add_argument("--report", type=Path, help="a page for student and staff, such as report.html")
    parser.add_argument("--seed", type=int, help="of hidden inputs (default: from the submission's id or contents)")
    parser.add_argument("--deadline", type=float, help="seconds after which the results are written as they stand")
    parser.add_argument("--part", default="", help="run the tests of one part alone, to try things out")
    return parser.parse_args(argv)


def refused(args: argparse.Namespace) -> str:
    """Why this cannot be asked, in one sentence; "" if it can."""
    parts = points.read()["parts"]
    if not args.submission:
        return "expected the folder or zip of a submission, got none: make grade SUBMISSION=folder-or.zip"
    if not Path(args.submission).exists():
        return f"expected a folder or a zip at {args.submission}, found nothing: check the path"
    if args.part not in ("", *parts):
        return f"expected one of the parts {', '.join(parts)}, got {args.part}: assignment.toml names them"
    if args.deadline is not None and not args.deadline > 0:
        return f"expected a deadline of more than 0 seconds, got {args.deadline:g}: leave it out for the usual one"
    return ""


def grade(
    submission: Path | intake.Submission,
    out: Path,
    report_path: Path | None = None,
    seed: int | None = None,
    deadline: float | None = None,
    part: str = "",
    suite: Path = REPOSITORY,
    launch: Launch | None = None,
) -> Results:
    """Returns the results, which `out` then holds: points, or `ungraded`, the reason why there are none.

    submission: where it lies, or what was taken in before. part: "" for all. suite: the folder of tests/ and
    staff/hidden/. launch: where fork servers come from, see Client.
    """
    started, out = time.monotonic(), out.absolute()
    table = points.read()
    until = started + (deadline or table["limits"]["deadline"])
    results = Results(output="The grading did not come to its end.")
    results.write(out)
    work = Path(tempfile.mkdtemp(prefix="grade-"))
    clients: list[Client] = []
    guard = threading.Timer(until - started + GRACE, _write_and_end, (results, out, work, started, clients))
    guard.daemon = True
    guard.start()
    reach = plugin = None
    try:
        work.chmod(0o711)
        taken = submission if isinstance(submission, intake.Submission) else intake.taken_in(submission)
        metadata = _metadata(submission)
        seed = _seed(metadata, taken) if seed is None else seed
        results.facts |= {"seed": seed, "submission": _name(submission, metadata)}
        project = work / "project"
        workspace.build(project, taken, suite)
        hide = [REPOSITORY, suite, *_home(), Path("/autograder"), out.resolve().parent]
        hide += [submission.resolve().parent] if isinstance(submission, Path) else []

        def start() -> Client:
            client = Client(project, [path for path in hide if len(path.parts) > 1], launch=launch)
            client.start()
            clients.append(client)
            return client

        reach = Reach(start, table["limits"], until)
        if taken.unreadable:
            results.refuse(taken.unreadable)
        else:
            reach.client = client = start()  # it gets ready while pytest collects the tests
            plugin = GradingPlugin(reach, results, table, seed, lambda: _unfit(client, project, results))
            ran = run_tests(plugin, suite, part)
            if why := plugin.unfit or reach.one_reason() or ("" if ran else BROKEN_OFF):
                reach.problems.append(why)
                results.refuse(f"the grader itself met a problem, {why}")
            else:
                rules.check(taken, results, reach, table["rules"])
    finally:
        if reach is not None:
            client = reach.client
            if client is not None:
                results.facts |= {"layers": client.layers, "most_memory_of_a_call": client.peak}
                results.facts["open_to_all"] = client.places.unsafe if client.places else []
            reach.close()
        guard.cancel()
        shutil.rmtree(work, ignore_errors=True)
        results.execution_time = time.monotonic() - started
    foreign.shorten(results.tests.values(), taken.earlier)
    _complete(results, taken, reach.problems)
    results.output = results.output if results.ungraded else _for_the_student(results, table)
    results.write(out)
    if report_path is not None:
        report.write(report_path, results, plugin.pictures if plugin else {}, table)
    return results


def _unfit(client: Client, project: Path, results: Results) -> str:
    """Why no student code can be judged here: for good, which the results then say, or this time."""
    try:
        if why := canary.problem(client.call, project):
            results.facts["unfit"] = True
        return why
    except (CallFailed, ServerLost) as problem:
        return f"expected a program of the grader's own to run in a student's place, but it {problem}: grade again"


def _home() -> list[Path]:
    """Return the grader's home; nothing for a user without one."""
    with contextlib.suppress(RuntimeError):
        return [Path.home()]
    return []


def run_tests(plugin: GradingPlugin, suite: Path, part: str = "", *more: str) -> bool:
    """Run all graded tests, or those of one part, and return whether it came to its end. more: of pytest's options."""
    sys.path.insert(0, str(suite))
    folders = [name for name in ("tests", "staff/hidden") if (suite / name).is_dir()]  # pytest takes no [ in a path
    options = ["-q", "-c", str(REPOSITORY / "pyproject.toml"), "--rootdir", str(suite), "--confcutdir", str(suite),
               "-p", "no:cacheprovider",
               "-p", "no:unraisableexception", "-p", "no:threadexception",  # they collect garbage again and again
               "-o", "addopts=--strict-markers", "-o", "timeout=0",
               "--assert=plain",  # or expected values would be spelt out
                "-o", "pythonpath=", "-o", "filterwarnings=default"]  # fmt: skip
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), contextlib.chdir(suite):
        try:
            status = pytest.main([*options, *more, "-m", part, *folders], plugins=[plugin])
        except Exception as problem:  # results are written whatever happens
            status = None
            plugin.reach.problems.append(f"{type(problem).__name__}: {problem}")
    ran = status in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
    if not ran:
        plugin.reach.problems.append(said.getvalue()[-3000:])
    return ran


def _metadata(submission: Path | intake.Submission) -> dict:
    """What Gradescope says of a submission, in a file beside it; {} where there is none."""
    if isinstance(submission, Path):
        with contextlib.suppress(OSError, ValueError, RecursionError):
            found = json.loads(submission.resolve().with_name("submission_metadata.json").read_text())
            return found if isinstance(found, dict) else {}
    return {}


def _seed(metadata: dict, taken: intake.Submission) -> int:
    """From the id that Gradescope gives a submission, or else from the student's files."""
    identity = str(metadata["id"]) if "id" in metadata else repr(sorted(taken.files.items()))
    return int.from_bytes(hashlib.sha256(identity.encode()).digest()[:4], "little")


def _name(submission: Path | intake.Submission, metadata: dict) -> str:
    """Whose work it is: what Gradescope says, or else what was handed in is called."""
    if "id" in metadata:
        users = metadata.get("users")
        names = (
            [str(user.get("name", "")) for user in users if isinstance(user, dict)] if isinstance(users, list) else []
        )
        return ", ".join([f"submission {metadata['id']}", *filter(None, names)])[:200]
    return submission.resolve().name if isinstance(submission, Path) else ""


def _complete(results: Results, taken: intake.Submission, problems: list[str]) -> None:
    """What is known at the end, for staff."""
    results.facts["layers_missing"] = [name for name, on in results.facts.get("layers", {}).items() if not on]
    results.facts["grader_problems"] = problems
    results.facts["notes"] = taken.notes


def _for_staff(results: Results, table: dict) -> str:
    """All points, hidden ones too."""
    lines = [f"{points.title(part, table)}: {had:g} of {most:g}" for part, (had, most) in results.parts().items()]
    lines.append(f"Total: {results.score:g} of {results.max_score:g}")
    lines = [*results.facts["notes"], *lines, *report.notes(results)]
    return "\n".join(lines)


def _for_the_student(results: Results, table: dict) -> str:
    """What may be seen at once: public tests alone, and the mistakes that they recognised. Gradescope shows it."""
    shown = [test for test in results.tests.values() if test.visibility == "visible"]
    lines = []
    for part in results.parts():
        own = [test for test in shown if test.part == part]
        if own:
            had, most = (round(sum(getattr(test, kind) for test in own), 2) for kind in ("score", "max_score"))
            lines.append(f"{points.title(part, table)}: {had:g} of {most:g}")
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


if __name__ == "__main__":
    sys.exit(main())
