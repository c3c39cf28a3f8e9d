"""Grade one submission: a folder or a zip goes in, results.json and a report come out.

    python -m autograder SUBMISSION [--out results.json] [--report report.html] [--seed N] [--deadline SECONDS] ...

Expect a line for each part, and an exit status of 0 whatever the submission is worth; one sentence and no points, with
2 where there is nothing to grade, with 3 where this machine cannot grade. docs/autograder.md says more.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from autograder import descendants, grade, isolation, report
from autograder.assignment import NAME, Assignment, read
from autograder.results import Results, printable
from autograder.unprotected import Copy


def main(argv: list[str] | None = None, origins: Sequence[str] = ()) -> int:
    """Return the exit status. origins: folders that this checkout is a copy of, made for --unprotected."""
    args = parse_args(argv)
    if problem := find_refusal(args):
        print(printable(problem), file=sys.stderr)
        return 2
    if not origins and not isolation.separates():
        if not args.unprotected:
            print(isolation.NEEDED, file=sys.stderr)
            return 3
        return _grade_by_copy(sys.argv[1:] if argv is None else argv, args)
    deadline = args.deadline or read().limits["deadline"]
    deadline -= descendants.age(os.getpid())  # what the imports above took counts, too
    results = grade.grade(Path(args.submission), args.out, args.report, args.seed, deadline, args.part,
                          origins=[Path(path) for path in origins])  # fmt: skip
    if results.ungraded:
        print(printable(results.output), file=sys.stderr)
        return 3 if results.facts["grader_problems"] else 2
    print(printable(_for_staff(results, read())))
    return 0


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Grade one submission, a folder or a zip.")
    parser.add_argument("submission", nargs="?", default="", metavar="SUBMISSION")
    parser.add_argument("--out", type=Path, default=Path("results.json"), help="what Gradescope reads")
    parser.add_argument("--report", type=Path, help="a page for student and staff, such as report.html")
    parser.add_argument("--seed", type=int, help="of hidden inputs (default: from the submission's id or contents)")
    parser.add_argument("--deadline", type=float, help="seconds after which the results are written as they stand")
    parser.add_argument("--part", default="", help="run the tests of one part alone, to try things out")
    parser.add_argument("--unprotected", action="store_true", help="grade even where student code has all your rights")
    return parser.parse_args(argv)


def find_refusal(args: argparse.Namespace) -> str:
    """Return why this cannot be asked, in one sentence; "" if it can."""
    parts = read().parts
    if not args.submission:
        return "expected the folder or zip of a submission, got none: make grade SUBMISSION=folder-or.zip"
    if not Path(args.submission).exists():
        return f"expected a folder or a zip at {args.submission}, found nothing: check the path"
    if args.part not in ("", *parts):
        return f"expected one of the parts {', '.join(parts)}, got {args.part}: {NAME} names them"
    if args.deadline is not None and not args.deadline > 0:
        return f"expected a deadline of more than 0 seconds, got {args.deadline:g}: leave it out for the usual one"
    return ""


def _grade_by_copy(argv: list[str], args: argparse.Namespace) -> int:
    """Return the exit status of a grading by a copy of this checkout: 3 where its files are not what they were."""
    copy = Copy(read())
    try:
        status = copy.run(argv)
        if refused := copy.refusal():
            refused.write(args.out)
            if args.report:
                report.write(args.report, refused, {}, read())
            print(refused.output, file=sys.stderr)
            return 3
        return status
    finally:
        copy.delete()


def _for_staff(results: Results, assignment: Assignment) -> str:
    """Return the lines of the terminal: all points, hidden ones too."""
    lines = [f"{assignment.heading(part)}: {had:g} of {most:g}" for part, (had, most) in results.parts().items()]
    lines.append(f"Total: {results.score:g} of {results.max_score:g}")
    lines = [*results.facts["notes"], *lines, *report.notes(results)]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
