"""Runs all labs and writes one page with every figure, table and sentence: visualization/labs.html.

    python -m labs
    python -m labs --quick
    python -m labs --readme      also puts the tables and sentences into labs/README.md

A lab whose part of the assignment is not written yet does not keep the others from running; the page says which part.
On two cores or more two labs run at a time, each in a process of its own with half of the cores: with small pictures a
second core makes one lab a little faster, and two labs twice as fast. Labs that measure time run alone.
"""

import contextlib
import functools
import importlib
import importlib.util
import io
import multiprocessing
import signal
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch

import pretrained
from figures import gallery, script
from labs import LABS, lab
from labs.lab import Result
from pretrained.files import write_whole

README = Path(__file__).with_name("README.md")
MEASURED = "<!-- measured: python -m labs --readme -->\n"
TIMED = {  # whose numbers are times
    "gradients.one_backward",
    "attribution.shap_cam",
    "segmentation.fully_convolutional",
    "segmentation.encoder_decoder",
}


@dataclass
class Entry:
    """A lab, and what it found or why it found nothing."""

    name: str
    question: str
    result: Result | None = None
    problem: str = ""


def main(argv: Sequence[str] | None = None, source: pretrained.Pretrained | None = None) -> int:
    """Returns the exit status: 0 if every lab has run, else 1."""
    parser = lab.parser(__doc__)
    parser.add_argument("--readme", action="store_true", help="also put tables and sentences into labs/README.md")
    args = parser.parse_args(argv)
    source = source or pretrained.from_arguments(args, paints=True)
    options = ["--weights", args.weights, "--model", args.model, "--out", args.out, "--seed", str(args.seed)]
    options += ["--quick"] if args.quick else []
    names, cores = present(), torch.get_num_threads()
    pairs = source.device.type == "cpu" and cores > 1  # two would be in each other's way on one graphics card
    paired = [name for name in names if pairs and name not in TIMED]
    found = {name: run(name, options, source) for name in names if name not in paired}
    if paired:
        found |= run_in_pairs(paired, options, cores // 2)
    entries = [found[name] for name in names]
    path = write_whole(Path(args.out) / "labs.html", page(entries, source))
    if args.readme:
        write_whole(README, with_tables(README.read_text(encoding="utf-8"), entries))
    for entry in entries:
        if entry.problem:
            print(f"\n{entry.question} is missing. {entry.problem}")
    print(f"\nOpen {path} in a browser to see all labs.")
    return 1 if any(entry.problem for entry in entries) else 0


def present() -> list[str]:
    """The labs that are here, in order."""
    return [name for name in LABS if importlib.util.find_spec(f"labs.{name}")]


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
        except BaseException:  # such as Ctrl+C
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()
            raise
    return entries


def begin(threads: int) -> None:
    """Prepare a process for labs: Ctrl+C is told to the one that began it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(threads)
    script.keep_memory()


def run_apart(name: str, options: Sequence[str]) -> tuple[Entry, str]:
    """Run the lab in this process, with a network of its own; returns what it printed, too."""
    with contextlib.redirect_stdout(io.StringIO()) as text, contextlib.redirect_stderr(text), script.told_briefly():
        entry = run(name, options, _load(tuple(options)))
    return entry, text.getvalue()


@functools.cache
def _load(options: tuple[str, ...]) -> pretrained.Pretrained:
    args = lab.parser(None).parse_args(options)
    return pretrained.load(args.weights, "cpu", args.model)


def page(entries: Sequence[Entry], source: pretrained.Pretrained) -> str:
    """Fill the page with each lab's figure and table."""
    introduction = (
        "Each lab asks a question of the assignment, or of a paper behind it, and measures the answer.\n"
        "The network, where none is named:"
    )
    sections = []
    for entry in entries:
        link = entry.name.rpartition(".")[2].replace("_", " ")
        section = gallery.Section(entry.name, entry.question, "", f"python -m labs.{entry.name}", link=link)
        section.problem = entry.problem
        if entry.result:
            section.pictures = [entry.result.picture]
            section.columns, section.rows = entry.result.table.columns, entry.result.table.rows
        sections.append(section)
    return gallery.fill_page("One experiment for each question", introduction, source.name, sections)


def with_tables(readme: str, entries: Sequence[Entry]) -> str:
    """The text with everything after its mark replaced by what was measured."""
    return readme.partition(MEASURED)[0] + MEASURED + "".join(map(_as_markdown, entries))


def _as_markdown(entry: Entry) -> str:
    """A heading, the table and the sentences."""
    lines = ["", f"### `{entry.name}`: {entry.question}", ""]
    if entry.result is None:
        return "\n".join([*lines, entry.problem, ""])
    columns, rows = entry.result.table.columns, entry.result.table.rows
    lines += [_row(columns), _row(["---"] * len(columns)), *map(_row, rows), ""]
    lines += [*entry.result.sentences, "", f"*{entry.result.seconds:.0f} s.*", ""]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


if __name__ == "__main__":
    script.run(main)
