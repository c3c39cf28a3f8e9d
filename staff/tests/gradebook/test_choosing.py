"""The submission that counts, and what lateness takes off."""

from datetime import timedelta

import pytest

from gradebook import __main__ as gradebook
from gradebook import choosing, roster, settings
from gradebook.handed_in import HandedIn
from gradebook.roster import Roster, Student

ADA = Student("Ada", "17", "ada@example.edu")


@pytest.fixture
def decided(tmp_path):
    """Settings of a class.toml with these lines: due at noon of the 20th, 48 hours of grace, and then 10 % a day."""

    def read(more=""):
        (tmp_path / "class.toml").write_text(
            f"[deadline]\ndue = 2026-11-20T12:00:00Z\npercent_per_day = 10\n{more}", encoding="utf-8"
        )
        return settings.read(tmp_path)

    return read


def place(decided, *hours):
    """Ada's submissions, so many hours after the deadline, and not in order."""
    found = [HandedIn(f"{h}", None, [ADA], None if h is None else decided.due + timedelta(hours=h)) for h in hours]
    (only,) = choosing.places(found, Roster())
    return only


@pytest.mark.parametrize(
    ("hours", "kept"), [(-1, 1), (0, 1), (48, 1), (48.01, 0.9), (72, 0.9), (72.01, 0.8), (48 + 240, 0), (9999, 0)]
)
def test_after_the_grace_each_day_begun_takes_its_share(decided, hours, kept):
    assert choosing.keep_share(timedelta(hours=hours), decided()) == pytest.approx(kept)


@pytest.mark.parametrize(
    ("hours", "chosen"),
    [((-5, -1), "-1"), ((-1, -5), "-1"), ((-5, 47), "47"), ((-5, 50), "-5"), ((50, 60), "60"), ((None, -1), "-1")],
)
def test_the_last_within_the_grace_counts_or_else_the_last(decided, hours, chosen):
    today = decided()
    its = place(today, *hours)
    assert choosing.counts(its, today, lambda each: None).name == chosen
    assert [each.name for each in choosing.to_grade(its, today)] == [chosen]


def test_the_best_counts_after_what_lateness_takes_off(decided):
    today = decided('[several]\ncounts = "best"\n')
    its = place(today, -5, -1, 60)
    assert len(choosing.to_grade(its, today)) == 3
    points = {"-5": 80, "-1": 70, "60": 88}
    assert choosing.counts(its, today, lambda each: points[each.name]).name == "-5"  # 88 * 0.9 = 79.2
    points["60"] = 90
    assert choosing.counts(its, today, lambda each: points[each.name]).name == "60"  # 81


def test_an_extension_moves_one_students_deadline(decided):
    today = decided('[extensions]\n"ada@example.edu" = 2026-11-30T12:00:00Z\n')
    late = HandedIn("late", None, [ADA], today.due + timedelta(days=11))
    assert choosing.late_by(late, ADA, today) == timedelta(days=1)
    assert choosing.late_by(late, Student("Ben"), today) == timedelta(days=11)


def test_nobody_is_late_without_a_deadline_or_a_time(tmp_path, decided):
    assert choosing.late_by(HandedIn("x", None, [ADA]), ADA, decided()) == timedelta(0)
    (tmp_path / "class.toml").unlink()
    assert settings.read(tmp_path).due is None


def test_those_without_a_submission_have_a_place_in_the_rosters_order(decided):
    places = choosing.places([HandedIn("x", None, [ADA])], Roster([Student("Ben", "18"), ADA]))
    assert [(place.student.name, len(place.handed_in)) for place in places] == [("Ben", 0), ("Ada", 1)]
    assert choosing.counts(places[0], decided(), lambda each: None) is None
    assert choosing.to_grade(places[0], decided()) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sead = 1", "expected one of title, seed, .*, got sead"),
        ("[deadline]\ngrace = 2", "expected in .deadline. one of due, grace_hours, percent_per_day, got grace"),
        ('seed = "7"', "expected a int as seed, got '7'"),
        ('[deadline]\ndue = "tomorrow"', "expected a time with its distance from UTC for due, got tomorrow"),
        ("[deadline]\ndue = 2026-11-20T12:00:00", "expected a time with its distance from UTC"),
        ('[several]\ncounts = "first"', "expected counts = .last. or .best., got 'first'"),
        ('roster = "nobody.csv"', "expected .*nobody.csv, found nothing there"),
        ("deadline = 7", "expected a table .deadline., got 7"),
        ("title = ", "expected TOML"),
    ],
)
def test_what_cannot_be_is_told(tmp_path, text, words):
    (tmp_path / "class.toml").write_text(text)
    with pytest.raises(settings.SettingsError, match=words):
        settings.read(tmp_path)


def test_who_is_graded_again_is_named_first_and_so_are_all_who_handed_the_same_in(decided):
    """A result is of the files, whosever they are: asked for Ada, a run said that Ben's were graded again."""
    students = [roster.Student(name) for name in ("Ada", "Ben", "Cleo", "Dina", "Emil")]
    found = [HandedIn(f"{student.name}.zip", None, [student], digest="same") for student in students]
    found.append(HandedIn("Fay.zip", None, [roster.Student("Fay")], digest="other"))
    places = choosing.places(found, Roster())
    names = gradebook._name_all(places, decided(), ["dina"])
    assert names == {"same": "Dina.zip, Ada.zip, Ben.zip and 2 more", "other": "Fay.zip"}
    assert gradebook._name_all(places, decided(), ["Emil.zip"])["same"].startswith("Emil.zip, Ada.zip")
