"""Grade every variant as the grader grades a submission, and print the wrong ones and the right ones.

    python -m staff.mutants [WORDS ...]        (or: make mutants ARGS=WORD)

WORDS choose the variants whose part or name holds one of them. Expect some minutes for all of them on two cores.

Each variant is the solution with one block rewritten; it is graded on the tests of its part and on the rules, in the
grader's isolated children, of which one fork server serves many variants. A wrong one must earn what its bounds say,
never all, and be told what its mistake is; a right one must keep all. Exits with 1 unless all are judged so, and NAMED
of the wrong ones are told. In the end come the silent tests: a wrong variant fails them, and they do not name its
mistake, so that a student who looks at one of them alone is not helped.
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
    parser.add_argument("--seed", type=int, default=2026, help="of the hidden tests' inputs")
    parser.add_argument("--verbose", action="store_true", help="what was said to each wrong variant that is not named")
    args = parser.parse_args(argv)
    chosen = [v for v in variants.every() if not args.words or any(w in f"{v.part} {v.name}" for w in args.words)]
    chosen.sort(key=lambda variant: not variant.says)  # the wrong ones first
    started, verdicts = time.monotonic(), []
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(args.processes, context, initializer=judging.start, initargs=(args.seed,)) as pool:
        for verdict in pool.map(judging.judge, chosen, chunksize=4):
            if not verdicts or bool(verdict.variant.says) != bool(verdicts[-1].variant.says):
                print("\nWrong variants" if verdict.variant.says else "\nRight variants")
            verdicts.append(verdict)
            _print(verdict, args.verbose)
    wrong, right = ([v for v in verdicts if bool(v.variant.says) == says] for says in (True, False))
    named, wrongly, rightly = (
        sum(v.named for v in wrong),
        sum(not v.good for v in wrong),
        sum(not v.good for v in right),
    )
    share = named / len(wrong) if wrong else 1.0
    print(f"\n{len(wrong)} wrong variants: {wrongly} judged wrongly, {named} ({share:.0%}) are told their mistake.")
    print(f"{len(right)} right variants: {rightly} lose points.\n{time.monotonic() - started:.0f} s.")
    _print_silent(wrong)
    return int(wrongly + rightly > 0 or share < NAMED)


def _print(verdict: judging.VariantVerdict, verbose: bool) -> None:
    variant = verdict.variant
    told = ["misnamed"] if verdict.misnamed else ["named" if verdict.named else "not named"]
    marks = (told if variant.says else []) + ([] if verdict.good else ["WRONGLY JUDGED"])
    row = f"  {verdict.had:5.2f} of {verdict.most:5.2f}  {variant.part:20} {variant.name:58} {', '.join(marks)}"
    print(row.rstrip(), flush=True)
    if not verdict.good or (verbose and variant.says and not verdict.named):
        wanted = " and ".join(variant.says) or "all points"
        bounds = f", {variant.least:.0%} to {variant.most:.0%} of the points" if variant.says else ""
        for line in [f"expected: {wanted}{bounds}", *verdict.said.splitlines(), *verdict.problems]:
            print(f"      | {line}")


def _print_silent(wrong: list[judging.VariantVerdict]) -> None:
    """Not counted as wrong: to one of several tests two mistakes may look alike."""
    print(f"\nSilent tests: {sum(len(verdict.silent) for verdict in wrong)}")
    for verdict in wrong:
        for i, test in enumerate(verdict.silent):
            print(f"  {'' if i else verdict.variant.name:58} {test}")


if __name__ == "__main__":
    sys.exit(main())
