# STAFF
"""The benchmarks' own workings, on contestants that only pretend to work: nothing here depends on the clock."""

import json
import os
import sys

import pytest

from benchmarks import bench_scripts, harness, table
from benchmarks.harness import Case

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the benchmarks fork")


@pytest.fixture(autouse=True)
def short_turns(monkeypatch):
    """One call a turn: nothing is timed here."""
    monkeypatch.setattr(harness, "TURN", 0)


@pytest.fixture
def here(monkeypatch):
    """Time in this process: the forks of one with all packages take seconds, and are tested below."""

    def call(threads, function, *arguments):
        return (0.0, 0.0) if function is harness._peak else function(*arguments)

    monkeypatch.setattr(harness, "_apart", call)


def says(seconds):
    """A contestant that says how long it took."""
    return lambda: lambda: seconds


def measure(ours, captum, limit, targets=None):
    case = Case("work", "size", {"ours": says(ours), "Captum": says(captum), "limit": says(limit)}, targets or {})
    return {"lines": {case.name: table.line(case, harness.run(case, threads=1, seconds=0))}}


def test_the_lines_of_the_table_are_those_that_can_be_measured():
    """Each benchmark is there, under the name that its results are stored by."""
    from benchmarks import __main__ as benchmarks

    names = [case.name for benchmark in benchmarks.BENCHMARKS for case in benchmark.cases()]
    stored = json.loads(table.RESULTS.read_text())["lines"]
    assert len(set(names)) == len(names) and set(stored) <= set(names)


def test_ratios_are_of_medians(here):
    """A peer's time divided by ours; for the limit, ours divided by it."""
    line = measure(2.0, 5.0, 1.6)["lines"]["work, size"]
    assert line["results"]["ours"]["median"] == 2.0 and line["results"]["ours"]["rounds"] >= 3
    assert line["ratios"] == {"Captum": 2.5, "limit": 1.25}


def test_a_loss_of_more_than_a_fifth_is_told(here, capsys):
    """Also against the limit, where less is better."""
    before = measure(2.0, 4.0, 2.0)
    assert table.check(measure(2.3, 4.0, 2.0), before) == 0
    assert table.check(measure(20.0, 40.0, 20.0), before) == 0, "seconds do not count"
    assert table.check(measure(2.6, 4.0, 2.0), before) == 1
    assert "slower: work, size, against Captum: 2.00 became 1.54" in capsys.readouterr().out


def test_a_contestant_that_fails_says_why():
    def fails():
        raise ValueError("expected something else")

    with pytest.raises(RuntimeError, match=r"^ValueError: expected something else$"):
        harness.run(Case("work", "size", {"ours": lambda: fails}), threads=1, seconds=0)


def test_a_contestant_that_dies_is_left_out(capsys):
    """Some take more memory than the machine has; the others go on."""

    def dies():
        os._exit(1)

    results = harness.run(Case("work", "size", {"ours": says(1.0), "Captum": lambda: dies}), threads=1, seconds=0)
    assert set(results) == {"ours"} and "Captum died" in capsys.readouterr().out


def test_the_page_keeps_what_is_written_around_its_table(here, tmp_path, monkeypatch):
    page = tmp_path / "performance.md"
    page.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n")
    monkeypatch.setattr(table, "PAGE", page)
    monkeypatch.setattr(table, "RESULTS", tmp_path / "results.json")
    about = {"machine": table.machine(1), "load": [0.0, 0.0], "minutes": 1.0}
    table.write(about | measure(2.0, 5.0, 1.6, {"Captum": 3.0, "limit": 1.3}))
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text
    assert "Captum ≥ 3 **not met**, limit ≤ 1.3 met" in text


@pytest.mark.proof
@pytest.mark.parametrize("script", ["fooling_image", "saliency_map"])
def test_the_first_pass_of_a_script_is_one_that_it_makes(forks, script):
    """The scripts' own functions are timed: when they change, so must it."""
    done = forks(bench_scripts.ROOT, "-c", bench_scripts.FIRST_PASS.format(script=script))
    assert done.returncode == 0, done.stderr


def test_what_is_shown_already_is_not_chosen_in_the_browser():
    """A class that is chosen already changes nothing on the page: the benchmark waited for its map for ever."""
    pytest.importorskip("playwright")
    from benchmarks import explorer_in_browser as browser

    menu = [(name, k) for k, name in enumerate(("hay", "cat", "dog", "bear", "ray", "fish"))]
    for shown, _ in menu:
        chosen = browser.others(menu, shown)
        assert shown not in chosen and len(chosen) == browser.ROUNDS
