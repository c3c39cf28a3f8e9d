"""The loop over a cluster: whatever happens to a worker costs its task a second try, and nothing else."""

import dataclasses
import json
import os
import signal
import time
from pathlib import Path

import pytest
from distributed import get_worker

from autograder.intake import Submission
from gradebook import cluster, run
from gradebook.store import Gradebook, Graded, Key
from gradebook.task import Failed, Job, Unfit


@pytest.fixture(scope="module")
def client():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cluster, "PER_WORKER", 700 << 20)
        with cluster.connected(workers=2) as connected:
            yield connected


@pytest.fixture
def book(tmp_path):
    with Gradebook(tmp_path / "out") as opened:
        opened.begin({}, "suite", 7, 0, 0)
        yield opened


class Told:
    """What a run tells its progress."""

    def __init__(self):
        self.lines = []

    def graded(self, key, graded, before):
        self.lines.append(("graded", key.digest, before))

    def failed(self, key, worker, why, last):
        self.lines.append(("marked" if last else "again", key.digest, why))


def graded(job):
    """What a job does stands in its note; how often it was begun is counted in files beside `suite`."""
    what, times = job.submission.notes[0], Path(job.suite)
    begun = len(list(times.glob(f"{what}.*")))
    worker = get_worker().address
    (times / f"{what}.{begun}").write_text(worker)
    again = begun > 0
    if what == "kills its worker" or (what == "kills its worker once" and not again):
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "fails" or (what == "fails once" and not again):
        raise Failed(worker, "the grading was lost")
    if what == "cannot grade":
        raise Unfit(worker, "expected a program of the grader's own to run")
    if what == "breaks":
        raise ValueError("a bug of ours")
    if what == "fills the memory once" and not again:
        held = []
        while len(held) < 99:
            held.append(bytearray(b"1") * (32 << 20))
            time.sleep(0.1)  # until the nanny ends the worker
    problems = ["not sure"] if what == "is unsure" or (what == "is unsure once" and not again) else []
    results = {"extra_data": {"grader_problems": problems}}
    return Graded(1.0, json.dumps(results), b"", 0.1, worker)


def graded_all(client, book, times, *whats):
    jobs = {Key(what, "suite", 7): Job(Submission(notes=[what]), 7, "suite", times) for what in whats}
    told = Told()
    lost = run.grade_all(client, book, jobs, told, graded)
    return {key.digest for key in lost}, told.lines


def test_each_result_is_kept_with_the_try_that_gave_it(client, book, tmp_path):
    lost, told = graded_all(client, book, tmp_path, "one", "two", "three", "fails once")
    assert lost == set()
    assert book.scores("suite", 7).keys() == {"one", "two", "three", "fails once"}
    tries = {name: book.result(Key(name, "suite", 7))["attempt"] for name in book.scores("suite", 7)}
    assert tries == {"one": 1, "two": 1, "three": 1, "fails once": 2}
    assert ("again", "fails once", "the grading was lost") in told


def test_the_second_try_is_on_another_worker(client, book, tmp_path):
    graded_all(client, book, tmp_path, "fails once")
    first, second = ((tmp_path / f"fails once.{i}").read_text() for i in (0, 1))
    assert first != second


def test_two_failures_mark_a_submission_and_cost_no_other(client, book, tmp_path):
    lost, told = graded_all(client, book, tmp_path, "fails", "one", "breaks", "two")
    assert lost == {"fails", "breaks"}
    assert book.scores("suite", 7).keys() == {"one", "two"}
    assert {line for line in told if line[0] == "marked"} == {
        ("marked", "fails", "the grading was lost"), ("marked", "breaks", "ValueError: a bug of ours")
    }  # fmt: skip
    assert [why for _, why in book.failures(Key("fails", "suite", 7))] == ["the grading was lost"] * 2


@pytest.mark.parametrize("what", ["kills its worker once", "fills the memory once"])
def test_a_worker_that_dies_costs_a_second_try(client, book, tmp_path, what):
    lost, told = graded_all(client, book, tmp_path, what, "one", "two", "three")
    assert lost == set()
    assert len(book.scores("suite", 7)) == 4
    assert any(line[0] == "again" and "the worker that graded it died" in line[2] for line in told)


def test_a_submission_that_kills_each_worker_is_marked(client, book, tmp_path):
    lost, _ = graded_all(client, book, tmp_path, "kills its worker", "one", "two")
    assert "kills its worker" in lost
    assert len(list(tmp_path.glob("kills its worker.*"))) == 2


def test_a_grader_that_is_unsure_is_asked_once_more_and_then_believed(client, book, tmp_path):
    lost, told = graded_all(client, book, tmp_path, "is unsure", "is unsure once")
    assert lost == set()
    assert json.loads(book.result(Key("is unsure", "suite", 7))["results"])["extra_data"]["grader_problems"]
    assert not json.loads(book.result(Key("is unsure once", "suite", 7))["results"])["extra_data"]["grader_problems"]
    assert sum(line[0] == "again" for line in told) == 2


def test_a_worker_that_cannot_grade_stops_the_class_at_once(client, book, tmp_path):
    with pytest.raises(cluster.ClusterError, match=r"own to run\. That was worker tcp"):
        graded_all(client, book, tmp_path, "cannot grade", "one", "two", "three")


def test_a_regrade_says_what_was_before(client, book, tmp_path, result):
    key = Key("one", "suite", 7)
    book.keep(key, dataclasses.replace(result(), score=0.5), 1)
    _, told = graded_all(client, book, tmp_path, "one")
    assert told == [("graded", "one", 0.5)]
    assert book.scores("suite", 7) == {"one": 1}


def test_there_is_no_scheduler(monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE", 0.1)
    with pytest.raises(cluster.ClusterError, match=r"expected a Dask scheduler at tcp://127\.0\.0\.1:9"):
        with cluster.connected("tcp://127.0.0.1:9"):
            pass
