"""The Dask cluster that grades: this machine's own, or one that is there already. All of it speaks TLS.

    python -m gradebook.cluster scheduler CERTIFICATE [options of dask scheduler]
    python -m gradebook.cluster worker CERTIFICATE tls://host:8786 [options of dask worker]

Or: make class-scheduler, make class-worker SCHEDULER=... . CERTIFICATE is a file that the scheduler writes, workers and
clients read, and that goes when the scheduler ends (one that was killed is started again with the same): a key and its
certificate. Whoever can read it can run code on all of these machines.
"""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dask
import psutil
from distributed import Client, LocalCluster, Security
from distributed.system import MEMORY_LIMIT
from distributed.utils import silence_logging_cmgr

from autograder.assignment import ROOT
from autograder.files import write_whole

CERTIFICATE = ROOT / "runs/class/class.pem"  # git ignores runs/, and no student's code sees the checkout
PER_WORKER = 2500 << 20  # bytes: the warm process, one grading, and what a student's call may take
PATIENCE = 30  # seconds for a scheduler to answer, or to write its certificate
DEATH_TIMEOUT = 300  # seconds after which a worker without its scheduler ends
SETTINGS = {
    "distributed.scheduler.worker-ttl": "120 seconds",  # then a worker that says nothing counts as dead
    "distributed.comm.retry.count": 2,
    # Dask's servers for browsers ask nobody for a certificate: they show nothing, and only to this machine.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}
NO_PAGES = ["--no-dashboard", "--dashboard-address", "127.0.0.1:0"]


class ClusterError(Exception):
    """There is no cluster; the message says why, in one sentence."""


@contextmanager
def connected(scheduler: str = "", workers: int = 0, certificate: Path = CERTIFICATE) -> Iterator[Client]:
    """A client of the scheduler at this address, or of a cluster that ends with the context.

    workers: of the cluster, 0 for as many as cores and memory allow. certificate: the file of that scheduler. Raises
    ClusterError.
    """
    if not scheduler:
        with _local(workers or fitting()) as client:
            yield client
        return
    refuse_open(scheduler)
    with dask.config.set(settings(certificate)), silence_logging_cmgr("CRITICAL"):  # a ClusterError says it
        try:
            client = Client(scheduler, timeout=PATIENCE)
        except (OSError, ValueError) as problem:
            raise ClusterError(
                f"expected a Dask scheduler at {scheduler} with the certificate in {certificate}, got "
                f"{type(problem).__name__}: start one with make class-scheduler, or leave SCHEDULER out for a cluster "
                "of this machine alone"
            ) from None
        with client:
            yield client


@contextmanager
def _local(workers: int) -> Iterator[Client]:
    with tempfile.TemporaryDirectory(prefix="class-") as place:
        certificate = Path(place, CERTIFICATE.name)
        write_certificate(certificate)
        with (
            dask.config.set(settings(certificate)),
            LocalCluster(
                n_workers=workers, threads_per_worker=1, memory_limit=PER_WORKER, dashboard_address="127.0.0.1:0",
                scheduler_kwargs={"dashboard": False}, host="127.0.0.1", protocol="tls://", security=Security(),
                silence_logs="CRITICAL",
            ) as cluster,
            Client(cluster) as client,
        ):  # fmt: skip
            yield client


def refuse_open(scheduler: str) -> None:
    """Raise ClusterError where this is not the address of a scheduler with TLS."""
    if not scheduler.startswith("tls://"):
        raise ClusterError(
            f"expected a scheduler that asks for a certificate, SCHEDULER=tls://host:port, got {scheduler or 'none'}: "
            "start one with make class-scheduler, since on any other everybody in the network can run code"
        )


def write_certificate(path: Path) -> None:
    """A new key with its certificate, for their owner alone."""
    made = Security.temporary()
    write_whole(path, made.tls_client_key + made.tls_client_cert)


def settings(certificate: Path) -> dict[str, object]:
    """Dask's settings for scheduler, workers and clients with this certificate. Raises ClusterError."""
    if not certificate.is_file():
        raise ClusterError(
            f"expected the scheduler's certificate in {certificate}, found none: make class-scheduler writes it and "
            "says where; copy it here and name it by CERTIFICATE=file"
        )
    if certificate.stat().st_mode & 0o077:
        raise ClusterError(
            f"expected {certificate} to be readable for you alone, since whoever has it can run code as you: "
            f"chmod 600 it, or write another one if others may have it"
        )
    path = str(certificate.resolve())
    tls = {f"distributed.comm.tls.{role}.{what}": path for role in ("scheduler", "worker", "client")
           for what in ("key", "cert")}  # fmt: skip
    pages = {f"distributed.scheduler.dashboard.tls.{what}": path for what in ("ca-file", "key", "cert")}
    return SETTINGS | tls | pages | {"distributed.comm.tls.ca-file": path, "distributed.comm.require-encryption": True}


def fitting() -> int:
    """Number of gradings that this machine can do at once."""
    cores = len(os.sched_getaffinity(0))
    memory = min(psutil.virtual_memory().available, MEMORY_LIMIT)  # the latter is a container's own
    return max(1, min(cores, memory // PER_WORKER))


def main(argv: list[str]) -> None:
    """Be a scheduler or a worker, by Dask's own commands."""
    from distributed.cli import dask_scheduler, dask_worker

    role, certificate, options = argv[0], Path(argv[1]), argv[2:]
    try:
        if role == "worker":
            refuse_open(options[0])
        elif not certificate.exists():
            write_certificate(certificate)
        stop = time.monotonic() + PATIENCE
        while not certificate.exists() and time.monotonic() < stop:  # the scheduler was started a moment ago
            time.sleep(0.5)
        dask.config.set(settings(certificate))
    except (ClusterError, OSError) as problem:
        sys.exit(f"{str(problem)[:1].upper()}{str(problem)[1:]}.")
    if role == "scheduler":
        print(f"The certificate for workers and make grade-class is in {certificate.resolve()}.", flush=True)
        try:
            dask_scheduler.main(["--protocol", "tls", *NO_PAGES, *options])
        finally:
            certificate.unlink(missing_ok=True)
    else:
        mine = ["--nthreads", "1", "--nworkers", str(fitting()), "--death-timeout", str(DEATH_TIMEOUT)]
        dask_worker.main([*mine, *NO_PAGES, *options])


if __name__ == "__main__":
    main(sys.argv[1:])
