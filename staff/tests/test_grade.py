"""The grader as a whole, by a suite in miniature: right answers, broken ones, and a few attacks."""

import os

import pytest


def points(results):
    return {part: had for part, (had, most) in results["extra_data"]["parts"].items()}


def spoil(submission, name, text):
    (submission / name).write_text(text)


def content_loss(line):
    return f"""
import os, sys, time, torch
from torch import nn
class ContentLoss(nn.Module):
    def forward(self, content_weight, content_current, content_original):
        {line}
"""


def test_the_solution_earns_everything(submission, grade):
    results = grade(submission.parent)  # one level up: the project is found
    assert points(results) == {"saliency": 12, "content_loss": 6, "rules": 4}
    assert results["extra_data"]["grader_problems"] == []
    assert results["extra_data"]["seed"] == 7
    assert all(test["status"] == "passed" for test in results["tests"])


@pytest.mark.parametrize(
    "line",
    [
        "os._exit(0)",
        "sys.exit(0)",
        "raise KeyboardInterrupt",
        "os.kill(os.getppid(), 9)",
        "os.write(3, b'A3F1' + b'x' * 99); os._exit(0)",
        "return (content_weight * (content_current - content_original) ** 2).mean()",
    ],
)
def test_what_breaks_one_part_costs_that_part_alone(submission, grade, line):
    spoil(submission, "style_modules/content_loss.py", content_loss(line))
    results = grade(submission)
    assert points(results) == {"saliency": 12, "content_loss": 0, "rules": 4}


def test_a_loop_that_never_ends_is_ended_by_the_deadline(submission, grade):
    spoil(submission, "style_modules/content_loss.py", content_loss("while True: pass"))
    results = grade(submission, deadline=25)
    assert points(results)["content_loss"] == 0
    assert results["execution_time"] < 35


def test_a_missing_file_is_named_and_costs_its_part_alone(submission, grade):
    (submission / "style_modules/content_loss.py").unlink()
    results = grade(submission)
    assert points(results)["saliency"] == 12
    assert points(results)["content_loss"] == 0
    assert "style_modules/content_loss.py" in results["output"]


@pytest.mark.skipif(os.getuid() != 0, reason="a user of its own needs root")
def test_daemons_and_files_are_gone_afterwards(submission, grade, tmp_path):
    mark = f"left-{os.getpid()}"
    line = f"""
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                for folder in ('/tmp', '/dev/shm', '/var/tmp'):
                    open(folder + '/{mark}', 'w').write('x')
                os.execv('/bin/sh', ['{mark}', '-c', 'trap "" TERM; sleep 300; true'])
            os._exit(0)
        time.sleep(0.3)
        return (content_weight * (content_current - content_original) ** 2).sum()
"""
    spoil(submission, "style_modules/content_loss.py", content_loss(line.strip()))
    grade(submission)
    assert not [folder for folder in ("/tmp", "/dev/shm", "/var/tmp") if os.path.exists(f"{folder}/{mark}")]
    commands = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                commands.append(open(f"/proc/{entry.name}/cmdline").read())
            except OSError:
                pass
    assert not any(command.startswith(mark) for command in commands)


def test_an_empty_submission_earns_nothing(tmp_path, grade):
    (tmp_path / "empty").mkdir()
    results = grade(tmp_path / "empty")
    assert results["score"] == 0
    assert len(results["tests"]) == 7


def test_loops_and_prints_and_imports_cost_their_rule(submission, grade):
    path = submission / "visualizers/saliency_map.py"
    text = path.read_text()
    before, after = text.split("    def compute_saliency_maps", 1)
    loop = '''    def compute_saliency_maps(self, X, y, model):
        print("computing")
        return torch.cat([self._one(X[i:i+1], y[i:i+1], model) for i in range(len(X))])

    def _one'''
    path.write_text(before + loop + after)
    results = grade(submission)
    failed = {test["name"] for test in results["tests"] if test["status"] == "failed"}
    assert failed == {
        "Nothing is printed by import or by the graded functions",
        "Images are computed together, not one by one",
    }
