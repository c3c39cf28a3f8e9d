"""Measure how far the solution stays below the graded tests' tolerances, over threads, memory formats and seeds.

    python -m staff.proofs.noise [--seeds 10]        (or: make noise)

Expect some ten minutes, a line for each way of running, and the smallest margins: tolerance over error of each
comparison, where 1 would be a failure. Exits with 1 if a test fails, or a margin is below LEAST. The tests run in this
process, as students run them; run it with another Python to try another version of PyTorch.
"""

import argparse
import contextlib
import io
import itertools
import sys
from collections import defaultdict

import numpy as np
import pytest
import torch

from autograder.assignment import ROOT
from autograder.plugin import SEED
from staff.references.remembering import remember
from tests import compare, probes

THREADS = 1, 2, 4
LEAST = 5


class Noise:
    """A pytest plugin: graded tests alone, with one number of threads, memory format and seed for the probes."""

    def __init__(self, threads: int, channels_last: bool, seed: int, margins: dict[str, float]) -> None:
        self.threads, self.channels_last, self.seed, self.margins = threads, channels_last, seed, margins
        self.failed: list[str] = []
        self.passed = 0

    def reach(self, name: str, **arguments: object) -> dict:
        if self.channels_last and "network" in arguments:
            arguments["channels_last"] = True
        torch.set_num_threads(self.threads)
        try:
            return probes.call(name, **arguments)
        finally:
            torch.set_num_threads(1)

    def pytest_configure(self, config: pytest.Config) -> None:
        config.stash[probes.REACH], config.stash[SEED] = self.reach, self.seed

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if item.get_closest_marker("points")]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item):
        own = compare.assert_close

        def measure(name, got, expected, tolerance, *arguments, **keywords):
            own(name, got, expected, tolerance, *arguments, **keywords)
            if tolerance:
                error = compare.relative_error(np.reshape(got, np.shape(expected)), expected)
                self.margins[item.nodeid] = min(self.margins[item.nodeid], tolerance / error if error else np.inf)

        compare.assert_close = measure
        try:
            return (yield)
        finally:
            compare.assert_close = own

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.append(f"{report.nodeid}: {report.longreprtext.strip().splitlines()[-1]}")
        self.passed += report.when == "call" and report.passed


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    seeds = parser.parse_args(argv).seeds
    remember()  # with one seed, hidden tests ask the same whatever the way of running
    margins: dict[str, float] = defaultdict(lambda: np.inf)
    failed = []
    print(f"PyTorch {torch.__version__}, {seeds} seeds")
    for threads, channels_last in itertools.product(THREADS, (False, True)):
        passed = 0
        for seed in range(seeds):
            folders = [ROOT / "staff" / "hidden", *([ROOT / "tests"] if seed == 0 else [])]  # seeds are for hidden ones
            noise = Noise(threads, channels_last, seed, margins)
            options = ["-q", "-p", "no:cacheprovider", "-o", "timeout=0", f"--rootdir={ROOT}", *map(str, folders)]
            with contextlib.redirect_stdout(io.StringIO()):
                pytest.main(options, plugins=[noise])
            passed += noise.passed
            failed += noise.failed
        print(f"{threads} threads, channels last {'on' if channels_last else 'off':3}: {passed} passed", flush=True)
    print(f"{len(failed)} failed", *sorted(set(failed)), sep="\n    ")
    smallest = sorted(margins.items(), key=lambda entry: entry[1])[:10]
    print("smallest margins:", *(f"{margin:8.1f}  {test}" for test, margin in smallest), sep="\n")
    return int(bool(failed) or smallest[0][1] < LEAST)


if __name__ == "__main__":
    sys.exit(main())
