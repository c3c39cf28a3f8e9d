"""All labs in one run: two at a time, each in a process of its own, and those that measure time alone."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

import report
from figures import script
from labs import __main__, lab, runs

TWO = ("segmentation.upsampling", "segmentation.four_answers")


@pytest.fixture
def options(tmp_path):
    return ["--quick", "--weights", "embedded", "--out", str(tmp_path)]


def test_the_program_runs_labs_in_processes_of_their_own(options, tmp_path, source):
    """They find what each finds alone, and print it in the order of the list, though they end in another one.

    A process does not read the `__main__` of another: called from here `main` had worked, typed it had not.
    """
    alone = [runs.run(name, options, source).result for name in TWO]
    kept = [tmp_path / f"lab_{result.name.rpartition('.')[2]}_quick_embedded.json" for result in alone]
    for path in kept:
        path.unlink()
    few = f"import labs, runpy; labs.LABS = {TWO}; "
    code = few + "runpy.run_module('labs', run_name='__main__', alter_sys=True)"
    done = subprocess.run([sys.executable, "-c", code, *options], cwd=script.ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert [json.loads(path.read_text())["numbers"] for path in kept] == [result.numbers for result in alone]
    places = [done.stdout.index(result.question) for result in alone]
    assert places == sorted(places)
    assert (tmp_path / "labs_quick_embedded.html").exists()
    assert not report.is_graded(next(tmp_path.glob("lab_*.png")))  # of rough numbers


def test_every_lab_stands_on_the_page_whether_it_ran_alone_or_in_a_pair(options, monkeypatch, source, tmp_path, capsys):
    """Labs that measure time run here, with all threads; the others elsewhere, with half of them."""
    asked, shown = [], []

    def run(name, options, source):
        asked.append(name)
        return runs.Entry(name, f"{name}?", problem="not written yet")

    def run_in_pairs(names, options, threads):
        assert threads == 2
        return {name: runs.Entry(name, f"{name}?", problem="not written yet") for name in names}

    monkeypatch.setattr(__main__, "run", run)
    monkeypatch.setattr(__main__, "run_in_pairs", run_in_pairs)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    assert __main__.main(options, source) == 1
    assert set(asked) == __main__.TIMED
    page = (tmp_path / "labs_quick_embedded.html").read_text()
    assert all(f"{name}?" in page for name in __main__.present())
    monkeypatch.setattr(__main__.figure, "show", shown.extend)
    assert __main__.main([*options, "--show"], source) == 1 and shown == []
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    asked.clear()
    assert __main__.main(options, source) == 1 and asked == __main__.present()


def test_a_lab_that_fails_in_its_process_is_told_and_leaves_the_others(options, monkeypatch):
    monkeypatch.setattr(lab, "run", lambda *_: 1 / 0)
    entry, text = runs.run_apart(TWO[0], options)
    assert entry.problem == "error: ZeroDivisionError: division by zero" and "Traceback" in text


def test_a_process_of_labs_ends_with_the_one_that_began_it(monkeypatch):
    """That one may be killed, and could say nothing."""
    told = []
    monkeypatch.setattr(runs.os, "_exit", told.append)
    runs.end_with_parent()  # here nobody began it
    began = SimpleNamespace(join=lambda: told.append("join"))
    monkeypatch.setattr(runs.multiprocessing, "parent_process", lambda: began)
    runs.end_with_parent()
    assert told == ["join", 1]


def test_a_process_that_ends_is_told_in_words(options, monkeypatch):
    """Memory may run out."""
    monkeypatch.setattr(runs, "begin", os._exit)
    with pytest.raises(script.UserError, match=r"^expected every lab .* a process ended: there may"):
        runs.run_in_pairs(TWO, options, threads=1)
