"""Write what was measured: benchmarks/results.json and the table in docs/performance.md."""

import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.harness import Case, ratio
from pretrained.files import write_whole

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).with_name("results.json")
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- The table: written by make bench -->", "<!-- End of the table -->"
LOSS = 0.2  # of a ratio, that `check` lets pass
PACKAGES = ("torch", "torchvision", "captum", "grad-cam", "torchattacks", "numpy")


def line(case: Case, results: dict[str, dict]) -> dict:
    """One line of results.json, kept of a case: times, memory, ratios to ours, and what was aimed at."""
    return {
        "work": case.work,
        "size": case.size,
        "results": results,
        "ratios": {name: round(ratio(results, name), 3) for name in results if name != "ours"},
        "targets": dict(case.targets),
    }


def machine(threads: int) -> dict:
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        cpu = next((row.split(":")[1].strip() for row in info.read_text().splitlines() if "model name" in row), cpu)
    return {
        "processor": cpu,
        "cores": os.cpu_count(),
        "threads": threads,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
    }


def as_text(name: str, line: dict) -> str:
    """One line for the terminal."""
    parts = [f"{contestant} {_time(result['median'])}" for contestant, result in line["results"].items()]
    return f"{name}: " + ", ".join(parts)


def write(measured: dict) -> None:
    write_whole(RESULTS, json.dumps(measured, indent=1) + "\n")
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    write_whole(PAGE, f"{before}{BEGIN}\n\n{_markdown(measured)}\n{END}{rest.partition(END)[2]}")
    print(f"wrote {RESULTS} and {PAGE}")


def check(measured: dict, committed: dict) -> int:
    """Print each ratio that is worse than the committed one by more than LOSS; 1 if there is one."""
    worse = 0
    for name, line in measured["lines"].items():
        for contestant, now in line["ratios"].items():
            before = committed["lines"].get(name, {}).get("ratios", {}).get(contestant)
            if before is None:
                continue
            loss = (now / before if contestant == "limit" else before / now) - 1
            if loss > LOSS:
                worse += 1
                print(f"slower: {name}, against {contestant}: {before:.2f} became {now:.2f}")
    print("nothing became slower" if not worse else f"{worse} ratios are more than {LOSS:.0%} worse than committed")
    return 1 if worse else 0


def _markdown(measured: dict) -> str:
    about = measured["machine"]
    packages = ", ".join(f"{name} {number}" for name, number in about["packages"].items() if number)
    rows = [
        f"{about['processor']}, {about['cores']} cores, {about['threads']} threads, seconds of the wall; "
        f"{about['system']}, Python {about['python']}; {packages}. Load before and after: {measured['load'][0]} and "
        f"{measured['load'][1]}; {measured['minutes']} minutes in all.",
        "",
        "| work | size | ours | ... their layout | Captum | ... our layout | pytorch-grad-cam | ... our layout "
        "| torchattacks | classic | limit | targets |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    columns = (
        "ours, their layout", "Captum", "Captum, our layout", "pytorch-grad-cam", "pytorch-grad-cam, our layout",
        "torchattacks", "classic", "limit",
    )  # fmt: skip
    for row in measured["lines"].values():
        results, ratios = row["results"], row["ratios"]
        cells = [f"{ratios[name]:.2f}{_memory(results[name])}" if name in ratios else "" for name in columns]
        ours = results["ours"]
        spread = (ours["quartiles"][1] - ours["quartiles"][0]) / ours["median"]
        met = ", ".join(_verdict(name, goal, ratios) for name, goal in row["targets"].items())
        rows.append(
            f"| {row['work']} | {row['size']} | {_time(ours['median'])} ± {spread / 2:.0%}{_memory(ours)} "
            f"| {' | '.join(cells)} | {met} |"
        )
    return "\n".join(rows) + "\n"


def _verdict(name: str, goal: float, ratios: dict[str, float]) -> str:
    if name not in ratios:
        return ""
    met = ratios[name] <= goal if name == "limit" else ratios[name] >= goal
    return f"{name} {'≤' if name == 'limit' else '≥'} {goal:g} {'met' if met else '**not met**'}"


def _memory(result: dict) -> str:
    return f", {result['MiB']:.0f} MiB" if result["MiB"] >= 1 else ""


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 10 else f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.1f} ms"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
