"""Prove what must hold of a handout before it is given out. Each proof raises ProofError, or returns what it found."""

import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import labs
from autograder import assignment
from staff.handout import contents, markers

BASELINE = 0.0  # points that the handout earns as it is
# The part that each script's first gap names.
SCRIPTS = {part["script"].removesuffix(".py"): name
           for name, part in reversed(assignment.read().parts.items()) if "script" in part}  # fmt: skip
NEED_NO_PART = ("labs.segmentation.four_answers", "labs.segmentation.unlearnt_decoder")  # they run without a solution
LABS = tuple(f"labs.{name}" for name in labs.LABS if f"labs/{name.replace('.', '/')}.py" not in contents.HELD_BACK)
GIVEN = ("visualizers", "style_modules", "style_utils", "image_utils", "collect_submission", "report")
MODULES = (*GIVEN, *SCRIPTS, *LABS)


class ProofError(AssertionError):
    """The handout is not as it must be: what was expected, what came."""


def no_solution_line(folder: Path, root: Path = contents.ROOT) -> str:
    """No line of a solution stands in any file of the handout."""
    parts = contents.part_numbers()
    secret = {line.text.strip(): f"{name}, line {line.number}" for name in contents.list_written()
              for line in markers.solution_lines(name, (root / name).read_text(encoding="utf-8"), parts)}  # fmt: skip
    texts = set()
    for name, number, line in _lines(folder):
        texts.add(name)
        if line.strip() in secret:
            raise ProofError(
                f"{name}, line {number}: expected no line of a solution, got {secret[line.strip()]}: {line.strip()}"
            )
    return f"none of {len(secret)} solution lines is in {len(texts)} files"


def nothing_of_staff(folder: Path, root: Path = contents.ROOT) -> str:
    """No line leads to what is staff's, no marker is left, and what is imported of ours is there."""
    there = {path.stem for path in folder.iterdir()}
    ours = {path.stem for path in root.iterdir() if path.suffix in ("", ".py")} - there
    imported = re.compile(rf"\s*(import|from) ({'|'.join(sorted(ours))})\b")
    texts = set()
    for name, number, line in _lines(folder):
        texts.add(name)
        if imported.match(line) or re.search(r"\bstaff/|\bmake staff|\b(BEGIN|END) (STAFF|SOLUTION)\b", line):
            raise ProofError(
                f"{name}, line {number}: expected nothing of staff's, got {line.strip()!r}: put it between "
                "`# BEGIN STAFF` and `# END STAFF`, or make `# STAFF` the file's first line"
            )
    return f"nothing of staff's is in {len(texts)} texts"


def _lines(folder: Path) -> Iterator[tuple[str, int, str]]:
    """Each line of each text: the file's name, the line's number, the line."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and b"\0" not in (data := path.read_bytes()):
            for number, line in enumerate(data.decode(errors="replace").splitlines(), 1):
                yield path.relative_to(folder).as_posix(), number, line


def same_bytes(one: Path, other: Path) -> str:
    """Two builds are the same file."""
    if one.read_bytes() != other.read_bytes():
        raise ProofError(f"expected two builds of the same bytes, got different ones: compare {one} and {other}")
    return f"two builds are the same {one.stat().st_size / 1e6:.1f} MB"


def installs(folder: Path) -> str:
    """make_venv.sh makes the students' environment from nothing."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHON", "VIRTUAL_ENV")}
    command = ["sh", "environment/make_venv.sh"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise ProofError(f"expected make_venv.sh to install the packages, got: {(done.stdout + done.stderr)[-2000:]}")
    return "the packages are installed into a new environment"


def links_arrive(folder: Path) -> str:
    """Every link and picture of the documents leads to a file of the handout."""
    count = 0
    for document in sorted(folder.rglob("*.md")):
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text(encoding="utf-8")):
            if target.startswith(("http:", "https:", "mailto:")):
                continue
            count += 1
            if not (document.parent / target).exists():
                name = document.relative_to(folder)
                raise ProofError(f"{name}: expected {target} in the handout, found no such file")
    return f"{count} links arrive"


def imports(folder: Path) -> str:
    """Every module can be imported while nothing is solved."""
    done = _python(folder, "-W", "error", "-c", f"import {', '.join(MODULES)}")
    if done.returncode:
        raise ProofError(f"expected modules that can be imported, got: {done.stderr[-2000:]}")
    return f"{len(MODULES)} modules are imported"


def scripts_name_their_part(folder: Path) -> str:
    """Each script ends with the sentence that names the missing part, not with a traceback."""
    numbers = contents.part_numbers()
    for name, part in SCRIPTS.items():
        _must_name(folder, f"Part {numbers[part]}", f"{name}.py")
    return f"{len(SCRIPTS)} scripts name the part that is missing"


def labs_name_their_part(folder: Path) -> str:
    """Each lab needs a part that is not written yet, and ends with the sentence that names it."""
    needing = [name for name in LABS if name not in NEED_NO_PART]
    for name in needing:
        _must_name(folder, r"Part \d\.\d", "-m", name, "--quick")
    return f"{len(needing)} labs name a part that is missing"


def _must_name(folder: Path, part: str, *command: str) -> None:
    """Run a script or lab, which must end with "not written yet" and this part, a pattern."""
    done = _python(folder, *command, "--weights", "embedded", "--out", "unsolved")
    last = (done.stderr.strip().splitlines() or [""])[-1]
    if done.returncode != 1 or "Traceback" in done.stderr or not re.search(f"not written yet: {part}: ", last):
        said = f"expected to end with {part}, got status {done.returncode}: {done.stderr[-2000:]}"
        raise ProofError(f"{' '.join(command)}: {said}")


def tests_fail_for_unsolved_parts_alone(folder: Path) -> str:
    """Every test that fails says which part is not written yet; and every part has tests that fail."""
    outcome = run_tests(folder)
    wrong = [f"{test}: {said[-600:]}" for test, said in outcome.failed.items() if not re.search(r"Part \d\.\d: ", said)]
    if wrong:
        raise ProofError("expected tests that fail for unsolved parts alone, got:\n" + "\n".join(wrong[:5]))
    named = {number for said in outcome.failed.values() for number in re.findall(r"Part (\d\.\d): ", said)}
    silent = set(contents.part_numbers().values()) - named
    if silent:
        raise ProofError(f"expected tests that fail while part {', '.join(sorted(silent))} is unsolved, got none")
    return f"{outcome.passed} tests pass, {len(outcome.failed)} fail for unsolved parts"


def scores(folder: Path, expected: float | None) -> str:
    """The grader gives it exactly the expected points, or all there are."""
    results = grade(folder)
    most = round(sum(test["max_score"] for test in results["tests"]), 2)
    wanted = most if expected is None else expected
    if abs(results["score"] - wanted) > 1e-6 or results["extra_data"].get("grader_problems"):
        surprises = [
            f"{test['name']}: {test['score']:g} of {test['max_score']:g}. {test['output'][:300]}"
            for test in results["tests"]
            if (test["score"] < test["max_score"] if expected is None else test["score"] > 0)
        ]
        problem = f"expected {wanted:g} of {most:g} points, got {results['score']:g}"
        raise ProofError("\n".join([f"{problem}:", *surprises[:5]]))
    return f"{results['score']:g} of {most:g} points"


class Outcome:
    """Outcome of a run of pytest: how many tests passed, and what each that failed said."""

    def __init__(self, report: Path) -> None:
        cases = ElementTree.parse(report).getroot().iter("testcase")
        self.failed: dict[str, str] = {}
        self.passed = 0
        for case in cases:
            problems = [child for child in case if child.tag in ("failure", "error")]
            if problems:
                test = f"{case.get('classname')}::{case.get('name')}"
                self.failed[test] = "".join(f"{p.get('message')}\n{p.text}" for p in problems)
            elif case.find("skipped") is None:
                self.passed += 1


def run_tests(folder: Path, *options: str, python: Callable | None = None) -> Outcome:
    """The handout's own tests, as a student runs them. python: what runs a command in a folder."""
    report = folder / "tests.xml"
    done = (python or _python)(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *options)
    if done.returncode not in (0, 1) or not report.exists():
        said = (done.stdout + done.stderr)[-2000:]
        raise ProofError(f"expected tests that run, got status {done.returncode}: {said}")
    outcome = Outcome(report)
    report.unlink()
    return outcome


def grade(submission: Path) -> dict:
    """Return what the grader writes about a folder or a zip."""
    out = submission.with_name(f"{submission.name}.results.json")
    command = [sys.executable, "-m", "autograder", str(submission.resolve()), "--out", str(out.resolve())]
    done = subprocess.run(command, cwd=contents.ROOT, capture_output=True, text=True)
    if done.returncode:
        raise ProofError(f"expected the grader to end with 0, got {done.returncode}: {done.stderr[-2000:]}")
    return json.loads(out.read_text(encoding="utf-8"))


def borrow_environment(folder: Path) -> None:
    """Let `folder` use this repository's environment, instead of an installation of its own."""
    (folder / ".venv").symlink_to(contents.ROOT / ".venv", target_is_directory=True)


def _python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The environment's Python, in the handout: nothing of this repository is on its path."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    command: Sequence[str] = [str(folder / ".venv" / "bin" / "python"), *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
