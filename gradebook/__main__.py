"""Grade a whole class, and go on where a run was killed: the same command again grades what is missing.

    python -m gradebook SUBMISSIONS [--out FOLDER] [--scheduler tls://host:8786] [--regrade] [--status] ...

Or: make grade-class SUBMISSIONS=... [SCHEDULER=...], make regrade SUBMISSIONS=... . SUBMISSIONS is a folder of zips and
folders, Gradescope's export or Canvas's bulk download; class.toml in it says what staff decided. Expect a bar with the
time left, then in FOLDER the gradebook, grades.csv, class.html and a page for each student. Exits with 0 when all are
graded, 1 when some are marked for staff, 2 when it had to stop.
"""

import argparse
import contextlib
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from autograder import isolation, pack
from autograder.assignment import Assignment, read
from autograder.results import printable
from gradebook import choosing, cluster, handed_in, progress, regrade, roster, run, settings, status, task
from gradebook.progress import say
from gradebook.roster import fold
from gradebook.store import Gradebook, GradebookError, Graded, Key

PROBLEMS = (settings.SettingsError, roster.RosterError, handed_in.ExportError, cluster.ClusterError, GradebookError)


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    console = Console()
    try:
        if args.status:
            say(console, "\n".join(status.describe(args.out)))
            return 0
        return regrade.add_up(args, console, read()) if args.regrade else grade_class(args, console)
    except PROBLEMS as problem:
        said = str(problem)
        say(console, f"{said[:1].upper()}{said[1:]}.")
        return 2
    except OSError as problem:
        told = f"Expected to write to {problem.filename}, got {problem.strerror}: mend that, make room for one"
        say(console, f"{told}, and run the same command again.")
        return 2
    except KeyboardInterrupt:
        console.print("Stopped. The same command again goes on from here.")
        return 2


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="gradebook", description=__doc__.splitlines()[0])
    parser.add_argument("submissions", nargs="?", default="", help="a folder, see docs/autograder.md")
    parser.add_argument("--out", type=Path, help="gradebook and pages (default: the folder's name with -graded)")
    parser.add_argument("--scheduler", default="", help="of an existing Dask cluster, such as tls://host:8786")
    parser.add_argument("--certificate", type=Path, default=cluster.CERTIFICATE, help="the file of that scheduler")
    parser.add_argument("--workers", type=int, default=0, help="of this machine's own cluster (default: what fits)")
    parser.add_argument("--again", nargs="+", default=[], metavar="STUDENT", help="grade these once more")
    parser.add_argument("--regrade", action="store_true", help="only add the points up anew, by assignment.toml of now")
    parser.add_argument("--unprotected", action="store_true", help="grade even where student code has all your rights")
    parser.add_argument("--anonymous", action="store_true", help="write the pages without names, into FOLDER/anonymous")
    parser.add_argument("--status", action="store_true", help="only say how a run is getting on")
    args = parser.parse_args(argv)
    if not args.submissions:  # an empty SUBMISSIONS= is not this folder
        parser.error("expected the folder of a class's submissions, got none: make grade-class SUBMISSIONS=folder")
    args.submissions = Path(args.submissions)
    args.out = args.out or args.submissions.resolve().with_name(f"{args.submissions.resolve().name}-graded")
    return args


def grade_class(
    args: argparse.Namespace,
    console: Console,
    assignment: Assignment | None = None,
    function: Callable[[task.Job], Graded] = task.work,
) -> int:
    """Grade, and return the exit status.

    assignment: None for that of each worker's own checkout. function: what a worker does.
    """
    folder = assignment.root if assignment else None
    assignment = assignment or read()
    decided, places = regrade.read_class(args.submissions, assignment)
    files = pack.digests(assignment)
    version = pack.version(files)
    can_count = {each.digest: each for place in places for each in choosing.to_grade(place, decided)}
    wanted = {digest: each for digest, each in can_count.items() if not each.taken.unreadable}
    with Gradebook(args.out) as book:
        book.ask_again(_find_asked(args.again, places, decided))
        again = book.find_asked_again()
        carried = _carry(book, {d: each for d, each in wanted.items() if d not in again}, files, version, decided.seed,
                         assignment)  # fmt: skip
        has = book.scores(version, decided.seed)
        todo = {digest: each for digest, each in wanted.items() if digest not in has or digest in again}
        jobs = {Key(digest, version, decided.seed): task.Job(each.taken, decided.seed, files, folder, args.unprotected)
                for digest, each in todo.items()}  # fmt: skip
        if unread := len(can_count) - len(wanted):
            console.print(f"{unread} could not be read: they are not graded, and stand first in class.html.")
        if carried:
            say(console, f"{carried} keep their results: only tests of parts that they did not hand in have changed.")
        for line in _why(book, places, wanted, todo, has, files, version, decided.seed):
            say(console, line)
        book.begin(files, version, decided.seed, len(wanted), len(todo))
        lost = []
        try:
            if jobs:
                if not (args.scheduler or args.unprotected or isolation.separates()):
                    raise cluster.ClusterError(isolation.NEEDED)
                with cluster.connected(args.scheduler, args.workers, args.certificate) as client:
                    workers = len(client.nthreads())
                    book.note(workers)
                    console.print(f"{workers} workers; more may come.", highlight=False)
                    names = _name_all(places, decided, args.again)
                    with progress.Shown(len(jobs), lambda key: names[key.digest], console) as shown:
                        lost = run.grade_all(client, book, jobs, shown, function)
            regrade.write(args, places, decided, book, version, assignment, console)
        except (*PROBLEMS, OSError, KeyboardInterrupt) as problem:
            with contextlib.suppress(GradebookError):  # the disk is full, which is being told
                book.end(f"stopped: {type(problem).__name__} {problem}")
            raise
        marked = len(lost) + len(can_count) - len(wanted)
        book.end(f"{marked} are marked for staff." if marked else "all are graded.")
    return int(bool(marked))


def _carry(book, wanted, files, version, seed, assignment) -> int:
    """Let earlier results stand where no test that has changed is about the submission; return how many."""
    carried, empty = 0, {name: assignment.adapter.hand_out(name).encode() for name in assignment.files}
    for digest, (other, number) in book.earlier(version, seed).items():
        if digest not in wanted or number != seed:
            continue
        parts, own = pack.find_parts(book.files(other), files), wanted[digest].taken.files
        theirs = (file for part in parts or () for file in assignment.parts[part]["functions"])
        if parts is not None and not any(own.get(file, empty[file]) != empty[file] for file in theirs):
            book.carry(Key(digest, version, seed), other)
            carried += 1
    return carried


def _find_asked(words: list[str], places: list[choosing.Place], decided: settings.Settings) -> list[str]:
    """The digests of the students whom these words name. Raises ExportError."""
    digests = []
    for word in words:
        of = [place for place in places if _is_meant(word, place)]
        if len(of) != 1:
            raise handed_in.ExportError(
                f"expected one student for --again {word}, found {len(of)}: take a sid, an email or a file's name"
            )
        digests += [each.digest for each in choosing.to_grade(of[0], decided)]
    return digests


def _name_all(places: list[choosing.Place], decided: settings.Settings, first: list[str]) -> dict[str, str]:
    """Name, by digest, all whose submission it is: several may have handed in the same. first: these before others."""
    names: dict[str, list[str]] = {}
    for place in sorted(places, key=lambda place: not any(_is_meant(word, place) for word in first)):
        for each in choosing.to_grade(place, decided):
            name = printable(each.name, "")
            if name not in names.setdefault(each.digest, []):
                names[each.digest].append(name)
    return {digest: regrade.join(own, 3) for digest, own in names.items()}


def _is_meant(word: str, place: choosing.Place) -> bool:
    return fold(word) in place.student.words | {fold(each.name) for each in place.handed_in}


def _why(book, places, wanted, todo, has, files, version, seed) -> list[str]:
    """Say what is graded by this run, and why."""
    nobody = sum(not place.handed_in for place in places)
    lines = [f"{len(places)} students, {nobody} without a submission; {len(wanted)} different submissions can count."]
    kept = len(wanted) - len(todo)
    again = sum(digest in has for digest in todo)
    earlier = {digest: other for digest, other in book.earlier(version, seed).items() if digest in todo}
    lines.append(f"{kept} are graded already, {len(todo) - again - len(earlier)} are new.")
    if again:
        lines.append(f"{again} are graded again, as was asked for.")
    changed = {other for other, _ in earlier.values() if other != version}
    if changed:
        told = pack.changes(book.files(next(iter(changed))), files)
        number = sum(other != version for other, _ in earlier.values())
        lines.append(f"{number} are graded again, since the suite is another: {regrade.join(told)}.")
    if other := sum(other == version for other, _ in earlier.values()):
        lines.append(f"{other} are graded again, since the seed is another.")
    return lines


if __name__ == "__main__":
    sys.exit(main())
