"""Points changed after a class was graded: new sums from the stored outcomes, and nothing is run again."""

import csv
import io
import json
import shutil

import pytest
from rich.console import Console

from autograder import pack
from autograder.assignment import Assignment
from gradebook import __main__ as gradebook
from gradebook import handed_in, settings, weights
from gradebook import regrade as adding
from gradebook.roster import Roster
from gradebook.store import Gradebook, GradebookError, Key
from staff.tests.conftest import IN_ARITHMETIC

CENTRE, HIDDEN, SCALE = "Centre: Columns are centred", "Centre: hidden: A drawn one", "Scale: A vector gets length one"

CENTRE_TEST = "import pytest\n\n\n@pytest.mark.center\n@pytest.mark.points(1)\ndef test_a():\n    pass\n"


@pytest.fixture
def course(tmp_path):
    """A copy of the assignment in arithmetic, to be changed."""
    return shutil.copytree(IN_ARITHMETIC.root, tmp_path / "course")


def edit(path, before, after):
    text = path.read_text()
    assert text.count(before) == 1, text
    path.write_text(text.replace(before, after))


@pytest.fixture
def graded(tmp_path, course, result):
    """A class of three: Ada has all points, Ben the first test's, Cleo none; grades as they were written then."""
    folder, assignment = tmp_path / "class", Assignment(course)
    for name in ("ada", "ben", "cleo"):
        (folder / name).mkdir(parents=True)
        (folder / name / "scale.py").write_text(f"# {name}\n")
    files = pack.digests(assignment)
    with Gradebook(tmp_path / "class-graded") as book:
        book.begin(files, pack.version(files), settings.read(folder).seed, 3, 3)
        for each in handed_in.find(folder, settings.read(folder), Roster(), assignment):
            had = {"ada": (1, 1, 1), "ben": (1, 0, 0), "cleo": (0, 0, 0)}[each.name]
            made = result(center=[(had[0], 1, ""), (3 * had[1], 3, "")], scale=[(2 * had[2], 2, "")])
            table = json.loads(made.results)
            for test, name in zip(table["tests"], (CENTRE, HIDDEN, SCALE)):
                test["name"] = name
            made.results = json.dumps(table)
            book.keep(Key(each.digest, pack.version(files), settings.read(folder).seed), made, 1)
        book.end("all are graded.")
    assert regrade(folder, course)[0] == 0
    return folder


def regrade(folder, course, *arguments):
    console = Console(file=io.StringIO(), width=200)
    args = gradebook.parse_args([str(folder), "--regrade", *arguments])
    code = adding.add_up(args, console, Assignment(course))
    return code, console.file.getvalue()


def points(folder):
    with (folder.with_name("class-graded") / "grades.csv").open(newline="") as file:
        return {row["Last Name"]: row["Arithmetic"] for row in csv.DictReader(file)}


def read_results(folder):
    with Gradebook(folder.with_name("class-graded")) as book:
        return [tuple(row) for row in book.base.execute("SELECT * FROM results")]


def test_other_points_of_a_part_give_other_sums_and_no_result_is_changed(graded, course):
    before = read_results(graded)
    assert points(graded) == {"ada": "6", "ben": "1", "cleo": "0"}
    edit(course / "assignment.toml", "points = 4", "points = 8")
    _, said = regrade(graded, course)
    assert points(graded) == {"ada": "10", "ben": "2", "cleo": "0"}
    assert "ada: 6 points before, 10 now." in said and "ben: 1 points before, 2 now." in said and "cleo:" not in said
    assert "2 of 3 have other points than before: center 4 to 8 points." in said
    assert "is another" not in said
    page = (graded.with_name("class-graded") / "students/0001-ada.html").read_text()
    assert "10 of 10 points" in page and "Staff changed the points" in page
    assert read_results(graded) == before
    assert "before" not in regrade(graded, course)[1], "nothing has changed since"
    edit(course / "assignment.toml", "points = 8", "points = 4")
    assert "ada: 10 points before, 6 now." in regrade(graded, course)[1]
    assert points(graded) == {"ada": "6", "ben": "1", "cleo": "0"}


@pytest.mark.parametrize("word", [HIDDEN, "A drawn one"])
def test_a_test_that_is_dropped_counts_for_nobody(graded, course, word):
    """Its part keeps its points: the other tests share them."""
    (graded / "class.toml").write_text(f'dropped = ["{word}"]\n')
    _, said = regrade(graded, course)
    assert points(graded) == {"ada": "6", "ben": "4", "cleo": "0"}
    assert f"1 of 3 have other points than before: without '{HIDDEN}'." in said
    text = (graded.with_name("class-graded") / "class.html").read_text()
    assert f"counted for nobody: {word}." in text
    (graded / "class.toml").unlink()
    assert f"with '{HIDDEN}' again" in regrade(graded, course)[1]
    assert points(graded)["ben"] == "1"


@pytest.mark.parametrize(
    ("word", "said"), [("Nothing", "which none has: see class.html"), ("Same", "several have: write it with its part")]
)
def test_a_word_for_no_one_test_is_told_before_anything_is_written(graded, course, word, said):
    page = graded.with_name("class-graded") / "class.html"
    page.unlink()
    (graded / "class.toml").write_text(f'dropped = ["{word}"]\n')
    with pytest.raises(settings.SettingsError, match=said):
        weights.find(Assignment(course), [word], ["Centre: Same", "Scale: Same", CENTRE])
    with pytest.raises(settings.SettingsError, match="expected the name of one test in dropped, got"):
        regrade(graded, course)
    assert not page.exists()


def test_all_cases_of_a_test_are_dropped_by_its_name_alone(course):
    names = ["Scale: A vector (0)", "Scale: A vector (1)", "Scale: A vector of ones"]
    assert weights.find(Assignment(course), ["A vector"], names).dropped == tuple(names[:2])
    assert weights.find(Assignment(course), ["A vector (1)"], names).dropped == (names[1],)


def test_a_regrade_that_was_killed_says_the_same_again(graded, course, monkeypatch):
    """Weights that it compares with are kept once all is written."""
    edit(course / "assignment.toml", "points = 4", "points = 8")
    with monkeypatch.context() as patch:
        patch.setattr(adding, "_write_all", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            regrade(graded, course)
    assert points(graded)["ada"] == "6"
    assert "ada: 6 points before, 10 now." in regrade(graded, course)[1]


def test_shares_sum_to_the_hundredth_and_stay_where_nothing_has_changed():
    assert weights.share([1, 1, 1], 10) == [3.33, 3.33, 3.34]
    assert weights.share([0.33, 0.33, 0.34], 1) == [0.33, 0.33, 0.34]
    assert weights.share([1, 2], None) == [1, 2] and weights.share([0, 0], 3) == [0, 0]


def test_there_is_nothing_to_regrade_before_a_class_is_graded(tmp_path, course, capsys):
    (tmp_path / "class/ada").mkdir(parents=True)
    with pytest.raises(GradebookError, match="found none: make grade-class begins with one"):
        regrade(tmp_path / "class", course)
    assert not (tmp_path / "class-graded").exists()
    assert gradebook.main([str(tmp_path / "class"), "--regrade"]) == 2
    assert " ".join(capsys.readouterr().out.split()).endswith("found none: make grade-class begins with one.")


# --- the suite's version ---

COMMENTS = {
    "a comment in the table": ("assignment.toml", "[limits]", "# more\n[limits]"),
    "points of a part": ("assignment.toml", "points = 4", "points = 8"),
    "a comment in a test": ("tests/test_parts.py", "import pytest", "import pytest  # more"),
}
CHANGES = {
    "a limit": ("assignment.toml", "[limits]", "[limits]\nmore = 1"),
    "a test": ("tests/test_parts.py", "import pytest", "import pytest\n\nx = 1"),
}


@pytest.mark.parametrize("case", [*COMMENTS, *CHANGES])
def test_the_suite_is_another_only_where_an_outcome_may_be(course, case):
    before = pack.digests(Assignment(course))
    name, old, new = (COMMENTS | CHANGES)[case]
    edit(course / name, old, new)
    told = pack.changes(before, pack.digests(Assignment(course)))
    assert told == ([f"{name} is changed"] if case in CHANGES else [])


def test_words_do_not_change_an_outcome(course):
    """Docstrings, and what an assert says; and the report is no part of the suite."""
    one, two = '"""One."""\ndef f(x):\n    "Do."\n    assert x, "one"\n', 'def f(x):\n    # Do.\n    assert (x), g(x)\n'
    digests = {pack._digest("tests/compare.py", text.encode(), Assignment(course)) for text in (one, two)}
    assert len(digests) == 1
    assert pack._digest("tests/compare.py", b"assert 1", Assignment(course)) not in digests
    found = pack.digests(Assignment(course))
    assert "autograder/rules.py" in found and "autograder/report.py" not in found


def test_a_module_of_tests_says_of_which_parts_it_is(course):
    def parts(text):
        return pack._digest("tests/test_x.py", text.encode(), Assignment(course)).split()[1:]

    assert parts("pytestmark = pytest.mark.scale\n@pytest.mark.points(1)\ndef test_x(): pass") == ["scale"]
    assert parts("@pytest.mark.scale\n@pytest.mark.center\ndef test_x(): pass") == ["center", "scale"]
    assert parts("pytestmark = getattr(pytest.mark, name)") == []
    assert parts("@pytest.mark.scale\ndef test_x(): pass\nm = pytest.mark") == []


def test_parts_of_what_has_changed_are_known_where_only_tests_have():
    one = {"tests/test_a.py": "1 scale", "tests/test_b.py": "2 center", "tests/compare.py": "3"}
    assert pack.find_parts(one, one | {"tests/test_a.py": "4 scale"}) == {"scale"}
    assert pack.find_parts(one, one | {"tests/test_a.py": "4 center"}) == {"scale", "center"}
    assert pack.find_parts(one, {key: one[key] for key in one if key != "tests/test_b.py"}) == {"center"}
    assert pack.find_parts(one, one | {"tests/compare.py": "4", "tests/test_a.py": "4 scale"}) is None
    assert pack.find_parts({}, one) is None


def test_only_those_are_graded_again_whom_a_changed_test_concerns(graded, course):
    """A test of the centre is new, of which Ada alone has something; the others' results stand for the new suite."""
    (course / "tests/test_centre.py").write_text(CENTRE_TEST)
    said = regrade(graded, course)[1]
    assert "The suite is another since (tests/test_centre.py is new): make grade-class grades by it" in said
    assert points(graded)["ada"] == "6"
    assignment = Assignment(course)
    files = pack.digests(assignment)
    version, seed = pack.version(files), settings.read(graded).seed
    wanted = {each.digest: each for each in handed_in.find(graded, settings.read(graded), Roster(), assignment)}
    (ada,) = (digest for digest, each in wanted.items() if each.name == "ada")
    wanted[ada].taken.files["moments/center.py"] = b"# mine\n"
    with Gradebook(graded.with_name("class-graded")) as book:
        assert gradebook._carry(book, wanted, files, version, seed, assignment) == 2
        assert book.scores(version, seed).keys() == wanted.keys() - {ada}
        (other,) = (digest for digest, each in wanted.items() if each.name == "ben")
        assert book.page(Key(other, version, seed)) == "<h1>page</h1>"
        assert len(book.earlier(version, seed)) == 1, "the old results are there still"
        (course / "tests/test_both.py").write_text(CENTRE_TEST.replace("@pytest", "@pytest.mark.scale\n@pytest", 1))
        files = pack.digests(assignment)
        assert gradebook._carry(book, wanted, files, pack.version(files), seed, assignment) == 0, "all have a scale"
        (course / "tests/compare.py").write_text("x = 1\n")
        files = pack.digests(assignment)
        assert gradebook._carry(book, wanted, files, pack.version(files), seed, assignment) == 0


def test_a_run_after_a_change_that_concerns_nobody_grades_nothing(graded, course):
    """Nobody handed in a centre, and there is no cluster here that could grade one."""
    (course / "tests/test_centre.py").write_text(CENTRE_TEST)
    console = Console(file=io.StringIO(), width=200)
    args = gradebook.parse_args([str(graded), "--scheduler", "tls://nowhere:1"])
    assert gradebook.grade_class(args, console, Assignment(course)) == 0
    said = console.file.getvalue()
    assert "3 keep their results: only tests of parts that they did not hand in have changed." in said
    assert "3 are graded already, 0 are new." in said
    assert points(graded) == {"ada": "6", "ben": "1", "cleo": "0"}
