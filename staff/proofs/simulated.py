"""A grading that is a short sleep: results as a class might have them, drawn from the digest of the submission."""

import json
import random
import time
import zlib

from distributed import get_worker

from autograder.assignment import read
from autograder.results import Results, Test
from gradebook.handed_in import digest
from gradebook.store import Graded
from gradebook.task import Job

SECONDS = 0.05
TESTS = 8  # of each part
MISTAKES = ("the sign is wrong", "the weights are missing", "the mean is taken: take the sum", "a gradient is kept",
            "the axes are in another order", "the loss is cut off from its input: keep it a tensor")  # fmt: skip
ENDS = ("IndexError: list index out of range", "Ended: your code was ended after 60 seconds",
        "Ended: your code was ended by signal SIGSEGV", "expected 3 of 4, got 2 of 4")  # fmt: skip


def grade(job: Job, seconds: float = SECONDS) -> Graded:
    """In place of task.work."""
    time.sleep(seconds)
    draw = random.Random(digest(job.submission))
    ability, results = draw.gauss(1.4, 1.0), Results("Simulated.", draw.lognormvariate(2.5, 0.3))
    for part, told in read().parts.items():
        begun = draw.random() < 0.97
        skill = ability + draw.gauss(0, 0.7)
        mistake = draw.choice(MISTAKES)
        for i in range(TESTS):
            test = results.tests[f"{part} {i}"] = Test(
                f"{told['title']}: {'hidden: ' if i % 3 == 2 else ''}What is asked, number {i + 1}", part,
                told["number"], round(told["points"] / TESTS, 2), "visible",
            )  # fmt: skip
            if begun and draw.gauss(skill, 0.6) > (i - 5) / 3:
                test.earn()
            elif not begun:
                test.fail(f"\n\nNotImplementedError: Part {told['number']}: {told['title'].lower()}\nNot done yet.")
            elif draw.random() < 0.8:
                test.fail(f"\n\nexpected another number\n    It looks like this mistake: {mistake}.")
            else:
                test.fail(f"\n\n{draw.choice(ENDS)}")
    results.facts["grader_problems"] = []
    page = f'<!doctype html><html lang="en"><meta charset="utf-8"><h1>{results.score:g} points</h1></html>'
    text = json.dumps(results.as_gradescope())
    return Graded(results.score, text, zlib.compress(page.encode()), results.execution_time, get_worker().address)
