"""Judge programs made by machine: right rewrites of the solution must keep all points, wrong edits must lose some.

    python -m staff.proofs.generated [--function NAME ...] [--seed N] [--count N]        (or: make strangers ARGS=...)

Expect a quarter of an hour of processor time for all functions. The float64 oracle (oracle.py) alone decides whether a
program is right; an edit that changes nothing there counts as right, and one that changes so little that a tolerance
lets it pass, or nearly, is set aside. A mistake is named if a failed test recognises it ("It looks like this mistake"),
or tells the error that it raised, with the student's line or a probe's advice; beside it stands how many raise one.
Exits with 1 unless all are judged rightly and NAMED of the wrong ones are named.
"""

import argparse
import difflib
import itertools
import sys
import time
from collections.abc import Iterator

from staff.proofs.generated import making
from staff.proofs.generated.functions import FUNCTIONS
from staff.proofs.generated.judging import Judge, ProgramVerdict
from staff.proofs.generated.making import Program

NAMED = 0.8
EDITS = 1.4  # for each rewrite that is asked for, since some edits change nothing


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    started, verdicts = time.monotonic(), []
    if args.show:
        for program in (p for name in args.function for p in draw(name, args.count, args.seed)):
            if program.name == args.show:
                print(f"{program.name}: {'; '.join(program.made_of)}\n{_compare(program)}")
        return 0
    print(f"{'':20} {'right':>13} {'no change':>13} {'wrong':>13} {'named':>6} {'raised':>6} {'aside':>6} {'s':>5}")
    print(f"{'':20} {'lose points':>13} {'lose points':>13} {'keep all':>13}")
    for name in args.function:
        begun = time.monotonic()
        judge = Judge(name, args.seed, args.processes)
        new = list(judge.judge(draw(name, args.count, args.seed)))
        verdicts += sorted(new, key=lambda verdict: (verdict.program.edited, verdict.program.number))
        print(_row(name, new, time.monotonic() - begun), flush=True)
    print(_row("all", verdicts, time.monotonic() - started))
    return _report(verdicts, args.verbose)


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--function", nargs="+", choices=FUNCTIONS, default=list(FUNCTIONS), metavar="NAME")
    parser.add_argument("--seed", type=int, default=2026, help="of the programs and of all inputs")
    parser.add_argument("--count", type=int, help="programs of each kind and function (default: by what they cost)")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--show", metavar="PROGRAM", default="", help='print one and judge none: "gram_matrix edit 3"')
    parser.add_argument("--verbose", action="store_true", help="what was said to each wrong one that is not named")
    return parser.parse_args(argv)


def draw(function: str, count: int | None, seed: int) -> Iterator[Program]:
    """Draw right rewrites, then edits."""
    count = FUNCTIONS[function].count if count is None else count
    return itertools.chain(
        making.draw_rewrites(function, count, seed), making.draw_edits(function, round(EDITS * count), seed)
    )


def _row(name: str, verdicts: list[ProgramVerdict], seconds: float) -> str:
    right, same, wrong, aside = (
        [v for v in verdicts if v.is_right and not v.program.edited],
        [v for v in verdicts if v.is_right and v.program.edited],
        [v for v in verdicts if v.is_wrong],
        [v for v in verdicts if not v.is_right and not v.is_wrong],
    )
    pairs = "".join(f" {len(some):6} {sum(v.judged_wrongly for v in some):6}" for some in (right, same, wrong))
    named, raised = (
        f"{sum(some) / len(wrong):.0%}" if wrong else ""
        for some in ([v.named for v in wrong], [bool(v.raised) for v in wrong])
    )
    return f"{name:20}{pairs} {named:>6} {raised:>6} {len(aside):6} {seconds:5.0f}"


def _report(verdicts: list[ProgramVerdict], verbose: bool) -> int:
    """Print who is judged wrongly, and return the exit status."""
    broken = [v for v in verdicts if not v.program.edited and not v.is_right and not v.problem]
    wrongly = [v for v in verdicts if v.judged_wrongly and v not in broken]
    wrong = [v for v in verdicts if v.is_wrong]
    unnamed = [v for v in wrong if not v.named]
    aside = [v for v in verdicts if not v.is_right and not v.is_wrong]
    for title, some in (
        ("Rewritten by a rule that does not keep what it means: mend the rule", broken),
        ("Judged wrongly", wrongly),
        ("Set aside: nearly right", aside),
        *([("Wrong, and not named", unnamed)] if verbose else []),
    ):
        if some:
            print(f"\n{title}")
        for verdict in some:
            _print(verdict, with_difference=some is not aside)
    return int(bool(broken or wrongly) or len(wrong) - len(unnamed) < NAMED * len(wrong))


def _print(verdict: ProgramVerdict, with_difference: bool) -> None:
    program = verdict.program
    print(f"  {verdict.had:5.2f} of {verdict.most:5.2f}  error {verdict.error:.1e}  {program.name}: "
          f"{'; '.join(program.made_of)}")  # fmt: skip
    if with_difference:
        said = "\n".join(f"{name}\n{text}" for name, text in verdict.said[:2])
        for line in "\n".join([_compare(program), verdict.raised, said, verdict.problem]).splitlines():
            if line.strip():
                print(f"      | {line}")


def _compare(program: Program) -> str:
    """Return the difference from the solution, as Python writes it, to the program."""
    before, after = (text.splitlines() for text in (making.read_solution(program.function)[0], program.block))
    return "\n".join(list(difflib.unified_diff(before, after, "solution", program.name, lineterm=""))[2:])


if __name__ == "__main__":
    sys.exit(main())
