"""Does a class survive whatever dies? 60 submissions are graded on two workers while things fail, one after the other.

    python -m staff.proofs.chaos [--count 60] [--every 20]        (or: make class-chaos)

A worker is killed every 20 seconds, all the time; after a quarter of the results the scheduler is killed, after half
the client, after three quarters the disk of the gradebook is filled (a small tmpfs, which takes root). Each time the
same command is run again. Expect an hour on two cores, a line for each of these, and in the end: as many results as
there are submissions that can be read, none graded again, each equal to that of a run in peace. Exits with 1 where that
does not hold.
"""

import argparse
import csv
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from autograder import intake
from autograder.assignment import ROOT
from gradebook import cluster
from gradebook.store import NAME
from staff.proofs import made_up

CLIENT = (sys.executable, "-m", "gradebook")
WORKERS = 2
DISK = 48  # megabytes of the gradebook's tmpfs, in the beginning empty
PATIENCE = 1200  # seconds for a client to see what has failed: a full disk with its next result
RUNS = 8  # in the end, for those that were marked for staff since their workers died twice


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--every", type=float, default=20, help="seconds between two deaths of a worker")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="chaos-") as place:
        submissions = Path(place, "class")
        made_up.write(submissions, args.count)
        wrong = prove(submissions, Path(place), args.count, args.every)
    for line in wrong:
        print(f"WRONG: {line}")
    return int(bool(wrong))


def prove(
    submissions: Path, place: Path, count: int, every: float, client: Sequence[str] = CLIENT, disk: bool = True
) -> list[str]:
    """Return what did not hold, one sentence each. client: the command that grades. disk: whether it is filled, too."""
    out, peace = place / "out", place / "peace"
    handed_in = [path for path in submissions.iterdir() if path.is_dir() or path.suffix == ".zip"]
    readable = sum(not intake.accept(path).unreadable for path in handed_in)
    with _small_disk(out, disk), Machines(every, place / "class.pem") as machines:
        stand = Progress(out / NAME)
        for share, what in ((0.25, "the scheduler"), (0.5, "the client"), *([(0.75, "the disk")] if disk else [])):
            run = _run(client, submissions, out, machines)
            stand.until(share * count, run)
            if what == "the scheduler":
                machines.kill_scheduler()
            elif what == "the client":
                run.kill()
            else:
                (out / "filler").write_bytes(b"")
                _fill(out / "filler")
            code = run.wait(PATIENCE)
            print(f"{what} failed after {stand.look()} results: the run ended with {code}", flush=True)
            (out / "filler").unlink(missing_ok=True)
            machines.mend()
        for _ in range(RUNS):
            code = _run(client, submissions, out, machines).wait()
            print(f"run again: ended with {code}, {stand.look()} results", flush=True)
            if code < 2 and _count_graded(out) == readable:
                break
        stand.look()
        print(f"killed: {machines.killed} workers, 1 scheduler, 1 client", flush=True)
        shutil.copytree(out, place / "chaos", ignore=shutil.ignore_patterns("students"))
    subprocess.run([*client, str(submissions), "--out", str(peace), "--workers", str(WORKERS)], cwd=ROOT,
                   stdout=subprocess.DEVNULL)  # fmt: skip
    return [*stand.wrong, *_compare(place / "chaos", peace, readable)]


class Machines:
    """A scheduler and workers of their own, of which one dies every so often."""

    def __init__(self, every: float, certificate: Path) -> None:
        self.every, self.certificate, self.killed, self.draw = every, certificate, 0, random.Random(0)
        self.lock, self.over = threading.Lock(), threading.Event()
        self.port = _free_port()
        self.address = f"tls://127.0.0.1:{self.port}"
        self.processes: dict[str, subprocess.Popen] = {}

    def __enter__(self) -> "Machines":
        cluster.write_certificate(self.certificate)
        self.mend()
        self.thread = threading.Thread(target=self._kill_workers)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()
        for process in self.processes.values():
            _end(process)

    def mend(self) -> None:
        """Start whatever is not there."""
        with self.lock:
            self._start("scheduler", "scheduler", "--host", "127.0.0.1", "--port", str(self.port))
            for i in range(WORKERS):
                self._start(f"worker {i}", "worker", self.address, "--nworkers", "1", "--death-timeout", "60")

    def kill_scheduler(self) -> None:
        with self.lock:
            self.processes["scheduler"].kill()
            self.processes["scheduler"].wait()

    def _kill_workers(self) -> None:
        while not self.over.wait(self.every):
            name = self.draw.choice([name for name in self.processes if name != "scheduler"])
            with self.lock, suppress(psutil.NoSuchProcess):
                process = psutil.Process(self.processes[name].pid)
                inside = [child for child in process.children() if "resource_tracker" not in " ".join(child.cmdline())]
                for child in inside or [process]:
                    child.kill()  # its nanny starts another one
                    self.killed += 1
            self.mend()

    def _start(self, name: str, role: str, *arguments: str) -> None:
        process = self.processes.get(name)
        if process is not None and process.poll() is None:
            return
        self.processes[name] = subprocess.Popen(
            [sys.executable, "-m", "gradebook.cluster", role, str(self.certificate), *arguments],
            cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip


class Progress:
    """Looks at a gradebook again and again: a result that is committed stays as it is."""

    def __init__(self, path: Path) -> None:
        self.path, self.finished, self.wrong = path, {}, []

    def look(self) -> int:
        """Return how many results there are."""
        now = {digest: row["finished"] for digest, row in results(self.path).items()} if self.path.exists() else {}
        for digest, finished in self.finished.items():
            if digest not in now:
                self.wrong.append(f"the result of {digest} was lost")
            elif now[digest] != finished:
                self.wrong.append(f"{digest} was graded again though its result stood")
        self.finished = now
        return len(now)

    def until(self, least: float, run: subprocess.Popen) -> None:
        while self.look() < least and run.poll() is None:
            time.sleep(0.5)


def results(path: Path) -> dict[str, dict]:
    """By digest."""
    base = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    base.row_factory = sqlite3.Row
    try:
        return {row["digest"]: dict(row) for row in base.execute("SELECT * FROM results")}
    except sqlite3.OperationalError:  # it is being made
        return {}
    finally:
        base.close()


def without_times(text: str) -> dict:
    """Return of a results.json what does not depend on the machine's mood."""
    table = json.loads(text)
    facts = {"most_memory_of_a_call": None, "submission": None}  # the name is that of the folder it lay in
    return table | {"execution_time": None, "extra_data": table["extra_data"] | facts}


def _count_graded(folder: Path) -> int:
    with (folder / "grades.csv").open(newline="") as file:
        return sum(row["Status"] == "Graded" for row in csv.DictReader(file))


def _compare(out: Path, peace: Path, count: int) -> list[str]:
    chaotic, peaceful = results(out / NAME), results(peace / NAME)
    wrong = []
    for folder in (out, peace):
        graded = _count_graded(folder)
        if graded != count:
            wrong.append(f"expected {count} graded submissions, got {graded} in {folder.name}")
    wrong += [f"{digest} is there in one of the two only" for digest in chaotic.keys() ^ peaceful.keys()]
    unlike = [digest for digest in chaotic.keys() & peaceful.keys()
              if without_times(chaotic[digest]["results"]) != without_times(peaceful[digest]["results"])]  # fmt: skip
    for digest in unlike:
        wrong.append(f"{digest} differs: {chaotic[digest]['score']:g} points, {peaceful[digest]['score']:g} in peace")
    print(f"{graded} submissions graded, {len(chaotic)} of them different; {len(unlike)} unlike those in peace")
    return wrong


def _run(client: Sequence[str], submissions: Path, out: Path, machines: Machines) -> subprocess.Popen:
    return subprocess.Popen(
        [*client, str(submissions), "--out", str(out), "--scheduler", machines.address,
         "--certificate", str(machines.certificate)],
        cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    )  # fmt: skip


@contextmanager
def _small_disk(folder: Path, mounted: bool):
    folder.mkdir()
    if mounted:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}m", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)


def _fill(path: Path) -> None:
    with path.open("ab", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            with suppress(OSError):
                while True:
                    file.write(b"x" * size)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def _end(process: subprocess.Popen) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


if __name__ == "__main__":
    sys.exit(main())
