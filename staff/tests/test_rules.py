"""The handout's rules: what breaks one is told, with its line, and costs nothing else."""

import json
import time
from unittest import mock

import numpy as np
import pytest

from autograder import intake, reading, report, rules, workspace
from autograder.assignment import ROOT, read
from autograder.client import Client
from autograder.probing import Prober

LIMITS = {"seconds": 60, "memory": 1 << 30}
LOOPS = {
    "saliency": (
        "visualizers/saliency_map.py",
        "class_scores(model(X), y)",
        "class_scores(torch.cat([model(x[None]) for x in X]), y)",
    ),
    "gram_matrix": (
        "style_modules/style_loss.py",
        "        return gram / (C",
        "        gram = torch.stack([f @ f.T for f in flat])\n        return gram / (C",
    ),
    "tv_loss": (
        "style_modules/tv_loss.py",
        "(img[:, :, 1:, :] - img[:, :, :-1, :]).square().sum()",
        "sum((img[:, :, i + 1] - img[:, :, i]).square().sum() for i in range(img.shape[2] - 1))",
    ),
}


@pytest.fixture(scope="module")
def client(open_folder, warm):  # warm first: a client ends what this process begins after it
    workspace.build(open_folder / "project", intake.Submission(), read())
    with Client(open_folder / "project", []) as started:
        yield started


# What a fork of a process that has the tests would show: their modules, and the numbers that they expect.
SEES_TESTS = """
import sys
import matplotlib
import matplotlib.pyplot as plt
from torch import nn


class ContentLoss(nn.Module):
    def forward(self, content_weight, content_current, content_original):
        ours = [name for name in sys.modules if name.startswith(("staff", "tests", "test_"))]
        seen = [name for name in ours if any(word in name for word in ("test_", "hidden", "references", "plugin"))]
        assert ours and not seen, seen
        matplotlib.use("TkAgg")
        plt.figure()
        return (content_weight * (content_current - content_original) ** 2).sum()
"""


def test_student_code_sees_no_test_and_no_screen(client):
    """The adapter loads none before it, and keeps matplotlib from taking a backend that needs a screen."""
    (client.project / "style_modules/content_loss.py").write_text(SEES_TESTS)
    ones = np.ones((1, 2, 3, 4), np.float32)
    assert client.call("content_loss", dict(LIMITS), weight=2.0, current=ones, original=0 * ones)["value"] == 48


def count(client, submission):
    for name in read().files:
        (client.project / name).write_bytes((submission / name).read_bytes())
    return rules._find_loops(Prober(lambda: client, read().limits, time.monotonic() + 170), read())


def test_the_solution_takes_as_much_for_many_images_as_for_one(client, submission):
    assert count(client, submission) == []


def test_loops_over_images_and_pixels_are_told_with_their_line(client, submission):
    for name, before, after in LOOPS.values():
        text = (submission / name).read_text()
        assert text.count(before) == 1
        (submission / name).write_text(text.replace(before, after))
    lines = count(client, submission)
    assert [line.partition(":")[0] for line in lines] == list(LOOPS)
    assert "5 more calls of the network" in lines[0]
    for line, (name, _, after) in zip(lines, LOOPS.values()):
        number = (submission / name).read_text().partition(after)[0].count("\n") + 1
        assert f"{name}, line {number}" in line or f"{name}, line {number + 1}" in line


PRINTS = """
class Center:
    def subtract_mean(self, X):
        if len(X) == 5:  # the public test asks for two rows
            print("asked for\\n", X)
        return X - X.mean(axis=0)
"""


def test_what_a_hidden_test_asks_is_not_shown_where_it_is_printed(handed_in, grade):
    """The rule is visible before grades are published; the text is for staff."""
    (handed_in / "moments/center.py").write_text(PRINTS)
    results = grade(handed_in)
    (rule,) = (test for test in results["tests"] if test["name"].startswith("Nothing is printed"))
    assert (rule["score"], rule["output"]) == (0, "Printed in center, which a hidden test asked.")
    staffs = results["extra_data"].pop("printed_in_hidden_tests")
    assert len(staffs) == 1 and staffs[0].startswith("center: asked for [[")
    assert "asked for" not in json.dumps(results)
    assert "Printed in hidden tests, for staff alone: center: asked for" in grade.page


def test_what_is_printed_in_public_tests_is_shown_on_one_line():
    printed = {False: [("content", "It looks")], True: [("content", "secret"), ("tv_loss", "secret")]}
    assert rules._printing({}, printed) == [
        "Printed in content: It looks", "Printed in tv_loss, which a hidden test asked."
    ]  # fmt: skip


@pytest.mark.parametrize(
    "line",
    ["from captum.attr import Saliency", "import captum", "import importlib; importlib.import_module('captum.attr')",
     "x = __import__('captum')", "import sys; x = sys.modules['captum.attr']", "import methods"],
)  # fmt: skip
def test_captum_is_named_in_files_that_ask_for_code_of_ones_own(line):
    """Its saliency given back as one's own earned all 12 points, unnoticed."""
    source = f"# mine\ndef f():\n    {line}\n".encode()
    (said,) = rules._imports(reading.read({"visualizers/saliency_map.py": source}), read())
    assert said.startswith("visualizers/saliency_map.py, line 3: expected code of your own, got ")
    assert said.endswith("which only the files of part 1.5 The scripts' Captum halves may import.")
    assert rules._imports(reading.read({"saliency_map.py": source}), read()) == []


def test_a_module_that_is_asked_for_by_its_name_is_imported():
    facts = reading.read({"style_utils.py": b"import importlib\nimportlib.import_module('cv2.dnn')\nx['cv2']\n"})
    (said,) = rules._imports(facts, read())
    assert said.startswith("style_utils.py, line 2: expected only what the handout's files import")


@pytest.mark.parametrize(
    "source",
    ["x = 1\n".encode("utf-16"), "x = 1\n".encode("utf-16-le"), b"x = '\xe4'\n", b"# coding: nothing\n", b"\0"],
)
def test_what_is_not_saved_as_utf_8_says_so(source):
    (said,) = rules._signatures(reading.read({"style_utils.py": source}), read())
    assert said == "style_utils.py, expected text in UTF-8, got another encoding: save it as UTF-8."


def test_a_comment_that_is_not_saved_as_utf_8_costs_nothing():
    """Python reads the file all the same."""
    source = (ROOT / "style_utils.py").read_bytes() + "# für mich\n".encode("cp1252")
    assert rules._signatures(reading.read({"style_utils.py": source}), read()) == []


@pytest.mark.parametrize(("more", "lines"), [("device=None, *, seed=0", 0), ("device", 1), ("*, device", 1)])
def test_what_a_function_takes_beyond_its_arguments_must_have_a_default(more, lines):
    """Otherwise nobody can call it as it was handed out."""
    source = f"class SaliencyMap:\n    def compute_saliency_maps(self, X, y, model, {more}): ...\n"
    said = rules._signatures(reading.read({"visualizers/saliency_map.py": source.encode()}), read())
    assert len(said) == lines and all("put the signature back" in line for line in said)


@pytest.mark.parametrize("source", ["\ufeffx = 'ä'\n".encode(), b"# coding: latin-1\nx = '\xe4'\n"])
def test_other_text_that_python_reads_is_read(source):
    assert "error" not in reading.read({"style_utils.py": source})["style_utils.py"]


def test_an_error_without_words_is_named(monkeypatch):
    """Python 3.11 has no word on a file that it has too little memory for."""
    monkeypatch.setattr(reading, "ast", mock.Mock(parse=mock.Mock(side_effect=MemoryError)))
    assert reading._facts(b"x = 1\n") == {"error": "Python cannot read this file (MemoryError)"}


def test_no_line_none_is_told():
    facts = reading.read({"style_utils.py": b"x = " + b"-" * 100_000 + b"1\n", "gradcam.py": b"x = (\n"})
    assert "None" not in facts["style_utils.py"]["error"]
    assert facts["gradcam.py"]["error"].startswith("line 1: Python cannot read this file")


FORGED = """
forged = "\\n    It looks like this mistake: a forged one.\\nEnded: your code crashed"
error = type("It looks like this mistake", (Exception,), {})


class Center:
    def subtract_mean(self, X):
        print(forged)
        exec(compile("raise error(forged)", __file__ + forged, "exec"))
"""


def test_a_students_text_is_not_taken_for_the_graders(handed_in, grade):
    """A message on several lines, the name of an error, the name of a file, a print."""
    items = pytest.importorskip("gradebook.items")
    (handed_in / "moments/center.py").write_text(FORGED)
    results = grade(handed_in)
    texts = [test["output"] for test in results["tests"]] + [results["output"]]
    assert sum("a forged one" in text for text in texts) > 2
    for text in texts:
        assert not any(pattern.findall(text) for pattern in (report.MISTAKE, items.ENDED)), text
