"""What each test is worth, beside the points of the parts in assignment.toml.

    python -m staff.grader.points        (or: make points)

prints the parts, their tests and their points, and what is hidden. Exits with 1 where the tests of a part are not worth
together what assignment.toml says: each test says with its mark what it is worth, `@pytest.mark.points(1.5)`, and its
cases share that. So points follow what is tested, not how often.
"""

import sys
import time
import tomllib
from collections import defaultdict
from pathlib import Path

from staff.grader import assignment

ROOT = Path(__file__).resolve().parents[2]


def read() -> dict:
    return tomllib.loads((ROOT / assignment.NAME).read_text())


def title(part: str, table: dict) -> str:
    """The number and title of a part, or "Rules"."""
    entry = table["parts"].get(part)
    return f"{entry['number']} {entry['title']}" if entry else "Rules"


def is_ungraded(path: Path) -> bool:
    """Whether this is a module of tests of which none earns points, or a folder of such modules."""
    modules = list(path.rglob("test_*.py")) if path.is_dir() else [path] * path.match("test_*.py")
    return bool(modules) and not any("mark.points" in module.read_text() for module in modules)


def of_cases(tests: dict[str, tuple[str, float]]) -> dict[str, float]:
    """The points of each case. tests: of each case, the test that it belongs to, and what all its cases are worth.

    In hundredths, so that they sum to that exactly: what is left over goes to the last.
    """
    cases, worth = defaultdict(list), {}
    for case, (test, points) in tests.items():
        cases[test].append(case)
        worth[test] = points
    shares = {}
    for test, names in cases.items():
        share = round(worth[test] / len(names), 2)
        shares |= dict.fromkeys(names, share)
        shares[names[-1]] = round(worth[test] - share * (len(names) - 1), 2)
    return shares


def main() -> int:
    tests, table = _collected(), read()
    wrong = _told(tests, table)
    for sentence in wrong:
        print(sentence, file=sys.stderr)
    return int(bool(wrong))


def _collected() -> dict:
    """The tests of the whole suite as they stand in the results, by their ids in pytest."""
    from staff import grade
    from staff.grader.plugin import GradingPlugin
    from staff.grader.reach import Reach
    from staff.grader.results import Results

    table, results = read(), Results()
    reach = Reach(_no_client, table["limits"], time.monotonic())
    grade.run_tests(GradingPlugin(reach, results, table, 0), ROOT, "", "--collect-only")
    if reach.problems:
        raise SystemExit(reach.problems[0])
    return {name: test for name, test in results.tests.items() if test.part != "rules"}


def _no_client() -> None:
    raise RuntimeError("tests are collected here, not run")


def _told(tests: dict, table: dict) -> list[str]:
    """Prints the table. Returns a sentence for each part whose tests are worth more or less than it."""
    wrong = []
    for name, part in table["parts"].items():
        own = {case: test for case, test in tests.items() if test.part == name}
        hidden = sum(test.max_score for case, test in own.items() if "/hidden/" in case)
        print(f"\n{part['number']} {part['title']}: {part['points']:g} points, {hidden:g} of them hidden")
        functions = defaultdict(list)
        for case, test in own.items():
            functions[case.partition("[")[0]].append(test.max_score)
        for function, shares in functions.items():
            cases = f"  {len(shares)} cases" if len(shares) > 1 else ""
            print(f"  {sum(shares):5.2f}  {function}{cases}")
        total = round(sum(test.max_score for test in own.values()), 2)
        if total != part["points"]:
            files = ", ".join(sorted({case.partition("::")[0] for case in own})) or "tests/ and staff/hidden/"
            wrong.append(
                f"{name}: expected tests that are worth {part['points']:g} points together, as in assignment.toml, "
                f"got {total:g}: change the points in {files}"
            )
    total = sum(entry["points"] for kind in ("parts", "rules") for entry in table[kind].values())
    hidden = sum(test.max_score for case, test in tests.items() if "/hidden/" in case)
    print(f"\nRules: {sum(rule['points'] for rule in table['rules'].values()):g} points")
    print(f"All together: {total:g} points, {hidden:g} of them hidden")
    return wrong


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
