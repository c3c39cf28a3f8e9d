"""Runs all labs and writes one page with every figure, table and sentence: visualization/labs.html.

    python -m labs
    python -m labs --quick
    python -m labs --readme      also puts the tables and sentences into labs/README.md

A lab whose part of the assignment is not written yet does not keep the others from running; the page says which part.
On two cores or more two labs run at a time, each in a process of its own with half of the cores: with small pictures a
second core makes one lab a little faster, and two labs twice as fast. Labs that measure time run alone.
"""

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import torch

import pretrained
from figures import figure, gallery, script
from labs import LABS, lab
from labs.runs import Entry, run, run_in_pairs
from pretrained.files import write_whole

README = Path(__file__).with_name("README.md")
MEASURED = "<!-- measured: python -m labs --readme -->\n"
TIMED = {  # whose numbers are times
    "gradients.one_backward",
    "attribution.shap_cam",
    "segmentation.fully_convolutional",
    "segmentation.encoder_decoder",
}


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
    path = write_whole(Path(args.out) / f"labs{script.name_run(args, source)}.html", page(entries, source))
    if args.readme:
        write_whole(README, with_tables(README.read_text(encoding="utf-8"), entries))
    for entry in entries:
        if entry.problem:
            print(f"\n{entry.question} is missing. {entry.problem}")
    print(f"\nOpen {path} in a browser to see all labs.")
    if args.show:
        figure.show([entry.result.picture for entry in entries if entry.result])
    return 1 if any(entry.problem for entry in entries) else 0


def present() -> list[str]:
    """The labs that are here, in order."""
    return [name for name in LABS if importlib.util.find_spec(f"labs.{name}")]


def page(entries: Sequence[Entry], source: pretrained.Pretrained) -> str:
    """Fill the page with each lab's figure and table."""
    introduction = (
        "Each lab asks a question of the assignment, or of a paper behind it, and measures the answer. Brackets hold "
        "90 % intervals; what an interval leaves open is called not shown: it may be so all the same. Within 8 of 255 "
        "means that no value of a pixel moves by more than 8 of its 255 steps. The embedded network knows 24 classes "
        "of rendered scenes. The network, where none is named:"
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
