"""The handout's rules: names, imports, prints, and much computed together. assignment.toml says what each costs."""

from autograder import reading
from autograder.assignment import Assignment
from autograder.intake import Submission
from autograder.probing import DEADLINE, Prober, StudentError
from autograder.results import Results, Test

SLACK = 5  # operations more are let pass: a warning's, for instance


def register(results: Results, assignment: Assignment) -> None:
    for name, rule in assignment.rules.items():
        results.tests[f"rules::{name}"] = Test(rule["title"], "rules", "R", rule["points"], "visible")


def check(submission: Submission, results: Results, prober: Prober, assignment: Assignment) -> None:
    """Fill in the tests that `register` made. A submission in which nothing works has not kept them either."""
    if not results.tests:
        register(results, assignment)  # pytest broke off before it had collected the tests
    if not any(test.score for test in results.tests.values()):
        for name in assignment.rules:
            results.tests[f"rules::{name}"].fail("This counts once at least one test is passed.")
        return
    facts = reading.read(submission.files)
    if secret := [f"{probe}: {text}" for probe, text in dict.fromkeys(prober.printed[True])]:
        results.facts["printed_in_hidden_tests"] = secret
    broken = {
        "signatures": _signatures(facts, assignment) + [f"{name} is missing." for name in submission.missing],
        "imports": _imports(facts, assignment),
        "printing": _printing(facts, prober.printed),
        "vectorized": _find_loops(prober, assignment),
    }
    for name in assignment.rules:
        test = results.tests[f"rules::{name}"]
        if broken[name]:
            test.fail("\n".join(broken[name][:10]))
        else:
            test.earn()


def _signatures(facts: dict, assignment: Assignment) -> list[str]:
    lines = [f"{name}, {fact['error']}." for name, fact in facts.items() if "error" in fact]
    for name, expected in assignment.signatures.items():
        present = facts.get(name, {}).get("signatures")
        if present is None:
            continue
        for function, arguments in expected.items():
            if function not in present:
                lines.append(f"{name}: expected {function}, found none: its name must stay as it was handed out.")
            elif not _takes(present[function], arguments):
                lines.append(
                    f"{name}: expected {function}({', '.join(arguments)}), "
                    f"got ({', '.join(present[function])[:200]}): put the signature back."
                )
    return lines


def _takes(present: list[str], handed_out: list[str]) -> bool:
    """Return True if a function can be called as it was handed out: what it takes beyond that has defaults."""
    first, more = present[: len(handed_out)], present[len(handed_out) :]
    return [name.rstrip("=") for name in first] == handed_out and all(name.endswith("=") for name in more)


def _imports(facts: dict, assignment: Assignment) -> list[str]:
    lines = []
    for name, fact in facts.items():
        for module, line in fact.get("imports", []):
            part = assignment.only_in.get(module)
            if part and name not in assignment.parts[part]["functions"]:
                lines.append(
                    f"{name}, line {line}: expected code of your own, got {module}, which only the files of part "
                    f"{assignment.heading(part)} may import."
                )
            elif module not in assignment.imports:
                lines.append(
                    f"{name}, line {line}: expected only what the handout's files import and what comes with Python, "
                    f"got {module[:50]}."
                )
    return lines


def _printing(facts: dict, printed: dict[bool, list[tuple[str, str]]]) -> list[str]:
    """Lines for the student, who is not to see what a hidden test asks: of such calls the text is for staff."""
    lines = [f"{name}, line {line}: prints while it is imported." for name, fact in facts.items()
             for line in fact.get("prints", [])]  # fmt: skip
    lines += [f"Printed in {probe}: {text}" for probe, text in dict.fromkeys(printed[False])]
    public = {probe for probe, _ in printed[False]}
    return lines + [f"Printed in {probe}, which a hidden test asked." for probe in dict.fromkeys(
        probe for probe, _ in printed[True] if probe not in public)]  # fmt: skip


def _find_loops(prober: Prober, assignment: Assignment) -> list[str]:
    """Operations and calls of the network, for little and for much."""
    lines, measured, late = [], 0, False
    for probe, what, few, many in assignment.adapter.loops():
        try:
            one, more = (prober.call(probe, count=True, **arguments) for arguments in (few, many))
            operations, calls = (int(more[kind]) - int(one[kind]) for kind in ("operations", "calls"))
        except (StudentError, KeyError, TypeError, ValueError) as problem:
            late |= getattr(problem, "kind", "") == DEADLINE
            continue  # it does not run: the tests of that part say so
        measured += 1
        if operations > SLACK or calls > 0:
            busiest = more.get("busiest")
            hint = f" Most of them come from {' '.join(busiest.split())}." if isinstance(busiest, str) else ""
            lines.append(
                f"{probe}: expected as many operations for {what}, got {operations} more"
                f"{f' and {calls} more calls of the network' if calls else ''}: "
                f"compute all in one pass, without a loop.{hint[:200]}"
            )
    if measured:
        return lines
    return [f"{'No time was left' if late else 'None of the functions runs'}, so nothing could be counted."]
