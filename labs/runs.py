"""Runs labs, one after the other or two at a time.

A module of its own: a new process reads it by its name, and would not find what stands in the `__main__` of another.
"""

import contextlib
import functools
import importlib
import io
import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

import torch

import pretrained
from figures import gallery, script
from labs import LABS, lab
from labs.lab import Result


@dataclass
class Entry:
    """A lab, and what it found or why it found nothing."""

    name: str
    question: str
    result: Result | None = None
    problem: str = ""


def run(name: str, options: Sequence[str], source: pretrained.Pretrained) -> Entry:
    """Run the lab; whatever goes wrong in it must not keep the others from running."""
    module = importlib.import_module(f"labs.{name}")
    result, problem = gallery.run(lambda: lab.run(module, options, source))
    return Entry(name, lab.question_of(module), result or None, problem)


def run_in_pairs(names: Sequence[str], options: Sequence[str], threads: int) -> dict[str, Entry]:
    """Run the labs, two at a time, each with so many threads; what they print is printed lab by lab, in order."""
    entries = {}
    # Each process is a fresh one, as those of Windows and macOS are: a fork of threads that have worked may hang.
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn"), begin, (threads,)) as pool:
        jobs = {name: pool.submit(run_apart, name, options) for name in names}
        try:
            for name, job in jobs.items():
                entries[name], text = job.result()
                print(text, end="", flush=True)
        except BrokenProcessPool:
            words = "expected every lab to end by itself, but a process ended: there may not have been enough memory"
            raise script.UserError(f"{words}; one lab alone: python -m labs.{LABS[0]}") from None
        except BaseException:  # such as Ctrl+C
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()
            raise
    return entries


def begin(threads: int) -> None:
    """Prepare a process for labs: Ctrl+C is told to the one that began it, and it ends with that one."""
    threading.Thread(target=end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(threads)
    script.keep_memory()


def end_with_parent() -> None:
    """End this process when the one that began it has ended, however that came."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def run_apart(name: str, options: Sequence[str]) -> tuple[Entry, str]:
    """Run the lab in this process, with a network of its own; returns what it printed, too."""
    with contextlib.redirect_stdout(io.StringIO()) as text, contextlib.redirect_stderr(text), script.told_briefly():
        entry = run(name, options, _load(tuple(options)))
    return entry, text.getvalue()


@functools.cache
def _load(options: tuple[str, ...]) -> pretrained.Pretrained:
    args = lab.parser(None).parse_args(options)
    return pretrained.load(args.weights, "cpu", args.model)
