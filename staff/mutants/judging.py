"""Judges a variant as the grader judges a submission, by a fork server that a process keeps for many of them."""

import multiprocessing.util
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from autograder import grade, intake, rules, workspace
from autograder.assignment import ROOT, read
from autograder.client import Client
from autograder.plugin import GradingPlugin
from autograder.probing import Prober
from autograder.results import Results
from staff.mutants import variants
from staff.references.remembering import remember

SECONDS = 120  # for one variant
HALF = 0.005  # a hundredth of a point, to which points are rounded, by two


@dataclass
class VariantVerdict:
    variant: variants.Variant
    had: float
    most: float
    named: bool
    misnamed: bool  # what must not be said was said
    silent: list[str]  # tests that failed, and do not name the mistake
    said: str  # of the first test that failed
    problems: list[str]  # the grader's own

    @property
    def good(self) -> bool:
        if self.problems or self.misnamed:
            return False
        if not self.variant.says:
            return self.had == self.most
        within = self.variant.least * self.most - HALF <= self.had <= self.variant.most * self.most + HALF
        return within and self.had < self.most


def start(seed: int) -> None:
    """Start, once in each process, a fork server, and make the folder that it runs student code from."""
    global client, project, seed_of_hidden
    seed_of_hidden = seed
    work = Path(tempfile.mkdtemp(prefix="mutants-"))
    work.chmod(0o711)
    project = work / "project"
    workspace.build(project, intake.Submission(files=variants.solution()), read())
    client = Client(project, [ROOT, Path.home()])
    client.start()
    remember()
    multiprocessing.util.Finalize(None, _end, args=(work,), exitpriority=1)


def _end(work: Path) -> None:
    client.__exit__()
    shutil.rmtree(work, ignore_errors=True)


def judge(variant: variants.Variant) -> VariantVerdict:
    if variant.problem:
        return VariantVerdict(variant, 0, 0, False, False, [], "", [variant.problem])
    taken = intake.Submission(files=variants.solution() | variant.files)
    for name, data in taken.files.items():
        (project / name).write_bytes(data)
    results = Results()
    prober = Prober(lambda: client, read().limits, time.monotonic() + SECONDS)
    prober.client = client
    grade.run_tests(GradingPlugin(prober, results, read(), seed_of_hidden), variant.part)
    tests = [test for test in results.tests.values() if test.part == variant.part]
    if not variant.says:
        rules.check(taken, results, prober, read())
        tests = [test for test in results.tests.values() if test.part in (variant.part, "rules")]
    failed = [test for test in tests if test.score < test.max_score]
    said = [message(test.output) for test in failed]
    return VariantVerdict(
        variant,
        sum(test.score for test in tests),
        sum(test.max_score for test in tests),
        all(any(sentence in text for text in said) for sentence in variant.says),
        bool(variant.never) and any(variant.never in text for text in said),
        [test.name for test, text in zip(failed, said) if not any(sentence in text for sentence in variant.says)],
        f"{failed[0].name}\n{failed[0].output}" if failed else "",
        prober.problems,
    )


def message(output: str) -> str:
    """Return it without the test's own line at the top, and without the advice of what to read, which all get."""
    return "\n".join(line for line in output.partition("\n\n")[2].splitlines() if "To read:" not in line)
