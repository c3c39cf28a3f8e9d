"""The gradebook: one SQLite file in which each result is committed as it comes, and from which a killed run goes on.

A result belongs to a submission's digest, the suite's version and the seed: who handed it in is not in here.
"""

import fcntl
import json
import os
import secrets
import sqlite3
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

NAME = "gradebook.sqlite"
SCHEMA = """
CREATE TABLE IF NOT EXISTS suites (version TEXT PRIMARY KEY, files TEXT NOT NULL, seen REAL NOT NULL);
CREATE TABLE IF NOT EXISTS results (
    digest TEXT, suite TEXT, seed INTEGER, score REAL NOT NULL, results TEXT NOT NULL, seconds REAL NOT NULL,
    worker TEXT NOT NULL, attempt INTEGER NOT NULL, finished REAL NOT NULL, PRIMARY KEY (digest, suite, seed)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pages (
    digest TEXT, suite TEXT, seed INTEGER, page BLOB NOT NULL, PRIMARY KEY (digest, suite, seed)
);
CREATE TABLE IF NOT EXISTS failures (
    digest TEXT, suite TEXT, seed INTEGER, run INTEGER, worker TEXT NOT NULL, why TEXT NOT NULL, at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS weights (at REAL NOT NULL, weights TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS started (digest TEXT, suite TEXT, seed INTEGER, run INTEGER);
CREATE TABLE IF NOT EXISTS again (digest TEXT PRIMARY KEY, since REAL NOT NULL);
CREATE TABLE IF NOT EXISTS secret (one INTEGER PRIMARY KEY CHECK (one = 1), salt TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS runs (
    run INTEGER PRIMARY KEY, began REAL NOT NULL, ended REAL, process INTEGER NOT NULL, suite TEXT NOT NULL,
    seed INTEGER NOT NULL, wanted INTEGER NOT NULL, todo INTEGER NOT NULL, workers INTEGER NOT NULL DEFAULT 0,
    outcome TEXT NOT NULL DEFAULT ''
);
"""


class GradebookError(Exception):
    """The gradebook cannot be used; the message says why, in one sentence."""


@dataclass(frozen=True)
class Key:
    """Key of one result."""

    digest: str
    suite: str
    seed: int


@dataclass
class Graded:
    """Answer of a worker."""

    score: float
    results: str  # results.json
    page: bytes  # report.html, compressed
    seconds: float
    worker: str


class Gradebook:
    """Open for the one who writes. A context; raises GradebookError when another process writes."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = folder / NAME
        self.path.touch(mode=0o600)  # SQLite's other files get the mode of this one
        self.path.chmod(0o600)  # one of an earlier version's was open
        self._lock = open(folder / f"{NAME}.lock", "w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise GradebookError(
                f"expected {self.path} for this run alone, but another run writes to it: "
                "wait for its end, or look at it with --status"
            ) from None
        try:
            self.base = sqlite3.connect(self.path, isolation_level=None)
            self.base.row_factory = sqlite3.Row
            self.base.execute("PRAGMA journal_mode=WAL")
            self.base.execute("PRAGMA synchronous=FULL")
            self.base.executescript(SCHEMA)
        except sqlite3.DatabaseError as problem:
            self._lock.close()
            raise _explain(self.path, problem) from None
        self.run = 0

    def __enter__(self) -> "Gradebook":
        return self

    def __exit__(self, *_: object) -> None:
        self.base.close()
        self._lock.close()

    def begin(self, files: dict[str, str], suite: str, seed: int, wanted: int, todo: int) -> None:
        """A run, which `--status` shows."""
        now = time.time()
        self._write("INSERT OR IGNORE INTO suites VALUES (?, ?, ?)", suite, json.dumps(files), now)
        self.run = self._write(
            "INSERT INTO runs (began, process, suite, seed, wanted, todo) VALUES (?, ?, ?, ?, ?, ?)",
            now, os.getpid(), suite, seed, wanted, todo,
        )  # fmt: skip

    def note(self, workers: int) -> None:
        self._write("UPDATE runs SET workers = ? WHERE run = ?", workers, self.run)

    def end(self, outcome: str) -> None:
        self._write("DELETE FROM started WHERE run = ?", self.run)  # who ends in order was ended by no submission
        self._write("UPDATE runs SET ended = ?, outcome = ? WHERE run = ?", time.time(), outcome, self.run)

    def start(self, key: Key) -> None:
        """This one is being graded: where no end of it is noted, the run died with it."""
        self._write("INSERT INTO started VALUES (?, ?, ?, ?)", key.digest, key.suite, key.seed, self.run)

    def settle(self, key: Key) -> None:
        self._write("DELETE FROM started WHERE digest = ? AND run = ?", key.digest, self.run)

    def find_interrupted(self) -> dict[str, int]:
        """Return the digests that were being graded when a run died, and the number of such runs."""
        query = "SELECT digest, COUNT(DISTINCT run) FROM started WHERE run <> ? GROUP BY digest"
        return dict(tuple(row) for row in self.base.execute(query, (self.run,)))

    def keep(self, key: Key, graded: Graded, attempt: int) -> None:
        """One result with its page, in one transaction. One that is there already is replaced: it was asked for."""
        ids = (key.digest, key.suite, key.seed)
        with self._transaction():
            self.base.execute("INSERT OR REPLACE INTO pages VALUES (?, ?, ?, ?)", (*ids, graded.page))
            self.base.execute(
                "INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*ids, graded.score, graded.results, graded.seconds, graded.worker, attempt, time.time()),
            )
            self.base.execute("DELETE FROM again WHERE digest = ?", (key.digest,))
            self.base.execute("DELETE FROM started WHERE digest = ?", (key.digest,))

    def fail(self, key: Key, worker: str, why: str) -> None:
        self._write(
            "INSERT INTO failures VALUES (?, ?, ?, ?, ?, ?, ?)",
            key.digest, key.suite, key.seed, self.run, worker, why[:2000], time.time(),
        )  # fmt: skip

    def ask_again(self, digests: Iterable[str]) -> None:
        """These are graded again, by the next run if this one is killed; until then their results stand."""
        for digest in digests:
            self._write("INSERT OR IGNORE INTO again VALUES (?, ?)", digest, time.time())
            self._write("DELETE FROM started WHERE digest = ?", digest)

    def find_asked_again(self) -> set[str]:
        return {digest for (digest,) in self.base.execute("SELECT digest FROM again")}

    def scores(self, suite: str, seed: int) -> dict[str, float]:
        """The points of each digest whose result stands."""
        query = "SELECT digest, score FROM results WHERE suite = ? AND seed = ?"
        return {row["digest"]: row["score"] for row in self.base.execute(query, (suite, seed))}

    def earlier(self, suite: str, seed: int) -> dict[str, tuple[str, int]]:
        """Return, of digests without such a result, the suite and seed of their latest other one."""
        query = (
            "SELECT digest, suite, seed FROM results WHERE digest NOT IN "
            "(SELECT digest FROM results WHERE suite = ? AND seed = ?) ORDER BY finished"
        )
        return {digest: (other, number) for digest, other, number in self.base.execute(query, (suite, seed))}

    def carry(self, key: Key, suite: str) -> None:
        """Let a result of that suite stand for this key, too: no test that has changed is about this submission."""
        ids = (key.suite, key.digest, suite, key.seed)
        with self._transaction():
            for table, rest in (("pages", "page"), ("results", "score, results, seconds, worker, attempt, finished")):
                self.base.execute(
                    f"INSERT OR IGNORE INTO {table} SELECT digest, ?, seed, {rest} FROM {table} "
                    "WHERE digest = ? AND suite = ? AND seed = ?", ids,
                )  # fmt: skip

    def keep_weights(self, weights: str) -> None:
        """Keep what the pages and tables of now were made by, and all that was before."""
        self._write("INSERT INTO weights VALUES (?, ?)", time.time(), weights)

    def weights(self) -> str:
        """Return the latest of them; "" where there are none."""
        row = self.base.execute("SELECT weights FROM weights ORDER BY rowid DESC LIMIT 1").fetchone()
        return row[0] if row else ""

    def latest(self) -> tuple[str, int] | None:
        """Return the suite and the seed of the latest run; None where there was none."""
        row = self.base.execute("SELECT suite, seed FROM runs ORDER BY run DESC LIMIT 1").fetchone()
        return (row["suite"], row["seed"]) if row else None

    def test_names(self, suite: str, seed: int) -> set[str]:
        """Return the names of the tests of all results of this suite and seed."""
        query = (
            "SELECT DISTINCT json_extract(test.value, '$.name') FROM results, json_each(results.results, '$.tests') "
            "AS test WHERE suite = ? AND seed = ?"
        )
        return {name for (name,) in self.base.execute(query, (suite, seed))}

    def files(self, suite: str) -> dict[str, str]:
        row = self.base.execute("SELECT files FROM suites WHERE version = ?", (suite,)).fetchone()
        return json.loads(row[0]) if row else {}

    def result(self, key: Key) -> sqlite3.Row | None:
        query = "SELECT * FROM results WHERE digest = ? AND suite = ? AND seed = ?"
        return self.base.execute(query, (key.digest, key.suite, key.seed)).fetchone()

    def page(self, key: Key) -> str:
        query = "SELECT page FROM pages WHERE digest = ? AND suite = ? AND seed = ?"
        row = self.base.execute(query, (key.digest, key.suite, key.seed)).fetchone()
        return zlib.decompress(row[0]).decode() if row else ""

    def failures(self, key: Key) -> Iterator[tuple[str, str]]:
        """Worker and reason, of every run."""
        query = "SELECT worker, why FROM failures WHERE digest = ? AND suite = ? AND seed = ? ORDER BY at"
        yield from self.base.execute(query, (key.digest, key.suite, key.seed))

    def salt(self) -> str:
        """A secret of this gradebook's, by which students are numbered where names are not to be seen."""
        self._write("INSERT OR IGNORE INTO secret VALUES (1, ?)", secrets.token_hex(16))
        return self.base.execute("SELECT salt FROM secret").fetchone()[0]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All that is written inside the block, or nothing of it."""
        try:
            self.base.execute("BEGIN IMMEDIATE")
            yield
            self.base.execute("COMMIT")
        except sqlite3.Error as problem:
            if self.base.in_transaction:
                self.base.execute("ROLLBACK")
            raise _explain(self.path, problem) from None

    def _write(self, statement: str, *values: object) -> int:
        try:
            return self.base.execute(statement, values).lastrowid or 0
        except sqlite3.Error as problem:
            raise _explain(self.path, problem) from None


def _explain(path: Path, problem: sqlite3.Error) -> GradebookError:
    full = "full" in str(problem) or "disk I/O" in str(problem)
    more = "make room on its disk." if full else "is it a gradebook, and yours to write to?"
    return GradebookError(
        f"expected to write to {path}, got {problem!s}: {more} "
        "Then run the same command again: what was committed is kept"
    )
