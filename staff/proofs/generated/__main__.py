"""Judge strangers made by machine: right rewrites of the solution must keep all points, wrong edits must lose some.

    python -m staff.proofs.generated [--function NAME ...] [--seed N] [--count N]        (or: make strangers ARGS=...)

Expect a quarter of an hour of processor time for all functions. Whether a stranger is right is decided by the float64
oracle (oracle.py) alone; an edit that changes nothing there counts as right, and one that changes so little that a
tolerance lets it pass, or nearly, is set aside. A mistake is named if a failed test recognises it ("It looks like this
mistake"), or tells the error that it raised, with the student's line or with a probe's advice; beside it stands how
many raise one. Exits with 1 unless all are judged rightly and NAMED of the wrong ones are named.
"""

import argparse
import difflib
import itertools
import sys
import time
from collections.abc import Iterator

from staff.proofs.generated import making
from staff.proofs.generated.functions import FUNCTIONS
from staff.proofs.generated.judging import Judge, Verdict
from staff.proofs.generated.making import Stranger

NAMED = 0.8
EDITS = 1.4  # for each stranger that is asked for, since some edits change nothing


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    started, verdicts = time.monotonic(), []
    if args.list or args.show:
        return _shown([s for name in args.function for s in strangers(name, args.count, args.seed)], args.show)
    print(f"{'':20} {'right':>13} {'no change':>13} {'wrong':>13} {'named':>6} {'raised':>6} {'aside':>6} {'s':>5}")
    print(f"{'':20} {'lose points':>13} {'lose points':>13} {'keep all':>13}")
    for name in args.function:
        begun = time.monotonic()
        judge = Judge(name, args.seed, args.processes)
        new = list(judge.judge(strangers(name, args.count, args.seed)))
        verdicts += sorted(new, key=lambda verdict: (verdict.stranger.edited, verdict.stranger.number))
        print(_row(name, new, time.monotonic() - begun), flush=True)
    print(_row("all", verdicts, time.monotonic() - started))
    return _told(verdicts, args.verbose)


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--function", nargs="+", choices=FUNCTIONS, default=list(FUNCTIONS), metavar="NAME")
    parser.add_argument("--seed", type=int, default=2026, help="of the strangers and of all inputs")
    parser.add_argument("--count", type=int, help="strangers of each kind and function (default: by what they cost)")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--list", action="store_true", help="print what they are made of, and judge none")
    parser.add_argument("--show", metavar="STRANGER", default="", help='print one: "tv_loss edit 3"')
    parser.add_argument("--verbose", action="store_true", help="what was said to each wrong one that is not named")
    return parser.parse_args(argv)


def strangers(function: str, count: int | None, seed: int) -> Iterator[Stranger]:
    count = FUNCTIONS[function].count if count is None else count
    return itertools.chain(making.rewritten(function, count, seed), making.edited(function, round(EDITS * count), seed))


def _shown(made: list[Stranger], name: str) -> int:
    for stranger in made:
        if name in ("", stranger.name):
            print(f"{stranger.name}: {'; '.join(stranger.made_of)}")
            if name:
                print(_difference(stranger))
    return 0


def _row(name: str, verdicts: list[Verdict], seconds: float) -> str:
    right, same, wrong, aside = (
        [v for v in verdicts if v.is_right and not v.stranger.edited],
        [v for v in verdicts if v.is_right and v.stranger.edited],
        [v for v in verdicts if v.is_wrong],
        [v for v in verdicts if not v.is_right and not v.is_wrong],
    )
    pairs = "".join(f" {len(some):6} {sum(v.judged_wrongly for v in some):6}" for some in (right, same, wrong))
    named, raised = (
        f"{sum(some) / len(wrong):.0%}" if wrong else ""
        for some in ([v.named for v in wrong], [bool(v.raised) for v in wrong])
    )
    return f"{name:20}{pairs} {named:>6} {raised:>6} {len(aside):6} {seconds:5.0f}"


def _told(verdicts: list[Verdict], verbose: bool) -> int:
    """Prints who is judged wrongly, and returns the exit status."""
    broken = [v for v in verdicts if not v.stranger.edited and not v.is_right and not v.problem]
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


def _print(verdict: Verdict, with_difference: bool) -> None:
    stranger = verdict.stranger
    print(f"  {verdict.had:5.2f} of {verdict.most:5.2f}  error {verdict.error:.1e}  {stranger.name}: "
          f"{'; '.join(stranger.made_of)}")  # fmt: skip
    if with_difference:
        said = "\n".join(f"{name}\n{text}" for name, text in verdict.said[:2])
        for line in "\n".join([_difference(stranger), verdict.raised, said, verdict.problem]).splitlines():
            if line.strip():
                print(f"      | {line}")


def _difference(stranger: Stranger) -> str:
    """From the solution, as Python writes it, to the stranger."""
    before, after = (text.splitlines() for text in (making.solution(stranger.function)[0], stranger.block))
    return "\n".join(list(difflib.unified_diff(before, after, "solution", stranger.name, lineterm=""))[2:])


if __name__ == "__main__":
    sys.exit(main())
