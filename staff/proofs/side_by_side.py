"""Is a warm grading like a cold one, and how much quicker? The solution and twenty variants are graded both ways.

    python -m staff.proofs.side_by_side [--count 20]        (or: make class-warm)

Expect half an hour on two quiet cores, a line for each submission, and the shares of wall and of CPU time in the end. A
cold grading is `make grade` with the same seed. Exits with 1 where results differ in more than times, or where a warm
grading takes more than MOST of a cold one.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from autograder import descendants, intake
from autograder.assignment import ROOT
from autograder.files import fill
from autograder.forking import Grader
from staff.mutants import variants
from staff.proofs.chaos import without_times

SEED = 7
MOST = 0.5  # of the wall time of a cold grading
TICK = os.sysconf("SC_CLK_TCK")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=20, help="of variants")
    count = parser.parse_args(argv).count
    chosen = random.Random(0).sample(variants.every(), count)
    solution = variants.solution()
    submissions = {"the solution": solution} | {v.name: solution | v.files for v in chosen}
    colds, warms, unlike = [], [], 0
    with Grader() as warm:
        warm.grade(intake.Submission(files=solution), SEED)  # the first works out what the others are asked, too
        for name, files in submissions.items():
            cold, cold_results = _cold(files)
            hot, warm_results = _warm(warm, files)
            same = without_times(cold_results) == without_times(warm_results)
            colds.append(cold)
            warms.append(hot)
            unlike += not same
            mark = "" if same else "  UNLIKE"
            print(f"{name:60} cold {_describe(cold)}  warm {_describe(hot)}{mark}", flush=True)
    wall, cpu = (sum(each[i] for each in warms) / sum(each[i] for each in colds) for i in (0, 1))
    print(f"\n{len(submissions)} submissions: {unlike} unlike; warm takes {wall:.0%} of the time, {cpu:.0%} of CPU.")
    return int(unlike > 0 or wall > MOST)


def _describe(seconds: tuple[float, float]) -> str:
    return f"{seconds[0]:5.1f} s ({seconds[1]:5.1f} of CPU)"


def _cold(files: dict[str, bytes]) -> tuple[tuple[float, float], str]:
    """Seconds of wall and of CPU time, and results.json."""
    with tempfile.TemporaryDirectory() as place:
        fill(Path(place, "in"), files)
        out = Path(place, "out", "results.json")
        command = [sys.executable, "-m", "autograder", str(Path(place, "in")), "--seed", str(SEED), "--out", str(out)]
        before, started = os.times(), time.monotonic()
        subprocess.run([*command, "--report", str(out.with_name("report.html"))], cwd=ROOT, check=True,
                       stdout=subprocess.DEVNULL)  # fmt: skip
        seconds, after = time.monotonic() - started, os.times()
        used = after.children_user + after.children_system - before.children_user - before.children_system
        return (seconds, used), out.read_text()


def _warm(warm: Grader, files: dict[str, bytes]) -> tuple[tuple[float, float], str]:
    before, started = _count_seconds(warm), time.monotonic()
    results, _ = warm.grade(intake.Submission(files=files), SEED)
    return (time.monotonic() - started, _count_seconds(warm) - before), results


def _count_seconds(warm: Grader) -> float:
    """Seconds of CPU time of the process that grades, of all that come from it, and of those that have ended."""
    ticks = 0
    for pid in [warm.process.pid, *descendants.of(warm.process.pid)]:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))
    return ticks / TICK


if __name__ == "__main__":
    sys.exit(main())
