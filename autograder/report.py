"""report.html: parts, points, mistakes, messages and pictures on one page that needs nothing else."""

import base64
import re
import textwrap
from collections.abc import Iterable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from autograder.adapter import Pictures
from autograder.assignment import Assignment
from autograder.files import write_whole
from autograder.results import Results, Test, printable

MISTAKE = re.compile(r"^ *It looks like this mistake: (.+)", re.MULTILINE)  # a line of a student's never begins so
SHORT = 200  # characters of a message in the table
UNPROTECTED = "Graded without protection: student code had the rights of whoever graded."
NAMED = 4  # mistakes of one part that the table names


def make_environment(folder: Path) -> Environment:
    """Templates of a folder; what they are given is escaped and printable, what they are not given is an error."""
    environment = Environment(
        loader=FileSystemLoader(folder), undefined=StrictUndefined,
        autoescape=True, trim_blocks=True, lstrip_blocks=True,
        finalize=lambda value: printable(value) if type(value) is str else value,
    )  # fmt: skip
    environment.filters["base64"] = lambda data: base64.b64encode(data).decode()
    return environment


def write(path: Path, results: Results, pictures: dict[str, Pictures], assignment: Assignment) -> None:
    """pictures: of each public test."""
    whose = f"{results.facts['submission']}: " if results.facts.get("submission") else ""
    points = "not graded" if results.ungraded else f"{results.score:g} of {results.max_score:g} points"
    parts = []
    for name, (had, most) in results.parts().items():
        tests = [(test, pictures.get(case, [])) for case, test in results.tests.items() if test.part == name]
        parts.append({
            "name": name, "title": assignment.heading(name), "had": had, "most": most, "tests": tests,
            "mistakes": mistakes(test for test, _ in tests),
        })  # fmt: skip
    page = make_environment(Path(__file__).parent).get_template("report.html")
    remarks = "\n".join(notes(results))
    text = page.render(title=assignment.title, heading=whose + points, results=results, parts=parts, remarks=remarks)
    write_whole(path, text)


def notes(results: Results) -> list[str]:
    """List what staff should know beside the points, one sentence each."""
    facts = results.facts
    lines = [UNPROTECTED] if facts.get("unprotected") else []
    lines += [f"Seed of the hidden inputs: {facts['seed']}. Graded in {results.execution_time:.0f} s."]
    if facts.get("layers_missing"):
        lines.append(f"Layers of isolation that are missing here: {', '.join(facts['layers_missing'])}.")
    if facts.get("open_to_all"):
        lines.append(
            f"A call could leave something for the next in {', '.join(facts['open_to_all'][:10])}: close them."
        )
    if secret := facts.get("printed_in_hidden_tests"):
        lines.append(f"Printed in hidden tests, for staff alone: {'; '.join(secret)[:1000]}.")
    lines += [
        f"The grader itself met a problem: {problem.strip()[:300]}" for problem in facts.get("grader_problems", [])
    ]
    return lines


def mistakes(tests: Iterable[Test]) -> list[str]:
    """The mistakes that these tests recognised; where they did none, the first failing one's message in short."""
    failed = [test for test in tests if test.score < test.max_score]
    found = list(dict.fromkeys(mistake for test in failed for mistake in MISTAKE.findall(test.output)))[:NAMED]
    return found or [textwrap.shorten(useful(test.output), SHORT, placeholder=" ...") for test in failed[:1]]


def useful(output: str) -> str:
    """The first line of a message, after what was asked and before what to read."""
    lines = output.partition("\n\n")[2].splitlines() or output.splitlines()
    return next((line.strip() for line in lines if line.strip()), output.strip())
