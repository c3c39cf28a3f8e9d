# STAFF
"""assignment_3.ipynb: what is committed is what is generated, nothing of a solution, and all of it runs."""

import os
import re
import subprocess
import sys

import pytest

nbformat = pytest.importorskip("nbformat", reason="make notebook installs it")

from autograder import assignment  # noqa: E402
from autograder.assignment import ROOT  # noqa: E402
from staff.handout import build, contents, notebook, proofs, template  # noqa: E402


def read():
    return nbformat.read(ROOT / notebook.NAME, as_version=4)


def test_the_notebook_is_what_is_generated():
    """`make notebook` again after a change of docs/assignment.md, assignment.toml or the template's questions."""
    assert (ROOT / notebook.NAME).read_text(encoding="utf-8") == notebook.make()


def test_it_is_valid_and_holds_no_output():
    nbformat.validate(read())
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in read().cells)


def test_every_part_has_its_text_file_tests_figure_and_question():
    """And every question of the report is asked."""
    text = "\n".join(cell.source for cell in read().cells)
    for name, part in assignment.read().parts.items():
        assert re.search(rf"-m {name}$", text, re.MULTILINE) and f"### {part['number']} " in text
        for file in part["functions"]:
            assert f"]({file}) (Colab: `files.view(\"{file}\")`)" in text
            assert f"%run {part.get('script', file)} --show" in text
    assert [slide.question for slide in template.slides() if slide.question and slide.question not in text] == []


def test_its_code_calls_scripts_alone():
    """No code that the scripts do not have: every line but the set-up's runs a file or a module."""
    code = [line for cell in read().cells if cell.cell_type == "code" and cell.source != notebook.SET_UP
            for line in cell.source.splitlines()]  # fmt: skip
    assert code and all(re.match(r"(# .*)?(%run |!\{python\} )", line) for line in code)


def test_an_edited_file_is_read_whole(tmp_path):
    """The lines that a traceback shows are the file's, and a class with a backward of its own stops nothing."""
    text = "import torch\n\n\nclass A(torch.autograd.Function):\n    @staticmethod\n    def f():\n        return 1\n"
    (tmp_path / "mine.py").write_text(text + "\n\ndef g():\n    return 1\n")
    (tmp_path / "changed").write_text(text + "\n\n\ndef g():\n    return 1 / 0\n")
    cells = [
        re.sub(r"^!.*", "", notebook.SET_UP, flags=re.MULTILINE),
        "from mine import A, g",
        "import os; os.replace('changed', 'mine.py'); os.utime('mine.py', (9e9, 9e9))",
        "print(A.apply and A.f(), g.__code__.co_firstlineno, g.__code__.co_consts)",
    ]
    (tmp_path / "cells.ipy").write_text("\n".join(f"_ = get_ipython().run_cell({cell!r})" for cell in cells))
    order = [sys.executable, "-m", "IPython", "--no-banner", "cells.ipy"]
    own = {"IPYTHONDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(order, cwd=tmp_path, env=os.environ | own, capture_output=True, text=True)
    assert done.stdout == "1 11 (None, 1, 0)\n" and "Traceback" not in done.stdout + done.stderr, done


@pytest.mark.proof
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("solved", [True, False], ids=["solution", "handout"])
def test_the_whole_notebook_runs(tmp_path, solved):
    """On the solution every test passes; on the handout each part says that it is not written yet."""
    nbclient = pytest.importorskip("nbclient", reason="make notebook installs it")
    folder = tmp_path / "assignment_3"
    build.write_folder(folder, solved=contents.part_numbers() if solved else ())
    proofs.borrow_environment(folder)
    book = nbformat.read(folder / notebook.NAME, as_version=4)
    place = {"metadata": {"path": str(folder)}}
    nbclient.NotebookClient(book, timeout=1200, allow_errors=True, resources=place).execute()
    numbers = {part["number"] for part in assignment.read(folder).parts.values()}
    for cell in (cell for cell in book.cells if cell.cell_type == "code"):
        said = "".join(str(output.get("text", output.get("evalue", ""))) for output in cell.outputs)
        assert "Traceback" not in said or not solved, said[-3000:]
        assert {output.ename for output in cell.outputs if output.output_type == "error"} <= {"SystemExit"}
        if cell.source.startswith("%run"):
            shown = any("image/png" in output.get("data", {}) for output in cell.outputs)
            assert shown if solved else re.search(r"not written yet: Part (\d\.\d): ", said)[1] in numbers, said[-3000:]
        elif " -m pytest " in cell.source:
            assert not re.search(r"\d+ (failed|error)", said), said[-3000:]  # what is not written is no failure
            assert ("not written yet" in said) != solved and (not solved or "passed" in said), said[-3000:]
    last = "".join(output.get("text", "") for output in book.cells[-1].outputs)
    assert ("nothing missing" in last or "things to look at" in last) and "Wrote" in last
