"""Faults are said in words, and the page goes on: pictures of every kind, and students' functions."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image

import methods
from explorer import fool, idea, networks, paint, pictures, where
from explorer.session import Session
from explorer.worker import OutOfTime, Problem
from pretrained import SourceError
from tests.explorer.conftest import LIMIT

NOISE = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)


def encode(kind, size=None, **options):
    picture = Image.fromarray(NOISE)
    file = io.BytesIO()
    (picture.resize(size) if size else picture).save(file, kind, **options)
    return file.getvalue()


def turn_round(number=6):
    exif = Image.Exif()
    exif[0x0112] = number
    return encode("JPEG", exif=exif)


def claims(width, height):
    """A small PNG whose header says that it is huge."""
    data = bytearray(encode("PNG"))
    data[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    return bytes(data)


# A file as it was dropped, and what is said of it; None where it is simply shown. tests/test_image_utils.py has more.
FILES = {
    "truncated": (encode("PNG")[:500], "expected a whole picture in the file"),
    "web page": (b"<!doctype html><script>alert(1)</script>", "expected a whole picture in the file"),
    "64 megapixels": (claims(8000, 8000), "expected at most 50,000,000 pixels"),
    "decompression bomb": (claims(60000, 60000), "expected "),
    "21 MB": (encode("PNG") + bytes(21_000_000), "expected a file of at most 20 MB, got 21 MB"),
    "one pixel high": (encode("PNG", size=(300, 1)), "at most 4 times as long as wide, got one 300.0 times"),
    "panorama": (encode("PNG", size=(500, 100)), "at most 4 times as long as wide, got one 5.0 times"),
    "one pixel": (encode("PNG", size=(1, 1)), None),
    "animated": (encode("GIF", save_all=True, append_images=[Image.new("RGB", (80, 60))]), None),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_shown_or_refused_in_words(name, tmp_path, monkeypatch):
    """Whatever is dropped: a picture of at least 224 pixels, or one sentence; and the file is gone afterwards."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    data, words = FILES[name]
    path = tmp_path / "dropped.png"
    path.write_bytes(data)
    if words is None:
        picture = pictures.take_upload({"path": str(path)})
        assert picture.pixels.dtype == np.uint8
        assert min(picture.pixels.shape[:2]) == 224 and picture.pixels.shape[2] == 3
        assert bool(picture.note) == (name == "animated")
    else:
        with pytest.raises(Problem) as refused:
            pictures.take_upload({"path": str(path)})
        assert words in str(refused.value)
        assert str(tmp_path) not in str(refused.value) and "\n" not in str(refused.value)
    assert not path.exists()


def test_a_picture_keeps_its_shape_and_lies_as_it_was_taken(tmp_path, monkeypatch):
    """EXIF's quarter turn is done: what was 80 x 60 stands 60 x 80."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    (tmp_path / "x.jpg").write_bytes(turn_round())
    assert pictures.take_upload({"path": str(tmp_path / "x.jpg")}).pixels.shape == (299, 224, 3)


def test_only_what_was_uploaded_is_opened(tmp_path, monkeypatch):
    """A forged path, such as one to somebody's photographs, is neither read nor deleted."""
    (tmp_path / "uploads").mkdir()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    private = tmp_path / "private.png"
    private.write_bytes(encode("PNG"))
    folder = tmp_path / "uploads"
    paths = (private, folder / ".." / "private.png", folder, folder / "gone.png", folder / "\0")
    for dropped in (None, {}, [1], {"path": None}, *({"path": str(path)} for path in paths)):
        with pytest.raises(Problem, match="expected a file that was dropped here"):
            pictures.take_upload(dropped)
    assert private.exists()


# --- students' functions ---

SALIENCY = "visualizers/saliency_map.py"
RIGHT = "saliency = gradient.abs().amax(dim=1)  # (N, H, W)"
# What a student wrote instead of the map, and what the page says.
WRONG = {
    "raises": ("raise ValueError('{do} not fit')", "ValueError: {do} not fit (visualizers/saliency_map.py, line"),
    "asserts": ("assert len(X) == 5", "AssertionError (visualizers/saliency_map.py, line"),
    "wrong shape": ("saliency = gradient.abs().amax(dim=1)[:, 1:]", "got (1, 223, 224): see its docstring"),
    "NaN": ("saliency = gradient.amax(dim=1) * float('nan')", "expected finite numbers from compute_saliency_maps"),
    "nothing": ("return None", "expected an array of numbers from compute_saliency_maps, got NoneType"),
    "exit": ("import sys; sys.exit('bye')", "SystemExit: bye (visualizers/saliency_map.py, line"),
    "no text": (
        "x = type('Odd', (Exception,), {'__str__': lambda self: 1 / 0}); raise x",
        "Odd: without a text, as its __str__ raises ZeroDivisionError (visualizers/saliency_map.py, line",
    ),
    "not written, no text": (
        "x = type('Odd', (NotImplementedError,), {'__str__': lambda self: 1 / 0}); raise x",
        "not written yet: without a text, as its __str__ raises ZeroDivisionError",
    ),
    "hard exit": ("import os; os._exit(3)", "the process that ran the function ended (status 3)"),
    "recursion": ("again = lambda: again()\n            again()", "RecursionError: maximum recursion depth"),
    "killed": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "not have been enough memory"),
}


def explain(session, method, target=0):
    return session.turn.result("explain", method=method, target=target, layer="features.12")


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_function_is_told_and_the_others_go_on(name, student):
    """The sentence says what and where; Grad-CAM, which is right, still shows."""
    wrong, words = WRONG[name]
    session = student(**{SALIENCY: (RIGHT, wrong)})
    with pytest.raises(Problem) as told:
        explain(session, "saliency")
    assert words in str(told.value)
    assert "Traceback" not in str(told.value) and "\n" not in str(told.value)
    assert explain(session, "Grad-CAM")[0].shape == (224, 224)


def test_a_function_that_never_ends_is_ended(student):
    """After the time limit its process is gone, the page says so, and it is not asked again until it is mended."""
    loop = "\n            while True:\n                pass"
    session = student(limit=0.5, **{SALIENCY: (RIGHT, loop)})
    session.worker.limit = 60  # for the network to be loaded
    session.scores()
    session.worker.limit = 0.5
    with pytest.raises(OutOfTime, match=r"expected an answer within 0.5 seconds, got none"):
        explain(session, "saliency")
    session.worker.limit = 60
    assert explain(session, "Grad-CAM")[0].max() == 1
    with pytest.raises(OutOfTime):
        explain(session, "saliency", target=1)
    session.worker.end()
    student(**{SALIENCY: (loop, RIGHT)})
    assert explain(session, "Grad-CAM", target=2)[0].max() == 1  # another map first, which begins a process
    assert explain(session, "saliency")[0].max() > 0


def test_a_file_that_python_cannot_read(student):
    """A slip of the pen at the top of a file: which file, which line."""
    session = student(**{"visualizers/gradcam.py": ("class GradCam:", "class GradCam")})
    with pytest.raises(Problem, match=r"SyntaxError.*Python cannot read visualizers.gradcam.py, line \d+"):
        explain(session, "Grad-CAM")


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"x = 1\n\0\n", "visualizers/saliency_map.py"),
        ("# a file of Notepad's\n".encode("utf-16"), "visualizers/gradcam.py"),
        ("x = 'é'\n".encode("latin-1"), "visualizers/fooling_image.py"),
    ],
    ids=["NUL byte", "UTF-16", "Latin-1"],
)
def test_a_file_that_is_no_text_is_named(data, name, student):
    """Saved in another encoding, or half written: which file, and how to save it."""
    session = student()
    (session.worker.code / "visualizers/.#gradcam.py").symlink_to("student@machine.4711")
    (session.worker.code / name).write_bytes(data)
    words = f"^expected text in {name}, got bytes that are none: save it as UTF-8$"
    with pytest.raises(Problem, match=words):
        explain(session, "Grad-CAM")


def test_a_slip_of_the_pen_is_not_taken_for_another_file_s_encoding(student):
    """Python accepts a comment in Latin-1: what stops it is the other file."""
    session = student(**{"visualizers/gradcam.py": ("class GradCam:", "class GradCam")})
    path = session.worker.code / "visualizers/saliency_map.py"
    path.write_bytes(path.read_bytes() + "# é\n".encode("latin-1"))
    with pytest.raises(Problem, match=r"SyntaxError.*Python cannot read visualizers.gradcam.py, line \d+"):
        explain(session, "Grad-CAM")


IN_PLACE = {  # by the name that the note has: file, what is written there, and what is written instead
    "make_fooling_image": (
        "visualizers/fooling_image.py",
        "        check_images(X, model)\n",
        "        x = X.clone().requires_grad_()\n"
        "        (gradient,) = torch.autograd.grad(model(x)[0, target_y], x)\n"
        "        X += self.learning_rate * gradient / gradient.norm()\n"
        "        return X\n",
    ),
    "saliency": (SALIENCY, "check_images(X, model)\n", "X *= 0.5\n"),
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_a_function_that_changes_its_images_in_place_is_told_and_changes_no_other_map(name, student):
    """Each gets a copy: the step that it made counts, and the other maps are of the picture as it is."""
    file, right, wrong = IN_PLACE[name]
    session = student(**{file: (right, wrong)})
    words = f"{name} changes the images that it is given: let it work on X.clone()"
    expected = explain(session, "Grad-CAM")[0]
    if name == "saliency":
        assert words in explain(session, name)[1]
    else:
        asked = {"picture": session.picture.pixels, "target": 4, "learning_rate": 10.0, "most": 40}
        frames = list(session.watch("fool", "fool", **asked))
        assert frames[-1]["scores"].argmax() == 4 and frames[-1]["notes"] == [words]
        assert frames[-1]["step"] > 0
    session._results.clear()
    assert np.array_equal(explain(session, "Grad-CAM")[0], expected)


def test_a_climb_that_will_not_stop_is_ended(student):
    """A function that goes on whatever is raised in it is ended with its process."""
    session = student(
        **{
            "visualizers/class_visualization.py": (
                "on_step(*shown[-1])",
                "self.until_it_works(on_step, *shown[-1])\n\n"
                "    def until_it_works(self, on_step, *step):\n"
                "        while True:\n"
                "            try:\n"
                "                on_step(*step)\n"
                "            except BaseException:\n"
                "                pass",
            )
        }
    )
    # What follows the inserted method belonged to the loop.
    path = session.worker.code / "visualizers/class_visualization.py"
    text = path.read_text(encoding="utf-8")
    head, _, tail = text.partition("        name = str(class_names[target_y])")
    path.write_text(head + "\n\n" + tail[tail.index("def _as_file_name") :], encoding="utf-8")
    frames = session.watch("idea", "idea", target=1, iterations=5)
    next(frames)
    process = session.worker._process
    session.stop("idea")
    assert len(list(frames)) < 3
    assert not process.is_alive()




def test_an_unwritten_part_shows_its_sentence(unwritten):
    """A student who has just begun sees on each figure which part makes it; what needs no part is there."""
    layer, turn = {"layer": "features.12"}, unwritten.turn
    asked = {"Part 1.5": [("neuron", layer | {"channel": 3, "row": 2, "column": 2})]}
    asked["Part 1.5"] += [("by_captum", layer | {"function": name, "target": 0}) for name in methods.BY_CAPTUM]
    for name, method in methods.METHODS.items():
        given = "explain", layer | {"method": name, "target": 0}
        if method.part in ("1.1", "1.2"):
            asked.setdefault(f"Part {method.part}", []).append(given)
        else:  # labs' integrated gradients need no part, nor does what is beyond the assignment
            assert np.abs(turn.result(given[0], **given[1])[0]).max() > 0
    for part, questions in asked.items():
        for question, given in questions:
            with pytest.raises(Problem, match=rf"not written yet: {part}: "):
                turn.result(question, **given)
    assert turn.result("layer_activity", layer="features.12").shape == (13, 13)
    assert len(unwritten.scores()) == 24


def test_the_views_of_a_student_who_has_just_begun(unwritten):
    """Every view shows its sentences instead of pictures, and none breaks."""
    fields = {"target": 0, "versus": 3, "layer": "features.12", "whose": "ours", "cmap": "inferno", "strength": 0.5}
    shown = {}
    for new in where.show(unwritten, **fields, outline=True, row=2, column=3, channel=-1):
        shown |= new
    for name, method in methods.METHODS.items():
        assert ("Not written yet: Part 1." in shown[name]) == bool(method.part), name
    assert "Strongest channels" in shown["place"] and "Part 1.5" in shown["place"]
    for run, asked, part in (
        (fool.run, (3, 10.0, 5, 75), "Part 1.3"),
        (idea.run, (3, 0, 10, 25.0, 0.0, 5, 16, 1.0), "Part 1.4"),
        (paint.run, ("town", "flow", 10, 1.0, 1.0, 1.0, 3, [1, 4], 96, 96), "Part 2."),
    ):
        with pytest.raises(Problem, match=f"not written yet: {part}"):
            list(run(unwritten, *asked))


@pytest.mark.proof
def test_a_dead_class_is_told():
    """A grey wall: ImageNet's network gives some classes a score of zero, which no small change moves: it is said."""
    try:
        networks.load("squeezenet", "cpu")
    except SourceError as problem:
        pytest.skip(str(problem))
    session = Session("squeezenet", "cpu", LIMIT)
    session.choose(pictures.Subject(np.full((224, 224, 3), (124, 116, 104), np.uint8), "wall", "a grey wall"))
    dead = int(np.argmin(session.scores()))
    assert session.scores()[dead] == 0
    fields = {"target": dead, "versus": -1, "layer": "features.12", "whose": "ours", "cmap": "jet", "strength": 1.0}
    shown = {}
    for new in where.show(session, **fields, outline=False, row=-1, column=-1, channel=-1):
        shown |= new
    assert "dead class" in shown["notes"] and "its Grad-CAM is zero" in shown["notes"]
    said = [new["notes"] for new in fool.run(session, dead, 10.0, 5, 75) if new.get("notes")]
    session.close()
    assert "dead class" in said[-1] and "not fooled" in said[-1]
