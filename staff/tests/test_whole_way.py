"""The whole way: the handout is built, a student solves parts of it, looks, collects, and is graded."""

import subprocess
import sys

import pytest

from staff.grader import points
from staff.grader.intake import STUDENT_FILES
from staff.handout import build, contents, proofs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PARTS = points.read()["parts"]
HALF = ("saliency", "guided_backprop", "fooling", "content_loss", "tv_loss")
# What a student who has solved these parts, and nothing else, sees: the script, its options, and the picture.
PICTURES = {
    ("saliency",): ("saliency_map", ["--num", "1"], "saliency_map.png"),
    ("guided_backprop", "gradcam"): ("gradcam", ["--num", "1"], "gradcam.png"),
    ("fooling",): ("fooling_image", [], "fooling_image.png"),
    ("class_visualization",): (
        "class_visualization", ["--target", "hay", "--iterations", "2"], "class_visualization_hay.png",
    ),
    ("content_loss", "style_loss", "tv_loss", "style_transfer"): (
        "style_transfer", ["--iterations", "2"], "style_transfer_flow.png",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def handout(tmp_path_factory):
    folder = tmp_path_factory.mktemp("handout") / "assignment_3"
    build.write_folder(folder)
    proofs.borrow_environment(folder)
    return folder


def solve(folder, parts):
    """As a student would: the bodies go where the stubs are."""
    for name in STUDENT_FILES:
        data = contents.content(name, (contents.ROOT / name).read_bytes(), contents.part_numbers(), parts)
        (folder / name).write_bytes(data)


def run(folder, *arguments):
    command = [str(folder / ".venv" / "bin" / "python"), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def collected(folder):
    """What collect_submission.py says, and the zip that it writes."""
    command = [sys.executable, "-I", "-S", "collect_submission.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, folder / "assignment_3_submission.zip"


# Guided Grad-CAM needs guided backprop, and a picture in a style the losses: these two are solved with what they need.
ALONE = [(part,) for part in PARTS if part not in ("gradcam", "style_transfer")]


@pytest.mark.parametrize("parts", dict.fromkeys([*ALONE, *PICTURES]), ids="+".join)
def test_a_part_that_is_solved_passes_and_shows_before_the_others_are(handout, parts):
    """Its own tests pass with nothing else solved, and its script writes its picture."""
    solve(handout, parts)
    outcome = proofs.run_tests(handout, "-m", f"({' or '.join(parts)}) and not scripts")
    assert outcome.passed and outcome.failed == {}
    if parts in PICTURES:
        script, options, picture = PICTURES[parts]
        done = run(handout, f"{script}.py", "--weights", "embedded", "--out", "seen", *options)
        assert (handout / "seen" / picture).exists(), done.stderr
        assert "Traceback" not in done.stderr


def test_half_of_the_parts_earn_exactly_their_points(handout):
    """Tests and scripts run, collect_submission.py names what is missing, and the grader gives the half."""
    solve(handout, HALF)
    outcome = proofs.run_tests(handout, "-m", "saliency or content_loss or style_loss")
    assert outcome.failed and all("style_loss" in test for test in outcome.failed)
    assert "not written yet: Part 1.2" in run(handout, "gradcam.py", "--weights", "embedded", "--num", "1").stderr

    said, archive = collected(handout)
    for part in PARTS:
        assert (f"(Part {PARTS[part]['number']}: " in said) or part in HALF
    assert "has no picture from class_visualization.py" in said
    results = proofs.grade(archive)
    rules = sum(rule["points"] for rule in points.read()["rules"].values())
    expected = {part: PARTS[part]["points"] if part in HALF else 0 for part in PARTS} | {"rules": rules}
    assert {part: had for part, (had, _) in results["extra_data"]["parts"].items()} == expected
    assert results["score"] == sum(expected.values())


def test_everything_solved_earns_everything(handout):
    """And nothing is left to say before it is handed in, but for the figures."""
    solve(handout, PARTS)
    said, archive = collected(handout)
    told = [line for line in said.splitlines() if line.startswith("- ")]
    assert all("has no picture" in line or "is older than" in line for line in told), said
    results = proofs.grade(archive)
    assert results["score"] == round(sum(test["max_score"] for test in results["tests"]), 2) == 100
