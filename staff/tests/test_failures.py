"""The screen that students read when tests fail: one screen for a part, one line for what is not written yet."""

import re

import pytest

from autograder.files import fill
from staff.handout import contents
from staff.mutants import variants

pytestmark = [pytest.mark.proof, pytest.mark.timeout(400)]
SCREEN = 50  # lines
WRONG = ("gradcam.grad_cam: ReLU of each channel", "style_loss.gram_matrix: divided by H * W")


@pytest.fixture
def run(handout, python):
    """Return what pytest says with these files of the student, and all others not written yet."""

    def read_screen(files, *options):
        fill(handout, contents.student_files() | files)
        done = python(handout, "-m", "pytest", "-p", "no:cacheprovider", *options)
        assert done.returncode == 1, done.stdout
        return done.stdout

    return read_screen


def test_what_is_not_written_yet_is_one_line_each(run):
    """In this process, in a forked one of xdist, and in a script that a test runs."""
    files = [f"tests/test_{name}.py" for name in ("content_loss", "captum", "scripts")]
    said = run({}, *files, "-m", "content_loss or captum", "-n", "1")
    assert re.findall(r"^(Part .+): \d+ tests? waits? for it$", said, re.MULTILINE) == [
        "Part 1.5: a layer by Captum",
        "Part 1.5: a neuron by Captum",
        "Part 1.5: guided backprop and Guided Grad-CAM by Captum",
        "Part 1.5: integrated gradients by Captum",
        "Part 1.5: layer conductance by Captum",
        "Part 1.5: saliency by Captum",
        "Part 2.1: content loss",
    ]
    assert len(said.splitlines()) < 30 and "FAILURES" not in said
    assert re.search(r" \d+ not written yet in ", said)


@pytest.mark.parametrize("name", WRONG)
def test_a_failing_part_is_read_on_one_screen(run, name):
    variant = next(variant for variant in variants.every() if variant.name == name)
    said = run(variants.solution() | variant.files, "-m", variant.part)
    assert len(said.splitlines()) <= SCREEN
    assert re.search(r" [3-9] failed", said) and all(words in said for words in variant.says)
    assert "tests/compare.py" not in said and "def assert_close" not in said
    assert said.count("To read:") <= 2, "the same advice is given once"


def test_an_error_is_told_with_the_students_line_and_once(run):
    variant = next(variant for variant in variants.every() if variant.name == "saliency_map: batch of five")
    said = run(variants.solution() | variant.files, "-m", "saliency")
    assert len(said.splitlines()) <= SCREEN and " 9 failed" in said
    assert len(re.findall(r"^    visualizers/saliency_map.py, line \d+: ", said, re.MULTILINE)) == 1
    assert len(re.findall(r"^IndexError: ", said, re.MULTILINE)) == 9


def test_whole_tracebacks_are_shown_on_demand(run):
    said = run({}, "-m", "content_loss", "--tb=long", "-k", "7_apart")
    assert "def forward" in said and 'raise NotImplementedError("Part 2.1' in said


def test_an_assertion_of_a_package_is_told_with_the_students_line(run):
    variant = next(v for v in variants.every() if v.name == "captum.integrated_gradients: no target")
    said = run(variants.solution() | variant.files, "tests/test_captum.py")
    assert re.search(r"^    saliency_map.py, line \d+: ", said, re.MULTILINE)
    assert "Captum asks for one class for each image" in said
