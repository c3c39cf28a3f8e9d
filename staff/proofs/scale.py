"""5,000 submissions whose grading is a short sleep: what does the class itself cost?

    python -m staff.proofs.scale [--count 5000] [--workers 2]        (or: make class-scale)

Expect some minutes, and five lines: seconds a submission beyond the sleep, the most memory of the process that runs
scheduler, client and gradebook, the size of the gradebook, the seconds for the pages, and those that headless Chromium,
where there is one, takes to open class.html.
"""

import argparse
import io
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from gradebook import __main__ as gradebook
from gradebook.store import NAME
from staff.proofs import simulated

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="scale-") as place:
        folder = Path(place, "class")
        _hand_in(folder, args.count)
        first, out = _run(folder, args.workers)
        again, _ = _run(folder, args.workers)  # nothing is left to grade: intake and pages alone
        graded = first - again
        over = graded * args.workers / args.count - simulated.SECONDS
        print(f"{args.count} submissions in {graded:.0f} s on {args.workers} workers: {1000 * over:.1f} ms each "
              f"beyond the {1000 * simulated.SECONDS:.0f} ms of sleep")  # fmt: skip
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"scheduler, client and gradebook in one process: {peak:.0f} MB at most")
        print(f"{NAME}: {(out / NAME).stat().st_size / 1e6:.0f} MB")
        print(
            f"intake, sheets and pages: {again:.1f} s; class.html: {(out / 'class.html').stat().st_size / 1e6:.1f} MB"
        )
        print(f"class.html opens in {_time_opening(out / 'class.html')}")
    return 0


def _hand_in(folder: Path, count: int) -> None:
    for i in range(count):
        path = folder / f"student{i:05}" / "style_utils.py"
        path.parent.mkdir(parents=True)
        path.write_text(f"# {i}\n")


def _run(folder: Path, workers: int) -> tuple[float, Path]:
    """The seconds, and the folder of what came out."""
    args = gradebook.parse_args([str(folder), "--workers", str(workers)])
    started = time.monotonic()
    code = gradebook.grade_class(args, Console(file=io.StringIO()), function=simulated.grade)
    if code:
        raise RuntimeError("expected all submissions to be graded, got some that are marked: run it again")
    return time.monotonic() - started, args.out


def _time_opening(page: Path) -> str:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        return "a browser, of which there is none here"
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    seconds = []
    for address in ("about:blank", page.resolve().as_uri()):
        started = time.monotonic()
        subprocess.run([*command, address], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        seconds.append(time.monotonic() - started)
    return f"{seconds[1] - seconds[0]:.1f} s, beyond the {seconds[0]:.1f} s of an empty page"


if __name__ == "__main__":
    sys.exit(main())
