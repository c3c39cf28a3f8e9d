"""Write assignment_3.ipynb: the text of docs/assignment.md, and after each part cells that run what the scripts do.

    python -m staff.handout.notebook        (or: make notebook)
"""

import re

from nbformat import v4, writes

from autograder.assignment import ROOT, read
from pretrained.files import write_whole
from staff.handout import template

NAME = "assignment_3.ipynb"
INTRODUCTION = """# Assignment 3, as a notebook

Everything here is what the scripts and tests do, called from a notebook: your code goes into the files that each part
names, not into this notebook. What you change in them is taken up.

**In Jupyter** open this file in the folder of the assignment. The links below open the files in its editor.

**In Colab** upload `assignment_3_handout.zip` under Files, on the left, and run in a cell of your own
`!unzip -q assignment_3_handout.zip` and `%cd assignment_3`. Open a file by a double click under Files, or by
`from google.colab import files` and `files.view("visualizers/saliency_map.py")`. Colab forgets its files when it ends:
download what you have written, or keep the folder on your Drive.

The next cell adds the packages that are missing and replaces none."""
SET_UP = """import sys

python = f'"{sys.executable}"'  # this notebook's own
!{python} environment/complete.py
%load_ext figures.reload"""
QUESTIONS = {
    "1.1": (template.IMPLEMENTATION_1,),
    "1.2": (template.IMPLEMENTATION_2, template.COMPARISON),
    "1.3": (template.INSIGHTS,),
    "1.4": (template.REGULARIZATION,),
    "1.5": (template.USE_SALIENCY,),
    "Part 3": tuple(slide.question for slide in template.slides() if slide.tag == "3 Paper review"),
    "Labs": (template.LAB_CHOSEN,),
}
COMMANDS = {  # below the section whose heading begins so
    "2.5": ("# With two pictures: %run style_transfer.py --content my_street.jpg --style my_painting.png --show",),
    "Labs": ("# One of them: %run labs/gradients/one_backward.py --show",),
    "The report": ("!{python} report.py\n!{python} report.py --check",),
    "Submission": ("!{python} collect_submission.py --check", "!{python} collect_submission.py"),
}


def main() -> int:
    write_whole(ROOT / NAME, make())
    print(f"wrote {ROOT / NAME}")
    return 0


def make() -> str:
    """Return the notebook, always the same text: no outputs, no solution."""
    parts = read().parts
    text = (ROOT / "docs/assignment.md").read_text(encoding="utf-8").replace("](#", "](docs/assignment.md#")
    cells = [v4.new_markdown_cell(INTRODUCTION), v4.new_code_cell(SET_UP)]
    for section in re.split(r"^(?=###? )", text, flags=re.MULTILINE):
        cells.append(v4.new_markdown_cell(section.strip()))
        heading = section.lstrip("# ").partition("\n")[0]
        written = {name: part for name, part in parts.items() if heading.startswith(f"{part['number']} ")}
        if written:
            cells += [v4.new_markdown_cell(_link(written)), *map(v4.new_code_cell, _run(written, parts))]
        for begins, commands in COMMANDS.items():
            if heading.startswith(begins):
                cells += map(v4.new_code_cell, commands)
        for begins, questions in QUESTIONS.items():
            if heading.startswith(begins):
                asked = "\n\n".join(f"> {question}" for question in questions)
                limit = f"at most {template.MAX_WORDS} words each"
                cells.append(v4.new_markdown_cell(f"**For the report** ({limit})\n\n{asked}"))
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"  # by itself it would be drawn at random
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return writes(v4.new_notebook(cells=cells, metadata=kernel)) + "\n"


def _link(parts: dict) -> str:
    files = dict.fromkeys(file for part in parts.values() for file in part["functions"])
    return "**Write** " + ", ".join(f"[`{file}`]({file}) (Colab: `files.view(\"{file}\")`)" for file in files)


def _run(written: dict, parts: dict) -> list[str]:
    """A cell with the tests, and one with the figures; several parts of one script have them below the last one."""
    last = {part["script"]: part["number"] for part in parts.values() if "script" in part}
    scripts = {part.get("script", file): part["number"] for part in written.values() for file in part["functions"]}
    due = [script for script, number in scripts.items() if script in last and number >= last[script]]
    figures = [f"%run {script} --show" for script in due]
    tests = [f"!{{python}} -m pytest -q -m {name}" for name in written]
    return ["\n".join(lines) for lines in (tests, figures) if lines]


if __name__ == "__main__":
    raise SystemExit(main())
