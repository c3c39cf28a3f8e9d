"""Is a warm grading like a cold one, and how much quicker? The solution and twenty variants are graded both ways.

    python -m staff.proofs.side_by_side [--count 20]        (or: make class-warm)

Expect half an hour on two quiet cores, a line for each submission, and the share of the time in the end. A cold grading
is `make grade` with the same seed. Exits with 1 where results differ in more than times, or where a warm grading takes
more than MOST of a cold one.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from autograder import intake
from autograder.assignment import ROOT
from autograder.files import fill
from autograder.forking import Grader
from staff.mutants import variants
from staff.proofs.chaos import without_times

SEED = 7
MOST = 0.5  # of the time of a cold grading


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=20, help="of variants")
    count = parser.parse_args(argv).count
    chosen = random.Random(0).sample(variants.every(), count)
    solution = variants.solution()
    submissions = {"the solution": solution} | {v.name: solution | v.files for v in chosen}
    seconds, unlike = [], 0
    with Grader() as grader:
        grader.grade(intake.Submission(files=solution), SEED)  # the first works out what the others are asked, too
        for name, files in submissions.items():
            started = time.monotonic()
            cold_results = _grade_cold(files)
            between = time.monotonic()
            warm_results, _ = grader.grade(intake.Submission(files=files), SEED)
            cold, warm = between - started, time.monotonic() - between
            seconds.append((cold, warm))
            same = without_times(cold_results) == without_times(warm_results)
            unlike += not same
            print(f"{name:60} cold {cold:5.1f} s  warm {warm:5.1f} s{'' if same else '  UNLIKE'}", flush=True)
    cold, warm = map(sum, zip(*seconds))
    print(f"\n{len(submissions)} submissions: {unlike} unlike; warm takes {warm / cold:.0%} of the time.")
    return int(unlike > 0 or warm > MOST * cold)


def _grade_cold(files: dict[str, bytes]) -> str:
    """Return results.json."""
    with tempfile.TemporaryDirectory() as place:
        fill(Path(place, "in"), files)
        out = Path(place, "out", "results.json")
        command = [sys.executable, "-m", "autograder", str(Path(place, "in")), "--seed", str(SEED), "--out", str(out)]
        subprocess.run([*command, "--report", str(out.with_name("report.html"))], cwd=ROOT, check=True,
                       stdout=subprocess.DEVNULL)  # fmt: skip
        return out.read_text()


if __name__ == "__main__":
    sys.exit(main())
