"""The handout's rules: names, imports, prints, and images computed together. assignment.toml says what each costs."""

import sys

import numpy as np

from staff.grader import assignment, reading
from staff.grader.intake import Submission
from staff.grader.reach import DEADLINE, Reach
from staff.grader.results import Results, Test

MANY = 6  # images, which must take as many operations and calls of the network as one does
SLACK = 5  # operations more are let pass: a warning's, for instance


def register(results: Results, table: dict) -> None:
    for name, rule in table.items():
        results.tests[f"rules::{name}"] = Test(rule["title"], "rules", "R", rule["points"], "visible")


def check(submission: Submission, results: Results, reach: Reach, table: dict) -> None:
    """Fill in the tests that `register` made. A submission in which nothing works has not kept them either."""
    if not results.tests:
        register(results, table)  # pytest broke off before it had collected the tests
    if not any(test.score for test in results.tests.values()):
        for name in table:
            results.tests[f"rules::{name}"].fail("This counts once at least one test is passed.")
        return
    facts = reading.read(submission.files)
    broken = {
        "signatures": _signatures(facts) + [f"{name} is missing." for name in submission.missing],
        "imports": _imports(facts),
        "printing": _printing(facts, reach.printed),
        "vectorized": _vectorized(reach),
    }
    for name in table:
        test = results.tests[f"rules::{name}"]
        if broken[name]:
            test.fail("\n".join(broken[name][:10]))
        else:
            test.earn()


def _signatures(facts: dict) -> list[str]:
    lines = [f"{name}, {fact['error']}." for name, fact in facts.items() if "error" in fact]
    for name, expected in assignment.read().signatures.items():
        present = facts.get(name, {}).get("signatures")
        if present is None:
            continue
        for function, arguments in expected.items():
            if function not in present:
                lines.append(f"{name}: expected {function}, found none: its name must stay as it was handed out.")
            elif present[function][: len(arguments)] != arguments:
                lines.append(
                    f"{name}: expected {function}({', '.join(arguments)}), "
                    f"got ({', '.join(present[function])[:200]}): put the signature back."
                )
    return lines


def _imports(facts: dict) -> list[str]:
    allowed = {*assignment.read().rules["imports"]["allowed"], *sys.stdlib_module_names}
    return [
        f"{name}, line {line}: expected only what the handout's files import and what comes with Python, got {module}."
        for name, fact in facts.items()
        for module, line in fact.get("imports", [])
        if module not in allowed
    ]


def _printing(facts: dict, printed: list[str]) -> list[str]:
    lines = [f"{name}, line {line}: prints while it is imported." for name, fact in facts.items()
             for line in fact.get("prints", [])]  # fmt: skip
    return lines + [f"Printed in {text}" for text in dict.fromkeys(printed)]


def _vectorized(reach: Reach) -> list[str]:
    """Operations on tensors, counted below autograd, and calls of the network, for one image and for several."""
    from tests.probes import StudentError

    lines, measured, late = [], 0, False
    for probe, what, few, many in _vectorized_calls():
        try:
            one, more = (reach.call(probe, count=True, **arguments) for arguments in (few, many))
            operations, calls = (int(more[kind]) - int(one[kind]) for kind in ("operations", "calls"))
        except (StudentError, KeyError, TypeError, ValueError) as problem:
            late |= getattr(problem, "kind", "") == DEADLINE
            continue  # it does not run: the tests of that part say so
        measured += 1
        if operations > SLACK or calls > 0:
            hint = f" Most of them come from {more['busiest']}." if isinstance(more.get("busiest"), str) else ""
            lines.append(
                f"{probe}: expected as many operations for {what}, got {operations} more"
                f"{f' and {calls} more calls of the network' if calls else ''}: "
                f"compute all in one pass, without a loop.{hint[:200]}"
            )
    if measured:
        return lines
    return [f"{'No time was left' if late else 'None of the functions runs'}, so nothing could be counted."]


def _vectorized_calls():
    """A probe, what is compared, and its arguments for little and for much."""
    rng = np.random.default_rng(0)
    images = rng.standard_normal((MANY, 3, 64, 64)).astype(np.float32)
    labels = np.arange(MANY) % 5
    for probe in ("saliency", "guided_backprop", "grad_cam"):
        few, many = ({"network": "embedded", "X": images[:n], "y": labels[:n]} for n in (1, MANY))
        yield probe, f"{MANY} images as for one", few, many
    features = rng.standard_normal((MANY, 4, 5, 6)).astype(np.float32)
    yield "gram_matrix", f"{MANY} images as for one", {"features": features[:1]}, {"features": features}
    few, many = ({"image": images[:1, :, :size, :size], "weight": 1.0} for size in (4, 64))
    yield "tv_loss", "a large image as for a small one", few, many
