"""The loop over a cluster: whatever happens to a worker costs its task a second try, and nothing else."""

import contextlib
import dataclasses
import json
import os
import signal
import time
from collections import deque

import cloudpickle
import pytest
from distributed import get_worker

from autograder import isolation, pack
from autograder.assignment import ROOT, read
from autograder.intake import Submission
from gradebook import __main__ as gradebook
from gradebook import cluster, run, task
from gradebook.store import Gradebook, Graded, Key
from gradebook.task import Failed, Job, Refused, Unfit


@pytest.fixture(scope="module")
def clusters():
    """Open clusters, the newest last."""
    opened = []
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        patch.setattr(cluster, "PER_WORKER", 700 << 20)

        def start():
            opened.append(stack.enter_context(cluster.connected(workers=2)))

        yield start, opened


@pytest.fixture
def client(clusters):
    """A cluster of two workers: the last one, or another where a worker died so early that its nanny gave it up."""
    start, opened = clusters
    if not opened:
        start()
    try:
        opened[-1].wait_for_workers(2, timeout=20)
    except TimeoutError:
        start()
    return opened[-1]


@pytest.fixture
def book(tmp_path):
    with Gradebook(tmp_path / "out") as opened:
        opened.begin({}, "suite", 7, 0, 0)
        yield opened


class Told:
    """A record of what a run tells its progress."""

    def __init__(self):
        self.lines = []

    def note_graded(self, key, graded, before):
        self.lines.append(("graded", key.digest, before))

    def note_failed(self, key, worker, why, last):
        self.lines.append(("marked" if last else "again", key.digest, why))

    def note_refused(self, worker, why):
        self.lines.append(("refused", worker, why))


def grade(job):
    """Do what stands in the job's note; how often it was begun is counted in files of a folder."""
    what, times = job.submission.notes[0], job.folder
    begun = len(list(times.glob(f"{what}.*")))
    worker = get_worker().address
    (times / f"{what}.{begun}").write_text(worker)
    again = begun > 0
    if (times / "refusing").exists() and worker == (times / "refusing").read_text():
        raise Refused("its tests are others")
    if what == "kills its worker" or (what == "kills its worker once" and not again):
        time.sleep(1)  # its nanny does not start it again if it dies before the nanny has seen it
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "fails" or (what == "fails once" and not again):
        raise Failed("the grading was lost")
    if what == "cannot grade":
        raise Unfit("expected a program of the grader's own to run")
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


def grade_whole(client, book, times, *whats):
    jobs = {Key(what, "suite", 7): Job(Submission(notes=[what]), 7, {}, times) for what in whats}
    told = Told()
    lost = run.grade_all(client, book, jobs, told, grade)
    return {key.digest for key in lost}, told.lines


def test_each_result_is_kept_with_the_try_that_gave_it(client, book, tmp_path):
    lost, told = grade_whole(client, book, tmp_path, "one", "two", "three", "fails once")
    assert lost == set()
    assert book.scores("suite", 7).keys() == {"one", "two", "three", "fails once"}
    tries = {name: book.result(Key(name, "suite", 7))["attempt"] for name in book.scores("suite", 7)}
    assert tries == {"one": 1, "two": 1, "three": 1, "fails once": 2}
    assert ("again", "fails once", "the grading was lost") in told
    first, second = ((tmp_path / f"fails once.{i}").read_text() for i in (0, 1))
    assert first != second, "the second try is on another worker"


def test_two_failures_mark_a_submission_and_cost_no_other(client, book, tmp_path):
    lost, told = grade_whole(client, book, tmp_path, "fails", "one", "breaks", "two")
    assert lost == {"fails", "breaks"}
    assert book.scores("suite", 7).keys() == {"one", "two"}
    assert {line for line in told if line[0] == "marked"} == {
        ("marked", "fails", "the grading was lost"), ("marked", "breaks", "ValueError: a bug of ours")
    }  # fmt: skip
    assert [why for _, why in book.failures(Key("fails", "suite", 7))] == ["the grading was lost"] * 2


@pytest.mark.parametrize(
    "what", ["kills its worker once", pytest.param("fills the memory once", marks=pytest.mark.proof)]
)
def test_a_worker_that_dies_costs_a_second_try(client, book, tmp_path, what):
    lost, told = grade_whole(client, book, tmp_path, what, "one", "two", "three")
    assert lost == set()
    assert len(book.scores("suite", 7)) == 4
    assert any(line[0] == "again" and "the worker that graded it died" in line[2] for line in told)


@pytest.mark.proof
def test_a_submission_that_kills_each_worker_is_marked(client, book, tmp_path):
    lost, _ = grade_whole(client, book, tmp_path, "kills its worker", "one", "two")
    assert "kills its worker" in lost
    assert len(list(tmp_path.glob("kills its worker.*"))) == 2


def test_a_grader_that_is_unsure_is_asked_once_more_and_then_believed(client, book, tmp_path):
    lost, told = grade_whole(client, book, tmp_path, "is unsure", "is unsure once")
    assert lost == set()
    assert json.loads(book.result(Key("is unsure", "suite", 7))["results"])["extra_data"]["grader_problems"]
    assert not json.loads(book.result(Key("is unsure once", "suite", 7))["results"])["extra_data"]["grader_problems"]
    assert sum(line[0] == "again" for line in told) == 2


def test_a_worker_that_cannot_grade_stops_the_class_at_once(client, book, tmp_path):
    with pytest.raises(cluster.ClusterError, match=r"own to run"):
        grade_whole(client, book, tmp_path, "cannot grade", "one", "two", "three")


def test_a_regrade_says_what_was_before(client, book, tmp_path, result):
    key = Key("one", "suite", 7)
    book.keep(key, dataclasses.replace(result(), score=0.5), 1)
    _, told = grade_whole(client, book, tmp_path, "one")
    assert told == [("graded", "one", 0.5)]
    assert book.scores("suite", 7) == {"one": 1}


def test_a_worker_that_refuses_is_told_once_and_gets_no_more(client, book, tmp_path):
    """The other one grades all, and no submission has lost a try."""
    wrong = next(iter(client.nthreads()))
    (tmp_path / "refusing").write_text(wrong)
    lost, told = grade_whole(client, book, tmp_path, *(whats := [f"number {i}" for i in range(6)]))
    assert lost == set() and book.scores("suite", 7).keys() == set(whats)
    assert [line for line in told if line[0] != "graded"] == [("refused", wrong, "its tests are others")]
    tries = {book.result(Key(what, "suite", 7))["attempt"] for what in whats}
    assert tries == {1}
    assert wrong not in {book.result(Key(what, "suite", 7))["worker"] for what in whats}


def test_a_run_stops_when_every_worker_refuses(client, book, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "PATIENCE", 1)
    monkeypatch.setattr(run, "LOOK", 0.1)
    jobs = {Key(f"number {i}", "suite", 7): Job(Submission(), 7, {}) for i in range(3)}
    with pytest.raises(cluster.ClusterError, match="got 2 that refuse: No module named 'nowhere'"):
        run.grade_all(client, book, jobs, Told(), imports_what_is_not_there)


def imports_what_is_not_there(job):
    import nowhere  # noqa: F401


def test_a_worker_with_another_suite_or_dask_refuses():
    """Python and the packages are among the files of a suite."""
    files = pack.digests(read())
    for job, told in (
        (Job(Submission(), 7, files | {"Python": "3.99"}), r"Python 3\.\d+ to 3\.99\)"),
        (Job(Submission(), 7, files | {"tests/compare.py": ""}), r"tests/compare\.py is changed\)"),
        (Job(Submission(), 7, files, dask="1.0"), r"distributed [\d.]+ to 1\.0\)"),
    ):
        with pytest.raises(Refused, match=f"are not those of this run .{told}: bring both"):
            task.work(job)


def test_a_task_names_no_folder_of_the_client():
    """Workers have their checkouts where they like."""
    call = cloudpickle.dumps(run._Call(task.work, Job(Submission(), 7, pack.digests(read()))))
    assert str(ROOT).encode() not in call


@pytest.fixture
def certificate(tmp_path):
    cluster.write_certificate(tmp_path / "keys/class.pem")
    return tmp_path / "keys/class.pem"


def test_there_is_no_scheduler(monkeypatch, certificate):
    monkeypatch.setattr(cluster, "PATIENCE", 0.1)
    with pytest.raises(cluster.ClusterError, match=r"expected a Dask scheduler at tls://127\.0\.0\.1:9"):
        cluster.connected("tls://127.0.0.1:9", certificate=certificate).__enter__()


def test_a_scheduler_that_asks_for_no_certificate_is_not_used():
    with pytest.raises(cluster.ClusterError, match=r"SCHEDULER=tls://host:port, got tcp://127\.0\.0\.1:9: start"):
        cluster.connected("tcp://127.0.0.1:9").__enter__()


def test_a_certificate_is_there_and_for_its_owner_alone(certificate):
    assert (certificate.stat().st_mode & 0o777, certificate.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    certificate.chmod(0o640)
    with pytest.raises(cluster.ClusterError, match="to be readable for you alone"):
        cluster.settings(certificate)
    certificate.unlink()
    with pytest.raises(cluster.ClusterError, match="found none: make class-scheduler writes it"):
        cluster.settings(certificate)


def die_with(book, *names):
    """Leave the gradebook as a run does that is killed while it grades these."""
    for name in names:
        book.start(Key(name, "suite", 7))
    book.begin({}, "suite", 7, 0, 0)


def test_what_a_run_died_with_is_graded_alone_and_first(book):
    die_with(book, "two")
    waiting = deque(run._Wanted(Key(name, "suite", 7), None) for name in ("one", "two", "three"))
    assert run._set_aside(waiting, book, Told()) == []
    free = {"a": 1, "b": 1}
    first = list(run._place(waiting, [], free))
    assert [wanted.key.digest for wanted, _ in first] == ["two"]
    assert list(run._place(waiting, first, free)) == [], "nothing runs beside it"
    assert len(list(run._place(waiting, [], free))) == 2


def test_what_two_runs_died_with_is_named_and_set_aside(client, book, tmp_path):
    die_with(book, "bad", "good")
    die_with(book, "bad")
    lost, told = grade_whole(client, book, tmp_path, "good", "bad", "other")
    assert lost == {"bad"} and ("marked", "bad", run.TOOK_DOWN) in told
    assert book.scores("suite", 7).keys() == {"good", "other"}
    book.ask_again(["bad"])
    assert grade_whole(client, book, tmp_path, "bad")[0] == set()


def test_a_run_that_ends_in_order_suspects_nobody(book):
    book.start(Key("one", "suite", 7))
    book.end("stopped: KeyboardInterrupt")
    book.begin({}, "suite", 7, 0, 0)
    assert book.find_interrupted() == {}


def test_without_rights_no_class_is_graded(folder, monkeypatch, capsys):
    monkeypatch.setattr(isolation, "separates", lambda: False)
    assert gradebook.main([str(folder)]) == 2
    said = capsys.readouterr().out
    assert isolation.NEEDED[1:] in said and said.count("\n") <= 4
