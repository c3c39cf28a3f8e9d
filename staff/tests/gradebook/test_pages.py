"""Pages of a class, which lead nowhere else and take no code from anybody; sheets that others can read."""

import csv
import io
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from rich.console import Console

from autograder.assignment import read
from gradebook import choosing, handed_in, pages, progress, roster, settings, sheets, similarity_page
from gradebook.standing import Attempt, Standing, standings
from gradebook.store import Gradebook, Key

EVIL = '<script>alert(document)</script>"&'
ORDERS = "\x1b]0;owned\x07\x9b31m\u202e"  # title, colour, direction


@pytest.fixture
def written(folder, tmp_path, result):
    """Writes the pages of a class in which Ada is graded, Ben failed twice and Chen handed nothing in."""

    def write(anonymous=False):
        (folder / "roster.csv").write_text("Name,SID,Email\nAda Lovelace,17,ada@example.edu\nChen,19,c@example.edu\n")
        decided = replace(settings.read(folder), title="Assignment 3")
        people = roster.read(folder / "roster.csv")
        places = choosing.places(handed_in.find(folder, decided, people), people)
        ada, ben = places[0].handed_in[0], places[2].handed_in[0]
        out = tmp_path / "out"
        with Gradebook(out) as book:
            rows = [(1, 2, f"\n\nIt looks like this mistake: {EVIL}{ORDERS}"), (2, 2, "Right.")]
            book.keep(Key(ada.digest, "suite", decided.seed), result(saliency=rows, problems=["not sure"]), 1)
            for _ in range(2):
                book.fail(Key(ben.digest, "suite", decided.seed), "tcp://worker", "it died")
            found = standings(places, decided, book, "suite")
            names = pages.Names(found, book.salt(), anonymous)
            pages.write(out, found, decided, book, "suite", names, "similarity.html", read())
            sheets.write(out, decided.title, found)
        return out, found

    return write


def test_each_student_has_a_page_and_all_links_lead_to_something(written):
    out, found = written()
    text = (out / "class.html").read_text()
    ids = set(re.findall(r'id="([^"]+)"', text))
    links = set(re.findall(r'href="([^"]+)"', text)) - {"similarity.html"}
    assert len(list((out / "students").iterdir())) == len(found) == 3
    assert {link for link in links if link.startswith("students/")} == {
        f"students/{p.name}" for p in (out / "students").iterdir()
    }
    assert all(link[1:] in ids for link in links if link.startswith("#"))
    assert all(link.startswith(("#", "students/")) for link in links)
    assert "Ada Lovelace" in text and "../class.html" in next((out / "students").iterdir()).read_text()


def test_nothing_is_loaded_and_what_students_wrote_is_text(written):
    out, _ = written()
    for path in [out / "class.html", *(out / "students").iterdir()]:
        text = path.read_text()
        assert EVIL not in text and "<script>alert" not in text
        assert not re.search(r"""(src|href)=["']?(https?:)?//""", text)
    text = (out / "class.html").read_text()
    assert "&lt;script&gt;alert(document)&lt;/script&gt;" in text
    assert "default-src 'none'" in text and "script-src 'sha256-" in text


def test_what_staff_should_look_at_is_told(written):
    text = (written()[0] / "class.html").read_text()
    assert "The grader&#39;s own problem: not sure" in text
    assert "Not graded: two tries failed." in text and "A try failed: it died" in text
    assert "Not on the roster." in text


def test_what_could_not_be_read_stands_first_and_is_no_zero(written, folder):
    (folder / "zoe.zip").write_bytes(b"no zip")
    out, found = written()
    zoe = next(standing for standing in found if standing.student.name == "zoe")
    assert zoe.points is None and zoe.problems[0].startswith("Not gradable: expected a folder or a zip")
    text = (out / "class.html").read_text()
    looks = text[text.index('id="unsure"') :]
    assert looks.index(">zoe<") < looks.index(">Ada Lovelace<")
    with (out / "grades.csv").open(newline="") as file:
        row = next(row for row in csv.DictReader(file) if row["Last Name"] == "zoe")
    assert (row["Assignment 3"], row["Status"]) == ("", "Ungraded") and "Not gradable" in row["For staff"]
    modes = {path.stat().st_mode & 0o777 for path in out.rglob("*") if path.is_file() and path.suffix != ".lock"}
    assert modes == {0o600} and (out / "students").stat().st_mode & 0o777 == 0o700


def test_without_names_nobody_is_named(written):
    out, _ = written(anonymous=True)
    for path in [out / "class.html", *(out / "students").iterdir()]:
        said = path.name + path.read_text()
        assert not re.search(r"Ada|Lovelace|Chen|ben@|example\.edu", said)
    assert "Student 3" in (out / "class.html").read_text()


def test_the_sheets_have_the_columns_that_gradescope_and_canvas_write(written):
    out, _ = written()
    with (out / "grades.csv").open(newline="") as file:
        ada, chen, ben = csv.DictReader(file)
    assert (ada["First Name"], ada["Last Name"], ada["SID"], ada["Assignment 3"]) == ("Ada", "Lovelace", "17", "3")
    assert (ada["Assignment 3 - Max Points"], ada["Status"], ben["Status"], chen["Status"]) == (
        "4", "Graded", "Ungraded", "Missing"
    )  # fmt: skip
    assert (ben["Assignment 3"], chen["Assignment 3"]) == ("", "0")
    with (out / "grades-canvas.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Assignment 3"]
    assert rows[1][0].strip() == "Points Possible" and rows[1][-1] == "4"
    assert rows[2] == ["Ada Lovelace", "", "17", "", "", "3"]


def test_lateness_takes_off_points_and_a_name_is_no_formula(tmp_path, result):
    import json

    student = roster.Student("=HYPERLINK(1)", "1")
    attempt = Attempt(handed_in.HandedIn("x", tmp_path, [student]), timedelta(hours=50, minutes=3), 0.9, 3)
    standing = Standing(student, [attempt], attempt, None, json.loads(result(saliency=[(3, 4, "")]).results))
    assert standing.points == 2.7
    sheets.write(tmp_path, "A", [standing])
    with (tmp_path / "grades.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["Last Name"], row["A"], row["A - Lateness (H:M:S)"]) == ("'=HYPERLINK(1)", "2.7", "50:03:00")


def test_what_a_terminal_obeys_reaches_neither_page_nor_table_nor_terminal(written, folder, result):
    """In names of files, and in what student code said; letters of other scripts stay."""
    (folder / f"Żaneta{ORDERS}\n=1").mkdir()
    (folder / f"Żaneta{ORDERS}\n=1/style_utils.py").write_text("x")
    out, found = written()
    assert len((out / "grades.csv").read_text().splitlines()) == 1 + len(found)
    console = Console(file=io.StringIO())
    progress.say(console, f"Żaneta{ORDERS}\n[bold]")
    said = console.file.getvalue()
    assert said == "Żaneta?]0;owned??31m?\n[bold]\n"
    texts = [said, *(path.read_text() for path in out.rglob("*") if path.suffix in (".html", ".csv"))]
    assert sum("Żaneta" in text for text in texts) >= 5
    assert not any(set(ORDERS) & set("\x1b\x07\x9b\u202e") & set(text) for text in texts)


@pytest.mark.parametrize(
    ("own", "sentence"),
    [(2, "3 submissions; 1 pair: 2 of them are compared, the rest holds too little that neither the handout nor our"),
     (3, "3 submissions; 3 pairs: each with each other.")],
)  # fmt: skip
def test_the_number_of_pairs_is_explained(tmp_path, own, sentence):
    """One who has written next to nothing is no pair with anybody: 9 submissions may be 3 pairs."""
    found = []
    for i in range(3):
        lines = [f"    x = {i} + y ** {j} - sum(y for z in range({i * j}))" for j in range(20 * (i < own))]
        each = handed_in.HandedIn(f"s{i}", tmp_path, [])
        each.taken.files["style_utils.py"] = "\n".join(["def f(y):", *lines, "    return y\n"]).encode()
        attempt = Attempt(each, timedelta(0), 1, 3)
        found.append(Standing(roster.Student(f"s{i}"), [attempt], attempt))
    names = pages.Names(found, "salt", False)
    similarity_page.write(tmp_path, found, settings.read(tmp_path), names, read())
    assert sentence in (tmp_path / "similarity.html").read_text()
