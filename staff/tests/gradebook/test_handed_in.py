"""All that a class hands in: each of the four kinds of folders, and whose a submission is."""

import zipfile
from datetime import UTC, datetime, timedelta

import pytest

from gradebook import choosing, handed_in, roster, settings


def find(folder, people=None):
    found = handed_in.find(folder, settings.read(folder), people or roster.Roster())
    return {each.name: each for each in found}


def make_zip(path, text="# mine\n"):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("assignment_3/style_utils.py", text)


def test_zips_and_folders_are_named_after_their_students(folder):
    make_zip(folder / "chen@example.edu.zip")
    (folder / "roster.csv").write_text("Name,SID,Email\nAda Lovelace,17,ada@example.edu\n")
    (folder / ".DS_Store").touch()
    people = roster.read(folder / "roster.csv")
    found = find(folder, people)
    assert list(found) == ["ada@example.edu", "ben@example.edu", "chen@example.edu.zip"]
    assert found["ada@example.edu"].students == [roster.Student("Ada Lovelace", "17", "ada@example.edu")]
    assert found["ada@example.edu"].notes == []
    assert found["chen@example.edu.zip"].students[0].name == "chen@example.edu"
    assert found["chen@example.edu.zip"].notes == ["Not on the roster."]
    assert found["chen@example.edu.zip"].taken.files == {"style_utils.py": b"# mine\n"}


GRADESCOPE = """---
submission_1:
  :submitters:
  - :name: Ada Lovelace
    :sid: '17'
    :email: ada@example.edu
  - :name: Ben Bauer
    :sid:
    :email: ben@example.edu
  :created_at: 2026-11-20 23:59:30.929867000 Z
  :score: 88.0
submission_2:
  :submitters:
  - :name: Chen
    :email: chen@example.edu
  :created_at: !ruby/object:ActiveSupport::TimeWithZone
    utc: 2026-11-21 10:00:00.000000000 Z
    zone: !ruby/object:ActiveSupport::TimeZone
      name: Etc/UTC
    time: 2026-11-21 10:00:00.000000000 Z
"""


def test_gradescopes_export_says_who_and_when(tmp_path):
    for name in ("submission_1", "submission_2", "submission_3"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "style_utils.py").touch()
    (tmp_path / "submission_metadata.yml").write_text(GRADESCOPE)
    found = find(tmp_path)
    assert [student.key for student in found["submission_1"].students] == ["17", "ben@example.edu"]
    assert found["submission_1"].submitted == datetime(2026, 11, 20, 23, 59, 30, 929867, UTC)
    assert found["submission_2"].submitted == datetime(2026, 11, 21, 10, tzinfo=UTC)
    assert found["submission_3"].notes == ["Not listed in submission_metadata.yml."]


def test_gradescopes_list_runs_no_code(tmp_path):
    (tmp_path / "submission_metadata.yml").write_text("a: !!python/object/apply:os.system ['touch pwned']\n")
    with pytest.raises(handed_in.ExportError, match="expected Gradescope's list"):
        find(tmp_path)


def test_canvass_names_say_who_and_whether_late(tmp_path):
    make_zip(tmp_path / "lovelaceada_12_345_assignment_3_submission-1.zip")
    make_zip(tmp_path / "bauerben_LATE_13_346_work.zip")
    (tmp_path / "lovelaceada_12_345_report-a3.pdf").touch()
    (tmp_path / "costachen_14_347_work.rar").touch()
    (tmp_path / "class.toml").write_text('roster = "canvas.csv"\n')
    (tmp_path / "canvas.csv").write_text(
        "Student,ID,SIS User ID,SIS Login ID,Section\nPoints Possible,,,,\n"
        '"Lovelace, Ada",12,903,ada,A\n"Bauer, Ben",,904,ben,A\n"Student, Test",,,,\n'
    )
    people = roster.read(tmp_path / "canvas.csv")
    assert len(people.students) == 2
    found = find(tmp_path, people)
    assert {each.students[0].key for each in found.values()} == {"903", "904", "14"}
    assert found["bauerben_LATE_13_346_work.zip"].notes[0].startswith("Late by Canvas's mark")
    assert found["costachen_14_347_work.rar"].taken.files == {}
    assert "cannot be opened" in found["costachen_14_347_work.rar"].taken.notes[0]


def test_canvass_single_files_are_one_submission(tmp_path):
    files = "ada_12_345_style_utils.py", "ada_12_346_content_loss-1.py", "ada_12_347_report.pdf", "ben_13_348_x.docx"
    for name in files:
        (tmp_path / name).write_text("x")
    found = find(tmp_path)
    assert list(found) == ["ada_12_345_style_utils.py", "ben_13_348_x.docx"]
    assert set(found["ada_12_345_style_utils.py"].taken.files) == {"style_utils.py", "style_modules/content_loss.py"}
    assert found["ben_13_348_x.docx"].taken.unreadable


def test_staff_say_when_where_canvas_does_not(tmp_path):
    make_zip(tmp_path / "bauerben_LATE_13_346_work.zip")
    (tmp_path / "class.toml").write_text('[handed_in]\n"bauerben_LATE_13_346_work.zip" = 2026-11-21T10:00:00Z\n')
    (each,) = find(tmp_path).values()
    assert each.submitted == datetime(2026, 11, 21, 10, tzinfo=UTC) and each.notes == []


def test_the_digest_is_of_all_that_a_grading_sees(folder):
    """The same files have the same digest, whoever's; another note, as of a folder's name, has another."""
    for name in ("chen", "dina"):
        make_zip(folder / f"{name}.zip")
    (folder / "emil").mkdir()
    (folder / "emil/style_utils.py").write_text("# mine\n")
    found = find(folder)
    assert found["chen.zip"].digest == found["dina.zip"].digest
    assert len({each.digest for each in found.values()}) == 4


@pytest.mark.parametrize("kind", ["file", "empty"])
def test_a_folder_without_submissions_is_told(tmp_path, kind):
    path = tmp_path / "class"
    path.touch() if kind == "file" else path.mkdir()
    with pytest.raises((handed_in.ExportError, settings.SettingsError), match=r"expected a folder|found none"):
        find(path)


def test_a_roster_without_columns_is_told(tmp_path):
    (tmp_path / "roster.csv").write_text("a,b\n1,2\n")
    with pytest.raises(roster.RosterError, match="expected columns such as Name, SID, Email, got a, b"):
        roster.read(tmp_path / "roster.csv")


def test_a_name_that_two_have_says_nothing():
    people = roster.Roster([roster.Student("Kim", "1"), roster.Student("Kim", "2")])
    assert people.who(roster.Student("Kim")) == (roster.Student("Kim"), False)
    assert people.who(roster.Student("Kim", sid="2")) == (roster.Student("Kim", "2"), True)


ACCENTS = "Zo\u00eb M\u00fcller"
NAMES = {
    "one form in the file, the other in the roster": ("Zoe\u0308 Mu\u0308ller", [ACCENTS]),
    "the other way round": (ACCENTS, ["Zoe\u0308 Mu\u0308ller"]),
    "underscores for spaces": ("zoë_müller", [ACCENTS]),
    "Canvas keeps letters": ("müllerzoë_12_345_work", [ACCENTS]),
    "Canvas, in the other form": ("mu\u0308llerzoe\u0308_12_345_work", [ACCENTS]),
    "accents taken off": ("mullerzoe_12_345_work", [ACCENTS]),
    "letters of ASCII alone": ("mllerzo_12_345_work", [ACCENTS]),
    "letters outside Latin-1": ("łukaszewiczżaneta_12_345_work", ["Łukaszewicz, Żaneta"]),
    "letters of another script": ("李小龙_12_345_work", ["李, 小龙"]),
    "hyphens and apostrophes": ("o'brien-smithann_12_345_work", ["O'Brien-Smith, Ann"]),
    "a last name of several words": ("delacruzanamaría_12_345_work", ["Ana María de la Cruz"]),
    "underscores in Canvas's name": ("de_la_cruzana_12_345_work", ["de la Cruz, Ana"]),
    "LATE_ in front": ("LATE_müllerzoë_12_345_work", [ACCENTS]),
    "LATE_ behind the name": ("müllerzoë_LATE_12_345_work", [ACCENTS]),
    "a name that looks like Canvas's": ("zm_12_34_x", ["zm_12_34_x"]),
    "two of nearly one name": ("müllerzoë_12_345_work", [ACCENTS, "Zoë Möller"]),
}


@pytest.mark.parametrize(("file", "names"), NAMES.values(), ids=NAMES)
def test_a_name_finds_its_student_however_it_is_written(tmp_path, file, names):
    """A file of that name, and a roster with Ben and these, the first of whom it is."""
    make_zip(tmp_path / f"{file}.zip")
    rows = "".join(f'"{name}",{number},\n' for number, name in enumerate(["Ben Bauer", *names]))
    (tmp_path / "roster.csv").write_text(f"Name,SID,Email\n{rows}", encoding="utf-8")
    people = roster.read(tmp_path / "roster.csv")
    (each,) = find(tmp_path, people).values()
    assert each.students == [people.students[1]] and "Not on the roster." not in each.notes
    assert any(note.startswith("Late") for note in each.notes) == ("LATE" in file)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_roster_is_read_as_excel_writes_it(tmp_path, encoding, separator):
    text = '\ufeff' * (encoding == "utf-16-be") + f'Name{separator}SID\r\n"Łuk, Zoë"{separator}17\r\n'
    (tmp_path / "roster.csv").write_bytes(text.encode(encoding))
    assert roster.read(tmp_path / "roster.csv").students == [roster.Student("Łuk, Zoë", "17")]


def test_one_who_is_on_no_roster_is_one_in_both_forms_of_accents(tmp_path):
    make_zip(tmp_path / "Zoe\u0308.zip")
    (tmp_path / "Zo\u00eb").mkdir()
    (tmp_path / "Zo\u00eb/style_utils.py").touch()
    assert {each.students[0].key for each in find(tmp_path).values()} == {"Zo\u00eb"}


def test_staffs_words_for_a_student_may_be_of_the_other_form(tmp_path):
    """In class.toml: the time of a file, and an extension."""
    make_zip(tmp_path / "mu\u0308ller_LATE_13_346_work.zip")
    (tmp_path / "class.toml").write_text(
        '[handed_in]\n"m\u00fcller_LATE_13_346_work.zip" = 2026-11-21T10:00:00Z\n'
        '[extensions]\n"zoe\u0308 m\u00fcller" = 2026-11-20T10:00:00Z\n', encoding="utf-8"
    )  # fmt: skip
    (each,) = find(tmp_path).values()
    assert each.submitted == datetime(2026, 11, 21, 10, tzinfo=UTC)
    late = choosing.late_by(each, roster.Student("Zo\u00eb M\u00fcller"), settings.read(tmp_path))
    assert late == timedelta(days=1)
