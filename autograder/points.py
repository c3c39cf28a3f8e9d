"""Show what each test is worth, beside the points of the parts in assignment.toml.

    python -m autograder.points        (or: make points)

prints the parts, their tests and their points, and what is hidden. Exits with 1 where the tests of a part are not worth
together what assignment.toml says: each test says with its mark what it is worth, `@pytest.mark.points(1.5)`, and its
cases share that. So points follow what is tested, not how often.
"""

import sys
from collections import defaultdict

from autograder import grade
from autograder.assignment import HIDDEN, NAME, TESTS, Assignment, read
from autograder.results import Test


def main() -> int:
    wrong = show(_collect(read()), read())
    for sentence in wrong:
        print(sentence, file=sys.stderr)
    return int(bool(wrong))


def _collect(assignment: Assignment) -> dict[str, Test]:
    """The tests of the whole suite as they stand in the results, by their ids in pytest."""
    results, problems = grade.collect(assignment)
    if problems:
        raise SystemExit(problems[0])
    return {name: test for name, test in results.tests.items() if test.part != "rules"}


def show(tests: dict[str, Test], assignment: Assignment) -> list[str]:
    """Print the table; return a sentence for each part whose tests are worth more or less than it."""
    wrong = []
    for name, part in assignment.parts.items():
        own = {case: test for case, test in tests.items() if test.part == name}
        hidden = sum(test.max_score for case, test in own.items() if HIDDEN in case)
        print(f"\n{part['number']} {part['title']}: {part['points']:g} points, {hidden:g} of them hidden")
        functions = defaultdict(list)
        for case, test in own.items():
            functions[case.partition("[")[0]].append(test.max_score)
        for function, shares in functions.items():
            cases = f"  {len(shares)} cases" if len(shares) > 1 else ""
            print(f"  {sum(shares):5.2f}  {function}{cases}")
        total = round(sum(test.max_score for test in own.values()), 2)
        if total != part["points"]:
            files = ", ".join(sorted({case.partition("::")[0] for case in own})) or f"{TESTS}/ and {HIDDEN}/"
            wrong.append(
                f"{name}: expected tests that are worth {part['points']:g} points together, as in {NAME}, "
                f"got {total:g}: change the points in {files}"
            )
    total = sum(entry["points"] for kind in (assignment.parts, assignment.rules) for entry in kind.values())
    hidden = sum(test.max_score for case, test in tests.items() if HIDDEN in case)
    print(f"\nRules: {sum(rule['points'] for rule in assignment.rules.values()):g} points")
    print(f"All together: {total:g} points, {hidden:g} of them hidden")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
