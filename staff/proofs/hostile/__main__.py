"""Grade submissions that attack, one after the other, and print what each of them got.

    python -m staff.proofs.hostile [WORDS ...]        (or: make hostile ARGS="fork")

WORDS choose the attacks whose name holds one of them. As another kind of user, so without protection for some:
python -m staff.proofs.environments KIND python -m staff.proofs.hostile. Expect a quarter of an hour for all: each is
graded by the autograder with a short deadline, on the tests of the part that it attacks; with --warm all are, one
after the other, by one warm process, as a class is. Held: no attack earns more than the honest stub, or reports that it
reached what is out of reach; each yields valid results before the deadline and GRACE seconds; nothing of it runs or
lies about afterwards. Exits with 1 where one does not hold.
"""

import argparse
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from autograder import descendants, isolation, kernel, sweeping
from autograder.assignment import ROOT
from autograder.files import fill
from autograder.forking import Grader, GradingLost
from staff.handout import contents
from staff.proofs.hostile import archives, payloads, traces

DEADLINE, GRACE = 60, 10  # seconds
PART = "content_loss"  # whose file the attacks by code are in
UNPROTECTED = not isolation.separates()
OWN = (str(Path.home()), str(ROOT))  # where what is left behind could lie, beside the folders that are open to all


@dataclass
class AttackResult:
    name: str
    score: float
    seconds: float
    wrong: list[str]  # what did not hold


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("words", nargs="*", help="choose the attacks whose name holds one of them")
    parser.add_argument("--deadline", type=float, default=DEADLINE, help="for each; longer where the machine is busy")
    parser.add_argument("--warm", action="store_true", help="grade all by one warm process, as a class is graded")
    args = parser.parse_args(argv)
    started, outcomes = time.monotonic(), []
    names = [name for name in every() if not args.words or any(word in name for word in args.words)]
    with Grader(unprotected=UNPROTECTED) if args.warm else contextlib.nullcontext() as warm:
        honest = run("the honest stub", 0, args.deadline, warm)
        for name in names:
            if name in traces.AFTER:
                run(traces.AFTER[name], honest.score, args.deadline, warm)
            outcomes.append(run(name, honest.score, args.deadline, warm))
            _print(outcomes[-1])
    bad = sum(bool(outcome.wrong) for outcome in outcomes)
    print(f"\n{len(outcomes)} attacks: {bad} did not fail as they should; the honest stub earns {honest.score:g}.")
    print(f"{time.monotonic() - started:.0f} s.")
    return int(bad > 0 or bool(honest.wrong))


def every() -> list[str]:
    return [*payloads.BODIES, *payloads.FILES, *archives.ARCHIVES]


def run(name: str, allowed: float, deadline: float, warm: Grader | None) -> AttackResult:
    """Grade one attack, or with another name the honest stub, by the tests of PART."""
    kernel.collect_orphans()  # what a grading leaves running becomes a child of this process, and is seen
    place = Path(tempfile.mkdtemp(prefix="hostile-"))
    place.chmod(0o755)
    mark = place.name
    folders = [place / folder for folder in ("tmp", "out", "in")]
    for folder in folders:
        folder.mkdir()
    tmp, out, handed_in = folders
    try:
        with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket(socket.AF_UNIX) as nameless, \
                contextlib.ExitStack() as stack:  # fmt: skip
            nameless.bind(f"\0{mark}")
            nameless.listen()
            port = stack.enter_context(_scheduler()) if name == payloads.SCHEDULER else listener.getsockname()[1]
            submission = _submission(name, handed_in, mark, out, port)
            before, staying = _listing(handed_in), set(descendants.of(os.getpid()))
            started = time.monotonic()
            said = (_grade(submission, out, tmp, deadline) if warm is None else
                    _grade_warm(warm, submission, out, deadline))  # fmt: skip
            seconds = time.monotonic() - started
        wrong = [f"the grading said: {said}"] if said else []
        score, problems = _judge(out, allowed)
        wrong += problems
        if seconds > deadline + GRACE:
            wrong.append(f"took {seconds:.0f} s")
        if left := set(descendants.of(os.getpid())) - staying:
            wrong.append(f"left {len(left)} processes running")
            if warm is None:
                descendants.end_all(os.getpid())  # what a warm process left goes with it
        if _listing(handed_in) != before:
            wrong.append("changed the submission")
        lying = [*_find_named(mark), *_find_shared_memory()]
        lying += [str(path) for path in tmp.iterdir() if not path.name.startswith("torchinductor_")]  # by its import
        lying += [str(path) for path in out.iterdir() if path.name not in ("results.json", "report.html")]
        if lying:
            wrong.append(f"left behind {', '.join(lying[:5])}")
        return AttackResult(name, score, seconds, wrong)
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextlib.contextmanager
def _scheduler() -> Iterator[int]:
    """The port of a class's own cluster, as it is there while a class is graded."""
    from gradebook import cluster  # Dask is needed for this attack alone

    with cluster.connected(workers=1) as client:
        yield int(client.scheduler.address.rpartition(":")[2])


def _submission(name: str, place: Path, mark: str, out: Path, port: int) -> Path:
    files = contents.student_files()
    if name in archives.ARCHIVES:
        return archives.ARCHIVES[name](place, files)
    if name in payloads.BODIES or name in payloads.FILES:
        files[payloads.FILE] = payloads.source(name, mark=mark, root=ROOT, out=out, port=port, user=os.getuid())
    fill(place, files)
    return place


def _grade(submission: Path, out: Path, tmp: Path, deadline: float) -> str:
    """Returns what went wrong, "" if nothing did."""
    command = [sys.executable, "-m", "autograder", str(submission), "--out", str(out / "results.json")]
    command += ["--report", str(out / "report.html"), "--deadline", str(deadline), "--part", PART]
    command += ["--unprotected"] if UNPROTECTED else []
    quiet = {"cwd": ROOT, "stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    try:
        done = subprocess.run(command, **quiet, env=os.environ | {"TMPDIR": str(tmp)}, timeout=deadline + 3 * GRACE)
    except subprocess.TimeoutExpired:
        return "nothing, and had to be ended"
    # 2: there is nothing to grade
    return "" if done.returncode in (0, 2) else done.stderr.decode(errors="replace")[-500:]


def _grade_warm(warm: Grader, submission: Path, out: Path, deadline: float) -> str:
    """Grade as _grade does, by a process that has graded others before."""
    try:
        results, page = warm.grade(submission, None, deadline, PART)
    except GradingLost as problem:
        return str(problem)
    (out / "results.json").write_text(results)
    (out / "report.html").write_text(page)
    return ""


def _judge(out: Path, allowed: float) -> tuple[float, list[str]]:
    """Return the score, and what is wrong with the results."""
    try:
        results = json.loads((out / "results.json").read_text())
        tests = results["tests"]
        if results["extra_data"]["ungraded"]:
            return 0, ["points without a grading"] if tests or "score" in results else []
        score = float(results["score"])
        whole = bool(tests) and abs(score - sum(test["score"] for test in tests)) < 0.01
        whole &= all({"name", "score", "max_score", "status", "output", "visibility"} <= set(test) for test in tests)
    except (OSError, ValueError, KeyError, TypeError) as problem:
        return 0, [f"no valid results: {type(problem).__name__}: {problem}"]
    wrong = [] if whole else ["the results are not whole"]
    if score > allowed:
        wrong.append(f"earned {score:g}, more than {allowed:g}")
    breaches = [test["output"].partition("BREACH")[2] for test in tests if "BREACH" in test["output"]]
    wrong += [f"BREACH{breach}"[:200] for breach in breaches[:1]]
    if problems := results["extra_data"].get("grader_problems"):
        wrong.append(f"the grader's problems: {str(problems)[:300]}")
    report = out / "report.html"
    if report.exists() and "<script>alert" in report.read_text(errors="replace"):
        wrong.append("put a script into the report")
    return score, wrong


def _listing(folder: Path) -> list[tuple]:
    paths = sorted(folder.rglob("*"))
    return [
        (str(path), status.st_mode, status.st_size, status.st_mtime_ns) for path in paths if (status := path.lstat())
    ]


def _find_named(mark: str) -> list[str]:
    """Find what carries the attack's mark in its name, or the common one, but for the folder that it was graded in."""
    found = []
    for top in {*OWN, *_open_to_all()}:
        for entry in os.scandir(top) if os.path.isdir(top) else ():
            named = mark in entry.name or entry.name.startswith(traces.NAME)
            if named and entry.path != os.path.join(tempfile.gettempdir(), mark):
                found.append(entry.path)
    return found


@cache
def _open_to_all() -> list[str]:
    places = sweeping.Search().places()
    return [] if places is None else list(places.times)


def _find_shared_memory() -> list[str]:
    """Find segments and queues of System V that belong to a user whom the grader made up."""
    return [f"{kind} {number}" for kind, number, owner in kernel.list_ipc() if owner >= 200_000]


def _print(outcome: AttackResult) -> None:
    held = "; ".join(outcome.wrong) or "held"
    print(f"  {outcome.score:5.2f} points  {outcome.seconds:4.0f} s  {outcome.name:50} {held}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
