"""The whole way: the handout is built, a student solves parts of it, looks, collects, and is graded."""

import ast
import re
import shutil
import subprocess
import sys
import textwrap

import pytest

from autograder import intake
from autograder.assignment import read
from autograder.files import fill
from staff.handout import contents, proofs
from staff.mutants import variants

pytestmark = [pytest.mark.proof, pytest.mark.timeout(900)]

PARTS = read().parts
LOSSES = tuple(name for name in PARTS if name.endswith("_loss"))
HALF = ("saliency", "guided_backprop", "fooling", LOSSES[0], LOSSES[-1])
# What a student who has solved these parts, and nothing else, sees: scripts, their options, and the pictures or words.
SEEN = {
    ("saliency",): [("saliency_map", ["--num", "1"], ["saliency_map_num_1.png"])],
    ("guided_backprop",): [("gradcam", ["--num", "1"], ["gradcam_num_1.png"])],
    ("gradcam",): [("gradcam", ["--num", "1"], ["gradcam_num_1.png"])],
    ("fooling",): [("fooling_image", [], ["fooling_image.png"])],
    ("class_visualization",): [
        ("class_visualization", ["--target", "hay", "--iterations", "2"], ["class_visualization_hay_2_iterations.png"])
    ],
    ("captum",): [
        ("saliency_map", ["--num", "1"], ["saliency_map_captum_num_1.png"]),
        ("gradcam", ["--num", "1"], ["gradcam_captum_num_1.png", "gradcam_layers_num_1.png"]),
    ],
    ("content_loss",): [("style_transfer", [], ["Content Loss Maximum error is 0.000"])],
    ("style_loss",): [
        ("style_transfer", [], ["Gram Matrix Maximum error is 0.000", "Style Loss Maximum error is 0.000"])
    ],
    (LOSSES[-1],): [("style_transfer", [], ["Total Variation Loss Maximum error is 0.000"])],
    (*LOSSES, "style_transfer"): [("style_transfer", ["--iterations", "2"], ["style_transfer_flow_2_iterations.png"])],
}
# A product needs both of its factors, and style transfer with one's own losses needs these.
NEED_OTHERS = {("style_transfer",): {"tests.test_style_transfer::test_style_transfer_with_the_students_own_losses"}}


def solve(folder, parts):
    """Write the solution as a student would: the bodies go where the stubs are."""
    fill(folder, contents.student_files(parts))


def collect(folder):
    """Return what collect_submission.py says, and the zip that it writes."""
    command = [sys.executable, "-I", "-S", "collect_submission.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, folder / "assignment_3_submission.zip"


@pytest.mark.parametrize("parts", [*((part,) for part in PARTS), (*LOSSES, "style_transfer")], ids="+".join)
def test_a_part_that_is_solved_passes_and_shows_before_the_others_are(handout, python, parts):
    """Its own tests pass with nothing else solved, and its script writes its picture, or prints its check."""
    solve(handout, parts)
    outcome = proofs.run_tests(handout, "-m", f"({' or '.join(parts)}) and not scripts", python=python)
    assert outcome.passed and outcome.failed.keys() == NEED_OTHERS.get(parts, set())
    for script, options, expected in SEEN.get(parts, ()):
        shutil.rmtree(handout / "seen", ignore_errors=True)
        done = python(handout, f"{script}.py", "--weights", "embedded", "--out", "seen", *options)
        said = done.stdout + done.stderr
        seen = {path.name.replace("_embedded", "") for path in handout.glob("seen/*.png")}
        assert seen | set(said.splitlines()) >= set(expected)
        assert "Traceback" not in said


def test_a_solution_in_other_words_passes_every_test_that_students_have(handout, python):
    """Each gap is filled as somebody else might, rightly: no test asks for what only our solution does."""
    solve(handout, ["captum"])  # scripts have gaps that nobody wrote in other words
    for module in variants.modules().values():
        if module.FUNCTION and module.PART != "captum":
            type_in(handout / module.FILE, module.FUNCTION, module.WRITTEN)
    outcome = proofs.run_tests(handout, "-m", "not scripts", python=python)
    assert outcome.passed and outcome.failed == {}


def type_in(path, function, code):
    """Replace all from the TODO to the NotImplementedError of a function by the code."""
    before, head, rest = path.read_text(encoding="utf-8").partition(f"def {function}(")
    gap = re.search(r"^( *)# TODO .*?^ *raise NotImplementedError\(.*?\)\n", rest, re.DOTALL | re.MULTILINE)
    code = textwrap.indent(textwrap.dedent(code).strip("\n") + "\n", gap[1])
    path.write_text(before + head + rest[: gap.start()] + code + rest[gap.end() :], encoding="utf-8")


def test_half_of_the_parts_earn_exactly_their_points(handout, python):
    """Tests and scripts run, collect_submission.py names what is missing, and the grader gives the half."""
    solve(handout, HALF)
    outcome = proofs.run_tests(handout, "-m", "saliency or content_loss or style_loss", python=python)
    assert outcome.failed and all("style_loss" in test for test in outcome.failed)
    said = python(handout, "gradcam.py", "--weights", "embedded", "--num", "1").stderr
    assert said.endswith("not written yet: Part 1.2: Grad-CAM\n")

    said, archive = collect(handout)
    for part in PARTS:
        assert (f"(Part {PARTS[part]['number']}: " in said) or part in HALF
    assert "run python class_visualization.py (make figures runs all)" in said
    results = proofs.grade(archive)
    rules = sum(rule["points"] for rule in read().rules.values())
    expected = {part: PARTS[part]["points"] if part in HALF else 0 for part in PARTS} | {"rules": rules}
    assert {part: had for part, (had, _) in results["extra_data"]["parts"].items()} == expected
    assert results["score"] == sum(expected.values())


def test_everything_solved_hands_in_the_solution(handout):
    """The zip that test_budget.py grades. Nothing is left to say before it is handed in, but for the figures."""
    solve(handout, PARTS)
    said, archive = collect(handout)
    told = [line for line in said.splitlines() if line.startswith("- ")]
    half = "visualization/gradcam_num_1_embedded.png was made by another gradcam.py: run its command again."
    assert all("visualization/ has no " in line or "was made as" in line or half in line for line in told), said
    taken = intake.take_in(archive)
    assert {name: ast.dump(ast.parse(data)) for name, data in taken.files.items()} == {
        name: ast.dump(ast.parse((contents.ROOT / name).read_bytes())) for name in read().files
    }
