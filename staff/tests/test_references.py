"""Stored references: numbers that are refused, and how they are written."""

import ast
import re

import numpy as np
import pytest

from autograder.assignment import ROOT
from staff.references import fooling_image, stored
from tests import compare, inputs, networks

SENTENCE = re.compile(r"[a-z][^\n]{14,}\.")


@pytest.fixture
def file(tmp_path, monkeypatch):
    """One that is written elsewhere."""
    monkeypatch.setattr(stored, "REFERENCES", tmp_path)
    return stored.File("losses")


@pytest.mark.parametrize(
    ("expected", "other", "weight", "message"),
    [
        ([1.0, 2.0], [1.0, 2.0], np.nan, r"'tv: mistake: the weight is missing\.' of losses\.npz, got 1 that"),
        ([1.0, 2.0], [1.0, 2.0], np.inf, r"'tv: mistake: the weight is missing\.' of losses\.npz, got 1 that"),
        ([np.nan, np.inf], [1.0, 2.0], 3.0, r"'tv' of losses\.npz, got 2 that"),
        # The solution's: its NaN would be lost in the largest difference of several.
        ([1.0, 2.0], [1.0, np.nan], 3.0, r"'tv, by float32 or from rippled inputs' of losses\.npz, got 1 that"),
    ],
)
def test_a_number_that_is_not_finite_is_refused(file, expected, other, weight, message):
    with pytest.raises(ValueError, match=f"^expected finite numbers for {message} are NaN or infinite: is something"):
        put(file, expected, other, weight)


def test_what_is_stored_beside_values_is_finite_too(file, tmp_path):
    """Numbers that float32 cannot hold, for one."""
    file.arrays["weights"] = np.array([1.0, np.inf], np.float32)
    with pytest.raises(ValueError, match=r"^expected finite numbers for 'weights' of losses\.npz, got 1 that"):
        file.write()
    assert not list(tmp_path.iterdir())


def test_all_that_is_stored_is_finite():
    for path in compare.REFERENCES.glob("*.npz"):
        for key, array in compare.references(path.stem).items():
            assert np.isfinite(array).all(), f"{path.name}: {key}"


def test_a_dead_class_has_no_fooling_image():
    """Its gradient is 0, and not to be divided by its norm."""
    X = np.abs(inputs.noise(1, 3, 16, 16))
    image, steps = fooling_image.fooling(networks.build("positive", "float64"), X, target=1, most=5)
    assert np.array_equal(image, X) and steps == 5


# --- writing ---


def put(file, expected=(1.0, 2.0), other=(1.0, 2.0), weight=3.0):
    file.put("tv", np.array(expected), [np.array(other)], {"the weight is missing.": np.array([weight, 6.0])})
    file.write()


def test_a_file_in_which_nothing_changed_is_not_written_again(file, tmp_path, capsys):
    put(file)
    path = tmp_path / "losses.npz"
    written, bytes_before = path.stat(), path.read_bytes()
    capsys.readouterr()
    put(stored.File("losses"))
    after = path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (written.st_ino, written.st_mtime_ns)
    assert path.read_bytes() == bytes_before
    assert capsys.readouterr().out.splitlines()[1:] == ["losses.npz: as before"]


def test_what_changed_is_printed_key_by_key(file, tmp_path, capsys):
    file.arrays |= {"old": np.array([1]), "seed": np.array(7), "many": np.arange(10.0)}
    put(file)
    capsys.readouterr()
    again = stored.File("losses")
    again.arrays |= {"target": np.array([1]), "seed": np.array([7]), "many": np.arange(10.0).clip(1)}
    put(again, weight=4.0)
    assert capsys.readouterr().out.splitlines()[1:] == [
        "losses.npz, old: gone",
        "losses.npz, target: new",
        "losses.npz, seed: int64 (1,), was int64 ()",
        "losses.npz, many: 1 of 10 numbers changed, by 5.9e-02 in all",
        "losses.npz, tv: mistake: the weight is missing.: [4.0, 6.0], was [3.0, 6.0]",
    ]
    with np.load(tmp_path / "losses.npz") as written:
        assert written["seed"].shape == (1,) and "old" not in written


def test_what_differs_by_rounding_is_kept_as_it_was(file, tmp_path, capsys):
    """Also where another key changed."""
    file.arrays["weights"] = np.array([3.0, 4.0])
    put(file)
    bytes_before = (tmp_path / "losses.npz").read_bytes()
    again = stored.File("losses")
    again.arrays["weights"] = np.array([3.0, 4.0]) * (1 + 2e-7)
    put(again)
    assert (tmp_path / "losses.npz").read_bytes() == bytes_before
    capsys.readouterr()
    put(again, weight=4.0)
    assert "weights" not in capsys.readouterr().out
    with np.load(tmp_path / "losses.npz") as written:
        assert written["weights"].tolist() == [3.0, 4.0]


@pytest.mark.parametrize("error, tolerance", [(0, 1e-5), (1.01e-4, 1.1e-3), (1.11e-4, 1.2e-3), (9.91e-2, 1.0)])
def test_tolerances_are_rounded_up_to_two_digits(file, error, tolerance):
    """The last digits are those of a machine: another one is to write the same file."""
    put(file, expected=(1.0, 0.0), other=(1.0, error), weight=9.0)
    assert file.arrays["tv: tolerance"] == tolerance


def test_no_sentence_on_a_mistake_stands_in_two_files():
    """Else one of them is forgotten when the other is mended: both take it from tests/sentences.py."""
    files: dict[str, set[str]] = {}
    for path in [*ROOT.glob("tests/*.py"), *ROOT.glob("staff/references/*.py"), *ROOT.glob("staff/hidden/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and SENTENCE.fullmatch(node.value):
                files.setdefault(node.value, set()).add(path.name)
    assert len(files) > 100, "the pattern still finds them"
    assert {sentence: names for sentence, names in files.items() if len(names) > 1} == {}
