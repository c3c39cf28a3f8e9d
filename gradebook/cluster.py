"""Where the gradings run: a Dask cluster of this machine's own, or one that is there already."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import dask
import psutil
from distributed import Client, LocalCluster
from distributed.system import MEMORY_LIMIT
from distributed.utils import silence_logging_cmgr

PER_WORKER = 2500 << 20  # bytes: the warm process, one grading, and what a student's call may take
PATIENCE = 30  # seconds for a scheduler to answer
SETTINGS = {
    "distributed.scheduler.allowed-failures": 0,  # the second try is ours: elsewhere, and noted in the gradebook
    "distributed.scheduler.worker-ttl": "120 seconds",  # then a worker that says nothing counts as dead
    "distributed.scheduler.work-stealing": False,
    "distributed.comm.retry.count": 2,
}


class ClusterError(Exception):
    """There is no cluster; the message says why, in one sentence."""


@contextmanager
def connected(scheduler: str = "", workers: int = 0) -> Iterator[Client]:
    """A client of the scheduler at this address, or of a cluster that ends with the context.

    workers: of the cluster, 0 for as many as cores and memory allow. Raises ClusterError.
    """
    if scheduler:
        with silence_logging_cmgr("CRITICAL"):  # a ClusterError says it in one sentence
            try:
                client = Client(scheduler, timeout=PATIENCE)
            except (OSError, ValueError) as problem:
                raise ClusterError(
                    f"expected a Dask scheduler at {scheduler}, got {type(problem).__name__}: start one with "
                    "`dask scheduler`, or leave SCHEDULER out for a cluster of this machine alone"
                ) from None
            with client:
                yield client
        return
    with dask.config.set(SETTINGS):
        count = workers or fitting()
        with (
            LocalCluster(
                n_workers=count, threads_per_worker=1, memory_limit=PER_WORKER, dashboard_address="127.0.0.1:0",
                host="127.0.0.1", silence_logs="CRITICAL",
            ) as cluster,
            Client(cluster) as client,
        ):  # fmt: skip
            yield client


def fitting() -> int:
    """How many gradings this machine can do at once."""
    cores = len(os.sched_getaffinity(0))
    memory = min(psutil.virtual_memory().available, MEMORY_LIMIT)  # the latter is a container's own
    return max(1, min(cores, memory // PER_WORKER))


if __name__ == "__main__":
    print(fitting())
