"""Grade every variant as the grader grades a submission, and print two tables: the wrong ones and the right ones.

    python -m staff.mutants [WORDS ...]        (or: make mutants ARGS="tv_loss")

WORDS choose the variants whose part or name holds one of them. Expect some minutes for all of them on two cores.

Each variant is the solution with one block rewritten; it is graded on the tests of its part and on the rules, in the
grader's isolated children, of which one fork server serves many variants. A wrong one must lose points and be told
what its mistake is; a right one must keep all. Exits with 1 unless all wrong ones lose points, NAMED of them are told,
and no right one loses any.
"""

import argparse
import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from staff.mutants import judging, variants

NAMED = 0.9


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("words", nargs="*", help="choose the variants whose part or name holds one of them")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--verbose", action="store_true", help="what was said to each wrong variant that is not named")
    args = parser.parse_args(argv)
    chosen = [v for v in variants.every() if not args.words or any(w in f"{v.part} {v.name}" for w in args.words)]
    started = time.monotonic()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(args.processes, context, initializer=judging.start) as pool:
        verdicts = []
        for verdict in pool.map(judging.judge, chosen, chunksize=4):
            verdicts.append(verdict)
            print(f"\r{len(verdicts)} of {len(chosen)}", end="", file=sys.stderr, flush=True)
    return _print(verdicts, args.verbose, time.monotonic() - started)


def _print(verdicts: list[judging.Verdict], verbose: bool, seconds: float) -> int:
    wrong, right = ([v for v in verdicts if bool(v.variant.says) == says] for says in (True, False))
    for title, table in (("Wrong variants", wrong), ("Right variants", right)):
        print(f"\n{title}")
        for v in table:
            told = "named" if v.named else "not named"
            marks = [told] if v.variant.says else []
            marks += [] if v.good else ["WRONGLY JUDGED"]
            print(f"  {v.had:5.2f} of {v.most:5.2f}  {v.variant.part:20} {v.variant.name:58} {', '.join(marks)}")
            if not v.good or (verbose and not v.named and v.variant.says):
                for line in [f"expected: {v.variant.says or 'all points'}", *v.said.splitlines(), *v.problems]:
                    print(f"      | {line}")
    named = sum(v.named for v in wrong)
    share = named / len(wrong) if wrong else 1
    wrongly, rightly = (sum(not v.good for v in table) for table in (wrong, right))
    print(f"\n{len(wrong)} wrong variants: {wrongly} earn full points, {named} ({share:.0%}) are told their mistake.")
    print(f"{len(right)} right variants: {rightly} lose points.\n{seconds:.0f} s.")
    return int(wrongly + rightly > 0 or share < NAMED)


if __name__ == "__main__":
    sys.exit(main())
