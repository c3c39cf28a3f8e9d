"""Run all benchmarks and write the table, or check that nothing became slower.

    python -m benchmarks            (or: make bench)
    python -m benchmarks --check    (or: make bench-check)

Writes benchmarks/results.json and the table in docs/performance.md. With --check it writes
nothing: it measures the lines that have a target again, compares ratios, never seconds, with benchmarks/results.json,
and ends with status 1 if one is more than a fifth worse.
"""

import argparse
import json
import os
import sys
import time

from benchmarks import (
    bench_class_visualization,
    bench_fooling_image,
    bench_gradcam,
    bench_saliency_map,
    bench_scripts,
    bench_style_transfer,
    harness,
    table,
)

BENCHMARKS = (
    bench_saliency_map,
    bench_gradcam,
    bench_fooling_image,
    bench_class_visualization,
    bench_style_transfer,
    bench_scripts,
)
THREADS = min(2, os.cpu_count() or 1)
SECONDS = 20.0  # for a line with a target, others a fourth


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="compare with the committed table instead of writing it")
    parser.add_argument(
        "--only", default="", metavar="WORD", help="the lines whose name has this in it; writes nothing"
    )
    args = parser.parse_args(argv)
    cases = [case for benchmark in BENCHMARKS for case in benchmark.cases() if args.only in case.name]
    if args.check:
        cases = [case for case in cases if case.targets]

    start, load = time.perf_counter(), os.getloadavg()[0]
    lines: dict[str, dict] = {}
    for case in cases:
        results = harness.run(case, THREADS, SECONDS if case.targets else SECONDS / 4)
        lines[case.name] = table.line(case, results)
        print(table.as_text(case.name, lines[case.name]), flush=True)
    measured = {
        "machine": table.machine(THREADS),
        "load": [round(load, 1), round(os.getloadavg()[0], 1)],
        "minutes": round((time.perf_counter() - start) / 60, 1),
        "lines": lines,
    }
    if args.check:
        return table.check(measured, json.loads(table.RESULTS.read_text()))
    if not args.only:
        table.write(measured)
    return 0


if __name__ == "__main__":
    sys.exit(main())
