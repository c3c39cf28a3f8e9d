"""Everything that is not this semester's is recognised by its own lines, and said once."""

import pytest

from autograder import grade, intake, results
from autograder.assignment import read
from autograder.files import fill
from autograder.intake import IntakeError, take_in
from autograder.report import mistakes, useful
from staff.mutants import variants

OLD_STYLE = b"""
def style_transfer(name, content_image, style_image, image_size, style_size, content_layer, content_weight,
                   style_layers, style_weights, tv_weight, content_loss, style_loss, cnn, dtype,
                   init_random=False):
    return None
"""
OLD_SCRIPT = b"from captum.attr import IntegratedGradients\nmethod = IntegratedGradients(None)\n"
OLD_RESIZE = b"cam = Image.fromarray(cam[i]).resize(X_tensor[i,0,:,:].shape, Image.BICUBIC)\n"


def hand_in(tmp_path, **changes):
    files = variants.solution() | {name.replace("__", "/") + ".py": data for name, data in changes.items()}
    fill(tmp_path, files)
    return take_in(tmp_path)


def test_of_this_semesters_files_nothing_is_said(tmp_path):
    submission = hand_in(tmp_path)
    assert submission.earlier == {} and submission.notes == []


@pytest.mark.parametrize(
    ("changes", "part", "words"),
    [
        ({"style_utils": OLD_STYLE}, "style_transfer", "takes no argument `testing`"),
        ({"saliency_map": OLD_SCRIPT}, "captum", "saliency_map.py lacks integrated_gradients"),
        ({"visualizers__gradcam": OLD_RESIZE}, "gradcam", "where PIL takes (width, height)"),
    ],
)
def test_earlier_semesters_lines_are_told_once_and_on_top(tmp_path, changes, part, words):
    submission = hand_in(tmp_path, **changes)
    assert list(submission.earlier) == [part]
    assert submission.notes[0].startswith("Given lines of an earlier semester: ") and words in submission.notes[0]


def test_failures_that_come_of_such_lines_are_short_and_others_stay():
    tests = [
        results.Test("one", "style_transfer", "2.4", 1, "visible", output="an unexpected keyword argument: testing"),
        results.Test("two", "style_transfer", "2.4", 1, "visible", output="the style loss has no effect."),
        results.Test("three", "saliency", "1.1", 1, "visible", output="an unexpected keyword argument"),
    ]
    found = results.Results(tests={test.name: test for test in tests})
    grade._shorten(found, intake.Submission(earlier={"style_transfer": "..."}), read())
    assert [test.output == grade.SEE for test in tests] == [True, False, False]


def test_pointers_and_notebooks_are_named(tmp_path):
    (tmp_path / "work.ipynb").write_text("{}")
    pointer = intake.POINTER + b"v1\noid sha256:0\nsize 1\n"
    notes = hand_in(tmp_path, style_utils=pointer).notes
    assert any("Pointers of Git LFS" in note and "style_utils.py" in note for note in notes)
    assert any("Notebooks are not graded (work.ipynb)" in note for note in notes)


def test_another_assignments_zip_is_named(tmp_path):
    (tmp_path / "layers.py").write_text("x = 1")
    with pytest.raises(IntakeError, match=r"but layers.py \(another assignment's\?\): hand in the zip"):
        take_in(tmp_path)
    assert "layers.py" not in read().files


def test_the_table_takes_the_first_useful_line_and_cuts_no_word():
    output = "What was asked.\n\nexpected A, got B\n    To read: the docstring"
    assert useful(output) == "expected A, got B"
    long = results.Test("one", "saliency", "1.1", 1, "visible", output="Asked.\n\n" + "abcdefghi " * 40)
    (line,) = mistakes([long])
    assert len(line) <= 200 and line.endswith("abcdefghi ...")
