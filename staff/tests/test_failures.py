"""The screen that students read when tests fail: one screen for a part, one line for what is not written yet."""

import re

import pytest

from autograder.files import fill
from staff.handout import contents
from staff.mutants import variants

pytestmark = [pytest.mark.proof, pytest.mark.timeout(400)]
SCREEN = 50  # lines
WRONG = ("gradcam.grad_cam: ReLU of each channel", "style_loss.gram_matrix: divided by H * W")

ODD = (
    b"        return content_weight * ",
    b"        class Odd(Exception):\n            def __str__(self):\n                return 1 / 0\n\n"
    b"        raise Odd\n"
    b"        return content_weight * ",
)

# One mistake in each of several functions, and what must be said of each.
EARN_NOTHING = [
    (
        {
            ".amax(dim=1)": ".permute(0, 2, 3, 1).amax(dim=1)",
            "attribute(X, target=y, relu_attributions=True)": "attribute(\n"
            "        X, target=y, attribute_to_layer_input=True, relu_attributions=True)",
            "LayerActivation(model, layer).attribute(X)": "LayerActivation(model, layer).attribute(\n"
            "        X, attribute_to_layer_input=True)",
            "torch.cat([method.attribute(image[None], neuron) for image, neuron in zip(X, neurons)]))": "torch.cat([\n"
            "        method.attribute(image[None], neuron) for image, neuron in zip(X, neurons)])).squeeze()",
        },
        [
            "the channels were moved to the end, then the maximum is taken over the height",
            "the layer is features[11], the input of features[12]",
            "what goes into the layer is taken: its output is asked for",
            "`maps` of one image: expected the shape (1, 20, 26, 3), got (20, 26, 3): squeeze() takes away",
        ],
    ),
    (
        {
            ".amax(dim=1)": ".amax(dim=1).squeeze()",
            'interpolate_mode="bicubic"))': 'interpolate_mode="bicubic", attribute_to_layer_input=True))',
            "LayerActivation(model, layer).attribute(X)": "LayerActivation(model, layer).attribute(X).relu()",
            "attribute(X, target=y).sum(dim=1)": "attribute(X, target=y).squeeze()",
        },
        [
            "`maps` of one image: expected the shape (1, 20, 26), got (20, 26): squeeze() takes away",
            "what goes into the layer is taken: its output is asked for",
            "what is negative is cut off: take it as Captum gives it",
            "`evidence` of one image: expected the shape (1, 5, 7), got (5, 7): squeeze() takes away",
        ],
    ),
    (
        {
            "cam = as_cam(LayerGradCam(model, layer).attribute(X, target=y, relu_attributions=True), X)": "cam = (\n"
            "        LayerGradCam(model, layer).attribute(X, target=y, relu_attributions=True).detach()[:, 0])",
            "return evidence, activation": "return activation, evidence",
        },
        [
            "Grad-CAM by Captum: expected the shape (3, 72, 88), got (3, 4, 5): hand it to as_cam(..., X)",
            "`evidence` and `activation` are exchanged",
        ],
    ),
]


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
    assert len(said.splitlines()) <= SCREEN and " 10 failed" in said
    assert len(re.findall(r"^    visualizers/saliency_map.py, line \d+: ", said, re.MULTILINE)) == 1
    assert len(re.findall(r"^IndexError: ", said, re.MULTILINE)) == 10


def test_an_error_that_cannot_tell_its_text_is_told(run):
    files = variants.solution()
    name, (old, new) = "style_modules/content_loss.py", ODD
    assert old in files[name]
    said = run(files | {name: files[name].replace(old, new)}, "tests/test_content_loss.py")
    assert "\nOdd: without a text, as its __str__ raises ZeroDivisionError\n" in said


def test_whole_tracebacks_are_shown_on_demand(run):
    said = run({}, "-m", "content_loss", "--tb=long", "-k", "7_apart")
    assert "def forward" in said and 'raise NotImplementedError("Part 2.1' in said


def test_an_assertion_of_a_package_is_told_with_the_students_line(run):
    variant = next(v for v in variants.every() if v.name == "captum.integrated_gradients: no target")
    said = run(variants.solution() | variant.files, "tests/test_captum.py")
    assert re.search(r"^    saliency_map.py, line \d+: ", said, re.MULTILINE)
    assert "Captum asks for one class for each image" in said


@pytest.mark.parametrize(("changes", "says"), EARN_NOTHING)
def test_what_earns_nothing_is_named_too(run, changes, says):
    """Captum's maps and what becomes of one image alone: variants in staff/mutants/ are judged by points."""
    files = {name: data.decode() for name, data in variants.solution().items()}
    for old, new in changes.items():
        name = next(name for name in ("saliency_map.py", "gradcam.py") if files[name].count(old) == 1)
        files[name] = files[name].replace(old, new)
    said = run({name: text.encode() for name, text in files.items()}, "tests/test_captum.py")
    missing = [sentence for sentence in says if sentence not in said]
    assert not missing, said
    assert "*(72, 88)" not in said
