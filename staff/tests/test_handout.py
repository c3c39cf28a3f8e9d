"""The handout in parts: what goes in, what each proof finds, and that students are told what the grader does."""

import os
import re
import zipfile
from contextlib import nullcontext
from pathlib import Path

import pytest
from PIL import ImageFile

import collect_submission
from autograder import intake
from autograder.assignment import Assignment, read
from autograder.files import fill
from staff.handout import build, contents, proofs, tables, template
from staff.handout.contents import ContentsError
from staff.handout.markers import MarkerError
from staff.handout.proofs import ProofError

SOLVED = '''"""A part."""


def double(x):
    # BEGIN SOLUTION first
    doubled = sum([x, x], start=0)
    return doubled
    # INSTEAD
    # TODO: twice x.
    #> raise NotImplementedError("Part 1.1: doubling")
    # END SOLUTION
'''
TESTS = """import pytest
import part


def test_double():
    assert part.double(2) == 4


def test_nothing():
    pass
"""


TABLE = """title = "In miniature"
rules = {}
limits = {}
visibility = {}

[parts.first]
number = "1.1"
functions."part.py" = { double = "x" }
"""
FILES = {"part.py": SOLVED, "Makefile": "a:\n# BEGIN STAFF\nb:\n# END STAFF\n", "tests/test_part.py": TESTS,
         "tests/test_given.py": "# STAFF\n", "staff/secret.py": "x = 1\n", "assignment.toml": TABLE}  # fmt: skip


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A house in miniature, and its handout: (root, folder)."""
    root, folder = tmp_path / "root", tmp_path / "handout"
    fill(root, {name: text.encode() for name, text in FILES.items()})
    monkeypatch.setattr(contents.assignment, "read", lambda: Assignment(root))
    monkeypatch.setattr(contents, "NEEDED", ("Makefile",))
    chosen = contents.choose(FILES, root)
    fill(folder, {name: contents.content(name, (root / name).read_bytes(), {"first": "1.1"}) for name in chosen})
    proofs.borrow_environment(folder)
    return root, folder


# --- what goes in ---


def test_staff_and_solutions_stay_in_the_house(tree):
    folder = tree[1]
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    handed_out = {"part.py", "Makefile", "tests/test_part.py", "assignment.toml"}
    assert {name for name in names if not name.startswith(".venv")} == handed_out
    assert "Part 1.1" in (folder / "part.py").read_text() and "sum([" not in (folder / "part.py").read_text()
    assert (folder / "Makefile").read_text() == "a:\n"


def test_a_missing_file_stops_the_build(tree):
    with pytest.raises(ContentsError, match=r"expected part\.py, found none"):
        contents.choose(["Makefile"])


@pytest.mark.parametrize(
    "name, text, words",
    [
        ("part.py", "x = 1\n",
         "part.py, line 1: expected solutions of first in double, as in assignment.toml, got none"),
        ("part.py", SOLVED + SOLVED.partition('"""\n')[2].replace("double", "again"),
         "part.py, line 5: expected solutions of first in double, as in assignment.toml, got first in double, first in "
         "again"),
        ("tests/test_part.py", SOLVED, "tests/test_part.py, line 5: expected no marker here"),
        ("Makefile", "# BEGIN STAFF\n", "Makefile, line 1: expected an END STAFF"),
    ],
)  # fmt: skip
def test_blocks_that_are_not_where_they_are_declared_stop_the_build(tree, name, text, words):
    with pytest.raises(MarkerError) as error:
        contents.content(name, text.encode(), {"first": "1.1"})
    assert str(error.value).startswith(words)


@pytest.mark.parametrize("name", contents.list_written())
def test_each_student_file_can_be_handed_out_and_put_back(name):
    """Stubs compile; with all parts solved, the code is the solution's, line by line."""
    data, parts = (contents.ROOT / name).read_bytes(), contents.part_numbers()
    assert "NotImplementedError" in contents.content(name, data, parts).decode()
    solved = contents.content(name, data, parts, solved=parts).decode()
    assert "NotImplementedError" not in solved and "TODO" not in solved
    assert set(solved.splitlines()) <= set(data.decode().splitlines())


def test_the_zip_is_the_same_for_the_same_files(tree, tmp_path):
    """Times leave no trace; what may be executed stays so; everything lies in one folder."""
    folder = tree[1]
    (folder / ".venv").unlink()
    (folder / "part.py").chmod(0o755)
    build.write_zip(folder, tmp_path / "one.zip")
    os.utime(folder / "part.py", (0, 0))
    build.write_zip(folder, tmp_path / "other.zip")
    proofs.same_bytes(tmp_path / "one.zip", tmp_path / "other.zip")
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        modes = {entry.filename: entry.external_attr >> 16 & 0o777 for entry in archive.infolist()}
    assert modes == {"assignment_3/Makefile": 0o644, "assignment_3/part.py": 0o755,
                     "assignment_3/tests/test_part.py": 0o644, "assignment_3/assignment.toml": 0o644}  # fmt: skip
    (folder / "part.py").write_text("x = 1\n")
    build.write_zip(folder, tmp_path / "third.zip")
    with pytest.raises(ProofError, match="expected two builds of the same bytes"):
        proofs.same_bytes(tmp_path / "one.zip", tmp_path / "third.zip")


# --- proofs ---


def test_a_line_of_a_solution_is_found_wherever_it_stands(tree):
    root, folder = tree
    assert "none of 1 solution lines" in proofs.no_solution_line(folder, root)
    (folder / "tests/notes.txt").write_text("a hint\n\n   doubled = sum([x, x], start=0)\n")
    with pytest.raises(ProofError, match=r"tests/notes\.txt, line 3: expected no line .* part\.py, line 6: doubled"):
        proofs.no_solution_line(folder, root)


@pytest.mark.parametrize(
    "name, text, line",
    [
        ("tests/test_new.py", "import pytest\nfrom staff.references import shared\n", "line 2: expected nothing"),
        ("labs/new.py", "def f():\n    import staff\n", "line 2"),
        ("docs/new.md", "`make staff-train` trains it\n", "line 1"),
        ("docs/new.md", "see staff/hidden\n", "line 1"),
        ("figures/new.py", "# END SOLUTION\n", "line 1"),
    ],
)
def test_what_is_staffs_is_found_wherever_it_stands(tree, name, text, line):
    """A hidden test, a reference or a verb of staff's that slipped into the handout, and a marker that was left."""
    root, folder = tree
    assert proofs.nothing_of_staff(folder, root) == "nothing of staff's is in 4 texts"
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    with pytest.raises(ProofError, match=f"{name}, {line}"):
        proofs.nothing_of_staff(folder, root)


def test_a_link_to_what_is_not_handed_out_is_found(tree):
    folder = tree[1]
    (folder / "README.md").write_text("[tests](tests/test_part.py#x), [elsewhere](https://example.org), [here](#x)")
    assert proofs.links_arrive(folder) == "1 links arrive"
    (folder / "tests/README.md").write_text("![a picture](../staff/secret.py)")
    with pytest.raises(ProofError, match=r"tests/README\.md: expected \.\./staff/secret\.py in the handout"):
        proofs.links_arrive(folder)


def test_tests_that_fail_for_another_reason_are_found(tree):
    folder = tree[1]
    assert proofs.tests_fail_for_unsolved_parts_alone(folder) == "1 tests pass, 1 fail for unsolved parts"
    (folder / "tests/test_part.py").write_text(TESTS.replace("pass", "assert 1 == 2"))
    with pytest.raises(ProofError, match="test_nothing"):
        proofs.tests_fail_for_unsolved_parts_alone(folder)
    (folder / "tests/test_part.py").write_text("def test_nothing():\n    pass\n")
    with pytest.raises(ProofError, match=r"tests that fail while part 1\.1 is unsolved, got none"):
        proofs.tests_fail_for_unsolved_parts_alone(folder)


@pytest.mark.parametrize(
    "text, script_fails, lab_fails",
    [
        ("raise SystemExit('not written yet: Part 1.1: doubling')", False, False),
        ("raise SystemExit('not written yet: Part 1.2: tripling')", True, False),  # a lab may need any part
        ("raise NotImplementedError('Part 1.1: doubling')", True, True),
        ("print('not written yet: Part 1.1: doubling')", True, True),
        ("raise SystemExit('error: no such file')", True, True),
    ],
)
def test_a_script_or_lab_must_name_its_part(tree, monkeypatch, text, script_fails, lab_fails):
    """While nothing is written it ends with the sentence, not with a traceback, and never as if it had run."""
    folder = tree[1]
    monkeypatch.setattr(proofs, "SCRIPTS", {"run": "first"})
    monkeypatch.setattr(proofs, "LABS", ("run",))
    (folder / "run.py").write_text(text)
    for proof, fails in ((proofs.scripts_name_their_part, script_fails), (proofs.labs_name_their_part, lab_fails)):
        with pytest.raises(ProofError, match=r"run.*: expected to end with Part") if fails else nullcontext():
            assert re.match("1 (scripts|labs) name", proof(folder))


def test_a_module_that_cannot_be_imported_is_found(tree, monkeypatch):
    folder = tree[1]
    monkeypatch.setattr(proofs, "MODULES", ("part",))
    assert proofs.imports(folder)
    (folder / "part.py").write_text("import nothing_like_this\n")
    with pytest.raises(ProofError, match="nothing_like_this"):
        proofs.imports(folder)


def test_an_installation_that_fails_is_found(tree):
    folder = tree[1]
    (folder / "environment").mkdir()
    (folder / "environment/make_venv.sh").write_text("echo no network >&2; exit 1\n")
    with pytest.raises(ProofError, match=r"expected make_venv\.sh to install the packages, got: no network"):
        proofs.installs(folder)


def test_tests_that_do_not_run_are_found(tree):
    folder = tree[1]
    (folder / "tests/conftest.py").write_text("import nothing_of_this_name\n")
    with pytest.raises(ProofError, match=r"(?s)expected tests that run, got status 4: .*nothing_of_this_name"):
        proofs.run_tests(folder)


def test_a_grader_that_breaks_off_is_found(tree, monkeypatch):
    monkeypatch.setattr(proofs.sys, "executable", "false")
    with pytest.raises(ProofError, match="expected the grader to end with 0, got 1"):
        proofs.grade(tree[1])


@pytest.mark.parametrize("score, expected, fails", [(0, 0.0, False), (2, 0.0, True), (5, None, False), (2, None, True)])
def test_other_points_than_declared_are_found(monkeypatch, score, expected, fails):
    test = {"name": "a test", "output": "", "score": score, "max_score": 5}
    results = {"score": score, "extra_data": {}, "tests": [test]}
    monkeypatch.setattr(proofs, "grade", lambda folder: results)
    if fails:
        with pytest.raises(ProofError, match=rf"of 5 points, got {score}:\na test"):
            proofs.scores(Path("handout"), expected)
    else:
        assert proofs.scores(Path("handout"), expected) == f"{score} of 5 points"


def test_students_get_nothing_of_staffs(handout):
    """The handout of this repository, as it is now, holds no solution's line and no path, import or verb of staff's."""
    proofs.no_solution_line(handout)
    proofs.nothing_of_staff(handout)
    names = {path.relative_to(handout).as_posix() for path in handout.rglob("test_*.py")}
    assert "tests/test_saliency_map.py" in names and not names & {"tests/test_report.py", "tests/labs/test_labs.py"}


# --- text, template, and what collect_submission.py knows of the grader ---


def test_the_template_is_what_its_script_builds():
    template.check(contents.ROOT / template.NAME)


@pytest.mark.proof  # which installs these packages
def test_the_assignment_becomes_a_pdf_of_the_same_bytes(tmp_path):
    for package in ("markdown_it", "mdit_py_plugins", "weasyprint"):
        pytest.importorskip(package, exc_type=(ImportError, OSError))
    from staff.handout import assignment

    for name in ("one.pdf", "other.pdf"):
        assignment.write_pdf(contents.ROOT / "docs" / "assignment.md", tmp_path / name)
    assert (tmp_path / "one.pdf").read_bytes() == (tmp_path / "other.pdf").read_bytes()
    assert (tmp_path / "one.pdf").read_bytes().startswith(b"%PDF")
    assert not ImageFile.LOAD_TRUNCATED_IMAGES, "a damaged picture would be read without a word from now on"


@pytest.mark.parametrize("name", tables.make_documents())
def test_the_documents_name_every_part_as_the_table_does(name):
    """`make points` writes them."""
    assert (contents.ROOT / name).read_text(encoding="utf-8") == tables.make_documents()[name]


def test_what_is_looked_at_before_it_is_handed_in_is_what_the_grader_looks_at():
    assert collect_submission.MANIFEST_NAME == intake.MANIFEST
    assert collect_submission.MAX_CODE_BYTES == read().most_bytes
    assert {*collect_submission.MODULES, *collect_submission.SCRIPTS} == set(read().files)
    compared = {file: {name: arguments for name, arguments in functions.items() if arguments}
                for file, functions in collect_submission.SIGNATURES.items()}  # fmt: skip
    assert {file: functions for file, functions in compared.items() if functions} == read().signatures
    assert {file for file, functions in compared.items() if not functions} == {"saliency_map.py", "gradcam.py"}


def test_a_lab_that_is_held_back_is_not_handed_out(monkeypatch):
    """One word in contents.py."""
    held = "labs/attribution/sanity_checks.py"
    names = contents.project_files()
    assert held in contents.choose(names)
    monkeypatch.setattr(contents, "HELD_BACK", (held,))
    assert held not in contents.choose(names)
